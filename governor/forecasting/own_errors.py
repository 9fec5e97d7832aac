"""How far off such forecasts have been for this person: a shift, and a width for each side.

The level is followed through the past once more, and each day's word about the next days is set against what came. A
person whose use grows has had more than was foreseen; one who bursts, longer tails than made-up days have. With little
past both are taken to be as for most people.

Errors are counted in standard deviations of the logarithm of what is still to come. That logarithm has a floor of a
tenth of what is usual, so that days of rest are no infinite surprise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governor.forecasting.activity_level import Track

HORIZONS_D: Final = (1, 2, 3, 5, 7)
FLOOR: Final = 0.1  # of what is usual for these days
HALF_LIFE_D: Final = 56.0
BEGIN_DAYS: Final = 14  # before, nothing is known that could be off
SHIFT_DAYS: Final = 80.0
PRIOR_DAYS: Final = 20.0  # how many days of own past weigh as much as what is so for most people
PRIOR_UP, PRIOR_DOWN = 1.1, 0.9
NARROWEST, WIDEST, FARTHEST = 0.6, 3.0, 1.5
TAIL: Final = 0.9
TAIL_Z: Final = 1.2816  # of a standard normal at ``TAIL``


class OwnErrors(NamedTuple):
    """In standard deviations of the log of what is to come: the shift, and how many times wider it is on each side."""

    shift: float = 0.0
    up: float = PRIOR_UP
    down: float = PRIOR_DOWN


def learn(track: Sequence[Track], usual: Sequence[float], *, widen: float) -> OwnErrors:
    """What followed each day of the past, against what was to be expected of it then.

    ``track``: ``activity_level.track``; ``usual``: by weekday, in usual days; ``widen``: of the level's variance.
    """
    pairs: list[tuple[float, float]] = []
    for i in range(BEGIN_DAYS, len(track)):
        now = track[i - 1]
        age = 0.5 ** ((track[-1].day - now.day) / HALF_LIFE_D)
        came = expected = felt = normal = 0.0
        for k in range(1, HORIZONS_D[-1] + 1):
            if i + k > len(track) or track[i + k - 1].day != now.day + k:
                break
            share = usual[(now.day + k) % 7]
            kept = now.keep**k
            came += track[i + k - 1].size
            expected += share * max(0.05, now.base + kept * (now.level - now.base))
            felt += share * kept
            normal += share
            if k not in HORIZONS_D or normal <= 0.05:
                continue
            wander = max(0.0, normal * normal - felt * felt) * now.wander / 2
            spread = math.sqrt(widen * (felt * felt * now.var + wander) + normal * now.noise)
            floor = FLOOR * normal
            sigma = math.sqrt(math.log1p((spread / (expected + floor)) ** 2))
            pairs.append(
                (math.log((came + floor) / (expected + floor)) / max(0.05, sigma) + sigma / 2, age / len(HORIZONS_D))
            )
    weight = sum(w for _, w in pairs)
    if weight <= 0:
        return OwnErrors()
    trust = weight / (weight + PRIOR_DAYS)
    pairs.sort()
    middle = _quantile(pairs, 0.5, weight)
    up = (_quantile(pairs, TAIL, weight) - middle) / TAIL_Z
    down = (middle - _quantile(pairs, 1 - TAIL, weight)) / TAIL_Z
    shift = min(FARTHEST, max(-FARTHEST, middle))
    return OwnErrors(
        weight / (weight + SHIFT_DAYS) * shift, _shrunk(up, PRIOR_UP, trust), _shrunk(down, PRIOR_DOWN, trust)
    )


def _shrunk(value: float, prior: float, trust: float) -> float:
    return min(WIDEST, max(NARROWEST, trust * value + (1 - trust) * prior))


def _quantile(pairs: Sequence[tuple[float, float]], q: float, weight: float) -> float:
    total = 0.0
    for value, w in pairs:
        total += w
        if total >= q * weight:
            return value
    return pairs[-1][0]


def corrected(rest: Sequence[float], usual: float, errors: OwnErrors) -> list[float]:
    """Draws of what is still to come, moved and widened; in their order, none below 0. ``usual``: the same unit."""
    if errors == OwnErrors(0.0, 1.0, 1.0) or usual <= 0:
        return list(rest)
    floor = FLOOR * usual
    logs = [math.log(x + floor) for x in rest]
    ordered = sorted(logs)
    n = len(ordered)
    middle, sigma = ordered[n // 2], (ordered[int(0.84 * n)] - ordered[int(0.16 * n)]) / 2
    out = []
    for x, y in zip(rest, logs, strict=True):
        z = y - middle
        moved = middle + errors.shift * sigma + z * (errors.up if z > 0 else errors.down)
        out.append(max(0.0, math.exp(min(moved, y + 3.0)) - floor) if x > 0 else 0.0)
    return out
