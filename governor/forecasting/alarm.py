"""The early word: when a probability is worth saying aloud, and when to be quiet again.

Linear projections alarm in half to two thirds of harmless weeks. A probability with hysteresis does in a tenth, twenty
to sixty hours ahead (docs/forecast.md). It misses the weeks that turn late; the static wall is for those.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Alarm(NamedTuple):
    """The early word about one window: is it on, and since when."""

    is_on: bool = False
    since: int | None = None


# Measured at looks two hours apart: in a tenth of harmless weeks, before four of five that exceed (docs/forecast.md).
ALARM_AT, AT_RESET, CLEAR_AT = 0.66, 0.8, 0.4

RULE = (
    f"on when passing the cap is {ALARM_AT:.0%} likely, in the window's second half rising to {AT_RESET:.0%} at the "
    f"reset; off below {CLEAR_AT:.0%}"
).replace("%", " %")


def bar(left: float) -> float:
    """How likely passing the cap must be for a word while ``left`` of the window, 0-1, is still to come.

    It rises in the second half: what is said late is no early word, so it should at least be right.
    """
    return AT_RESET - (AT_RESET - ALARM_AT) * min(max(2 * left, 0.0), 1.0)


def step(state: Alarm, at: int, p_exceed: float | None, *, left: float) -> Alarm:
    """The alarm after one more projection, with ``left`` of the window to come: on at ``bar``, off below 0.4.

    A missing probability changes nothing.
    """
    if p_exceed is None or not math.isfinite(p_exceed):
        return state
    if state.is_on:
        return Alarm() if p_exceed < CLEAR_AT else state
    return Alarm(True, at) if p_exceed >= bar(left) else state
