"""Where a week will stand at its reset: a distribution, not a line.

The rest of the week is put together from the person's own days (``day_samples``), times how busy they are these days
(``activity_level``); what is unknown about that is drawn from a Gamma distribution. Linear projection is worse than
knowing nothing about the present week until mid-week, and alarms in most harmless weeks (quotas.md E2, E3;
docs/forecast.md).

Pure and quick: a projection may not cost more than 30 ms of a refresh.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from governor.forecasting import activity_level, day_profile, own_errors
from governor.forecasting.day_samples import RECENT_H, pools
from governor.forecasting.distribution import DRAWS, QUANTILES, Forecast, landed, naive, normal, normals, points, starts
from governor.forecasting.five_hour import project_5h

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["QUANTILES", "Forecast", "naive", "project_5h", "project_week"]

HOUR_S: Final = 3600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800


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
    days: day_profile.Days | None = None,
    sure: tuple[float, float] | None = None,
) -> Forecast:
    """Where a weekly window ends. ``spent`` and ``cap`` share one unit; ``units_per_point`` turns history into it.

    With percentages, ``units_per_point`` is the local units per official percent as it will be used from here on:
    the scale times the share that is used here, so that use elsewhere is expected to keep its share. ``spread`` is the
    standard deviation of its log. ``days`` may be given where ``day_profile.learn`` was called already. No quantile is
    below ``spent``; a window that is over, or clocks that jump, give ``spent`` itself. ``sure`` is the 80 % interval of
    ``spent`` where the last reading is old: then the ends begin there, and may lie below ``spent``.
    """
    rows = list(history)
    left = max(0, min(resets_at - now, 5 * WEEK_S))
    recent = sum(u for t, u in rows if now - DAY_S < t <= now) / DAY_S * left / units_per_point
    line = spent + max(0.0, recent)
    past = days or day_profile.learn(rows, now=now, tz_offset=tz_offset, refused=refused)
    if left == 0:
        return landed([spent] * DRAWS, spent=spent, cap=cap, wall_at=None, line=line, weeks=past.weeks if past else 0)
    if past is None:
        return _blind(spent=spent, cap=cap, line=line, left=left, passed=max(HOUR_S, now - starts_at), now=now)
    ahead = _ahead(past, rows, now=now, resets_at=now + left, tz_offset=tz_offset)
    recent = sum(
        u * min(1.0, (t + HOUR_S - now) / HOUR_S + RECENT_H)
        for t, u in rows
        if now - (RECENT_H + 1) * HOUR_S < t <= now
    )
    days_left = pools(past, now=now, resets_at=now + left, tz_offset=tz_offset, recent=recent, level=ahead.mean)
    shape = ahead.mean**2 / (day_profile.WIDEN * ahead.var)
    # Wilson-Hilferty for the Gamma, with what is unknown of the scale.
    levels = [ahead.mean * max(0.0, 1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))) ** 3 for z in normals(0)]
    factors = [x / units_per_point * math.exp(min(3.0, spread * y)) for x, y in zip(levels, normals(1), strict=True)]
    parts = []
    for k, pool in enumerate(days_left):
        values, chances, top = pool.values, pool.chances, pool.chances[-1]
        parts.append([f * values[bisect_left(chances, u * top)] for f, u in zip(factors, points(k + 2), strict=True)])
    rest = [sum(days) for days in zip(*parts, strict=True)]
    usual = _usual(past, now=now, resets_at=now + left, tz_offset=tz_offset) / units_per_point
    moved = own_errors.corrected(rest, usual, past.errors)
    begins = starts(spent, sure)
    ends = [begin + x for begin, x in zip(begins, moved, strict=True)]
    crossings = [math.inf] * DRAWS
    for i in [i for i, end in enumerate(ends) if cap is not None and begins[i] < cap <= end]:
        at, wider = begins[i], moved[i] / rest[i]
        for pool, part in zip(days_left, parts, strict=True):
            after = at + part[i] * wider
            if cap is not None and at < cap <= after:
                crossings[i] = pool.starts_at + pool.lasts * (cap - at) / (after - at)
                break
            at = after
    crossings.sort()
    middle = crossings[DRAWS // 2]
    wall = int(middle) if cap is not None and spent < cap and math.isfinite(middle) else None
    return landed(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=past.weeks)


def _usual(past: day_profile.Days, *, now: int, resets_at: int, tz_offset: int) -> float:
    """What is usual between two moments, in units."""
    dawn = day_profile.DAWN_H * HOUR_S - tz_offset
    total = 0.0
    for day in range((now - dawn) // DAY_S, (resets_at - dawn - 1) // DAY_S + 1):
        begin, end = max(now - dawn, day * DAY_S) - day * DAY_S, min(resets_at - dawn, (day + 1) * DAY_S) - day * DAY_S
        hours = (
            past.shape[h] * (min(end, (h + 1) * HOUR_S) - max(begin, h * HOUR_S)) / HOUR_S
            for h in range(begin // HOUR_S, (end - 1) // HOUR_S + 1)
        )
        total += past.mean[day % 7] * sum(hours)
    return total


def _ahead(
    past: day_profile.Days, rows: Sequence[tuple[int, float]], *, now: int, resets_at: int, tz_offset: int
) -> activity_level.ActivityLevel:
    """How busy the rest of the week is likely to be."""
    dawn = day_profile.DAWN_H * HOUR_S - tz_offset
    today, into = divmod(now - dawn, DAY_S)
    gone = sum(past.shape[: into // HOUR_S]) + past.shape[into // HOUR_S] * (into % HOUR_S) / HOUR_S
    free = gone - sum(past.shape[hour] for hour in past.shut_today if hour < into // HOUR_S)
    typical = sum(past.mean) / 7
    shares = [1e-9 + past.mean[today % 7] / typical * (1 - gone)]
    for day in range(today + 1, (resets_at - dawn - 1) // DAY_S + 1):
        shares.append(1e-9 + past.mean[day % 7] / typical * min(1.0, (resets_at - dawn) / DAY_S - day))
    return activity_level.ahead(
        past.habits,
        days_since=today - past.number[-1],
        size=sum(u for t, u in rows if now - into <= t <= now) / typical,
        usual=past.mean[today % 7] / typical * max(0.0, free),
        shares=[share / sum(shares) for share in shares],
        known=len(past.number),
    )


def _blind(*, spent: float, cap: float | None, line: float, left: int, passed: int, now: int) -> Forecast:
    """No day of history: the pace of this window so far, give or take a factor of three."""
    rest = spent * left / passed
    ends = [spent + rest * math.exp(0.9 * normal((i - 0.5) / DRAWS)) for i in range(1, DRAWS + 1)]
    wall = None
    if cap is not None and rest > 0 and spent < cap < spent + rest:
        wall = int(now + left * (cap - spent) / rest)
    return landed(ends, spent=spent, cap=cap, wall_at=wall, line=line, weeks=0)
