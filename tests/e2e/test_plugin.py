"""The same hooks as a Claude Code plugin: valid to the client itself, installed by it, run from where it puts them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .drive import ROOT, ClaudeCode, Governor
from .standin import Standin
from .state import State, room
from .wire import text

pytestmark = pytest.mark.e2e


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
def test_the_plugins_hooks_work_and_beside_installed_ones_still_speak_once(
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
    state.write_letter("router", {"lanes": lanes, "mode": "advise"})
    standin.reply(text("begun"))

    run = claude.print("Implement pagination across all endpoints and write the tests for every module")

    assert "begun" == run.result["result"]
    times = 2 if twice else 1
    assert (2 * times, times) == (state.runs("pacing"), state.runs("router")), "session start and prompt"
    (said,) = (decision for decision in state.spool("decisions") if decision["said"])
    assert ("handoff", "codex") == (said["decision"], said["to"])
    assert not (state.folder / "log" / "hooks.log").exists()
