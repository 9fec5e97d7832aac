"""What the demo really contains, said once in a file that the tests compare everything else with.

Claude: each response once, by message id, with its largest output, on the day of its earliest line, in the session
that had it first. Codex: each response once; ``input`` excludes cached input. Units are the hidden meter's.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from governor.demo import codex
from governor.demo.claude import stamp
from governor.demo.official import CACHE_READ, CACHE_WRITE, FACTOR, INPUT, OUTPUT
from governor.model import LANES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from governor.demo.life import Life, MadeUpResponse, MadeUpSession
    from governor.demo.official import MadeUpMeter, WeekEnd
    from governor.model import Lane

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
Sum = dict[str, int]


def truth(life: Life, official: MadeUpMeter, *, seed: int, planted: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole truth as plain JSON; times are epoch seconds, days are UTC."""
    fork = next((one for one in life.forks if one.lane == "claude"), None)
    original = fork.forked_from if fork else None
    named = {"marathon": life.marathons[0] if life.marathons else None, "original": original, "fork": fork}
    return {
        "schema": "governor.demo-truth/1",
        "now": life.now,
        "seed": seed,
        "weeks": life.weeks,
        "weights": {"input": INPUT, "output": OUTPUT, "cache_read": CACHE_READ, "cache_write": CACHE_WRITE},
        "factors": FACTOR,
        "lanes": {lane: _lane(life, official, lane) for lane in LANES},
        "sessions": {name: _session(one) for name, one in named.items() if one},
        "marathons": [one.id for one in life.marathons],
        "resumed": [one.id for one in life.resumed if one.responses],
        "cap_raised_at": life.cap_raised_at,
        "gift_at": life.gift_at,
        "vacation": life.vacation,
        "refusals": [
            {"lane": one.lane, "session": one.id, "at": at_ms // 1000, "window": stand.window}
            for one, at_ms, stand in official.refused
        ],
        "planted": planted,
    }


def _lane(life: Life, official: MadeUpMeter, lane: Lane) -> dict[str, Any]:
    owned = [(one, response) for one in life.family(lane) for response in one.responses]
    lines = _lines(life, lane)
    local = sum(response.units for _, response in owned)
    week = official.windows[lane, "week"]
    ends = [*week.closed, week.end(life.now)]
    elsewhere = sum(end.elsewhere_units for end in ends)
    return {
        **_sum(response for _, response in owned),
        "by_day": _by(owned, lambda _, response: stamp(response.at_ms)[:10]),
        "by_model": _by(owned, lambda _, response: response.model),
        "by_project": _by(owned, lambda one, _: one.project),
        "by_agent": _by(owned, lambda one, _: "explorer" if lane == "codex" and one.forked_from else one.agent),
        "sessions": sum(one.lane == lane for one in life.sessions),
        "usage_lines": lines,
        "repeat_share": round(1 - len(owned) / lines, 6),
        "local_units": round(local, 3),
        "elsewhere_units": round(elsewhere, 3),
        "elsewhere_share": round(elsewhere / (local + elsewhere), 6),
        "windows": {
            name: {
                "minutes": official.windows[lane, name].minutes,
                "regimes": [{"since": since, "units_per_percent": upp} for since, upp in life.regimes(lane, name)],
            }
            for name in ("5h", "week")
        },
        "ended_weeks": [_week(end) for end in week.closed],
        "current": {
            name: {
                "used_percent": round(official.windows[lane, name].percent(life.now), 3),
                "resets_at": official.windows[lane, name].resets_at,
            }
            for name in ("5h", "week")
        },
    }


def _week(end: WeekEnd) -> dict[str, Any]:
    total = end.local_units + end.elsewhere_units
    return {
        "starts_at": end.starts_at,
        "resets_at": end.resets_at,
        "used_percent": round(end.used_percent, 3),
        "peak_percent": round(end.peak_percent, 3),
        "local_units": round(end.local_units, 3),
        "elsewhere_units": round(end.elsewhere_units, 3),
        "elsewhere_share": round(end.elsewhere_units / total, 6) if total else None,
    }


def _session(one: MadeUpSession) -> dict[str, Any]:
    """Own responses only: what a fork copied belongs to its original. Subagents are counted apart."""
    times = [response.at_ms // 1000 for response in one.responses]
    return {
        "id": one.id,
        "requests": len(one.responses),
        "agent_requests": sum(len(agent.responses) for agent in one.agents),
        "first_at": times[0],
        "last_at": times[-1],
        "largest_context": max(r.input + r.cache_read + r.cache_write_5m + r.cache_write_1h for r in one.responses),
    }


def _lines(life: Life, lane: Lane) -> int:
    """How many lines of the files state usage, copies and repeats included."""
    if lane == "claude":
        said = {one.id: sum(response.blocks for response in one.responses) for one in life.family(lane)}
    else:
        said = {one.id: codex.said(one) for one in life.family(lane)}
    copied = [one.forked_from.id for one in life.forks if one.lane == lane and one.forked_from]
    return sum(said.values()) + sum(said[original] for original in copied)


def _by(
    owned: list[tuple[MadeUpSession, MadeUpResponse]], key: Callable[[MadeUpSession, MadeUpResponse], str]
) -> dict[str, Sum]:
    groups: dict[str, list[MadeUpResponse]] = defaultdict(list)
    for one, response in owned:
        groups[key(one, response)].append(response)
    return {name: _sum(groups[name]) for name in sorted(groups)}


def _sum(responses: Iterable[MadeUpResponse]) -> Sum:
    total = dict.fromkeys(("requests", *KINDS), 0)
    for response in responses:
        total["requests"] += 1
        for kind in KINDS:
            total[kind] += getattr(response, kind)
    return total
