"""What a settings document should become: with our hooks in it, or as if they had never been.

Documents in, documents out; no file is touched here. A group or handler that is not ours is carried over as the very
object it was, whatever it holds; ours go into groups of their own, last, so that the positions by which Codex remembers
what the person trusted do not shift.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from governor.install import wiring

Document = dict[str, Any]


class ShapeError(ValueError):
    """The document is JSON but not a settings document; the sentence says what is odd."""


def as_document(value: Any) -> Document:
    """Raises: ShapeError unless the top level is an object whose ``hooks``, if any, is one too; null is none."""
    if not isinstance(value, dict):
        raise ShapeError("its top level is not an object")
    if not isinstance(value.get("hooks"), (dict, type(None))):
        raise ShapeError('its "hooks" is not an object')
    return value


def hooks_of(document: Document) -> Document:
    """What stands under ``hooks``, by event; nothing where that is absent or null."""
    return document.get("hooks") or {}


def handlers(document: Document) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every (event, group, handler) that has the expected shape; odd ones are somebody else's affair."""
    for event, groups in hooks_of(document).items():
        for group in groups if isinstance(groups, list) else ():
            inside = group.get("hooks") if isinstance(group, dict) else None
            for handler in inside if isinstance(inside, list) else ():
                if isinstance(handler, dict):
                    yield event, group, handler


def wired(document: Document, rows: Sequence[wiring.WiredCommand], commands: Mapping[str, str]) -> Document:
    """The document with each row present exactly once, its command and matcher up to date, and all else of ours gone.

    Where an older install had several commands on an event, the new one takes the place of the first, so that fewer
    hooks of others move. A timeout that the person changed stays theirs, and so does a command of ours that they
    wrapped in one of their own. Raises: ShapeError where an event we need is not a list.
    """
    after = copy.deepcopy(document)
    wanted = {row.event: row for row in rows}
    for event, _, handler in handlers(after):
        if wiring.mentions(handler.get("command")) == wiring.ON_EVENT and not wiring.script_in(handler["command"]):
            wanted.pop(event, None)
    retired: list[int] = []
    for event, group, handler in handlers(after):
        if wiring.script_in(handler.get("command")) is None:
            continue
        row = wanted.get(event)
        if row is None or not _fits(group, row):
            retired.append(id(handler))
            continue
        del wanted[event]
        if wiring.script_in(handler["command"]) != row.script:
            handler["timeout"] = row.timeout_s
        handler["command"] = commands[row.script]
        handler.setdefault("timeout", row.timeout_s)
        if row.matcher:
            group["matcher"] = row.matcher
        else:
            group.pop("matcher", None)
    if retired:
        _drop(after, retired, {})
    for row in wanted.values():
        hooks = after["hooks"] = hooks_of(after)
        groups = hooks[row.event] = [] if hooks.get(row.event) is None else hooks[row.event]
        if not isinstance(groups, list):
            raise ShapeError(f'its "hooks" has a "{row.event}" that is not a list')
        groups.append(wiring.group(row, commands[row.script]))
    return after


def _fits(group: Document, row: wiring.WiredCommand) -> bool:
    """Is the group ours alone, so that its matcher may be changed, or does it look at just what we have to see?"""
    return len(group["hooks"]) == 1 or (group.get("matcher") or None) == row.matcher


def wrapped_guards(document: Document) -> list[str]:
    """Scripts of single guards that the person runs by a command of their own, beside ours that runs them all."""
    named = [handler.get("command") for _, _, handler in handlers(document)]
    scripts = [wiring.mentions(words) for words in named if wiring.script_in(words) is None]
    return sorted({script for script in scripts if script in wiring.ONE_BY_ONE})


def unwired(document: Document, baseline: Document) -> Document:
    """The document without our handlers, and without the groups, events and ``hooks`` that only they filled.

    ``baseline`` is the document as it stood before us: what was empty or null then is left standing so.
    """
    after = copy.deepcopy(document)
    ours = [id(handler) for _, _, handler in handlers(after) if wiring.script_in(handler.get("command"))]
    if ours:
        _drop(after, ours, hooks_of(baseline))
        if not after["hooks"] and "hooks" not in baseline:
            del after["hooks"]
        elif not after["hooks"] and baseline["hooks"] is None:
            after["hooks"] = None
    return after


def _drop(document: Document, ours: list[int], kept_events: Mapping[str, Any]) -> None:
    for event, groups in list(document["hooks"].items()):
        if not isinstance(groups, list):
            continue
        emptied = [group for group in groups if _drop_handlers(group, ours)]
        if emptied:
            document["hooks"][event] = [group for group in groups if all(group is not gone for gone in emptied)]
            if not document["hooks"][event] and event not in kept_events:
                del document["hooks"][event]
            elif not document["hooks"][event] and kept_events[event] is None:
                document["hooks"][event] = None


def _drop_handlers(group: Any, ours: list[int]) -> bool:
    """True when nothing is left of a group that held ours."""
    inside = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(inside, list):
        return False
    kept = [handler for handler in inside if id(handler) not in ours]
    emptied = bool(inside) and not kept
    if len(kept) < len(inside):
        group["hooks"] = kept
    return emptied


def stranded(document: Document) -> list[str]:
    """Events where somebody else's group stands behind one of ours: taking ours out moves it up."""
    found = []
    for event, groups in hooks_of(document).items():
        ours = [
            any(wiring.script_in(handler.get("command")) for _, _, handler in handlers({"hooks": {event: [group]}}))
            for group in (groups if isinstance(groups, list) else [])
        ]
        if True in ours and False in ours[ours.index(True) :]:
            found.append(event)
    return found


def tapped(line: Any, words: str) -> Document:
    """A statusLine that runs our tap, keeping the padding and whatever else the person had set on theirs."""
    return {**(line if isinstance(line, dict) else {"type": "command"}), "command": words}


def foreign_line(document: Document) -> dict[str, Any] | None:
    """The person's own statusLine, if it is a command that we can pass our stdin on to."""
    line = document.get("statusLine")
    if not isinstance(line, dict) or line.get("type") != "command" or not isinstance(line.get("command"), str):
        return None
    return None if wiring.mentions(line["command"]) else line


def has_tap(document: Document) -> bool:
    """Is the statusLine ours, as we wrote it?"""
    line = document.get("statusLine")
    return isinstance(line, dict) and wiring.script_in(line.get("command")) == wiring.STATUSLINE


def can_tap(document: Document) -> bool:
    """Is the statusLine absent, null, ours, or one we know how to chain?"""
    return document.get("statusLine") is None or has_tap(document) or foreign_line(document) is not None
