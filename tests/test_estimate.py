"""How far a reading carries: what is shown of a window, what is not, and that every face shows the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW, answer, counted, jsonl, meta, recorded, refreshed, rollout, tokens, transcript, turn, usage

from governor import config, paths, snapshots
from governor.calibration.scale import Coverage, Scale
from governor.cli import governor as command_line
from governor.forecasting import alarm, estimate
from governor.gate import evidence as gate_evidence
from governor.hooks.statusline import rules as statusline_rules
from governor.ledger import owners
from governor.model import LimitReading
from governor.pipeline import alarm_memory, forecast_series, ingest
from governor.pipeline.assess import assess
from governor.quota import model_families, windows
from governor.quota.windows import OfficialFigure, Window
from governor.report import HookHealth, LaneReport, Projection, Report, Unplaced, WindowReport
from governor.snapshots import loop as loop_snapshot
from governor.snapshots import pacing as pacing_snapshot
from governor.snapshots import price as price_snapshot
from governor.snapshots import router as router_snapshot
from governor.views import json_data, text, unknown_figures

HOUR, DAY = 3600, 86_400
WEEK = Window("claude", "week", NOW - 3 * DAY, NOW + 4 * DAY, "official")


def scale(upp: float = 1000.0, *, factor: float = 1.1, anchors: int = 10, share: float | None = None) -> Scale:
    cover = None if share is None else Coverage(share, share * 0.9, min(share * 1.1, 1.0), at_most=False)
    return Scale(upp, upp / factor, upp * factor, anchors, None, cover, "")


def placed(
    used: float | None, found: Scale | None, *, age: int = HOUR, since: float = 0.0, window: Window = WEEK
) -> Any:
    official = None if used is None else OfficialFigure(used, NOW - age, "statusline", window.starts_at)
    return estimate.place(window, official, found, since=since, busy_s=age, units=since, now=NOW)


# ---- one reading -----------------------------------------------------------------------------------------------------


def test_from_seven_percent_four_days_ago_nothing_is_estimated() -> None:
    """Seen on real rollouts: it said 196 %, landing at 211 %, and GO."""
    wide = Scale(13_400, 7_300, 24_600, 4, None, Coverage(1.0, 0.53, 1.0, at_most=True), "")

    assert (None, Unplaced("wide", 4)) == placed(7.0, wide, age=4 * DAY, since=2_630_000)


def test_what_the_scale_says_and_the_vendor_denies_is_no_estimate() -> None:
    assert (None, Unplaced("past-cap", 10)) == placed(60.0, scale(factor=1.01), since=45_000)


def test_an_overage_that_the_meter_itself_states_goes_on() -> None:
    found, why = placed(104.0, scale(), since=3000)

    assert (pytest.approx(107.0, abs=0.1), None) == (found.used_percent, why)


def test_one_reading_gives_no_slope() -> None:
    """An account at 60 % by use elsewhere: all of that seemed to be the few tokens used here."""
    found, why = placed(60.0, scale(8.0, factor=1.3, anchors=1), age=600, since=2000)

    assert (60.0, "official", None) == (found.used_percent, found.basis, why)
    assert (None, Unplaced("wide", 1)) == placed(60.0, scale(8.0, anchors=1), age=DAY, since=2000)


@given(
    st.one_of(st.none(), st.floats(0, 200)),
    st.one_of(st.none(), st.builds(
        scale, st.floats(1, 1e7), factor=st.floats(1.0, 30), anchors=st.integers(0, 500),
        share=st.one_of(st.none(), st.floats(0.001, 1)),
    )),
    st.integers(0, 7 * DAY),
    st.floats(0, 1e9),
    st.sampled_from([WEEK, Window("codex", "5h", NOW - HOUR, NOW + 4 * HOUR, "official")]),
)  # fmt: skip
def test_an_estimate_is_useful_and_no_higher_than_was_refused(
    used: float | None, found: Scale | None, age: int, since: float, window: Window
) -> None:
    shown, why = placed(used, found, age=age, since=since, window=window)

    assert shown is None or why is None
    assert (used is not None) <= (shown is not None or why is not None), "what was read is never without a word"
    if shown is not None:
        assert shown.low <= shown.used_percent <= shown.high
        assert estimate.WIDEST >= shown.high - shown.low
        assert (used or 0.0) >= estimate.CAP or shown.high <= estimate.CAP


@given(st.floats(1, 99), st.floats(0, 1e5), st.floats(0, 1e5))
def test_more_use_is_never_a_lower_figure(used: float, since: float, more: float) -> None:
    before, _ = placed(used, scale(), since=since)
    after, _ = placed(used, scale(), since=since + more)

    assert before is None or after is None or before.used_percent <= after.used_percent


# ---- families --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "model", "expected"),
    [
        ("week", "claude-opus-5-5", True),
        ("week:fable", "claude-fable-5-2", True),
        ("week:fable", "claude-opus-5-5", False),
        ("week:overage_included", "claude-fable-5-2", True),
        ("week:fable 5", "claude-fable-5-2", True),
        ("week:opus", "us.anthropic.claude-opus-4-1-20250805-v1:0", True),
        ("week:sonnet", "claude-sonnet-5[1m]", True),
        ("week:GPT-5.3-Codex-Spark", "gpt-5.3-codex-spark", True),
        ("week:GPT-5.3-Codex-Spark", "gpt-5.3-codex", False),
        ("week:GPT-5.3-Codex", "gpt-5.3-codex-spark", False),
        ("5h:spark", "gpt-5.3-codex-spark", True),
        ("week:codex_bengalfox", "gpt-5.3-codex", False),
    ],
)
def test_a_window_counts_its_own_family(window: str, model: str, expected: bool) -> None:
    assert expected == model_families.counts(window, model)


def test_a_code_name_tells_no_family() -> None:
    models = ["gpt-5.3-codex", "claude-opus-5-5", ""]
    assert [True, False, True] == [
        model_families.is_told(window, models) for window in ("week", "week:omelette", "week:opus")
    ]


def spooled(*said: dict[str, Any], lane: str = "claude") -> None:
    """Readings of the status line, waiting to be taken in."""
    spool = paths.claim_home() / "spool" / "limits.jsonl"
    spool.parent.mkdir(exist_ok=True)
    with spool.open("ab") as file:
        file.write(jsonl(*({"lane": lane, "source": "statusline", "resets_at": NOW + DAY, **one} for one in said)))


def used(day: int, model: str, *, requests: int = 1, output: int = 10_000) -> list[dict[str, Any]]:
    """Requests of one model, ``day`` days before NOW."""
    at_ms = (NOW - day * DAY) * 1000
    names = [f"{model}-{day}-{number}" for number in range(requests)]
    return [
        answer(
            f"msg_{name}", request=f"req_{name}", at_ms=at_ms + number * 1000, model=model, spent=usage(output=output)
        )
        for number, name in enumerate(names)
    ]


def seen(now: int = NOW, **more: Any) -> Report:
    with refreshed() as ledger:
        return assess(ledger, config.load(), now=now, **more)


def window_of(report: Report, name: str, lane: str = "claude") -> WindowReport:
    (found,) = [w for one in report.lanes if one.lane == lane for w in one.windows if w.window.name == name]
    return found


def test_two_days_of_opus_move_no_window_of_fable() -> None:
    transcript(*used(2, "claude-opus-5-5", requests=5), *used(3, "claude-fable-5-2", requests=2))
    spooled(
        {"window": "week:fable", "used_percent": 13, "observed_at": NOW - 3 * DAY - HOUR},
        {"window": "week:fable", "used_percent": 27, "observed_at": NOW - 3 * DAY + HOUR},
    )

    found = window_of(seen(), "week:fable")

    assert found.local is not None
    assert found.estimate is not None
    assert (2, pytest.approx(27.0, abs=1)) == (found.local.requests, found.estimate.used_percent)
    assert found.estimate.low < 27.0 < found.estimate.high


def test_a_reading_grows_uncertain_with_age_though_nothing_was_used_here() -> None:
    fresh, old = (placed(40.0, scale(), age=age)[0] for age in (600, 2 * DAY))

    assert (40.0, "official") == (fresh.used_percent, fresh.basis)
    assert old.high - old.low > 1.5 * (fresh.high - fresh.low)


def test_after_a_reset_that_nobody_read_the_window_is_not_certainly_empty() -> None:
    shown, _ = estimate.place(WEEK, None, scale(), since=0.0, busy_s=0, units=0.0, now=NOW)

    assert shown is not None
    assert shown.low < shown.used_percent < shown.high


def test_a_window_of_an_unknown_family_is_set_against_nothing() -> None:
    transcript(*used(1, "claude-opus-5-5", requests=5))
    spooled(
        {"window": "week:omelette", "used_percent": 3, "observed_at": NOW - 5 * DAY},
        {"window": "week:omelette", "used_percent": 20, "observed_at": NOW - 2 * DAY},
    )

    report = seen()

    found = window_of(report, "week:omelette")
    assert (None, None) == (found.local, found.scale)
    assert found.estimate is None or "official" == found.estimate.basis
    (shown,) = [w for w in json_data.status(report)["lanes"][0]["windows"] if w["window"] == "week:omelette"]
    assert {"units": None, "requests": None, "notional_usd": None, "unpriced_requests": None} == {
        name: value for name, value in shown["local"].items() if name != "tokens"
    }
    assert "which models it counts is not known" in text.status(report)


def test_codex_windows_of_one_family_leave_the_main_ones_missing_and_said() -> None:
    limits = {
        "limit_id": "codex_bengalfox",
        "limit_name": "GPT-5.3-Codex-Spark",
        "primary": {"used_percent": 5.0, "window_minutes": 10080, "resets_at": NOW + DAY},
    }
    rollout(meta(), turn(), recorded("r1", tokens(100_000, output=5_000)), counted(tokens(100_000), limits=limits))

    report = seen(lane="codex")

    names = [found.window.name for found in report.lanes[0].windows]
    assert ["5h", "week", "week:GPT-5.3-Codex-Spark"] == names
    spark = window_of(report, "week:GPT-5.3-Codex-Spark", "codex")
    assert spark.local is not None
    assert 0 == spark.local.requests, "it ran on another model"
    assert "no official reading" in text.status(report)


def test_a_familys_wall_is_the_matter_of_its_own_sessions() -> None:
    from governor.hooks.pacing import rules as pacing_rules

    transcript(*[{**one, "sessionId": "opus"} for one in used(0, "claude-opus-5-5")], session="opus")
    transcript(*[{**one, "sessionId": "fable"} for one in used(0, "claude-fable-5-2")], session="fable")
    spooled(
        {"window": "week", "used_percent": 20, "observed_at": NOW - HOUR},
        {"window": "week:fable", "used_percent": 97, "observed_at": NOW - HOUR},
    )
    with refreshed() as ledger:
        desk = snapshots.desk(ledger, config.load(), now=NOW)
        snapshot = {"version": 1, "written_at": NOW, **pacing_snapshot.snapshot(desk)[1]}
        route = router_snapshot.snapshot(desk)[1]["lanes"]["claude"]
        (ruling, *_) = sorted(
            gate_evidence.of_windows(desk.report, window=None, now=NOW), key=lambda one: -len(one.answer)
        )

    def decide(session: str) -> Any:
        prompt = {"hook_event_name": "UserPromptSubmit", "session_id": session, "prompt": "go on"}
        return pacing_rules.decide(
            prompt,
            snapshot,
            lane="claude",
            now=NOW,
            seen=lambda _: False,
            go_on=lambda: "Press Enter",
            is_watched=lambda: True,
        )

    assert "hold" == decide("fable").decision
    assert decide("opus") is None
    assert ("SLOW", "PACE") == (route["verdict"], ruling.answer)


# ---- the first hour of an account used elsewhere ---------------------------------------------------------------------


def status_event(percent: float, api_ms: int, *, session: str = "s1", resets_at: int = NOW + DAY) -> dict[str, Any]:
    limits = {"seven_day": {"used_percentage": percent, "resets_at": resets_at}}
    return {"session_id": session, "cost": {"total_api_duration_ms": api_ms}, "rate_limits": limits}


def repainted(happening: dict[str, Any], now: int) -> None:
    """What the status line leaves of one repaint."""
    home = paths.claim_home()
    place = home / "taps" / str(happening["session_id"])
    place.parent.mkdir(exist_ok=True)
    memo = json.loads(place.read_text()) if place.exists() else {}
    readings, fresh = statusline_rules.take(happening, memo, now=now)
    place.write_text(json.dumps(fresh))
    spooled(*readings)


@pytest.fixture
def first_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five prompts at a constant 60 %, which was used elsewhere: one reading is told, four are withheld."""
    turns = []
    for number in range(5):
        at = NOW - 240 + number * 60
        turns.append(answer(f"m{number}", request=f"r{number}", at_ms=at * 1000, spent=usage(output=3000)))
        repainted(status_event(60, 100 + number), at + 1)
    transcript(*turns)
    monkeypatch.setattr(ingest, "now_s", lambda: NOW + 10)


