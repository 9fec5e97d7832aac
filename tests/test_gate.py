"""``governor gate`` as a script meets it: one line, an exit code, and nothing held back for want of knowledge."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from writing import answer, transcript

from governor.cli import governor as command_line
from governor.cli import main
from governor.cli.unattended.gate import cut
from governor.gate import evidence as gatehouse
from governor.gate.rulings import GateRuling, worst
from governor.hooks import runtime
from governor.model import Lane


def official(
    tmp_path: Path,
    percent: float,
    *,
    window: str = "week",
    lane: str = "claude",
    resets_in: int = 9000,
    source: str = "statusline",
) -> None:
    """One reading of the official meter, as a status line leaves it."""
    now = int(time.time())
    record = {
        "lane": lane,
        "window": window,
        "used_percent": percent,
        "resets_at": now + resets_in,
        "observed_at": now - 5,
    }
    runtime.append(str(tmp_path / "state"), "limits.jsonl", json.dumps({**record, "source": source}).encode())


def gate(*words: str) -> Result:
    return CliRunner().invoke(command_line, ["gate", *words], standalone_mode=False)


@pytest.mark.parametrize(("percent", "code", "word"), [(40, 0, "GO"), (92, 10, "PACE"), (96, 20, "STOP")])
def test_the_answer_is_an_exit_code_and_one_line(tmp_path: Path, percent: float, code: int, word: str) -> None:
    official(tmp_path, percent)

    done = gate()

    assert (code, 1, word) == (done.return_value, done.output.count("\n"), done.output.split()[0])
    assert "next: governor" in done.output


def test_the_exit_code_reaches_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    official(tmp_path, 96)
    assert 20 == main(["gate"])
    assert 0 == main(["gate", "--lane", "codex"])
    assert 0 == main(["gate", "--window", "5h"])
    assert 1 == main(["gate", "--window", "fortnight"])
    assert "is no window I know" in capsys.readouterr().err


def test_json_has_stable_keys(tmp_path: Path) -> None:
    official(tmp_path, 96)
    said = json.loads(gate("--json").output)
    assert [
        "schema", "generated_at", "answer", "exit_code", "rule", "text", "lane", "account", "window", "used_percent",
        "until",
    ] == list(said)  # fmt: skip
    assert ("governor.gate/1", "STOP", 20, "wall-95", "claude", "week", 96) == tuple(
        said[name] for name in ("schema", "answer", "exit_code", "rule", "lane", "window", "used_percent")
    )
    assert said["until"].endswith("Z")


def test_what_is_not_known_stops_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = gate()
    assert nothing.output.endswith("next: governor calibrate 60%\n")
    assert gate("--lane", "codex").output.endswith("next: governor calibrate 60% --lane codex\n")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "file" / "state"))
    no_state = gate()

    assert (0, 0) == (nothing.return_value, no_state.return_value)
    assert "nothing official is known of any window" in nothing.output
    assert "nothing can be known" in no_state.output


def test_go_claims_nothing_of_a_window_that_is_not_known(tmp_path: Path) -> None:
    transcript(answer(at_ms=int(time.time() * 1000) - 1000))  # used, but never measured
    assert "nothing official is known of any window" in gate().output
    assert "nothing official is known.  next: governor calibrate 60% --window 5h" in gate("--window", "5h").output
    assert "unknown" == json.loads(gate("--json").output)["rule"]

    official(tmp_path, 40, source="typed")
    assert "GO  Claude week 40 %: no known window is near its cap" in gate().output
    said = gate("--window", "week:fable")
    assert "next: governor calibrate 60% --window week:fable" in said.output
    assert (
        "nothing official is known of week:fable" == json.loads(gate("--window", "week:fable", "--json").output)["text"]
    )


@pytest.mark.parametrize(
    ("asked", "begins", "ends"),
    [
        (["--window", "week"], "STOP  Claude week 96 %, resets ", "next: governor gate --wait"),
        (["--lane", "claude"], "STOP  Claude week 96 %.", "next: governor gate --wait --lane claude"),
        (["--window", "week:fable"], "STOP  Claude week:fable 96 %", "next: governor gate --wait --window week:fable"),
    ],
)
def test_a_stop_fits_a_terminal_and_says_until_when(tmp_path: Path, asked: list[str], begins: str, ends: str) -> None:
    official(tmp_path, 96, window=asked[1] if asked[0] == "--window" else "week", resets_in=5 * 86_400)
    said = gate(*asked).output.rstrip("\n")
    assert said.startswith(begins)
    assert said.endswith(ends)
    assert len(said) <= 80


def test_a_reset_that_has_passed_opens_it(tmp_path: Path) -> None:
    official(tmp_path, 99, window="5h", resets_in=-1)
    assert 0 == gate("--window", "5h").return_value


def test_a_family_stops_only_where_it_is_asked_for(tmp_path: Path) -> None:
    official(tmp_path, 99, window="week:opus")
    assert (10, 20) == (gate().return_value, gate("--window", "week:opus").return_value)


def test_the_persons_word_opens_every_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official(tmp_path, 96)
    main(["override", "30m"])
    overridden = gate()
    main(["override", "1m"])
    (tmp_path / "state" / "override").unlink()
    monkeypatch.setenv("GOVERNOR_OFF", "1")
    off = gate()

    assert (0, 0) == (overridden.return_value, off.return_value)
    assert "override in force" in overridden.output
    assert "the kill switch is on (env)" in off.output


def test_waiting_ends_with_the_stop_and_never_sleeps_past_a_look() -> None:
    """A clock that is set forward, an override, a new reading: each look may open it."""
    slept: list[float] = []
    told: list[str] = []
    stop = GateRuling("STOP", "wall-95", "full", until=int(time.time()) + 10**6)
    answers = [stop, stop, stop._replace(until=None), GateRuling("PACE", "ladder-90", "near")]

    found = gatehouse.wait(
        lambda: answers.pop(0), told=lambda ruling, now: told.append(ruling.answer), sleep=slept.append
    )

    assert ("PACE", 3, 3) == (found.answer, len(slept), len(told))
    assert max(slept) <= gatehouse.LOOK_EVERY_S


def test_waiting_for_real_ends_at_the_reset(tmp_path: Path) -> None:
    official(tmp_path, 99, window="5h", resets_in=2)
    done = gate("--wait", "--window", "5h")
    assert 0 == done.return_value


@pytest.mark.parametrize(
    ("budget", "code"),
    [
        ({"per": "day", "tokens": 50, "action": "stop"}, 20),
        ({"per": "day", "tokens": 50, "action": "ask"}, 0),
        ({"per": "day", "tokens": 500_000, "action": "stop"}, 0),
        ({"per": "day", "tokens": 50, "action": "stop", "lane": "codex"}, 0),
        ({"per": "project", "tokens": 50, "action": "stop"}, 20),
        ({"per": "project", "tokens": 50, "action": "stop", "project": "*/elsewhere"}, 0),
        ({"per": "session", "tokens": 50, "action": "stop"}, 0),
    ],
)
def test_a_budget_that_stops_and_is_used_up_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: dict[str, object], code: int
) -> None:
    folder = tmp_path / "work" / "deeper"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    transcript(answer(at_ms=int(time.time() * 1000) - 1000, cwd=str(folder.parent)))
    (tmp_path / "budget.json").write_text(json.dumps({"budgets": [{"name": "night", **budget}]}))

    done = gate("--json")
    elsewhere = gate("--window", "week")

    said = json.loads(done.output)
    assert (code, 0) == (done.return_value, elsewhere.return_value), said
    if code:
        assert [True] == [len(line) <= 80 for line in gate().output.splitlines()]
        assert ("budget:night", True) == (said["rule"], said["text"].startswith("budget 'night'"))
        assert said["until"] > said["generated_at"]


def test_of_windows_with_room_the_fullest_is_named() -> None:
    lane: Lane
    rulings = []
    for lane, used, until in (("claude", 84.0, None), ("codex", 0.0, 5000)):
        rulings.append(GateRuling("GO", "room", "no window is near its cap", lane, "week", used, until))
    assert 84.0 == worst(rulings).used_percent
    stops = [each._replace(answer="STOP") for each in rulings]
    assert 5000 == worst(stops).until, "what has to be waited for"


@pytest.mark.parametrize(
    ("text", "room", "kept"),
    [
        ("whole", 5, "whole"),
        ("one, two; three", 12, "one, two"),
        ("one, two and three", 12, "one"),
        ("Claude week 97 %: a reason of many words", 30, "Claude week 97 %"),
        ("no clause at all", 12, "no clause"),
        ("nothing", 4, "…"),
    ],
)
def test_a_line_is_cut_where_a_clause_ends(text: str, room: int, kept: str) -> None:
    assert kept == cut(text, room)
