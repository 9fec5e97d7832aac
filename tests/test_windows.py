"""Which window is open, since when, until when, and what the meter last said about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW

from governor.model import LimitReading
from governor.quota import windows
from governor.quota.windows import HOUR, OfficialFigure, Window

DAY = 24 * HOUR
WEEK = 7 * DAY


def said(
    percent: float, at: int, resets_at: int | None, window: str = "week", source: str = "statusline"
) -> LimitReading:
    return LimitReading("claude", window, percent, resets_at, at, source)


def current(*readings: LimitReading, name: str = "week", active: tuple[int, ...] = (), now: int = NOW) -> Window:
    return windows.current("claude", name, readings, active=active, now=now)


def official(*readings: LimitReading, name: str = "week", now: int = NOW) -> OfficialFigure | None:
    return windows.official(current(*readings, name=name, now=now), readings, now=now)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("5h", 5 * HOUR), ("week", WEEK), ("week:opus", WEEK), ("5h:Spark", 5 * HOUR), ("90m", 5400), ("month", 30 * DAY)],
)
def test_lengths(name: str, seconds: int) -> None:
    assert seconds == windows.length(name)


@pytest.mark.parametrize("name", ["", "m", "0m", "-5m", "²m", "1.5m", "fortnight", "9" * 40 + "m", ":week", "5H", "٣m"])
def test_no_window(name: str) -> None:
    with pytest.raises(KeyError):
        windows.length(name)


def test_the_official_reset_bounds_the_window() -> None:
    reset = NOW + 2 * DAY
    assert Window("claude", "week", reset - WEEK, reset, "official", reset) == current(said(40, NOW - 60, reset))


def test_the_latest_word_about_the_reset_counts_and_jitter_is_no_new_window() -> None:
    reset = NOW + 2 * DAY
    readings = [said(40, NOW - 120, reset), said(41, NOW - 60, reset + 7)]
    assert reset + 7 == current(*readings).resets_at
    assert 41 == (official(*readings) or pytest.fail("nothing")).used_percent
    assert 41 == (official(readings[1], said(40, NOW - 30, reset)) or pytest.fail("nothing")).used_percent


def test_a_moved_anchor_shortens_the_window() -> None:
    """The week was to reset in a day; it was reset an hour ago instead, and counts from there."""
    before = said(60, NOW - 2 * HOUR, NOW - HOUR)
    after = said(2, NOW - 60, NOW - HOUR + 5 * DAY)
    window = current(before, after)
    assert (NOW - HOUR, NOW - HOUR + 5 * DAY) == (window.starts_at, window.resets_at)
    assert 2 == (official(before, after) or pytest.fail("nothing")).used_percent


def test_a_window_past_its_reset_is_void_and_the_next_one_is_only_inferred() -> None:
    reading = said(93, NOW - 3 * DAY, NOW - DAY)
    assert Window("claude", "week", NOW - DAY, NOW + 6 * DAY, "rolled", NOW + 6 * DAY) == current(reading)
    assert official(reading) is None
    assert (NOW - DAY + 2 * WEEK, NOW - DAY + 3 * WEEK) == current(reading, now=NOW + 2 * WEEK)[2:4]


def test_at_the_second_of_the_reset_the_next_window_has_begun() -> None:
    reading = said(93, NOW - 60, NOW)
    assert NOW == current(reading).starts_at
    assert official(reading) is None
    assert 93 == (official(reading, now=NOW - 1) or pytest.fail("nothing")).used_percent


def test_an_echo_of_a_window_that_has_reset_does_not_hide_the_open_one() -> None:
    """An idle session renders its old payload again: said now, about a reset that is past."""
    reset = NOW + 2 * DAY
    fresh = said(40, NOW - 7200, reset)
    echo = said(93, NOW - 60, NOW - 5 * DAY)
    assert (reset, "official") == (current(fresh, echo).resets_at, current(fresh, echo).how)
    assert 40 == (official(fresh, echo) or pytest.fail("nothing")).used_percent


def test_what_was_said_in_the_future_is_not_believed_after_the_clock_was_set_back() -> None:
    reset = NOW + 2 * DAY
    readings = [said(40, NOW - 60, reset), said(99, NOW + DAY, reset)]
    assert 40 == (official(*readings) or pytest.fail("nothing")).used_percent
    assert "trailing" == current(readings[1]).how


def test_a_reading_without_a_reset_counts_for_the_last_seven_days() -> None:
    reading = said(60, NOW - DAY, None, source="typed")
    assert Window("claude", "week", NOW - WEEK, None, "trailing") == current(reading)
    assert 60 == (official(reading) or pytest.fail("nothing")).used_percent
    assert official(said(60, NOW - WEEK - 1, None)) is None


def test_nothing_said_is_nothing_known() -> None:
    assert official() is None
    assert ("trailing", None) == (current().how, current().resets_at)


def test_parallel_sessions_out_of_step_do_not_lower_the_figure_but_a_proven_reset_does() -> None:
    """Two answers prove it that began after the last higher figure was heard; a lower one of no known date does not."""
    reset = NOW + 2 * DAY
    wobble = [said(40, NOW - 300, reset), said(38, NOW - 200, reset), said(39, NOW - 100, reset)]
    assert OfficialFigure(40, NOW - 100, "statusline", reset - WEEK) == official(*wobble)
    undated = [*wobble, said(4, NOW - 50, reset), said(5, NOW - 10, reset)]
    assert OfficialFigure(40, NOW - 100, "statusline", reset - WEEK) == official(*undated)
    one_answer = [*wobble, said(4, NOW - 50, reset)._replace(began_at=NOW - 60)]
    assert OfficialFigure(40, NOW - 100, "statusline", reset - WEEK) == official(*one_answer)
    proven = [*one_answer, said(5, NOW - 10, reset)._replace(began_at=NOW - 20)]
    assert OfficialFigure(5, NOW - 10, "statusline", NOW - 50) == official(*proven)
    began_before = [*one_answer, said(5, NOW - 10, reset)._replace(began_at=NOW - 300)]
    assert OfficialFigure(40, NOW - 100, "statusline", reset - WEEK) == official(*began_before)


@pytest.mark.parametrize("source", ["typed", "pasted", "client"])
def test_a_lower_figure_that_somebody_looked_up_holds_at_once(source: str) -> None:
    reset = NOW + 2 * DAY
    high, looked = said(97, NOW - 300, reset), said(96, NOW - 100, reset, source=source)
    assert 96 == (official(high, looked) or pytest.fail("nothing")).used_percent
    assert 97 == (official(high, looked, said(97, NOW - 50, reset)) or pytest.fail("nothing")).used_percent


def test_an_old_figure_heard_again_does_not_undo_a_proven_reset() -> None:
    reset = NOW + 2 * DAY
    lows = [said(2 + i, NOW - 60 + 10 * i, reset)._replace(began_at=NOW - 65 + 10 * i) for i in range(2)]
    idle = said(97, NOW - 5, reset)
    assert 3 == (official(said(97, NOW - 300, reset), *lows, idle) or pytest.fail("nothing")).used_percent
    fresh = idle._replace(used_percent=98, began_at=NOW - 9)
    assert 98 == (official(said(97, NOW - 300, reset), *lows, fresh) or pytest.fail("nothing")).used_percent


def test_a_window_with_an_earlier_reset_is_an_old_figure_until_two_answers_say_so() -> None:
    """The vendor reset the week early, with a new day; an idle pane still shows the old one."""
    was_due, reset = NOW + DAY, NOW + 7 * DAY - 2 * HOUR
    given_back = said(2, NOW - HOUR, reset)
    idle = said(97, NOW - 60, was_due)
    assert 2 == (official(said(97, NOW - 2 * HOUR, was_due), given_back, idle) or pytest.fail("nothing")).used_percent
    moved = [idle._replace(observed_at=NOW - 60 + i, began_at=NOW - 70 + i) for i in (0, 30)]
    assert was_due == current(given_back, *moved).resets_at


# ---- past its reset --------------------------------------------------------------------------------------------------


def test_a_figure_that_answers_bring_after_its_reset_is_kept_and_said_to_be_past_it() -> None:
    due = NOW - DAY
    heard = [said(60 + 5 * k, NOW - (20 - 2 * k) * HOUR, due, source="rollout") for k in range(9)]
    window = current(said(97, due - HOUR, due), *heard)
    assert Window("claude", "week", due - WEEK, None, "overdue", due) == window
    assert 100 == (official(said(97, due - HOUR, due), *heard) or pytest.fail("nothing")).used_percent
    assert "rolled" == current(said(97, due - HOUR, due), *heard, now=NOW + 2 * DAY).how
    assert "official" == current(*heard, said(1, NOW - 60, NOW + 6 * DAY)).how
    dated = said(60, NOW - 60, due)._replace(began_at=NOW - 90)
    assert ("overdue", "trailing") == (current(dated).how, current(dated._replace(began_at=due - 60)).how)


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "name"),
    [
        (300, "5h"), (299, "5h"), (301, "5h"), (295, "5h"), (240, "240m"), (360, "360m"),
        (10_080, "week"), (10_079, "week"), (10_081, "week"), (10_000, "week"), (9_360, "9360m"),
        (1_440, "day"), (1_439, "day"), (1_441, "day"),
        (40_320, "month"), (40_319, "month"), (41_760, "month"), (43_200, "month"), (44_640, "month"),
        (44_641, "month"), (90, "90m"), (89, "90m"), (1, "1m"),
    ],
)  # fmt: skip
def test_windows_are_named_by_their_length_within_a_tolerance(minutes: int, name: str) -> None:
    assert name == windows.named(minutes)
    assert name == windows.name_of(f"{minutes}m")
    assert f"{name}:Spark" == windows.name_of(f"{minutes}m:Spark")


@given(st.integers(1, windows.LONGEST_M), st.text("m:0123456789²", max_size=6))
def test_a_name_is_its_own_and_has_a_length(minutes: int, other: str) -> None:
    name = windows.named(minutes)
    assert name == windows.name_of(name)
    assert abs(windows.length(name) - minutes * 60) <= max(0.1 * minutes * 60, 60)
    assert windows.name_of(other) == windows.name_of(windows.name_of(other))


def test_a_window_that_its_siblings_fresh_readings_leave_out_does_not_exist() -> None:
    """Ultra has a week and no five hours; a plan that had both says so no more."""
    week = said(40, NOW - 60, NOW + DAY)
    assert not windows.mentioned([week], "5h")
    assert windows.mentioned([said(40, NOW - 600, NOW + HOUR, "5h"), week], "5h")
    assert not windows.mentioned([said(40, NOW - 2 * HOUR, NOW + HOUR, "5h"), week], "5h")
    for says_nothing_of_others in (week._replace(source="typed"), week._replace(window="week:fable")):
        assert windows.mentioned([says_nothing_of_others], "5h")
    assert windows.mentioned([week], "week:fable")


# ---- five hours, inferred --------------------------------------------------------------------------------------------

TEN = NOW - 2 * HOUR  # 10:00


@pytest.mark.parametrize(
    ("active", "starts", "ends"),
    [
        ((), NOW, None),
        ((TEN + 1800,), TEN, TEN + 5 * HOUR),
        ((TEN + 1800, TEN + 2700, NOW - 900), TEN, TEN + 5 * HOUR),
        ((TEN - 4 * HOUR,), TEN - 4 * HOUR, TEN + HOUR),
        ((TEN - 8 * HOUR, TEN - 3 * HOUR, TEN + 900), TEN - 3 * HOUR, TEN + 2 * HOUR),
    ],
)
def test_five_hours_open_with_the_first_use_after_the_last_ended(
    active: tuple[int, ...], starts: int, ends: int | None
) -> None:
    window = current(name="5h", active=active)
    if ends is not None and ends <= NOW:
        starts, ends = NOW, None
    assert (starts, ends, "activity") == (window.starts_at, window.resets_at, window.how)


def test_use_before_the_last_official_reset_opens_nothing() -> None:
    reading = said(50, NOW - 3 * HOUR, NOW - HOUR, window="5h")
    assert current(reading, name="5h", active=(NOW - 4 * HOUR,)).resets_at is None
    opened = current(reading, name="5h", active=(NOW - 4 * HOUR, NOW - 1800))
    assert (NOW - HOUR, NOW + 4 * HOUR) == (opened.starts_at, opened.resets_at)


@given(
    st.lists(
        st.tuples(st.integers(-20, 3), st.integers(0, 100), st.one_of(st.none(), st.integers(-20, 20))), max_size=8
    ),
    st.sampled_from(["5h", "week", "90m", "month"]),
    st.lists(st.integers(-200, 4), max_size=6),
)
def test_any_readings_make_a_window_that_holds_now(
    heard: list[tuple[int, int, int | None]], name: str, active: list[int]
) -> None:
    readings = [
        said(percent, NOW + at * HOUR, None if reset is None else NOW + reset * HOUR * 5, name)
        for at, percent, reset in sorted(heard, key=lambda one: one[0])
    ]
    starts = tuple(sorted(NOW // 900 * 900 + quarter * 900 for quarter in active))
    window = current(*readings, name=name, active=starts)
    assert window.starts_at <= NOW or window.how == "official"
    assert window.resets_at is None or window.resets_at > NOW
    assert window.resets_at is None or 0 < window.resets_at - window.starts_at <= windows.length(name)
    found = windows.official(window, readings, now=NOW)
    if found is not None:
        assert any(found.used_percent == one.used_percent for one in readings)
        assert found.observed_at <= NOW + windows.RESET_JITTER
        assert window.starts_at <= found.since


def test_an_earlier_plans_figures_are_left_out() -> None:
    def told(percent: float, plan: str | None) -> LimitReading:
        return LimitReading("codex", "week", percent, NOW + 9, NOW, "rollout", "a", plan)

    mine = [told(2, None), told(3, "pro"), told(4, None)]
    mixed = [mine[0], told(90, "plus"), *mine[1:]]
    assert mine == windows.of_one_plan(mixed)
    assert [] == windows.of_one_plan([])
