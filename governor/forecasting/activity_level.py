"""How busy somebody is these days: a level around 1 that wanders from day to day and comes back.

A day's use is its weekday's usual use times the level, plus noise of its own. The level is a first-order
autoregression, followed day by day by a Kalman filter, without regard to where windows begin. How fast it is forgotten
and how much it wanders differ between people more than anything else, so nobody's value is assumed: sixteen pairs are
followed at once and weighed by how well each foretold the person's own days (Bayesian model averaging; the noise is
integrated out under an inverse-gamma prior).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEPS: Final = (0.6, 0.85, 0.95, 0.985)  # of a deviation, from one day to the next: half gone in 1.4, 4, 14, 46 days
SIGNALS: Final = (0.15, 0.4, 1.2, 3.0)  # variance of levels over variance of days
PRIOR_NOISE, PRIOR_DAYS = 0.8, 10.0  # squared variation of a day around its expectation; counts as ten days
CLIP: Final = 3.0  # standard deviations: beyond, a day says no more than that it was a big one
MEMORY_DAYS: Final = 40.0  # what weights of half-life 28 days come to
HALF_LIFE_D: Final = 28.0  # days of four weeks ago count half
BEGIN_DAYS, BEGIN_WEIGHT = 14, 5.0  # what the level first came back to: the first two weeks, counting as five days
TRUST: Final = 0.5  # in the evidence for a pair: days are not as Gaussian as it takes them to be
LOWEST: Final = 0.15


class Habit(NamedTuple):
    """One pair, and the level it has come to. Variances are in squared levels; a usual day has a level of 1."""

    chance: float  # that this is the person's pair, 0-1
    keep: float
    wander: float  # variance of levels in the long run
    noise: float  # variance of a usual day around its expectation
    level: float  # at the end of the last day learnt
    var: float  # of ``level``


class ActivityLevel(NamedTuple):
    """The average level of the days to come."""

    mean: float
    var: float


class Track(NamedTuple):
    """One day of the past and what was known at its end. Variances are in squared levels."""

    day: int
    size: float  # in usual days
    level: float
    var: float
    base: float  # what the level comes back to
    keep: float
    wander: float
    noise: float


class _LevelStep(NamedTuple):
    day: int
    before: tuple[float, float]  # level and variance, expected
    after: tuple[float, float]  # and once the day was seen


def learn(number: Sequence[int], sizes: Sequence[float], usual: Sequence[float]) -> tuple[list[Habit], list[float]]:
    """The habits after the last day, and the level of every day with hindsight.

    ``number``: days, ascending, gaps meaning nothing known; ``sizes``: use of each, and ``usual``: by ``number % 7``,
    both in usual days.
    """
    found = []
    bases = _bases(number, sizes, usual)
    for keep in KEEPS:
        for signal in SIGNALS:
            steps, logs, squares = _follow(number, sizes, usual, bases, keep=keep, signal=signal)
            freedom = PRIOR_DAYS + len(number)
            total = PRIOR_DAYS * PRIOR_NOISE + squares
            found.append((-0.5 * logs - 0.5 * freedom * math.log(total), keep, signal, total / freedom, steps))
    best = max(found, key=lambda one: one[0])
    weights = [math.exp(TRUST * (one[0] - best[0])) for one in found]
    habits = [
        Habit(w / sum(weights), keep, signal * noise, noise, steps[-1].after[0], steps[-1].after[1] * noise)
        for w, (_, keep, signal, noise, steps) in zip(weights, found, strict=True)
    ]
    return [h for h in habits if h.chance > 1e-3], _smooth(best[4], keep=best[1])


def track(
    number: Sequence[int], sizes: Sequence[float], usual: Sequence[float], habits: Sequence[Habit]
) -> list[Track]:
    """The past as the likeliest pair followed it, arguments as for ``learn``."""
    h = max(habits, key=lambda habit: habit.chance)
    bases = _bases(number, sizes, usual)
    steps, _, _ = _follow(number, sizes, usual, bases, keep=h.keep, signal=h.wander / h.noise)
    return [
        Track(step.day, size, step.after[0], step.after[1] * h.noise, base, h.keep, h.wander, h.noise)
        for step, size, base in zip(steps, sizes, [*bases[1:], 1.0], strict=True)
    ]


def _follow(
    number: Sequence[int],
    sizes: Sequence[float],
    usual: Sequence[float],
    bases: Sequence[float],
    *,
    keep: float,
    signal: float,
) -> tuple[list[_LevelStep], float, float]:
    """The filter with noise 1: its steps, the sum of log variances and of squared surprises."""
    level, var, last = bases[0], signal, number[0]
    logs = squares = 0.0
    steps = []
    for day, size, base in zip(number, sizes, bases, strict=True):
        level, var = _later(level, var, days=day - last, keep=keep, wander=signal, base=base)
        before = level, var
        level, var, surprise, spread = _seen(level, var, size, usual[day % 7], noise=1.0, typical=PRIOR_NOISE)
        logs += math.log(spread)
        squares += surprise * surprise / spread
        steps.append(_LevelStep(day, before, (level, var)))
        last = day
    return steps, logs, squares


def _bases(number: Sequence[int], sizes: Sequence[float], usual: Sequence[float]) -> list[float]:
    """What the level came back to by what was known before each day: the past as it was then, weighed by its age."""
    begin = sum(sizes[:BEGIN_DAYS]) / max(1e-9, sum(usual[day % 7] for day in number[:BEGIN_DAYS]))
    top, bottom, last = BEGIN_WEIGHT * begin, BEGIN_WEIGHT, number[0]
    out = []
    for day, size in zip(number, sizes, strict=True):
        aged = 0.5 ** ((day - last) / HALF_LIFE_D)
        top, bottom = top * aged, bottom * aged
        out.append(top / bottom)
        top, bottom, last = top + size, bottom + usual[day % 7], day
    return out


def _later(
    level: float, var: float, *, days: int, keep: float, wander: float, base: float = 1.0
) -> tuple[float, float]:
    kept = keep**days
    return base + kept * (level - base), kept * kept * var + (1 - kept * kept) * wander


def _seen(
    level: float, var: float, size: float, usual: float, *, noise: float, typical: float = 1.0
) -> tuple[float, float, float, float]:
    """Level and variance after a day or part of one, its surprise and the variance of that.

    Noise grows with what was expected, as counts do: a free Sunday says little, and so does half a morning.
    """
    if usual <= 1e-3:
        return level, var, 0.0, 1.0
    spread = usual * usual * var + usual * noise
    limit = CLIP * math.sqrt(spread * typical)
    surprise = max(-limit, min(limit, size - usual * level))
    gain = var * usual / spread
    return level + gain * surprise, var * (1 - gain * usual), surprise, spread


def _smooth(steps: Sequence[_LevelStep], *, keep: float) -> list[float]:
    """Levels in the light of what came after them (Rauch, Tung and Striebel)."""
    out = [steps[-1].after[0]]
    for step, later in zip(reversed(steps[:-1]), reversed(steps[1:]), strict=True):
        gain = step.after[1] * keep ** (later.day - step.day) / later.before[1]
        out.append(step.after[0] + gain * (out[-1] - later.before[0]))
    return [max(LOWEST, level) for level in reversed(out)]


def ahead(
    habits: Sequence[Habit], *, days_since: int, size: float, usual: float, shares: Sequence[float], known: float
) -> ActivityLevel:
    """The average level of the rest of today and of the days after it.

    ``days_since`` the last day learnt; ``size`` and ``usual``: use of today so far and what was expected of it, both in
    usual days; ``shares``: what is expected of the rest of today and of each day to come, adding up to 1; ``known``:
    days of history, which say how well the usual itself is known.
    """
    mean = second = 0.0
    days = max(3.0, min(MEMORY_DAYS, known))
    for h in habits:
        level, var = _later(h.level, h.var, days=days_since, keep=h.keep, wander=h.wander)
        level, var, _, _ = _seen(level, var, size, usual, noise=h.noise)
        kept = sum(share * h.keep**k for k, share in enumerate(shares))
        # A shock of a later day reaches all days after it; the usual itself is the mean of autocorrelated days.
        reach = shocks = 0.0
        for share in reversed(shares[1:]):
            reach = share + h.keep * reach
            shocks += reach * reach
        of_usual = min(1.0, (1 + h.keep) / (1 - h.keep) / days) * h.wander + h.noise / days
        total = kept * kept * var + shocks * (1 - h.keep * h.keep) * h.wander + (1 - kept) ** 2 * of_usual
        middle = 1 + kept * (level - 1)
        mean += h.chance * middle
        second += h.chance * (total + middle * middle)
    weight = sum(h.chance for h in habits)
    mean, second = mean / weight, second / weight
    return ActivityLevel(max(0.05, mean), max(0.01, second - mean * mean))
