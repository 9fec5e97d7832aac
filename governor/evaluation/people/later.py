"""Six families that were written before the alarm's bar was moved and scored once afterwards.

lead        a timetable of meetings carves up the day: use in the gaps, agents left running meanwhile, and what is still
            owed at the end of a day is made up for in the evening.
maintainer  reports that beget reports (a release sets them off) join a queue that spare hours work off; breaks.
agency      two to five clients at once, each with its own weekdays, rounds of work and silences of heavy-tailed length.
researcher  stages of days to weeks (read, build, run, write) follow each other by chance; loops run on alone in one.
moonlighter two jobs on two clocks share one body: a long night makes the next one less likely and the day weaker.
traveller   where somebody is decides how much and when: trips to a few places, hours that lag behind after each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from governor.evaluation.people.slots import HOUR, SLOTS_A_DAY, count, sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

# stage of research: typical days, sittings a day, median hours of one, and what may come next
_STAGES: Final[dict[str, tuple[float, float, float, tuple[str, ...]]]] = {
    "read": (2.0, 0.8, 0.5, ("build", "build", "write")),
    "build": (3.5, 2.2, 1.2, ("run", "run", "run", "read")),
    "run": (3.0, 1.2, 0.6, ("build", "build", "write", "read")),
    "write": (4.0, 1.3, 0.8, ("read", "build")),
}


def _work(rng: Random, out: list[float], *, day: int, hour: float, hours: float, size: float) -> None:
    """A sitting; an hour below 0 or above 24 is the neighbouring day's."""
    sessions(rng, out, at=max(0, day * SLOTS_A_DAY + int(hour * HOUR)), hours=hours, intensity=size)


def _alone(rng: Random, out: list[float], *, day: int, hour: float, hours: float, rate: float) -> None:
    """An agent left running: no pauses, an even rate."""
    at = max(0, day * SLOTS_A_DAY + int(hour * HOUR))
    for slot in range(at, min(len(out), at + max(1, int(hours * HOUR)))):
        out[slot] += rate * rng.uniform(0.6, 1.4)


