"""What the rest of today and the days to come may bring."""

from __future__ import annotations

from itertools import pairwise

import pytest

from governor.forecasting import day_profile
from governor.forecasting.day_samples import Pool, pools

HOUR, DAY = 3600, 86_400
MONDAY = 1_767_571_200 + 42 * DAY


def days() -> day_profile.Days:
    """Six weeks of Monday to Friday: one hour at ten, and every other day also the eight hours after it."""
    hours = [(d, h) for d in range(42) if d % 7 < 5 for h in range(10, 19) if h == 10 or d % 2]
    found = day_profile.learn([(MONDAY - 42 * DAY + d * DAY + h * HOUR, 6.0) for d, h in hours], now=MONDAY + 8 * HOUR)
    assert found is not None
    return found


def mean(pool: Pool) -> float:
    chances = [b - a for a, b in zip([0.0, *pool.chances], pool.chances, strict=False)]
    return sum(v * c for v, c in zip(pool.values, chances, strict=True)) / pool.chances[-1]


def today(at: int, *, recent: float) -> Pool:
    return pools(days(), now=at, resets_at=MONDAY + 3 * DAY, tz_offset=0, recent=recent, level=1.0)[0]


def test_work_under_way_goes_on_and_rest_stays_rest() -> None:
    noon = MONDAY + 13 * HOUR
    assert mean(today(noon, recent=12.0)) > 2 * mean(today(noon, recent=0.0))


def test_pools_cover_the_time_left_without_a_gap() -> None:
    now = MONDAY + 13 * HOUR + 600
    found = pools(days(), now=now, resets_at=MONDAY + 3 * DAY, tz_offset=0, recent=0.0, level=1.0)
    assert now == found[0].starts_at
    assert all(a.starts_at + a.lasts == b.starts_at for a, b in pairwise(found))
    assert MONDAY + 3 * DAY == found[-1].starts_at + found[-1].lasts
    assert all(sorted(pool.values) == pool.values and sorted(pool.chances) == pool.chances for pool in found)


def test_a_saturday_is_drawn_from_saturdays() -> None:
    found = pools(days(), now=MONDAY + 8 * HOUR, resets_at=MONDAY + 7 * DAY, tz_offset=0, recent=0.0, level=1.0)
    assert mean(found[5]) < 0.2 * mean(found[1])


def test_units_until_an_hour_are_read_between_the_hours_and_across_midnight() -> None:
    past = day_profile.Days([0, 1], [float(h) for h in range(49)], [1.0, 1.0], [24.0] * 7, [1 / 24] * 24, [])
    assert [10.5, 34.5] == past.at(10.5)
    assert [0.0, 22.0] == past.at(-2.0)
    assert pytest.approx([24.0, 48.0]) == past.at(24.0)
