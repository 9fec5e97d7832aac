"""What a typed prompt asks for, told from its words alone: broad building work, judgement, or neither.

Narrow on purpose: silence costs nothing, a wrong offer costs a person's patience. A verb counts only where an order
stands ("rename ...", "can you rename ...", "must be renamed"), never in a question, a negation or a report; breadth
counts only in the verb's own sentence (guards.scope); and a word of judgement anywhere vetoes both.
Words and sets instead of regular expressions: they explain themselves, and a person's own words inflect like ours.

No text leaves this room: signals name words of the tables below, or of the person's own additions.
"""

from __future__ import annotations

from governor.hooks.router.scope import breadth_of, narrowed
from governor.hooks.router.user_prose import GAP, own_words, sentences
from governor.hooks.router.vocabulary import (
    ASKING,
    DEEDS,
    DETERMINERS,
    GIVING,
    JOINS,
    KEEP_NOUNS,
    KEEP_PAIRS,
    KEEP_VERBS,
    NEGATIONS,
    NEUTRAL,
    NOUN_FOLLOWERS,
    NOUNISH,
    OPENERS,
    PHRASES,
    SUBJECTS,
    TELLING,
    VERBS,
    WILLING,
    base,
)

LIST_OF = 4  # this many bulleted orders are broad by themselves
ENOUGH = 5  # words: what is shorter leans on the conversation, and cannot be handed to another client


class PromptReading:
    """``kind`` is build, keep, held (building that touches judgement), narrow (building without breadth) or none."""

    __slots__ = ("kind", "signals", "words")

    def __init__(self, kind: str, signals: list[str], words: int) -> None:
        self.kind = kind
        self.signals = signals  # "verb:rename", "breadth:across", "keep:design"
        self.words = words  # how many words of the prompt were the person's own


def read(prompt: object, *, verbs: object = (), breadth: object = (), keep: object = ()) -> PromptReading:
    """What the person's own words in ``prompt`` ask for; the rest are the person's additions to our tables.

    Never raises: whatever is not text asks for nothing.
    """
    found = sentences(own_words(prompt))
    total = sum(word not in (",", GAP) for words, _, _ in found for word in words)
    all_verbs, all_keep = VERBS | _added(verbs), KEEP_VERBS | KEEP_NOUNS | _added(keep)
    more_breadth = _added(breadth)
    asked: set[str] = set()
    broad: set[str] = set()
    judged: set[str] = set()
    mentioned: set[str] = set()
    orders = 0
    forbidden = False
    for words, bulleted, question in found:
        forbidden = forbidden or _forbids(words, all_verbs)
        positions = _orders(words, question, all_verbs)
        asked.update(f"verb:{verb}" for _, verb in positions)
        orders += bulleted and bool(positions)
        for at, verb in positions:
            broad.update(f"breadth:{sign}" for sign in breadth_of(words, at, verb, more_breadth))
        by_order = {verb for _, verb in _orders(words, question, KEEP_VERBS | _added(keep))}
        named = _named(words, all_keep)
        judged.update(f"keep:{word}" for word in by_order)
        (judged if question or _opening(words) in GIVING else mentioned).update(f"keep:{word}" for word in named)
    if orders >= LIST_OF and not any(narrowed(words) for words, _, _ in found):
        broad.add("breadth:list")
    signals = sorted(asked | broad | judged | mentioned)
    if forbidden:
        kind = "none"
    elif asked and broad and total >= ENOUGH:
        kind = "held" if judged or mentioned else "build"
    else:
        kind = "narrow" if asked else "none"
    return PromptReading("keep" if judged else kind, signals, total)


def _added(words: object) -> frozenset[str]:
    if not isinstance(words, (list, tuple)):
        return frozenset()
    return frozenset(w.casefold() for w in words if isinstance(w, str) and 1 < len(w) <= 40)


def _opening(words: list[str]) -> str:
    """The first word that is more than a greeting."""
    return next((w for w in words if w not in OPENERS and w != "," and w[0] != "@"), words[0] if words else "")


