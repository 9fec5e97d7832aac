"""What is said and done when a subagent would be one too many: by the action the person chose, and in which words.

Pure. A refusal names the cap and its count, says to the model how to go on, and to the person how to lift it.
"""

from __future__ import annotations

from governor.hooks.spawn.rules import CAPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from governor.hooks.spawn.rules import Verdict

ACTIONS = ("observe", "advise", "ask", "stop")
LIFT = "governor override 30m"
HAVE = {
    "depth": "subagents are {count} deep here, and {limit} is the most",
    "tree_tokens": "the subagents of this session have used {count:,} tokens of {limit:,}",
    "total": "{count} of {limit} {subagents} of this session {have} been spawned",
    "fan_out": "{count} of {limit} {subagents} {have} been spawned for this prompt",
    "concurrent": "{count} of {limit} {subagents} of this session {are} running",
    "busy": "the subagents that run could not be counted",
}
ONE = {"subagents": "subagent", "have": "has", "are": "is"}
MANY = {"subagents": "subagents", "have": "have", "are": "are"}
GO_ON = {
    "concurrent": "Do this part yourself, or wait until one ends.",
    "busy": "Try once more.",
}
SETTING = {rule: f"spawn.{rule}" for rule in CAPS}


class Said:
    """``deny`` and ``ask`` decide; ``person`` and ``model`` are for the first of an episode."""

    __slots__ = ("ask", "decision", "deny", "model", "person")

    def __init__(self, decision: str, *, deny: str = "", ask: str = "", person: str = "", model: str = "") -> None:
        self.decision = decision  # admit, over, ask or deny
        self.deny = deny
        self.ask = ask
        self.person = person
        self.model = model


def action_of(
    snapshot: dict[str, Any], lane: str, *, overridden: bool, is_answered: Callable[[], bool] = lambda: True
) -> str:
    """The action in force: a word nobody knows observes, Codex cannot ask, and an override lifts whatever stops.

    ``unasked`` where nobody would answer: the agent starts, and the log says so.
    """
    wish = snapshot.get("action")
    action = wish if isinstance(wish, str) and wish in ACTIONS else "observe"
    if action == "ask" and lane != "claude":
        action = "advise"
    if action == "ask" and not overridden and not is_answered():
        return "unasked"
    return "lifted" if overridden and action in ("ask", "stop") else action


def episode(verdict: Verdict, session: str, prompt: str) -> str:
    """What is said once for: a cap in a session, and for the fan-out also a prompt."""
    return f"spawn:{session}:{verdict.rule}" + (f":{prompt}" if verdict.rule == "fan_out" else "")


def record_of(verdict: Verdict, said: Said, *, action: str, kind: str) -> dict[str, Any]:
    """A verdict as the log keeps it: names and numbers."""
    return {
        "decision": said.decision,
        "rule": verdict.rule,
        "action": action,
        "agent": kind,
        "open": verdict.open,
        "count": verdict.count if verdict.rule else None,
        "limit": verdict.limit if verdict.rule else None,
    }


def answer(verdict: Verdict, action: str) -> Said:
    """What the verdict comes to."""
    if verdict.rule in ("", "uncounted") or (verdict.rule == "busy" and action != "stop"):
        return Said("admit")
    number = ONE if verdict.limit == 1 else MANY
    have = HAVE[verdict.rule].format(count=verdict.count, limit=verdict.limit, **number)
    on = GO_ON.get(verdict.rule, "Do the rest yourself.")
    raise_it = f"Raise {SETTING[verdict.rule]} in budget.json, or for now: " if verdict.rule in SETTING else "Lift it: "
    if action == "stop":
        denied = f"Subagent not started: {have}. {on} The person can lift this: {LIFT}"
        return Said("deny", deny=denied, person=f"governor: {have}; one more was refused. {raise_it}{LIFT}")
    if action == "ask":
        return Said("ask", ask=f"governor: {have}. Start one more? To stop asking: {LIFT}")
    if action == "advise":
        told = f"governor: {have}; one more starts all the same. To hold them there: spawn.action in budget.json"
        return Said("over", person=f"{told}, then: governor config", model=f"Subagent count: {have}.")
    return Said("over")
