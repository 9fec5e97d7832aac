"""The pacing warner's letter, which the status line reads too."""

from __future__ import annotations

from typing import Any

from governor import alerts, policy
from governor.faces import line
from governor.letters import by_account
from governor.letters.post import Desk
from governor.report import LaneReport, Report, WindowReport


def letter(desk: Desk) -> tuple[str, dict[str, Any]]:
    """Every window's standing and the line that would be said of it, and which contexts are too large."""
    speaks, content = by_account.figures(desk.report, lambda report: _figures(desk, report))
    content = {**desk.settings.values["pacing"], **content, "contexts": desk.contexts}
    return ("speak" if speaks else "quiet"), content


def _figures(desk: Desk, report: Report) -> by_account.Figures:
    lanes: dict[str, Any] = {}
    ceilings: dict[str, int | None] = {}
    speaks = False
    for lane in report.lanes:
        other = next((one for one in report.lanes if one.lane != lane.lane and one.present), None)
        lanes[lane.lane] = {"windows": [_window(found, other, now=report.generated_at) for found in lane.windows]}
        ceilings[lane.lane] = policy.ceiling(_worst_landing(lane))
        speaks = speaks or any(found.verdict != "GO" or _spiked(found) for found in lane.windows)
        speaks = speaks or any(tokens > (ceilings[lane.lane] or 10**12) for tokens in desk.contexts.values())
    wishes = desk.settings.values["notify"]
    rung = [{"key": alert.key, "text": alert.text} for alert in alerts.for_the_bell(report, wishes)]
    return speaks or bool(rung), {"lanes": lanes, "ceilings": ceilings, "alerts": rung}


def _window(found: WindowReport, other: LaneReport | None, *, now: int) -> dict[str, Any]:
    official, guess = found.official, found.projection
    landing = guess.p50 if guess is not None and guess.confidence != "none" else None  # a first day proves nothing
    return {
        "window": found.window.name,
        "resets_at": found.window.resets_at if found.window.is_official else None,
        "verdict": found.verdict,
        "rule": f"spike:{now // 3600}" if found.verdict == "GO" and _spiked(found) else _rule(found),
        "official": official and official.used_percent,
        "landing": landing,
        "line": line.pacing(found, other, now=now) if found.verdict != "GO" or _spiked(found) else "",
        "model_line": line.for_model(found, now=now) if found.verdict == "STOP" else "",
    }


def _rule(found: WindowReport) -> str:
    return found.reasons[0].rule if found.reasons else ""


def _spiked(found: WindowReport) -> bool:
    return any(reason.rule.startswith("spike") for reason in found.reasons)


def _worst_landing(lane: LaneReport) -> float | None:
    landings = [w.projection.p50 for w in lane.windows if w.projection and w.projection.p50 is not None]
    return max(landings, default=None)
