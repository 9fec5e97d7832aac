"""Budgets in the real clients: a runaway session stops at the call its budget ends at, and a person lifts it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Governor
from .standin import Standin
from .state import State
from .wire import Used, text, tool, usage

pytestmark = pytest.mark.e2e


def budget(governor: Governor, state: State, *budgets: dict[str, Any]) -> None:
    """The person's budgets, installed and in the snapshots; only ``governor refresh`` refreshes."""
    folder = governor.home / ".config" / "governor"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "budget.json").write_text(json.dumps({"budgets": budgets}))
    assert 0 == governor("install").code
    state.hold_bell()
    assert 0 == governor("refresh").code


def runaway(standin: Standin, calls: int, used: Used) -> None:
    """A model that never stops calling tools by itself."""
    for number in range(calls):
        standin.reply(tool("Bash", command=f"echo step {number} >> steps", description="step"), used)
    standin.reply(text("done"))


def steps(client: ClaudeCode | Codex) -> int:
    path = client.project / "steps"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_budget_of_tool_calls_ends_the_session_within_one_call(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    budget(governor, state, {"name": "night", "per": "session", "tool_calls": 3, "action": "stop"})
    runaway(standin, 12, usage(input=10))

    claude.print("work all night")

    assert 3 == steps(claude)
    assert 4 == len(standin.turns), "the fourth call was asked for and not made; nothing was asked after it"
    (stop,) = [one for one in state.spool("decisions") if one["decision"] == "stop"]
    assert ("budget:night", "tool_calls") == (stop["rule"], stop["unit"])


def test_a_budget_of_dollars_counts_to_the_last_response(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """Opus 5.5: a million tokens of output are $20, so each of these turns is $1: the third response crosses."""
    budget(governor, state, {"name": "cap", "per": "request", "usd": 2.5, "action": "stop"})
    runaway(standin, 12, usage(output=50_000))

    claude.print("spend", model="claude-opus-5-5")

    assert 2 == steps(claude)
    assert 3 == len(standin.turns)


def test_subagents_spend_the_sessions_budget_too(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    budget(governor, state, {"name": "cap", "per": "session", "tokens": 100_000, "action": "stop"})
    asked = "SUBTASK: burn"
    call = {"description": "burn", "prompt": asked, "subagent_type": "general-purpose", "run_in_background": False}
    standin.reply(tool("Agent", **call))
    for number in range(6):
        step = tool("Bash", command=f"echo step {number} >> steps", description="step")
        standin.reply(step, usage(output=60_000), when=lambda request: asked in request.text)
    standin.reply(text("ended"))

    claude.print("delegate")

    assert 1 == steps(claude), "the second response crossed, so its call was not made"


def test_the_person_lifts_a_stop_in_a_running_session_and_the_agent_cannot(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    budget(governor, state, {"name": "night", "per": "session", "tool_calls": 1, "action": "stop"})
    with claude.terminal() as tui:
        standin.reply(tool("Bash", command="echo step >> steps", description="step"))
        standin.reply(text("one"))
        tui.type("first")
        tui.wait_for("● one")
        before = len(standin.turns)
        tui.type("second")
        screen = tui.wait_for("budget 'night'")
        assert "governor override 30m" in " ".join(screen.split())
        assert before == len(standin.turns)

        governor.extra_env["CLAUDECODE"] = "1"
        assert 1 == governor("override", "30m").code
        del governor.extra_env["CLAUDECODE"]
        assert 0 == governor("override", "30m").code
        standin.reply(tool("Bash", command="echo step >> steps; env | grep -c ^CLAUDECODE=", description="step"))
        standin.reply(text("two"))
        tui.keys("Enter")
        tui.wait_for("● two")
    assert 2 == steps(claude)
    assert standin.turns[-1].said.startswith("1"), "the client says in its commands who is typing"


def test_codex_makes_no_call_past_its_budget(codex: Codex, governor: Governor, state: State, standin: Standin) -> None:
    budget(governor, state, {"name": "night", "per": "session", "tool_calls": 2, "action": "stop"})
    for number in range(4):
        standin.reply(tool("exec_command", cmd=f"echo {number} >> steps"))
    standin.reply(text("done"))

    codex.exec("work")

    assert 2 == steps(codex)


def set_later(governor: Governor) -> None:
    """A budget that is written after the install, and the refresh that takes it up."""
    file = governor.home / ".config" / "governor" / "budget.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"budgets": [{"name": "night", "per": "session", "tool_calls": 2, "action": "stop"}]}')
    assert 0 == governor("refresh").code


def test_a_budget_set_after_the_install_is_held_from_the_next_refresh_on(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """The refresh passes it on to the hook that stands before every tool call, for halts."""
    runaway(standin, 3, usage(input=10))
    wired.print("work")
    assert 3 == steps(wired)
    set_later(governor)
    runaway(standin, 6, usage(input=10))
    wired.print("work all night")
    assert 3 + 2 == steps(wired)


def test_a_budget_set_later_is_held_in_codex_too(
    wired_codex: Codex, governor: Governor, state: State, standin: Standin
) -> None:
    """Trusted for the run, as an automation would; a person reviews the hook again."""
    set_later(governor)
    for number in range(4):
        standin.reply(tool("exec_command", cmd=f"echo {number} >> steps"))
    standin.reply(text("done"))
    wired_codex.exec("work")
    assert 2 == steps(wired_codex)


def test_a_budget_that_asks_lets_a_headless_run_go_on(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """In ``-p`` a question is a refusal and a held prompt ends the run with nothing done."""
    budget(governor, state, {"name": "night", "per": "session", "tool_calls": 1, "action": "ask"})
    runaway(standin, 3, usage(input=10))
    run = claude.print("work all night")
    standin.reply(text("more"))
    again = claude.print("go on", resume=run.result["session_id"])

    assert (3, "done", "more") == (steps(claude), run.result["result"], again.result["result"])
    assert ["unasked"] == [row["decision"] for row in state.spool("decisions") if row["hook"] == "budget"]


def test_codex_exec_is_not_held_by_a_budget_that_asks(
    codex: Codex, governor: Governor, state: State, standin: Standin
) -> None:
    budget(governor, state, {"name": "day", "per": "day", "tool_calls": 1, "action": "ask"})
    standin.reply(tool("exec_command", cmd="echo step >> steps"))
    standin.reply(text("one"))
    codex.exec("work")
    standin.reply(text("two"))

    run = codex.exec("go on")

    assert "two" == run.events[-2]["item"]["text"]
    assert ["unasked"] == [row["decision"] for row in state.spool("decisions") if row["hook"] == "budget"]


def test_two_sessions_at_once_share_a_days_calls(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    budget(governor, state, {"name": "day", "per": "day", "tool_calls": 4, "action": "stop"})
    runaway(standin, 3, usage(input=10))
    claude.print("work")
    runaway(standin, 3, usage(input=10))
    claude.print("work elsewhere")

    assert 4 == steps(claude)


def test_a_worktree_that_the_model_enters_counts_nothing_twice(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """EnterWorktree moves the session's transcript to another project folder."""
    budget(governor, state, {"name": "cap", "per": "session", "tokens": 30_000, "action": "stop"})
    for command in (
        ["init", "-q"],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(claude.project), *command], check=True)
    standin.reply(tool("Bash", command="echo step >> steps", description="step"), usage(input=10, output=10_000))
    standin.reply(tool("EnterWorktree", name="side"), usage(input=10, output=10_000))
    standin.reply(tool("Bash", command="pwd", description="where"), usage(input=10, output=5_000))
    standin.reply(text("done"), usage(output=1))

    run = claude.print("work in a worktree")

    assert "done" == run.result["result"]
    places = {path.parent.name for path in claude.transcripts()}
    assert 1 == len(places)
    assert "worktrees" in places.pop(), "it was moved"
    (kept,) = state.folder.glob("live/claude-*")
    assert 25_030 == json.loads(kept.read_text())["sums"]["session"][0]
