"""How broad an order is: what its sentence says about the work itself, not about the thing to be made.

"Add logging to all handlers" is broad; "add a function that visits all handlers", "rename it everywhere in this file"
and "implement search across all files" are one piece of work each.
"""

from __future__ import annotations

from governor.hooks.router.asides import NAMED, beside
from governor.hooks.router.vocabulary import (
    ADDING,
    AUXILIARIES,
    CAREFUL,
    CONTAINERS,
    ELSEWHERE,
    EVERYWHERE,
    GENERATING,
    IN_A_FILE,
    INNER,
    JOINS,
    LOOSE,
    NOUN_FOLLOWERS,
    ONE_UNIT,
    OPENERS,
    PARTS,
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
FEW = (["two"], ["three"], ["2"], ["3"], ["but"])  # "all three buttons", "all but the first"
INSIDE = ("in", "inside", "within", "of", "on", "across", "throughout", "from")
WITHIN = (*INSIDE, "at", "to", "for", "into")
THIS = ("this", "that", "one", "single", "current", "same")


def narrowed(words: list[str], out: frozenset[int] | set[int] = frozenset()) -> str:
    """The preposition before the one file, function or the like that is the scope ("in this function"), or empty."""
    for at, word in enumerate(words[:-1]):
        if at in out or word not in INSIDE:
            continue
        after = words[at + 1 : at + 5]
        if after[0] in (*THIS, "the", "my", "our"):
            for unit in after[1:]:
                if unit in ONE_UNIT or (unit == "module" and after[0] in THIS):
                    return word
                if unit in STOPS or unit in QUANTIFIERS:
                    break
    return ""


def _file(word: str) -> str:
    """The ending of a file's name, or an empty string."""
    stem, _, ending = (word[:-2] if word.endswith("'s") else word).rpartition(".")
    return ending if stem and ending.isalnum() and len(ending) < 6 and not ending.isdecimal() else ""


def _place(words: list[str], at: int, verb_at: int, out: set[int]) -> tuple[str, str]:
    """The preposition and the file (its ending) or function ("()") to which the quantifier at ``at`` is held."""
    start = max((i + 1 for i in range(at) if words[i] == ","), default=0)
    end = next((i for i in range(at, len(words)) if words[i] == ","), len(words))
    for i, word in enumerate(words):
        if i in out:
            continue
        ending = "()" if word.endswith("()") else "gap" if "_" in word and "." not in word else _file(word)
        previous = words[i - 1] if i else ""
        if not ending or (ending == "gap" and previous not in ("in", "inside", "within")):
            continue
        if words[i - 2 : i - 1] and words[i - 2] in (*NAMED, "defined", "specified", "pattern", "example", "see"):
            continue
        own = max((k + 1 for k in range(i) if words[k] == ","), default=0)  # "in main.py, rename ..."
        fronted = words[i + 1 : i + 2] in ([], [","]) and all(w in WITHIN or w in OPENERS for w in words[own:i])
        if fronted or (start <= i < end and previous in WITHIN and words[start] not in ("see", "follow")):
            return previous if not fronted else "in", ending
        if i == verb_at + 1 or (i == verb_at + 2 and previous in ("the", "our", "my", "only", "just")):
            return "object", ending
    return "", ""


def _held(unit: str, place: tuple[str, str], verb: str) -> bool:
    """Does a place hold what is counted within one file or function?"""
    preposition, ending = place
    if not ending:
        return False
    if unit in ELSEWHERE and preposition in ("of", "to", "for", "object"):
        return False
    if verb in ADDING and preposition in ("to", "into") and ending != "()":
        return True  # one file gets an entry for each
    if preposition == "into":
        return False
    if ending in TEXT_FILES:
        return unit in INNER and verb not in GENERATING
    if ending == "gap":
        return unit in INNER
    return unit in INNER or unit in IN_A_FILE


def breadth_of(words: list[str], verb_at: int, verb: str, more: frozenset[str]) -> set[str]:
    """What in the sentence of a verb says that the work itself, not the thing made, is broad."""
    found: set[str] = set()
    out = beside(words, verb_at)
    narrow = narrowed(words, out)
    if sum("/" in word and "." in word and ":" not in word for word in words) >= COUNT_OF:
        found.add("paths")
    thing = verb_at + 2 if words[verb_at + 1 : verb_at + 2] in (["me"], ["us"]) else verb_at + 1
    single = words[thing : thing + 1] in (["a"], ["an"], ["one"])  # "a table of all pages" is one table
    seeking = False
    for at, word in enumerate(words):
        after = words[at + 1 : at + 7]
        previous = words[at - 1] if at else ""
        seeking = seeking or (at > verb_at and word in SEEKING)  # "search across all files" is one feature
        if at in out or at == verb_at:
            continue
        placed = at < verb_at or previous in PLACED or previous == "covering" or (previous in JOINS and not single)
        direct = at == verb_at + 1 or (at == verb_at + 2 and previous in ("the", "up", "out"))
        if word in more:
            found.add(word)
        elif word in EVERYWHERE:
            wide = any(base(w, WHOLE) or base(w, CONTAINERS) != w for w in after[:3] if base(w, CONTAINERS | WHOLE))
            held = narrow or bool(_place(words, at, verb_at, out)[1])
            if not seeking and (not held or (wide and not narrow)):
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
            if not _place(words, at, verb_at, out)[1]:
                found.add("everything")
        elif word in ("whole", "entire"):
            if any(base(w, WHOLE) for w in after[:2]) and not single and words[at - 2 : at - 1] != ["of"]:
                found.add(word)
        elif word in QUANTIFIERS or (word.isdecimal() and len(word) < 4 and int(word) >= COUNT_OF):
            unit, behind = _unit(after)
            if (
                behind == "you"
                or after[:1] in FEW
                or behind in AUXILIARIES  # "the ones of all the other pages are fine"
                or (previous in JOINS and behind in NOUN_FOLLOWERS)
                or seeking
                or not (direct or placed)
                or (word in VAGUE and not direct and previous != "in")
                or _held(unit, _place(words, at, verb_at, out), verb)
            ):
                continue  # "the places you touched", "accept all files", "support for multiple files"
            if previous in ("of", "for", "from") and (single or words[max(0, at - 2)] in RETOLD):
                if single and previous == "for" and word in ("each", "every") and unit in CONTAINERS:
                    found.add(word)  # one story for every component; but one report for all of them
            elif unit in CONTAINERS:
                if not (direct and verb in CAREFUL and unit in LOOSE):
                    found.add(word if word in QUANTIFIERS else "count")
            elif unit in INNER and word in QUANTIFIERS:
                elsewhere = unit in ELSEWHERE and narrow in ("of", "on")  # "every caller of this function"
                if not (_part_of_one(unit, behind, words, at) or (narrow and not elsewhere)):
                    found.add(word)
            elif not unit and word in QUANTIFIERS and direct and not narrow and _in_many(words, at):
                found.add(word)  # "every magic number in the stylesheets"
    return found


def _in_many(words: list[str], at: int) -> bool:
    """Is what is counted spread over several files, or over all of the code?"""
    for place in range(at + 2, min(at + 6, len(words) - 1)):
        if words[place] in ("in", "from", "of", "across"):
            spread = words[place + 1 : place + 4]
            many = any(w != base(w, CONTAINERS) for w in spread if base(w, CONTAINERS))
            return many or bool({"codebase", "repo", "repository", "project", "monorepo", "app"}.intersection(spread))
    return False


def _part_of_one(unit: str, behind: str, words: list[str], at: int) -> bool:
    """Is it each part of one named thing ("every field of Options")?"""
    if unit not in PARTS or behind != "of":
        return False
    owner = words[words.index("of", at) + 1 :][:3]
    return bool(owner) and not any(
        w in QUANTIFIERS or base(w, WHOLE) or (base(w, CONTAINERS) not in ("", w)) for w in owner
    )


def _unit(after: list[str]) -> tuple[str, str]:
    """What a quantifier counts, and the word behind: the last noun of the compound ("all the old test files": file)."""
    unit = ""
    for word in after:
        name = base(word, CONTAINERS) or base(word, INNER) or ("file" if _file(word) and word is after[0] else "")
        if name:
            unit = name
        elif unit or word in STOPS:
            return unit, word
    return unit, ""
