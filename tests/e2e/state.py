"""The state folder of the person at the keyboard: what hooks left in it, and snapshots as refresh would write them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from .drive import Record, records


class State:
    """``~/.local/state/governor`` of one throw-away home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / ".local/state/governor"

    def hold_bell(self) -> None:
        """Let no hook ring for a refresh, so that spools and snapshots change by our own hand only.

        A figure that passes a rung rings within the minute too, so the bell's command is taken away as well.
        """
        rung = self.folder / "letters/.rung"
        rung.parent.mkdir(mode=0o700, exist_ok=True)
        rung.touch()
        (self.folder / "bell").write_bytes(b"")

    def spool(self, name: str) -> list[Record]:
        """The whole lines that wait in a spool: ``hooks``, ``limits`` or ``decisions``."""
        path = self.folder / "spool" / f"{name}.jsonl"
        return records(path) if path.exists() else []

    def runs(self, hook: str) -> int:
        """How often a hook ran and said so, since the last refresh."""
        return sum(1 for run in self.spool("hooks") if run["h"] == hook)

    def write_snapshot(self, name: str, content: dict[str, Any]) -> None:
        """A snapshot with something to say, dated now."""
        body = json.dumps({"version": 1, "written_at": int(time.time()), **content})
        (self.folder / "letters" / name).write_text(f"speak\n{body}\n")


def room(verdict: str, slack: float, *, window: str = "week") -> Record:
    """How one lane stands, in the router's snapshot."""
    resets_at = int(time.time()) + 86_400
    return {
        "installed": True,
        "healthy": True,
        "verdict": verdict,
        "slack": slack,
        "landing": 100 - slack,
        "window": window,
        "resets_at": resets_at,
    }
