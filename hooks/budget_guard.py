"""PreToolUse on every tool, and UserPromptSubmit: holds what this session has used against the person's budgets.

Reads the letter ``budget``, which is quiet while there are none. A budget is checked before every tool call, to the
last response: the one that crosses is charged, and the next call is not made. A tool at rest is refused here, too.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from governor import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def wants(raw: bytes, door: hook.Door) -> bool:
    session = raw.partition(b'"session_id":"')[2][:80].partition(b'"')[0].decode("utf-8", "replace")
    rests = "/" not in session and os.path.isfile(f"{door.home}/breakers/{session}")
    return rests or not hook.is_quiet(door.home, "budget")


def decide(event: dict[str, Any], door: hook.Door) -> hook.Reply | None:
    if os.path.isdir(f"{door.home}/breakers"):
        from governor.acts import breakers

        if (held := breakers.before_call(event, door)) is not None:
            return held
    if hook.is_quiet(door.home, "budget"):
        return None
    from governor.acts import live, locks
    from governor.guards import budget

    letter, name, session = door.letter("budget"), event.get("hook_event_name"), str(event.get("session_id"))
    try:
        with live.Session(door.home, door.lane, session, door.now) as used:
            used.note_place(event, letter)
            if name == "UserPromptSubmit":
                used.begin(event)
            patience_s = budget.patience(letter) if name == "PreToolUse" else 0.0
            used.take_in(event, letter.get("models") or {}, patience_s=patience_s)
            if not budget.is_together(letter):
                return _ruled(event, door, letter, used, None)
            return _with_the_others(event, door, letter, used)
    except locks.BusyError:
        return _uncounted(event)


def release(event: dict[str, Any], door: hook.Door, reply: hook.Reply | None) -> None:
    """Give back what ``decide`` took for this event, because another guard refused the call: its place in every budget,
    and the question or the word that was used up with it. Raises: OSError.
    """
    from governor.acts import takeback

    takeback.budget(event, door, once=reply.once if reply else "")


def _with_the_others(event: dict[str, Any], door: hook.Door, letter: dict[str, Any], used: Any) -> hook.Reply | None:
    """Rule while no other session can: from looking at what all have used to charging this call."""
    from governor.acts import locks, shared

    try:
        with shared.Together(door.home, door.now) as together:
            together.publish(used)
            grown = together.grown(but=used.session)
            if not grown:
                return _ruled(event, door, letter, used, together)
        for lane, session in grown:
            shared.catch_up(door.home, lane, session, letter.get("models") or {}, door.now)
        with shared.Together(door.home, door.now) as together:
            return _ruled(event, door, letter, used, together)
    except locks.BusyError:
        return _ruled(event, door, letter, used, None) or _uncounted(event)


def _uncounted(event: dict[str, Any]) -> hook.Reply:
    """Somebody holds the counters and does not move on: the call is made, and the log says that it was not counted."""
    return hook.Reply(
        record={"decision": "uncounted", "rule": "budget:busy", "session": str(event.get("session_id"))[:64]}
    )


def _ruled(
    event: dict[str, Any], door: hook.Door, letter: dict[str, Any], used: Any, together: Any
) -> hook.Reply | None:
    """The answer to this event; the call is charged unless it is refused."""
    from governor.guards import budget

    name, project = str(event.get("hook_event_name")), used.project
    rows = together.rows(letter, project) if together else budget.own(letter)
    ids = {"session": used.session, "request": used.prompt, "agent": str(event.get("agent_id", ""))}
    found = budget.standings({"budgets": rows}, used.scopes(event), lane=door.lane, project=project, now=door.now)
    lifted = hook.is_overridden(door.home, door.now)
    rulings = budget.rule(found, event_name=name, scope_ids=ids, now=door.now, overridden=lifted, clock=used.clock)
    reply = next((said for ruling in rulings if (said := _reply(ruling, event, door))), None)
    if name == "PreToolUse" and not (reply and (reply.halt or reply.deny)):
        used.call(event)
        if together:
            together.call(used)
    return reply


def _reply(ruling: Any, event: dict[str, Any], door: hook.Door) -> hook.Reply | None:
    """The hook's answer to a ruling; None where it was given already and needs no repeating."""
    from governor.guards.budget import LIFT
    from governor.guards.going_on import words

    one, calls = ruling.standing, event.get("hook_event_name") == "PreToolUse"
    told = door.seen(ruling.episode)
    record = {"decision": ruling.word, "rule": f"budget:{one.name}", "unit": one.unit, "used": one.used}
    record |= {"limit": one.limit, "session": str(event.get("session_id"))[:64]}
    if ruling.word == "stop":
        hook.claim(door.home, ruling.episode)
        text, log = f"{ruling.person} {LIFT}.", None if told else record
        return hook.Reply(halt=text, record=log) if calls else hook.Reply(block=text, record=log)
    if told:
        return None
    person, ask, block = ruling.person, "", ""
    if ruling.word == "ask" and not _is_answered(event, door):
        record["decision"] = "unasked"  # nobody is there: the work goes on, and the log says so
    elif ruling.word == "ask" and calls and door.lane == "claude":
        person, ask = "", f"{person} {LIFT}."
    elif ruling.word == "ask" and not calls:
        person, block = "", f"{person} {words(event, os.environ, door.lane)}."
    return hook.Reply(person=person, model=ruling.model, ask=ask, block=block, once=ruling.episode, record=record)


def _is_answered(event: dict[str, Any], door: hook.Door) -> bool:
    """Is somebody there whom a question would reach?"""
    from governor.acts import client
    from governor.guards.attended import is_attended

    return is_attended(event, os.environ, door.lane, command=lambda: client.command(door.lane, event))


if __name__ == "__main__":
    hook.run("budget", decide, wants=wants)
