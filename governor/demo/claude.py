"""The made-up life in Claude Code's words: transcripts as 2.1.330 writes them (and, for the first week, 2.1.96).

Shapes were copied from transcripts that the client itself wrote; texts are placeholders.
"""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governor.demo.life import MadeUpResponse, MadeUpSession
    from governor.demo.official import MadeUpMeter, Stand

NEWEST = "2.1.330"
TOOLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Bash", {"command": "demo"}),
    ("Read", {"file_path": "/home/demo/demo.py"}),
    ("Edit", {"file_path": "/home/demo/demo.py", "old_string": "a", "new_string": "b"}),
    ("Grep", {"pattern": "demo"}),
)
FAILS_EVERY = 31  # calls
TORN = b'{"parentUuid":null,"message":{"id":"msg_torn","type":"message","role":"assistant","model":"cla'
NOT_JSON = b"\0" * 64


def stamp(at_ms: int) -> str:
    """A time as the clients write it: UTC, milliseconds, Z."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def put(path: Path, lines: list[bytes], *, at_ms: int, tail: bytes = b"") -> None:
    """Write a transcript whose modification time is that of its last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n" + tail)
    os.utime(path, (at_ms / 1000, at_ms / 1000))


class Transcript:
    """The lines of one session or subagent, chained by parentUuid. A copy made by a fork gets another session id."""

    def __init__(self, session: MadeUpSession, *, refusals: list[tuple[int, Stand]], session_id: str = "") -> None:
        self.session = session
        self.refusals = refusals
        self.base = session.parent or session
        self.session_id = session_id or self.base.id
        self.seed = session.id.replace("-", "")[-12:].rjust(12, "0")
        self.serial = itertools.count(1)
        self.parent: str | None = None

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every record, in order of time; prompts and tool results between the responses."""
        turn = 0
        for index, response in enumerate(self.session.responses):
            if response.compacted_from:
                yield self._boundary(response)
            if response.turn != turn:
                turn = response.turn
                yield self._prompt(response.at_ms - 1400, notified=turn in self.session.notified)
            agent = next((a for a in self.session.agents if a.spawned_by == response.id), None)
            yield from self._response(response, index, agent)
            if not response.ends_turn:
                yield self._result(response, index, agent)
        for at_ms, stand in self.refusals:
            yield self._prompt(at_ms - 900, notified=False)
            yield self._synthetic(at_ms, stand)

    def _line(self, at_ms: int, record: dict[str, Any]) -> dict[str, Any]:
        session, base = self.session, self.base
        number = next(self.serial)
        uuid = f"{number:08x}-0000-4000-8000-{self.seed}"
        head: dict[str, Any] = {"parentUuid": self.parent, "isSidechain": session.parent is not None}
        if session.parent is not None:
            head["agentId"] = session.id
        self.parent = uuid
        return {
            **head,
            **record,
            "uuid": uuid,
            "timestamp": stamp(at_ms),
            "userType": "external",
            "entrypoint": base.surface,
            "cwd": f"/home/demo/{base.project}",
            "sessionId": self.session_id,
            "version": base.version,
            "gitBranch": base.branch,
        }

    def _prompt(self, at_ms: int, *, notified: bool) -> dict[str, Any]:
        text = "<task-notification>demo</task-notification>" if notified else "demo"
        return self._line(at_ms, {"type": "user", "message": {"role": "user", "content": text}})

    def _result(self, response: MadeUpResponse, index: int, agent: MadeUpSession | None) -> dict[str, Any]:
        result: dict[str, Any] = {"tool_use_id": f"toolu_{response.id}", "type": "tool_result", "content": "demo"}
        if index % FAILS_EVERY == FAILS_EVERY - 1:
            result["is_error"] = True
        record: dict[str, Any] = {"type": "user", "message": {"role": "user", "content": [result]}}
        if agent:
            record["toolUseResult"] = {"isAsync": True, "status": "async_launched", "agentId": agent.id}
        return self._line(response.at_ms + 2400, record)

    def _boundary(self, response: MadeUpResponse) -> dict[str, Any]:
        meta = {"trigger": "auto", "preTokens": response.compacted_from}
        record = {"type": "system", "subtype": "compact_boundary", "level": "info", "compactMetadata": meta}
        return self._line(response.at_ms - 1500, record)

    def _response(self, response: MadeUpResponse, index: int, agent: MadeUpSession | None) -> Iterator[dict[str, Any]]:
        placeholder = self.base.version != NEWEST
        stop = "end_turn" if response.ends_turn else "tool_use"
        final = _usage(response, output=response.output, reasoning=response.reasoning)
        blocks = list(_blocks(response, index, agent))
        for number, block in enumerate(blocks):
            is_last = number == len(blocks) - 1
            early = placeholder and not is_last
            message = {
                "id": f"msg_01{response.id}",
                "type": "message",
                "role": "assistant",
                "model": response.model,
                "content": [block],
                "stop_reason": None if early else stop,
                "stop_sequence": None,
                "usage": _usage(response, output=1 + index % 8, reasoning=0) if early else final,
            }
            record: dict[str, Any] = {"message": message, "requestId": f"req_011C{response.id[:20]}"}
            if not placeholder:
                record["apiBlockIndex"] = number
                record["requestedModel"] = response.model
                record["promptCacheRequested"] = "5m" if self.session.parent else "1h"
                record["effort"] = "medium"
            if self.session.parent:
                record["attributionAgent"] = self.session.agent
            yield self._line(response.at_ms + 700 * number, {**record, "type": "assistant"})

    def _synthetic(self, at_ms: int, stand: Stand) -> dict[str, Any]:
        what = "weekly" if stand.window == "week" else "session"
        text = f"You've hit your {what} limit · resets {stamp(stand.resets_at * 1000)[:16]}"
        nothing = {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        }
        message = {
            "id": f"{at_ms:08x}-0000-4000-9000-{self.seed}",
            "model": "<synthetic>",
            "role": "assistant",
            "stop_reason": "stop_sequence",
            "type": "message",
            "usage": nothing,
            "content": [{"type": "text", "text": text}],
        }
        limit = {"error": "rate_limit", "isApiErrorMessage": True, "apiErrorStatus": 429}
        return self._line(at_ms, {"type": "assistant", "message": message, **limit})


def _usage(response: MadeUpResponse, *, output: int, reasoning: int) -> dict[str, Any]:
    short, long = response.cache_write_5m, response.cache_write_1h
    return {
        "input_tokens": response.input,
        "cache_creation_input_tokens": short + long,
        "cache_read_input_tokens": response.cache_read,
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": reasoning},
        "cache_creation": {"ephemeral_1h_input_tokens": long, "ephemeral_5m_input_tokens": short},
        "service_tier": "standard",
        "speed": "standard",
    }


def _blocks(response: MadeUpResponse, index: int, agent: MadeUpSession | None) -> Iterator[dict[str, Any]]:
    """As many content blocks as the response has; its last one is the tool call unless the turn ends here."""
    words = response.blocks if response.ends_turn else response.blocks - 1
    if words > 1:
        yield {"type": "thinking", "thinking": "", "signature": "demo"}
    if words > 0:
        yield from ({"type": "text", "text": "demo"} for _ in range(words - (words > 1)))
    if not response.ends_turn:
        name, given = TOOLS[index % len(TOOLS)]
        if agent:
            name, given = "Agent", {"description": "demo", "prompt": "demo", "subagent_type": agent.agent}
        yield {"type": "tool_use", "id": f"toolu_{response.id}", "name": name, "input": given}


def write_session(
    home: Path, session: MadeUpSession, official: MadeUpMeter, *, tail: bytes = b"", odd: bytes = b""
) -> int:
    """Write one main session and its subagents under ``home``; returns the number of transcripts.

    ``tail`` is left unterminated at the end of the main file; ``odd`` is a line put into the middle of it.
    """
    folder = home / "projects" / f"-home-demo-{session.project}"
    refusals = [(at_ms, stand) for one, at_ms, stand in official.refused if one is session]
    mine = Transcript(session, refusals=refusals)
    records: list[dict[str, Any]] = []
    if session.forked_from:  # the copy keeps ids, uuids and times; only the session id is new
        copy = Transcript(session.forked_from, refusals=[], session_id=session.id)
        records = list(copy.lines())
        mine.parent = copy.parent
    records += mine.lines()
    first_ms = session.responses[0].at_ms if session.responses else refusals[0][0]
    queued = {"type": "queue-operation", "operation": "enqueue", "timestamp": stamp(first_ms - 1450)}
    lines = [orjson.dumps({**queued, "sessionId": session.id})]
    lines += [orjson.dumps(record) for record in records]
    lines.append(orjson.dumps({"type": "last-prompt", "lastPrompt": "demo", "sessionId": session.id}))
    if odd:
        lines.insert(len(lines) // 2, odd)
    last_ms = max([r.at_ms for r in session.responses] + [at_ms for at_ms, _ in refusals])
    put(folder / f"{session.id}.jsonl", lines, at_ms=last_ms, tail=tail)
    for agent in session.agents:
        path = folder / session.id / "subagents" / f"agent-{agent.id}.jsonl"
        put(
            path,
            [orjson.dumps(line) for line in Transcript(agent, refusals=[]).lines()],
            at_ms=agent.responses[-1].at_ms,
        )
        meta = {
            "agentType": agent.agent,
            "isBuiltIn": agent.agent != "reviewer",
            "description": "demo",
            "toolUseId": f"toolu_{agent.spawned_by}",
            "spawnDepth": 1,
            "requestShape": "background",
            "model": agent.model,
            "finished": True,
        }
        path.with_suffix(".meta.json").write_bytes(orjson.dumps(meta))
    return 1 + len(session.agents)
