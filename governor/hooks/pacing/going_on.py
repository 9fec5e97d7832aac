"""What a person presses to go on after a prompt of theirs was held: the one sentence that says so.

Seen on Claude Code 2.1.332: a held prompt stands in the input line again, pasted text too; a custom slash command or a
skill does not, and Up brings it back. Seen on Codex 0.171.0: the input line is empty, and Up brings the prompt back.
Other views of a client (an editor's panel) were not seen, so there the sentence names no key.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def words(event: Mapping[str, Any], environ: Mapping[str, str], lane: str) -> str:
    """What to do, without a full stop: it may be followed by how to go on for longer."""
    if lane != "claude":
        return "Press Up, then Enter to go on"
    if environ.get("CLAUDE_CODE_ENTRYPOINT", "cli") != "cli":
        return "Send it again to go on"
    prompt = event.get("prompt")
    if isinstance(prompt, str) and prompt.startswith("/"):
        return "Press Up, then Enter to go on"
    return "Press Enter to go on"
