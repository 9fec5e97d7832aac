"""Write settings.example.json and examples/codex-hooks.json from the table that ``governor install`` uses.

``--check`` writes nothing and exits 1 when a file on disk differs. The paths are placeholders: install writes yours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from governor.install import runtime, wiring

ROOT = Path(__file__).resolve().parent.parent
INTERPRETER = "/usr/bin/python3"
HOME = "/home/you/.local/state/governor"


def examples() -> dict[Path, str]:
    """Every example file with what it should hold."""
    scripts = runtime.scripts(ROOT / "hooks")
    places: dict[Path, wiring.Host] = {
        ROOT / "settings.example.json": "claude",
        ROOT / "examples" / "codex-hooks.json": "codex",
    }
    return {
        path: json.dumps(wiring.example(host, scripts, interpreter=INTERPRETER, home=HOME), indent=2) + "\n"
        for path, host in places.items()
    }


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
