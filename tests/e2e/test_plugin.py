"""The same hooks as a Claude Code plugin: valid to the client itself, installed by it, run from where it puts them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import pythons

from .drive import PATH, ROOT, ClaudeCode, Governor
from .standin import Standin
from .state import State, room
from .wire import text, tool

pytestmark = pytest.mark.e2e


def findings_of(governor: Governor) -> list[dict[str, Any]]:
    """What ``governor doctor`` says, whether all is well or not."""
    findings: list[dict[str, Any]] = json.loads(governor("doctor", "--json").out)["findings"]
    return findings


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What of this repository makes the plugin."""
    folder = tmp_path / "checkout"
    for name in (".claude-plugin", "governor", "hooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_clients_own_validation_passes(claude: ClaudeCode, checkout: Path) -> None:
    for target in (checkout, checkout / ".claude-plugin" / "plugin.json"):
        run = claude.run(["plugin", "validate", "--strict", "--json", str(target)])

        report = json.loads(run.out)
        assert (0, True) == (run.code, report["success"]), run.out
        assert ([], []) == (report["manifest"]["errors"], report["manifest"]["warnings"])


@pytest.mark.parametrize("twice", [False, True], ids=["plugin", "plugin and install"])
def test_the_plugins_hooks_work_and_beside_installed_ones_rest(
    claude: ClaudeCode, governor: Governor, standin: Standin, user_home: Path, checkout: Path, twice: bool
) -> None:
    """Without ``governor install`` nothing rings for a refresh, and the state folder is the platform's own."""
    for step in (["marketplace", "add", str(checkout)], ["install", "governor@quota-governor"]):
        done = claude.run(["plugin", *step])
        assert 0 == done.code, done.out + done.err
    state = State(user_home)
    assert 0 == governor("install" if twice else "refresh").code
    state.hold_bell()
    lanes = {"claude": room("NUDGE", -20.0), "codex": room("GO", 55.0)}
    state.write_snapshot("router", {"lanes": lanes, "mode": "advise"})
    standin.reply(text("begun"))

    run = claude.print("Implement pagination across all endpoints and write the tests for every module")

    assert "begun" == run.result["result"]
    assert (2, 1) == (state.runs("pacing"), state.runs("router")), "session start and prompt"
    (said,) = (decision for decision in state.spool("decisions") if decision["said"])
    assert ("handoff", "codex") == (said["decision"], said["to"])
    assert not (state.folder / "log" / "hooks.log").exists()
    (hooks,) = (one for one in findings_of(governor) if one["name"] == "claude hooks")
    assert ("the plugin beside them rests" if twice else "run by the plugin") in hooks["text"], hooks
    assert hooks["ok"]


@pytest.mark.parametrize("installed", [False, True], ids=["plugin", "plugin and install"])
def test_a_tool_call_is_charged_once_with_the_plugin_beside_an_install(
    claude: ClaudeCode, governor: Governor, standin: Standin, state: State, checkout: Path, installed: bool
) -> None:
    """``--plugin-dir``: in no settings file, and so unknown to all but the plugin itself."""
    folder = governor.home / ".config" / "governor"
    folder.mkdir(parents=True)
    wish = {"name": "ten", "per": "session", "tool_calls": 10, "action": "stop"}
    (folder / "budget.json").write_text(json.dumps({"budgets": [wish]}))
    if installed:
        governor.install("--claude")
    assert 0 == governor("refresh").code
    state.hold_bell()
    for number in range(14):
        standin.reply(tool("Bash", command=f"echo step {number} >> steps", description="step"))
    standin.reply(text("done"))

    claude.print("work all night", "--plugin-dir", str(checkout))

    assert 10 == len((claude.project / "steps").read_text().splitlines())
    assert 11 == state.runs("budget") - state.runs("router"), "once a call, and once at the prompt"


def test_under_a_python_that_is_too_old_the_person_is_told_once(
    claude: ClaudeCode, governor: Governor, standin: Standin, user_home: Path, checkout: Path
) -> None:
    old = next((found for version in ("3.8", "3.7", "3.6") if (found := pythons.find(version))), None)
    if old is None:
        pytest.skip("no Python older than 3.9 here")
    programs = user_home / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(old)
    claude.extra_env["PATH"] = f"{programs}:{PATH}"
    says = "its hooks need Python 3.9 or newer"
    with claude.terminal("--plugin-dir", str(checkout)) as tui:
        for number in ("one", "two"):
            standin.reply(tool("Bash", command="true", description="x"))
            standin.reply(text(f"answer {number}"))
            tui.type(number)
            tui.wait_for(f"answer {number}")
        seen = " ".join(tui.history().split())
    assert 1 == seen.count(says), seen
    assert "Traceback" not in seen
    assert "SyntaxError" not in seen
    assert "Python 3." in next(one for one in findings_of(governor) if one["name"] == "python")["text"]
