"""Near the wall, a routine subagent runs on a cheaper model instead of not at all; and whether that saves anything.

One comparator for degrading and for tiers. A cheaper model finds none of the agent's opening in its cache, so what the
dearer model would have read there it must write first: with a long opening and a short task that costs more than it
saves. What such agents use comes from the ledger (snapshots.spawn); without any history only a model of half the weight
or less is taken. Never upward or sideways, never a fork, never a type the person marked critical.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.hooks.spawn.spawn_event import SpawningCall

STALE_S = 6 * 3600  # an older snapshot knows nothing about now
AHEAD_S = 300  # a snapshot from the future: the clock was set back
RANK = {"GO": 0, "NUDGE": 1, "SLOW": 2, "STOP": 3}
WINDOWS = {"5h": "5-hour window", "week": "week"}
NAMES = {"claude": "Claude", "codex": "Codex"}
WITHOUT_HISTORY = 0.5  # share of the dearer model's weight that is cheaper whatever the agent does
KINDS = ("input", "output", "cache_read", "cache_write")

WHY = {
    "cheaper": "The cheaper model costs less for what such agents use, its own cache written anew included.",
    "off": "It is switched off.",
    "no-letter": "No refresh has said how the lane stands.",
    "stale-letter": "What the last refresh said is more than 6 hours old.",
    "roomy": "The lane is not near its wall.",
    "critical": "This agent type is marked critical.",
    "fork": "A fork runs on its parent's model and in its parent's cache.",
    "fixed": "This call takes no model.",
    "no-target": "No cheaper model is named for this lane.",
    "model-unknown": "Which model it would run on is not known.",
    "weight-unknown": "What one of the two models weighs is not known.",
    "as-cheap": "It would run on a model that is as cheap already.",
    "costs-more": "Writing the agent's opening into the other model's cache costs more than it saves.",
    "no-history": "Nothing is known of such agents, and the other model is not half as dear.",
    "named": "The call names its model.",
    "unclear": "What the task asks for fits no tier clearly.",
}


class Shift:
    """``to`` is the model to use instead, empty where nothing changes; ``rule`` is a key of WHY.

    ``saved``: units, an estimate; None where nothing is known. ``basis``: whose use it comes from: type, all or none.
    """

    __slots__ = ("acts", "basis", "by", "rule", "saved", "to", "was")

    def __init__(self, rule: str, *, was: str = "", to: str = "", saved: float | None = None, basis: str = "") -> None:
        self.by = "wall"  # or tier: what asked for it
        self.acts = False  # carried out, rather than only recorded
        self.rule = rule
        self.was = was
        self.to = to
        self.saved = saved
        self.basis = basis


def wall(snapshot: dict[str, Any], lane: str, now: float) -> tuple[str, str, int]:
    """(verdict, window, cycle) of the lane's worst window that has not reset; ("", "", 0) where none is known."""
    lanes = snapshot.get("lanes")
    windows = lanes.get(lane) if isinstance(lanes, dict) else None
    worst = ("", "", 0)
    for window in windows if isinstance(windows, list) else ():
        if not isinstance(window, dict):
            continue
        verdict, resets_at = window.get("verdict"), window.get("resets_at")
        if not isinstance(verdict, str) or not isinstance(resets_at, (int, float)) or resets_at <= now:
            continue
        if verdict in RANK and (not worst[0] or RANK[verdict] > RANK[worst[0]]):
            worst = (verdict, str(window.get("window", "")), int(window.get("cycle") or resets_at))
    return worst


def snapshot_fault(snapshot: dict[str, Any], now: float) -> str:
    """Why the letter's figures are void, or an empty string."""
    written = snapshot.get("written_at")
    if not isinstance(written, (int, float)) or isinstance(written, bool):
        return "no-letter"
    return "" if -AHEAD_S <= now - written <= STALE_S else "stale-letter"


def choose(
    what: SpawningCall, snapshot: dict[str, Any], *, lane: str, now: float, current: str, overridden: bool
) -> Shift:
    """The model for this call: the wall's word first, then the tier's. An override leaves everything as asked for."""
    from governor.hooks.router import tier_hint

    shift = degrade(what, snapshot, lane=lane, now=now, current=current)
    if shift.to:
        shift.acts = snapshot["degrade"]["mode"] == "act" and not overridden
        return shift
    other = tier_hint.for_subagent(what, snapshot, lane=lane, current=current)
    if other.rule == "off":
        return shift
    other.by = "tier"
    other.acts = bool(other.to) and tier_hint.mode_of(snapshot) == "advise" and not overridden
    return other


def degrade(what: SpawningCall, snapshot: dict[str, Any], *, lane: str, now: float, current: str) -> Shift:
    """Whether this call should go to the lane's cheaper model now; ``current``: what it would run on, if known."""
    wish = snapshot.get("degrade")
    wish = wish if isinstance(wish, dict) else {}
    if wish.get("mode") not in ("observe", "act"):
        return Shift("off" if snapshot else "no-letter")
    if fault := snapshot_fault(snapshot, now):
        return Shift(fault)
    verdict = wall(snapshot, lane, now)[0]
    if not verdict or RANK[verdict] < RANK.get(str(wish.get("at")), RANK["SLOW"]):
        return Shift("roomy")
    return move(what, str(wish.get(lane) or ""), snapshot, lane=lane, current=current)


