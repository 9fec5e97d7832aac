"""What a run may use, and which limit it has crossed. The unit that crosses is charged, and the run ends."""

from __future__ import annotations

from typing import NamedTuple

UNITS = ("usd", "tokens", "tool_calls", "wall")


class RunLimits(NamedTuple):
    """USD at list price, tokens (cache reads are none, as in every budget), tool calls, seconds of work. None: none."""

    usd: float | None = None
    tokens: int | None = None
    tool_calls: int | None = None
    wall: float | None = None


class RunSpent(NamedTuple):
    """What has been used so far; ``usd`` leaves out what no price is known for."""

    usd: float = 0.0
    tokens: int = 0
    tool_calls: int = 0
    wall: float = 0.0


class Crossing(NamedTuple):
    """Which limit ended the run: the unit, the limit, and where use stood when that was noticed."""

    unit: str
    limit: float
    at: float


def crossed(limits: RunLimits, spent: RunSpent) -> Crossing | None:
    """The first limit that does not hold any more, or None.

    A limit of n tool calls lets n be made and ends at the next one; the others end when they are reached.
    """
    for unit in UNITS:
        limit, at = getattr(limits, unit), getattr(spent, unit)
        if limit is not None and (at > limit if unit == "tool_calls" else at >= limit):
            return Crossing(unit, limit, at)
    return None
