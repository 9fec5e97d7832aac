"""When the scale changed: a plan, a cap, weights, a promotion. No constant of these limits has survived a year.

This is the detector on units per percent, day against day; ``cap_ratio`` is the one that needs no tokens.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.calibration.observations import CHUNK, DAY_S, Stretch
from governor.calibration.slope import fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from governor.calibration.cap_ratio import CapRatio

Z80: Final = 1.2816
JUMP: Final = 0.35  # how large changes are: standard deviation of log(units per percent) over the known ones
# Prior odds of a boundary at an announced change, and on any other day. Looked at weekly for a year, 4 of 238 people
# were told of a weekly change that never was (docs/calibration.md); milder odds told a third and more of one.
KNOWN_ODDS, OTHER_ODDS = 1 / 20, 1 / 3000
LEAST: Final = 3  # days on each side of a boundary that nobody announced
SURE: Final = math.log(3)  # odds at which one of two caps is named as the one that moved
MIX: Final = 0.4  # log(units per percent) that wrong weights and a new mix of models may move: twice what was measured
BLUR: Final = 0.1  # share of stretches that may lie on the other side of a moved limit
# Midnights UTC at which the vendor moved limits (quotas.md, A4 and C2).
KNOWN_CHANGES: Final[Mapping[str, tuple[int, ...]]] = {
    "claude": (
        1_778_025_600,  # 2026-05-06: 5-hour limits doubled
        1_778_630_400,  # 2026-05-13: weekly +50 %, a promotion
        1_789_344_000,  # 2026-09-14: the promotion ends, weekly +25 % for good
        1_790_035_200,  # 2026-09-22: 5-hour +20 %
    ),
    "codex": (
        1_783_814_400,  # 2026-07-12: 5-hour limit removed
        1_787_788_800,  # 2026-08-27: and back for Plus
        1_788_912_000,  # 2026-09-09: unexpected resets
    ),
}
# Changes for those alone who had one of these plans (quota.plans): a candidate where the plan is not known either.
OF_PLANS: Final[Mapping[str, tuple[tuple[int, tuple[str, ...]], ...]]] = {
    "claude": ((1_793_318_400, ("max-20x", "ultra")),),  # 2026-10-30: Max 20x becomes Ultra, with a weekly window only
}


def candidates(lane: str, plan: str) -> tuple[int, ...]:
    """The midnights UTC at which a limit of this plan may have moved, oldest first; an empty ``plan`` is any."""
    own = (at for at, names in OF_PLANS.get(lane, ()) if not plan or plan in names)
    return tuple(sorted((*KNOWN_CHANGES.get(lane, ()), *own)))


class Bound(NamedTuple):
    """A moment at which units per percent changed; ``step`` is the log of new over old as the two official meters have
    it, ``sd`` its standard deviation. None: only units say so, and they cannot tell a cap from a new mix of models.
    """

    at: int
    step: float | None = None
    sd: float = 0.0


def bounds(pieces: Sequence[Stretch], *, changes: Sequence[int] = (), rates: Sequence[CapRatio] = ()) -> list[Bound]:
    """When this window's scale changed: where the two meters say that a cap moved and the units that it was this one,
    and where units alone say so. Units alone must move by more than a new mix of models, or a second machine that
    comes and goes, can make them: those look exactly like a moved cap.
    """
    found: list[Bound] = []
    for i, rate in enumerate(rates):
        if i:
            last = rates[i - 1]
            until = rates[i + 1].since if i + 1 < len(rates) else math.inf
            bound = Bound(rate.since, rate.size - last.size, math.hypot(last.sd, rate.sd))
            odds = _odds(pieces, last.since, bound, until)
            if odds > SURE:
                found.append(bound)
    for begin, end in pairwise([0, *(bound.at for bound in found), math.inf]):
        alone = regimes([s for s in pieces if begin < s.ends_at <= end], changes=changes)
        for before, at, after in zip([begin, *alone], alone, [*alone[1:], end], strict=False):
            step, var = _step(pieces, before, at, after)
            if abs(step) >= MIX + Z80 * math.sqrt(var) and _is_clear(pieces, before, at, after):
                found.append(Bound(at))
    return sorted(found, key=lambda bound: bound.at)


def _odds(pieces: Sequence[Stretch], begin: float, bound: Bound, end: float) -> float:
    """Log odds that units per percent moved by all of the bound's step, rather than not at all."""
    step, var = _step(pieces, begin, bound.at, end)
    if bound.step is None or var == math.inf:
        return 0.0
    wide = var + bound.sd**2
    return (step * step / var + math.log(var) - (step - bound.step) ** 2 / wide - math.log(wide)) / 2


