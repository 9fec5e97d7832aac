"""Subagents in the real clients: held at the cap, counted once each, and near the wall on the cheaper model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Governor, Run
from .standin import Request, Standin
from .state import State
from .terminal import Terminal
from .wire import Block, collaborate, text, tool, usage

pytestmark = pytest.mark.e2e

MANY = 30
CAP = 5
TASK = "count the files in folder"


@pytest.fixture
def wired(wired: ClaudeCode) -> ClaudeCode:
    """With the client's own limits out of the way."""
    wired.extra_env["CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS"] = "50"
    return wired


def budget(home: Path, governor: Governor, **content: Any) -> None:
    """What the person wrote, in force."""
    folder = home / ".config/governor"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "budget.json").write_text(json.dumps(content))
    assert 0 == governor("refresh").code


def agents(count: int, **more: Any) -> list[Block]:
    return [
        tool("Agent", description=f"count {number}", prompt=f"{TASK} {number}", subagent_type="general-purpose", **more)
        for number in range(count)
    ]


def is_agents(request: Request) -> bool:
    """Was this asked by a subagent of ours that has just begun?"""
    return bool(request.tools) and TASK in request.said


def fan_out(client: ClaudeCode, standin: Standin, *, seconds: float) -> Run:
    """One answer that spawns MANY subagents at once; each works for so long."""
    standin.reply(*agents(MANY), usage(input=100, output=50))
    for _ in range(MANY):
        standin.reply(text("counted"), when=is_agents, after=seconds)
    return client.print("count everything")


def delegate(tui: Terminal, standin: Standin, number: int, kind: str = "general-purpose") -> list[str]:
    """One turn that spawns one subagent; the models it was served by, empty where it was not made.

    The interactive client lets agents run in the background, and reports their end in a turn of its own.
    """

    def is_result(request: Request) -> bool:
        said = request.said
        return bool(request.tools) and ("Async agent launched" in said or "Subagent not started" in said)

    spawn = tool("Agent", description="d", prompt=f"{TASK} {number}", subagent_type=kind)
    standin.reply(spawn, when=lambda request: bool(request.tools) and f"turn {number}" in request.said)
    standin.reply(text("counted"), when=is_agents)
    standin.reply(text(f"answer {number}"), when=is_result)
    before = len(standin.requests)
    tui.type(f"turn {number}")
    tui.wait_for(f"● answer {number}")

    def models() -> list[str]:
        return [r.model for r in standin.requests if is_agents(r) and f"{TASK} {number}" in r.said]

    if any("Async agent launched" in request.said for request in standin.requests[before:]):
        tui.wait_until(lambda _: bool(models()), "the agent's request")
    standin._queue.clear()
    return models()


def decisions(state: State) -> list[dict[str, Any]]:
    return [row for row in state.spool("decisions") if row["hook"] == "spawn"]


def refused(standin: Standin) -> list[str]:
    """What the main session was told of calls that were not made."""
    told = "\n".join(request.said for request in standin.turns)
    return [line for line in told.splitlines() if "Subagent not started" in line]


# ---- Claude Code -----------------------------------------------------------------------------------------------------


