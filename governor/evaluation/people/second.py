"""Six more families, written to choose the alarm on: ways of being irregular that the first four lack.

wander   the level of a day wanders (AR(1), 0.75-0.97 a day) with heavy-tailed steps (Student, 3 degrees).
stints   busy and quiet spells of one to four weeks, two to five times apart; holidays of two to nine days.
hackers  evenings now and then, long weekends from Friday evening on, every fourth weekend away.
sprints  cycles of two weeks that swell towards their end, a calm day after, sprints of different size.
marathon short sittings by day; agents that run through a night, one and a half times a week at most, or for days.
growth   adoption: a steady trend, an S-curve, or one sudden step up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from governor.evaluation.people.slots import HOUR, SLOTS_A_DAY, count, sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def _sittings(rng: Random, out: list[float], *, day: int, hour: float, size: float, length: float) -> None:
    """One to three sittings around a personal hour, together worth about ``size``."""
    for _ in range(rng.choice((1, 2, 2, 3))):
        place = day * SLOTS_A_DAY + int(rng.gauss(hour, 2.5) * HOUR)
        if 0 <= place < len(out):
            sessions(rng, out, at=place, hours=length * rng.lognormvariate(0, 0.5), intensity=size)


def wander(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    keep, spread = rng.uniform(0.75, 0.97), rng.uniform(0.3, 0.7)
    scale = spread * math.sqrt(1 - keep * keep) / math.sqrt(3)
    level = rng.gauss(0, spread)
    weekdays = [rng.lognormvariate(0, 0.4) for _ in range(7)]
    hour, length = rng.uniform(10, 21), rng.uniform(0.7, 2.5)
    off = rng.uniform(0.05, 0.3)
    for day in range(days):
        student = rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2 / 3))
        level = keep * level + scale * max(-6.0, min(6.0, student))
        if rng.random() >= off:
            _sittings(rng, out, day=day, hour=hour, size=weekdays[day % 7] * math.exp(level), length=length)
    return out


def stints(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    ratio, stay = rng.uniform(2, 5), rng.uniform(7, 28)
    is_busy = rng.random() < 0.5
    weekend = rng.uniform(0.0, 0.8)
    hour, length = rng.uniform(10, 20), rng.uniform(0.8, 2.5)
    away_until = -1
    for day in range(days):
        if rng.random() < 1 / stay:
            is_busy = not is_busy
        if rng.random() < 1 / 45:
            away_until = day + rng.randrange(2, 10)
        if day < away_until or rng.random() < (0.1 if day % 7 < 5 else 1 - weekend):
            continue
        size = (ratio if is_busy else 1.0) * rng.lognormvariate(0, 0.4)
        _sittings(rng, out, day=day, hour=hour, size=size, length=length)
    return out


def hackers(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    evening, binge = rng.uniform(0.15, 0.6), rng.uniform(2.5, 7)
    spread = rng.uniform(0.2, 0.6)
    size, is_home = 1.0, True
    for day in range(days):
        weekday = day % 7
        if weekday == 4:
            is_home, size = rng.random() < 0.75, rng.lognormvariate(0, spread)
        if weekday < 4:
            if rng.random() < evening:
                at = day * SLOTS_A_DAY + int(rng.uniform(18, 22) * HOUR)
                sessions(rng, out, at=at, hours=rng.uniform(0.5, 2.5), intensity=0.7)
        elif is_home:
            begin = rng.uniform(17, 21) if weekday == 4 else rng.uniform(9, 15)
            hours = binge * rng.lognormvariate(0, 0.35) * (0.6 if weekday == 4 else 1.0)
            at = day * SLOTS_A_DAY + int(begin * HOUR)
            sessions(rng, out, at=at, hours=hours, intensity=size * rng.lognormvariate(0, 0.3))
    return out


def sprints(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    turn, steep = rng.randrange(14), rng.uniform(0.05, 0.16)
    start, length = rng.uniform(8, 11), rng.uniform(5, 9)
    spread, late = rng.uniform(0.1, 0.45), rng.uniform(0.0, 0.5)
    size = rng.lognormvariate(0, spread)
    for day in range(days):
        place = (day + turn) % 14
        if place == 0:
            size = rng.lognormvariate(0, spread)
        if (day % 7 >= 5 and rng.random() > 0.15 + late * (place >= 10)) or rng.random() < 0.07:
            continue
        load = size * (0.4 if place == 0 else math.exp(steep * (place - 6))) * rng.lognormvariate(0, 0.35)
        begin = day * SLOTS_A_DAY + int((start + rng.gauss(0, 0.5)) * HOUR)
        hours = length * rng.uniform(0.7, 1.2) + (rng.uniform(0, 4) if place >= 10 and rng.random() < late else 0)
        sessions(rng, out, at=begin, hours=hours, intensity=load)
    return out


def marathon(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    nightly, for_days = rng.uniform(0.05, 0.22), rng.choice((0.0, 0.01, 0.03))
    hour, length = rng.uniform(9, 20), rng.uniform(0.5, 1.5)
    rate = rng.uniform(0.3, 0.9)
    mood = 1.0
    for day in range(days):
        if rng.random() < 0.08:
            mood = rng.lognormvariate(0, 0.6)
        if rng.random() < (0.9 if day % 7 < 5 else 0.4):
            _sittings(rng, out, day=day, hour=hour, size=mood, length=length)
        runs = [rng.uniform(6, 13)] * (rng.random() < nightly * mood)
        runs += [rng.uniform(24, 60)] * (rng.random() < for_days)
        for hours in runs:
            begin = day * SLOTS_A_DAY + int(rng.uniform(18, 24) * HOUR)
            for slot in range(begin, min(len(out), begin + int(hours * HOUR))):
                out[slot] += rate * rng.uniform(0.6, 1.4)
    return out


def growth(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    kind = rng.choice(("trend", "curve", "step"))
    weekly, middle, more = rng.uniform(-0.06, 0.12), rng.uniform(0.2, 1.0) * days, rng.uniform(1.5, 3.0)
    a_day, hour, weekend = rng.uniform(1.0, 3.5), rng.uniform(11, 20), rng.uniform(0.1, 1.0)
    for day in range(days):
        if kind == "trend":
            level = math.exp(weekly * day / 7)
        elif kind == "curve":
            level = 1 + (more - 1) / (1 + math.exp(-(day - middle) / 8))
        else:
            level = more if day >= middle else 1.0
        for _ in range(count(rng, a_day * (weekend if day % 7 >= 5 else 1) * level**0.5)):
            place = day * SLOTS_A_DAY + int(rng.gauss(hour, 3) * HOUR)
            if 0 <= place < len(out):
                size = level**0.5 * rng.lognormvariate(0, 0.5)
                sessions(rng, out, at=place, hours=rng.lognormvariate(0, 0.6), intensity=size)
    return out


MAKERS: Final[dict[str, Callable[[Random, int], list[float]]]] = {
    "wander": wander,
    "stints": stints,
    "hackers": hackers,
    "sprints": sprints,
    "marathon": marathon,
    "growth": growth,
}
