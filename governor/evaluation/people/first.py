"""The first four families, the first three of which every early constant was chosen on.

desk     office hours on weekdays, a level that wanders from week to week (AR(1), 0.5), lognormal days, days off.
bursts   sessions that begin at random around a personal peak hour, heavy-tailed in length and intensity; project
         phases (crunch and calm, ten days on average); now and then an agent that runs through the night.
shift    a roster that ignores the week (four days on, three or four off), growth or decay of a few percent a week,
         whole weeks off; used to see what happens when weekdays mean nothing.
deadline work swells for days towards deadlines that come every ten to twenty-four days, then stops; loops left running
         for up to two days at a steady rate; some people only ever work in short sittings.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from governor.evaluation.people.slots import SLOTS_A_DAY, count, sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def desk(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    spread = rng.uniform(0.2, 0.5)
    level = rng.gauss(0, spread)
    start, length = rng.uniform(7.5, 10.5), rng.uniform(6, 10)
    weekend = rng.uniform(0.05, 0.6)
    weekdays = [rng.lognormvariate(0, 0.25) for _ in range(7)]
    for day in range(days):
        if day % 7 == 0:
            level = 0.5 * level + math.sqrt(0.75) * rng.gauss(0, spread)
        weekday = day % 7
        if rng.random() < (0.12 if weekday < 5 else 1 - weekend):
            continue
        size = weekdays[weekday] * math.exp(level) * rng.lognormvariate(-0.18, 0.6)
        begin = start + rng.gauss(0, 0.7)
        end = begin + length * rng.uniform(0.6, 1.3)
        for slot in range(max(0, int(begin * 6)), min(SLOTS_A_DAY + 24, int(end * 6))):
            place = day * SLOTS_A_DAY + slot
            if place < len(out) and rng.random() < 0.6:
                out[place] += size * rng.gammavariate(1.2, 1.0)
    return out


def bursts(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    peak = rng.uniform(9, 24)
    weekend = rng.uniform(0.2, 1.5)
    a_day = rng.uniform(1.2, 4)
    night = rng.choice((0.0, 0.03, 0.08))
    crunch, calm = rng.uniform(1.3, 2.2), rng.uniform(0.5, 0.9)
    busy = rng.random() < 0.4
    for day in range(days):
        if rng.random() < 0.1:
            busy = not busy
        rate = a_day * (crunch if busy else calm) * (weekend if day % 7 >= 5 else 1)
        for _ in range(count(rng, rate)):
            hour = rng.gauss(peak, 3.5)
            place = day * SLOTS_A_DAY + int(hour * 6)
            if 0 <= place < len(out):
                length = min(9.0, rng.lognormvariate(math.log(1.1), 0.8))
                sessions(rng, out, at=place, hours=length, intensity=rng.lognormvariate(0, 0.6))
        if rng.random() < night:
            sessions(rng, out, at=day * SLOTS_A_DAY + 138, hours=rng.uniform(5, 9), intensity=1.5)
    return out


def shift(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    on, off = 4, rng.choice((3, 4))
    begin = rng.uniform(6, 21)
    growth = rng.gauss(0, 0.03) / 7
    holiday = rng.randrange(days) if rng.random() < 0.5 else -99
    for day in range(days):
        if day % (on + off) >= on and rng.random() > 0.2:
            continue
        if 0 <= day - holiday < 7:
            continue
        size = math.exp(growth * day) * rng.lognormvariate(0, 0.45)
        for _ in range(rng.choice((1, 2, 2, 3))):
            place = day * SLOTS_A_DAY + int((begin + rng.uniform(0, 8)) * 6)
            if place < len(out):
                sessions(rng, out, at=place, hours=rng.uniform(0.5, 4), intensity=size)
    return out


def deadline(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    due = rng.randrange(4, 20)
    swell = rng.uniform(0.3, 1.2)
    base = rng.uniform(0.4, 1.0)
    sitting = rng.uniform(0.4, 2.5)
    loops = rng.choice((0.0, 0.04, 0.1))
    hours = [rng.uniform(8, 22) for _ in range(3)]
    for day in range(days):
        if day > due:
            due = day + rng.randrange(10, 25)
            rest = rng.randrange(0, 4)
        elif day == 0:
            rest = 0
        if rest > 0:
            rest -= 1
            continue
        size = base + swell * 3 * math.exp(-(due - day) / 3)
        if rng.random() < (0.1 if day % 7 < 5 else 0.45):
            continue
        for hour in hours[: 1 + rng.randrange(3)]:
            place = day * SLOTS_A_DAY + int((hour + rng.gauss(0, 1)) * 6)
            if 0 <= place < len(out):
                length = sitting * rng.uniform(0.5, 1.5)
                sessions(rng, out, at=place, hours=length, intensity=size * rng.lognormvariate(0, 0.3))
        if rng.random() < loops:
            begin = day * SLOTS_A_DAY + rng.randrange(SLOTS_A_DAY)
            for slot in range(begin, min(len(out), begin + rng.randrange(30, 288))):
                out[slot] += 0.4
    return out


MAKERS: Final[dict[str, Callable[[Random, int], list[float]]]] = {
    "desk": desk,
    "bursts": bursts,
    "shift": shift,
    "deadline": deadline,
}
