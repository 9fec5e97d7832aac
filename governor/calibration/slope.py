"""The slope between the official meter and local units that most stretches agree on, bursts from elsewhere set aside.

Expectation-maximisation of two cases for each stretch: a normal (clean) and an exponentially modified normal (it holds
an unseen burst), the rounding of both readings counted in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.calibration.observations import CHUNK, DAY_S
from governor.calibration.wander import Daily, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governor.calibration.observations import Stretch

ROUNDING: Final = 1 / 6  # variance of a difference of two readings, each rounded to a whole percent
TINY: Final = 1e-6  # percent or units; less is the noise of arithmetic, and its square is nothing
NOISE: Final = 0.12  # how far meter weights mis-state one stretch, before the data say otherwise
ROUNDS: Final = 30
SETTLES: Final = 2  # times that stretches are judged anew, each day beside its own level
WANDERED_DAYS: Final = 4.5  # root of three weeks: how far a level has wandered between the days of a calibration
LEAST: Final = 0.5  # points the meter must have moved in all


class SlopeFit(NamedTuple):
    """A slope in percent per unit, the standard deviation of its log, and how clean each stretch looks (0-1)."""

    slope: float
    sd: float
    clean: list[float]
    unseen: Sequence[float] = ()  # the unseen points in each stretch, if there are any in it
    days: tuple[Daily, ...] = ()  # each day's log slope over ``slope``, unseen points taken out


def fit(pieces: Sequence[Stretch]) -> SlopeFit | None:
    """The slope that most stretches agree on, bursts from elsewhere set aside. None where nothing moved together.

    The standard deviation is a sandwich over whole days, for stretches of one day err alike, and never below what the
    rounding and the noise of so few stretches allow.
    """
    units = sum(s.units for s in pieces)
    percent = sum(s.percent for s in pieces)
    if units <= 0 or percent < LEAST:
        return None
    moved = [s for s in pieces if s.units > TINY and s.percent > TINY]
    if len(moved) == 1:
        sd = math.sqrt(min(1.0, (2 * NOISE) ** 2 + ROUNDING / moved[0].percent ** 2))
        return SlopeFit(percent / units, sd, [1.0] * len(pieces), [0.0] * len(pieces))
    both = sorted(s.percent / s.units for s in moved if s.percent >= CHUNK / 2)
    slope = both[len(both) // 3] if both else percent / units  # bursts only raise it, so start low
    noise, burst, rate = NOISE, 5.0, 0.02  # bursts of 5 points, one in 50 hours, until the data speak
    hours = [max((s.ends_at - s.starts_at) / 3600, 0.05) for s in pieces]
    clean, unseen, variances = [1.0] * len(pieces), [0.0] * len(pieces), [ROUNDING] * len(pieces)
    for _ in range(ROUNDS):
        before = slope
        top = bottom = square = weight = 0.0
        for i, s in enumerate(pieces):
            variances[i] = (noise * slope * s.units) ** 2 + ROUNDING
            over = s.percent - slope * s.units
            clean[i], unseen[i] = _clean(over, variances[i], burst=burst, chance=-math.expm1(-rate * hours[i]))
            top += s.units * (s.percent - (1 - clean[i]) * unseen[i]) / variances[i]
            bottom += s.units * s.units / variances[i]
            if s.units > TINY and s.percent >= CHUNK / 2:
                square += clean[i] * max(0.0, over * over - ROUNDING) / (slope * s.units) ** 2
                weight += clean[i]
        slope = max(top / bottom, 1e-3 * percent / units)
        foreign = sum(1 - c for c in clean)
        burst = (sum((1 - c) * u for c, u in zip(clean, unseen, strict=True)) + 10.0) / (foreign + 2.0)
        rate = (foreign + 1.0) / (sum(hours) + 50.0)
        noise = min(0.5, math.sqrt((square + 8 * NOISE**2) / (weight + 8)))
        if abs(math.log(slope / before)) < 1e-4:
            break
    days: dict[int, float] = {}
    sure = 0.0
    for s, c, u, variance in zip(pieces, clean, unseen, variances, strict=True):
        error = s.units * (s.percent - (1 - c) * u - slope * s.units) / variance
        days[s.ends_at // DAY_S] = days.get(s.ends_at // DAY_S, 0.0) + error
        sure += c * s.units * s.units / variance
    sandwich = sum(x * x for x in days.values()) * len(days) / max(1, len(days) - 1) / (bottom * slope) ** 2
    floor = 1 / max(sure * slope * slope, 1e-9)
    few = (2 * NOISE / len(days)) ** 2  # each day has a mix of models and hours of its own
    found = SlopeFit(slope, math.sqrt(min(1.0, max(sandwich, floor) + few)), clean, unseen)
    return found._replace(days=_daily(pieces, found, variances))


def by_day(pieces: Sequence[Stretch], *, breaks: Sequence[int] = ()) -> tuple[SlopeFit, Standing | None] | None:
    """The slope that most stretches agree on, and where it stands by now, for days differ and the slope wanders.

    Each day is judged beside its own level, so that a dear day is not taken for bursts. None where nothing moved
    together. ``breaks``: numbers of days (since 1970) before which limits may have moved.
    """
    found = fit(pieces)
    if found is None:
        return None
    now = standing(found.days, breaks=breaks)
    for _ in range(SETTLES if now is not None and len(found.days) > 1 else 0):
        if now is None:
            break
        room = now.effect**2 + (now.wander * WANDERED_DAYS) ** 2
        moved = {day.at: math.exp(day.level * room / (room + day.variance)) for day in found.days}
        again = fit([s._replace(units=s.units * moved.get(s.ends_at // DAY_S, 1.0)) for s in pieces])
        if again is None:
            break
        variances = [(NOISE * again.slope * s.units) ** 2 + ROUNDING for s in pieces]
        found = again._replace(sd=found.sd, days=_daily(pieces, again, variances))
        now = standing(found.days, breaks=breaks)
    return found, now


def _daily(pieces: Sequence[Stretch], found: SlopeFit, variances: Sequence[float]) -> tuple[Daily, ...]:
    """What each day says of the slope. Where it is open whether a stretch holds a burst, that doubt is counted in."""
    sums: dict[int, list[float]] = {}
    for s, c, unseen, variance in zip(pieces, found.clean, found.unseen, variances, strict=True):
        day = sums.setdefault(s.ends_at // DAY_S, [0.0, 0.0, 0.0])
        here = (s.percent - (1 - c) * unseen, found.slope * s.units, variance + c * (1 - c) * unseen**2)
        for i, more in enumerate(here):
            day[i] += more
    return tuple(
        Daily(at, math.log(percent / due), variance / due**2)
        for at, (percent, due, variance) in sorted(sums.items())
        if percent > LEAST and due > LEAST
    )


def _clean(over: float, variance: float, *, burst: float, chance: float) -> tuple[float, float]:
    """(how likely it is that nothing unseen is in a stretch, the unseen points if something is).

    ``over`` is the excess in points, ``burst`` the mean size of a burst. With one, the excess is normal + exponential,
    whose burst is a truncated normal.
    """
    sd = math.sqrt(variance)
    shift = over - variance / burst
    tail = 0.5 * math.erfc(-shift / sd / math.sqrt(2))
    if tail < 1e-12:  # far below the line: no burst can explain it
        return 1.0, 0.0
    with_burst = chance * math.exp(min(60.0, variance / (2 * burst * burst) - over / burst)) * tail / burst
    without = (1 - chance) * math.exp(-over * over / (2 * variance)) / (sd * math.sqrt(2 * math.pi))
    share = without / (without + with_burst) if without + with_burst > 0 else 0.0
    mills = math.exp(-((shift / sd) ** 2) / 2) / math.sqrt(2 * math.pi) / tail
    return share, max(0.0, shift + sd * mills)
