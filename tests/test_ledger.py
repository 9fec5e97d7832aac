"""The ledger against a dictionary: whatever is added, in whatever order, as often as may be, it holds the same."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from writing import NOW, START_MS, answer, quarters, rows, transcript, whole

from governor import paths
from governor.errors import StateError
from governor.ledger import count, read, schema, statements, store
from governor.ledger.count import ResponseCounter, packed
from governor.ledger.store import Ledger, open_ledger
from governor.model import Cursor, LimitReading, Problem, Usage, rank

QUARTER = 900_000
BASE = Usage(
    "k", 0, START_MS, 1, 1, 0, 0, 0, 0, 0, 1, False, False, True, True, START_MS, START_MS, 1, False,
    "claude", "m", "s", "main", "s", "p", "b", "", "cli",
)  # fmt: skip


def price(usage: Usage) -> int | None:
    return None if usage.model == "unpriced" else usage.output * 7 + usage.input


def add(ledger: Ledger, usages: list[Usage], *, bulk: bool = False) -> None:
    counter = ResponseCounter(ledger)
    with ledger.transaction():
        if bulk:
            counter.begin_bulk()
        counter.add(packed(usages, price), machine="here")
    with ledger.transaction():
        counter.settle()


def expected(usages: list[Usage]) -> dict[str, dict[str, Any]]:
    """The model: by key, the best line whole, dated at the earliest. The dictionary that the ledger must equal."""
    best: dict[str, Usage] = {}
    first: dict[str, int] = {}
    for usage in usages:
        first[usage.key] = min(usage.at_ms, first.get(usage.key, usage.at_ms))
        if usage.key not in best or rank(usage) > rank(best[usage.key]):
            best[usage.key] = usage
    return {
        key: {**one._replace(at_ms=first[key])._asdict(), "commit_hash": one.commit, "cost": price(one)}
        for key, one in best.items()
    }


def held(ledger: Ledger) -> dict[str, dict[str, Any]]:
    kept = {}
    for (key, _), row in rows(ledger).items():
        lane = ("claude", "codex")[row["lane"]]
        kept[key] = {**row, "lane": lane, "commit": row["commit_hash"]}
        del kept[key]["machine"], kept[key]["account"]
    return kept


def lines(keys: str = "abc") -> st.SearchStrategy[Usage]:
    """Lines of few responses, with ties of every depth. A key and a place (tie, time) make one line."""

    def build(key: str, place: tuple[int, int], output: int, main: bool, born: int, at: int) -> Usage:
        tie, step = place
        stamp = START_MS + step * QUARTER // 2
        content = hash((key, tie, step, output, main, born)) % 1000  # what a line says depends on which line it is
        model = "unpriced" if content % 3 == 0 else f"m{content % 2}"
        return BASE._replace(
            key=key, at_ms=stamp, line_ms=stamp, model=model, input=content, output=output, main=main, tie=tie,
            born_ms=START_MS + born, final=content % 5 > 0, fast=content % 7 == 0, session=f"s{tie}",
        )  # fmt: skip

    return st.builds(
        build,
        st.sampled_from(keys),
        st.tuples(st.integers(0, 2), st.integers(0, 3)),
        st.integers(0, 2),
        st.booleans(),
        st.integers(0, 1),
        st.just(0),
    )


@settings(max_examples=30)
@given(usages=st.lists(lines(), max_size=14), seed=st.integers(0, 9), cuts=st.lists(st.integers(0, 14), max_size=4))
def test_order_batches_and_repeats_never_change_the_result(
    tmp_path: Path, usages: list[Usage], seed: int, cuts: list[int]
) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.unlink(missing_ok=True)
    shuffled = [*usages, *usages[:3]]
    random.Random(seed).shuffle(shuffled)
    edges = [0, *sorted(cuts), len(shuffled)]
    with open_ledger(path) as ledger:
        for start, end in pairwise(edges):
            add(ledger, shuffled[start:end], bulk=seed == start)
        assert expected(usages) == held(ledger)
        assert whole(ledger) == quarters(ledger)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def test_rank_in_sql_is_rank_in_python(tmp_path: Path) -> None:
    """All pairs over all that a line is ranked by."""
    kinds = [
        BASE._replace(output=o, replay=r, main=m, line_ms=ms, born_ms=b, tie=t)
        for o, r, m, ms, b, t in product((1, 2), (False, True), (False, True), (1, 2), (1, 2), (1, 2))
    ]
    with open_ledger(tmp_path / "l") as ledger:
        run = ledger.connection.execute
        columns = ("output", "replay", "main", "line_ms", "born_ms", "tie")
        run(f"CREATE TEMP TABLE kind (n, {', '.join(columns)})")
        values = [(n, *(getattr(one, name) for name in columns)) for n, one in enumerate(kinds)]
        ledger.connection.executemany("INSERT INTO kind VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        query = f"SELECT excluded.n, response.n FROM kind AS excluded, kind AS response WHERE {schema.BETTER}"
        better = set(run(query))
    assert {(a, b) for a, x in enumerate(kinds) for b, y in enumerate(kinds) if rank(x) > rank(y)} == better


class CrashError(Exception):
    """The machine goes dark."""


class LedgerMachine(RuleBasedStateMachine):
    """Adds, crashes and reopenings in any order, against the dictionary."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = Path(tempfile.mkdtemp())
        self.ledger = open_ledger(self.folder / "l")
        self.added: list[Usage] = []

    @rule(usages=st.lists(lines("abcdef"), min_size=1, max_size=5), bulk=st.booleans())
    def add(self, usages: list[Usage], bulk: bool) -> None:
        add(self.ledger, usages, bulk=bulk)
        self.added += usages

    @rule(usages=st.lists(lines("abcdef"), min_size=1, max_size=5))
    def crash_inside_the_transaction(self, usages: list[Usage]) -> None:
        counter = ResponseCounter(self.ledger)
        with pytest.raises(CrashError), self.ledger.transaction():  # noqa: PT012
            counter.add(packed(usages, price), machine="here")
            raise CrashError
        self.reopen()

    @rule(usages=st.lists(lines("abcdef"), min_size=1, max_size=5))
    def crash_before_the_sums(self, usages: list[Usage]) -> None:
        """Rows and cursors are committed, the sums are not; the next refresh, with nothing new, mends them."""
        counter = ResponseCounter(self.ledger)
        with self.ledger.transaction():
            counter.add(packed(usages, price), machine="here")
        self.added += usages
        self.reopen()
        counter = ResponseCounter(self.ledger)
        with self.ledger.transaction():
            counter.settle()

    @rule()
    def reopen(self) -> None:
        self.ledger.connection.close()
        self.ledger = open_ledger(self.folder / "l")

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        assert expected(self.added) == held(self.ledger)
        assert whole(self.ledger) == quarters(self.ledger)

    def teardown(self) -> None:
        import shutil

        self.ledger.connection.close()
        shutil.rmtree(self.folder)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)


