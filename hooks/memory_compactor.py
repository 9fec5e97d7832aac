"""After an edit of a memory index: hold it within what the client loads, and tell the model in one sentence."""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from governor import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def wants(raw: bytes, door: hook.Door) -> bool:
    """An index is named in the event, or the person named files of their own (the letter then says ``speak``)."""
    return b"MEMORY.md" in raw or not hook.is_quiet(door.home, "memory")


def fits(path: str, letter: dict[str, Any]) -> bool:
    """True for a plain file that is plainly within limits: most edits end here, before anything slow is loaded."""
    lines, chars, size = letter.get("max_lines", 200), letter.get("line_chars", 350), letter.get("max_bytes", 24_900)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            text = os.read(descriptor, 32_768)
        finally:
            os.close(descriptor)
        rows = text.split(b"\n")
        return len(text) < size and len(rows) <= lines and all(len(row) <= chars and b"\r" not in row for row in rows)
    except (OSError, TypeError, ValueError):
        return False


def decide(event: dict[str, Any], door: hook.Door) -> hook.Reply | None:
    from governor.guards.edits import edits

    letter = door.letter("memory")
    named = [name for name in letter.get("files") or [] if isinstance(name, str)]
    names = ["MEMORY.md", *map(os.path.basename, named)]
    written = {
        path: fresh
        for path, fresh in edits(event).items()
        if _is_named(os.path.basename(path), names) and not fits(path, letter)
    }
    if not written:
        return None
    from governor import memory
    from governor.errors import GovernorError
    from governor.guards.memory import Limits, sentence

    cwd = event.get("cwd")
    changed: list[str] = []
    shortened = moved = 0
    for path, fresh in written.items():
        index = memory.locate(path, cwd if isinstance(cwd, str) else "", named)
        if index is None:
            continue
        try:
            done = memory.carry_out(index, Limits.from_letter(letter), door.home, fresh=fresh)
        except GovernorError:  # no ordinary file, read-only, binary: left alone
            continue
        if done is not None:
            changed.append(os.path.basename(index))
            shortened += done.result.shortened
            moved += done.result.moved
    said = sentence(" and ".join(sorted(set(changed))), shortened=shortened, moved=moved)
    return hook.Reply(model=said, record={"rule": "memory", "shortened": shortened, "moved": moved}) if said else None


def _is_named(name: str, names: list[str]) -> bool:
    if name in names or not any(c in "*?[" for one in names for c in one):
        return name in names
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, one) for one in names)


if __name__ == "__main__":
    hook.run("memory_compactor", decide, wants=wants)
