"""Counting subagents: once each, whatever order the events come in, and never beyond a cap."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.hooks.spawn import over_limit
from governor.hooks.spawn import rules as spawn_rules
from governor.hooks.spawn.spawn_event import SpawningCall, is_spawn, running, target

BOOT = "boot-1"
CAPS = {"concurrent": 3, "fan_out": 10, "total": 50, "depth": 3, "tree_tokens": None}


def call(use: str, **more: Any) -> spawn_rules.SpawnCall:
    return spawn_rules.SpawnCall(use, **{"prompt": "p", "kind": "Explore", **more})


def taken(book: spawn_rules.Book, use: str, *, at: float = 0.0, limits: dict[str, Any] = CAPS, **more: Any) -> Any:
    return spawn_rules.take(book, call(use, **more), limits, tick=(at, BOOT), enforce=True)


def holding(*uses: str, at: float = 0.0) -> spawn_rules.Book:
    book = spawn_rules.fresh()
    for use in uses:
        _, book = taken(book, use, at=at, limits={})
    return book


# ---- the caps --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "more", "rule", "count"),
    [
        ({"concurrent": 2}, {}, "concurrent", 2),
        ({"fan_out": 2}, {}, "fan_out", 2),
        ({"total": 2}, {}, "total", 2),
        ({"depth": 3}, {"depth": 4}, "depth", 3),
        ({"tree_tokens": 1000}, {"tokens": 1000}, "tree_tokens", 1000),
    ],
)
def test_each_cap_names_itself_its_count_and_its_limit(
    limits: dict[str, Any], more: dict[str, Any], rule: str, count: int
) -> None:
    book = holding("a", "b")
    verdict, after = taken(book, "c", limits=limits, **more)
    assert (rule, count, next(iter(limits.values()))) == (verdict.rule, verdict.count, verdict.limit)
    assert after is book, "what is refused is not counted"


@pytest.mark.parametrize(
    ("limits", "more"),
    [({"concurrent": 3}, {}), ({"depth": 3}, {"depth": 3}), ({"tree_tokens": 1000}, {"tokens": 999}),
     ({"tree_tokens": 1}, {"tokens": None}), ({"fan_out": 2}, {"prompt": "another"}), ({"fan_out": 1}, {"prompt": ""}),
     ({"total": "many"}, {}), ({"total": True}, {})],
)  # fmt: skip
def test_within_a_cap_and_without_a_figure_for_it_there_is_no_word(
    limits: dict[str, Any], more: dict[str, Any]
) -> None:
    assert "" == taken(holding("a", "b"), "c", limits=limits, **more)[0].rule


def test_whoever_is_not_held_to_a_cap_is_counted_all_the_same() -> None:
    verdict, after = spawn_rules.take(holding("a"), call("b"), {"concurrent": 1}, tick=(0.0, BOOT), enforce=False)
    assert ("concurrent", 2, 2) == (verdict.rule, verdict.open, after["total"])


# ---- events out of order, and twice ----------------------------------------------------------------------------------


def test_the_same_call_counts_once_while_it_runs_and_after() -> None:
    book = holding("a")
    again, same = taken(book, "a", limits={"concurrent": 1})
    assert (True, "", True) == (again.repeated, again.rule, same is book)
    ended = spawn_rules.end(spawn_rules.bind(book, call("a"), "agent", tick=(1.0, BOOT)), ("agent",), tick=(2.0, BOOT))
    late, same = taken(ended, "a", limits={"total": 1})
    assert (True, "", {}) == (late.repeated, late.rule, same["open"])


def test_an_agent_that_ends_before_its_id_is_heard_leaves_no_lease() -> None:
    """Foreground agents stop before their call returns, and so do quick ones in the background."""
    book = spawn_rules.end(holding("a"), ("agent",), tick=(1.0, BOOT))
    assert {} == spawn_rules.bind(book, call("a"), "agent", tick=(2.0, BOOT))["open"]


def test_a_stop_from_before_the_call_does_not_end_a_task_of_the_same_name() -> None:
    """Codex names tasks, and a name may come again."""
    book = spawn_rules.end(spawn_rules.fresh(), ("id", "/root/one"), tick=(1.0, BOOT))
    _, book = taken(book, "a", at=5.0)
    assert ["a"] == list(spawn_rules.bind(book, call("a"), "/root/one", tick=(6.0, BOOT))["open"])


def test_a_call_nobody_counted_is_counted_when_it_is_heard_of() -> None:
    book = spawn_rules.bind(spawn_rules.fresh(), call("a"), "agent", tick=(0.0, BOOT))
    assert (1, ["a"], {"p": 1}) == (book["total"], list(book["open"]), book["prompts"])
    assert (True, book) == (taken(book, "a")[0].repeated, taken(book, "a")[1])
    assert 1 == spawn_rules.finish(spawn_rules.fresh(), call("b"), tick=(0.0, BOOT))["total"]


def test_a_return_heard_again_after_the_end_brings_nothing_back() -> None:
    book = spawn_rules.bind(holding("a"), call("a"), "agent", tick=(1.0, BOOT))
    ended = spawn_rules.end(book, ("agent",), tick=(2.0, BOOT))
    assert ended == spawn_rules.bind(ended, call("a"), "agent", tick=(3.0, BOOT))
    finished = spawn_rules.finish(holding("a"), call("a"), tick=(1.0, BOOT))
    assert finished == spawn_rules.bind(finished, call("a"), "agent", tick=(3.0, BOOT))


def test_what_the_client_refused_counts_for_nothing() -> None:
    book = spawn_rules.undo(holding("a", "b"), call("b"))
    assert (1, ["a"], {"p": 1}) == (book["total"], list(book["open"]), book["prompts"])
    assert book == spawn_rules.undo(book, call("b"))


EVENTS = st.lists(
    st.tuples(st.sampled_from(["take", "bind", "finish", "end", "undo", "settle"]), st.integers(0, 11)), max_size=80
)


@given(EVENTS, st.integers(1, 4))
def test_whatever_comes_in_whatever_order_the_book_stays_sound_and_within_its_caps(
    events: list[tuple[str, int]], most: int
) -> None:
    book = spawn_rules.fresh()
    heard: set[str] = set()
    for at, (kind, number) in enumerate(events):
        use, agent, tick = f"use{number}", f"agent{number}", (float(at), BOOT)
        before = len(book["open"])
        if kind == "take":
            verdict, book = spawn_rules.take(book, call(use), {"concurrent": most}, tick=tick, enforce=True)
            assert len(book["open"]) <= max(before, most)
            assert verdict.rule == "" or before >= most
        elif kind == "bind":
            book = spawn_rules.bind(book, call(use), agent, tick=tick)
        elif kind == "finish":
            book = spawn_rules.finish(book, call(use), tick=tick)
        elif kind == "end":
            book = spawn_rules.end(book, (agent,), tick=tick)
        elif kind == "undo":
            book = spawn_rules.undo(book, call(use))
        else:
            book = spawn_rules.settle(book, {use: spawn_rules.Look(finished=True)}, tick=tick, lease_s=60)
        heard.add(use)
        book = json.loads(json.dumps(book))
        assert spawn_rules.sound(book)
        assert book["total"] <= len(heard), "no call counts twice"
        assert set() == set(book["open"]) & set(book["done"])


@given(st.permutations(["bind a", "bind b", "end a", "end b", "take a", "take b", "take a", "end a", "bind b"]))
def test_two_agents_that_came_and_went_leave_a_count_of_two_and_no_lease(order: list[str]) -> None:
    """Provided that every agent's end is heard after its call: nobody stops what was never begun."""
    book = spawn_rules.fresh()
    begun: list[str] = []
    for at, step in enumerate([*order, "end a", "end b"]):
        kind, _, use = step.partition(" ")
        tick = (float(at), BOOT)
        if kind == "take":
            _, book = spawn_rules.take(book, call(use), {}, tick=tick, enforce=True)
        elif kind == "bind":
            book = spawn_rules.bind(book, call(use), f"agent {use}", tick=tick)
        else:
            book = spawn_rules.end(book, (f"agent {use}",), tick=tick)
        begun.append(use)
    assert (2, {}) == (book["total"], book["open"])


