"""UserPromptSubmit: offer the lane with slack for broad building work, keep judgement on Claude, else stay silent.

Reads the snapshot ``router``; a quiet snapshot ends the run before anything is parsed. Only a prompt the person typed is
looked at: not a finished agent's report, a wake-up, a subagent's or an SDK's prompt. What is recorded, and what never
is: governor.hooks.router.rules.
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
    """Can the router say anything now, and is there a word it listens for? A person's own words are in the snapshot."""
    try:
        with open(os.path.join(ctx.home, "letters", "router"), "rb") as file:
            snapshot = file.read()
    except OSError:
        return False
    if not snapshot.startswith(b"speak"):
        return False
    from governor.hooks.router import stems

    return b'"words"' in snapshot or stems.may_matter(raw)


def decide(event: "dict[str, Any]", ctx: runtime.HookContext) -> "runtime.Reply | None":
    from governor.hooks.router import rules as router_rules

    typed = event.get("source", "user") == "user" and "agent_id" not in event
    if event.get("hook_event_name") != "UserPromptSubmit" or not typed or ctx.lane not in router_rules.OTHER:
        return None
    snapshot = ctx.snapshot("router")
    reading = router_rules.read_prompt(event.get("prompt"), snapshot)
    advice = router_rules.advise(reading, lane=ctx.lane, snapshot=snapshot, now=ctx.now)
    size = None
    if "tiers" in snapshot:
        from governor.hooks.router import tier_hint

        size = tier_hint.word(event, snapshot, lane=ctx.lane, now=ctx.now, seen=ctx.seen)
    if advice.rule in router_rules.UNRECORDED:
        return runtime.Reply(**size) if size else None
    session, cwd = str(event.get("session_id", ""))[:64], event.get("cwd")
    inside = advice.to != "codex" or in_git(cwd)
    line = router_rules.line_for(advice, lane=ctx.lane, snapshot=snapshot, cwd=cwd, in_git=inside)
    about, mode = f"router:{session}:{advice.decision}", router_rules.mode_of(snapshot)
    once = router_rules.unsaid(about, now=ctx.now, seen=ctx.seen) if line and mode == "advise" else ""
    tells = bool(once) and snapshot.get("tell_model") is True
    record = router_rules.record_of(advice, reading, session=session, cwd=cwd, said=bool(once), mode=mode)
    if size and not line:  # one word a prompt: the other lane's comes before the other tier's
        return runtime.Reply(**{**size, "record": {**size["record"], **record}})
    return runtime.Reply(
        person=line if once else "",
        model=router_rules.note_for(advice, lane=ctx.lane, snapshot=snapshot) if tells else "",
        once=once,
        record=record,
    )


def in_git(cwd: object) -> bool:
    """Is the folder in a git repository? Codex refuses to start outside one unless told to."""
    folder = cwd if isinstance(cwd, str) and "\0" not in cwd else ""
    while folder and not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
    return bool(folder)


if __name__ == "__main__":
    runtime.run("router", decide, wants=wants)
