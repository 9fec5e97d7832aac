"""One process for all guards that look at an event: stdin, kill switch and JSON once, each guard's fault its own.

The rule by which several answers become one, the strongest first: **halt, then deny, then block, then ask, then an
update of the input, then words.** A guard that refuses a call ends the round: those behind it would count a call that
is not made. So in ``LOOKS`` the guards that refuse stand first. A question and an update are dropped beside a refusal.
A prompt that is held comes back, so whoever did not hold it keeps its words until then. The texts that remain are
joined, and of two updates the first counts. An episode is claimed only for what is said.

The guards are the scripts in ``hooks/``, loaded as modules: each says by ``wants`` whether it looks at all, from the
event's bytes, and by ``decide`` what it says. Nothing is parsed before one of them wants it. A guard that counts calls
may have a ``release(event, ctx, reply)``: it gives back what ``decide`` took for a call that another guard refused.
"""

from __future__ import annotations

import sys
import time

from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    class Guard(Protocol):
        """A script in ``hooks/``."""

        def wants(self, raw: bytes, ctx: runtime.HookContext) -> bool:
            """Is this event any of the guard's business?"""

        def decide(self, event: dict[str, Any], ctx: runtime.HookContext) -> runtime.Reply | None:
            """What the guard says to it."""


# client, event, the tools it is about ("": all), guard, seconds that the client waits. The order is that of asking.
# Matchers are plain names joined by "|", which both clients compare exactly. Codex gives its edits the name
# apply_patch. Its subagents' tool is spawn_agent, and 0.169 was seen to tell hooks the tool's namespace before that
# name, with nothing between.
CLAUDE_SPAWN, CODEX_SPAWN = "Agent|Task|Workflow", "spawn_agent|collaborationspawn_agent"
LOOKS = (
    ("claude", "SessionStart", "", "pacing_warner", 5),
    ("claude", "SessionStart", "", "price_warner", 5),
    ("claude", "SessionStart", "", "spawn_guard", 5),
    ("claude", "PreModelSwitch", "", "price_warner", 5),
    ("claude", "UserPromptSubmit", "", "budget_guard", 5),
    ("claude", "UserPromptSubmit", "", "pacing_warner", 5),
    ("claude", "UserPromptSubmit", "", "prompt_router", 5),
    ("claude", "PreToolUse", "", "budget_guard", 5),
    ("claude", "PreToolUse", CLAUDE_SPAWN, "spawn_guard", 5),
    ("claude", "PostToolUse", CLAUDE_SPAWN, "spawn_guard", 5),
    ("claude", "PostToolUse", "Write|Edit|MultiEdit", "memory_compactor", 10),
    ("claude", "PostToolUseFailure", CLAUDE_SPAWN, "spawn_guard", 5),
    ("claude", "PostToolUseFailure", "", "loop_guard", 5),
    ("claude", "PostToolBatch", "", "loop_guard", 5),
    ("claude", "SubagentStop", "", "spawn_guard", 5),
    ("claude", "Stop", "", "loop_guard", 5),
    ("claude", "StopFailure", "", "loop_guard", 5),
    ("codex", "SessionStart", "", "pacing_warner", 5),
    ("codex", "SessionStart", "", "spawn_guard", 5),
    ("codex", "UserPromptSubmit", "", "budget_guard", 5),
    ("codex", "UserPromptSubmit", "", "pacing_warner", 5),
    ("codex", "UserPromptSubmit", "", "prompt_router", 5),
    ("codex", "PreToolUse", "", "budget_guard", 5),
    ("codex", "PreToolUse", CODEX_SPAWN, "spawn_guard", 5),
    ("codex", "PostToolUse", CODEX_SPAWN, "spawn_guard", 5),
    ("codex", "PostToolUse", "apply_patch", "memory_compactor", 10),
    ("codex", "PostToolUse", "", "loop_guard", 5),
    ("codex", "SubagentStop", "", "spawn_guard", 5),
    ("codex", "Stop", "", "loop_guard", 5),
)
# What a guard is called in logs, in decisions, and where it is muted.
NAMES = {
    "budget_guard": "budget",
    "loop_guard": "loop",
    "memory_compactor": "memory_compactor",
    "pacing_warner": "pacing",
    "price_warner": "price",
    "prompt_router": "router",
    "spawn_guard": "spawn",
}
START = "start"  # the share of a run that is no guard's: the interpreter's start, stdin, JSON, merging


