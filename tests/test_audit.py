"""Red flags, caches and hard limits: each figure against its threshold, and nothing said of too little."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW, answer, iso, transcript, usage

from governor import config, paths
from governor.cli import governor
from governor.model import Tally
from governor.quota import units
from governor.review import ceilings, efficiency, flags
from governor.review.efficiency import Efficiency, Response
from governor.review.flags import Flag, WeekOfUse
from governor.usage.group_by import UsageRow
from governor.usage.sessions import SessionSum, TurnCost

QUIET = WeekOfUse(
    requests=500,
    units=1000.0,
    before=(500, 1000.0),
    days_before=7,
    projects=[UsageRow(("/home/u/one",), Tally(units=400)), UsageRow(("/home/u/two",), Tally(units=400))],
    agents=[UsageRow(("main",), Tally(units=900)), UsageRow(("Explore",), Tally(units=100))],
    sessions=[
        SessionSum("claude", name, "/p", 0, 1, 3600, 100_000, 100_000, Tally(units=500 - n), TurnCost(0, 0))
        for n, name in enumerate(("aaaa", "bbbb"))
    ],
    caches=[Efficiency(requests=500, fresh=1000, read=9000, output=100, units=1000)],
    routine={"claude-opus-5-5": 50.0, "claude-haiku-5-5": 50.0},
    largest=["opus"],
    ceiling=None,
)


def flag(week: WeekOfUse, name: str) -> Flag:
    return next(one for one in flags.raised(week) if one.name == name)


def session(**more: Any) -> SessionSum:
    return QUIET.sessions[0]._replace(**more)


def test_a_quiet_week_has_no_red_flag() -> None:
    assert {False} == {one.red for one in flags.raised(QUIET)}


@pytest.mark.parametrize(
    ("name", "week", "value"),
    [
        ("growth", QUIET._replace(before=(500, 800.0)), 25),
        (
            "one project",
            QUIET._replace(projects=[UsageRow(("/a",), Tally(units=600)), UsageRow(("/b",), Tally(units=1))]),
            60,
        ),
        ("one kind of subagent", QUIET._replace(agents=[UsageRow(("Explore",), Tally(units=510))]), 51),
        ("one session", QUIET._replace(sessions=[session(tally=Tally(units=600)), session()]), 60),
        ("marathon sessions", QUIET._replace(sessions=[session(active_s=8 * 3600)]), 50),
        ("context at its limit", QUIET._replace(sessions=[session(largest_context=450_000)]), 450_000),
        ("context at its limit", QUIET._replace(ceiling=100_000), 100_000),
        ("output above input", QUIET._replace(caches=[Efficiency(fresh=100, read=100, output=300)]), 1.5),
        ("one model for all routine work", QUIET._replace(routine={"claude-opus-5-5": 81.0, "x": 19.0}), 81),
        ("cold rewrites", QUIET._replace(caches=[Efficiency(cold=3, cold_units=110.0)]), 11),
    ],
)
def test_each_flag_is_raised_by_its_figure_alone(name: str, week: WeekOfUse, value: float) -> None:
    found = flag(week, name)
    assert (True, pytest.approx(value)) == (found.red, found.value)
    assert found.next_step.startswith("governor ")


@pytest.mark.parametrize(
    "week",
    [QUIET._replace(requests=49), QUIET._replace(requests=0, units=0.0, sessions=[], caches=[], routine={})],
)
def test_too_little_raises_nothing(week: WeekOfUse) -> None:
    few = [one for one in flags.raised(week) if one.name not in ("growth", "context at its limit")]
    assert {None} == {one.red for one in few}
    assert all("too little" in one.text for one in few)


@pytest.mark.parametrize("before", [(10, 1.0), (500, 0.0)])
def test_growth_needs_a_week_to_grow_from(before: tuple[int, float]) -> None:
    assert flag(QUIET._replace(before=before), "growth").red is None
    assert flag(QUIET._replace(days_before=2), "growth").red is None


def test_a_small_model_may_do_all_routine_work_and_one_project_may_be_all_there_is() -> None:
    assert flag(QUIET._replace(routine={"claude-haiku-5-5": 99.0}), "one model for all routine work").red is False
    assert flag(QUIET._replace(projects=[UsageRow(("/a",), Tally(units=1000))]), "one project").red is None


@pytest.mark.parametrize(
    ("ways", "red"), [({"hooks": False, "bell": False}, True), ({"hooks": True, "bell": False}, False)]
)
def test_alerts_need_a_way(ways: dict[str, bool], red: bool) -> None:
    assert red == flags.alerts(ways).red


# ---- caches ----------------------------------------------------------------------------------------------------------

HOUR = 3_600_000


def response(
    at_ms: int, *, fresh: int = 0, read: int = 0, written: int = 0, five: int = 0, thread: int = 1
) -> Response:
    return Response("claude", (1, thread), "claude-opus-5-5", False, at_ms, fresh, read, five, written, 100, True)


def examined(*responses: Response) -> Efficiency:
    return efficiency.examine(responses, units.DEFAULT)["claude"]


def test_a_context_written_again_after_a_pause_is_cold() -> None:
    found = examined(response(0, written=50_000), response(HOUR + 1, written=52_000))
    assert (1, 50_000, 0) == (found.cold, found.cold_tokens, found.rewrites)
    assert pytest.approx(50_000 * (1 - 0.015)) == found.cold_units


def test_the_same_without_a_pause_is_a_rewrite() -> None:
    found = examined(response(0, written=50_000), response(HOUR - 1, written=52_000))
    assert (0, 1, 50_000) == (found.cold, found.rewrites, found.rewrite_tokens)


def test_a_five_minute_cache_is_cold_after_five_minutes() -> None:
    assert 1 == examined(response(0, five=50_000), response(300_001, five=50_000)).cold
    assert 0 == examined(response(0, five=50_000), response(299_999, five=50_000)).cold


@pytest.mark.parametrize(
    "second",
    [
        response(HOUR * 2, read=50_000, written=2_000),  # still warm
        response(HOUR * 2, written=20_000),  # compacted
        response(HOUR * 2, written=50_000, thread=2),  # another thread
    ],
)
def test_what_is_no_rewrite(second: Response) -> None:
    found = examined(response(0, written=50_000), second)
    assert (0, 0) == (found.cold, found.rewrites)


def test_small_contexts_are_left_out() -> None:
    assert 0 == examined(response(0, written=9_999), response(HOUR * 2, written=9_999)).cold


def test_what_was_written_and_not_read_back() -> None:
    """Of 50k, 48k were read by the next; the last response's 1k by nobody."""
    found = examined(response(0, written=50_000), response(1000, read=48_000, written=1_000))
    assert 3_000 == found.unread_tokens
    assert pytest.approx(3_000 / 51_000) == found.waste_ratio
    assert pytest.approx(48_000 / 99_000) == found.hit_share


