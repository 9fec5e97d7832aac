"""How unattended work ended, in the log of decisions: what ended it and at what figure. Numbers and names only."""

from __future__ import annotations

import json
import time

from governor import paths
from governor.hooks import runtime
from governor.supervise.outcome import RunOutcome


def note(name: str, done: RunOutcome, **more: str | None) -> None:
    """One line under ``name`` (run, handoff); a state folder that cannot be written keeps no log."""
    if done.client is None:
        return
    crossing = done.crossing
    record = {
        "at": round(time.time(), 3),
        "hook": name,
        "lane": done.client,
        "decision": "end" if done.state == "budget" else done.state,
        "rule": crossing.unit if crossing else done.failure or done.state,
        "value": crossing.at if crossing else None,
        "limit": crossing.limit if crossing else None,
        "session": done.session[:64],
        "tool_calls": done.tool_calls,
        "tokens": done.tally.total if done.tokens is not None else None,
        "usd": done.usd,
        **more,
    }
    try:
        runtime.append(str(paths.home()), "decisions.jsonl", json.dumps(record, separators=(",", ":")).encode())
    except OSError:
        pass
