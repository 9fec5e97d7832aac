"""Which window is open, since when, until when, and what the official meter last said about it.

``resets_at`` is the only truth about a cycle (weekly anchors were seen to move, five-hour windows open with the first
message): nothing here computes the next reset from the last one unless no official word exists, and then says so.
Sources: reference measurements in docs/calibration.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from governor.limit_facts import RESET_JITTER, is_same_window
from governor.model import Lane, LimitReading
from governor.quota import resets

HOUR = 3600
LENGTH = {"5h": 5 * HOUR, "day": 24 * HOUR, "week": 7 * 24 * HOUR, "month": 30 * 24 * HOUR}
LONGEST_M = 366 * 24 * 60
NEAR = 0.02  # clients of 2025 stated 299 and 10,079 minutes for the five hours and the week
MONTH_M = (28 * 24 * 60, 31 * 24 * 60)
MENTIONED_S = HOUR  # the tap tells an unchanged figure of an active session every ten minutes
STATED_TOGETHER = frozenset(("statusline", "rollout", "client"))  # sources that state all windows of a plan at once
OVERDUE_S = 24 * HOUR  # after the last word on a window that is past its reset, it is taken to have been reset


class Window(NamedTuple):
    """One cycle of one limit. ``how`` says what its bounds rest on."""

    lane: Lane
    name: str
    starts_at: int
    resets_at: int | None
    # official | refused | rolled (from the last official reset) | activity (from local use) | trailing | overdue
    how: str
    cycle: int | None = None  # the reset as it was first heard: names the window in keys, for ``resets_at`` wobbles

    @property
    def is_official(self) -> bool:
        """Has the vendor itself named this window's reset? A refusal names it too."""
        return self.how in ("official", "refused")


class OfficialFigure(NamedTuple):
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


def name_of(name: str) -> str:
    """A window's one name, whatever it was stored under: ``299m`` is ``5h``, ``10079m:Spark`` is ``week:Spark``."""
    base, colon, family = name.partition(":")
    digits = base.removesuffix("m")
    if digits == base or not (digits.isascii() and digits.isdigit()):
        return name
    return named(int(digits[:9])) + colon + family


def named(minutes: int) -> str:
    """The name of a window of that length, within 2 %; ``<n>m`` where nobody named it. A month is 28 to 31 days."""
    for name in ("5h", "day", "week"):
        if abs(minutes * 60 - LENGTH[name]) <= NEAR * LENGTH[name]:
            return name
    if MONTH_M[0] * (1 - NEAR) <= minutes <= MONTH_M[1] * (1 + NEAR):
        return "month"
    return f"{minutes + 1 if minutes % 10 == 9 else minutes}m"  # the same client's 89 for another's 90


def mentioned(readings: Sequence[LimitReading], name: str) -> bool:
    """May there be such a window? Not when later readings that state all windows at once leave it out.

    ``readings`` are one lane's and account's. A model family's window is stated only when that family answers.
    """
    if ":" in name:
        return True
    told = [r for r in readings if r.source in STATED_TOGETHER and ":" not in r.window and r.window != name]
    last = max((r.observed_at for r in readings if r.window == name), default=None)
    return not told or (last is not None and told[-1].observed_at - last <= MENTIONED_S)


def of_one_plan(readings: Sequence[LimitReading]) -> list[LimitReading]:
    """Those of the plan last heard of. Readings that name none belong to whatever plan is there.

    ``readings`` are one account's. Another plan's windows are no news of this one's: a rollout jumped from 2 % to 67 %.
    """
    plan = next((r.plan for r in reversed(readings) if r.plan), None)
    return [r for r in readings if r.plan in (None, plan)]


