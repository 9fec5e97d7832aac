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


def test_installed_as_a_plugin_the_hooks_work_from_the_clients_own_copy(
    claude: ClaudeCode, governor: Governor, standin: Standin, user_home: Path, checkout: Path
) -> None:
    """No ``governor install``: nothing rings for a refresh, and the state folder is the platform's own."""
    added = claude.run(["plugin", "marketplace", "add", str(checkout)])
    assert 0 == added.code, added.out + added.err
    installed = claude.run(["plugin", "install", "governor@quota-governor"])
    assert 0 == installed.code, installed.out + installed.err
    print(claude.run(["plugin", "list"]).out, [str(p) for p in (claude.config / "plugins").rglob("hooks*")], (claude.config/"settings.json").read_text())
    assert 0 == governor("refresh").code
    state = State(user_home)
    lanes = {"claude": room("NUDGE", -20.0), "codex": room("GO", 55.0)}
    state.write_letter("router", {"lanes": lanes, "mode": "advise"})
    standin.reply(text("begun"))

    run = claude.print("Implement pagination across all endpoints and write the tests for every module")

    assert "begun" == run.result["result"]
    assert (2, 1) == (state.runs("pacing"), state.runs("router")), "session start and prompt"
    (decision,) = state.spool("decisions")
    assert ("handoff", True) == (decision["decision"], decision["said"])
    assert not (state.folder / "log" / "hooks.log").exists()
