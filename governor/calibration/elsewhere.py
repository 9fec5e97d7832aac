"""How much was used elsewhere while nobody read the meter: a rate learned from watched time, and its spread.

Another machine, a phone, the web: it comes in bursts, and in times of its own. What runs in step with local use cannot
be told from a smaller scale (docs/calibration.md), and is counted by the scale already.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.calibration.change_points import Z80
from governor.calibration.observations import brisk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governor.calibration.observations import Stretch
    from governor.calibration.slope import SlopeFit

PRIOR_H: Final = 24.0  # hours for which the prior rate stands beside the watched ones
PRIOR: Final = 1 / 200  # of the brisk rate: with nothing watched, a twelfth of a usual week is used elsewhere
BURST: Final = 4.0  # points of a burst, until bursts were seen
UNEVEN: Final = 0.8  # how far the rate of one time differs from the mean, as a share of it: machines come and go
PAUSE: Final = 0.5  # points of local use in a stretch below which it is a pause


class Elsewhere(NamedTuple):
    """Points an hour used elsewhere while there is work here, and in pauses; and points of one burst."""

    busy: float
    idle: float
    burst: float


class Spread(NamedTuple):
    """Points used elsewhere: the mean and an 80 % interval."""

    mean: float
    low: float
    high: float


def learned(pieces: Sequence[Stretch], found: SlopeFit, *, window_s: int) -> Elsewhere:
    """The rates that watched stretches show, shrunk to a small prior; ``found`` says which points are unseen use."""
    sums = [[0.0, PRIOR_H] for _ in range(2)]
    bursts, foreign = 2.0, 2 * BURST
    for s, c, unseen in zip(pieces, found.clean, found.unseen, strict=True):
        kind = sums[found.slope * s.units < PAUSE]
        kind[0] += (1 - c) * unseen
        kind[1] += (s.ends_at - s.starts_at) / 3600
        bursts += 1 - c
        foreign += (1 - c) * unseen
    prior = PRIOR * brisk(window_s) * PRIOR_H
    busy, idle = ((points + prior) / hours for points, hours in sums)
    return Elsewhere(busy, idle, foreign / bursts)


def used(found: Elsewhere | None, *, busy_s: int, idle_s: int, window_s: int) -> Spread:
    """Points used elsewhere in so much time; with nothing learned (None), from the prior and wider."""
    rates = found or Elsewhere(PRIOR * brisk(window_s), PRIOR * brisk(window_s), BURST)
    mean = (rates.busy * busy_s + rates.idle * idle_s) / 3600
    uneven = UNEVEN if found else 2 * UNEVEN
    return _gamma(mean, 2 * rates.burst * mean + (uneven * mean) ** 2)


def _gamma(mean: float, variance: float) -> Spread:
    """The mean, and where a Gamma of that mean and variance has its outer tenths (Wilson and Hilferty's cube).

    Below a shape of a half the cube fails; there the low end is nothing, and the high end that of the tail.
    """
    if mean <= 0 or variance <= 0:
        return Spread(0.0, 0.0, 0.0)
    shape = mean * mean / variance
    third = 1 / (9 * shape)
    low, high = (max(1 - third + z * math.sqrt(third), 0.0) ** 3 * mean for z in (-Z80, Z80))
    return Spread(mean, low if shape > 0.5 else 0.0, max(high, mean))
