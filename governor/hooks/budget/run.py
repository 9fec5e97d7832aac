"""What the budget guard does with an event: count, look at every budget, rule, and charge the call that is made.

Somebody who holds a counter and does not move on stops no work: the call is made, and the log says it was not counted.
"""

from __future__ import annotations

import os

from governor.hooks import runtime
from governor.hooks.budget import rules as budget_rules
from governor.hooks.state import locks, session_usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.hooks.state.shared_usage import Together


def rule(
    event: dict[str, Any], ctx: runtime.HookContext, snapshot: dict[str, Any], *, patience_s: float = 0.0
) -> runtime.Reply | None:
    """The answer to a PreToolUse or UserPromptSubmit event; None to go on. ``patience_s``: see ``Session.take_in``."""
    session = str(event.get("session_id"))
    try:
        with session_usage.SessionUsage(ctx.home, ctx.lane, session, ctx.now) as used:
            if event.get("hook_event_name") == "PreToolUse" and used.is_charged(event):
                return None
            used.note_place(event, snapshot)
            if event.get("hook_event_name") == "UserPromptSubmit":
                used.begin(event)
            used.take_in(event, snapshot.get("models") or {}, patience_s=patience_s)
            if not budget_rules.is_together(snapshot):
                return _ruled(event, ctx, snapshot, used)
            return _with_the_others(event, ctx, snapshot, used)
    except locks.BusyError:
        return _uncounted(event)


def _with_the_others(
    event: dict[str, Any], ctx: runtime.HookContext, snapshot: dict[str, Any], used: session_usage.SessionUsage
) -> runtime.Reply | None:
    """Rule while no other session can: from looking at what all have used to charging this call."""
    from governor.hooks.state import shared_usage

    try:
        with shared_usage.Together(ctx.home, ctx.now) as together:
            together.publish(used)
            grown = together.grown(but=used.session)
            if not grown:
                return _ruled(event, ctx, snapshot, used, together)
        for lane, session in grown:
            shared_usage.catch_up(ctx.home, lane, session, snapshot.get("models") or {}, ctx.now)
        with shared_usage.Together(ctx.home, ctx.now) as together:
            return _ruled(event, ctx, snapshot, used, together)
    except locks.BusyError:
        return _ruled(event, ctx, snapshot, used) or _uncounted(event)


def _uncounted(event: dict[str, Any]) -> runtime.Reply:
    """Somebody holds the counters and does not move on: the call is made, and the log says that it was not counted."""
    return runtime.Reply(
        record={"decision": "uncounted", "rule": "budget:busy", "session": str(event.get("session_id"))[:64]}
    )


def _ruled(
    event: dict[str, Any],
    ctx: runtime.HookContext,
    snapshot: dict[str, Any],
    used: session_usage.SessionUsage,
    together: Together | None = None,
) -> runtime.Reply | None:
    """The answer to this event; the call is charged unless it is refused."""
    name, project = str(event.get("hook_event_name")), used.project
    rows = together.rows(snapshot, project) if together else budget_rules.own(snapshot)
    ids = {"session": used.session, "request": used.prompt, "agent": str(event.get("agent_id", ""))}
    found = budget_rules.standings({"budgets": rows}, used.scopes(event), lane=ctx.lane, project=project, now=ctx.now)
    lifted = runtime.is_overridden(ctx.home, ctx.now)
    rulings = budget_rules.rule(found, event_name=name, scope_ids=ids, now=ctx.now, overridden=lifted, clock=used.clock)
    reply = next((said for ruling in rulings if (said := _reply(ruling, event, ctx))), None)
    if name == "PreToolUse" and not (reply and (reply.halt or reply.deny)):
        used.call(event)
        if together:
            together.call(used)
    return reply


def _reply(ruling: budget_rules.BudgetRuling, event: dict[str, Any], ctx: runtime.HookContext) -> runtime.Reply | None:
    """The hook's answer to a ruling; None where it was given already and needs no repeating."""
    from governor.hooks.pacing.going_on import words

    one, calls = ruling.standing, event.get("hook_event_name") == "PreToolUse"
    told = ctx.seen(ruling.episode)
    record = {"decision": ruling.word, "rule": f"budget:{one.name}", "unit": one.unit, "used": one.used}
    record |= {"limit": one.limit, "session": str(event.get("session_id"))[:64]}
    if ruling.word == "stop":
        runtime.claim(ctx.home, ruling.episode)
        text, log = f"{ruling.person} {budget_rules.LIFT}.", None if told else record
        return runtime.Reply(halt=text, record=log) if calls else runtime.Reply(block=text, record=log)
    if told:
        return None
    person, ask, block = ruling.person, "", ""
    if ruling.word == "ask" and not _is_answered(event, ctx.lane):
        record["decision"] = "unasked"  # nobody is there: the work goes on, and the log says so
    elif ruling.word == "ask" and calls and ctx.lane == "claude":
        person, ask = "", f"{person} {budget_rules.LIFT}."
    elif ruling.word == "ask" and not calls:
        person, block = "", f"{person} {words(event, os.environ, ctx.lane)}."
    return runtime.Reply(person=person, model=ruling.model, ask=ask, block=block, once=ruling.episode, record=record)


def _is_answered(event: dict[str, Any], lane: str) -> bool:
    from governor.hooks.state import client_process

    return client_process.is_answered(event, lane)
