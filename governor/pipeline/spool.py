"""Takes in what hooks and the status line left: official readings, hook runs, decisions.

A spool is renamed before it is read, under a number that the ledger gives out in the same transaction as it takes the
lines in: what a crash leaves behind is known by its number, to be taken or only to be removed. What a hook still wrote
into the old file meanwhile goes into the new one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from governor import paths
from governor.hooks import runtime
from governor.ledger.store import Ledger
from governor.limit_facts import used_percent
from governor.model import LANES, LimitReading, Problem
from governor.transcripts.lines import to_ms

NAMES = ("limits.jsonl", "hooks.jsonl", "decisions.jsonl")


class Spooled(NamedTuple):
    readings: int
    problems: list[Problem]


def waiting() -> bool:
    """Is there anything to take in?"""
    try:
        return any(name.startswith(NAMES) for name in os.listdir(paths.home() / "spool"))
    except OSError:
        return False


def take_in(ledger: Ledger, machine: str) -> Spooled:
    """Empty the spools into the ledger. Raises: StateError where the ledger cannot be written."""
    folder = paths.home() / "spool"
    readings = 0
    problems: list[Problem] = []
    for name in NAMES:
        number = int(ledger.fact(f"spool {name}") or 0)
        taken = folder / f"{name}.taken-{number}"
        for old in folder.glob(f"{name}.taken-*"):
            if old != taken:  # it was taken in, and then came a crash
                _remove(old)
        try:
            if not taken.exists():
                os.replace(folder / name, taken)
            raw = taken.read_bytes()
        except OSError:
            continue  # nothing was spooled, or the folder is read-only: it waits
        records = _records(raw, str(folder / name), problems)
        with ledger.transaction():
            if name == "limits.jsonl":
                readings += ledger.add_readings(filter(None, map(reading, records)), machine=machine)
            elif name == "hooks.jsonl":
                ledger.add_runs([run for run in map(_run, records) if run])
            else:
                ledger.add_decisions([decision for decision in map(_decision, records) if decision])
            ledger.set_fact(f"spool {name}", str(number + 1))
        late = taken.read_bytes()[len(raw) :]
        if late:
            runtime.append(str(paths.home()), name, late.removesuffix(b"\n"))
        _remove(taken)
    return Spooled(readings, problems)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        pass  # a read-only folder; it is known by its number


def _records(raw: bytes, path: str, problems: list[Problem]) -> list[dict[str, Any]]:
    records = []
    offset = 0
    for line in raw.split(b"\n"):
        try:
            record = json.loads(line) if line else None
            if isinstance(record, dict):
                records.append(record)
        except (ValueError, RecursionError):
            problems.append(Problem(path, offset, "torn line in a spool"))
        offset += len(line) + 1
    return records


def reading(record: dict[str, Any]) -> LimitReading | None:
    """A spooled statement of the official meter, or None where it states nothing usable."""
    percent = used_percent(record.get("used_percent"))
    observed_ms = to_ms(record.get("observed_at"))
    resets_ms, began_ms = to_ms(record.get("resets_at")), to_ms(record.get("began_at"))
    if record.get("lane") not in LANES or not isinstance(record.get("window"), str):
        return None
    if percent is None or observed_ms is None:
        return None
    return LimitReading(
        record["lane"],
        _name(record["window"]),
        percent,
        None if resets_ms is None else resets_ms // 1000,
        observed_ms // 1000,
        _name(record.get("source", "statusline")),
        _name(record["account"]) if isinstance(record.get("account"), str) else None,
        _name(record["plan"]) if isinstance(record.get("plan"), str) else None,
        None if began_ms is None else began_ms // 1000,
        _name(record["session"]) if isinstance(record.get("session"), str) else None,
    )


def _run(record: dict[str, Any]) -> tuple[float, str, float, int, str | None] | None:
    at, ms, chars = (_number(record.get(name), 1e12) for name in ("t", "ms", "c"))
    if at is None or ms is None or chars is None or "h" not in record:
        return None
    into = _name(record.get("s") or "")[:64] or None
    # A text that a hook gave a model is dated to the millisecond: the answer before it did not read it.
    return round(at, 3) if into else int(at), _name(record["h"]), ms, int(chars), into


def _decision(record: dict[str, Any]) -> tuple[float, str, str, str] | None:
    at = _number(record.pop("at", None), 1e12)
    hook_name, lane = record.pop("hook", None), record.pop("lane", None)
    if at is None or hook_name is None or lane is None:
        return None
    return at, _name(hook_name), _name(lane), json.dumps(record, separators=(",", ":"))


def _number(value: object, most: float) -> float | None:
    """A number from 0 to ``most``; None for anything else, NaN included."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= most else None  # type: ignore[operator,arg-type]


def _name(value: object) -> str:
    """Text that can be stored: half a surrogate pair cannot."""
    return str(value).encode("utf-8", "replace").decode()
