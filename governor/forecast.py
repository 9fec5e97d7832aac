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

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_S: Final = 3600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800
DAWN_H: Final = 4  # a working day ends in the small hours, not at midnight
DRAWS: Final = 400
PAST_DAYS: Final = 182
HALF_LIFE_D: Final = 56.0  # days of eight weeks ago count half
SAME_DAY, SAME_KIND, OTHER_KIND = 1.0, 0.3, 0.04  # weights of the same weekday, of workdays for a workday, of the rest
PRIOR_LEVEL_VAR: Final = 0.12  # how much weeks differ before the person's own weeks tell; counts as four weeks
CARRY: Final = 0.4  # how much of last week's level carries over
PRIOR_DAY_CV2: Final = 0.8
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
    if not any(totals):
        return None
    window_day = ((starts_at + tz_offset) // HOUR_S - DAWN_H) // 24
    weight = [0.5 ** ((today - d) / HALF_LIFE_D) for d in number]
    mean = _weekday_means(number, totals, weight)
    level, level_var, day_cv2, last = _levels(number, totals, mean, window_day)
    shape = [sum(w * h[i] for w, h in zip(weight, hours, strict=True)) + 1e-9 for i in range(24)]
    whole = sum(shape)
    return Days(number, hours, level, mean, [s / whole for s in shape], level_var, day_cv2, last, len(number) / 7)


def _is_weekend(day: int) -> bool:
    return (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday


def _affinity(a: int, b: int) -> float:
    if (a - b) % 7 == 0:
        return SAME_DAY
    return SAME_KIND if _is_weekend(a) == _is_weekend(b) else OTHER_KIND


def _weekday_means(number: Sequence[int], totals: Sequence[float], weight: Sequence[float]) -> list[float]:
    out = []
    for weekday in range(7):
        top = bottom = 0.0
        for d, t, w in zip(number, totals, weight, strict=True):
            w *= _affinity(d, weekday)
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
            top += sum((totals[i] - lev * mean[number[i] % 7]) ** 2 for i in members) * spare / raw[week][2] * len(members)
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
    days: Days | None = None,
) -> Forecast:
    """Where a weekly window ends. ``spent`` and ``cap`` share one unit; ``units_per_point`` turns history into it.

    With percentages, ``units_per_point`` is the local units per official percent as it will be used from here on:
    the scale times the share that is used here, so that use elsewhere is expected to keep its share. ``spread`` is the
    standard deviation of its log. ``days`` may be given where ``learn`` was called already. All quantiles are at least
    ``spent``; a window that is over, or clocks that jump, give ``spent`` itself.
    """
    rows = list(history)
    left = max(0, min(resets_at - now, 5 * WEEK_S))
    used = sum(u for t, u in rows if starts_at <= t <= now)
    recent = sum(u for t, u in rows if now - DAY_S < t <= now) / DAY_S * left / units_per_point
    line = spent + max(0.0, recent)
    past = days or learn(rows, now=now, starts_at=starts_at, tz_offset=tz_offset, refused=refused)
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


def _this_week(past: Days, *, used: float, now: int, starts_at: int, tz_offset: int) -> tuple[float, float]:
    """Mean and variance of this week's level, its own days and last week's level taken together."""
    expected = squares = 0.0
    hour = (starts_at + tz_offset) // HOUR_S - DAWN_H
    last = (now + tz_offset) // HOUR_S - DAWN_H
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
    past: Days, rows: Sequence[tuple[int, float]], *, now: int, resets_at: int, tz_offset: int
) -> list[Pool]:
    out = []
    local = now + tz_offset - DAWN_H * HOUR_S
    end = resets_at + tz_offset - DAWN_H * HOUR_S
    today = local // DAY_S
    is_active = any(now - 2 * HOUR_S < t <= now and u > 0 for t, u in rows)
    hour_now = int(local % DAY_S // HOUR_S)
    for day in range(today, (end - 1) // DAY_S + 1):
        begin, stop = max(local - day * DAY_S, 0) / HOUR_S, min(end - day * DAY_S, DAY_S) / HOUR_S
        pairs = []
        for d, hours, level in zip(past.number, past.hours, past.level, strict=True):
            weight = _affinity(d, day) * 0.5 ** ((today - d) / HALF_LIFE_D)
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
        out.append(Pool(int(now + day * DAY_S + begin * HOUR_S - local), int((stop - begin) * HOUR_S), [v for v, _ in pairs], chances))
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
    return Forecast(p10, p25, p50, p75, p90, above, wall_at, line, grade, int(weeks))


def _alpha(k: int) -> float:
    return _ALPHAS[k % len(_ALPHAS)]


_ALPHAS: Final = tuple(math.sqrt(p) % 1.0 for p in _ROOTS)


def _normal(p: float) -> float:
    """The standard normal quantile, within 4.5e-4 (Abramowitz & Stegun 26.2.23)."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    t = math.sqrt(-2 * math.log(min(p, 1 - p)))
    z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return -z if p < 0.5 else z


class Alarm(NamedTuple):
    """The early word about one window: is it on, since when, and when the probability first stood high."""

    is_on: bool = False
    since: int | None = None
    high_since: int | None = None


ALARM_AT, CLEAR_AT, HOLD_S = 0.6, 0.4, 2 * HOUR_S


def step(state: Alarm, at: int, p_exceed: float | None) -> Alarm:
    """The alarm after one more projection: on after two at 0.6 or above, two hours apart or more with none lower
    between; off below 0.4. A missing probability changes nothing, and neither does a clock that goes back.
    """
    if p_exceed is None or not math.isfinite(p_exceed):
        return state
    if state.is_on:
        return Alarm() if p_exceed < CLEAR_AT else state
    if p_exceed < ALARM_AT:
        return Alarm()
    high_since = at if state.high_since is None else min(state.high_since, at)
    if at - high_since >= HOLD_S:
        return Alarm(True, at, high_since)
    return Alarm(False, None, high_since)


def alarm(ps: Iterable[tuple[int, float | None]]) -> Alarm:
    """The alarm after all (time, P(exceed)) of one window, in order of time."""
    state = Alarm()
    for at, p in ps:
        state = step(state, at, p)
    return state
