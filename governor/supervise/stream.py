"""What a client says about itself while it runs headless: Claude's ``stream-json``, ``codex exec --json``.

Only structure is read: ids, kinds, counts, states. The final message is handed on to whoever would have seen it and
kept nowhere.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from governor.clients.claude import copies as claude_copies
from governor.clients.claude import response_steps
from governor.clients.claude.cost_state import as_usage
from governor.hooks.loop import failures
from governor.hooks.statusline.rules import window_of
from governor.limit_facts import used_percent
from governor.model import Lane, Usage
from governor.quota import stated_refusal
from governor.quota.stated_refusal import Stated
from governor.transcripts.lines import count, text, to_ms

CALLS = frozenset(("command_execution", "file_change", "mcp_tool_call", "collab_tool_call", "web_search"))
OWN_LIMIT = {"error_max_budget_usd": "usd", "error_max_turns": "tool_calls"}


class StatedFigure(NamedTuple):
    """One statement of the official meter in the stream."""

    window: str
    used_percent: float
    resets_at: int | None


class Closing(NamedTuple):
    """What a closing event says was used; ``usd`` where it says that, too. The model is not always named in it."""

    usages: list[Usage]
    usd: float | None


class Feed:
    """What has been said so far. One per run; a resumed session goes on in the same one."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.session = ""
        self.attempt = 0
        self.calls: set[str] = set()
        self.usages: dict[str, list[Usage]] = {}  # Claude's alone, their output a floor until the transcript has it
        self.totals: dict[str, dict[str, Any]] = {}  # Claude's own count per model, said at the end
        self.closing: Closing | None = None  # the count that a closing event states for the whole run
        self.message = ""  # the final one
        self.complaint = ""  # what was said instead of one
        self.is_finished = False  # a closing event said that all went well
        self.failure = ""  # what kind of failure, by structure alone: see _failure
        self.resets_at: int | None = None  # of the window that refused
        self.own_limit = ""  # the client ended by its own limit: which unit
        self.official: dict[str, StatedFigure] = {}
        self.refused: list[Stated] = []  # what the event taken last says of a refusal by the plan

    def begin(self) -> None:
        """Another process goes on with the same session."""
        self.attempt += 1
        self.message = self.complaint = self.failure = self.own_limit = ""
        self.is_finished = False

    def take(self, event: dict[str, Any]) -> list[StatedFigure]:
        """Learn from one event; returns what it says of the official meter that was not said before."""
        self.refused = []
        if self.lane == "codex":
            self._codex(event)
            return []
        return self._claude(event)

    def _refuse(self, stated: Stated | None) -> None:
        """The plan refused; None: something else did."""
        if stated is not None:
            self.resets_at = stated.resets_at or self.resets_at
            self.refused.append(stated)

    # ---- Claude Code ----

    def _claude(self, event: dict[str, Any]) -> list[StatedFigure]:
        kind = event.get("type")
        self.session = text(event.get("session_id")) or self.session
        if kind == "assistant":
            self._assistant(event)
        elif kind == "rate_limit_event":
            return self._meter(event.get("rate_limit_info"))
        elif kind == "result":
            self._result(event)
        return []

    def _assistant(self, event: dict[str, Any]) -> None:
        message = event.get("message")
        if not isinstance(message, dict):
            return
        self.is_finished = False  # a session that is spoken to on stdin goes on after a closing event
        blocks = message.get("content")
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict) and block.get("type") == "tool_use" and text(block.get("id")):
                self.calls.add(text(block.get("id")))
        if text(message.get("model")) == "<synthetic>":
            self.failure = _failure(event) or self.failure
            if self.failure == "rate_limit":
                self._refuse(stated_refusal.of_record(event, now=_now()))
            return
        usage, stamp = message.get("usage"), to_ms(event.get("timestamp"))
        if not isinstance(usage, dict):
            return
        key = claude_copies.identity(
            {"requestId": event.get("request_id")}, message, {"session": self.session, "thread": ""}, 0
        )
        group = _usages(key, message, usage, stamp or 0, self.session, bool(event.get("parent_tool_use_id")))
        known = self.usages.get(key)
        if known is None or group[0].output > known[0].output:
            self.usages[key] = group

    def _meter(self, info: object) -> list[StatedFigure]:
        if not isinstance(info, dict):
            return []
        self._refuse(stated_refusal.by_fields(info, now=_now()))
        if info.get("status") == "rejected" and isinstance(info.get("resetsAt"), (int, float)):
            self.resets_at = int(info["resetsAt"])
        fresh = []
        windows = info.get("unifiedWindows")
        for name, said in windows.items() if isinstance(windows, dict) else ():
            window = window_of(name)
            share = said.get("utilization") if isinstance(said, dict) else None
            percent = used_percent(share * 100) if isinstance(share, (int, float)) else None
            if window is None or isinstance(share, bool) or percent is None:
                continue
            resets_ms = to_ms(said.get("resetsAt"))
            found = StatedFigure(window, round(percent, 4), None if resets_ms is None else resets_ms // 1000)
            if self.official.get(window) != found:
                self.official[window] = found
                fresh.append(found)
        return fresh

    def _result(self, event: dict[str, Any]) -> None:
        said = text(event.get("result"))
        self.message = said if event.get("is_error") is False else ""
        if event.get("is_error") is not False:
            errors = event.get("errors")
            self.complaint = said or "\n".join(map(text, errors if isinstance(errors, list) else ()))
        self.is_finished = event.get("is_error") is False and event.get("subtype") == "success"
        self.own_limit = OWN_LIMIT.get(text(event.get("subtype")), "")
        spent, whole, cost = event.get("modelUsage"), event.get("usage"), event.get("total_cost_usd")
        self.totals = spent if isinstance(spent, dict) else {}
        if isinstance(whole, dict):
            is_cost = isinstance(cost, (int, float)) and not isinstance(cost, bool)
            usd = float(cost) if is_cost and cost is not None and 0 <= cost < 1e9 else None
            self.closing = Closing(_usages("total", {}, whole, 0, self.session, False), usd)
        if self.own_limit:
            self.failure = "client_limit"
        elif not self.is_finished:
            self.failure = _failure(event) or self.failure or "unknown"

    # ---- Codex ----

    def _codex(self, event: dict[str, Any]) -> None:
        kind, item = event.get("type"), event.get("item")
        if kind == "thread.started":
            self.session = text(event.get("thread_id")) or self.session
        elif kind in ("item.started", "item.completed") and isinstance(item, dict):
            if text(item.get("type")) in CALLS:
                self.calls.add(f"{self.attempt}/{text(item.get('id'))}")
            elif kind == "item.completed" and item.get("type") == "agent_message":
                self.message = text(item.get("text"))
        elif kind == "turn.started":
            self.is_finished = False
        elif kind == "turn.completed":
            self.is_finished = True
            if isinstance(event.get("usage"), dict):  # of the whole thread so far
                self.closing = Closing([_codex_usage(event["usage"])], None)
        elif kind == "turn.failed":
            self.is_finished, self.failure = False, failures.of_event(event).kind  # its words are the client's own
            error = event.get("error")
            self.complaint = text(error.get("message")) if isinstance(error, dict) else ""
            if self.failure == "rate_limit":
                self._refuse(stated_refusal.by_words(self.complaint, now=_now()))


def _now() -> int:
    return int(time.time())


def _failure(event: dict[str, Any]) -> str:
    """The kind of failure that Claude's event states (governor.hooks.loop.failures); empty where it states none. Only
    status and names are looked at: what a model wrote may say anything.
    """
    named = [event.get("api_error"), event.get("api_error_type"), event.get("error")]
    found = failures.classify(status=event.get("api_error_status"), codes=named)
    return found.kind if found.by != "nothing" else ""


def _usages(
    key: str, message: dict[str, Any], usage: dict[str, Any], stamp: int, session: str, sidechain: bool
) -> list[Usage]:
    """What one response of the stream bills, by the same rules as a transcript's line."""
    agent = "subagent" if sidechain else "main"
    ranked = (not sidechain, stamp, stamp, 0, False, "claude")
    names = (session, agent, session, "", "", "", "")
    wrong: list[str] = []
    return [
        response_steps.usage_of((key, part, stamp), step, context, False, (*ranked, model, *names), wrong)
        for part, (model, step, context) in enumerate(response_steps.steps(usage, text(message.get("model"))))
    ]


def _codex_usage(usage: dict[str, Any]) -> Usage:
    """Codex's own total: its input includes what came from the cache and what was written to it."""
    names = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")
    prompt, cached, written, output = (count(usage.get(name), []) for name in names)
    spent = {
        "input_tokens": max(prompt - cached - written, 0),
        "output_tokens": output,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
    }
    return _usages("total", {}, spent, 0, "", False)[0]


def totals_as_usages(totals: dict[str, dict[str, Any]], session: str, stamp: int) -> list[Usage]:
    """Claude's closing count per model, as one usage each: for runs that leave no transcript behind."""
    found = []
    for number, (model, spent) in enumerate(sorted(totals.items())):
        if not isinstance(spent, dict):
            continue
        found += _usages(f"total/{number}", {"model": model}, as_usage(spent), stamp, session, False)
    return found
