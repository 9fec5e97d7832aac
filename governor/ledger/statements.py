"""Questions to the ledger about what the official meter said."""

from __future__ import annotations

from typing import NamedTuple

from governor.ledger.store import Ledger
from governor.model import LANES, Lane, LimitReading
from governor.stated_refusal import ANY
from governor.stated_refusal import SOURCE as REFUSED


class StoredReading(NamedTuple):
    """An official reading with the number that ``governor calibrate --forget`` takes."""

    id: int
    reading: LimitReading
    machine: str


def readings(
    ledger: Ledger, *, lane: Lane | None = None, window: str | None = None, since: int = 0
) -> list[StoredReading]:
    """Official readings that were not withdrawn, oldest first. A refusal states no percentage: see ``refusals``."""
    return _stored(ledger, f"source != '{REFUSED}'", lane, window, since)


def refusals(ledger: Ledger, *, lane: Lane | None = None, since: int = 0) -> list[StoredReading]:
    """Refusals of the plan, oldest first. ``window`` is ``any``, or ``any:<model>``, where nobody named it."""
    return _stored(ledger, f"source = '{REFUSED}'", lane, None, since)


def _stored(ledger: Ledger, which: str, lane: Lane | None, window: str | None, since: int) -> list[StoredReading]:
    query = (
        "SELECT id, lane, window, used_percent, resets_at, observed_at, source, account, plan, machine FROM reading "
        f"WHERE NOT forgotten AND {which} AND observed_at >= ? AND (? IS NULL OR lane = ?) "
        "AND (? IS NULL OR window = ?) ORDER BY observed_at, id"
    )
    rows = ledger.connection.execute(query, (since, lane, lane, window, window))
    return [StoredReading(row[0], LimitReading(*row[1:9]), row[9]) for row in rows]


def answered(ledger: Ledger, lane: Lane, since: int) -> dict[str, int]:
    """When each model last answered since then, in epoch seconds."""
    query = (
        "SELECT text, max(at_ms) / 1000 FROM response JOIN label ON label.id = model "
        "WHERE at_ms >= ? AND lane = ? AND NOT replay GROUP BY model"
    )
    return dict(ledger.connection.execute(query, (since * 1000, LANES.index(lane))))


def stamp(ledger: Ledger, lane: Lane, window: str, *, until: int = 2**40) -> tuple[int, int]:
    """(how many before ``until``, the newest's number): changes whenever such a reading comes or is withdrawn."""
    where = f"NOT forgotten AND source != '{REFUSED}' AND lane = ? AND window = ? AND observed_at < ?"
    query = f"SELECT count(*), ifnull(max(id), 0) FROM reading WHERE {where}"
    count, newest = ledger.connection.execute(query, (lane, window, until)).fetchone()
    return int(count), int(newest)


def walls(ledger: Ledger, lane: Lane, since: int) -> list[tuple[int, int]]:
    """(from, until) of the times when use was refused or a window stood full.

    A refusal of one model, or of a window that nobody named, says little of the others: only its first hour counts.
    """
    narrow = f"source = '{REFUSED}' AND (window GLOB '*:*' OR window = '{ANY}')"
    until = f"iif({narrow}, observed_at + 3600, ifnull(resets_at, observed_at + 3600))"
    query = (
        f"SELECT observed_at, {until} FROM reading "
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
