"""From official readings and local units to a scale: how many units one percent is, and how sure that is.

The model, for one window of one lane: ``percent = units / units_per_percent + elsewhere``, read as a whole number.
Use elsewhere (another machine, a phone, the web) only ever adds, and comes in bursts. So a stretch between two
readings is either clean or holds an unseen burst; both cases are weighed by how likely they are, the rounding of both
readings counted in (expectation-maximisation of a normal and an exponentially modified normal). Under 30 % of bursty
use elsewhere a plain ratio or least squares is 30-40 % off; this is within a few percent (docs/calibration.md has
both, and the command that shows it).

What slopes cannot tell: use elsewhere that always runs in step with local use looks exactly like a smaller scale.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.regimes import regimes
from governor.stretches import CHUNK, WEEK_S, Anchor, Stretch, stretches, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Anchor", "Coverage", "Fit", "Scale", "Stretch", "calibrate", "cover", "fit", "scales"]

DAY_S: Final = 86_400
Z80: Final = 1.2816  # every interval here is the middle 80 %
ROUNDING: Final = 1 / 6  # variance of a difference of two readings, each rounded to a whole percent
TINY: Final = 1e-6  # percent or units; less is the noise of arithmetic, and its square is nothing
NOISE: Final = 0.12  # how far meter weights mis-state one stretch, before the data say otherwise
ACCOUNTS: Final = 0.25  # accounts on one plan differ by 17-27 % (quotas.md, B1): how little a foreign prior binds
CHANGED: Final = 0.5  # and how little the regime before binds the present one
ROUNDS: Final = 30
LEAST: Final = 0.5  # points the meter must have moved in all
ONE_ANCHOR: Final = (
    "one anchor tells a total, not a slope: all use elsewhere is still inside it; add a second after some hours of work"
)


class Coverage(NamedTuple):
    """The share of official use that local units explain, 0-1, with its 80 % interval.

    ``at_most``: pauses were not watched, so it is a bound: the rest, 1 - share, is the least that was used elsewhere.
    """

    share: float
    low: float
    high: float
    at_most: bool


class Scale(NamedTuple):
    """Local units that move the official meter by one percent; ``low`` to ``high`` is an 80 % interval."""

    units_per_percent: float
    low: float
    high: float
    anchors: int
    since: int | None  # when this regime began; None: no change was ever seen
    coverage: Coverage | None
    note: str

    @property
    def spread(self) -> float:
        """The interval as a standard deviation of log(units_per_percent)."""
        return math.log(self.high / self.low) / (2 * Z80)

    @property
    def effective(self) -> float:
        """Local units per official percent while use elsewhere keeps its share: what a projection should count by."""
        return self.units_per_percent * (self.coverage.share if self.coverage else 1.0)


class Fit(NamedTuple):
    """A slope in percent per unit, the standard deviation of its log, and how clean each stretch looks (0-1)."""

    slope: float
    sd: float
    clean: list[float]


def calibrate(
    anchors: Iterable[Anchor], *, prior: Scale | None = None, window_s: int = WEEK_S, changes: Sequence[int] = ()
) -> Scale | None:
    """The scale of the present regime; ``prior`` (or None) where there is nothing to calibrate from.

    ``prior`` (the same plan elsewhere, another window) is one more, weak, observation. ``changes`` are moments at
    which limits are known to have moved (``regimes.KNOWN_CHANGES``). Never raises; never gives NaN, zero or infinity.
    """
    found = scales(anchors, prior=prior, window_s=window_s, changes=changes)
    return found[-1] if found else prior


def scales(
    anchors: Iterable[Anchor], *, prior: Scale | None = None, window_s: int = WEEK_S, changes: Sequence[int] = ()
) -> list[Scale]:
    """One scale per regime, oldest first; the last is in force. Each leans, weakly, on the one before."""
    kept = tidy(anchors)
    pieces = stretches(kept, window_s=window_s)
    bounds = [None, *regimes(pieces, changes=changes), None]
    out: list[Scale] = []
    for since, until in pairwise(bounds):
        begin, end = since or 0, math.inf if until is None else until
        part = [s for s in pieces if begin < s.ends_at <= end]
        count = sum(begin < a.observed_at <= end for a in kept)
        guesses = [(out[-1], CHANGED)] if out else []
        guesses += [(prior, ACCOUNTS)] if prior is not None else []
        scale = _scale(part, count=count, since=since, guesses=guesses)
        if scale is not None:
            out.append(scale)
    return out


def _scale(
    pieces: Sequence[Stretch], *, count: int, since: int | None, guesses: Sequence[tuple[Scale, float]]
) -> Scale | None:
    found = fit(pieces)
    if found is None:
        return None
    slope, sd = found.slope, found.sd
    for guess, doubt in guesses:
        guess_sd = math.hypot(guess.spread, doubt)
        trust = sd**2 / (sd**2 + guess_sd**2)
        slope *= math.exp(-trust * math.log(slope * guess.units_per_percent))
        sd = 1 / math.sqrt(1 / guess_sd**2 + 1 / sd**2)
    ratio = 1 / slope
    if count < 2:
        # Everything elsewhere is inside the total. Seen in practice: 18.7 % local of an official 60 %.
        return Scale(
            ratio, ratio * math.exp(-Z80 * sd), ratio * math.exp(Z80 * sd) * 2.5, count, since, None, ONE_ANCHOR
        )
    coverage = cover(pieces, found._replace(slope=slope, sd=sd))
    low, high = ratio * math.exp(-Z80 * sd), ratio * math.exp(Z80 * sd)
    return Scale(ratio, low, high, count, since, coverage, _note(pieces, has_guess=bool(guesses)))


def fit(pieces: Sequence[Stretch]) -> Fit | None:
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
        return Fit(percent / units, sd, [1.0] * len(pieces))
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
    return Fit(slope, math.sqrt(min(1.0, max(sandwich, floor) + few)), clean)


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


def cover(pieces: Sequence[Stretch], found: Fit) -> Coverage | None:
    """The share of the official movement that local units explain. None where the meter never moved.

    Use elsewhere is taken to have run on, at its rate, in the hours nobody read the meter (after the last reading of a
    window). Half a day of watched pauses makes it an estimate; work alone cannot show what runs beside it.
    """
    percent = sum(s.percent for s in pieces)
    hours = sum(s.ends_at - s.starts_at for s in pieces)
    local = found.slope * sum(s.units for s in pieces)
    if percent <= 0 or hours <= 0 or local <= 0:
        return None
    blind = max(s.ends_at for s in pieces) - min(s.starts_at for s in pieces) - hours
    share = local / (local + max(0.0, percent - local) * (1 + max(0, blind) / hours))
    bursts = sum(1 - c for c in found.clean)
    error = math.sqrt(found.sd**2 + ROUNDING / percent + 2 * (1 - share) ** 2 / (bursts + 1))
    watched = sum(s.ends_at - s.starts_at for s in pieces if found.slope * s.units < 0.5)
    low, high = min(1.0, share * math.exp(-Z80 * error)), min(1.0, share * math.exp(Z80 * error))
    return Coverage(share, low, high, at_most=watched < DAY_S / 2)


def _note(pieces: Sequence[Stretch], *, has_guess: bool) -> str:
    if sum(s.percent for s in pieces) < 10:
        return "the meter has moved too little to say much; the interval shows it"
    if has_guess:
        return "use elsewhere that runs in step with local use shows only against the prior"
    return "use elsewhere that always runs in step with local use cannot be seen from here"