def test_nothing_read_and_nothing_written_has_no_share() -> None:
    empty = Efficiency()
    assert (None, None) == (empty.hit_share, empty.waste_ratio)


@given(st.lists(st.tuples(st.integers(0, 2 * HOUR), *[st.integers(0, 10**6)] * 4, st.integers(0, 2)), max_size=30))
def test_shares_stay_shares(seen: list[tuple[int, int, int, int, int, int]]) -> None:
    made = [response(at, fresh=f, read=r, written=w, five=five, thread=t) for at, f, r, w, five, t in seen]
    made.sort(key=lambda one: (one.thread, one.at_ms))
    for found in efficiency.examine(made, units.DEFAULT).values():
        assert found.unread_tokens <= found.written
        assert found.cold_tokens + found.rewrite_tokens <= found.fresh
        assert 0 <= found.cold_units + found.rewrite_units <= found.units
        assert found.hit_share is None or 0 <= found.hit_share <= 1


# ---- hard limits -----------------------------------------------------------------------------------------------------


def limits(environment: dict[str, str] | None = None) -> dict[tuple[str, str], ceilings.Ceiling]:
    found = ceilings.examine(config.load(), environment=environment or {})
    return {(one.owner, one.name): one for one in found}


def test_nothing_set_is_nothing_set() -> None:
    clients = [one for one in limits().values() if one.owner != "governor"]
    assert {None} == {one.value for one in clients}
    assert 15 == len(clients)
    assert all(one.stops and one.cannot for one in limits().values())


def test_what_is_set_is_read_where_it_is_set() -> None:
    home = paths.claude_homes()[0]
    home.mkdir()
    settings = {
        "env": {"CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS": "4"},
        "maxEffortLevel": "high",
        "autoCompactWindow": 200000,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    paths.codex_home().mkdir()
    toml = "[features.rollout_budget]\nlimit_tokens = 9\nenforce_limit = true\n[agents]\nmax_threads = 2\n"
    (paths.codex_home() / "config.toml").write_text(toml)
    shell = {"CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS": "9", "CLAUDE_CODE_MAX_SUBAGENT_SPAWN_DEPTH": "1"}
    found = limits(shell)
    assert "CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS = 4" == found["claude", "subagents at once"].value
    assert ("CLAUDE_CODE_MAX_SUBAGENT_SPAWN_DEPTH = 1", "environment") == found["claude", "subagent depth"][3:5]
    assert "maxEffortLevel = high" == found["claude", "effort"].value
    assert "autoCompactWindow = 200000" == found["claude", "compaction window"].value
    assert (
        'features.rollout_budget = {"limit_tokens": 9, "enforce_limit": true}' == found["codex", "rollout budget"].value
    )
    assert "agents.max_threads = 2" == found["codex", "agents at once"].value


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"env": 3, "autoCompactWindow": null}'])
def test_a_broken_settings_file_sets_nothing(raw: bytes) -> None:
    for folder, name in ((paths.claude_homes()[0], "settings.json"), (paths.codex_home(), "config.toml")):
        folder.mkdir()
        (folder / name).write_bytes(raw)
    assert {None} == {one.value for one in limits().values() if one.owner != "governor"}


