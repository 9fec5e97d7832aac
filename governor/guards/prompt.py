"""What a typed prompt asks for, told from its words alone: broad building work, judgement, or neither.

Narrow on purpose: silence costs nothing, a wrong offer costs a person's patience. A verb counts only where an order
stands ("rename ...", "can you rename ...", "must be renamed"), never in a question, a negation or a report; breadth counts
only in the verb's own sentence and outside its relative clauses; and a word of judgement anywhere vetoes both.
Words and sets instead of regular expressions: they explain themselves, and a person's own words inflect like ours.

No text leaves this room: signals name words of the tables below, or of the person's own additions.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LONG = 6000  # characters; of a longer prompt only the person's first HEAD and last TAIL are read: the rest was pasted
HEAD = 1500
TAIL = 500
LIST_OF = 4  # this many bulleted orders are broad by themselves
COUNT_OF = 4  # as are this many counted containers, or files named by path
GAP = "_"  # stands where code or a quotation was

NOT_TYPED = ("<", "/", "!", "Caveat: The messages below", "This session is being continued", "[Request interrupted")
MACHINE_TAGS = ("system-reminder", "task-notification", "local-command-stdout", "command-name", "command-message")
LOG_STARTS = ("Traceback (", 'File "', "$ ", "@@ ", "diff --git", "+++ ", "--- ", "npm ERR", "error[")
LOG_LEVELS = frozenset("ERROR WARN WARNING INFO DEBUG FATAL FAIL FAILED PASS TRACE".split())

VERBS = frozenset(
    "implement add write create refactor migrate port rename replace convert rewrite update fix apply generate scaffold"
    " wire remove delete extract introduce upgrade bump rework split translate annotate document make move swap wrap"
    " backport inline deprecate delint modernise modernize modularise modularize normalise normalize standardise"
    " standardize unify consolidate propagate switch change build drop".split()
)
NOUNISH = frozenset("fix update change build port document move split wire swap wrap switch drop bump upgrade".split())
CAREFUL = frozenset("add delete remove move drop".split())  # done to all of these, it is git or a shell, not building:
LOOSE = frozenset("file folder directory branch worker job release resource repo repository project".split())
DEEDS = {
    "implementation": "implement", "migration": "migrate", "conversion": "convert", "refactor": "refactor",
    "refactoring": "refactor", "rename": "rename", "rewrite": "rewrite", "upgrade": "upgrade", "port": "port",
    "replacement": "replace", "cleanup": "remove",
}  # fmt: skip
IRREGULAR = {"wrote": "write", "written": "write", "rewrote": "rewrite", "rewritten": "rewrite", "built": "build",
             "made": "make", "did": "do"}  # fmt: skip

EVERYWHERE = frozenset(("across", "everywhere", "throughout"))
QUANTIFIERS = frozenset("all every each many several multiple various remaining rest dozens hundreds".split())
WHOLE = frozenset(
    "codebase repo repository project app application api suite library frontend backend ui site stack monorepo cli"
    " folder directory package service schema sdk".split()
)
CONTAINERS = frozenset(
    "file module package service component endpoint handler controller page screen view route repo repository folder"
    " directory crate app plugin adapter provider table model serializer dockerfile script command client worker job"
    " suite locale project library workflow pipeline template hook form resource widget store reducer schema platform"
    " language branch release example doc snapshot fixture item story codebase repositories namespace stylesheet".split()
)
INNER = frozenset(
    "function method class test usage use occurrence reference instance place spot string import call caller site type"
    " interface query comment error warning constant field prop key argument parameter assertion selector style color"
    " colour statement message icon button label timeout column".split()
)
ONE_UNIT = frozenset("file function method class test line component page script block loop query".split())
TEXT_FILES = frozenset("md txt sql json yaml yml toml pdf html csv rst".split())  # read from, rather than edited

KEEP_VERBS = frozenset(
    "review architect design redesign debug investigate diagnose plan propose evaluate assess audit critique brainstorm"
    " rethink compare weigh think".split()
)
KEEP_NOUNS = frozenset(
    "architecture architectural design review redesign rfc adr trade-off tradeoff deadlock heisenbug flaky intermittent"
    " debug root-cause".split()
)
KEEP_PAIRS = frozenset(
    (("trade", "off"), ("trade", "offs"), ("root", "cause"), ("race", "condition"), ("race", "conditions"),
     ("memory", "leak"), ("memory", "leaks"), ("best", "approach"), ("threat", "model"))
)  # fmt: skip
NEUTRAL = frozenset(
    (("design", "system"), ("design", "token"), ("design", "tokens"), ("review", "comment"), ("review", "comments"),
     ("review", "feedback"), ("for", "review"), ("by", "design"))
)  # fmt: skip

OPENERS = frozenset(
    "please now then next also just first finally ok okay yes yeah great thanks good nice perfect alright sure hi hey so"
    " go ahead and let's lets simply kindly carefully bulk mass right cool".split()
)
SUBJECTS = frozenset("the a an it this that these those there i we they you my our he she users its it's i'm".split())
DETERMINERS = frozenset(
    "the a an all every each any this these those our my its it them both up out missing remaining new".split()
)
NOUN_FOLLOWERS = frozenset(
    "fails failed failing fail is was were are broke breaks for from on of seems works worked looks has does did in ,"
    " works".split()
)
WILLING = frozenset("need needs want wants like have you task is goal job us remember continue begin start".split())
NEGATIONS = frozenset(
    "not don't dont never without avoid no cannot can't won't shouldn't instead rather stop before if when whether"
    " unless because while after until didn't doesn't".split()
)
ASKING = frozenset(
    "how what what's why where which who whose whether is are was were does did has have had should would could can may"
    " am any isn't aren't".split()
)
TELLING = frozenset("explain tell show describe summarise summarize discuss ask say".split())
ASIDES = frozenset("that which where when saying because whose who if so whether listing showing containing".split())
RETOLD = frozenset("list table summary report overview inventory map diagram index count description".split())
GIVING = frozenset("do give write draft make prepare find think need help i'd let's lets".split())
JOINS = frozenset((",", "and", "then", "or"))
STOPS = frozenset("in on to for with from at by under and or , is are".split())
PLACED = frozenset("in to for across on at into under of".split())

# What every form of a verb or a keep word has in common, for a look at the bytes before anything is parsed.
STEMS = tuple(
    sorted({w[: max(3, len(w) - 1)].encode() for w in VERBS | KEEP_VERBS | KEEP_NOUNS} | {b"writ", b"wrote", b"built"})
) + tuple(f"{a} {b}".encode() for a, b in sorted(KEEP_PAIRS))


class Reading:
    """``kind`` is build, keep, held (building that touches judgement), narrow (building without breadth) or none."""

    __slots__ = ("kind", "signals", "words")

    def __init__(self, kind: str, signals: list[str], words: int) -> None:
        self.kind = kind
        self.signals = signals  # "verb:rename", "breadth:across", "keep:design"
        self.words = words  # how many words of the prompt were the person's own


def read(prompt: object, *, verbs: object = (), breadth: object = (), keep: object = ()) -> Reading:
    """What the person's own words in ``prompt`` ask for; the rest are the person's additions to our tables.

    Never raises: whatever is not text asks for nothing.
    """
    sentences = _sentences(own_words(prompt))
    all_verbs, all_keep = VERBS | _added(verbs), KEEP_VERBS | KEEP_NOUNS | _added(keep)
    more_breadth = _added(breadth)
    asked: set[str] = set()
    broad: set[str] = set()
    judged: set[str] = set()
    mentioned: set[str] = set()
    orders = 0
    forbidden = False
    for words, bulleted, question in sentences:
        forbidden = forbidden or _forbids(words, all_verbs)
        positions = _orders(words, question, all_verbs)
        asked.update(f"verb:{verb}" for _, verb in positions)
        orders += bulleted and bool(positions)
        for at, verb in positions:
            broad.update(f"breadth:{sign}" for sign in _breadth(words, at, verb, more_breadth))
        by_order = {verb for _, verb in _orders(words, question, KEEP_VERBS | _added(keep))}
        named = _named(words, all_keep)
        judged.update(f"keep:{word}" for word in by_order)
        (judged if question or _opening(words) in GIVING else mentioned).update(f"keep:{word}" for word in named)
    if orders >= LIST_OF and not any(_narrowed(words) for words, _, _ in sentences):
        broad.add("breadth:list")
    signals = sorted(asked | broad | judged | mentioned)
    if forbidden:
        kind = "none"
    elif asked and broad:
        kind = "held" if judged or mentioned else "build"
    else:
        kind = "narrow" if asked else "none"
    return Reading("keep" if judged else kind, signals, _count(sentences))


def own_words(prompt: object) -> str:
    """The part of a prompt its author wrote as prose: no machine's text, code, quotation, log line or paste."""
    if not isinstance(prompt, str) or prompt.lstrip()[:40].startswith(NOT_TYPED):
        return ""
    text = prompt
    for tag in MACHINE_TAGS:
        while (start := text.find(f"<{tag}>")) >= 0:
            end = text.find(f"</{tag}>", start)
            text = text[:start] + (text[end + len(tag) + 3 :] if end >= 0 else "")
    text = _prose(text)
    if len(prompt) > LONG and len(text) > HEAD + TAIL:
        tail = text[-TAIL:]
        cut = max(tail.find("\n"), tail.find(". "))
        text = text[:HEAD] + "\n\n" + (tail[cut + 1 :] if cut >= 0 else "")
    return "\n".join(_unquoted(line) for line in _without_quotations(text).split("\n"))


