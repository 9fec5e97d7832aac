"""From the ledger to a Report: asks what was used and what the meter said, and lets the thinking rooms think."""

from __future__ import annotations

from governor import calibrate, history, hook, paths, policy, windows
from governor.config import Settings
from governor.ledger import read
from governor.ledger.store import Ledger
from governor.model import LANES, Lane, LimitReading
from governor.report import Estimate, HookHealth, LaneReport, Projection, Report, WindowReport

HISTORY_S = 12 * 7 * 86_400
RECENT_S = {"5h": 3600}  # what "recent rate" means for a window; a day for all longer ones
ROUNDING = 1.0  # an official percentage p stands for somewhere in [p - 1, p + 1)


def assess(ledger: Ledger, settings: Settings, *, now: int, lane: Lane | None = None) -> Report:
    """Everything known at ``now``, of one lane or of both."""
    lines, files = read.problem_counts(ledger)
    lanes = [_lane(ledger, settings, name, now=now) for name in LANES if lane in (None, name)]
    return Report(
        generated_at=now,
        off_by=hook.off_by(str(paths.home()), now),
        lanes=lanes,
        problem_lines=lines,
        problem_files=files,
        hooks=_hook_health(ledger, now=now),
        unpriced=read.unpriced_models(ledger, now - 7 * 86_400),
    )


def _hook_health(ledger: Ledger, *, now: int) -> HookHealth:
    runs = read.runs(ledger, now - 7 * 86_400)
    return HookHealth(wired=(paths.home() / "install.json").exists(), last_run=runs[-1][0] if runs else None)


def _lane(ledger: Ledger, settings: Settings, lane: Lane, *, now: int) -> LaneReport:
    stored = [s.reading for s in read.readings(ledger, lane=lane, since=now - HISTORY_S)]
    by_window: dict[str, list[LimitReading]] = {}
    for reading in stored:
        if reading.window != "any":
            by_window.setdefault(reading.window, []).append(reading)
    used = list(read.slices(ledger, now - 2 * 86_400, now + 1, lane=lane))
    active = sorted({piece.start for piece in used})
    names = [name for name, seen in by_window.items() if _is_alive(name, seen, now=now)]
    if lane == "claude" or not names:
        names += [name for name in ("5h", "week") if name not in names]
    if not stored and not active and read.span_of(ledger, lane) is None:
        return LaneReport(lane, present=False, windows=[])
    order = {"5h": 0, "day": 1, "week": 2, "month": 4}
    names.sort(key=lambda name: (order.get(name, 3), name))
    found = [_window(ledger, settings, lane, name, by_window.get(name, []), active, now=now) for name in names]
    return LaneReport(lane, present=True, windows=found)


def _is_alive(name: str, seen: list[LimitReading], *, now: int) -> bool:
    """A window that the vendor has not mentioned for three of its lengths has been withdrawn, or was another plan's."""
    try:
        size = windows.length(name)
    except KeyError:
        return False
    return now - seen[-1].observed_at <= max(3 * size, 3 * 86_400)


def _window(
    ledger: Ledger, settings: Settings, lane: Lane, name: str, seen: list[LimitReading], active: list[int], *, now: int
) -> WindowReport:
    window = windows.current(lane, name, seen, active=active, now=now)
    official = windows.official(window, seen, now=now) if window.is_official or window.how == "trailing" else None
    local = history.spent(ledger, settings, lane, window.starts_at, now + 1)
    scale = history.scale(ledger, settings, lane, name, seen, now=now)
    since = 0.0
    if official is not None:
        since = history.spent(ledger, settings, lane, official.observed_at, now + 1).units
    estimate = _estimate(official, since, local.units, scale)
    projection = _project(ledger, settings, window, estimate, scale, now=now)
    verdict, reasons = policy.judge(official, estimate, projection)
    return WindowReport(window, official, local, scale, estimate, projection, verdict, reasons)


def _estimate(
    official: windows.Official | None, since: float, units: float, scale: calibrate.Scale | None
) -> Estimate | None:
    if official is not None:
        at = official.used_percent
        if scale is None or since <= 0:
            return Estimate(at, max(at - ROUNDING, 0.0), at + ROUNDING, "official")
        more, low, high = (since / scale.units_per_percent, since / scale.high, since / scale.low)
        return Estimate(at + more, max(at - ROUNDING, 0.0) + low, at + ROUNDING + high, "official+local")
    if scale is None:
        return None
    return Estimate(units / scale.units_per_percent, units / scale.high, units / scale.low, "local")


def _project(
    ledger: Ledger,
    settings: Settings,
    window: windows.Window,
    estimate: Estimate | None,
    scale: calibrate.Scale | None,
    *,
    now: int,
) -> Projection | None:
    if estimate is None or scale is None or window.resets_at is None:
        return None
    recent_s = RECENT_S.get(window.name, 86_400)
    recent = history.spent(ledger, settings, window.lane, now - recent_s, now + 1).units / scale.units_per_percent
    naive = estimate.used_percent + recent / recent_s * (window.resets_at - now)
    return Projection(None, None, None, None, naive, None, "naive")