def _orders(words: list[str], question: bool, verbs: frozenset[str]) -> list[tuple[int, str]]:
    """Where in a sentence something of ``verbs`` is asked for, and which."""
    found: list[tuple[int, str]] = []
    start = next((i for i, w in enumerate(words) if w not in OPENERS and w != "," and w[0] != "@"), 0)
    opening = words[start] if words else ""
    request = "you" in words[start + 1 : start + 2] and opening in ("can", "could", "would", "will")
    commanded = bool(words) and opening in verbs
    if (question or opening in ASKING) and not (request or commanded or "please" in words[:start]):
        return found
    for at, word in enumerate(words):
        verb = base(word, verbs)
        if (verb and _ordered(words, at, verb, opening, bool(found))) or (
            (verb := DEEDS.get(word, "") if verbs >= VERBS else "")
            and any(w in ("do", "perform", "finish", "continue") for w in words[max(0, at - 4) : at])
            and opening in ("do", "perform", "finish", "continue")
        ):
            found.append((at, verb))
    return found


def _ordered(words: list[str], at: int, verb: str, opening: str, earlier: bool) -> bool:
    """Does the verb at ``at`` stand where an order stands?"""
    before = at - 1
    while (
        before >= 0
        and words[before] in OPENERS
        and words[before] not in JOINS
        and words[before] not in ("let's", "lets")
    ):
        before -= 1
    previous = words[before] if before >= 0 else ""
    second = words[before - 1] if before >= 1 else ""
    following = words[at + 1] if at + 1 < len(words) else ""
    clause = words[: before + 1]
    if "," in clause:
        clause = clause[len(clause) - clause[::-1].index(",") :]
    if NEGATIONS.intersection(clause):
        return False
    word = words[at]
    if word != verb:
        if word.endswith("ing"):
            return previous in ("start", "begin", "continue", "finish", "resume") and second not in SUBJECTS - {"you"}
        if word.endswith("s"):
            return False
        wanted = opening in ("we", "i", "i'd") and bool({"need", "want", "like"}.intersection(words[:at]))
        return wanted or (previous == "be" and second in ("must", "should", "to"))
    nounish = verb in NOUNISH or verb in KEEP_VERBS
    polite = "please" in words[before + 1 : at]
    if not previous or polite or previous in ("let's", "lets") or all(w in OPENERS or w == "," for w in words[:at]):
        if (verb, following) in PHRASES:
            return False
        return not (nounish and following in NOUN_FOLLOWERS) and (verb != "build" or following in ("a", "an", "out"))
    if verb == "build" and following not in ("a", "an", "out"):
        return False
    if previous == "you":
        return second in ("can", "could", "would", "will")
    first = clause[:-2] == [] or all(w in OPENERS for w in clause[:-2])
    if previous in ("should", "must"):
        return second in ("you", "we") and first
    if previous == "to":
        return second in ("you", "is", "us", "remember", "continue", "begin", "start") or (
            second in WILLING and clause[-3:-2] in (["i"], ["we"], ["you"], ["i'd"], ["we'd"], ["would"], [])
        )
    if previous in ("me", "us"):
        return second in ("help", "let")
    if previous not in JOINS or (nounish and following not in DETERMINERS) or opening in TELLING:
        return False
    return earlier or opening not in SUBJECTS or (previous == "," and following in DETERMINERS)


def _forbids(words: list[str], verbs: frozenset[str]) -> bool:
    """Does the sentence say that nothing shall be changed?"""
    changing = verbs | {"edit", "touch", "code", "commit", "modify"}
    for at, word in enumerate(words):
        following = words[at + 1 : at + 3]
        if word == "no" and following and following[0] in ("code", "changes", "edits"):
            return True
        if word in ("don't", "dont", "not", "never", "without") and following and base(following[0], changing):
            rest = following[1] if len(following) > 1 else ""
            if rest in ("", "anything", "any", "yet", "code", ","):
                return True
    return False


def _named(words: list[str], keep: frozenset[str]) -> set[str]:
    """The words of judgement that a sentence so much as mentions."""
    found: set[str] = set()
    for at, word in enumerate(words):
        pairs = {(word, *words[at + 1 : at + 2]), (*words[max(0, at - 1) : at], word)}
        if pairs & NEUTRAL:
            continue
        if pair := pairs & KEEP_PAIRS:
            found.add(" ".join(next(iter(pair))))
        elif (name := base(word, keep)) and name not in ("plan", "think", "compare", "propose", "weigh"):
            found.add(name)
    return found
