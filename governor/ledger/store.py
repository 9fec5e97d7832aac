"""The ledger on disk: the only room that says ``sqlite3``.

WAL mode, one writer at a time, rows and file cursor in one transaction: a crash between two files loses nothing and
counts nothing twice. A file that is not a ledger is moved aside and named, never deleted.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from governor import paths
from governor.errors import StateError
from governor.ledger.locking import lock as lock
from governor.ledger.name_ids import Numbers
from governor.ledger.schema import APPLICATION_ID, MIGRATIONS
from governor.model import Cursor, LimitReading, Problem

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Ledger:
    """An open ledger. Use as a context manager; writes happen inside ``transaction``."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, *, set_aside: Path | None = None, frozen: str = ""
    ) -> None:
        self.connection = connection
        self.path = path
        self.set_aside = set_aside  # the corrupt file this one replaces, if any
        self.frozen = frozen  # why nothing can be written to it, where only what it holds can be read
        self.behind: StateError | None = None  # why what is new was not taken in before it was shown
        self.numbers = Numbers(connection.execute)
        self.account_numbers = Numbers(connection.execute, "account", "name")
        self._names: dict[int, str] = {}
        self._inode = path.stat().st_ino

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, _kind: object, fault: object, _trace: object) -> None:
        """Close. Damage that was met in between moves the ledger aside. Raises: StateError that says so."""
        self.connection.close()
        if not isinstance(fault, sqlite3.DatabaseError) or fault.sqlite_errorcode & 0xFF not in _DAMAGED:
            return
        with lock(self.path):
            is_same = self.path.exists() and self.path.stat().st_ino == self._inode
            aside = _move_aside(self.path) if is_same else self.path
        raise StateError(
            f"The ledger was corrupt. It was kept as {aside}, and the next command begins a new one; "
            "use older than the clients' transcripts, and figures that you typed, are only in the old one.",
            "governor status",
        ) from fault

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises: StateError where the disk is full or read-only."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                self.numbers.clear()
                self.account_numbers.clear()
                self._names.clear()
                self.connection.rollback()
                raise
        except sqlite3.OperationalError as fault:
            raise StateError(
                f"The ledger {self.path} could not be written ({fault}); what it held is as it was.",
                "governor doctor",
            ) from fault

    def hurry(self) -> None:
        """For a first scan into an empty ledger, outside a transaction and until it closes: no waiting for the disk.

        A power loss within seconds may then spoil a ledger that holds nothing but what the transcripts still hold; it
        is kept aside and begun anew. Pages are copied out of the log once, at the end, instead of every 32 MB.
        """
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("PRAGMA wal_autocheckpoint = 50000")  # 200 MB

    # Labels

    def label(self, text: str) -> int:
        """The number of a name, given on first use."""
        return self.numbers[text]

    def names(self) -> dict[int, str]:
        """Every label's text by its number. Labels never change, so only those that are new are asked for."""
        newest = next(reversed(self._names), 0)
        query = "SELECT id, text FROM label WHERE id > ? ORDER BY id"
        self._names.update(self.connection.execute(query, (newest,)))
        return self._names

    # Cursors, readings, problems, facts

    def cursors(self) -> dict[str, Cursor]:
        """How far each transcript was read. ``state`` is left empty here; ``cursor`` has it."""
        rows = self.connection.execute("SELECT path, inode, size, mtime_ns, offset, mark FROM transcript")
        return {row[0]: Cursor._make((*row, {})) for row in rows}

    def cursor(self, path: str) -> Cursor | None:
        query = "SELECT path, inode, size, mtime_ns, offset, mark, state FROM transcript WHERE path = ?"
        row = self.connection.execute(query, (path,)).fetchone()
        return Cursor._make((*row[:-1], json.loads(row[-1]))) if row else None

    def keep_cursors(self, cursors: Iterable[Cursor]) -> None:
        rows = [(*cursor[:-1], orjson.dumps(cursor.state).decode()) for cursor in cursors]
        self.connection.executemany("INSERT OR REPLACE INTO transcript VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def add_readings(self, readings: Iterable[LimitReading], *, machine: str) -> int:
        """Remember what the official meter said; the same statement twice is one. Returns how many were new.

        What a person types again is meant again, with the reset that it has now. Of two sessions that say the same in
        the same second, the one whose answer began later is kept.
        """
        typed = "source IN ('typed', 'pasted')"
        before = self.connection.total_changes
        self.connection.executemany(
            "INSERT INTO reading (lane, window, used_percent, resets_at, observed_at, source, account, plan, began_at, "
            "session, machine) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            f"forgotten = iif({typed}, 0, forgotten), id = iif({typed}, (SELECT max(id) + 1 FROM reading), id), "
            f"resets_at = iif({typed}, iif(forgotten, excluded.resets_at, ifnull(excluded.resets_at, resets_at)), "
            "resets_at), began_at = excluded.began_at, session = excluded.session "
            f"WHERE {typed} AND (forgotten OR excluded.resets_at != ifnull(resets_at, 0)) "
            "OR excluded.began_at > ifnull(began_at, 0)",
            [(*reading, machine) for reading in readings],
        )
        return self.connection.total_changes - before

    def forget_reading(self, number: int) -> bool:
        """Withdraw an anchor. It leaves no trace in any figure, and reading its line again does not bring it back."""
        query = "UPDATE reading SET forgotten = 1 WHERE id = ? AND NOT forgotten"
        return self.connection.execute(query, (number,)).rowcount == 1

    def add_problems(self, problems: Iterable[Problem], *, now: int) -> None:
        rows = [(p.path, -1 if p.offset is None else p.offset, p.reason, now) for p in problems]
        self.connection.executemany("INSERT OR REPLACE INTO problem VALUES (?, ?, ?, ?)", rows)

    def file_problems(self) -> set[tuple[str, str]]:
        """(path, reason) of the files and folders that could not be looked at, as far as known."""
        return set(self.connection.execute("SELECT path, reason FROM problem WHERE offset < 0"))

    def forget_file_problems(self) -> None:
        self.connection.execute("DELETE FROM problem WHERE offset < 0")

    def add_runs(self, rows: Iterable[tuple[float, str, float, int, str | None]]) -> None:
        self.connection.executemany("INSERT INTO run (at, hook, ms, chars, session) VALUES (?, ?, ?, ?, ?)", rows)

    def add_decisions(self, rows: Iterable[tuple[float, str, str, str]]) -> None:
        self.connection.executemany("INSERT INTO decision VALUES (?, ?, ?, ?)", rows)

    def fact(self, name: str) -> str | None:
        row = self.connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def set_fact(self, name: str, value: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def is_empty(self) -> bool:
        return self.connection.execute("SELECT 1 FROM response LIMIT 1").fetchone() is None


def open_ledger(path: Path | None = None) -> Ledger:
    """The ledger, created or migrated as needed, private to its owner.

    A file that is no ledger, or is corrupt, is renamed to ``ledger.sqlite3.corrupt-<time>`` and a new one begun; the
    caller finds its name in ``set_aside`` and says so. Where nothing can be written, what is there can still be read.

    Raises: StateError where there is nothing to read and nothing can be written, or the ledger comes from a newer
    governor.
    """
    if path is None:
        path = paths.ledger_file()
        if not path.exists():
            paths.claim_home()
    try:
        try:
            connection = _connect(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            connection = None
        if connection is not None:
            return Ledger(connection, path)
        with lock(path):
            return _begin(path)
    except (sqlite3.OperationalError, OSError) as fault:
        why = paths.why_unwritable(path.parent)
        if why and (ledger := _frozen(path, why)) is not None:
            return ledger
        raise StateError(
            f"The ledger {path} cannot be opened ({why or fault}), so nothing can be shown.", "governor doctor"
        ) from fault


def _frozen(path: Path, why: str) -> Ledger | None:
    """The ledger as it lies there, to be read only; None where there is none, or it would have to be migrated first."""
    if not path.exists():
        return None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return Ledger(connection, path, frozen=why)
    connection.close()
    return None


def _connect(path: Path) -> sqlite3.Connection | None:
    """A ledger that is as it should be, or None where one must be begun or migrated first.

    Raises: sqlite3.DatabaseError for a file that is no ledger of ours; StateError for one of a newer governor.
    """
    if not path.exists():
        return None
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        run = connection.execute
        version = run("PRAGMA user_version").fetchone()[0]
        owner = run("PRAGMA application_id").fetchone()[0]
        if owner != APPLICATION_ID and run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("not a ledger of ours")
        if version > len(MIGRATIONS):
            raise StateError(
                f"The ledger {path} was written by a newer governor (schema {version}, this one knows "
                f"{len(MIGRATIONS)}).",
                "pip install --upgrade quota-governor",
            )
        if version < len(MIGRATIONS):
            connection.close()
            return None
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA cache_size = -16000")
        run("PRAGMA wal_autocheckpoint = 8000")  # 32 MB: a first scan would copy most pages six times
        run("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(path: Path) -> Ledger:
    """Look again, now that nobody else may change it; then move aside, create, migrate, whatever is needed."""
    aside = None
    try:
        connection = _connect(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        aside, connection = _move_aside(path), None
    if connection is None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # private before SQLite writes a byte
        raw = sqlite3.connect(path, timeout=10, isolation_level=None)
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            version = raw.execute("PRAGMA user_version").fetchone()[0]
            for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
                raw.executescript(
                    f"BEGIN IMMEDIATE; {step} PRAGMA application_id = {APPLICATION_ID};"
                    f" PRAGMA user_version = {number}; COMMIT;"
                )
        finally:
            raw.close()
        connection = _connect(path)
    assert connection is not None  # noqa: S101 - begun just above
    return Ledger(connection, path, set_aside=aside)


def _move_aside(path: Path) -> Path:
    """Rename a ledger that cannot be used. Returns the name it has now, which nothing had before."""
    name = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
    aside = path.with_name(name)
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{name}-{count}")
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(f"{path}{suffix}"):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside
