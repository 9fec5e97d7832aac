"""Did work get worse when something changed? Four counts per day, compared before and after, and a test that says how
often it would be wrong.

The test is Fisher's exact one, one-sided, on counts divided by their design effect (days differ more than single events
would), at looks that were fixed in advance: whenever the new side has reached 25, 50, 100, ... events. Look k may spend
6 / (pi k)^2 of the error, so that all looks together spend no more than once; Holm's method shares it between metrics,
models and lanes. The false alarm rate is therefore at most ``false_alarms`` per change (tests/test_canary.py). Only a
worsening by half and by two points counts. It alarms and never blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from governor.model import Lane

EPOCH = date(1970, 1, 1).toordinal()
BACK_DAYS = 28
FIRST_LOOK = 25
DAYS_BEFORE, DAYS_AFTER = 5, 5  # fewer say nothing of how much days differ
EVENTS_BEFORE = 50
RATIO = 1.5
POINTS = 0.02
TEST = "Fisher's exact test, one-sided, over the design effect; error spent over looks, Holm over metrics"

# name -> (what may go wrong, out of how many)
METRICS: dict[str, tuple[str, str]] = {
    "interruptions": ("interruptions", "prompts"),
    "failed tool calls": ("failures", "calls"),
    "prompts asked again": ("asked_again", "asked"),
    "edits reverted": ("reverts", "edits"),
}


class Day(NamedTuple):
    """One day's counts of one lane, model and policy version."""

    lane: Lane
    model: str
    policy: str
    day: int  # since 1970-01-01, UTC
    prompts: int = 0
    interruptions: int = 0
    calls: int = 0
    failures: int = 0
    asked: int = 0  # prompts long enough to be likened to the one before
    asked_again: int = 0
    edits: int = 0
    reverts: int = 0


class QualityChange(NamedTuple):
    """Something that may have made work worse, with the days on either side of it."""

    kind: Literal["policy", "model"]
    lane: Lane
    model: str  # the model on the new side
    since: int  # day
    before: list[Day]
    after: list[Day]


class Comparison(NamedTuple):
    """One metric before and after a change."""

    kind: Literal["policy", "model"]
    lane: Lane
    model: str
    since: int
    metric: str
    before: tuple[int, int]  # (events, out of)
    after: tuple[int, int]
    looks: int
    p: float | None  # with every look so far paid for; None before the first
    is_alarm: bool = False

    @property
    def rates(self) -> tuple[float | None, float | None]:
        return tuple(x / n if n else None for x, n in (self.before, self.after))  # type: ignore[return-value]

    @property
    def sentence(self) -> str:
        """Both sides in a line: what, how much, of which model, since when, after what."""
        sides = [f"{x / n * 100:.1f} % ({x} of {n})" if n else "none" for x, n in (self.before, self.after)]
        since = date.fromordinal(EPOCH + self.since).isoformat()
        model = self.model.removeprefix("claude-")
        return f"{self.metric} went from {sides[0]} to {sides[1]} with {model} since a {self.kind} change on {since}"


def watch(days: Iterable[Day], policies: Sequence[str], *, today: int, false_alarms: float) -> list[Comparison]:
    """Every comparison there is to make, the alarms first. ``policies`` are the versions, oldest first; days that are
    not over yet count nothing, so that a look is the same whenever it is taken.
    """
    over = [day for day in days if day.day < today]
    found = [
        compare(change, metric)
        for change in (*policy_changes(over, policies), *model_changes(over, today=today))
        for metric in METRICS
    ]
    return sorted(holm(found, false_alarms), key=lambda one: (not one.is_alarm, one.p is None, one.p or 0.0))


def policy_changes(days: Sequence[Day], policies: Sequence[str]) -> list[QualityChange]:
    """The newest policy against the four weeks before it, for each model of each lane."""
    if len(policies) < 2:
        return []
    newest = policies[-1]
    found = []
    for lane, model in sorted({(day.lane, day.model) for day in days}):
        mine = [day for day in days if (day.lane, day.model) == (lane, model)]
        after = [day for day in mine if day.policy == newest]
        if after:
            since = min(day.day for day in after)
            before = [day for day in mine if day.policy != newest and since - BACK_DAYS <= day.day <= since]
            found.append(QualityChange("policy", lane, model, since, before, after))
    return found


