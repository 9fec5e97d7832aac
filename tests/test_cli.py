"""The contract of the command line: exit codes, JSON, errors that say what to type, screens as they are."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import (
    NOW,
    OTHER,
    START_MS,
    answer,
    counted,
    jsonl,
    meta,
    recorded,
    rollout,
    tokens,
    transcript,
    turn,
    usage,
)

from governor import demo, number_format, paths
from governor.calibration import scale as calibration_scale
from governor.cli import COMMANDS, main
from governor.errors import StateError
from governor.model import Tally
from governor.pipeline import ingest
from governor.quota.windows import OfficialFigure, Window
from governor.report import WindowReport
from governor.usage import group_by
from governor.views import tables, text

ROOT = Path(__file__).parent.parent
LIMITS = {
    "primary": {"used_percent": 12.0, "window_minutes": 300, "resets_at": NOW + 3600},
    "secondary": {"used_percent": 40.0, "window_minutes": 10080, "resets_at": NOW + 2 * 86_400},
}


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        return content


Governor = Callable[..., Said]


@pytest.fixture
def governor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Governor:
    """``governor("usage", "--json")`` at NOW, in this process."""
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)

    def call(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Said(code, out, err)

    return call


@pytest.fixture
def life() -> None:
    """A little of everything: both clients, an unpriced model, a bad line, official readings."""
    spent = usage(input=100, output=200, read=3000, five=40, hour=50, output_tokens_details={"thinking_tokens": 20})
    transcript(answer("msg_1", spent=spent), answer("msg_2", model="model-of-2031"), b'{"usage": torn')
    transcript(
        answer("msg_3", at_ms=START_MS - 86_400_000, cwd="/home/u/app/[id]", gitBranch="fix/[/b]"), session=OTHER
    )
    one = tokens(1000, cached=600, output=50, reasoning=20)
    rollout(meta(), turn(), recorded("resp_1", one), counted(one, limits=LIMITS))
    said = {"lane": "claude", "window": "week", "used_percent": 60, "resets_at": NOW + 86_400, "observed_at": NOW - 60}
    spool = paths.claim_home() / "spool" / "limits.jsonl"
    spool.parent.mkdir()
    earlier = {**said, "used_percent": 20, "observed_at": START_MS // 1000 - 3600}
    spool.write_bytes(jsonl(*({**one, "source": "statusline"} for one in (earlier, said))))


def shape(value: Any) -> Any:
    """Keys and kinds: a number is "n", a time in UTC "t", a list its first item's shape."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return "n"
    try:
        return "t" if datetime.fromisoformat(value).tzinfo and value.endswith("Z") and "T" in value else "s"
    except ValueError:
        return "s"


# ---- the contract's objects ------------------------------------------------------------------------------------------

WINDOW = {
    "window": "s",
    "resets_at": "t",
    "official": {"used_percent": "n", "observed_at": "t", "age_s": "n", "source": "s", "account": "s"},
    "local": {
        "units": "n",
        "tokens": {"input": "n", "output": "n", "cache_read": "n", "cache_write_5m": "n", "cache_write_1h": "n"},
        "requests": "n",
        "notional_usd": "n",
        "unpriced_requests": "n",
    },
    "estimate": {"used_percent": "n", "low": "n", "high": "n", "basis": "s"},
    "verdict": "s",
}
BESIDE_THE_CONTRACT = {"refusal", "resets_at_basis", "calibration", "projection", "reasons"}


@pytest.mark.usefixtures("life")
def test_status_is_the_contracts_object(governor: Governor) -> None:
    told = governor("status", "--json")
    assert (0, "") == (told.code, told.err)
    status = told.json
    assert ["schema", "generated_at", "kill_switch", "lanes", "problems", "budgets"] == list(status)
    assert ("governor.status/1", "2026-11-21T12:00:00Z") == (status["schema"], status["generated_at"])
    assert ({"off": False, "by": None}, {"lines": 1, "files": 0}) == (status["kill_switch"], status["problems"])
    assert [("claude", ["week"]), ("codex", ["5h", "week"])] == [
        (lane["lane"], [window["window"] for window in lane["windows"]]) for lane in status["lanes"]
    ]
    week = status["lanes"][0]["windows"][0]
    assert WINDOW == {key: part for key, part in shape(week).items() if key not in BESIDE_THE_CONTRACT}
    assert set(week) - set(WINDOW) == BESIDE_THE_CONTRACT
    assert {"units_per_percent", "low", "high", "anchors", "coverage"} <= set(week["calibration"])
    assert {"p10", "p50", "p90", "p_exceed", "naive", "wall_at"} <= set(week["projection"])
    assert all({"rule", "text", "value"} == set(reason) for reason in week["reasons"])
    official = {"used_percent": 60.0, "observed_at": "2026-11-21T11:59:00Z", "age_s": 60, "source": "statusline"}
    official["account"] = os.environ["CLAUDE_CONFIG_DIR"]
    assert (official, "2026-11-22T12:00:00Z") == (week["official"], week["resets_at"])
    assert (3, 1) == (week["local"]["requests"], week["local"]["unpriced_requests"])
    assert week["verdict"] in ("GO", "NUDGE", "SLOW", "STOP")
    assert week["estimate"]["basis"] in ("official", "official+local", "local")
    fifth = status["lanes"][1]["windows"][0]
    assert (12.0, "rollout") == (fifth["official"]["used_percent"], fifth["official"]["source"])


