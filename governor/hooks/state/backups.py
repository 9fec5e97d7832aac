"""What an index was before it was compacted: the last KEEP versions of each, byte for byte, in the state folder.

Each index has a private folder in ``memory/``, named by a hash of its path; the file ``path`` in it says which one it
is. This is the one place where text is stored: the person's own notes, which lie readable next to the index anyway.
Standard library only: a hook comes here.
"""

from __future__ import annotations

import os
import time

from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from governor.hooks.light_tuple import NamedTuple

KEEP = 30  # versions of an index; the topic file next to it has all that was ever taken out, however old


class Version(NamedTuple):
    """An original that can be brought back; number 1 is the newest."""

    number: int
    saved_at: str  # UTC, ISO 8601
    size: int  # bytes
    file: str


def _shelf(path: str, state_home: str) -> str:
    return os.path.join(state_home, "memory", _digest(os.fsencode(path)))


def _digest(data: bytes) -> str:
    """The first half of its SHA-256, by the interpreter's own code: ``hashlib`` would load OpenSSL for it."""
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and newer
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]
        except ImportError:
            from hashlib import sha256
    return str(sha256(data).hexdigest()[:16])


def keep(path: str, data: bytes, state_home: str) -> None:
    """Put an original on its shelf, unless it is the newest there already. Beyond KEEP the oldest goes.

    It is on the disk when this returns, whatever happens next. Raises: OSError; nothing was then kept.
    """
    shelf = _shelf(path, state_home)
    kept = versions(path, state_home)
    if kept and read_version(kept[0]) == data:
        return
    now = time.time_ns()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09d}Z"
    if not kept:
        runtime.write_private(os.path.join(shelf, "path"), os.fsencode(path))
    _put(os.path.join(shelf, f"{stamp}.md"), data)
    for old in kept[KEEP - 1 :]:
        os.unlink(old.file)


def _put(path: str, data: bytes) -> None:
    """Write a new file that outlives a loss of power. Raises: OSError; nothing is then left of it.

    Under its own name at once, for syncing a new file syncs its name with it (ext4, xfs, btrfs), and a half of one is
    left only where the power went before the index was touched.
    """
    runtime.make_private(os.path.dirname(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        os.unlink(path)
        raise


def versions(path: str, state_home: str) -> list[Version]:
    """The originals of an index, newest first."""
    shelf = _shelf(path, state_home)
    try:
        names = sorted((name for name in os.listdir(shelf) if name.endswith("Z.md")), reverse=True)
    except OSError:
        return []
    files = [os.path.join(shelf, name) for name in names]
    return [
        Version(n, f"{name[:4]}-{name[4:6]}-{name[6:11]}:{name[11:13]}:{name[13:15]}Z", os.path.getsize(file), file)
        for n, (name, file) in enumerate(zip(names, files), 1)
    ]


def read_version(version: Version) -> bytes:
    with open(version.file, "rb") as file:
        return file.read()