@pytest.mark.usefixtures("first_hour")
def test_what_the_newest_answer_said_again_bounds_the_estimate() -> None:
    found = window_of(seen(NOW + 10), "week")

    assert found.official is not None
    assert found.estimate is not None
    assert (60.0, NOW + 1) == (found.official.used_percent, found.official.observed_at)
    assert (60.0, "official") == (found.estimate.used_percent, found.estimate.basis)
    assert found.projection is None
    assert "Where it lands is not known yet" in unknown_figures.unprojected(found).capitalize()


@pytest.mark.usefixtures("first_hour")
def test_before_a_slope_is_known_no_turn_has_a_price() -> None:
    with refreshed() as ledger:
        desk = snapshots.desk(ledger, config.load(), now=NOW + 10)
        prices = loop_snapshot.snapshot(desk)[1]["sessions"].values()
        per_percent = price_snapshot.snapshot(desk)[1]["per_percent"]
    shown = CliRunner().invoke(command_line, ["sessions", "--since", "1d", "--json"])

    assert [(None, None, None)] == [(one["warm"], one["cold"], one["share"]) for one in prices]
    assert per_percent is None
    (row,) = json.loads(shown.output)["rows"]
    assert row["next_turn"]["warm_percent_of_week"] is None


@pytest.mark.usefixtures("first_hour")
def test_what_was_seen_again_vouches_for_no_withdrawn_reading() -> None:
    with refreshed() as ledger:
        stored = [row[0] for row in ledger.connection.execute("SELECT id FROM reading")]
        with ledger.transaction():
            for number in stored:
                ledger.forget_reading(number)
        found = window_of(assess(ledger, config.load(), now=NOW + 10), "week")

    assert found.official is None


