"""Which size of model suits a piece of work, within one lane: small, middle or large; silent where that is unclear.

Deterministic text work (formatting, renames, typo fixes, commit messages, changelogs) suits the smallest; review,
diagnosis and the writing of tests the middle; architecture and security the largest. Told from the words alone, by the
router's own reading of a prompt (guards.prompt): an order counts, a mention does not. A prompt that orders anything
beside is unclear, and so is a long one. Offered only downward: a step up saves nothing.

A switch in mid-conversation writes the whole context into the other model's cache. It is offered only when that costs
less than REQUESTS requests on the smaller model save, each reading the context again and using TURN_UNITS beside.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.guards.called import Called
    from governor.guards.degrade import Shift

TIERS = ("small", "middle", "large")
# What a request uses beside reading its context: 600 tokens of output at five units, 2,000 of new input. About the
# middle of working sessions; stated wherever the comparison is shown.
TURN_UNITS = 5_000.0
REQUESTS = 10  # until the work is done and the person switches back
SHORT = 120  # words; small work is asked for in few
QUIET_S = 1800  # the same hint in the same session: at most once in this time
LINE = 240

SMALL_VERBS = frozenset(
    ("format", "reformat", "prettify", "rename", "reword", "respell", "spellcheck", "capitalise", "capitalize",
     "alphabetise", "alphabetize", "reindent", "unindent", "proofread")
)  # fmt: skip
# What these verbs do to text alone, and to nothing else, is small work; with other objects they are building.
TEXT_VERBS = frozenset(("fix", "write", "update", "add", "make", "generate", "remove", "change", "replace"))
TEXT_THINGS = frozenset(
    ("typo", "spelling", "misspelling", "whitespace", "indentation", "formatting", "changelog", "punctuation",
     "capitalisation", "capitalization")
)  # fmt: skip
TEXT_PAIRS = frozenset(
    (("commit", "message"), ("commit", "messages"), ("release", "notes"), ("line", "endings"), ("trailing", "spaces"))
)
TEST_VERBS = frozenset(("write", "add", "extend", "generate", "create"))
TESTS = frozenset(("test", "unittest", "testcase"))
LARGE = frozenset(
    ("architecture", "architect", "architectural", "design", "redesign", "security", "vulnerability", "exploit", "adr",
     "rfc", "threat model", "trade-off", "tradeoff", "trade off", "trade offs", "rethink")
)  # fmt: skip
MIDDLE = frozenset(
    ("review", "debug", "investigate", "diagnose", "audit", "root-cause", "root cause", "flaky", "intermittent",
     "heisenbug", "deadlock", "race condition", "race conditions", "memory leak", "memory leaks", "critique")
)  # fmt: skip
OWN_KEEP = ("security", "vulnerability", "exploit")  # judgement that the router's own tables do not name

WHY = {
    "smaller-suits": "A smaller model suits this, and switching costs less than it saves.",
    "unclear": "What it asks for fits no tier clearly.",
    "off": "Tier hints are switched off.",
    "no-letter": "No refresh has said how the lane stands.",
    "stale-letter": "What the last refresh said is more than 6 hours old.",
    "roomy": "This lane is not ahead of its pace, so nothing needs saving.",
    "model-unknown": "Which model the session runs on is not known.",
    "tier-unknown": "The session's model belongs to no tier of this lane.",
    "same-tier": "The session runs on the tier that suits it.",
    "upward": "A larger model suits this; a step up saves nothing, so it is not offered.",
    "context-unknown": "How much context a switch would write anew is not known.",
    "costs-more": "Writing the context into the other model's cache costs more than it saves.",
}


class Suit:
    """The tier that suits, or an empty string; ``signals`` are words of the tables, or of the person's own."""

    __slots__ = ("signals", "tier")

    def __init__(self, tier: str, signals: list[str]) -> None:
        self.tier = tier
        self.signals = signals


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


def suits(text: object, letter: dict[str, Any]) -> Suit:
    """The tier that a prompt's own words ask for. Never raises: whatever is not text fits none."""
    from governor.guards.prompt import read
    from governor.guards.typed import own_words, sentences
    from governor.guards.words import KEEP_NOUNS, KEEP_VERBS, base

    own = _own_words(letter)
    reading = read(text, verbs=[*SMALL_VERBS, *own["small"]], keep=[*OWN_KEEP, *own["middle"], *own["large"]])
    asked = {sign.partition(":")[2] for sign in reading.signals if sign.startswith("verb:")}
    judged = {sign.partition(":")[2] for sign in reading.signals if sign.startswith("keep:")}
    things: set[str] = set()
    tests = False
    for words, _, _ in sentences(own_words(text)):
        things.update(name for word in words if (name := base(word, TEXT_THINGS)))
        things.update(" ".join(pair) for pair in TEXT_PAIRS if _stands(pair, words))
        tests = tests or any(base(word, TESTS) for word in words)
    if judged:
        if reading.kind != "keep":  # mentioned, not asked for
            return Suit("", [])
        if large := judged & (LARGE | own["large"]):
            return Suit("large", sorted(large))
        middle = judged & (MIDDLE | own["middle"])
        other = judged - middle - (KEEP_VERBS | KEEP_NOUNS)
        return Suit("middle", sorted(middle)) if middle and not other and not asked - TEST_VERBS else Suit("", [])
    if not asked or reading.words > SHORT:
        return Suit("", [])
    small = asked & (SMALL_VERBS | own["small"])
    if asked == small or (things and asked <= small | TEXT_VERBS):
        return Suit("small", sorted(small | things))
    return Suit("middle", ["tests"]) if tests and asked <= TEST_VERBS else Suit("", [])


