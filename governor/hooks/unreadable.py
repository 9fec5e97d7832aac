"""What can be told of a tool call whose event no parser takes: too deep, too long a number, too large.

Such a call still is one: it counts, and whoever refuses calls refuses it. Its input stays unknown. The names are cut
out of the bytes before the first object or list, and after the last one: no tool's input can stand there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEAD = TAIL = 2**16  # bytes; a client's own fields take under 2 KB
CALL = "PreToolUse"
LAST = (b'"tool_use_id"', b'"tool_name"', b'"session_id"', b'"hook_event_name"', b'"agent_id"', b'"cwd"')


def facts(raw: bytes) -> dict[str, Any]:
    """The event's own strings, as far as they can be told; empty for an event that is no PreToolUse."""
    known = {**_after(raw), **_before(raw)}
    name = known.get("hook_event_name", CALL if b'"PreToolUse"' in raw else "")
    return {**known, "hook_event_name": CALL} if name == CALL else {}


def _before(raw: bytes) -> dict[str, Any]:
    """The members of the outermost object up to the first that is an object, a list or a number."""
    text = raw[:HEAD].decode("utf-8", "replace").lstrip()
    members: dict[str, Any] = {}
    place = 1
    while text.startswith(("{", ","), place - 1):
        key, place = _string(text, _gap(text, place))
        place = _gap(text, place)
        if not key or not text.startswith(":", place):
            break
        place = _gap(text, place + 1)
        word = next((word for word in ("true", "false", "null") if text.startswith(word, place)), "")
        if word:
            place += len(word)
        else:
            value, place = _string(text, place)
            if value is None:
                break
            members[key] = value
        place = _gap(text, place) + 1
    return members


def _after(raw: bytes) -> dict[str, Any]:
    """The members from one of LAST to the end of the event, the most of them that are whole."""
    from governor.hooks import fast_json

    end = raw[-TAIL:]
    for place in sorted({end.rfind(name) for name in LAST} - {-1}):
        try:
            members = fast_json.loads(b"{" + end[place:])
        except (ValueError, RecursionError):
            continue
        return {key: value for key, value in members.items() if isinstance(value, str)}
    return {}


def _gap(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\n", "\r"):
        place += 1
    return place


def _string(text: str, place: int) -> tuple[str | None, int]:
    """(the string that begins here, where it ends); None where none does, or it does not end."""
    from _json import scanstring

    try:
        return scanstring(text, place + 1, False) if text.startswith('"', place) else (None, place)
    except (ValueError, SystemError):  # the latter where the package, of which it takes its faults, is not loaded
        return None, place
