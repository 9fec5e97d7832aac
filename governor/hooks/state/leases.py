"""The books of subagents, one small file per session under ``leases/``: locked, read, changed and written in one go.

Counting first and writing later lets two hooks past the same cap; so a hook holds the file's lock from reading to
writing (governor.hooks.state.locks). What cannot be counted with is kept aside as ``.corrupt`` and the book begun anew. The
rules of counting: governor.hooks.spawn.rules.
"""

from __future__ import annotations

import os
import time

from governor.hooks import fast_json, runtime
from governor.hooks.spawn import rules as spawn_rules
from governor.hooks.spawn import spawn_event
from governor.hooks.state import client_process, locks, session_file, subagent_files
from governor.hooks.state.locks import BusyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Answer = TypeVar("Answer")

WAIT_S = 3.0  # for a lock; a holder needs a millisecond, and the client waits five seconds for the hook
LARGEST = 2**20  # bytes; a book is a few thousand
STARTS = ("startup", "resume")  # of a session in a client; others go on in the one that runs
BOOT = "/proc/sys/kernel/random/boot_id"


def admit(
    home: str, lane: str, event: dict[str, Any], *, caps: dict[str, Any], tokens: int | None, enforce: bool
) -> spawn_rules.Verdict:
    """Count the call of a PreToolUse event. Before a call is found one too many, leases of the dead are taken back.

    Its rule is ``busy`` where the lock could not be had, and ``uncounted`` where there are no locks or no files.
    """
    what, own = spawn_event.SpawningCall(event), client_process.identity(lane, os.environ)
    outside = _depth_outside(event, what, lane)
    lease_s = caps.get("lease")

    def edit(book: spawn_rules.Book) -> tuple[spawn_rules.Verdict, spawn_rules.Book]:
        now = tick()  # not before the lock was had: leases taken meanwhile would seem to be from a clock that ran ahead
        depth = 0 if not what.agent else outside or spawn_rules.depth_of(book, what.agent) or 1
        call = spawn_rules.SpawnCall(
            what.use, prompt=what.prompt, depth=depth + 1, kind=what.kind, tokens=tokens, client=own
        )
        book = spawn_rules.without_dead(book, lambda name: name == own or client_process.is_running(name), boot=now[1])
        verdict, after = spawn_rules.take(book, call, caps, tick=now, enforce=enforce)
        if verdict.rule == "concurrent":
            seen = subagent_files.looks(book, event.get("transcript_path"))
            left = spawn_rules.settle(book, seen, tick=now, lease_s=lease_s if isinstance(lease_s, int) else 7200)
            verdict, after = spawn_rules.take(left, call, caps, tick=now, enforce=enforce)
        return verdict, after

    try:
        return change(path(home, lane, what.session), edit)
    except BusyError:
        return spawn_rules.Verdict("busy")
    except OSError:
        return spawn_rules.Verdict("uncounted")


def give_back(home: str, lane: str, event: dict[str, Any]) -> None:
    """The call was counted and then refused by another guard: it has no lease. Raises: as ``change``."""
    what = spawn_event.SpawningCall(event)
    call = spawn_rules.SpawnCall(what.use, prompt=what.prompt, kind=what.kind)
    place = path(home, lane, what.session)
    if os.path.exists(place):
        change(place, lambda book: (None, spawn_rules.undo(book, call)))


def heard(home: str, lane: str, event: dict[str, Any]) -> None:
    """Keep the book by a SessionStart, PostToolUse, PostToolUseFailure or SubagentStop event. Raises: as ``change``."""
    what, name = spawn_event.SpawningCall(event), event.get("hook_event_name")
    call = spawn_rules.SpawnCall(
        what.use, prompt=what.prompt, kind=what.kind, client=client_process.identity(lane, os.environ)
    )
    place = path(home, lane, what.session)
    if name == "SessionStart":
        if event.get("source") in STARTS and os.path.exists(place):
            runs = client_process.is_running
            change(place, lambda book: (None, spawn_rules.without_dead(book, runs, boot=tick()[1], starting=True)))
    elif name == "SubagentStop":
        if event.get("agent_type") == "":
            return  # the client's own: prompt suggestions and the like
        task = subagent_files.introduction(event.get("agent_transcript_path"))[0] if lane == "codex" else ""
        if what.agent and os.path.exists(place):  # a session without a book has no lease to end
            change(place, lambda book: (None, spawn_rules.end(book, (what.agent, task), tick=tick())))
    elif name == "PostToolUseFailure":
        change(place, lambda book: (None, spawn_rules.undo(book, call)))
    elif agent := spawn_event.running(event):
        change(place, lambda book: (None, spawn_rules.bind(book, call, agent, tick=tick())))
    else:
        change(place, lambda book: (None, spawn_rules.finish(book, call, tick=tick())))


def _depth_outside(event: dict[str, Any], what: spawn_event.SpawningCall, lane: str) -> int | None:
    """How deep the calling subagent is, by the client's own word."""
    if not what.agent:
        return None
    if lane == "codex":
        return subagent_files.introduction(event.get("transcript_path"))[1]
    depth = subagent_files.meta_of(event.get("transcript_path"), what.agent).get("spawnDepth")
    return depth if isinstance(depth, int) and 0 < depth < 100 else None


def tick() -> spawn_rules.Tick:
    """(seconds of the steady clock, which boot of which machine they belong to)."""
    try:
        boot = (runtime.peek(BOOT, 64) or b"").decode("ascii").strip()
    except UnicodeDecodeError:
        boot = ""
    return round(time.monotonic(), 3), boot or os.uname().nodename


def path(home: str, lane: str, session: str) -> str:
    """Where a session's book lies."""
    return session_file(home, "leases", lane=lane, session=session)


def change(place: str, edit: Callable[[spawn_rules.Book], tuple[Answer, spawn_rules.Book]]) -> Answer:
    """``edit`` the book at ``place`` while nobody else can, and write what it gives back.

    Raises: BusyError where the lock is not to be had in time, OSError where there are no locks or no files.
    """
    runtime.make_private(os.path.dirname(place))
    descriptor = locks.locked(place, wait_s=WAIT_S)
    try:
        book = _read(descriptor, place)
        answer, after = edit(book)
        if after is not book:
            locks.rewrite(descriptor, fast_json.dumps(after))
        return answer
    finally:
        os.close(descriptor)  # and with it goes the lock


def _read(descriptor: int, place: str) -> spawn_rules.Book:
    raw = os.pread(descriptor, LARGEST, 0)
    if not raw:
        return spawn_rules.fresh()
    try:
        book = fast_json.loads(raw.partition(b"\n")[0])
    except (ValueError, RecursionError):
        book = None
    if isinstance(book, dict) and spawn_rules.sound(book):
        return book
    runtime.write_private(f"{place}.corrupt", raw)
    return spawn_rules.fresh()
