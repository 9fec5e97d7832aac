"""What each remaining day of a week may bring: the person's own days, likely ones first.

A day to come is drawn from past days, the same weekday and recent weeks first. The rest of today is drawn from moments
like this one: at about this hour, after two hours about as busy, since work under way goes on and rest stays rest.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.forecasting import day_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_S: Final = 3600
DAY_S: Final = 86_400
RECENT_H: Final = 2  # "about as busy" looks at the last two hours
AROUND: Final = ((0, 1.0), (-1, 0.5), (1, 0.5), (-2, 0.2), (2, 0.2))  # hours earlier or later, and their weight
ALIKE: Final = 0.8  # standard deviation of the log of how busy, within which moments are alike
UNLIKE: Final = 0.05  # weight of a moment at work for one at rest


class Pool(NamedTuple):
    """What one remaining day may bring: values in units, sorted, at level 1, and their cumulative chances."""

    starts_at: int
    lasts: int
    values: list[float]
    chances: list[float]


def pools(
    past: day_profile.Days, *, now: int, resets_at: int, tz_offset: int, recent: float, level: float
) -> list[Pool]:
    """One pool for the rest of today and one for each day until the reset.

    ``recent``: units of the last ``RECENT_H`` hours; ``level``: how busy it is now, for comparing them.
    """
    out = []
    local = now + tz_offset - day_profile.DAWN_H * HOUR_S
    end = resets_at + tz_offset - day_profile.DAWN_H * HOUR_S
    today = local // DAY_S
    for day in range(today, (end - 1) // DAY_S + 1):
        begin, stop = max(local - day * DAY_S, 0) / HOUR_S, min(end - day * DAY_S, DAY_S) / HOUR_S
        found = _moments(past, today, begin, stop, recent / level) if day == today else _days(past, day, today, stop)
        pairs = sorted(found)
        starts_at = int(now + day * DAY_S + begin * HOUR_S - local)
        values, weights = [v for v, _ in pairs], [w for _, w in pairs]
        out.append(Pool(starts_at, int((stop - begin) * HOUR_S), values, list(accumulate(weights))))
    return out


def _days(past: day_profile.Days, day: int, today: int, stop: float) -> Iterator[tuple[float, float]]:
    ends = past.at(stop)
    for i, (d, level) in enumerate(zip(past.number, past.level, strict=True)):
        yield (ends[i] - past.until[24 * i]) / level, _weight(d, day, today)


def _moments(
    past: day_profile.Days, today: int, hour: float, stop: float, busy: float
) -> Iterator[tuple[float, float]]:
    """What followed until the end of the day at past moments, and how like this one they were."""
    weights = [_weight(d, today, today) for d in past.number]
    ends = past.at(stop)
    for shift, share in AROUND:
        if not 0 <= hour + shift < stop:
            continue
        befores, thens = past.at(hour + shift - RECENT_H), past.at(hour + shift)
        for before, then, end, level, weight in zip(befores, thens, ends, past.level, weights, strict=True):
            was = (then - before) / level
            follows = (end - then) / level
            likeness = share
            if (was > 1e-9) != (busy > 1e-9):
                likeness *= UNLIKE
            elif busy > 1e-9:
                apart = math.log(busy / was)
                likeness *= max(UNLIKE, math.exp(-0.5 * (apart / ALIKE) ** 2))
                follows *= math.sqrt(min(3.0, max(1 / 3, busy / was)))
            yield follows, likeness * weight


def _weight(then: int, day: int, today: int) -> float:
    return day_profile.affinity(then, day) * math.exp2((then - today) / day_profile.HALF_LIFE_D)
