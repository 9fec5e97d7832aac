"""What made-up people really use where both windows refuse: the wall, their answer to it, and what the meter shows.

``Person`` holds what somebody wants. Here the wants meet the limits: the 5-hour window and the week each refuse at
100 %. The person then waits, moves the work elsewhere, buys credits and goes on while the meter stands at 100, or stops
for the day. Holidays, days on which nobody reads the meter, whole percents and a meter that lags are here as well.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final, NamedTuple

from governor.evaluation.people import DAY_S, FIVE_HOURS_S, WEEK_S, Person, SeenMeter
from governor.evaluation.people.slots import SLOT_S, SLOTS_A_DAY

ANSWERS: Final = ("waits", "moves", "credits", "stops")
USUAL: Final = 0.7  # the share of walls that get the person's usual answer; the others get any
KEPT: Final = 0.7  # of refused work, what somebody who waits still does later
AFTER_A_WEEK: Final = 0.15  # the same after a wall that stood for days
SLOT_LIMIT: Final = 0.15  # of the work waiting, what is caught up in ten minutes
DAWN_S: Final = 4 * 3600
A_WEEK: Final = WEEK_S // SLOT_S
LOAD: Final = (0.9, 0.35)  # median and log-deviation of a mean week, in full weeks, once the 5-hour window has refused
ROUNDS: Final = 4


class MadeUpWall(NamedTuple):
    """One refusal: use was refused from ``begin`` to ``end`` because ``window`` stood at 100 %."""

    window: str  # "5h" or "week"
    begin: int
    end: int
    answer: str


class Lived(NamedTuple):
    """One person's life under both limits. Lists hold one value per slot of ``SLOT_S`` from ``starts_at`` on."""

    person: Person  # what was wanted
    local: list[float]  # units really used here, credits included
    used: list[float]  # percent of the week by the meter at the end of the slot, unrounded, at most 100
    wanted: list[float]  # the same as if the week refused nothing (the 5-hour window still does); may pass 100
    used_5h: list[float]  # percent of the open 5-hour window, 0 where none is open
    wanted_5h: list[float]  # the same as if it refused nothing
    resets_5h: list[int]  # when the open 5-hour window resets, 0 where none is open
    walls: list[MadeUpWall]
    week: list[SeenMeter]  # what a machine reads of the weekly meter
    short: list[SeenMeter]  # and of the 5-hour one

    def hourly(self) -> list[tuple[int, float]]:
        """Local use as ``week.project_week`` takes it."""
        return self.person._replace(local=self.local).hourly()