# ---- what was withdrawn ----------------------------------------------------------------------------------------------

Typed = Any


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)

    def call(*words: str) -> Result:
        return CliRunner().invoke(command_line, words)

    return call


def history() -> None:
    """Ten weeks of unequal days, and a meter read beside them: the week is as likely as not to pass its cap."""
    transcript(
        *(one for day in range(1, 70) for one in used(day, "claude-opus-5-5", output=20_000 + 10_000 * (day * 7 % 5)))
    )
    read_at = ((5, 4 * DAY), (20, 3 * DAY - HOUR), (62, DAY - HOUR), (72, HOUR))
    spooled(
        *(
            {"window": "week", "used_percent": percent, "observed_at": NOW - age, "resets_at": NOW + 2 * DAY}
            for percent, age in read_at
        )
    )


def picture(run: Typed) -> tuple[str, int, str, str]:
    """What four views say: status without its clock, the gate with its exit code, the pacing snapshot."""
    status = json.loads(run("status", "--json").output)
    ruling = run("gate")
    return (
        json.dumps(status["lanes"]),
        ruling.exit_code,
        ruling.output,
        (paths.home() / "letters" / "pacing").read_text(),
    )


def test_a_withdrawn_figure_leaves_no_trace(run: Typed) -> None:
    history()
    assert 0 == run("refresh").exit_code
    before = picture(run)
    (week,) = [w for w in json.loads(before[0])[0]["windows"] if w["window"] == "week"]
    assert alarm.CLEAR_AT < week["projection"]["p_exceed"] < alarm.ALARM_AT, "an alarm that is on would stay on"

    run("calibrate", "96%", "--resets-at", "2d")
    with_it = picture(run)
    run("refresh")
    (wrong,) = [
        one["id"]
        for one in json.loads(run("calibrate", "--list", "--json").output)["anchors"]
        if "typed" == one["source"]
    ]
    told = (paths.home() / "letters" / "pacing").read_text()
    assert '"official":96' in told, "what is typed reaches the hooks in the same command"
    run("calibrate", "--forget", str(wrong))
    snapshot = (paths.home() / "letters" / "pacing").read_text()

    assert "STOP" in with_it[2]
    assert before[3] == snapshot, "and what is withdrawn leaves them in the same command"
    assert before == picture(run)


