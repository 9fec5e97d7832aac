"""What the person's day and project budgets have used by now: the ledger's sums, and the tool calls hooks counted."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from governor import meter, paths
from governor.config import Settings
from governor.guards.budget import UNITS, Standing, Used, matches
from governor.ledger import read
from governor.ledger.store import Ledger
from governor.model import Tally
from governor.report import BudgetReport


class Live(NamedTuple):
    """A session as the budget guard counts it (governor.acts.live)."""

    session: str
    lane: str
    project: str
    calls: int
    days: dict[str, int]  # local date -> tool calls


class Spent(NamedTuple):
    """What one day's or project's budget has used; ``used`` by project, under "" for a day's."""

    budget: dict[str, Any]
    since: int
    until: int
    used: dict[str, Used]


def live() -> list[Live]:
    """Every session that the budget guard has counted and that was not swept yet."""
    found = []
    folder = paths.home() / "live"
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        try:
            state = json.loads((folder / name).read_bytes())
            days = {str(day): int(count) for day, count in state["days"].items()}
            calls = int(state["calls"].get("session", 0))
            found.append(
                Live(str(state["session"]), name.partition("-")[0], str(state.get("project", "")), calls, days)
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # torn, or of another version: the hooks begin it anew
    return found


def spent(ledger: Ledger, settings: Settings, *, now: int) -> list[Spent]:
    """Every day and project budget with its use since its period began (local midnight, Monday, the first)."""
    found = []
    sessions = live()
    for budget in settings.values["budgets"]:
        if budget["per"] not in ("day", "project"):
            continue
        every = budget["every"] if budget["per"] == "project" else "day"
        since, until = period(every, now=now)
        sums = _sums(ledger, settings, budget, since, now)
        calls: dict[str, int] = {}
        first = datetime.fromtimestamp(since).astimezone().date().isoformat()
        for one in sessions:
            if budget["lane"] in (None, one.lane) and matches(one.project, budget["project"]):
                place = one.project if budget["per"] == "project" else ""
                calls[place] = calls.get(place, 0) + sum(n for day, n in one.days.items() if day >= first)
        places = {*sums, *calls}
        used = {
            place: Used(
                tokens=tally.fresh,
                usd=tally.usd,
                units=tally.units,
                unpriced=tally.unpriced_requests,
                tool_calls=calls.get(place, 0),
                since=since,
            )
            for place in places
            for tally in [sums.get(place, Tally())]
        }
        found.append(Spent(budget, since, until, used))
    return found


def reports(ledger: Ledger, settings: Settings, *, now: int) -> list[BudgetReport]:
    """Every limit of every day and project budget, the fullest first."""
    found = []
    for one in spent(ledger, settings, now=now):
        for project, used in (one.used or {"": Used(since=one.since)}).items():
            limits = {unit: float(one.budget[unit]) for unit in UNITS if one.budget[unit] is not None}
            for each in (Standing(one.budget, unit, limit, used) for unit, limit in limits.items()):
                if project and not each.used:
                    continue  # of the many folders, those that matter
                head = (each.name, each.per, project, each.action, each.unit, each.used, each.limit)
                found.append(BudgetReport(*head, since=one.since, at_least=each.unpriced > 0))
    return sorted(found, key=lambda each: (-each.share, each.name, each.project))


def _sums(ledger: Ledger, settings: Settings, budget: dict[str, Any], since: int, now: int) -> dict[str, Tally]:
    by_project = budget["per"] == "project" or budget["project"] != "*"
    sums: dict[str, Tally] = {}
    keys = ("project",) if by_project else ()
    for piece in read.slices(ledger, since, now + 1, lane=budget["lane"], bucket_s=86_400, keys=keys):
        project = piece.names[0] if by_project else ""
        if by_project and not matches(project, budget["project"]):
            continue
        units = meter.units(piece.tally, piece.model, settings.weights, lane=piece.lane, fast=piece.fast)
        place = project if budget["per"] == "project" else ""
        sums[place] = sums.get(place, Tally()) + piece.tally._replace(units=units)
    return sums


def period(every: str, *, now: int) -> tuple[int, int]:
    """(from, until) of the local day, ISO week or month that ``now`` falls into, in epoch seconds."""
    day = datetime.fromtimestamp(now).astimezone().date()
    if every == "week":
        day -= timedelta(days=day.weekday())
        after = day + timedelta(days=7)
    elif every == "month":
        day = day.replace(day=1)
        after = (day + timedelta(days=32)).replace(day=1)
    else:
        after = day + timedelta(days=1)
    return _midnight(day), _midnight(after)


def _midnight(day: Any) -> int:
    return int(datetime(day.year, day.month, day.day).astimezone().timestamp())
