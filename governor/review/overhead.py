"""What the governor itself costs, and when a guard costs more than it may.

Two prices: time at the person's keyboard, and tokens that a hook wrote into a model's context, where every later turn
reads them again. A guard above its limit is muted for a day, then two, then four: long enough never to flap, short
enough to come back by itself.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from governor.model import Lane
from governor.quota import units as quota_units

DAY_S = 86_400
CHARS_PER_TOKEN = 4  # an estimate: the vendors publish no tokenizer for current models
NEEDED = 50  # runs before a guard is judged: a p95 of fewer rests on two of them
LONGEST_S = 8 * DAY_S
TAP = "statusline"  # carries the official figure, and the client does not wait for it: named when slow, never muted

# ``governor.hooks.on_event.START``: the share of a run that belongs to no guard (the interpreter's start, stdin, JSON, one
# answer out of several). Counted once a run, so that a run's lines add up to its process. Nobody can be muted for it.
START = "start"
UNMUTED = frozenset((TAP, START))

REFRESH = "refresh"  # the background run that hooks ring for: a cost, and no guard

Rule = Literal["p95_ms", "week_percent"]


class Run(NamedTuple):
    """One run of a hook: when, and the CPU milliseconds of its process."""

    at: int
    hook: str
    ms: float


class Injection(NamedTuple):
    """Text that a hook gave a model to read, and how many later responses read it again."""

    at: float
    hook: str
    chars: int
    lane: Lane | None  # None: the session has no response in the ledger
    model: str
    rereads: int

    @property
    def tokens(self) -> float:
        return self.chars / CHARS_PER_TOKEN


class Cost(NamedTuple):
    """One hook over a span. Milliseconds are CPU; tokens and units are estimates (characters over four)."""

    hook: str
    runs: int
    per_day: float | None  # None until a whole day has been seen
    p50: float | None
    p95: float | None
    longest: float | None
    injections: int
    chars: int
    reread_tokens: float
    units: Mapping[Lane, float]  # first reading and re-readings, as the quota counts them

    @property
    def tokens(self) -> float:
        return self.chars / CHARS_PER_TOKEN


class OverheadLimits(NamedTuple):
    """What the person allows: ``overhead`` in budget.json, and the guards that hold work back because they said so."""

    mute: bool
    p95_ms: float
    week_percent: float
    holding: Collection[str] = ()


class Mark(NamedTuple):
    """Where one guard stands. ``kept`` is above its limit and goes on, for muting it would leave a hole."""

    standing: Literal["free", "muted", "kept"] = "free"
    rule: str = ""
    value: float = 0.0
    limit: float = 0.0
    since: int = 0  # muted since, or judged from here on
    until: int = 0
    strikes: int = 0


def costs(
    runs: Iterable[Run], injections: Iterable[Injection], weights: quota_units.Weights, *, days: float
) -> dict[str, Cost]:
    """Every hook that ran, the one that took most time first."""
    times: dict[str, list[float]] = {}
    for run in runs:
        times.setdefault(run.hook, []).append(run.ms)
    told: dict[str, list[Injection]] = {}
    for one in injections:
        told.setdefault(one.hook, []).append(one)
    found = {}
    for hook in sorted(times.keys() | told.keys(), key=lambda name: (-sum(times.get(name, ())), name)):
        ms, texts = sorted(times.get(hook, ())), told.get(hook, [])
        found[hook] = Cost(
            hook,
            len(ms),
            len(ms) / days if days >= 1 else None,
            quantile(ms, 0.5),
            quantile(ms, 0.95),
            ms[-1] if ms else None,
            len(texts),
            sum(one.chars for one in texts),
            sum(one.tokens * one.rereads for one in texts),
            _units(texts, weights),
        )
    return found


def _units(texts: Iterable[Injection], weights: quota_units.Weights) -> dict[Lane, float]:
    sums: dict[Lane, float] = {}
    for one in texts:
        if one.lane is not None:
            read = one.tokens * (weights.cache_write_1h + one.rereads * weights.cache_read)
            sums[one.lane] = sums.get(one.lane, 0.0) + read * weights.factor(one.model)
    return sums


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile of an ascending sequence; None of nothing."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def verdict(cost: Cost, saved_units: float | None) -> str:
    """Does the guard pay? ``saved_units`` is None where nobody can measure what it saved."""
    spent = sum(cost.units.values())
    if not cost.chars:
        return "costs no quota"
    if saved_units is None:
        return "not measurable"
    return "pays" if saved_units > spent else "does not pay"


def excess(
    cost: Cost, limits: OverheadLimits, units_per_percent: Mapping[Lane, float]
) -> tuple[Rule, float, float] | None:
    """(which limit, the figure, the limit) where a guard is above one; None below, or on fewer than NEEDED runs.

    ``units_per_percent`` is the scale's high end, so that an unsure scale mutes nobody.
    """
    if cost.runs < NEEDED:
        return None
    if cost.p95 is not None and cost.p95 > limits.p95_ms:
        return "p95_ms", cost.p95, limits.p95_ms
    shares = [units / units_per_percent[lane] for lane, units in cost.units.items() if lane in units_per_percent]
    share = max(shares, default=0.0)
    if share > limits.week_percent and cost.hook not in UNMUTED:
        return "week_percent", share, limits.week_percent
    return None


def settle(
    marks: Mapping[str, Mark],
    runs: Sequence[Run],
    injections: Sequence[Injection],
    limits: OverheadLimits,
    units_per_percent: Mapping[Lane, float],
    weights: quota_units.Weights,
    *,
    now: int,
) -> dict[str, Mark]:
    """Every guard's standing after a look at its last seven days.

    A muted guard stays so until its time is up, then starts afresh: it is judged again only after NEEDED more runs,
    and muted twice as long the next time. One that was judged and found cheap has no strikes left.
    """
    settled = {}
    for hook in sorted(({run.hook for run in runs} | marks.keys()) - {REFRESH}):
        mark = marks.get(hook, Mark())
        if mark.standing == "muted":
            if limits.mute and now < mark.until and hook not in limits.holding:
                settled[hook] = mark
                continue
            mark = mark._replace(standing="free", since=now)
        since = max(mark.since, now - 7 * DAY_S)
        mine = [run for run in runs if run.hook == hook and run.at >= since]
        told = [one for one in injections if one.hook == hook and one.at >= since]
        cost = costs(mine, told, weights, days=7).get(hook)
        settled[hook] = _judged(mark, cost, limits, units_per_percent, now=now)
    return settled


def _judged(
    mark: Mark, cost: Cost | None, limits: OverheadLimits, units_per_percent: Mapping[Lane, float], *, now: int
) -> Mark:
    if cost is None or cost.runs < NEEDED:
        return mark._replace(standing="free")
    found = excess(cost, limits, units_per_percent)
    if found is None:
        return Mark(since=mark.since)
    rule, value, limit = found
    if not limits.mute or cost.hook in UNMUTED or cost.hook in limits.holding:
        return Mark("kept", rule, value, limit, mark.since, 0, mark.strikes)
    until = now + min(DAY_S * 2**mark.strikes, LONGEST_S)
    return Mark("muted", rule, value, limit, now, until, min(mark.strikes + 1, 8))


def over(rule: str, value: float, limit: float) -> str:
    """Which figure is above which limit, and the setting's name."""
    if rule == "p95_ms":
        return f"p95 {value:.0f} ms of CPU, limit {limit:.0f} ms (overhead.p95_ms)"
    return f"at least {value:.2g} % of the week, limit {limit:.2g} % (overhead.week_percent)"
