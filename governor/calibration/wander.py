"""Where a level that differs from day to day, and wanders slowly, stands by now; and where a new day's may lie.

A local-level model, day against day: each day's log level is the slow one, plus an effect of that day alone (its hours,
its mix of models), plus what its readings leave open. How fast the slow one wanders and how large the days' own effects
are is not chosen but averaged over a grid, each pair weighed by how well it foretold every day from the days before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

# Standard deviations of log(level) and their prior weights: of its wandering in the square root of a day, and of a
# day's own effect. On measured accounts days of one account differ by 0.1 to 0.25 (docs/calibration.md, "Scale").
WANDERS: Final = ((0.0, 0.4), (0.02, 0.25), (0.05, 0.2), (0.1, 0.15))
EFFECTS: Final = ((0.02, 0.15), (0.06, 0.2), (0.12, 0.3), (0.2, 0.25), (0.3, 0.1))
UNKNOWN: Final = 0.4  # of the level before any day
LOOSE: Final = 0.25  # what an announced change of limits may move, where nobody has yet seen whether it did


class Daily(NamedTuple):
    """What one day says: log level and its variance, the day's own effect not counted in. ``at``: the day's number."""

    at: int
    level: float
    variance: float


class Standing(NamedTuple):
    """The slow level after the last day, and the standard deviations of it, of a day's effect, of a day's wandering.

    ``own``: the effect of the last day itself, as far as its readings tell it from the slow level.
    """

    level: float
    sd: float
    effect: float
    wander: float
    own: float


def standing(days: Sequence[Daily], *, breaks: Sequence[int] = ()) -> Standing | None:
    """The slow level after the last of ``days`` (oldest first); None without days. ``breaks``: numbers of days before
    which the level may have jumped.
    """
    if not days:
        return None
    found = []
    for wander, prior in WANDERS:
        for effect, weight in EFFECTS:
            level, variance, score = _filtered(days, wander, effect, breaks)
            found.append((score + math.log(prior * weight), level, variance, effect, wander))
    best = max(score for score, *_ in found)
    weights = [math.exp(score - best) for score, *_ in found]
    total = sum(weights)
    level = sum(w * each[1] for w, each in zip(weights, found, strict=True)) / total
    variance = sum(w * (each[2] + (each[1] - level) ** 2) for w, each in zip(weights, found, strict=True)) / total
    effect = sum(w * each[3] ** 2 for w, each in zip(weights, found, strict=True)) / total
    wander = sum(w * each[4] ** 2 for w, each in zip(weights, found, strict=True)) / total
    last = days[-1]
    own = effect / (effect + variance + last.variance) * (last.level - level)
    return Standing(level, math.sqrt(variance), math.sqrt(effect), math.sqrt(wander), own)


def _filtered(days: Sequence[Daily], wander: float, effect: float, breaks: Sequence[int]) -> tuple[float, float, float]:
    """(level, its variance, log of how well each day was foretold) of one Kalman filter."""
    level, variance, score, last = 0.0, UNKNOWN**2, 0.0, days[0].at
    for day in days:
        variance += wander**2 * (day.at - last) + LOOSE**2 * any(last < b <= day.at for b in breaks)
        wide = variance + effect**2 + day.variance
        off = day.level - level
        score -= (off * off / wide + math.log(wide)) / 2
        level += variance / wide * off
        variance *= 1 - variance / wide
        last = day.at
    return level, variance, score
