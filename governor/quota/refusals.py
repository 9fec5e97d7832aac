"""Which refusals of a plan still hold: what was refused, when, and until when that counts.

A refusal is a reading: whoever was refused two minutes ago is not far from the cap, whatever a percentage says. It
holds until the reset that was stated, or for UNSTATED_S where none was, and is over as soon as an answer came that the
refused window would have had to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from governor import durations
from governor.limit_facts import RESET_JITTER, is_same_window
from governor.model import Lane, LimitReading
from governor.quota import stated_refusal
from governor.quota.stated_refusal import ANY

UNSTATED_S = 3600  # how long a refusal counts whose reset nobody stated
SAME_EVENT_S = 120  # the hook, the stream and the transcript tell of one refusal within this time
LONGEST_S = 32 * 86_400  # a month's window is the longest; an older refusal is over in any case


class Refusal(NamedTuple):
    """``window`` is None where nobody named it; ``model`` is what was refused then, empty where that is not known.

    ``until`` (epoch seconds) is the stated reset where ``is_stated``, else the time after which it counts no more.
    """

    lane: Lane
    window: str | None
    model: str
    at: int
    until: int
    is_stated: bool


def heard(lane: Lane, record: Mapping[str, Any], model: str, *, at: int) -> list[LimitReading]:
    """What one record of a refusal states, as a reading: one, or none where it was not the plan that refused.

    ``model``: the one that was refused, empty where that is not known; it is kept where the window is not.
    """
    said = stated_refusal.of_record(record, now=at)
    if said is None:
        return []
    return [LimitReading(lane, said.of_model(model), 100.0, said.resets_at, at, stated_refusal.SOURCE)]


def in_force(refused: Sequence[LimitReading], answered: Mapping[str, int], *, now: int) -> list[Refusal]:
    """The refusals that still hold at ``now``, one a window, the latest first.

    ``refused``: readings of one lane whose source is ``refused``. ``answered``: when each model last answered there, in
    epoch seconds.
    """
    by_window: dict[str, list[LimitReading]] = {}
    for reading in sorted(refused, key=lambda r: r.observed_at):
        if reading.observed_at <= now + RESET_JITTER and not _is_over(reading, answered):
            by_window.setdefault(reading.window, []).append(reading)
    holding = [_latest(readings) for readings in by_window.values()]
    kept = [each for each in holding if each.until > now]
    return sorted((each for each in kept if not _is_told_better(each, kept)), key=lambda each: -each.at)


def counts_until(reading: LimitReading) -> int:
    """Until when a refusal counts at the longest: its stated reset, else UNSTATED_S after it."""
    return reading.observed_at + UNSTATED_S if reading.resets_at is None else reading.resets_at


def _is_over(reading: LimitReading, answered: Mapping[str, int]) -> bool:
    """Has a model that this window counts answered in a later second?"""
    return any(at > reading.observed_at for model, at in answered.items() if _counts(reading.window, model))


def _counts(window: str, model: str) -> bool:
    """Would this window have counted an answer of this model? One of a family, or of a model, counts its own alone."""
    family = window.partition(":")[2]
    return not family or _spelt(family) in _spelt(model)


def _spelt(name: str) -> str:
    return name.lower().partition("[")[0].replace(" ", "-").replace(".", "-")


def _latest(readings: Sequence[LimitReading]) -> Refusal:
    """What one window's refusals say together: the last of them, and the last reset that any of them stated."""
    last = readings[-1]
    name, _, model = last.window.partition(":")
    stated = next((r.resets_at for r in reversed(readings) if r.resets_at is not None), None)
    if stated is not None and stated <= last.observed_at:
        stated = None  # refused again after that reset: it says nothing of this time
    window, refused = (None, model) if name == ANY else (last.window, "")
    until = last.observed_at + UNSTATED_S if stated is None else stated
    return Refusal(last.lane, window, refused, last.observed_at, until, stated is not None)


def _is_told_better(refusal: Refusal, others: Iterable[Refusal]) -> bool:
    """Does another one, which knows more, tell of the same event? A hook hears of it without the window's name."""
    if refusal.window is not None:
        return False
    for other in others:
        knows_more = other.window is not None or (bool(other.model) and not refusal.model)
        if other is not refusal and knows_more and abs(other.at - refusal.at) <= SAME_EVENT_S:
            return True
    return False


def placed(refusal: Refusal, resets: Mapping[str, int | None], full: Iterable[str]) -> str | None:
    """The window that a refusal is of: as it was named, else the one whose reset it states.

    ``resets``: the official reset of each open window. A week's reset is its model windows' too, so there it must also
    be among the ``full`` ones (95 % and more).
    """
    if refusal.window is not None or not refusal.is_stated:
        return refusal.window
    alike = [name for name, at in resets.items() if is_same_window(at, refusal.until)]
    return next((name for name in alike if name == "5h" or name in set(full)), None)


def sentence(refusal: Refusal, *, now: int) -> str:
    """``the plan refused at 14:02; resets 22:00``: when, until when, and what is not known; times are local."""
    parts = [f"the plan refused at {durations.moment(refusal.at, None, now=now)}"]
    until = durations.moment(refusal.until, None, now=now)
    parts.append(f"resets {until}" if refusal.is_stated else f"no reset was stated, counts until {until}")
    if refusal.window is None:
        parts.append(f"of which window is not known{f' ({refusal.model})' if refusal.model else ''}")
    return "; ".join(parts)