def test_an_alarm_that_a_withdrawn_figure_ended_is_on_again() -> None:
    def report(chance: float, now: int) -> Report:
        guess = Projection(1, 2, 3, chance, 1, None, "good")
        found = WindowReport(WEEK, None, None, None, None, guess, "GO", [])
        lane = LaneReport("claude", present=True, windows=[found])
        return Report(now, None, [lane], 0, 0, HookHealth(wired=False, last_run=None), [], [])

    with refreshed() as ledger:
        alarm_memory.keep(ledger, report(0.9, NOW))
        with ledger.transaction():
            ledger.add_readings([LimitReading("claude", "week", 2.0, WEEK.resets_at, NOW, "typed")], machine="m")
        alarm_memory.keep(ledger, report(0.1, NOW + 60))
        ended = alarm_memory.recall(ledger, None, WEEK)
        with ledger.transaction():
            ledger.forget_reading(1)

        assert (False, alarm.Alarm(True, NOW)) == (ended.is_on, alarm_memory.recall(ledger, None, WEEK))


def test_reading_commands_move_no_alarm(run: Typed) -> None:
    history()
    facts = []
    for command in ("status", "gate", "forecast", "route do everything everywhere", "status"):
        run(*command.split())
        with refreshed() as ledger:
            facts += [
                value for (value,) in ledger.connection.execute("SELECT value FROM fact WHERE name LIKE 'alarm:%'")
            ]
    assert [] == facts


