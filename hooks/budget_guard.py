"""PreToolUse on every tool, and UserPromptSubmit: holds what this session has used against the person's budgets.

Reads the letter ``budget``, which is quiet while there are none. A budget is checked before every tool call, to the
last response: the one that crosses is charged, and the next call is not made. A tool at rest is refused here, too.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if sys.version_info < (3, 9):
    from governor import old_python

    old_python.leave()
from governor import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def wants(raw: bytes, door: hook.Door) -> bool:
    session = raw.partition(b'"session_id":"')[2][:80].partition(b'"')[0].decode("utf-8", "replace")
    rests = "/" not in session and os.path.isfile(f"{door.home}/breakers/{session}")
    return rests or not hook.is_quiet(door.home, "budget")


def decide(event: "dict[str, Any]", door: hook.Door) -> "hook.Reply | None":
    if os.path.isdir(f"{door.home}/breakers"):
        from governor.acts import breakers

        held = breakers.before_call(event, door)
        if held is not None:
            return held
    if hook.is_quiet(door.home, "budget"):
        return None
    from governor.acts import live
    from governor.guards import budget

    letter, name, session = door.letter("budget"), str(event.get("hook_event_name")), str(event.get("session_id"))
    with live.Session(door.home, door.lane, session, door.now) as used:
        if name == "PreToolUse" and used.is_charged(event):
            return None
        used.note_place(event, letter)
        if name == "UserPromptSubmit":
            used.begin(event)
        patience_s = budget.patience(letter) if name == "PreToolUse" else 0.0
        used.take_in(event, letter.get("models") or {}, patience_s=patience_s)
        scopes, project = used.scopes(event, letter), used.project
        ids = {"session": session, "request": used.prompt, "agent": str(event.get("agent_id", ""))}
        found = budget.standings(letter, scopes, lane=door.lane, project=project, now=door.now)
        lifted = hook.is_overridden(door.home, door.now)
        rulings = budget.rule(found, event_name=name, scope_ids=ids, now=door.now, overridden=lifted, clock=used.clock)
        replies = (_reply(ruling, event, door) for ruling in rulings)
        reply = next((said for said in replies if said), None)
        if name == "PreToolUse" and not (reply and (reply.halt or reply.deny)):
            used.call(event)
    return reply


def _reply(ruling: "Any", event: "dict[str, Any]", door: hook.Door) -> "hook.Reply | None":
    """The hook's answer to a ruling; None where it was given already and needs no repeating."""
    from governor.guards.budget import LIFT
    from governor.guards.pacing import is_machine

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
    if ruling.word == "ask" and calls and door.lane == "claude":
        person, ask = "", f"{person} {LIFT}."
    elif ruling.word == "ask" and not calls and not is_machine(event):  # nobody would press Enter for a machine
        person, block = "", f"{person} Press Enter to go on."
    return hook.Reply(person=person, model=ruling.model, ask=ask, block=block, once=ruling.episode, record=record)


if __name__ == "__main__":
    hook.run("budget", decide, wants=wants)
