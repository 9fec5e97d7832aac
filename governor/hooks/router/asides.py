"""What a sentence says beside its order: likenesses, exceptions, undoing, conditions and quoted rules.

"As in every other file", "not the other modules" and "if you change the schema, update all models" name many things,
but order no work on them.
"""

from __future__ import annotations

from governor.hooks.router.vocabulary import (
    ASIDES,
    AUXILIARIES,
    CHANGING,
    CONDITIONS,
    EVERYWHERE,
    IRREGULAR,
    JOINS,
    LEFT_OUT,
    LIKENED,
    LIKENESS,
    LIKENESS_PAIRS,
    QUANTIFIERS,
    RULES,
    SAYING,
    SO,
    STANDING,
    UNDOING,
    VERBS,
)

ACTORS = ("you", "we", "i", "someone", "anyone", "somebody", "anybody", "one")
NAMED = ("listed", "mentioned", "named", "described", "asked", "pasted")  # "the files I listed" are the work


def quoted(words: list[str]) -> set[int]:
    """Where a sentence states a rule instead of giving an order: "the guide says to ...", "when you rename, ..."."""
    for at, word in enumerate(words):
        after = words[at + 1 : at + 4]
        second = after[:1]
        if at == 0 and word in STANDING:
            return set(range(len(words)))
        if (word == "whenever" or (word in ("every", "each", "any") and second == ["time"])) and at < 3:
            return set(range(len(words)))
        if word in ("if", "when") and second and second[0] in ACTORS and _changes(after[1:]):
            return set(range(at, len(words)))
        ruled = next((i for i, w in enumerate(words[at + 1 : at + 5]) if w in ("is", "are", ",", *SAYING)), None)
        said = word in SAYING and at > 0 and words[at - 1] not in (*ACTORS, "please", ",", "and", "then", "to")
        if word not in RULES or ruled is None or QUANTIFIERS.intersection(words[max(0, at - 3) : at]):
            ruled = -1 if said else None
        if ruled is not None:
            told = at + 2 + ruled
            ends = [i for i in range(told + 1, len(words)) if words[i] == ","]
            if words[told : told + 1] == [","] or second == [","]:  # "our rule is: ...", up to ", so ..."
                ends = [i for i in ends if words[i + 1 : i + 2] and words[i + 1] in SO]
            return set(range(at, ends[0] if ends else len(words)))
    return set()


def _changes(words: list[str]) -> bool:
    return any(word in VERBS or word in CHANGING for word in words)


def beside(words: list[str], verb_at: int) -> set[int]:
    """Where a sentence says nothing about how much work its order is."""
    out = quoted(words)
    kind = ""
    began = 0
    for at, word in enumerate(words):
        follows = words[at + 1] if at + 1 < len(words) else ""
        if word == ",":
            pronoun = at > verb_at and follows in ("it", "they", "this", "that", "we", "i", "you")
            kind = "aside" if pronoun else ""
        elif kind and _ends(kind, words, began, at):
            kind = ""
        elif not kind:
            kind, began = _begins(words, at), at
        if kind:
            out.add(at)
    return out


def _ends(kind: str, words: list[str], began: int, at: int) -> bool:
    """Does the order go on at the word at ``at``, although no comma says so?"""
    word, follows = words[at], words[at + 1] if at + 1 < len(words) else ""
    if kind == "likened":
        return _placed_anew(words, began, at)
    if kind == "left out" and word in ("but", "then"):
        return True
    return kind != "aside" and word in JOINS and (follows == "then" or follows in VERBS)


def _begins(words: list[str], at: int) -> str:
    """Which kind of aside begins with the word at ``at``, or an empty string."""
    word, follows = words[at], (words[at + 1] if at + 1 < len(words) else "")
    if word in UNDOING or (word in ("put", "roll", "take", "back") and {"back", "out"} & set(words[at + 1 : at + 6])):
        return "undone" if word != "back" or follows == "out" else ""
    if word in LEFT_OUT and follows not in ("forget", "stop"):
        return "left out"
    if (word, follows) in (("apart", "from"), ("other", "than"), ("no", "need")):
        return "left out"
    if word == "like" and at and words[at - 1] in ("would", "i'd", "we'd", "i", "we"):
        return ""  # a wish
    if word in LIKENESS or (word, follows) in LIKENESS_PAIRS or (word in ("as", "way") and follows in LIKENED):
        return "likened"
    if word in ASIDES or (word in CONDITIONS and (word != "once" or follows not in ("", ","))):
        return "aside"
    if word in ("you", "we", "i") and _past(follows) and follows not in NAMED:
        return "aside"  # "the comments you added in every file"
    return ""


def _past(word: str) -> bool:
    return word in IRREGULAR or (word.endswith("ed") and word not in ("need", "feed", "speed", "seed"))


def _placed_anew(words: list[str], began: int, at: int) -> bool:
    """Does the work's own place follow what it is likened to ("like orders.py in all the other services")?"""
    likened = words[began + 1 : at]
    rest = words[at : words.index(",", at) if "," in words[at:] else len(words)]
    if rest[-1] in AUXILIARIES:  # "as the loaders in all the other packages do"
        return False
    if len(likened) < 1 or (likened[0] in ("in", "on", "for", "with") and len(likened) < 2):
        return False
    if any(w in QUANTIFIERS or w in ("we", "you", "i", "they", "it", "is", "are", "do", "does") for w in likened):
        return False
    placing = words[at] in EVERYWHERE or words[at] in ("in", "to", "for")
    return placing and (words[at] in EVERYWHERE or bool(QUANTIFIERS.intersection(words[at + 1 : at + 2])))
