"""The memory compactor at work: which file is an index, how it is read and replaced, and where its originals are kept.

A path in a hook's event is whatever a model wrote, so a file is touched only if, with every link on the way resolved,
it is an index of a client or one that the person named in budget.json. Three things are written and no other: the
index (replaced in one step, its mode kept), ``memory-archive.md`` next to it (appended to), and the originals, private,
in the state folder (``state.backups``). Standard library only: a hook comes here.
"""

from __future__ import annotations

import os
import stat
import time

from governor.accounts import claude_folders, codex_folder
from governor.errors import BadInputError
from governor.hooks import runtime
from governor.hooks.memory.edits import matches
from governor.hooks.memory.rules import ARCHIVE, Compaction, IndexLimits, addition, compact, size_of
from governor.hooks.state.backups import Version, keep, read_version, versions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NamedTuple
else:
    from governor.hooks.light_tuple import NamedTuple

NAME = "MEMORY.md"
LARGEST = 2**20  # bytes; the client reads 100,000 of an index at most
LARGEST_ARCHIVE = 2**24
LONGEST_PATH = 4096
PATIENCE_S = 2.0  # how long to wait for another compaction to end


class CompactionPlan(NamedTuple):
    """What a compaction would do. Nothing is written yet."""

    path: str
    old: bytes
    new: bytes
    archived: bytes  # what the topic file gains
    mode: int  # the index's permissions
    result: Compaction


def resolve(path: str, cwd: str) -> str | None:
    """The file's real path, or None where it is no path at all, or a link that leads out of the folder it lies in."""
    given = os.path.normpath(os.path.join(cwd, path))
    if not path or "\0" in path or len(path) > LONGEST_PATH or not os.path.isabs(given):
        return None
    folder = os.path.realpath(os.path.dirname(given))
    real = os.path.realpath(os.path.join(folder, os.path.basename(given)))
    return real if os.path.dirname(real) == folder and os.path.basename(real) != ARCHIVE else None


def locate(path: str, cwd: str, named: Sequence[str] = ()) -> str | None:
    """The real path of the index that ``path`` leads to, or None where it leads to no index.

    An index is ``MEMORY.md`` in a client's own memory folder, or a file that matches one of the person's ``named``
    files and globs, in which ``*`` stays within a folder and ``**`` does not.
    """
    real = resolve(path, cwd)
    if real is None:
        return None
    parts = [*real.split(os.sep)[:-1], os.path.basename(path)]
    return real if _is_own(parts) or any(_matches(parts, _resolved(pattern)) for pattern in named) else None


def _is_own(parts: list[str]) -> bool:
    if parts[-1] != NAME:
        return False
    if len(parts) > 4 and parts[-4] == ".claude" and parts[-3] in ("agent-memory", "agent-memory-local"):
        return True  # a subagent's, inside a project
    shapes = [(home, shape) for home in claude_folders() for shape in ("projects/*/memory", "agent-memory/*")]
    shapes.append((codex_folder(), "memories"))
    return any(
        _matches(parts, [*os.path.realpath(home).split(os.sep), *shape.split("/"), NAME]) for home, shape in shapes
    )


