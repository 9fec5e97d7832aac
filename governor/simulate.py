"""Made-up people, so that a claim about calibration or projection can be checked where the truth is known.

Four families that share nothing but the calendar. The constants of ``calibrate`` and ``forecast`` were chosen with the
figures of ``desk``, ``bursts`` and ``shift`` in view; ``deadline`` was written when they were frozen, and run once
(docs/forecast.md). A person is made of

* local use in 10-minute slots, in meter units;
* use elsewhere, unseen by the local transcripts: bursts at times of its own, or proportional to local use;
* a cap, as units per percent, drawn so that roughly a quarter of the weeks want more than 100 %.

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
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

SLOT_S: Final = 600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800
SLOTS_A_DAY: Final = DAY_S // SLOT_S
FAMILIES: Final = ("desk", "bursts", "shift", "deadline")
EPOCH: Final = 1_767_571_200  # Monday 2026-01-05 00:00 UTC


class Person(NamedTuple):
    """One made-up person. ``local`` and ``elsewhere`` hold units per slot of ``SLOT_S`` from ``starts_at`` on."""

    family: str
    starts_at: int  # also the moment a weekly window opens
    local: list[float]
    elsewhere: list[float]
    units_per_percent: float

    @property
    def weeks(self) -> int:
        """Whole weekly windows."""
        return len(self.local) * SLOT_S // WEEK_S

    def hourly(self) -> list[tuple[int, float]]:
        """Local use as ``forecast`` takes it: (start of the hour, units), empty hours left out."""
        step = 3600 // SLOT_S
        sums = ((i, sum(self.local[i : i + step])) for i in range(0, len(self.local), step))
        return [(self.starts_at + i * SLOT_S, units) for i, units in sums if units > 0]

    def demand(self) -> list[float]:
        """Percent of the cap at the end of each slot of its week, everything counted; passes 100 where refused."""
        out: list[float] = []
        total = 0.0
        for i, (here, there) in enumerate(zip(self.local, self.elsewhere, strict=True)):
            if i % (WEEK_S // SLOT_S) == 0:
                total = 0.0
            total += here + there
            out.append(total / self.units_per_percent)
        return out


class Seen(NamedTuple):
    """What the machine sees at one moment: the whole-number meter, and local units of this window so far."""

    at: int
    used_percent: float
    resets_at: int
    units: float


def person(
    rng: Random, family: str = "desk", *, weeks: int = 12, elsewhere: float = 0.0, proportional: bool = False
) -> Person:
    """One person of the family. ``elsewhere`` is the share of all use that local transcripts miss, 0 to below 1.

    Raises: KeyError for a family that does not exist.
    """
    days = weeks * 7
    local = _MAKERS[family](rng, days)
    mean = sum(local) / weeks
    if mean <= 0:
        local[len(local) // 2] = mean = 1.0
    ratio = elsewhere / (1 - elsewhere)
    away = [x * ratio for x in local] if proportional else _bursts_elsewhere(rng, len(local), total=ratio * sum(local))
    load = min(1.6, max(0.25, rng.lognormvariate(math.log(0.75), 0.35)))  # the mean week as a share of the cap
    upp = (mean + sum(away) / weeks) / load / 100
    start = EPOCH + rng.randrange(7 * 24) * 3600  # the account's own reset hour
    turn = (start - EPOCH) // SLOT_S  # local use was drawn from Monday on: keep the weekdays where they are
    return Person(family, start, local[turn:] + local[:turn], away[turn:] + away[:turn], upp)


def readings(rng: Random, someone: Person, *, polled: bool = False) -> list[Seen]:
    """The official meter as a machine comes to know it: floored to whole percents, its reset jittering by seconds.

    ``polled``: every 30 minutes, idle or not. Otherwise only while active here, as a statusLine is: after each active
    slot, and once as a session begins.
    """
    out: list[Seen] = []
    per_week = WEEK_S // SLOT_S
    units = total = 0.0
    was_active = False
    for i, (here, there) in enumerate(zip(someone.local, someone.elsewhere, strict=True)):
        if i % per_week == 0:
            units = total = 0.0
        at = someone.starts_at + i * SLOT_S
        resets_at = someone.starts_at + (i // per_week + 1) * WEEK_S + rng.choice((-1, 0, 0, 0, 1))
        begins = here > 0 and not was_active
        was_active = here > 0
        if (polled and i % 3 == 0) or (begins and not polled):
            out.append(Seen(at, float(math.floor(total / someone.units_per_percent)), resets_at, units))
        units += here
        total += here + there
        if here > 0 and not polled:
            out.append(Seen(at + SLOT_S - 1, float(math.floor(total / someone.units_per_percent)), resets_at, units))
    return out


def _desk(rng: Random, days: int) -> list[float]:
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


def _sessions(rng: Random, out: list[float], *, at: int, hours: float, intensity: float) -> None:
    for slot in range(at, min(len(out), at + max(1, int(hours * 6)))):
        if rng.random() < 0.75:
            out[slot] += intensity * rng.gammavariate(0.8, 1.25)


def _bursts(rng: Random, days: int) -> list[float]:
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
        count = 0
        chance = rng.random()
        term = bound = math.exp(-rate)
        while chance > bound and count < 30:  # Poisson by inversion
            count += 1
            term *= rate / count
            bound += term
        for _ in range(count):
            hour = rng.gauss(peak, 3.5)
            place = day * SLOTS_A_DAY + int(hour * 6)
            if 0 <= place < len(out):
                length = min(9.0, rng.lognormvariate(math.log(1.1), 0.8))
                _sessions(rng, out, at=place, hours=length, intensity=rng.lognormvariate(0, 0.6))
        if rng.random() < night:
            _sessions(rng, out, at=day * SLOTS_A_DAY + 138, hours=rng.uniform(5, 9), intensity=1.5)
    return out


def _shift(rng: Random, days: int) -> list[float]:
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
                _sessions(rng, out, at=place, hours=rng.uniform(0.5, 4), intensity=size)
    return out


def _deadline(rng: Random, days: int) -> list[float]:
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
                _sessions(rng, out, at=place, hours=length, intensity=size * rng.lognormvariate(0, 0.3))
        if rng.random() < loops:
            begin = day * SLOTS_A_DAY + rng.randrange(SLOTS_A_DAY)
            for slot in range(begin, min(len(out), begin + rng.randrange(30, 288))):
                out[slot] += 0.4
    return out


def _bursts_elsewhere(rng: Random, slots: int, *, total: float) -> list[float]:
    out = [0.0] * slots
    if total <= 0:
        return out
    for _ in range(max(2, round(slots / SLOTS_A_DAY * rng.uniform(0.5, 1.5)))):
        _sessions(rng, out, at=rng.randrange(slots), hours=rng.uniform(1, 6), intensity=rng.lognormvariate(0, 0.7))
    scale = total / (sum(out) or 1.0)
    return [x * scale for x in out]


_MAKERS: Final[dict[str, Callable[[Random, int], list[float]]]] = {
    "desk": _desk,
    "bursts": _bursts,
    "shift": _shift,
    "deadline": _deadline,
}