def test_a_missing_figure_is_null_and_never_zero(governor: Governor) -> None:
    transcript(answer())
    for window in governor("status", "--json").json["lanes"][0]["windows"]:
        assert (None, None, None) == (window["official"], window["estimate"], window["projection"])
        assert "GO" == window["verdict"]


def test_a_home_without_anything_is_no_fault(governor: Governor) -> None:
    status = governor("status", "--json")
    assert (0, [[], []]) == (status.code, [lane["windows"] for lane in status.json["lanes"]])
    assert "next:" in governor("status").out
    rows = governor("usage", "--json")
    assert (0, [], 0) == (rows.code, rows.json["rows"], rows.json["total"]["requests"])
    for command in ("usage", "sessions"):
        assert "next:" in governor(command).out


SUMS = "requests input output cache_read cache_write_5m cache_write_1h reasoning units notional_usd unpriced_requests"


@pytest.mark.usefixtures("life")
def test_usage_is_the_contracts_object(governor: Governor) -> None:
    told = governor("usage", "--by", "lane", "--json").json
    assert ["schema", "by", "rows", "total"] == list(told)
    assert ("governor.usage/1", ["lane"]) == (told["schema"], told["by"])
    assert SUMS.split() == list(told["total"])
    assert ["lane", *SUMS.split()] == list(told["rows"][0])
    rows = {row["lane"]: row for row in told["rows"]}
    codex = rows["codex"]
    assert (1, 400, 600, 50, 20) == tuple(codex[k] for k in ("requests", "input", "cache_read", "output", "reasoning"))
    claude = rows["claude"]
    assert (3, 120, 400, 3000, 40, 50, 20, 1) == tuple(claude[key] for key in [*SUMS.split()[:7], "unpriced_requests"])
    first = 100 * 4 + 200 * 20 + 3000 * 0.2 + 40 * 5 + 50 * 8
    assert (first + 10 * 4 + 100 * 20) / 1e6 == pytest.approx(claude["notional_usd"])
    for key in SUMS.split():
        assert told["total"][key] == pytest.approx(sum(row[key] for row in told["rows"]))


@pytest.mark.usefixtures("life")
@pytest.mark.parametrize("key", group_by.KEYS)
def test_every_key_groups_the_same_whole(key: str, governor: Governor) -> None:
    told = governor("usage", "--by", key, "--json").json
    assert (4, 4) == (told["total"]["requests"], sum(row["requests"] for row in told["rows"]))
    assert all(isinstance(row[key], str) for row in told["rows"])
    assert 0 == governor("usage", "--by", key).code
    assert 0 == governor("usage", "--by", f"{key},model", "--by", "lane").code


@pytest.mark.usefixtures("life")
def test_a_name_in_brackets_is_shown_as_it_is(governor: Governor) -> None:
    """Folders named like a screen's own markup: ``[id]`` is one that web frameworks like."""
    assert "[id]" in governor("usage", "--by", "project").out
    assert "fix/[/b]" in governor("usage", "--by", "branch").out
    assert "[id]" in governor("sessions").out


@pytest.mark.usefixtures("life")
def test_the_lane_filter_filters(governor: Governor) -> None:
    assert ["codex"] == [
        row["lane"] for row in governor("usage", "--by", "lane", "--lane", "codex", "--json").json["rows"]
    ]
    assert ["claude"] == [lane["lane"] for lane in governor("status", "--lane", "claude", "--json").json["lanes"]]
    assert {"codex"} == {row["lane"] for row in governor("sessions", "--lane", "codex", "--json").json["rows"]}


@pytest.mark.usefixtures("life")
def test_since_and_until_bound_what_is_shown(governor: Governor) -> None:
    def requests(*arguments: str) -> int:
        count: int = governor("usage", "--json", *arguments).json["total"]["requests"]
        return count

    assert 3 == requests("--since", "today")
    assert 1 == requests("--until", "today")
    assert 1 == requests("--since", "yesterday", "--until", "2026-11-21")
    assert 3 == requests("--since", "2026-11-21T11:00:00Z")
    assert 0 == requests("--since", "2026-11-21T11:00:01Z")
    assert 0 == requests("--since", "today", "--until", "yesterday")
    assert 4 == requests("--since", "2w")