def test_what_is_remembered_stays_small() -> None:
    book = spawn_rules.fresh()
    for number in range(1000):
        _, book = taken(book, f"u{number}", limits={}, prompt=f"p{number}")
        book = spawn_rules.finish(book, call(f"u{number}"), tick=(0.0, BOOT))
        book = spawn_rules.end(book, (f"agent{number}",), tick=(0.0, BOOT))
    assert 1000 == book["total"]
    assert len(json.dumps(book)) < 32_000


@pytest.mark.parametrize(
    "broken",
    [None, [], {}, {**spawn_rules.fresh(), "version": 2}, {**spawn_rules.fresh(), "total": -1}, {**spawn_rules.fresh(), "total": True},
     {**spawn_rules.fresh(), "open": []}, {**spawn_rules.fresh(), "open": {"a": {"agent": ""}}},
     {**spawn_rules.fresh(), "gone": {"a": 1}}, {**spawn_rules.fresh(), "prompts": {"p": "x"}}],
)  # fmt: skip
def test_what_cannot_be_counted_with_is_told(broken: object) -> None:
    assert not spawn_rules.sound(broken)


# ---- leases that nobody gives back -----------------------------------------------------------------------------------


def settled(book: spawn_rules.Book, at: float, *, boot: str = BOOT, lease_s: float = 100, **look: Any) -> list[str]:
    looks = {use: spawn_rules.Look(**look) for use in book["open"]} if look else {}
    return list(spawn_rules.settle(book, looks, tick=(at, boot), lease_s=lease_s)["open"])


