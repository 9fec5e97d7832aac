"""Questions to the ledger about what the official meter said."""

from __future__ import annotations

from typing import NamedTuple

from governor.forecasting.demand import Wall
from governor.ledger import owners
from governor.ledger.store import Ledger
from governor.model import LANES, Account, Lane, LimitReading
from governor.quota import windows
from governor.quota.stated_refusal import SOURCE as REFUSED


class StoredReading(NamedTuple):
    """An official reading with the number that ``governor calibrate --forget`` takes."""

    id: int
    reading: LimitReading
    machine: str


def readings(
    ledger: Ledger, *, lane: Lane | None = None, window: str | None = None, since: int = 0, whose: Account | None = None
) -> list[StoredReading]:
    """Official readings that were not withdrawn, oldest first; of one account, or of all.

    A refusal states no percentage: see ``refusals``.
    """
    return _stored(ledger, f"source != '{REFUSED}'", lane, window, since, whose)


def refusals(
    ledger: Ledger, *, lane: Lane | None = None, since: int = 0, whose: Account | None = None
) -> list[StoredReading]:
    """Refusals of the plan, oldest first. ``window`` is ``any``, or ``any:<model>``, where nobody named it."""
    return _stored(ledger, f"source = '{REFUSED}'", lane, None, since, whose)


def _stored(
    ledger: Ledger, which: str, lane: Lane | None, window: str | None, since: int, whose: Account | None
) -> list[StoredReading]:
    lane = whose.lane if whose else lane
    names = _stored_names(ledger, lane, window)
    query = (
        "SELECT id, lane, window, used_percent, resets_at, observed_at, source, account, plan, began_at, session, "
        f"machine FROM reading WHERE NOT forgotten AND {which} AND observed_at >= ? AND (? IS NULL OR lane = ?) "
        f"AND (? OR window IN ({_marks(names)})) {_of(whose)} ORDER BY observed_at, id"
    )
    rows = ledger.connection.execute(query, (since, lane, lane, window is None, *names, *_keys(whose)))
    known = {name: windows.name_of(name) for name in names}
    return [StoredReading(row[0], LimitReading(row[1], known[row[2]], *row[3:11]), row[11]) for row in rows]


def _stored_names(ledger: Ledger, lane: Lane | None, window: str | None) -> list[str]:
    """Every name that readings of this window were stored under: earlier versions kept ``299m`` as it came."""
    query = (
        "WITH RECURSIVE name(lane, window) AS (SELECT * FROM (SELECT lane, window FROM reading ORDER BY 1, 2 LIMIT 1) "
        "UNION ALL SELECT r.lane, r.window FROM name AS n JOIN reading AS r ON r.id = (SELECT id FROM reading "
        "WHERE (lane, window) > (n.lane, n.window) ORDER BY lane, window LIMIT 1)) SELECT lane, window FROM name"
    )
    stored = ledger.connection.execute(query).fetchall()
    return list(
        dict.fromkeys(
            name
            for of, name in stored
            if lane in (None, of) and (window is None or windows.name_of(name) == windows.name_of(window))
        )
    )


def _marks(names: list[str]) -> str:
    return ", ".join("?" * len(names))


def answered(ledger: Ledger, whose: Account, since: int) -> dict[str, int]:
    """When each model last answered this account since then, in epoch seconds."""
    query = (
        "SELECT text, max(at_ms) / 1000 FROM response JOIN label ON label.id = model "
        f"WHERE at_ms >= ? AND lane = ? AND account IN {owners.numbers(ledger, whose)} AND NOT replay GROUP BY model"
    )
    return dict(ledger.connection.execute(query, (since * 1000, LANES.index(whose.lane))))


def stamp(ledger: Ledger, whose: Account, window: str, *, until: int = 2**40) -> tuple[int, int]:
    """(how many before ``until``, the newest's number): changes whenever such a reading comes or is withdrawn."""
    names = _stored_names(ledger, whose.lane, window)
    where = (
        f"NOT forgotten AND source != '{REFUSED}' AND lane = ? AND observed_at < ? "
        f"AND window IN ({_marks(names)}) {_of(whose)}"
    )
    query = f"SELECT count(*), ifnull(max(id), 0) FROM reading WHERE {where}"
    count, newest = ledger.connection.execute(query, (whose.lane, until, *names, *whose.keys)).fetchone()
    return int(count), int(newest)


def newest(ledger: Ledger) -> int:
    """The newest reading's number, 0 without any."""
    return int(ledger.connection.execute("SELECT ifnull(max(id), 0) FROM reading").fetchone()[0])


def withdrawn(ledger: Ledger, lane: Lane) -> list[int]:
    """The numbers of the lane's readings that the person has withdrawn."""
    rows = ledger.connection.execute("SELECT id FROM reading WHERE lane = ? AND forgotten", (lane,))
    return [int(row[0]) for row in rows]


def walls(ledger: Ledger, whose: Account, since: int) -> list[Wall]:
    """When windows stood full or refused use, oldest first; what each of them says of others: ``demand.concerning``."""
    query = (
        "SELECT window, observed_at, ifnull(resets_at, observed_at + 3600), resets_at IS NULL FROM reading "
        "WHERE NOT forgotten AND lane = ? AND observed_at >= ? AND used_percent >= 100 "
        f"{_of(whose)} ORDER BY observed_at"
    )
    rows = ledger.connection.execute(query, (whose.lane, since, *whose.keys))
    return [Wall(windows.name_of(name), begin, end, bool(is_vague)) for name, begin, end, is_vague in rows]


def plan(ledger: Ledger, whose: Account, window: str) -> str | None:
    """The plan last heard of (``windows.of_one_plan``); None where none was ever named."""
    names = _stored_names(ledger, whose.lane, window)
    query = (
        f"SELECT plan FROM reading WHERE NOT forgotten AND lane = ? AND window IN ({_marks(names)}) "
        f"AND plan IS NOT NULL {_of(whose)} ORDER BY observed_at DESC, id DESC LIMIT 1"
    )
    row = ledger.connection.execute(query, (whose.lane, *names, *whose.keys)).fetchone()
    return row and str(row[0])


def _of(whose: Account | None) -> str:
    return "" if whose is None else f"AND ifnull(account, '') IN ({', '.join('?' * len(whose.keys))})"


def _keys(whose: Account | None) -> tuple[str, ...]:
    return whose.keys if whose else ()
