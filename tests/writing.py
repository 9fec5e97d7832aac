"""Tiny builders of what the clients write, and of what the ledger then holds."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from governor import config
from governor.clients.claude import transcripts as claude_transcripts
from governor.clients.codex import transcripts as codex_transcripts
from governor.ledger.count import _COLUMNS
from governor.ledger.store import Ledger, open_ledger
from governor.model import Cursor, Reading, Tally
from governor.pipeline import ingest
from governor.transcripts import tail

NOW = 1_795_262_400  # Saturday 2026-11-21, 12:00 UTC
START_MS = (NOW - 3600) * 1000
SESSION = "11111111-1111-4111-8111-111111111111"
PARENT = "99999999-9999-4999-8999-999999999999"
OTHER = "22222222-2222-4222-8222-222222222222"


def iso(at_ms: int) -> str:
    """As both clients write a time."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def usage(
    *,
    input: int = 10,  # noqa: A002 - the word of both clients
    output: int = 100,
    read: int = 0,
    five: int = 0,
    hour: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """A ``usage`` block of Claude Code."""
    return {
        "input_tokens": input,
        "output_tokens": output,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        **more,
    }


def answer(
    id: str | None = "msg_1",  # noqa: A002
    *,
    at_ms: int = START_MS,
    request: str | None = "req_1",
    model: str = "claude-opus-5-5",
    spent: dict[str, Any] | None = None,
    stop: str | None = "end_turn",
    **more: Any,
) -> dict[str, Any]:
    """One ``assistant`` line, its keys in the client's own order (the reader has a short cut for that order).

    ``more`` goes to the line itself; None leaves ``id`` or ``requestId`` out.
    """
    message: dict[str, Any] = {} if id is None else {"id": id}
    message |= {"type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": stop}
    message |= {"stop_sequence": None, "usage": usage() if spent is None else spent}
    record: dict[str, Any] = {"parentUuid": PARENT, "isSidechain": False, "message": message}
    if request is not None:
        record["requestId"] = request
    record |= {"type": "assistant", "timestamp": iso(at_ms), "cwd": "/home/u/work", "sessionId": SESSION}
    return {**record, "gitBranch": "main", "entrypoint": "cli", **more}


def jsonl(*records: dict[str, Any] | bytes) -> bytes:
    """Lines, each ended by a newline. Bytes stand as they are."""
    return b"".join(
        (r if isinstance(r, bytes) else json.dumps(r, separators=(",", ":")).encode()) + b"\n" for r in records
    )


def transcript(
    *records: dict[str, Any] | bytes, session: str = SESSION, agent: str = "", project: str = "p", home: str = ""
) -> Path:
    """A transcript of Claude Code, written; ``agent`` makes it a subagent's."""
    folder = Path(home or os.environ["CLAUDE_CONFIG_DIR"]) / "projects" / project
    path = folder / session / "subagents" / f"agent-{agent}.jsonl" if agent else folder / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jsonl(*records))
    return path


def tokens(
    input: int = 0,  # noqa: A002
    cached: int = 0,
    output: int = 0,
    reasoning: int = 0,
    written: int = 0,
) -> dict[str, int]:
    """A usage block of Codex; ``input`` includes cached and written, ``output`` includes reasoning."""
    return {
        "input_tokens": input,
        "cached_input_tokens": cached,
        "cache_write_input_tokens": written,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": input + output,
    }


def event(kind: str, payload: dict[str, Any], *, at_ms: int = START_MS, **more: Any) -> dict[str, Any]:
    """One line of a rollout."""
    return {"timestamp": iso(at_ms), "type": kind, "payload": payload, **more}


def meta(thread: str = "t1", *, at_ms: int = START_MS, **more: Any) -> dict[str, Any]:
    payload = {"id": thread, "cwd": "/home/u/work", "originator": "codex_cli_rs", "source": "cli", **more}
    return event("session_meta", payload, at_ms=at_ms)


def turn(model: str = "gpt-6-sol", *, at_ms: int = START_MS, **more: Any) -> dict[str, Any]:
    return event("turn_context", {"model": model, **more}, at_ms=at_ms)


