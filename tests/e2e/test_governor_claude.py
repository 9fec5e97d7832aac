"""``governor`` in the real Claude Code, as a person meets it: installed, seen, warned, silenced, and gone again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .drive import ROOT, ClaudeCode, Governor
from .standin import Standin
from .state import State, room
from .terminal import Terminal, input_line
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e

BROAD = "Implement pagination across all endpoints and write the tests for every module"


def ask(tui: Terminal, standin: Standin, prompt: str, answer: str, **tokens: int) -> str:
    """One turn; the screen with its answer."""
    standin.reply(text(answer), usage(**tokens))
    tui.type(prompt)
    return tui.wait_for(f"● {answer}")


def official(governor: Governor, window: str) -> dict[str, Any]:
    status = governor.json("status")
    (lane,) = (lane for lane in status["lanes"] if lane["lane"] == "claude")
    (found,) = (one for one in lane["windows"] if one["window"] == window)
    said: dict[str, Any] = found["official"]
    return said


# ---- the official meter ----------------------------------------------------------------------------------------------


def test_the_meter_goes_from_the_status_line_into_governor_status(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """The whole way: install, one prompt, hooks fire and ring for a refresh, and every face says the same figure."""
    claude.settings({"statusLine": {"type": "command", "command": "echo my own line"}})
    claude.extra_env["PYTHONPATH"] = str(ROOT)  # an installed governor needs none for its bell
    standin.meter.five_hour.used, standin.meter.seven_day.used = 0.42137, 0.1
    governor.install()

    with claude.terminal() as tui:
        tui.wait_for("my own line")
        ask(tui, standin, "hi", "hello")
        screen = tui.wait_for("5h 42%")
        tui.wait_until(lambda _: (state.folder / "letters/pacing").exists(), "a refresh that the hooks rang for")
        tui.type("/usage")
        panel = tui.wait_for("Current week (all models)")

    assert re.search(r"my own line.*\n.*5h 42% · week 10%", screen), screen
    assert ["42", "10"] == re.findall(r"(\d+)% used", panel)
    session, week = official(governor, "5h"), official(governor, "week")
    assert (42.1, "statusline") == (session["used_percent"], session["source"])
    assert (10, "statusline") == (week["used_percent"], week["source"])
    beat = next(one for one in governor.json("doctor")["findings"] if one["name"] == "heartbeat")
    assert "last hook ran" in beat["text"]


# ---- the pacing word -------------------------------------------------------------------------------------------------


def test_the_pacing_word_is_said_once_and_to_the_person_alone(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    says = "UserPromptSubmit says: governor: Claude"
    with wired.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 0%")
        standin.meter.five_hour.used = 0.92
        ask(tui, standin, "two", "second")
        tui.wait_for("5h 92%")
        assert 0 == governor("refresh").code
        assert says not in tui.history(), "nothing was known yet"

        ask(tui, standin, "three", "third")
        ask(tui, standin, "four", "fourth")
        seen = " ".join(tui.history().split())

    assert 1 == seen.count(says), seen
    assert "5h 92 % used" in seen, seen
    assert not [request for request in standin.requests if "governor" in request.text]


def test_at_the_wall_a_prompt_is_held_once_and_enter_goes_on(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    standin.meter.five_hour.used = 0.96
    with wired.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 96%")
        assert 0 == governor("refresh").code
        before = len(standin.turns)

        tui.type("please hurry")
        tui.wait_for("Press Enter to go on")
        tui.wait_until(lambda screen: "please hurry" in input_line(screen), "the prompt in the input line")
        assert before == len(standin.turns), "held back"

        standin.reply(text("hurrying"))
        tui.keys("Enter")
        tui.wait_for("● hurrying")
        ask(tui, standin, "and on", "onward")

    assert standin.turns[before].said.endswith("please hurry")
    assert "5h plan window is 96 % used" in standin.turns[before].text


def test_a_headless_prompt_at_the_wall_goes_on_and_says_so(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """No answer of a hook ends ``-p`` as a failure (tried: block, continue false, exit 1 and 2), so it goes on."""
    standin.meter.five_hour.used = 0.96
    with wired.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 96%")
    assert 0 == governor("refresh").code
    standin.reply(text("night's work"))

    run = wired.print("nightly job", stream=True)

    assert (0, "night's work") == (run.code, run.result["result"])
    words = [event.get("content", "") for event in run.events if event.get("subtype") == "informational"]
    assert any("so this prompt goes on" in word for word in words), words
    assert "unattended" == [one["decision"] for one in state.spool("decisions") if one["hook"] == "pacing"][-1]


def test_what_to_press_after_a_held_slash_command_is_true_and_said_once(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    standin.meter.five_hour.used = 0.96
    folder = wired.project / ".claude" / "commands"
    folder.mkdir(parents=True)
    (folder / "hello.md").write_text("Say hello to $ARGUMENTS\n")
    with wired.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 96%")
        assert 0 == governor("refresh").code
        before = len(standin.turns)
        tui.type("/hello world")
        tui.wait_for("Press Up, then Enter to go on")
        assert before == len(standin.turns), "held back"

        standin.reply(text("hello there"))
        tui.keys("Up")
        tui.wait_until(lambda screen: "/hello world" in input_line(screen), "the command in the input line")
        tui.keys("Enter")
        tui.wait_for("● hello there")
        tui.type("/clear")
        tui.wait_until(lambda screen: "hello there" not in screen, "an empty screen")
        ask(tui, standin, "afresh", "begun")
        seen = " ".join(tui.history().split())

    assert 1 >= seen.count("governor: Claude Code 5h 96 % used"), seen


def test_a_private_session_is_not_held_for_the_work_accounts_wall(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """Two config folders under one state folder. The hooks know their client's by CLAUDE_CONFIG_DIR."""
    work = claude.home / ".claude-work"
    work.mkdir()
    shutil.copy(claude.home / ".claude.json", work / ".claude.json")
    governor.extra_env["CLAUDE_CONFIG_DIR"] = f"{claude.config},{work}"
    governor.install()
    state.hold_bell()

    standin.meter.seven_day.used = 0.97
    claude.extra_env["CLAUDE_CONFIG_DIR"] = str(work)
    with claude.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("week 97%")
    standin.meter.seven_day.used = 0.12
    del claude.extra_env["CLAUDE_CONFIG_DIR"]
    with claude.terminal() as tui:
        ask(tui, standin, "two", "second")
        tui.wait_for("week 12%")
        assert 0 == governor("refresh").code
        ask(tui, standin, "three", "third")
        assert "governor" not in tui.history(), "nothing is said of a wall that is another account's"
    claude.extra_env["CLAUDE_CONFIG_DIR"] = str(work)
    with claude.terminal() as tui:
        tui.type("please hurry")
        tui.wait_for("Press Enter to go on")

    assert (12, "~/.claude") == (official(governor, "week")["used_percent"], official(governor, "week")["account"])
    assert 20 == governor("gate").code
    assert 0 == governor("gate", "--account", ".claude").code


