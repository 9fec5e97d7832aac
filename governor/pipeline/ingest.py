"""Takes in what is new: transcripts, rollouts, and what the hooks and the status line left in their spools.

The one composer of reading and remembering. Every command that shows figures runs it first; hooks only ring for it.
Cost follows new bytes: with nothing new it is one ``stat`` per transcript.
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from governor import accounts, paths
from governor.config import Settings
from governor.errors import StateError
from governor.ledger import books, owners, store
from governor.ledger.count import ResponseCounter
from governor.ledger.store import Ledger
from governor.model import Lane, Problem
from governor.pipeline import readers, spool
from governor.pipeline.readers import Read, Task
from governor.transcripts import tail

COMMIT_ROWS = 20_000

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
    settled = settled and owners.is_settled(ledger)
    settled = settled and ledger.file_problems() == {(each.path, each.reason) for each in problems}
    if settled and not changed and not spool.waiting():
        return Refreshed(len(found), 0, 0, 0, [])
    if ledger.frozen:
        folder = ledger.path.parent
        raise StateError(
            f"Nothing can be written to {folder} ({ledger.frozen}). What is new since the last refresh is not shown; "
            "nothing was lost.",
            paths.how_to_write(folder, ledger.frozen),
        )
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
    ledger: Ledger,
    settings: Settings,
    changed: list[tuple[Lane, tail.FoundFile]],
    stamp: str,
    progress: Progress | None,
) -> Refreshed:
    """Read what changed. Cursors are asked for again: another refresh may have held the lock before us."""
    known = ledger.cursors() if len(changed) > 100 else dict.fromkeys(file.path for _, file in changed)
    tasks: list[Task] = [
        (lane, file, ledger.cursor(file.path) if file.path in known else None) for lane, file in changed
    ]
    tasks = [task for task in tasks if not tail.unchanged(task[1], task[2])]
    problems: list[Problem] = []
    taken = responses = readings = 0
    is_settled = owners.is_settled(ledger)
    if tasks or not is_settled or ledger.fact("prices") != stamp or ledger.fact("quarters") == "stale":
        counter = ResponseCounter(ledger)
        price = readers.pricer(settings.prices)
        is_new, machine = ledger.is_empty(), settings.machine
        if is_new:
            ledger.hurry()
        with ledger.transaction():
            has_moved = not is_settled and owners.settle(ledger)
            if is_new or has_moved:
                counter.begin_bulk()
            if ledger.fact("prices") != stamp:
                counter.reprice(price)
                ledger.set_fact("prices", stamp)
        whole = sum(readers.left(file, cursor) for _, file, cursor in tasks)
        for group in _gathered(readers.read_all(tasks, whole, settings.prices, price), whole):
            with ledger.transaction():
                counter.add(*(read.rows for read in group), machine=machine)
                readings += ledger.add_readings(chain.from_iterable(read.limits for read in group), machine=machine)
                counter.touch(books.keep(ledger, chain.from_iterable(read.booked for read in group)))
                ledger.keep_cursors(read.cursor for read in group if read.cursor is not None)
                owners.note_logins(ledger, _logins(group))
            problems += chain.from_iterable(read.problems for read in group)
            responses += sum(read.responses for read in group)
            taken += sum(read.size for read in group)
            if progress is not None:
                progress(taken, whole)
        with ledger.transaction():
            books.settle(counter, price, machine=machine)
            counter.settle()
    spooled = spool.take_in(ledger, settings.machine)
    return Refreshed(0, len(tasks), responses, readings + spooled.readings, problems + spooled.problems)


def discover() -> tuple[list[tuple[Lane, tail.FoundFile]], list[Problem]]:
    """Every transcript of both clients, each once, with what could not be looked at."""
    places: list[tuple[Lane, str]] = [("claude", str(home / "projects")) for home in paths.claude_homes()]
    places += [("codex", str(paths.codex_home() / name)) for name in ("sessions", "archived_sessions")]
    found: list[tuple[Lane, tail.FoundFile]] = []
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


def _logins(group: list[Read]) -> list[tuple[str, str, int]]:
    """(folder, account id, when) of the rollouts that state who was signed in."""
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    for cursor in (read.cursor for read in group if read.cursor is not None and read.cursor.state.get("account")):
        place = accounts.place_of("codex", cursor.path)
        newest[place] = max(newest.get(place, (0, "")), (cursor.mtime_ns, cursor.state["account"]))
    return [(accounts.holder(place), login, at) for place, (at, login) in newest.items()]


def _price_stamp(settings: Settings) -> str:
    """Changes when any cost could: another table, other overrides. Cheaper than loading the table to ask it."""
    info = paths.data_file("prices.json").stat()
    return f"{info.st_size}.{info.st_mtime_ns}.{json.dumps(settings.prices, sort_keys=True)}"


def now_s() -> int:
    """The time, asked in one place so that tests can set it."""
    return int(time.time())
