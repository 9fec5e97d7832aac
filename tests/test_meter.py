"""What a response costs the quota: relative, additive, and never money."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.config.schema import Budget
from governor.model import Tally
from governor.quota import units as quota_units

counts = st.integers(0, 10**9)
tallies = st.builds(
    Tally, counts, counts, counts, counts, counts, counts, counts, counts, counts, counts, counts, st.just(0.0)
)


@given(tallies, tallies, tallies)
def test_tallies_are_a_sum_with_a_zero(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Tally() == a == quota_units.total([a])
    assert a + b + c == quota_units.total([a, b, c])
    assert Tally() == quota_units.total([])
    assert a.total + b.total == (a + b).total
    assert a.generated == a.input + a.output


@given(tallies, tallies, st.sampled_from(["claude-opus-5-5", "claude-haiku-5-5", "gpt-6-sol", "what"]), st.booleans())
def test_units_are_additive_and_never_negative(a: Tally, b: Tally, model: str, fast: bool) -> None:
    def units(tally: Tally) -> float:
        return quota_units.units(tally, model, quota_units.DEFAULT, lane="codex", fast=fast)

    assert units(a) + units(b) == pytest.approx(units(a + b))
    assert units(a) >= 0


def test_the_classic_set_is_what_the_field_first_used() -> None:
    classic = quota_units.weights("classic")
    assert (1, 5, 0.1, 1.25, 1.25) == classic[1:6]
    names = ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-fable-5")
    assert [1.0, 0.6, 0.2, 2.0] == [classic.factor(name) for name in names]
    spent = Tally(input=100, output=10, cache_read=1000, cache_write_5m=80, cache_write_1h=80)
    assert 0.6 * (100 + 50 + 100 + 100 + 100) == pytest.approx(quota_units.units(spent, "claude-sonnet-5", classic))


def test_reasoning_is_part_of_output_and_searches_are_money_only() -> None:
    assert quota_units.units(Tally(output=10), "m", quota_units.DEFAULT) == quota_units.units(
        Tally(output=10, reasoning=9, searches=5, cost=10**15, requests=3), "m", quota_units.DEFAULT
    )


def test_fast_mode_moves_no_plan_meter_of_claude_and_more_of_codex() -> None:
    spent = Tally(input=100)
    assert 0 == quota_units.units(spent, "claude-opus-5-5", quota_units.DEFAULT, lane="claude", fast=True)
    assert 250 == quota_units.units(spent, "gpt-5.6-sol", quota_units.DEFAULT, lane="codex", fast=True)


def test_the_most_exact_family_wins_and_case_does_not_matter() -> None:
    factor = quota_units.DEFAULT.factor
    assert 1.0 == factor("claude-opus-5-5-20260922") == factor("us.anthropic.CLAUDE-OPUS-5-5")
    assert (1.35, 3.75) == (factor("claude-opus-5"), factor("claude-opus-4-1-20250805"))
    assert (0.025, 0.25) == (factor("claude-haiku-5-5"), factor("claude-haiku-4-5"))
    assert quota_units.DEFAULT.other == factor("a-model-of-2031")


@pytest.mark.parametrize("base", ["default", "classic"])
def test_ones_own_weights_lie_over_the_base_one_names(base: str) -> None:
    def chosen(**own: object) -> quota_units.Weights:
        return quota_units.weights(
            Budget.model_validate({"weights": {"base": base, **own}}).model_dump(mode="json")["weights"]
        )

    named = quota_units.NAMED[base]
    assert named[1:] == chosen()[1:]
    assert named._replace(name="custom", output=4.0) == chosen(output=4)
    own = chosen(models={"opus": 9, "mine": 0.5})
    assert (9, 0.5) == (own.factor("claude-opus-5-5"), own.factor("mine-1"))
    assert named.factor("claude-haiku-4-5") == own.factor("claude-haiku-4-5")


def test_an_unknown_set_of_weights_is_refused() -> None:
    with pytest.raises(KeyError):
        quota_units.weights("nobody's")
