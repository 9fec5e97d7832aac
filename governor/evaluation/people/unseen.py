"""Four families that were written before the alarm was chosen and scored once, when every constant was frozen.

freelance contracts of one to four weeks with hours and weight of their own; between them days of next to nothing.
students  a waking day longer than 24 hours, sittings of heavy-tailed length, exam fortnights every five to eight weeks.
parents   every other week full, every other week evenings only; now and then a week the wrong way round.
operator  scheduled jobs on workdays, light use by hand, and incidents: a day or two of everything at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from governor.evaluation.people.slots import HOUR, SLOTS_A_DAY, count, sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def freelance(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    spread, weekend = rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.9)
    left, is_on, size, hour = 0, rng.random() < 0.5, 1.0, 10.0
    for day in range(days):
        if left <= 0:
            is_on = not is_on
            left = rng.randrange(8, 30) if is_on else rng.randrange(2, 13)
            size, hour = rng.lognormvariate(0, spread), rng.uniform(8, 16)
        left -= 1
        if rng.random() > ((1.0 if day % 7 < 5 else weekend) if is_on else 0.3):
            continue
        hours = rng.gammavariate(4, 1.3) if is_on else rng.uniform(0.3, 1.5)
        at = day * SLOTS_A_DAY + int((hour + rng.gauss(0, 1)) * HOUR)
        sessions(rng, out, at=at, hours=hours, intensity=size * rng.lognormvariate(0, 0.3))
    return out


def students(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    longer, rate = rng.uniform(0.0, 0.8), rng.uniform(0.8, 2.5)
    exam, harder = rng.randrange(10, 50), rng.uniform(1.5, 3.0)
    wake = rng.uniform(7, 14)
    for day in range(days):
        wake = (wake + longer * rng.uniform(0, 2)) % 24
        if day > exam:
            exam = day + rng.randrange(35, 56)
        before = exam - day < 14
        for _ in range(count(rng, rate * (harder if before else 1.0) * (1.0 if day % 7 < 5 else 0.7))):
            at = day * SLOTS_A_DAY + int((wake + rng.uniform(1, 15)) * HOUR)
            if at < len(out):
                hours = min(12.0, 0.5 * rng.paretovariate(1.4))
                sessions(rng, out, at=at, hours=hours, intensity=rng.lognormvariate(0, 0.4))
    return out


def parents(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    turn, less = rng.randrange(14), rng.uniform(0.15, 0.7)
    start, length = rng.uniform(8, 10), rng.uniform(5, 9)
    swapped = False
    for day in range(days):
        if (day + turn) % 7 == 0:
            swapped = rng.random() < 0.12
        is_full = ((day + turn) % 14 < 7) != swapped
        if rng.random() < (0.08 if day % 7 < 5 else 0.5):
            continue
        hour, hours = (start, length * rng.uniform(0.6, 1.2)) if is_full else (20.0, rng.uniform(0.7, 3))
        at = day * SLOTS_A_DAY + int((hour + rng.gauss(0, 0.6)) * HOUR)
        size = (1.0 if is_full else 0.6 + less) * rng.lognormvariate(0, 0.45)
        sessions(rng, out, at=at, hours=hours, intensity=size)
    return out


def operator(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    jobs, each = [rng.uniform(0, 24) for _ in range(rng.randrange(1, 5))], rng.uniform(0.2, 1.0)
    incident, wild = rng.uniform(0.02, 0.09), rng.uniform(2, 5)
    until, drift = -1, 0.0
    for day in range(days):
        drift = 0.97 * drift + rng.gauss(0, 0.08)
        if rng.random() < incident:
            until = day + rng.choice((1, 1, 2, 3))
        if day % 7 < 5:
            for hour in jobs:
                at = day * SLOTS_A_DAY + int(hour * HOUR)
                sessions(rng, out, at=at, hours=1, intensity=each * math.exp(drift))
        if rng.random() < (0.8 if day % 7 < 5 else 0.2):
            at = day * SLOTS_A_DAY + int(rng.gauss(14, 3) * HOUR)
            sessions(rng, out, at=max(0, at), hours=rng.lognormvariate(0.2, 0.6), intensity=math.exp(drift))
        if day < until:
            at = day * SLOTS_A_DAY + int(rng.uniform(6, 14) * HOUR)
            sessions(rng, out, at=at, hours=rng.uniform(5, 14), intensity=wild * rng.lognormvariate(0, 0.4) * 0.4)
    return out


MAKERS: Final[dict[str, Callable[[Random, int], list[float]]]] = {
    "freelance": freelance,
    "students": students,
    "parents": parents,
    "operator": operator,
}
