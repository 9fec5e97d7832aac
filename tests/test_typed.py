"""What a person types about the official meter, over and over, corrected, contradicted: nothing is swallowed."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable

import pytest
from writing import NOW, OTHER, answer, transcript

from governor.cli import main
from governor.cli.opening import time_of
from governor.errors import BadInputError
from governor.ledger import statements
from governor.ledger.store import open_ledger
from governor.pipeline import ingest

Typed = Callable[..., str]
HOUR, DAY = 3600, 86_400


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """``typed("calibrate", "60%", later=60)``: what is said, so many seconds after NOW."""

    def call(*words: str, later: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(ingest, "now_s", lambda: NOW + later)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        main(list(words))
        out, err = capsys.readouterr()
        return " ".join((out + err).split())

    return call


def stored() -> list[tuple[str, float, int | None]]:
    with open_ledger() as ledger:
        return [(s.reading.window, s.reading.used_percent, s.reading.resets_at) for s in statements.readings(ledger)]


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


def test_a_typed_figure_does_not_outlive_the_window_that_local_use_opened(typed: Typed) -> None:
    """09:50 and 13:20 were one window, 09:00 to 14:00; what was typed in it stops nobody afterwards."""
    used = [(NOW - 130 * 60) * 1000, (NOW + 80 * 60) * 1000]
    transcript(answer("msg_1", at_ms=used[0]), answer("msg_2", at_ms=used[1]))
    assert "resets ~14:00" in typed("calibrate", "96%", "--window", "5h", later=90 * 60) + typed(
        "status", later=90 * 60
    )
    assert typed("gate", "--window", "5h", later=100 * 60).startswith("STOP")
    assert typed("gate", "--window", "5h", later=125 * 60).startswith("GO")
    assert "? none open" in typed("status", later=125 * 60)


def test_a_window_opens_no_earlier_than_the_last_one_ended(typed: Typed) -> None:
    """One that resets at 12:30, and use at 12:45: not floored to 12:00, where the old figure was still right."""
    transcript(answer(at_ms=(NOW + 45 * 60) * 1000))
    typed("calibrate", "90%", "--window", "5h", "--resets-at", "30m", later=0)
    typed("calibrate", "96%", "--window", "5h", later=12 * 60)
    screen = typed("status", later=50 * 60)
    assert "96 %" not in screen
    assert "resets ~17:30" in screen


def test_a_forgotten_reset_stays_forgotten(typed: Typed) -> None:
    typed("calibrate", "60", "--at", "2h", "--resets-at", "2d")
    typed("calibrate", "--forget", "1")
    typed("calibrate", "60", "--at", "2h")
    assert [("week", 60.0, None)] == stored()


def test_two_contradicted_figures_are_named_each(typed: Typed) -> None:
    panel = "Current session\n {}% used\nCurrent week (all models)\n {}% used"
    typed("calibrate", "--paste", stdin=panel.format(10, 20))
    told = typed("calibrate", "--paste", stdin=panel.format(2, 5), later=60)
    assert "5h: 10 % was read" in told
    assert "week: 20 % was read" in told
    assert 2 == told.count("--forget")
    found = json.loads(typed("calibrate", "--paste", "--json", stdin=panel.format(0, 1), later=90))["contradicts"]
    assert ["week"] == [one["window"] for one in found]


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
    assert "59 % was read 12:00, and use never falls within a window" in told
    step = told.partition("(governor ")[2].partition(" takes")[0]
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
