"""What a forecast and an alarm are worth: proper scores, and what a person feels.

Origins inside one week depend on each other, so every interval counts weeks, not origins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


class Score(NamedTuple):
    """One method over all origins. Losses in percentage points; coverage and Brier are None for a point forecast.

    ``covered`` is the share of truths inside the 80 % interval, ``covered_low`` to ``covered_high`` its 95 % interval.
    """

    method: str
    pinball: float
    error: float  # mean absolute error of the median
    covered: float | None
    covered_low: float | None
    covered_high: float | None
    brier: float | None
    above: float | None = None  # share of truths above the upper end, which should be 0.1


class SaidAndCame(NamedTuple):
    """Reliability: how often passing the cap was called about this likely, and how often it came."""

    said: float  # mean probability, 0-1
    came: float  # share of those weeks that passed the cap
    looks: int


class AlarmScore(NamedTuple):
    """One alarm rule over all weeks. Shares are None where there was no such week."""

    rule: str
    harmless_weeks: int
    false_alarm_weeks: int
    exceeding_weeks: int
    caught_weeks: int
    false_share: float | None
    recall: float | None
    median_lead_h: float | None
    leads_h: tuple[float, ...] = ()


class Backtest(NamedTuple):
    """Everything ``governor backtest`` shows."""

    weeks: int
    origins: int
    scores: list[Score]
    alarms: list[AlarmScore]
    reliability: Sequence[SaidAndCame] = ()  # by tenths of what was said, empty tenths left out


class ForecastOrigin(NamedTuple):
    """One forecast and what came. ``is_bound``: the week was refused at 100 %, the truth is that or more."""

    truth: float
    quantiles: Sequence[float]
    p_exceed: float | None
    is_bound: bool = False


class AlarmWatch(NamedTuple):
    """One week under one rule: the hour it passed 100 %, and the hour of the first alarm before that."""

    wall_h: int | None
    alarm_h: int | None


def pinball(q: float, *, truth: float, predicted: float) -> float:
    """The loss of one predicted quantile; 0 where it is the truth."""
    return max(q * (truth - predicted), (q - 1) * (truth - predicted))


def wilson(share: float, n: int, *, z: float = 1.96) -> tuple[float, float]:
    """The 95 % Wilson interval of a share seen in ``n`` cases; (0, 1) for none."""
    if n <= 0:
        return 0.0, 1.0
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(max(0.0, share * (1 - share)) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantile(values: Iterable[float], q: float) -> float:
    """The linearly interpolated quantile. Raises: IndexError for no values."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def score(method: str, origins: Sequence[ForecastOrigin], *, weeks: int) -> Score:
    """All origins of one method. Raises: ZeroDivisionError for none."""
    loss = error = inside = brier = above = 0.0
    for o in origins:
        # A refused week wanted at least 100 %: nobody is blamed for having foreseen more.
        seen = [min(x, o.truth) for x in o.quantiles] if o.is_bound else o.quantiles
        loss += sum(pinball(q, truth=o.truth, predicted=x) for q, x in zip(QUANTILES, seen, strict=True)) / len(seen)
        error += abs(o.truth - seen[2])
        inside += seen[0] - 1e-9 <= o.truth <= seen[4] + 1e-9
        above += o.truth > seen[4] + 1e-9
        brier += ((o.p_exceed or 0.0) - (o.truth >= 100)) ** 2
    n = len(origins)
    if origins[0].p_exceed is None:
        return Score(method, loss / n, error / n, None, None, None, None)
    low, high = wilson(inside / n, weeks)
    return Score(method, loss / n, error / n, inside / n, low, high, brier / n, above / n)


def alarm_score(rule: str, watches: Sequence[AlarmWatch]) -> AlarmScore:
    """All weeks under one rule."""
    harmless = [w for w in watches if w.wall_h is None]
    exceeding = [w for w in watches if w.wall_h is not None]
    leads = [float(w.wall_h - w.alarm_h) for w in exceeding if w.wall_h is not None and w.alarm_h is not None]
    false = sum(w.alarm_h is not None for w in harmless)
    return _shares(rule, harmless=len(harmless), false=false, exceeding=len(exceeding), leads=leads)


def _shares(rule: str, *, harmless: int, false: int, exceeding: int, leads: Sequence[float]) -> AlarmScore:
    return AlarmScore(
        rule,
        harmless,
        false,
        exceeding,
        len(leads),
        false / harmless if harmless else None,
        len(leads) / exceeding if exceeding else None,
        quantile(leads, 0.5) if leads else None,
        tuple(leads),
    )


def pool(results: Iterable[Backtest]) -> Backtest:
    """Several people as one: losses averaged by forecasts, weeks and alarms added up."""
    kept = [r for r in results if r.origins]
    weeks = sum(r.weeks for r in kept)
    scores = []
    for method in dict.fromkeys(s.method for r in kept for s in r.scores):
        found = [(r.origins, s) for r in kept for s in r.scores if s.method == method]

        def mean(place: int, found: Sequence[tuple[int, Score]] = found) -> float | None:
            values = [(n, s[place]) for n, s in found]
            if any(not isinstance(x, float) for _, x in values):
                return None
            return sum(n * float(x) for n, x in values if isinstance(x, float)) / sum(n for n, _ in values)

        covered = mean(3)
        low, high = wilson(covered, weeks) if covered is not None else (None, None)
        scores.append(Score(method, mean(1) or 0.0, mean(2) or 0.0, covered, low, high, mean(6), mean(7)))
    alarms = []
    for rule in dict.fromkeys(a.rule for r in kept for a in r.alarms):
        same = [a for r in kept for a in r.alarms if a.rule == rule]
        alarms.append(
            _shares(
                rule,
                harmless=sum(a.harmless_weeks for a in same),
                false=sum(a.false_alarm_weeks for a in same),
                exceeding=sum(a.exceeding_weeks for a in same),
                leads=[lead for a in same for lead in a.leads_h],
            )
        )
    return Backtest(weeks, sum(r.origins for r in kept), scores, alarms, _together(r.reliability for r in kept))


def reliability(origins: Iterable[ForecastOrigin]) -> list[SaidAndCame]:
    """What came of what was said, by tenths; origins without a probability count for nothing."""
    pairs = ((o.p_exceed, o.truth >= 100) for o in origins)
    return _together([SaidAndCame(p, float(came), 1)] for p, came in pairs if p is not None)


def _together(results: Iterable[Sequence[SaidAndCame]]) -> list[SaidAndCame]:
    tenths: dict[int, list[SaidAndCame]] = {}
    for each in results:
        for bin_ in each:
            tenths.setdefault(min(int(bin_.said * 10), 9), []).append(bin_)
    out = []
    for _, bins in sorted(tenths.items()):
        looks = sum(b.looks for b in bins)
        said, came = (
            sum(b.looks * value for b, value in zip(bins, values, strict=True)) / looks
            for values in ([b.said for b in bins], [b.came for b in bins])
        )
        out.append(SaidAndCame(said, came, looks))
    return out
