"""A child in a session of its own, and everything it starts, so that ending it leaves nothing behind.

On Linux orphans of the run are given to us instead of to init (PR_SET_CHILD_SUBREAPER), so a tool that detached itself
is still found; and the client is told to end when we die without a word (PR_SET_PDEATHSIG). Elsewhere the process
group and whatever still descends from the client are all that can be found.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class _Entry(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int
    is_zombie: bool


class ChildProcess:
    """One started command. Raises: OSError where it cannot be started."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        stdin: int | IO[bytes] | None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdout: int | None = subprocess.PIPE,
        stderr: int | None = None,
    ) -> None:
        self._before = {entry.pid for entry in _processes() if entry.parent == os.getpid()}
        _adopt_orphans(True)
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the person named it
                argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=env,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_be_endable,
                bufsize=0,
            )
        except BaseException:
            _adopt_orphans(False)
            raise
        self._strays: set[int] = set()

    @property
    def code(self) -> int | None:
        """Its exit code, 128 + n where signal n ended it, or None while it runs."""
        code = self.process.poll()
        return code if code is None or code >= 0 else 128 - code

    def members(self) -> list[int]:
        """Everything of this run that still lives, the client included; the dead are buried on the way."""
        alive = []
        listed = {entry.pid: entry for entry in _processes()}
        me, leader = os.getpid(), self.process.pid
        for entry in listed.values():
            adopted = entry.parent == me and entry.pid not in self._before and entry.pid != leader
            if adopted and entry.is_zombie:
                _bury(entry.pid)
            elif (
                not entry.is_zombie
                and entry.pid != me
                and (leader in (entry.pid, entry.group, entry.session) or adopted or self._descends(entry, listed))
            ):
                alive.append(entry.pid)
        self._strays = {pid for pid in alive if listed[pid].group != leader}
        return alive

    def _descends(self, entry: _Entry, listed: Mapping[int, _Entry]) -> bool:
        seen = 0
        me = os.getpid()
        while entry.parent in listed and entry.parent != me and seen < 64:
            if entry.parent == self.process.pid or entry.parent in self._strays:
                return True
            entry = listed[entry.parent]
            seen += 1
        return entry.parent == me and entry.pid not in self._before and seen > 0

    def send(self, step: str) -> None:
        """INT, TERM or KILL to the whole run: the group, and what has left it."""
        number = getattr(signal, f"SIG{step}")
        members = self.members()
        if not members:
            return
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass
        for pid in self._strays:
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass

    def let_go(self) -> None:
        """Stop looking after it; what it left running on purpose goes on."""
        if self.process.stdout is not None:
            self.process.stdout.close()
        _adopt_orphans(False)


def _adopt_orphans(wanted: bool) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def _be_endable() -> None:
    """In the child, before it becomes the client: cron and ``&`` leave SIGINT ignored, which would be inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _bury(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except (ChildProcessError, OSError):
        pass


def _processes() -> list[_Entry]:
    if sys.platform == "linux":
        return [entry for entry in map(_read, _pids()) if entry is not None]
    listed = subprocess.run(["/bin/ps", "-Ao", "pid=,ppid=,pgid=,state="], capture_output=True, text=True, check=False)
    found = []
    for line in listed.stdout.splitlines():
        pid, parent, group, state = line.split(None, 3)
        found.append(_Entry(int(pid), int(parent), int(group), int(group), state.startswith("Z")))
    return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(pid: int) -> _Entry | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent, group, session = file.read().rpartition(b")")[2].split()[:4]
    except (OSError, ValueError):
        return None
    return _Entry(pid, int(parent), int(group), int(session), state == b"Z")
