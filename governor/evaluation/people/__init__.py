"""Made-up people, so that a claim about calibration or projection can be checked where the truth is known.

Families share nothing but the calendar: ``first`` and ``second`` were in view while constants were chosen, ``unseen``
was written before and scored once afterwards; ``later`` was written before the alarm's bar was moved and scored once
afterwards (docs/forecast.md). A person is made of

* local use in 10-minute slots, in meter units;
* use elsewhere, unseen by the local transcripts: bursts at times of its own, or proportional to local use;
* a cap, as units per percent, drawn so that roughly a quarter of the weeks want more than 100 %;
* a 5-hour cap, so that a week holds 5 to 12 full windows (quotas.md, A3 and B2), and now and then a headless day.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.evaluation.people import first as people_first
from governor.evaluation.people import later as people_later
from governor.evaluation.people import second as people_second
from governor.evaluation.people import unseen as people_unseen
from governor.evaluation.people.slots import SLOT_S, SLOTS_A_DAY, sessions

if TYPE_CHECKING:
    from random import Random

DAY_S: Final = 86_400
WEEK_S: Final = 604_800
FIVE_HOURS_S: Final = 18_000
EPOCH: Final = 1_767_571_200  # Monday 2026-01-05 00:00 UTC
HEADLESS: Final = 1.49  # headless runs move the 5-hour meter that much more, the weekly one not (quotas.md, B1)
_MAKERS: Final = {**people_first.MAKERS, **people_second.MAKERS, **people_unseen.MAKERS, **people_later.MAKERS}
FAMILIES: Final = tuple(_MAKERS)


class Person(NamedTuple):
    """One made-up person. ``local`` and ``elsewhere`` hold units per slot of ``SLOT_S`` from ``starts_at`` on."""

    family: str
    starts_at: int  # also the moment a weekly window opens
    local: list[float]
    elsewhere: list[float]
    units_per_percent: float
    windows_per_week: float | None = None  # full 5-hour windows in a week; None: there is no 5-hour limit
    headless_days: frozenset[int] = frozenset()  # since ``starts_at``: days on which all local use is headless

    @property
    def weeks(self) -> int:
        """Whole weekly windows."""
        return len(self.local) * SLOT_S // WEEK_S

    def hourly(self) -> list[tuple[int, float]]:
        """Local use as ``week.project_week`` takes it: (start of the hour, units), empty hours left out."""
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


class SeenMeter(NamedTuple):
    """What the machine sees at one moment: the whole-number meter, and local units of this window so far."""

    at: int
    used_percent: float
    resets_at: int
    units: float


def person(
    rng: Random,
    family: str = "desk",
    *,
    weeks: int = 12,
    elsewhere: float = 0.0,
    proportional: bool = False,
    has_short: bool = False,
    headless: float = 0.0,
) -> Person:
    """One person of the family. ``elsewhere`` is the share of all use that local transcripts miss, 0 to below 1;
    ``has_short``: with a 5-hour limit too; ``headless`` the share of days given to headless runs.

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
    windows = rng.uniform(5, 12) if has_short else None
    alone = frozenset(day for day in range(days) if rng.random() < headless)
    return Person(family, start, local[turn:] + local[:turn], away[turn:] + away[:turn], upp, windows, alone)


class _Meter:
    """One window's running count; ``closes`` is the end of the one that was opened last."""

    def __init__(self, size: int, units_per_percent: float, closes: int) -> None:
        self.size, self.upp, self.closes = size, units_per_percent, closes
        self.units = self.total = 0.0

    def open(self, at: int) -> None:
        self.closes, self.units, self.total = at + self.size, 0.0, 0.0

    def seen(self, at: int, jitter: int) -> list[SeenMeter]:
        percent = float(math.floor(self.total / self.upp))
        return [SeenMeter(at, percent, self.closes + jitter, self.units)] if at < self.closes else []


def readings(rng: Random, someone: Person, *, window: str = "week", polled: bool = False) -> list[SeenMeter]:
    """The official meter of ``week`` or ``5h`` as a machine comes to know it: floored to whole percents, its reset
    jittering by seconds.

    ``polled``: every 30 minutes, idle or not. Otherwise only while active here, as a statusLine is: after each active
    slot, and once as a session begins. The same ``rng`` gives both meters at the same moments. A 5-hour window opens
    with the first use, at the full hour, and refuses all use while it is full; a full week refuses nothing.
    """
    out: list[SeenMeter] = []
    upp = someone.units_per_percent
    week = _Meter(WEEK_S, upp, someone.starts_at)
    short = _Meter(FIVE_HOURS_S, upp / (someone.windows_per_week or 1.0), someone.starts_at)
    asked = short if window == "5h" else week
    was_active = False
    for i, (here, there) in enumerate(zip(someone.local, someone.elsewhere, strict=True)):
        at = someone.starts_at + i * SLOT_S
        jitter = rng.choice((-1, 0, 0, 0, 1))
        if at >= week.closes:
            week.open(at)
        if (polled and i % 3 == 0) or (here > 0 and not was_active and not polled):
            out += asked.seen(at, jitter)
        was_active = here > 0
        if at >= short.closes and here + there > 0:
            short.open(at // 3600 * 3600)
        if someone.windows_per_week is None or short.total < 100 * short.upp:
            more = HEADLESS if i // SLOTS_A_DAY in someone.headless_days else 1.0
            week.total += here + there
            short.total += here * more + there
            week.units += here
            short.units += here
        if here > 0 and not polled:
            out += asked.seen(at + SLOT_S - 1, jitter)
    return out


def _bursts_elsewhere(rng: Random, slots: int, *, total: float) -> list[float]:
    out = [0.0] * slots
    if total <= 0:
        return out
    for _ in range(max(2, round(slots / SLOTS_A_DAY * rng.uniform(0.5, 1.5)))):
        sessions(rng, out, at=rng.randrange(slots), hours=rng.uniform(1, 6), intensity=rng.lognormvariate(0, 0.7))
    scale = total / (sum(out) or 1.0)
    return [x * scale for x in out]