def test_our_own_limits_say_what_they_do() -> None:
    budgets = [{"name": "nightly", "per": "day", "usd": 20, "tokens": 5_000_000, "action": "stop"}]
    budgets.append({"name": "night", "per": "session", "wall": "6h"})
    wishes = {"budgets": budgets, "spawn": {"action": "ask"}, "run": {"usd": 3}, "pacing": {"pause_at_wall": False}}
    paths.config_file().write_text(json.dumps(wishes))
    found = limits()
    assert ("blocks", "stop at 5M tokens, $20.00 per day") == found["governor", "budget nightly"][2:4]
    assert "observe at 6h per session" == found["governor", "budget night"].value
    assert "blocks" == found["governor", "spawn guard"].kind
    assert (None, "$3.00") == (found["governor", "pause at the wall"].value, found["governor", "governor run"].value)
    assert "$3" == found["claude", "--max-budget-usd"].value


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor.pipeline.ingest.now_s", lambda: NOW)
    lines = [
        answer(f"msg_{n}", at_ms=(NOW - 86_400 + n * 600) * 1000, spent=usage(input=9, read=50_000, hour=900))
        for n in range(80)
    ]
    transcript(*lines)


@pytest.mark.usefixtures("a_week")
def test_the_commands_json_has_its_keys() -> None:
    done = CliRunner().invoke(governor, ["audit", "--json"])
    shown = json.loads(done.output)
    assert ("governor.audit/1", 0) == (shown["schema"], done.exit_code)
    assert ["schema", "since", "until", "flags", "caches", "limits", "canary"] == list(shown)
    assert {"lane", "name", "red", "text", "value", "threshold", "unit", "next"} == set(shown["flags"][0])
    (cache,) = shown["caches"]
    assert ["lane", "requests", "hit_share", "cold", "rewritten", "unread"] == list(cache)
    assert None is cache["cold"]["week_percent"]
    assert {"sample", "false_alarms", "test", "caught_up", "rates", "alarms", "comparisons"} == set(shown["canary"])


@pytest.mark.usefixtures("a_week")
@pytest.mark.parametrize("words", [["audit"], ["audit", "--why"], ["audit", "--lane", "claude"]])
def test_the_screen_fits_80_columns_and_says_what_is_next(words: list[str]) -> None:
    done = CliRunner().invoke(governor, words)
    assert 0 == done.exit_code, done.output
    assert max(map(len, done.output.splitlines())) <= 80
    assert "next: governor" in done.output
    assert ("cannot stop" in done.output) == ("--why" in words)


def test_without_any_use_it_still_shows_the_limits() -> None:
    done = CliRunner().invoke(governor, ["audit"])
    assert (0, True) == (done.exit_code, "usage-credits cap" in done.output)


def test_what_got_worse_is_said_by_audit_doctor_and_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve days of one model, then twelve of another that fails at half of its calls."""
    monkeypatch.setattr("governor.pipeline.ingest.now_s", lambda: NOW)
    config_file = paths.config_file()
    config_file.write_text(json.dumps({"canary": {"sample": 1.0}}))
    for day in range(24):
        at = (NOW - (25 - day) * 86_400) * 1000
        model, failing = ("claude-opus-5-5", 2) if day < 12 else ("claude-opus-6", 15)
        lines: list[dict[str, Any]] = [answer(f"msg_{day}", at_ms=at, model=model)]
        for call in range(30):
            block = {"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": call < failing}
            lines.append({"type": "user", "message": {"role": "user", "content": [block]}, "timestamp": iso(at + 1000)})
        name = f"{day:08d}-1111-4111-8111-111111111111"
        transcript(*lines, answer(f"msg_{day}x", at_ms=at + 2000, model=model), session=name)
        folder = paths.claude_homes()[0] / "projects" / "p" / f"{name}.jsonl"
        folder.write_bytes(folder.read_bytes().replace(b"11111111-1111-4111-8111-111111111111", name.encode()))
        os.utime(folder, (at / 1000, at / 1000))
    said = [" ".join(CliRunner().invoke(governor, [word]).output.split()) for word in ("audit", "doctor", "status")]
    words = "failed tool calls went from 6.7 % (24 of 360) to 50.0 % (180 of 360) with opus-6 since a model change"
    assert [True, True, True] == [words in one for one in said], said
