"""Locks that hooks wait for: a holder needs a millisecond, and nobody waits long for one that does not move on.

The kernel gives back the lock of a holder that dies. One that is stopped (Ctrl-Z, a debugger) keeps it, so a hook that
has waited a moment looks whether the holder is stopped, and then waits no longer.
"""

from __future__ import annotations

import os
import time

from governor.hooks import runtime

try:
    import fcntl
except ImportError:  # no such locks on this system: callers fail open
    fcntl = None  # type: ignore[assignment]

WAIT_S = 2.0  # the client waits five seconds for a hook
LOOK_S = 0.25  # after this long, and each time again, see whether the holder is stopped


class BusyError(Exception):
    """The lock could not be had in time: somebody holds it who does not move on."""


def locked(place: str, *, wait_s: float | None = None) -> int:
    """A descriptor of the private file at ``place``, made where it is missing, locked until it is closed.

    It is certainly the file that stands there: a sweep may have removed an older one meanwhile. Where ``wait_s`` is 0
    the lock is tried once.

    Raises: BusyError where the lock is not to be had in time, OSError where there are no locks or no files.
    """
    if fcntl is None:
        raise OSError("no file locks on this system")
    begun = time.monotonic()
    until, look = begun + (WAIT_S if wait_s is None else wait_s), begun + LOOK_S
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    now = time.monotonic()
                    if now >= until:
                        raise BusyError from None
                    if now > look:
                        look = now + LOOK_S
                        if _holder_is_stopped(descriptor):
                            raise BusyError from None
                    time.sleep(0.001)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def rewrite(descriptor: int, line: bytes) -> None:
    """Replace what a locked file holds by one line, in place.

    A holder killed between the two steps leaves the new line with the rest of the old behind it, which nobody reads.

    Raises: OSError where there is no room; whoever comes next begins anew.
    """
    if os.pwrite(descriptor, line + b"\n", 0) < len(line) + 1:
        raise OSError("no room for the whole file")
    os.ftruncate(descriptor, len(line) + 1)


def _holder_is_stopped(descriptor: int) -> bool:
    """Is the process that holds this file's lock stopped? False where the system does not say."""
    inode = b":%d " % os.fstat(descriptor).st_ino
    for line in (runtime.peek("/proc/locks", 2**18) or b"").split(b"\n"):
        words = line.split()
        if inode in line and b"FLOCK" in words and b"->" not in words and len(words) > 4:
            state = (runtime.peek("/proc/%s/stat" % words[4].decode(), 512) or b"").rpartition(b")")[2].split()  # noqa: UP031
            return bool(state) and state[0] in (b"T", b"t")
    return False
