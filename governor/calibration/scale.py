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
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.calibration.change_points import Z80, Bound, bounds
from governor.calibration.elsewhere import Elsewhere, learned
from governor.calibration.observations import DAY_S, WEEK_S, Anchor, Stretch, stretches, tidy
from governor.calibration.slope import ROUNDING, SlopeFit, by_day, fit
from governor.calibration.wander import LOOSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from governor.calibration.cap_ratio import CapRatio

__all__ = [
    "Anchor",
    "Coverage",
    "Elsewhere",
    "Scale",
    "ScaleChange",
    "SlopeFit",
    "Stretch",
    "calibrate",
    "cover",
    "fit",
    "scales",
]

ACCOUNTS: Final = 0.25  # accounts on one plan differ by 17-27 % (quotas.md, B1): how little a foreign prior binds
CHANGED: Final = 0.5  # and how little the regime before binds the present one
TELLS: Final = 4.0  # highest over lowest of an interval that may price a turn: a factor of two either way
CARRIES: Final = 10.0  # that may carry a projection: beyond a factor of three either way the pace so far says as much
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


class ScaleChange(NamedTuple):
    """What happened when the present regime began: the limit after it over the limit before, with an 80 % interval.

    ``by``: ``meters`` where the two official meters have it of each other, ``units`` where only local units say so.
    """

    at: int
    factor: float
    low: float
    high: float
    by: str


