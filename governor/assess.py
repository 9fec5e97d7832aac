"""From the ledger to a Report: asks what was used and what the meter said, and lets the thinking rooms think."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from governor import calibrate, forecast, history, hook, paths, policy, refusals, season, spending, windows
from governor.alarm import Alarm, step
from governor.config import Settings
from governor.ledger import read, statements
from governor.ledger.store import Ledger
from governor.limit_facts import WALL
from governor.model import LANES, Lane, LimitReading
from governor.refusals import Refusal
from governor.report import Estimate, HookHealth, LaneReport, Projection, Report, WindowReport

HEARD_S = 22 * 86_400  # readings older than three weeks say nothing of an open window
ROUNDING = 1.0  # an official percentage p stands for somewhere in [p - 1, p + 1)


def assess(ledger: Ledger, settings: Settings, *, now: int, lane: Lane | None = None) -> Report:
    """Everything known at ``now``, of one lane or of both."""
    lines, files = read.problem_counts(ledger)
    lanes = [_lane(ledger, settings, name, now=now) for name in LANES if lane in (None, name)]
    off_by = hook.off_by(str(paths.home()), now)
    return Report(
        generated_at=now,
        off_by=off_by,
        lanes=lanes,
        problem_lines=lines,
        problem_files=files,
        hooks=_hook_health(ledger, now=now),
        unpriced=read.unpriced_models(ledger, now - 7 * 86_400, now),
        budgets=spending.reports(ledger, settings, now=now),
        worse=tuple(read.worse(ledger)),
        off_until=off_ends(off_by),
        override_until=override_ends(now),
    )


def override_ends(now: int) -> int | None:
    """When the person's override runs out; None where none is in force."""
    home = paths.home()
    return _end(hook.peek(str(home / "override"))) if hook.is_overridden(str(home), now) else None


def off_ends(by: str | None) -> int | None:
    """When the kill switch ends by itself; None where it does not, or is not on."""
    if by == "env":
        return _end(os.environ.get("GOVERNOR_OFF", "").encode())
    return _end(hook.peek(str(paths.home() / "OFF"))) if by == "file" else None


def _end(text: bytes | None) -> int | None:
    try:
        at = int(float(text or b""))
    except (ValueError, OverflowError):
        return None
    return at if at > 1e9 else None


def _hook_health(ledger: Ledger, *, now: int) -> HookHealth:
    last_run = read.last_run(ledger, now - 7 * 86_400)
    return HookHealth(wired=(paths.home() / "install.json").exists(), last_run=last_run)


def _lane(ledger: Ledger, settings: Settings, lane: Lane, *, now: int) -> LaneReport:
    stored = windows.of_one_account([s.reading for s in statements.readings(ledger, lane=lane, since=now - HEARD_S)])
    by_window: dict[str, list[LimitReading]] = {}
    for reading in stored:
        if reading.window != "any":
            by_window.setdefault(reading.window, []).append(reading)
    holding = _refusals(ledger, lane, by_window, now=now)
    names = [name for name, seen in by_window.items() if _is_alive(name, seen, now=now)]
    names += [name for name in holding if name is not None and name not in names]
    if lane == "claude" or not names:
        names += [name for name in ("5h", "week") if name not in names]
    if not stored and not holding and read.span_of(ledger, lane) is None:
        return LaneReport(lane, present=False, windows=[])
    order = {"5h": 0, "day": 1, "week": 2, "month": 4}
    names.sort(key=lambda name: (order.get(name, 3), name))
    past = past_of(ledger, settings, lane, now=now)
    latest = {name: each[0] for name, each in holding.items()}
    found = [
        _window(ledger, settings, lane, name, by_window.get(name, []), past, refusal=latest.get(name), now=now)
        for name in names
    ]
    return LaneReport(lane, present=True, windows=found, refusals=tuple(holding.get(None, ())))


def _refusals(
    ledger: Ledger, lane: Lane, by_window: dict[str, list[LimitReading]], *, now: int
) -> dict[str | None, list[Refusal]]:
    """Refusals that still hold, by window; None for those whose window is not known."""
    told = [stored.reading for stored in statements.refusals(ledger, lane=lane, since=now - refusals.LONGEST_S)]
    told = [reading for reading in told if refusals.counts_until(reading) > now]  # few answers to look at
    if not told:
        return {}
    answered = statements.answered(ledger, lane, min(reading.observed_at for reading in told))
    resets: dict[str, int | None] = {}
    full = []
    for name, seen in by_window.items():
        if _is_alive(name, seen, now=now):
            window = windows.current(lane, name, seen, now=now)
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
    lane: Lane,
    name: str,
    seen: list[LimitReading],
    past: Past,
    *,
    refusal: Refusal | None,
    now: int,
) -> WindowReport:
    window = windows.current(lane, name, seen, active=past.active, now=now)
    if refusal is not None and refusal.is_stated and not window.is_official:
        window = windows.Window(lane, name, refusal.until - windows.length(name), refusal.until, "refused")
    if refusal is not None and not refusal.is_stated and window.is_official and window.resets_at is not None:
        refusal = refusal._replace(until=min(refusal.until, window.resets_at))
    official = windows.official(window, seen, now=now)
    local = history.spent(ledger, settings, lane, window.starts_at, now + 1)
    scale = history.scale(ledger, settings, lane, name, now=now)
    # The answer that brought the figure carries the same second and is in it already.
    since = history.spent(ledger, settings, lane, official.observed_at + 1, now + 1).units if official else 0.0
    estimate = _estimate(window, official, since, local.units, scale)
    projection = _project(window, estimate, scale, past, now=now)
    elapsed = None
    if window.resets_at is not None:
        elapsed = (now - window.starts_at) / (window.resets_at - window.starts_at)
    alarm = _alarm(ledger, window, projection, now=now, left=1 - (elapsed or 0.0))
    said = refusals.sentence(refusal, now=now) if refusal is not None else ""
    verdict, reasons = policy.judge(official, projection, alarm, elapsed=elapsed, refused=said)
    if name == "week" and (spike := policy.spike(past.hours, now=now)) is not None:
        reasons.append(spike)
    return WindowReport(window, official, local, scale, estimate, projection, verdict, reasons, refusal)


