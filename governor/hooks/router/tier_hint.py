"""Whether to offer another size of model within one lane: which suits is guards.suits' to say, what it saves is here.

Offered only downward, for a step up saves nothing, and only while the lane is under pressure.

A switch in mid-conversation writes the whole context into the other model's cache. It is offered only when that costs
less than REQUESTS requests on the smaller model save, each reading the context again and using TURN_UNITS beside; the
way back is taken to find its own cache still warm.
"""

from __future__ import annotations

from governor.hooks.router.model_tier import TIERS, suits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from governor.hooks.router.model_tier import Suit
    from governor.hooks.spawn.degrade import Shift
    from governor.hooks.spawn.spawn_event import SpawningCall

# What a request uses beside reading its context: 600 tokens of output at five units, 2,000 of new input. About the
# middle of working sessions; stated wherever the comparison is shown.
TURN_UNITS = 5_000.0
REQUESTS = 10  # until the work is done and the person switches back
RECORDED = ("smaller-suits", "costs-more", "upward")
LINE = 240

WHY = {
    "smaller-suits": "A smaller model suits this, and switching costs less than it saves.",
    "unclear": "What it asks for fits no tier clearly.",
    "off": "Tier hints are switched off.",
    "no-letter": "No refresh has said how the lane stands.",
    "stale-letter": "What the last refresh said is more than 6 hours old.",
    "roomy": "No warning is on in this lane, so no smaller model is offered.",
    "model-unknown": "Which model the session runs on is not known.",
    "tier-unknown": "The session's model belongs to no tier of this lane.",
    "same-tier": "The session runs on the tier that suits it.",
    "upward": "A larger model suits this; a step up saves nothing, so it is not offered.",
    "context-unknown": "How much context a switch would write anew is not known.",
    "costs-more": "Writing the context into the other model's cache costs more than it saves.",
}


class Hint:
    """What the comparator says of a switch. ``rule`` is a key of WHY; ``to`` names the model where one is offered.

    ``saved`` and ``cost`` are units, estimates: of REQUESTS requests, and of writing the context anew.
    """

    __slots__ = ("cost", "rule", "saved", "tier", "to", "was")

    def __init__(
        self, rule: str, *, tier: str = "", was: str = "", to: str = "", saved: float | None = None,
        cost: float | None = None,
    ) -> None:  # fmt: skip
        self.rule = rule
        self.tier = tier
        self.was = was
        self.to = to
        self.saved = saved
        self.cost = cost


def tier_of(model: str, snapshot: dict[str, Any], lane: str) -> str:
    """The tier a model belongs to: the one that names it, else by its weight beside theirs; empty where unknown."""
    from governor.hooks.spawn.degrade import factor

    names = models(snapshot, lane)
    low = model.casefold()
    parts = [low, *low.split("-")]
    named = [tier for tier, name in zip(TIERS, names) if name.casefold() in parts]
    if named:
        return named[0]
    weights = [factor(snapshot, name) for name in names]
    own = factor(snapshot, model)
    if own is None or len(names) != 3 or None in weights:
        return ""
    small, _, large = weights
    return "small" if own <= (small or 0) else "large" if own >= (large or 0) else "middle"


def models(snapshot: dict[str, Any], lane: str) -> list[str]:
    """The lane's models by tier, the smallest first; empty where the snapshot names none."""
    wish = snapshot.get("tiers")
    found = wish.get(lane) if isinstance(wish, dict) else None
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def hint(suit: Suit, snapshot: dict[str, Any], *, lane: str, now: float, model: str, context: int | None) -> Hint:
    """Whether to offer the tier that suits, to a session on ``model`` whose turns read ``context`` tokens again."""
    from governor.hooks.router.rules import lane_of
    from governor.hooks.spawn.degrade import factor, snapshot_fault

    mode = mode_of(snapshot)
    if mode == "off":
        return Hint("off")
    if fault := snapshot_fault(snapshot, now):
        return Hint(fault)
    if not suit.tier:
        return Hint("unclear")
    standing = lane_of(snapshot, lane)
    verdict, resets_at = standing.get("verdict"), standing.get("resets_at")
    if verdict not in ("NUDGE", "SLOW", "STOP") or (isinstance(resets_at, (int, float)) and resets_at <= now):
        return Hint("roomy", tier=suit.tier)
    if not model:
        return Hint("model-unknown", tier=suit.tier)
    here = tier_of(model, snapshot, lane)
    if not here:
        return Hint("tier-unknown", tier=suit.tier, was=model)
    if here == suit.tier:
        return Hint("same-tier", tier=suit.tier, was=model)
    if TIERS.index(suit.tier) > TIERS.index(here):
        return Hint("upward", tier=suit.tier, was=model)
    to = models(snapshot, lane)[TIERS.index(suit.tier)]
    before, after = factor(snapshot, model), factor(snapshot, to)
    if before is None or after is None:
        return Hint("tier-unknown", tier=suit.tier, was=model)
    if context is None:
        return Hint("context-unknown", tier=suit.tier, was=model)
    cost, saved = switch(snapshot, context, before=before, after=after)
    rule = "smaller-suits" if saved > cost else "costs-more"
    return Hint(rule, tier=suit.tier, was=model, to=to if saved > cost else "", saved=saved, cost=cost)