def _resolved(pattern: str) -> list[str]:
    """The pattern's parts, with links resolved as far as it names plain folders."""
    parts = os.path.normpath(os.path.expanduser(pattern)).split(os.sep)
    plain = next((n for n, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts) - 1)
    return os.path.join(os.path.realpath(os.sep.join(parts[:plain]) or os.sep), *parts[plain:]).split(os.sep)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Do the parts of a path match those of a pattern, in which ``**`` is any number of parts?

    Each step keeps how many parts may be used up so far, so several ``**`` cost no more than their product.
    """
    used = {0}
    for sign in pattern:
        if sign == "**":
            used = set(range(min(used), len(parts) + 1))
        else:
            used = {count + 1 for count in used if count < len(parts) and matches(parts[count], sign)}
        if not used:
            return False
    return len(parts) in used


def take(path: str, *, largest: int = LARGEST) -> tuple[bytes, os.stat_result]:
    """The bytes of an index and what they were read from. Never follows a link, never waits on a pipe.

    Raises: BadInputError where it is missing, no ordinary file, has another name too, is too large, or binary.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _refused(path, "it is a link or no ordinary file")
        descriptor = os.open(path, flags)
    except OSError as fault:
        raise _refused(path, fault.strerror or "it cannot be opened") from fault
    with open(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink > 1:
            raise _refused(path, "it is no ordinary file, or has a second name (a hard link)")
        if seen.st_size > largest:
            raise _refused(path, f"{seen.st_size:,} bytes are too many")
        data = file.read(largest + 1)
    if b"\0" in data:
        raise _refused(path, "it is binary, or UTF-16")
    return data, seen


def _refused(path: str, why: str) -> BadInputError:
    return BadInputError(f"{path} is left alone: {why}.", f"ls -l {os.path.dirname(path) or '.'}")


def plan(path: str, limits: IndexLimits, *, fresh: frozenset[str] = frozenset()) -> CompactionPlan:
    """What compacting this index would do. Text that is no UTF-8 passes through byte for byte.

    Raises: BadInputError as ``take`` does, for the index or for its topic file.
    """
    old, seen = take(path)
    folder, index = os.path.split(path)
    text = old.decode("utf-8", "surrogateescape")
    days = {} if size_of(text).fits(limits) else _days(folder)
    result = compact(text, limits, fresh=fresh, days=days)
    archive_path = os.path.join(folder, ARCHIVE)
    archive = b""
    if result.removed and os.path.lexists(archive_path):
        archive, _ = take(archive_path, largest=LARGEST_ARCHIVE)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    archived = archive.decode("utf-8", "surrogateescape")
    gained = addition(archived, result.removed, limits, index=index, today=today)
    if gained and archive and not archive.endswith((b"\n", b"\r")):
        gained = "\n" + gained
    if b"\r\n" in (archive or old):
        gained = gained.replace("\n", "\r\n")
    new, gain = (out.encode("utf-8", "surrogateescape") for out in (result.text, gained))
    return CompactionPlan(path, old, new, gain, stat.S_IMODE(seen.st_mode), result)


def _days(folder: str) -> dict[str, str]:
    """When each topic file last changed: name -> ISO day (UTC)."""
    with os.scandir(folder) as entries:
        return {
            entry.name: time.strftime("%Y-%m-%d", time.gmtime(entry.stat(follow_symlinks=False).st_mtime))
            for entry in entries
            if entry.name not in (NAME, ARCHIVE) and entry.is_file(follow_symlinks=False)
        }


def carry_out(
    path: str, limits: IndexLimits, state_home: str, *, fresh: frozenset[str] = frozenset()
) -> CompactionPlan | None:
    """Compact this index: keep the original, append to the topic file, replace the index, in that order.

    None where there was nothing to do, or somebody else changed the file meanwhile: then it stays as it is.

    Raises: BadInputError as ``plan`` does; OSError where something cannot be written. The index is then untouched.
    """
    with _Alone(state_home):
        made = plan(path, limits, fresh=fresh)
        if made.new == made.old:
            return None
        if not made.mode & stat.S_IWUSR:
            raise _refused(path, "it is read-only")
        # What a loss of power may leave is the old index, or the new one with all that it lacks: so the original and
        # the topic file are synced before the index is replaced, and the new index before it takes the name. Both,
        # because originals give way after a while and the topic file never does, and because only an original comes
        # back byte for byte. The replacement itself is not synced: undone, it is done again at the next edit.
        keep(path, made.old, state_home)
        if made.archived:
            _append(os.path.join(os.path.dirname(path), ARCHIVE), made.archived, mode=made.mode)
        return made if replace(path, made.new, expected=made.old) else None


class _Alone:
    """One compaction at a time, on this machine. Where files cannot be locked, comparing before replacing must do.

    Raises: BlockingIOError where another has not ended in time.
    """

    def __init__(self, state_home: str) -> None:
        folder = os.path.join(state_home, "memory")
        runtime.make_private(folder)
        self.lock = os.path.join(folder, "lock")

    def __enter__(self) -> None:
        self.descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            import fcntl
        except ImportError:  # Windows
            return
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    os.close(self.descriptor)
                    raise
                time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def _append(path: str, data: bytes, *, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, mode)
    with open(descriptor, "ab") as file:
        if os.fstat(descriptor).st_nlink != 1:
            raise _refused(path, "it has a second name (a hard link)")
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def replace(path: str, data: bytes, *, expected: bytes | None) -> bool:
    """Put ``data`` in the place of ``expected`` (None: of nothing) in one step, keeping mode and owner.

    False, and nothing changed, where the file holds something else by now. Raises: OSError; BadInputError as ``take``.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{time.time_ns()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if expected is not None:
                found, seen = take(path)
                if hasattr(os, "fchown"):
                    if (seen.st_uid, seen.st_gid) != (os.geteuid(), os.fstat(descriptor).st_gid):
                        os.fchown(descriptor, seen.st_uid, seen.st_gid)
                    os.fchmod(descriptor, stat.S_IMODE(seen.st_mode))
            os.fsync(descriptor)
        if (expected is None and os.path.lexists(path)) or (expected is not None and found != expected):
            return False
        os.replace(temporary, path)
        return True
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def restore(path: str, number: int, state_home: str) -> Version:
    """Bring back an original byte for byte; what stands there now becomes version 1, so a restore can be restored.

    Raises: BadInputError where there is no such version or the file changed meanwhile; OSError.
    """
    with _Alone(state_home):
        kept = versions(path, state_home)
        chosen = next((version for version in kept if version.number == number), None)
        if chosen is None:
            raise BadInputError(
                f"There is no version {number} of {path} ({len(kept)} kept).", f"governor memory restore --list {path}"
            )
        data = read_version(chosen)
        current = take(path)[0] if os.path.lexists(path) else None
        if current is not None:
            keep(path, current, state_home)
        if current != data and not replace(path, data, expected=current):
            raise BadInputError(f"{path} changed just now, so it was left alone.", f"governor memory restore {path}")
        return chosen
