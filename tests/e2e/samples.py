"""Small samples of what the real clients write and send, kept in samples/ for every other test to read.

A sample's name carries the version it was taken from. Each run compares the shape of today's data with it, so a sample
that no longer tells the truth is noticed; GOVERNOR_E2E_ACCEPT=1 takes new ones.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "samples"
LONGEST = 120  # characters of any text that is kept


def accept_or_compare(name: str, seen: list[Any], home: Path) -> None:
    """Compare with the sample, one JSON value a line; or write it when told to.

    Raises: AssertionError naming the lines whose shape differs.
    """
    path = FOLDER / name
    lines = [scrub(value, home) for value in seen]
    if os.environ.get("GOVERNOR_E2E_ACCEPT"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        return
    assert path.exists(), f"no sample {name}; next: GOVERNOR_E2E_ACCEPT=1 pytest -m e2e tests/e2e/test_samples.py"
    kept = [json.dumps(shape(json.loads(line)), indent=1) for line in path.read_text().split("\n") if line]
    today = [json.dumps(shape(line), indent=1) for line in lines]
    if kept != today:
        changes = difflib.unified_diff("\n".join(kept).split("\n"), "\n".join(today).split("\n"), name, "today", n=4)
        raise AssertionError("the shape has changed:\n" + "\n".join(changes))


def scrub(value: Any, home: Path) -> Any:
    """The value with the home called /home/u and long texts cut."""
    if isinstance(value, dict):
        return {key: scrub(part, home) for key, part in value.items()}
    if isinstance(value, list):
        return [scrub(part, home) for part in value]
    if isinstance(value, str):
        plain = value.replace(str(home), "/home/u").replace(slug(home), "-home-u")
        return plain if len(plain) <= LONGEST else plain[:LONGEST] + "…"
    return value


def slug(path: Path) -> str:
    """A folder's name as Claude Code writes it in its own paths."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in str(path))


def shape(value: Any) -> Any:
    """Keys and kinds, without the values: whole numbers and fractions are one kind, lists go by their first item."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in sorted(value.items())}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, (int, float)) else type(value).__name__
