"""Which ended handoff a session hears of at its next prompt: the one it started, or one begun in its folder."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SNAPSHOT = "handoffs"
MODEL_LIMIT = 200


class HandoffNews:
    """What to say, and the key under which it is said once."""

    __slots__ = ("line", "model", "name", "once")

    def __init__(self, name: str, line: str, model: str) -> None:
        self.name = name
        self.line = line
        self.model = model
        self.once = key(name)


def key(name: str) -> str:
    """The episode of one handoff's end."""
    return f"handoff:{name}"


def news(
    event: dict[str, Any], snapshot: dict[str, Any], *, lane: str, seen: Callable[[str], bool]
) -> HandoffNews | None:
    """The first piece of news for this session that nobody has heard yet, or None.

    A handoff that knows its session is told to that session alone, and to its model, which started it. One begun in a
    plain terminal is told to the person, in whichever session of the lane (or of any, where no lane is known) works in
    its folder.
    """
    pending = snapshot.get("news")
    if event.get("hook_event_name") != "UserPromptSubmit" or not isinstance(pending, list):
        return None
    session, cwd = event.get("session_id"), event.get("cwd")
    for one in pending:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str) or seen(key(one["id"])):
            continue
        started_here = isinstance(one.get("session"), str) and one["session"] == session
        in_folder = (
            not one.get("session") and one.get("lane") in (None, lane) and bool(cwd) and one.get("folder") == cwd
        )
        if started_here or in_folder:
            told = str(one.get("model_line", ""))[:MODEL_LIMIT] if started_here else ""
            return HandoffNews(one["id"], str(one.get("line", "")), told)
    return None