# ---- the router ------------------------------------------------------------------------------------------------------


def test_broad_work_is_offered_to_codex_when_claude_runs_hot(wired: ClaudeCode, state: State, standin: Standin) -> None:
    lanes = {"claude": room("NUDGE", -20.0), "codex": room("GO", 55.0)}
    state.write_snapshot("router", {"lanes": lanes, "mode": "advise", "handoff": True})

    with wired.terminal() as tui:
        ask(tui, standin, "What does this project do?", "nothing much")
        assert "governor handoff" not in tui.history()
        ask(tui, standin, BROAD, "begun")
        seen = " ".join(tui.history().split())

    assert 1 == seen.count("Claude's week would end ≈ 20 points over")
    assert 'governor handoff "…your task…"' in seen
    (decision,) = state.spool("decisions")
    assert ("handoff", "codex", True) == (decision["decision"], decision["to"], decision["said"])
    assert "pagination" not in str(decision), "no text of a prompt is kept"
    assert not [request for request in standin.requests if "governor handoff" in request.text]


# ---- the memory index ------------------------------------------------------------------------------------------------


def test_a_memory_index_is_compacted_and_the_next_edit_still_works(wired: ClaudeCode, standin: Standin) -> None:
    folder = wired.config / "projects" / re.sub(r"[^A-Za-z0-9]", "-", str(wired.project)) / "memory"
    index = folder / "MEMORY.md"
    long = "- [Long](long.md) — " + " ".join(f"word{number}" for number in range(120))
    short = "- [Short](short.md) — stays"
    standin.reply(tool("Write", file_path=str(index), content=f"# Memory\n\n{long}\n{short}\n"))
    standin.reply(tool("Edit", file_path=str(index), old_string="— stays", new_string="— changed"))
    standin.reply(text("remembered"))

    run = wired.print("remember this")

    assert "remembered" == run.result["result"], run.out
    told = standin.turns[1].text
    assert str(folder) in standin.turns[0].text, "this is where the client keeps its memory"
    assert 1 == told.count("governor kept MEMORY.md within its load limit: shortened 1 line")
    lines = index.read_text().splitlines()
    assert "- [Short](short.md) — changed" in lines
    assert 350 >= max(map(len, lines))
    assert long in (folder / "memory-archive.md").read_text()


# ---- the kill switch, and a vanished checkout ------------------------------------------------------------------------


