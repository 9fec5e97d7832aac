"""What a figure of the official meter is, and when two of them speak of one window.

Hooks and the engine both ask. Nothing is imported here, so that a hook pays nothing for it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# Usage credits carry a window past 100 %. Beyond this it is no percentage: clients put the reset's epoch there.
MOST_PERCENT = 1000.0
MOST_TYPED = 200.0  # what a person types or pastes: above it, a slip of the keys is likelier than such use
# resets_at wobbles by up to 47 s between two reports of one window; two windows of one name are hours apart.
RESET_JITTER = 600
WALL = 95.0  # percent of actual use: from here on nothing unattended starts
LADDER = (50.0, 70.0, 90.0, 100.0, 120.0)  # percent of actual use, each worth a word once
RUNGS = tuple(sorted({*LADDER, WALL}))

WINDOWS = {"five_hour": "5h", "seven_day": "week", "seven_day_overage_included": "week:fable"}


def used_percent(value: object, most: float = MOST_PERCENT) -> float | None:
    """The value as a percentage of a window, 0 to ``most``; None for anything else, NaN and epochs included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        return None
    return float(value)


def is_same_window(one: float | None, other: float | None) -> bool:
    """Do two ``resets_at`` (epoch seconds) name one window? Two missing ones do; a missing and a stated one do not."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= RESET_JITTER


def cycle_keys(cycle: float) -> tuple[int, int, int]:
    """Three keys of a window's ``cycle``: the one to write, and both neighbours to look for. Of two resets that are the
    same window, each one's own key is among the other's three.
    """
    key = int(cycle) // RESET_JITTER
    return key, key - 1, key + 1


def has_moved(last: Sequence[Any] | None, percent: float, resets_at: float | None) -> bool:
    """Is the figure surely of the answer that just came? ``last`` is (percent, resets_at) of the one before.

    One that stays may be an old one: a client that was signed in elsewhere meanwhile goes on answering, and shows it.
    """
    return last is None or percent != last[0] or not is_same_window(last[1], resets_at)


def crossed_rung(before: float, now: float) -> float | None:
    """The highest rung that a figure reached on its way from ``before`` to ``now`` (percent), or None."""
    reached = [rung for rung in RUNGS if before < rung <= now]
    return reached[-1] if reached else None


def window_of(name: str) -> str | None:
    """Our name of a window of Claude's (``five_hour``, ``seven_day``, ``seven_day_<family>``); None for any other."""
    family = name[len("seven_day_") :] if name.startswith("seven_day_") else ""
    return WINDOWS.get(name) or (f"week:{family}" if family else None)
