"""How good the projection would have been: rolling origin over past weeks, against rivals anybody can compute.

At fixed phases of every past week only what was known then is used; then it is scored by what came. ``run`` does it on
a person's own history, ``simulated`` on made-up people, whose scale is first calibrated from what their machine would
have read, so that the whole chain is scored and not only its last link.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.calibration.scale import Anchor, calibrate
from governor.evaluation.people import Person, readings
from governor.evaluation.people.slots import SLOT_S
from governor.evaluation.scores import AlarmWatch, Backtest, ForecastOrigin, alarm_score, pool, quantile, score
from governor.forecasting import day_profile
from governor.forecasting import week as forecasting_week
from governor.forecasting.alarm import Alarm, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

HOUR_S: Final = 3600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800
PHASES_H: Final = (12, 36, 60, 84, 108, 132)
WATCH_EVERY_H: Final = 2  # coarser than life: a refresh runs every few minutes
MIN_WEEKS: Final = 3  # no word is given on fewer
REMEMBER: Final = 12  # weeks the rivals look back on


class Course(NamedTuple):
    """One past weekly window: percent used at the end of each of its hours (of demand, where that is known)."""

    starts_at: int
    resets_at: int
    percent: Sequence[float]
    refused_at: int | None = None  # when it hit 100 % and use was refused: the end is then only a lower bound


def run(
    history: Sequence[tuple[int, float]],
    weeks: Sequence[Course],
    *,
    units_per_point: float,
    spread: float = 0.05,
    tz_offset: int = 0,
    first: int = MIN_WEEKS,
    alarms: bool = True,
) -> Backtest:
    """Score every week from the ``first`` on by what the weeks before it said.

    ``history``: local units by hour; ``weeks``: whole weekly windows in order of time; ``units_per_point`` and
    ``spread`` as for ``forecast.project_week``. With too few weeks the lists are empty: nothing can be scored.
    """
    refused = [(w.refused_at, w.resets_at) for w in weeks if w.refused_at is not None]
    origins: dict[str, list[ForecastOrigin]] = {}
    watches: dict[str, list[AlarmWatch]] = {}
    for w in range(max(1, first), len(weeks)):
        week, past = weeks[w], weeks[max(0, w - REMEMBER) : w]
        known = [r for r in refused if r[1] <= week.starts_at]
        eyes = _Eyes(history, week, units_per_point, spread=spread, tz_offset=tz_offset, refused=known)
        for phase in PHASES_H:
            for method, quantiles, p_exceed in _rivals(eyes, past, phase):
                origin = ForecastOrigin(week.percent[-1], quantiles, p_exceed, is_bound=week.refused_at is not None)
                origins.setdefault(method, []).append(origin)
        if alarms:
            wall = next((h for h, p in enumerate(week.percent) if p >= 100), None)
            for rule, hour in _rules(eyes).items():
                watches.setdefault(rule, []).append(AlarmWatch(wall, hour))
    count = max(0, len(weeks) - max(1, first))
    scores = [score(method, found, weeks=count) for method, found in origins.items()]
    rules = [alarm_score(rule, found) for rule, found in watches.items()]
    return Backtest(count, count * len(PHASES_H), scores, rules)


def simulated(people: Iterable[Person], rng: Random, *, first: int = 6, alarms: bool = True) -> Backtest:
    """The same on made-up people: calibrated on the ``first`` weeks as a statusLine sees them, scored on the rest."""
    results = []
    for someone in people:
        until = someone.starts_at + first * WEEK_S
        seen = [Anchor(*s) for s in readings(rng, someone) if s.at < until]
        scale = calibrate(seen)
        if scale is None:
            continue
        demand = someone.demand()
        a_week, an_hour = WEEK_S // SLOT_S, HOUR_S // SLOT_S
        weeks = [
            Course(
                someone.starts_at + w * WEEK_S,
                someone.starts_at + (w + 1) * WEEK_S,
                demand[w * a_week + an_hour - 1 : (w + 1) * a_week : an_hour],
            )
            for w in range(someone.weeks)
        ]
        results.append(
            run(
                someone.hourly(),
                weeks,
                units_per_point=scale.effective,
                spread=scale.spread,
                first=first,
                alarms=alarms,
            )
        )
    return pool(results)


class _Eyes:
    """One past week seen from inside: nothing after the asked hour is looked at."""

    def __init__(
        self,
        history: Sequence[tuple[int, float]],
        week: Course,
        units_per_point: float,
        *,
        spread: float,
        tz_offset: int,
        refused: list[tuple[int, int]],
    ) -> None:
        self.week = week
        self._history = [row for row in history if row[0] < week.resets_at]
        self._times = [at for at, _ in self._history]
        self._units_per_point = units_per_point
        self._spread = spread
        self._tz_offset = tz_offset
        self._refused = refused
        self._learnt: dict[int, day_profile.Days | None] = {}

    def spent(self, hour: int) -> float:
        return self.week.percent[hour - 1] if hour > 0 else 0.0

    def project(self, hour: int) -> forecasting_week.Forecast:
        now = self.week.starts_at + hour * HOUR_S
        rows = self._history[: bisect_right(self._times, now - HOUR_S)]
        day = (now + self._tz_offset - day_profile.DAWN_H * HOUR_S) // DAY_S
        if day not in self._learnt:
            self._learnt[day] = day_profile.learn(rows, now=now, tz_offset=self._tz_offset, refused=self._refused)
        return forecasting_week.project_week(
            rows,
            now=now,
            starts_at=self.week.starts_at,
            resets_at=self.week.resets_at,
            spent=self.spent(hour),
            units_per_point=self._units_per_point,
            spread=self._spread,
            tz_offset=self._tz_offset,
            days=self._learnt[day],
        )


def _rivals(eyes: _Eyes, past: Sequence[Course], phase: int) -> list[tuple[str, Sequence[float], float | None]]:
    spent = eyes.spent(phase)
    hours = len(eyes.week.percent)
    seen = eyes.project(phase)
    ends = [w.percent[-1] for w in past]
    errors = [w.percent[-1] - w.percent[phase - 1] * hours / phase for w in past]
    line = spent * hours / phase
    recent = (spent - eyes.spent(max(0, phase - 24))) / min(24, phase)
    linear = [max(spent, line + quantile(errors, q)) for q in forecasting_week.QUANTILES]
    climate = [max(spent, quantile(ends, q)) for q in forecasting_week.QUANTILES]
    return [
        ("governor", seen[:5], seen.p_exceed),
        ("linear + its own errors", linear, sum(line + e >= 100 for e in errors) / len(errors)),
        ("climatology", climate, sum(e >= 100 for e in ends) / len(ends)),
        ("linear", [line] * 5, None),
        ("last 24 h", [forecasting_week.naive(spent, recent, hours - phase)] * 5, None),
    ]


def _rules(eyes: _Eyes) -> dict[str, int | None]:
    """The hour of the first alarm of each rule, before the wall, or None."""
    hours = len(eyes.week.percent)
    wall = next((h for h, p in enumerate(eyes.week.percent) if p >= 100), hours)
    found: dict[str, int | None] = {
        "governor": None,
        "last 24 h > 100": None,
        "linear > 100": None,
        "static 80 %": None,
    }
    state = Alarm()
    for hour in range(WATCH_EVERY_H, wall + 1, WATCH_EVERY_H):
        spent = eyes.spent(hour)
        if found["governor"] is None:
            at, left = eyes.week.starts_at + hour * HOUR_S, 1 - hour / hours
            state = step(state, at, eyes.project(hour).p_exceed, left=left)
        recent = (spent - eyes.spent(max(0, hour - 24))) / min(24, hour)
        rings = {
            "governor": state.is_on,
            "last 24 h > 100": forecasting_week.naive(spent, recent, hours - hour) > 100,
            "linear > 100": spent * hours / hour > 100,
            "static 80 %": spent >= 80,
        }
        for rule, is_on in rings.items():
            if is_on and found[rule] is None:
                found[rule] = hour
    return found