def test_midnight_is_where_the_days_begin_also_on_the_day_the_clocks_change(
    governor: Governor, zone: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Berlin, 29 March 2026: at noon it is summer time, at midnight it was not."""
    zone("Europe/Berlin")
    noon = int(datetime.fromisoformat("2026-03-29T12:00:00+02:00").timestamp())
    monkeypatch.setattr(ingest, "now_s", lambda: noon)
    midnight = int(datetime.fromisoformat("2026-03-29T00:00:00+01:00").timestamp())
    days = {"msg_1": midnight - 1, "msg_2": midnight, "msg_3": midnight - 86_400, "msg_4": midnight - 86_401}
    transcript(*(answer(name, at_ms=at * 1000) for name, at in days.items()))
    for since, expected in (("today", 1), ("yesterday", 3), ("2026-03-29", 1)):
        assert expected == governor("usage", "--since", since, "--json").json["total"]["requests"]
    rows = governor("usage", "--by", "day", "--json").json["rows"]
    assert [("2026-03-27", 1), ("2026-03-28", 2), ("2026-03-29", 1)] == [(r["day"], r["requests"]) for r in rows]


@pytest.mark.usefixtures("life")
def test_top_keeps_the_total_whole(governor: Governor) -> None:
    told = governor("usage", "--by", "model", "--top", "1", "--json").json
    assert (1, 4) == (len(told["rows"]), told["total"]["requests"])
    assert "2 more rows" in governor("usage", "--by", "model", "--top", "1").out


@pytest.mark.usefixtures("life")
def test_csv_says_what_json_says(governor: Governor) -> None:
    rows = list(csv.DictReader(io.StringIO(governor("usage", "--by", "model", "--by", "day", "--csv").out)))
    told = governor("usage", "--by", "model", "--by", "day", "--json").json["rows"]
    assert [{key: str(value) for key, value in row.items()} for row in told] == rows


@pytest.mark.usefixtures("life")
def test_called_alone_it_is_status(governor: Governor) -> None:
    assert governor("status") == governor()


@pytest.mark.usefixtures("life")
@pytest.mark.parametrize(
    "command", ["status", "usage", "sessions", "config", "doctor", "calibrate --list", "decisions"]
)
def test_every_reading_command_has_one_json_object_with_a_schema(command: str, governor: Governor) -> None:
    told = governor(*command.split(), "--json")
    assert f"governor.{command.split()[0]}/1" == told.json["schema"]
    assert told.code in (0, 1)


# ---- what a person gets wrong ----------------------------------------------------------------------------------------

WRONG = [
    "statuss",
    "--nonsense",
    "status --nonsense",
    "status --lane gemini",
    "status extra",
    "usage --by moon",
    "usage --by ''",
    "usage --since soon",
    "usage --since ''",
    "usage --since ²d",
    "usage --since 999999999999999999d",
    "usage --until 99999999999999999999w",
    "usage --top 0",
    "usage --top x",
    "sessions --top -1",
    "sessions --since 31-12-2026",
    "calibrate",
    "calibrate 60% --list",
    "calibrate sixty",
    "calibrate nan%",
    "calibrate 201%",
    "calibrate -5%",
    "calibrate 0.6",
    "calibrate 60% --window fortnight",
    "calibrate 60% --window 0m",
    "calibrate 60% --window ²m",
    "calibrate 60% --lane gemini",
    "calibrate 60% --at 2030-01-01",
    "calibrate 60% --resets-at 2030-01-01",
    "calibrate 60% --resets-at yesterday",
    "calibrate --forget 999",
    "calibrate --forget 99999999999999999999999",
    "calibrate --forget x",
    "off --for soon",
    "off --for ²m",
    "off --for 0m",
    "override",
    "override never",
    "override off 1h",
    "config --nonsense",
    "demo --weeks 1",
]


@pytest.mark.usefixtures("life")
@pytest.mark.parametrize("words", WRONG)
def test_a_mistake_exits_1_and_says_what_to_type_next(words: str, governor: Governor) -> None:
    import shlex

    told = governor(*shlex.split(words))
    assert (1, "") == (told.code, told.out)
    assert told.err.strip().splitlines()[-1].strip().startswith("next:")
    assert not (paths.home() / "log" / "governor.log").exists()


@pytest.mark.usefixtures("life")
def test_a_wrong_budget_file_stops_what_enforces_it_and_nothing_else(governor: Governor) -> None:
    file = paths.config_file()
    file.write_text('{"budgets": [{"name": "b", "per": "day", "usd": 60}]}')
    assert "b" == governor("status", "--json").json["budgets"][0]["name"]
    file.write_text('{"persn": 1}')
    for command in ("status", "usage", "sessions", "decisions", "audit", "refresh", "refresh --quiet", "handoffs"):
        told = governor(*command.split())
        assert 0 == told.code, command
        assert 1 == told.err.count("persn"), command
        assert "next: governor config" in told.err
    assert "b" == governor("status", "--json").json["budgets"][0]["name"], "a slip of the pen lifts no limit"
    for command in ("gate", "run -- true", "handoff x"):
        told = governor(*command.split())
        assert (1, "") == (told.code, told.out), command
        assert "persn is no setting; did you mean person?" in told.err


def test_config_and_doctor_name_what_is_wrong(governor: Governor) -> None:
    paths.config_file().write_text('{"persn": 1, "memry": 2}')
    told = governor("config")
    assert 1 == told.code
    assert "spawn.action" in told.out
    for words in ("persn is no setting", "memry is no setting", "next: $EDITOR"):
        assert words in told.err
    told = governor("config", "--json")
    assert (1, "governor.config/1") == (told.code, told.json["schema"])
    told = governor("doctor", "--json")
    (finding,) = [one for one in told.json["findings"] if one["name"] == "settings"]
    assert (1, False, "governor config") == (told.code, finding["ok"], finding["mend"])
    assert "persn" in finding["text"]


def test_a_named_budget_file_that_is_lost_is_said_and_lifts_no_limit(governor: Governor) -> None:
    file = paths.config_file()
    file.unlink()
    told = governor("status")
    assert (0, "") == (told.code, told.err), "it was never there: all is default, and doctor names it"
    (finding,) = [one for one in governor("doctor", "--json").json["findings"] if one["name"] == "settings"]
    assert (True, f"all defaults ({file} is not there)") == (finding["ok"], finding["text"])

    file.write_text('{"budgets": [{"name": "day", "per": "day", "usd": 5}]}')
    governor("status")
    file.unlink()
    told = governor("status")
    assert (0, 1) == (told.code, told.err.count("which GOVERNOR_CONFIG names, is not there any more"))
    assert "next: unset GOVERNOR_CONFIG" in told.err
    assert ["day"] == [one["name"] for one in governor("status", "--json").json["budgets"]]
    (finding,) = [one for one in governor("doctor", "--json").json["findings"] if one["name"] == "settings"]
    assert not finding["ok"]


def test_doctor_looks_for_what_the_settings_name(governor: Governor, tmp_path: Path) -> None:
    def settings(**wishes: Any) -> list[str]:
        paths.config_file().write_text(json.dumps(wishes))
        found = governor("doctor", "--json").json["findings"]
        return [one["text"] for one in found if one["name"] == "settings" and not one["ok"]]

    rules = tmp_path / "rules.md"
    wishes = {"handoff": {"rules": str(rules)}, "notify": {"command": ["no-such-program", "-x"]}}
    assert [
        f"handoff.rules names {rules}, which cannot be read: no handoff can start",
        "notify.command starts no-such-program, which is not found: nobody is alerted",
    ] == settings(**wishes)
    rules.touch()
    assert [] == settings(handoff={"rules": str(rules)}, notify={"command": ["sh"]})


def test_config_shows_a_budget_in_a_line(governor: Governor) -> None:
    night = {"name": "night", "per": "session", "tokens": 5_000_000, "tool_calls": 800, "wall": "6h", "action": "stop"}
    client = {"name": "client-a", "per": "project", "project": "*/a/*", "every": "month", "usd": 400, "lane": "codex"}
    paths.config_file().write_text(json.dumps({"budgets": [night, client]}))
    out = governor("config").out
    assert "  night: per session, 5M tokens, 800 tool calls, 6h, stop\n" in out
    assert "  client-a: per project and month, in */a/*, Codex only, $400.00, observe\n" in out
    assert max(map(len, out.splitlines()[2:])) <= 80
    kept = {one["name"]: one["value"] for one in governor("config", "--json").json["settings"]}
    assert 21_600 == kept["budgets"][0]["wall"]


def test_doctor_counts_the_days_on_which_something_was_used(governor: Governor) -> None:
    transcript(answer("msg_1", at_ms=START_MS - 1000 * 86_400_000), answer("msg_2"))
    texts = [one["text"] for one in governor("doctor", "--json").json["findings"] if one["name"] == "ledger"]
    assert ["use on 2 days since 2024-02-25, from 1 transcripts"] == texts


def test_a_fault_of_ours_exits_3_with_a_log_that_holds_no_arguments(
    governor: Governor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("governor.cli.look.status.assess", fail)
    monkeypatch.setattr(sys, "argv", ["governor", "status", "secret words"])
    told = governor("status")
    log = paths.home() / "log" / "governor.log"
    assert (3, "") == (told.code, told.out)
    assert str(log) in told.err
    assert "next:" in told.err
    assert "RuntimeError: broken" in log.read_text()
    assert "secret" not in log.read_text()
    assert 0o600 == log.stat().st_mode & 0o777


def test_interrupted_is_130(governor: Governor, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("governor.cli.look.status.assess", stop)
    assert 130 == governor("status").code


def test_help_and_version_exit_0(governor: Governor) -> None:
    for arguments in (["--help"], ["-h"], ["--version"], *([name, "--help"] for name in COMMANDS)):
        told = governor(*arguments)
        assert (0, "") == (told.code, told.err)
        assert told.out


# ---- anchors, switch, demo -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("life")
def test_one_anchor_says_what_it_says_and_what_it_cannot(governor: Governor) -> None:
    (paths.home() / "spool" / "limits.jsonl").unlink()
    told = governor("calibrate", "60%", "--resets-at", "2026-11-23T12:00")
    assert 0 == told.code
    assert "60 %" in told.out
    assert "One anchor cannot tell" in told.out
    assert "next:" in told.out
    week = governor("status", "--json").json["lanes"][0]["windows"][1]
    assert ("typed", 60.0, "2026-11-23T12:00:00Z") == (
        week["official"]["source"],
        week["official"]["used_percent"],
        week["resets_at"],
    )
    (anchor,) = [one for one in governor("calibrate", "--list", "--json").json["anchors"] if one["source"] == "typed"]
    told = governor("calibrate", "--forget", str(anchor["id"]))
    assert (0, True) == (told.code, "forgotten" in told.out)
    week = governor("status", "--json").json["lanes"][0]["windows"][1]
    assert (None, None) == (week["official"], week["calibration"])


@pytest.mark.parametrize(("lane", "window"), [("claude", "week"), ("claude", "5h"), ("codex", "week"), ("codex", "5h")])
def test_what_forecast_says_to_type_can_be_typed(governor: Governor, lane: str, window: str) -> None:
    one = tokens(1000, cached=600, output=50, reasoning=20)
    transcript(answer())
    rollout(meta(), turn(), recorded("resp_1", one), counted(one))
    told = governor("forecast", "--lane", lane, "--window", window).out
    hint = told.splitlines()[-1].strip().removeprefix("next: governor ")
    assert ("--lane codex" in hint, "--window 5h" in hint) == (lane == "codex", window == "5h")
    assert 0 == governor(*hint.split()).code
    told = governor("forecast", "--lane", lane, "--window", window).out
    assert "Where it lands is not known yet" in told, "one reading tells a total, not a slope"
    second = told.splitlines()[-1].strip().removeprefix("next: governor ")
    assert 0 == governor(*second.replace("N%", "70%").split()).code
    wrong = governor(*hint.split()[:-1], "2026-11-01T09:00")
    assert (1, f"next: governor {hint}") == (wrong.code, wrong.err.splitlines()[-1].strip()), "what is typed can work"


def test_a_forecast_without_history_says_that_history_is_missing(governor: Governor) -> None:
    governor("calibrate", "60%", "--resets-at", "2026-11-23T12:00")
    told = governor("forecast", "--lane", "claude").out
    assert "needs some history of your own" in told
    assert "calibrate" not in told


@pytest.mark.usefixtures("life")
def test_an_older_figure_is_confirmed_before_it_is_said_that_a_newer_one_holds(governor: Governor) -> None:
    told = governor("calibrate", "30%", "--lane", "codex", "--at", "2h").out.splitlines()
    assert "Recorded: Codex week at 30 %, read 10:00, resets Mon 12:00." == told[0]
    assert told[1].startswith("week: 40 % was read ")
    assert [] == [line for line in told if len(line) > 80]


def test_off_and_on(governor: Governor) -> None:
    assert "next: governor on" in governor("off").out
    assert {"off": True, "by": "file"} == governor("status", "--json").json["kill_switch"]
    assert 1 == governor("doctor", "--json").code
    assert 0 == governor("on").code
    assert {"off": False, "by": None} == governor("status", "--json").json["kill_switch"]
    governor("off", "--for", "1h30m")
    assert str(NOW + 5400) == (paths.home() / "OFF").read_text()


def test_an_override_is_seen_and_can_be_ended(governor: Governor) -> None:
    transcript(answer())
    assert "next: governor override off" in governor("override", "30m").out
    assert "override until 12:30" in governor("status").out.splitlines()[0]
    assert "an override is in force for 30 min more" in " ".join(governor("doctor").out.split())
    assert "Your override stays in force until 12:30" in governor("on").out
    assert "The override has ended" in governor("override", "off").out
    assert "override" not in governor("status").out
    governor("override", "30m")
    assert "The override has ended" in governor("override", "0m").out
    assert "No override was in force" in governor("override", "off").out


def test_an_agent_may_end_an_override(governor: Governor, monkeypatch: pytest.MonkeyPatch) -> None:
    governor("override", "30m")
    monkeypatch.setenv("CLAUDECODE", "1")
    assert "The override has ended" in governor("override", "off").out


def test_the_screen_says_until_when_it_is_off_and_how_to_end_that(governor: Governor) -> None:
    transcript(answer())
    governor("off", "--for", "2h")
    lines = governor("status").out.splitlines()
    assert ("OFF by file until 14:00", "next: governor on") == (lines[0].split("   ")[1], lines[-1])
    assert "for 2 h more" in governor("doctor").out


@pytest.mark.usefixtures("life")
def test_at_the_wall_the_next_step_is_the_reset_or_the_override(governor: Governor) -> None:
    governor("calibrate", "97%")
    assert "next: wait for the reset (Sun 12:00), or governor override 30m" == governor("status").out.splitlines()[-1]
    governor("override", "30m")
    assert "next: governor override off ends the override" == governor("status").out.splitlines()[-1]


def test_a_familys_window_keeps_the_columns(governor: Governor) -> None:
    transcript(answer())
    governor("calibrate", "60%", "--resets-at", "2026-11-27T12:00")
    governor("calibrate", "60%", "--window", "week:fable", "--resets-at", "2026-11-27T12:00")
    week, fable = (line for line in governor("status").out.splitlines() if line.startswith("  week"))
    assert fable.startswith("  week:fable █")
    assert week.index("resets") == fable.index("resets")


def test_what_doctor_says_hangs_under_itself(
    tmp_path: Path, governor: Governor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "a-long-name-of-a-folder" / ("deep-" * 20)))
    lines = governor("doctor").out.splitlines()
    assert [] == [line for line in lines if "deep-" in line and not line.startswith((" " * 8, "  ok "))]
    assert [] == [line for line in lines if len(line) > 80 and "→" not in line]


@pytest.mark.parametrize(("name", "why"), [
    ("notes.md", "its name is not MEMORY.md"), ("MEMORY.md", "it lies in no client's memory folder"),
])  # fmt: skip
def test_memory_check_says_why_the_hook_leaves_a_file_alone(
    governor: Governor, tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / name).write_text("# Notes\n")
    told = " ".join(governor("memory", "check", str(tmp_path / name)).out.split())
    assert f"the hook leaves this file alone: {why}, and memory.files in the budget file does not name it" in told


def test_old_transcripts_read_late_reach_every_figure(governor: Governor) -> None:
    """What was worked out of the past is worked out again when the past turns out to be longer."""
    transcript(answer("msg_1"))
    governor("calibrate", "60%", "--resets-at", "2026-11-23T12:00")
    before = governor("status", "--json").json["lanes"][0]["windows"][1]["calibration"]["units_per_percent"]
    transcript(*(answer(f"msg_old{n}", at_ms=START_MS - 86_400_000) for n in range(99)), session=OTHER)
    after = governor("status", "--json").json["lanes"][0]["windows"][1]["calibration"]["units_per_percent"]
    assert before * 100 == pytest.approx(after)


def test_the_demo_can_be_made_again_on_another_day(
    governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for later in (0, 3 * 86_400):
        monkeypatch.setattr(ingest, "now_s", lambda later=later: NOW + later)
        assert 0 == governor("demo", str(tmp_path / "demo"), "--weeks", "2").code
        for name in ("GOVERNOR_HOME", "GOVERNOR_CONFIG", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
            monkeypatch.setenv(name, os.environ[name])
        truth = json.loads((tmp_path / "demo" / "truth.json").read_text())
        rows = {row["lane"]: row for row in governor("usage", "--by", "lane", "--json").json["rows"]}
        for lane in ("claude", "codex"):
            assert truth["lanes"][lane]["requests"] == rows[lane]["requests"]
            by_day = governor("usage", "--by", "day", "--lane", lane, "--json").json["rows"]
            assert {day: sums["requests"] for day, sums in truth["lanes"][lane]["by_day"].items()} == {
                row["day"]: row["requests"] for row in by_day
            }


def test_the_demos_exports_survive_any_folder(governor: Governor, tmp_path: Path) -> None:
    folder = tmp_path / "it's a demo"
    assert 0 == governor("demo", str(folder), "--weeks", "2").code
    exports = governor("demo", str(folder), "--env").out
    shown = subprocess.run(["sh", "-c", f'{exports}\nprintf %s "$CODEX_HOME"'], capture_output=True, text=True)
    assert str(folder / "codex") == shown.stdout


@pytest.mark.parametrize("held", ["notes.txt", "claude/projects/mine.jsonl", "truth.json"])
def test_a_demo_leaves_anybody_elses_folder_alone(governor: Governor, tmp_path: Path, held: str) -> None:
    """Twice, for the first run must not make the second believe that the folder is a demo's."""
    mine = tmp_path / "mine" / held
    mine.parent.mkdir(parents=True)
    mine.write_text('{"schema": "governor.demo-truth/1"}')
    for _ in range(2):
        told = governor("demo", str(tmp_path / "mine"), "--weeks", "2")
        assert (1, "") == (told.code, told.out)
        assert str(tmp_path / "mine") in told.err
        assert "next: governor demo" in told.err
    assert [mine] == [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]


@pytest.mark.parametrize("place", ["claude", "claude/demo", "codex/new", "home/.claude/x", "home/.codex", "."])
def test_a_demo_stays_out_of_the_clients_folders(governor: Governor, tmp_path: Path, place: str) -> None:
    told = governor("demo", str(tmp_path / place), "--weeks", "2")
    assert (1, "") == (told.code, told.out)
    assert not list(tmp_path.rglob("truth.json"))


def test_a_demo_made_again_deletes_only_what_the_first_one_wrote(governor: Governor, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert 0 == governor("demo", str(folder), "--weeks", "2").code
    first = list((folder / "claude").rglob("*.jsonl"))
    kept = [folder / name for name in ("notes.txt", "claude/projects/new/mine.jsonl", "state/handoffs/h1/tree/work.py")]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (folder / "budget.json").write_text('{"plan": "pro"}')
    assert 0 == governor("demo", str(folder), "--weeks", "2", "--seed", "8").code
    assert ["mine"] * 3 == [path.read_text() for path in kept]
    assert '{"plan": "pro"}' == (folder / "budget.json").read_text()
    assert not [path for path in first if path.exists()], "another seed, another life"


def test_a_demo_says_the_command_for_its_own_folder(governor: Governor, tmp_path: Path) -> None:
    assert 'eval "$(governor demo --env)"' in governor("demo", "--weeks", "2").out
    told = governor("demo", str(tmp_path / "my demo"), "--weeks", "2")
    assert f"""eval "$(governor demo '{tmp_path}/my demo' --env)\"""" in told.out


def test_the_exports_of_a_demo_that_is_not_there_write_none(governor: Governor, tmp_path: Path) -> None:
    told = governor("demo", str(tmp_path / "none"), "--env")
    assert (1, "") == (told.code, told.out)
    assert f"next: governor demo {tmp_path}/none" in told.err
    assert not (tmp_path / "none").exists()
    assert 1 == governor("demo", "--env").code


def test_inside_a_demo_there_is_no_second_one(
    governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "demo"
    assert 0 == governor("demo", str(folder), "--weeks", "2").code
    for name in ("GOVERNOR_HOME", "GOVERNOR_CONFIG", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.setenv(name, os.environ[name])
    exports = governor("demo", "--env").out
    assert f"export GOVERNOR_HOME={folder}/state\n" in exports
    told = governor("demo", "--weeks", "2")
    assert 0 == told.code
    assert f"governor demo {folder} --env" in told.out
    assert not (folder / "state" / "demo").exists()
    assert 0 == governor("feasibility", "--plan", "max-5x").code, "as the README has it"


# ---- the program as a person starts it -------------------------------------------------------------------------------


def start(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    governor = f"{sys.executable} -m governor"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('governor', governor)}"],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.usefixtures("life")
def test_a_reader_that_stops_reading_is_no_fault() -> None:
    for n in range(300):
        transcript(answer(f"m{n}"), session=f"s{n}")
    done = start("governor usage --by session,model --json | head -n 1")
    assert ("{\n", "") == (done.stdout, done.stderr)


@pytest.mark.usefixtures("life")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_knows_few_snapshots_is_no_fault(encoding: str) -> None:
    done = start("governor status && governor usage && governor sessions", PYTHONIOENCODING=encoding)
    assert (0, "") == (done.returncode, done.stderr)


def test_a_missing_ledger_folder_and_a_wrong_command_exit_as_the_contract_says(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = start("governor status", GOVERNOR_HOME=str(tmp_path / "file" / "state"))
    assert (1, "") == (done.returncode, done.stdout)
    assert "next:" in done.stderr
    assert 1 == start("governor nonsense").returncode


def test_a_corrupt_ledger_is_kept_and_said_and_the_figures_come_back(governor: Governor) -> None:
    transcript(answer())
    (paths.claim_home() / "ledger.sqlite3").write_bytes(b"not a ledger" * 100)
    told = governor("usage", "--json")
    assert (0, 1) == (told.code, told.json["total"]["requests"])
    assert "corrupt" in told.err
    assert "next:" in told.err
    (aside,) = paths.home().glob("ledger.sqlite3.corrupt-*")
    assert b"not a ledger" * 100 == aside.read_bytes()
    findings = governor("doctor", "--json").json["findings"]
    assert any(aside.name in finding["text"] and finding["mend"] for finding in findings)


def test_doctor_names_what_could_not_be_read(governor: Governor) -> None:
    path = transcript(answer(), b'{"usage": torn', answer("msg_2", spent=usage(input=-5)))
    path.with_name("gone.jsonl").symlink_to("nowhere")
    findings = governor("doctor", "--json").json["findings"]
    bad = " ".join(finding["text"] for finding in findings if not finding["ok"])
    named = " ".join(finding["text"] for finding in findings if finding["ok"])
    assert "gone.jsonl" in bad
    for word in ("not JSON", "impossible count"):
        assert word in named, "named, but nobody can mend a line that a client wrote"
    assert {"lines": 2, "files": 1} == governor("status", "--json").json["problems"]


# ---- screens ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    demo.write(folder, now=NOW, weeks=4)
    return folder


@pytest.fixture
def demo_home(made_up: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(made_up / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(made_up / "codex"))
    spool = paths.claim_home() / "spool"
    spool.mkdir(exist_ok=True)
    (spool / "limits.jsonl").write_bytes((made_up / "state" / "spool" / "limits.jsonl").read_bytes())
    return made_up


SCREENS = {
    "usage.txt": "usage",
    "usage-project-model.txt": "usage --by project,model --top 8",
    "usage-lane.txt": "usage --by lane",
    "sessions.txt": "sessions",
    "anchors.txt": "calibrate --list",
    "status.txt": "status",
}


@pytest.mark.usefixtures("demo_home")
def test_screens_fit_eighty_columns_and_are_as_they_were(governor: Governor, gold: Callable[[str, str], None]) -> None:
    said = {name: governor(*command.split()) for name, command in SCREENS.items()}
    for name, told in said.items():
        assert (0, "") == (told.code, told.err)
        assert [] == [line for line in told.out.splitlines() if len(line) > 80], name
        assert "\x1b" not in told.out
    assert "; usually " in said["status.txt"].out, "a share of use at large, not of this figure"
    for name, told in said.items():
        if name != "status.txt":  # it holds the whole of the projection: its figures have tests of their own
            gold(name, told.out)


@pytest.mark.parametrize(
    ("share", "high", "at_most", "said"),
    [
        (0.69, 0.76, False, "; usually 69 % of use (63–76 %)"),
        (0.69, 0.76, True, "; usually at most 69 % of use (63–76 %)"),
        (0.999, 1.0, True, "; usually 63–100 % of use"),
    ],
)
def test_an_unwatched_share_is_a_bound_from_above(share: float, high: float, at_most: bool, said: str) -> None:
    scale = calibration_scale.Scale(1.0, 0.9, 1.1, 9, None, calibration_scale.Coverage(share, 0.63, high, at_most), "")
    window = Window("claude", "week", 0, 604_800, "official")
    official = OfficialFigure(50.0, 1000, "statusline", 0)
    found = WindowReport(window, official, Tally(units=5.0, requests=2), scale, None, None, "GO", [])
    assert text._here(found).endswith(said)


@pytest.mark.parametrize("name", ["CLAUDECODE", "CODEX_THREAD_ID"])
@pytest.mark.parametrize("command", [("override", "30m"), ("off",), ("off", "--for", "1h")])
def test_an_agent_cannot_lift_what_holds_it_back(
    governor: Governor, monkeypatch: pytest.MonkeyPatch, name: str, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv(name, "1")
    told = governor(*command)
    assert 1 == told.code
    assert f"{name} says that an agent is typing" in told.err
    assert {"off": False, "by": None} == governor("status", "--json").json["kill_switch"]
    assert 0 == governor("on").code, "switching the guards on is anybody's"


# ---- how figures are shown -------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(0, 200) | st.integers(0, 4000).map(lambda n: n / 20))
def test_a_percentage_is_0_only_at_0_and_100_only_from_100_on(value: float) -> None:
    assert (value == 0) == (number_format.percent(value) == "0 %")
    assert (100 <= value <= 100.5) == (number_format.percent(value) == "100 %")


@pytest.mark.parametrize(("text", "words"), [
    ("7d", "in the last 7 days"), ("1h", "in the last hour"), ("today", "today"), ("2026-11-01", "since 2026-11-01"),
])  # fmt: skip
def test_a_span_is_said_in_words(text: str, words: str) -> None:
    assert words == number_format.since_words(text)


@pytest.mark.usefixtures("demo_home")
@pytest.mark.parametrize("keys", ["model,project", "session,model", "project,model,lane", "session,project,model,day"])
def test_a_table_too_wide_leaves_columns_out_and_says_which(governor: Governor, keys: str) -> None:
    lines = governor("usage", "--by", keys).out.splitlines()
    assert lines[0].endswith(" share"), lines[0]
    assert lines[2].endswith(" %"), lines[2]
    assert [] == [line for line in lines if len(line) > 80]
    left_out = [line for line in lines if line.startswith("Left out to fit 80 columns: ")]
    assert ("generated" in lines[0]) != any("generated" in line for line in left_out)
    assert lines[-1].startswith("next: governor")


@pytest.mark.usefixtures("life")
def test_a_share_says_of_what_it_is_and_is_missing_where_it_is_not_known(governor: Governor) -> None:
    told = governor("usage", "--by", "model").out
    (unpriced,) = [line for line in told.splitlines() if line.startswith("model-of-2031")]
    assert unpriced.endswith(" unpriced     —")
    assert "share: of notional cost" in told
    assert "units" not in governor("usage").out
    transcript(answer("msg_9", at_ms=START_MS - 9 * 86_400_000, model="model-of-2031"), session="s9")
    assert "of tokens (nothing here is priced)" in governor("usage", "--by", "model", "--until", "8d").out


def test_two_things_never_look_the_same_when_cut() -> None:
    """Codex's session ids begin with the time, and a snapshot of a model with the model's name."""
    ids = ["0199a213-81ab-7800-8aa1-bbab2a035a53", "0199a213-81c0-7800-8aa1-bbab2a035a54", "ffffffff" + "-0000" * 5]
    ids = [one[:36].ljust(36, "0") for one in ids]
    assert ["0199a213-81a", "0199a213-81c", "ffffffff"] == list(tables.names_of("session", ids).values())
    models = ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101"]
    assert ["sonnet-4-5", "sonnet-4-5-20250929", "opus-4-5"] == list(tables.names_of("model", models).values())
    assert ["a/app", "b/app"] == list(tables.names_of("project", ["/home/a/app", "/home/b/app"]).values())


@pytest.mark.parametrize("command", ["usage", "sessions", "audit"])
def test_sums_of_what_could_not_be_taken_in_are_no_zeros(
    governor: Governor, life: None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the ledger is there and empty, and nothing can be written into it."""

    def full(*_: Any, **__: Any) -> None:
        raise StateError("The ledger could not be written (disk is full).", "governor doctor")

    with monkeypatch.context() as during:
        during.setattr(ingest, "refresh", full)
        for more in ((), ("--json",)):
            told = governor(command, *more)
            assert (1, "") == (told.code, told.out)
            assert "disk is full" in told.err
    assert 0 == governor(command).code
    with monkeypatch.context() as during:
        during.setattr(ingest, "refresh", full)
        remembered = governor(command)
    assert 0 == remembered.code, "what is remembered is shown, and it is said that nothing new is in it"
    assert "disk is full" in remembered.err


@pytest.mark.parametrize(
    ("present", "wanted"), [("ultra", "max"), ("max-20x", "max"), ("ultra", "pro"), ("plus", "promax")]
)
def test_a_plan_that_nobody_has_measured_is_said_to_be_so(
    governor: Governor, life: None, present: str, wanted: str
) -> None:
    told = governor("feasibility", "--from", present, "--plan", wanted)
    assert (0, "") == (told.code, told.err)
    assert f"Your weeks on {present}, as if on {wanted}: not yet measured." in told.out
    assert "%" not in told.out
    content = governor("feasibility", "--from", present, "--plan", wanted, "--json").json
    assert (None, None, []) == (content["week"], content["five_hour"], content["sessions"])
    unmeasured = [plan for plan in (content["from"], content["plan"]) if plan["name"] not in ("pro", "max-20x")]
    assert all(plan["week"] is None for plan in unmeasured)


def test_plans_of_two_clients_are_not_compared(governor: Governor, life: None) -> None:
    assert 1 == governor("feasibility", "--from", "ultra", "--plan", "promax").code


def test_a_paste_from_a_terminal_is_asked_for(
    governor: Governor, life: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pasted = b"All models\nResets in 3 days\n104% used\nSonnet only\nResets soon\n7% used\n"
    typed = io.TextIOWrapper(io.BytesIO(pasted))
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    assert 0 == main(["calibrate", "--paste"])
    out, err = capsys.readouterr()
    assert "Ctrl-D" in err
    assert "Claude Code week at 104 %" in out
    assert "not understood: Sonnet only: when it resets" in err
    assert "Ctrl-D" not in governor("calibrate", "--paste", stdin="All models\n42% used\n").err
