"""Two official meters beside each other: what a person would be told of a changed limit, and what is no change."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.calibration.cap_ratio import FIVE_HOURS_S, CapRatio, CapRatioDay, days, rates, turned, windows_per_week
from governor.calibration.scale import Anchor, Scale, ScaleChange, calibrate
from governor.evaluation.people import DAY_S, EPOCH, WEEK_S, Person, person, readings
from governor.ledger import statements
from governor.ledger.store import open_ledger
from governor.model import Account, LimitReading
from governor.number_format import change
from governor.pipeline import history

UNIT = 1000.0  # units per 5-hour percent, in the beginning


class Life(NamedTuple):
    five_hour: list[Anchor]
    week: list[Anchor]

    @property
    def rates(self) -> list[CapRatio]:
        return rates(days(*self))

    def scales(self) -> tuple[Scale | None, Scale | None]:
        """Of the week and of five hours, the two meters minded."""
        found = self.rates
        short = calibrate(self.five_hour, window_s=FIVE_HOURS_S, rates=found)
        return calibrate(self.week, rates=turned(found)), short


def life(
    length: int,
    *,
    week: Callable[[int], float] = lambda _: 8.0,
    five_hours: Callable[[int], float] = lambda _: 1.0,
    counted: Callable[[int], float] = lambda _: 1.0,
    headless: Collection[int] = (),
    away: Callable[[int], float] = lambda _: 0.0,
    every_s: int = 600,
) -> Life:
    """A 5-hour window a day, read together with the week: whole points, no two days alike.

    By day: ``week`` and ``five_hours`` are the limits in 5-hour windows of the first day, ``counted`` is what local
    units are mis-stated by, ``away`` units used elsewhere for one used here. On ``headless`` days five hours count 1.49
    times.
    """
    rng = Random(4)
    short: list[Anchor] = []
    long: list[Anchor] = []
    used = units = 0.0
    for day in range(length):
        if day % 7 == 0:
            used = units = 0.0
        opens = EPOCH + day * DAY_S + 9 * 3600
        begun_used, begun_units = used, units
        heavy = rng.uniform(30, 66) * UNIT
        for step in range(FIVE_HOURS_S // every_s):
            here = heavy * every_s / FIVE_HOURS_S
            used += here * (1 + away(day))
            units += here * counted(day)
            at, reset = opens + (step + 1) * every_s - 1, EPOCH + (day // 7 + 1) * WEEK_S
            part = (used - begun_used) * (1.49 if day in headless else 1.0)
            now = math.floor(part / UNIT / five_hours(day))
            short.append(Anchor(at, float(now), opens + FIVE_HOURS_S, units - begun_units))
            long.append(Anchor(at, float(math.floor(used / UNIT / week(day))), reset, units))
    return Life(short, long)


def after(day: int, then: float, *, before: float = 1.0) -> Callable[[int], float]:
    return lambda today: then if today >= day else before


def off_by(found: CapRatio, day: int) -> float:
    return abs(found.since - (EPOCH + day * DAY_S)) / DAY_S


# ---- the detector ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4.6, 8.0, 12.6])
def test_whole_points_alone_are_no_change(size: float) -> None:
    (found,) = life(28, week=lambda _: size).rates
    assert pytest.approx(size, rel=0.02) == math.exp(-found.size)
    slope = windows_per_week([found])
    assert slope is not None
    assert slope.low < size < slope.high


@pytest.mark.parametrize("family", ["desk", "bursts", "shift", "deadline"])
def test_no_change_is_not_seen_where_there_is_none(family: str) -> None:
    for seed in range(6):
        who = person(Random(seed), family, weeks=4, elsewhere=0.3, has_short=True)
        assert 1 == len(rates(days(*both(who, seed=seed))))


@pytest.mark.parametrize("factor", [1.25, 0.8, 2.0])
def test_a_changed_weekly_limit_is_dated_within_two_days_and_sized(factor: float) -> None:
    before, found = life(21, week=after(11, 8.0 * factor, before=8.0)).rates
    assert off_by(found, 11) <= 2
    assert pytest.approx(factor, rel=0.03) == math.exp(before.size - found.size)


def test_six_days_of_it_are_enough_and_one_is_not() -> None:
    assert 2 == len(life(17, week=after(11, 10.0, before=8.0)).rates)
    assert 1 == len(life(12, week=after(11, 10.0, before=8.0)).rates)


@pytest.mark.parametrize("headless", [{9}, {9, 10}, {9, 10, 11}, {9, 10, 11, 12}, {0, 20}, {4, 12, 18}])
def test_a_headless_day_now_and_then_is_no_change(headless: set[int]) -> None:
    (found,) = life(21, headless=headless).rates
    assert pytest.approx(8.0, rel=0.03) == math.exp(-found.size)


def test_a_headless_day_does_not_hide_a_change() -> None:
    before, found = life(28, week=after(14, 10.0, before=8.0), headless={3, 17}).rates
    assert off_by(found, 14) <= 2
    assert pytest.approx(1.25, rel=0.03) == math.exp(before.size - found.size)


def test_two_changes_are_two() -> None:
    found = life(42, week=lambda day: (8.0, 10.0, 7.0)[day // 14]).rates
    assert [8.0, 10.0, 7.0] == pytest.approx([math.exp(-rate.size) for rate in found], rel=0.03)
    assert off_by(found[1], 14) <= 2
    assert off_by(found[2], 28) <= 2


def test_a_change_that_was_announced_needs_fewer_days() -> None:
    lived = life(14, week=after(11, 10.0, before=8.0))
    announced = EPOCH + 11 * DAY_S
    assert 1 == len(lived.rates)
    assert [announced] == [rate.since for rate in rates(days(*lived), changes=[announced])[1:]]


def test_few_readings_say_less_but_nothing_wrong() -> None:
    (found,) = life(28, every_s=6000).rates
    dense = life(28).rates[0]
    assert found.sd > dense.sd
    assert pytest.approx(8.0, rel=0.1) == math.exp(-found.size)
    assert 2 == len(life(28, week=after(14, 16.0, before=8.0), every_s=6000).rates)


def test_meters_read_minutes_apart_are_matched_or_left_out() -> None:
    lived = life(21)
    near = [a._replace(observed_at=a.observed_at + 20) for a in lived.week]
    far = [a._replace(observed_at=a.observed_at + 299) for a in lived.week]
    assert days(lived.five_hour, near) == days(*lived)
    assert pytest.approx(8.0, rel=0.15) == math.exp(-rates(days(lived.five_hour, far))[0].size)


def test_a_week_reset_in_the_middle_of_five_hours_is_not_negative_use() -> None:
    lived = life(21)
    gift = lived.week[15 * 30 + 14].observed_at
    given_back = lived.week[15 * 30 + 14].used_percent
    week = [
        a._replace(used_percent=a.used_percent - given_back) if gift < a.observed_at < EPOCH + 3 * WEEK_S else a
        for a in lived.week
    ]
    (found,) = rates(days(lived.five_hour, week))
    assert pytest.approx(8.0, rel=0.03) == math.exp(-found.size)


def test_a_full_five_hour_window_says_nothing_more() -> None:
    lived = life(21)
    full = [a._replace(used_percent=100.0 if i % 30 > 14 else a.used_percent) for i, a in enumerate(lived.five_hour)]
    (found,) = rates(days(full, lived.week))
    assert pytest.approx(8.0, rel=0.05) == math.exp(-found.size)


def test_nothing_to_go_by_is_no_rate() -> None:
    lived = life(10)
    still = [a._replace(used_percent=3.0) for a in lived.week]
    for five_hour, week in (([], []), (lived.five_hour, []), ([], lived.week), (lived.five_hour, still)):
        assert [] == rates(days(five_hour, week))
    assert windows_per_week([]) is None
    assert [] == days(lived.five_hour[:1], lived.week[:1])


def test_meters_that_contradict_each_other_are_no_change() -> None:
    rng = Random(1)
    noise = [CapRatioDay(EPOCH + i * DAY_S, rng.uniform(-4, 4), 0.01) for i in range(30)]
    assert 1 == len(rates(noise))


anything = st.builds(
    Anchor,
    observed_at=st.integers(-(2**40), 2**40) | st.integers(EPOCH, EPOCH + 2 * WEEK_S),
    used_percent=st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 100).map(float),
    resets_at=st.none() | st.just(EPOCH + WEEK_S) | st.integers(EPOCH - WEEK_S, EPOCH + 4 * WEEK_S),
    units=st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1e9),
)
odd_days = st.builds(
    CapRatioDay, st.integers(0, 60).map(lambda i: EPOCH + i * DAY_S), st.floats(-700, 700), st.floats(0, 1e300)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=25), st.lists(anything, max_size=25), st.lists(odd_days, max_size=12))
def test_no_input_however_wrong_gives_anything_but_finite_rates(
    five_hour: list[Anchor], week: list[Anchor], odd: list[CapRatioDay]
) -> None:
    read = days(five_hour, week)
    for found in (rates(read), rates(sorted(odd))):
        assert all(math.isfinite(rate.size) and math.isfinite(rate.sd) and rate.sd > 0 for rate in found)
        assert [rate.since for rate in found] == sorted(rate.since for rate in found)
        if found:
            scale = calibrate(week, rates=turned(found))
            assert scale is None or (math.isfinite(scale.units_per_percent) and scale.low > 0)
    assert len(read) == sum(rate.days for rate in rates(read))


# ---- which of the two limits it was ----------------------------------------------------------------------------------


def test_a_weekly_limit_that_moved_is_the_weeks_and_leaves_five_hours_alone() -> None:
    week, short = life(28, week=after(14, 9.6, before=8.0)).scales()
    assert week is not None
    assert short is not None
    assert week.change is not None
    assert ("meters", None) == (week.change.by, short.change)
    assert week.change.low < 1.2 < week.change.high
    assert pytest.approx(9.6 * UNIT, rel=0.04) == week.units_per_percent


def test_a_five_hour_limit_that_moved_is_not_the_weeks() -> None:
    lived = life(28, five_hours=after(14, 1.2))
    week, short = lived.scales()
    assert week is not None
    assert short is not None
    assert short.change is not None
    assert ("meters", None) == (short.change.by, week.change)
    assert pytest.approx(1.2, rel=0.03) == short.change.factor


@pytest.mark.parametrize("counted", [0.8, 1.3])
def test_another_mix_of_models_is_no_changed_limit(counted: float) -> None:
    lived = life(28, counted=after(14, counted))
    for scale in (calibrate(lived.week), *lived.scales()):
        assert scale is not None
        assert scale.change is None


def test_use_elsewhere_from_one_day_on_is_no_changed_limit() -> None:
    for scale in life(28, away=after(14, 0.3, before=0.0)).scales():
        assert scale is not None
        assert scale.change is None


def test_going_headless_for_good_is_told_of_five_hours_and_never_of_the_week() -> None:
    week, short = life(28, headless=range(14, 28)).scales()
    assert week is not None
    assert short is not None
    assert week.change is None
    assert short.change is not None
    assert pytest.approx(1 / 1.49, rel=0.05) == short.change.factor


def test_both_limits_doubled_show_in_units_alone_and_it_says_so() -> None:
    for scale in life(28, week=after(14, 16.0, before=8.0), five_hours=after(14, 2.0)).scales():
        assert scale is not None
        assert scale.change is not None
        assert "units" == scale.change.by


def test_rates_that_fit_nothing_change_nothing() -> None:
    lived = life(28)
    strange = [CapRatio(EPOCH + i * DAY_S, EPOCH + i * DAY_S, float(i), 0.5, 1) for i in range(-40, 80, 7)]
    scale = calibrate(lived.week, rates=strange)
    assert scale is not None
    assert pytest.approx(8 * UNIT, rel=0.05) == scale.units_per_percent


# ---- the words -------------------------------------------------------------------------------------------------------


def test_a_changed_limit_is_said_with_its_date_and_size() -> None:
    moved = ScaleChange(EPOCH, 1.24, 1.21, 1.27, "meters")
    said = "The weekly limit changed about 2026-01-05: +24 % (+21 to +27 %); figures before it are kept"
    assert said == change(moved, "week")
    assert "5-hour limit changed about 2026-01-05: -17 %" in change(moved._replace(factor=0.83), "5h")


def test_units_alone_are_said_to_be_units_alone() -> None:
    said = change(ScaleChange(EPOCH, 2.0, 1.8, 2.2, "units"), "week")
    assert "Units per 1 % changed about 2026-01-05: +100 % (+80 to +120 %)" in said
    assert "or another mix of models" in said


# ---- the made-up people ----------------------------------------------------------------------------------------------


def both(who: Person, *, seed: int) -> tuple[list[Anchor], list[Anchor]]:
    short, long = ([Anchor(*s) for s in readings(Random(seed), who, window=name)] for name in ("5h", "week"))
    return short, long


def test_a_made_up_five_hour_window_opens_with_use_is_whole_and_closes_after_five_hours() -> None:
    who = person(Random(3), "bursts", weeks=2, elsewhere=0.3, has_short=True)
    short, long = both(who, seed=3)
    assert {a.observed_at for a in short} <= {a.observed_at for a in long}
    assert all(a.used_percent == int(a.used_percent) for a in short)
    opened = sorted({round((a.resets_at or 0) / 60) * 60 - FIVE_HOURS_S for a in short})
    assert all(at % 3600 == 0 for at in opened)
    assert all(b - a >= FIVE_HOURS_S for a, b in pairwise(opened))
    for a in short:
        assert (a.resets_at or 0) - FIVE_HOURS_S - 1 <= a.observed_at < (a.resets_at or 0) + 1


def test_made_up_headless_days_move_the_five_hour_meter_alone() -> None:
    plain = person(Random(3), "desk", weeks=2, has_short=True)
    busy = plain._replace(headless_days=frozenset(range(14)), windows_per_week=1.0)
    plain = plain._replace(windows_per_week=1.0)
    short, long = both(plain, seed=3)
    more, same = both(busy, seed=3)
    assert long == same
    assert sum(a.used_percent for a in more) > 1.4 * sum(a.used_percent for a in short)


# ---- what is kept of the past ----------------------------------------------------------------------------------------

TODAY = 1_795_600_800 // 86_400 * 86_400


def lived(ratio: float, *, days: range, account: str | None = None) -> list[LimitReading]:
    """A light user: each day one 5-hour window goes from 0 to 12 %, and the week by ``ratio`` of that."""
    found = []
    for day in days:
        morning, week = TODAY + day * 86_400, TODAY + (day // 7 + 1) * 7 * 86_400
        for step in range(5):
            at, spent = morning + 9 * 3600 + step * 1800, 3.0 * step
            before = 12.0 * (day % 7)
            found.append(LimitReading("claude", "5h", spent, morning + 14 * 3600, at, "statusline", account))
            used = float(int(ratio * (before + spent)))
            found.append(LimitReading("claude", "week", used, week, at, "statusline", account))
    return found


def slope_of(folder: Path, *heard: LimitReading, forget: bool = False, account: str = "") -> list[CapRatio]:
    whose = Account("claude", account or "~/.claude", (account,))
    with open_ledger(folder) as ledger:
        with ledger.transaction():
            ledger.add_readings(heard, machine="here")
        found = history.rates(ledger, whose, now=TODAY + 20 * 3600)
        if forget:
            with ledger.transaction():
                (number,) = [s.id for s in statements.readings(ledger) if s.reading.source == "typed"]
                assert ledger.forget_reading(number)
            found = history.rates(ledger, whose, now=TODAY + 20 * 3600 + 600)
        return found


def test_a_forgotten_figure_leaves_no_trace_in_the_slope(tmp_path: Path) -> None:
    at = TODAY - 86_400 + 13 * 3600
    heard = [*lived(0.1, days=range(-20, 0)), LimitReading("claude", "5h", 14.0, at + 3600, at, "statusline")]
    wrong = LimitReading("claude", "week", 66.0, TODAY, at, "typed")
    assert slope_of(tmp_path / "never", *heard) == slope_of(tmp_path / "forgotten", *heard, wrong, forget=True)


def test_another_accounts_past_is_not_kept_for_this_one(tmp_path: Path) -> None:
    pasted = LimitReading("claude", "week", 60.0, None, TODAY + 3600, "pasted", "a")
    (mine,) = slope_of(tmp_path / "ledger", *lived(0.1, days=range(-20, -1), account="a"), pasted, account="a")
    again = pasted._replace(observed_at=TODAY + 15 * 3600, account="b")
    (theirs,) = slope_of(tmp_path / "ledger", *lived(0.5, days=range(1), account="b"), again, account="b")
    assert pytest.approx(math.log(0.1), abs=0.15) == mine.size
    assert pytest.approx(math.log(0.5), abs=0.2) == theirs.size
