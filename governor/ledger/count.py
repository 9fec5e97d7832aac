"""Counting each response once, whatever number of lines, files, forks and reruns repeat it.

Everything here happens inside a ledger transaction, and the end state depends only on what was added, never on the
order or the number of times (tests/test_ledger.py, against a dictionary).
"""

from __future__ import annotations

from collections import Counter as Tallied
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

from governor.ledger.schema import ACCOUNT_OF_BETTER, BETTER, FEW, SUM_QUARTER
from governor.ledger.store import Ledger
from governor.model import LANES, NAMES, REPLAY_MS, Usage, rank

QUARTER_MS = 900_000
SOONEST_MS = 250  # after a thread began: no model has answered by then
_OWN, _SHARED = Usage._fields[:NAMES], Usage._fields[NAMES:]
_COLUMNS = (*_OWN, "cost", *("commit_hash" if name == "commit" else name for name in _SHARED), "account", "machine")
_UPSERT = (
    f"INSERT INTO response ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (key, part) DO UPDATE SET at_ms = min(at_ms, excluded.at_ms), "
    + ", ".join(
        f"{c} = {ACCOUNT_OF_BETTER if c == 'account' else f'iif({BETTER}, excluded.{c}, {c})'}"
        for c in _COLUMNS
        if c not in ("key", "part", "at_ms")
    )
)
_KEY, _PART, _AT_MS, _COST = (_COLUMNS.index(name) for name in ("key", "part", "at_ms", "cost"))
_FLAGS = _COLUMNS.index("fast")  # True and False are sent as 1 and 0: sqlite3 binds a bool at many times an int's price
_ACCOUNT = _COLUMNS.index("account")
_SESSION = _SHARED.index("session")
_BATCH = 400  # below SQLite's limit of bound variables, however old the library

Names = tuple[Any, ...]  # what a Usage shares with its neighbours: texts, the account's name last
Row = tuple[Any, ...]  # what is its own, and its cost (None: unpriced); plain, as it crosses from another process


def packed(usages: Iterable[Usage], price: Callable[[Usage], int | None], account: str = "") -> dict[Names, list[Row]]:
    """Responses by the names they share, which are few in one transcript: cheap to send, and to number.

    ``account`` is the account that the transcript belongs to, empty where nobody named one.
    """
    rows: dict[Names, list[Row]] = {}
    for usage in usages:
        plain: Row = usage
        fast, us_only, final, main, *ranked, replay = plain[_FLAGS:NAMES]
        own = (*plain[:_FLAGS], +fast, +us_only, +final, +main, *ranked, +replay, price(usage))
        names = (*plain[NAMES:], account)
        if names in rows:
            rows[names].append(own)
        else:
            rows[names] = [own]
    return rows


