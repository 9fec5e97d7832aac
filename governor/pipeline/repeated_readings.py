"""Figures that a session's client stated again, unchanged, and that the status line withheld for some minutes.

The status line keeps, for every session, what its newest answer said and when (``taps/``). That the meter still stands
where it stood is worth as much as a reading: it says how little was used since. It vouches for a reading that still
stands in the ledger, never for one that was withdrawn, and makes none of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from governor import paths
from governor.limit_facts import is_same_window
from governor.model import Account, LimitReading

KEPT_S = 86_400  # sessions at work since then; older ones have been told in full


class RepeatedReading(NamedTuple):
    """One window as one session's newest answer stated it."""

    window: str
    used_percent: float
    resets_at: int | None
    seen_at: int


def confirmed(readings: Sequence[LimitReading], whose: Account, *, now: int) -> list[LimitReading]:
    """``readings`` (one account's, oldest first) and those of them that were seen again later, in order of time."""
    again = []
    for seen in _taps(whose, now):
        match = next((one for one in reversed(readings) if _is_same(one, seen)), None)
        if match is not None and match.observed_at < seen.seen_at <= now:
            again.append(match._replace(observed_at=seen.seen_at))
    return sorted([*readings, *again], key=lambda one: one.observed_at) if again else list(readings)


def _is_same(one: LimitReading, seen: RepeatedReading) -> bool:
    return (
        one.lane == "claude"
        and one.source == "statusline"
        and (one.window, one.used_percent) == (seen.window, seen.used_percent)
        and is_same_window(one.resets_at, seen.resets_at)
        and one.observed_at <= seen.seen_at
    )


def _taps(whose: Account, now: int) -> Iterator[RepeatedReading]:
    try:
        entries = list(os.scandir(paths.home() / "taps"))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.stat().st_mtime < now - KEPT_S:
                continue
            with open(entry.path, "rb") as file:
                memo = json.loads(file.read())
        except (OSError, ValueError):
            continue
        if isinstance(memo, dict) and memo.get("account", whose.name) in whose.keys:
            yield from _seen(memo)


def _seen(memo: dict[str, Any]) -> Iterator[RepeatedReading]:
    listed = memo.get("processes")
    processes = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    stated = [each.get("windows") for each in processes]
    pairs = [pair for each in stated if isinstance(each, dict) for pair in each.items()]
    for window, facts in pairs:
        if not isinstance(facts, dict):
            continue
        percent, at, resets_at = facts.get("percent"), facts.get("seen_at"), facts.get("resets_at")
        if isinstance(percent, (int, float)) and isinstance(at, (int, float)):
            yield RepeatedReading(
                window, float(percent), int(resets_at) if isinstance(resets_at, (int, float)) else None, int(at)
            )