def move(what: SpawningCall, target: str, snapshot: dict[str, Any], *, lane: str, current: str) -> Shift:
    """Whether ``target`` is cheaper for this call than ``current``, everything that never moves left alone."""
    from governor.hooks.spawn.spawn_event import target as as_taken

    if is_critical(what.kind, snapshot):
        return Shift("critical", was=current)
    if not what.movable:
        return Shift("fixed", was=current)
    if what.forks:
        return Shift("fork", was=current)
    to = as_taken(target, lane)
    if not to:
        return Shift("no-target", was=current)
    if not current:
        return Shift("model-unknown", to="")
    before, after = factor(snapshot, current), factor(snapshot, to)
    if before is None or after is None:
        return Shift("weight-unknown", was=current)
    use = _use(snapshot, lane, what.kind)
    most = use.get("most") if use.get("basis") == "type" else None  # its own file may ask for less, where we cannot see
    if after >= before or (isinstance(most, (int, float)) and most < after):
        return Shift("as-cheap", was=current)
    if use.get("basis") == "none":
        rule = "cheaper" if after <= WITHOUT_HISTORY * before else "no-history"
        return Shift(rule, was=current, to=to if rule == "cheaper" else "", basis="none")
    saved = saving(use, snapshot, before=before, after=after)
    if saved <= 0:
        return Shift("costs-more", was=current, saved=saved, basis=use["basis"])
    return Shift("cheaper", was=current, to=to, saved=saved, basis=use["basis"])


def saving(use: dict[str, Any], snapshot: dict[str, Any], *, before: float, after: float) -> float:
    """Units saved by an agent that uses ``use``: positive where the model of factor ``after`` is cheaper in all.

    ``use`` holds weighed units per kind at factor 1, and ``opening``: tokens that its first request reads from the
    dearer model's cache, which the other model must write.
    """
    units = sum(_number(use.get(kind)) for kind in KINDS)
    rewritten = _number(use.get("opening")) * max(0.0, _number(snapshot.get("rewrite")))
    return before * units - after * (units + rewritten)


def factor(snapshot: dict[str, Any], model: str) -> float | None:
    """What a token of a model weighs, by the snapshot, its date left out; None for a model it does not know."""
    table = snapshot.get("factors")
    name, _, date = model.rpartition("-")
    undated = name if len(date) == 8 and date.isdigit() else model
    found = table.get(model, table.get(undated)) if isinstance(table, dict) else None
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) and found >= 0 else None


def episode(shift: Shift, snapshot: dict[str, Any], *, lane: str, now: float, session: str) -> str:
    """What the full word is said once for."""
    about = f"{lane}:{wall(snapshot, lane, now)[2]}" if shift.by == "wall" else f"{lane}:tier"
    return f"degrade:{session}:{about}"


def record_of(shift: Shift) -> dict[str, Any]:
    """A shift as the log keeps it: names and numbers; ``saved_units`` is an estimate, null where nothing is known."""
    saved = None if shift.saved is None else round(shift.saved)
    return {
        "shift": shift.rule,
        "by": shift.by,
        "from": shift.was,
        "to": shift.to,
        "saved_units": saved if shift.to else None,
        "basis": shift.basis,
        "degraded": shift.acts,
    }


def is_critical(kind: str, snapshot: dict[str, Any]) -> bool:
    """Did the person mark this agent type, with or without its plugin's name before it?"""
    wish = snapshot.get("degrade")
    named = wish.get("critical") if isinstance(wish, dict) else None
    low = kind.casefold()
    marked = {name.casefold() for name in named if isinstance(name, str)} if isinstance(named, list) else set()
    return low in marked or low.rpartition(":")[2] in marked


def _use(snapshot: dict[str, Any], lane: str, kind: str) -> dict[str, Any]:
    """What agents of this type used lately, else what all did; ``basis`` says which."""
    types = snapshot.get("types")
    table = types.get(lane) if isinstance(types, dict) else None
    for name, basis in ((kind, "type"), ("", "all")):
        use = table.get(name) if isinstance(table, dict) else None
        if isinstance(use, dict):
            return {**use, "basis": basis}
    return {"basis": "none"}


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def told(shift: Shift, what: SpawningCall, snapshot: dict[str, Any], *, lane: str, now: float, first: bool) -> str:
    """The line for the person: in full for the first of an episode, short after that; never nothing."""
    units = f" (≈ {shift.saved / 1000:,.0f}k units saved, estimate)" if shift.saved and shift.saved >= 500 else ""
    if not first:
        return f"governor: {what.kind} → {shift.to}{units}. As asked for: governor override 30m"
    verdict, window, _ = wall(snapshot, lane, now)
    name = WINDOWS.get(window, f"{window} window")
    why = f"{NAMES.get(lane, lane)}'s {name} is at {verdict}: " if shift.by == "wall" else "the smaller tier suits: "
    return (
        f"governor: {why}{what.kind} runs on {shift.to} instead of {shift.was}{units}. Never for a type: "
        "degrade.critical in budget.json; all as asked for: governor override 30m"
    )
