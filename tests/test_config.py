"""The person's settings: what the file may hold, where each value came from, and what a wrong one says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from governor import config, paths
from governor.errors import BadInputError


def write(text: str, name: str = "budget.json") -> Path:
    path = Path(os.environ["GOVERNOR_CONFIG"]).with_name(name)
    os.environ["GOVERNOR_CONFIG"] = str(path)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNOR_CONFIG", os.environ["GOVERNOR_CONFIG"])  # so that ``write`` may change it


def test_without_a_file_all_is_default() -> None:
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
    path.unlink()
    assert "" == config.load().person


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


def test_the_example_is_a_budget_file_with_every_setting_in_it() -> None:
    example = json.loads((Path(__file__).parent.parent / "budget.example.json").read_text())
    write(json.dumps(example))
    values = config.load().values
    assert list(example) == list(values)
    assert "stop" == values["budgets"][0]["action"]
    assert 21_600 == values["budgets"][0]["wall"]
