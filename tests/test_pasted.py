"""What a person pastes out of a client's own usage panel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from governor.errors import BadInputError
from governor.pasted import readings, reset

NOW = 1_795_316_880  # 2026-11-22T03:08:00Z

PANEL = """
  Settings  Status   Config   Usage   Stats

  Current session
  █████████████████████                              42% used
  Resets 5:08am (UTC)

  Current week (all models)
  ██████████████████████████████▌                    61% used
  Resets Nov 25, 3:08am (UTC)

  Current week (Fable)
  ███                                                 7% used
  Resets Nov 25, 9am (Europe/Brussels)

  Estimated cost:         $0.0007
"""


def found(text: str, lane: str = "claude") -> dict[str, tuple[float, int | None]]:
    return {r.window: (r.used_percent, r.resets_at) for r in readings(text, lane=lane, now=NOW)}  # type: ignore[arg-type]


def test_claude_codes_own_panel() -> None:
    assert {
        "5h": (42.0, 1_795_324_080),
        "week": (61.0, 1_795_576_080),
        "week:fable": (7.0, 1_795_593_600),
    } == found(PANEL)


def test_codex_says_what_is_left() -> None:
    text = "5h limit: [█████] 58% left (resets 07:00)\nWeekly limit: [███] 39% left (resets 09:00 on 25 Nov)"
    assert {
        "5h": (42.0, NOW + (3 * 60 + 52) * 60),
        "week": (61.0, NOW + (3 * 24 + 5) * 3600 + 52 * 60),
    } == found(text, "codex")


@pytest.mark.parametrize(("text", "lane"), [(PANEL, "codex"), ("Weekly limit: [███] 39% left", "claude")])
def test_the_other_clients_panel_is_not_taken_for_this_ones(text: str, lane: str) -> None:
    with pytest.raises(BadInputError, match="panel") as told:
        found(text, lane)
    assert told.value.next_step.endswith("--lane claude" if lane == "codex" else "--lane codex")


def test_a_clock_time_that_has_passed_today_is_tomorrows() -> None:
    assert NOW + 23 * 3600 == found("Current week\n 5% used\nResets 2:08am (UTC)")["week"][1]
    assert NOW - 3600 == found("Current session\n 5% used\nResets 2:08am (UTC)")["5h"][1], "no session lasts that long"


def test_the_year_is_no_hour_and_credits_are_no_window() -> None:
    december = 1_798_430_400  # 2026-12-28T04:00:00Z
    text = (
        "Current week (all models)\n 9% used\nResets Jan 2, 2027, 4am (UTC)\n"
        "Current week (Fable)\n 0% used\nExtra usage\n 3% used\nResets Jan 1, 2027 (UTC)"
    )
    got = {r.window: (r.used_percent, r.resets_at) for r in readings(text, lane="claude", now=december)}
    assert {"week": (9.0, december + 5 * 86_400), "week:fable": (0.0, None)} == got
    assert december + 5 * 86_400 == reset("Jan 2, 2027, 4am (UTC)", now=december)


def test_a_line_above_the_panel_does_not_make_it_the_other_clients() -> None:
    assert found(PANEL) == found(f"5-hour limit reached ∙ resets 3pm\n{PANEL}")


@pytest.mark.parametrize("text", ["", "hello", "Current session", "42% used", "Current session\n 400% used"])
def test_nothing_usable_is_said_plainly(text: str) -> None:
    with pytest.raises(BadInputError, match="No figure"):
        readings(text, lane="claude", now=NOW)


def test_an_unknown_zone_or_an_impossible_day_loses_the_reset_and_keeps_the_figure() -> None:
    assert (5.0, None) == found("Current session\n 5% used\nResets Feb 31, 3am (UTC)")["5h"]
    assert 5.0 == found("Current session\n 5% used\nResets 3am (Mars/Olympus)")["5h"][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun 04:00", NOW + 52 * 60),  # today is a Sunday, and it is 03:08
        ("sunday at 3am", NOW - 8 * 60 + 7 * 86_400),
        ("Mon, 04:00", NOW + 52 * 60 + 86_400),
        ("4am", NOW + 52 * 60),
        ("3:00", NOW - 8 * 60 + 86_400),
        ("Nov 25, 3:08am (UTC)", 1_795_576_080),
        ("3d 9h", NOW + 81 * 3600),
        ("Sun 04:00, in 52 min", NOW + 52 * 60),
        ("~Sun 04:00", NOW + 52 * 60),
        ("28 Nov 10:00", NOW + (6 * 24 + 6) * 3600 + 52 * 60),
        ("Tuesday 04:00", NOW + 52 * 60 + 2 * 86_400),
        ("monthly 3", None),
        ("satan 4", None),
        ("10:00 on 28 Nov", NOW + (6 * 24 + 6) * 3600 + 52 * 60),
        ("in 45m", NOW + 45 * 60),
        ("25:00", None),
        ("Sunday", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_reset_may_be_typed_as_it_is_read(text: str, expected: int | None) -> None:
    assert expected == reset(text, now=NOW)


def test_a_reset_behind_a_change_of_clocks_is_by_the_clock(zone: Callable[[str], None]) -> None:
    zone("Europe/Brussels")
    friday = 1_792_756_800  # 2026-10-23T12:00:00Z, two days before the clocks go back
    assert 1_793_070_000 == reset("Tue 04:00", now=friday)  # 2026-10-27T03:00:00Z
