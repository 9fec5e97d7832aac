"""Questions to the ledger about what the official meter said."""

from __future__ import annotations

from typing import NamedTuple

from governor.ledger.store import Ledger
from governor.model import Account, Lane, LimitReading


class StoredReading(NamedTuple):
    """An official reading with the number that ``governor calibrate --forget`` takes."""

    id: int
    reading: LimitReading
    machine: str


def readings(
    ledger: Ledger, *, lane: Lane | None = None, window: str | None = None, since: int = 0, whose: Account | None = None
) -> list[StoredReading]:
    """Official readings that were not withdrawn, oldest first; of one account, or of all."""
    query = (
        "SELECT id, lane, window, used_percent, resets_at, observed_at, source, account, plan, machine FROM reading "
        "WHERE NOT forgotten AND observed_at >= ? AND (? IS NULL OR lane = ?) AND (? IS NULL OR window = ?) "
        f"{_of(whose)} ORDER BY observed_at, id"
    )
    lane = whose.lane if whose else lane
    rows = ledger.connection.execute(query, (since, lane, lane, window, window, *_keys(whose)))
    return [StoredReading(row[0], LimitReading(*row[1:9]), row[9]) for row in rows]


def stamp(ledger: Ledger, whose: Account, window: str, *, until: int = 2**40) -> tuple[int, int]:
    """(how many before ``until``, the newest's number): changes whenever such a reading comes or is withdrawn."""
    where = f"NOT forgotten AND lane = ? AND window = ? AND observed_at < ? {_of(whose)}"
    query = f"SELECT count(*), ifnull(max(id), 0) FROM reading WHERE {where}"
    count, newest = ledger.connection.execute(query, (whose.lane, window, until, *whose.keys)).fetchone()
    return int(count), int(newest)


def walls(ledger: Ledger, whose: Account, since: int) -> list[tuple[int, int]]:
    """(from, until) of the times when use was refused or a window stood full."""
    query = (
        "SELECT observed_at, ifnull(resets_at, observed_at + 3600) FROM reading "
        "WHERE NOT forgotten AND lane = ? AND observed_at >= ? AND used_percent >= 100 "
        f"{_of(whose)} ORDER BY observed_at"
    )
    return list(ledger.connection.execute(query, (whose.lane, since, *whose.keys)))


def plan(ledger: Ledger, whose: Account, window: str) -> str | None:
    """The plan last heard of (``windows.of_one_plan``); None where none was ever named."""
    query = (
        f"SELECT plan FROM reading WHERE NOT forgotten AND lane = ? AND window = ? AND plan IS NOT NULL {_of(whose)} "
        "ORDER BY observed_at DESC, id DESC LIMIT 1"
    )
    row = ledger.connection.execute(query, (whose.lane, window, *whose.keys)).fetchone()
    return row and str(row[0])


def _of(whose: Account | None) -> str:
    return "" if whose is None else f"AND ifnull(account, '') IN ({', '.join('?' * len(whose.keys))})"


def _keys(whose: Account | None) -> tuple[str, ...]:
    return whose.keys if whose else ()
