"""Sessions as the quota feels them: how long, how large, what share, and what one more turn would cost.

A long session pays for its whole context again at every turn (the loop trap): five sessions once made 72 % of a week.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from governor.model import Lane, SessionRow, Tally
from governor.quota import units as quota_units

MARATHON_S = 8 * 3600


class TurnCost(NamedTuple):
    """Units of one more turn like this session's usual one: with the cache warm, and after it has gone cold."""

    warm: float
    cold: float


class SessionSum(NamedTuple):
    """One session with all its models and subagents."""

    lane: Lane
    session: str
    project: str
    first_s: int
    last_s: int
    active_s: int  # pauses of a quarter of an hour and more left out
    largest_context: int
    last_context: int
    tally: Tally
    turn: TurnCost
    account: str = ""  # whose (model.Account.name)

    @property
    def is_marathon(self) -> bool:
        return self.active_s >= MARATHON_S


def sessions(rows: Iterable[SessionRow], weights: quota_units.Weights) -> list[SessionSum]:
    """Rows per model joined into sessions, the most expensive in units first."""
    found: dict[tuple[Lane, str], SessionSum] = {}
    heaviest: dict[tuple[Lane, str], tuple[int, SessionRow]] = {}
    for row in rows:
        units = quota_units.units(row.tally, row.model, weights, lane=row.lane, fast=row.fast)
        tally = row.tally._replace(units=units)
        place = (row.lane, row.session)
        if row.largest_context >= heaviest.get(place, (-1, row))[0]:
            heaviest[place] = (row.largest_context, row)
        known = found.get(place)
        found[place] = SessionSum(
            row.lane,
            row.session,
            row.project if known is None else known.project or row.project,
            min(row.first_ms // 1000, known.first_s if known else row.first_ms),
            max(row.last_ms // 1000, known.last_s if known else 0),
            row.active_s,
            max(row.largest_context, known.largest_context if known else 0),
            row.last_context,
            tally if known is None else known.tally + tally,
            TurnCost(0.0, 0.0),
            heaviest[place][1].account,
        )
    priced = [s._replace(turn=next_turn(heaviest[p][1], weights)) for p, s in found.items()]
    return sorted(priced, key=lambda s: (-s.tally.units, s.session))


def next_turn(row: SessionRow, weights: quota_units.Weights) -> TurnCost:
    """One more turn on the session's main model: its last context re-read (or re-written), its mean fresh tokens."""
    n = max(row.tally.requests, 1)
    fresh = Tally(input=row.tally.input // n, output=row.tally.output // n)
    written = (row.tally.cache_write_5m + row.tally.cache_write_1h) // n
    warm = fresh._replace(cache_read=row.last_context, cache_write_1h=written)
    cold = fresh._replace(cache_write_1h=row.last_context + written)
    return TurnCost(
        quota_units.units(warm, row.model, weights, lane=row.lane, fast=row.fast),
        quota_units.units(cold, row.model, weights, lane=row.lane, fast=row.fast),
    )
