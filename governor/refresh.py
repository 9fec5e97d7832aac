"""Takes in what is new: transcripts, rollouts, and what the hooks and the status line left in their spools.

The one composer of reading and remembering. Every command that shows figures runs it first; hooks only ring for it.
Cost follows new bytes: with nothing new it is one ``stat`` per transcript.
"""

from __future__ import annotations

import gc
import json
import marshal
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

from governor import config, paths, spool
from governor.config import Settings
from governor.errors import StateError
from governor.ledger import store
from governor.ledger.count import Counter, Names, Row, packed
from governor.ledger.store import Ledger
from governor.model import Cursor, Lane, LimitReading, Problem, Usage
from governor.sources import tail

PARALLEL_BYTES = 48 * 2**20  # below this, starting a second process costs more than it saves
BATCH_BYTES = 6 * 2**20
COMMIT_ROWS = 20_000
MOST_DEADLY = 8  # files that may each end a reader before the rest is left to the next refresh
READER_DIED = "its reader ended while reading it; the next refresh tries again"

Task = tuple[Lane, tail.Found, Cursor | None]
Progress = Callable[[int, int], None]  # (bytes read, bytes in all)


class Refreshed(NamedTuple):
    """What a refresh found and took in."""

    transcripts: int
    changed: int
    responses: int  # lines that won within their file; repeats across files still count among them
    readings: int
    problems: list[Problem]


def refresh(ledger: Ledger, settings: Settings, *, now: int, progress: Progress | None = None) -> Refreshed:
    """Bring the ledger up to date. A refresh already under way is waited for, up to 20 s, then left to finish alone.

    Raises: StateError where the ledger cannot be written.
    """
    found, problems = discover()
    known = ledger.cursors()
    changed = [(lane, file) for lane, file in found if not tail.unchanged(file, known.get(file.path))]
    stamp = _price_stamp(settings)
    settled = ledger.fact("prices") == stamp and ledger.fact("quarters") != "stale"
    settled = settled and ledger.file_problems() == {(each.path, each.reason) for each in problems}
    if settled and not changed and not spool.waiting():
        return Refreshed(len(found), 0, 0, 0, [])
    try:
        with store.lock(ledger.path):
            with _no_collector(len(changed)):
                done = _take(ledger, settings, changed, stamp, progress)
            with ledger.transaction():
                ledger.forget_file_problems()  # those that are still there were met again
                ledger.add_problems(problems + done.problems, now=now)
            return done._replace(transcripts=len(found), problems=problems + done.problems)
    except TimeoutError:
        return Refreshed(len(found), 0, 0, 0, problems)
    except OSError as fault:
        raise StateError(
            f"What is new cannot be taken in ({fault}); nothing was lost, the next refresh goes on.", "governor doctor"
        ) from fault


@contextmanager
def _no_collector(files: int) -> Iterator[None]:
    """A first scan builds millions of tuples that refer to nothing that could refer back: collecting finds none."""
    was_on = gc.isenabled() and files > 100
    if was_on:
        gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _take(
    ledger: Ledger, settings: Settings, changed: list[tuple[Lane, tail.Found]], stamp: str, progress: Progress | None
) -> Refreshed:
    """Read what changed. Cursors are asked for again: another refresh may have held the lock before us."""
    known = ledger.cursors() if len(changed) > 100 else dict.fromkeys(file.path for _, file in changed)
    tasks: list[Task] = [
        (lane, file, ledger.cursor(file.path) if file.path in known else None) for lane, file in changed
    ]
    tasks = [task for task in tasks if not tail.unchanged(task[1], task[2])]
    problems: list[Problem] = []
    taken = responses = readings = 0
    if tasks or ledger.fact("prices") != stamp or ledger.fact("quarters") == "stale":
        counter = Counter(ledger)
        price = _pricer(settings.prices)
        is_new = ledger.is_empty()
        if is_new:
            ledger.hurry()
        with ledger.transaction():
            if is_new:
                counter.begin_bulk()
            if ledger.fact("prices") != stamp:
                counter.reprice(price)
                ledger.set_fact("prices", stamp)
        whole = sum(_left(file, cursor) for _, file, cursor in tasks)
        machine = settings.machine
        for group in _gathered(_read_all(tasks, whole, settings.prices, price), whole):
            with ledger.transaction():
                counter.add(*(read.rows for read in group), machine=machine)
                readings += ledger.add_readings(chain.from_iterable(read.limits for read in group), machine=machine)
                ledger.keep_cursors(read.cursor for read in group if read.cursor is not None)
            problems += chain.from_iterable(read.problems for read in group)
            responses += sum(read.responses for read in group)
            taken += sum(read.size for read in group)
            if progress is not None:
                progress(taken, whole)
        with ledger.transaction():
            counter.settle()
    spooled = spool.take_in(ledger, settings.machine)
    return Refreshed(0, len(tasks), responses, readings + spooled.readings, problems + spooled.problems)


