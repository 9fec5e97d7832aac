"""What ``governor`` costs, who is muted for it, and how well work goes, in the real clients."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Governor, Record
from .standin import Standin
from .state import State
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e


def wire(governor: Governor, state: State, wishes: dict[str, Any], *args: str) -> None:
    """Install with a budget file; only ``governor refresh`` refreshes."""
    file = governor.home / ".config/governor/budget.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(wishes))
    governor.install(*args)
    state.hold_bell()


def hooks(governor: Governor) -> dict[str, Record]:
    return {one["hook"]: one for one in governor.json("overhead")["hooks"]}


def quality(state: State) -> dict[str, int]:
    """The canary's counts, asked of the ledger itself."""
    import sqlite3

    fields = ("prompts", "interruptions", "calls", "failures")
    with sqlite3.connect(f"file:{state.folder}/ledger.sqlite3?mode=ro", uri=True) as ledger:
        row = ledger.execute(f"SELECT {', '.join(f'sum({name})' for name in fields)} FROM quality").fetchone()
    return dict(zip(fields, row, strict=True))


def test_a_muted_guard_is_silent_and_doctor_says_so(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    says = "UserPromptSubmit says: governor"
    wire(governor, state, {"overhead": {"p95_ms": 50}})
    slow = json.dumps({"h": "pacing", "t": int(time.time()), "ms": 900, "c": 0})
    (state.folder / "spool").mkdir(mode=0o700, exist_ok=True)
    (state.folder / "spool/hooks.jsonl").write_text(f"{slow}\n" * 60)
    with claude.terminal() as tui:
        standin.meter.five_hour.used = 0.92
        standin.reply(text("first"))
        tui.type("one")
        tui.wait_for("● first")
        tui.wait_for("5h 92%")
        assert 0 == governor("refresh").code
        assert ["pacing"] == [mark.name for mark in (state.folder / "muted").iterdir()]

        standin.reply(text("second"))
        tui.type("two")
        tui.wait_for("● second")
        assert says not in tui.history()
        findings = json.loads(governor("doctor", "--json").out)["findings"]
        found = next(one for one in findings if one["name"] == "own cost")
        assert not found["ok"]
        assert re.search(r"pacing is muted for (23 h|1 d)", found["text"]), found
        assert "limit 50 ms" in found["text"]

        assert 0 == governor(*found["mend"].split()[1:]).code, found["mend"]
        standin.reply(text("third"))
        tui.type("three")
        tui.wait_for("● third")
        tui.wait_for(says)


def test_overhead_has_the_figures_of_a_real_session(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """A text that the memory compactor gave the model is written once and read again by the two responses after."""
    wire(governor, state, {})
    folder = claude.config / "projects" / re.sub(r"[^A-Za-z0-9]", "-", str(claude.project)) / "memory"
    long = "- [Long](long.md) — " + " ".join(f"word{number}" for number in range(120))
    standin.reply(tool("Write", file_path=str(folder / "MEMORY.md"), content=f"# Memory\n\n{long}\n"), usage())
    standin.reply(tool("Bash", command="true"), usage())
    standin.reply(tool("Bash", command="true"), usage())
    standin.reply(text("remembered"), usage())

    run = claude.print("remember this")

    assert "remembered" == run.result["result"], run.out
    told = [seen for request in standin.turns for seen in re.findall(r"governor kept MEMORY.md [^\n<]*", request.text)]
    found = hooks(governor)
    memory = found["memory_compactor"]
    assert (1, len(told[0].strip())) == (memory["injections"], memory["chars"])
    assert pytest.approx(2 * memory["chars"] / 4) == memory["reread_tokens"], (
        "written by one response, read by two more"
    )
    units = (memory["tokens"] + 0.015 * memory["reread_tokens"]) * 0.6  # Sonnet's weight
    assert pytest.approx(units) == memory["units"]["claude"]
    assert 0 < memory["cpu_ms"]["p50"] <= memory["cpu_ms"]["max"]
    assert (0, "costs no quota") == (found["pacing"]["chars"], found["pacing"]["break_even"])
    assert not [request for request in standin.requests if "runtime/hooks" in request.text], "commands cost no tokens"


def test_interruptions_and_failed_calls_are_counted(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    """And a fork that copies all of it counts only its own."""
    wire(governor, state, {"canary": {"sample": 1.0}})
    with claude.terminal() as tui:
        standin.reply(tool("Bash", command="exit 3"), usage())
        standin.reply(text("it failed"), usage())
        tui.type("run the command that fails")
        tui.wait_for("● it failed")
        standin.reply(tool("Bash", command="touch begun; tail -f /dev/null"), usage())
        tui.type("now wait for a while")
        tui.wait_until(lambda _: (claude.project / "begun").exists(), "the tool's beginning")
        tui.keys("Escape")
        tui.wait_for("Interrupted")
        standin.reply(text("gone on"), usage())
        tui.type("go on then")
        tui.wait_for("● gone on")
    (transcript,) = claude.config.glob("projects/*/*.jsonl")
    standin.reply(text("forked"), usage())
    assert 0 == claude.print("and now for something else", resume=transcript.stem, fork=True).code
    assert 0 == governor("refresh").code

    expected = {"prompts": 4, "interruptions": 1, "calls": 1, "failures": 1}
    assert expected == quality(state)
    assert 0 == governor("refresh").code
    assert expected == quality(state)
    assert governor.json("audit")["canary"]["caught_up"]


def test_codex_calls_that_failed_are_counted(codex: Codex, governor: Governor, state: State, standin: Standin) -> None:
    wire(governor, state, {"canary": {"sample": 1.0}}, "--codex")
    for command in ("exit 3", "true"):
        standin.reply(tool("exec_command", cmd=command), usage())
        standin.reply(text("done"), usage())
        assert 0 == codex.exec(f"run {command}").code
    assert 0 == governor("refresh").code
    assert {"prompts": 2, "interruptions": 0, "calls": 2, "failures": 1} == quality(state)
    assert "pacing" in hooks(governor)
