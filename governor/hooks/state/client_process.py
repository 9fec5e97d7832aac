"""The client that started this hook: which process it is, whether it still runs, and its command line.

Claude Code (seen on 2.1.332) names its process in ``CLAUDE_PID``; Codex (0.171.0) is the nearest ancestor of its name.
A process is told apart by its number and its start, for numbers are used again.
"""

from __future__ import annotations

import os

from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ANCESTORS = 6  # a client runs its hooks by a shell or two
NAMES = {"claude": ("claude", "node", "bun"), "codex": ("codex",)}
ROLLOUT_HEAD = 2**12  # bytes: a rollout says in its first thousand what began it


def identity(lane: str, environ: Mapping[str, str]) -> str:
    """``number:start`` of the client's process; empty where it cannot be told."""
    stated = environ.get("CLAUDE_PID", "") if lane == "claude" else ""
    if stated.isascii() and stated.isdigit() and len(stated) < 10:
        number = int(stated)
    else:
        number = _ancestor(lane)[0] if os.path.isdir("/proc/self") else 0  # asking ps would cost too much here
    return f"{number}:{_start(number)}" if number > 1 else ""


def is_running(client: str) -> bool | None:
    """Does the process of this ``identity`` still run? None where that cannot be told."""
    number, _, start = client.partition(":")
    if not number.isdigit() or int(number) < 2:
        return None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's: it runs
    now = _start(int(number))
    return now == start if now and start else True


def is_answered(event: Mapping[str, Any], lane: str) -> bool:
    """Is somebody there whom a question would reach? Only for a hook that is about to hold or ask."""
    from governor.hooks.attended import is_attended

    return is_attended(event, os.environ, lane, command=lambda: command(lane, event))


def command(lane: str, event: Mapping[str, Any]) -> list[str]:
    """The words after the client's name on its command line; where processes cannot be looked at, ``exec`` for a
    thread that ``codex exec`` began; else none.
    """
    words = _ancestor(lane)[1]
    if words:
        return words[1:]
    rollout = event.get("transcript_path")
    head = runtime.peek(rollout, ROLLOUT_HEAD) if isinstance(rollout, str) and rollout.endswith(".jsonl") else None
    return ["exec"] if b'"source":"exec"' in (head or b"") else []


def _ancestor(lane: str) -> tuple[int, list[str]]:
    """(number, command line) of the nearest ancestor that is the lane's client; (0, []) where there is none."""
    number = os.getppid()
    for _ in range(ANCESTORS):
        if number < 2:
            break
        words = _words(number)
        if words and os.path.basename(words[0]).removesuffix(".exe") in NAMES.get(lane, ()):
            return number, words
        number = _parent(number)
    return 0, []


def _words(number: int) -> list[str]:
    raw = runtime.peek(f"/proc/{number}/cmdline", 2**16)
    if raw is None:
        return _ps(number, "args").split()
    return [word.decode("utf-8", "replace") for word in raw.split(b"\0")[:-1]]


def _parent(number: int) -> int:
    fields = _stat(number)
    parent = fields[1] if fields else _ps(number, "ppid")
    return int(parent) if parent.isdigit() else 0


def _start(number: int) -> str:
    """When a process began, in the system's own words; empty where it does not say."""
    fields = _stat(number)
    return fields[19] if len(fields) > 19 else ""


def _stat(number: int) -> list[str]:
    """The fields of ``/proc/N/stat`` from the third on; the second, a name, may hold blanks and brackets."""
    raw = runtime.peek(f"/proc/{number}/stat", 4096) or b""
    return raw.rpartition(b")")[2].decode("ascii", "replace").split()


def _ps(number: int, column: str) -> str:
    """One column of ``ps``, where there is no /proc. Only for a hook that is about to hold or ask: it costs 20 ms."""
    if os.path.isdir("/proc/self"):
        return ""
    import subprocess

    try:
        asked = ["/bin/ps", "-o", f"{column}=", "-p", str(number)]
        return subprocess.run(asked, capture_output=True, text=True, timeout=1, check=False).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