def _step(pieces: Sequence[Stretch], begin: float, at: float, end: float) -> tuple[float, float]:
    """How far log(units per percent) moved at ``at``, and the variance of that; nothing is known of an empty side."""
    left, right = fit([s for s in pieces if begin < s.ends_at <= at]), fit([s for s in pieces if at < s.ends_at <= end])
    if left is None or right is None:
        return 0.0, math.inf
    return math.log(left.slope / right.slope), left.sd**2 + right.sd**2


def _is_clear(pieces: Sequence[Stretch], begin: float, at: float, end: float) -> bool:
    """Did nearly all work move, as a limit moves it? While a second machine rests, the old scale shows."""
    sides = [[s for s in pieces if lo < s.ends_at <= hi] for lo, hi in ((begin, at), (at, end))]
    left, right = ([math.log(s.units / s.percent) for s in side if _tells(s)] for side in sides)
    if not left or not right:
        return False
    low, high = sorted((left, right), key=median)
    middle = (median(low) + median(high)) / 2
    return sum(y > middle for y in low) <= BLUR * len(low) and sum(y < middle for y in high) <= BLUR * len(high)


def _tells(s: Stretch) -> bool:
    return s.units > 0 and s.percent >= CHUNK / 2


def regimes(pieces: Sequence[Stretch], *, changes: Sequence[int] = ()) -> list[int]:
    """The moments at which units per percent changed, oldest first; empty for one regime throughout.

    Days are compared as wholes, by their middle stretch, since bursts from elsewhere are few. A boundary is accepted at
    posterior odds above 1; a day nobody announced needs three days on each side, a known change two before, one after.
    """
    by_day: dict[int, list[tuple[float, float]]] = {}
    for s in pieces:
        if _tells(s):
            by_day.setdefault(s.starts_at // DAY_S, []).append((math.log(s.units / s.percent), s.percent))
    days = []
    for day, seen in sorted(by_day.items()):
        days.append((day * DAY_S, median(y for y, _ in seen), 0.17 / sum(p for _, p in seen) ** 2))
    steps = [abs(b[1] - a[1]) for a, b in pairwise(days)]
    noise = max(0.1, 0.886 * sum(steps) / max(1, len(steps)))  # of a day: E|a - b| = 1.128 sd
    return _split([(at, y, v + noise * noise) for at, y, v in days], changes)


def median(values: Iterable[float]) -> float:
    """The middle value. Raises: IndexError where there is none."""
    ordered = sorted(values)
    return (ordered[len(ordered) // 2] + ordered[(len(ordered) - 1) // 2]) / 2


def _split(days: list[tuple[int, float, float]], changes: Sequence[int]) -> list[int]:
    best, where, at = 0.0, 0, 0
    for i in range(2, len(days)):
        known = next((c for c in changes if days[i - 1][0] < c <= days[i][0]), None)
        if known is None and min(i, len(days) - i) < LEAST:
            continue
        (left, left_var), (right, right_var) = _pool(days[:i]), _pool(days[i:])
        within = left_var + right_var
        between = within + JUMP**2
        odds = 0.5 * ((right - left) ** 2 * (1 / within - 1 / between) + math.log(within / between))
        odds += math.log(OTHER_ODDS if known is None else KNOWN_ODDS)
        if odds > best:
            best, where, at = odds, i, days[i][0] if known is None else known
    if not where:
        return []
    return [*_split(days[:where], changes), at, *_split(days[where:], changes)]


def _pool(days: Sequence[tuple[int, float, float]]) -> tuple[float, float]:
    weight = sum(1 / v for _, _, v in days)
    return sum(y / v for _, y, v in days) / weight, 1 / weight
