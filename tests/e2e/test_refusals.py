"""What the plan refuses, in the real clients: known to status, gate and the next prompt."""

from __future__ import annotations

from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Governor
from .standin import Standin
from .state import State

pytestmark = pytest.mark.e2e


def windows(governor: Governor, lane: str) -> dict[str, dict[str, Any]]:
    """The windows of one lane in ``governor status --json``."""
    (found,) = [each for each in governor.json("status")["lanes"] if each["lane"] == lane]
    return {each["window"]: each for each in found["windows"]}


def test_a_headless_refusal_is_known_with_its_window_and_its_reset(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    wired.print("hi")
    standin.meter.seven_day.used = 1.01
    assert wired.print("hi").result["is_error"]

    week = windows(governor, "claude")["week"]
    assert ("STOP", "refused", True) == (week["verdict"], week["reasons"][0]["rule"], week["refusal"]["is_stated"])
    assert 20 == governor("gate").code

    standin.meter.seven_day.used = 0.0  # the person used a reset: the next answer shows it
    assert "ok" == wired.print("hi").result["result"]
    assert windows(governor, "claude")["week"]["refusal"] is None
    assert 0 == governor("gate").code


def test_the_next_prompt_is_told_what_the_hook_heard(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """In the terminal: the hook hears of it, and a refresh is due at once, though one was rung for a moment ago."""
    with wired.terminal() as tui:
        tui.type("hi")
        tui.wait_for("ok")
        standin.meter.five_hour.used = 1.2
        tui.type("again")
        tui.wait_until(
            lambda _: any(line["source"] == "refused" for line in state.spool("limits")), "the refusal", seconds=40
        )
        assert not (state.folder / "letters/.rung").exists() or state.runs("loop") > 0
        governor("refresh")
        assert "the plan refused" in (state.folder / "letters/pacing").read_text()


def test_codex_refused_is_known_by_its_rollout(wired_codex: Codex, governor: Governor, standin: Standin) -> None:
    wired_codex.exec("do it")
    standin.codex_meter.five_hour.used = 1.2
    assert 1 == wired_codex.exec("do it").code

    five = windows(governor, "codex")["5h"]
    assert ("STOP", standin.codex_meter.five_hour.resets_at) == (five["verdict"], five["resets_at"] and _epoch(five))
    assert 20 == governor("gate", "--lane", "codex").code


def _epoch(window: dict[str, Any]) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(window["resets_at"]).timestamp())
