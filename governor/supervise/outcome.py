"""How a run went: what it used, what ended it, and how to take it up again. Numbers and names, never its words."""

from __future__ import annotations

from typing import Any, NamedTuple

from governor import spans
from governor.faces.plain import count, many, percent, usd, utc
from governor.model import Tally
from governor.supervise.budget import Crossing

BUDGET_ENDED = 124  # what timeout(1) says
HALTED = 20  # what governor gate says of a STOP
CLOSED = 141  # 128 + SIGPIPE: what a program that writes into a closed pipe ends with


class Share(NamedTuple):
    """Official percent of one window before and after the run; None where nobody said."""

    window: str
    before: float | None
    after: float | None
    resets_at: int | None


class Outcome(NamedTuple):
    """``state``: done, failed, budget, halted, refused, interrupted, closed or not_started."""

    state: str
    client: str | None
    crossing: Crossing | None
    failure: str  # rate_limit, overloaded, server, auth, validation, unknown; empty where nothing failed
    tally: Tally
    tool_calls: int
    wall_s: float
    waited_s: float
    processes: int
    windows: list[Share]
    session: str
    transcript: str
    exit_code: int
    child_exit: int | None
    resume: str | None
    message: str = ""  # the client's final words, for whoever they are meant for; in no record
    complaint: str = ""  # what it said when it failed, likewise
    output: bytes = b""  # what stdout would have got from the client itself, as far as it was not passed on already
    is_finished: bool = False  # the client's own closing event said that all went well
    halt: str = ""  # whom the user halted, and why; empty where no halt ended it


def as_data(outcome: Outcome) -> dict[str, Any]:
    """``governor.run/1``."""
    crossing, tally = outcome.crossing, outcome.tally
    counted = outcome.client is not None
    return {
        "schema": "governor.run/1",
        "state": outcome.state,
        "client": outcome.client,
        "ended_by": None if crossing is None else dict(crossing._asdict()),
        "failure": outcome.failure or None,
        "tokens": _tokens(tally) if counted else None,
        "requests": tally.requests if counted else None,
        "usd": tally.usd if counted else None,
        "unpriced_requests": tally.unpriced_requests if counted else None,
        "tool_calls": outcome.tool_calls if counted else None,
        "wall_s": round(outcome.wall_s, 3),
        "waited_s": round(outcome.waited_s, 3),
        "processes": outcome.processes,
        "windows": [
            {"window": each.window, "before": each.before, "after": each.after, "resets_at": utc(each.resets_at)}
            for each in outcome.windows
        ],
        "session": outcome.session or None,
        "transcript": outcome.transcript or None,
        "exit_code": outcome.exit_code,
        "child_exit": outcome.child_exit,
        "resume": outcome.resume,
    }


def _tokens(tally: Tally) -> dict[str, int]:
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
    return {"total": tally.total, "fresh": tally.fresh, **{kind: getattr(tally, kind) for kind in kinds}}


def limit_words(crossing: Crossing) -> str:
    """``the limit of 5 tool calls``."""
    limit = crossing.limit
    amount = {
        "usd": f"{usd(limit)} (list price)" if limit >= 0.01 else f"${limit:g} (list price)",
        "tokens": f"{count(limit)} tokens",
        "tool_calls": many(round(limit), "tool call"),
        "wall": spans.words(limit),
    }
    return f"the limit of {amount[crossing.unit]}"


def line(outcome: Outcome) -> str:
    """For the person, on stderr: how it ended, what it used, what to type."""
    who = "client" if outcome.client else "command"
    ends = {
        "done": "done",
        "failed": f"the {who} failed ({outcome.failure or f'exit {outcome.child_exit}'})",
        "halted": f"halted by you: {outcome.halt}",
        "refused": "refused: the window is used up",
        "interrupted": "interrupted",
        "closed": "ended, for nobody read its output any more",
        "not_started": "never started",
    }
    how = f"ended at {limit_words(outcome.crossing)}" if outcome.crossing else ends.get(outcome.state, outcome.state)
    words = [f"governor: {how} after {spans.words(outcome.wall_s)}"]
    if outcome.client is not None:
        tally = outcome.tally
        money = f"{usd(tally.usd)} at list price"
        if tally.unpriced_requests:
            money = f"{money} and {many(tally.unpriced_requests, 'request')} without a price"
        tokens = f"{count(tally.fresh)} tokens + {count(tally.cache_read)} cached"
        words.append(f"{many(outcome.tool_calls, 'tool call')}, {tokens}, {money}")
        words += [
            f"{each.window} {percent(each.before)} → {percent(each.after)}"
            for each in outcome.windows
            if each.after is not None
        ]
    step = (
        "governor unhalt --all"
        if outcome.state == "halted"
        else outcome.resume or ("governor doctor" if outcome.state == "not_started" else "governor status")
    )
    return f"{'; '.join(words)}\n  next: {step}"
