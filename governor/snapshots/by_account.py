"""A snapshot that holds figures of windows holds them by account; each hook reads those of its own (accounts.pick)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from governor.accounts import UNKNOWN
from governor.report import LaneReport, Report

Figures = tuple[bool, dict[str, Any]]  # does any of it want a word; the keys that belong to the account


def figures(report: Report, of: Callable[[Report], Figures]) -> Figures:
    """What ``of`` says of the primary accounts, and under ``accounts``, by lane and name, what differs for the others.

    The entry under the empty name is for a session of an account that nothing is known of: it hears of no window of its
    own lane. ``mark`` in an entry names the account's episodes.
    """
    speaks, content = of(report._replace(others=()))
    listed: dict[str, dict[str, dict[str, Any]]] = {}
    for part in report.accounts():
        if part.whose is None:
            continue
        more, mine = of(report.seen_by(part))
        speaks = speaks or more
        entry = {"mark": part.whose.mark, **_unlike(content, mine)}
        listed.setdefault(part.lane, {}).update({key: entry for key in part.whose.keys if key})
    for lane, entries in listed.items():
        part = next(one for one in report.lanes if one.lane == lane)
        entries[UNKNOWN] = _unlike(content, of(report.seen_by(LaneReport(part.lane, False, [])))[1])
    return speaks, {**content, "accounts": listed} if listed else content


def _unlike(usual: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """What makes ``mine`` of the usual content when it is laid over it; ``without`` lists what is to be left out."""
    entry = {key: value for key, value in mine.items() if key not in usual or usual[key] != value}
    missing = [key for key in usual if key not in mine]
    return {**entry, "without": missing} if missing else entry