class _Answer:
    """How a person answers walls: mostly in the same way."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._usual = {"5h": rng.choice(ANSWERS), "week": rng.choice(ANSWERS)}

    def __call__(self, window: str) -> str:
        return self._usual[window] if self._rng.random() < USUAL else self._rng.choice(ANSWERS)


def live(rng: Random, someone: Person, *, holidays: float = 0.015, unread: float = 0.08) -> Lived:
    """The person's life under the limits. ``holidays``: the chance that a day begins one of 3 to 12 days; ``unread``:
    the share of days on which no machine reads the meter. A person without ``windows_per_week`` has no 5-hour limit.
    """
    here, there = list(someone.local), list(someone.elsewhere)
    _rest(rng, here, there, chance=holidays)
    blind = frozenset(day for day in range(len(here) // SLOTS_A_DAY + 1) if rng.random() < unread)
    lag = rng.randrange(2)
    answer = _Answer(rng)
    upp = someone.units_per_percent
    upp_5h = upp / someone.windows_per_week if someone.windows_per_week else math.inf
    out = Lived(someone, [], [], [], [], [], [], [], [], [])
    week_used = week_wanted = short_used = short_wanted = units = short_units = waiting = later = 0.0
    week_ends = short_ends = quits_until = 0
    week_wall: MadeUpWall | None = None
    short_wall: MadeUpWall | None = None
    for i, (mine, away) in enumerate(zip(here, there, strict=True)):
        at = someone.starts_at + i * SLOT_S
        if at >= week_ends:
            week_ends, week_wall = at + WEEK_S, None
            week_used = week_wanted = units = 0.0
            waiting, later = waiting + later, 0.0
        if at >= short_ends:
            short_used = short_wanted = short_units = 0.0
            short_wall = None
            if mine + away > 0:
                short_ends = at // 3600 * 3600 + FIVE_HOURS_S
        wish = 0.0 if at < quits_until else mine
        if waiting > 0 and short_wall is None and week_wall is None and mine > 0:
            caught_up = waiting * SLOT_LIMIT
            wish, waiting = wish + caught_up, waiting - caught_up
        short_wanted += wish + away
        gone = 0.0  # units really used here
        if short_wall is not None and short_wall.answer != "credits":
            if short_wall.answer == "waits":
                waiting += KEPT * wish
        else:
            short_used = min(short_used + wish + away, 100 * upp_5h)
            week_wanted += wish + away
            if week_wall is None:
                week_used += wish + away
                units += wish
                gone = wish
            elif week_wall.answer == "credits":
                gone = wish
            elif week_wall.answer == "waits":
                later += AFTER_A_WEEK * wish
            if week_wall is None and week_used >= 100 * upp:
                week_used = 100 * upp
                week_wall = MadeUpWall("week", at + SLOT_S, week_ends, answer("week"))
                out.walls.append(week_wall)
            if short_wall is None and short_used >= 100 * upp_5h and at < short_ends:
                short_wall = MadeUpWall("5h", at + SLOT_S, short_ends, answer("5h"))
                if week_wall is None:  # nobody is told of a wall behind a wall
                    out.walls.append(short_wall)
                if short_wall.answer == "stops":
                    quits_until = (at - DAWN_S) // DAY_S * DAY_S + DAWN_S + DAY_S
        short_units += gone if short_wall is None or short_wall.begin == at + SLOT_S else 0.0
        out.local.append(gone)
        out.used.append(week_used / upp)
        out.wanted.append(week_wanted / upp)
        out.used_5h.append(short_used / upp_5h if at < short_ends else 0.0)
        out.wanted_5h.append(short_wanted / upp_5h if at < short_ends else 0.0)
        out.resets_5h.append(short_ends if at < short_ends else 0)
        if gone > 0 and i // SLOTS_A_DAY not in blind:
            shown = out.used[i - lag] if i % A_WEEK >= lag else 0.0
            if at < short_ends and someone.windows_per_week:
                out.short.append(
                    SeenMeter(at + SLOT_S - 1, float(math.floor(out.used_5h[-1])), short_ends, short_units)
                )
            out.week.append(SeenMeter(at + SLOT_S - 1, float(math.floor(shown)), week_ends, units))
    return out


def crowded(rng: Random, someone: Person, *, holidays: float = 0.015, unread: float = 0.08) -> Lived:
    """The same on a plan of such a size that walls are common (``LOAD``): about a third of the weeks pass 100 %."""
    load = min(1.8, max(0.4, rng.lognormvariate(math.log(LOAD[0]), LOAD[1])))
    seed = rng.randrange(2**32)
    for _ in range(ROUNDS):
        lived = live(_again(seed), someone, holidays=holidays, unread=unread)
        mean = sum(lived.wanted[A_WEEK - 1 :: A_WEEK]) / max(1, someone.weeks) / 100
        if mean <= 0:
            break
        someone = someone._replace(units_per_percent=someone.units_per_percent * (mean / load) ** 0.8)
    return live(_again(seed), someone, holidays=holidays, unread=unread)


def _rest(rng: Random, here: list[float], there: list[float], *, chance: float) -> None:
    """Takes holidays out of what is wanted."""
    for day in range(len(here) // SLOTS_A_DAY):
        if rng.random() < chance:
            stop = min(len(here), (day + rng.randrange(3, 13)) * SLOTS_A_DAY)
            for values in (here, there):
                values[day * SLOTS_A_DAY : stop] = [0.0] * (stop - day * SLOTS_A_DAY)


def _again(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - repeatable, not secret
