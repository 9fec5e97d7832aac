"""Where the official meter stands by now, as far as its last reading carries; and when that is not far enough to show.

The last reading is a fact. What was used since is local units over the calibrated scale, and what may have been used
elsewhere meanwhile. An interval that cannot tell one rung of the alert ladder from the next is no figure: then the last
reading is shown as a floor, with what to type. Every screen, snapshot and exit code takes its figure from here.
"""

from __future__ import annotations

import math
from typing import Final

from governor.calibration import elsewhere
from governor.calibration.observations import brisk
from governor.calibration.scale import Scale
from governor.quota import windows
from governor.report import Estimate, Unplaced

ROUNDING: Final = 1.0  # an official percentage p stands for somewhere in [p - 1, p + 1)
WIDEST: Final = 20.0  # points from low to high; the rungs of the alert ladder (50, 70, 90) are as far apart
CAP: Final = 100.0  # the vendor refuses above it, but for those who bought credits, and then the meter itself says so
SEEN: Final = 0.5  # points: less than that moves no whole-numbered figure


def place(
    window: windows.Window,
    official: windows.OfficialFigure | None,
    scale: Scale | None,
    *,
    since: float,
    busy_s: int,
    units: float | None,
    now: int,
) -> tuple[Estimate | None, Unplaced | None]:
    """(the estimate, None), or (None, why there is none); (None, None) where nothing was ever read.

    ``since`` are local units after the reading, used in ``busy_s`` seconds of work; ``units`` those since the window
    opened, None where it is not known which models it counts. The estimate is at most WIDEST points wide, and at most
    CAP unless the meter itself has said CAP or more.
    """
    found = (
        _alone(window, units, scale, busy_s, now=now)
        if official is None
        else _carried(window, official, scale, since, busy_s, now=now)
    )
    if found is None:
        return None, None
    anchors = scale.anchors if scale else 0
    if found.high - found.low > WIDEST:
        return None, Unplaced("wide", anchors)
    if official is not None and official.used_percent >= CAP:
        return found, None
    if found.low > CAP:  # the scale says what the vendor denies
        return None, Unplaced("past-cap", anchors)
    return found._replace(used_percent=min(found.used_percent, CAP), high=min(found.high, CAP)), None


def _carried(
    window: windows.Window,
    official: windows.OfficialFigure,
    scale: Scale | None,
    since: float,
    busy_s: int,
    *,
    now: int,
) -> Estimate:
    """The reading, what was used here since, and what may have been used elsewhere meanwhile."""
    at, size = official.used_percent, windows.length(window.name)
    gone_s = max(now - official.observed_at, 0)
    busy_s = min(busy_s, gone_s)
    slope = scale.slope if scale else None
    away = elsewhere.used(
        scale.elsewhere if scale and slope else None, busy_s=busy_s, idle_s=gone_s - busy_s, window_s=size
    )
    low, high = max(at - ROUNDING, 0.0), at + ROUNDING
    if scale is None or slope is None:  # between nothing and the most that is used in such a time
        most = brisk(size) * busy_s / 3600 if since > 0 else 0.0
        return Estimate(at, low, high + max(most, away.high), "official")
    here = _here(scale.on_day_of(now), max(since, 0.0))
    mean, below, above = _sum(here, away)
    if mean < SEEN:  # too little to move the figure
        return Estimate(at, low, high + above, "official")
    return Estimate(at + mean, max(low, at + mean - ROUNDING - below), at + mean + ROUNDING + above, "official+local")


def _alone(
    window: windows.Window, units: float | None, scale: Scale | None, busy_s: int, *, now: int
) -> Estimate | None:
    """Local units, and what is usually used elsewhere, where the window has had no reading of its own."""
    if scale is None or scale.slope is None or units is None:
        return None
    if window.resets_at is None:  # none is known to be open, and use elsewhere may have opened one
        return None
    gone_s = max(now - window.starts_at, 0)
    busy_s, size = min(busy_s, gone_s), windows.length(window.name)
    away = elsewhere.used(scale.elsewhere, busy_s=busy_s, idle_s=gone_s - busy_s, window_s=size)
    mean, below, above = _sum(_here(scale, units), away)
    return Estimate(mean, max(mean - below, 0.0), mean + above + ROUNDING, "local")


def _here(scale: Scale, units: float) -> elsewhere.Spread:
    """Points that local units are, by the scale."""
    return elsewhere.Spread(units / scale.units_per_percent, units / scale.high, units / scale.low)


def _sum(here: elsewhere.Spread, away: elsewhere.Spread) -> tuple[float, float, float]:
    """The mean of both together, and how far below and above it eight of ten lie."""
    below = math.hypot(here.mean - here.low, away.mean - away.low)
    return here.mean + away.mean, below, math.hypot(here.high - here.mean, away.high - away.mean)


def words(unplaced: Unplaced) -> str:
    """Why there is no figure, as half a sentence."""
    behind = "no reading to measure it by" if not unplaced.readings else f"{unplaced.readings} reading"
    behind += "s" if unplaced.readings > 1 else ""
    if unplaced.why == "past-cap":
        return f"use since then would be past 100 %, which nobody refused ({behind})"
    return f"use since then cannot be placed ({behind})"
