"""Where a 5-hour window ends: too short for weekdays, so what followed in the past at moments like this one."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from governor.forecasting import day_profile
from governor.forecasting.distribution import DRAWS, Forecast, landed, naive, normals

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR_S: Final = 3600
WEEK_S: Final = 604_800
MOMENTS_H: Final = 56 * 24  # past moments a 5-hour window is compared with


def project_5h(
    history: Iterable[tuple[int, float]],
    *,
    now: int,
    resets_at: int,
    spent: float,
    cap: float | None = 100.0,
    units_per_point: float = 1.0,
    spread: float = 0.0,
    tz_offset: int = 0,
) -> Forecast:
    """Where a 5-hour window ends, by what followed in the past at moments like this: as busy, at this time of day.

    Arguments as for ``project_week``. A few made-up moments (work goes on at the present rate for none, some or all of
    the time left) stand in until the person's own outnumber them.
    """
    rows = [(t, u) for t, u in history if t <= now and u > 0 and math.isfinite(u)]
    left = max(0, min(resets_at - now, 6 * HOUR_S)) / HOUR_S
    by_hour: dict[int, float] = {}
    for at, units in rows:
        by_hour[at // HOUR_S] = by_hour.get(at // HOUR_S, 0.0) + units
    hour, into = now // HOUR_S, now % HOUR_S / HOUR_S
    rate = by_hour.get(hour, 0.0) + (1 - into) * by_hour.get(hour - 1, 0.0)
    line = naive(spent, rate / units_per_point, left)
    weeks = (now - min(t for t, _ in rows)) / WEEK_S if rows else 0.0
    if left == 0:
        return landed([spent] * DRAWS, spent=spent, cap=cap, wall_at=None, line=line, weeks=weeks)
    moments = [(rate * left * share, 0.6) for share in (0.0, 0.15, 0.4, 0.8, 1.2)]
    local = (now + tz_offset) / HOUR_S
    for then in range(max(min(by_hour, default=hour), hour - MOMENTS_H), hour - math.ceil(left)):
        was = by_hour.get(then, 0.0)
        if (was > 0) != (rate > 0):
            continue
        apart = abs((local - then - tz_offset / HOUR_S - 1 + 12) % 24 - 12)
        if apart > 6:
            continue
        weight = math.exp(-apart * apart / 8) * 0.5 ** ((hour - then) / 24 / day_profile.HALF_LIFE_D)
        scale = 1.0
        if rate > 0:
            weight *= math.exp(-(math.log(rate / was) ** 2))
            scale = math.sqrt(min(9.0, max(1 / 9, rate / was)))
        whole = int(left)
        follows = sum(by_hour.get(then + k, 0.0) for k in range(1, whole + 1))
        moments.append((scale * (follows + (left - whole) * by_hour.get(then + whole + 1, 0.0)), weight))
    moments.sort()
    chances: list[float] = []
    for _, weight in moments:
        chances.append((chances[-1] if chances else 0.0) + weight)
    ends = []
    for i in range(1, DRAWS + 1):
        place = bisect_left(chances, (i - 0.5) / DRAWS * chances[-1])
        noise = spread * normals(1)[i - 1]
        ends.append(spent + moments[place][0] / units_per_point * math.exp(min(3.0, noise)))
    middle = sorted(ends)[DRAWS // 2]
    wall = None
    if cap is not None and spent < cap < middle:
        wall = int(now + left * HOUR_S * (cap - spent) / (middle - spent))
    return landed(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=weeks)
