"""UserPromptSubmit, SessionStart: one short line when an episode begins, to the person, at no token's cost.

Reads the snapshot ``pacing``: a quiet one ends the run before anything is parsed. ``handoffs`` is there only for news.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if sys.version_info < (3, 9):
    from governor.hooks import old_python

    old_python.leave()
from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def wants(_: bytes, ctx: runtime.HookContext) -> bool:
    return has_news(ctx) or has_turned(ctx) or not runtime.is_quiet(ctx.home, "pacing")


def has_news(ctx: runtime.HookContext) -> bool:
    """Has something ended that a session handed off? The snapshot is there only then."""
    return os.path.exists(os.path.join(ctx.home, "letters", "handoffs"))


def has_turned(ctx: runtime.HookContext) -> bool:
    """Has the status line heard of the wall, or of a reset, that the snapshot does not know of yet?"""
    return ctx.lane == "claude" and os.path.exists(os.path.join(ctx.home, "letters", "turned"))


def heard(event: "dict[str, Any]", ctx: runtime.HookContext) -> "dict[str, Any]":
    """What this session's own status line heard, by window."""
    from governor.hooks.statusline import rules as statusline_rules

    return statusline_rules.own(
        statusline_rules.memo_of(runtime.peek(os.path.join(ctx.home, "taps", statusline_rules.name_of(event))))
    )


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    from governor.hooks.pacing import rules as pacing_rules

    advice = pacing_rules.decide(
        event,
        ctx.snapshot("pacing"),
        lane=ctx.lane,
        now=ctx.now,
        seen=ctx.seen,
        go_on=lambda: what_to_press(event, ctx),
        is_watched=lambda: is_attended({**event, "hook_event_name": "SessionStart"}, ctx),  # whoever sent the prompt
        overridden=runtime.is_overridden(ctx.home, ctx.now),
        own=heard(event, ctx) if has_turned(ctx) else None,
    )
    if (advice is None or not advice.block) and has_news(ctx):
        from governor.hooks.pacing import ended_handoff

        told = ended_handoff.news(event, ctx.snapshot("handoffs"), lane=ctx.lane, seen=ctx.seen)
        if told is not None:  # and the pacing word waits for the next prompt
            about = {"decision": "told", "rule": "handoff", "handoff": told.name}
            return runtime.Reply(person=told.line, model=told.model, once=told.once, record=about)
    if advice is None:
        return None
    if advice.also:
        runtime.claim(ctx.home, advice.also)
    record = {"decision": advice.decision, "rule": advice.rule, "session": str(event.get("session_id", ""))[:64]}
    record["said"] = advice.once.split(":")[0] or "held"
    reply = runtime.Reply(person=advice.person, model=advice.model, once=advice.once, record=record, bell=advice.bell)
    reply.block = advice.block
    return reply


def what_to_press(event: "dict[str, Any]", ctx: runtime.HookContext) -> "str | None":
    """How a person goes on after a hold; None where nobody is there to."""
    from governor.hooks.pacing import going_on

    return going_on.words(event, os.environ, ctx.lane) if is_attended(event, ctx) else None


def is_attended(event: "dict[str, Any]", ctx: runtime.HookContext) -> bool:
    from governor.hooks import attended
    from governor.hooks.state import client_process

    return attended.is_attended(event, os.environ, ctx.lane, command=lambda: client_process.command(ctx.lane, event))


if __name__ == "__main__":
    runtime.run("pacing", decide, wants=wants)
