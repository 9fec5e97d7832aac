"""The loop guard's snapshot: its settings, and what one more turn of every open session would cost.

The settings come first, because the hook reads some of them without parsing the rest.
"""

from __future__ import annotations

from typing import Any

from governor.ledger import read
from governor.report import LaneReport, WindowReport
from governor.snapshots.material import SnapshotMaterial
from governor.usage import sessions as usage_sessions


def snapshot(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    """Quiet when switched off. Prices are in percent of the week, null before a slope is known; all are estimates."""
    wishes = dict(desk.settings.values["loop"])
    if wishes["action"] == "off":
        return "quiet", wishes
    sessions: dict[str, Any] = {}
    for part in desk.report.accounts():  # a session's price is in percent of its own account's week
        week = next((found for found in part.windows if found.window.name == "week"), None)
        sessions |= _sessions(desk, part, week)
    return "speak", {**wishes, "sessions": sessions}


def _sessions(desk: SnapshotMaterial, part: LaneReport, week: WindowReport | None) -> dict[str, Any]:
    """What is known of the sessions of one account that were used within the last hours."""
    if week is None or not desk.contexts:
        return {}
    per_percent = week.scale.slope if week.scale else None
    rows = read.sessions(desk.ledger, week.window.starts_at, desk.now + 1, lane=part.lane, whose=part.whose)
    here = [row for row in rows if row.session in desk.contexts]
    return {
        one.session: {
            "context": one.last_context,
            "warm": _percent(one.turn.warm, per_percent),
            "cold": _percent(one.turn.cold, per_percent),
            "share": _percent(one.tally.units, per_percent),
            "hours": round(one.active_s / 3600, 2),
            "ttl": "1h" if part.lane == "claude" and one.tally.cache_write_1h >= one.tally.cache_write_5m else "5m",
        }
        for one in usage_sessions.sessions(here, desk.settings.weights)
    }


def _percent(units: float, per_percent: float | None) -> float | None:
    return round(units / per_percent, 4) if per_percent else None