def discover() -> tuple[list[tuple[Lane, tail.Found]], list[Problem]]:
    """Every transcript of both clients, each once, with what could not be looked at."""
    places: list[tuple[Lane, str]] = [("claude", str(home / "projects")) for home in paths.claude_homes()]
    places += [("codex", str(paths.codex_home() / name)) for name in ("sessions", "archived_sessions")]
    found: list[tuple[Lane, tail.Found]] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for lane, root in places:
        real = os.path.realpath(root)
        if real in seen:
            continue
        seen.add(real)
        suffixes = (".jsonl",) if lane == "claude" else (".jsonl", ".jsonl.zst")
        files, faults = tail.find(root, suffixes=suffixes)
        found += [(lane, file) for file in files]
        problems += faults
    return found, problems


class Read(NamedTuple):
    """What one transcript brought, in a form that is cheap to send."""

    size: int
    responses: int
    rows: dict[Names, list[Row]]
    limits: list[LimitReading]
    problems: list[Problem]
    cursor: Cursor | None


def _gathered(reads: Iterable[Read], whole: int) -> Iterator[list[Read]]:
    """Enough transcripts at a time to make a transaction worth its price: each touches most pages of a large table.

    The last ones in smaller groups: what is left to write when the reading ends is written alone.
    """
    group: list[Read] = []
    rows = taken = 0
    for read in reads:
        group.append(read)
        rows += read.responses
        taken += read.size
        if rows >= (COMMIT_ROWS if taken < whole * 0.8 else COMMIT_ROWS // 3):
            yield group
            group, rows = [], 0
    if group:
        yield group


def _left(file: tail.Found, cursor: Cursor | None) -> int:
    return max(file.size - (cursor.offset if cursor else 0), 0)


def _read_all(
    tasks: list[Task], whole: int, overrides: dict[str, Any], price: Callable[[Usage], int | None]
) -> Iterator[Read]:
    batches: list[list[Task]] = [[]]
    size = 0
    for task in tasks:
        if size > BATCH_BYTES or len(batches[-1]) >= 256:
            batches.append([])
            size = 0
        batches[-1].append(task)
        size += _left(task[1], task[2])
    workers = min(os.cpu_count() or 1, 4)
    if whole < PARALLEL_BYTES or workers < 2 or len(batches) < 2:
        for batch in batches:
            yield from _read_batch(batch, price)
        return
    yield from _read_apart(batches, workers, overrides, price)


def _read_apart(
    batches: list[list[Task]], workers: int, overrides: dict[str, Any], price: Callable[[Usage], int | None]
) -> Iterator[Read]:
    """Read in several processes. A reader that dies (the system ran out of memory) loses nothing and hangs nobody.

    What it had not sent is read again, file by file in one process; a file that ends a reader again is a problem.
    """
    from governor.sources import claude, codex  # noqa: F401 - once, before the fork, rather than in each child

    global _prepared
    _prepared = price  # a forked reader inherits the table
    lost: list[list[Task]] = []
    for batch, reads in _sent(batches, workers, overrides):
        if reads is None:
            lost.append(batch)
        else:
            yield from reads
    queue = [[task] for batch in lost for task in batch]
    for _ in range(MOST_DEADLY):
        died: list[list[Task]] = []
        for batch, reads in _sent(queue, 1, overrides):
            if reads is None:
                died.append(batch)
            else:
                yield from reads
        if not died:
            return
        yield _unread(died[0])  # readers take files in this order: the first one not sent is the one it died of
        queue = died[1:]
    for batch in queue:
        yield _unread(batch)


def _unread(batch: list[Task]) -> Read:
    return Read(0, 0, {}, [], [Problem(file.path, None, READER_DIED) for _, file, _ in batch], None)


def _sent(
    batches: list[list[Task]], workers: int, overrides: dict[str, Any]
) -> Iterator[tuple[list[Task], list[Read] | None]]:
    """(batch, what was read in it) in the order of arrival; None for a batch whose reader died."""
    if not batches:
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context(method), initializer=_prepare, initargs=(overrides, os.getpid())
    )
    try:
        pending = {pool.submit(_read_prepared, batch): batch for batch in batches}
        for answer in as_completed(pending):
            batch = pending[answer]
            try:
                sent = answer.result()
            except BrokenProcessPool:
                yield batch, None
                continue
            yield batch, [_unpacked(*parts) for parts in marshal.loads(sent)]  # noqa: S302 - our own child's
            del pending[answer]  # and with it the bytes
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # they end while the last rows are written


