"""When a tool that keeps failing is given a rest, and what is said of it.

Failures in a row are those of one tool since it last succeeded. They count together only when they are **alike**:

- the input is alike, or
- the kind of error is the same and has a name (rate limit, auth, ...; see ``failures``), or
- the words of the error are the same, where the tool is no shell: every red test run says "Exit code 1".

A shell's exit code is the answer of a program, so a failing test is ordinary work: a row of those also ends when a file
was edited in between. Five red runs of one command with nothing changed between them are a row all the same.

Five alike in a row open the breaker for a minute. Then one call may try: success closes it, failure opens it again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

STORM = 3  # failures of one named kind in a row are a retry storm
EDITORS = frozenset((b"Edit", b"Write", b"MultiEdit", b"NotebookEdit", b"apply_patch"))
PLAIN_SHELL = "exit"  # the kind of a shell's failure that has no better name
ADVICE = {
    "rate_limit": "It is rate limited: waiting{wait} before the next try works, repeating at once does not.",
    "overloaded": "The service is short of capacity: waiting{wait} before the next try works better than repeating.",
    "server": "The service or the network fails: a pause{wait} or another way works better than repeating.",
    "validation": "The input is what is refused: the same call fails again, a corrected one may not.",
    "auth": "Access is refused: no retry changes that. It needs the person, or a way without it.",
}


class CallOutcome:
    """How one call of one tool ended: ``kind`` is empty for success, a name of ``failures`` or the error's own words'
    number for failure. ``like`` tells inputs apart. ``at_ms`` names the row that begins with it.
    """

    __slots__ = ("at_ms", "id", "kind", "like", "tool")

    def __init__(self, at_ms: int, tool: str, kind: str, like: str, id: str) -> None:  # noqa: A002
        self.at_ms = at_ms
        self.tool = tool
        self.kind = kind
        self.like = like
        self.id = id


def row(outcomes: Sequence[CallOutcome], tool: str) -> list[CallOutcome]:
    """The failures of a tool since it last succeeded, each call once, oldest first.

    An edit in between (tool ``*edit``) ends a row of a shell's plain failures and leaves others.
    """
    found: list[CallOutcome] = []
    seen: set[str] = set()
    for one in outcomes:
        if one.tool == "*edit":
            found = [kept for kept in found if kept.kind != PLAIN_SHELL]
        elif one.tool == tool and not one.kind:
            found = []
        elif one.tool == tool and (not one.id or one.id not in seen):
            seen.add(one.id)
            found.append(one)
    return found


def are_alike(one: CallOutcome, other: CallOutcome) -> bool:
    """The rule above, for two failures of one tool."""
    return one.like == other.like or (one.kind == other.kind != PLAIN_SHELL)


def run_of(failures: Sequence[CallOutcome]) -> list[CallOutcome]:
    """The failures at the end of a row that are alike to the last one, unbroken."""
    found: list[CallOutcome] = []
    for one in reversed(failures):
        if not are_alike(one, failures[-1]):
            break
        found.insert(0, one)
    return found


def storm_of(failures: Sequence[CallOutcome]) -> list[CallOutcome]:
    """The failures at the end of a row that have the last one's named kind; none where that kind has no advice."""
    found: list[CallOutcome] = []
    for one in reversed(failures):
        if one.kind != failures[-1].kind or one.kind not in ADVICE:
            break
        found.insert(0, one)
    return found


def advice(tool: str, kind: str, count: int, wait_s: float | None) -> str:
    """What to do about a storm, one fact for the model, at most 200 characters."""
    wait = f" {wait_s:.0f} s" if wait_s is not None else ""
    return f"The last {count} {tool[:40]} calls failed alike. {ADVICE[kind].format(wait=wait)}"[:200]


def opened(tool: str, count: int, open_for: int, *, stops: bool) -> tuple[str, str]:
    """(to the person, to the model, at most 200 characters) when a breaker opens."""
    short = tool[:40]
    rests = f"It rests for {open_for} s; " if stops else ""
    model = (
        f"{short} failed {count} times in a row in the same way. {rests}Another way, or saying what blocks, is next."
    )
    person = f"governor: {short} failed {count} times in a row in the same way"
    if stops:
        person += f" and is held back for {open_for} s. To lift it: governor override 30m"
    else:
        person += "; the model was told to try another way. To stop it yourself, press Esc; governor decisions lists it"
    return person + ".", model[:200]


def refused(tool: str, left_s: float, *, probing: bool) -> str:
    """Why a call is refused while the breaker is open, and how to lift it."""
    short = tool[:40]
    when = "one call is trying it out right now" if probing else f"one call may try again in {max(left_s, 1):.0f} s"
    return (
        f"{short} kept failing in the same way, so governor holds it back: {when}. Do not retry; use another way. "
        "The person can lift this: governor override 30m, or governor off."
    )
