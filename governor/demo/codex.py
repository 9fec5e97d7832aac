"""The made-up life in Codex's words: rollouts as 0.169 writes them, and the older kinds that trap a reader.

Older threads state only running totals, say some of them twice, put the weekly window into the first slot (0.147), and
begin with a copy of their parent's history when forked (0.130). Shapes follow real rollouts; texts are placeholders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from governor.demo.claude import put, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governor.demo.life import MadeUpResponse, MadeUpSession
    from governor.demo.official import MadeUpMeter, Stand

NEWEST = "0.169.0"
WEEK_FIRST = "0.147.0"  # clients that had only the weekly window, in the first slot
ZERO = {
    "input_tokens": 0,
    "cached_input_tokens": 0,
    "output_tokens": 0,
    "reasoning_output_tokens": 0,
    "total_tokens": 0,
}
CONTEXT_WINDOW = 258_400
REPEAT_EVERY = 9  # older clients: every so many responses the same totals are said again

Tokens = dict[str, int]


def _tokens(response: MadeUpResponse) -> Tokens:
    """Codex's own counts: input includes cached input, output includes reasoning, the total is their sum."""
    given = response.input + response.cache_read
    return {
        "input_tokens": given,
        "cached_input_tokens": response.cache_read,
        "output_tokens": response.output,
        "reasoning_output_tokens": response.reasoning,
        "total_tokens": given + response.output,
    }


def said(session: MadeUpSession) -> int:
    """How many token counts with totals a thread's own part of its file holds."""
    count = len(session.responses)
    return count if session.version == NEWEST else count + count // REPEAT_EVERY


def _sum(a: Tokens, b: Tokens) -> Tokens:
    return {key: a[key] + b[key] for key in ZERO}


