"""After every call, failure and turn: calls that repeat, tools that keep failing, and what one more turn costs.

Claude's PostToolBatch, PostToolUseFailure, Stop and StopFailure; Codex's PostToolUse and Stop. An ordinary call is cut
out of the event's bytes, noted, and nothing is parsed (governor.hooks.loop.fingerprints).
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

    from governor.hooks.loop.fingerprints import Batch


def wants(raw: bytes, ctx: runtime.HookContext) -> bool:
    """Is there anything to say or to decide? Notes the calls on the way; ``batch`` carries them on to ``decide``."""
    snapshot = runtime.peek(os.path.join(ctx.home, "letters", "loop")) or b""
    kind = raw.partition(b'"hook_event_name":"')[2][:20].partition(b'"')[0]
    if kind == b"StopFailure":
        return True  # a refusal of the plan is a reading, whatever this guard is asked to do
    if not snapshot.startswith(b"speak") or not kind:
        return snapshot.startswith(b"speak") and b"hook_event_name" in raw  # laid out in another way: parse it
    if kind in (b"PostToolBatch", b"PostToolUse"):
        from governor.hooks.loop import fingerprints
        from governor.hooks.state import call_log

        carried[:] = [batch] = [fingerprints.read(raw)]
        return batch is None or call_log.is_odd(ctx.home, batch, snapshot, now=ctx.now)
    if kind == b"Stop":
        from governor.hooks.state import call_log

        return call_log.ended(ctx.home, raw, snapshot)
    return kind == b"PostToolUseFailure"


carried: "list[Batch | None]" = []


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    from governor.hooks.loop import run as loop_run

    snapshot = ctx.snapshot("loop")
    is_on = bool(snapshot) and snapshot.get("action") != "off"
    kind = event.get("hook_event_name")
    if kind == "StopFailure":
        loop_run.keep_refusal(event, ctx)
        return loop_run.after_refusal(event, ctx) if is_on else None
    if not is_on:
        return None
    if kind in ("PostToolBatch", "PostToolUse"):
        return loop_run.after_calls(event, ctx, snapshot, carried[0] if carried else None)
    if kind == "PostToolUseFailure":
        return loop_run.after_failure(event, ctx, snapshot)
    if kind == "Stop":
        return loop_run.after_turn(event, ctx, snapshot)
    return None


if __name__ == "__main__":
    runtime.run("loop", decide, wants=wants)
