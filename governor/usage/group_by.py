"""Who used what: slices of use grouped by any keys, with the meter units and the notional price of each group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import NamedTuple

from governor.hooks.budget.rules import matches
from governor.model import TIMELESS, Slice, Tally
from governor.quota import units as quota_units

TIMES = ("hour", "day", "week", "month")
PLACES = ("session", "project", "branch", "commit", "agent")
KEYS = (*TIMES, *PLACES, "model", "lane", "account", "machine", "person", "surface", "tag")
UNTAGGED = "(none)"


class UsageRow(NamedTuple):
    """One group: its value for each key, in the order asked, and its sum."""

    names: tuple[str, ...]
    tally: Tally


def stored_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """The columns that must be asked of the ledger for these keys."""
    wanted = [key for key in keys if key in TIMELESS]
    if "tag" in keys:
        wanted += [key for key in ("project", "branch") if key not in wanted]
    return tuple(wanted)


def group(
    slices: Iterable[Slice],
    keys: Sequence[str],
    *,
    weights: quota_units.Weights,
    zone: tzinfo | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    person: str = "",
) -> list[UsageRow]:
    """Sums by ``keys``: in order of time where the first key is a time, else the most expensive first.

    ``zone`` is where days begin (None: the system's own, daylight saving included). Weeks are ISO weeks. A slice that
    several tags match counts under the first, so that the groups add up to the whole.
    """
    columns = stored_keys(keys)
    sums: dict[tuple[str, ...], Tally] = {}
    labels: dict[tuple[int, str], str] = {}
    for piece in slices:
        stored = dict(zip(columns, piece.names, strict=True))
        names = []
        for key in keys:
            if key in TIMES:
                label = labels.get((piece.start, key))
                if label is None:
                    label = labels[piece.start, key] = time_label(piece.start, key, zone)
            elif key == "tag":
                label = tag_of(stored["project"], stored["branch"], tags)
            else:
                label = {"lane": piece.lane, "model": piece.model, "person": person, **stored}[key]
            names.append(label)
        units = quota_units.units(piece.tally, piece.model, weights, lane=piece.lane, fast=piece.fast)
        place = tuple(names)
        sums[place] = sums.get(place, Tally()) + Tally._make((*piece.tally[:-1], units))
    rows = [UsageRow(names, tally) for names, tally in sums.items()]
    if keys and keys[0] in TIMES:
        return sorted(rows)
    return sorted(rows, key=lambda row: (-row.tally.cost, -row.tally.total, row.names))


def time_label(start: int, key: str, zone: tzinfo | None) -> str:
    """The hour, day, ISO week or month, in ``zone``, that an epoch second falls into."""
    moment = datetime.fromtimestamp(start, zone)
    if key == "hour":
        return f"{moment:%Y-%m-%d %H}:00"
    if key == "week":
        year, week, _ = moment.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{moment:%Y-%m-%d}" if key == "day" else f"{moment:%Y-%m}"


def tag_of(project: str, branch: str, tags: Sequence[Mapping[str, str]]) -> str:
    """The first tag whose project and branch patterns match; UNTAGGED where none does."""
    for tag in tags:
        if matches(project, tag["project"]) and fnmatchcase(branch, tag["branch"]):
            return tag["tag"]
    return UNTAGGED
