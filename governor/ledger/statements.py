"""Questions to the ledger about what the official meter said."""

from __future__ import annotations

from typing import NamedTuple

from governor.ledger.store import Ledger
from governor.model import Lane, LimitReading


class StoredReading(NamedTuple):
    """An official reading with the number that ``governor calibrate --forget`` takes."""

    id: int
    reading: LimitReading
    machine: str


def readings(
    ledger: Ledger, *, lane: Lane | None = None, window: str | None = None, since: int = 0
) -> list[StoredReading]:
    """Official readings that were not withdrawn, oldest first."""
    query = (
        "SELECT id, lane, window, used_percent, resets_at, observed_at, source, account, plan, machine FROM reading "
        "WHERE NOT forgotten AND observed_at >= ? AND (? IS NULL OR lane = ?) AND (? IS NULL OR window = ?) "
        "ORDER BY observed_at, id"
    )
    rows = ledger.connection.execute(query, (since, lane, lane, window, window))
    return [StoredReading(row[0], LimitReading(*row[1:9]), row[9]) for row in rows]


def stamp(ledger: Ledger, lane: Lane, window: str, *, until: int = 2**40) -> tuple[int, int]:
    """(how many before ``until``, the newest's number): changes whenever such a reading comes or is withdrawn."""
    where = "NOT forgotten AND lane = ? AND window = ? AND observed_at < ?"
    query = f"SELECT count(*), ifnull(max(id), 0) FROM reading WHERE {where}"
    count, newest = ledger.connection.execute(query, (lane, window, until)).fetchone()
    return int(count), int(newest)


def newest(ledger: Ledger) -> int:
    """The newest reading's number, 0 without any."""
    return int(ledger.connection.execute("SELECT ifnull(max(id), 0) FROM reading").fetchone()[0])


def withdrawn(ledger: Ledger, lane: Lane) -> list[int]:
    """The numbers of the lane's readings that the person has withdrawn."""
    rows = ledger.connection.execute("SELECT id FROM reading WHERE lane = ? AND forgotten", (lane,))
    return [int(row[0]) for row in rows]


def walls(ledger: Ledger, lane: Lane, since: int) -> list[tuple[int, int]]:
    """(from, until) of the times when use was refused or a window stood full."""
    query = (
        "SELECT observed_at, ifnull(resets_at, observed_at + 3600) FROM reading "
        "WHERE NOT forgotten AND lane = ? AND observed_at >= ? AND used_percent >= 100 ORDER BY observed_at"
    )
    return list(ledger.connection.execute(query, (lane, since)))


def owner(ledger: Ledger, lane: Lane, window: str) -> tuple[str | None, str | None]:
    """The account, and the plan, last heard of (``windows.of_one_account``); None where none was ever named."""
    query = (
        "SELECT {0} FROM reading WHERE NOT forgotten AND lane = ? AND window = ? AND {0} IS NOT NULL "
        "ORDER BY observed_at DESC, id DESC LIMIT 1"
    )
    found = (ledger.connection.execute(query.format(name), (lane, window)).fetchone() for name in ("account", "plan"))
    account, plan = (row and str(row[0]) for row in found)
    return account, plan
