"""Reads for the quality canary what was added to one transcript, and counts what went wrong in it.

Apart from the reading that counts tokens, with a cursor of its own: only a sample of sessions is looked at, a little at
a time. Lines that a fork copied count nothing: a prompt belongs to the answer that follows it, and whether an answer is
a copy can be told (its line says so, or the ledger counts it for another session), so a prompt waits for its answer
wherever copies were met before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, NamedTuple

from governor.model import REPLAY_MS, Cursor, Lane, Problem
from governor.review.simhash import alike
from governor.review.transcript_events import TranscriptEvent, claude, codex
from governor.transcripts import tail
from governor.transcripts.lines import decode, text, to_ms

_CLAUDE = re.compile(rb'"type"\s*:\s*"(?:user|assistant)"')
_CODEX = re.compile(
    rb'"(?:session_meta|turn_context|turn_aborted|user_message|exec_command_end|patch_apply_end|item_completed)"'
)
EDITS = 64  # the last edits of a thread that one may be taken back from
FIELDS = ("prompts", "interruptions", "calls", "failures", "asked", "asked_again", "edits", "reverts")


class Count(NamedTuple):
    """One more of something."""

    at_ms: int
    model: str
    field: str  # of FIELDS


class Watched(NamedTuple):
    """What a look at one transcript brought, and how many bytes it cost."""

    counts: list[Count]
    cursor: Cursor
    size: int


def session_of(path: str) -> tuple[Lane, str]:
    """The lane and the session of a transcript, by its name alone; a Codex subagent is a session of its own."""
    place = PurePath(path)
    stem = place.name.removesuffix(".zst").removesuffix(".jsonl")
    if stem.startswith("rollout-"):
        return "codex", stem[-36:]
    parts = place.parts
    return "claude", parts[len(parts) - 1 - parts[::-1].index("subagents") - 1] if "subagents" in parts else stem


def read(
    found: tail.FoundFile, cursor: Cursor | None, *, limit: int, owner: Callable[[str], str | None] = lambda _: None
) -> Watched:
    """What was added since ``cursor``, at most ``limit`` bytes and a block more. ``owner`` says which session a
    response was counted for, by its key, where that is known.

    Raises: OSError where the file cannot be read.
    """
    lane, session = session_of(found.path)
    offset = start = tail.resume_at(found.path, cursor)
    state: dict[str, Any] = dict(cursor.state) if cursor and offset else {}
    thread = _Thread(state, lambda key: owner(key) not in (None, session))
    problems: list[Problem] = []
    answered = offset
    for base, data, begin, end, torn in tail.chunks(found.path, offset, problems):
        if torn:
            break
        for at, line in tail.lines_with(data, _CLAUDE if lane == "claude" else _CODEX, begin, end):
            record, _ = decode(line)
            for deed in _deeds(record, lane, session, state) if record is not None else ():
                thread.take(deed)
                if deed.what == "answer":
                    answered = base + at + len(line)
        offset = base + end
        if offset - start >= limit:
            break
    done = offset - start
    if thread.waits() and (answered > start or done < limit):
        offset = answered  # the rest is read again once its answer is there
    else:
        thread.settle()
    mark = tail.mark_of(found.path, offset)
    whole = offset >= found.size or done < limit
    size = found.size if whole else -1  # unlike any file's: it is looked at again
    return Watched(thread.counts, Cursor(found.path, found.inode, size, found.mtime_ns, offset, mark, state), done)


def _deeds(record: dict[str, Any], lane: Lane, session: str, state: dict[str, Any]) -> Iterator[TranscriptEvent]:
    if lane == "claude":
        return claude(record, session=session)
    if record.get("type") == "session_meta":
        _introduce(record, state)
        return iter(())
    stamp, ordinal = to_ms(record.get("timestamp")), record.get("ordinal")
    replayed = state.get("forked") and stamp is not None and stamp - state.get("born", 0) <= REPLAY_MS
    inherited = type(ordinal) is int and ordinal < state.get("inherited", 0)
    if replayed or inherited:
        return iter(())
    # What a subagent is asked comes from a model.
    return (deed for deed in codex(record) if deed.what != "prompt" or not state.get("spawned"))


def _introduce(record: dict[str, Any], state: dict[str, Any]) -> None:
    """The first introduction of a rollout is its own; a further one makes it a copy of another's beginning."""
    meta = record.get("payload")
    if not isinstance(meta, dict):
        return
    if "born" in state:
        state["forked"] = True
        return
    source = meta.get("source")
    state["spawned"] = bool(meta.get("parent_thread_id") or (isinstance(source, dict) and source.get("subagent")))
    base = meta.get("history_base")
    end = base.get("end_ordinal_exclusive") if isinstance(base, dict) else 0
    starts = (meta.get("subagent_history_start_ordinal"), end)
    state["born"] = to_ms(record.get("timestamp")) or 0
    state["forked"] = bool(text(meta.get("forked_from_id")))
    state["inherited"] = max((one for one in starts if type(one) is int), default=0)


class _Thread:
    """One thread so far: which model answers it, what it was asked last, what was edited."""

    def __init__(self, state: dict[str, Any], is_anothers: Callable[[str], bool]) -> None:
        self.state = state
        self.is_anothers = is_anothers
        self.is_copying = False
        self.counts: list[Count] = []
        self.pending: list[TranscriptEvent] = []

    def take(self, deed: TranscriptEvent) -> None:
        """A deed counts when the next answer shows that it is this thread's own."""
        state = self.state
        if deed.what != "answer":
            if not (self.is_copying and deed.what in ("edit", "undo")):  # an answer's own lines share its fate
                self.pending.append(deed)
            return
        self.is_copying = deed.is_copy or bool(deed.key and self.is_anothers(deed.key))
        if self.is_copying:
            state["copied"] = not state.get("own")
            self.pending.clear()
            state["model"] = deed.model
        else:
            state["own"] = True
            before = state.get("model")
            state["model"] = before or deed.model
            self.settle()
            state["model"] = deed.model

    def waits(self) -> bool:
        """Whose is what is pending? So far there were copies alone, or no answer at all."""
        copies_alone = self.state.get("copied") and not self.state.get("own")
        return bool(self.pending) and bool(copies_alone or "model" not in self.state)

    def settle(self) -> None:
        """Count what is pending."""
        model = self.state.get("model")
        if model is None:
            return
        for deed in self.pending:
            self._count(deed, model)
        self.pending.clear()

    def _count(self, deed: TranscriptEvent, model: str) -> None:
        def one(field: str) -> None:
            self.counts.append(Count(deed.at_ms, model, field))

        if deed.what == "prompt":
            one("prompts")
            last, this = self.state.get("asked"), deed.numbers[0]
            if last is not None and this is not None:
                one("asked")
                if alike(last, this):
                    one("asked_again")
            self.state["asked"] = this
        elif deed.what == "edit":
            one("edits")
            file, old, new = deed.numbers
            edits = self.state.setdefault("edits", [])
            if old != new and any(edit[:2] == [file, new] for edit in edits):
                one("reverts")
                edits[:] = [edit for edit in edits if edit[:2] != [file, new]]
            else:
                edits.append([file, old])
                del edits[:-EDITS]
        elif deed.what == "undo":
            edits = self.state.setdefault("edits", [])
            for file in {edit[0] for edit in edits} & set(deed.numbers):
                one("reverts")
                edits[:] = [edit for edit in edits if edit[0] != file]
        else:
            one({"interruption": "interruptions", "call": "calls", "failure": "failures"}[deed.what])
