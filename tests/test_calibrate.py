"""From readings to a scale: what a person would be told, and what no input may ever do."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from governor.calibration.cap_ratio import days, rates, windows_per_week
from governor.calibration.change_points import KNOWN_CHANGES
from governor.calibration.observations import runs, stretches
from governor.calibration.scale import Anchor, Scale, calibrate, scales
from governor.calibration.weights import Sample, fit_weights
from governor.evaluation.people import DAY_S, EPOCH, WEEK_S, Person, person, readings

RESET = EPOCH + WEEK_S
HOUR = 3600


def steady(*, upp: float = 1000.0, days: int = 6, until: float = 90.0, resets_at: int = RESET) -> list[Anchor]:
    """Ten working hours a day, a reading every half hour, nothing elsewhere, the meter floored."""
    out, units = [], 0.0
    step = until * upp / (days * 20)
    for day in range(days):
        for half in range(21):
            if half:
                units += step
            at = resets_at - WEEK_S + day * DAY_S + 9 * HOUR + half * 1800
            out.append(Anchor(at, float(math.floor(units / upp)), resets_at, units))
    return out


def anchors_of(who: Person, *, seed: int = 0, polled: bool = False) -> list[Anchor]:
    return [Anchor(*seen) for seen in readings(Random(seed), who, polled=polled)]


def is_sane(scale: Scale | None) -> bool:
    if scale is None:
        return True
    numbers = [scale.units_per_percent, scale.low, scale.high, scale.spread, scale.effective]
    if scale.coverage is not None:
        numbers += scale.coverage[:3]
        assert 0 <= scale.coverage.low <= scale.coverage.share <= 1
        assert scale.coverage.share <= scale.coverage.high <= 1
    assert scale.low <= scale.units_per_percent <= scale.high
    return all(math.isfinite(n) for n in numbers) and scale.low > 0


def test_one_anchor_gives_a_wide_scale_and_says_what_it_cannot_tell() -> None:
    scale = calibrate([Anchor(EPOCH + 3 * DAY_S, 60.0, RESET, 60_000.0)])
    assert scale is not None
    assert pytest.approx(1000.0) == scale.units_per_percent
    assert scale.coverage is None
    assert "elsewhere is still inside" in scale.note
    assert scale.high > 2.4 * scale.units_per_percent  # 18.7 % local of an official 60 % happened


def test_one_anchor_typed_without_a_reset_time_still_counts() -> None:
    scale = calibrate([Anchor(EPOCH, 60.0, None, 60_000.0)])
    assert scale is not None
    assert pytest.approx(1000.0) == scale.units_per_percent


def test_work_on_one_machine_is_explained_whole() -> None:
    scale = calibrate(steady())
    assert scale is not None
    assert pytest.approx(1000.0, rel=0.03) == scale.units_per_percent
    assert scale.coverage is not None
    assert scale.coverage.share > 0.95
    assert scale.since is None


def test_what_moved_while_idle_here_is_elsewhere_and_leaves_the_slope_alone() -> None:
    plain = steady(until=60.0)
    gained = [a._replace(used_percent=a.used_percent + 5.0 * ((a.observed_at - EPOCH) // DAY_S)) for a in plain]
    scale = calibrate(gained)
    assert scale is not None
    assert pytest.approx(1000.0, rel=0.06) == scale.units_per_percent
    assert scale.coverage is not None
    assert scale.coverage.low < 60 / 85 < scale.coverage.high
    assert not scale.coverage.at_most  # nights were watched


@pytest.mark.parametrize("proportional", [False, True])
def test_the_local_share_of_unwatched_use_is_a_bound_from_above(proportional: bool) -> None:
    """A few readings a day, at work only: what runs beside it is taken for local, never the other way round."""
    bounds = 0
    for seed in range(8):
        who = person(Random(seed), "desk", weeks=1, elsewhere=0.3, proportional=proportional)
        scale = calibrate(anchors_of(who, seed=seed)[::7])
        assert scale is not None
        assert scale.coverage is not None
        bounds += scale.coverage.at_most
        assert scale.coverage.high >= sum(who.local) / (sum(who.local) + sum(who.elsewhere))
    assert bounds


@pytest.mark.parametrize("family", ["bursts", "deadline"])
def test_thirty_percent_bursty_use_elsewhere_moves_the_slope_by_less_than_seven(family: str) -> None:
    off, off_by_ratio = [], []
    for seed in range(8):
        who = person(Random(seed), family, weeks=2, elsewhere=0.3)
        seen = anchors_of(who, seed=seed)
        scale = calibrate(seen)
        assert scale is not None
        off.append(math.log(scale.units_per_percent / who.units_per_percent))
        total = sum(a.units for a in seen) / sum(a.used_percent for a in seen)
        off_by_ratio.append(math.log(total / who.units_per_percent))
    assert abs(sum(off) / len(off)) < 0.07
    assert abs(sum(off_by_ratio) / len(off_by_ratio)) > 0.2


def test_use_in_step_with_local_use_cannot_be_seen_and_the_note_says_so() -> None:
    scale = calibrate(anchors_of(person(Random(1), "bursts", weeks=2, elsewhere=0.3, proportional=True)))
    assert scale is not None
    assert "in step with local use" in scale.note


def test_a_prior_from_the_same_plan_leans_only_weakly() -> None:
    prior = Scale(2000.0, 1800.0, 2200.0, 9, None, None, "")
    alone, leaning = calibrate(steady()), calibrate(steady(), prior=prior)
    assert alone is not None
    assert leaning is not None
    assert alone.units_per_percent < leaning.units_per_percent < 1100
    assert prior == calibrate([], prior=prior)


def test_nothing_to_go_by_is_no_scale() -> None:
    assert calibrate([]) is None
    assert calibrate([Anchor(EPOCH, 0.0, RESET, 0.0)]) is None
    assert calibrate([Anchor(EPOCH, 40.0, RESET, 0.0)]) is None


def test_order_and_repeats_do_not_matter() -> None:
    seen = steady()
    mixed = seen + seen[10:40]
    Random(3).shuffle(mixed)
    assert calibrate(seen) == calibrate(mixed)


def test_a_forgotten_anchor_leaves_no_trace() -> None:
    seen = steady()
    wrong = Anchor(EPOCH + 2 * DAY_S, 160.0, RESET, 5000.0)
    assert calibrate(seen) != calibrate([*seen, wrong])
    assert calibrate(seen) == calibrate([a for a in [*seen, wrong] if a is not wrong])


def test_one_wrong_anchor_among_many_does_little() -> None:
    wrong = Anchor(EPOCH + 2 * DAY_S + 11 * HOUR + 7, 95.0, RESET, 31_000.0)
    scale = calibrate([*steady(), wrong])
    assert scale is not None
    assert pytest.approx(1000.0, rel=0.2) == scale.units_per_percent


def test_the_unit_is_arbitrary() -> None:
    small, large = calibrate(steady(upp=1.0)), calibrate(steady(upp=1e6))
    assert small is not None
    assert large is not None
    assert pytest.approx(small.units_per_percent * 1e6, rel=1e-6) == large.units_per_percent
    assert pytest.approx(small.spread, rel=1e-6) == large.spread


def test_a_reset_inside_a_window_is_an_event_and_not_negative_use() -> None:
    before, after = steady(days=3, until=60.0), []
    for a in steady(days=3, until=30.0):
        after.append(a._replace(observed_at=a.observed_at + 3 * DAY_S, units=a.units + 60_000.0))
    pieces = stretches([*before, *after])
    assert len(runs([*before, *after])) == 2
    assert all(s.percent >= 0 and s.units >= 0 for s in pieces)
    scale = calibrate([*before, *after])
    assert scale is not None
    assert pytest.approx(1000.0, rel=0.05) == scale.units_per_percent


def test_a_stale_session_repeating_an_older_value_is_left_out() -> None:
    seen = steady()
    stale = [a._replace(observed_at=a.observed_at + 60, used_percent=max(0, a.used_percent - 2)) for a in seen[40:60]]
    plain, noisy = calibrate(seen), calibrate([*seen, *stale])
    assert plain is not None
    assert noisy is not None
    assert plain == noisy._replace(anchors=plain.anchors)


def test_a_jittering_reset_is_one_window_and_another_account_is_another() -> None:
    seen = steady()
    jitter = [a._replace(resets_at=RESET + (i % 3) * 20) for i, a in enumerate(seen)]
    assert len(runs(jitter)) == 1
    assert len(runs([*seen, Anchor(EPOCH + DAY_S, 67.0, RESET - 4 * DAY_S, 10.0)])) == 2


def test_a_halved_limit_is_found_dated_and_the_old_regime_kept() -> None:
    weeks = [steady(resets_at=EPOCH + k * WEEK_S, upp=1000.0 if k < 3 else 500.0) for k in range(1, 5)]
    seen = [a for week in weeks for a in week]
    found = scales(seen)
    assert 2 == len(found)
    old, new = found
    assert pytest.approx(1000.0, rel=0.05) == old.units_per_percent
    assert pytest.approx(500.0, rel=0.05) == new.units_per_percent
    assert new.since is not None
    assert abs(new.since - (EPOCH + 2 * WEEK_S)) <= DAY_S
    assert new == calibrate(seen)


def test_no_change_is_not_seen_where_there_is_none() -> None:
    for seed in range(6):
        scale = calibrate(anchors_of(person(Random(seed), "shift", weeks=4)))
        assert scale is not None
        assert scale.since is None


def test_a_small_announced_change_is_not_told_by_units_alone_but_followed() -> None:
    cut = KNOWN_CHANGES["claude"][-1]
    weeks = [steady(resets_at=cut + k * WEEK_S, upp=1000.0 if k < 1 else 1200.0) for k in (0, 1, 2)]
    seen = [a for week in weeks for a in week]
    told = calibrate(seen, changes=KNOWN_CHANGES["claude"])
    assert told is not None
    assert told.change is None
    assert pytest.approx(1200.0, rel=0.05) == told.units_per_percent


anything = st.builds(
    Anchor,
    observed_at=st.integers(-(2**40), 2**40) | st.integers(EPOCH, EPOCH + 2 * WEEK_S),
    used_percent=st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 100).map(float),
    resets_at=st.none() | st.just(RESET) | st.integers(EPOCH - WEEK_S, EPOCH + 4 * WEEK_S),
    units=st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1e9),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=25))
def test_no_anchors_however_wrong_give_anything_but_a_finite_scale(anchors: list[Anchor]) -> None:
    assert is_sane(calibrate(anchors))


def test_full_five_hour_windows_in_a_week_need_no_tokens() -> None:
    short, long, week = [], [], 0.0
    for day in range(6):
        opens = EPOCH + day * DAY_S + 9 * HOUR
        for half in range(10):
            at = opens + half * 1800
            short.append(Anchor(at, half * 8.0, opens + 5 * HOUR, half * 8.0))
            week += 8.0 / 10 if half else 0.0
            long.append(Anchor(at + 5, float(math.floor(week)), RESET, week))
    slope = windows_per_week(rates(days(short, long)))
    assert slope is not None
    assert slope.low < 10.0 < slope.high
    assert pytest.approx(10.0, rel=0.1) == slope.windows_per_week
    assert windows_per_week(rates(days(short[:2], long))) is None


KINDS = {"input": 1.0, "output": 5.0, "cache_read": 0.015, "cache_write": 1.0}


def samples(*, read: float, mixed: bool = True) -> list[Sample]:
    """Forty stretches of a meter that counts cache reads at ``read``."""
    rng = Random(5)
    out = []
    for _ in range(40):
        reads = rng.uniform(5e6, 6e7) if mixed else 3e7
        output, writes = rng.uniform(1e5, 4e5), rng.uniform(5e5, 2e6)
        units = 5 * output + read * reads + writes
        out.append(Sample("A", units / 2e5 * rng.uniform(0.95, 1.05), {"opus": (0.0, output, reads, writes)}))
    return out


def test_the_fit_reports_a_cache_read_that_counts_otherwise_and_changes_nothing() -> None:
    found = {w.name: w for w in fit_weights(samples(read=0.1), kinds=KINDS, models={"opus": 1.0})}
    assert "differs" == found["cache_read"].says
    assert 0.05 < found["cache_read"].fitted < 0.12
    assert "differs" != found["output"].says
    assert 0.015 == KINDS["cache_read"]


def test_the_fit_is_silent_where_the_data_are() -> None:
    found = {w.name: w for w in fit_weights(samples(read=0.015)[:4], kinds=KINDS, models={"opus": 1.0, "haiku": 0.2})}
    assert {"cache_read", "cache_write", "output"} == set(found)  # haiku was never used
    assert "silent" == found["output"].says
    assert [] == fit_weights([], kinds=KINDS, models={"opus": 1.0})


def test_a_reading_next_to_nothing_divides_by_nothing() -> None:
    for least in (1.8e-284, 5e-324, 1e-200):
        anchors = [Anchor(EPOCH, 0.0, RESET, 0.0), Anchor(EPOCH + HOUR, least, RESET, 1e9)]
        anchors += [Anchor(EPOCH + 3 * HOUR, 40.0, RESET, 1e9), Anchor(EPOCH + 4 * HOUR, 41.0, RESET, 1e9 + least)]
        assert is_sane(calibrate(anchors))


@given(st.integers(15, 110), st.floats(10.0, 99.0), st.integers(60, 1700))
def test_one_figure_above_both_its_neighbours_is_no_reset_and_no_change(place: int, above: float, later_s: int) -> None:
    """A mistyped 99, another account's figure: the scale is what it is without it."""
    seen = steady(until=60.0)
    before, after = seen[place - 1], seen[place]
    assume(after.observed_at - before.observed_at < HOUR)
    assume(after.used_percent + above > 3 + max(a.used_percent for a in seen[place : place + 3]))
    wrong = Anchor(before.observed_at + min(later_s, 1700), after.used_percent + above, RESET, before.units)
    spiked = [*seen, wrong]
    plain, noisy = calibrate(seen), calibrate(spiked)
    assert plain is not None
    assert noisy is not None
    assert runs(seen) == runs(spiked)
    assert pytest.approx(plain.units_per_percent, rel=0.02) == noisy.units_per_percent
    assert noisy.change is None
