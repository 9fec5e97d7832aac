"""Reads the halts in force: those of the state folder, and those of the file that several machines share.

The shared file may lie on a network disk that hangs. So a detached process copies it, and hooks read only the copy: at
most SHARED_EVERY_S old while hooks run. A hook that finds the copy older waits for the new one, PATIENCE_S at most.
"""

from __future__ import annotations

import os
import time

from governor.hooks import runtime
from governor.hooks.state import halt_file as halt
from governor.hooks.state.halt_file import Agent, Halt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "HALT"
SHARED_NAME = "kill/halts"  # holds the path of the shared file; publish writes it from the settings
COPY = "kill/halts-copy"  # the shared file as last read
ASKED = "kill/halts-asked"  # its time: when a copy was last asked for
SIZE_LIMIT = 2**16
PATIENCE_S = 0.06  # a local copy takes 3 ms; a hook may wait this long once in SHARED_EVERY_S
HUNG_S = 600  # a copy that does not end is not asked for again before this
# $1 is the shared file, $2 the copy, $3 the mark that a copy is being made. A file that is gone lifts what it held. One
# that cannot be read, or whose folder is gone, lifts nothing: the copy stays as it is, and is asked for again later.
COPY_SCRIPT = """umask 077
if [ -e "$1" ]; then head -c 65536 "$1" >"$2.tmp"; else [ -d "${1%/*}" ] && echo "# none" >"$2.tmp"; fi
if [ $? = 0 ]; then mv "$2.tmp" "$2"; elif [ -e "$2" ]; then touch "$2"; else echo "# none" >"$2"; fi
rm -f "$3"
"""


def in_force(state_home: str, now: float, *, patience_s: float = PATIENCE_S) -> list[tuple[Halt, str]]:
    """(halt, the file that holds it) of every halt whose time has not run out, the local ones first."""
    own = f"{state_home}/{FILE}"
    found = [(each, own) for each in read(own)]
    shared = runtime.peek(f"{state_home}/{SHARED_NAME}", 4096)
    path = shared.decode("utf-8", "replace").strip() if shared else ""
    if path:
        _copy(state_home, path, now, patience_s)
        found += [(each, path) for each in read(f"{state_home}/{COPY}")]
    return [(each, file) for each, file in found if halt.is_in_force(each, now)]


def holding(state_home: str, agent: Agent, now: float, *, patience_s: float = PATIENCE_S) -> tuple[Halt, str] | None:
    """(the halt that stops this agent, the file that holds it), or None."""
    return next(
        (pair for pair in in_force(state_home, now, patience_s=patience_s) if halt.holds(pair[0], agent, now)), None
    )


def read(path: str) -> list[Halt]:
    """The halts that stand in a file; what is no readable file there halts everybody."""
    raw = runtime.peek(path, SIZE_LIMIT)
    if raw is None:
        # A link, a folder or a file of another's mode in its place was put there by somebody: it is a stop, too.
        return [Halt({}, is_damaged=True)] if os.path.lexists(path) else []
    return halt.parse(raw.decode("utf-8", "replace"))


def _copy(state_home: str, path: str, now: float, patience_s: float) -> None:
    """Have the shared file copied if the copy is older than SHARED_EVERY_S, and wait for it a moment."""
    copy, asked = f"{state_home}/{COPY}", f"{state_home}/{ASKED}"
    copied_at, asked_at = _time_of(copy), _time_of(asked)
    if 0 <= now - copied_at < runtime.SHARED_EVERY_S:
        return
    if 0 <= now - asked_at < HUNG_S:
        if now - asked_at > runtime.SHARED_EVERY_S:
            return  # the share does not answer: what was known goes on holding
    else:
        try:
            runtime.write_private(asked, b"")
            null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
            command = ["/bin/sh", "-c", COPY_SCRIPT, "sh", path, copy, asked]
            os.posix_spawn(command[0], command, {"PATH": "/usr/bin:/bin"}, file_actions=null, setsid=True)
        except (OSError, AttributeError, NotImplementedError):
            return
    deadline = time.monotonic() + patience_s
    while _time_of(copy) <= copied_at and time.monotonic() < deadline:
        time.sleep(0.002)


def _time_of(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def reply(event: dict[str, Any], ctx: runtime.HookContext) -> runtime.Reply | None:
    """The answer to a prompt or a tool call of an agent that is halted; None for any other."""
    name = event.get("hook_event_name")
    if name not in ("PreToolUse", "UserPromptSubmit"):
        return None
    held = holding(ctx.home, halt.agent_of(event, ctx.lane), ctx.now)
    if held is None:
        return None
    found, path = held
    until = time.strftime("%a %H:%M", time.localtime(found.until)) if found.until else ""
    told = halt.to_user(found, path, until=until)
    record = {"decision": "halt", "rule": "halt", "session": str(event.get("session_id"))[:64]}
    if name == "UserPromptSubmit":
        return runtime.Reply(block=told, record=record)
    if "agent" in found.conditions:  # the others of the session go on
        return runtime.Reply(person=told, deny=halt.to_agent(found), record=record)
    return runtime.Reply(person=told, halt=halt.to_agent(found), record=record)


def obeyed(raw: bytes, ctx: runtime.HookContext) -> bool:
    """Does a halt hold for the event on stdin? Then its agent has been told so.

    An event that cannot be read is held when everybody is halted: what it asks for, nobody can say.
    """
    told: list[runtime.Reply] = []

    def decide(event: dict[str, Any], ctx: runtime.HookContext) -> runtime.Reply | None:
        answer = reply(event, ctx)
        told.extend([answer] if answer is not None else ())
        return answer

    runtime.answer(ctx, decide, raw)
    if not told and b'"PreToolUse"' in raw and not _is_readable(raw):
        runtime.answer(ctx, decide, b'{"hook_event_name":"PreToolUse"}')
    return bool(told)


def _is_readable(raw: bytes) -> bool:
    from governor.hooks import fast_json

    try:
        return isinstance(fast_json.loads(raw), dict)
    except (ValueError, RecursionError):
        return False
