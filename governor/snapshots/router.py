"""The router's snapshot: how much room either lane has, by the window that binds it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from typing import Any

from governor.config import Settings
from governor.hooks.router import rules as router_rules
from governor.hooks.router.model_tier import TIERS
from governor.model import LANES
from governor.quota import refusals
from governor.report import LaneReport, Report, WindowReport
from governor.snapshots import by_account as by_account_snapshot
from governor.snapshots import models as models_snapshot
from governor.snapshots.material import SnapshotMaterial


def snapshot(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    """Both lanes' room, the person's own words, and whether any prompt could be answered with a word now."""
    lately = cache(lambda: models_snapshot.latest(desk))
    speaks, content = by_account_snapshot.figures(desk.report, lambda report: _figures(report, desk.settings, lately))
    return ("speak" if speaks else "quiet"), content


def _figures(
    report: Report, settings: Settings, latest: Callable[[], models_snapshot.Latest]
) -> by_account_snapshot.Figures:
    word, content = of(report, settings, latest)
    return word == "speak", content


def of(report: Report, settings: Settings, latest: Callable[[], models_snapshot.Latest]) -> tuple[str, dict[str, Any]]:
    """The same of one account a lane; ``latest`` is asked for the sessions used lately only where a lane is pressed."""
    wishes = settings.values["router"]
    lanes = {lane.lane: _room(lane, now=report.generated_at) for lane in report.lanes}
    for name in LANES:
        lanes.setdefault(name, {"installed": False, "healthy": False, "verdict": "GO", "slack": None, "landing": None})
    words = {kind: wishes[kind] for kind in ("verbs", "breadth", "keep") if wishes[kind]}
    content: dict[str, Any] = {"lanes": lanes, "mode": wishes["mode"]}
    if shutil.which("governor"):  # hooks ring with the client's own PATH: what is found here can be typed there
        content["handoff"] = True
    if words:
        content["words"] = words
    if wishes["tell_model"]:
        content["tell_model"] = True
    tiered = wishes_for_tiers(settings, [facts["verdict"] for facts in lanes.values()], latest)
    if tiered and any(tiered["tiers"][tier] for tier in TIERS):
        content.setdefault("words", {})  # the person's own words are none that the hook looks for in the bytes
    content |= tiered
    snapshot = {"version": 1, "written_at": report.generated_at, **content}
    return "speak" if tiered else router_rules.first_word(snapshot, now=report.generated_at), content


def wishes_for_tiers(
    settings: Settings, verdicts: list[str], latest: Callable[[], models_snapshot.Latest]
) -> dict[str, Any]:
    """What tier hints need; empty while no lane is pressed, or the person wants none."""
    wishes = settings.values["tiers"]
    if wishes["mode"] == "off" or all(verdict == "GO" for verdict in verdicts):
        return {}
    lately = latest()
    weights = settings.weights
    return {
        "tiers": wishes,
        "sessions": models_snapshot.sessions(lately),
        "factors": models_snapshot.factors(settings, [row[2] for row in lately]),
        "rewrite": models_snapshot.rewrite(weights),
        "read": weights.cache_read,
    }


def _room(lane: LaneReport, *, now: int) -> dict[str, Any]:
    """Slack: points between the cap and where the binding window lands; None while no window has both."""
    binding: WindowReport | None = None
    slack: float | None = None
    for found in lane.windows:
        if ":" in found.window.name:  # work on another model has all the room there is
            continue
        guess = found.projection
        landing = None if guess is None else guess.p50 if guess.p50 is not None else guess.naive
        if landing is not None and (slack is None or 100 - landing < slack):
            binding, slack = found, 100 - landing
    refusal = next((found.refusal for found in lane.windows if found.refusal and ":" not in found.window.name), None)
    refusal = refusal or next(iter(lane.refusals), None)
    if refusal is not None:  # the plan's own word outranks every estimate: there is no room
        return {
            "installed": lane.present,
            "healthy": lane.present,
            "verdict": lane.verdict,
            "slack": min(slack or 0.0, 0.0),
            "landing": max(100.0 - (slack or 0.0), 100.0),
            "window": refusal.window,
            "resets_at": refusal.until,
            "refused": refusals.sentence(refusal, now=now),
        }
    return {
        "installed": lane.present,
        "healthy": lane.present,
        "verdict": lane.verdict,
        "slack": slack,
        "landing": None if slack is None else 100 - slack,
        "window": binding.window.name if binding else None,
        "resets_at": binding.window.resets_at if binding else None,
    }
