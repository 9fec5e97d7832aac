"""How busy somebody is these days: what must hold of the level for any days, and what a person would expect."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.forecasting import activity_level

USUAL = [1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5]
sizes = st.lists(st.just(0.0) | st.floats(1e-3, 50), min_size=1, max_size=60)


def after(days: list[float], *, size: float = 0.0, usual: float = 0.0, since: int = 1) -> activity_level.ActivityLevel:
    """The level of the week to come, after ``days`` and perhaps part of one more."""
    habits, _ = activity_level.learn(range(len(days)), days, USUAL)
    return activity_level.ahead(habits, days_since=since, size=size, usual=usual, shares=[1 / 7] * 7, known=len(days))


def wandering(*, keep: float, spread: float, noise: float, days: int = 120) -> list[float]:
    """Days of a person who is as the model has it."""
    rng, at, out = Random(3), 0.0, []
    for day in range(days):
        at = keep * at + spread * math.sqrt(1 - keep * keep) * rng.gauss(0, 1)
        usual = USUAL[day % 7]
        out.append(max(0.0, usual * (1 + at) + math.sqrt(noise * usual) * rng.gauss(0, 1)))
    return out


@settings(max_examples=60, deadline=None)
@given(sizes, st.floats(0, 20), st.floats(0, 2))
def test_every_level_is_a_positive_number_with_a_positive_variance(
    days: list[float], size: float, usual: float
) -> None:
    habits, levels = activity_level.learn(range(len(days)), days, USUAL)
    found = after(days, size=size, usual=usual)
    assert all(x >= activity_level.LOWEST and math.isfinite(x) for x in levels)
    assert found.mean > 0
    assert found.var > 0
    assert math.isfinite(found.mean + found.var)
    assert sum(h.chance for h in habits) == pytest.approx(1.0, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(sizes, st.floats(0, 20), st.floats(0, 20), st.floats(0, 2))
def test_a_busier_day_so_far_never_lowers_what_is_expected(
    days: list[float], size: float, more: float, usual: float
) -> None:
    assert after(days, size=size + more, usual=usual).mean >= after(days, size=size, usual=usual).mean - 1e-9


def test_a_usual_life_stays_at_one_and_a_busy_week_carries_over_in_part() -> None:
    usual = [USUAL[d % 7] for d in range(56)]
    busy = usual[:49] + [2 * x for x in usual[49:]]
    assert after(usual).mean == pytest.approx(1.0, abs=0.05)
    assert 1.1 < after(busy).mean < 2.0


def test_one_enormous_day_is_not_taken_for_a_new_life() -> None:
    usual = [USUAL[d % 7] for d in range(56)]
    big, enormous = ([*usual, x] for x in (10.0, 1000.0))
    assert after(enormous).mean < after(big).mean + 0.5


def test_a_pause_without_news_leads_back_to_the_usual_and_to_less_certainty() -> None:
    busy = [USUAL[d % 7] * (1 if d < 49 else 2) for d in range(56)]
    soon, late = after(busy), after(busy, since=60)
    assert abs(late.mean - 1) < abs(soon.mean - 1)
    assert late.var > soon.var


def test_people_whose_level_lasts_are_told_from_those_who_forget_overnight() -> None:
    def keeps(days: list[float]) -> float:
        habits, _ = activity_level.learn(range(len(days)), days, USUAL)
        return sum(h.chance * h.keep for h in habits)

    lasting = keeps(wandering(keep=0.97, spread=0.5, noise=0.2))
    fleeting = keeps(wandering(keep=0.3, spread=0.5, noise=0.2))
    assert lasting > fleeting + 0.05
