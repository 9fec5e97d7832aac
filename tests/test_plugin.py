"""The plugin's files say what ``governor install`` and pyproject.toml say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from governor.install import runtime, wiring

ROOT = Path(__file__).parents[1]


@pytest.fixture
def make_examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_examples", ROOT / "scripts" / "make_examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_generated_file_is_current(make_examples: ModuleType) -> None:
    stale = [path.name for path, text in make_examples.examples().items() if path.read_text("utf-8") != text]

    assert [] == stale, "python scripts/make_examples.py"


def test_the_plugin_runs_one_command_on_every_event_that_install_may_wire() -> None:
    hooks = json.loads((ROOT / "hooks" / "hooks.json").read_text("utf-8"))["hooks"]
    found = set()
    for event, groups in hooks.items():
        for group in groups:
            for handler in group["hooks"]:
                words = 'python3 -I -S "${CLAUDE_PLUGIN_ROOT}/hooks/on_event.py" plugin || true'
                assert words == handler["command"]
                found.add((event, group.get("matcher"), handler["timeout"]))

    rows = wiring.rows("claude", runtime.scripts(ROOT / "hooks"))
    assert {(row.event, row.matcher, row.timeout_s) for row in rows} == found
