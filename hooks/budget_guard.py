"""PreToolUse on every tool, and UserPromptSubmit: holds what this session has used against the person's budgets.

Reads the snapshot ``budget``, which is quiet while there are none. A budget is checked before every tool call, to the
last response: the one that crosses is charged, and the next call is not made. A tool at rest is refused here, too.
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
    session = raw.partition(b'"session_id":"')[2][:80].partition(b'"')[0].decode("utf-8", "replace")
    rests = "/" not in session and os.path.isfile(f"{ctx.home}/breakers/{session}")
    return rests or not runtime.is_quiet(ctx.home, "budget")


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    if os.path.isdir(f"{ctx.home}/breakers"):
        from governor.hooks.state import breakers

        held = breakers.before_call(event, ctx)
        if held is not None:
            return held
    if runtime.is_quiet(ctx.home, "budget"):
        return None
    from governor.hooks.budget import rules as budget_rules
    from governor.hooks.budget import run as budget_run

    snapshot = ctx.snapshot("budget")
    patience_s = budget_rules.patience(snapshot) if event.get("hook_event_name") == "PreToolUse" else 0.0
    return budget_run.rule(event, ctx, snapshot, patience_s=patience_s)


def release(event: "dict[str, Any]", ctx: runtime.HookContext, reply: "runtime.Reply | None") -> None:
    """Give back what ``decide`` took for this event, because another guard refused the call: its place in every budget,
    and the question or the word that was used up with it. Raises: OSError.
    """
    from governor.hooks.budget import give_back

    give_back.budget(event, ctx, once=reply.once if reply else "")


if __name__ == "__main__":
    runtime.run("budget", decide, wants=wants)
