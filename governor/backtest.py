"""How good the projection would have been: rolling origin over past weeks, against rivals anybody can compute.

At fixed phases of every past week, only what was known then is used; then it is scored by what came. Scores are the
usual proper ones: the pinball loss at .1 .25 .5 .75 .9, the share of weeks inside the 80 % interval, the Brier score
of P(exceed); and what a person feels: harmless weeks with an alarm, exceeding weeks caught, hours of warning.

Origins inside one week depend on each other, so every interval counts weeks, not origins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from governor import forecast, season

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_S: Final = 3600
PHASES_H: Final = (12, 36, 60, 84, 108, 132)
WATCH_EVERY_H: Final = 3
MIN_WEEKS: Final = 3  # no word is given on fewer


class Course(NamedTuple):
    """One past weekly window: percent used at the end of each of its hours (of demand, where it is known)."""

    starts_at: int
    resets_at: int
    percent: Sequence[float]
    refused_at: int | None = None  # when it hit 100 % and use was refused: the end is then only a lower bound


class Score(NamedTuple):
    """One method over all origins. Losses in percentage points; ``covered`` is None for a point forecast."""

    method: str
    pinball: float
    error: float  # mean absolute error of the median
    covered: float | None
    covered_low: float | None
    covered_high: float | None
    brier: float | None


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


class Backtest(NamedTuple):
    """Everything ``governor backtest`` shows."""

    weeks: int
    origins: int
    scores: list[Score]
    alarms: list[AlarmScore]


def pinball(quantile: float, *, truth: float, predicted: float) -> float:
    """The loss of one predicted quantile; 0 where it is the truth."""
    return max(quantile * (truth - predicted), (quantile - 1) * (truth - predicted))


def wilson(hits: float, n: int, *, z: float = 1.96) -> tuple[float, float] | None:
    """The 95 % Wilson interval of a share; None for n = 0."""
    if n <= 0:
        return None
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantile(values: Iterable[float], q: float) -> float:
    """The linearly interpolated quantile. Raises: IndexError for no values."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def courses(
    history: Iterable[tuple[int, float]], *, starts: Sequence[int], units_per_point: float, length_s: int = 604_800
) -> list[Course]:
    """Past windows made from local units alone, where no official reading was kept."""
    by_hour = {t // HOUR_S: u for t, u in history}
    out = []
    for start in starts:
        total, percent = 0.0, []
        for hour in range(start // HOUR_S, (start + length_s) // HOUR_S):
            total += by_hour.get(hour, 0.0)
            percent.append(total / units_per_point)
        out.append(Course(start, start + length_s, percent))
    return out


def run(
    history: Sequence[tuple[int, float]],
    weeks: Sequence[Course],
    *,
    units_per_point: float,
    spread: float = 0.05,
    tz_offset: int = 0,
    first: int = MIN_WEEKS,
    keep: int = 12,
    alarms: bool = True,
) -> Backtest:
    """Score every week from the ``first`` on by what the weeks before it said; ``keep`` is how many rivals remember.

    ``history``: local units by hour; ``weeks``: windows in order of time, whole ones only. With fewer than ``first`` + 1
    weeks the lists are empty: nothing can be scored.
    """
    tests = range(first, len(weeks))
    refused = [(w.refused_at, w.resets_at) for w in weeks if w.refused_at is not None]
    gathered: dict[str, list[tuple[int, _Origin]]] = {}
    watched: dict[str, list[_Watch]] = {}
    for w in tests:
        week = weeks[w]
        past = weeks[max(0, w - keep) : w]
        eyes = _Eyes(history, week, units_per_point, spread, tz_offset, [r for r in refused if r[1] <= week.starts_at])
        for phase in PHASES_H:
            for method, quantiles, p_exceed in _rivals(eyes, past, phase):
                origin = _Origin(_truth(week), quantiles, p_exceed, bound=week.refused_at is not None)
                gathered.setdefault(method, []).append((w, origin))
        if alarms:
            for rule, on_at in _rules(eyes).items():
                wall = next((h for h, p in enumerate(week.percent) if p >= 100), None)
                watched.setdefault(rule, []).append(_Watch(wall, on_at))
    scores = [_score(method, found, weeks=len(tests)) for method, found in gathered.items()]
    rules = [_alarm_score(rule, found) for rule, found in watched.items()]
    return Backtest(len(tests), len(tests) * len(PHASES_H), scores, rules)


def pool(results: Sequence[Backtest]) -> Backtest:
    """Several people as one: losses averaged by origins, weeks added up."""
    weeks = sum(r.weeks for r in results)
    merged: dict[str, list[tuple[int, Score]]] = {}
    rules: dict[str, list[AlarmScore]] = {}
    leads: dict[str, list[float]] = {}
    for r in results:
        for s in r.scores:
            merged.setdefault(s.method, []).append((r.weeks, s))
        for a in r.alarms:
            rules.setdefault(a.rule, []).append(a)
            leads.setdefault(a.rule, []).extend(
                [a.median_lead_h] * a.caught_weeks if a.median_lead_h is not None else []
            )
    scores = []
    for method, found in merged.items():
        n = sum(w for w, _ in found)
        covered = _mean([(w, s.covered) for w, s in found])
        interval = wilson(covered * n, n) if covered is not None else None
        scores.append(
            Score(
                method,
                _mean([(w, s.pinball) for w, s in found]) or 0.0,
                _mean([(w, s.error) for w, s in found]) or 0.0,
                covered,
                interval[0] if interval else None,
                interval[1] if interval else None,
                _mean([(w, s.brier) for w, s in found]),
            )
        )
    alarms = [
        _shares(rule, *(sum(a[k] for a in found) for k in range(1, 5)), leads[rule]) for rule, found in rules.items()
    ]
    return Backtest(weeks, sum(r.origins for r in results), scores, alarms)


def _mean(pairs: Sequence[tuple[int, float | None]]) -> float | None:
    kept = [(w, x) for w, x in pairs if x is not None]
    total = sum(w for w, _ in kept)
    return sum(w * x for w, x in kept) / total if total else None


class _Origin(NamedTuple):
    truth: float
    quantiles: list[float]
    p_exceed: float | None
    bound: bool  # the truth is "100 % or more"


class _Watch(NamedTuple):
    wall_h: int | None
    alarm_h: int | None


class _Eyes:
    """One past week seen from inside: nothing after the asked hour is looked at."""

    def __init__(
        self,
        history: Sequence[tuple[int, float]],
        week: Course,
        units_per_point: float,
        spread: float,
        tz_offset: int,
        refused: list[tuple[int, int]],
    ) -> None:
        self.week = week
        self._history = [row for row in history if row[0] < week.resets_at]
        self._units_per_point = units_per_point
        self._spread = spread
        self._tz_offset = tz_offset
        self._refused = refused
        self._learnt: dict[int, season.Days | None] = {}

    def spent(self, hour: int) -> float:
        return self.week.percent[hour - 1] if hour > 0 else 0.0

    def project(self, hour: int) -> forecast.Forecast:
        now = self.week.starts_at + hour * HOUR_S
        rows = [row for row in self._history if row[0] <= now - HOUR_S]
        day = (now + self._tz_offset - season.DAWN_H * HOUR_S) // 86_400
        if day not in self._learnt:
            self._learnt[day] = season.learn(
                rows, now=now, starts_at=self.week.starts_at, tz_offset=self._tz_offset, refused=self._refused
            )
        return forecast.project_week(
            rows,
            now=now,
            starts_at=self.week.starts_at,
            resets_at=self.week.resets_at,
            spent=self.spent(hour),
            units_per_point=self._units_per_point,
            spread=self._spread,
            tz_offset=self._tz_offset,
            refused=self._refused,
            days=self._learnt[day],
        )


def _truth(week: Course) -> float:
    return week.percent[-1]


def _rivals(eyes: _Eyes, past: Sequence[Course], phase: int) -> list[tuple[str, list[float], float | None]]:
    spent = eyes.spent(phase)
    share = phase / len(eyes.week.percent)
    seen = eyes.project(phase)
    ends = [_truth(w) for w in past]
    errors = [_truth(w) - w.percent[phase - 1] / share for w in past]
    linear = [max(spent, spent / share + quantile(errors, q)) for q in forecast.QUANTILES]
    climate = [max(spent, quantile(ends, q)) for q in forecast.QUANTILES]
    line = spent + (spent - eyes.spent(max(0, phase - 24))) / min(24, phase) * (len(eyes.week.percent) - phase)
    return [
        ("governor", list(seen[:5]), seen.p_exceed),
        ("linear + own errors", linear, sum(spent / share + e >= 100 for e in errors) / len(errors)),
        ("climatology", climate, sum(e >= 100 for e in ends) / len(ends)),
        ("last 24 h", [line] * 5, None),
        ("linear", [spent / share] * 5, None),
    ]


def _score(method: str, found: Sequence[tuple[int, _Origin]], *, weeks: int) -> Score:
    loss = error = inside = brier = 0.0
    for _, o in found:
        # A refused week wanted at least 100 %: nobody is blamed for having foreseen more.
        seen = [min(q, o.truth) for q in o.quantiles] if o.bound else o.quantiles
        loss += sum(
            pinball(q, truth=o.truth, predicted=x) for q, x in zip(forecast.QUANTILES, seen, strict=True)
        ) / len(seen)
        error += abs(o.truth - seen[2])
        inside += seen[0] <= o.truth <= seen[4]
        brier += ((o.p_exceed or 0.0) - (o.truth >= 100)) ** 2
    n = len(found)
    is_point = found[0][1].p_exceed is None
    interval = wilson(inside / n * weeks, weeks)
    return Score(
        method,
        loss / n,
        error / n,
        None if is_point else inside / n,
        None if is_point or interval is None else interval[0],
        None if is_point or interval is None else interval[1],
        None if is_point else brier / n,
    )


def _rules(eyes: _Eyes) -> dict[str, int | None]:
    """The hour of the first alarm of each rule, before the wall, or None."""
    percent = eyes.week.percent
    hours = len(percent)
    end = next((h for h, p in enumerate(percent) if p >= 100), hours)
    found: dict[str, int | None] = {
        "governor": None,
        "last 24 h > 100": None,
        "linear > 100": None,
        "static 80 %": None,
    }
    state = forecast.Alarm()
    for hour in range(WATCH_EVERY_H, end + 1, WATCH_EVERY_H):
        spent = eyes.spent(hour)
        if found["governor"] is None:
            state = forecast.step(state, eyes.week.starts_at + hour * HOUR_S, eyes.project(hour).p_exceed)
        rate = (spent - eyes.spent(max(0, hour - 24))) / min(24, hour)
        is_on = {
            "governor": state.is_on,
            "last 24 h > 100": forecast.naive(spent, rate, hours - hour) > 100,
            "linear > 100": spent * hours / hour > 100,
            "static 80 %": spent >= 80,
        }
        for rule, on in is_on.items():
            if on and found[rule] is None:
                found[rule] = hour
    return found


def _alarm_score(rule: str, found: Sequence[_Watch]) -> AlarmScore:
    harmless = [w for w in found if w.wall_h is None]
    exceeding = [w for w in found if w.wall_h is not None]
    leads = [float(w.wall_h - w.alarm_h) for w in exceeding if w.wall_h is not None and w.alarm_h is not None]
    false = sum(w.alarm_h is not None for w in harmless)
    return _shares(rule, len(harmless), false, len(exceeding), len(leads), leads)


def _shares(rule: str, harmless: int, false: int, exceeding: int, caught: int, leads: Sequence[float]) -> AlarmScore:
    return AlarmScore(
        rule,
        harmless,
        false,
        exceeding,
        caught,
        false / harmless if harmless else None,
        caught / exceeding if exceeding else None,
        quantile(leads, 0.5) if leads else None,
    )