def _unpacked(size: int, responses: int, rows: Any, limits: Any, problems: Any, cursor: Any) -> Read:
    return Read(
        size,
        responses,
        rows,
        [LimitReading._make(limit) for limit in limits],
        [Problem._make(problem) for problem in problems],
        cursor and Cursor._make(cursor),
    )


_prepared: Callable[[Usage], int | None] | None = None


def _prepare(overrides: dict[str, Any], parent: int) -> None:
    global _prepared
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.nice(10)  # the process that writes should never wait for those that read: its work comes last
    _prepared = _prepared or _pricer(overrides)
    gc.disable()  # nothing read from a transcript refers to itself, and this process ends soon


def _end_with(parent: int) -> None:
    """End this reader when the process that writes was killed: nobody waits for its answers any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _read_prepared(batch: list[Task]) -> bytes:
    """A batch as ``marshal`` packs it: four times as fast as pickled named tuples."""
    assert _prepared is not None  # noqa: S101 - the pool's initialiser ran first
    return marshal.dumps(
        [
            (size, responses, rows, list(map(tuple, limits)), list(map(tuple, problems)), cursor and tuple(cursor))
            for size, responses, rows, limits, problems, cursor in _read_batch(batch, _prepared)
        ]
    )


def _read_batch(batch: list[Task], price: Callable[[Usage], int | None]) -> list[Read]:
    from governor.sources import claude, codex

    done: list[Read] = []
    for lane, file, cursor in batch:
        try:
            reading = (claude if lane == "claude" else codex).read(file, cursor)
        except OSError as fault:
            done.append(Read(0, 0, {}, [], [Problem(file.path, None, f"unreadable: {fault.strerror}")], None))
            continue
        except Exception as fault:  # a fault of ours: this file waits for a better governor, the others do not
            done.append(Read(0, 0, {}, [], [Problem(file.path, None, f"not understood: {type(fault).__name__}")], None))
            continue
        usages, limits, problems, kept = reading
        done.append(Read(_left(file, cursor), len(usages), packed(usages, price), limits, problems, kept))
    return done


def _price_stamp(settings: Settings) -> str:
    """Changes when any cost could: another table, other overrides. Cheaper than loading the table to ask it."""
    info = paths.data_file("prices.json").stat()
    return f"{info.st_size}.{info.st_mtime_ns}.{json.dumps(settings.prices, sort_keys=True)}"


def _pricer(overrides: dict[str, Any]) -> Callable[[Usage], int | None]:
    return config.price_table(overrides).cost


def now_s() -> int:
    """The time, asked in one place so that tests can set it."""
    return int(time.time())
