"""What a person pastes out of a client's own usage panel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.clients.usage_panel import panel, readings, reset
from governor.errors import BadInputError

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


# ---- rows, sides, orders, decorations --------------------------------------------------------------------------------

WEB = """Plan usage limits
Max (20x)
Current session
Resets in 2 hr 53 min
18% used
Weekly limits
Learn more about usage limits
All models
Resets Tue 10:00 AM
42% used
Sonnet only
Resets Thu 4:00 PM
104% used
Fable only
You haven't used Fable yet
0% used
Last updated: less than a minute ago
Extra usage
Turn on extra usage to keep using Claude if you hit a limit
$4.20 of $50 spent
Resets Dec 1
8% used
"""


def test_the_web_page_states_its_resets_above_the_figures() -> None:
    assert {
        "5h": (18.0, NOW + (2 * 60 + 53) * 60),
        "week": (42.0, NOW + (2 * 24 + 6) * 3600 + 52 * 60),
        "week:sonnet": (104.0, NOW + (4 * 24 + 12) * 3600 + 52 * 60),
        "week:fable": (0.0, None),
    } == found(WEB)


OTHER_LANGUAGES = """
Aktuelle Sitzung/Zurücksetzung in 2 Std. 53 Min./18 % verwendet/Alle Modelle/Wird am Di., 10:00 Uhr zurückgesetzt/
42 % verwendet/Nur Sonnet/7 % verwendet

Session actuelle/Réinitialisation dans 2 h 53 min/18 % utilisé/Tous les modèles/Se réinitialise mar. à 10h00/
42 % utilisés/Sonnet uniquement/7 % utilisé

Sesión actual/Se restablece en 2 h 53 min/18 % usado/Todos los modelos/Se restablece el mar, 10:00/
42 % usado/Solo Sonnet/7 % usado

