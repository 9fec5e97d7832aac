"""Which window is open, since when, until when, and what the official meter last said about it.

``resets_at`` is the only truth about a cycle (weekly anchors were seen to move, five-hour windows open with the first
message): nothing here computes the next reset from the last one unless no official word exists, and then says so.
Sources: reference measurements in docs/calibration.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from governor.model import Lane, LimitReading

HOUR = 3600
LENGTH = {"5h": 5 * HOUR, "day": 24 * HOUR, "week": 7 * 24 * HOUR, "month": 30 * 24 * HOUR}
LONGEST_M = 366 * 24 * 60
RESET_JITTER = 600  # resets_at wobbles by seconds between readings; two windows of one name are hours apart
RESET_DROP = 3.0  # points: falls of one or two inside a window are noise (5 of 18,860 events), more is a real reset


class Window(NamedTuple):
    """One cycle of one limit. ``how`` says what its bounds rest on."""

    lane: Lane
    name: str
    starts_at: int
    resets_at: int | None
    how: str  # official | refused | rolled (from the last official reset) | activity (from local use) | trailing

    @property
    def is_official(self) -> bool:
        """Has the vendor itself named this window's reset? A refusal names it too."""
        return self.how in ("official", "refused")


class Official(NamedTuple):
    """The meter's word on the open window."""

    used_percent: float
    observed_at: int
    source: str
    since: int  # from when on ``used_percent`` counts: the window's start, or a reset inside it


def length(name: str) -> int:
    """Seconds of a window by its name: ``5h``, ``week``, ``week:opus``, ``90m``. Raises: KeyError."""
    base = name.partition(":")[0]
    digits = base.removesuffix("m")
    if digits != base and digits.isascii() and digits.isdigit() and 0 < int(digits[:9]) <= LONGEST_M:
        return int(digits[:9]) * 60
    return LENGTH[base]


def of_one_account(readings: Sequence[LimitReading]) -> list[LimitReading]:
    """Those of the account, and of the plan, last heard of. Readings that name neither belong to whoever is there.

    A home that switches accounts holds windows of both: one rollout jumped from 2 % to 67 % that way.
    """
    account = next((r.account for r in reversed(readings) if r.account), None)
    mine = [r for r in readings if r.account in (None, account)]
    plan = next((r.plan for r in reversed(mine) if r.plan), None)
    return [r for r in mine if r.plan in (None, plan)]


def current(lane: Lane, name: str, readings: Sequence[LimitReading], *, active: Iterable[int] = (), now: int) -> Window:
    """The window open at ``now``.

    ``readings`` are this lane's and window's, oldest first; ``active`` are starts of quarter hours with local use,
    oldest first, which a five-hour window is inferred from while the official word is missing.
    """
    size = length(name)
    # What had already reset when it was said (an idle session's echo) says nothing about the window open now.
    known = [r for r in readings if r.resets_at is not None and r.observed_at <= min(now, r.resets_at) + RESET_JITTER]
    if known:
        latest = known[-1]
        resets_at = latest.resets_at or 0
        if resets_at > now:
            return Window(lane, name, _start(known, resets_at, size), resets_at, "official")
        if not name.startswith("5h"):
            cycles = (now - resets_at) // size
            starts_at = resets_at + cycles * size
            return Window(lane, name, starts_at, starts_at + size, "rolled")
    if name.startswith("5h"):
        end = _end_by_activity(size, active, (known[-1].resets_at if known else None) or 0, now=now)
        if end > now:
            return Window(lane, name, end - size, end, "activity")
        begin = max(now - size, end)  # what was said of an earlier window says nothing of the one open now
        if not any(r.resets_at is None and begin < r.observed_at <= now + RESET_JITTER for r in readings):
            return Window(lane, name, now, None, "activity")  # none is open: the next message opens one
        return Window(lane, name, begin, None, "trailing")
    return Window(lane, name, now - size, None, "trailing")


def _start(known: Sequence[LimitReading], resets_at: int, size: int) -> int:
    """A window begins ``size`` before its reset, or at the previous reset where that came later (a moved anchor)."""
    starts_at = resets_at - size
    for reading in known:
        before = reading.resets_at or 0
        if starts_at + RESET_JITTER < before < resets_at - RESET_JITTER and before <= known[-1].observed_at:
            starts_at = before
    return starts_at


def _end_by_activity(size: int, active: Iterable[int], after: int, *, now: int) -> int:
    """When the last five-hour window ended or will end: each opens with the first use after the one before it, floored
    to the hour (measured).
    """
    end = after
    for moment in active:
        if end <= moment <= now:
            end = max(moment // HOUR * HOUR, end) + size
    return end


def official(window: Window, readings: Sequence[LimitReading], *, now: int) -> Official | None:
    """What the meter last said about this window, or None where it said nothing that still holds.

    Readings are whole points and each is fresh when it was made, but parallel sessions report out of step: the highest
    counts, until a fall of RESET_DROP or more shows that the vendor reset the window before its time.
    """
    if window.resets_at is None:
        mine = [r for r in readings if r.resets_at is None and window.starts_at <= r.observed_at <= now + RESET_JITTER]
    else:
        mine = [
            r
            for r in readings
            if window.starts_at <= r.observed_at <= now + RESET_JITTER
            and (r.resets_at is None or abs(r.resets_at - window.resets_at) <= RESET_JITTER)
        ]
    best: Official | None = None
    for reading in mine:
        fell = best is not None and reading.used_percent <= best.used_percent - RESET_DROP
        since = reading.observed_at if fell else best.since if best else window.starts_at
        if best is None or fell or reading.used_percent >= best.used_percent:
            best = Official(reading.used_percent, reading.observed_at, reading.source, since)
        else:
            best = best._replace(observed_at=reading.observed_at)
    return best