class Scale(NamedTuple):
    """Local units that move the official meter by one percent; ``low`` to ``high`` is an 80 % interval."""

    units_per_percent: float
    low: float
    high: float
    anchors: int
    change: ScaleChange | None  # None: no change was ever seen
    coverage: Coverage | None
    note: str
    day: int = 0  # number (since 1970) of the last day that it rests on
    own: float = 0.0  # log of that day's own units per percent over those of days in general
    wander: float = 0.0  # standard deviation of log(units_per_percent) that each further day adds
    elsewhere: Elsewhere | None = None  # what is used elsewhere in an hour; None where one anchor tells nothing of it

    def aged(self, now: int, *, changes: Sequence[int] = ()) -> Scale:
        """The same by now: the interval grows with the days since, and with limits that may have moved meanwhile."""
        days = now // DAY_S - self.day
        if not self.day or days <= 0:
            return self
        more = self.wander**2 * days + LOOSE**2 * any(self.day < c // DAY_S <= now // DAY_S for c in changes)
        half = Z80 * (math.hypot(self.spread, math.sqrt(more)) - self.spread)
        return self._replace(low=self.low * math.exp(-half), high=self.high * math.exp(half))

    def on_day_of(self, now: int) -> Scale:
        """The scale to count this day's use by: the day's own, where it has spoken already."""
        if now // DAY_S != self.day:
            return self
        shift = math.exp(self.own)
        return self._replace(
            units_per_percent=self.units_per_percent * shift, low=self.low * shift, high=self.high * shift
        )

    @property
    def since(self) -> int | None:
        """When this regime began."""
        return self.change and self.change.at

    @property
    def slope(self) -> float | None:
        """Units per percent where one more turn may be priced by it: by readings that moved, and not too wide apart.

        One reading tells a total: use elsewhere is still inside it, and a turn would seem many times too dear.
        """
        return self.units_per_percent if self.anchors > 1 and self.high <= TELLS * self.low else None

    @property
    def can_project(self) -> bool:
        """May what comes be counted by ``effective``? Not by one reading, nor where the share used here is a guess."""
        low, high = (self.coverage.low, self.coverage.high) if self.coverage else (1.0, 1.0)
        return self.anchors > 1 and self.high * high <= CARRIES * self.low * low

    @property
    def spread(self) -> float:
        """The interval as a standard deviation of log(units_per_percent)."""
        return math.log(self.high / self.low) / (2 * Z80)

    @property
    def effective(self) -> float:
        """Local units per official percent while use elsewhere keeps its share: what a projection should count by."""
        return self.units_per_percent * (self.coverage.share if self.coverage else 1.0)


def calibrate(
    anchors: Iterable[Anchor],
    *,
    prior: Scale | None = None,
    window_s: int = WEEK_S,
    changes: Sequence[int] = (),
    rates: Sequence[CapRatio] = (),
) -> Scale | None:
    """The scale of the present regime; ``prior`` (or None) where there is nothing to calibrate from.

    ``prior`` (the same plan elsewhere, another window) is one more, weak, observation. ``changes`` are moments at
    which limits are known to have moved (``change_points.KNOWN_CHANGES``); ``rates`` what the two official meters say
    of each other, as this window sees it (``cap_ratio.rates``). Never raises; never gives NaN, zero or infinity.
    """
    found = scales(anchors, prior=prior, window_s=window_s, changes=changes, rates=rates)
    return found[-1] if found else prior


def scales(
    anchors: Iterable[Anchor],
    *,
    prior: Scale | None = None,
    window_s: int = WEEK_S,
    changes: Sequence[int] = (),
    rates: Sequence[CapRatio] = (),
) -> list[Scale]:
    """One scale per regime, oldest first; the last is in force. Each leans, weakly, on the one before."""
    kept = tidy(anchors)
    pieces = stretches(kept, window_s=window_s)
    cuts = [Bound(0), *bounds(pieces, changes=changes, rates=rates)]
    out: list[Scale] = []
    for i, bound in enumerate(cuts):
        begin, end = bound.at, cuts[i + 1].at if i + 1 < len(cuts) else math.inf
        part = [s for s in pieces if begin < s.ends_at <= end]
        mine = [a for a in kept if begin < a.observed_at <= end]
        # The same figure said twice is one statement: between the two nothing is to be seen.
        count = len(mine) if len({(a.resets_at, a.used_percent) for a in mine}) > 1 else min(len(mine), 1)
        guesses = [(out[-1], CHANGED)] if out else []
        guesses += [(prior, ACCOUNTS)] if prior is not None else []
        scale = _scale(part, count=count, guesses=guesses, changes=changes, window_s=window_s)
        if scale is not None:
            out.append(scale._replace(change=_change(bound, out[-1], scale)) if out else scale)
    return out


def _change(bound: Bound, before: Scale, after: Scale) -> ScaleChange:
    step, sd = bound.step, bound.sd
    if step is None:
        step = math.log(after.units_per_percent / before.units_per_percent)
        sd = math.hypot(before.spread, after.spread)
    factors = (math.exp(step), math.exp(step - Z80 * sd), math.exp(step + Z80 * sd))
    return ScaleChange(bound.at, *factors, "units" if bound.step is None else "meters")


def _scale(
    pieces: Sequence[Stretch],
    *,
    count: int,
    guesses: Sequence[tuple[Scale, float]],
    changes: Sequence[int],
    window_s: int,
) -> Scale | None:
    settled = by_day(pieces, breaks=[c // DAY_S for c in changes])
    if settled is None:
        return None
    found, now = settled
    slope, sd = found.slope, found.sd
    if now is not None:  # what a new day will count by, its own effect and all
        slope, sd = slope * math.exp(now.level), max(sd, math.hypot(now.sd, now.effect))
    for guess, doubt in guesses:
        guess_sd = math.hypot(guess.spread, doubt)
        trust = sd**2 / (sd**2 + guess_sd**2)
        slope *= math.exp(-trust * math.log(slope * guess.units_per_percent))
        sd = 1 / math.sqrt(1 / guess_sd**2 + 1 / sd**2)
    ratio = 1 / slope
    if count < 2:
        # Everything elsewhere is inside the total. Seen in practice: 18.7 % local of an official 60 %.
        return Scale(
            ratio, ratio * math.exp(-Z80 * sd), ratio * math.exp(Z80 * sd) * 2.5, count, None, None, ONE_ANCHOR
        )
    coverage = cover(pieces, found)
    low, high = ratio * math.exp(-Z80 * sd), ratio * math.exp(Z80 * sd)
    scale = Scale(ratio, low, high, count, None, coverage, _note(pieces, has_guess=bool(guesses)))
    scale = scale._replace(elsewhere=learned(pieces, found, window_s=window_s))
    return scale if now is None else scale._replace(day=found.days[-1].at, own=-now.own, wander=now.wander)


def cover(pieces: Sequence[Stretch], found: SlopeFit) -> Coverage | None:
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
