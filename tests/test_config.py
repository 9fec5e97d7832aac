"""The person's settings: what the file may hold, where each value came from, and what a wrong one says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from governor import config, paths
from governor.cli.set.config import SPANS
from governor.config.schema import Budget
from governor.errors import BadInputError, BudgetFileError
from governor.quota.plans import PLANS


def write(text: str, name: str = "budget.json") -> Path:
    path = Path(os.environ["GOVERNOR_CONFIG"]).with_name(name)
    os.environ["GOVERNOR_CONFIG"] = str(path)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNOR_CONFIG", os.environ["GOVERNOR_CONFIG"])  # so that ``write`` may change it


def test_without_a_file_all_is_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOVERNOR_CONFIG")
    assert not paths.config_file().exists()
    settings = config.load()
    assert ({}, [], {}, "") == (settings.prices, settings.tags, settings.origin, settings.person)
    assert "default" == settings.weights.name
    assert settings.machine


def test_default_then_file_then_environment_and_each_knows_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    write('{"machine": "desk", "person": "ada", "memory": {"line_chars": 200}}')
    settings = config.load()
    assert ("desk", "ada") == (settings.machine, settings.person)
    assert {"machine": "file", "person": "file", "memory.line_chars": "file"} == settings.origin
    monkeypatch.setenv("GOVERNOR_MACHINE", "tower")
    assert ("tower", "environment") == (config.load().machine, config.load().origin["machine"])
    monkeypatch.delenv("GOVERNOR_MACHINE")
    assert "desk" == config.load().machine


@pytest.mark.parametrize("name", ["budget.yaml", "budget.yml"])
def test_yaml_says_the_same(name: str) -> None:
    write("person: ada\ntags:\n  - {tag: web, project: '*/web'}\n", name)
    settings = config.load()
    assert ("ada", [{"tag": "web", "project": "*/web", "branch": "*"}]) == (settings.person, settings.tags)


@pytest.mark.parametrize("text", ["", "  \n", "{}", "\ufeff{}"])
def test_an_empty_file_is_all_default(text: str) -> None:
    write(text)
    assert {} == config.load().origin


BAD = {
    "torn": '{"person": ',
    "an array": "[]",
    "a number": "7",
    "an unknown entry": '{"persn": "ada"}',
    "an unknown inner entry": '{"memory": {"lines": 1}}',
    "a wrong kind": '{"tags": {"a": 1}}',
    "an unknown set of weights": '{"weights": "nobody"}',
    "an unknown base": '{"weights": {"base": "nobody"}}',
    "a negative weight": '{"weights": {"output": -1}}',
    "NaN": '{"weights": {"output": NaN}}',
    "infinity": '{"prices": {"m": {"input": Infinity, "output": 1}}}',
    "out of range": '{"memory": {"max_lines": 100000}}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_file_says_what_is_wrong_and_what_to_type(name: str) -> None:
    path = write(BAD[name])
    with pytest.raises(BadInputError) as told:
        config.load()
    assert str(path) in told.value.message
    assert told.value.next_step
    assert "\n" not in told.value.message


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "!!python/object:os.system x", "\t- x", "- 1"])
def test_a_wrong_yaml_file_too(text: str) -> None:
    write(text, "budget.yaml")
    with pytest.raises(BadInputError):
        config.load()


def test_what_is_not_text_is_said() -> None:
    write("{}").write_bytes(b"\xff\xfe{}")
    with pytest.raises(BadInputError, match="cannot be read"):
        config.load()
    path = paths.config_file()
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInputError, match="cannot be read"):
        config.load()


def test_the_checked_form_is_kept_until_the_file_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write('{"person": "ada"}')
    first = config.load()

    def never(file: Path) -> object:
        raise AssertionError("checked again")

    with monkeypatch.context() as patched:
        patched.setattr(config, "_check", never)
        assert first == config.load()
    path.write_text('{"person": "bob"}')
    os.utime(path, ns=(1, 1))
    assert "bob" == config.load().person
    path.write_text("")
    assert "" == config.load().person


def test_a_file_that_was_named_and_is_lost_lifts_no_limit() -> None:
    write('{"person": "ada"}')
    config.load()
    path = paths.config_file()
    path.unlink()
    for _ in range(2):  # nor does asking once more
        for settings in (config.load(), config.in_force()):
            assert ("ada", {"person": "file"}) == (settings.person, settings.origin)
            assert settings.fault is not None
            assert "which GOVERNOR_CONFIG names, is not there any more" in settings.fault.message
            assert "unset GOVERNOR_CONFIG" in settings.fault.next_step
    path.write_text('{"person": "bob"}')
    assert ("bob", None) == (config.in_force().person, config.in_force().fault)


@pytest.mark.parametrize("wrong", ['{"persn": "ada"}', "torn {", "[]"])
def test_while_the_file_is_wrong_the_last_good_settings_stay_in_force(wrong: str) -> None:
    path = write('{"person": "ada", "run": {"usd": 3}}')
    good = config.load()
    path.write_text(wrong)
    for _ in range(2):
        settings = config.in_force()
        assert (good.values, good.origin) == (settings.values, settings.origin)
        assert settings.fault is not None
        assert str(path) in settings.fault.message
    with pytest.raises(BudgetFileError):
        config.load()
    path.write_text('{"person": "bob"}')
    assert ("bob", None) == (config.in_force().person, config.in_force().fault)


@pytest.mark.parametrize("kept", [None, b"torn {", b"[]", b'{"stamp": [0], "values": {}, "chosen": []}'])
def test_where_none_were_ever_good_the_defaults_are_in_force(kept: bytes | None) -> None:
    write('{"persn": "ada"}')
    if kept is not None:
        (paths.claim_home() / "settings.json").write_bytes(kept)
    settings = config.in_force()
    assert "observe" == settings.values["spawn"]["action"]
    assert settings.fault is not None
    assert "default" in settings.fault.message


def test_a_fault_says_where_and_what_was_meant() -> None:
    budgets = [
        {"name": "night", "per": "session", "toknes": 5},
        {"per": "day", "usd": 1},
        {"name": "b", "per": "day", "usd": 0},
        {"name": "c", "per": "day"},
    ]
    wrong: dict[str, Any] = {"budgets": budgets, "memry": {}, "spawn": {"bananas": 1}, "weights": {"base": "x", "y": 1}}
    wrong |= {"prices": {"gpt 6": {"input": 1}}, "plan": "max-5000x", "pacing": {"hush": ["5h", "bananas"]}}
    write(json.dumps(wrong))
    with pytest.raises(BudgetFileError) as told:
        config.load()
    assert {
        f"plan: 'max-5000x' is no plan known here; there are {', '.join(PLANS)}, and an empty one",
        "weights.base: no such set of weights; known are classic, default",
        "weights.y is no setting; there are base, input, output, cache_read, cache_write_5m, cache_write_1h, models",
        'prices "gpt 6": output is missing',
        "pacing.hush: 'bananas' is no window; there are 5h, week, week:opus (a family's), day, month and 90m",
        'budgets "night": toknes is no setting; did you mean tokens?',
        "budgets number 2: name is missing",
        'budgets "b": usd must be greater than 0',
        'budgets "c": a budget needs at least one of tokens, usd, units, tool_calls, wall, above 0',
        "spawn.bananas is no setting; there are action, concurrent, fan_out, total, depth, tree_tokens, lease",
        "memry is no setting; did you mean memory?",
    } == set(told.value.faults)
    assert "governor config" == told.value.next_step
    assert f"{paths.config_file()}: {told.value.faults[0]} (and 10 more)." == told.value.message


def test_every_window_there_is_can_be_hushed_and_every_plan_named() -> None:
    hushed = ["5h", "week", "week:opus", "week:GPT-5.3-Codex-Spark", "day", "month", "90m"]
    for plan in ("", "pro", "max-20x"):
        write(json.dumps({"plan": plan, "pacing": {"hush": hushed}}))
        assert (plan, hushed) == (config.load().plan, config.load().values["pacing"]["hush"])


@pytest.mark.parametrize("kept", [b"", b"torn {", b"[]", b'{"stamp": 1}', b"\xff"])
def test_a_broken_checked_form_is_made_again(kept: bytes) -> None:
    write('{"person": "ada"}')
    config.load()
    (paths.home() / "settings.json").write_bytes(kept)
    assert "ada" == config.load().person


def test_every_value_can_be_written_back_as_json() -> None:
    values = config.load().values
    write(json.dumps(values))
    assert values == config.load().values


# ---- unattended work -------------------------------------------------------------------------------------------------


def test_budgets_take_spans_and_default_to_watching() -> None:
    write(json.dumps({"budgets": [{"name": "night", "per": "session", "wall": "6h", "tokens": 5_000_000}]}))
    (night,) = config.load().values["budgets"]
    assert ("observe", 21_600, 5_000_000, None) == (night["action"], night["wall"], night["tokens"], night["usd"])


@pytest.mark.parametrize(
    ("budget", "complaint"),
    [
        ({"per": "day", "tokens": 0}, "greater than 0"),
        ({"per": "day", "usd": -1}, "greater than 0"),
        ({"per": "day", "usd": float("nan")}, "finite"),
        ({"per": "day"}, "at least one of"),
        ({"per": "day", "wall": "2h"}, "wall counts from"),
        ({"per": "session", "wall": "soon"}, "no duration"),
        ({"per": "session", "tokens": 5, "every": "day"}, "goes with"),
        ({"per": "week", "tokens": 5}, "'request'"),
    ],
)
def test_a_budget_that_means_nothing_is_named(budget: dict[str, Any], complaint: str) -> None:
    write(json.dumps({"budgets": [{"name": "x", **budget}]}))
    with pytest.raises(BadInputError, match=complaint):
        config.load()


def test_two_budgets_of_one_name_contradict_each_other() -> None:
    twins = [{"name": "x", "per": "day", "tokens": 5}, {"name": "x", "per": "day", "tokens": 6}]
    write(json.dumps({"budgets": twins}))
    with pytest.raises(BadInputError, match="two budgets"):
        config.load()


def test_every_length_of_time_is_shown_as_one() -> None:
    found = set()
    for part in Budget():
        for name in getattr(type(part[1]), "model_fields", ()):
            try:
                if 7200 == getattr(type(part[1]).model_validate({name: "2h"}), name):
                    found.add(name)
            except ValidationError:
                continue
    assert found == set(SPANS)


def test_the_example_is_a_budget_file_with_every_setting_in_it() -> None:
    example = json.loads((Path(__file__).parent.parent / "budget.example.json").read_text())
    write(json.dumps(example))
    values = config.load().values
    assert list(example) == list(values)
    for name, part in values.items():
        if isinstance(part, dict) and name not in ("prices", "weights"):
            assert set(part) == set(example[name])
    assert "stop" == values["budgets"][0]["action"]
    assert 21_600 == values["budgets"][0]["wall"]
