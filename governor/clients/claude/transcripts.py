"""Claude Code transcripts: ``projects/<folder>/<session>.jsonl`` and ``.../subagents/**/agent-*.jsonl``.

A line is not a request. One response is written once per content block, copied whole into forked sessions, and in old
clients repeated inside ``progress`` records; 51 % of usage lines are repeats. Identity and ranking (``model.rank``)
make one response count once; nothing here depends on the order in which files are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any
from zlib import crc32

import orjson

from governor.clients.claude import copies as claude_copies
from governor.clients.claude import fast_schema
from governor.clients.claude.copies import VENDOR_ID, identity
from governor.clients.claude.cost_state import booked
from governor.clients.claude.response_steps import steps, usage_of
from governor.model import Booked, Cursor, LimitReading, Problem, Reading, Usage, rank
from governor.quota import refusals
from governor.transcripts import tail
from governor.transcripts.lines import NOT_UNDERSTOOD, decode, is_understood, text, to_ms
from governor.usage_steps import is_answer

_NEEDLE = b'"usage"'  # text that quotes a usage block has it escaped, \"usage\", and does not match
_BOOKS = b'"cost-state"'
_CWD = re.compile(rb'"cwd"\s*:\s*("(?:[^"\\]|\\.)*")')
_STAMP = re.compile(rb'"timestamp"\s*:\s*"([^"]{10,40})"')
_COPIED = 2**42  # later than any birth: a line that was copied gives way to the one it was copied from


def read(found: tail.FoundFile, cursor: Cursor | None) -> Reading:
    """What was added to one transcript since ``cursor``.

    Raises: OSError where the file cannot be read.
    """
    problems: list[Problem] = []
    offset = tail.resume_at(found.path, cursor)
    state: dict[str, Any] = dict(cursor.state) if cursor and offset else _identify(found.path)
    file = _File(found, state, problems)
    marker = tail.Marker() if offset == 0 else None
    for base, data, begin, end, torn in tail.chunks(found.path, offset, problems):
        lines: Iterable[tuple[int, bytes]] = tail.lines_with(data, _NEEDLE, begin, end)
        books = [] if state["agent"] else list(tail.lines_with(data, _BOOKS, begin, end))
        if books:  # they are dated by the responses around them
            lines = sorted([*lines, *books])
        for at, line in lines:
            if not file.introduced:
                file.introduced = _introduce(state, data, begin, at + len(line))
            if file.take_plain(line, base + at):
                continue
            record, wrong = decode(line)
            if wrong and torn:
                continue  # it waits for its end
            if wrong:
                problems.append(Problem(found.path, base + at, wrong))
            if record is not None:
                file.take(record, base + at)
        _introduce(state, data, begin, end)
        if not torn:
            if marker is not None and base + begin == offset:
                marker.feed(data, begin, end)
            else:  # an over-long line was skipped: its bytes were never here
                marker = None
            offset = base + end
    if file.best:
        state["model"] = file.latest_model()
    mark = marker.mark() if marker is not None else tail.mark_of(found.path, offset)
    if not file.best and not file.limits and not is_understood(tail.head(found.path)):
        problems.append(Problem(found.path, 0, NOT_UNDERSTOOD))
    fresh = Cursor(found.path, found.inode, found.size, found.mtime_ns, offset, mark, state)
    return Reading(
        [usage for group in file.best.values() for usage in group], file.limits, problems, fresh, file.booked
    )


def _identify(path: str) -> dict[str, Any]:
    """Session, thread and agent by the file's own place: the ids on its lines may be another session's."""
    place = PurePath(path)
    parts, stem = place.parts, place.stem
    if "projects" in parts:  # the client's; what stands above it is the person's business
        parts = parts[len(parts) - parts[::-1].index("projects") :]
    if "subagents" not in parts[1:]:
        return {"session": stem, "thread": stem, "agent": ""}
    session = parts[parts.index("subagents", 1) - 1]
    try:
        about = orjson.loads(tail.companion(path) or b"{}")
    except ValueError:
        about = {}
    agent = text(about.get("agentType")) if isinstance(about, dict) else ""
    return {"session": session, "thread": stem, "agent": agent or "subagent"}


def _introduce(state: dict[str, Any], data: bytes, begin: int, end: int) -> bool:
    """The first folder and the first time stamp a file names, looked for up to ``end``. True: both known.

    Later lines must not matter, else the result would depend on how much had been written at each reading.
    """
    if "project" not in state and (found := _CWD.search(data, begin, end)):
        try:
            state["project"] = orjson.loads(found[1])
        except ValueError:
            state["project"] = ""
    if "born" not in state:
        for found in _STAMP.finditer(data, begin, end):
            born = to_ms(found[1].decode("ascii", "replace"))
            if born is not None:
                state["born"] = born
                break
    return "project" in state and "born" in state


class _File:
    """The winners of one transcript so far, and what its lines share."""

    def __init__(self, found: tail.FoundFile, state: dict[str, Any], problems: list[Problem]) -> None:
        self.path = found.path
        self.state = state
        self.problems = problems
        self.best: dict[str, list[Usage]] = {}  # the response, then its server-side steps
        self.limits: list[LimitReading] = []
        self.booked: list[Booked] = []
        self.written_ms = found.mtime_ns // 10**6
        self.tie = crc32(f"{state['session']}/{state['thread']}".encode()) << 31
        self.introduced = False
        # The response counted last, and what its repeats must have in common with it:
        self.key, self.output, self.alike, self.written = "", 0, (False, False, 0), ""

    def rank_of(self, offset: int) -> int:
        """Decides between equal lines, whatever the order in which files are read: see model.rank."""
        return self.tie + min(offset, 2**31 - 1)

    def take_plain(self, line: bytes, offset: int) -> bool:
        """The same for the line that the client writes nearly always; False where this is not one."""
        try:
            if not line.isascii():
                line.decode()  # the decoder below looks into no text
            record = fast_schema.decode(line)
        except (ValueError, RecursionError):
            return False
        state = self.state
        message = record.message
        usage = message.usage
        key, output, written_at = message.id, usage.output_tokens, record.timestamp
        written_in, session = record.requestSessionId or record.sessionId, state["session"]
        copied = (written_in != session and written_in != "") or record.forkedFrom is not None
        alike = (record.isSidechain, copied, len(written_at))
        if (
            key == self.key
            and output == self.output
            and alike == self.alike
            and written_at >= self.written
            and written_at[-1] == "Z"
        ):
            state["last"] = written_at
            return True  # one more content block of the response just counted
        steps = usage.iterations
        stamp = to_ms(written_at)
        if (
            record.type != "assistant"
            or not key.startswith(VENDOR_ID)
            or stamp is None
            or message.model == "<synthetic>"
            or (steps and steps[0].type != "message")
        ):
            return False
        state["last"] = stamp
        thread = state["thread"]
        if copied or "makers" in state:
            forked_from = record.forkedFrom and bytes(record.forkedFrom)
            session, thread = claude_copies.owner(state, record.requestSessionId, forked_from, stamp, copied=copied)
        written = five = usage.cache_creation_input_tokens
        hour = 0
        split = usage.cache_creation
        if split is not None:
            hour = split.ephemeral_1h_input_tokens
            five = written - hour if written >= hour else split.ephemeral_5m_input_tokens
        fresh, read_back = usage.input_tokens, usage.cache_read_input_tokens
        agent = state["agent"]
        sidechain = record.isSidechain or agent != ""
        tools, details = usage.server_tool_use, usage.output_tokens_details
        counted: Usage = tuple.__new__(
            Usage,
            (
                key,
                0,
                stamp,
                fresh,
                output,
                read_back,
                five,
                hour,
                details.thinking_tokens if details is not None else 0,
                tools.web_search_requests if tools is not None else 0,
                fresh + read_back + five + hour,
                usage.speed == "fast",
                usage.inference_geo == "us",
                message.stop_reason is not None,
                not sidechain,
                stamp,
                _COPIED if copied else state.get("born", stamp),
                self.rank_of(offset),
                False,
                "claude",
                message.model,
                session,
                (record.attributionAgent or agent or "subagent") if sidechain else "main",
                thread,
                state.get("project") or record.cwd,
                record.gitBranch,
                "",
                record.entrypoint,
            ),
        )
        if key in self.best:
            self._count(key, [counted])
        else:
            self.best[key] = [counted]
        self.key, self.output, self.alike, self.written = key, output, alike, written_at
        return True

    def _count(self, key: str, group: list[Usage]) -> None:
        """Keep the better of this and what was known of the response."""
        stamp = group[0].at_ms
        known = self.best.get(key)
        if known is None:
            self.best[key] = group
        elif rank(group[0]) > rank(known[0]):
            self.best[key] = dated(group, min(stamp, known[0].at_ms))
        elif stamp < known[0].at_ms:
            self.best[key] = dated(known, stamp)

    def take(self, record: dict[str, Any], offset: int) -> None:
        """Count one line that mentions usage, if it is a response, or take in the client's own books."""
        kind = record.get("type")
        if kind == "cost-state":
            self.booked += booked(record, self.state, offset)
            return
        state = self.state
        thread = state["thread"]
        sidechain = record.get("isSidechain") is True or state["agent"] != ""
        if kind == "progress":  # clients up to 2.1.50 repeat their subagents' responses inside the parent's file
            data = record.get("data")
            inner = data.get("message") if isinstance(data, dict) else None
            if not isinstance(data, dict) or not isinstance(inner, dict) or inner.get("type") != "assistant":
                return
            thread = f"agent-{text(data.get('agentId'))}" if data.get("agentId") else thread
            sidechain = True
            record = {**record, **inner}
        message = record.get("message")
        usage = message.get("usage") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(usage, dict) or not is_answer(record, message):
            return
        stamp = to_ms(record.get("timestamp"))
        if stamp is None:
            self.problems.append(Problem(self.path, offset, "no usable timestamp: dated by its neighbour"))
            stamp = to_ms(state.get("last")) or state.get("born") or self.written_ms
        state["last"] = stamp
        model = text(message.get("model"))
        if model == "<synthetic>":
            if record.get("error") == "rate_limit" or record.get("apiErrorStatus") == 429:
                self.limits += refusals.heard("claude", record, self.latest_model(), at=stamp // 1000)
            return
        wrong: list[str] = []
        key = identity(record, message, state, offset)
        agent = (text(record.get("attributionAgent")) or state["agent"] or "subagent") if sidechain else "main"
        final = message.get("stop_reason") is not None
        project = state.get("project") or text(record.get("cwd"))
        branch, surface = text(record.get("gitBranch")), text(record.get("entrypoint"))
        copied = claude_copies.is_copy(record, state["session"])
        session = state["session"]
        if copied or "makers" in state:
            made_in, own = text(record.get("requestSessionId")), thread
            session, thread = claude_copies.owner(state, made_in, record.get("forkedFrom"), stamp, copied=copied)
            thread = own if kind == "progress" else thread
        born = _COPIED if copied else state.get("born", stamp)
        tie = self.rank_of(offset)
        ranked = (not sidechain, stamp, born, tie, False, "claude")
        names = (session, agent, thread, project, branch, "", surface)
        group = [
            usage_of((key, part, stamp), step, context, final, (*ranked, step_model, *names), wrong)
            for part, (step_model, step, context) in enumerate(steps(usage, model))
        ]
        self._count(key, group)
        if wrong:
            self.problems.extend(Problem(self.path, offset, reason) for reason in wrong)

    def latest_model(self) -> str:
        """Of the response counted last in this file; empty before the first."""
        return next(reversed(self.best.values()))[0].model if self.best else text(self.state.get("model"))


def dated(group: list[Usage], at_ms: int) -> list[Usage]:
    """The same response, dated at its earliest line."""
    return [usage._replace(at_ms=at_ms) for usage in group]