class Past(NamedTuple):
    """What all windows of a lane look back on."""

    hours: list[tuple[int, float]]
    active: list[int]  # quarters with use in the last two days
    refused: list[tuple[int, int]]  # spans in which the wall stood, so that little use says nothing about demand
    tz_offset: int
    days: season.Days | None  # what the hours teach


def past_of(ledger: Ledger, settings: Settings, lane: Lane, *, now: int) -> Past:
    used = read.slices(ledger, now - 2 * 86_400, now + 1, lane=lane)
    offset = datetime.fromtimestamp(now).astimezone().utcoffset()
    tz_offset = int(offset.total_seconds()) if offset else 0
    hours = history.hourly(ledger, settings, lane, now=now)
    refused = statements.walls(ledger, lane, now - history.PAST_S)
    days = season.learn(hours, now=now, tz_offset=tz_offset, refused=refused)
    return Past(hours, sorted({piece.start for piece in used}), refused, tz_offset, days)


def _estimate(
    window: windows.Window,
    official: windows.Official | None,
    since: float,
    units: float,
    scale: calibrate.Scale | None,
) -> Estimate | None:
    if official is not None:
        at = official.used_percent
        if scale is None or since <= 0:
            return Estimate(at, max(at - ROUNDING, 0.0), at + ROUNDING, "official")
        share = scale.coverage.low if scale.coverage else 1.0  # use elsewhere may have gone on meanwhile
        high = at + ROUNDING + since / (scale.low * max(share, 0.1))
        low = max(at - ROUNDING, 0.0) + since / scale.high
        return Estimate(at + since / scale.units_per_percent, low, high, "official+local")
    if scale is None or window.resets_at is None:  # none is known to be open, and use elsewhere may have opened one
        return None
    share = scale.effective / scale.units_per_percent
    return Estimate(units / scale.effective, units / scale.high, units / (scale.low * share), "local")


def _project(
    window: windows.Window, estimate: Estimate | None, scale: calibrate.Scale | None, past: Past, *, now: int
) -> Projection | None:
    if estimate is None or scale is None or window.resets_at is None:
        return None
    found = projected(window, estimate.used_percent, scale, past, until=window.resets_at, now=now)
    return Projection(found.p10, found.p50, found.p90, found.p_exceed, found.naive, found.wall_at, found.confidence)


def projected(
    window: windows.Window, used: float, scale: calibrate.Scale, past: Past, *, until: int, now: int
) -> forecast.Forecast:
    """Where the window stands at ``until`` (its reset, or a moment before it)."""
    if windows.length(window.name) <= windows.LENGTH["5h"]:
        return forecast.project_5h(
            past.hours,
            now=now,
            resets_at=until,
            spent=used,
            units_per_point=scale.effective,
            spread=scale.spread,
            tz_offset=past.tz_offset,
        )
    return forecast.project_week(
        past.hours,
        now=now,
        starts_at=window.starts_at,
        resets_at=until,
        spent=used,
        units_per_point=scale.effective,
        spread=scale.spread,
        tz_offset=past.tz_offset,
        refused=past.refused,
        days=past.days,
    )


def _alarm(ledger: Ledger, window: windows.Window, projection: Projection | None, *, now: int, left: float) -> Alarm:
    """The early alarm after this projection. It needs a memory within a window: see ``alarm.step``."""
    name = f"alarm:{window.lane}:{window.name}"
    cycle = (window.resets_at or 0) // windows.RESET_JITTER
    cycles = (cycle, cycle - 1, cycle + 1)  # resets_at wobbles, also across the edge of one
    kept = next((found for at in cycles if (found := history.kept_fact(ledger, name, [at])) is not None), [])
    before = Alarm(*kept[:2])
    state = step(before, now, projection.p_exceed if projection else None, left=left)
    if state != before:
        history.keep_fact(ledger, name, [cycle], list(state))
    return state
