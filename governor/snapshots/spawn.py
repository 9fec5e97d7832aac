"""The spawn guard's snapshot: the caps, how near the walls are, and what subagents used lately, by type."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

from governor.ledger import read
from governor.pipeline import history
from governor.quota.units import Weights
from governor.report import LaneReport, Report
from governor.snapshots import by_account as by_account_snapshot
from governor.snapshots import models as models_snapshot
from governor.snapshots.material import SnapshotMaterial

HISTORY_S = 7 * 86_400  # how far back agents' use is looked at
ENOUGH = 3  # agents of a type; fewer say nothing of the next


def snapshot(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    """Always ``speak``: every spawn is counted, whatever the person chose to do about it."""
    wishes = desk.settings.values
    lately = models_snapshot.latest(desk)
    known = models_snapshot.sessions(lately)
    used, run_on = _history(desk)
    capped = wishes["spawn"]["tree_tokens"] is not None  # nobody else needs them, and a week's responses take a while
    content: dict[str, Any] = {
        **wishes["spawn"],
        "degrade": wishes["degrade"],
        "tiers": wishes["tiers"],
        **by_account_snapshot.figures(desk.report, _figures)[1],
        "trees": trees(read.agents(desk.ledger, desk.now - HISTORY_S), set(known)) if capped else {},
        "types": used,
        "sessions": known,
        "factors": models_snapshot.factors(desk.settings, [*run_on, *(row[2] for row in lately)]),
        "rewrite": models_snapshot.rewrite(desk.settings.weights),
        "read": desk.settings.weights.cache_read,
    }
    return "speak", content


def _history(desk: SnapshotMaterial) -> tuple[dict[str, Any], list[str]]:
    """(what agents used by type, the models they ran on), looked up once an hour: medians do not move faster."""
    weights = desk.settings.weights
    key = [desk.now // 3600, list(weights)]
    if (kept := history.kept_fact(desk.ledger, "agents", key)) is not None:
        return kept[0], kept[1]
    rows = read.agents(desk.ledger, desk.now - HISTORY_S)
    found, run_on = types(rows, weights), sorted({row.model for row in rows})
    if rows:  # a first hour that knows nothing is not worth keeping
        history.keep_fact(desk.ledger, "agents", key, [found, run_on])
    return found, run_on


def trees(rows: list[read.AgentRow], sessions: set[str]) -> dict[str, int]:
    """Tokens, cache reads left out, that the subagents of a session used, all of them together."""
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.session in sessions:
            found[row.session] += row.tally.fresh
    return dict(found)


def types(rows: list[read.AgentRow], weights: Weights) -> dict[str, dict[str, dict[str, float]]]:
    """lane -> agent type -> medians of what one such agent used, in units at factor 1; "" stands for all types.

    ``opening`` is in tokens: what its first request read from the cache. ``most``: the heaviest model it ran on.
    """
    groups: dict[tuple[str, str], list[read.AgentRow]] = defaultdict(list)
    for row in rows:
        groups[row.lane, row.agent].append(row)
        groups[row.lane, ""].append(row)
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for (lane, kind), members in groups.items():
        if len(members) >= ENOUGH:
            found[lane][kind] = _medians(members, weights)
    return dict(found)


def _medians(rows: list[read.AgentRow], weights: Weights) -> dict[str, float]:
    tallies = [row.tally for row in rows]
    known = [weights.factor(row.model) for row in rows if models_snapshot.is_known(row.model, weights)]
    return {
        "n": len(rows),
        "input": round(median(one.input * weights.input for one in tallies), 1),
        "output": round(median(one.output * weights.output for one in tallies), 1),
        "cache_read": round(median(one.cache_read * weights.cache_read for one in tallies), 1),
        "cache_write": round(
            median(one.cache_write_5m * weights.cache_write_5m + one.cache_write_1h * weights.cache_write_1h
                   for one in tallies), 1
        ),
        "opening": float(median(row.opening for row in rows)),
        **({"most": max(known)} if known else {}),
    }  # fmt: skip


def _figures(report: Report) -> by_account_snapshot.Figures:
    return True, {"lanes": {lane.lane: _windows(lane) for lane in report.lanes}}


def _windows(lane: LaneReport) -> list[dict[str, Any]]:
    """The lane's windows that count every model, for an agent may run on any, and whose reset the service has named."""
    return [
        {
            "window": found.window.name,
            "verdict": found.verdict,
            "resets_at": found.window.resets_at,
            "cycle": found.window.cycle,
        }
        for found in lane.windows
        if found.window.is_official and ":" not in found.window.name
    ]
