"""When the scale changed: a plan, a cap, weights, a promotion. No constant of these limits has survived a year.

Two detectors: one on units per percent, day against day; one that needs no tokens at all, official week against
official five hours, which only moves when a plan or a regime does.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.stretches import CHUNK, IDLE_S, Anchor, Stretch, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DAY_S: Final = 86_400
Z80: Final = 1.2816
JUMP: Final = 0.35  # how large changes are: standard deviation of log(units per percent) over the known ones
KNOWN_ODDS, OTHER_ODDS = 1 / 3, 1 / 300  # that a boundary lies at a known change, and on any other day
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


def regimes(pieces: Sequence[Stretch], *, changes: Sequence[int] = ()) -> list[int]:
    """The moments at which units per percent changed, oldest first; empty for one regime throughout.

    Days are compared as wholes, by their middle stretch, since bursts from elsewhere are few. A boundary is accepted at
    posterior odds above 1; a day nobody announced needs three days on each side, a known change two before, one after.
    """
    by_day: dict[int, list[tuple[float, float]]] = {}
    for s in pieces:
        if s.units > 0 and s.percent >= CHUNK / 2:
            by_day.setdefault(s.starts_at // DAY_S, []).append((math.log(s.units / s.percent), s.percent))
    days = []
    for day, seen in sorted(by_day.items()):
        days.append((day * DAY_S, _median(y for y, _ in seen), 0.17 / sum(p for _, p in seen) ** 2))
    steps = [abs(b[1] - a[1]) for a, b in pairwise(days)]
    noise = max(0.1, 0.886 * sum(steps) / max(1, len(steps)))  # of a day: E|a - b| = 1.128 sd
    return _split([(at, y, v + noise * noise) for at, y, v in days], changes)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return (ordered[len(ordered) // 2] + ordered[(len(ordered) - 1) // 2]) / 2


def _split(days: list[tuple[int, float, float]], changes: Sequence[int]) -> list[int]:
    best, where, at = 0.0, 0, 0
    for i in range(2, len(days)):
        known = next((c for c in changes if days[i - 1][0] < c <= days[i][0]), None)
        if known is None and min(i, len(days) - i) < 3:
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


class Slope(NamedTuple):
    """Weekly points per 5-hour point, turned round: full 5-hour windows in a week, with an 80 % interval."""

    windows_per_week: float
    low: float
    high: float


def cross_check(five_hour: Iterable[Anchor], week: Iterable[Anchor]) -> Slope | None:
    """How many full 5-hour windows a week holds, from official readings alone. None under 10 points of 5-hour use.

    Each step of the 5-hour meter is set against the weekly readings nearest in time, within half an hour.
    """
    long = sorted(a for run in runs(week) for a in run)
    times = [a.observed_at for a in long]
    days: dict[int, list[float]] = {}
    for run in runs(five_hour, window_s=18_000):
        for before, after in pairwise(run):
            start, end = _nearest(long, times, before.observed_at), _nearest(long, times, after.observed_at)
            if start is None or end is None or start.resets_at != end.resets_at:
                continue
            day = days.setdefault(after.observed_at // DAY_S, [0.0, 0.0])
            day[0] += after.used_percent - before.used_percent
            day[1] += end.used_percent - start.used_percent
    short_points, week_points = sum(d[0] for d in days.values()), sum(d[1] for d in days.values())
    if short_points < 10 or week_points < 2:
        return None
    slope = week_points / short_points
    scatter = sum((d[1] - slope * d[0]) ** 2 for d in days.values()) * len(days) / max(1, len(days) - 1)
    sd = math.sqrt(min(1.0, (scatter + len(days) / 6) / week_points**2))
    return Slope(1 / slope, math.exp(-Z80 * sd) / slope, math.exp(Z80 * sd) / slope)


def _nearest(long: Sequence[Anchor], times: Sequence[int], at: int) -> Anchor | None:
    i = bisect_left(times, at)
    near = min(long[max(0, i - 1) : i + 1], key=lambda a: abs(a.observed_at - at), default=None)
    return near if near is not None and abs(near.observed_at - at) <= IDLE_S else None
