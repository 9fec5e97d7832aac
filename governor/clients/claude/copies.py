"""Whose a line of a transcript is: the identity of its response, whether a fork copied it, and from whom."""

from __future__ import annotations

from typing import Any

import orjson

from governor.transcripts.lines import text

VENDOR_ID = ("msg_", "msg-")  # ids the vendor makes are unique everywhere; a gateway's may repeat between sessions
_FOREVER = 2**62  # auxiliary.FOREVER


def is_copy(record: dict[str, Any], session: str) -> bool:
    """Did a fork copy this line? Ids and times are the original's, even the file's first; what gives it away is
    ``requestSessionId`` (2.1.330; a response's own file has none), or the first session's id, or ``forkedFrom``.
    """
    made_in = text(record.get("requestSessionId")) or text(record.get("sessionId"))
    return made_in not in ("", session) or "forkedFrom" in record


def owner(state: dict[str, Any], made_in: str, forked_from: object, at_ms: int, *, copied: bool) -> tuple[str, str]:
    """(session, thread) that made a line of a fork's file; what follows from it is remembered in ``state``.

    A copied line is its maker's, whose own file may be gone. ``made_in`` is its ``requestSessionId``; ``forked_from``
    may still be JSON.
    """
    session, thread = state["session"], state["thread"]
    if not copied:
        note_maker(state, "", at_ms)
        return session, thread
    if made_in in ("", session):
        source = orjson.loads(forked_from) if isinstance(forked_from, bytes) else forked_from
        made_in = text(source.get("sessionId")) if isinstance(source, dict) else ""
    note_maker(state, made_in or session, at_ms)
    return (made_in, made_in if thread == session else thread) if made_in else (session, thread)


def note_maker(state: dict[str, Any], name: str, at_ms: int) -> None:
    """Remember, in a fork's file, who made the lines from here on: another session, or (empty) the fork itself."""
    makers = state.setdefault("makers", [])
    if not makers or makers[-1][0] not in (name, ""):
        makers.append([name, at_ms])


def ancestors(state: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    """(session, until when) of those whose lines a fork's file begins with: until the next one's first line."""
    makers = state.get("makers") or []
    untils = [at_ms for _, at_ms in makers[1:]]
    spans = zip(makers, [*untils, _FOREVER], strict=False)
    return tuple((name, until) for (name, _), until in spans if name not in ("", state["session"]))


def identity(record: dict[str, Any], message: dict[str, Any], state: dict[str, Any], offset: int) -> str:
    """The key of a response, the same in every line, file, fork and sidechain that repeats it.

    The vendor's message ids are unique everywhere (37,220 ids, never two request ids). Other ids (gateways, mocks)
    count per request, or per session where there is no request id; a line with no id at all is itself.
    """
    message_id = text(message.get("id"))
    request_id = text(record.get("requestId"))
    if message_id.startswith(VENDOR_ID):
        return message_id
    if message_id:
        return f"{message_id}|{request_id or state['session']}"
    return request_id or text(record.get("uuid")) or f"{state['session']}/{state['thread']}@{offset}"
