"""From the ledger to a Report: asks what was used and what the meter said, and lets the thinking rooms think."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from governor import paths
from governor.calibration import scale as calibration_scale
from governor.config import Settings
from governor.forecasting import day_profile, demand, estimate
from governor.forecasting import week as forecasting_week
from governor.hooks import runtime
from governor.ledger import owners, read, statements
from governor.ledger.store import Ledger
from governor.limit_facts import WALL
from governor.model import LANES, Account, Lane, LimitReading
from governor.pipeline import alarm_memory, budget_sums, history, policy, repeated_readings
from governor.quota import model_families, refusals, windows
from governor.quota.refusals import Refusal
from governor.report import Estimate, HookHealth, LaneReport, Projection, Reason, Report, WindowReport

ACTIVE_S = 2 * 86_400


def assess(
    ledger: Ledger, settings: Settings, *, now: int, lane: Lane | None = None, whose: Account | None = None
) -> Report:
    """Everything known at ``now``: of every account, of those of one lane, or of one account alone."""
    lines, files = read.problem_counts(ledger)
    listed = [[whose]] if whose else [owners.known(ledger, name, now=now) for name in LANES if lane in (None, name)]
    parts = [[_lane(ledger, settings, each, now=now) for each in accounts] for accounts in listed]
    off_by = runtime.off_by(str(paths.home()), now)
    return Report(
        generated_at=now,
        off_by=off_by,
        lanes=[first for first, *_ in parts],
        problem_lines=lines,
        problem_files=files,
        hooks=_hook_health(ledger, now=now),
        unpriced=read.unpriced_models(ledger, now - 7 * 86_400, now),
        budgets=budget_sums.reports(ledger, settings, now=now),
        worse=tuple(read.worse(ledger)),
        off_until=off_ends(off_by),
        override_until=override_ends(now),
        others=tuple(each for _, *rest in parts for each in rest),
    )


def override_ends(now: int) -> int | None:
    """When the person's override runs out; None where none is in force."""
    home = paths.home()
    return _end(runtime.peek(str(home / "override"))) if runtime.is_overridden(str(home), now) else None


def off_ends(by: str | None) -> int | None:
    """When the kill switch ends by itself; None where it does not, or is not on."""
    if by == "env":
        return _end(os.environ.get("GOVERNOR_OFF", "").encode())
    return _end(runtime.peek(str(paths.home() / "OFF"))) if by == "file" else None


def _end(text: bytes | None) -> int | None:
    try:
        at = int(float(text or b""))
    except (ValueError, OverflowError):
        return None
    return at if at > 1e9 else None


def _hook_health(ledger: Ledger, *, now: int) -> HookHealth:
    last_run = read.last_run(ledger, now - 7 * 86_400)
    return HookHealth(wired=(paths.home() / "install.json").exists(), last_run=last_run)


def _lane(ledger: Ledger, settings: Settings, whose: Account, *, now: int) -> LaneReport:
    lane = whose.lane
    stored = windows.of_one_plan(
        [s.reading for s in statements.readings(ledger, whose=whose, since=now - owners.HEARD_S)]
    )
    stored = repeated_readings.confirmed(stored, whose, now=now)
    by_window: dict[str, list[LimitReading]] = {}
    for reading in stored:
        if reading.window != "any":
            by_window.setdefault(reading.window, []).append(reading)
    holding = _refusals(ledger, whose, by_window, now=now)
    names = [name for name, seen in by_window.items() if _is_alive(name, seen, now=now)]
    names += [name for name in holding if name is not None and name not in names]
    if lane == "claude" or all(":" in name for name in names):  # the main windows are missing, not absent
        names += [name for name in ("5h", "week") if name not in names]
    names = [name for name in names if name in holding or windows.mentioned(stored, name)]
    if not stored and not holding and read.span_of(ledger, lane, whose) is None:
        return LaneReport(lane, False, [], whose)
    order = {"5h": 0, "day": 1, "week": 2, "month": 4}
    names.sort(key=lambda name: (order.get(name, 3), name))
    named: dict[str, str] = {}
    for name in reversed(names):  # days are learnt for the shortest window that is longer than five hours
        if model_families.of(name) not in named or windows.length(name) > windows.LENGTH["5h"]:
            named[model_families.of(name)] = name
    pasts = {family: past_of(ledger, settings, whose, now=now, window=name) for family, name in named.items()}
    latest = {name: each[0] for name, each in holding.items()}
    found = [
        _window(
            ledger,
            settings,
            whose,
            name,
            by_window.get(name, []),
            pasts[model_families.of(name)],
            refusal=latest.get(name),
            now=now,
        )
        for name in names
    ]
    return LaneReport(lane, True, found, whose, tuple(holding.get(None, ())))