def lead(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    dense, ad_hoc, delegates = rng.uniform(0.35, 0.7), rng.uniform(0.05, 0.2), rng.uniform(0.0, 0.35)
    table = [[rng.random() < dense * crowd for _ in range(8)] for crowd in (rng.uniform(0.4, 1.3) for _ in range(5))]
    start, late, weekend = rng.uniform(8, 10), rng.uniform(0.25, 0.8), rng.uniform(0.05, 0.4)
    wants, spread = rng.uniform(2.0, 4.5), rng.uniform(0.2, 0.6)
    load, owed, is_planning = rng.lognormvariate(0, spread), 0.0, False
    for day in range(days):
        if day % 7 == 0:
            is_planning = rng.random() < 0.1
        if rng.random() < 1 / 12:
            load = rng.lognormvariate(0, spread)
        evening = late
        if day % 7 < 5:
            if rng.random() < 0.06:
                continue
            owed += wants * load * rng.lognormvariate(-0.1, 0.45)
            for i, is_booked in enumerate(table[day % 7]):
                is_meeting = is_planning or is_booked != (rng.random() < ad_hoc)
                if is_meeting and rng.random() < delegates * 0.5:
                    _alone(rng, out, day=day, hour=start + i, hours=rng.uniform(0.3, 1.2), rate=0.5)
                    owed -= 0.4
                elif not is_meeting and owed > 0 and rng.random() < 0.75:
                    hours = min(1.0, owed, rng.uniform(0.3, 1.1))
                    _work(rng, out, day=day, hour=start + i, hours=hours, size=rng.lognormvariate(0, 0.4))
                    owed -= hours
        else:
            evening = weekend
        if owed > 0.7 and rng.random() < evening:
            hours = min(owed, 5.0, 0.6 * rng.paretovariate(1.3))
            hour = rng.gauss(20.5, 0.7) if day % 7 < 5 else rng.uniform(9, 20)
            _work(rng, out, day=day, hour=hour, hours=hours, size=rng.lognormvariate(0.1, 0.4))
            owed -= hours
        owed = max(0.0, owed * 0.8)  # the rest somebody else does, or nobody
    return out


def maintainer(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    train, splash = rng.choice((14, 21, 28, 28, 42, 56)), rng.uniform(3, 16)
    echo, fade = rng.uniform(0.2, 0.65), rng.uniform(1.5, 6)
    base, pace = rng.uniform(0.8, 2.5), rng.uniform(2.5, 6)
    weekdays = [rng.uniform(0.45, 0.95)] * 5 + [rng.uniform(0.3, 0.95)] * 2
    hour, wide, length = rng.choice((12.0, 20.0, 21.5)), rng.uniform(1, 3.5), rng.uniform(0.35, 0.8)
    due, heat, waiting, back = rng.randrange(train), 0.0, count(rng, 4), 0
    for day in range(days):
        heat *= math.exp(-1 / fade)
        if day >= due:
            heat += splash * rng.lognormvariate(0, 0.5) / fade
            due = day + train + int(rng.expovariate(0.25))
        came = count(rng, min(15.0, base + heat))
        heat += echo * came / fade
        waiting = min(60, waiting + came)
        if rng.random() < 1 / 60:
            back = day + rng.randrange(3, 12)
        if day < back or rng.random() > weekdays[day % 7]:
            continue
        done = min(waiting, count(rng, pace * (1.3 if due - day < 5 else 1.0)))
        waiting -= done
        for _ in range(done):
            hours = min(6.0, length * rng.lognormvariate(0, 0.9))
            _work(rng, out, day=day, hour=rng.gauss(hour, wide), hours=hours, size=rng.lognormvariate(0, 0.5))
    return out


def agency(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    clients = range(rng.randrange(2, 6))
    weights = [rng.lognormvariate(0, 0.5) for _ in clients]
    theirs = [sorted(rng.sample(range(5), rng.choice((2, 3, 3, 4, 5)))) for _ in clients]
    hours_of = [rng.uniform(8.5, 16) for _ in clients]
    silence, most, rush = rng.uniform(1.5, 4), rng.choice((2, 2, 3)), rng.uniform(0.0, 0.4)
    is_on = [rng.random() < 0.6 for _ in clients]
    left = [rng.randrange(1, 10) for _ in clients]
    length = [10.0 for _ in clients]
    for day in range(days):
        for c in clients:
            left[c] -= 1
            if left[c] <= 0:
                is_on[c] = not is_on[c]
                left[c] = 2 + int(rng.gammavariate(3, 3.5) if is_on[c] else min(28.0, silence * rng.paretovariate(1.3)))
                length[c] = float(left[c])
        if day % 7 < 5:
            called = [c for c in clients if is_on[c] and day % 7 in theirs[c]]
        else:
            called = [c for c in clients if is_on[c] and left[c] < 4 and rng.random() < rush]
        called.sort(key=lambda c: left[c])
        for c in called[:most]:
            hours = rng.lognormvariate(0.7, 0.5) * (0.6 + 0.8 * left[c] / length[c])  # the first days weigh most
            size = weights[c] * rng.lognormvariate(0, 0.35)
            _work(rng, out, day=day, hour=hours_of[c] + rng.gauss(0, 0.8), hours=min(8.0, hours), size=size)
        if day % 7 < 5 and rng.random() < 0.5:  # their own site, offers, mail
            _work(rng, out, day=day, hour=rng.uniform(9, 18), hours=rng.uniform(0.2, 1), size=0.8)
    return out


def researcher(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    slow = {stage: rng.lognormvariate(0, 0.35) for stage in _STAGES}
    eager = {stage: rng.lognormvariate(0, 0.25) for stage in _STAGES}
    hour, weekend, evenings = rng.uniform(11, 17), rng.uniform(0.15, 0.8), rng.uniform(17, 23)
    rate, nights, holds = rng.uniform(0.2, 0.6), rng.uniform(0.3, 0.85), rng.uniform(0.5, 0.9)
    stage, left = rng.choice(tuple(_STAGES)), rng.uniform(1, 5)
    for day in range(days):
        left -= 1 if day % 7 < 5 else 0.4
        if left <= 0:
            stage = rng.choice(_STAGES[stage][3])
            left = _STAGES[stage][0] * slow[stage] * rng.lognormvariate(0, 0.5)
        _, sittings, median, _ = _STAGES[stage]
        if rng.random() < (0.92 if day % 7 < 5 else weekend):
            for _ in range(count(rng, sittings * eager[stage])):
                hours = min(7.0, median * rng.lognormvariate(0, 0.7))
                _work(rng, out, day=day, hour=rng.gauss(hour, 2.5), hours=hours, size=rng.lognormvariate(0, 0.4))
        if stage == "run" and rng.random() < nights * (1.0 if day % 7 < 5 else weekend):
            # most hold until morning, some stop on their first mistake
            hours = min(30.0, rng.lognormvariate(1.8, 0.5)) if rng.random() < holds else rng.uniform(0.2, 1.5)
            _alone(rng, out, day=day, hour=rng.gauss(evenings, 1), hours=hours, rate=rate * rng.lognormvariate(0, 0.3))
    return out


def moonlighter(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    first, start, length = rng.uniform(0.15, 1.0), rng.uniform(7.5, 9.5), rng.uniform(2, 6)  # what job one lets it do
    second, night = rng.lognormvariate(0, 0.3), rng.choice((4.5, 20.0, 21.0, 22.5))
    shifted = rng.choice((0, 0, 0, 1, 6))  # the second one's week begins on another day
    stands, recovers = rng.uniform(1.5, 5), rng.uniform(0.4, 0.75)
    spread, ill = rng.uniform(0.15, 0.5), rng.uniform(0.005, 0.025)
    weights, tired, well = [1.0, 1.0], 0.0, 0
    for day in range(days):
        if day % 7 == 0:
            weights[0] = rng.lognormvariate(0, spread)
        if (day + shifted) % 7 == 0:
            weights[1] = rng.lognormvariate(0, 1.3 * spread)
        tired *= recovers if day % 7 < 5 else recovers * 0.8
        if rng.random() < ill:
            well = day + rng.randrange(2, 6)
        if day < well:
            continue
        if day % 7 < 5 and rng.random() < 0.93:
            hours = length * rng.uniform(0.6, 1.3) * math.exp(-0.08 * tired)
            size = first * weights[0] * rng.lognormvariate(0, 0.35)
            _work(rng, out, day=day, hour=start + rng.gauss(0, 0.4), hours=hours, size=size)
        is_due = (day + shifted) % 7 < 5 or rng.random() < 0.35
        if is_due and rng.random() < 1 / (1 + math.exp(1.2 * (tired - stands))):
            hours = min(8.0, weights[1] * rng.lognormvariate(0.7, 0.5))
            _work(
                rng, out, day=day, hour=night + rng.gauss(0, 0.7), hours=hours, size=second * rng.lognormvariate(0, 0.3)
            )
            tired += hours * rng.uniform(0.5, 1)
    return out


def traveller(rng: Random, days: int) -> list[float]:
    out = [0.0] * (days * SLOTS_A_DAY)
    places = [(rng.choice((-9, -6, -5, -1, 0, 0, 1, 1, 3, 7)), rng.lognormvariate(-0.4, 0.5)) for _ in range(3)]
    home, start, length = rng.uniform(6, 18), rng.uniform(8, 11), rng.uniform(3, 7)
    hotel, weekend, spread = rng.uniform(0.3, 0.9), rng.uniform(0.05, 0.5), rng.uniform(0.2, 0.5)
    until, leaves, zone, on_site, lag, size = -1, int(rng.uniform(0, home)), 0, 1.0, 0.0, 1.0
    for day in range(days):
        if day % 7 == 0:
            size = rng.lognormvariate(0, spread)
        if day > until and day >= leaves and day % 7 in (0, 1, 6):
            zone, on_site = rng.choice((places[0], places[0], *places[1:]))
            until = day + rng.choice((1, 2, 3, 3, 4, 4, 9))
            leaves = until + 1 + int(rng.gammavariate(2, home / 2))
            is_flight = True
        else:
            is_flight = day == until
        is_away = day <= until
        lag += max(-1.5, min(1.5, -(zone if is_away else 0) - lag))  # by the clock at home, east is earlier
        if is_flight:
            if rng.random() < 0.35:
                _work(rng, out, day=day, hour=rng.uniform(7, 20), hours=rng.uniform(0.4, 2), size=0.7 * size)
            continue
        if rng.random() > (0.92 if day % 7 < 5 else weekend):
            continue
        hours = length * rng.uniform(0.5, 1.2) * (on_site if is_away else 1.0)
        heavy = size * rng.lognormvariate(-0.1, 0.45)
        _work(rng, out, day=day, hour=start + lag + rng.gauss(0, 0.8), hours=min(10.0, hours), size=heavy)
        if rng.random() < (hotel if is_away else 0.15):
            hours = min(5.0, rng.lognormvariate(0.2, 0.5))
            _work(rng, out, day=day, hour=20 + lag + rng.gauss(0, 1), hours=hours, size=rng.lognormvariate(0, 0.3))
    return out


MAKERS: Final[dict[str, Callable[[Random, int], list[float]]]] = {
    "lead": lead,
    "maintainer": maintainer,
    "agency": agency,
    "researcher": researcher,
    "moonlighter": moonlighter,
    "traveller": traveller,
}
