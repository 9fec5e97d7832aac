"""How broad an order is: what its sentence says about the work itself, not about the thing to be made.

"Add logging to all handlers" is broad; "add a function that visits all handlers", "rename it everywhere in this file"
and "implement search across all files" are one piece of work each.
"""

from __future__ import annotations

from governor.hooks.router.user_prose import GAP
from governor.hooks.router.vocabulary import (
    ASIDES,
    CAREFUL,
    CONTAINERS,
    EVERYWHERE,
    INNER,
    JOINS,
    LOOSE,
    NOUN_FOLLOWERS,
    ONE_UNIT,
    PLACED,
    QUANTIFIERS,
    RETOLD,
    SEEKING,
    STOPS,
    TEXT_FILES,
    VAGUE,
    WHOLE,
    base,
)

COUNT_OF = 4  # counted containers, or files named by path, that are broad


def narrowed(words: list[str]) -> bool:
    """Is the scope one file, function or the like ("in this function")?"""
    for at, word in enumerate(words[:-1]):
        if word in ("in", "inside", "within", "of", "on", "across", "throughout"):
            one = words[at + 1] in ("this", "the", "that", "one", "single", "current", "same")
            if one and any(unit in ONE_UNIT for unit in words[at + 2 : at + 4]):
                return True
    return False


def _in_one_file(words: list[str]) -> bool:
    for at, word in enumerate(words[:-1]):
        stem, dot, suffix = words[at + 1].rpartition(".")
        file = dot and stem and suffix.isalnum() and len(suffix) < 6 and suffix not in TEXT_FILES
        if word in ("in", "inside", "within") and (file or words[at + 1] == GAP):
            return True
    return False


def breadth_of(words: list[str], verb_at: int, verb: str, more: frozenset[str]) -> set[str]:
    """What in the sentence of a verb says that the work itself, not the thing made, is broad."""
    found: set[str] = set()
    narrow, one_file = narrowed(words), _in_one_file(words)
    if sum("/" in word and "." in word and ":" not in word for word in words) >= COUNT_OF:
        found.add("paths")
    thing = verb_at + 2 if words[verb_at + 1 : verb_at + 2] in (["me"], ["us"]) else verb_at + 1
    single = words[thing : thing + 1] in (["a"], ["an"], ["one"])  # "a table of all pages" is one table
    aside = seeking = False
    for at, word in enumerate(words):
        after = words[at + 1 : at + 7]
        previous = words[at - 1] if at else ""
        if word == ",":
            aside = at > verb_at and bool(after) and after[0] in ("it", "they", "this", "that", "we", "i", "you")
        elif word in ASIDES:
            aside = True
        seeking = seeking or (at > verb_at and word in SEEKING)  # "search across all files" is one feature
        if aside or at == verb_at:
            continue
        placed = at < verb_at or previous in PLACED or previous == "covering" or (previous in JOINS and not single)
        direct = at == verb_at + 1 or (at == verb_at + 2 and previous in ("the", "up", "out"))
        if word in more or (word in EVERYWHERE and not (narrow or seeking)):
            found.add(word)
        elif word.endswith("-wide") and not narrow:
            found.add("wide")
        elif [word, *after[:1]] == ["from", "scratch"] and not narrow:
            found.add("from scratch")
        elif [word, *after[:2]] == ["end", "to", "end"] and "test" not in "".join(after[2:3]):
            found.add("end to end")
        elif word == "*.":
            found.add("glob")
        elif word == "everything" and after and after[0] in ("in", "under", "from", "listed", "described"):
            found.add("everything")
        elif word in ("whole", "entire"):
            if any(base(w, WHOLE) for w in after[:2]) and not single and words[at - 2 : at - 1] != ["of"]:
                found.add(word)
        elif word in QUANTIFIERS or (word.isdecimal() and len(word) < 4 and int(word) >= COUNT_OF):
            unit, behind = _unit(after)
            if (
                behind == "you"
                or (previous in JOINS and behind in NOUN_FOLLOWERS)
                or seeking
                or not (direct or placed)
                or (word in VAGUE and not direct and previous != "in")
            ):
                continue  # "the places you touched", "accept all files", "support for multiple files"
            if previous in ("of", "for", "from") and (single or words[max(0, at - 2)] in RETOLD):
                if single and previous == "for" and word in ("each", "every") and unit in CONTAINERS:
                    found.add(word)  # one story for every component; but one report for all of them
            elif unit in CONTAINERS:
                if not (direct and verb in CAREFUL and unit in LOOSE):
                    found.add(word if word in QUANTIFIERS else "count")
            elif unit in INNER and word in QUANTIFIERS and not (narrow or one_file):
                found.add(word)
    return found


def _unit(after: list[str]) -> tuple[str, str]:
    """What a quantifier counts, and the word behind: the last noun of the compound ("all the old test files": file)."""
    unit = ""
    for word in after:
        name = base(word, CONTAINERS) or base(word, INNER)
        if name:
            unit = name
        elif unit or word in STOPS:
            return unit, word
    return unit, ""
