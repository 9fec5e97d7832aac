"""PreToolUse, PostToolUse, PostToolUseFailure, SubagentStop, SessionStart: hold subagents within their caps, and near
the wall send routine ones to a cheaper model.

Reads the snapshot ``spawn`` and keeps one small book per session (governor.hooks.state.leases); without a snapshot everything is
counted and nothing held. The rules: governor.hooks.spawn.rules, caps, degrade and tier.
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

    from governor.hooks.spawn.spawn_event import SpawningCall

AFTER = ("PostToolUse", "PostToolUseFailure")


def wants(raw: bytes, ctx: runtime.HookContext) -> bool:
    """Is a subagent spawned, or does one end? The clients' internal agents end without a type, and are nobody's."""
    if b'"SubagentStop"' in raw or b'"SessionStart"' in raw:
        return b'"agent_type":""' not in raw and os.path.isdir(os.path.join(ctx.home, "leases"))
    return b"pawn_agent" in raw or b'"Agent"' in raw or b'"Task"' in raw or b'"Workflow"' in raw


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    from governor.hooks.spawn import spawn_event
    from governor.hooks.state import leases

    name = event.get("hook_event_name")
    if name in ("SubagentStop", "SessionStart") or (name in AFTER and spawn_event.is_spawn(event.get("tool_name"))):
        leases.heard(ctx.home, ctx.lane, event)
    elif name == "PreToolUse" and spawn_event.is_spawn(event.get("tool_name")):
        return before(event, spawn_event.SpawningCall(event), ctx)
    return None


def before(event: "dict[str, Any]", what: "SpawningCall", ctx: runtime.HookContext) -> runtime.Reply:
    from governor.hooks.spawn import degrade, over_limit
    from governor.hooks.state import client_process, leases, subagent_files

    snapshot, lane, now = ctx.snapshot("spawn"), ctx.lane, ctx.now
    overridden = runtime.is_overridden(ctx.home, now)
    action = over_limit.action_of(
        snapshot, lane, overridden=overridden, is_answered=lambda: client_process.is_answered(event, lane)
    )
    tokens = subagent_files.tree_tokens(event, what, snapshot, ctx)
    verdict = leases.admit(ctx.home, lane, event, caps=snapshot, tokens=tokens, enforce=action == "stop")
    said = over_limit.answer(verdict, action)
    current = subagent_files.current_model(event, what, snapshot, lane)
    shift = degrade.choose(what, snapshot, lane=lane, now=now, current=current, overridden=overridden)
    shift.acts = shift.acts and not said.deny and not said.ask
    record = {**over_limit.record_of(verdict, said, action=action, kind=what.kind), **degrade.record_of(shift)}
    if shift.to and said.decision == "admit":
        record["decision"] = "degrade" if shift.acts else "would-degrade"
    first = bool(said.person) and runtime.claim(ctx.home, over_limit.episode(verdict, what.session, what.prompt))
    reply = runtime.Reply(person=said.person if first else "", model=said.model if first else "")
    reply.deny, reply.ask = said.deny, said.ask
    if shift.acts:
        full = runtime.claim(ctx.home, degrade.episode(shift, snapshot, lane=lane, now=now, session=what.session))
        told = degrade.told(shift, what, snapshot, lane=lane, now=now, first=full)
        reply.person, reply.update = "\n".join(filter(None, (reply.person, told))), {**what.input, "model": shift.to}
    reply.record = None if verdict.repeated else {**record, "session": what.session}
    return reply


def release(event: "dict[str, Any]", ctx: runtime.HookContext, reply: "runtime.Reply | None") -> None:
    """Give back the lease that ``decide`` took, because another guard refused the call. Raises: OSError."""
    from governor.hooks.budget import give_back

    give_back.spawn(event, ctx, once=reply.once if reply else "")


if __name__ == "__main__":
    runtime.run("spawn", decide, wants=wants)