def _refusals(
    ledger: Ledger, whose: Account, by_window: dict[str, list[LimitReading]], *, now: int
) -> dict[str | None, list[Refusal]]:
    """Refusals that still hold, by window; None for those whose window is not known."""
    told = [stored.reading for stored in statements.refusals(ledger, whose=whose, since=now - refusals.LONGEST_S)]
    told = [reading for reading in told if refusals.counts_until(reading) > now]  # few, so few answers are looked at
    if not told:
        return {}
    answered = statements.answered(ledger, whose, min(reading.observed_at for reading in told))
    resets: dict[str, int | None] = {}
    full = []
    for name, seen in by_window.items():
        if _is_alive(name, seen, now=now):
            window = windows.current(whose.lane, name, seen, now=now)
            resets[name] = window.resets_at if window.is_official else None
            official = windows.official(window, seen, now=now)
            full += [name] if official is not None and official.used_percent >= WALL else []
    by_name: dict[str | None, list[Refusal]] = {}
    for refusal in refusals.in_force(told, answered, now=now):
        by_name.setdefault(refusals.placed(refusal, resets, full), []).append(refusal)
    return by_name


def _is_alive(name: str, seen: list[LimitReading], *, now: int) -> bool:
    """A window that the vendor has not mentioned for three of its lengths has been withdrawn, or was another plan's."""
    try:
        size = windows.length(name)
    except KeyError:
        return False
    return now - seen[-1].observed_at <= max(3 * size, 3 * 86_400)


def _window(
    ledger: Ledger,
    settings: Settings,
    whose: Account,
    name: str,
    seen: list[LimitReading],
    past: Past,
    *,
    refusal: Refusal | None,
    now: int,
) -> WindowReport:
    window = windows.current(whose.lane, name, seen, active=past.active, now=now)
    if refusal is not None and refusal.is_stated and not window.is_official:
        starts_at = refusal.until - windows.length(name)
        window = windows.Window(whose.lane, name, starts_at, refusal.until, "refused", refusal.until)
    if refusal is not None and not refusal.is_stated and window.is_official and window.resets_at is not None:
        refusal = refusal._replace(until=min(refusal.until, window.resets_at))
    official = windows.official(window, seen, now=now)
    is_told = history.is_told(ledger, settings, name, now=now)
    counted = name if is_told else ""
    local = history.spent(ledger, settings, whose, window.starts_at, now + 1, window=counted)
    scale = history.scale(ledger, settings, whose, name, now=now)
    # The answer that brought the figure carries the same second and is in it already.
    after = official.observed_at + 1 if official else now + 1
    since = history.spent(ledger, settings, whose, after, now + 1, window=counted).units
    placed, unplaced = estimate.place(
        window,
        official,
        scale,
        since=since,
        busy_s=_busy(past, official.observed_at if official else window.starts_at, now=now),
        units=local.units if is_told else None,
        now=now,
    )
    projection = _project(window, placed, scale, past, now=now)
    alarm = alarm_memory.after(alarm_memory.recall(ledger, whose, window), projection, window, now=now)
    verdict, reasons = policy.judge(
        official,
        projection,
        alarm,
        elapsed=alarm_memory.elapsed(window, now=now),
        is_overdue=window.how == "overdue",
        refused=refusals.sentence(refusal, now=now) if refusal is not None else "",
    )
    if unplaced is not None:
        reasons.append(Reason("unplaced", estimate.words(unplaced), None))
    if name == "week" and (spike := policy.spike(past.hours, now=now)) is not None:
        reasons.append(spike)
    counted_here = local if is_told else None
    return WindowReport(window, official, counted_here, scale, placed, projection, verdict, reasons, unplaced, refusal)


