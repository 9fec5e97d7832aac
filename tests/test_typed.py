"""What a person types about the official meter, over and over, corrected, contradicted: nothing is swallowed."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable

import pytest
from writing import NOW, OTHER, answer, transcript

from governor import refresh
from governor.cli import main
from governor.cli.opening import time_of
from governor.errors import BadInputError
from governor.ledger import read
from governor.ledger.store import open_ledger

Typed = Callable[..., str]
HOUR, DAY = 3600, 86_400


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """``typed("calibrate", "60%", later=60)``: what is said, so many seconds after NOW."""

    def call(*words: str, later: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(refresh, "now_s", lambda: NOW + later)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        main(list(words))
        out, err = capsys.readouterr()
        return " ".join((out + err).split())

    return call


def stored() -> list[tuple[str, float, int | None]]:
    with open_ledger() as ledger:
        return [(s.reading.window, s.reading.used_percent, s.reading.resets_at) for s in read.readings(ledger)]


def test_a_corrected_reset_is_the_one_that_is_kept(typed: Typed) -> None:
    transcript(answer())
    typed("calibrate", "40", "--resets-at", "2d")
    before = typed("status", "--json")
    assert "resets" in typed("calibrate", "40", "--resets-at", "3d")
    assert [("week", 40.0, NOW + 3 * DAY)] == stored()
    assert before != typed("status", "--json"), "what was worked out with the old one is void"
    typed("calibrate", "40")
    assert [("week", 40.0, NOW + 3 * DAY)] == stored(), "saying it without a reset takes none away"


def test_a_five_hour_figure_read_just_now_stands_without_a_reset(typed: Typed) -> None:
    transcript(answer(at_ms=(NOW - 9 * HOUR) * 1000))
    told = typed("calibrate", "30%", "--window", "5h")
    assert "has ended" not in told
    assert "When it resets is unknown" in told
    screen = typed("status")
    assert "30 % the last 5 hours official 30 % (typed" in screen
    assert "official 30 %" not in typed("status", later=5 * HOUR + 1)


def test_a_five_hour_figure_belongs_to_the_window_that_local_use_opened(typed: Typed) -> None:
    transcript(answer(at_ms=(NOW - HOUR) * 1000))
    typed("calibrate", "30%", "--window", "5h")
    assert "official 30 % (typed" in typed("status")


def test_the_same_figure_twice_is_one_anchor(typed: Typed) -> None:
    transcript(answer(at_ms=(NOW - HOUR) * 1000))
    typed("calibrate", "60%", "--resets-at", "2d")
    assert "One anchor cannot tell" in typed("calibrate", "60%", later=65)
    transcript(answer("msg_2", at_ms=(NOW + 100) * 1000), session=OTHER)
    assert "from 3 anchors" in typed("calibrate", "64%", later=HOUR)


def test_a_lower_figure_is_doubted_and_can_be_taken_back(typed: Typed) -> None:
    transcript(answer(at_ms=(NOW - HOUR) * 1000))
    typed("calibrate", "60%", "--resets-at", "2d")
    assert "never falls" not in typed("calibrate", "59%", later=5), "a point or two is jitter"
    told = typed("calibrate", "6%", later=60)
    assert "59 % was read 55 s ago, and use never falls within a window" in told
    step = told.partition("next: governor ")[2].partition(" takes")[0]
    typed(*step.split(), later=61)
    assert [60.0, 59.0] == [percent for _, percent, _ in stored()]
    assert "never falls" not in typed("calibrate", "1%", later=3 * DAY), "it was reset since"


def test_a_figure_that_could_not_be_kept_is_not_said_to_be_safe(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript(answer())
    typed("status")
    monkeypatch.setattr("governor.ledger.store.Ledger.add_readings", _full)
    told = typed("calibrate", "60%")
    assert "Not recorded." in told
    assert "nothing was lost" not in told


def _full(*_: object, **__: object) -> int:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_percentage_may_be_typed_as_the_screens_write_it(typed: Typed) -> None:
    assert "at 60.5 %" in typed("calibrate", "60.5", "%")


def test_what_is_no_reset_is_answered_with_what_is_one(typed: Typed) -> None:
    assert "Sun 04:00" in typed("calibrate", "60%", "--resets-at", "soon")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11:00", NOW - HOUR),
        ("13:00", NOW - 23 * HOUR),
        ("today 13:00", NOW + HOUR),
        ("yesterday 18:00", NOW - 18 * HOUR),
        ("yesterday at 18:00", NOW - 18 * HOUR),
        ("yesterday", NOW - 36 * HOUR),
    ],
)
def test_times_are_understood_by_the_clock(text: str, expected: int) -> None:
    assert expected == time_of(text, now=NOW)


@pytest.mark.parametrize("text", ["25:00", "18:99", "yesterday18:00", "at", "", "today today"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="no time"):
        time_of(text, now=NOW)


def test_a_date_in_the_future_is_named_and_in_no_span(typed: Typed) -> None:
    transcript(answer(at_ms=(NOW - HOUR) * 1000), answer("msg_2", at_ms=(NOW + 400 * DAY) * 1000))
    for options, requests in ((("--since", "7d"), 1), (("--by", "day"), 2)):
        assert requests == json.loads(typed("usage", *options, "--json"))["total"]["requests"]
    assert "responses are dated up to 2027-12-26" in typed("doctor")
    assert "1 session in the last 7 days" in typed("sessions")
