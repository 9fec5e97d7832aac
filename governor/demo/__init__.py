"""A made-up home: weeks of both clients' history, so that somebody without data sees everything at once.

The same ``now``, ``seed`` and ``weeks`` give the same bytes. Nobody's text is in it, and the hidden truth stands beside
it in ``truth.json``, so it is also what the readers, the calibration and the forecast are tested against.

    life, weeks      a person, two machines, what each response used
    official         the service: how the subscription really counts, what it shows, when it refuses
    claude, codex    the same life in each client's own words
    moments, hooks   when hooks ran, and what they left; by `letters`, what refresh had told them
    truth            what a correct reader must find
    mark             whose folder it may be written into
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from governor.demo import claude, codex, hooks
from governor.demo.official import HOUR, MadeUpMeter, settle
from governor.demo.truth import truth
from governor.demo.weeks import STRANGE_MODEL, live
from governor.hooks import runtime
from governor.model import LANES

BUDGET = {"person": "demo", "plan": "max-20x"}  # the plan, so that `governor feasibility` has one to start from


class DemoHome(NamedTuple):
    """Where the made-up home lies, and how big it is."""

    claude_home: Path
    codex_home: Path
    state_home: Path
    truth_file: Path
    transcripts: int
    responses: int


def write(folder: Path, *, now: int, seed: int = 7, weeks: int = 12) -> DemoHome:
    """Write a home under ``folder``: ``claude/``, ``codex/``, ``state/spool/``, ``truth.json``, and ``budget.json``
    where there is none.

    ``now`` (epoch seconds) is taken back to its full hour. ``weeks`` full weeks come before the current one.
    Existing files of the other names are replaced; nothing else is touched.

    Raises: ValueError for fewer than two weeks; OSError where ``folder`` cannot be written.
    """
    if weeks < 2:
        raise ValueError("a demo needs at least two weeks")
    life = live(random.Random(seed), now=now - now % HOUR, weeks=weeks)  # noqa: S311 - repeatable, not secret
    official = MadeUpMeter()
    settle(life, "claude", official)
    settle(life, "codex", official)
    met = {refusal.session.id for refusal in official.refused}
    for one in life.sessions:
        one.agents = [agent for agent in one.agents if agent.responses]
    life.sessions = [one for one in life.sessions if one.responses or one.id in met]

    home = DemoHome(folder / "claude", folder / "codex", folder / "state", folder / "truth.json", 0, 0)
    mine, threads = ([one for one in life.sessions if one.lane == lane] for lane in LANES)
    torn, odd = mine[3], mine[5]
    transcripts = len(threads)
    for one in mine:
        tail = claude.TORN if one is torn else b""
        line = claude.NOT_JSON if one is odd else b""
        transcripts += claude.write_session(home.claude_home, one, official, tail=tail, odd=line)
    for one in threads:
        codex.write_thread(home.codex_home, one, official)
    spool(home.state_home, official)

    planted: list[dict[str, Any]] = [
        {"what": "torn last line", "session": torn.id},
        {"what": "a line of NUL bytes", "session": odd.id},
        {"what": "a model without a price", "model": STRANGE_MODEL},
        {"what": "hooks that ran", **hooks.leave(home.state_home, life, official, seed=seed)},
        *({"what": "a thread that replays its parent", "session": s.id} for s in life.forks if s.lane == "codex"),
    ]
    whole = truth(life, official, seed=seed, planted=planted)
    budget = folder / "budget.json"
    if not budget.exists():
        budget.write_bytes(orjson.dumps(BUDGET, option=orjson.OPT_INDENT_2) + b"\n")
    home.truth_file.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
    return home._replace(transcripts=transcripts, responses=sum(whole["lanes"][lane]["requests"] for lane in LANES))


def spool(state_home: Path, official: MadeUpMeter) -> None:
    """Leave Claude's official readings where the status line's tap leaves them."""
    readings = sorted(
        (shown.observed_at, shown.stand.window, shown.stand) for shown in official.shown if shown.lane == "claude"
    )
    lines = [
        orjson.dumps(
            {
                "lane": "claude",
                "window": stand.window,
                "used_percent": float(stand.used_percent),
                "resets_at": stand.resets_at,
                "observed_at": observed_at,
                "source": "statusline",
                "began_at": observed_at - 1,
                "session": "demo",
            }
        )
        for observed_at, _, stand in readings
    ]
    path = state_home / "spool" / "limits.jsonl"
    runtime.make_private(str(path.parent))
    path.write_bytes(b"\n".join(lines) + b"\n")
