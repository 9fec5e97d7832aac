"""Keeps the governor's own cost in bounds: asks the ledger what hooks cost, and leaves a mark for each that is muted.

A mark is a file, ``muted/<hook>`` in the state folder, which the hook itself looks for (one ``stat``) right after the
kill switch. What is known of each guard is kept in the ledger; a mark that the person removed is a guard they lifted.
"""

from __future__ import annotations

import json
import os
from typing import Any

from governor import paths
from governor.config import Settings
from governor.errors import StateError
from governor.hooks import runtime
from governor.ledger import costs, owners
from governor.ledger.store import Ledger
from governor.model import LANES
from governor.pipeline import history
from governor.review import overhead
from governor.review.overhead import Mark, OverheadLimits

CHECK_EVERY_S = 3600
FACT = "muting"


def settle(ledger: Ledger, settings: Settings, *, now: int, at_once: bool = False) -> dict[str, Mark]:
    """Judge every guard, at most once an hour unless ``at_once``, and bring the marks in line. Never raises for a
    folder or a ledger that cannot be written: then nothing is muted that was not.
    """
    limits = limits_of(settings)
    stamp = [limits.mute, limits.p95_ms, limits.week_percent, sorted(limits.holding), _install()]
    content = _content(ledger)
    known = _lifted_by_hand(marks(ledger), now=now)
    is_fresh = content.get("stamp") == stamp and 0 <= now - int(content.get("checked", 0)) < CHECK_EVERY_S
    if is_fresh and not at_once and known == marks(ledger):
        return known
    if content.get("install") not in (None, stamp[-1]):  # another interpreter, another governor: other costs
        known = {name: Mark(since=now) for name in known}
    week = now - 7 * overhead.DAY_S
    first = (owners.primary(ledger, lane, now=now) for lane in LANES)
    scales = ((whose.lane, history.scale(ledger, settings, whose, "week", now=now)) for whose in first)
    high = {lane: scale.high for lane, scale in scales if scale is not None and scale.slope is not None}
    settled = overhead.settle(
        known, costs.hook_runs(ledger, week), costs.injections(ledger, week), limits, high, settings.weights, now=now
    )
    _keep(ledger, {"stamp": stamp, "install": stamp[-1], "checked": now}, settled)
    return settled


def lift(ledger: Ledger, name: str, *, now: int) -> bool:
    """Let a muted guard speak again; it is judged afresh from here on. False where it was not muted."""
    known = marks(ledger)
    if known.get(name, Mark()).standing != "muted":
        return False
    content = _content(ledger)
    del content["marks"]
    _keep(ledger, content, {**known, name: Mark(since=now)})
    return True


def marks(ledger: Ledger) -> dict[str, Mark]:
    """Where every guard stood at the last look."""
    try:
        return {str(name): Mark(*mark) for name, mark in _content(ledger)["marks"].items()}
    except (KeyError, TypeError, AttributeError):
        return {}


def limits_of(settings: Settings) -> OverheadLimits:
    """``overhead`` as the person set it, and which guards may hold work back because they said so."""
    values = settings.values
    own = values["overhead"]
    actions = {
        "budget": {limit["action"] for limit in values["budgets"]},
        "spawn": {values["spawn"]["action"]},
        "loop": {values["loop"]["action"]},
    }
    holding = frozenset(name for name, chosen in actions.items() if chosen & {"ask", "stop"})
    return OverheadLimits(bool(own["mute"]), float(own["p95_ms"]), float(own["week_percent"]), holding)


def _content(ledger: Ledger) -> dict[str, Any]:
    try:
        content = json.loads(ledger.fact(FACT) or "{}")
        return content if isinstance(content, dict) else {}
    except ValueError:
        return {}


def _install() -> str:
    try:
        return str((paths.home() / "install.json").stat().st_mtime_ns)
    except OSError:
        return ""


def _lifted_by_hand(known: dict[str, Mark], *, now: int) -> dict[str, Mark]:
    home = str(paths.home())
    gone = {name for name, mark in known.items() if mark.standing == "muted" and not runtime.is_throttled(home, name)}
    return {name: Mark(since=now) if name in gone else mark for name, mark in known.items()}


def _keep(ledger: Ledger, content: dict[str, Any], settled: dict[str, Mark]) -> None:
    """The marks first: where they cannot be written the ledger must not say that they were."""
    folder = paths.home() / "muted"
    muted = {name for name, mark in settled.items() if mark.standing == "muted" and name == os.path.basename(name)}
    try:
        for name in muted:
            if not (folder / name).exists():
                words = f"{name} cost more than it may; governor overhead --lift {name} lets it speak again\n"
                runtime.write_private(str(folder / name), words.encode())
        for mark in folder.glob("*"):
            if mark.name not in muted:
                mark.unlink(missing_ok=True)
        with ledger.transaction():
            ledger.set_fact(FACT, json.dumps({**content, "marks": {name: list(m) for name, m in settled.items()}}))
    except (OSError, StateError):
        pass
