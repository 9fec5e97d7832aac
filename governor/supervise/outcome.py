"""How a run went: what it used, what ended it, and how to take it up again. Numbers and names, never its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from governor import durations
from governor.model import Tally
from governor.number_format import count, many, percent, usd, utc
from governor.supervise.budget import Crossing, RunLimits

BUDGET_ENDED = 124  # what timeout(1) says
HALTED = 20  # what governor gate says of a STOP
CLOSED = 141  # 128 + SIGPIPE: what a program that writes into a closed pipe ends with


class Share(NamedTuple):
    """Official percent of one window before and after the run; None where nobody said."""

    window: str
    before: float | None
    after: float | None
    resets_at: int | None


class RunOutcome(NamedTuple):
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
    counted_by: str = ""  # transcript, stream or closing (``Counter.counted_by``); empty: what was used is not known
    has_usd: bool = True  # can the tally's cost be known?
    limits: RunLimits = RunLimits()
    halt: str = ""  # whom the user halted, and why; empty where no halt ended it

    @property
    def tokens(self) -> Tally | None:
        """The tally where its tokens are known."""
        return self.tally if self.counted_by else None

    @property
    def usd(self) -> float | None:
        """Notional list price; None where it is not known. What has no price is left out of it."""
        return self.tally.usd if self.counted_by and self.has_usd else None

    @property
    def unheld(self) -> list[str]:
        """The units that a limit was set on and that nobody could count: no limit on them could hold."""
        known = {"tokens": self.tokens, "usd": self.usd}
        return [unit for unit, value in known.items() if value is None and getattr(self.limits, unit) is not None]


def as_data(outcome: RunOutcome) -> dict[str, Any]:
    """``governor.run/1``."""
    crossing, tally = outcome.crossing, outcome.tally
    counted = outcome.client is not None
    by_request = outcome.counted_by not in ("", "closing")
    return {
        "schema": "governor.run/1",
        "state": outcome.state,
        "client": outcome.client,
        "ended_by": None if crossing is None else dict(crossing._asdict()),
        "failure": outcome.failure or None,
        "tokens": _tokens(tally) if outcome.tokens is not None else None,
        "requests": tally.requests if by_request else None,
        "usd": outcome.usd,
        "unpriced_requests": tally.unpriced_requests if by_request else None,
        "counted_by": {"closing": "stream"}.get(outcome.counted_by, outcome.counted_by) or None,
        "unheld_limits": outcome.unheld,
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
        "wall": durations.words(limit),
    }
    return f"the limit of {amount[crossing.unit]}"


def unheld_words(units: Sequence[str]) -> str:
    """Of limits on what nobody could count."""
    named = " and ".join({"usd": "cost"}.get(unit, unit) for unit in units)
    return f"its limit on {named} could not hold, for that is not known"


def line(outcome: RunOutcome) -> str:
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
    words = [f"governor: {how} after {durations.words(outcome.wall_s)}"]
    if outcome.client is not None:
        tally = outcome.tally
        money = f"{usd(outcome.usd)} at list price" if outcome.usd is not None else "$? at list price"
        if tally.unpriced_requests:
            money = f"{money} and {many(tally.unpriced_requests, 'request')} without a price"
        known = outcome.tokens is not None
        tokens = f"{count(tally.fresh)} tokens + {count(tally.cache_read)} cached" if known else "? tokens"
        words.append(f"{many(outcome.tool_calls, 'tool call')}, {tokens}, {money}")
        if outcome.unheld:
            words.append(unheld_words(outcome.unheld))
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
