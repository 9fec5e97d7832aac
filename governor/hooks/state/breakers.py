"""The memory of failing tools: who failed (``loops/<session>.fails``), and what rests (``breakers/<session>``).

``breakers/<session>`` exists only while some tool of that session rests or waits for its probe, so a hook before every
call pays one ``stat``. Both files are lines appended by one write; the last line of a tool counts.
"""

from __future__ import annotations

import os

from governor.hooks import runtime
from governor.hooks.loop import breaker
from governor.hooks.loop.breaker import CallOutcome
from governor.hooks.state import call_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.hooks.loop.fingerprints import ToolCall

FULL = 2**18  # bytes of failures; beyond, a session begins anew
TOOL_CHARS = 64  # of a tool's name that are kept; MCP tools have long ones


def key(name: str | bytes) -> str:
    """A tool's name as it is written into our files: no blanks, no line ends, nothing that is not a plain letter."""
    tool = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    return "".join(c if (c.isascii() and c.isalnum()) or c in "-_." else "_" for c in tool)[:TOOL_CHARS] or "_"


# ---- what failed -----------------------------------------------------------------------------------------------------


def note(home: str, session: str, outcomes: list[CallOutcome]) -> list[CallOutcome]:
    """Add outcomes; all that are known of the session, oldest first. Raises: OSError."""
    file = call_log.path(home, f"{session}.fails")
    lines = "".join(f"{o.at_ms} {o.tool} {o.kind or '-'} {o.like or '-'} {o.id or '-'}\n" for o in outcomes)
    if len(runtime.peek(file, FULL + 1) or b"") > FULL:
        os.unlink(file)
    _append(file, lines.encode())
    return known(home, session)


def known(home: str, session: str) -> list[CallOutcome]:
    """Every outcome of a session since its first failure; torn lines are left out."""
    found = []
    for line in (
        (runtime.peek(call_log.path(home, f"{session}.fails"), 2 * FULL) or b"").decode("ascii", "replace").split("\n")
    ):
        parts = line.split(" ")
        if len(parts) == 5 and parts[0].isdigit():
            at, tool, kind, like, id_ = (part if part != "-" else "" for part in parts)
            found.append(CallOutcome(int(at or 0), tool, kind, like, id_))
    return found


def successes(calls: list[ToolCall], known: list[CallOutcome], *, at_ms: int) -> list[CallOutcome]:
    """What a batch's good calls change: a tool that had failed works again, a file was edited. Calls that another hook
    noted as failed are not among them.
    """
    bad = {one.id for one in known if one.kind}
    failing = {one.tool for one in known if one.kind}
    found = []
    for call in calls:
        tool = key(call.tool)
        if call.state != "ok" or key(call.id) in bad:
            continue
        if tool in failing:
            found.append(CallOutcome(at_ms, tool, "", "", ""))
        if call.tool in breaker.EDITORS:
            found.append(CallOutcome(at_ms, "*edit", "", "", ""))
    return found


# ---- what rests ------------------------------------------------------------------------------------------------------


def path(home: str, session: str) -> str:
    return os.path.join(home, "breakers", call_log.name(session) or "_")


Rest = tuple[float, int, bool]  # opened at, for how many seconds, was it for repeating rather than for failing


def standing(home: str, session: str) -> dict[str, Rest]:
    """Tool -> its rest, of every breaker that has not closed again."""
    found: dict[str, Rest] = {}
    for line in (runtime.peek(path(home, session)) or b"").decode("ascii", "replace").split("\n"):
        tool, _, rest = line.partition(" ")
        at, _, rest = rest.partition(" ")
        span, _, why = rest.partition(" ")
        try:
            opened_at, open_for = float(at), int(span)
        except ValueError:
            continue
        if open_for > 0:
            found[tool] = (opened_at, open_for, why == "stuck")
        else:
            found.pop(tool, None)
    return found


def open_(home: str, session: str, tool: str, *, now: float, open_for: int, stuck: bool = False) -> None:
    """Let a tool rest. Raises: OSError."""
    why = "stuck" if stuck else "failed"
    _append(path(home, session), f"{key(tool)} {now:.3f} {open_for} {why}\n".encode())


def is_over(rest: Rest, now: float) -> bool:
    """Does a success now end it? A failing tool that works again works; one that only repeats was never broken, and has
    its whole rest.
    """
    return not rest[2] or not is_within(rest, now)


def is_within(rest: Rest, now: float) -> bool:
    """Is it still resting? A hook that began a moment before the opening sees it too; a clock set back by more than a
    rest ends it.
    """
    return -rest[1] < now - rest[0] < rest[1]


def close(home: str, session: str, tool: str) -> None:
    """It works again; with the last one the file goes. Raises: OSError."""
    _append(path(home, session), f"{key(tool)} 0 0 closed\n".encode())
    if not standing(home, session):
        os.unlink(path(home, session))


def refusal(home: str, session: str, tool: str, now: float) -> str:
    """Why this call of this tool is not made now, or "" to go on. For a hook before every call, and only of use while
    ``breakers/<session>`` exists.

    Only where the person chose ``loop.action: stop``; never while overridden. After the rest exactly one call passes in
    each further span of it, however many ask at once (the probe); a clock that was set back lets the call pass too.
    """
    held = standing(home, session).get(key(tool))
    if held is None or runtime.is_overridden(home, now):
        return ""
    if runtime.read_snapshot(home, "loop")[1].get("action") != "stop":
        return ""
    opened_at, open_for, _ = held
    waited = now - opened_at
    if is_within(held, now):
        return breaker.refused(key(tool), open_for - max(waited, 0), probing=False)
    if waited < 0:
        return ""
    probe = f"probe:{call_log.name(session)}:{key(tool)}:{opened_at:.3f}:{int(waited // open_for)}"
    if runtime.claim(home, probe) or not os.path.exists(runtime.episode_path(home, probe)):
        return ""  # ours, or nobody's because nothing can be written here any more
    return breaker.refused(key(tool), open_for - waited % open_for, probing=True)


def before_call(event: dict[str, Any], ctx: runtime.HookContext) -> runtime.Reply | None:
    """The refusal as a hook's answer to PreToolUse; None to go on."""
    if event.get("hook_event_name") != "PreToolUse":
        return None
    tool, session = str(event.get("tool_name")), str(event.get("session_id"))
    held = refusal(ctx.home, session, tool, ctx.now)
    record = {"hook": "loop", "decision": "held", "rule": "breaker", "tool": key(tool), "session": session[:64]}
    return runtime.Reply(deny=held, record=record) if held else None


def _append(file: str, lines: bytes) -> None:
    descriptor = runtime.open_to_append(file)
    try:
        os.write(descriptor, lines)
    finally:
        os.close(descriptor)
