"""The pacing warner's snapshot, which the status line reads too."""

from __future__ import annotations

from typing import Any

from governor.pipeline import alerts, policy
from governor.quota import model_families
from governor.quota.refusals import Refusal
from governor.report import LaneReport, Report, WindowReport
from governor.snapshots import by_account as by_account_snapshot
from governor.snapshots import models as models_snapshot
from governor.snapshots.material import SnapshotMaterial
from governor.views import prompt_line


def snapshot(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    """Every window's standing and the line that would be said of it, and which contexts are too large."""
    speaks, content = by_account_snapshot.figures(desk.report, lambda report: _figures(desk, report))
    content = {**desk.settings.values["pacing"], **content, "contexts": desk.contexts}
    return ("speak" if speaks else "quiet"), content


def _figures(desk: SnapshotMaterial, report: Report) -> by_account_snapshot.Figures:
    known = models_snapshot.sessions(models_snapshot.latest(desk)) if _has_family(report) else {}
    lanes: dict[str, Any] = {}
    ceilings: dict[str, int | None] = {}
    speaks = False
    for lane in report.lanes:
        other = next((one for one in report.lanes if one.lane != lane.lane and one.present), None)
        told = [_window(found, other, known, now=report.generated_at) for found in lane.windows]
        told += [_unnamed(refusal, other, now=report.generated_at) for refusal in lane.refusals]
        lanes[lane.lane] = {"windows": told}
        ceilings[lane.lane] = policy.ceiling(_worst_landing(lane))
        speaks = speaks or lane.verdict != "GO" or any(map(_spiked, lane.windows))
        speaks = speaks or any(tokens > (ceilings[lane.lane] or 10**12) for tokens in desk.contexts.values())
    wishes = desk.settings.values["notify"]
    rung = [{"key": alert.key, "text": alert.text} for alert in alerts.for_the_bell(report, wishes)]
    return speaks or bool(rung), {"lanes": lanes, "ceilings": ceilings, "alerts": rung}


def _has_family(report: Report) -> bool:
    return any(model_families.of(found.window.name) for lane in report.lanes for found in lane.windows)


def _window(found: WindowReport, other: LaneReport | None, known: dict[str, list[Any]], *, now: int) -> dict[str, Any]:
    """One window. A family's names the ``sessions`` that run on that family: it is no other's matter."""
    name = found.window.name
    mine = [session for session, (model, *_) in known.items() if model_families.counts(name, model)]
    official, guess = found.official, found.projection
    landing = guess.p50 if guess is not None and guess.confidence != "none" else None  # a first day proves nothing
    resets_at = found.window.resets_at if found.window.is_official else None
    verdict = found.verdict
    if found.refusal is not None and resets_at is None:
        resets_at = found.refusal.until
    if found.refusal is not None and ":" in found.window.name:
        verdict = "SLOW"  # the next prompt may be another model's: it is told, and nothing is held
    return {
        "window": name,
        **({"sessions": mine} if model_families.of(name) else {}),
        "resets_at": resets_at,
        "cycle": found.window.cycle,
        "verdict": verdict,
        "rule": f"spike:{now // 3600}" if found.verdict == "GO" and _spiked(found) else _rule(found),
        "official": official and official.used_percent,
        "official_at": official and official.observed_at,
        "landing": landing,
        "line": prompt_line.pacing(found, other, now=now) if found.verdict != "GO" or _spiked(found) else "",
        "model_line": prompt_line.for_model(found, now=now) if found.verdict == "STOP" else "",
    }


def _unnamed(refusal: Refusal, other: LaneReport | None, *, now: int) -> dict[str, Any]:
    """A refusal of a window that nobody named, laid out as a window: the next prompt is told of it, and not held."""
    return {
        "window": "any",
        "resets_at": refusal.until,
        "verdict": "SLOW",
        "rule": "refused",
        "official": None,
        "landing": None,
        "line": prompt_line.refused(refusal, other, now=now),
        "model_line": "",
    }


def _rule(found: WindowReport) -> str:
    return found.reasons[0].rule if found.reasons else ""


def _spiked(found: WindowReport) -> bool:
    return any(reason.rule.startswith("spike") for reason in found.reasons)


def _worst_landing(lane: LaneReport) -> float | None:
    main = [w for w in lane.windows if ":" not in w.window.name]  # a context of another model is not a family's matter
    landings = [w.projection.p50 for w in main if w.projection and w.projection.p50 is not None]
    return max(landings, default=None)
