"""Was the task done? Strictly: a client that said nothing, or only that it was there, has done nothing.

What cannot be judged here is whether the work is good. That is the person's to see: the digest names what changed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STUB_WORDS = 8  # fewer words than these, with no tool call and no change behind them, are no work
_TESTS = re.compile(
    r"(?<![\w/.-])(?:[\w.-]+/)*(?:tests?/[\w./-]*\w|test_\w+(?:\.py)?(?:::\w+)*|\w+_test\.\w+|[\w-]+\.(?:test|spec)\.\w+|"
    r"\w+Tests?\.(?:java|kt|cs|swift))(?:::\w+)*"
)
MOST_TESTS = 30
LONGEST = 120


class Check(NamedTuple):
    """One thing that must hold. ``text`` says what was found where it does not."""

    name: str
    ok: bool
    text: str


def checks(
    *, started: bool, exit_code: int | None, ended_by: str, finished: bool, message: str, tool_calls: int, changed: int
) -> list[Check]:
    """Everything that DONE needs, in the order in which it is asked; the first that fails is the reason."""
    words = len(message.split())
    return [
        Check("started", started, "the client never started"),
        Check("not ended", not ended_by, f"it was ended: {ended_by}"),
        Check("exit 0", exit_code == 0, f"the client's exit code was {exit_code}"),
        Check("closing event", finished, "the client never said that it had finished"),
        Check("result", words > 0, "the result was empty"),
        Check(
            "work",
            tool_calls > 0 or changed > 0 or words >= STUB_WORDS,
            "a stub: no tool call, no file changed, and next to no words",
        ),
    ]


def failed(listed: list[Check]) -> Check | None:
    """The first check that does not hold, or None: DONE."""
    return next((check for check in listed if not check.ok), None)


def tests_named(message: str) -> list[str]:
    """Names of tests and test files in the client's last message, each once, in order."""
    found: list[str] = []
    for hit in _TESTS.finditer(message):
        name = hit[0].rstrip(".-")
        if len(name) <= LONGEST and name not in found:
            found.append(name)
        if len(found) == MOST_TESTS:
            break
    return found
