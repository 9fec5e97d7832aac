"""Runs the status line that the person had before ours, with the same stdin, and hands back what it says.

No ``subprocess``: its import costs a hook more than all the rest. The client waits for a status line as long as it runs
(lines of 12 and 25 s were shown by 2.1.332), and ends it when it wants a newer one. So theirs may take its time too:
it is given up when the client no longer listens, or after ``PATIENCE_S``, and then all that it started ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import time

LIMIT = 64 * 2**10
PATIENCE_S = 60.0  # our own bound, so that nothing of ours waits for ever; more than twice what was seen to be shown
LOOK_EVERY_S = 0.05  # how often a command is looked at that ended and left something behind which holds its output
GRACE_S = 0.2  # between asking a command to end and ending it


def output_of(command: str, stdin: bytes, *, scratch: str, listener: int = 1) -> bytes:
    """What ``sh -c command`` writes to stdout when fed ``stdin``; whatever came before it was given up.

    ``scratch`` is a private folder for the input: a pipe would block on an event larger than its buffer, so it serves
    only where the disk is full, with as much as it takes.
    ``listener`` is the descriptor that the client reads from: once nobody does, the command ends and so do we.

    Raises: OSError where nothing can be started.
    """
    feed = _fed(os.path.join(scratch, f"stdin.{os.getpid()}"), stdin)
    ours, theirs = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, feed, 0),
        (os.POSIX_SPAWN_DUP2, theirs, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    before = signal.signal(signal.SIGTERM, _give_up)
    child = 0
    try:
        child = os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ, file_actions=actions, setpgroup=0)
        os.close(theirs)
        theirs = -1
        said, has_ended = _read(ours, child, listener)
        if not has_ended:
            _end(child)
        return said
    except _NobodyListensError:
        if child:
            _end(child)
        os._exit(0)  # nobody waits for an answer
    finally:
        signal.signal(signal.SIGTERM, before)
        for descriptor in (feed, ours, theirs):
            if descriptor >= 0:
                os.close(descriptor)


class _NobodyListensError(Exception):
    """The client ended us, or closed its end: it wants a newer line."""


def _give_up(*_: object) -> None:
    raise _NobodyListensError


def _fed(path: str, content: bytes) -> int:
    """A descriptor that ``content`` can be read from: a file that has no name any more, or a pipe."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.unlink(path)
        if os.write(descriptor, content) == len(content):
            os.lseek(descriptor, 0, os.SEEK_SET)
            return descriptor
        os.close(descriptor)
    except OSError:
        pass  # a full disk, or one that is not to be written
    descriptor, entrance = os.pipe()
    os.set_blocking(entrance, False)
    os.write(entrance, content)
    os.close(entrance)
    return descriptor


def _read(descriptor: int, child: int, listener: int) -> tuple[bytes, bool]:
    """(what was written, has the command ended by itself).

    The end of the command counts, not the end of its output: what it left running in the background may hold that.
    """
    os.set_blocking(descriptor, False)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(listener, 0)  # only says when the other end is gone
    said, is_over = b"", False
    deadline = time.monotonic() + PATIENCE_S
    while len(said) < LIMIT and time.monotonic() < deadline:
        # asked first: what it wrote before it ended is there by now
        is_over = is_over or os.waitpid(child, os.WNOHANG)[0] != 0
        happened = dict(poll.poll(0 if is_over else LOOK_EVERY_S * 1000))
        if happened.get(listener, 0) & (select.POLLERR | select.POLLHUP):
            raise _NobodyListensError
        piece = b""
        if descriptor in happened:
            piece = os.read(descriptor, LIMIT)
            said += piece
            if not piece and not is_over:  # it closed its output and works on: nothing more will be said
                return said, True
        if is_over and not piece:
            return said, True
    return said, False


def _end(child: int) -> None:
    """End the command and all that it started; what does not heed the first word ends at the second."""
    try:
        os.killpg(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and not _is_gone(child):
            time.sleep(0.01)
        os.killpg(child, signal.SIGKILL)
    except OSError:
        pass  # it is gone already


def _is_gone(child: int) -> bool:
    """Has every process of this group ended?"""
    try:
        os.waitpid(-child, os.WNOHANG)
    except OSError:
        pass
    try:
        os.killpg(child, 0)
    except OSError:
        return True
    return False
