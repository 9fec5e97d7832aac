"""The projection: what must hold for every history, and what a person with habits would expect of it."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.evaluation.people import EPOCH, person
from governor.forecasting import day_profile
from governor.forecasting.week import Forecast, naive, project_5h, project_week

HOUR, DAY, WEEK = 3600, 86_400, 604_800
START = EPOCH + 8 * WEEK  # a Monday, eight weeks in


def office(*, weeks: int = 8, a_day: float = 90.0, also: float = 0.0) -> list[tuple[int, float]]:
    """Ten to seven, Monday to Friday, up to the start of the present week; then ``also`` days of it."""
    days = [d for d in range(weeks * 7) if d % 7 < 5] + [weeks * 7 + d for d in range(int(also))]
    first = START - weeks * WEEK
    return [(first + d * DAY + h * HOUR, a_day / 9) for d in days for h in range(10, 19)]


def week(history: list[tuple[int, float]], *, at: float = 0.0, spent: float = 0.0, **more: object) -> Forecast:
    """The projection ``at`` days into the present week, in percent with 5 units a point."""
    settings_ = {"units_per_point": 5.0, **more}
    return project_week(
        history, now=START + int(at * DAY), starts_at=START, resets_at=START + WEEK, spent=spent, **settings_
    )  # type: ignore[arg-type]


def quantiles(f: Forecast) -> tuple[float, ...]:
    return f[:5]


def is_sane(f: Forecast, *, spent: float) -> None:
    assert all(math.isfinite(q) and q >= spent for q in quantiles(f))
    assert sorted(quantiles(f)) == list(quantiles(f))
    assert f.p_exceed is None or 0 <= f.p_exceed <= 1
    assert f.naive is None or math.isfinite(f.naive)


def test_a_steady_person_is_projected_to_the_usual_week() -> None:
    found = week(office())
    assert 80 < found.p50 < 100  # five days of 18 points
    assert "good" == found.confidence
    assert 8 == found.weeks


def test_friday_evening_adds_next_to_nothing_where_the_naive_line_adds_a_working_day() -> None:
    found = week(office(also=5), at=4.9, spent=90.0)
    assert found.p50 < 92
    assert found.naive is not None
    assert found.naive > 110
    assert found.p_exceed is not None
    assert found.p_exceed < 0.2


def test_a_busier_week_than_usual_lifts_the_rest_of_it() -> None:
    usual, busy = (
        week(office(also=2), at=2, spent=36.0),
        week(office() + [(t, 2 * u) for t, u in office(also=2)[-18:]], at=2, spent=36.0),
    )
    assert busy.p50 > usual.p50 + 10


def test_weeks_cut_off_at_the_limit_do_not_teach_that_less_was_wanted() -> None:
    history = [row for row in office() if (row[0] - START) % WEEK < 3 * DAY]  # nothing from Thursday on
    refused = [(START - k * WEEK + 3 * DAY, START - (k - 1) * WEEK) for k in range(1, 9)]
    taken_raw, unconstrained = week(history, at=0.1), week(history, at=0.1, refused=refused)
    assert unconstrained.p50 > taken_raw.p50 + 15


def test_the_wall_is_named_only_where_it_is_likelier_than_not() -> None:
    heavy, light = week(office(a_day=150.0)), week(office(a_day=60.0))
    assert heavy.p_exceed is not None
    assert heavy.p_exceed > 0.8
    assert heavy.wall_at is not None
    assert START + 2 * DAY < heavy.wall_at < START + 5 * DAY
    assert light.wall_at is None


def test_confidence_grows_with_history() -> None:
    assert "none" == week([]).confidence
    assert ["low", "fair", "good"] == [week(office(weeks=n)).confidence for n in (2, 4, 8)]


def test_without_history_the_pace_of_this_window_is_all_there_is() -> None:
    found = project_week([], now=START + DAY, starts_at=START, resets_at=START + WEEK, spent=20.0)
    assert pytest.approx(140.0, rel=0.05) == found.p50
    assert found.p90 - found.p10 > 100


def test_an_unsure_scale_widens_the_interval() -> None:
    sure, unsure = week(office(), spread=0.0), week(office(), spread=0.5)
    assert unsure.p90 - unsure.p10 > 1.5 * (sure.p90 - sure.p10)


def test_the_same_values_give_the_same_answer_and_a_minute_changes_little() -> None:
    one, same = week(office(also=2), at=2.0, spent=30.0), week(office(also=2), at=2.0, spent=30.0)
    later = week(office(also=2), at=2.0 + 60 / DAY, spent=30.0)
    assert one == same
    assert one.p_exceed is not None
    assert later.p_exceed is not None
    assert abs(one.p_exceed - later.p_exceed) < 0.02


@pytest.mark.parametrize(
    ("now", "starts_at", "resets_at"),
    [
        (START + 2 * WEEK, START, START + WEEK),  # long over
        (START - 3 * DAY, START, START + WEEK),  # the clock went back
        (START + DAY, START, START + 4000 * WEEK),  # never resets
        (START + DAY, START + WEEK, START),  # upside down
        (START, START, START),
    ],
)
def test_clocks_that_jump_and_windows_that_never_end(now: int, starts_at: int, resets_at: int) -> None:
    for history in ([], office(), [(START, 0.0)]):
        is_sane(project_week(history, now=now, starts_at=starts_at, resets_at=resets_at, spent=12.0), spent=12.0)
        is_sane(project_5h(history, now=now, resets_at=resets_at, spent=12.0), spent=12.0)


def test_weeks_of_nothing_and_a_year_of_history() -> None:
    is_sane(week([(START - d * DAY, 0.0) for d in range(60)]), spent=0.0)
    year = person(Random(1), "bursts", weeks=52)
    found = project_week(
        year.hourly(),
        now=year.starts_at + 51 * WEEK + 2 * DAY,
        starts_at=year.starts_at + 51 * WEEK,
        resets_at=year.starts_at + 52 * WEEK,
        spent=20.0,
        units_per_point=year.units_per_percent,
    )
    is_sane(found, spent=20.0)
    assert 26 == found.weeks  # half a year is remembered


def test_a_window_already_over_its_cap_exceeds_for_certain() -> None:
    found = week(office(also=3), at=3, spent=104.0)
    assert 1.0 == found.p_exceed
    assert found.wall_at is None


def test_no_cap_no_probability() -> None:
    found = week(office(), cap=None)
    assert found.p_exceed is None
    assert found.wall_at is None


histories = st.lists(
    st.tuples(
        st.integers(0, 8 * 168 - 1).map(lambda h: START - 8 * WEEK + h * HOUR), st.just(0.0) | st.floats(1e-6, 1e4)
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(histories, st.floats(0, 6.9), st.floats(0, 120), st.floats(0, 30))
def test_more_spent_never_lowers_anything(
    history: list[tuple[int, float]], at: float, spent: float, more: float
) -> None:
    less, higher = week(history, at=at, spent=spent), week(history, at=at, spent=spent + more)
    is_sane(less, spent=spent)
    assert all(b >= a - 1e-6 for a, b in zip(quantiles(less), quantiles(higher), strict=True))
    assert less.p_exceed is not None
    assert higher.p_exceed is not None
    assert higher.p_exceed >= less.p_exceed


@settings(max_examples=30, deadline=None)
@given(histories, st.floats(0, 6.9), st.sampled_from([0.001, 0.5, 1000.0]))
def test_the_unit_is_arbitrary(history: list[tuple[int, float]], at: float, factor: float) -> None:
    plain = week(history, at=at, spent=10.0)
    scaled = week([(t, u * factor) for t, u in history], at=at, spent=10.0, units_per_point=5.0 * factor)
    assert pytest.approx(quantiles(plain), rel=1e-6, abs=1e-6) == quantiles(scaled)


@settings(max_examples=30, deadline=None)
@given(histories, st.integers(0, 5 * HOUR), st.floats(0, 99))
def test_five_hours_hold_the_same_promises(history: list[tuple[int, float]], into: int, spent: float) -> None:
    now = START + into
    args = {"now": now, "resets_at": START + 5 * HOUR, "units_per_point": 50.0}
    found = project_5h(history, spent=spent, **args)  # type: ignore[arg-type]
    more = project_5h(history, spent=spent + 1, **args)  # type: ignore[arg-type]
    is_sane(found, spent=spent)
    assert pytest.approx([q + 1 for q in quantiles(found)]) == quantiles(more)


def test_the_future_is_not_looked_at() -> None:
    history = office(also=5)
    assert week(history[: -9 * 3], at=2, spent=36.0) == week(history, at=2, spent=36.0)


def test_five_hours_know_when_work_usually_ends() -> None:
    history = office(also=1)
    morning = [r for r in history if r[0] <= START + 11 * HOUR]
    args = {"resets_at": START + 16 * HOUR, "units_per_point": 1.0, "cap": 200.0}
    found = project_5h(morning, now=START + 12 * HOUR, spent=20.0, **args)  # type: ignore[arg-type]
    evening = project_5h(history, now=START + 19 * HOUR, resets_at=START + 22 * HOUR, spent=40.0, cap=200.0)
    assert 45 < found.p50 < 75  # four more hours of ten a piece
    assert evening.naive is not None
    assert evening.p50 <= evening.naive - 20  # at seven everything stops, whatever the last hour was


def test_naive_is_the_line_it_says() -> None:
    assert 50.0 == naive(20.0, 3.0, 10.0)
    assert 20.0 == naive(20.0, -3.0, 10.0)
    assert 20.0 == naive(20.0, 3.0, -1.0)


def test_days_refused_from_the_start_are_not_learnt_from() -> None:
    days = day_profile.learn(office(), now=START, refused=[(START - 3 * DAY, START - 2 * DAY)])
    cut = [row for row in office() if not START - 5 * DAY <= row[0] < START]
    refused = day_profile.learn(cut, now=START, refused=[(START - 5 * DAY, START)])
    whole = day_profile.learn(office(), now=START)
    assert days == whole  # a Friday of work: the wall stood aside
    assert refused is not None
    assert whole is not None
    assert set(range(whole.number[-1] - 3, whole.number[-1] + 1)) == set(whole.number) - set(refused.number)
    assert day_profile.learn([], now=START) is None