def counted(
    total: dict[str, int] | None,
    last: dict[str, int] | None = None,
    *,
    at_ms: int = START_MS,
    limits: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A ``token_count`` event: running totals, the last response's own, and the official meter."""
    info = None if total is None else {"total_token_usage": total, "last_token_usage": last or total}
    payload = {"type": "token_count", "info": info, "rate_limits": limits}
    return event("event_msg", payload, at_ms=at_ms, **more)


def recorded(
    response: str, spent: dict[str, int], *, thread: str = "t1", at_ms: int = START_MS, ordinal: int = 1, **more: Any
) -> dict[str, Any]:
    """A ``token_usage_record``."""
    payload = {"thread_id": thread, "response_id": response, "usage": spent, **more}
    return event("token_usage_record", payload, at_ms=at_ms, ordinal=ordinal)


def rollout(*records: dict[str, Any] | bytes, name: str = "t1", archived: bool = False) -> Path:
    """A rollout, written."""
    home = Path(os.environ["CODEX_HOME"])
    folder = home / "archived_sessions" if archived else home / "sessions" / "2026" / "11" / "21"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rollout-2026-11-21T11-00-00-{name}.jsonl"
    path.write_bytes(jsonl(*records))
    return path


def found(path: Path) -> tail.FoundFile:
    info = path.stat()
    return tail.FoundFile(str(path), info.st_ino, info.st_size, info.st_mtime_ns)


def read(path: Path, cursor: Cursor | None = None) -> Reading:
    """What the lane's own reader says of one file."""
    room = codex_transcripts if "rollout-" in path.name else claude_transcripts
    return room.read(found(path), cursor)


def take_in(ledger: Ledger, *, now: int = NOW) -> ingest.Refreshed:
    """One refresh of the sealed home."""
    return ingest.refresh(ledger, config.load(), now=now)


def refreshed(*, now: int = NOW) -> Ledger:
    """An open ledger that is up to date with the sealed home. Close it, or use it in a ``with``."""
    ledger = open_ledger()
    take_in(ledger, now=now)
    return ledger


def rows(ledger: Ledger) -> dict[tuple[str, int], dict[str, Any]]:
    """Every response by (key, part), names spelt out."""
    names = ledger.names()
    labels = {"model", "session", "agent", "thread", "project", "branch", "commit_hash", "surface", "machine"}
    query = f"SELECT {', '.join(_COLUMNS)} FROM response"
    kept = [dict(zip(_COLUMNS, row, strict=True)) for row in ledger.connection.execute(query)]
    spelt = [{name: names[value] if name in labels else value for name, value in row.items()} for row in kept]
    return {(row["key"], row["part"]): row for row in spelt}


def whole(ledger: Ledger) -> Tally:
    """The sum over all responses that count, asked of the responses themselves."""
    query = (
        "SELECT ifnull(sum(part = 0), 0), ifnull(sum(input), 0), ifnull(sum(output), 0), ifnull(sum(cache_read), 0), "
        "ifnull(sum(cache_write_5m), 0), ifnull(sum(cache_write_1h), 0), ifnull(sum(reasoning), 0), "
        "ifnull(sum(searches), 0), ifnull(sum(cost), 0), ifnull(sum(cost IS NULL AND part <= 0), 0), "
        "ifnull(sum(NOT final AND part = 0), 0) FROM response WHERE NOT replay"
    )
    return Tally(*ledger.connection.execute(query).fetchone())


def quarters(ledger: Ledger) -> Tally:
    """The same from the quarter-hour sums; always equal to ``whole``."""
    query = (
        "SELECT ifnull(sum(requests), 0), ifnull(sum(input), 0), ifnull(sum(output), 0), ifnull(sum(cache_read), 0), "
        "ifnull(sum(cache_write_5m), 0), ifnull(sum(cache_write_1h), 0), ifnull(sum(reasoning), 0), "
        "ifnull(sum(searches), 0), ifnull(sum(cost), 0), ifnull(sum(unpriced), 0), ifnull(sum(floor), 0) FROM quarter"
    )
    return Tally(*ledger.connection.execute(query).fetchone())
