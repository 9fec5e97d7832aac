"""How well caches were used: what was read from them, what had to be written again, and what nobody ever read.

Worked out from the times and counts of single responses, so it is an estimate: what stood in a prompt is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from governor.model import Lane, Tally
from governor.quota import units as quota_units

HOUR_MS = 3_600_000
FIVE_MS = 300_000
SMALL = 10_000  # tokens; a context below is written as fast as it is read


class Response(NamedTuple):
    """What one response read and wrote, and the thread it belongs to."""

    lane: Lane
    thread: tuple[int, int]
    model: str
    fast: bool
    at_ms: int
    input: int
    read: int
    written_5m: int
    written_1h: int
    output: int
    main: bool

    @property
    def fresh(self) -> int:
        """What no cache held."""
        return self.input + self.written_5m + self.written_1h

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h

    @property
    def tally(self) -> Tally:
        return Tally(1, self.input, self.output, self.read, self.written_5m, self.written_1h)

    @property
    def context(self) -> int:
        return self.fresh + self.read


class Efficiency(NamedTuple):
    """One lane over a span. Units are what was paid beyond a cache read; they are estimates."""

    requests: int = 0
    fresh: int = 0
    read: int = 0
    written: int = 0
    output: int = 0
    cold: int = 0  # contexts paid for again after a pause longer than the cache's life
    cold_tokens: int = 0
    cold_units: float = 0.0
    rewrites: int = 0  # the same without such a pause: another model, other tools, an edited beginning
    rewrite_tokens: int = 0
    rewrite_units: float = 0.0
    unread_tokens: int = 0  # written, and not read back within its thread
    unread_units: float = 0.0
    units: float = 0.0  # of everything

    @property
    def hit_share(self) -> float | None:
        """Share of all tokens read by models that came from a cache, 0-1."""
        whole = self.fresh + self.read
        return self.read / whole if whole else None

    @property
    def waste_ratio(self) -> float | None:
        """Share of the written tokens that were never read back, 0-1: at most so, for another thread may have."""
        return self.unread_tokens / self.written if self.written else None


def examine(responses: Iterable[Response], weights: quota_units.Weights) -> dict[Lane, Efficiency]:
    """Per lane; ``responses`` come thread by thread, in order of time within each."""
    sums: dict[Lane, dict[str, float]] = {}
    before: Response | None = None
    life_ms = HOUR_MS
    for one in responses:
        if before is not None and (before.lane, before.thread) != (one.lane, one.thread):
            _unread(sums[before.lane], before, before.written, weights)
            before = None
        if before is None:
            life_ms = HOUR_MS if one.main or one.lane == "codex" else FIVE_MS
        here = sums.setdefault(one.lane, dict.fromkeys(Efficiency._fields, 0))
        _count(here, one, weights)
        if before is not None:
            _unread(here, before, min(before.written, max(before.read + before.written - one.read, 0)), weights)
            _again(here, before, one, weights, life_ms=life_ms)
        if one.written:
            life_ms = HOUR_MS if one.written_1h else FIVE_MS
        before = one
    if before is not None:
        _unread(sums[before.lane], before, before.written, weights)
    return {lane: Efficiency(**found) for lane, found in sums.items()}  # type: ignore[arg-type]


def _count(here: dict[str, float], one: Response, weights: quota_units.Weights) -> None:
    here["requests"] += 1
    here["fresh"] += one.fresh
    here["read"] += one.read
    here["written"] += one.written
    here["output"] += one.output
    here["units"] += quota_units.units(one.tally, one.model, weights, lane=one.lane, fast=one.fast)


def _unread(here: dict[str, float], one: Response, tokens: int, weights: quota_units.Weights) -> None:
    """``tokens`` of what a response wrote were not read by the next one of its thread."""
    if tokens <= 0:
        return
    kind = Tally(cache_write_1h=tokens) if one.written_1h else Tally(cache_write_5m=tokens)
    here["unread_tokens"] += tokens
    here["unread_units"] += quota_units.units(kind, one.model, weights, lane=one.lane, fast=one.fast)


def _again(
    here: dict[str, float], before: Response, one: Response, weights: quota_units.Weights, *, life_ms: int
) -> None:
    """Was the context of ``before`` paid for once more? Less than half of it is a compaction, which is no waste."""
    tokens = min(one.fresh, before.context)
    if before.context < SMALL or tokens * 2 < before.context:
        return
    share = tokens / one.fresh
    paid = Tally(
        input=round(one.input * share),
        cache_write_5m=round(one.written_5m * share),
        cache_write_1h=round(one.written_1h * share),
    )
    units = quota_units.units(paid, one.model, weights, lane=one.lane, fast=one.fast)
    units -= quota_units.units(Tally(cache_read=tokens), one.model, weights, lane=one.lane, fast=one.fast)
    name = "cold" if one.at_ms - before.at_ms > life_ms else "rewrite"
    here["cold" if name == "cold" else "rewrites"] += 1
    here[f"{name}_tokens"] += tokens
    here[f"{name}_units"] += max(units, 0.0)
