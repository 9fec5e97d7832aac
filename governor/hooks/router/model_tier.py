"""Which size of model a piece of work suits, told from its words: small, middle, large, or unclear.

Deterministic text work (formatting, renames, typo fixes, commit messages, changelogs) suits the smallest; review,
diagnosis and the writing of tests the middle; architecture and security the largest. By the router's own reading of a
prompt (guards.prompt): an order counts, a mention does not. A prompt that orders anything beside is unclear, and so is
a long one. No text leaves this room: signals are words of the tables, or of the person's own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TIERS = ("small", "middle", "large")
SHORT = 120  # words; small work is asked for in few

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


class Suit:
    """The tier that suits, or an empty string; ``signals`` are words of the tables, or of the person's own."""

    __slots__ = ("signals", "tier")

    def __init__(self, tier: str, signals: list[str]) -> None:
        self.tier = tier
        self.signals = signals


def suits(text: object, snapshot: dict[str, Any]) -> Suit:
    """The tier that a prompt's own words ask for. Never raises: whatever is not text fits none."""
    from governor.hooks.router.prompt import read
    from governor.hooks.router.user_prose import own_words, sentences
    from governor.hooks.router.vocabulary import KEEP_NOUNS, KEEP_VERBS, base

    own = _own_words(snapshot)
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


def _own_words(snapshot: dict[str, Any]) -> dict[str, frozenset[str]]:
    """The person's additions, by tier."""
    wish = snapshot.get("tiers")
    lists = wish if isinstance(wish, dict) else {}
    return {
        tier: frozenset(w.casefold() for w in lists.get(tier) or () if isinstance(w, str) and 1 < len(w) <= 40)
        for tier in TIERS
    }
