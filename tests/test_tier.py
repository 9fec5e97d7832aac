"""Tiers: which size of model suits the words, and whether a switch in mid-session pays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.hooks.router import model_tier as suits_room
from governor.hooks.router import stems, tier_hint
from governor.hooks.router.model_tier import suits

NOW = 1_795_316_400.0
WISHES = {
    "mode": "advise", "subagents": False, "claude": ["haiku", "sonnet", "opus"],
    "codex": ["gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol"], "small": [], "middle": [], "large": [],
}  # fmt: skip
FACTORS = {"haiku": 0.025, "sonnet": 0.6, "opus": 1.0, "claude-opus-5-5": 1.0, "claude-sonnet-5-5": 0.6,
           "claude-fable-5-2": 3.0, "gpt-6-luna": 0.025, "gpt-6.1-terra": 0.25, "gpt-6.1-sol": 0.5, "gpt-6-sol": 0.5,
           "gpt-6-astra": 2.5, "claude-haiku-4-5": 0.25}  # fmt: skip


def snapshot(verdict: str = "NUDGE", **wishes: Any) -> dict[str, Any]:
    lanes = {lane: {"verdict": verdict, "resets_at": NOW + 9_999} for lane in ("claude", "codex")}
    return {
        "written_at": NOW - 60,
        "lanes": lanes,
        "tiers": {**WISHES, **wishes},
        "factors": FACTORS,
        "sessions": {"s0": ["gpt-6-sol", 5_000, "codex"], "s": ["claude-opus-5-5", 100_000, "claude"]},
        "rewrite": 0.985,
        "read": 0.015,
    }


@pytest.mark.parametrize(
    ("text", "suited"),
    [
        ("Fix the typos in README.md", "small"),
        ("please rename Foo to Bar in all modules", "small"),
        ("Write a commit message for this change", "small"),
        ("Update the changelog", "small"),
        ("Format all files with black", "small"),
        ("Fix formatting and indentation in src/", "small"),
        ("Reword the error messages", "small"),
        ("Review the diff for bugs", "middle"),
        ("Diagnose why the build hangs", "middle"),
        ("Debug the failing test", "middle"),
        ("Write tests for the parser module", "middle"),
        ("can you add unit tests for config.py?", "middle"),
        ("Design the architecture of the new sync service", "large"),
        ("How should we design the auth flow?", "large"),
        ("Do a security review of the login flow", "large"),
        ("Find security vulnerabilities in auth.py", "large"),
        ("Review the architecture proposal", "large"),
        ("what is this?", ""),
        ("please fix the bug in parser.py", ""),
        ("Implement pagination across all endpoints and write the tests for every module", ""),
        ("Fix the typos and implement retries", ""),
        ("rename the function and update the tests", ""),
        ("Don't rename anything yet", ""),
        ("Investigate the flaky test and fix it", ""),
        ("Implement it per the design doc", ""),
        ("> Fix the typos in README.md", ""),
        ("<task-notification>Fix the typos</task-notification>", ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_which_tier_the_words_ask_for(text: object, suited: str) -> None:
    assert suited == suits(text, {}).tier


def test_a_look_at_the_bytes_never_overlooks_a_prompt_that_fits_a_tier() -> None:
    for verb in sorted(suits_room.SMALL_VERBS):
        assert stems.may_matter(f'{{"prompt": "{verb} it"}}'.encode()), verb
    for thing in sorted(suits_room.TEXT_THINGS | suits_room.LARGE | suits_room.MIDDLE):
        text = f"Please fix the {thing}" if thing in suits_room.TEXT_THINGS else f"How do we handle {thing}?"
        if suits(text, {}).tier:
            assert stems.may_matter(f'{{"prompt": "{text}"}}'.encode()), thing


def test_a_persons_own_words_count_and_inflect() -> None:
    own = snapshot(small=["localise"], middle=["benchmark"], large=["ledger"])
    assert ["small", "middle", "large", ""] == [
        suits(text, own if text != "Localise it" else {}).tier
        for text in ("Localise the labels", "How do we benchmark this?", "Review the ledger", "Localise it")
    ]


def test_small_work_is_asked_for_in_few_words() -> None:
    assert "" == suits("Fix the typos. " + "There is more to be said about it. " * 20, {}).tier


@given(st.text())
def test_any_text_fits_some_tier_or_none_and_signals_are_words_of_the_tables(text: str) -> None:
    found = suits(text, {})
    assert found.tier in ("", "small", "middle", "large")
    assert bool(found.tier) == bool(found.signals)


@pytest.mark.parametrize(
    ("model", "lane", "expected"),
    [
        ("claude-opus-5-5", "claude", "large"), ("claude-haiku-4-5", "claude", "small"), ("sonnet", "claude", "middle"),
        ("claude-fable-5-2", "claude", "large"), ("gpt-6-sol", "codex", "large"), ("gpt-6-luna", "codex", "small"),
        ("gpt-6-astra", "codex", "large"), ("gpt-6.1-terra", "codex", "middle"),
        ("who-knows", "codex", ""), ("", "claude", ""),
    ],
)  # fmt: skip
def test_the_tier_of_a_model_by_name_or_by_weight(model: str, lane: str, expected: str) -> None:
    assert expected == tier_hint.tier_of(model, snapshot(), lane)


def test_a_model_is_named_as_the_person_wrote_it() -> None:
    found = snapshot(claude=["Haiku", "sonnet", "opus"])
    found["factors"] = {**FACTORS, "Haiku": 0.025}
    assert "small" == tier_hint.tier_of("claude-haiku-4-5", found, "claude")
    assert "Haiku" == hint(found=found).to


def hint(text: str = "Fix the typos in README.md", found: dict[str, Any] | None = None, **more: Any) -> tier_hint.Hint:
    told = {"lane": "claude", "now": NOW, "model": "claude-opus-5-5", "context": 100_000, **more}
    return tier_hint.hint(suits(text, found or snapshot()), found or snapshot(), **told)


def test_a_switch_that_pays_is_offered_with_its_price() -> None:
    found = hint()
    assert ("smaller-suits", "haiku") == (found.rule, found.to)
    assert found.cost == pytest.approx(100_000 * 0.985 * 0.025)
    assert found.saved == pytest.approx(10 * (100_000 * 0.015 + 5_000) * 0.975)
    line = tier_hint.line_for(found, lane="claude")
    assert line.endswith("/model haiku")
    assert len(line) <= tier_hint.LINE


@pytest.mark.parametrize(
    ("text", "more", "rule"),
    [
        ("Review the diff for bugs", {}, "costs-more"),  # 100k into sonnet's cache
        ("Review the diff for bugs", {"context": 20_000}, "smaller-suits"),
        ("Design the architecture of it", {"model": "sonnet"}, "upward"),
        ("Design the architecture of it", {}, "same-tier"),
        ("what is this?", {}, "unclear"),
        ("Fix the typos", {"model": ""}, "model-unknown"),
        ("Fix the typos", {"model": "who-knows"}, "tier-unknown"),
        ("Fix the typos", {"context": None}, "context-unknown"),
        ("Fix the typos", {"now": NOW + 7 * 3600}, "stale-letter"),
        ("Fix the typos", {"now": NOW + 10_000}, "roomy"),
    ],
)
def test_what_is_not_offered_and_why(text: str, more: dict[str, Any], rule: str) -> None:
    found = hint(text, **more)
    assert rule == found.rule
    assert bool(found.to) == (rule == "smaller-suits")
    assert rule in tier_hint.WHY
    assert bool(tier_hint.line_for(found, lane="claude")) == bool(found.to)


def test_without_pressure_or_when_switched_off_nothing_is_offered() -> None:
    assert ["roomy", "off", "off"] == [
        hint(found=snapshot("GO")).rule,
        hint(found=snapshot(mode="off")).rule,
        hint(found=snapshot(mode="nonsense")).rule,
    ]


@given(st.integers(0, 10**6), st.floats(0.001, 4), st.floats(0.001, 4))
def test_a_switch_is_never_offered_where_the_context_costs_more_than_it_saves(
    context: int, before: float, after: float
) -> None:
    found = snapshot()
    found["factors"] = {**FACTORS, "claude-opus-5-5": before, "haiku": after}
    told = hint(found=found, context=context)
    assert bool(told.to) == (context * 0.985 * after < 10 * (context * 0.015 + 5_000) * (before - after))


def word(found: dict[str, Any] | None = None, told: set[str] | None = None, **more: Any) -> dict[str, Any] | None:
    event = {"session_id": "s", "prompt": "Fix the typos in README.md", **more}
    return tier_hint.word(event, found or snapshot(), lane="claude", now=NOW, seen=(told or set()).__contains__)


def test_a_prompt_is_answered_once_for_a_while_and_always_recorded() -> None:
    first = word()
    assert first is not None
    assert "/model haiku" in first["person"]
    again = word(told={first["once"]})
    assert again is not None
    assert ("", "", False) == (again["person"], again["once"], again["record"]["tier"]["said"])
    assert first["record"]["tier"] == {
        "tier": "small", "rule": "smaller-suits", "from": "claude-opus-5-5", "to": "haiku", "said": True,
        "mode": "advise", "signals": ["typo"], "saved_units": 63_375, "cost_units": 2_462,
    }  # fmt: skip


def test_shadow_records_and_says_nothing_and_what_fits_no_tier_leaves_no_trace() -> None:
    shadow = word(snapshot(mode="shadow"))
    assert shadow is not None
    assert ("", "shadow") == (shadow["person"], shadow["record"]["tier"]["mode"])
    assert word(prompt="what is this?") is None
    assert word(session_id="unheard") is None


def test_the_latest_session_of_a_lane() -> None:
    assert ["s", "s0", ""] == [
        tier_hint.latest(snapshot(), "claude"),
        tier_hint.latest(snapshot(), "codex"),
        tier_hint.latest({}, "claude"),
    ]