def switch(snapshot: dict[str, Any], context: int, *, before: float, after: float) -> tuple[float, float]:
    """(units that writing the context anew costs over reading it, units that REQUESTS smaller requests save)."""
    read = snapshot.get("read")
    rewrite = snapshot.get("rewrite")
    reading = float(read) if isinstance(read, (int, float)) else 0.0
    writing = float(rewrite) if isinstance(rewrite, (int, float)) else 1.0
    return context * writing * after, REQUESTS * (context * reading + TURN_UNITS) * (before - after)


def mode_of(snapshot: dict[str, Any]) -> str:
    """advise, shadow (record, say nothing) or off; a word nobody knows is off, and so is a snapshot without any."""
    wish = snapshot.get("tiers")
    mode = wish.get("mode") if isinstance(wish, dict) else None
    return mode if mode in ("advise", "shadow") else "off"


def session_of(snapshot: dict[str, Any], session: object) -> tuple[str, int | None]:
    """(model, context) of a session used lately; ("", None) where the snapshot does not know it."""
    sessions = snapshot.get("sessions")
    found = sessions.get(session) if isinstance(sessions, dict) and isinstance(session, str) else None
    if not isinstance(found, list) or len(found) != 3 or not isinstance(found[0], str):
        return "", None
    return found[0], found[1] if isinstance(found[1], int) else None


def latest(snapshot: dict[str, Any], lane: str) -> str:
    """The session of a lane that was used last, by a snapshot that names them in that order; empty without any."""
    sessions = snapshot.get("sessions")
    found = [name for name, facts in sessions.items() if lane in facts] if isinstance(sessions, dict) else []
    return str(found[-1]) if found else ""


def line_for(found: Hint, *, lane: str) -> str:
    """One line for the person that ends with what to type; empty when nothing is offered."""
    if not found.to:
        return ""
    net = (found.saved or 0) - (found.cost or 0)
    kind = {"small": "deterministic text work", "middle": "review, diagnosis or tests"}[found.tier]
    type_it = f"/model {found.to}" if lane == "claude" else f"/model, then {found.to}"
    line = (
        f"governor: {kind}: {found.to} would do it for ≈ {net / 1000:,.0f}k units less than {found.was} (estimate, "
        f"{REQUESTS} requests, its cache written anew). For this task: {type_it}"
    )
    return line if len(line) <= LINE else f"governor: {kind}, which {found.to} does for less. For this task: {type_it}"


def record_of(found: Hint, suit: Suit, *, said: bool, mode: str) -> dict[str, Any]:
    """A hint as the log keeps it: names and numbers, never the prompt's text."""
    units = {"saved_units": found.saved, "cost_units": found.cost}
    return {
        "tier": found.tier,
        "rule": found.rule,
        "from": found.was,
        "to": found.to,
        "said": said,
        "mode": mode,
        "signals": suit.signals[:12],
        **{name: None if value is None else round(value) for name, value in units.items()},
    }


def word(
    event: dict[str, Any], snapshot: dict[str, Any], *, lane: str, now: float, seen: Callable[[str], bool]
) -> dict[str, Any] | None:
    """What a prompt's event comes to: ``person``, ``once`` and ``record``; None where there is nothing to record.

    A prompt leaves a record when a tier suits it and it is offered, or would be but for what the switch costs.
    """
    from governor.hooks.router.rules import unsaid

    session = str(event.get("session_id", ""))[:64]
    known, context = session_of(snapshot, session)
    suit = suits(event.get("prompt"), snapshot)
    model = str(event.get("model") or "")[:80] or known
    found = hint(suit, snapshot, lane=lane, now=now, model=model, context=context)
    if found.rule not in RECORDED:
        return None
    mode = mode_of(snapshot)
    offers = bool(found.to) and mode == "advise"
    once = unsaid(f"tier:{session}:{found.to}", now=now, seen=seen) if offers else ""
    speaks = bool(once)
    record = {"decision": "tier", "rule": found.rule, "session": session}
    return {
        "person": line_for(found, lane=lane) if speaks else "",
        "once": once,
        "record": {**record, "tier": record_of(found, suit, said=speaks, mode=mode)},
    }


def for_subagent(what: SpawningCall, snapshot: dict[str, Any], *, lane: str, current: str) -> Shift:
    """The tier that suits a subagent's task, as a shift to its model; only downward, and only when none is named."""
    from governor.hooks.spawn.degrade import Shift, move

    wish = snapshot.get("tiers")
    if not isinstance(wish, dict) or wish.get("subagents") is not True or mode_of(snapshot) == "off":
        return Shift("off")
    if what.model:
        return Shift("named")
    found = {suit.tier for words in what.words if (suit := suits(words, snapshot)).tier}
    names = models(snapshot, lane)
    if len(found) != 1 or len(names) != 3:
        return Shift("unclear")
    return move(what, names[TIERS.index(found.pop())], snapshot, lane=lane, current=current)
