"""Claude Code transcripts: ``projects/<folder>/<session>.jsonl`` and ``.../subagents/**/agent-*.jsonl``.

A line is not a request. One response is written once per content block, copied whole into forked sessions, and in old
clients repeated inside ``progress`` records; 51 % of usage lines are repeats. Identity and ranking (``model.rank``)
make one response count once; nothing here depends on the order in which files are read.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any
from zlib import crc32

import orjson

from governor.model import Cursor, LimitReading, Problem, Reading, Usage, rank
from governor.sources import tail
from governor.sources.billed import steps, usage_of
from governor.sources.lines import decode, text, to_ms

_NEEDLE = b'"usage"'  # text that quotes a usage block has it escaped, \"usage\", and does not match
_CWD = re.compile(rb'"cwd"\s*:\s*("(?:[^"\\]|\\.)*")')
_BRACE = ord("}")
_STAMP = re.compile(rb'"timestamp"\s*:\s*"([^"]{10,40})"')
_COPIED = 2**42  # later than any birth: a line that was copied gives way to the one it was copied from
_AFTER_PARENT = len('{"parentUuid":"00000000-0000-0000-0000-000000000000"')
_CONTENT, _USAGE, _WRITTEN = b'"content":[', b'"usage":{', b'"timestamp":"'
_VENDOR_ID = ("msg_", "msg-")  # ids the vendor makes are unique everywhere; a gateway's may repeat between sessions


Seen = dict[bytes, tuple[bytes, bytes, int, int]]  # what stands before a line's content: its usage, time, birth, tie


def read(found: tail.Found, cursor: Cursor | None, seen: Seen | None = None) -> Reading:
    """What was added to one transcript since ``cursor``. ``seen`` is shared by transcripts that are counted together.

    Raises: OSError where the file cannot be read.
    """
    problems: list[Problem] = []
    offset = tail.resume_at(found.path, cursor)
    state: dict[str, Any] = dict(cursor.state) if cursor and offset else _identify(found.path)
    file = _File(found, state, problems, {} if seen is None else seen)
    marker = tail.Marker() if offset == 0 else None
    for chunk in tail.chunks(found.path, offset, problems):
        data = chunk.data
        for at, end in tail.lines_with(data, _NEEDLE):
            if not file.introduced:
                file.introduced = _introduce(state, data, end)
            if file.repeats(data, at, end, chunk.start + at):
                continue
            line = data[at:end]
            record, wrong = decode(line)
            if wrong and chunk.torn:
                continue  # it waits for its end
            if wrong:
                problems.append(Problem(found.path, chunk.start + at, wrong))
            if record is not None:
                counted = file.take(record, chunk.start + at)
                if counted is not None:
                    file.remember(line, counted)
        _introduce(state, data, len(data))
        if not chunk.torn:
            if marker is not None and chunk.start == offset:
                marker.feed(data)
            else:  # an over-long line was skipped: its bytes were never here
                marker = None
            offset = chunk.start + len(data)
    mark = marker.mark() if marker is not None else tail.mark_of(found.path, offset)
    fresh = Cursor(found.path, found.inode, found.size, found.mtime_ns, offset, mark, state)
    return Reading([usage for group in file.best.values() for usage in group], file.limits, problems, fresh)


def _identify(path: str) -> dict[str, Any]:
    """Session, thread and agent by the file's own place: the ids on its lines may be another session's."""
    parts = PurePath(path).parts
    stem = PurePath(path).stem
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


def _introduce(state: dict[str, Any], data: bytes, end: int) -> bool:
    """The first folder and the first time stamp a file names, looked for no further than ``end``. True: both known.

    Later lines must not matter, else the result would depend on how much had been written at each reading.
    """
    if "project" not in state and (found := _CWD.search(data, 0, end)):
        try:
            state["project"] = orjson.loads(found[1])
        except ValueError:
            state["project"] = ""
    if "born" not in state:
        for found in _STAMP.finditer(data, 0, end):
            born = to_ms(found[1].decode("ascii", "replace"))
            if born is not None:
                state["born"] = born
                break
    return "project" in state and "born" in state


class _File:
    """The winners of one transcript so far, and what its lines share."""

    def __init__(self, found: tail.Found, state: dict[str, Any], problems: list[Problem], seen: Seen) -> None:
        self.path = found.path
        self.state = state
        self.problems = problems
        self.best: dict[str, list[Usage]] = {}  # the response, then its server-side steps
        self.limits: list[LimitReading] = []
        self.written_ms = found.mtime_ns // 10**6
        self.tie = crc32(f"{state['session']}/{state['thread']}".encode())
        self.introduced = False
        self.seen = {} if state["agent"] else seen  # a main session's line beats an equal one of a sidechain
        self.head = b""

    def repeats(self, data: bytes, at: int, end: int, offset: int) -> bool:
        """True for a line that cannot change anything: one like it was counted, and would win against it.

        A response is written once per content block, and again in every fork. Where keys stand in the client's own
        order, the bytes before the content and those from the usage on tell such a line without parsing it, which
        spares a first scan half its work.
        """
        content = data.find(_CONTENT, at, end)
        self.head = head = data[at + _AFTER_PARENT : content] if content > 0 else b""
        known = self.seen.get(head)
        if known is None:
            return False
        spent, written, born, tie = known
        usage = data.find(_USAGE, content, end)
        if usage < 0 or not data.startswith(spent, usage) or data[end - 1] != _BRACE:
            return False
        place = data.find(_WRITTEN, usage + len(spent), end)
        stamp = data[place + len(_WRITTEN) : place + len(_WRITTEN) + len(written)]
        if place < 0 or stamp < written or not stamp.endswith(b'Z"'):
            return False
        if stamp == written and (self.state.get("born", 0), self.rank_of(offset)) < (born, tie):
            return False
        self.state["last"] = stamp[:-1].decode("ascii", "replace")
        return True

    def remember(self, line: bytes, counted: Usage) -> None:
        """Expect repeats of a line that was counted: where the vendor's id alone is its key, and the line says whether
        it is a sidechain's as truly as its file does.
        """
        if not counted.key.startswith(_VENDOR_ID) or self.head.startswith(b',"isSidechain":false') != counted.main:
            return
        usage = line.find(_USAGE, len(self.head))
        written = line.rfind(_WRITTEN, usage)
        close = line.rfind(b"}", usage, written)
        if 0 < usage < close < written and self.head.startswith(b',"isSidechain":'):
            place = written + len(_WRITTEN)
            stamp = line[place : place + 25]
            if stamp.endswith(b'Z"'):
                self.seen[self.head] = (line[usage:close], stamp, counted.born_ms, counted.tie)

    def rank_of(self, offset: int) -> int:
        """Decides between equal lines, whatever the order in which files are read: see model.rank."""
        return (self.tie << 31) + min(offset, 2**31 - 1)

    def take(self, record: dict[str, Any], offset: int) -> Usage | None:
        """Count one line that mentions usage, if it is a response; then it."""
        kind = record.get("type")
        state = self.state
        thread = state["thread"]
        sidechain = record.get("isSidechain") is True or state["agent"] != ""
        if kind == "progress":  # clients up to 2.1.50 repeat their subagents' responses inside the parent's file
            data = record.get("data")
            inner = data.get("message") if isinstance(data, dict) else None
            if not isinstance(data, dict) or not isinstance(inner, dict) or inner.get("type") != "assistant":
                return None
            thread = f"agent-{text(data.get('agentId'))}" if data.get("agentId") else thread
            sidechain = True
            record = {**record, **inner}
        elif kind != "assistant":
            return None
        message = record.get("message")
        if not isinstance(message, dict):
            return None
        usage = message.get("usage")
        if not isinstance(usage, dict):
            return None
        stamp = to_ms(record.get("timestamp"))
        if stamp is None:
            self.problems.append(Problem(self.path, offset, "no usable timestamp: dated by its neighbour"))
            stamp = to_ms(state.get("last")) or state.get("born") or self.written_ms
        state["last"] = stamp
        model = text(message.get("model"))
        if model == "<synthetic>":
            if record.get("error") == "rate_limit" or record.get("apiErrorStatus") == 429:
                self.limits.append(LimitReading("claude", "any", 100.0, None, stamp // 1000, "refused"))
            return None
        wrong: list[str] = []
        key = identity(record, message, state, offset)
        agent = (text(record.get("attributionAgent")) or state["agent"] or "subagent") if sidechain else "main"
        final = message.get("stop_reason") is not None
        project = state.get("project") or text(record.get("cwd"))
        branch, surface = text(record.get("gitBranch")), text(record.get("entrypoint"))
        born = _COPIED if _is_copy(record, state["session"]) else state.get("born", stamp)
        tie = self.rank_of(offset)
        last = (state["session"], agent, thread, project, branch, "", surface, not sidechain, stamp, born, tie, False)
        group = [
            usage_of((key, part, stamp, "claude", step_model), step, context, final, last, wrong)
            for part, (step_model, step, context) in enumerate(steps(usage, model))
        ]
        known = self.best.get(key)
        if known is None:
            self.best[key] = group
        elif rank(group[0]) > rank(known[0]):
            self.best[key] = dated(group, min(stamp, known[0].at_ms))
        elif stamp < known[0].at_ms:
            self.best[key] = dated(known, stamp)
        if wrong:
            self.problems.extend(Problem(self.path, offset, reason) for reason in wrong)
        return group[0]


def dated(group: list[Usage], at_ms: int) -> list[Usage]:
    """The same response, dated at its earliest line."""
    return [usage._replace(at_ms=at_ms) for usage in group]


def _is_copy(record: dict[str, Any], session: str) -> bool:
    """Did a fork copy this line? Ids and times are the original's, even the file's first; what gives it away is
    ``requestSessionId`` (2.1.330; a response's own file has none), or the first session's id, or ``forkedFrom``.
    """
    made_by = text(record.get("requestSessionId")) or text(record.get("sessionId"))
    return made_by not in ("", session) or "forkedFrom" in record


def identity(record: dict[str, Any], message: dict[str, Any], state: dict[str, Any], offset: int) -> str:
    """The key of a response, the same in every line, file, fork and sidechain that repeats it.

    The vendor's message ids are unique everywhere (37,220 ids, never two request ids). Other ids (gateways, mocks)
    count per request, or per session where there is no request id; a line with no id at all is itself.
    """
    message_id = text(message.get("id"))
    request_id = text(record.get("requestId"))
    if message_id.startswith(_VENDOR_ID):
        return message_id
    if message_id:
        return f"{message_id}|{request_id or state['session']}"
    return request_id or text(record.get("uuid")) or f"{state['session']}/{state['thread']}@{offset}"
