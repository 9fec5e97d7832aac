"""The mark of a run: a word in the environment of everything it starts, by which all of it is found and ended.

A tool may leave its parent, its process group and its session; what it was started with stays readable. This file is
also a program of its own, the keeper: it waits beside a run, and ends the run when its supervisor dies without a word.
It imports no room of ours, so that it starts in milliseconds and runs without the package.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

NAME = "GOVERNOR_RUN"
DONE = b"."  # the supervisor saw to the end itself
PATIENCE_S = 2.0  # between TERM and KILL
LOOK_S = 0.1
LONGEST_S = 10.0  # what hangs in the kernel cannot be killed and is not waited for


def extended(outer: str | None, own: str) -> str:
    """The mark's value: a run inside a run carries both names."""
    return f"{outer}:{own}" if outer else own


def marked(own: str) -> list[int]:
    """The live processes that carry ``own`` in their mark, ours excepted; zombies carry none.

    Linux reads ``/proc/<pid>/environ``: a process of another user cannot be read, nor what emptied its environment.
    macOS shows no environment of programs that the system protects.
    """
    if sys.platform != "linux":
        return _marked_by_ps(own)
    wanted, name = own.encode(), NAME.encode() + b"="
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                content = file.read()
        except OSError:
            continue
        if wanted in content and any(wanted in word for word in content.split(b"\0") if word.startswith(name)):
            found.append(int(entry))
    return found


def _marked_by_ps(own: str) -> list[int]:
    listed = subprocess.run(["/bin/ps", "-Eww", "-Ao", "pid=,command="], capture_output=True, text=True, check=False)
    rows = [line.split(None, 1) for line in listed.stdout.splitlines() if own in line and f"{NAME}=" in line]
    return [int(row[0]) for row in rows if row[0].isdigit() and int(row[0]) != os.getpid()]


def end(own: str, leader: int) -> None:
    """TERM to all of a run, KILL to what is left after PATIENCE_S, until nothing is; LONGEST_S at most."""
    began = time.monotonic()
    told: set[int] = set()
    while (passed := time.monotonic() - began) < LONGEST_S:
        left = marked(own)
        forced = passed >= PATIENCE_S
        for pid in left:
            if forced or pid not in told:
                _kill(pid, signal.SIGKILL if forced else signal.SIGTERM)
        if not told or forced:  # the group too: what emptied its environment may still be in it
            _kill(-leader, signal.SIGKILL if forced else signal.SIGTERM)
        if not left and (forced or told):
            return
        told.update(left or [leader])
        time.sleep(LOOK_S)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def keep(own: str, leader: int) -> None:
    """Wait for the supervisor on stdin: DONE, or its death, after which the run is ended."""
    if os.read(0, 1) != DONE:
        end(own, leader)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # the supervisor sees to these
    keep(sys.argv[1], int(sys.argv[2]))
