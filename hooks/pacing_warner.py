"""UserPromptSubmit, SessionStart: one short line when an episode begins, to the person, at no token's cost.

Reads the letter ``pacing``; a quiet letter ends the run before anything is parsed. The letter ``handoffs`` is there
only while something that was handed off has ended and its session has not heard of it.
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


def wants(_: bytes, door: hook.Door) -> bool:
    return has_news(door) or not hook.is_quiet(door.home, "pacing")


def has_news(door: hook.Door) -> bool:
    """Has something ended that a session handed off? The letter is there only then."""
    return os.path.exists(os.path.join(door.home, "letters", "handoffs"))


def decide(event: "dict[str, Any]", door: hook.Door) -> "hook.Reply | None":
    from governor.guards import pacing

    advice = pacing.decide(
        event,
        door.letter("pacing"),
        lane=door.lane,
        now=door.now,
        seen=door.seen,
        overridden=hook.is_overridden(door.home, door.now),
    )
    if (advice is None or not advice.block) and has_news(door):
        from governor.guards import handoff

        told = handoff.news(event, door.letter("handoffs"), lane=door.lane, seen=door.seen)
        if told is not None:  # and the pacing word waits for the next prompt
            about = {"decision": "told", "rule": "handoff", "handoff": told.name}
            return hook.Reply(person=told.line, model=told.model, once=told.once, record=about)
    if advice is None:
        return None
    record = {"decision": advice.decision, "rule": advice.rule, "session": str(event.get("session_id", ""))[:64]}
    record["said"] = advice.once.split(":")[0] or "held"
    return hook.Reply(
        person=advice.person,
        model=advice.model,
        block=advice.block,
        once=advice.once,
        record=record,
        bell=advice.bell,
    )


if __name__ == "__main__":
    hook.run("pacing", decide, wants=wants)
