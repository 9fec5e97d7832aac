"""A used-up budget that stops work is seen on the first screen, and nothing unattended starts against it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from writing import answer, transcript

from governor import paths
from governor.cli import main

NIGHT = {"name": "night", "per": "day", "tokens": 50, "action": "stop"}


class Machine:
    """A folder in which work was done, a budget, and a client that leaves a mark when it is started."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.mark, self.capsys = folder / "started", capsys
        client = folder / "bin" / "claude"
        client.parent.mkdir()
        client.write_text(f"#!/bin/sh\ntouch {self.mark}\n")
        client.chmod(0o755)
        transcript(answer(at_ms=int(time.time() * 1000) - 1000, cwd=str(folder)))

    def settle(self, *budgets: dict[str, object]) -> None:
        Path(os.environ["GOVERNOR_CONFIG"]).write_text(json.dumps({"budgets": budgets}))

    def says(self, *words: str) -> tuple[int, str]:
        code = main(list(words))
        out, err = self.capsys.readouterr()
        return code, out + err


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    made = Machine(tmp_path, capsys)
    made.settle(NIGHT)
    return made


@pytest.mark.parametrize("words", [(), ("status",)])
def test_the_first_screen_says_it_and_what_to_type(machine: Machine, words: tuple[str, ...]) -> None:
    watched = [{"name": f"w{number}", "per": "day", "tokens": 10, "action": "observe"} for number in range(9)]
    machine.settle(*watched, NIGHT)
    _, told = machine.says(*words)
    assert "■ STOP  budget 'night' is used up: tool calls and prompts are refused" in told
    assert "next: governor override 30m" in told
    machine.says("override", "30m")
    _, told = machine.says(*words)
    assert "it is lifted for now" in " ".join(told.split())
    assert "are refused" not in told


@pytest.mark.parametrize("change", [{"action": "ask"}, {"tokens": 10**9}])
def test_what_stops_nothing_is_no_stop(machine: Machine, change: dict[str, object]) -> None:
    machine.settle({**NIGHT, **change})
    assert "used up: tool calls" not in machine.says("status")[1]
    assert 0 == machine.says("run", "--", "claude", "-p", "x")[0]
    assert machine.mark.exists()


def test_run_starts_nothing_against_it(machine: Machine) -> None:
    code, told = machine.says("run", "--", "claude", "-p", "x")
    assert (1, False) == (code, machine.mark.exists())
    assert "budget 'night'" in told
    assert "governor run --anyway" in told
    assert (0, True) == (machine.says("run", "--anyway", "--", "claude", "-p", "x")[0], machine.mark.exists())


def test_an_override_lets_run_start(machine: Machine) -> None:
    machine.says("override", "30m")
    assert (0, True) == (machine.says("run", "--", "claude", "-p", "x")[0], machine.mark.exists())


def test_handoff_starts_nothing_against_it(machine: Machine) -> None:
    code, told = machine.says("handoff", "--lane", "claude", "--foreground", "--here", "do it")
    assert (1, False) == (code, machine.mark.exists())
    assert "governor handoff --anyway" in told
    machine.says("handoff", "--anyway", "--lane", "claude", "--foreground", "--here", "do it")
    assert machine.mark.exists()


@pytest.mark.parametrize("words", [("run", "--anyway", "--", "claude", "-p", "x"), ("handoff", "--anyway", "do it")])
def test_an_agent_cannot_say_anyway(machine: Machine, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    code, told = machine.says(*words)
    assert (1, False) == (code, machine.mark.exists())
    assert "for the user at the keyboard" in told


def test_of_two_budget_files_it_is_said_which_one_is_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOVERNOR_CONFIG")
    read = paths.config_file()
    read.parent.mkdir(parents=True)
    read.write_text("{}")
    assert [] == paths.config_files_not_read()
    other = read.with_name("budget.yaml")
    other.write_text("{}")
    assert [other] == paths.config_files_not_read()
    main(["config"])
    assert f"not read     {other}, for budget.json is there" in capsys.readouterr().out
    main(["config", "--json"])
    assert [str(other)] == json.loads(capsys.readouterr().out)["not_read"]
    main(["doctor"])
    told = " ".join(capsys.readouterr().out.split())
    assert "budget.json is read, and budget.yaml beside it is not" in told
    assert f"→ mv {other} {other}.old" in told
