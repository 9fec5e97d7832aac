"""Which commands only the user may give, and how an agent's command is told from the user's.

What loosens a limit, moves the official figure, lifts a halt or unwires a guard is the user's. What tightens is
anybody's. An agent that clears its environment is not seen here; docs/security.md says what then still holds.
"""

from __future__ import annotations

import os

from governor.errors import BadInputError

# Set by Claude Code and by Codex in the commands that their models run.
INSIDE = ("CLAUDECODE", "CODEX_SANDBOX", "CODEX_THREAD_ID", "CODEX_SESSION_ID")


def inside() -> str | None:
    """The variable that says an agent is typing, or None."""
    return next((name for name in INSIDE if os.environ.get(name)), None)


def require_user(command: str) -> None:
    """Raises: BadInputError inside a client's own tool call. ``command`` is what the user would type."""
    name = inside()
    if name is not None:
        raise BadInputError(
            f"{command} is for the user at the keyboard, and {name} says that an agent is typing.",
            f"ask the user to type in a terminal: {command}",
        )
