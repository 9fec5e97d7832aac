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
    """What ``sh -c command`` writes to stdout when fed ``stdin``; whatever came before time ran out. Never raises.

    ``scratch`` is a private folder for the input: a pipe would block on an event larger than its buffer.
    """
    path = os.path.join(scratch, f"stdin.{os.getpid()}")
    said = b""
    child = 0
    ours = theirs = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, stdin)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.unlink(path)
        ours, theirs = os.pipe()
        actions = [
            (os.POSIX_SPAWN_DUP2, descriptor, 0),
            (os.POSIX_SPAWN_DUP2, theirs, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        child = os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ, file_actions=actions, setpgroup=0)
        os.close(descriptor)
        os.close(theirs)
        theirs = -1
        deadline = time.monotonic() + PATIENCE_S
        while len(said) < LIMIT and select.select([ours], [], [], max(deadline - time.monotonic(), 0))[0]:
            piece = os.read(ours, LIMIT)
            if not piece:
                break
            said += piece
        else:
            os.killpg(child, signal.SIGTERM)
        os.waitpid(child, 0 if piece == b"" else os.WNOHANG)
    except (OSError, AttributeError, UnboundLocalError):
        pass
    finally:
        for end in (ours, theirs):
            if end >= 0:
                try:
                    os.close(end)
                except OSError:
                    pass
    return said
