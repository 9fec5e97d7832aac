"""Which lane a prompt belongs on: what it asks for, and how much room both lanes have at their reset.

One comparator, ``advise``, decides for the hook and explains for `governor route`, so the two cannot differ. Narrow: it
offers only a lane that is installed, healthy, in no trouble of its own and clearly better off, and only when the lane
in use is under pressure or would pass its cap. It never blocks; what it says costs no tokens unless the person asks for
a model note.

**Recorded**: a prompt that asked for broad building or for judgement while a snapshot said that a lane is under
pressure: ``handoff`` and ``return`` (offers), ``local`` (no other lane can help), ``keep`` (judgement stays on Claude)
and ``silent`` (the lanes gave no reason). Prompts that ask for neither leave no trace, and no text of any prompt does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from governor.hooks.router.prompt import PromptReading

STALE_S = 6 * 3600  # an older snapshot knows nothing about now
AHEAD_S = 300  # a snapshot from the future: the clock was set back
MARGIN = 10.0  # points of slack by which the other lane must be better off
LINE = 240  # characters a person is asked to read, at most
NOTE = 200  # characters a model is made to read, at most
QUIET_S = 1800  # the same advice in the same session: at most once in this time

HANDOFF = 'governor handoff "…your task…"'  # lane and folder follow from where it is typed

RANK = {"GO": 0, "NUDGE": 1, "SLOW": 2, "STOP": 3}
NAMES = {"claude": "Claude", "codex": "Codex"}
OTHER = {"claude": "codex", "codex": "claude"}
WINDOWS = {"5h": "5-hour window", "week": "week"}

WHY = {
    "nothing-asked": "It asks for no broad building work and for no judgement.",
    "too-narrow": "It asks for building work, but nothing says that the work is broad.",
    "no-letter": "No refresh has said how the lanes stand.",
    "stale-letter": "What the last refresh said about the lanes is more than 6 hours old.",
    "future-letter": "What the last refresh said about the lanes is dated in the future.",
    "mode-off": "The router is switched off.",
    "judgement-stays": "Architecture, design, review and hard bugs stay on Claude, whatever else the prompt says.",
    "judgement-to-claude": "Judgement sits better on Claude, and Claude has clearly more room than Codex.",
    "pressed-and-room": "This lane warns, or its likeliest landing is past the cap; the other has clearly more room.",
    "own-refused": "This lane's plan has refused; the other's has not.",
    "own-unknown": "How this lane stands is not known.",
    "own-reset": "This lane's window has been reset since the last refresh.",
    "own-has-room": "This lane does not warn, and its likeliest landing is below its cap.",
    "one-lane": "The other client is not installed.",
    "unhealthy": "The other client is installed, but not fit to take work.",
    "slack-unknown": "How much room one of the lanes has is not known.",
    "other-reset": "The other lane's window has been reset since the last refresh.",
    "other-hot": "The other lane is pressed itself, or has no room at the reset.",
    "too-close": "The other lane has less than 10 points more room at the reset than this one.",
}
UNRECORDED = frozenset(
    ("nothing-asked", "too-narrow", "no-letter", "stale-letter", "future-letter", "mode-off"),
)


class RouterAdvice:
    """``decision`` is handoff, return, keep, local or silent; ``rule`` is a key of WHY."""

    __slots__ = ("decision", "rule", "slack", "to")

    def __init__(self, decision: str, rule: str, *, to: str | None, slack: dict[str, float | None]) -> None:
        self.decision = decision
        self.rule = rule
        self.to = to
        self.slack = slack  # per lane, points of room at the reset, below 0 past the cap; None: not known


def read_prompt(prompt: object, snapshot: dict[str, Any]) -> PromptReading:
    """What the prompt asks for, by our words and those the person added in the budget file."""
    from governor.hooks.router.prompt import read

    own = snapshot.get("words")
    added = own if isinstance(own, dict) else {}
    return read(prompt, verbs=added.get("verbs"), breadth=added.get("breadth"), keep=added.get("keep"))


def advise(reading: PromptReading, *, lane: str, snapshot: dict[str, Any], now: float) -> RouterAdvice:
    """Where work of this kind, typed in ``lane``, should go, given the letter's word on both lanes at ``now``."""
    mine, theirs = lane_of(snapshot, lane), lane_of(snapshot, OTHER[lane])
    slack = {lane: slack_of(mine), OTHER[lane]: slack_of(theirs)}

    def answer(decision: str, rule: str, to: str | None = None) -> RouterAdvice:
        return RouterAdvice(decision, rule, to=to, slack=slack)

    if reading.kind in ("none", "narrow"):
        return answer("silent", "too-narrow" if reading.kind == "narrow" else "nothing-asked")
    if fault := _snapshot_fault(snapshot, now):
        return answer("silent", fault)
    if reading.kind == "held" or (reading.kind == "keep" and lane == "claude"):
        return answer("keep", "judgement-stays", lane)
    if _verdict(mine) is None:
        return answer("silent", "own-unknown")
    if _is_reset(mine, now):
        return answer("silent", "own-reset")
    obstacle = _obstacle(mine, theirs, now)
    if reading.kind == "keep":
        return answer("silent", obstacle) if obstacle else answer("return", "judgement-to-claude", "claude")
    own_slack = slack[lane]
    if _verdict(mine) == 0 and not (own_slack is not None and own_slack < 0):
        return answer("silent", "own-has-room")
    if not obstacle:
        rule = "own-refused" if _refused(mine) else "pressed-and-room"
        return answer("return" if lane == "codex" else "handoff", rule, OTHER[lane])
    return answer("local" if (_verdict(mine) or 0) >= RANK["SLOW"] else "silent", obstacle)


