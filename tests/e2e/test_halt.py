"""A halt in the real clients: the next tool call is refused, the next prompt held; lifting it lets both go on."""

from __future__ import annotations

import pytest

from .drive import ClaudeCode, Codex, Governor
from .standin import Standin
from .state import State
from .test_budgets import runaway, steps
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e


def halting(state: State) -> str:
    """A command that does what the user's ``governor halt --all`` leaves behind, in the middle of a run."""
    return f"echo step >> steps; echo 'all reason=wrong branch' > {state.folder}/HALT"


def test_a_running_session_of_claude_makes_no_further_call(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    standin.reply(tool("Bash", command=halting(state), description="step"), usage(input=10))
    runaway(standin, 5, usage(input=10))

    wired.print("work all night")

    assert 1 == steps(wired), "the call after the halt was not made"
    assert 2 == len(standin.turns), "and nothing was asked after it"
    assert ["halt"] == [row["decision"] for row in state.spool("decisions") if row["rule"] == "halt"]

    before = len(standin.turns)
    wired.print("go on")
    assert before == len(standin.turns), "nor a prompt"
    assert 0 == governor("unhalt", "--all").code
    assert "done" == wired.print("go on").result["result"], "lifted: it goes on with what was left"


def test_a_subagent_of_claude_is_stopped_too(wired: ClaudeCode, state: State, standin: Standin) -> None:
    asked = "SUBTASK: burn"
    call = {"description": "burn", "prompt": asked, "subagent_type": "general-purpose", "run_in_background": False}
    standin.reply(tool("Agent", **call), usage(input=10))
    for number in range(5):
        command = halting(state) if number == 0 else "echo step >> steps"
        reply = tool("Bash", command=command, description="step")
        standin.reply(reply, usage(input=10), when=lambda r: asked in r.said)
    standin.reply(text("done"))

    wired.print("burn")

    assert 1 == steps(wired)


def test_a_running_session_of_codex_makes_no_further_call(
    wired_codex: Codex, governor: Governor, state: State, standin: Standin
) -> None:
    standin.reply(tool("exec_command", cmd=halting(state)))
    for _ in range(3):
        standin.reply(tool("exec_command", cmd="echo step >> steps"))
    standin.reply(text("done"))

    wired_codex.exec("work")

    assert 1 == steps(wired_codex)
    before = len(standin.turns)
    wired_codex.exec("go on")
    assert before == len(standin.turns), "nor a prompt"
    assert 0 == governor("unhalt", "--all").code
    standin.reply(text("hello"))
    wired_codex.exec("go on")
    assert before + 1 == len(standin.turns)
