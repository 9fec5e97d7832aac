"""What a projection hands over, and the draws it is made of.

There is no randomness here: draws come from a fixed low-discrepancy sequence (Kronecker, square roots of primes), so
the same values give the same answer, and a probability does not flicker between two refreshes.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache
from typing import Final, NamedTuple

DRAWS: Final = 400
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
EIGHTY: Final = 1.2816  # standard deviations from the middle to either end of an 80 % interval
PRESENT: Final = 35  # the coordinate of the present figure
# One for the level, one for the scale, and one for each remaining day of a month, and one for the present figure.
_ROOTS: Final = (
    *(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71),
    *(73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151),
)


class Forecast(NamedTuple):
    """Where the window ends, in the unit of ``spent``. ``p_exceed`` is the probability of passing ``cap``, 0-1.

    ``wall_at`` is when the cap is passed in the middle case, None if more likely not. ``naive`` is the baseline
    ``spent + recent rate x time left``. ``weeks`` are the whole weeks of history it rests on.
    ``confidence``: none (no history at all), low (under 3 weeks), fair (under 6), good.
    """

    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p_exceed: float | None
    wall_at: int | None
    naive: float | None
    confidence: str
    weeks: int


def naive(spent: float, recent_rate: float, time_left: float) -> float:
    """``spent + recent_rate x time_left``; the rate per unit of ``time_left``. Time that has run out adds nothing."""
    return spent + max(0.0, recent_rate) * max(0.0, time_left)


def landed(
    ends: list[float], *, spent: float, cap: float | None, wall_at: int | None, line: float, weeks: float
) -> Forecast:
    """The forecast that equally likely ``ends`` add up to."""
    ends.sort()
    p10, p25, p50, p75, p90 = (ends[min(len(ends) - 1, int(q * len(ends)))] for q in QUANTILES)
    above = None
    if cap is not None:
        above = 1.0 if spent >= cap else (len(ends) - bisect_left(ends, cap)) / len(ends)
    grade = "none" if weeks <= 0 else "low" if weeks < 3 else "fair" if weeks < 6 else "good"
    return Forecast(p10, p25, p50, p75, p90, above, wall_at, line, grade, round(weeks))


def starts(spent: float, sure: tuple[float, float] | None) -> list[float]:
    """Where each draw begins: at ``spent``, or around it where only an 80 % interval of it is known."""
    if sure is None:
        return [spent] * DRAWS
    low, high = min(sure[0], spent), max(sure[1], spent)
    ups, downs = (high - spent) / EIGHTY, (spent - low) / EIGHTY
    return [max(0.0, spent + z * (ups if z > 0 else downs)) for z in normals(PRESENT)]


@cache
def points(k: int) -> tuple[float, ...]:
    """The ``k``-th coordinate of every draw, even over 0-1. There are 36; further ones repeat."""
    alpha = math.sqrt(_ROOTS[k % len(_ROOTS)]) % 1.0
    return tuple((i * alpha + 0.5) % 1.0 for i in range(1, DRAWS + 1))


@cache
def normals(k: int) -> tuple[float, ...]:
    """The same as draws from the standard normal distribution."""
    return tuple(normal(p) for p in points(k))


def normal(p: float) -> float:
    """The standard normal quantile, within 4.5e-4 (Abramowitz & Stegun 26.2.23)."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    t = math.sqrt(-2 * math.log(min(p, 1 - p)))
    z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return -z if p < 0.5 else z