def test_off_silences_a_running_session_and_on_brings_it_back(
    wired: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    says = "UserPromptSubmit says: governor"
    with wired.terminal() as tui:
        standin.meter.five_hour.used = 0.92
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 92%")
        assert 0 == governor("refresh").code

        assert 0 == governor("off").code
        ask(tui, standin, "two", "second", input=40_000)
        tui.wait_until(lambda screen: "5h 9" not in screen, "a status line without us")
        assert says not in tui.history()
        assert ([], []) == (state.spool("limits"), state.spool("decisions"))

        assert 0 == governor("on").code
        ask(tui, standin, "three", "third")
        tui.wait_for("5h 94%")
        assert says in tui.history()

    assert state.spool("limits")


def test_the_hooks_outlive_the_folder_they_were_installed_from(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin, tmp_path: Path
) -> None:
    """And the interpreter that refreshed: the bell then rings for nobody, which only the private log says."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "governor", checkout / "governor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "hooks", checkout / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
    governor.extra_env["PYTHONPATH"] = str(checkout)
    governor.install()
    state.hold_bell()

    with claude.terminal() as tui:
        ask(tui, standin, "one", "first")
        shutil.rmtree(checkout)
        (state.folder / "bell").write_text(f"{checkout}/.venv/bin/python\0-m\0governor\0refresh")
        (state.folder / "letters/.rung").unlink()
        ran = state.runs("pacing")
        screen = ask(tui, standin, "two", "second")
        tui.wait_until(lambda _: state.runs("pacing") > ran, "the hook's mark")
        ask(tui, standin, "three", "third")
        tui.wait_for("5h 0%")

    assert "hook error" not in screen
    assert not (state.folder / "log/hooks.log").exists(), "a bell that went away is no fault of a hook's"


# ---- counted once ----------------------------------------------------------------------------------------------------


def test_resumed_forked_and_background_work_counts_once_to_the_cent(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    """Governor's total is the client's own: the fork's, for a fork's total includes what it copied."""
    asked = "SUBTASK: count the files"
    call = tool("Agent", description="count", prompt=asked, subagent_type="general-purpose")
    standin.reply(call, usage(input=120_000, output=5_000, cache_read=300_000, w5m=20_000, w1h=7_000))
    slowly = 3.0  # or its report comes with the main thread's next request, and there are only three
    standin.reply(
        text("42 files"), usage(input=300_000, output=30_000), when=lambda r: r.said.endswith(asked), after=slowly
    )
    standin.reply(text("the agent runs"), usage(input=20_000, output=2_000, cache_read=447_000))
    standin.reply(
        text("it found 42"), usage(input=30_000, output=3_000), when=lambda r: "<task-notification>" in r.said
    )
    first = wired.print("how many files?", model="claude-sonnet-5-5").result["session_id"]
    assert 0 == standin.unused
    standin.reply(text("again"), usage(input=100_000, output=10_000))
    wired.print("two", resume=first)
    standin.reply(text("forked"), usage(input=200_000, output=20_000, cache_read=50_000))
    fork = wired.print("three", resume=first, fork=True).result["session_id"]

    counted = governor.json("usage", "--by", "session")

    rows = {row["session"]: row["notional_usd"] for row in counted["rows"]}
    assert pytest.approx(wired.cost(fork), abs=0.005) == counted["total"]["notional_usd"]
    assert pytest.approx(wired.cost(first), abs=0.005) == rows[first]
    assert pytest.approx(wired.cost(fork) - wired.cost(first), abs=0.005) == rows[fork]
    assert wired.cost(fork) > 2, "enough for a cent to matter"
    assert 6 == counted["total"]["requests"]


# ---- gone again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, '{\n    "model": "sonnet", "hooks": {"Stop": []},\n    "env": {}}'])
def test_uninstall_gives_the_settings_back_byte_for_byte(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin, before: str | None
) -> None:
    file = claude.config / "settings.json"
    if before is not None:
        file.write_text(before)
    governor.install()
    state.hold_bell()
    assert "runtime/hooks" in file.read_text()
    assert 0 == claude.print("hi").code
    assert state.runs("pacing") > 0

    done = governor("uninstall")

    assert (0, "") == (done.code, done.err)
    assert before == (file.read_text() if file.exists() else None)
    assert not list(state.folder.glob("runtime*"))
    assert not (state.folder / "bell").exists()
    ran = len(state.spool("hooks"))
    standin.reply(text("alone again"))
    assert "alone again" == claude.print("hi").result["result"]
    assert ran == len(state.spool("hooks"))


# ---- the first hour of an account used elsewhere ---------------------------------------------------------------------


def test_an_account_at_a_constant_sixty_percent_stays_there(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    """All of it was used elsewhere. By one reading five prompts once became 378 %, and a turn 11 % of the week."""
    standin.meter.seven_day.used = 0.6
    standin.meter.weights = dict.fromkeys(standin.meter.weights, 0)  # what is used here does not show in whole percents
    shown = []
    with wired.terminal() as tui:
        for number in range(5):
            ask(tui, standin, f"prompt {number}", f"answer {number}", input=2000, output=3000)
            tui.wait_for("week 60%")
            assert 0 == governor("refresh").code
            (claude,) = (lane for lane in governor.json("status")["lanes"] if lane["lane"] == "claude")
            (week,) = (one for one in claude["windows"] if one["window"] == "week")
            shown.append((week["estimate"]["used_percent"], week["projection"], week["verdict"]))
        seen = " ".join(tui.history().split())

    assert [(60.0, None, "GO")] * 5 == shown
    assert "→" not in seen
    assert "of your week" not in seen, "no price of a turn before a slope is known"
