"""Reads transcripts: a few in this process, many in several, and none of them twice.

A reader process that dies loses nothing and hangs nobody. Raises nothing: what cannot be read is a problem.
"""

from __future__ import annotations

import gc
import marshal
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from governor import accounts, config
from governor.ledger.count import Names, Row, packed
from governor.model import Booked, Cursor, Lane, LimitReading, Problem, Usage
from governor.transcripts import tail

PARALLEL_BYTES = 48 * 2**20  # below this, starting a second process costs more than it saves
BATCH_BYTES = 6 * 2**20
MOST_DEADLY = 8  # files that may each end a reader before the rest is left to the next refresh
READER_DIED = "its reader ended while reading it; the next refresh tries again"

Task = tuple[Lane, tail.FoundFile, Cursor | None]


class Read(NamedTuple):
    """What one transcript brought, in a form that is cheap to send."""

    size: int
    responses: int
    rows: dict[Names, list[Row]]
    limits: list[LimitReading]
    problems: list[Problem]
    cursor: Cursor | None
    booked: Sequence[Booked] = ()


def left(file: tail.FoundFile, cursor: Cursor | None) -> int:
    """Bytes of the file that were not read yet."""
    return max(file.size - (cursor.offset if cursor else 0), 0)


def read_all(
    tasks: list[Task], whole: int, overrides: dict[str, Any], price: Callable[[Usage], int | None]
) -> Iterator[Read]:
    batches: list[list[Task]] = [[]]
    size = 0
    for task in tasks:
        if size > BATCH_BYTES or len(batches[-1]) >= 256:
            batches.append([])
            size = 0
        batches[-1].append(task)
        size += left(task[1], task[2])
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
    from governor.clients.codex import transcripts as codex_transcripts  # noqa: F401 - once, before the fork, rather than in each child

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


def _unpacked(size: int, responses: int, rows: Any, limits: Any, problems: Any, cursor: Any, booked: Any) -> Read:
    return Read(
        size,
        responses,
        rows,
        [LimitReading._make(limit) for limit in limits],
        [Problem._make(problem) for problem in problems],
        cursor and Cursor._make(cursor),
        [Booked._make(each) for each in booked],
    )


_prepared: Callable[[Usage], int | None] | None = None


def _prepare(overrides: dict[str, Any], parent: int) -> None:
    global _prepared
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.nice(10)  # the process that writes should never wait for those that read: its work comes last
    _prepared = _prepared or pricer(overrides)
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
            (
                *sent[:3],
                *(list(map(tuple, part)) for part in sent[3:5]),
                cursor and tuple(cursor),
                list(map(tuple, booked)),
            )
            for sent in _read_batch(batch, _prepared)
            for cursor, booked in [sent[5:]]
        ]
    )


def _read_batch(batch: list[Task], price: Callable[[Usage], int | None]) -> list[Read]:
    from governor.clients.claude import transcripts as claude_transcripts
    from governor.clients.codex import transcripts as codex_transcripts

    done: list[Read] = []
    folders: dict[tuple[str, str], str] = {}
    for lane, file, cursor in batch:
        try:
            reading = (claude_transcripts if lane == "claude" else codex_transcripts).read(file, cursor)
        except OSError as fault:
            done.append(Read(0, 0, {}, [], [Problem(file.path, None, f"unreadable: {fault.strerror}")], None))
            continue
        except Exception as fault:  # a fault of ours: this file waits for a better governor, the others do not
            done.append(Read(0, 0, {}, [], [Problem(file.path, None, f"not understood: {type(fault).__name__}")], None))
            continue
        usages, limits, problems, kept, booked = reading
        place = accounts.place_of(lane, file.path)
        if place not in folders:
            folders[place] = accounts.holder(place)
        whose = kept.state.get("account") or folders[place]  # the id that a rollout's first line states
        limits = [limit._replace(account=limit.account or whose or None) for limit in limits]
        booked = [each._replace(account=whose) for each in booked]
        rows = packed(usages, price, whose)
        done.append(Read(left(file, cursor), len(usages), rows, limits, problems, kept, booked))
    return done


def pricer(overrides: dict[str, Any]) -> Callable[[Usage], int | None]:
    """What a response costs, in picodollars, by the list prices and the user's own ``overrides``."""
    return config.price_table(overrides).cost
