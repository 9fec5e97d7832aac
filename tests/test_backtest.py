"""The proof has to be right itself: scores by hand, no look ahead, and the promised margins on made-up people."""

from __future__ import annotations

from random import Random

import pytest

from governor.evaluation import backtest, scores
from governor.evaluation.backtest import Course, Known, run
from governor.evaluation.crowd import simulated
from governor.evaluation.people import FAMILIES, WEEK_S, person, readings


def test_pinball_by_hand() -> None:
    assert 0.0 == scores.pinball(0.9, truth=10.0, predicted=10.0)
    assert pytest.approx(9.0) == scores.pinball(0.9, truth=20.0, predicted=10.0)
    assert pytest.approx(1.0) == scores.pinball(0.9, truth=0.0, predicted=10.0)


def test_wilson_by_hand() -> None:
    low, high = scores.wilson(0.8, 100)
    assert pytest.approx((0.711, 0.867), abs=0.001) == (low, high)
    assert (0.0, 1.0) == scores.wilson(0.0, 0)


def test_a_perfect_forecast_loses_nothing_and_a_missed_week_is_counted() -> None:
    perfect = scores.ForecastOrigin(80.0, [80.0] * 5, 0.0)
    found = scores.score("x", [perfect], weeks=1)
    assert (0.0, 0.0, 1.0, 0.0) == (found.pinball, found.error, found.covered, found.brier)
    alarms = scores.alarm_score(
        "x", [scores.AlarmWatch(None, 12), scores.AlarmWatch(100, 60), scores.AlarmWatch(100, None)]
    )
    assert (1.0, 0.5, 40.0) == (alarms.false_share, alarms.recall, alarms.median_lead_h)


def test_a_refused_week_does_not_blame_a_forecast_above_the_limit() -> None:
    high = [100.0, 110.0, 130.0, 150.0, 170.0]
    assert 0.0 == scores.score("x", [scores.ForecastOrigin(100.0, high, 1.0, is_bound=True)], weeks=1).pinball
    assert scores.score("x", [scores.ForecastOrigin(100.0, high, 1.0)], weeks=1).pinball > 5


def test_too_little_history_gives_empty_lists_and_no_division_by_nothing() -> None:
    found = run([], [], scales=[])
    assert (0, 0, [], [], []) == tuple(found)
    one = Course(0, WEEK_S, [0.0] * 168)
    assert [] == run([], [one, one, one], scales=[Known(1.0, 0.0)] * 3).scores


def test_weeks_of_nothing_are_scored_like_any_other() -> None:
    weeks = [Course(k * WEEK_S, (k + 1) * WEEK_S, [0.0] * 168) for k in range(5)]
    found = run([(0, 0.0)], weeks, scales=[Known(1.0, 0.0)] * 5)
    assert 2 == found.weeks
    assert 0.0 == found.scores[0].pinball
    assert all(a.recall is None for a in found.alarms)


def test_what_happens_later_in_the_week_never_changes_what_was_said() -> None:
    who = person(Random(4), "bursts", weeks=5)
    demand = who.demand()
    weeks = [
        Course(who.starts_at + k * WEEK_S, who.starts_at + (k + 1) * WEEK_S, demand[k * 1008 + 5 : (k + 1) * 1008 : 6])
        for k in range(5)
    ]
    cut = weeks[4].starts_at + 60 * 3600
    early = [row for row in who.hourly() if row[0] < cut]
    seen = backtest._Eyes(who.hourly(), weeks[4], Known(who.units_per_percent, 0.0))
    blind = backtest._Eyes(early, weeks[4], Known(who.units_per_percent, 0.0))
    assert blind.project(60) == seen.project(60)


@pytest.mark.parametrize("family", ["bursts", "deadline"])
def test_projection_beats_linear_with_its_own_errors_by_a_fifth(family: str) -> None:
    crowd = [person(Random(700 + i), family, weeks=10, elsewhere=(0.0, 0.1, 0.3)[i % 3]) for i in range(10)]
    found = {s.method: s for s in simulated(crowd, Random(1), alarms=False).scores}
    assert found["governor"].pinball < 0.8 * found["linear + its own errors"].pinball
    covered = found["governor"].covered
    assert covered is not None
    assert 0.66 < covered < 0.94  # 40 weeks, so the interval of a true 80 % reaches this far


def test_alarms_are_quiet_in_harmless_weeks_and_early_in_the_others() -> None:
    crowd = [person(Random(800 + i), "bursts", weeks=8, elsewhere=0.1) for i in range(6)]
    found = {a.rule: a for a in simulated(crowd, Random(1)).alarms}
    ours, line = found["governor"], found["linear > 100"]
    assert ours.false_share is not None
    assert line.false_share is not None
    assert ours.false_share < 0.5 * line.false_share
    assert ours.recall is None or ours.recall >= 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_made_up_people_are_what_they_are_said_to_be(family: str) -> None:
    who, twin = (person(Random(9), family, weeks=6, elsewhere=0.3) for _ in range(2))
    assert who == twin
    away = sum(who.elsewhere) / (sum(who.elsewhere) + sum(who.local))
    assert pytest.approx(0.3) == away
    assert 6 == who.weeks
    seen = readings(Random(2), who)
    assert all(s.used_percent == int(s.used_percent) for s in seen)
    assert pytest.approx(sum(u for _, u in who.hourly())) == sum(who.local)
