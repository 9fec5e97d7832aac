"""Lengths of time, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import durations


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), (" 2 H ", 7200)]
)
def test_as_people_write_them(text: str, expected: int) -> None:
    assert expected == durations.seconds(text)


@pytest.mark.parametrize("text", ["", "h", "5", "-5m", "0m", "1.5h", "2w", "400d", "9" * 20 + "s", "٣h"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="30m, 2h or 1d"):
        durations.seconds(text)


@given(st.integers(1, durations.LONGEST_S))
def test_words_read_back_to_within_their_smaller_size(span: int) -> None:
    said = durations.seconds(durations.words(span))
    assert said <= span
    assert span - said < (3600 if span >= 86_400 else 60 if span >= 3600 else 1)


def test_nothing_and_less() -> None:
    assert "0s" == durations.words(0) == durations.words(-3)
