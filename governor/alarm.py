"""The early word: when a probability is worth saying aloud, and when to be quiet again.

Linear projections alarm in half to two thirds of harmless weeks. A probability with hysteresis does in a tenth, twenty
to sixty hours ahead (docs/forecast.md). It misses the weeks that turn late; the static wall is for those.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR_S = 3600


class Alarm(NamedTuple):
    """The early word about one window: is it on, since when, and when the probability first stood high."""

    is_on: bool = False
    since: int | None = None
    high_since: int | None = None


# Measured at looks two hours apart: in a tenth of harmless weeks, before four of five that exceed (docs/forecast.md).
ALARM_AT, AT_ONCE, CLEAR_AT, HOLD_S = 0.6, 0.72, 0.4, 4 * HOUR_S

RULE = (
    f"on when passing the cap is {AT_ONCE:.0%} likely, or {ALARM_AT:.0%} for {HOLD_S // HOUR_S} hours without a dip; "
    f"off below {CLEAR_AT:.0%}"
).replace("%", " %")


def step(state: Alarm, at: int, p_exceed: float | None) -> Alarm:
    """The alarm after one more projection: on at 0.72, or after two at 0.6 or above, four hours apart or more and none
    lower between; off below 0.4. A missing probability changes nothing, and neither does a clock that goes back.
    """
    if p_exceed is None or not math.isfinite(p_exceed):
        return state
    if state.is_on:
        return Alarm() if p_exceed < CLEAR_AT else state
    if p_exceed < ALARM_AT:
        return Alarm()
    high_since = at if state.high_since is None else min(state.high_since, at)
    if p_exceed >= AT_ONCE or at - high_since >= HOLD_S:
        return Alarm(True, at, high_since)
    return Alarm(False, None, high_since)


def alarm(ps: Iterable[tuple[int, float | None]]) -> Alarm:
    """The alarm after all (time, P(exceed)) of one window, in order of time."""
    state = Alarm()
    for at, p in ps:
        state = step(state, at, p)
    return state