def unsaid(about: str, *, now: float, seen: Callable[[str], bool]) -> str:
    """The episode to say this under; empty where it was said within QUIET_S."""
    key, past = (f"{about}:{int(now // QUIET_S) - age}" for age in (0, 1))
    return "" if seen(key) or seen(past) else key


def first_word(snapshot: dict[str, Any], now: float) -> str:
    """What a snapshot should begin with: ``quiet`` when no prompt, in either lane, could be answered with a word."""
    from governor.hooks.router.prompt import PromptReading

    answers = (
        advise(PromptReading(kind, [], 0), lane=lane, snapshot=snapshot, now=now).decision
        for kind in ("build", "keep")
        for lane in NAMES
    )
    return "speak" if any(answer in ("handoff", "return", "local") for answer in answers) else "quiet"


def record_of(
    advice: RouterAdvice, reading: PromptReading, *, session: str, cwd: object, said: bool, mode: str
) -> dict[str, Any]:
    """A decision as the log keeps it: numbers, names and words of the tables, never the prompt's text."""
    return {
        "decision": advice.decision,
        "to": advice.to,
        "rule": advice.rule,
        "said": said,
        "mode": mode,
        "signals": reading.signals[:12],
        "session": session,
        "project": cwd[:400] if isinstance(cwd, str) else "",
        "slack": advice.slack,
        "words": reading.words,
    }


def _snapshot_fault(snapshot: dict[str, Any], now: float) -> str:
    written = _number(snapshot.get("written_at"))
    if written is None:
        return "no-letter"
    if written < now - STALE_S:
        return "stale-letter"
    if written > now + AHEAD_S:
        return "future-letter"
    return "" if mode_of(snapshot) != "off" else "mode-off"


def _obstacle(mine: dict[str, Any], theirs: dict[str, Any], now: float) -> str:
    """Why the other lane must not be offered, or an empty string."""
    if theirs.get("installed") is not True:
        return "one-lane"
    if theirs.get("healthy") is not True:
        return "unhealthy"
    if _is_reset(theirs, now):
        return "other-reset"
    own, other = slack_of(mine), slack_of(theirs)
    if _refused(mine) and not _refused(theirs):  # whatever room there is, it is more than none
        return "other-hot" if _verdict(theirs) != RANK["GO"] or (other is not None and other <= 0) else ""
    if own is None or other is None:
        return "slack-unknown"
    if _verdict(theirs) != RANK["GO"] or other <= 0:
        return "other-hot"
    return "" if other - own >= MARGIN else "too-close"


def mode_of(snapshot: dict[str, Any]) -> str:
    """advise (the default), shadow (decide and record, say nothing) or off; a word nobody knows is off."""
    mode = snapshot.get("mode", "advise")
    return mode if mode in ("advise", "shadow") else "off"


def lane_of(snapshot: dict[str, Any], lane: str) -> dict[str, Any]:
    """What the snapshot says about one lane; empty where it says nothing usable."""
    lanes = snapshot.get("lanes")
    facts = lanes.get(lane) if isinstance(lanes, dict) else None
    return facts if isinstance(facts, dict) else {}


def _verdict(facts: dict[str, Any]) -> int | None:
    word = facts.get("verdict")
    return RANK.get(word) if isinstance(word, str) else None


def slack_of(facts: dict[str, Any]) -> float | None:
    return _number(facts.get("slack"))


