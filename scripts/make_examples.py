"""Write the examples and the Claude Code plugin from the table that ``governor install`` uses, and the budget file's
example from its own schema.

``--check`` writes nothing and exits 1 when a file on disk differs. The examples' paths are placeholders: install writes
yours. The plugin is this folder itself: ``.claude-plugin`` says what pyproject.toml says, ``hooks/hooks.json`` what to
run.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from governor.config.schema import Budget
from governor.install import runtime, wiring

ROOT = Path(__file__).resolve().parent.parent
INTERPRETER = "/usr/bin/python3"
HOME = "/home/you/.local/state/governor"
# What a person might write; everything else stands in the example with its default.
WRITTEN: dict[str, Any] = {
    "machine": "laptop",
    "person": "me",
    "plan": "max-20x",
    "prices": {"gpt-6.2-sol": {"input": 2.0, "output": 10.0, "cache_read": 0.1}},
    "tags": [{"tag": "client-a", "project": "*/client-a/*"}, {"tag": "spikes", "branch": "spike/*"}],
    "router": {"keep": ["schema"]},
    "pacing": {"hush": ["5h"]},
    "budgets": [
        {"name": "night", "per": "session", "tokens": 5_000_000, "tool_calls": 800, "wall": "6h", "action": "stop"},
        {"name": "one prompt", "per": "request", "usd": 5, "action": "ask"},
        {"name": "day", "per": "day", "usd": 60, "action": "advise"},
        {"name": "client-a", "per": "project", "project": "*/client-a/*", "every": "month", "usd": 400},
    ],
    "spawn": {"action": "stop", "concurrent": 6},
    "degrade": {"mode": "act", "critical": ["security-review"]},
    "handoff": {"usd": 5, "rules": "~/.config/governor/standing-rules.md"},
}


def examples() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    scripts = runtime.scripts(ROOT / "hooks")
    documents = {
        ROOT / "settings.example.json": wiring.example("claude", scripts, interpreter=INTERPRETER, home=HOME),
        ROOT / "examples" / "codex-hooks.json": wiring.example("codex", scripts, interpreter=INTERPRETER, home=HOME),
        ROOT / "hooks" / "hooks.json": wiring.plugin(scripts),
        ROOT / "budget.example.json": budget(),
        **manifests(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]),
    }
    return {path: json.dumps(document, indent=2) + "\n" for path, document in documents.items()}


def budget() -> dict[str, Any]:
    """A filled-in budget file: every setting, the person's own words where they wrote some."""
    Budget.model_validate(WRITTEN)
    defaults = Budget().model_dump(mode="json")  # null says that a limit is not set, and may stand in the file
    return {
        name: {**value, **WRITTEN.get(name, {})} if isinstance(value, dict) else WRITTEN.get(name, value)
        for name, value in defaults.items()
    }


def manifests(project: dict[str, Any]) -> dict[Path, dict[str, Any]]:
    """The plugin, and the marketplace that lists it alone."""
    author = {"name": project["authors"][0]["name"]}
    plugin = {
        "name": "governor",
        "version": project["version"],
        "description": project["description"],
        "author": author,
        "license": project["license"],
        "keywords": project["keywords"],
    }
    marketplace = {
        "name": project["name"],
        "owner": author,
        "description": project["description"],
        "plugins": [{"name": "governor", "source": "./", "description": project["description"]}],
    }
    folder = ROOT / ".claude-plugin"
    return {folder / "plugin.json": plugin, folder / "marketplace.json": marketplace}


def main(arguments: list[str]) -> int:
    """Write the examples, or with ``--check`` say which are stale."""
    stale = [path for path, text in examples().items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale; type: python scripts/make_examples.py")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(examples()[path], "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
