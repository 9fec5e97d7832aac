"""The canary's own pages of the ledger: how far it has read each transcript, and its counts per day."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable

from governor.ledger.store import Ledger
from governor.model import Cursor
from governor.review.quality import FIELDS

_SUM = ", ".join(f"{field} = {field} + excluded.{field}" for field in FIELDS)
_ADD = (
    f"INSERT INTO quality (lane, model, policy, day, {', '.join(FIELDS)}) VALUES (?, ?, ?, ?{', ?' * len(FIELDS)}) "
    f"ON CONFLICT DO UPDATE SET {_SUM}"
)
Place = tuple[str, str, str, int]  # lane, model, policy, day


def transcripts(ledger: Ledger) -> list[tuple[str, int, int, int]]:
    """(path, inode, size, mtime_ns) of every transcript that was counted, the newest first."""
    return list(ledger.connection.execute("SELECT path, inode, size, mtime_ns FROM transcript ORDER BY mtime_ns DESC"))


def stamp(ledger: Ledger) -> list[int]:
    """Changes whenever a transcript does."""
    query = "SELECT count(*), ifnull(max(mtime_ns), 0), ifnull(sum(size), 0) FROM transcript"
    return list(ledger.connection.execute(query).fetchone())


def seen(ledger: Ledger) -> dict[str, tuple[int, int]]:
    """name -> (size, mtime_ns) of every transcript as the canary last left it."""
    return {row[0]: (row[1], row[2]) for row in ledger.connection.execute("SELECT name, size, mtime_ns FROM watched")}


def owners(ledger: Ledger) -> Callable[[str], str | None]:
    """Which session a response counts for, by its key; None where it counts for nobody yet."""
    query = "SELECT text FROM label JOIN response ON label.id = response.session WHERE key = ? AND part = 0"

    def owner(key: str) -> str | None:
        row = ledger.connection.execute(query, (key,)).fetchone()
        return str(row[0]) if row else None

    return owner


def cursor(ledger: Ledger, name: str) -> Cursor | None:
    """Where the canary reads on."""
    query = "SELECT path, inode, size, mtime_ns, offset, mark, state FROM watched WHERE name = ?"
    row = ledger.connection.execute(query, (name,)).fetchone()
    return Cursor._make((*row[:-1], json.loads(row[-1]))) if row else None


def forget(ledger: Ledger, before_ns: int) -> None:
    """Drop the hashes of prompts and edits from threads that have lain still since: nothing will be likened to them."""
    rows = ledger.connection.execute("SELECT name, state FROM watched WHERE mtime_ns < ?", (before_ns,)).fetchall()
    bare = []
    for name, raw in rows:
        state = json.loads(raw)
        if state.pop("asked", None) is not None or "edits" in state:
            state.pop("edits", None)
            bare.append((json.dumps(state), name))
    with ledger.transaction():
        ledger.connection.executemany("UPDATE watched SET state = ? WHERE name = ?", bare)


def keep(ledger: Ledger, name: str, cursor: Cursor, counts: Iterable[tuple[Place, str]]) -> None:
    """A transcript's new cursor and what was counted on the way there, in one transaction."""
    sums: dict[Place, Counter[str]] = {}
    for place, field in counts:
        sums.setdefault(place, Counter())[field] += 1
    with ledger.transaction():
        run = ledger.connection.execute
        run(
            "INSERT OR REPLACE INTO watched VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (name, *cursor[:-1], json.dumps(cursor[-1])),
        )
        for place, found in sums.items():
            run(_ADD, (*place, *(found[field] for field in FIELDS)))