class GuardTurn:
    """One guard's part of a run."""

    __slots__ = ("chars", "decided", "guard", "name", "reply", "session", "spent_s", "wants")

    def __init__(self, name: str) -> None:
        self.name = name
        self.guard: Guard | None = None
        self.wants = False
        self.decided = False
        self.reply: runtime.Reply | None = None
        self.spent_s = 0.0  # CPU seconds
        self.chars = 0  # given to the model
        self.session = ""


def run(folder: str, arguments: Sequence[str]) -> None:
    """Answer the event on stdin with the guards in ``folder``. ``arguments`` hold the client (``claude`` by default)
    and, from the plugin, the word ``plugin``. Never raises.
    """
    home = ""
    turns: list[GuardTurn] = []
    try:
        raw, now = runtime.drain(), time.time()
        lane = "codex" if "codex" in arguments else "claude"
        if runtime.may_be_halted(runtime.home()) and runtime.is_halted(
            raw, runtime.HookContext("halt", runtime.home(), lane, now)
        ):
            return
        if runtime.off_by(runtime.home(), now) is not None:
            return
        if "plugin" in arguments and _steps_aside():  # plugin.ARGUMENT, not loaded for it
            return
        home = runtime.home()
        sys.path.insert(1, folder)
        _answer(turns, raw, home=home, lane=lane, now=now)
        runtime.trigger_refresh(home, now)
    except BaseException as fault:  # SystemExit too: a hook that dies loudly can lock a person out
        runtime.log(home or runtime.home(), START, fault)
    finally:
        if home:
            _note(turns, home)


def _steps_aside() -> bool:
    from governor.hooks import plugin

    return plugin.steps_aside()


def _answer(turns: list[GuardTurn], raw: bytes, *, home: str, lane: str, now: float) -> None:
    event: Any = None
    name = raw.partition(b'"hook_event_name":"')[2][:40].partition(b'"')[0].decode("ascii", "replace")
    if not name and b"hook_event_name" in raw:  # laid out in another way: parse it
        event = _parsed(raw)
        name = str(event.get("hook_event_name"))
    for client, at, _, script, _ in LOOKS:
        if client == lane and at == name:
            turns.append(turn := GuardTurn(script))
            _look(turn, raw, runtime.HookContext(NAMES[script], home, lane, now))
    if not any(turn.wants for turn in turns):
        return
    event = _parsed(raw) if event is None else event
    if not event:
        return
    for turn in turns:
        if turn.wants and _ask(turn, event, runtime.HookContext(NAMES[turn.name], home, lane, now)):
            break
    if _say(turns, event, home=home, lane=lane, now=now):
        for turn in turns:
            _release(turn, event, runtime.HookContext(NAMES[turn.name], home, lane, now))


def _parsed(raw: bytes) -> dict[str, Any]:
    from governor.hooks import fast_json

    return fast_json.event(raw) or {}


def _look(turn: GuardTurn, raw: bytes, ctx: runtime.HookContext) -> None:
    """Load the guard and let it look at the bytes, unless it is muted."""
    begun = time.process_time()
    try:
        if not runtime.is_throttled(ctx.home, ctx.name):
            turn.guard = guard = __import__(turn.name)
            turn.wants = bool(guard.wants(raw, ctx))
    except BaseException as fault:
        runtime.log(ctx.home, ctx.name, fault)
    turn.spent_s += time.process_time() - begun


def _ask(turn: GuardTurn, event: dict[str, Any], ctx: runtime.HookContext) -> bool:
    """Let the guard decide; True where its refusal stands, so that nobody needs to be asked after it."""
    begun = time.process_time()
    try:
        assert turn.guard is not None  # noqa: S101 - it wanted the event, so it was loaded
        turn.reply = turn.guard.decide(event, ctx)
        turn.decided = True
    except BaseException as fault:
        runtime.log(ctx.home, ctx.name, fault)
    turn.spent_s += time.process_time() - begun
    return turn.reply is not None and is_final(turn.reply)


