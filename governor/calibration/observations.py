"""What moved between two readings of one window: the raw material of calibration.

Readings come whole-numbered, repeated, stale, out of order, now and then from another account; windows are reset in
their middle. What is left here can be compared: one window, use never falling, cut where it says most.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.limit_facts import is_same_window, used_percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
FALL: Final = 2.0  # a stale session repeats old, lower values by a point or two; a reset falls further
CHUNK: Final = 6.0  # points a stretch of work should span before it counts as one observation
IDLE_S: Final = 1800  # a pause this long ends a stretch: what moves meanwhile is somebody else
MERGE_S: Final = 6 * 3600  # short idle steps are joined up to this
TINY: Final = 1e-50  # units beyond this, either way, are a broken number
# Points an hour at which nine of ten measured stretches of heavy work stayed below (docs/calibration.md): of a 5-hour
# window; and of a week, which holds about six and a half of them.
BRISK_5H: Final = 33.0
BRISK_WEEK: Final = 5.0
KEEP: Final = 240  # newest stretches looked at; older ones say little about today's scale


class Anchor(NamedTuple):
    """One official reading beside what this machine had used of the same window by then, in meter units."""

    observed_at: int
    used_percent: float
    resets_at: int | None
    units: float


class Stretch(NamedTuple):
    """What moved between two readings of one window."""

    starts_at: int
    ends_at: int
    percent: float
    units: float


def tidy(anchors: Iterable[Anchor]) -> list[Anchor]:
    """Anchors that can be true, in order of time, one per moment: NaN, negative and absurd ones are left out."""
    kept = {
        (a.observed_at, a.resets_at): a
        for a in anchors
        if used_percent(a.used_percent) is not None and (a.units == 0 or TINY < a.units < 1 / TINY)
        if a.resets_at is None or a.resets_at > a.observed_at  # a reading is void once its window has reset
    }
    return sorted(kept.values(), key=lambda a: (a.observed_at, a.resets_at or 0))


def runs(anchors: Iterable[Anchor], *, window_s: int = WEEK_S) -> list[list[Anchor]]:
    """Readings that may be compared: one window, no reset inside, use never falling.

    A reset inside a window (a gift, a saved reset, a moved anchor) shows as a fall of more than ``FALL`` points that
    later readings confirm; it starts a new run. Smaller or unconfirmed falls are stale reports and are left out; so is
    a spike, one figure above both its neighbours. The first run of a window begins with its opening, 0 % and 0 units.
    """
    groups: dict[int, list[Anchor]] = {}
    for anchor in tidy(anchors):
        key = anchor.resets_at
        if key is None:  # typed without a reset time: the window that was open then, if one is known
            open_then = (k for k in groups if 0 < k - anchor.observed_at <= window_s)
            key = min(open_then, default=anchor.observed_at + window_s // 2)
        near = next((k for k in reversed(groups) if is_same_window(k, key)), key)
        groups.setdefault(near, []).append(anchor)
    out: list[list[Anchor]] = []
    for key, group in groups.items():
        run = [Anchor(key - window_s, 0.0, key, 0.0)] if key - window_s <= group[0].observed_at else []
        for i, anchor in enumerate(group):
            top = run[-1] if run else anchor
            if anchor.used_percent < top.used_percent or anchor.units < top.units:
                later = group[i + 1 : i + 3]
                if _is_spike(run, [anchor, *later]):
                    run = [a for a in run if a.used_percent < top.used_percent]
                    since_h = (anchor.observed_at - top.observed_at) / 3600
                    if anchor.used_percent < FALL + brisk(window_s) * since_h:  # a reset could look the same: no bridge
                        out.append(run)
                        run = []
                    run.append(anchor)
                    continue
                is_reset = top.used_percent - anchor.used_percent > FALL and bool(later)
                if not is_reset or any(a.used_percent > top.used_percent - FALL for a in later):
                    continue
                out.append(run)
                run = []
            run.append(anchor)
        out.append(run)
    return [run for run in out if run]


def _is_spike(run: Sequence[Anchor], falls: Sequence[Anchor]) -> bool:
    """Was the figure that ends the run never true: a slip of the keys, another account's? ``falls`` came after it.

    It stands alone above what came before and what came after, while a true climb leaves figures on its way.
    """
    top, fall = run[-1], falls[0]
    before = [a for a in run if a.used_percent < top.used_percent]
    if not before or before[-1].used_percent > fall.used_percent or before[-1].units > fall.units:
        return False
    return len(falls) > 1 and all(a.used_percent < top.used_percent - FALL for a in falls)


def brisk(window_s: int) -> float:
    """The most that is ordinarily used of a window of that length, in points an hour."""
    return min(BRISK_5H, BRISK_WEEK * WEEK_S / window_s)


def stretches(anchors: Iterable[Anchor], *, window_s: int = WEEK_S) -> list[Stretch]:
    """Every run cut into observations, in order of time: work in pieces of about ``CHUNK`` points, pauses apart.

    The first reading after a pause and the last before it are kept, for only they can show use elsewhere; so are
    pauses in which nothing moved. Work is cut by units: cutting where the meter steps would favour large steps.
    """
    out: list[Stretch] = []
    comparable = runs(anchors, window_s=window_s)
    percent = sum(run[-1].used_percent - run[0].used_percent for run in comparable)
    units = sum(run[-1].units - run[0].units for run in comparable)
    enough = CHUNK * units / percent if percent > 0 else math.inf
    for run in comparable:
        begin = run[0]
        was_idle: bool | None = None
        for before, after in pairwise(run):
            is_idle = after.observed_at - before.observed_at >= IDLE_S and after.units - before.units <= enough / 50
            if after.observed_at - before.observed_at < IDLE_S and after.units == before.units:
                is_idle = bool(was_idle)  # too short to tell
            done = before.units - begin.units >= enough
            if is_idle:
                done = before.observed_at - begin.observed_at > MERGE_S
            if was_idle is not None and (is_idle != was_idle or done):
                _add(out, begin, before)
                begin = before
            was_idle = is_idle
        _add(out, begin, run[-1])
    out.sort(key=lambda s: s.ends_at)
    return out[-KEEP:]


def _add(out: list[Stretch], begin: Anchor, end: Anchor) -> None:
    percent, units = end.used_percent - begin.used_percent, end.units - begin.units
    if end.observed_at > begin.observed_at and percent >= 0 and units >= 0:
        out.append(Stretch(begin.observed_at, end.observed_at, percent, units))
