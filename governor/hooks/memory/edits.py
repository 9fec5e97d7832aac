"""Which files a tool call says it changed, in either host's words. Untrusted: where they lead is checked elsewhere."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_HEADS = ("*** Update File: ", "*** Add File: ", "*** Move to: ")


def edits(event: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Path -> the lines just written to it, stripped; none where the whole file was written.

    Claude Code's Write and Edit name one absolute path; Codex's apply_patch names several, relative to ``cwd``.
    """
    given = event.get("tool_input")
    given = given if isinstance(given, dict) else {}
    command = given.get("command")
    if isinstance(command, str) and "*** Begin Patch" in command:
        return _patched(command)
    answer = event.get("tool_response")
    path = given.get("file_path") or (answer.get("filePath") if isinstance(answer, dict) else None)
    if not isinstance(path, str) or not path:
        return {}
    several = given.get("edits")
    parts = [given, *several] if isinstance(several, list) else [given]
    written = [part.get("new_string") for part in parts if isinstance(part, dict)]
    return {path: frozenset(line.strip() for text in written if isinstance(text, str) for line in text.splitlines())}


def _patched(patch: str) -> dict[str, frozenset[str]]:
    fresh: dict[str, set[str]] = {}
    path = ""
    for line in patch.splitlines():
        head = next((head for head in _HEADS if line.startswith(head)), "")
        if head:
            path = line[len(head) :].strip()
            fresh.setdefault(path, set())
        elif line.startswith("+") and path:
            fresh[path].add(line[1:].strip())
    return {name: frozenset(lines) for name, lines in fresh.items() if name}


def matches(name: str, pattern: str) -> bool:
    """Is this part of a path what the pattern says? Where it says it plainly, nothing is imported."""
    if pattern == "*" or not any(sign in pattern for sign in "*?["):
        return pattern in ("*", name)
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)


def fits(text: bytes | None, snapshot: dict[str, Any]) -> bool:
    """Is this index plainly within the letter's limits? Most edits end here, before anything slow is loaded."""
    lines, chars, size = (
        snapshot.get("max_lines", 200),
        snapshot.get("line_chars", 350),
        snapshot.get("max_bytes", 24_900),
    )
    if text is None or not all(isinstance(limit, int) for limit in (lines, chars, size)) or b"\r" in text:
        return False
    rows = text.split(b"\n")
    return len(text) < size and len(rows) <= lines and all(len(row) <= chars for row in rows)
