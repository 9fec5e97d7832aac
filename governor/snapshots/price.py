"""The price warner's snapshot: what a token of each model weighs, and how many units are one percent of the week."""

from __future__ import annotations

from typing import Any

from governor.ledger import read
from governor.quota.units import Weights
from governor.report import Report
from governor.snapshots import by_account as by_account_snapshot
from governor.snapshots.material import SnapshotMaterial
from governor.usage import sessions as usage_sessions

RECENT_S = 7 * 86_400  # sessions that may be resumed and whose model is then known
MOST = 60


def snapshot(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    """Claude's alone: Codex tells no hook of a resume's or a switch's price. ``per_percent`` is null uncalibrated."""
    loop = desk.settings.values["loop"]
    if loop["action"] == "off" or not any(part.present for part in desk.report.accounts("claude")):
        return "quiet", {}
    weights = desk.settings.weights
    rows = read.sessions(desk.ledger, desk.now - RECENT_S, desk.now + 1, lane="claude")
    last: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.last_ms):
        last[row.session] = row.model
    found = usage_sessions.sessions(rows, weights)
    used: dict[str, float] = {}
    for row in rows:
        used[row.model] = used.get(row.model, 0) + row.tally.requests
    newest = sorted(found, key=lambda one: -one.last_s)[:MOST]
    return "speak", {
        "action": loop["action"],
        "turn_percent": loop["turn_percent"],
        **by_account_snapshot.figures(desk.report, _figures)[1],
        "weights": plain(weights),
        "model": max(used, key=lambda name: used[name], default=""),
        "sessions": {one.session: {"model": last[one.session], "turn": round(one.turn.warm, 1)} for one in newest},
    }


def _figures(report: Report) -> by_account_snapshot.Figures:
    windows = [found for lane in report.lanes if lane.lane == "claude" for found in lane.windows]
    scale = next((found.scale for found in windows if found.window.name == "week"), None)
    return True, {"per_percent": scale.slope if scale else None}


def plain(weights: Weights) -> dict[str, Any]:
    """What a token of each kind and model weighs, as the hook reads it."""
    return {
        "read": weights.cache_read,
        "5m": weights.cache_write_5m,
        "1h": weights.cache_write_1h,
        "families": [list(pair) for pair in weights.families],
        "other": weights.other,
    }
