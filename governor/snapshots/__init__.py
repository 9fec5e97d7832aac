"""Leaves what the hooks need where they can read it in a millisecond.

A snapshot is one word, ``quiet`` or ``speak``, and a line of JSON. All thinking is done here, at refresh: a hook only
looks, and checks with its own clock that what it reads has not expired. One room beside this one per snapshot.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from governor import config, paths
from governor.handoff import news
from governor.hooks import runtime
from governor.hooks.statusline import rules as statusline_rules
from governor.ledger import read
from governor.ledger.store import Ledger
from governor.pipeline import alarm_memory, alerts
from governor.pipeline.assess import assess
from governor.review import throttling
from governor.snapshots import budget as budget_snapshot
from governor.snapshots import loop as loop_snapshot
from governor.snapshots import pacing as pacing_snapshot
from governor.snapshots import price as price_snapshot
from governor.snapshots import router as router_snapshot
from governor.snapshots import spawn as spawn_snapshot
from governor.snapshots.material import SnapshotMaterial

ACTIVE_S = 2 * 3600  # sessions used within this time may hear about their context
# Marks of episodes and of sessions older than this are forgotten; a project's budget may look back a month.
SWEPT = {"episodes": 14 * 86_400, "taps": 14 * 86_400, "leases": 14 * 86_400, "live": 40 * 86_400}
SWEPT |= {"loops": 14 * 86_400, "breakers": 14 * 86_400, "old-python": 14 * 86_400}
# Settings that name a file which several machines see -> where hooks find its path.
SHARED_FILES = {"shared_kill_switch": "kill/shared", "shared_halt": "kill/halts"}


def _memory(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    wishes = dict(desk.settings.values["memory"])
    return ("speak" if wishes["files"] else "quiet"), wishes


# name -> what says (quiet or speak, content); a hook reads the snapshot of its guard's name
SNAPSHOTS: dict[str, Callable[[SnapshotMaterial], tuple[str, dict[str, Any]]]] = {
    "pacing": pacing_snapshot.snapshot,
    "router": router_snapshot.snapshot,
    "memory": _memory,
    "budget": budget_snapshot.snapshot,
    "spawn": spawn_snapshot.snapshot,
    "loop": loop_snapshot.snapshot,
    "price": price_snapshot.snapshot,
}


def desk(ledger: Ledger, settings: config.Settings, *, now: int) -> SnapshotMaterial:
    """What snapshots are written from, at ``now``."""
    active = read.sessions(ledger, now - ACTIVE_S, now + 1)
    contexts = {row.session: row.last_context for row in active if row.last_context}
    return SnapshotMaterial(ledger, settings, assess(ledger, settings, now=now), contexts, now)


def write(ledger: Ledger, settings: config.Settings, *, now: int) -> SnapshotMaterial:
    """Write every snapshot, and send what the person wants told elsewhere; what the snapshots were written from.

    Silent where the state folder cannot be written: hooks then say nothing either.
    """
    here = desk(ledger, settings, now=now)
    alarm_memory.keep(ledger, here.report)
    home = str(paths.home())
    try:
        for name, snapshot in SNAPSHOTS.items():
            word, content = snapshot(here)
            body = json.dumps({"version": 1, "written_at": now, **content}, separators=(",", ":"), allow_nan=False)
            runtime.write_private(f"{home}/letters/{name}", f"{word}\n{body}\n".encode())
        _told_again(now=now)
        alerts.send(here.report, settings.values["notify"])
        _sweep()
        throttling.settle(ledger, settings, now=now)
        news.post(now=now)
        for setting, name in SHARED_FILES.items():
            shared = os.path.expanduser(str(settings.values[setting]))
            if shared:
                runtime.write_private(f"{home}/{name}", shared.encode())
            else:
                (paths.home() / name).unlink(missing_ok=True)
    except OSError:
        pass
    return here


def _told_again(*, now: int) -> None:
    """The snapshots now say what the status line had heard before ``now``, when this refresh began."""
    mark = paths.home() / statusline_rules.TURNED
    if mark.exists() and mark.stat().st_mtime < now:
        mark.unlink(missing_ok=True)


def _sweep() -> None:
    """Forget marks that nothing will ask for again."""
    now = time.time()
    for folder, span in SWEPT.items():
        for mark in (paths.home() / folder).glob("*"):
            if mark.stat().st_mtime < now - span:
                mark.unlink(missing_ok=True)
