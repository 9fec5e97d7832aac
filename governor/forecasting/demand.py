"""What was wanted where use was refused: a wall says what was allowed, and only of its own window.

A wall of the 5-hour window cuts a few hours off a day. The week goes on counting, and such walls will come again: to
the week that day is a day like any other. A full week cuts off days. Of the first, what was seen before the wall says
how much the rest would have been; the others say nothing. Where use goes on behind a wall, nobody was refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.limit_facts import RESET_JITTER
from governor.quota import model_families, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HOUR_S: Final = 3600
DAWN_H: Final = 4  # a working day ends in the small hours, not at midnight
FIRST_WORDS_S: Final = 900  # what was already under way when the meter said 100 % may still end
GOES_ON: Final = 0.1  # of a usual hour with use: so much in one hour is no last answer that was under way
SEEN: Final = 0.2  # of a usual day: with less before the wall, a day says nothing
LEAST, MOST = 1 / 3, 3.0  # of how busy two mornings were, within which one day's rest tells of the other's
ANY: Final = "any"


class Wall(NamedTuple):
    """One full window, or one refusal. ``is_vague``: nobody said which window, or for how long."""

    window: str
    begin: int
    end: int
    is_vague: bool = False


class Demand(NamedTuple):
    """Use by local hour (hours since the epoch, less ``DAWN_H``), refused hours filled in."""

    by_hour: dict[int, float]
    unknown: frozenset[int]  # local days that were cut off too early to say anything
    refused: frozenset[int]  # local hours in which use was refused


def concerning(walls: Iterable[Wall], window: str) -> list[tuple[int, int]]:
    """The spans (from, until) in which walls refused what ``window`` counts, and its own kind of limit did not.

    A wall concerns a window if it counts no fewer models and is at least as long. Of a vague one only the first hour
    counts.
    """
    size = _length(window)
    spans = []
    for wall in walls:
        if not _counts_no_fewer(wall.window, window):
            continue
        if wall.is_vague or wall.window.partition(":")[0] == ANY:
            spans.append((wall.begin, min(wall.end, wall.begin + HOUR_S)))
        elif _length(wall.window) >= size * (1 - windows.NEAR):
            spans.append((wall.begin, wall.end))
    return spans


def _counts_no_fewer(wide: str, narrow: str) -> bool:
    """Does the first window, or a model's name behind ``any:``, count every model of the second?"""
    family, other = model_families.of(narrow), model_families.of(wide)
    return other in ("", family) or bool(family and model_families.counts(narrow, other))


def _length(window: str) -> int:
    try:
        return windows.length(window)
    except KeyError:
        return 0


def wanted(
    by_hour: Mapping[int, float], refused: Sequence[tuple[int, int]], *, tz_offset: int, longer_than: int = 0
) -> Demand:
    """What would have been used, had nothing been refused.

    ``by_hour``: units by local hour as in ``Demand``; ``refused``: spans (from, until) in epoch seconds, of which those
    no longer than ``longer_than`` seconds count as use like any other. A day that a wall cut off goes on as that day
    did which was most like it until then, in proportion.
    """
    shut = refused_hours(by_hour, refused, tz_offset=tz_offset, longer_than=longer_than)
    if not shut:
        return Demand(dict(by_hour), frozenset(), frozenset())
    days: dict[int, list[int]] = {}
    for hour in shut:
        days.setdefault(hour // 24, []).append(hour % 24)
    whole = sorted({hour // 24 for hour in by_hour} - set(days))
    filled, unknown = dict(by_hour), set()
    pasts = {day: [by_hour.get(24 * day + h, 0.0) for h in range(24)] for day in whole}
    usual = sum(map(sum, pasts.values())) / len(pasts) if pasts else 0.0
    for day, hours in days.items():
        begin = min(hours)
        before = sum(by_hour.get(24 * day + h, 0.0) for h in range(begin))
        if before < SEEN * usual or not pasts:
            if len(hours) > 24 - begin - 3 or len(hours) > 6:
                unknown.add(day)
            continue
        like = min(pasts, key=lambda d: _apart(d, day, sum(pasts[d][:begin]), before))
        was = sum(pasts[like][:begin])
        ratio = math.sqrt(min(MOST, max(LEAST, before / was))) if was > 0 else 1.0
        for h in hours:
            filled[24 * day + h] = max(by_hour.get(24 * day + h, 0.0), ratio * pasts[like][h])
    return Demand(filled, frozenset(unknown), frozenset(shut))


def refused_hours(
    by_hour: Mapping[int, float], refused: Sequence[tuple[int, int]], *, tz_offset: int, longer_than: int = 0
) -> set[int]:
    """The local hours in which use was refused: from each wall on until its end, or until use goes on.

    Spans with one end are one wall. Who goes on behind it has credits, or a window that was reset early.
    """
    walls: list[list[int]] = []
    for begin, end in sorted(refused, key=lambda span: (span[1], span[0])):
        if walls and end - walls[-1][1] <= RESET_JITTER and begin < walls[-1][1]:
            walls[-1][0] = min(walls[-1][0], begin)
        else:
            walls.append([begin, end])
    if not walls:
        return set()
    busy = [units for units in by_hour.values() if units > 0]
    trifle = GOES_ON * sum(busy) / len(busy) if busy else 0.0
    shut: set[int] = set()
    for begin, end in walls:
        if end - begin <= longer_than:
            continue
        first = math.ceil((begin + FIRST_WORDS_S + tz_offset) / HOUR_S) - DAWN_H
        for hour in range(first, (end + tz_offset) // HOUR_S - DAWN_H):
            if by_hour.get(hour, 0.0) > trifle:
                break
            shut.add(hour)
    return shut


def _apart(day: int, other: int, was: float, before: float) -> float:
    """How unlike two days are by their mornings and their kind; the nearer one in time where all else is equal."""
    if was <= 0:
        return math.inf
    kinds = 0.0 if is_weekend(day) == is_weekend(other) else 1.0
    return abs(math.log(before / was)) + kinds + abs(day - other) / 200


def is_weekend(day: int) -> bool:
    """Is this day since the epoch, from dawn to dawn, a Saturday or a Sunday?"""
    return (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
