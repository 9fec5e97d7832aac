"""How good the projection would have been: rolling origin over past weeks, against rivals anybody can compute.

At fixed phases of every past week only what was known then is used, the scale included; then it is scored by what came.
``crowd`` does the same on made-up people.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from governor.evaluation.scores import AlarmWatch, Backtest, ForecastOrigin, alarm_score, quantile, reliability, score
from governor.forecasting import day_profile
from governor.forecasting import week as forecasting_week
from governor.forecasting.alarm import Alarm, step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOUR_S: Final = 3600
DAY_S: Final = 86_400
WEEK_S: Final = 604_800
PHASES_H: Final = (12, 36, 60, 84, 108, 132)
WATCH_EVERY_H: Final = 2  # coarser than life: a refresh runs every few minutes
MIN_WEEKS: Final = 3  # no word is given on fewer
REMEMBER: Final = 12  # weeks the rivals look back on
FULL: Final = 100.0  # percent: the vendor refuses
OURS: Final = "governor"


class Course(NamedTuple):
    """One past weekly window: percent used at the end of each of its hours (of demand, where that is known)."""

    starts_at: int
    resets_at: int
    percent: Sequence[float]
    refused_at: int | None = None  # when it hit 100 % and use was refused: the end is then only a lower bound
    wanted: float | None = None  # where it would have ended had nothing been refused, where that is known (made-up)

    @property
    def end(self) -> float:
        """What a forecast of this window is scored by."""
        return self.percent[-1] if self.wanted is None else self.wanted


class Known(NamedTuple):
    """The scale as it was known when a week began."""

    units_per_point: float
    spread: float  # standard deviation of its log


def run(
    history: Sequence[tuple[int, float]],
    weeks: Sequence[Course],
    *,
    scales: Sequence[Known | None],
    walls: Sequence[tuple[int, int]] = (),
    offset_at: Callable[[int], int] = lambda _: 0,
    first: int = MIN_WEEKS,
    alarms: bool = True,
) -> Backtest:
    """Score every week from the ``first`` on by what the weeks before it said.

    ``history``: local units by hour; ``weeks``: whole weekly windows in order of time; ``scales``: for each of them, as
    known when it began, None where it was not; ``walls``: when use was refused (``day_profile.learn``);
    ``offset_at``: of local time at a moment, in seconds. With too few weeks the lists are empty: nothing can be scored.
    """
    origins: dict[str, list[ForecastOrigin]] = {}
    watches: dict[str, list[AlarmWatch]] = {}
    count = looks = 0
    for w in range(max(1, first), len(weeks)):
        week, past, known = weeks[w], weeks[max(0, w - REMEMBER) : w], scales[w]
        if known is None:
            continue
        count += 1
        eyes = _Eyes(history, week, known, offset_at=offset_at, walls=walls)
        for phase in PHASES_H:
            if eyes.spent(phase) >= FULL:
                continue  # it stands there already: nothing is left to foresee
            looks += 1
            for method, quantiles, p_exceed in _rivals(eyes, past, phase):
                is_bound = week.refused_at is not None and week.wanted is None
                origins.setdefault(method, []).append(ForecastOrigin(week.end, quantiles, p_exceed, is_bound))
        if alarms:
            wall = next((h for h, p in enumerate(week.percent) if p >= FULL), None)
            for rule, hour in _rules(eyes).items():
                watches.setdefault(rule, []).append(AlarmWatch(wall, hour))
    scores = [score(method, found, weeks=count) for method, found in origins.items()]
    rules = [alarm_score(rule, found) for rule, found in watches.items()]
    return Backtest(count, looks, scores, rules, reliability(origins.get(OURS, ())))


class _Eyes:
    """One past week seen from inside: nothing after the asked hour is looked at."""

    def __init__(
        self,
        history: Sequence[tuple[int, float]],
        week: Course,
        scale: Known,
        *,
        offset_at: Callable[[int], int] = lambda _: 0,
        walls: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.week = week
        self._history = [row for row in history if row[0] < week.resets_at]
        self._times = [at for at, _ in self._history]
        self._scale = scale
        self._offset_at = offset_at
        self._walls = walls
        self._learnt: dict[int, day_profile.Days | None] = {}

    def spent(self, hour: int) -> float:
        return self.week.percent[hour - 1] if hour > 0 else 0.0

    def project(self, hour: int) -> forecasting_week.Forecast:
        now = self.week.starts_at + hour * HOUR_S
        rows = self._history[: bisect_right(self._times, now - HOUR_S)]
        offset = self._offset_at(now)
        day = (now + offset - day_profile.DAWN_H * HOUR_S) // DAY_S
        if day not in self._learnt:
            known = [wall for wall in self._walls if wall[0] < now]
            self._learnt[day] = day_profile.learn(rows, now=now, tz_offset=offset, refused=known)
        return forecasting_week.project_week(
            rows,
            now=now,
            starts_at=self.week.starts_at,
            resets_at=self.week.resets_at,
            spent=self.spent(hour),
            units_per_point=self._scale.units_per_point,
            spread=self._scale.spread,
            tz_offset=offset,
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
        (OURS, seen[:5], seen.p_exceed),
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
        OURS: None,
        "last 24 h > 100": None,
        "linear > 100": None,
        "static 80 %": None,
    }
    state = Alarm()
    for hour in range(WATCH_EVERY_H, wall + 1, WATCH_EVERY_H):
        spent = eyes.spent(hour)
        if found[OURS] is None:
            at, left = eyes.week.starts_at + hour * HOUR_S, 1 - hour / hours
            state = step(state, at, eyes.project(hour).p_exceed, left=left)
        recent = (spent - eyes.spent(max(0, hour - 24))) / min(24, hour)
        rings = {
            OURS: state.is_on,
            "last 24 h > 100": forecasting_week.naive(spent, recent, hours - hour) > 100,
            "linear > 100": spent * hours / hour > 100,
            "static 80 %": spent >= 80,
        }
        for rule, is_on in rings.items():
            if is_on and found[rule] is None:
                found[rule] = hour
    return found