def _stands(pair: tuple[str, str], words: list[str]) -> bool:
    return any(pair == (word, *words[at + 1 : at + 2]) for at, word in enumerate(words))


def _own_words(letter: dict[str, Any]) -> dict[str, frozenset[str]]:
    """The person's additions, by tier."""
    wish = letter.get("tiers")
    lists = wish if isinstance(wish, dict) else {}
    return {
        tier: frozenset(w.casefold() for w in lists.get(tier) or () if isinstance(w, str) and 1 < len(w) <= 40)
        for tier in TIERS
    }


def tier_of(model: str, letter: dict[str, Any], lane: str) -> str:
    """The tier a model belongs to: the one that names it, else by its weight beside theirs; empty where unknown."""
    from governor.guards.degrade import factor

    names = models(letter, lane)
    low = model.casefold()
    named = [tier for tier, name in zip(TIERS, names, strict=False) if low == name or name in low.split("-")]
    if named:
        return named[0]
    weights = [factor(letter, name) for name in names]
    own = factor(letter, model)
    if own is None or len(names) != 3 or None in weights:
        return ""
    small, _, large = weights
    return "small" if own <= (small or 0) else "large" if own >= (large or 0) else "middle"


def models(letter: dict[str, Any], lane: str) -> list[str]:
    """The lane's models by tier, the smallest first; empty where the letter names none."""
    wish = letter.get("tiers")
    found = wish.get(lane) if isinstance(wish, dict) else None
    return [name.casefold() for name in found if isinstance(name, str)] if isinstance(found, list) else []


def hint(suit: Suit, letter: dict[str, Any], *, lane: str, now: float, model: str, context: int | None) -> Hint:
    """Whether to offer the tier that suits, to a session on ``model`` whose turns read ``context`` tokens again."""
    from governor.guards.degrade import factor, letter_fault

    mode = mode_of(letter)
    if mode == "off":
        return Hint("off")
    if fault := letter_fault(letter, now):
        return Hint(fault)
    if not suit.tier:
        return Hint("unclear")
    facts = letter.get("lanes")
    standing = facts.get(lane) if isinstance(facts, dict) else None
    verdict = standing.get("verdict") if isinstance(standing, dict) else None
    resets_at = standing.get("resets_at") if isinstance(standing, dict) else None
    if verdict not in ("NUDGE", "SLOW", "STOP") or (isinstance(resets_at, (int, float)) and resets_at <= now):
        return Hint("roomy", tier=suit.tier)
    if not model:
        return Hint("model-unknown", tier=suit.tier)
    here = tier_of(model, letter, lane)
    if not here:
        return Hint("tier-unknown", tier=suit.tier, was=model)
    if here == suit.tier:
        return Hint("same-tier", tier=suit.tier, was=model)
    if TIERS.index(suit.tier) > TIERS.index(here):
        return Hint("upward", tier=suit.tier, was=model)
    to = models(letter, lane)[TIERS.index(suit.tier)]
    before, after = factor(letter, model), factor(letter, to)
    if before is None or after is None:
        return Hint("tier-unknown", tier=suit.tier, was=model)
    if context is None:
        return Hint("context-unknown", tier=suit.tier, was=model)
    cost, saved = switch(letter, context, before=before, after=after)
    rule = "smaller-suits" if saved > cost else "costs-more"
    return Hint(rule, tier=suit.tier, was=model, to=to if saved > cost else "", saved=saved, cost=cost)


def switch(letter: dict[str, Any], context: int, *, before: float, after: float) -> tuple[float, float]:
    """(units that writing the context anew costs over reading it, units that REQUESTS smaller requests save)."""
    read = letter.get("read")
    rewrite = letter.get("rewrite")
    reading = float(read) if isinstance(read, (int, float)) else 0.0
    writing = float(rewrite) if isinstance(rewrite, (int, float)) else 1.0
    return context * writing * after, REQUESTS * (context * reading + TURN_UNITS) * (before - after)


def mode_of(letter: dict[str, Any]) -> str:
    """advise, shadow (record, say nothing) or off; a word nobody knows is off, and so is a letter without any."""
    wish = letter.get("tiers")
    mode = wish.get("mode") if isinstance(wish, dict) else None
    return mode if mode in ("advise", "shadow") else "off"


def session_of(letter: dict[str, Any], session: object) -> tuple[str, int | None]:
    """(model, context) of a session used lately; ("", None) where the letter does not know it."""
    sessions = letter.get("sessions")
    found = sessions.get(session) if isinstance(sessions, dict) and isinstance(session, str) else None
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[0], str):
        return "", None
    return found[0], found[1] if isinstance(found[1], int) else None


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


def for_subagent(what: Called, letter: dict[str, Any], *, lane: str, current: str) -> Shift:
    """The tier that suits a subagent's task, as a shift to its model; only downward, and only when none is named."""
    from governor.guards.degrade import Shift, move

    wish = letter.get("tiers")
    if not isinstance(wish, dict) or wish.get("subagents") is not True or mode_of(letter) == "off":
        return Shift("off")
    if what.model:
        return Shift("named")
    found = {suit.tier for words in what.words if (suit := suits(words, letter)).tier}
    names = models(letter, lane)
    if len(found) != 1 or len(names) != 3:
        return Shift("unclear")
    return move(what, names[TIERS.index(found.pop())], letter, lane=lane, current=current)
