"""How large the week is in full five-hour windows, and the days on which that changed: official readings, no tokens.

Use here and elsewhere moves both meters alike, and so do meter weights that are wrong and a new mix of models. So the
slope of the weekly figure on the five-hour one changes only with a plan or a cap (quotas.md, E1) and, for headless
runs move the five-hour meter 1.49 times more (B1), with a new way of working; some headless days are no change.
What it cannot see: both caps moved by the same factor.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.calibration.change_points import KNOWN_ODDS, LEAST, OTHER_ODDS, Z80, median
from governor.calibration.observations import DAY_S, Anchor, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIVE_HOURS_S: Final = 18_000
TOGETHER_S: Final = 60  # two meters read within a minute of each other were read together
ENOUGH: Final = 3.0  # weekly points that a day should hold; thinner ones are joined with the next
NOISE: Final = 0.03  # of a day's log slope, beside rounding: nobody has measured less
MOST_NOISE: Final = 0.25
ODD: Final = 0.1  # share of days whose slope is not that of their time
HEADLESS: Final = math.log(1.49)  # how far a wholly headless day lies below the others (quotas.md, B1)
WHOLLY: Final = 0.6  # share of headless days on which all use is; on the others any part of it
BEGINS, STAYS = 0.06, 0.5  # chances of a headless day after another day, and after a headless one: a tenth of all
ELSE: Final = 0.02  # share of days that lie anywhere, for whatever reason
STEP: Final = 0.03  # of the grid of log slopes
REACH: Final = 1.0  # how far a log slope may lie from the middle one: a cap three times as large


class CapRatioDay(NamedTuple):
    """One day (or some thin ones joined): log of weekly points per 5-hour point, and what rounding makes of it."""

    at: int  # midnight UTC
    slope: float
    variance: float


class CapRatio(NamedTuple):
    """A time throughout which one cap was a fixed multiple of the other.

    ``size`` is the log of this window's cap over the other one's, ``sd`` its standard deviation.
    """

    since: int  # the boundary; of the first: the first day looked at
    until: int  # the last day looked at
    size: float
    sd: float
    days: int


class MeterPoint(NamedTuple):
    """Both meters at one moment; ``run`` is the weekly run (``observations.runs``) of the week's figure."""

    at: int
    run: int
    short: float
    long: float


