"""Where a 5-hour window ends: too short for weekdays, so what followed in the past at moments like this one."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from governor.forecasting import demand
from governor.forecasting.distribution import DRAWS, Forecast, landed, naive, normals, starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_S: Final = 3600
WEEK_S: Final = 604_800
ROUGH: Final = 0.4  # of the log of what follows: moments that look alike are not
UNREAD: Final = 0.35  # of the log of what was used, where only local units tell it
UNREAD_MOST: Final = 0.5  # how likely passing the cap is called at most without a reading
HALF_LIFE_D: Final = 56.0  # days of eight weeks ago count half
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
    refused: Sequence[tuple[int, int]] = (),
    is_read: bool = True,
    sure: tuple[float, float] | None = None,
) -> Forecast:
    """Where a 5-hour window ends, by what followed in the past at moments like this: as busy, at this time of day.

    Arguments as for ``project_week``. A few made-up moments (work goes on at the present rate for none, some or all of
    the time left) stand in until the person's own outnumber them. What was refused (``refused``: from, to) is taken
    for what would have been used, and left out where nothing tells how much that was. Where this window was never
    read (``is_read`` false), ``spent`` is an estimate: it is drawn too, and passing the cap is never called likely.
    """
    rows = [(t, u) for t, u in history if t <= now and u > 0 and math.isfinite(u)]
    left = max(0, min(resets_at - now, 6 * HOUR_S)) / HOUR_S
    by_hour: dict[int, float] = {}
    for at, units in rows:
        by_hour[at // HOUR_S] = by_hour.get(at // HOUR_S, 0.0) + units
    blind = _fill(by_hour, refused, tz_offset=tz_offset) if refused else frozenset()
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
        if (was > 0) != (rate > 0) or (blind and not blind.isdisjoint(range(then, then + 1 + math.ceil(left)))):
            continue
        apart = abs((local - then - tz_offset / HOUR_S - 1 + 12) % 24 - 12)
        if apart > 6:
            continue
        weight = math.exp(-apart * apart / 8) * 0.5 ** ((hour - then) / 24 / HALF_LIFE_D)
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
    width = math.hypot(spread, ROUGH)
    begins = starts(spent, sure) if is_read else [spent * math.exp(UNREAD * z) for z in normals(2)]
    for i, start in enumerate(begins):
        place = bisect_left(chances, (i + 0.5) / DRAWS * chances[-1])
        ends.append(
            start + moments[place][0] / units_per_point * math.exp(min(3.0, width * (normals(1)[i] - width / 2)))
        )
    middle = sorted(ends)[DRAWS // 2]
    wall = None
    if cap is not None and spent < cap < middle:
        wall = int(now + left * HOUR_S * (cap - spent) / (middle - spent))
    found = landed(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=weeks)
    if is_read or found.p_exceed is None:
        return found
    return found._replace(p_exceed=min(found.p_exceed, UNREAD_MOST), wall_at=None)


def _fill(by_hour: dict[int, float], refused: Sequence[tuple[int, int]], *, tz_offset: int) -> frozenset[int]:
    """Puts what was wanted in place of what was refused; returns the hours of which nothing is known."""
    shift = tz_offset // HOUR_S - demand.DAWN_H
    wanted = demand.wanted({hour + shift: units for hour, units in by_hour.items()}, refused, tz_offset=tz_offset)
    by_hour.update({hour - shift: units for hour, units in wanted.by_hour.items()})
    return frozenset(hour - shift for hour in wanted.refused if hour // 24 in wanted.unknown)