def _prose(text: str) -> str:
    """Without fenced or indented code, block quotes and lines a program wrote."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        bare = line.lstrip()
        if fence:
            if bare.startswith(fence):
                fence = ""
            continue
        if bare.startswith(("```", "~~~")):
            fence = bare[0] * (len(bare) - len(bare.lstrip(bare[0])))
            if fence not in bare[len(fence) :]:
                kept.append("")
                continue
            fence = ""  # opened and closed on one line
        indented = line.startswith(("    ", "\t")) and not _bullet(bare)
        kept.append("" if indented or bare.startswith((">", *LOG_STARTS)) or _logged(bare) else line)
    return "\n".join(kept)


def _logged(bare: str) -> bool:
    first = bare.split(None, 1)[0] if bare else ""
    head, colon, rest = first.partition(":")
    return (
        (first[:4].isdigit() and first[4:5] in ("-", "/"))
        or (bool(colon) and "." in head and rest[:1].isdigit())  # file.ts:12
        or first.endswith(("Error:", "Exception:", "error:", "warning:"))
        or first.strip("[]:") in LOG_LEVELS
        or (first == "at" and "(" in bare)
    )


def _without_quotations(text: str) -> str:
    for mark in ("“", "”", "«", "»"):
        text = text.replace(mark, '"')
    for marker in ("[Pasted", "[Image"):
        while (start := text.find(marker)) >= 0:
            end = text.find("]", start)
            text = f"{text[:start]} {GAP} {text[end + 1 :] if end >= 0 else ''}"
    paragraphs = text.replace("’", "'").split("\n\n")
    return "\n\n".join(_between(paragraph, '"') for paragraph in paragraphs)


def _between(text: str, mark: str) -> str:
    """``text`` with what stands between two marks replaced by a gap; a mark without a partner is a plain character."""
    parts = text.split(mark)
    kept = [part if i % 2 == 0 or i == len(parts) - 1 else f" {GAP} " for i, part in enumerate(parts)]
    return "".join(kept)


def _unquoted(line: str) -> str:
    words = _between(line.replace("```", "`").replace("``", "`"), "`").split(" ")
    at = 0
    while at < len(words):
        if words[at].startswith("'") and len(words[at]) > 1:
            for end in range(at, min(at + 20, len(words))):
                if words[end].rstrip(".,;:!?)").endswith("'"):
                    words[at : end + 1] = [GAP]
                    break
        at += 1
    return " ".join(words)


def _bullet(bare: str) -> int:
    """How many characters of a line are its bullet or number."""
    if bare.startswith(("- [ ] ", "* [ ] ", "- [x] ")):
        return 6
    if bare.startswith(("- ", "* ", "• ", "+ ")):
        return 2
    digits = len(bare) - len(bare.lstrip("0123456789"))
    return digits + 2 if 0 < digits < 3 and bare[digits : digits + 2] in (". ", ") ") else 0


def _sentences(text: str) -> list[tuple[list[str], bool, bool]]:
    """(words in lower case with "," between clauses, stood in a list, was a question)."""
    lines: list[tuple[str, bool]] = []
    for line in text.split("\n"):
        bare = line.strip()
        size = _bullet(bare)
        wrapped = bool(bare) and not size and bare[0].islower()
        if lines and lines[-1][0] and (wrapped or (size and lines[-1][0].endswith(":"))):
            lines[-1] = (f"{lines[-1][0]} {bare[size:]}", lines[-1][1] or bool(size))
        else:
            lines.append((bare[size:], bool(size)))
    found: list[tuple[list[str], bool, bool]] = []
    for line, bulleted in lines:
        words: list[str] = []
        for raw in line.split():
            word = raw.strip(".,;:!?()[]{}<>\"'*#—–-").casefold()
            if "*." in raw[:-1] or "**/" in raw:
                word = "*."
            if raw[0] == "(" or not word:
                words.append(",")
            if word:
                words.append(word)
            end = raw.rstrip(")]*\"'")[-1:]
            if end in (",", ":", ";"):
                words.append(",")
            elif end and end in ".!?" and word not in ("e.g", "i.e", "etc", "vs", "incl"):
                found.append((words, bulleted, end == "?"))
                words = []
        if words:
            found.append((words, bulleted, False))
    return found


def _count(sentences: list[tuple[list[str], bool, bool]]) -> int:
    return sum(word not in (",", GAP) for words, _, _ in sentences for word in words)


def _added(words: object) -> frozenset[str]:
    if not isinstance(words, (list, tuple)):
        return frozenset()
    return frozenset(w.casefold() for w in words if isinstance(w, str) and 1 < len(w) <= 40)


def base(word: str, table: Iterable[str]) -> str:
    """The entry of ``table`` that ``word`` is a form of (plural, -s, -ed, -ing, irregular), or an empty string."""
    word = IRREGULAR.get(word, word)
    if word in table:
        return word
    for ending, instead in (("s", ""), ("es", ""), ("ies", "y"), ("d", ""), ("ed", ""), ("ied", "y"), ("ing", ""),
                            ("ing", "e")):  # fmt: skip
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)] + instead
            if stem in table:
                return stem
            if ending in ("ed", "ing") and stem[-1:] == stem[-2:-1] and stem[:-1] in table:
                return stem[:-1]  # wrapped, splitting
    return ""


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
    while before >= 0 and words[before] in OPENERS and words[before] not in JOINS and words[before] not in ("let's", "lets"):
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
    if not previous or previous in ("let's", "lets") or all(w in OPENERS or w == "," for w in clause[-1:] + words[:at]):
        return not (nounish and following in NOUN_FOLLOWERS) and (verb != "build" or following in ("a", "an", "out"))
    if verb == "build" and following not in ("a", "an", "out"):
        return False
    if previous == "you":
        return second in ("can", "could", "would", "will")
    if previous in ("should", "must"):
        return second in ("you", "we")
    if previous == "to":
        return second in WILLING
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


def _narrowed(words: list[str]) -> bool:
    """Is the scope one file, function or the like ("in this function")?"""
    for at, word in enumerate(words[:-1]):
        if word in ("in", "inside", "within", "of", "to", "from", "for", "on", "across", "throughout"):
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


def _breadth(words: list[str], verb_at: int, verb: str, more: frozenset[str]) -> set[str]:
    """What in the sentence of a verb says that the work is broad."""
    found: set[str] = set()
    narrow, one_file = _narrowed(words), _in_one_file(words)
    paths = sum("/" in word and "." in word and ":" not in word for word in words)
    if paths >= COUNT_OF:
        found.add("paths")
    single = words[verb_at + 1 : verb_at + 2] in (["a"], ["an"], ["one"])
    aside = False
    for at, word in enumerate(words):
        after = words[at + 1 : at + 7]
        if word == ",":
            aside = at > verb_at and after[:1] != [] and after[0] in ("it", "they", "this", "that", "we", "i", "you")
        elif at > verb_at and word in ASIDES:
            aside = True
        if aside or at == verb_at:
            continue
        if word in more:
            found.add(word)
        elif word in EVERYWHERE or word.endswith("-wide") or [word, *after[:1]] == ["from", "scratch"]:
            if not narrow:
                found.add("from scratch" if word == "from" else word if word in EVERYWHERE else "wide")
        elif [word, *after[:2]] == ["end", "to", "end"] and "test" not in "".join(after[2:3]):
            found.add("end to end")
        elif word == "*.":
            found.add("glob")
        elif word == "everything" and after and after[0] in ("in", "under", "from", "listed", "described"):
            found.add("everything")
        elif word in ("whole", "entire"):
            if any(base(w, WHOLE) for w in after[:2]):
                found.add(word)
        elif word in QUANTIFIERS or (word.isdecimal() and len(word) < 4 and int(word) >= COUNT_OF):
            unit = _unit(after)
            direct = at - verb_at in (1, 2) and verb in CAREFUL
            previous = words[at - 1] if at else ""
            retold = previous in ("of", "with", "for", "from") and at > 1 and words[at - 2] in RETOLD
            if unit in CONTAINERS and not ((direct and unit in LOOSE) or retold):
                if not single or previous in PLACED:
                    found.add(word if word in QUANTIFIERS else "count")
            elif unit in INNER and word in QUANTIFIERS and not (narrow or one_file or retold or (single and previous not in PLACED)):
                found.add(word)
    return found


def _unit(after: list[str]) -> str:
    """What a quantifier counts: the last noun of the compound behind it ("all the old test files": file)."""
    unit = ""
    for word in after:
        name = base(word, CONTAINERS) or base(word, INNER)
        if name:
            unit = name
        elif unit or word in STOPS:
            break
    return unit