現在のセッション/2時間53分後にリセット/18%使用済み/すべてのモデル/火曜日 10:00 にリセット/
42％使用済み/Sonnetのみ/７%使用済み
"""


@pytest.mark.parametrize("text", OTHER_LANGUAGES.replace("/\n", "/").strip().split("\n\n"))
def test_the_page_in_other_languages(zone: Callable[[str], None], text: str) -> None:
    zone("UTC")
    assert {
        "5h": (18.0, NOW + (2 * 60 + 53) * 60),
        "week": (42.0, NOW + (2 * 24 + 6) * 3600 + 52 * 60),
        "week:sonnet": (7.0, None),
    } == found(text.replace("/", "\n"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("18% used\nCurrent session\n42% used\nAll models", "'18% used' stands before any heading"),
        ("Current session\n18% used\n42% used", "42% as well"),
        ("Current session\n18%\nAll models\n42% used", "'18%'"),
        ("Current session\n18% used\nAll models\n42%", "'42%'"),
        ("Current session\n400% used\nAll models\n42% used", "'400% used'"),
        ("Current session\n-3% used", "'-3% used'"),
        ("Current session\n130% left", "'130% left'"),
        ("All models\n42% used\nAll models\n43% used", "'All models' has two that differ"),
    ],
)
def test_what_is_not_understood_is_named_and_nothing_is_taken(text: str, named: str) -> None:
    with pytest.raises(BadInputError, match="No figure") as told:
        found(text)
    assert named in told.value.message


@pytest.mark.parametrize(
    "reset_line", ["Resets soon", "Resets Feb 31, 3am (UTC)", "Resets 3am (Mars/Olympus)", "Resets Dec 24, 3am (UTC)"]
)
def test_a_reset_that_is_not_understood_is_named_and_the_figure_kept(reset_line: str) -> None:
    seen = panel(f"All models\n{reset_line}\n42% used\nSonnet only\nResets in 3 days\n7% used", lane="claude", now=NOW)
    assert [("week", 42.0, None), ("week:sonnet", 7.0, NOW + 3 * 86_400)] == [
        (r.window, r.used_percent, r.resets_at) for r in seen.readings
    ]
    (told,) = seen.unread
    assert told.startswith("All models")


def test_codexs_limits_of_one_model_are_not_the_main_ones() -> None:
    text = (
        "│  Context window: 72% left (71.9K used / 258K) │\n│  5h limit: [███] 58% left (resets 07:00) │\n"
        "│  Weekly limit: [███] 39% left (resets 09:00 on 25 Nov) │\n"
        "│  GPT-5.3-Codex-Spark 5h limit: [███] 97% left (resets 07:30) │\n"
        "│  GPT-5.3-Codex-Spark Weekly limit: [███] 80% left (resets 10:00 on 26 Nov) │\n│  Credits: 12% left │"
    )
    assert {
        "5h": (42.0, NOW + (3 * 60 + 52) * 60),
        "week": (61.0, NOW + (3 * 24 + 5) * 3600 + 52 * 60),
        "5h:GPT-5.3-Codex-Spark": (3.0, NOW + (4 * 60 + 22) * 60),
        "week:GPT-5.3-Codex-Spark": (20.0, NOW + (4 * 24 + 6) * 3600 + 52 * 60),
    } == found(text, "codex")


DIGITS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９")
HEADS = {
    "5h": ("Current session", "5-hour limit", "Current session"),
    "week": ("Current week (all models)", "All models", "Weekly limit"),
    "week:fable": ("Current week (Fable)", "Fable only", "Current week (Fable only)"),
    "week:sonnet": ("Current week (Sonnet only)", "Sonnet only", "Current week (Sonnet)"),
}
AHEAD = st.one_of(
    st.tuples(st.integers(1, 4), st.integers(0, 59)).map(
        lambda t: (f"in {t[0]} hr {t[1]} min" if t[1] else f"in {t[0]} hours", t[0] * 3600 + t[1] * 60)
    ),
    st.integers(61, 280).map(lambda m: (_clock(m), m * 60)),
)
ROW = st.tuples(st.integers(0, 200), st.sampled_from((0, 1, 2)), st.booleans(), st.none() | AHEAD, st.booleans())


def _clock(minutes: int) -> str:
    at = datetime.fromtimestamp(NOW + minutes * 60, UTC)
    return f"{at:%I:%M%p} (UTC)".lower().replace("(utc)", "(UTC)").lstrip("0")


def _row(window: str, row: tuple[int, int, bool, tuple[str, int] | None, bool], paint: Callable[[str], str]) -> str:
    """One row as some panel shows it: the reset above, below or in brackets, what is used or what is left."""
    used, side, has_bar, ahead, is_left = row
    head = HEADS[window][side]
    figure = f"{100 - used}% left" if is_left and used <= 100 else f"{used}% used"
    bar = "███████░░░ " if has_bar else ""
    if side == 2:
        return paint(f"{head} [{bar.strip()}] {figure}" + (f" (resets {ahead[0]})" if ahead else ""))
    lines = [bar + figure, f"Resets {ahead[0]}" if ahead else ""]
    return paint("\n".join([head, *(lines if side == 0 else reversed(lines))]))


@given(
    st.dictionaries(st.sampled_from(list(HEADS)), ROW, min_size=1),
    st.permutations(list(HEADS)),
    st.sampled_from(DIGITS),
    st.booleans(),
    st.sampled_from(("%", "％", "٪")),
    st.sampled_from(("", "Extra usage\n$4.20 of $50 spent\n8% used\nResets Dec 1\n")),
    st.sampled_from(("", "Weekly limits\nLearn more about usage limits\n")),
)
def test_a_panel_is_read_back_as_it_was_made_or_refused(
    rows: dict[str, tuple[int, int, bool, tuple[str, int] | None, bool]],
    order: list[str],
    digits: str,
    coloured: bool,
    sign: str,
    paid: str,
    section: str,
) -> None:
    def paint(text: str) -> str:
        text = text.replace("%", sign) if digits != DIGITS[0] else text
        heading, _, rest = text.partition("\n") if "\n" in text else ("", "", text)
        if not heading:  # on one line the heading's own digits stay
            heading, _, rest = text.partition("[")
            rest = f"[{rest}"
        rest = rest.translate(str.maketrans("0123456789", digits))
        joined = f"{heading}\n{rest}" if "\n" in text else f"{heading}{rest}"
        return f"\x1b[1;32m{joined}\x1b[0m" if coloured else joined

    chosen = [name for name in order if name in rows]
    text = section + "\n\n".join(_row(name, rows[name], paint) for name in chosen) + "\n" + paid
    expected = {name: (float(used), _expected(ahead)) for name, (used, _, _, ahead, _) in rows.items()}
    assert expected == found(text)


def _expected(ahead: tuple[str, int] | None) -> int | None:
    if ahead is None:
        return None
    return (NOW // 60 * 60 if "(UTC)" in ahead[0] else NOW) + ahead[1]