class ResponseCounter:
    """Adds responses to a ledger, and keeps what is derived from them true."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.run = ledger.connection.execute
        # Quarters to sum again; None: all of them, as after a crash between a count and its sums.
        self._dirty: set[int] | None = None if ledger.fact("quarters") == "stale" else set()
        # Sessions whose responses or books changed; None: any may have. See ledger.books.
        self.touched: set[str] | None = None if self._dirty is None else set()
        self._has_totals = self._dirty is None  # running totals of Codex, which may repeat another thread's

    def add(self, *transcripts: dict[Names, list[Row]], machine: str) -> None:
        """Count responses, each once: repeats are ranked, the best wins whole, dated at the earliest line."""
        number, account = self.ledger.numbers, self.ledger.account_numbers
        here = number[machine]
        whole: dict[str, Row] = {}
        steps: list[Row] = []
        for names, rows in chain.from_iterable(packed.items() for packed in transcripts):
            shared = (
                LANES.index(names[0]),
                *map(number.__getitem__, names[1:-1]),
                account[names[-1]] if names[-1] else 0,
                here,
            )
            if self.touched is not None and names[0] == "claude":
                self.touched.add(names[_SESSION])
            if names[0] == "codex" and not self._has_totals:
                self._has_totals = any(":" in row[_KEY][len("codex:") :] for row in rows)
            for row in rows:
                key = row[_KEY]
                if row[_PART]:
                    steps.append(row + shared)
                elif key in whole:
                    whole[key] = self._better(whole[key], row + shared)
                else:
                    whole[key] = row + shared
        ordered = [whole[key] for key in sorted(whole)]  # neighbours in the table are written together
        self._mark_dirty(ordered)
        self.ledger.connection.executemany(_UPSERT, ordered)
        self._keep_steps(steps)

    def _better(self, one: Row, other: Row) -> Row:
        """What the upsert would make of two lines of one response; most repeats lie close together.

        A row begins as a Usage does, and that beginning is all that ``rank`` looks at.
        """
        mine, theirs = rank(tuple.__new__(Usage, one)), rank(tuple.__new__(Usage, other))
        best = other if theirs > mine else one
        if theirs == mine and one[_ACCOUNT] != other[_ACCOUNT]:
            best = min((one, other), key=lambda row: self._place_of(row[_ACCOUNT]))
        return (*best[:_AT_MS], min(one[_AT_MS], other[_AT_MS]), *best[_AT_MS + 1 :])

    def _place_of(self, account: int) -> tuple[bool, str]:
        """Where an account comes when two lines tie: by its name, and none named last."""
        row = self.run("SELECT name FROM account WHERE id = ?", (account,)).fetchone()
        return (False, row[0]) if row else (True, "")

    def _keep_steps(self, steps: list[Row]) -> None:
        """Server-side steps stand or fall with the line that their response was counted from."""
        whole = "SELECT 1 FROM response AS r WHERE r.key = {k} AND r.part = 0 AND r.line_ms = {m} AND r.tie = {t}"
        same = whole.format(k="response.key", m="response.line_ms", t="response.tie")
        run = self.run
        run(f"DELETE FROM response WHERE part > 0 AND NOT EXISTS ({same})")
        columns, marks = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
        owner = whole.format(k="?", m="?", t="?")
        line_ms, tie = _COLUMNS.index("line_ms"), _COLUMNS.index("tie")
        for row in steps:
            insert = f"INSERT OR REPLACE INTO response ({columns}) SELECT {marks} WHERE EXISTS ({owner})"
            run(insert, (*row, row[_KEY], row[line_ms], row[tie]))
        own = "SELECT r.at_ms, r.account FROM response AS r WHERE r.key = response.key AND r.part = 0"
        run(f"UPDATE response SET (at_ms, account) = ({own}) WHERE part > 0")

    def touch(self, sessions: set[str]) -> None:
        """Something else of these sessions changed."""
        if self.touched is not None:
            self.touched |= sessions

    def replace_booked(self, sessions: set[str], rows: dict[Names, list[Row]], *, machine: str) -> None:
        """Put what some sessions' books hold beyond their responses in the place of what was known of it."""
        numbers = [self.ledger.label(session) for session in sessions]
        for start in range(0, len(numbers), _BATCH):
            group = numbers[start : start + _BATCH]
            booked = f"part < 0 AND session IN ({','.join('?' * len(group))})"
            if self._dirty is not None:
                quarters = f"SELECT at_ms / 900000 FROM response WHERE {booked}"
                self._dirty.update(row[0] for row in self.run(quarters, group))
            self.run(f"DELETE FROM response WHERE {booked}", group)
        number = self.ledger.numbers
        added = [
            (
                *row,
                LANES.index(names[0]),
                *map(number.__getitem__, names[1:-1]),
                self.ledger.account_numbers[names[-1]] if names[-1] else 0,
                number[machine],
            )
            for names, own in rows.items()
            for row in own
        ]
        self._mark_dirty(added)
        self.ledger.connection.executemany(_UPSERT, added)

    def begin_bulk(self) -> None:
        """Leave the sums stale until ``settle``: cheaper when most of the ledger is new. Survives a crash."""
        self.ledger.set_fact("quarters", "stale")
        self._dirty = self.touched = None

    def _mark_dirty(self, rows: list[Row]) -> None:
        if self._dirty is None:
            return
        self.ledger.set_fact("quarters", "stale")
        self._dirty.update(row[_AT_MS] // QUARTER_MS for row in rows)
        keys = [row[_KEY] for row in rows]
        for start in range(0, len(keys), _BATCH):
            group = keys[start : start + _BATCH]
            query = f"SELECT at_ms / 900000 FROM response WHERE key IN ({','.join('?' * len(group))})"
            self._dirty.update(row[0] for row in self.run(query, group))

    def settle(self) -> None:
        """Bring what is derived up to date with what was added: which replays count, and the sums. In a transaction."""
        self._settle_replays()
        run = self.run
        most = run("SELECT ifnull(max(id), 0) FROM account").fetchone()[0]
        by = "g" if most < FEW else "g, account"
        if self._dirty is None:
            # An earlier governor dropped it for the length of a first scan, and may have died meanwhile.
            run("CREATE INDEX IF NOT EXISTS response_at ON response (at_ms)")
            run("DELETE FROM quarter")
            run(SUM_QUARTER.format(by=by, where=""))
        else:
            for quarter in self._dirty:
                start = quarter * QUARTER_MS
                run("DELETE FROM quarter WHERE quarter = ?", (quarter,))
                run(SUM_QUARTER.format(by=by, where="AND at_ms >= ? AND at_ms < ?"), (start, start + QUARTER_MS))
        newest = run("SELECT ifnull(max(quarter), 0) FROM quarter").fetchone()[0]
        if self._dirty is None or (self._dirty and min(self._dirty) < newest - 1):
            # The past changed: what was worked out from it is void.
            run("DELETE FROM fact WHERE name LIKE 'history:%' OR name LIKE 'scale:%' OR name LIKE 'anchors:%'")
        self.ledger.set_fact("quarters", "fresh")
        self._dirty, self.touched = set(), set()

    def _settle_replays(self) -> None:
        """Which totals in a Codex thread's first seconds repeat another thread's, and so count nothing.

        Told anew from all that is known, so that the order of files does not matter. A repeat is what an earlier
        thread reached too. A thread that names its parent needs no more evidence; and while that parent's own file is
        unknown, its burst counts nothing, for when that was spent cannot be told. Of a thread that names none, one
        equal total is chance: two, or one sooner than a model can answer, are not.
        """
        if not self._has_totals:
            return
        names = self.ledger.names()
        span = ("codex:", "codex;")
        query = (
            "SELECT key, thread, at_ms, replay, line_ms - born_ms FROM response WHERE key > ? AND key < ? "
            f"AND (replay OR line_ms - born_ms <= {REPLAY_MS}) AND key LIKE 'codex:%:%'"
        )
        young = [_Total(*_parted(key), names[thread], *rest) for key, thread, *rest in self.run(query, span)]
        first: dict[str, tuple[int, str]] = {}  # by total: when it was reached first, and by whom
        wanted = {row.total for row in young}
        if wanted:
            for key, thread, at_ms in self.run(
                "SELECT key, thread, at_ms FROM response WHERE key > ? AND key < ?", span
            ):
                total = _parted(key)[1]
                if total in wanted:
                    first[total] = min(first.get(total, (at_ms, names[thread])), (at_ms, names[thread]))
        earlier = {row: first[row.total] for row in young}
        repeated = {row for row, (at_ms, thread) in earlier.items() if at_ms <= row.at_ms and thread != row.thread}
        matches = Tallied(row.thread for row in repeated)
        changed = []
        for row in young:
            if row.family != row.thread:
                is_replay = row in repeated or not self._is_known(row.family)
            else:
                is_replay = row in repeated and (matches[row.thread] > 1 or row.age_ms <= SOONEST_MS)
            if is_replay != bool(row.replay):
                changed.append((is_replay, f"codex:{row.family}:{row.total}"))
                if self._dirty is not None:
                    self._dirty.add(row.at_ms // QUARTER_MS)
        self.ledger.connection.executemany("UPDATE response SET replay = ? WHERE key = ?", changed)

    def _is_known(self, thread: str) -> bool:
        """Did any of a thread's own totals reach the ledger?"""
        query = "SELECT 1 FROM response WHERE key > ? AND key < ? AND thread = ? LIMIT 1"
        return (
            self.run(query, (f"codex:{thread}:", f"codex:{thread};", self.ledger.label(thread))).fetchone() is not None
        )

    def reprice(self, price: Callable[[Usage], int | None]) -> int:
        """Price every response again (the table or the person's overrides changed). Returns how many changed."""
        names = self.ledger.names()
        changed = []
        for row in self.run(f"SELECT {', '.join(_COLUMNS)} FROM response"):
            usage = _usage(row, names)
            cost = price(usage)
            if cost != row[_COST]:
                changed.append((cost, usage.key, usage.part))
        self.ledger.connection.executemany("UPDATE response SET cost = ? WHERE key = ? AND part = ?", changed)
        if changed:
            self.begin_bulk()
        return len(changed)


class _Total(NamedTuple):
    """A running total that a Codex thread stated in its first seconds."""

    family: str
    total: str
    thread: str
    at_ms: int
    replay: int
    age_ms: int  # of the thread, when it stated it


def _parted(key: str) -> tuple[str, str]:
    """(family, total) of a total's key; a recorded response has no family."""
    family, _, total = key.removeprefix("codex:").rpartition(":")
    return family, total


def _usage(row: Row, names: dict[int, str]) -> Usage:
    """A row of ``response`` as the Usage it was made from."""
    lane, *others = row[_COST + 1 : _ACCOUNT]
    return Usage._make((*row[:_COST], LANES[lane], *(names[number] for number in others)))
