"""Write the examples and the Claude Code plugin from the table that ``governor install`` uses.

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

from governor.install import runtime, wiring

ROOT = Path(__file__).resolve().parent.parent
INTERPRETER = "/usr/bin/python3"
HOME = "/home/you/.local/state/governor"


def examples() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    scripts = runtime.scripts(ROOT / "hooks")
    documents = {
        ROOT / "settings.example.json": wiring.example("claude", scripts, interpreter=INTERPRETER, home=HOME),
        ROOT / "examples" / "codex-hooks.json": wiring.example("codex", scripts, interpreter=INTERPRETER, home=HOME),
        ROOT / "hooks" / "hooks.json": wiring.plugin(scripts),
        **manifests(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]),
    }
    return {path: json.dumps(document, indent=2) + "\n" for path, document in documents.items()}


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
