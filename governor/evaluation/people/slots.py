"""The grid that made-up use is drawn on: ten-minute slots from a Monday at midnight on, in meter units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

SLOT_S: Final = 600
HOUR: Final = 6  # slots
SLOTS_A_DAY: Final = 24 * HOUR


def sessions(rng: Random, out: list[float], *, at: int, hours: float, intensity: float) -> None:
    for slot in range(at, min(len(out), at + max(1, int(hours * 6)))):
        if rng.random() < 0.75:
            out[slot] += intensity * rng.gammavariate(0.8, 1.25)


def count(rng: Random, rate: float) -> int:
    """A Poisson number, at most 30, by inversion."""
    found = 0
    chance = rng.random()
    term = bound = math.exp(-rate)
    while chance > bound and found < 30:
        found += 1
        term *= rate / found
        bound += term
    return found
