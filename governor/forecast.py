"""Where a window will stand at its reset: a distribution, not a line.

**Week.** The rest of the week is put together from the person's own days (a day-block bootstrap: the same weekday
first, recent weeks first), times how busy this week is compared with the others. That level is a credibility estimate
(Bühlmann): the more days of this week are seen, and the steadier the person is, the more this week counts; its
remaining uncertainty is drawn from a Gamma distribution. Linear projection is worse than knowing nothing about the
present week until mid-week, and alarms in most harmless weeks (quotas.md E2, E3; docs/forecast.md).

**Five hours.** Too short for weekdays: what followed in the person's own past at moments like this one.

There is no randomness here: draws come from a fixed low-discrepancy sequence (Kronecker, square roots of primes), so
the same values give the same answer, and a probability does not flicker between two refreshes. Pure and quick: a
projection may not cost more than 30 ms of a refresh.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from governor import season
from governor.alarm import Alarm, alarm, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["QUANTILES", "Alarm", "Forecast", "alarm", "naive", "project_5h", "project_week", "step"]

HOUR_S: Final = 3600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800
DRAWS: Final = 400
MOMENTS_H: Final = 56 * 24  # past moments a 5-hour window is compared with
CARRY: Final = 0.4  # how much of last week's level carries over
WIDEN, DRIFT = 1.7, 0.4  # levels are estimated from few weeks, and may change within one
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
_ROOTS: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


class Forecast(NamedTuple):
    """Where the window ends, in the unit of ``spent``. ``p_exceed`` is the probability of passing ``cap``, 0-1.

    ``wall_at`` is when the cap is passed in the middle case, None if more likely not. ``naive`` is the baseline
    ``spent + recent rate x time left``. ``weeks`` are the whole weeks of history it rests on.
    ``confidence``: none (no history at all), low (under 3 weeks), fair (under 6), good.
    """

    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p_exceed: float | None
    wall_at: int | None
    naive: float | None
    confidence: str
    weeks: int


def naive(spent: float, recent_rate: float, time_left: float) -> float:
    """``spent + recent_rate x time_left``; the rate per unit of ``time_left``. Time that has run out adds nothing."""
    return spent + max(0.0, recent_rate) * max(0.0, time_left)


def project_week(
    history: Iterable[tuple[int, float]],
    *,
    now: int,
    starts_at: int,
    resets_at: int,
    spent: float,
    cap: float | None = 100.0,
    units_per_point: float = 1.0,
    spread: float = 0.0,
    tz_offset: int = 0,
    refused: Sequence[tuple[int, int]] = (),
    days: season.Days | None = None,
) -> Forecast:
    """Where a weekly window ends. ``spent`` and ``cap`` share one unit; ``units_per_point`` turns history into it.

    With percentages, ``units_per_point`` is the local units per official percent as it will be used from here on:
    the scale times the share that is used here, so that use elsewhere is expected to keep its share. ``spread`` is the
    standard deviation of its log. ``days`` may be given where ``season.learn`` was called already. No quantile is
    below ``spent``; a window that is over, or clocks that jump, give ``spent`` itself.
    """
    rows = list(history)
    left = max(0, min(resets_at - now, 5 * WEEK_S))
    used = sum(u for t, u in rows if starts_at <= t <= now)
    recent = sum(u for t, u in rows if now - DAY_S < t <= now) / DAY_S * left / units_per_point
    line = spent + max(0.0, recent)
    past = days or season.learn(rows, now=now, starts_at=starts_at, tz_offset=tz_offset, refused=refused)
    if left == 0:
        return _result([spent] * DRAWS, spent=spent, cap=cap, wall_at=None, line=line, weeks=past.weeks if past else 0)
    if past is None:
        return _blind(spent=spent, cap=cap, line=line, left=left, passed=max(HOUR_S, now - starts_at), now=now)
    mean, var = _this_week(past, used=used, now=now, starts_at=starts_at, tz_offset=tz_offset)
    pools = _pools(past, rows, now=now, resets_at=now + left, tz_offset=tz_offset)
    ends: list[float] = []
    crossings: list[float] = []
    for i in range(1, DRAWS + 1):
        z = _normal((i * _alpha(0) + 0.5) % 1.0)
        shape = mean * mean / var
        level = mean * max(0.0, 1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))) ** 3  # Wilson-Hilferty
        factor = level / units_per_point
        if spread > 0:
            factor *= math.exp(min(3.0, spread * _normal((i * _alpha(1) + 0.5) % 1.0)))
        total, crossed = spent, math.inf
        for k, pool in enumerate(pools):
            step = factor * pool.values[bisect_left(pool.chances, (i * _alpha(k + 2) + 0.5) % 1.0 * pool.chances[-1])]
            if cap is not None and total < cap <= total + step:
                crossed = pool.starts_at + pool.lasts * (cap - total) / step
            total += step
        ends.append(total)
        crossings.append(crossed)
    crossings.sort()
    middle = crossings[DRAWS // 2]
    wall = int(middle) if cap is not None and spent < cap and math.isfinite(middle) else None
    return _result(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=past.weeks)


def _this_week(past: season.Days, *, used: float, now: int, starts_at: int, tz_offset: int) -> tuple[float, float]:
    """Mean and variance of this week's level, its own days and last week's level taken together."""
    expected = squares = 0.0
    hour = (starts_at + tz_offset) // HOUR_S - season.DAWN_H
    last = (now + tz_offset) // HOUR_S - season.DAWN_H
    while hour < last and hour - (starts_at + tz_offset) // HOUR_S < 24 * 8:
        day = hour // 24
        upto = min(last, (day + 1) * 24)
        part = past.mean[day % 7] * sum(past.shape[h - day * 24] for h in range(hour, upto))
        expected += part
        squares += part * past.mean[day % 7]
        hour = upto
    typical = sum(past.mean) / 7
    noise_of_mean = (past.level_var + past.day_cv2 / 7) / max(0.5, past.weeks)
    reliable = past.level_var / (past.level_var + past.day_cv2 / 7)
    start = 1 + CARRY * (past.last_level - 1)
    start_var = past.level_var * (1 - CARRY**2 * reliable) + noise_of_mean
    drift = DRIFT * past.level_var * max(0.0, 1 - (now - starts_at) / WEEK_S)
    if expected <= 0.01 * typical:
        return start, WIDEN * start_var + drift
    seen_var = past.day_cv2 * squares / expected**2 + 0.01
    trust = start_var / (start_var + seen_var)
    return max(0.05, start + trust * (used / expected - start)), WIDEN * start_var * (1 - trust) + drift


class Pool(NamedTuple):
    """What one remaining day may bring: values in units, sorted, at level 1, and their cumulative chances."""

    starts_at: int
    lasts: int
    values: list[float]
    chances: list[float]


def _pools(
    past: season.Days, rows: Sequence[tuple[int, float]], *, now: int, resets_at: int, tz_offset: int
) -> list[Pool]:
    out = []
    local = now + tz_offset - season.DAWN_H * HOUR_S
    end = resets_at + tz_offset - season.DAWN_H * HOUR_S
    today = local // DAY_S
    is_active = any(now - 2 * HOUR_S < t <= now and u > 0 for t, u in rows)
    hour_now = int(local % DAY_S // HOUR_S)
    for day in range(today, (end - 1) // DAY_S + 1):
        begin, stop = max(local - day * DAY_S, 0) / HOUR_S, min(end - day * DAY_S, DAY_S) / HOUR_S
        pairs = []
        for d, hours, level in zip(past.number, past.hours, past.level, strict=True):
            weight = season.affinity(d, day) * 0.5 ** ((today - d) / season.HALF_LIFE_D)
            if day == today and hour_now >= 2:
                was_active = hours[hour_now - 1] > 0 or hours[hour_now - 2] > 0
                weight *= 1.0 if was_active == is_active else 0.3
            pairs.append((_between(hours, begin, stop) / level, weight))
        pairs.sort()
        total = 0.0
        chances = []
        for _, weight in pairs:
            total += weight
            chances.append(total)
        out.append(
            Pool(
                int(now + day * DAY_S + begin * HOUR_S - local),
                int((stop - begin) * HOUR_S),
                [v for v, _ in pairs],
                chances,
            )
        )
    return out


def _between(hours: Sequence[float], begin: float, stop: float) -> float:
    if begin <= 0 and stop >= 24:
        return sum(hours)
    first, last = int(begin), min(23, int(stop))
    total = sum(hours[first : last + 1])
    total -= hours[first] * (begin - first) if first < 24 else 0.0
    return max(0.0, total - (hours[last] * (1 - (stop - last)) if last + 1 > stop else 0.0))


def _blind(*, spent: float, cap: float | None, line: float, left: int, passed: int, now: int) -> Forecast:
    """No day of history: the pace of this window so far, give or take a factor of three."""
    rest = spent * left / passed
    ends = [spent + rest * math.exp(0.9 * _normal((i - 0.5) / DRAWS)) for i in range(1, DRAWS + 1)]
    wall = None
    if cap is not None and rest > 0 and spent < cap < spent + rest:
        wall = int(now + left * (cap - spent) / rest)
    return _result(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=0)


def _result(
    ends: list[float], *, spent: float, cap: float | None, wall_at: int | None, line: float, weeks: float
) -> Forecast:
    ends.sort()
    p10, p25, p50, p75, p90 = (ends[min(len(ends) - 1, int(q * len(ends)))] for q in QUANTILES)
    above = None
    if cap is not None:
        above = 1.0 if spent >= cap else (len(ends) - bisect_left(ends, cap)) / len(ends)
    grade = "none" if weeks <= 0 else "low" if weeks < 3 else "fair" if weeks < 6 else "good"
    return Forecast(p10, p25, p50, p75, p90, above, wall_at, line, grade, round(weeks))


def _alpha(k: int) -> float:
    return _ALPHAS[k % len(_ALPHAS)]


_ALPHAS: Final = tuple(math.sqrt(p) % 1.0 for p in _ROOTS)


def _normal(p: float) -> float:
    """The standard normal quantile, within 4.5e-4 (Abramowitz & Stegun 26.2.23)."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    t = math.sqrt(-2 * math.log(min(p, 1 - p)))
    z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return -z if p < 0.5 else z


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
        return _result([spent] * DRAWS, spent=spent, cap=cap, wall_at=None, line=line, weeks=weeks)
    moments = [(rate * left * share, 0.6) for share in (0.0, 0.15, 0.4, 0.8, 1.2)]
    local = (now + tz_offset) / HOUR_S
    for then in range(max(min(by_hour, default=hour), hour - MOMENTS_H), hour - math.ceil(left)):
        was = by_hour.get(then, 0.0)
        if (was > 0) != (rate > 0):
            continue
        apart = abs((local - then - tz_offset / HOUR_S - 1 + 12) % 24 - 12)
        if apart > 6:
            continue
        weight = math.exp(-apart * apart / 8) * 0.5 ** ((hour - then) / 24 / season.HALF_LIFE_D)
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
        noise = spread * _normal((i * _ALPHAS[1] + 0.5) % 1.0)
        ends.append(spent + moments[place][0] / units_per_point * math.exp(min(3.0, noise)))
    middle = sorted(ends)[DRAWS // 2]
    wall = None
    if cap is not None and spent < cap < middle:
        wall = int(now + left * HOUR_S * (cap - spent) / (middle - spent))
    return _result(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=weeks)