@given(usages=st.lists(lines(), max_size=8))
def test_what_is_packed_is_all_there_and_nothing_that_a_database_must_adapt(usages: list[Usage]) -> None:
    groups = packed(usages, price)
    unpacked = [Usage._make((*row[:-1], *names[:-1])) for names, rows in groups.items() for row in rows]
    assert sorted(usages) == sorted(unpacked)
    assert sorted(price(one) or -1 for one in usages) == sorted(
        row[-1] or -1 for rows in groups.values() for row in rows
    )
    kinds = {type(value) for names, rows in groups.items() for part in (names, *rows) for value in part}
    assert kinds <= {str, int, type(None)}


def test_a_ledger_whose_scan_died_without_its_time_index_gets_it_back(tmp_path: Path) -> None:
    """An earlier governor dropped the index for the length of a first scan."""
    path = tmp_path / "l"
    with open_ledger(path) as ledger:
        add(ledger, [BASE, BASE._replace(key="k2")])
        ledger.connection.execute("DROP INDEX response_at")
        ledger.set_fact("quarters", "stale")
    with open_ledger(path) as ledger:
        add(ledger, [BASE._replace(key="k3")])
        indexes = {row[0] for row in ledger.connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        assert "response_at" in indexes
        assert 3 == whole(ledger).requests == quarters(ledger).requests


# ---- server-side steps -----------------------------------------------------------------------------------------------


def group(output: int, steps: int, *, line_ms: int = START_MS, tie: int = 1, key: str = "k") -> list[Usage]:
    first = BASE._replace(key=key, output=output, line_ms=line_ms, at_ms=line_ms, tie=tie)
    return [first, *(first._replace(part=n + 1, output=0, model="advisor", input=50) for n in range(steps))]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("apart", [True, False])
def test_steps_stand_or_fall_with_the_line_they_came_with(tmp_path: Path, order: int, apart: bool) -> None:
    groups = [group(5, 3), group(9, 1, line_ms=START_MS + 5), group(9, 2, line_ms=START_MS + 6)][::order]
    with open_ledger(tmp_path / "l") as ledger:
        if apart:
            for one in groups:
                add(ledger, one)
        else:
            add(ledger, [usage for one in groups for usage in one])
        assert {("k", 0), ("k", 1)} == rows(ledger).keys()
        assert {START_MS} == {row["at_ms"] for row in rows(ledger).values()}
        assert (1, 51) == (whole(ledger).requests, whole(ledger).input)
        assert whole(ledger) == quarters(ledger)


def test_steps_of_two_lines_of_one_instant_are_told_apart(tmp_path: Path) -> None:
    """Two lines of one file may bear the same time; the second is better and has no steps."""
    for apart in (True, False):
        with open_ledger(tmp_path / str(apart)) as ledger:
            early, late = group(1, 2, tie=1), group(9, 0, tie=2)
            for batch in [early, late] if apart else [early + late]:
                add(ledger, batch)
            assert {("k", 0)} == rows(ledger).keys()


# ---- replays ---------------------------------------------------------------------------------------------------------


def codex(total: int, thread: str, *, replay: bool = False, family: str = "t1", at: int = 0) -> Usage:
    return BASE._replace(
        key=f"codex:{family}:{total}.0.0.1.0", lane="codex", thread=thread, session=thread, replay=replay,
        at_ms=START_MS + at, line_ms=START_MS + at, born_ms=START_MS + at - (0 if replay else 60_000), input=100,
        tie=len(thread),
    )  # fmt: skip


PARENT = [codex(n * 100, "t1") for n in (1, 2, 3)]
BURST = [codex(n * 100, "t2", replay=True, at=9_000_000) for n in (2, 3, 4)]
OWN = [codex(900, "t2", at=9_900_000)]


@pytest.mark.parametrize("batches", [[PARENT, BURST + OWN], [BURST + OWN, PARENT], [PARENT + BURST + OWN]])
def test_a_forks_burst_merges_with_its_parent_and_the_rest_is_its_own(
    tmp_path: Path, batches: list[list[Usage]]
) -> None:
    with open_ledger(tmp_path / "l") as ledger:
        for batch in batches:
            add(ledger, batch)
        assert {f"codex:t1:{n}00.0.0.1.0": ("t1" if n < 4 else "t2") for n in (1, 2, 3, 4, 9)} == {
            key: row["thread"] for (key, _), row in rows(ledger).items()
        }
        assert 5 == whole(ledger).requests
        assert whole(ledger) == quarters(ledger)


def test_a_burst_whose_parent_is_unknown_counts_nothing_yet(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as ledger:
        add(ledger, BURST + OWN)
        assert 1 == whole(ledger).requests == quarters(ledger).requests
        add(ledger, [codex(500, "t1", family="t9")])
        assert 2 == whole(ledger).requests == quarters(ledger).requests


def test_a_family_of_any_name_settles(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as ledger:
        add(ledger, [codex(100, "a:b", family="a:b"), codex(200, "t2", family="a:b", replay=True)])
        assert 2 == whole(ledger).requests


# ---- prices ----------------------------------------------------------------------------------------------------------


def test_pricing_again_changes_costs_and_sums_and_nothing_else(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as ledger:
        add(ledger, [*group(5, 2), BASE._replace(key="x", model="unpriced")])
        before = rows(ledger)
        counter = ResponseCounter(ledger)
        with ledger.transaction():
            assert 4 == counter.reprice(lambda usage: usage.input * 1000)
        with ledger.transaction():
            counter.settle()
        after = rows(ledger)
        assert {key: {**row, "cost": 0} for key, row in before.items()} == {
            key: {**row, "cost": 0} for key, row in after.items()
        }
        assert {row["input"] * 1000 for row in after.values()} == {row["cost"] for row in after.values()}
        assert whole(ledger) == quarters(ledger)
        with ledger.transaction():
            assert 0 == ResponseCounter(ledger).reprice(lambda usage: usage.input * 1000)


def test_a_stored_response_comes_back_as_it_was(tmp_path: Path) -> None:
    usage = BASE._replace(commit="c", fast=True, us_only=True, lane="codex", reasoning=3, searches=2, replay=True)
    seen: list[Usage] = []
    with open_ledger(tmp_path / "l") as ledger:
        add(ledger, [usage])
        with ledger.transaction():
            ResponseCounter(ledger).reprice(lambda one: seen.append(one))
    assert [usage] == seen


# ---- readings, cursors, problems -------------------------------------------------------------------------------------

READING = LimitReading("claude", "week", 60.0, NOW + 900, NOW, "typed")


def test_the_same_statement_twice_is_one_and_a_forgotten_one_does_not_come_back(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as ledger:
        with ledger.transaction():
            assert 1 == ledger.add_readings([READING, READING], machine="here")
            assert 0 == ledger.add_readings([READING], machine="there")
        (stored,) = statements.readings(ledger)
        assert (READING, "here") == (stored.reading, stored.machine)
        assert ledger.forget_reading(stored.id)
        assert not ledger.forget_reading(stored.id)
        assert not ledger.forget_reading(99)
        ledger.add_readings([READING], machine="here")
        assert [READING] == [one.reading for one in statements.readings(ledger)], "typed again, it is meant again"
        heard = READING._replace(source="rollout")
        ledger.add_readings([heard], machine="here")
        assert ledger.forget_reading(statements.readings(ledger)[-1].id)
        ledger.add_readings([heard], machine="here")
        assert [READING] == [one.reading for one in statements.readings(ledger)], "read again, it is still forgotten"


def test_a_cursor_comes_back_as_it_was(tmp_path: Path) -> None:
    cursor = Cursor("/x/ü.jsonl", 2**63 - 1, 3, 4, 5, 2**32 - 1, {"turns": {"a": "b"}, "total": [1, 2]})
    with open_ledger(tmp_path / "l") as ledger:
        ledger.keep_cursors([cursor])
        ledger.keep_cursors([cursor])
        assert cursor == ledger.cursor(cursor.path)
        assert {cursor.path: cursor._replace(state={})} == ledger.cursors()
        assert ledger.cursor("/y") is None


def test_problems_are_counted_once_each_however_often_they_are_met(tmp_path: Path) -> None:
    met = [Problem("/a", 5, "not JSON"), Problem("/a", 9, "not JSON"), Problem("/b", None, "unreadable")]
    with open_ledger(tmp_path / "l") as ledger:
        ledger.add_problems(met, now=NOW)
        ledger.add_problems(met, now=NOW + 1)
        assert (2, 1) == read.problem_counts(ledger)
        assert 3 == len(read.problems(ledger))


# ---- questions -------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    usages=st.lists(lines("abcdefgh"), max_size=12),
    since=st.integers(-2000, 4000),
    span=st.integers(0, 5000),
    bucket=st.sampled_from([900, 3600, 86_400]),
    keyed=st.booleans(),
)
def test_slices_of_any_span_add_up_to_the_responses_in_it(
    tmp_path: Path, usages: list[Usage], since: int, span: int, bucket: int, keyed: bool
) -> None:
    path = tmp_path / "ledger.sqlite3"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    start = START_MS // 1000 + since
    with open_ledger(path) as ledger:
        add(ledger, usages)
        keys = ("session", "project") if keyed else ()
        pieces = list(read.slices(ledger, start, start + span, bucket_s=bucket, keys=keys))
        inside = [row for row in rows(ledger).values() if start * 1000 <= row["at_ms"] < (start + span) * 1000]
    assert len(inside) == sum(piece.tally.requests for piece in pieces)
    assert sum(row["output"] for row in inside) == sum(piece.tally.output for piece in pieces)
    assert sum(row["cost"] or 0 for row in inside) == sum(piece.tally.cost for piece in pieces)
    assert all(piece.start % bucket == 0 for piece in pieces)


# ---- the file --------------------------------------------------------------------------------------------------------


def test_the_ledger_and_its_folder_are_the_owners_alone() -> None:
    with open_ledger() as ledger:
        assert 0o600 == stat.S_IMODE(ledger.path.stat().st_mode)
        assert 0o700 == stat.S_IMODE(ledger.path.parent.stat().st_mode)
        assert "wal" == ledger.connection.execute("PRAGMA journal_mode").fetchone()[0]
        assert (ledger.path.parent / "README").exists()


@pytest.mark.parametrize("junk", [b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 4000, b"short"])
def test_a_file_that_is_no_ledger_is_kept_aside_and_a_new_one_begun(junk: bytes) -> None:
    path = paths.claim_home() / "ledger.sqlite3"
    for _ in range(2):  # twice within a second: the first is not overwritten
        path.write_bytes(junk)
        with open_ledger() as ledger:
            assert ledger.set_aside is not None
            assert junk == ledger.set_aside.read_bytes()
            assert ledger.is_empty()
    assert 2 == len(list(path.parent.glob("ledger.sqlite3.corrupt-*")))


def test_another_programs_database_is_kept_aside(tmp_path: Path) -> None:
    for version in (0, 1):
        path = tmp_path / f"l{version}"
        with sqlite3.connect(path) as theirs:
            theirs.execute("CREATE TABLE bookmarks (url)")
            theirs.execute(f"PRAGMA user_version = {version}")
        theirs.close()
        with open_ledger(path) as ledger:
            assert ledger.set_aside is not None
            assert ledger.is_empty()


def corrupt(path: Path) -> None:
    """Overwrite the pages of rows, which came after all others; those that hold the schema stay whole."""
    with closing(sqlite3.connect(path)) as raw:
        first = raw.execute("SELECT max(rootpage) FROM sqlite_master").fetchone()[0]
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(first * 4096)
        file.write(b"\xff" * (size - first * 4096))


def test_damage_found_while_it_is_used_sets_the_ledger_aside_too() -> None:
    with open_ledger() as ledger:
        add(ledger, [BASE._replace(key=f"k{n}") for n in range(500)])
        ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path = ledger.path
    corrupt(path)
    damaged = path.read_bytes()
    with pytest.raises(StateError, match="kept as") as told, open_ledger() as ledger:  # noqa: PT012
        add(ledger, [BASE])
        rows(ledger)
    assert told.value.next_step
    (aside,) = path.parent.glob("ledger.sqlite3.corrupt-*[0-9]")
    assert len(damaged) == aside.stat().st_size
    with open_ledger() as ledger:
        assert ledger.is_empty()


def test_a_ledger_from_a_newer_governor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with open_ledger(path) as ledger:
        ledger.connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StateError, match="newer governor") as told:
        open_ledger(path)
    assert "upgrade" in told.value.next_step
    assert before == path.read_bytes()
    assert [] == list(tmp_path.glob("*corrupt*"))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two further migrations that nobody has written yet."""
    more = ["ALTER TABLE response ADD COLUMN later INTEGER;", "CREATE TABLE thing (name TEXT);"]
    yield more
    monkeypatch.undo()


def test_migrations_go_forward_one_by_one_and_keep_what_was_there(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l"
    with open_ledger(path) as ledger:
        add(ledger, [BASE])
    monkeypatch.setattr(store, "MIGRATIONS", (*schema.MIGRATIONS, *steps))
    for _ in range(2):
        with open_ledger(path) as ledger:
            version = ledger.connection.execute("PRAGMA user_version").fetchone()[0]
            assert len(schema.MIGRATIONS) + 2 == version
            assert {("k", 0)} == rows(ledger).keys()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "l"
    with open_ledger(path) as ledger:
        add(ledger, [BASE])
    broken = "CREATE TABLE half (x); CREATE TABLE label (again);"
    monkeypatch.setattr(store, "MIGRATIONS", (*schema.MIGRATIONS, broken))
    with pytest.raises(StateError):
        open_ledger(path)
    monkeypatch.undo()
    with open_ledger(path) as ledger:
        tables = {row[0] for row in ledger.connection.execute("SELECT name FROM sqlite_master")}
        assert "half" not in tables
        assert {("k", 0)} == rows(ledger).keys()


def test_a_full_disk_says_so_and_what_was_there_stays(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "l") as ledger:
        add(ledger, [BASE])
        pages = ledger.connection.execute("PRAGMA page_count").fetchone()[0]
        ledger.connection.execute(f"PRAGMA max_page_count = {pages}")
        before = rows(ledger)
        with pytest.raises(StateError, match="full"):
            add(ledger, [BASE._replace(key=f"k{n}", session=f"session {n}" * 20) for n in range(2000)])
        assert before == rows(ledger)
        assert whole(ledger) == quarters(ledger)
        ledger.connection.execute("PRAGMA max_page_count = 1000000")
        add(ledger, [BASE._replace(key="k2", session="session 1" * 20)])
        assert 2 == whole(ledger).requests


OPEN_AND_ADD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from governor.ledger.store import open_ledger
from test_ledger import BASE, add
sys.stdin.readline()
with open_ledger(Path(sys.argv[1])) as ledger:
    assert ledger.set_aside is None, ledger.set_aside
    for n in range(5):
        add(ledger, [BASE._replace(key=f"{n}", output=n + 1)])
"""


def test_many_who_begin_at_once_make_one_ledger(tmp_path: Path) -> None:
    path = tmp_path / "l"
    here = Path(__file__).parent
    command = [sys.executable, "-c", OPEN_AND_ADD, str(path), str(here), str(here.parent)]
    all_of_them = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    said = []
    for one in all_of_them:
        assert one.stdin is not None
        one.stdin.write(b"\n")
        one.stdin.flush()
    for one in all_of_them:
        said.append(one.communicate()[1].decode())
    assert [""] * 6 == said
    with open_ledger(path) as ledger:
        assert 5 == whole(ledger).requests
        assert whole(ledger) == quarters(ledger)


def powerless() -> None:
    """In a child of root: give up the right to write where the mode says no. Others never had it."""
    if os.getuid() == 0:
        import ctypes

        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE; in force after exec


READ_ONLY = "import sys; from governor.cli import main; raise SystemExit(main(sys.argv[1:]))"


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders")
@pytest.mark.parametrize("new", [False, True])
def test_a_read_only_state_folder_is_said_and_what_is_there_is_still_shown(new: bool) -> None:
    home = paths.claim_home()
    with open_ledger() as ledger:
        add(ledger, [BASE])
    if new:
        transcript(answer("msg_new"))
    for one in home.iterdir():
        one.chmod(0o400)
    home.chmod(0o500)
    root = str(Path(store.__file__).parents[2])
    try:
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, "usage", "--json"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
            preexec_fn=powerless,
        )
    finally:
        home.chmod(0o700)
    assert "Traceback" not in done.stderr
    assert "next:" in done.stderr
    assert 0 == done.returncode, done.stderr
    assert '"requests": 1' in done.stdout


def test_columns_are_written_in_the_order_they_are_read() -> None:
    assert len(count._COLUMNS) == len(set(count._COLUMNS)) == len(Usage._fields) + 3


def test_a_name_that_was_rolled_back_is_not_remembered(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        with suppress(KeyError), ledger.transaction():
            assert "lost" == ledger.names()[ledger.label("lost")]
            raise KeyError
        with ledger.transaction():
            number = ledger.label("kept")
        assert {number: "kept"} == ledger.names()
        with open_ledger(tmp_path / "ledger") as other, other.transaction():
            later = other.label("another process's")
        assert {number: "kept", later: "another process's"} == ledger.names()
