"""The early word over time: likelier never means quieter, and its sentence says what it does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governor.alarm import RULE, Alarm, alarm, step

HOUR = 3600
looks = st.lists(st.tuples(st.integers(0, 6 * HOUR), st.floats(0, 1), st.floats(0, 1)), max_size=30)


@given(looks)
def test_a_likelier_course_is_never_quieter(found: list[tuple[int, float, float]]) -> None:
    at, lower, higher = 0, Alarm(), Alarm()
    for later, p, more in found:
        at += later
        lower, higher = step(lower, at, p), step(higher, at, max(p, more))
        assert higher.is_on or not lower.is_on


@given(looks)
def test_one_episode_lasts_until_it_is_clearly_over(found: list[tuple[int, float, float]]) -> None:
    at, state = 0, Alarm()
    for later, p, _ in found:
        at += later
        before, state = state, step(state, at, p)
        assert not before.is_on or state == before or p < 0.4


def test_the_sentence_says_what_is_done() -> None:
    assert "72 %" in RULE
    assert "60 % for 4 hours" in RULE
    assert "below 40 %" in RULE
    assert alarm([(0, 0.72)]).is_on
    assert not alarm([(0, 0.719)]).is_on
    assert alarm([(0, 0.6), (4 * HOUR, 0.6)]).is_on
    assert not alarm([(0, 0.6), (4 * HOUR - 1, 0.6)]).is_on
    assert alarm([(0, 0.9), (HOUR, 0.4)]).is_on
    assert not alarm([(0, 0.9), (HOUR, 0.399)]).is_on
