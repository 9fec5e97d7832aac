"""Whose folder a demo may write into, and what of it a later demo may clear: never a file that no demo wrote.

A demo begins in a new or an empty folder and leaves its mark there, with every file it wrote. The next one deletes
those, and what governor itself worked out from them; whatever else came in meanwhile stays.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from governor.errors import BadInputError, StateError
from governor.hooks import runtime

NAME = ".governor-demo.json"
SCHEMA = "governor.demo/1"
KEPT = ("budget.json", NAME)  # the person may have changed the first
# Worked out from the demo's files, so it goes with them. Not here: hooks that were wired, memory, handoffs.
DERIVED: tuple[str, ...] = ("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm", "settings.json", "letters")
DERIVED += ("spool", "taps", "muted", "episodes", "loops", "breakers", "leases", "live")


def is_demo(folder: Path) -> bool:
    """Did a demo leave its mark here?"""
    return _files(folder) is not None


@contextmanager
def claimed(folder: Path, *, clients: Iterable[Path]) -> Iterator[None]:
    """The folder, free of an earlier demo, to write one into; afterwards every file that is new is marked as its own.

    Raises: BadInputError where the folder holds anything else, or is a client's (``clients``); StateError where it
    cannot be written.
    """
    _refuse_clients(folder, clients)
    files = _files(folder)
    try:
        if files is None and folder.is_dir() and any(folder.iterdir()):
            raise _taken(folder, "holds files that no demo wrote")
        runtime.make_private(str(folder))
        _clear(folder, files or [])
        others = {*_walk(folder)}
        _leave(folder, [])
        try:
            yield
        finally:  # also when it was interrupted: what was written by then is known again
            _leave(folder, sorted(set(_walk(folder)) - others))
    except OSError as fault:
        raise StateError(f"{folder} cannot be written ({fault.strerror}).", "governor demo ~/another-folder") from fault


def _refuse_clients(folder: Path, clients: Iterable[Path]) -> None:
    here = folder.resolve()
    for client in clients:
        its = client.expanduser().resolve()
        if here == its or here.is_relative_to(its):
            raise _taken(folder, f"lies in a client's own folder, {client}" if here != its else "is a client's own")
        if its.is_relative_to(here) and not is_demo(folder):
            raise _taken(folder, f"is to hold a client's own folder, {client}")


def _taken(folder: Path, why: str) -> BadInputError:
    return BadInputError(f"{folder} {why}, so nothing was written there.", "governor demo ~/a-new-folder")


def _files(folder: Path) -> list[str] | None:
    """What the mark lists, relative to the folder; None without a mark."""
    try:
        content = json.loads((folder / NAME).read_bytes())
        if content["schema"] != SCHEMA:
            return None
        return [str(name) for name in content["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _leave(folder: Path, files: list[str]) -> None:
    (folder / NAME).write_text(json.dumps({"schema": SCHEMA, "files": files}, indent=0) + "\n", "utf-8")


def _walk(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        yield from (str(inside / name) for name in names if str(inside / name) not in KEPT)


def _clear(folder: Path, files: list[str]) -> None:
    """Delete what is listed, what was derived from it, and the folders that are empty then."""
    if not files:
        return
    here = folder.resolve()
    derived = [f"state/{name}" for name in DERIVED] if (folder / "state").is_dir() else []
    for name in [*files, *derived]:
        path = folder / name
        if name in KEPT or not path.parent.resolve().is_relative_to(here):  # by a link, or by a mark that was edited
            continue
        if path.is_dir() and not path.is_symlink() and name in derived:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_symlink() or path.is_file():
            path.unlink()
    for part in ("claude", "codex"):
        for place, _, _ in os.walk(folder / part, topdown=False):
            try:
                os.rmdir(place)
            except OSError:  # not empty: somebody put something there
                continue
