"""Degrading: only near the wall, only downward, never silently, and never where it costs more than it saves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.hooks.router import tier_hint
from governor.hooks.spawn import degrade
from governor.hooks.spawn.spawn_event import SpawningCall

NOW = 1_795_316_400.0
USE = {
    "n": 9,
    "input": 2_000.0,
    "output": 50_000.0,
    "cache_read": 9_000.0,
    "cache_write": 40_000.0,
    "opening": 20_000.0,
}
FACTORS = {"opus": 1.0, "claude-opus-5-5": 1.0, "sonnet": 0.6, "claude-sonnet-5-5": 0.6, "haiku": 0.025, "fable": 3.0,
           "gpt-6-sol": 0.5, "gpt-6-luna": 0.025}  # fmt: skip


def snapshot(verdict: str = "SLOW", **more: Any) -> dict[str, Any]:
    windows = [{"window": "week", "verdict": verdict, "resets_at": NOW + 9_999}]
    wish = {"mode": "act", "at": "SLOW", "claude": "haiku", "codex": "", "critical": ["Plan"], **more.pop("wish", {})}
    return {
        "version": 1,
        "written_at": NOW - 60,
        "lanes": {"claude": windows, "codex": windows},
        "degrade": wish,
        "factors": FACTORS,
        "types": {"claude": {"Explore": USE, "": USE}},
        "rewrite": 0.985,
        **more,
    }


def called(kind: str = "Explore", **given: Any) -> SpawningCall:
    return SpawningCall({"tool_name": "Agent", "tool_input": {"subagent_type": kind, **given}, "session_id": "s"})


def rule(found: dict[str, Any] | None = None, what: SpawningCall | None = None, **more: Any) -> str:
    told = {"lane": "claude", "now": NOW, "current": "claude-opus-5-5", **more}
    return degrade.degrade(what or called(), snapshot() if found is None else found, **told).rule


# ---- when ------------------------------------------------------------------------------------------------------------


def test_near_the_wall_a_routine_agent_moves_and_the_saving_is_stated() -> None:
    shift = degrade.degrade(called(), snapshot(), lane="claude", now=NOW, current="claude-opus-5-5")
    assert ("cheaper", "claude-opus-5-5", "haiku", "type") == (shift.rule, shift.was, shift.to, shift.basis)
    assert pytest.approx(101_000 - 0.025 * (101_000 + 0.985 * 20_000)) == shift.saved


@pytest.mark.parametrize(
    ("at", "verdict", "expected"),
    [("SLOW", "NUDGE", "roomy"), ("SLOW", "STOP", "cheaper"), ("NUDGE", "NUDGE", "cheaper"), ("STOP", "SLOW", "roomy"),
     ("SLOW", "GO", "roomy"), ("SLOW", "nonsense", "roomy")],
)  # fmt: skip
def test_the_verdict_from_which_on(at: str, verdict: str, expected: str) -> None:
    assert expected == rule(snapshot(verdict, wish={"at": at}))


def test_the_worst_window_that_has_not_reset_counts() -> None:
    windows = [
        {"window": "5h", "verdict": "STOP", "resets_at": NOW - 1},
        {"window": "week", "verdict": "NUDGE", "resets_at": NOW + 5},
        {"window": "x", "verdict": "STOP", "resets_at": None},
        "junk",
    ]
    assert ("NUDGE", "week", int(NOW + 5)) == degrade.wall({"lanes": {"claude": windows}}, "claude", NOW)
    assert "roomy" == rule(snapshot(lanes={"claude": windows}))


@pytest.mark.parametrize(
    ("found", "expected"),
    [({}, "no-letter"), (snapshot(written_at=NOW - 7 * 3600), "stale-letter"),
     (snapshot(written_at=NOW + 600), "stale-letter"),
     (snapshot(written_at=None), "no-letter"), (snapshot(wish={"mode": "off"}), "off"), (snapshot(lanes=[]), "roomy"),
     (snapshot(degrade=7), "off")],
)  # fmt: skip
def test_what_is_not_known_now_changes_nothing(found: dict[str, Any], expected: str) -> None:
    assert expected == rule(found)


# ---- what never moves ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Plan", "plan", "my-plugin:Plan"])
def test_critical_types_never_move(kind: str) -> None:
    assert "critical" == rule(what=called(kind))


def test_forks_and_calls_without_a_model_never_move() -> None:
    assert "fork" == rule(what=called("fork"))
    assert "fixed" == rule(what=SpawningCall({"tool_name": "Workflow", "tool_input": {}}))


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [("haiku", "haiku", "as-cheap"), ("haiku", "sonnet", "as-cheap"), ("claude-sonnet-5-5", "opus", "as-cheap"),
     ("", "haiku", "model-unknown"), ("brand-new-9", "haiku", "weight-unknown"), ("opus", "", "no-target"),
     ("opus", "gpt-6-luna", "no-target")],
)  # fmt: skip
def test_never_upward_nor_sideways_nor_into_the_unknown(current: str, target: str, expected: str) -> None:
    assert expected == rule(snapshot(wish={"claude": target}), current=current)


def test_a_models_date_changes_nothing() -> None:
    assert "cheaper" == rule(current="claude-opus-5-5-20260901")
    assert "weight-unknown" == rule(current="claude-opus-5-5-preview")


def test_a_type_that_ran_on_something_lighter_is_not_lifted_to_the_target() -> None:
    """Its own file may name the lighter model, where we cannot see."""
    types = {"claude": {"Explore": {**USE, "most": 0.025}}}
    assert "as-cheap" == rule(snapshot(wish={"claude": "sonnet"}, types=types))
    assert "cheaper" == rule(snapshot(types=types)), "the target itself is no reason"


def test_codex_moves_only_in_the_second_version_without_history_and_to_a_named_model() -> None:
    found = snapshot(wish={"codex": "gpt-6-luna"})

    def codex(**given: Any) -> str:
        what = SpawningCall({"tool_name": "collaborationspawn_agent", "tool_input": given})
        return rule(found, what, lane="codex", current="gpt-6-sol")

    assert "cheaper" == codex(task_name="a", fork_turns="none")
    assert "fork" == codex(task_name="a")
    assert "fixed" == codex(message="first version")
    found = snapshot()
    assert "no-target" == codex(task_name="a", fork_turns="none")


# ---- whether it pays -------------------------------------------------------------------------------------------------


def test_a_long_opening_and_a_short_task_cost_more_on_the_other_model() -> None:
    small = {**USE, "output": 2_000.0, "cache_read": 1_000.0, "cache_write": 500.0, "opening": 40_000.0}
    found = snapshot(wish={"claude": "sonnet"}, types={"claude": {"Explore": small}})
    shift = degrade.degrade(called(), found, lane="claude", now=NOW, current="opus")
    assert ("costs-more", "") == (shift.rule, shift.to)
    assert shift.saved is not None
    assert shift.saved < 0


def test_a_type_without_history_goes_by_all_agents_and_without_any_by_half_the_weight() -> None:
    assert "all" == degrade.degrade(called("new"), snapshot(), lane="claude", now=NOW, current="opus").basis
    bare = snapshot(types={})
    shift = degrade.degrade(called(), bare, lane="claude", now=NOW, current="opus")
    assert ("cheaper", "haiku", None, "none") == (shift.rule, shift.to, shift.saved, shift.basis)
    assert "no-history" == rule(snapshot(types={}, wish={"claude": "sonnet"}))


AMOUNT = st.floats(0, 1e8)
FACTOR = st.floats(0.001, 4)


@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, FACTOR, FACTOR)
def test_a_move_is_made_exactly_where_it_is_cheaper_in_all(
    fresh: float, output: float, read: float, written: float, opening: float, before: float, after: float
) -> None:
    use = {"input": fresh, "output": output, "cache_read": read, "cache_write": written, "opening": opening}
    found = snapshot(types={"claude": {"Explore": use}}, factors={"now": before, "haiku": after})
    shift = degrade.degrade(called(), found, lane="claude", now=NOW, current="now")
    old = before * (fresh + output + read + written)
    new = after * (fresh + output + read + written + 0.985 * opening)
    if abs(old - new) > 1e-6 * max(old, new, 1):
        assert bool(shift.to) == (after < before and new < old)


@given(AMOUNT, AMOUNT, FACTOR, FACTOR)
def test_more_to_write_anew_never_saves_more(opening: float, more: float, before: float, after: float) -> None:
    found = snapshot()
    assert degrade.saving(
        {**USE, "opening": opening + more}, found, before=before, after=after
    ) <= degrade.saving({**USE, "opening": opening}, found, before=before, after=after)  # fmt: skip


# ---- what is said, and who decides -----------------------------------------------------------------------------------


def choose(found: dict[str, Any], what: SpawningCall | None = None, *, overridden: bool = False) -> degrade.Shift:
    return degrade.choose(
        what or called(), found, lane="claude", now=NOW, current="claude-opus-5-5", overridden=overridden
    )


def test_observing_and_an_override_leave_the_call_as_it_was() -> None:
    assert [True, False, False] == [
        choose(snapshot()).acts,
        choose(snapshot(wish={"mode": "observe"})).acts,
        choose(snapshot(), overridden=True).acts,
    ]
    assert "haiku" == choose(snapshot(wish={"mode": "observe"})).to, "and what would have been is recorded"


def test_the_word_is_full_once_and_short_after_and_never_missing() -> None:
    shift, found, what = choose(snapshot()), snapshot(), called()
    full, short = (degrade.told(shift, what, found, lane="claude", now=NOW, first=first) for first in (True, False))
    assert full.startswith(
        "governor: Claude's week is at SLOW: Explore runs on haiku instead of claude-opus-5-5 "
        "(≈ 98k units saved, estimate)"
    )
    assert "governor: Explore → haiku (≈ 98k units saved, estimate). As asked for: governor override 30m" == short
    assert full.endswith("governor override 30m")


def test_a_record_states_models_and_units_and_nothing_it_does_not_know() -> None:
    kept = degrade.record_of(choose(snapshot()))
    assert ("claude-opus-5-5", "haiku", 97_982, True) == tuple(
        kept[name] for name in ("from", "to", "saved_units", "degraded")
    )
    assert degrade.record_of(choose(snapshot(types={})))["saved_units"] is None
    assert degrade.record_of(choose(snapshot("GO")))["saved_units"] is None


def tiered(**more: Any) -> dict[str, Any]:
    wishes = {"mode": "advise", "subagents": True, "claude": ["haiku", "sonnet", "opus"], "codex": [], **more}
    return snapshot("GO", tiers=wishes)


@pytest.mark.parametrize(
    ("given", "wishes", "expected"),
    [
        ({"description": "Fix typos in docs"}, {}, ("haiku", "tier", True)),
        ({"description": "Review auth changes"}, {}, ("sonnet", "tier", True)),
        ({"description": "Design the architecture"}, {}, ("", "tier", False)),
        ({"description": "count the files"}, {}, ("", "tier", False)),
        ({"description": "Fix typos", "prompt": "Review the whole parser."}, {}, ("", "tier", False)),
        ({"description": "Fix typos in docs", "model": "opus"}, {}, ("", "tier", False)),
        ({"description": "Fix typos in docs"}, {"subagents": False}, ("", "wall", False)),
        ({"description": "Fix typos in docs"}, {"mode": "off"}, ("", "wall", False)),
        ({"description": "Fix typos in docs"}, {"mode": "shadow"}, ("haiku", "tier", False)),
    ],
)
def test_subagents_get_the_tier_that_suits_when_the_person_wants_it(
    given: dict[str, Any], wishes: dict[str, Any], expected: tuple[str, str, bool]
) -> None:
    shift = choose(tiered(**wishes), called(**given))
    assert expected == (shift.to, shift.by, shift.acts)


def test_tiers_move_nothing_that_never_moves() -> None:
    found = tiered()
    for kind in ("Plan", "fork"):
        assert (
            "" == tier_hint.for_subagent(called(kind, description="Fix typos"), found, lane="claude", current="opus").to
        )
