"""``governor`` in the real Codex: wired, trusted by the person and not by us, warned, routed, and gone again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .drive import Codex, Governor
from .standin import Reply, Standin
from .state import State, room
from .terminal import Terminal
from .wire import text, usage

pytestmark = pytest.mark.e2e

BROAD = "Implement pagination across all endpoints and write the tests for every module"
READY = "› Ask Codex"


def terminal(codex: Codex, *args: str) -> Terminal:
    quiet = ["-c", "notice.hide_rate_limit_model_nudge=true"]  # a question of its own near the limit
    return Terminal(codex.namespace, [str(codex.program), *quiet, *args], env=codex.env(), cwd=codex.project)


def ask(tui: Terminal, standin: Standin, prompt: str, answer: str) -> str:
    """One turn; the screen with its answer. The interactive client asks for more on the side, tools included."""
    standin.default = Reply((text(answer),), usage())
    tui.type(prompt)
    return tui.wait_for(f"• {answer}")


def press(tui: Terminal, key: str, sign: str) -> None:
    """Press a key until it is heeded: a dialog that has only just opened misses some."""
    for _ in range(5):
        tui.keys(key)
        try:
            tui.wait_for(sign, seconds=2)
        except AssertionError:
            continue
        return
    tui.wait_for(sign, seconds=2)


def finding(governor: Governor, name: str) -> dict[str, Any]:
    """What ``governor doctor`` says about one thing."""
    found = json.loads(governor("doctor", "--json").out)["findings"]
    one: dict[str, Any] = next(each for each in found if each["name"] == name)
    return one


def test_a_turn_fires_the_hooks_and_its_reading_arrives(
    wired_codex: Codex, governor: Governor, state: State, standin: Standin
) -> None:
    standin.codex_meter.five_hour.used, standin.codex_meter.seven_day.used = 0.31, 0.12
    standin.reply(text("all done"), usage(input=900, output=60, cache_read=300, reasoning=20))

    run = wired_codex.exec("do it")

    assert (0, "all done") == (run.code, run.events[-2]["item"]["text"])
    assert (2, 1) == (state.runs("pacing"), state.runs("router")), "session start and prompt"
    (lane,) = (lane for lane in governor.json("status")["lanes"] if lane["lane"] == "codex")
    windows = {window["window"]: window for window in lane["windows"]}
    meter = standin.codex_meter
    shown = [windows[name]["official"]["used_percent"] for name in ("5h", "week")]
    assert pytest.approx([meter.five_hour.used * 100, meter.seven_day.used * 100], abs=0.01) == shown
    assert (900, 60, 300) == tuple(windows["5h"]["local"]["tokens"][kind] for kind in ("input", "output", "cache_read"))
    assert "last hook ran" in finding(governor, "heartbeat")["text"]


def test_hooks_wait_for_the_persons_trust_and_doctor_says_so(
    wired_codex: Codex, governor: Governor, state: State, standin: Standin
) -> None:
    """We never sign for ourselves: doctor names the step, the person takes it in Codex, and doctor sees that."""
    before = finding(governor, "codex trust")
    standin.reply(text("unseen"))
    wired_codex.exec("do it", trust_hooks=False)
    ran = len(state.spool("hooks"))
    with terminal(wired_codex) as tui:
        tui.wait_for("2. Trust all and continue")
        press(tui, "2", "› 2. Trust all and continue")
        press(tui, "Enter", ">_ OpenAI Codex")

    after = finding(governor, "codex trust")

    assert (False, 0) == (before["ok"], ran)
    assert "untrusted, so Codex skips them" in before["text"]
    assert "/hooks" in before["mend"]
    assert (True, "") == (after["ok"], after["mend"])
    state.hold_bell()
    wired_codex.exec("do it", trust_hooks=False)
    assert state.runs("pacing") > 0


def test_the_pacing_word_is_said_once_and_to_the_person_alone(
    wired_codex: Codex, governor: Governor, standin: Standin
) -> None:
    with terminal(wired_codex, "--dangerously-bypass-hook-trust") as tui:
        tui.wait_for(READY)
        standin.codex_meter.five_hour.used = 0.92
        ask(tui, standin, "one", "first")
        assert 0 == governor("refresh").code
        ask(tui, standin, "two", "second")
        ask(tui, standin, "three", "third")
        seen = " ".join(tui.history().split())

    assert 1 == seen.count("governor: Codex 5h 92 % used"), seen
    assert not [request for request in standin.requests if "governor" in request.text]


def test_at_the_wall_a_prompt_is_held_once(wired_codex: Codex, governor: Governor, standin: Standin) -> None:
    standin.codex_meter.five_hour.used = 0.96
    wired_codex.exec("one")
    assert 0 == governor("refresh").code

    with terminal(wired_codex, "--dangerously-bypass-hook-trust") as tui:
        tui.wait_for(READY)
        tui.type("please hurry")
        tui.wait_for("governor override 30m")
        assert "Press Up, then Enter to go on" in " ".join(tui.screen().split())
        held = "please hurry" not in "".join(request.text for request in standin.requests)
        standin.default = Reply((text("hurrying"),), usage())
        tui.keys("Up", "Enter")
        tui.wait_for("• hurrying")

    assert held
    assert "please hurry" in standin.turns[-1].text


def test_broad_work_is_sent_back_to_claude_when_codex_runs_hot(
    wired_codex: Codex, state: State, standin: Standin
) -> None:
    lanes = {"codex": room("NUDGE", -20.0), "claude": room("GO", 55.0)}
    state.write_snapshot("router", {"lanes": lanes, "mode": "advise"})

    with terminal(wired_codex, "--dangerously-bypass-hook-trust") as tui:
        tui.wait_for(READY)
        ask(tui, standin, "Say what this project does", "nothing much")
        ask(tui, standin, BROAD, "begun")
        seen = " ".join(tui.history().split())

    assert 1 == seen.count(
        "Codex's week would end ≈ 20 points over its cap, Claude's has ≈ 55 points of room at the reset. Send it back:"
    )
    assert 'claude "…your task…"' in seen
    (decision,) = state.spool("decisions")
    assert ("return", "claude", "codex") == (decision["decision"], decision["to"], decision["lane"])
    assert not [request for request in standin.requests if "Send it back" in request.text]


@pytest.mark.parametrize("before", [None, '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}}'])
def test_uninstall_gives_hooks_json_back_byte_for_byte(
    codex: Codex, governor: Governor, state: State, before: str | None
) -> None:
    file = codex.config / "hooks.json"
    if before is not None:
        file.write_text(before)
    assert 0 == governor("install", "--codex").code
    state.hold_bell()
    assert 0 == codex.exec("hi").code
    assert state.runs("pacing") > 0

    done = governor("uninstall")

    assert (0, "") == (done.code, done.err)
    assert before == (file.read_text() if file.exists() else None)
    ran = len(state.spool("hooks"))
    assert 0 == codex.exec("hi").code
    assert ran == len(state.spool("hooks"))


def test_a_memory_file_that_the_person_named_is_compacted_after_a_patch(
    wired_codex: Codex, governor: Governor, standin: Standin
) -> None:
    index = wired_codex.project / "MEMORY.md"
    budget = wired_codex.home / ".config/governor/budget.json"
    budget.parent.mkdir(parents=True)
    budget.write_text(json.dumps({"memory": {"files": [str(index)]}}))
    assert 0 == governor("refresh").code
    long = "- [Long](long.md) — " + " ".join(f"word{number}" for number in range(120))
    patch = f"*** Begin Patch\n*** Add File: MEMORY.md\n+# Memory\n+\n+{long}\n+- [Short](short.md)\n*** End Patch\n"
    standin.reply({"type": "tool_use", "name": "apply_patch", "input": patch})  # not an object, as other tools take
    standin.reply(text("remembered"))

    assert 0 == wired_codex.exec("remember this").code
    told = standin.turns[-1].text
    assert 1 == told.count("governor kept MEMORY.md within its load limit: shortened 1 line")
    assert 350 >= max(map(len, index.read_text().splitlines()))
    assert long in (index.parent / "memory-archive.md").read_text()
