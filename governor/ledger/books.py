"""The clients' own books in the ledger, and what they hold beyond the counted responses: worked out, and kept as rows.

Such a row has ``part`` BOOKED, surface and agent ``auxiliary``, and no request of its own, for how many there were is
not known. A session's rows are replaced whenever its books, its responses or its ancestors' change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, product
from typing import Any, NamedTuple

from governor.ledger import unlogged
from governor.ledger.count import Names, ResponseCounter, Row, packed
from governor.ledger.store import Ledger
from governor.ledger.unlogged import FOREVER, Checkpoint, Counted, Kinds, Rest
from governor.model import AUXILIARY, BOOKED, LANES, Booked, Usage

_FIELDS = ", ".join(Booked._fields)
_KINDS = "input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, searches, ifnull(cost, 0)"
_TOKENS = Booked._fields.index("input")
_COST = Booked._fields.index("cost")
_FIVE, _HOUR, _PRICED = 3, 4, 7  # places among the kinds: cache writes of both lengths, and what all of it cost
_MANY = 400  # session numbers in one question; beyond that all are read
# Prompts of these sizes fall into every band of every price table.
_SIZES = (0, 150_000, 230_000, 10**6)
_CLOSE = 0.005  # a price that is this near to the client's own explains it

Price = Callable[[Usage], int | None]


class _Way(NamedTuple):
    """How requests without a line may have been made, as far as it changes their price."""

    context: int = 0
    fast: bool = False
    us_only: bool = False
    is_hour: bool = False  # cache writes that the books do not tell apart were of an hour


_WAYS = [_Way(*way) for way in product(_SIZES, (False, True), (False, True), (False, True))]


class _Session(NamedTuple):
    """Where a session worked last, and whose it is."""

    project: str
    branch: str = ""
    account: str = ""


def keep(ledger: Ledger, booked: Iterable[Booked]) -> set[str]:
    """Remember what the books state; the same statement again is one. Returns the sessions. In a transaction."""
    rows = [(*each[:6], json.dumps(each.ancestors), *each[7:]) for each in booked]
    marks = ", ".join("?" * len(Booked._fields))
    ledger.connection.executemany(f"INSERT OR REPLACE INTO books ({_FIELDS}) VALUES ({marks})", rows)
    return {row[0] for row in rows}


def settle(counter: ResponseCounter, price: Price, *, machine: str) -> None:
    """Work out again what the books hold beyond the lines, for all sessions that changed. In a transaction."""
    ledger = counter.ledger
    sessions = _concerned(ledger, counter.touched)
    if not sessions:
        return
    booked = [each for each in _booked(ledger) if each.session in sessions]
    places = {each.session: _Session(each.project, account=each.account) for each in booked}
    begun = {
        session: min(each.epoch for each in group) for session, group in groupby(booked, lambda each: each.session)
    }
    names = sessions | {name for each in booked for name, _ in each.ancestors}
    counted = _counted(ledger, names, begun, places)
    merged = {each.session for each in booked if not each.is_split}
    rests = unlogged.rests(_checkpoints(booked, sessions - merged), counted)
    rests += unlogged.rests(
        _checkpoints(booked, merged), [each._replace(kinds=_merged(each.kinds)) for each in counted]
    )
    usages = []
    for _, group in groupby(rests, key=lambda rest: (rest.checkpoint, rest.model)):
        usages += _usages(list(group), places, price)
    by_account: dict[str, list[Usage]] = {}
    for usage in usages:
        by_account.setdefault(places[usage.session].account, []).append(usage)
    rows: dict[Names, list[Row]] = {}
    for account, mine in by_account.items():
        rows |= packed(mine, price, account)
    counter.replace_booked(sessions, rows, machine=machine)


def _concerned(ledger: Ledger, touched: set[str] | None) -> set[str]:
    """Every session with books whose rest may have changed: those touched, all that share their counters, and forks.

    None: all there are.
    """
    if touched is not None and not touched:
        return set()
    every = ledger.connection.execute("SELECT DISTINCT session, epoch, ancestors FROM books").fetchall()
    if touched is None:
        return {session for session, *_ in every}
    near = [(session, epoch, {session, *(name for name, _ in json.loads(raw))}) for session, epoch, raw in every]
    epochs = {epoch for _, epoch, family in near if epoch and family & touched}
    return {session for session, epoch, family in near if epoch in epochs or family & touched}


def _booked(ledger: Ledger) -> Iterator[Booked]:
    for row in ledger.connection.execute(f"SELECT {_FIELDS} FROM books ORDER BY session, epoch, spent_ms"):
        ancestors = tuple((str(name), int(until)) for name, until in json.loads(row[6]))
        yield Booked._make((*row[:6], ancestors, *row[7:-2], bool(row[-2]), row[-1]))


def _checkpoints(booked: Iterable[Booked], sessions: set[str]) -> list[Checkpoint]:
    """The statements of these sessions, all models of one together."""
    found = []
    for (session, epoch, spent_ms), rows in groupby(booked, key=lambda each: each[:3]):
        group = list(rows)
        if session in sessions:
            models: dict[str, Any] = {each.model: each[_TOKENS : _COST + 1] for each in group}
            if not all(each.is_split for each in group):
                models = {model: _merged(kinds) for model, kinds in models.items()}
            found.append(Checkpoint(session, epoch, group[0].at_ms, spent_ms, group[0].ancestors, models))
    return found


def _merged(kinds: Kinds) -> Kinds:
    """All cache writes as one kind."""
    return (*kinds[:_FIVE], kinds[_FIVE] + kinds[_HOUR], 0, *kinds[_HOUR + 1 :])


def _counted(ledger: Ledger, sessions: set[str], begun: dict[str, int], places: dict[str, _Session]) -> list[Counted]:
    """The responses of these sessions since the first counter begun. ``places`` learns where each was last."""
    names = ledger.names()
    numbers = {number for number, name in names.items() if name in sessions}
    main = ledger.label("main")
    few = f"AND session IN ({', '.join(map(str, sorted(numbers)))})" if len(numbers) <= _MANY else ""
    query = (
        f"SELECT at_ms, session, agent, model, project, branch, {_KINDS} FROM response "
        f"WHERE at_ms >= ? AND part >= 0 AND lane = {LANES.index('claude')} {few} ORDER BY at_ms"
    )
    counted = []
    for at_ms, session, agent, model, project, branch, *kinds in ledger.connection.execute(
        query, (min(begun.values()),)
    ):
        if session in numbers:
            name = names[session]
            counted.append(Counted(at_ms, name, agent == main, names[model], tuple(kinds)))
            if at_ms >= begun.get(name, FOREVER):
                places[name] = places[name]._replace(project=names[project], branch=names[branch])
    return counted


def _usages(rests: list[Rest], places: dict[str, _Session], price: Price) -> list[Usage]:
    """One checkpoint's rest of one model as rows, in the way of making the requests that the client's price fits."""
    whole = tuple(map(sum, zip(*(rest.kinds for rest in rests), strict=True)))
    first, target = rests[0], whole[_PRICED]
    chosen = _Way()
    if target:
        close = [(abs((price(_usage(first._replace(kinds=whole), way, places)) or 0) - target), way) for way in _WAYS]
        if close[0][0] > target * _CLOSE and min(close)[0] <= target * _CLOSE:
            chosen = min(close)[1]
    return [_usage(rest, chosen, places) for rest in rests]


def _usage(rest: Rest, way: _Way, places: dict[str, _Session]) -> Usage:
    """One row."""
    checkpoint, at_ms, model, kinds = rest
    session, epoch = checkpoint[:2]
    five, hour = kinds[_FIVE], kinds[_HOUR]
    if way.is_hour:
        five, hour = 0, five + hour
    place = places[session]
    key = f"books:{session}:{epoch}:{checkpoint.order}:{model}:{at_ms}"
    spent = (*kinds[:_FIVE], five, hour, *kinds[_HOUR + 1 : _PRICED], way.context, way.fast, way.us_only, True)
    ranked = (False, at_ms, checkpoint.at_ms, 0, False)
    names = (model, session, AUXILIARY, session, place.project, place.branch, "", AUXILIARY)
    return Usage._make((key, BOOKED, at_ms, *spent, *ranked, "claude", *names))
