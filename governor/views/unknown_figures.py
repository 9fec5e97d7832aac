"""What is said where a figure cannot be known: what is known instead, why that is all, and what to type.

Times, never ages: these words stand in snapshots, logs and scrollback, and are read later than they were written.
"""

from __future__ import annotations

from governor.forecasting import estimate
from governor.number_format import LANE_NAMES, moment, percent
from governor.report import WindowReport


def unplaced(found: WindowReport, *, now: int) -> str:
    """``last official 7 %, read Wed 20:17; use since then cannot be placed (4 readings); type it: governor …``; empty
    where there is an estimate, or nothing was ever read.
    """
    if found.unplaced is None:
        return ""
    return f"{last(found, now=now)}; {estimate.words(found.unplaced)}; type it: {calibrate(found)}"


def standing(found: WindowReport, *, now: int) -> str:
    """The same for a line that names its window and ends with its own command."""
    if found.unplaced is None:
        return ""
    name = f"{LANE_NAMES[found.window.lane]} {found.window.name}"
    return f"{name} is not known now; {last(found, now=now)}; {estimate.words(found.unplaced)}"


def last(found: WindowReport, *, now: int) -> str:
    """``last official 7 %, read Wed 20:17``."""
    official = found.official
    if official is None:
        return "no official reading since it opened"
    return f"last official {percent(official.used_percent)}, read {moment(official.observed_at, None, now=now)}"


def unprojected(found: WindowReport) -> str:
    """Why it is not said where the window lands, though its figure is known; empty where it is said, or no reset is."""
    if found.projection is not None or found.window.resets_at is None or found.estimate is None:
        return ""
    scale = found.scale
    if scale is None:
        return ""  # nothing was used here: there is nothing to project
    if scale.anchors < 2:
        return "where it lands is not known yet: that takes a second, other reading after some work here"
    return "where it lands is not known yet: how much is used elsewhere is still a guess"


def calibrate(found: WindowReport) -> str:
    """The command that makes this window's figure known."""
    window = found.window
    words = ["governor calibrate N%"]
    if window.lane != "claude":
        words.append(f"--lane {window.lane}")
    if window.name != "week":
        words.append(f"--window {window.name}" if " " not in window.name else f"--window '{window.name}'")
    return " ".join(words)