# ---- one truth -------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 4 * DAY), st.integers(0, 104)), max_size=5),
    st.lists(st.tuples(st.integers(0, 6 * DAY), st.integers(1, 200_000)), max_size=6),
    st.sampled_from(["week", "5h"]),
)
def test_every_face_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, readings: list[tuple[int, int]], work: list[tuple[int, int]], name: str
) -> None:
    """The same verdict; the same landing, or none anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        folder: Path = tmp_path_factory.mktemp("home")
        for variable in ("GOVERNOR_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
            patch.setenv(variable, str(folder / variable))
        resets_at = NOW + (2 * DAY if name == "week" else HOUR)
        spooled(
            *(
                {"window": name, "used_percent": percent, "observed_at": NOW - age, "resets_at": resets_at}
                for age, percent in readings
                if age < windows.length(name)
            )
        )
        transcript(
            *(
                answer(f"m{n}", request=f"r{n}", at_ms=(NOW - age) * 1000, spent=usage(output=output))
                for n, (age, output) in enumerate(work)
            )
        )
        with refreshed() as ledger:
            settings = config.load()
            desk = snapshots.write(ledger, settings, now=NOW)
            seen_now = assess(ledger, settings, now=NOW)
            status = json_data.status(seen_now)
            view = forecast_series.outlook(ledger, settings, owners.primary(ledger, "claude", now=NOW), name, now=NOW)
            routes = router_snapshot.snapshot(desk)[1]["lanes"]["claude"]
            snapshot = pacing_snapshot.snapshot(desk)[1]
            rulings = {one.window: one for one in gate_evidence.of_windows(seen_now, window=None, now=NOW)}
            screen = " ".join(text.status(seen_now).split())
        if not status["lanes"][0]["windows"]:
            return
        (shown,) = [w for w in status["lanes"][0]["windows"] if w["window"] == name]
        (told,) = [w for w in snapshot["lanes"]["claude"]["windows"] if w["window"] == name]
        assert view is not None
        forecast = json_data.forecast([view], now=NOW)["windows"][0]

        ruling = rulings[name]
        expected = {"GO": "GO", "NUDGE": "PACE", "SLOW": "PACE", "STOP": "STOP"}[shown["verdict"]]
        assert (shown["verdict"], shown["verdict"], expected) == (told["verdict"], forecast["verdict"], ruling.answer)
        assert (shown["estimate"], shown["projection"]) == (forecast["estimate"], forecast["projection"])
        landing = shown["projection"] and shown["projection"]["p50"]
        assert told["landing"] in (landing, None)
        if landing is None:
            assert ([], False) == (forecast["fan"], "lands at" in screen)
        unplaced = any(reason["rule"] == "unplaced" for reason in shown["reasons"])
        assert unplaced == ("cannot be placed" in screen or "would be past" in screen)
        if unplaced:
            assert (None, None) == (shown["estimate"], shown["projection"])
            assert ruling.rule in ("unplaced", *(reason["rule"] for reason in shown["reasons"]))
        if shown["official"]:
            happening = {"five_hour" if name == "5h" else "seven_day": {
                "used_percentage": shown["official"]["used_percent"], "resets_at": resets_at
            }}  # fmt: skip
            line = statusline_rules.line({"rate_limits": happening}, snapshot, now=NOW, colour=False)
            assert ("→" in line) <= (told["landing"] is not None)
        worst = max((w["verdict"] for w in status["lanes"][0]["windows"]), key=["GO", "NUDGE", "SLOW", "STOP"].index)
        assert worst == routes["verdict"]
        if shown["projection"] and shown["estimate"]["used_percent"] < 100:
            chance, wall = shown["projection"]["p_exceed"], shown["projection"]["wall_at"]
            assert (wall is not None) <= (chance >= 0.45)
            assert (chance >= 0.55) <= (wall is not None)
