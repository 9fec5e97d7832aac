"""Where the official meter stands by now, as far as its last reading carries; and when that is not far enough to show.

The last reading is a fact. What was used since is local units over the calibrated scale, and what may have been used
elsewhere meanwhile. An interval that cannot tell one rung of the alert ladder from the next is no figure: then the last
reading is shown as a floor, with what to type. Every screen, letter and exit code takes its figure from here.
"""

from __future__ import annotations

from typing import Final

from governor import windows
from governor.calibrate import Scale
from governor.report import Estimate, Unplaced
from governor.stretches import brisk

ROUNDING: Final = 1.0  # an official percentage p stands for somewhere in [p - 1, p + 1)
WIDEST: Final = 20.0  # points from low to high; the rungs of the alert ladder (50, 70, 90) are as far apart
CAP: Final = 100.0  # the vendor refuses above it, but for those who bought credits, and then the meter itself says so
ELSEWHERE: Final = 0.1  # the least share of all use that is taken to be local: below that every figure is a guess


def place(
    window: windows.Window,
    official: windows.Official | None,
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
        _alone(window, units, scale) if official is None else _carried(window, official, scale, since, busy_s, now=now)
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
    window: windows.Window, official: windows.Official, scale: Scale | None, since: float, busy_s: int, *, now: int
) -> Estimate:
    """The reading, and what was used since."""
    at = official.used_percent
    low, high = max(at - ROUNDING, 0.0), at + ROUNDING
    if since <= 0:
        return Estimate(at, low, high, "official")
    fastest, gone_s = brisk(windows.length(window.name)), max(now - official.observed_at, 0)
    slope = scale.slope if scale else None
    if scale is None or slope is None:  # between nothing and the most that is used in such a time
        return Estimate(at, low, high + fastest * min(busy_s, gone_s) / 3600, "official")
    share = max(scale.coverage.low, ELSEWHERE) if scale.coverage else 1.0
    most = since / scale.low
    high += most + min(most / share - most, fastest * gone_s / 3600)
    return Estimate(at + since / slope, low + since / scale.high, high, "official+local")


def _alone(window: windows.Window, units: float | None, scale: Scale | None) -> Estimate | None:
    """Local units alone, where the window has had no reading of its own."""
    if scale is None or scale.slope is None or units is None:
        return None
    if window.resets_at is None:  # none is known to be open, and use elsewhere may have opened one
        return None
    share = scale.effective / scale.units_per_percent
    high = units / (scale.low * share) if scale.low * share > 0 else float("inf")
    return Estimate(units / scale.effective, units / scale.high, high, "local")


def words(unplaced: Unplaced) -> str:
    """Why there is no figure, as half a sentence."""
    behind = "no reading to measure it by" if not unplaced.readings else f"{unplaced.readings} reading"
    behind += "s" if unplaced.readings > 1 else ""
    if unplaced.why == "past-cap":
        return f"use since then would be past 100 %, which nobody refused ({behind})"
    return f"use since then cannot be placed ({behind})"
