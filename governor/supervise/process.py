"""A child in a session of its own, and everything it starts, so that ending it leaves nothing behind.

Everything of a run carries its mark in its environment (run_mark), and a keeper beside it ends the run when we die
without a word. On Linux orphans of the run are given to us instead of to init (PR_SET_CHILD_SUBREAPER), so a tool that
emptied its environment is still found. Elsewhere what bears the mark, the process group and whatever still descends
from the client are all that can be found.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, NamedTuple

from governor.supervise import run_mark

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
        self._mark = uuid.uuid4().hex
        given = dict(os.environ if env is None else env)
        given[run_mark.NAME] = run_mark.extended(given.get(run_mark.NAME), self._mark)
        _adopt_orphans(True)
        try:
            with _sigint_heard():
                self.process = subprocess.Popen(  # noqa: S603 - the person named it
                    argv,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    env=given,
                    cwd=cwd,
                    start_new_session=True,
                    bufsize=0,
                )
        except BaseException:
            _adopt_orphans(False)
            raise
        self._strays: set[int] = set()
        self._keeper = _keeper(self._mark, self.process.pid)

    @property
    def code(self) -> int | None:
        """Its exit code, 128 + n where signal n ended it, or None while it runs."""
        code = self.process.poll()
        return code if code is None or code >= 0 else 128 - code

    def members(self) -> list[int]:
        """Everything of this run that still lives, the client included; the dead are buried on the way."""
        alive = []
        listed = {entry.pid: entry for entry in _processes()}
        marked = set(run_mark.marked(self._mark))
        me, leader = os.getpid(), self.process.pid
        for entry in listed.values():
            adopted = self._is_adopted(entry)
            if adopted and entry.is_zombie:
                _bury(entry.pid)
            elif (
                not entry.is_zombie
                and entry.pid != me
                and (
                    leader in (entry.pid, entry.group, entry.session)
                    or entry.pid in marked
                    or adopted
                    or self._descends(entry, listed)
                )
            ):
                alive.append(entry.pid)
        self._strays = {pid for pid in alive if listed[pid].group != leader}
        return alive

    def _is_adopted(self, entry: _Entry) -> bool:
        """An orphan of the run that was given to us: nothing of a run is in our own session, and our helpers are."""
        if entry.parent != os.getpid() or entry.pid in self._before or entry.session == os.getsid(0):
            return False
        return entry.pid not in (self.process.pid, self._keeper.pid if self._keeper is not None else 0)

    def _descends(self, entry: _Entry, listed: Mapping[int, _Entry]) -> bool:
        seen = 0
        while entry.parent in listed and entry.parent != os.getpid() and seen < 64:
            if entry.parent == self.process.pid or entry.parent in self._strays:
                return True
            entry = listed[entry.parent]
            seen += 1
        return seen > 0 and self._is_adopted(entry)

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
        _dismiss(self._keeper)
        _adopt_orphans(False)


def _keeper(mark: str, leader: int) -> subprocess.Popen[bytes] | None:
    """Who ends the run when we are killed; a run that cannot have one goes on without."""
    words = [sys.executable, "-I", "-S", run_mark.__file__, mark, str(leader)]
    try:
        return subprocess.Popen(  # noqa: S603 - ourselves
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    except OSError:
        return None


def _dismiss(keeper: subprocess.Popen[bytes] | None) -> None:
    if keeper is None or keeper.stdin is None:
        return
    try:
        keeper.stdin.write(run_mark.DONE)
        keeper.stdin.close()
    except OSError:
        pass  # it was killed itself
    keeper.wait()


@contextmanager
def _sigint_heard() -> Iterator[None]:
    """While a child starts: cron and ``&`` leave SIGINT ignored, which it would inherit; a handler it does not."""
    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN:
        yield
        return
    try:
        signal.signal(signal.SIGINT, lambda *_: None)
    except ValueError:  # not the main thread, which alone may change it
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _adopt_orphans(wanted: bool) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


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