def model_changes(days: Sequence[Day], *, today: int) -> list[QualityChange]:
    """A lane's newest model, if it came within four weeks, against the models of the four weeks before it."""
    found = []
    for lane in sorted({day.lane for day in days}):
        mine = [day for day in days if day.lane == lane]
        first: dict[str, int] = {}
        for day in mine:
            first[day.model] = min(day.day, first.get(day.model, day.day))
        model, since = max(first.items(), key=lambda item: (item[1], item[0]))
        if since > min(first.values()) and since >= today - BACK_DAYS:
            before = [day for day in mine if day.model != model and since - BACK_DAYS <= day.day < since]
            after = [day for day in mine if day.model == model]
            found.append(QualityChange("model", lane, model, since, before, after))
    return found


def compare(change: QualityChange, metric: str) -> Comparison:
    """One metric of one change, at every look that has come."""
    before, after = _daily(change.before, metric), _daily(change.after, metric)
    sums = [_sum(before), _sum(after)]
    empty = Comparison(change.kind, change.lane, change.model, change.since, metric, sums[0], sums[1], 0, None)
    if len(before) < DAYS_BEFORE or sums[0][1] < EVENTS_BEFORE:
        return empty
    adjusted, looks, wanted = 1.0, 0, FIRST_LOOK
    for upto in range(DAYS_AFTER, len(after) + 1):
        events = _sum(after[:upto])
        if events[1] < wanted:
            continue
        while wanted <= events[1]:  # one day may pass several marks: it is one look
            wanted *= 2
        looks += 1
        wide = design_effect([before, after[:upto]])
        p = fisher(_deflated(sums[0], wide, up=True), _deflated(events, wide, up=False))
        adjusted = min(adjusted, p * (math.pi * looks) ** 2 / 6)
    return empty._replace(looks=looks, p=adjusted if looks else None)


def holm(found: Sequence[Comparison], false_alarms: float) -> list[Comparison]:
    """Which comparisons are alarms, by Holm's step-down method over all that could be made."""
    ranked = sorted((one.p, place) for place, one in enumerate(found) if one.p is not None)
    alarms: set[int] = set()
    for step, (p, place) in enumerate(ranked):
        if p > false_alarms / (len(ranked) - step):
            break
        if _matters(found[place]):
            alarms.add(place)
    return [one._replace(is_alarm=place in alarms) for place, one in enumerate(found)]


def _matters(one: Comparison) -> bool:
    before, after = one.rates
    return before is not None and after is not None and after >= RATIO * before and after >= before + POINTS


def fisher(before: tuple[int, int], after: tuple[int, int]) -> float:
    """P(at least so many of the events fall on ``after``), both sides being alike: the hypergeometric upper tail."""
    (x, n), (y, m) = before, after
    events, whole = x + y, n + m
    base = _choose(whole, m)
    terms = (
        math.exp(_choose(events, k) + _choose(whole - events, m - k) - base)
        for k in range(y, min(events, m) + 1)
        if m - k <= whole - events
    )
    return min(math.fsum(terms), 1.0)


def _choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def design_effect(sides: Sequence[Sequence[tuple[int, int]]]) -> float:
    """How many times more days differ than single events would: Pearson's chi square over its freedom, at least 1."""
    square, freedom = 0.0, 0
    for days in sides:
        events, whole = _sum(days)
        rate = events / whole if whole else 0.0
        if 0 < rate < 1:
            square += sum((x - n * rate) ** 2 / (n * rate * (1 - rate)) for x, n in days if n)
            freedom += len(days) - 1
    if not freedom:
        return 1.0
    return max(square / freedom * (1 + math.sqrt(2 / freedom)), 1.0)  # one standard error up: days are few and skewed


def _deflated(counts: tuple[int, int], wide: float, *, up: bool) -> tuple[int, int]:
    """Counts that carry as much evidence as days that differ do; rounded to the side that alarms less."""
    events, whole = counts
    if wide <= 1:
        return counts
    kept = max(int(whole / wide), 1)
    share = events * kept / whole
    return min(math.ceil(share) if up else math.floor(share), kept), kept


def _daily(days: Sequence[Day], metric: str) -> list[tuple[int, int]]:
    """(events, out of how many) of each day with any, oldest first."""
    bad, all_of = METRICS[metric]
    sums: dict[int, tuple[int, int]] = {}
    for day in days:
        x, n = sums.get(day.day, (0, 0))
        sums[day.day] = x + getattr(day, bad), n + getattr(day, all_of)
    return [(min(x, n), n) for _, (x, n) in sorted(sums.items()) if n]


def _sum(days: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(x for x, _ in days), sum(n for _, n in days)
