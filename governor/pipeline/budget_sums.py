"""What the budgets of days, projects and tags have used by now: the ledger's sums, and the tool calls hooks counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from governor import paths
from governor.config import Settings
from governor.hooks.budget import shared_sums
from governor.hooks.budget.rules import PERS, UNITS, BudgetStanding, Used, matches
from governor.hooks.state import session_usage, shared_usage
from governor.ledger import by_key, read
from governor.ledger.store import Ledger
from governor.model import Slice, Tally
from governor.quota import units as quota_units
from governor.report import BudgetReport


class BudgetSpent(NamedTuple):
    """What one day's, project's or tag's budget has used; ``used`` by project, under "" for a day's and a tag's."""

    budget: dict[str, Any]
    since: int
    until: int
    used: dict[str, Used]


def spent(ledger: Ledger, settings: Settings, *, now: int, book: shared_sums.Book | None = None) -> list[BudgetSpent]:
    """Every budget that all sessions draw on, with its use since its period began (local midnight, Monday, the first).

    ``book`` has the tool calls (governor.hooks.state.shared_usage); it is read where none is given.
    """
    found = []
    calls_by_day = shared_usage.peek(str(paths.home())) if book is None else book
    for budget in (settled(budget, settings) for budget in settings.values["budgets"] if budget["per"] in PERS):
        since, until = period("day" if budget["per"] == "day" else budget["every"], now=now)
        pieces = read.slices(ledger, since, now + 1, lane=budget["lane"], bucket_s=86_400, keys=_keys(budget))
        sums = _sums(pieces, settings, budget)
        calls: dict[str, int] = {}
        for folder, count in shared_sums.tool_calls(calls_by_day, budget, first=session_usage.day_of(since)).items():
            place = folder if budget["per"] == "project" else ""
            calls[place] = calls.get(place, 0) + count
        used = {
            place: Used(
                tokens=tally.fresh,
                usd=tally.usd,
                units=tally.units,
                unpriced=tally.unpriced_requests,
                tool_calls=calls.get(place, 0),
                since=since,
            )
            for place in {*sums, *calls}
            for tally in [sums.get(place, Tally())]
        }
        found.append(BudgetSpent(budget, since, until, used))
    return found


def settled(budget: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """A budget with all that tells what counts towards it: of a tag's, the tags."""
    return {**budget, "tags": settings.tags} if budget["per"] == "tag" else budget


def base(
    listed: list[BudgetSpent], ledger: Ledger, settings: Settings, *, unfinished: list[str], now: int
) -> dict[str, Any]:
    """By the budget's name: since, until, as_of and used, as hooks go on from (hooks.budget.shared_sums). The responses
    that are ``unfinished`` are taken out.
    """
    found = {}
    out = list(by_key.responses(ledger, unfinished))
    for one in listed:
        mine = (piece for piece in out if piece.start >= one.since and one.budget["lane"] in (None, piece.lane))
        less = _sums(mine, settings, one.budget)
        used = {place: _plain(each, less.get(place, Tally())) for place, each in one.used.items()}
        found[one.budget["name"]] = {
            "since": one.since,
            "until": one.until,
            "as_of": now,
            "used": used if one.budget["per"] == "project" else used.get("", {}),
        }
    return found


def _plain(used: Used, less: Tally) -> dict[str, float]:
    return {
        "tokens": used.tokens - less.fresh,
        "usd": used.usd - less.usd,
        "units": used.units - less.units,
        "unpriced": used.unpriced - less.unpriced_requests,
    }


def reports(ledger: Ledger, settings: Settings, *, now: int) -> list[BudgetReport]:
    """Every limit of every day and project budget, the fullest first."""
    found = []
    for one in spent(ledger, settings, now=now):
        for project, used in (one.used or {"": Used(since=one.since)}).items():
            limits = {unit: float(one.budget[unit]) for unit in UNITS if one.budget[unit] is not None}
            for each in (BudgetStanding(one.budget, unit, limit, used) for unit, limit in limits.items()):
                if project and not each.used:
                    continue  # of the many folders, those that matter
                head = (each.name, each.per, project, each.action, each.unit, each.used, each.limit)
                found.append(BudgetReport(*head, since=one.since, at_least=each.unpriced > 0))
    return sorted(found, key=lambda each: (-each.share, each.name, each.project))


def _keys(budget: Mapping[str, Any]) -> tuple[str, ...]:
    """What a budget has to know of a response, beside its lane and time."""
    if budget["per"] == "tag":
        return ("project", "branch")
    return ("project",) if budget["per"] == "project" or budget["project"] != "*" else ()


def _sums(pieces: Iterator[Slice], settings: Settings, budget: dict[str, Any]) -> dict[str, Tally]:
    sums: dict[str, Tally] = {}
    by_project = bool(_keys(budget))
    for piece in pieces:
        project, branch = (*piece.names, "", "")[:2]
        if by_project and not matches(project, budget["project"]):
            continue
        if budget["per"] == "tag" and not shared_sums.is_tagged(budget, project, branch):
            continue
        units = quota_units.units(piece.tally, piece.model, settings.weights, lane=piece.lane, fast=piece.fast)
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