def _refused(facts: dict[str, Any]) -> str:
    """What its plan said when it refused, and until when; empty where it did not."""
    said = facts.get("refused")
    return said if isinstance(said, str) else ""


def _is_reset(facts: dict[str, Any], now: float) -> bool:
    resets_at = _number(facts.get("resets_at"))
    return resets_at is not None and resets_at <= now


def _number(value: Any) -> float | None:
    """A finite number, or None: what is missing stays missing."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if usable else None


# --- what is said -----------------------------------------------------------------------------------------------------


def line_for(advice: RouterAdvice, *, lane: str, snapshot: dict[str, Any], cwd: object, in_git: bool = True) -> str:
    """One line for the person, of at most 240 characters, that ends with what to type; empty when nothing is said.

    The command says "…your task…": the prompt itself is never repeated.
    """
    if advice.decision == "local":
        own = _standing(lane, snapshot)
        other = "not installed" if advice.rule == "one-lane" else "no help now"
        return _fit(
            f"{own}, and {NAMES[OTHER[lane]]} is {other}. Broad task: split it, or have the "
            "mechanical part done by a subagent on a smaller model; or switch this session: /model",
        )
    if advice.to is None or advice.decision not in ("handoff", "return"):
        return ""
    verb = {"handoff": "Hand it over", "return": "Send it back"}[advice.decision]
    if advice.rule == "judgement-to-claude":
        verb = "Design and review sit better there"
    words = f"{_both(lane, advice.to, snapshot)}. {verb}: "
    folder = _quoted(cwd)
    if snapshot.get("handoff") is True and advice.rule != "judgement-to-claude":  # judgement wants a person at hand
        return _fit(words + HANDOFF)
    full = words + command(advice.to, folder, in_git=in_git)
    return full if len(full) <= LINE else _fit(words + command(advice.to, "", in_git=in_git))


def note_for(advice: RouterAdvice, *, lane: str, snapshot: dict[str, Any]) -> str:
    """A note for the model, of at most 200 characters, stated as a fact (an order could read as an injection)."""
    if advice.to is None or advice.decision not in ("handoff", "return"):
        return ""
    return f"Quota note: {_both(lane, advice.to, snapshot)}."[:NOTE]


def command(to: str, folder: str, *, in_git: bool = True) -> str:
    """What starts the task on the other lane; ``folder`` is quoted for a shell already, or empty for "here"."""
    if to == "claude":
        return (f"cd {folder} && " if folder else "") + 'claude "…your task…"'
    check = "" if in_git else " --skip-git-repo-check"
    return f"codex exec{check} -s workspace-write" + (f" -C {folder}" if folder else "") + ' "…your task…"'


def _both(lane: str, to: str, snapshot: dict[str, Any]) -> str:
    """Both lanes in one breath; a window of the same name is named once."""
    same = _window(lane_of(snapshot, lane)) == _window(lane_of(snapshot, to))
    return f"{_standing(lane, snapshot)}, {_standing(to, snapshot, named=not same)}"


def _window(facts: dict[str, Any]) -> str:
    named = facts.get("window")
    return WINDOWS.get(named, f"{named[:20]} window") if isinstance(named, str) else "window"


def _standing(lane: str, snapshot: dict[str, Any], *, named: bool = True) -> str:
    """Room at the reset, an estimate, and not pace: a lane ahead of even pace may still land below its cap."""
    facts = lane_of(snapshot, lane)
    if said := _refused(facts):
        return f"{NAMES[lane]}: {said}"
    slack = slack_of(facts)
    who = f"{NAMES[lane]}'s {_window(facts)}" if named else f"{NAMES[lane]}'s"
    if slack is None:
        return f"{who} is at {facts.get('verdict', 'no verdict')}"
    points = round(abs(slack))
    unit = "point" if points == 1 else "points"
    if points == 0:
        return f"{who} would end at its cap"
    if slack < 0:
        return f"{who} would end ≈ {points} {unit} over its cap"
    return f"{who} has ≈ {points} {unit} of room at the reset"


def _fit(line: str) -> str:
    return line if len(line) <= LINE else ""


def _quoted(cwd: object) -> str:
    """A folder as a shell wants it; empty where it could not be shown or typed safely."""
    if not isinstance(cwd, str) or not cwd or not cwd.isprintable() or cwd.startswith("-"):
        return ""
    if all(c.isalnum() or c in "/._-+@%:,=~" for c in cwd) and not cwd.startswith("~"):
        return cwd
    return "'" + cwd.replace("'", "'\\''") + "'"