class Rollout:
    """The lines of one thread. ``total`` runs on from the parent's when the thread was forked."""

    def __init__(self, session: MadeUpSession, official: MadeUpMeter, *, total: Tokens | None = None) -> None:
        self.session, self.official = session, official
        self.total: Tokens = dict(total or ZERO)
        self.is_new = session.version == NEWEST
        self.ordinal = 0

    def _line(self, at_ms: int, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = {"timestamp": stamp(at_ms)}
        if self.is_new:
            line["ordinal"] = self.ordinal
            self.ordinal += 1
        return {**line, "type": kind, "payload": payload}

    def meta(self, at_ms: int) -> dict[str, Any]:
        session = self.session
        payload: dict[str, Any] = {"id": session.id, "timestamp": stamp(at_ms), "cwd": f"/home/demo/{session.project}"}
        payload["originator"] = "codex_exec" if session.surface == "exec" else "codex-tui"
        payload |= {"cli_version": session.version, "source": session.surface, "model_provider": "openai"}
        if self.is_new:
            payload |= {"session_id": session.id, "thread_source": "user", "history_mode": "paginated"}
        if parent := session.forked_from:
            spawn = {"parent_thread_id": parent.id, "depth": 1, "agent_nickname": "Demo", "agent_role": "explorer"}
            payload |= {"forked_from_id": parent.id, "source": {"subagent": {"thread_spawn": spawn}}}
            payload |= {"agent_nickname": "Demo", "agent_role": "explorer"}
        payload["git"] = {"commit_hash": session.id.replace("-", "")[:9], "branch": session.branch}
        return self._line(at_ms, "session_meta", payload)

    def history(self) -> Iterator[dict[str, Any]]:
        """Everything after the head, in order of time."""
        turn, turn_total = 0, ZERO
        for index, response in enumerate(self.session.responses):
            turn_id = f"{response.turn:08x}-{self.session.id[9:]}"
            if response.turn != turn:
                turn, turn_total = response.turn, ZERO
                yield from self._open_turn(response.at_ms - 1200, turn_id)
                if index == 0 and self.session.version == "0.130.0":
                    yield self._line(response.at_ms - 1000, "event_msg", self._count(None, None, ()))
            used = _tokens(response)
            self.total, turn_total = _sum(self.total, used), _sum(turn_total, used)
            stands = self.official.stands[response.id]
            if self.is_new:
                yield self._record(response, turn_id, used, turn_total)
            count = self._count(self.total, used, stands)
            yield self._line(response.at_ms + 40, "event_msg", count)
            if not self.is_new and index % REPEAT_EVERY == REPEAT_EVERY - 1:
                yield self._line(response.at_ms + 900, "event_msg", count)
            if response.ends_turn:
                yield self._line(response.at_ms + 950, "event_msg", {"type": "task_complete", "turn_id": turn_id})

    def _open_turn(self, at_ms: int, turn_id: str) -> Iterator[dict[str, Any]]:
        started = {"type": "task_started", "turn_id": turn_id, "model_context_window": CONTEXT_WINDOW}
        yield self._line(at_ms, "event_msg", started)
        context: dict[str, Any] = {
            "turn_id": turn_id,
            "cwd": f"/home/demo/{self.session.project}",
            "approval_policy": "never",
        }
        context |= {"sandbox_policy": {"type": "workspace-write"}, "model": self.session.model, "effort": "medium"}
        yield self._line(at_ms, "turn_context", context)
        said = [{"type": "input_text", "text": "demo"}]
        yield self._line(at_ms + 10, "response_item", {"type": "message", "role": "user", "content": said})

    def _record(self, response: MadeUpResponse, turn_id: str, used: Tokens, turn_total: Tokens) -> dict[str, Any]:
        thread = self.session.id
        payload = {
            "thread_id": thread,
            "turn_id": turn_id,
            "session_id": thread,
            "root_turn_id": turn_id,
            "response_id": f"resp_{response.id}",
            "usage": {**used, "cache_write_input_tokens": 0},
            "turn_token_usage": {**turn_total, "cache_write_input_tokens": 0},
            "thread_token_usage": {**self.total, "cache_write_input_tokens": 0},
        }
        return self._line(response.at_ms, "token_usage_record", payload)

    def _count(self, total: Tokens | None, last: Tokens | None, stands: tuple[Stand, ...]) -> dict[str, Any]:
        info: dict[str, Any] | None = total and {
            "total_token_usage": total,
            "last_token_usage": last,
            "model_context_window": CONTEXT_WINDOW,
        }
        slots: list[dict[str, Any] | None] = [
            {"used_percent": float(s.used_percent), "window_minutes": s.minutes, "resets_at": s.resets_at}
            for s in stands
            if s.window == "week" or self.session.version != WEEK_FIRST
        ]
        primary, secondary = (*slots, None, None)[:2]
        limits: dict[str, Any] = {"limit_id": "codex", "limit_name": None, "primary": primary, "secondary": secondary}
        limits |= {"credits": {"has_credits": False, "unlimited": False, "balance": None}, "plan_type": "plus"}
        return {"type": "token_count", "info": info, "rate_limits": limits}


def write_thread(home: Path, session: MadeUpSession, official: MadeUpMeter) -> None:
    """Write one thread under ``home/sessions/YYYY/MM/DD``; a forked one opens with its parent's lines, re-stamped."""
    first_ms = session.responses[0].at_ms - 8_000  # own events come seconds after the copy
    mine = Rollout(session, official)
    records = [mine.meta(first_ms)]
    if session.forked_from:
        parent = Rollout(session.forked_from, official)
        copied = [parent.meta(first_ms), *parent.history()]
        records += [{**line, "timestamp": stamp(first_ms + 1 + n // 200)} for n, line in enumerate(copied)]
        mine.total = parent.total
    records += mine.history()
    day = stamp(first_ms)
    name = f"rollout-{day[:19].replace(':', '-')}-{session.id}.jsonl"
    path = home / "sessions" / day[:4] / day[5:7] / day[8:10] / name
    put(path, [orjson.dumps(record) for record in records], at_ms=session.responses[-1].at_ms)
