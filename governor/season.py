"""What a person's weeks look like: their days, how much they vary, and how busy each week was.

Everything a projection has to know about the past, learnt once a day at most, since a day counts only when it is over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_S: Final = 3600
DAWN_H: Final = 4  # a working day ends in the small hours, not at midnight
PAST_DAYS: Final = 182
HALF_LIFE_D: Final = 56.0  # days of eight weeks ago count half
SAME_DAY, SAME_KIND, OTHER_KIND = 1.0, 0.3, 0.02  # weights of the same weekday, of workdays for a workday, of the rest
PRIOR_LEVEL_VAR: Final = 0.12  # how much weeks differ, before the person's own tell; counts as four weeks
PRIOR_DAY_CV2: Final = 0.8  # squared variation of a day around its expectation; counts as five days


class Days(NamedTuple):
    """The person's past as days from ``DAWN_H`` to ``DAWN_H``: their hours, their weekday, their week's level."""

    number: list[int]
    hours: list[list[float]]
    level: list[float]
    mean: list[float]  # expected total by weekday
    shape: list[float]  # share of a day by hour, adding up to 1
    level_var: float
    day_cv2: float
    last_level: float
    weeks: float


def learn(
    history: Iterable[tuple[int, float]],
    *,
    now: int,
    starts_at: int,
    tz_offset: int = 0,
    refused: Sequence[tuple[int, int]] = (),
) -> Days | None:
    """What the past says, up to the last whole day before ``now``; None without one whole day.

    ``history``: (start of the hour, units), gaps meaning none. ``refused``: (from, to) in which use was refused
    because a window stood at 100 %. Such hours say what was allowed, not what was wanted: a day that holds one is left
    out, and its week's level is judged by the days before.
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
    shut = {
        day
        for begin, end in refused
        for day in range(*(((t + tz_offset) // HOUR_S - DAWN_H) // 24 + k for t, k in ((begin, 0), (end, 1))))
    }
    number = [d for d in range(first, today) if d not in shut]
    if not number:
        return None
    hours = [[by_hour.get(d * 24 + h, 0.0) for h in range(24)] for d in number]
    totals = [sum(h) for h in hours]
    if sum(totals) < 1e-100:  # nothing, or so little that its square is
        return None
    window_day = ((starts_at + tz_offset) // HOUR_S - DAWN_H) // 24
    weight = [0.5 ** ((today - d) / HALF_LIFE_D) for d in number]
    mean = _weekday_means(number, totals, weight)
    level, level_var, day_cv2, last = _levels(number, totals, mean, window_day)
    shape = [sum(w * h[i] for w, h in zip(weight, hours, strict=True)) for i in range(24)]
    whole = sum(shape)
    return Days(number, hours, level, mean, [s / whole for s in shape], level_var, day_cv2, last, len(number) / 7)


def _is_weekend(day: int) -> bool:
    return (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday


def affinity(a: int, b: int) -> float:
    if (a - b) % 7 == 0:
        return SAME_DAY
    return SAME_KIND if _is_weekend(a) == _is_weekend(b) else OTHER_KIND


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


def _levels(
    number: Sequence[int], totals: Sequence[float], mean: Sequence[float], window_day: int
) -> tuple[list[float], float, float, float]:
    """(level of each day's week, variance of levels, squared variation of days, level of the last whole week).

    Weeks are counted back from the day the present window opened. Levels are shrunk towards 1 by their own noise.
    """
    groups: dict[int, list[int]] = {}
    for i, d in enumerate(number):
        groups.setdefault((d - window_day) // 7, []).append(i)
    raw: dict[int, tuple[float, float, float]] = {}  # level, sum of expected, sum of squared expected
    for week, members in groups.items():
        expected = sum(mean[number[i] % 7] for i in members)
        squares = sum(mean[number[i] % 7] ** 2 for i in members)
        raw[week] = (sum(totals[i] for i in members) / expected if expected > 0 else 1.0, expected, squares)
    top, bottom = PRIOR_DAY_CV2 * 5, 5.0
    for week, members in groups.items():
        if len(members) >= 3 and raw[week][2] > 0:
            lev = raw[week][0]
            spare = len(members) / (len(members) - 1)
            top += (
                sum((totals[i] - lev * mean[number[i] % 7]) ** 2 for i in members) * spare / raw[week][2] * len(members)
            )
            bottom += len(members) * max(lev, 0.2) ** 2
    day_cv2 = top / bottom
    whole = [(lev, day_cv2 * sq / e**2) for w, (lev, e, sq) in raw.items() if w < 0 and e > 0 and len(groups[w]) >= 5]
    spread = sum((lev - 1) ** 2 - noise for lev, noise in whole)
    level_var = max(0.02, (PRIOR_LEVEL_VAR * 4 + spread) / (4 + len(whole)))
    shrunk = {}
    for week, (lev, e, sq) in raw.items():
        noise = day_cv2 * sq / e**2 if e > 0 else math.inf
        shrunk[week] = max(0.15, 1 + (lev - 1) * level_var / (level_var + noise))
    out = [shrunk[(d - window_day) // 7] for d in number]
    return out, level_var, day_cv2, shrunk.get(-1, 1.0)
