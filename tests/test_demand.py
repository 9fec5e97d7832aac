"""Walls say what they say: each removes demand of its own window, and nothing where use goes on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.evaluation.people import EPOCH
from governor.forecasting import day_profile, demand
from governor.forecasting.demand import Wall, concerning
from governor.forecasting.week import project_5h, project_week

HOUR, DAY, WEEK = 3600, 86_400, 604_800
START = EPOCH + 8 * WEEK  # a Monday, eight weeks in


def office(*, until: float = 8 * 7, shut: range = range(0)) -> list[tuple[int, float]]:
    """Ten units an hour from ten to seven on workdays of eight weeks, but for the hours in ``shut``."""
    return [
        (EPOCH + d * DAY + h * HOUR, 10.0)
        for d in range(8 * 7)
        if d % 7 < 5
        for h in range(10, 19)
        if h not in shut and d + h / 24 < until
    ]


def week(history: list[tuple[int, float]], refused: list[tuple[int, int]]) -> float:
    """The middle of the projection at the start of the ninth week, in usual weeks of 450 units as 90 points."""
    return project_week(
        history, now=START, starts_at=START, resets_at=START + WEEK, spent=0.0, units_per_point=5.0, refused=refused
    ).p50


@pytest.mark.parametrize(
    ("wall", "window", "concerns"),
    [
        (Wall("5h", 0, 9_000), "5h", True),
        (Wall("5h", 0, 9_000), "week", False),
        (Wall("5h", 0, 9_000), "week:fable", False),
        (Wall("week", 0, 9_000), "5h", True),
        (Wall("week", 0, 9_000), "week", True),
        (Wall("week", 0, 9_000), "week:fable", True),
        (Wall("week", 0, 9_000), "month", False),
        (Wall("month", 0, 9_000), "week", True),
        (Wall("week:fable", 0, 9_000), "week", False),
        (Wall("week:fable", 0, 9_000), "5h", False),
        (Wall("week:fable", 0, 9_000), "week:fable", True),
        (Wall("week:opus", 0, 9_000), "week:fable", False),
        (Wall("any:claude-fable-5-2", 0, 9_000), "week", False),
    ],
)
def test_a_wall_concerns_windows_that_count_no_more_and_last_no_longer(wall: Wall, window: str, concerns: bool) -> None:
    assert ([(0, 9_000)] if concerns else []) == concerning([wall], window)


@pytest.mark.parametrize("wall", [Wall("any", 0, 9_000), Wall("week", 0, 9_000, True)])
def test_of_a_vague_refusal_only_the_first_hour_counts(wall: Wall) -> None:
    assert [(0, 3600)] == concerning([wall], "week")


def test_a_five_hour_wall_on_every_workday_leaves_every_day_learnt() -> None:
    walls = [(EPOCH + d * DAY + 14 * HOUR, EPOCH + d * DAY + 15 * HOUR) for d in range(56) if d % 7 < 5]
    days = day_profile.learn(office(shut=range(14, 15)), now=START, refused=walls)
    assert days is not None
    assert 55 == len(days.number)  # the last one ends at dawn
    assert week(office(shut=range(14, 15)), []) == week(office(shut=range(14, 15)), walls)


def test_a_day_cut_off_at_noon_is_learnt_as_the_day_it_began_as() -> None:
    """Every Thursday noon the week is full until Monday; what was wanted on Fridays only the first week says."""
    walls = [(EPOCH + w * WEEK + 3 * DAY + 13 * HOUR, EPOCH + (w + 1) * WEEK) for w in range(2, 8)]
    cut = [row for row in office() if not any(begin <= row[0] < end for begin, end in walls)]
    days = day_profile.learn(cut, now=START, refused=walls)
    assert days is not None
    assert 55 - 6 * 3 + 1 == len(days.number)
    assert week(office(), []) == pytest.approx(week(cut, walls), rel=0.08)
    assert week(office(), []) > week(cut, []) * 1.2


def test_use_that_goes_on_behind_a_wall_was_not_refused() -> None:
    """Credits: the meter stands at 100 from Tuesday on, and is read there again and again."""
    full = [
        (EPOCH + w * WEEK + d * DAY + h * HOUR, EPOCH + (w + 1) * WEEK)
        for w in range(8)
        for d in range(1, 7)
        for h in range(11, 19)
    ]
    assert week(office(), []) == week(office(), full)


def test_what_is_refused_first_and_bought_later_is_refused_until_then() -> None:
    by_hour = dict.fromkeys((*range(10, 14), *range(20, 24)), 5.0)
    begin, end = 18 * HOUR, 60 * HOUR  # local hours count from four o'clock on
    assert set(range(15, 20)) == demand.refused_hours(by_hour, [(begin, end)], tz_offset=0)


def test_five_hours_learn_what_was_wanted_behind_their_own_wall() -> None:
    """Every afternoon is cut off at two; one day in five it was not, and shows what is wanted."""
    free = [row for row in office() if (row[0] - EPOCH) // DAY % 5 == 0 or not 14 <= row[0] // HOUR % 24 < 17]
    walls = [
        (EPOCH + d * DAY + 13 * HOUR + 2400, EPOCH + d * DAY + 17 * HOUR) for d in range(56) if d % 7 < 5 and d % 5
    ]
    now = START - 3 * DAY + 13 * HOUR  # a Friday at one
    args = {"now": now, "resets_at": now + 4 * HOUR, "spent": 20.0, "units_per_point": 1.0, "cap": None}
    history = [row for row in free if row[0] < now]
    raw = project_5h(history, **args)  # type: ignore[arg-type]
    found = project_5h(history, refused=[w for w in walls if w[0] < now], **args)  # type: ignore[arg-type]
    assert found.p50 > raw.p50 + 10


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(0, 400), st.floats(0, 50), max_size=60),
    st.lists(st.tuples(st.integers(0, 400 * HOUR), st.integers(0, 200 * HOUR)), max_size=6),
)
def test_refusal_never_takes_away_what_was_used(by_hour: dict[int, float], spans: list[tuple[int, int]]) -> None:
    refused = [(begin, begin + lasts) for begin, lasts in spans]
    wanted = demand.wanted(by_hour, refused, tz_offset=0)
    assert all(wanted.by_hour[hour] >= units for hour, units in by_hour.items())
    assert all(hour in wanted.refused for hour in set(wanted.by_hour) - set(by_hour))
