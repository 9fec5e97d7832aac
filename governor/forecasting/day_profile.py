"""What a person's weeks look like: their days, how much they vary, and how busy each week was.

Everything a projection has to know about the past, learnt once a day at most, since a day counts only when it is over.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.forecasting import activity_level, demand, own_errors
from governor.forecasting.demand import is_weekend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_S: Final = 3600
DAWN_H: Final = demand.DAWN_H
FIVE_HOURS_S: Final = 18_000
PAST_DAYS: Final = 182
WIDEN: Final = 1.7  # of the level's variance: people are less regular than any model of them
HALF_LIFE_D: Final = activity_level.HALF_LIFE_D
SAME_DAY, SAME_KIND, OTHER_KIND = 1.0, 0.3, 0.02  # weights of the same weekday, of workdays for a workday, of the rest


class Days(NamedTuple):
    """The person's past as days from ``DAWN_H`` to ``DAWN_H``: how much by when, on which day, and how busy then."""

    number: list[int]
    until: list[float]  # units before each hour of each day, one day after the other
    level: list[float]
    mean: list[float]  # expected total by weekday
    shape: list[float]  # share of a day by hour, adding up to 1
    habits: list[activity_level.Habit]
    errors: own_errors.OwnErrors = own_errors.OwnErrors()  # how far off such forecasts have been
    shut_today: frozenset[int] = frozenset()  # hours since dawn of the day after ``learn`` in which use was refused

    @property
    def weeks(self) -> float:
        """Weeks from the first day learnt to the last: who is refused from Tuesdays on has a history all the same."""
        return (self.number[-1] - self.number[0] + 1) / 7

    def at(self, hour: float) -> list[float]:
        """Units used until this hour of each day, -24 to 24: until that hour of the day before where negative."""
        whole = math.floor(hour)
        part, count = hour - whole, len(self.number)
        early = [self.until[max(0, 24 * i + whole)] for i in range(count)]
        if part <= 0:
            return early
        late = [self.until[max(0, 24 * i + whole + 1)] for i in range(count)]
        return [a + part * (b - a) for a, b in zip(early, late, strict=True)]


def dawn(now: int, *, tz_offset: int) -> int:
    """When the day of ``now`` began, in epoch seconds."""
    day = ((now + tz_offset) // HOUR_S - DAWN_H) // 24
    return (day * 24 + DAWN_H) * HOUR_S - tz_offset


def learn(
    history: Iterable[tuple[int, float]],
    *,
    now: int,
    tz_offset: int = 0,
    refused: Sequence[tuple[int, int]] = (),
) -> Days | None:
    """What the past says, up to the last whole day before ``now``; None without one whole day.

    ``history``: (start of the hour, units), gaps meaning none. ``refused``: (from, to) in which use was refused
    because a window stood at 100 %. Such hours say what was allowed, not what was wanted (``demand.wanted``); refusals
    of up to five hours count as use like any other, for they will come again.
    """
    by_hour: dict[int, float] = {}
    for at, units in history:
        if at <= now and units > 0 and math.isfinite(units):
            hour = (at + tz_offset) // HOUR_S - DAWN_H
            by_hour[hour] = by_hour.get(hour, 0.0) + units
    if not by_hour:
        return None
    today = ((now + tz_offset) // HOUR_S - DAWN_H) // 24
    first = max(min(by_hour) // 24, today - PAST_DAYS)
    past = {hour: units for hour, units in by_hour.items() if hour < today * 24}
    wanted = demand.wanted(past, refused, tz_offset=tz_offset, longer_than=FIVE_HOURS_S)
    number = [d for d in range(first, today) if d not in wanted.unknown]
    if not number:
        return None
    hours = [[wanted.by_hour.get(d * 24 + h, 0.0) for h in range(24)] for d in number]
    totals = [sum(h) for h in hours]
    if sum(totals) < 1e-100:  # nothing, or so little that its square is
        return None
    weight = [0.5 ** ((today - d) / HALF_LIFE_D) for d in number]
    mean = _weekday_means(number, totals, weight)
    typical = sum(mean) / 7
    sizes, usual = [t / typical for t in totals], [m / typical for m in mean]
    habits, levels = activity_level.learn(number, sizes, usual)
    errors = own_errors.learn(activity_level.track(number, sizes, usual, habits), usual, widen=WIDEN)
    shape = [sum(w * h[i] for w, h in zip(weight, hours, strict=True)) for i in range(24)]
    whole = sum(shape)
    until = [0.0, *accumulate(units for day in hours for units in day)]
    shut = demand.refused_hours(by_hour, refused, tz_offset=tz_offset, longer_than=FIVE_HOURS_S)
    now_shut = frozenset(hour - today * 24 for hour in shut if hour // 24 == today)
    return Days(number, until, levels, mean, [s / whole for s in shape], habits, errors, now_shut)


def affinity(a: int, b: int) -> float:
    if (a - b) % 7 == 0:
        return SAME_DAY
    return SAME_KIND if is_weekend(a) == is_weekend(b) else OTHER_KIND


def _weekday_means(number: Sequence[int], totals: Sequence[float], weight: Sequence[float]) -> list[float]:
    out = []
    for weekday in range(7):
        top = bottom = 0.0
        for d, t, w in zip(number, totals, weight, strict=True):
            w *= affinity(d, weekday)
            top += w * t
            bottom += w
        out.append(top / bottom if bottom > 0 else 0.0)
    return out