def days(five_hour: Iterable[Anchor], week: Iterable[Anchor]) -> list[CapRatioDay]:
    """What each day says. Only movement inside one window of both kinds counts, by least squares on all its readings,
    which leaves less of the rounding than its two ends would.
    """
    sums: dict[int, list[float]] = {}
    for piece in _together(five_hour, week):
        short, long = piece[-1].short - piece[0].short, piece[-1].long - piece[0].long
        if short < 1:
            continue
        middle, height = sum(p.short for p in piece) / len(piece), sum(p.long for p in piece) / len(piece)
        square = sum((p.short - middle) ** 2 for p in piece)
        both = sum((p.short - middle) * (p.long - height) for p in piece)
        day = sums.setdefault(piece[0].at // DAY_S, [0.0] * 5)
        # Each reading has a rounding of its own, until there are more of them than the square of the points moved.
        error = square / 12 * max(1.0, len(piece) / max(long, 1.0) ** 2)
        for i, more in enumerate((short, long, square, both, error)):
            day[i] += more
    total = [sum(day[i] for day in sums.values()) for i in range(2)]
    enough = ENOUGH * total[0] / total[1] if total[1] > 0 else math.inf
    found: list[CapRatioDay] = []
    joined, heaviest, most = [0.0] * 5, 0, -1.0
    for at, day in sorted(sums.items()):
        heaviest, most = (at, day[0]) if day[0] > most else (heaviest, most)
        joined = [a + b for a, b in zip(joined, day, strict=True)]
        if joined[0] >= enough and joined[1] >= 1:
            found.append(CapRatioDay(heaviest * DAY_S, math.log(joined[3] / joined[2]), joined[4] / joined[3] ** 2))
            joined, most = [0.0] * 5, -1.0
    return found


def _together(five_hour: Iterable[Anchor], week: Iterable[Anchor]) -> list[list[MeterPoint]]:
    """The readings of each 5-hour window at which the week's figure is known too, parted where the week was reset."""
    long = sorted((a.observed_at, run, a.used_percent) for run, seen in enumerate(runs(week)) for a in seen)
    times = [at for at, _, _ in long]
    out: list[list[MeterPoint]] = []
    for seen in runs(five_hour, window_s=FIVE_HOURS_S):
        piece: list[MeterPoint] = []
        for a in seen:
            if a.used_percent >= 100:  # it stands there, whatever is used
                break
            place = bisect_right(times, a.observed_at)
            around = long[max(0, place - 1) : place + 1]
            near = min(around, key=lambda one: abs(one[0] - a.observed_at), default=(0, 0, 0.0))
            is_between = len(around) == 2 and around[0][1:] == around[1][1:]  # two alike: so it stood all the while
            if abs(near[0] - a.observed_at) > TOGETHER_S and not is_between:
                continue
            if piece and piece[-1].run != near[1]:
                out.append(piece)
                piece = []
            piece.append(MeterPoint(a.observed_at, near[1], a.used_percent, near[2]))
        out.append(piece)
    return [piece for piece in out if len(piece) > 1]


def rates(found: Sequence[CapRatioDay], *, changes: Sequence[int] = ()) -> list[CapRatio]:
    """The times between changes, oldest first, as the five-hour window sees them (``turned`` is the week's view).

    Bayes on a grid of slopes. A day is near its time's slope; or it is headless, by whatever share, and such days come
    in rows; or it is odd and lies anywhere. A boundary is accepted at posterior odds above 1, from a prior of
    ``KNOWN_ODDS`` for an announced change and of ``OTHER_ODDS`` for any other day, which also needs ``LEAST`` days on
    each side (a known change: two). The priors are what keeps false changes rare under daily looks
    (docs/calibration.md, "Changes").
    """
    if not found:
        return []
    levels, rows = _rows(found)
    bounds = [0, *_bounds(found, rows, (0, len(found)), changes), len(found)]
    out = []
    for begin, end in pairwise(bounds):
        each = _pass(rows[begin:end])[1]
        best = max(each)
        weights = [math.exp(x - best) for x in each]
        size = sum(w * x for w, x in zip(weights, levels, strict=True)) / sum(weights)
        square = sum(w * (x - size) ** 2 for w, x in zip(weights, levels, strict=True)) / sum(weights)
        since = _date(found, begin, changes) if begin else found[0].at
        out.append(CapRatio(since, found[end - 1].at, size, math.sqrt(square + STEP**2 / 12), end - begin))
    return out


def _noise(found: Sequence[CapRatioDay]) -> float:
    """Variance of a day's log slope beside rounding: above that of ``NOISE`` where steps are twice what it allows."""
    steps = [(abs(b.slope - a.slope), a.variance + b.variance) for a, b in pairwise(found)]
    noise = NOISE**2
    while steps and noise < MOST_NOISE**2:
        ordered = sorted(step / math.sqrt(rounding + 2 * noise) for step, rounding in steps)
        # The median of the steps between ordinary days, for an odd one makes two: 0.524 of their standard deviation.
        if ordered[int(len(ordered) * (0.5 - ODD))] <= 2 * 0.524:
            break
        noise *= 2
    return noise


def _rows(found: Sequence[CapRatioDay]) -> tuple[list[float], list[list[tuple[float, float]]]]:
    """Log slopes that a time may have; and for each day how likely it is at each of them, interactive and headless."""
    noise = _noise(found)
    middle = median(d.slope for d in found)
    edge = min(REACH, 2 * math.sqrt(median(d.variance for d in found) + noise))
    low = max(min(d.slope for d in found), middle - REACH) - edge
    high = min(max(d.slope for d in found), middle + REACH) + edge
    levels = [low + i * STEP for i in range(int((high - low) / STEP) + 2)]
    odd = ELSE / (2 * REACH)
    rows = []
    for day in found:
        twice = 2 * (day.variance + noise)
        wide = math.sqrt(twice)
        top = (1 - ELSE) / (wide * math.sqrt(math.pi))
        row = []
        for x in levels:
            off, alone = day.slope - x, day.slope - x + HEADLESS
            near = top * math.exp(-off * off / twice)
            whole = top * math.exp(-alone * alone / twice)
            part = (math.erf(alone / wide) - math.erf(off / wide)) / (2 * HEADLESS)
            row.append((near + odd, WHOLLY * whole + (1 - WHOLLY) * part + odd))
        rows.append(row)
    return levels, rows


def _pass(rows: Sequence[Sequence[tuple[float, float]]]) -> tuple[list[float], list[float]]:
    """(log of how likely the first n days are at one slope, nobody knows which, n from 0 on; the same of all days, at
    each slope). A headless day follows upon another with the chance ``STAYS``.
    """
    begin = BEGINS / (BEGINS + 1 - STAYS)
    headless = [begin] * len(rows[0])
    logs = [0.0] * len(rows[0])
    out = [0.0]
    for row in rows:
        for k, (near, alone) in enumerate(row):
            share = headless[k] * STAYS + (1 - headless[k]) * BEGINS
            alone *= share
            both = near * (1 - share) + alone
            headless[k] = alone / both
            logs[k] += math.log(both)
        best = max(logs)
        out.append(best + math.log(sum(math.exp(x - best) for x in logs) * STEP / (2 * REACH)))
    return out, logs


def _bounds(
    found: Sequence[CapRatioDay],
    rows: Sequence[Sequence[tuple[float, float]]],
    span: tuple[int, int],
    changes: Sequence[int],
) -> list[int]:
    """Before which days the slope changed, as positions in ``found``."""
    begin, end = span
    if end - begin < 4:
        return []
    before, after = _pass(rows[begin:end])[0], _pass(rows[begin:end][::-1])[0]
    best, where = 0.0, 0
    for i in range(begin + 2, end - 1):
        is_known = _known(found, i, changes) is not None
        if is_known or min(i - begin, end - i) >= LEAST:
            prior = math.log(KNOWN_ODDS if is_known else OTHER_ODDS)
            odds = prior + before[i - begin] + after[end - i] - before[-1]
            if odds > best:
                best, where = odds, i
    if not where:
        return []
    return [*_bounds(found, rows, (begin, where), changes), where, *_bounds(found, rows, (where, end), changes)]


def _known(found: Sequence[CapRatioDay], i: int, changes: Sequence[int]) -> int | None:
    return next((c for c in changes if found[i - 1].at < c <= found[i].at), None)


def _date(found: Sequence[CapRatioDay], i: int, changes: Sequence[int]) -> int:
    known = _known(found, i, changes)
    return found[i].at if known is None else known


def turned(found: Iterable[CapRatio]) -> list[CapRatio]:
    """The same as the other window sees it."""
    return [rate._replace(size=-rate.size) for rate in found]


class Slope(NamedTuple):
    """Full 5-hour windows in a week, with an 80 % interval."""

    windows_per_week: float
    low: float
    high: float


def windows_per_week(found: Sequence[CapRatio]) -> Slope | None:
    """How many full 5-hour windows a week holds by now; ``found`` as the five-hour window sees it."""
    if not found:
        return None
    size, doubt = found[-1].size, Z80 * found[-1].sd
    return Slope(math.exp(-size), math.exp(-size - doubt), math.exp(-size + doubt))
