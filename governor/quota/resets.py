"""Which figure of one window holds: a lower one is a reset only with evidence, else an old figure was heard again.

Use never falls inside a window. Every session repeats the figures of its own last answer, however old. So the highest
figure holds until the vendor's reset, or correction, is proven (docs/decisions.md, "A figure that falls"):

- by two answers, each at least ``RESET_DROP`` lower: the first certainly began after every higher figure was heard
  (its own figure had moved), the second too, or it is the same session's next;
- or by one lower figure that a person typed or pasted later, or that a client was asked for later.

The order in which readings arrive decides nothing, only what is certain about when their answers began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from governor.model import LimitReading

RESET_DROP: Final = 3.0  # points: the vendor's own answers differ by one or two (5 of 18,860 events)
ANSWERS: Final = 2  # one alone may be a session that was taken up again beside an old figure
ASKED: Final = frozenset(("typed", "pasted", "client"))  # somebody looked, just then


class ReadingStanding(NamedTuple):
    """The reading that holds. ``reset_at``: when the first answer after a proven reset was heard; None without one."""

    reading: LimitReading
    reset_at: int | None


def began_at(reading: LimitReading) -> int | None:
    """The earliest moment (epoch seconds) that the figure can be from, or None where that is unknown."""
    if reading.source in ASKED or reading.source == "refused":
        return reading.observed_at
    return reading.began_at


def is_later(reading: LimitReading, other: LimitReading) -> bool:
    """Is the figure certainly from a later answer than the other one's? A session's own answers follow each other."""
    if reading.session is not None and reading.session == other.session:
        return reading.observed_at > other.observed_at
    start = began_at(reading)
    return start is not None and start > other.observed_at


def standing(readings: Sequence[LimitReading]) -> ReadingStanding | None:
    """The figure that holds among readings of one window, oldest first; None for no readings."""
    dated = [place for place, reading in enumerate(readings) if began_at(reading) is not None]
    taken_back = -RESET_DROP  # the highest figure that answers took back
    lifted: int | None = None  # when the newest figure that was taken back was heard
    undated: list[LimitReading] = []  # higher than what holds, but of no known date
    holds: LimitReading | None = None
    for place in sorted(range(len(readings)), key=lambda place: -readings[place].used_percent):
        proof = _proof(readings, dated, place)
        if proof:
            lifted = max(lifted or 0, readings[place].observed_at)
            if proof == "answers":
                taken_back = max(taken_back, readings[place].used_percent)
        elif began_at(readings[place]) is None:
            undated.append(readings[place])
        else:
            holds = readings[place]
            break
    # As high as a figure that was taken back, and of no known date: an idle session shows that figure again.
    higher = [reading for reading in undated if reading.used_percent >= taken_back + RESET_DROP]
    holds = higher[0] if higher else holds
    if holds is None:
        return None
    proofs = (readings[place].observed_at for place in dated)
    return ReadingStanding(holds, None if lifted is None else next((at for at in proofs if at > lifted), lifted))


def _proof(readings: Sequence[LimitReading], dated: Sequence[int], place: int) -> str:
    """What proves that this figure was taken back: ``asked``, ``answers``, or nothing (an empty string)."""
    high = readings[place]
    answers = 0
    for each in reversed(dated):
        if each <= place:
            break
        low = readings[each]
        if low.source in ASKED and low.used_percent < high.used_percent:
            return "asked"
        most = high.used_percent - RESET_DROP
        if low.used_percent <= most and is_later(low, high):
            answers += 1 + _is_confirmed(low, readings[each + 1 :], most)
            if answers >= ANSWERS:
                return "answers"
    return ""


def _is_confirmed(low: LimitReading, later: Sequence[LimitReading], most: float) -> bool:
    """Did the same session's next answers say so too? What they say need not have moved."""
    return low.session is not None and any(
        each.session == low.session and each.observed_at > low.observed_at and each.used_percent <= most
        for each in later
    )