def test_an_agent_that_the_client_says_has_finished_is_over_at_once() -> None:
    assert [] == settled(holding("a"), 1.0, finished=True)


def test_a_call_that_started_nothing_is_over_after_a_while() -> None:
    assert ["a"] == settled(holding("a"), 60.0, started=False)
    assert [] == settled(holding("a"), 121.0, started=False, lease_s=1000)
    bound = spawn_rules.bind(holding("a"), call("a"), "agent", tick=(1.0, BOOT))
    assert ["a"] == settled(bound, 121.0, started=False, lease_s=1000)


def test_within_its_lease_an_agent_is_left_alone() -> None:
    assert ["a"] == settled(holding("a"), 99.0)


def test_past_its_lease_an_agent_without_a_trace_is_over() -> None:
    assert [] == settled(holding("a"), 101.0)


def test_past_its_lease_an_agent_that_still_writes_keeps_it() -> None:
    book = holding("a")
    for at, mark in ((200.0, 1), (900.0, 2), (1700.0, 3)):
        book = spawn_rules.settle(book, {"a": spawn_rules.Look(mark=mark)}, tick=(at, BOOT), lease_s=100)
        assert ["a"] == list(book["open"])
    assert ["a"] == settled(book, 2000.0, mark=3)
    assert [] == settled(book, 2301.0, mark=3), "silent for ten minutes"


def test_a_restart_frees_what_has_no_trace_and_looks_twice_at_the_rest() -> None:
    assert [] == settled(holding("a", at=500.0), 10.0, boot="boot-2")
    once = spawn_rules.settle(
        holding("a", at=500.0), {"a": spawn_rules.Look(mark=1)}, tick=(10.0, "boot-2"), lease_s=100
    )
    assert ["a"] == list(once["open"])
    assert ["a"] == settled(once, 300.0, boot="boot-2", mark=1)
    assert [] == settled(once, 700.0, boot="boot-2", mark=1)


def test_a_found_agent_is_bound_to_its_call() -> None:
    book = spawn_rules.settle(
        holding("a"), {"a": spawn_rules.Look(agent="x", started=True)}, tick=(1.0, BOOT), lease_s=100
    )
    assert {} == spawn_rules.end(book, ("x",), tick=(2.0, BOOT))["open"]
    assert 1 == spawn_rules.depth_of(book, "x")
    assert spawn_rules.depth_of(book, "") is None


# ---- what an event says ----------------------------------------------------------------------------------------------


def event(tool: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"tool_name": tool, "tool_input": given, "session_id": "s", "tool_use_id": "t", **more}


@pytest.mark.parametrize("tool", ["Agent", "Task", "Workflow", "spawn_agent", "collaborationspawn_agent"])
def test_tools_that_spawn(tool: str) -> None:
    assert is_spawn(tool)


@pytest.mark.parametrize("tool", ["TaskCreate", "SendMessage", "Bash", "collaborationwait_agent", None, 7])
def test_tools_that_do_not(tool: object) -> None:
    assert not is_spawn(tool)


