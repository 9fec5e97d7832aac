"""What happened in a line of a transcript, as the quality canary counts it: a prompt, an interruption, a call that
failed, an edit, an edit taken back. Structure and 64-bit numbers leave this room, never a text.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from governor.hooks.router.user_prose import own_words
from governor.review.simhash import likeness, number
from governor.transcripts.lines import text, to_ms

REFUSED = "The user doesn't want"  # how Claude Code words a call that the person turned down: not a failed one
INTERRUPTED = "[Request interrupted"
NOT_THEIRS = ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")
GIT_UNDOES = ("checkout", "restore")
TOO_LONG = 2**16  # characters of a command that nobody typed to undo an edit


class TranscriptEvent(NamedTuple):
    """One thing that happened. ``what``: answer, prompt, interruption, call, failure, edit, undo."""

    what: str
    at_ms: int
    model: str = ""  # of an answer
    is_copy: bool = False  # of an answer: its line says that a fork copied it
    key: str = ""  # of an answer: the response it is part of
    numbers: tuple[int | None, ...] = ()  # of a prompt: its likeness; of an edit: file, old, new; of an undo: files


def claude(record: dict[str, Any], *, session: str) -> Iterator[TranscriptEvent]:
    """What one line of a Claude Code transcript says."""
    message = record.get("message")
    stamp = to_ms(record.get("timestamp"))
    if not isinstance(message, dict) or stamp is None:
        return
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if record.get("type") == "assistant":
        made_in = text(record.get("requestSessionId")) or text(record.get("sessionId"))
        is_copy = made_in not in ("", session) or "forkedFrom" in record
        model = text(message.get("model"))
        if model and model != "<synthetic>":
            yield TranscriptEvent("answer", stamp, model, is_copy, text(message.get("id")))
            cwd = text(record.get("cwd"))
            for block in blocks:
                if block.get("type") == "tool_use" and isinstance(block.get("input"), dict):
                    yield from _used(text(block.get("name")), block["input"], cwd, stamp)
    elif record.get("type") == "user" and text(record.get("sessionId")) in ("", session):
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for result in results:
            yield from _result(result, stamp)
        if not results and not any(record.get(name) for name in NOT_THEIRS):
            said = content if isinstance(content, str) else "\n".join(text(block.get("text")) for block in blocks)
            if record.get("interruptedMessageId") or said.startswith(INTERRUPTED):
                yield TranscriptEvent("interruption", stamp)
            elif record.get("isSidechain") is not True and _is_persons(record):
                yield from _prompt(said, stamp)


def _is_persons(record: dict[str, Any]) -> bool:
    origin = record.get("origin")
    return not isinstance(origin, dict) or origin.get("kind") in (None, "human")


def _prompt(said: str, stamp: int) -> Iterator[TranscriptEvent]:
    words = own_words(said)
    if words.strip():
        yield TranscriptEvent("prompt", stamp, numbers=(likeness(words),))


def _result(result: dict[str, Any], stamp: int) -> Iterator[TranscriptEvent]:
    content = result.get("content")
    if isinstance(content, list):
        content = next((block.get("text") for block in content if isinstance(block, dict)), "")
    if not text(content).startswith(REFUSED):
        yield TranscriptEvent("call", stamp)
        if result.get("is_error") is True:
            yield TranscriptEvent("failure", stamp)


def _used(tool: str, given: dict[str, Any], cwd: str, stamp: int) -> Iterator[TranscriptEvent]:
    if tool in ("Edit", "MultiEdit"):
        several = given.get("edits")
        for edit in several if isinstance(several, list) else [given]:
            if isinstance(edit, dict):
                file = posixpath.normpath(posixpath.join(cwd, text(given.get("file_path"))))
                yield _edit(file, text(edit.get("old_string")), text(edit.get("new_string")), stamp)
    elif tool == "Bash":
        yield from _command(text(given.get("command")), cwd, stamp)


def _edit(file: str, old: str, new: str, stamp: int) -> TranscriptEvent:
    return TranscriptEvent("edit", stamp, numbers=(number(file), number(old), number(new)))


def _command(command: str, cwd: str, stamp: int) -> Iterator[TranscriptEvent]:
    """``git checkout`` or ``git restore`` with files named: whether one of them was edited is known elsewhere."""
    if "git" not in command or len(command) > TOO_LONG or not any(word in command for word in GIT_UNDOES):
        return
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return
    for place, word in enumerate(words[:-1]):
        if word == "git" and words[place + 1] in GIT_UNDOES:
            named = []
            for one in words[place + 2 :]:
                if one[:1] in ";&|<>()":
                    break
                if not one.startswith("-"):
                    named.append(number(posixpath.normpath(posixpath.join(cwd, one))))
            if named:
                yield TranscriptEvent("undo", stamp, numbers=tuple(named))


def codex(record: dict[str, Any]) -> Iterator[TranscriptEvent]:
    """What one line of a rollout says. Old clients close a call with ``exec_command_end`` or ``patch_apply_end``, newer
    ones with a completed item; a call whose outcome no line states counts nowhere.
    """
    payload = record.get("payload")
    stamp = to_ms(record.get("timestamp"))
    if not isinstance(payload, dict) or stamp is None:
        return
    kind = payload.get("type")
    if record.get("type") == "turn_context":
        if text(payload.get("model")):
            yield TranscriptEvent("answer", stamp, text(payload["model"]))
    elif record.get("type") != "event_msg":
        return
    elif kind == "turn_aborted":
        yield TranscriptEvent("interruption", stamp)
    elif kind == "user_message":
        yield from _prompt(text(payload.get("message")), stamp)
    elif kind == "exec_command_end":
        yield from _closed(payload.get("exit_code") not in (0, None), stamp)
        yield from _typed(payload, stamp)
    elif kind == "patch_apply_end":
        yield from _closed(payload.get("success") is False, stamp)
        if payload.get("success") is not False:
            yield from _patch(payload.get("changes"), stamp)
    elif kind == "item_completed" and isinstance(payload.get("item"), dict):
        yield from _item(payload["item"], stamp)


def _item(item: dict[str, Any], stamp: int) -> Iterator[TranscriptEvent]:
    kind, failed = item.get("type"), item.get("status") == "failed"
    if kind == "UserMessage":
        content = item.get("content")
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        yield from _prompt("\n".join(text(block.get("text")) for block in blocks), stamp)
    elif kind in ("CommandExecution", "McpToolCall", "FileChange") and item.get("status") in ("completed", "failed"):
        yield from _closed(failed, stamp)
        if kind == "CommandExecution":
            yield from _typed(item, stamp)
        elif kind == "FileChange" and not failed:
            yield from _patch(item.get("changes"), stamp)


def _closed(failed: bool, stamp: int) -> Iterator[TranscriptEvent]:
    yield TranscriptEvent("call", stamp)
    if failed:
        yield TranscriptEvent("failure", stamp)


def _typed(item: dict[str, Any], stamp: int) -> Iterator[TranscriptEvent]:
    """The command of an execution: Codex wraps it in a shell."""
    command = item.get("command")
    if isinstance(command, list) and command:
        yield from _command(text(command[-1]), text(item.get("cwd")).removeprefix("file://"), stamp)


def _patch(changes: object, stamp: int) -> Iterator[TranscriptEvent]:
    for file, change in changes.items() if isinstance(changes, dict) else ():
        diff = text(change.get("unified_diff")) if isinstance(change, dict) else ""
        if diff:
            lines = [line for line in diff.splitlines() if not line.startswith(("+++", "---"))]
            old = "\n".join(line[1:] for line in lines if line.startswith("-"))
            new = "\n".join(line[1:] for line in lines if line.startswith("+"))
            yield _edit(posixpath.normpath(text(file)), old, new, stamp)
