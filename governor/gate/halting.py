"""Sets and lifts halts: the user's word, written to the state folder's HALT file or to the file that machines share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from governor import paths
from governor.errors import BadInputError, StateError
from governor.hooks import runtime
from governor.hooks.state import halt_file as halt
from governor.hooks.state import halts as reader
from governor.hooks.state.halt_file import Halt

LOCK_S = 5.0


def own_file() -> Path:
    """The HALT file of this state folder."""
    return paths.home() / reader.FILE


def shared_file(chosen: str) -> Path:
    """The shared file that the setting ``shared_halt`` names. Raises: BadInputError where it names none."""
    if not chosen:
        raise BadInputError(
            "No shared file is set, so other machines cannot hear of a halt.",
            'set "shared_halt": "/path/that/all/machines/see/HALT" in budget.json, then governor refresh',
        )
    return Path(os.path.expanduser(chosen))


def add(new: Halt, file: Path) -> None:
    """Write one more halt into a file; the same conditions again replace what was said before.

    Raises: StateError where the file cannot be written.
    """
    _edit(file, lambda known: [each for each in known if each.conditions != new.conditions or each.is_damaged] + [new])


def lift(file: Path, chosen: Callable[[Halt], bool]) -> list[Halt]:
    """Take the chosen halts out of a file and say which they were; an empty file is removed.

    Raises: StateError where the file cannot be written.
    """
    lifted: list[Halt] = []

    def without(known: list[Halt]) -> list[Halt]:
        lifted[:] = [each for each in known if chosen(each)]
        return [each for each in known if not chosen(each)]

    if os.path.lexists(file):
        _edit(file, without)
    return lifted


def known(file: Path) -> list[Halt]:
    """The halts that stand in a file, also those whose time has run out."""
    return reader.read(str(file))


def _edit(file: Path, change: Callable[[list[Halt]], Sequence[Halt]]) -> None:
    is_own = file == own_file()
    if is_own:
        paths.claim_home()
    lock = FileLock(str(paths.home() / "halt.lock") if is_own else f"{file}.lock", timeout=LOCK_S)
    try:
        with lock:
            halts = change(known(file))
            now = time.time()
            left = [each for each in halts if halt.is_in_force(each, now)]
            if left:
                _write(file, halt.render(left), is_own=is_own)
            elif file.is_dir() and not file.is_symlink():
                raise StateError(f"{file} is a folder, not a file of governor's.", f"rmdir {file}")
            else:
                file.unlink(missing_ok=True)
            if not is_own:
                (paths.home() / reader.COPY).unlink(missing_ok=True)  # hooks ask for a new copy at once
    except (OSError, Timeout) as fault:
        why = getattr(fault, "strerror", None) or "another command holds its lock"
        raise StateError(f"{file} cannot be written ({why}).", f"edit {file} by hand: one halt a line") from fault


def _write(file: Path, text: str, *, is_own: bool) -> None:
    if is_own:
        runtime.write_private(str(file), text.encode())
        return
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text(text, "utf-8")  # the umask's mode: other machines' users are the same person
    os.replace(temporary, file)