@pytest.mark.parametrize(
    ("tool", "given", "kind", "forks", "movable"),
    [
        ("Agent", {}, "general-purpose", False, True),
        ("Agent", {"subagent_type": "fork"}, "fork", True, True),
        ("Workflow", {"script": "x"}, "Workflow", False, False),
        ("collaborationspawn_agent", {"task_name": "a"}, "default", True, True),
        ("collaborationspawn_agent", {"task_name": "a", "fork_turns": "none"}, "default", False, True),
        ("spawn_agent", {"message": "a", "agent_type": "worker"}, "worker", True, False),
    ],
)
def test_what_a_call_asks_for(tool: str, given: dict[str, Any], kind: str, forks: bool, movable: bool) -> None:
    what = SpawningCall(event(tool, given))
    assert (kind, forks, movable) == (what.kind, what.forks, what.movable)


def test_a_call_of_any_shape_is_a_call() -> None:
    what = SpawningCall({"tool_name": 3, "tool_input": [], "session_id": None, "tool_use_id": 5, "turn_id": "t"})
    assert ("", "", "t", "") == (what.session, what.use, what.prompt, what.model)


@pytest.mark.parametrize(
    ("tool", "response", "name"),
    [
        ("Agent", {"status": "async_launched", "agentId": "a1"}, "a1"),
        ("Workflow", {"status": "async_launched", "taskId": "w", "runId": "wf_1"}, "wf_1"),
        ("Agent", {"status": "completed", "agentId": "a1"}, ""),
        ("Agent", {"status": "remote_launched", "taskId": "r"}, ""),
        ("Agent", "text", ""),
        ("collaborationspawn_agent", '{"task_name":"/root/one"}', "/root/one"),
        ("spawn_agent", '{"agent_id":"id"}', "id"),
        ("spawn_agent", "agent limit reached", ""),
        ("spawn_agent", "[1]", ""),
    ],
)
def test_by_which_name_the_end_of_an_agent_will_be_known(tool: str, response: object, name: str) -> None:
    assert name == running(event(tool, {}, tool_response=response))


def test_claude_takes_short_names_of_models_alone() -> None:
    assert ["haiku", "sonnet", ""] == [target(n, "claude") for n in ("claude-haiku-5-5", "Sonnet", "gpt-6-luna")]
    assert "gpt-6-luna" == target("gpt-6-luna", "codex")


# ---- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [*spawn_rules.CAPS, "busy"])
def test_a_refusal_names_the_cap_and_how_to_go_on_and_fits(rule: str) -> None:
    verdict = spawn_rules.Verdict(rule, count=12_345_678, limit=12_000_000)
    said = over_limit.answer(verdict, "stop")
    assert "deny" == said.decision
    assert len(said.deny) <= 200
    assert said.deny.endswith("governor override 30m")
    assert said.person.endswith("governor override 30m")
    if rule in ("tree_tokens", "concurrent"):
        assert over_limit.SETTING[rule] in said.person
    elif rule == "busy":
        assert "admit" == over_limit.answer(verdict, "observe").decision


def test_a_note_to_the_model_stays_within_two_hundred_characters() -> None:
    for rule in spawn_rules.CAPS:
        assert 0 < len(over_limit.answer(spawn_rules.Verdict(rule, count=10**9, limit=10**9), "advise").model) <= 200


def test_observing_says_nothing_and_asking_asks() -> None:
    verdict = spawn_rules.Verdict("total", count=3, limit=3)
    lifted = over_limit.answer(verdict, "lifted")
    assert ("over", "", "", "", "") == (lifted.decision, lifted.person, lifted.model, lifted.deny, lifted.ask)
    observed, asked = over_limit.answer(verdict, "observe"), over_limit.answer(verdict, "ask")
    assert ("over", "", "", "") == (observed.decision, observed.person, observed.model, observed.deny)
    assert ("ask", "") == (asked.decision, asked.deny)
    assert "3 of 3" in asked.ask


@pytest.mark.parametrize(
    ("wish", "lane", "overridden", "action"),
    [("stop", "claude", False, "stop"), ("stop", "codex", True, "lifted"), ("ask", "codex", False, "advise"),
     ("ask", "claude", True, "lifted"), ("observe", "claude", True, "observe"),
     ("nonsense", "claude", False, "observe"), (None, "claude", False, "observe"),
     (["stop"], "claude", False, "observe")],
)  # fmt: skip
def test_the_action_in_force(wish: object, lane: str, overridden: bool, action: str) -> None:
    assert action == over_limit.action_of({"action": wish}, lane, overridden=overridden)
