"""The early word over time: likelier never means quieter, and its sentence says what it does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governor.forecasting.alarm import RULE, Alarm, bar, step

looks = st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 1)), max_size=30)


@given(looks)
def test_a_likelier_course_is_never_quieter(found: list[tuple[float, float, float]]) -> None:
    left, lower, higher = 1.0, Alarm(), Alarm()
    for at, (gone, p, more) in enumerate(found):
        left = max(0.0, left - gone)
        lower, higher = step(lower, at, p, left=left), step(higher, at, max(p, more), left=left)
        assert higher.is_on or not lower.is_on


@given(looks)
def test_one_episode_lasts_until_it_is_clearly_over(found: list[tuple[float, float, float]]) -> None:
    left, state = 1.0, Alarm()
    for at, (gone, p, _) in enumerate(found):
        left = max(0.0, left - gone)
        before, state = state, step(state, at, p, left=left)
        assert not before.is_on or state == before or p < 0.4


@given(p=st.floats(0, 1), left=st.floats(-1, 2), earlier=st.floats(0, 1))
def test_what_is_said_late_must_be_surer(p: float, left: float, earlier: float) -> None:
    late, early = step(Alarm(), 0, p, left=left), step(Alarm(), 0, p, left=left + earlier)
    assert early.is_on or not late.is_on
    assert 0.66 <= bar(left) <= 0.8 or abs(bar(left) - 0.8) < 1e-9


def test_the_sentence_says_what_is_done() -> None:
    assert "66 % likely" in RULE
    assert "second half rising to 80 %" in RULE
    assert "below 40 %" in RULE
    for left, at in ((1.0, 0.66), (0.5, 0.66), (0.25, 0.73), (0.0, 0.8)):
        assert step(Alarm(), 7, at + 1e-9, left=left) == Alarm(True, 7)
        assert step(Alarm(), 7, at - 1e-3, left=left) == Alarm()
    on = step(Alarm(), 0, 0.9, left=0.4)
    assert step(on, 1, 0.4, left=0.4) == on
    assert step(on, 1, 0.399, left=0.4) == Alarm()
    assert step(on, 1, None, left=0.4) == step(on, 1, float("nan"), left=0.4) == on
    assert step(Alarm(), 1, None, left=0.4) == Alarm()
