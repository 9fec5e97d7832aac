"""A corner of the machine with no network but loopback, and from which nothing outlives the test.

The clients run in a network namespace, so that no mistake of theirs or ours reaches another host; where the kernel
allows it in a process namespace too, so that ending its first process ends everything, detached children included.
The stand-in stays in the test's own process: the namespace's first process opens a listening socket inside and passes
it out. Where no namespace can be made the clients run on the plain machine, with no proxy in their environment, and
the report's header says so.
"""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, NamedTuple


class Way(NamedTuple):
    """How to make a namespace (options of ``unshare``), and how to enter it later (options of ``nsenter``)."""

    make: tuple[str, ...]
    enter: tuple[str, ...]


_USER = ("--user", "--map-root-user")
_AS_SELF = ("--user", "--preserve-credentials")
_PROCESSES = ("--pid", "--kill-child", "--mount-proc")
WAYS = (  # from best to bearable
    Way(("--net", *_PROCESSES), ("--net", "--pid", "--mount")),
    Way((*_USER, "--net", *_PROCESSES), (*_AS_SELF, "--net", "--pid", "--mount")),
    Way(("--net",), ("--net",)),
    Way((*_USER, "--net"), (*_AS_SELF, "--net")),
)

# The namespace's first process. Loopback is down and has no address until somebody raises it.
FIRST = """
import fcntl, signal, socket, struct, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # it inherits every orphan of its namespace: none becomes a zombie
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
pair = socket.socket(fileno=int(sys.argv[1]))
with socket.create_server(("127.0.0.1", 0)) as listener:
    socket.send_fds(pair, [b"ready"], [listener.fileno()])
pair.recv(1)  # until the test lets go of its end, or dies
"""


MARK = "GOVERNOR_E2E"  # in the environment of everything started here, to find what detached itself


class NoNamespaceError(Exception):
    """The kernel, or the container around us, allows none of this kind."""


class Namespace:
    """One such corner. ``listener`` is a socket that listens on its loopback."""

    def __init__(self, way: Way | None) -> None:
        self.way = way
        self._mark = f"{MARK}={secrets.token_hex(8)}"
        self._started: list[subprocess.Popen[Any]] = []
        self._first: subprocess.Popen[bytes] | None = None
        if way is None:
            self.listener = socket.create_server(("127.0.0.1", 0))
        else:
            self._first, self._pair, self.listener = _hold(way)
            self._target = _child(self._first.pid) if "--pid" in way.enter else self._first.pid

    def inside(self, arguments: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The arguments, to be run inside and with exactly this environment."""
        bare = ["env", "-i", self._mark, *(f"{name}={value}" for name, value in env.items()), *arguments]
        if self.way is None:
            return bare
        return ["nsenter", f"--target={self._target}", *self.way.enter, "--", *bare]

    def start(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.PIPE,
        stderr: int | IO[Any] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a process inside, in a group of its own, talking text."""
        # nsenter goes to / when it enters a mount namespace, so the folder is entered by the command itself
        moved = ["sh", "-c", 'cd -- "$0" && exec "$@"', cwd, *arguments]
        process = subprocess.Popen(
            self.inside(moved, env), stdin=stdin, stdout=stdout, stderr=stderr, text=True, start_new_session=True
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End everything that runs inside."""
        if self._first is not None:
            self._pair.close()
            _kill(os.kill, self._target)  # the kernel ends the rest of a process namespace before it reports this end
            self._first.wait()
        for process in self._started:
            if process.poll() is None:  # the number of one that ended and was waited for may be somebody else's by now
                _kill(os.killpg, process.pid)
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        if self.way is None or "--pid" not in self.way.enter:
            deadline = time.monotonic() + 5
            while (left := self.left()) and time.monotonic() < deadline:
                for pid in left:
                    _kill(os.kill, pid)
                time.sleep(0.01)
        self.listener.close()

    def left(self) -> list[int]:
        """Processes on this machine that were started here, directly or not, and still run."""
        return [pid for pid in _pids() if self._mark.encode() in _environment(pid).split(b"\0")]


def _kill(how: Callable[[int, int], None], pid: int) -> None:
    try:
        how(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # not Linux: what detached itself there ends by itself


def _environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _hold(way: Way) -> tuple[subprocess.Popen[bytes], socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    command = ["unshare", *way.make, sys.executable, "-I", "-S", "-c", FIRST, str(theirs.fileno())]
    first = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
    theirs.close()
    ours.settimeout(10)
    try:
        _, descriptors, _, _ = socket.recv_fds(ours, 16, 1)
    except OSError:
        descriptors = []
    if not descriptors:
        ours.close()
        first.kill()
        first.wait()
        raise NoNamespaceError(" ".join(way.make))
    return first, ours, socket.socket(fileno=descriptors[0])


def _child(pid: int) -> int:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


@functools.cache
def best_way() -> Way | None:
    """The best kind of namespace this machine allows, tried out once; None where it allows none."""
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        return None
    for way in WAYS:
        try:
            corner = Namespace(way)
        except (NoNamespaceError, OSError, IndexError):
            continue
        try:
            if corner.start(["true"], env={"PATH": os.defpath}, cwd="/").wait(10) == 0:
                return way
        finally:
            corner.close()
    return None


def describe(way: Way | None) -> str:
    """One line for the report's header."""
    if way is None:
        return "no namespace can be made here: clients run on the plain machine, with no proxy in their environment"
    return f"clients run in a namespace of their own (unshare {' '.join(way.make)})"
