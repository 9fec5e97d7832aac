"""Tiers in the real Claude Code: the person is told of the smaller model, and subagents are given it on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .drive import ClaudeCode, Governor
from .standin import Request, Standin
from .state import State
from .wire import text, tool

pytestmark = pytest.mark.e2e

TYPOS = "Fix the typos in README.md"


def test_small_work_on_a_pressed_lane_is_offered_the_smaller_model_and_following_it_is_seen(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    standin.meter.five_hour.used = 0.92
    with wired.terminal(model="opus") as tui:
        standin.reply(text("hello"))
        tui.type("hi")
        tui.wait_for("● hello")
        tui.wait_for("5h 92%")
        assert 0 == governor("refresh").code
        state.hold_bell()
        standin.reply(text("no typos"))
        tui.type(TYPOS)
        tui.wait_for("● no typos")
        seen = " ".join(tui.history().split())
        tui.type("/model haiku")
        tui.wait_for("Yes, switch to Haiku 5.5")
        tui.keys("Enter")
        tui.wait_for("Set model to")
        standin.reply(text("none at all"))
        tui.type("look once more")
        tui.wait_for("● none at all")

    assert 1 == seen.count("governor: deterministic text work: haiku would do it for"), seen
    assert "For this task: /model haiku" in seen
    assert [] == [request for request in standin.requests if "deterministic text work" in request.text]
    assert "claude-haiku-5-5" == standin.turns[-1].model
    assert 0 == governor("refresh").code
    tiers = governor.json("decisions")["tiers"]
    assert [{"rule": "smaller-suits", "count": 1}] == tiers["rules"]
    assert (1, 1) == (tiers["follow_through"]["offers"], tiers["follow_through"]["followed"])


def test_a_subagent_gets_the_tier_that_suits_when_the_person_wants_it(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin, user_home: Path
) -> None:
    folder = user_home / ".config/governor"
    folder.mkdir(parents=True)
    (folder / "budget.json").write_text(json.dumps({"tiers": {"subagents": True}}))
    session = wired.print("hi", model="opus").result["session_id"]
    assert 0 == governor("refresh").code, "from here on it is known what the session runs on"
    state.hold_bell()

    def begun(request: Request) -> bool:
        return bool(request.tools) and "<task>" in request.said

    tasks = {"Fix typos in docs": "claude-haiku-5-5", "Count the files": "claude-opus-5-5"}
    standin.reply(*(tool("Agent", description=task, prompt=f"<task> {task} </task>") for task in tasks))
    for _ in tasks:
        standin.reply(text("done"), when=begun)

    run = wired.print("go", model="opus", resume=session)

    assert 0 == run.code, run.err
    served = {
        task: request.model for request in standin.turns for task in tasks if begun(request) and task in request.said
    }
    assert tasks == served
    rows = [row for row in state.spool("decisions") if row["hook"] == "spawn"]
    assert {("degrade", "tier", "haiku"), ("admit", "tier", "")} == {(r["decision"], r["by"], r["to"]) for r in rows}