def test_thirty_at_once_are_held_at_the_cap(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    budget(user_home, governor, spawn={"action": "stop", "concurrent": CAP, "fan_out": 100})
    state.hold_bell()

    run = fan_out(wired, standin, seconds=8)

    assert 0 == run.code, run.err
    assert CAP == sum(is_agents(request) for request in standin.requests)
    rows = decisions(state)
    assert (CAP, MANY - CAP) == tuple(sum(row["decision"] == kind for row in rows) for kind in ("admit", "deny"))
    assert {("concurrent", CAP, CAP)} == {(r["rule"], r["count"], r["limit"]) for r in rows if r["decision"] == "deny"}
    assert any(
        "5 of 5 subagents of this session are running. Do this part yourself, or wait until one ends." in line
        and "governor override 30m" in line
        for line in refused(standin)
    )
    (book,) = state.folder.glob("leases/claude-*")
    kept = json.loads(book.read_text())
    assert (CAP, {}) == (kept["total"], kept["open"]), "every lease was given back"


def test_by_default_all_thirty_pass_and_are_counted(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    assert 0 == governor("refresh").code
    state.hold_bell()
    fan_out(wired, standin, seconds=3)

    assert MANY == sum(is_agents(request) for request in standin.requests)
    rows = decisions(state)
    assert MANY == len(rows)
    assert {"admit", "over"} == {row["decision"] for row in rows}, "the default caps are 20"
    assert 10 == sum(row["rule"] == "fan_out" for row in rows)
    assert [] == refused(standin)
    assert 0 == governor("refresh").code
    shown = governor.json("decisions")
    assert MANY == sum(row["count"] for row in shown["hooks"] if row["hook"] == "spawn")


def test_kill_switch_and_override_lift_it_in_a_running_session(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    budget(user_home, governor, spawn={"action": "stop", "total": 1})
    state.hold_bell()

    def spawns(number: int) -> bool:
        return bool(delegate(tui, standin, number))

    with wired.terminal() as tui:
        assert [True, False] == [spawns(1), spawns(2)]
        seen = " ".join(tui.history().split())
        assert "governor: 1 of 1 subagent of this session has been spawned; one more was refused." in seen, seen
        assert 0 == governor("override", "30m").code
        assert spawns(3)
        (state.folder / "override").unlink()
        assert not spawns(4)
        assert 0 == governor("off").code
        assert spawns(5)
        assert 0 == governor("on").code
        assert not spawns(6)


def test_near_the_wall_a_routine_subagent_runs_on_the_cheaper_model(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    budget(user_home, governor, degrade={"mode": "act", "at": "NUDGE", "critical": ["Plan"]})
    standin.meter.five_hour.used = 0.92

    with wired.terminal(model="opus") as tui:
        standin.reply(text("hello"))
        tui.type("hi")
        tui.wait_for("● hello")
        tui.wait_for("5h 92%")
        assert ["claude-opus-5-5"] == delegate(tui, standin, 1), "nothing is known yet"
        assert 0 == governor("refresh").code
        state.hold_bell()
        assert ["claude-haiku-5-5"] == delegate(tui, standin, 2)
        assert ["claude-haiku-5-5"] == delegate(tui, standin, 3)
        assert ["claude-opus-5-5"] == delegate(tui, standin, 4, "Plan"), "marked critical"
        seen = " ".join(tui.history().split())

    assert 1 == seen.count("general-purpose runs on haiku instead of claude-opus-5-5"), seen
    assert 1 == seen.count("general-purpose → haiku"), seen
    assert [] == [r for r in standin.requests if "governor" in r.text and "runs on haiku" in r.text]
    first, second, third = decisions(state)[-3:]
    kept = ("decision", "from", "to", "agent", "degraded")
    assert ("degrade", "claude-opus-5-5", "haiku", "general-purpose", True) == tuple(first[name] for name in kept)
    assert "degrade" == second["decision"]
    assert ("admit", "critical") == (third["decision"], third["shift"])


def test_agents_of_a_killed_client_hold_no_place_when_the_session_is_taken_up_again(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    budget(user_home, governor, spawn={"action": "stop", "concurrent": 1})
    state.hold_bell()
    slow = f"{TASK} 1"
    with wired.terminal() as tui:
        spawn = tool("Agent", description="d", prompt=slow, subagent_type="general-purpose")
        standin.reply(spawn, when=lambda request: bool(request.tools) and "turn 1" in request.said)
        standin.reply(text("counted"), when=is_agents, after=120)
        standin.reply(text("answer 1"), when=lambda request: "Async agent launched" in request.said)
        tui.type("turn 1")
        tui.wait_for("● answer 1")
        assert [] == delegate(tui, standin, 2), "one is at work"
        standin.reply(tool("Bash", command="kill -9 $PPID", description="die"))
        tui.type("turn 3")
        tui.wait_for_end()
    (session,) = (path.stem for path in wired.transcripts())
    (lease,) = json.loads(next(state.folder.glob("leases/claude-*")).read_text())["open"].values()
    assert lease["client"]

    with wired.terminal("--resume", session) as tui:
        assert ["claude-sonnet-5-5"] == delegate(tui, standin, 4)


# ---- Codex -----------------------------------------------------------------------------------------------------------


def delegated(standin: Standin, *names: str) -> None:
    """The main thread spawns these one after another, and then waits for the first."""
    for before, name in zip(("", *names), names, strict=False):
        standin.reply(
            collaborate("spawn_agent", task_name=name, message="count", fork_turns="none"),
            when=lambda r, b=before: bool(r.tools) and "NEW_TASK" not in r.said and (not b or asked(r, b)),  # type: ignore[misc]
        )
    standin.reply(text("counted"), when=lambda r: "NEW_TASK" in r.said, after=4)


def asked(request: Request, name: str) -> bool:
    """Has the main thread heard what became of its call for ``name``?"""
    return f'"/root/{name}"' in request.text or "Subagent not started" in request.text


def test_codex_is_held_at_the_cap(
    wired_codex: Codex, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    budget(user_home, governor, spawn={"action": "stop", "concurrent": 1})
    state.hold_bell()
    delegated(standin, "one", "two")

    run = wired_codex.exec("count")

    assert 0 == run.code, run.err
    assert "1 of 1 subagent of this session is running" in "\n".join(request.text for request in standin.turns)
    assert ["admit", "deny"] == [row["decision"] for row in decisions(state)]
    assert 1 == len({r.body["client_metadata"]["thread_id"] for r in standin.turns if "NEW_TASK" in r.said})


def test_codex_subagents_degrade_where_the_person_named_a_model(
    wired_codex: Codex, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    standin.codex_meter.five_hour.used = 0.92
    standin.reply(text("hello"))
    wired_codex.exec("hi")
    budget(user_home, governor, degrade={"mode": "act", "at": "NUDGE", "codex": "gpt-6-luna"})
    state.hold_bell()
    delegated(standin, "one")

    run = wired_codex.exec("count")

    assert 0 == run.code, run.err
    deadline = time.time() + 5
    while time.time() < deadline and not [r for r in standin.turns if "NEW_TASK" in r.said]:
        time.sleep(0.1)
    assert ["gpt-6-luna"] == [r.model for r in standin.turns if "NEW_TASK" in r.said]
    (row,) = decisions(state)
    assert ("degrade", "gpt-6-sol", "gpt-6-luna") == (row["decision"], row["from"], row["to"])
