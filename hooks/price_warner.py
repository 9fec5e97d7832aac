"""SessionStart (resume, fork) and PreModelSwitch: what writing the context anew costs, to the person, before it does.

Never decides: a switch goes on whatever is said here, and a start is told to the person alone, at no token's cost.
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


def wants(raw: bytes, ctx: runtime.HookContext) -> bool:
    """A start that resumes nothing carries no number of tokens."""
    return b'"context_tokens"' in raw and not runtime.is_quiet(ctx.home, "price")


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    from governor.hooks.price import rules as price_rules

    snapshot = ctx.snapshot("price")
    said = price_rules.say(event, snapshot, now=ctx.now)
    if said is None:
        return None
    words, numbers = said
    speaks = snapshot.get("action") != "observe"
    session = str(event.get("session_id", ""))[:64]
    record = {"decision": "told" if speaks else "observed", **numbers, "session": session}
    return runtime.Reply(person=words if speaks else "", record=record)


if __name__ == "__main__":
    runtime.run("price", decide, wants=wants)