def _busy(past: Past, since: int, *, now: int) -> int:
    """Seconds of work after ``since``, to the quarter of an hour; what lies further back than is known counts whole."""
    known_from = now - ACTIVE_S
    return sum(900 for start in past.active if start + 900 > since) + max(known_from - since, 0)


class Past(NamedTuple):
    """What all windows of an account look back on."""

    hours: list[tuple[int, float]]
    active: list[int]  # quarters with use in the last ACTIVE_S
    walls: list[demand.Wall]  # when windows stood full
    tz_offset: int
    days: day_profile.Days | None  # what the hours teach


def past_of(ledger: Ledger, settings: Settings, whose: Account, *, now: int, window: str = "") -> Past:
    """What an account's windows look back on; ``window`` names one that counts a family of models alone."""
    used = [
        s for s in read.slices(ledger, now - ACTIVE_S, now + 1, whose=whose) if model_families.counts(window, s.model)
    ]
    offset = datetime.fromtimestamp(now).astimezone().utcoffset()
    tz_offset = int(offset.total_seconds()) if offset else 0
    hours = history.hourly(ledger, settings, whose, now=now, window=window)
    walls = statements.walls(ledger, whose, now - history.PAST_S)
    refused = demand.concerning(walls, window or "week")
    days = history.learnt(ledger, whose, hours, now=now, window=window, tz_offset=tz_offset, refused=refused)
    return Past(hours, sorted({piece.start for piece in used}), walls, tz_offset, days)


def _project(
    window: windows.Window, placed: Estimate | None, scale: calibration_scale.Scale | None, past: Past, *, now: int
) -> Projection | None:
    if placed is None or scale is None or not scale.can_project or window.resets_at is None:
        return None
    used = placed.used_percent
    found = projected(window, used, scale, past, until=window.resets_at, now=now, placed=placed)
    wall_at = now if used >= estimate.CAP else found.wall_at  # it stands there already
    return Projection(found.p10, found.p50, found.p90, found.p_exceed, found.naive, wall_at, found.confidence)


def projected(
    window: windows.Window,
    used: float,
    scale: calibration_scale.Scale,
    past: Past,
    *,
    until: int,
    now: int,
    placed: Estimate | None = None,
) -> forecasting_week.Forecast:
    """Where the window stands at ``until`` (its reset, or a moment before it). ``placed``: how sure ``used`` is."""
    is_read = placed is None or placed.basis != "local"
    sure = None
    if placed is not None and placed.high - placed.low > 2 * estimate.ROUNDING + 1e-9:
        sure = (placed.low, placed.high)
    if windows.length(window.name) <= windows.LENGTH["5h"]:
        return forecasting_week.project_5h(
            past.hours,
            now=now,
            resets_at=until,
            spent=used,
            units_per_point=scale.effective,
            spread=scale.spread,
            tz_offset=past.tz_offset,
            refused=demand.concerning(past.walls, window.name),
            is_read=is_read,
            sure=sure,
        )
    return forecasting_week.project_week(
        past.hours,
        now=now,
        starts_at=window.starts_at,
        resets_at=until,
        spent=used,
        units_per_point=scale.effective,
        spread=scale.spread,
        tz_offset=past.tz_offset,
        refused=demand.concerning(past.walls, window.name),
        days=past.days,
        sure=sure,
    )
