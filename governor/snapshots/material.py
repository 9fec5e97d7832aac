"""What every snapshot is written from, worked out once a refresh."""

from __future__ import annotations

from typing import NamedTuple

from governor.config import Settings
from governor.ledger.store import Ledger
from governor.report import Report


class SnapshotMaterial(NamedTuple):
    """The ledger, the settings, and the picture of this moment. ``contexts``: tokens re-read every turn, by session."""

    ledger: Ledger
    settings: Settings
    report: Report
    contexts: dict[str, int]
    now: int
