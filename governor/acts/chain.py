"""Runs the status line that the person had before ours, with the same stdin, and hands back what it says.

No ``subprocess``: its import costs a hook more than all the rest. A command that hangs is ended after two seconds.
"""

from __future__ import annotations

import os
import select
import signal
import time

LIMIT = 64 * 2**10
PATIENCE_S = 2.0


def output_of(command: str, stdin: bytes, *, scratch: str) -> bytes:
    """What ``sh -c command`` writes to stdout when fed ``stdin``; whatever came before time ran out.

    ``scratch`` is a private folder for the input: a pipe would block on an event larger than its buffer.

    Raises: OSError where nothing can be started.
    """
    feed = _unlinked(os.path.join(scratch, f"stdin.{os.getpid()}"), stdin)
    ours, theirs = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, feed, 0),
        (os.POSIX_SPAWN_DUP2, theirs, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    try:
        child = os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ, file_actions=actions)
    finally:
        os.close(feed)
        os.close(theirs)
    said, ended = _read(ours)
    os.close(ours)
    if not ended:
        os.kill(child, signal.SIGTERM)
    return said


def _unlinked(path: str, content: bytes) -> int:
    """A descriptor of a file that has no name any more, at its beginning."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.unlink(path)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _read(descriptor: int) -> tuple[bytes, bool]:
    """(what was written, did it end by itself)."""
    said = b""
    deadline = time.monotonic() + PATIENCE_S
    while len(said) < LIMIT:
        if not select.select([descriptor], [], [], max(deadline - time.monotonic(), 0.0))[0]:
            return said, False
        piece = os.read(descriptor, LIMIT)
        if not piece:
            return said, True
        said += piece
    return said, False
