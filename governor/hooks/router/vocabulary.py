"""The words the router listens for. Tables only; a person adds their own in the budget file.

Each is a base form: guards.prompt recognises plurals, -s, -ed, -ing and the irregular forms listed here.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Building: what is done to code.
VERBS = _set(
    "implement add write create refactor migrate port rename replace convert rewrite update fix apply generate"
    " scaffold wire remove delete extract introduce upgrade bump rework split translate annotate document make"
    " move swap wrap backport inline deprecate delint modernise modernize modularise modularize normalise"
    " normalize standardise standardize fill repeat unify consolidate propagate change build"
)
# Of these, the ones that are as often a name: "the build fails", "update: done".
NOUNISH = _set("fix update change build port document move split wire swap wrap bump upgrade")
CAREFUL = _set("add delete remove move")  # done to all of these, it is git or a shell, not building:
LOOSE = _set("table file folder directory branch worker job release resource repo repository project")
# "do a full migration of ..."
DEEDS = {
    "implementation": "implement", "migration": "migrate", "conversion": "convert", "refactor": "refactor",
    "refactoring": "refactor", "rename": "rename", "rewrite": "rewrite", "upgrade": "upgrade", "port": "port",
    "replacement": "replace", "cleanup": "remove",
}  # fmt: skip
IRREGULAR = {"wrote": "write", "written": "write", "rewrote": "rewrite", "rewritten": "rewrite", "built": "build",
             "made": "make", "did": "do"}  # fmt: skip

# Breadth: a word that is broad by itself, or a quantifier before something that code consists of.
EVERYWHERE = frozenset(("across", "everywhere", "throughout"))
QUANTIFIERS = _set("all every each many several multiple various remaining rest dozens hundreds")
# the whole ...
WHOLE = _set(
    "codebase repo repository project app application api suite library frontend backend ui site stack monorepo"
    " cli folder directory package service schema sdk"
)
# all ...: broad wherever they are. INNER ones are broad unless the sentence stays within one file.
CONTAINERS = _set(
    "file module package service component endpoint handler controller page screen view route repo repository"
    " folder directory crate app plugin adapter provider parser validator importer exporter table model serializer"
    " dockerfile script command client worker job suite locale project library workflow pipeline template hook"
    " form resource widget store reducer schema platform language release example doc snapshot fixture item story"
    " codebase repositories namespace stylesheet"
)
INNER = _set(
    "function method class test usage use occurrence reference instance place spot string import call caller site"
    " type interface query comment error warning constant field prop key argument parameter assertion selector"
    " style color colour statement message icon button label timeout column"
)
# "in this function"
ONE_UNIT = _set("file function method class test line component page script block loop query")
TEXT_FILES = _set("md txt sql json yaml yml toml pdf html csv rst")  # read from, rather than edited

# Judgement: kept on Claude when asked for; when only mentioned, it still vetoes an offer (NEUTRAL pairs do not).
KEEP_VERBS = _set(
    "review architect design redesign debug investigate diagnose plan propose evaluate assess audit critique"
    " brainstorm rethink compare weigh think"
)
KEEP_NOUNS = _set(
    "architecture architectural design review redesign rfc adr trade-off tradeoff deadlock heisenbug flaky"
    " intermittent debug root-cause"
)
KEEP_PAIRS = frozenset(
    (("trade", "off"), ("trade", "offs"), ("root", "cause"), ("race", "condition"), ("race", "conditions"),
     ("memory", "leak"), ("memory", "leaks"), ("best", "approach"), ("threat", "model"))
)  # fmt: skip
NEUTRAL = frozenset(
    (("design", "system"), ("design", "token"), ("design", "tokens"), ("review", "comment"), ("review", "comments"),
     ("review", "feedback"), ("for", "review"), ("by", "design"),
     ("audit", "log"), ("audit", "logging"), ("audit", "trail"))
)  # fmt: skip

# How sentences are put together.
OPENERS = _set(
    "please now then next also just first finally ok okay yes yeah great thanks good nice perfect alright sure hi"
    " hey so go ahead and pls plz let's lets simply kindly carefully bulk mass right cool"
)
SUBJECTS = _set("the a an it this that these those there i we they you my our he she users its it's i'm")
# orders that build nothing
PHRASES = frozenset(
    (("write", "down"), ("write", "up"), ("make", "sure"), ("make", "it"), ("make", "this"), ("add", "me"))
)
DETERMINERS = _set("the a an all every each any this these those our my its it them both up out missing remaining new")
NOUN_FOLLOWERS = _set(
    "fails failed failing fail is was were are broke breaks for from on of seems works worked looks has have does"
    " did in ,"
)
# "I want to rename", "we need to rename"
WILLING = _set("need want like have")
NEGATIONS = _set(
    "not don't dont never without avoid no cannot can't won't shouldn't instead rather stop before if when"
    " whether unless because while after until didn't doesn't"
)
ASKING = _set(
    "how what what's why where which who whose whether is are was were does did has have had should would could"
    " can may am any isn't aren't"
)
TELLING = _set("explain tell show describe summarise summarize discuss ask say")
# what follows these is about the thing made, not about the work
ASIDES = _set(
    "that which where when saying about because whose who if so whether listing showing containing linking"
    " pointing iterating looping looking referring"
)
# one text about many things
RETOLD = _set("list table summary report overview inventory map diagram index count description")
# "give me a design": judgement asked for by a noun
GIVING = _set("come do give write draft make prepare find think need help figure i'd let's lets")
JOINS = frozenset((",", "and", "then", "or"))
STOPS = _set("in on to for with from at by under and or , is are")
# "in all modules"
PLACED = _set("in to for across into under of from inside within")
VAGUE = _set("many several multiple various")
# "search across all files" is one feature
SEEKING = _set("search searching find lookup filter filtering query sync aggregate aggregation statistics")


def base(word: str, table: frozenset[str]) -> str:
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
