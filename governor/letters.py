"""Leaves what the hooks need where they can read it in a millisecond.

A letter is one word, ``quiet`` or ``speak``, and a line of JSON. All thinking is done here, at refresh: a hook only
looks, and checks with its own clock that what it reads has not expired.
"""

from __future__ import annotations

import json
import time
from typing import Any

from governor import config, hook, paths, policy
from governor.assess import assess
from governor.faces import line
from governor.guards import router
from governor.ledger import read
from governor.ledger.store import Ledger
from governor.model import LANES
from governor.report import LaneReport, Report, WindowReport, worst

ACTIVE_S = 2 * 3600  # sessions used within this time may hear about their context
SWEEP_S = 14 * 86_400  # marks of episodes and of sessions older than this are forgotten


def write(ledger: Ledger, settings: config.Settings, *, now: int) -> None:
    """Write every letter. Silent where the state folder cannot be written: hooks then say nothing either."""
    report = assess(ledger, settings, now=now)
    contexts = {
        row.session: row.last_context for row in read.sessions(ledger, now - ACTIVE_S, now + 1) if row.last_context
    }
    letters = {
        "pacing": pacing(report, settings, contexts),
        "router": route(report, settings),
        "memory": ("speak" if settings.values["memory"]["files"] else "quiet", dict(settings.values["memory"])),
    }
    home = str(paths.home())
    try:
        for name, (word, content) in letters.items():
            body = json.dumps({"version": 1, "written_at": now, **content}, separators=(",", ":"), allow_nan=False)
            hook.write_private(f"{home}/letters/{name}", f"{word}\n{body}\n".encode())
        _sweep()
        shared = str(settings.values["shared_kill_switch"])
        if shared:
            hook.write_private(f"{home}/kill/shared", shared.encode())
        else:
            (paths.home() / "kill" / "shared").unlink(missing_ok=True)
    except OSError:
        pass


def pacing(report: Report, settings: config.Settings, contexts: dict[str, int]) -> tuple[str, dict[str, Any]]:
    """The pacing warner's letter, which the status line reads too."""
    wishes = settings.values["pacing"]
    lanes: dict[str, Any] = {}
    ceilings: dict[str, int | None] = {}
    speaks = False
    for lane in report.lanes:
        other = next((one for one in report.lanes if one.lane != lane.lane and one.present), None)
        lanes[lane.lane] = {"windows": [_window(found, other, now=report.generated_at) for found in lane.windows]}
        ceilings[lane.lane] = policy.ceiling(_worst_landing(lane))
        speaks = speaks or any(found.verdict != "GO" or _spiked(found) for found in lane.windows)
        speaks = speaks or any(tokens > (ceilings[lane.lane] or 10**12) for tokens in contexts.values())
    content = {**wishes, "lanes": lanes, "ceilings": ceilings, "contexts": contexts}
    return ("speak" if speaks else "quiet"), content


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


def route(report: Report, settings: config.Settings) -> tuple[str, dict[str, Any]]:
    """The router's letter: how much room either lane has, by the window that binds it."""
    wishes = settings.values["router"]
    lanes = {lane.lane: _room(lane) for lane in report.lanes}
    for name in LANES:
        lanes.setdefault(name, {"installed": False, "healthy": False, "verdict": "GO", "slack": None, "landing": None})
    words = {kind: wishes[kind] for kind in ("verbs", "breadth", "keep") if wishes[kind]}
    content: dict[str, Any] = {"lanes": lanes, "mode": wishes["mode"]}
    if words:
        content["words"] = words
    if wishes["tell_model"]:
        content["tell_model"] = True
    letter = {"version": 1, "written_at": report.generated_at, **content}
    return router.first_word(letter, now=report.generated_at), content


def _room(lane: LaneReport) -> dict[str, Any]:
    """Slack: points between the cap and where the binding window lands; None while no window has both."""
    binding: WindowReport | None = None
    slack: float | None = None
    for found in lane.windows:
        guess = found.projection
        landing = None if guess is None else guess.p50 if guess.p50 is not None else guess.naive
        if landing is not None and (slack is None or 100 - landing < slack):
            binding, slack = found, 100 - landing
    return {
        "installed": lane.present,
        "healthy": lane.present,
        "verdict": worst([found.verdict for found in lane.windows]),
        "slack": slack,
        "landing": None if slack is None else 100 - slack,
        "window": binding.window.name if binding else None,
        "resets_at": binding.window.resets_at if binding else None,
    }


def _sweep() -> None:
    """Forget marks that nothing will ask for again."""
    horizon = time.time() - SWEEP_S
    for folder in ("episodes", "taps"):
        for mark in (paths.home() / folder).glob("*"):
            if mark.stat().st_mtime < horizon:
                mark.unlink(missing_ok=True)