def _release(turn: GuardTurn, event: dict[str, Any], ctx: runtime.HookContext) -> None:
    """The call was refused: let a guard that let it pass give back what it took. Its episode was not claimed here."""
    release = getattr(turn.guard, "release", None)
    if not turn.decided or release is None or (turn.reply is not None and refuses(turn.reply)):
        return
    begun = time.process_time()
    try:
        release(event, ctx, None)
    except BaseException as fault:
        runtime.log(ctx.home, ctx.name, fault)
    turn.spent_s += time.process_time() - begun


def refuses(reply: runtime.Reply) -> bool:
    """Is the call not made?"""
    return bool(reply.halt or reply.deny)


def is_final(reply: runtime.Reply) -> bool:
    """A refusal that is said however often it is asked. One that is said once (``once``) may be spoken already."""
    return not reply.once and (refuses(reply) or bool(reply.block))


def strength(reply: runtime.Reply) -> int:
    """0 for the strongest answer, 5 for words alone."""
    kinds = (reply.halt, reply.deny, reply.block, reply.ask, reply.update is not None)
    return next((place for place, has in enumerate(kinds) if has), len(kinds))


def is_overruled(reply: runtime.Reply, stronger: Sequence[runtime.Reply], event_name: str) -> bool:
    """Has this answer no place beside those that are said already?"""
    if event_name == "UserPromptSubmit":
        return not reply.block and any(other.block or other.halt for other in stronger)
    return strength(reply) in (3, 4) and any(map(refuses, stronger))


def merge(replies: Sequence[runtime.Reply]) -> runtime.Reply:
    """One reply out of those that stand, the strongest first."""
    if len(replies) == 1:
        return replies[0]
    texts: dict[str, Any] = {
        kind: "\n".join(dict.fromkeys(text for reply in replies if (text := getattr(reply, kind))))
        for kind in ("person", "model", "block", "deny", "ask", "halt")
    }
    update = next((reply.update for reply in replies if reply.update is not None), None)
    return runtime.Reply(**texts, update=update, bell=any(reply.bell for reply in replies))


def _say(turns: Sequence[GuardTurn], event: dict[str, Any], *, home: str, lane: str, now: float) -> bool:
    """Claim what is to be said, the strongest first; say it, and write down what was decided. True for a refused call.

    Raises: OSError where it cannot be said or written down.
    """
    name = str(event.get("hook_event_name", ""))
    said: list[tuple[GuardTurn, runtime.Reply]] = []
    heard = [(turn, turn.reply) for turn in turns if turn.reply is not None]
    for turn, reply in sorted(heard, key=lambda pair: strength(pair[1])):
        if is_overruled(reply, [other for _, other in said], name) or (
            reply.once and not runtime.claim(home, reply.once)
        ):
            continue
        said.append((turn, reply))
    if not said:
        return False
    from governor.hooks import fast_json

    out = runtime.in_dialect(merge([reply for _, reply in said]), name, lane)
    if out:
        runtime.say(fast_json.dumps(out))
    for turn, reply in said:
        turn.chars, turn.session = runtime.given_to_model(reply, event)
        if reply.record is not None:
            record = {"at": round(now, 3), "hook": NAMES[turn.name], "lane": lane, **reply.record}
            runtime.append(home, "decisions.jsonl", fast_json.dumps(record))
    return any(refuses(reply) for _, reply in said)


def _note(turns: Sequence[GuardTurn], home: str) -> None:
    """What it cost, by guard, and one line for the rest, so that the lines of a run add up to its process."""
    rest = max(time.process_time() - sum(turn.spent_s for turn in turns), 0.0)
    costs = [(NAMES[turn.name], turn.spent_s, turn.chars, turn.session) for turn in turns]
    runtime.note_costs(home, [*costs, (START, rest, 0, "")])
