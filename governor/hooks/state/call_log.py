"""The last calls of every session, and what was said of them: small files under ``loops/``.

One line a call, appended by one write, so that parallel calls never mix; a turn's end forgets them, and a turn of very
many calls keeps its last ones. Every name comes from a hook's input and is untrusted: only its plain snapshots are used.
"""

from __future__ import annotations

import os

from governor.hooks import runtime
from governor.hooks.loop import fingerprints
from governor.hooks.loop.fingerprints import Batch, ToolCall, Trace

KEPT = 2 * 5  # calls that are read back: twice what the rule looks at
LINE = 41  # bytes: mark, exact, answer, verbatim in hexadecimal, newline
ALIKE = 4  # where the snapshot does not say
FULL = LINE * 240  # a longer record is cut back to its end


def name(session: bytes | str, agent: bytes | str = "") -> str:
    """A file's name for a session, or for one of its subagents. Empty where there is nothing to name it by."""
    parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in (session, agent)]
    safe = ["".join(c for c in part if (c.isascii() and c.isalnum()) or c in "-_")[:80] for part in parts]
    return ".".join(part for part in safe if part) if safe[0] else ""


def path(home: str, record: str) -> str:
    return os.path.join(home, "loops", record)


def remember(home: str, record: str, made: list[ToolCall]) -> list[Trace]:
    """Add calls and read back the last ten, oldest first. Raises: OSError where the state folder cannot be written."""
    lines = b"".join(b"%016x%08x%08x%08x\n" % call.trace for call in made)
    file = path(home, record)
    descriptor = runtime.open_to_append(file, os.O_RDWR)
    try:
        os.write(descriptor, lines)
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, KEPT * LINE, max(size - KEPT * LINE, 0))
    finally:
        os.close(descriptor)
    if size > FULL:
        runtime.write_private(file, tail)
    return [trace for trace in map(_trace, tail.split(b"\n")) if trace]


def _trace(line: bytes) -> Trace | None:
    try:
        if len(line) != LINE - 1:
            return None
        return int(line[:16], 16), int(line[16:24], 16), int(line[24:32], 16), int(line[32:], 16)
    except ValueError:
        return None


def first_to_tell(home: str, record: str) -> bool:
    """True for exactly one caller until the pattern breaks (``calm``)."""
    try:
        os.close(os.open(path(home, f"{record}.told"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return False
    return True


def calm(home: str, record: str, *, before: float | None = None) -> None:
    """The pattern broke: the next one is a new episode. What was told from ``before`` on was told of later calls than
    those that are looked at, by a hook that ran beside this one: it stands.
    """
    mark = path(home, f"{record}.told")
    try:
        if before is None or os.stat(mark).st_mtime < before:
            os.unlink(mark)
    except OSError:
        pass


def forget(home: str, record: str) -> None:
    """The turn ended: whatever the next one repeats, it repeats because it was asked to."""
    calm(home, record)
    try:
        os.unlink(path(home, record))
    except OSError:
        pass


def note(home: str, record: str, what: str, text: str) -> None:
    """Keep one word about a session, in place of the last. Raises: OSError."""
    runtime.write_private(path(home, f"{record}.{what}"), text.encode())


def noted(home: str, record: str, what: str) -> str:
    """That word, or an empty one."""
    return (runtime.peek(path(home, f"{record}.{what}"), 100) or b"").decode("utf-8", "replace")


# ---- what a quiet hook asks ------------------------------------------------------------------------------------------


def is_odd(home: str, batch: Batch, snapshot: bytes, *, now: float) -> bool:
    """Note the calls; is there anything in them to decide about? Raises: OSError where nothing can be noted."""
    record = name(batch.session, batch.agent)
    if not record:
        return False
    batch.traces = remember(home, record, batch.calls)
    wanted = snapshot.partition(b'"alike":')[2].lstrip()[:1]
    if fingerprints.is_loop(batch.traces, int(wanted) if wanted.isdigit() else ALIKE):
        return True
    calm(home, record, before=now)
    if any(call.state == "failed" for call in batch.calls):
        return True
    session = name(batch.session)
    return os.path.exists(path(home, f"{session}.fails")) or os.path.exists(os.path.join(home, "breakers", session))


def ended(home: str, raw: bytes, snapshot: bytes) -> bool:
    """A turn ended: its calls are forgotten, unless a Stop hook drives it on. Has the snapshot figures of the session?"""
    session = fingerprints.text_after(raw, b'"session_id":"')
    record = name(session)
    if not record:
        return False
    if b'"stop_hook_active":true' not in raw:
        forget(home, record)
    return b'"%s":' % session in snapshot
