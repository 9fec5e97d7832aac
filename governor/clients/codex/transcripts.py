"""Codex rollouts: ``sessions/YYYY/MM/DD/rollout-*.jsonl`` and ``archived_sessions/``, plain or zstd-compressed.

Current clients write one ``token_usage_record`` per response, which is counted once by its ``response_id``. Older ones
only repeat the thread's running total in ``token_count`` events: there a response is the difference between two
totals, and its identity is the total it reached. A fork replays its parent's totals, re-stamped, and counts on from
them; named by the root of its family, a replayed total is the parent's own, whatever file it stands in. A thread that
repeats another and names no family is found out when all are known (``ledger.count.settle``).
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any
from zlib import crc32

from governor.clients.codex import limits as codex_limits
from governor.limit_facts import has_moved
from governor.model import REPLAY_MS, Cursor, LimitReading, Problem, Reading, Usage
from governor.quota import refusals, stated_refusal
from governor.transcripts import tail
from governor.transcripts.lines import COUNT_LIMIT, NOT_UNDERSTOOD, count, decode, is_understood, text, to_ms
from governor.usage_steps import CODEX_KINDS, codex_counts

_NEEDLES = re.compile(
    rb'"(?:token_count|token_usage_record|turn_context|session_meta|thread_settings_applied|usage_limit_exceeded)"',
)
TOTAL_LIMIT = 10**12  # of a thread's running total


def read(found: tail.FoundFile, cursor: Cursor | None) -> Reading:
    """What was added to one rollout since ``cursor``.

    Raises: OSError where the file cannot be read.
    """
    problems: list[Problem] = []
    offset = tail.resume_at(found.path, cursor)
    stem = PurePath(found.path).name.removesuffix(".zst").removesuffix(".jsonl")
    state: dict[str, Any] = dict(cursor.state) if cursor and offset else {"file": stem}
    kept = state
    rollout = _Rollout(found, state, problems)
    for base, data, begin, end, torn in tail.chunks(found.path, offset, problems):
        if torn:  # what it says counts now; what it teaches waits for the line's end
            kept = dict(state)
        for at, line in tail.lines_with(data, _NEEDLES, begin, end):
            record, wrong = decode(line)
            if wrong and torn:
                continue
            if wrong:
                problems.append(Problem(found.path, base + at, wrong))
            if record is not None:
                rollout.take(record, base + at)
        if not torn:
            offset = base + end
    mark = tail.mark_of(found.path, offset)
    if not rollout.usages and not rollout.limits and not is_understood(tail.head(found.path)):
        problems.append(Problem(found.path, 0, NOT_UNDERSTOOD))
    fresh = Cursor(found.path, found.inode, found.size, found.mtime_ns, offset, mark, kept)
    return Reading(rollout.usages, rollout.limits, problems, fresh)


class _Rollout:
    """One thread's file: what its lines said so far (``state``, plain JSON) and what they add up to."""

    def __init__(self, found: tail.FoundFile, state: dict[str, Any], problems: list[Problem]) -> None:
        self.path = found.path
        self.written_ms = found.mtime_ns // 10**6
        self.state = state
        self.problems = problems
        self.usages: list[Usage] = []
        self.limits: list[LimitReading] = []

    def take(self, record: dict[str, Any], offset: int) -> None:
        """Learn from one line, and count it if it is a response or a limit reading."""
        payload = record.get("payload")
        if not isinstance(payload, dict):
            return
        stamp = to_ms(record.get("timestamp"))
        kind = record.get("type")
        if kind == "session_meta":
            self._introduce(payload, stamp)
        elif kind == "turn_context":
            self._turn(payload, text(payload.get("turn_id")))
            if stamp is not None:
                self.state["asked"] = stamp // 1000
        elif kind == "token_usage_record":
            self._record(payload, self._dated(stamp, offset), offset, record.get("ordinal"))
        elif kind == "event_msg" and payload.get("type") == "token_count":
            self._count(payload, self._dated(stamp, offset), offset, record.get("ordinal"))
        elif kind == "event_msg" and payload.get("type") == "thread_settings_applied":
            settings = payload.get("thread_settings")
            self._turn(settings if isinstance(settings, dict) else {}, "")
        elif kind == "event_msg":  # a turn that the plan refused: task_complete, or an error of its own
            self._refused(payload, self._dated(stamp, offset) // 1000)

    def _refused(self, payload: dict[str, Any], at: int) -> None:
        """The plan refused. Its words state a reset at most; which window, the full one just stated."""
        error = payload.get("error") if isinstance(payload.get("error"), dict) else payload
        if not isinstance(error, dict) or error.get("codex_error_info") != "usage_limit_exceeded":
            return
        said = {"last_assistant_message": text(error.get("message"))}
        full, model = self.state.get("full"), self.state.get("model", "")
        for reading in refusals.heard("codex", said, model, at=at):
            if full and reading.window in (stated_refusal.ANY, f"{stated_refusal.ANY}:{model}"):
                reading = reading._replace(window=full[0], resets_at=reading.resets_at or full[1])
            self.limits.append(reading._replace(account=self.state.get("account")))

    def _dated(self, stamp: int | None, offset: int) -> int:
        if stamp is None:
            self.problems.append(Problem(self.path, offset, "no usable timestamp: dated by its neighbour"))
            return int(self.state.get("last") or self.state.get("born") or self.written_ms)
        self.state["last"] = stamp
        return stamp

    def _introduce(self, meta: dict[str, Any], stamp: int | None) -> None:
        state = self.state
        thread = text(meta.get("id")) or text(meta.get("session_id")) or state["file"]
        if "thread" not in state:
            git = meta.get("git") if isinstance(meta.get("git"), dict) else {}
            source = meta.get("source")
            spawned = source.get("subagent") if isinstance(source, dict) else None
            spawn = spawned.get("thread_spawn") if isinstance(spawned, dict) else None
            parent = text(spawn.get("parent_thread_id")) if isinstance(spawn, dict) else ""
            role = text(meta.get("agent_role")) or text(meta.get("agent_nickname"))
            state.update(
                thread=thread,
                session=text(meta.get("session_id")) or thread,
                root=text(meta.get("forked_from_id")) or thread,
                parent=text(meta.get("parent_thread_id")) or parent,
                born=stamp or to_ms(meta.get("timestamp")) or 0,
                asked=stamp // 1000 if stamp else None,
                project=text(meta.get("cwd")),
                branch=text(git.get("branch")) if git else "",
                commit=text(git.get("commit_hash")) if git else "",
                surface=source if isinstance(source, str) else text(meta.get("originator")),
                agent=(role or "subagent") if spawned or meta.get("parent_thread_id") else "main",
                account=text(meta.get("creator_account_id")) or None,
                inherited=self._inherited(meta),
            )
        elif thread != state["thread"]:  # a fork's file opens with its parent's, and that parent's, own introductions
            state["root"] = text(meta.get("forked_from_id")) or thread
            state["total"] = None  # two threads joined in one file: the counter did not start again, it is another's

    @staticmethod
    def _inherited(meta: dict[str, Any]) -> int:
        """The first ordinal that is this thread's own; lines before it were copied from another."""
        base = meta.get("history_base")
        end = base.get("end_ordinal_exclusive") if isinstance(base, dict) else 0
        starts = (meta.get("subagent_history_start_ordinal"), end)
        return max((start for start in starts if type(start) is int), default=0)

    def _turn(self, context: dict[str, Any], turn: str) -> None:
        model = text(context.get("model"))
        if model:
            self.state["model"] = model
            if turn:
                turns = {**self.state.get("turns", {}), turn: model}
                self.state["turns"] = dict(list(turns.items())[-8:])
        if "service_tier" in context:
            self.state["fast"] = context["service_tier"] in ("fast", "priority")

    def _is_inherited(self, ordinal: object) -> bool:
        return type(ordinal) is int and ordinal < self.state.get("inherited", 0)

    def _record(self, payload: dict[str, Any], stamp: int, offset: int, ordinal: object) -> None:
        state = self.state
        state["records"] = True
        usage = payload.get("usage")
        owner = text(payload.get("thread_id"))
        thread = state.get("thread", state["file"])
        if not isinstance(usage, dict) or (owner and owner != thread) or self._is_inherited(ordinal):
            return
        response = text(payload.get("response_id"))
        if not response:
            key = f"{thread}@{offset}"
        elif response.startswith("resp_") and len(response) >= 24:
            key = response
        else:  # not the vendor's: another provider may use the id again in another thread
            key = f"{response}|{thread}"
        model = state.get("turns", {}).get(text(payload.get("turn_id"))) or state.get("model", "")
        self._add(key, self._vector(usage, offset), stamp, model, replay=False)

    def _count(self, payload: dict[str, Any], stamp: int, offset: int, ordinal: object) -> None:
        state = self.state
        family = state.get("root") or state["file"]
        is_young = "born" in state and stamp - state["born"] <= REPLAY_MS
        if is_young and family == state.get("thread"):  # some spawned threads repeat their parent and do not say so
            family = state.get("parent") or family
        replay = is_young and family != state.get("thread", "")
        copied = self._is_inherited(ordinal)
        info = payload.get("info")
        has_total = isinstance(info, dict) and isinstance(info.get("total_token_usage"), dict)
        total = self._vector(info["total_token_usage"], offset, TOTAL_LIMIT) if has_total else None  # type: ignore[index]
        limits = payload.get("rate_limits")
        if isinstance(limits, dict) and not replay and not copied:
            answered = total is not None and total != state.get("total")
            heard = codex_limits.readings(limits, stamp // 1000, state.get("account"))
            self._official(heard, stamp // 1000, answered=answered)
            full = [[each.window, each.resets_at] for each in heard if each.used_percent >= 100]
            state["full"] = max(full, key=lambda each: each[1] or 0, default=None)
        if total is None or not isinstance(info, dict):
            return
        latest = info.get("last_token_usage")
        last = self._vector(latest, offset) if isinstance(latest, dict) else None
        before = state.get("total")
        state["total"] = total
        if state.get("records") or copied or total == before:
            return
        if before is not None and all(now >= then for now, then in zip(total, before, strict=True)):
            spent = [now - then for now, then in zip(total, before, strict=True)]
        else:  # the file's first total, or a counter that started again
            spent = last if last is not None else (total if before is None else [0] * len(CODEX_KINDS))
            state["counter"] = state.get("counter", 0) + (before is not None)
        if max(spent) >= COUNT_LIMIT:
            self.problems.append(Problem(self.path, offset, "impossible count"))
            spent = last or [0] * len(CODEX_KINDS)
        model = state.get("model") or text(info.get("model")) or text(payload.get("model"))
        key = f"{family}:{'.'.join(map(str, total))}"
        if state.get("counter"):
            key = f"{key}@{state['counter']}"  # after a restart the same totals can come again
        self._add(key, spent, stamp, model, replay=replay)

    def _official(self, found: list[LimitReading], at: int, *, answered: bool) -> None:
        """Keep what the client says of its windows. Where no answer came since it said so, it is an old figure again.

        An answer began no earlier than what stands before it: the turn's beginning, or the answer before.
        """
        state = self.state
        told = state.get("told", {})
        for reading in found:
            last = told.get(reading.window)
            if last and not answered and not has_moved(last, reading.used_percent, reading.resets_at):
                continue
            moved = answered and has_moved(last, reading.used_percent, reading.resets_at)
            if answered:
                told = {**told, reading.window: [reading.used_percent, reading.resets_at]}
            began = state.get("asked") if moved else None
            self.limits.append(reading._replace(began_at=began, session=state.get("thread", state["file"])))
        if answered:
            state["told"], state["asked"] = told, at

    def _vector(self, usage: dict[str, Any], offset: int, limit: int = COUNT_LIMIT) -> list[int]:
        wrong: list[str] = []
        vector = [count(value, wrong, limit) for value in codex_counts(usage)]
        self.problems.extend(Problem(self.path, offset, reason) for reason in wrong)
        return vector

    def _add(self, key: str, spent: list[int], stamp: int, model: str, *, replay: bool) -> None:
        prompt, cached, written, output, reasoning = spent
        if not prompt and not output:
            return
        state = self.state
        thread = state.get("thread", state["file"])
        self.usages.append(
            Usage(
                key=f"codex:{key}",
                part=0,
                at_ms=stamp,
                lane="codex",
                model=model,
                input=max(prompt - cached - written, 0),
                output=output,
                cache_read=min(cached, prompt),
                cache_write_5m=min(written, max(prompt - cached, 0)),
                cache_write_1h=0,
                reasoning=min(reasoning, output),
                searches=0,
                context=prompt,
                fast=state.get("fast", False),
                us_only=False,
                final=True,
                session=state.get("session", thread),
                agent=state.get("agent", "main"),
                thread=thread,
                project=state.get("project", ""),
                branch=state.get("branch", ""),
                commit=state.get("commit", ""),
                surface=state.get("surface", ""),
                main=state.get("root", thread) == thread,
                line_ms=stamp,
                born_ms=state.get("born", stamp),
                tie=crc32(state["file"].encode()),
                replay=replay,
            )
        )