def current(lane: Lane, name: str, readings: Sequence[LimitReading], *, active: Iterable[int] = (), now: int) -> Window:
    """The window open at ``now``.

    ``readings`` are this lane's and window's, oldest first; ``active`` are starts of quarter hours with local use,
    oldest first, which a five-hour window is inferred from while the official word is missing.
    """
    size = length(name)
    # What had already reset when it was said (an idle session's echo) says nothing about the window open now.
    known = [r for r in readings if r.resets_at is not None and r.observed_at <= min(now, r.resets_at) + RESET_JITTER]
    latest = _latest(known)
    resets_at = cycle = (latest.resets_at if latest else None) or 0
    if latest is not None:
        cycle = next(r.resets_at or 0 for r in known if is_same_window(r.resets_at, resets_at))
        if resets_at > now:
            return Window(lane, name, _start(known, resets_at, size), resets_at, "official", cycle)
    overdue = [r for r in readings if _is_overdue(r) and r.observed_at <= now + RESET_JITTER]
    if overdue and now - overdue[-1].observed_at <= min(size, OVERDUE_S):
        was_due = overdue[-1].resets_at or 0
        if resets_at <= was_due + RESET_JITTER:
            return Window(lane, name, was_due - size, None, "overdue", was_due)
    if latest is not None and not name.startswith("5h"):
        past = (now - cycle) // size * size  # from the first word on it: the later ones wobble
        return Window(lane, name, cycle + past, cycle + past + size, "rolled", cycle + past + size)
    if name.startswith("5h"):
        end = _end_by_activity(size, active, cycle, now=now)
        if end > now:
            return Window(lane, name, end - size, end, "activity", end)
        begin = max(now - size, end)  # what was said of an earlier window says nothing of the one open now
        if not any(r.resets_at is None and begin < r.observed_at <= now + RESET_JITTER for r in readings):
            return Window(lane, name, now, None, "activity")  # none is open: the next message opens one
        return Window(lane, name, begin, None, "trailing")
    return Window(lane, name, now - size, None, "trailing")


def _latest(known: Sequence[LimitReading]) -> LimitReading | None:
    """The last reading of the window that is open, or was last; ``known`` oldest first.

    A window with a later reset takes the place of the one before it. One with an earlier reset may be an old figure
    that an idle session repeats: it must be proven as a fall is (``resets``).
    """
    latest: LimitReading | None = None
    answers = 0
    for reading in known:
        if latest is None or is_same_window(reading.resets_at, latest.resets_at):
            latest, answers = reading, 0
            continue
        before = latest.resets_at or 0
        is_next = (reading.resets_at or 0) > before or reading.observed_at >= before
        if not is_next and resets.is_later(reading, latest) and resets.began_at(reading) is not None:
            answers += 1
        if is_next or answers >= resets.ANSWERS or (answers and reading.source in resets.ASKED):
            latest, answers = reading, 0
    return latest


def _is_overdue(reading: LimitReading) -> bool:
    """Was this said of a window whose reset had passed, by an answer that came after the reset? No idle session's echo:
    a rollout writes a reading per answer, of another's the beginning must be known.
    """
    due = (reading.resets_at or 2**40) + RESET_JITTER
    return reading.observed_at > due and (reading.source == "rollout" or (resets.began_at(reading) or 0) > due)


def _start(known: Sequence[LimitReading], resets_at: int, size: int) -> int:
    """A window begins ``size`` before its reset, or at the previous reset where that came later (a moved anchor) and
    before this window was first heard of.
    """
    starts_at = resets_at - size
    first = next(r.observed_at for r in known if is_same_window(r.resets_at, resets_at))
    for reading in known:
        before = reading.resets_at or 0
        if starts_at + RESET_JITTER < before < resets_at - RESET_JITTER and before <= first + RESET_JITTER:
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


def official(window: Window, readings: Sequence[LimitReading], *, now: int) -> OfficialFigure | None:
    """What the meter last said about this window, or None where it said nothing that still holds.

    The highest counts until a reset is proven (``resets.standing``): sessions repeat old figures, out of step.
    ``observed_at`` is when it, or a figure that agrees with it, was last heard.
    """
    if window.how == "overdue":
        mine = [r for r in readings if _is_overdue(r) and is_same_window(r.resets_at, window.cycle)]
    elif window.resets_at is None:
        mine = [r for r in readings if r.resets_at is None and window.starts_at <= r.observed_at <= now + RESET_JITTER]
    else:
        mine = [
            r
            for r in readings
            if r.observed_at <= now + RESET_JITTER
            and (
                window.starts_at <= r.observed_at
                if r.resets_at is None
                else is_same_window(r.resets_at, window.resets_at)
            )
        ]
    found = resets.standing(mine)
    if found is None:
        return None
    used = found.reading.used_percent
    heard = max(r.observed_at for r in mine if abs(r.used_percent - used) < resets.RESET_DROP)
    since = window.starts_at if found.reset_at is None else found.reset_at
    return OfficialFigure(used, heard, found.reading.source, since)
