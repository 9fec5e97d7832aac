"""The tier lever: a probability from own weeks, with the ratio's own doubt inside it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.calibration.change_points import KNOWN_CHANGES, candidates
from governor.quota.plans import NOT_MEASURED, PLANS, RENAMED_ON, fit, ratio, shapes


class Measured:
    """A plan of which both ratios are measured."""

    def __init__(self, name: str) -> None:
        plan = PLANS[name]
        assert plan.week is not None
        assert plan.five_hour is not None
        self.week, self.five_hour = plan.week, plan.five_hour


BIG, SMALL = Measured("max-20x"), Measured("max-5x")


def test_a_week_of_60_percent_on_20x_is_not_240_percent_on_5x() -> None:
    """The weekly ratio was measured at about two, not the four of the price list."""
    low, middle, high = ratio(BIG.week, SMALL.week)
    assert 1.8 <= low <= 2.0 <= middle <= 2.4 <= high <= 2.5
    found = fit([60.0], BIG.week, SMALL.week)
    assert found is not None
    assert 115 <= found.worst <= 145


def test_the_five_hour_ratio_is_about_four() -> None:
    low, _, high = ratio(BIG.five_hour, SMALL.five_hour)
    assert 3.3 <= low <= high <= 4.0


def test_no_weeks_no_answer() -> None:
    assert fit([], BIG.week, SMALL.week) is None
    assert [] == shapes([], BIG.week, SMALL.week)


def test_a_refused_week_fits_no_smaller_plan_and_may_fit_a_larger_one() -> None:
    down, up = fit([100.0], BIG.week, SMALL.week), fit([100.0], SMALL.week, BIG.week)
    assert down is not None
    assert up is not None
    assert (0.0, 1.0) == (down.share, up.share)


@given(percents=st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_shares_stay_in_order_and_in_range(percents: list[float]) -> None:
    found = fit(percents, BIG.week, SMALL.week)
    assert found is not None
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_sessions_that_would_fill_a_week() -> None:
    small, usual, large = shapes([1.0, 2.0, 4.0, 10.0], BIG.week, SMALL.week)
    assert small.percent <= usual.percent <= large.percent
    assert small.fits >= usual.fits >= large.fits


@pytest.mark.parametrize("name", ["max", "ultra", "plus", "prolite", "promax"])
def test_of_a_plan_that_nobody_has_measured_there_is_no_number(name: str) -> None:
    plan = PLANS[name]
    assert (None, None) == (plan.five_hour, plan.week)
    assert plan.source.startswith(NOT_MEASURED)


def test_the_old_names_lead_to_the_new_ones() -> None:
    assert {"max-5x": "max", "max-20x": "ultra"} == {p.name: p.sold_as for p in PLANS.values() if p.sold_as}
    assert {RENAMED_ON} == {p.until for p in PLANS.values() if p.sold_as} | {PLANS["max"].since, PLANS["ultra"].since}


@pytest.mark.parametrize(
    ("lane", "plan", "is_candidate"),
    [
        ("claude", "max-20x", True),
        ("claude", "ultra", True),
        ("claude", "", True),
        ("claude", "max-5x", False),
        ("claude", "pro", False),
        ("codex", "ultra", False),
    ],
)
def test_the_day_of_the_new_plans_may_have_moved_the_limits_of_those_who_had_the_larger_one(
    lane: str, plan: str, is_candidate: bool
) -> None:
    day = int(datetime.fromisoformat(RENAMED_ON).replace(tzinfo=UTC).timestamp())
    found = candidates(lane, plan)
    assert is_candidate == (day in found)
    assert set(KNOWN_CHANGES[lane]) <= set(found)
    assert list(found) == sorted(found)
