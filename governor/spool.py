"""Takes in what hooks and the status line left: official readings, hook runs, decisions.

A spool is renamed before it is read, so that a hook appending at that moment writes either into the old file, before
the rename, or into a new one; what a crash leaves half taken is taken by the next refresh, and counts once because the
ledger knows each line.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from governor import paths
from governor.ledger.store import Ledger
from governor.model import LANES, LimitReading, Problem

NAMES = ("limits.jsonl", "hooks.jsonl", "decisions.jsonl")


class Spooled(NamedTuple):
    readings: int
    problems: list[Problem]


def waiting() -> bool:
    """Is there anything to take in?"""
    folder = paths.home() / "spool"
    return any((folder / f"{name}{taken}").exists() for name in NAMES for taken in ("", ".taken"))


def take_in(ledger: Ledger, machine: str) -> Spooled:
    """Empty the spools into the ledger. Raises: StateError where the ledger cannot be written."""
    folder = paths.home() / "spool"
    readings = 0
    problems: list[Problem] = []
    for name in NAMES:
        taken = folder / f"{name}.taken"
        if not taken.exists():
            try:
                os.replace(folder / name, taken)
            except OSError:
                continue  # nothing was spooled, or the folder is read-only: it waits
        records = _records(taken, problems)
        with ledger.transaction():
            if name == "limits.jsonl":
                readings += ledger.add_readings(filter(None, map(reading, records)), machine=machine)
            elif name == "hooks.jsonl":
                ledger.add_runs([run for run in map(_run, records) if run])
            else:
                ledger.add_decisions([decision for decision in map(_decision, records) if decision])
        taken.unlink(missing_ok=True)
    return Spooled(readings, problems)


def _records(path: Path, problems: list[Problem]) -> list[dict[str, Any]]:
    records = []
    offset = 0
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            record = json.loads(line)
            if isinstance(record, dict):
                records.append(record)
        except ValueError:
            problems.append(Problem(str(path.with_suffix("")), offset, "torn line in a spool"))
        offset += len(line)
    return records


def reading(record: dict[str, Any]) -> LimitReading | None:
    """A spooled statement of the official meter, or None where it states nothing usable."""
    percent, observed = record.get("used_percent"), record.get("observed_at")
    resets_at = record.get("resets_at")
    if record.get("lane") not in LANES or not isinstance(record.get("window"), str):
        return None
    # Above 101 it is no percentage: a client was seen to put the epoch of the reset there.
    if not isinstance(percent, (int, float)) or not 0 <= percent <= 1000 or not isinstance(observed, (int, float)):
        return None
    return LimitReading(
        record["lane"],
        record["window"],
        float(percent),
        int(resets_at) if isinstance(resets_at, (int, float)) else None,
        int(observed),
        str(record.get("source", "statusline")),
        record.get("account") if isinstance(record.get("account"), str) else None,
        record.get("plan") if isinstance(record.get("plan"), str) else None,
    )


def _run(record: dict[str, Any]) -> tuple[int, str, float, int] | None:
    try:
        return int(record["t"]), str(record["h"]), float(record["ms"]), int(record["c"])
    except (KeyError, TypeError, ValueError):
        return None


def _decision(record: dict[str, Any]) -> tuple[float, str, str, str] | None:
    try:
        at, hook, lane = float(record.pop("at")), str(record.pop("hook")), str(record.pop("lane"))
    except (KeyError, TypeError, ValueError):
        return None
    return at, hook, lane, json.dumps(record, separators=(",", ":"))
