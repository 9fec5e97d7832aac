"""The records of handoffs: one private folder each, its state written in one step, its life proved by a held lock.

A process id proves nothing (it may be another's by now); a lock that the supervisor holds until it ends does, however
it ends. Whoever looks takes the lock shared, so that two who look do not take each other for a supervisor.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from governor import paths
from governor.errors import BadInputError, StateError
from governor.hooks import runtime

RUNNING, QUIET, DONE, FAILED, DEAD = "RUNNING", "QUIET", "DONE", "FAILED", "DEAD"
VERSION = 1
LOOKERS = 50  # whoever only looks lets go at once; so many times it is tried again


def root() -> Path:
    return paths.home() / "handoffs"


def is_id(text: str) -> bool:
    """Could this be an id of ours? What else is typed never becomes a path."""
    return len(text) == 7 and text[0] == "h" and all(c in "0123456789abcdef" for c in text[1:])


def create() -> str:
    """A new id and its folder, private. Raises: StateError."""
    paths.claim_home()
    try:
        runtime.make_private(str(root()))
        for _ in range(20):
            name = f"h{secrets.token_hex(3)}"
            try:
                (root() / name).mkdir(mode=0o700)
            except FileExistsError:
                continue
            return name
    except OSError as fault:
        raise StateError(f"{root()} cannot be written ({fault.strerror}).", "governor doctor") from fault
    raise StateError("No free id could be found among the handoffs.", "governor handoffs")


def folder(name: str) -> Path:
    """Raises: BadInputError where there is no such handoff."""
    if not is_id(name) or not (root() / name).is_dir():
        raise BadInputError(f"There is no handoff {name!r}.", "governor handoffs")
    return root() / name


def write(name: str, content: dict[str, Any]) -> None:
    """Replace the record in one step. Raises: OSError."""
    body = json.dumps({"version": VERSION, "id": name, **content}, separators=(",", ":"), allow_nan=False)
    runtime.write_private(str(root() / name / "state.json"), body.encode())


def read(name: str) -> dict[str, Any]:
    """The record as it was last written; empty where there is none yet, or no more."""
    try:
        content = json.loads((root() / name / "state.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and content.get("version") == VERSION else {}


def every() -> list[str]:
    """All ids, oldest first."""
    try:
        names = [name for name in os.listdir(root()) if is_id(name)]
    except OSError:
        return []
    return sorted(names, key=lambda name: (read(name).get("started_at", 0), name))


def lock(name: str) -> int:
    """Take the supervisor's lock: a descriptor to hold, or to hand to the process that goes on with it.

    Raises: OSError, BlockingIOError where somebody holds it.
    """
    descriptor = os.open(root() / name / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for last in (*[False] * LOOKERS, True):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if last:
                os.close(descriptor)
                raise
            time.sleep(0.01)
    return descriptor


def sign(descriptor: int) -> None:
    """Whoever holds the lock writes its process id into it."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def holder(name: str) -> int | None:
    """The process id in the lock while it is held, 0 where it is not signed yet, None where nobody holds it."""
    try:
        descriptor = os.open(root() / name / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0)
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


def look(name: str, *, now: float, quiet_s: float) -> tuple[str, dict[str, Any]]:
    """How it stands, and the record that says so: RUNNING, QUIET (no word for ``quiet_s``), DONE, FAILED, or DEAD: its
    supervisor is gone and nobody judged it.
    """
    content = read(name)
    if content.get("state", RUNNING) == RUNNING and holder(name) is None:
        content = read(name)  # it may have ended between the two looks
        if content.get("state", RUNNING) == RUNNING:
            return DEAD, content
    state = str(content.get("state", RUNNING))
    heard = heard_at(name) if state == RUNNING else None
    return (QUIET if heard is not None and now - heard >= quiet_s else state), content


def pulse(name: str) -> None:
    """The client has just said something."""
    path = root() / name / "pulse"
    try:
        path.touch(mode=0o600)
    except OSError:
        pass


def heard_at(name: str) -> float | None:
    """When the client last said something; before that, when the handoff began."""
    try:
        return (root() / name / "pulse").stat().st_mtime
    except OSError:
        started = read(name).get("started_at")
        return float(started) if isinstance(started, (int, float)) else None


def tidy(name: str) -> None:
    """Remove what only a running handoff needs, the brief above all; a supervisor that was killed could not."""
    (root() / name / "brief").unlink(missing_ok=True)
    shutil.rmtree(root() / name / "scratch", ignore_errors=True)


def forget(name: str) -> None:
    """Remove the record. Raises: BadInputError while it runs, or while its worktree stands in it."""
    place = folder(name)
    if holder(name) is not None:
        raise BadInputError(f"Handoff {name} is still running.", f"governor handoffs stop {name}")
    if (place / "tree").exists():
        raise BadInputError(f"The worktree of {name} is still there, and the work in it.", f"governor handoffs {name}")
    shutil.rmtree(place)
