"""The quality canary's test: never wrong more often than it says, and not blind."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.review import canary
from governor.review.canary import METRICS, Day, QualityChange

CHANGED = 28  # the day on which policy "new" begins
RATES = {"interruptions": 0.05, "failures": 0.06, "asked_again": 0.06, "reverts": 0.03}


def life(rng: random.Random, *, worse: float = 1.0, spread: float = 0.0, days: int = 56) -> list[Day]:
    """Eight weeks of one model. ``spread``: how much days differ beyond chance (the share of a day's own rate)."""

    def bad(whole: int, name: str, factor: float) -> int:
        rate = RATES[name] * factor
        if spread:
            rate = rng.betavariate(rate * (1 - spread) / spread, (1 - rate) * (1 - spread) / spread)
        return sum(rng.random() < rate for _ in range(whole))

    made = []
    for day in range(days):
        factor = worse if day >= CHANGED else 1.0
        prompts, calls = rng.randrange(40), rng.randrange(200)
        counts = [
            (prompts, "interruptions"),
            (calls, "failures"),
            (prompts // 2, "asked_again"),
            (calls // 4, "reverts"),
        ]
        flat = [number for whole, name in counts for number in (whole, bad(whole, name, factor))]
        made.append(Day("claude", "opus", "new" if day >= CHANGED else "old", day, *flat))
    return made


def ever_alarmed(days: list[Day], false_alarms: float) -> bool:
    """Would the canary have cried on any day of the four weeks after the change?"""
    return any(
        one.is_alarm
        for today in range(CHANGED + 2, CHANGED + 29, 2)
        for one in canary.watch(days, ["old", "new"], today=today, false_alarms=false_alarms)
    )


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.15])
def test_it_is_wrong_no_more_often_than_it_says(spread: float) -> None:
    """Looked at every other day for four weeks, with nothing changed, 200 lives: at a level of 5 % at most 5 % alarm,
    give or take what 200 lives can show (two standard errors)."""
    rng = random.Random(11)
    wrong = sum(ever_alarmed(life(rng, spread=spread), 0.05) for _ in range(200))
    assert wrong / 200 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize(("spread", "least"), [(0.0, 0.95), (0.05, 0.7)])
def test_it_sees_what_got_much_worse(spread: float, least: float) -> None:
    rng = random.Random(12)
    assert sum(ever_alarmed(life(rng, worse=2.5, spread=spread), 0.01) for _ in range(40)) / 40 >= least


def test_what_got_better_is_no_alarm() -> None:
    rng = random.Random(13)
    assert not any(ever_alarmed(life(rng, worse=0.2), 0.2) for _ in range(10))


def test_a_small_worsening_is_no_alarm_however_sure() -> None:
    """10 % to 11 % of a hundred thousand calls is certain, and nobody's concern."""
    before = [Day("claude", "opus", "old", day, calls=10_000, failures=1_000) for day in range(10)]
    after = [Day("claude", "opus", "new", day, calls=10_000, failures=1_100) for day in range(10, 20)]
    (found,) = [
        one
        for one in canary.watch([*before, *after], ["old", "new"], today=30, false_alarms=0.01)
        if one.metric == "failed tool calls"
    ]
    assert found.p is not None
    assert found.p < 1e-6
    assert not found.is_alarm


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 14), st.integers(1, 14))
def test_fisher_is_the_hypergeometric_tail(x: int, y: int, n: int, m: int) -> None:
    """Against counting: which share of all ways to deal the events gives the new side as many?"""
    x, y = min(x, n), min(y, m)
    events = x + y
    ways = [math.comb(m, k) * math.comb(n, events - k) for k in range(y, min(events, m) + 1) if events - k <= n]
    assert pytest.approx(sum(ways) / math.comb(n + m, events)) == canary.fisher((x, n), (y, m))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=20))
def test_the_design_effect_never_makes_evidence(days: list[tuple[int, int]]) -> None:
    sane = [(min(x, n), n) for x, n in days]
    assert canary.design_effect([sane]) >= 1


def test_days_that_differ_count_less_than_their_events() -> None:
    even = [(5, 100)] * 20
    uneven = [(0, 100), (10, 100)] * 10
    assert 1 == canary.design_effect([even])
    assert 5 < canary.design_effect([uneven]) < 8


def test_looks_are_the_same_whenever_they_are_taken() -> None:
    """A comparison made today and one made in a week agree on what the first days said: looks are fixed by counts."""
    days = life(random.Random(5), worse=3)
    early = canary.watch(days[:40], ["old", "new"], today=40, false_alarms=0.01)
    again = canary.watch([day for day in days if day.day < 40], ["old", "new"], today=40, false_alarms=0.01)
    assert early == again
    assert max(one.looks for one in early) >= 2


def test_a_day_that_is_not_over_counts_nothing() -> None:
    days = life(random.Random(5))
    assert canary.watch(days[:40], ["old", "new"], today=40, false_alarms=0.01) == canary.watch(
        days[:41], ["old", "new"], today=40, false_alarms=0.01
    )


@pytest.mark.parametrize(("before", "after"), [(4, 10), (10, 4)])
def test_few_days_are_not_compared(before: int, after: int) -> None:
    def side(policy: str, days: range) -> list[Day]:
        return [Day("claude", "opus", policy, day, calls=100, failures=50 if policy == "new" else 0) for day in days]

    change = QualityChange(
        "policy", "claude", "opus", 20, side("old", range(20 - before, 20)), side("new", range(20, 20 + after))
    )
    assert canary.compare(change, "failed tool calls").p is None


def test_one_policy_is_no_change_and_a_first_model_is_none_either() -> None:
    days = [Day("claude", "opus", "only", day, calls=100) for day in range(30)]
    assert [] == canary.watch(days, ["only"], today=31, false_alarms=0.01)


def test_a_new_model_is_compared_with_those_before_it() -> None:
    old = [Day("claude", "opus-5", "p", day, prompts=40, interruptions=1) for day in range(20)]
    new = [Day("claude", "opus-6", "p", day, prompts=40, interruptions=12) for day in range(20, 30)]
    found = canary.watch([*old, *new], ["p"], today=31, false_alarms=0.01)
    (alarm,) = [one for one in found if one.is_alarm]
    assert ("model", "opus-6", 20, "interruptions") == (alarm.kind, alarm.model, alarm.since, alarm.metric)
    assert ((20, 800), (120, 400)) == (alarm.before, alarm.after)
    sides = "interruptions went from 2.5 % (20 of 800) to 30.0 % (120 of 400)"
    assert f"{sides} with opus-6 since a model change on 1970-01-21" == alarm.sentence


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.2))
def test_holm_lets_no_more_through_than_the_level_and_keeps_order(ps: list[float], level: float) -> None:
    empty = canary.Comparison("policy", "claude", "opus", 0, "x", (1, 100), (90, 100), 1, None)
    judged = canary.holm([empty._replace(p=p) for p in ps], level)
    alarms = sorted(one.p for one in judged if one.is_alarm and one.p is not None)
    silent = [one.p for one in judged if not one.is_alarm and one.p is not None]
    assert not alarms or alarms[0] <= level / len(ps)
    assert all(a <= s for a, s in product(alarms, silent))


def test_every_metric_names_fields_that_exist() -> None:
    assert {name for pair in METRICS.values() for name in pair} <= set(Day._fields)
