"""The status line's tap: fresh figures in, echoes out, and the person's own line kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from governor.hooks.statusline import chained_statusline as acts_chain
from governor.hooks.statusline import rules as statusline_rules

ROOT = Path(__file__).parent.parent
NOW = int(time.time()) // 600 * 600  # the hook has its own clock


def event(five: float | None, week: float | None, api_ms: int, **more: Any) -> dict[str, Any]:
    limits = {}
    if five is not None:
        limits["five_hour"] = {"used_percentage": five, "resets_at": NOW + 3600}
    if week is not None:
        limits["seven_day"] = {"used_percentage": week, "resets_at": NOW + 86_400}
    return {
        "session_id": "abc",
        "cost": {"total_api_duration_ms": api_ms},
        "context_window": {"total_input_tokens": 84_000},
        "rate_limits": limits,
        **more,
    }


def values(readings: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(one["window"], one["used_percent"]) for one in readings]


def test_an_idle_sessions_echo_is_not_a_reading() -> None:
    readings, memo = statusline_rules.take(event(42.1, 10, 40), {}, now=NOW)
    assert [("5h", 42.1), ("week", 10.0)] == values(readings)
    assert ([], memo) == statusline_rules.take(event(42.1, 10, 40), memo, now=NOW + 20)
    assert [] == statusline_rules.take(event(42.1, 10, 40), memo, now=NOW + 5000)[0]
    assert [] == statusline_rules.take(event(12, 3, 40), memo, now=NOW + 5000)[0]


def test_a_lower_figure_after_an_answer_is_dated_by_when_the_answer_began() -> None:
    """The answer ended after the last sight of the old figure, and added 15 s of API time."""
    _, memo = statusline_rules.take(event(90, 80, 40_000), {}, now=NOW)
    _, memo = statusline_rules.take(event(90, 80, 40_000), memo, now=NOW + 300)
    readings, _ = statusline_rules.take(event(2, 80, 55_000), memo, now=NOW + 360)
    assert [("5h", 2.0)] == values(readings)
    assert [NOW + 300 - 16] == [one["began_at"] for one in readings]


def test_the_answer_after_a_fall_is_told_too_although_nothing_moved() -> None:
    _, memo = statusline_rules.take(event(90, None, 40), {}, now=NOW)
    told = []
    for number in range(1, 4):
        readings, memo = statusline_rules.take(event(2, None, 40 + number), memo, now=NOW + 60 * number)
        told.append([one["began_at"] is not None for one in readings])
    assert [[True], [False], []] == told


def test_a_session_without_any_api_time_has_no_figure_of_its_own() -> None:
    """``/clear``: a new session id, and the process's old figures. Its first answer brings its own."""
    readings, memo = statusline_rules.take(event(20, 60, 0), {}, now=NOW)
    assert [] == readings
    readings, memo = statusline_rules.take(event(20, 60, 0), memo, now=NOW + 700)
    assert [] == readings
    readings, _ = statusline_rules.take(event(51, 97, 900), memo, now=NOW + 720)
    assert [("5h", 51.0), ("week", 97.0)] == values(readings)


@pytest.mark.parametrize("api_ms", [0, 40])
def test_a_figure_that_rose_is_no_echo_whatever_the_api_time_says(api_ms: int) -> None:
    """After a refusal the client shows 100 %, and the refused answer cost no API time."""
    _, memo = statusline_rules.take(event(42.1, 10, api_ms), {}, now=NOW)
    readings, memo = statusline_rules.take(event(100, 10, api_ms), memo, now=NOW + 5)
    assert [("5h", 100.0)] == values(readings)
    assert [] == statusline_rules.take(event(100, 10, api_ms), memo, now=NOW + 10)[0]


def test_a_session_that_is_open_twice_alternates_without_a_reading() -> None:
    _, memo = statusline_rules.take(event(None, 60, 20_000), {}, now=NOW)
    _, memo = statusline_rules.take(event(None, 97, 50_000), memo, now=NOW + 10)
    told = []
    for number in range(6):
        now_shown = event(None, 97, 50_000) if number % 2 else event(None, 60, 20_000)
        readings, memo = statusline_rules.take(now_shown, memo, now=NOW + 20 + number)
        told += readings
    assert [] == [one for one in told if one["began_at"] is not None]


def test_a_wobbling_reset_is_told_once() -> None:
    _, memo = statusline_rules.take(event(None, 60, 10), {}, now=NOW)
    told = []
    for number in range(1, 6):
        shown = event(None, 60, 10 + number)
        shown["rate_limits"]["seven_day"]["resets_at"] -= number % 2
        readings, memo = statusline_rules.take(shown, memo, now=NOW + number)
        told += readings
    assert [] == told


def test_the_last_figure_before_a_pause_and_the_first_after_it_are_kept() -> None:
    _, memo = statusline_rules.take(event(None, 10, 1), {}, now=NOW)
    none, memo = statusline_rules.take(event(None, 10, 2), memo, now=NOW + 300)
    assert [] == none
    readings, _ = statusline_rules.take(event(None, 14, 3), memo, now=NOW + 300 + 7200)
    assert [(NOW + 300, 10.0), (NOW + 7500, 14.0)] == [(one["observed_at"], one["used_percent"]) for one in readings]


@pytest.mark.parametrize(
    "limits",
    [
        None,
        [],
        {},
        {"five_hour": None},
        {"five_hour": {"used_percentage": None}},
        {"five_hour": {"used_percentage": 1_795_320_000}},
        {"five_hour": {"used_percentage": True}},
        {"spend_limit": {"used_percentage": 10}},
    ],
)
def test_a_missing_figure_is_missing(limits: Any) -> None:
    assert {} == statusline_rules.figures({"rate_limits": limits})


def test_a_family_window_is_kept_apart() -> None:
    limits = {"seven_day_opus": {"used_percentage": 30, "resets_at": NOW + 9}}
    assert {"week:opus": (30.0, NOW + 9)} == statusline_rules.figures({"rate_limits": limits})


def test_the_line_shows_where_it_lands_only_while_the_window_is_open() -> None:
    about = {"window": "week", "resets_at": NOW + 86_400, "verdict": "NUDGE", "landing": 104.4}
    snapshot = {"lanes": {"claude": {"windows": [about]}}}
    assert "5h 42% · week 63% → ~104% ▲ · ctx 84k" == statusline_rules.line(
        event(42.1, 63, 1), snapshot, now=NOW, colour=False
    )
    stale = {"lanes": {"claude": {"windows": [{**about, "resets_at": NOW - 1}]}}}
    assert "week 63% · ctx 84k" == statusline_rules.line(event(None, 63, 1), stale, now=NOW, colour=False)
    assert "\033[" in statusline_rules.line(event(None, 63, 1), snapshot, now=NOW, colour=True)


def test_an_idle_panes_line_shows_what_another_session_heard_of_the_same_window() -> None:
    about = {"window": "week", "resets_at": NOW + 86_403, "verdict": "STOP", "official": 96.0}
    snapshot = {"lanes": {"claude": {"windows": [about]}}}
    assert "week 96% ■ · ctx 84k" == statusline_rules.line(event(None, 63, 1), snapshot, now=NOW, colour=False)
    assert "week 98% ■ · ctx 84k" == statusline_rules.line(event(None, 98, 1), snapshot, now=NOW, colour=False)
    other = {"lanes": {"claude": {"windows": [{**about, "resets_at": NOW + 9 * 86_400, "verdict": "GO"}]}}}
    assert "week 63% · ctx 84k" == statusline_rules.line(event(None, 63, 1), other, now=NOW, colour=False)


def test_a_window_whose_reset_is_not_official_shows_no_projection() -> None:
    about = {"window": "week", "resets_at": None, "verdict": "NUDGE", "landing": 104.4}
    snapshot = {"lanes": {"claude": {"windows": [about]}}}
    assert "week 63% · ctx 84k" == statusline_rules.line(event(None, 63, 1), snapshot, now=NOW, colour=False)


def told(official: float, landing: float, *, read_at: int, resets_at: int = NOW + 86_400) -> dict[str, Any]:
    """A snapshot about the week."""
    about = {"window": "week", "resets_at": resets_at, "verdict": "SLOW", "landing": landing}
    return {"lanes": {"claude": {"windows": [{**about, "official": official, "official_at": read_at}]}}}


@pytest.mark.parametrize(
    ("percent", "seen_at", "resets_at", "expected"),
    [
        (60, NOW - 900, NOW + 86_400, "week 96% → ~144% ■"),  # an idle pane: its own figure is older than the letter's
        (60, NOW - 900, NOW - 60, "week 96% → ~144% ■"),  # and speaks of a window that is over
        (99, NOW - 900, NOW + 86_400, "week 96% → ~144% ■"),  # or was higher before the vendor reset the window
        (1, NOW, NOW + 86_400, "week 1%"),  # an early reset: nothing in the snapshot is about it
        (1, NOW, NOW + 6 * 86_400, "week 1%"),
        (97, NOW, NOW + 86_400, "week 97% → ~144% ■"),  # this session has heard more since
        (94, NOW, NOW + 86_400, "week 94% → ~144% ◆"),  # a point or two is jitter
    ],
)
def test_a_figure_stands_beside_its_own_landing_alone(
    percent: float, seen_at: int, resets_at: int, expected: str
) -> None:
    happening = {"rate_limits": {"seven_day": {"used_percentage": percent, "resets_at": resets_at}}}
    heard = {"week": {"percent": percent, "resets_at": resets_at, "seen_at": seen_at}}

    found = statusline_rules.line(happening, told(96, 144, read_at=NOW - 300), now=NOW, colour=False, heard=heard)

    assert expected == found


def test_an_early_reset_is_seen_through_the_hook_itself(tmp_path: Path) -> None:
    snapshots = tmp_path / "letters"
    snapshots.mkdir(parents=True)
    (snapshots / "pacing").write_text(f"speak\n{json.dumps({'version': 1, **told(60, 134, read_at=NOW - 300)})}\n")
    run(tmp_path, json.dumps(event(None, 60, 40)))

    shown = run(tmp_path, json.dumps(event(None, 1, 55)), NO_COLOR="1").stdout

    assert "week 1% · ctx 84k" == shown.strip()


def run(home: Path, stdin: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "hooks" / "statusline.py")],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={"GOVERNOR_HOME": str(home), "PATH": "/usr/bin:/bin", **environment},
    )


def chain(home: Path, command: str) -> None:
    (home / "letters").mkdir(parents=True, exist_ok=True)
    content = json.dumps({"version": 1, "command": command})
    (home / "letters" / "statusline_chain").write_text(f"speak\n{content}\n")


def test_figures_are_spooled_and_the_persons_own_line_stays_on_top(tmp_path: Path) -> None:
    chain(tmp_path, 'read -r line; echo "mine ${#line}"; echo noise >&2')
    text = json.dumps(event(42.1, 63, 7))
    done = run(tmp_path, text + "\n", NO_COLOR="1")
    assert 0 == done.returncode
    assert [f"mine {len(text)}", "5h 42% · week 63% · ctx 84k"] == done.stdout.splitlines()
    spooled = [json.loads(line) for line in (tmp_path / "spool" / "limits.jsonl").read_text().splitlines()]
    assert [("5h", 42.1), ("week", 63.0)] == values(spooled)


def test_the_kill_switch_silences_ours_and_never_theirs(tmp_path: Path) -> None:
    chain(tmp_path, "echo mine")
    done = run(tmp_path, json.dumps(event(42, 63, 7)), GOVERNOR_OFF="1")
    assert "mine\n" == done.stdout
    assert not (tmp_path / "spool" / "limits.jsonl").exists()


def test_no_fault_of_ours_takes_the_persons_own_line_away(tmp_path: Path) -> None:
    chain(tmp_path, "echo mine")
    done = run(tmp_path, '{"rate_limits": {"five_hour": {"used_percentage": 42, "resets_at": 1e999}}}')
    assert (0, "mine\n", "") == (done.returncode, done.stdout, done.stderr)
    assert "OverflowError" in (tmp_path / "log" / "hooks.log").read_text()


def test_figures_that_cannot_be_kept_are_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    assert "week 63% · ctx 84k\n" == run(tmp_path, json.dumps(event(None, 63, 7)), NO_COLOR="1").stdout


def test_a_line_that_takes_its_time_is_shown_and_a_broken_one_costs_nothing(tmp_path: Path) -> None:
    """2.3 s is what ``npx -y ccstatusline@latest`` takes; the client itself waits as long as a line runs."""
    chain(tmp_path, "sleep 2.3; echo mine")
    text = json.dumps(event(None, 63, 7))
    assert ["mine", "week 63% · ctx 84k"] == run(tmp_path, text, NO_COLOR="1").stdout.splitlines()
    chain(tmp_path, "/no/such/program")
    assert ["week 64% · ctx 84k"] == run(tmp_path, json.dumps(event(None, 64, 8)), NO_COLOR="1").stdout.splitlines()


def test_what_a_line_left_in_the_background_delays_nothing(tmp_path: Path) -> None:
    """The clients show a line when its shell ends, not when the last holder of its output does."""
    chain(tmp_path, f"echo mine; sleep 60 & echo $! > {tmp_path}/pid")
    assert ["mine"] == run(tmp_path, "{}").stdout.splitlines()
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # it lives: it is theirs


TWO = "echo $$ > {0}/first; sh -c 'trap \"\" TERM; echo $$ > {0}/second; sleep 60' & echo early; wait"


def are_gone(tmp_path: Path) -> bool:
    """Wait until both processes of ``TWO`` have ended."""
    pids = [int((tmp_path / name).read_text()) for name in ("first", "second")]
    for _ in range(500):
        alive = [pid for pid in pids if Path(f"/proc/{pid}/stat").exists() and " Z " not in _stat(pid)]
        if not alive:
            return True
        time.sleep(0.01)
    return False


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return " Z "


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
class TestGivingUp:
    def test_after_our_own_bound_all_that_the_line_started_ends(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(acts_chain, "PATIENCE_S", 0.5)
        assert b"early\n" == acts_chain.output_of(TWO.format(tmp_path), b"{}", scratch=str(tmp_path))
        assert are_gone(tmp_path)

    @pytest.mark.parametrize("how", ["it closes its end", "it ends us"])
    def test_once_the_client_no_longer_listens_so_does_the_line(self, tmp_path: Path, how: str) -> None:
        chain(tmp_path, TWO.format(tmp_path))
        command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "statusline.py")]
        environment = {"GOVERNOR_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write(b"{}")
            process.stdin.close()
            while not (tmp_path / "second").exists() or not (tmp_path / "second").read_text():
                time.sleep(0.01)
            if how == "it ends us":
                process.terminate()
            else:
                process.stdout.close()
            assert (0, b"") == (process.wait(20), process.stderr.read())
        assert are_gone(tmp_path)
        assert not (tmp_path / "log").exists(), "nothing went wrong"


def test_a_line_gets_its_input_where_nothing_can_be_written(tmp_path: Path) -> None:
    assert b"seen {}\n" == acts_chain.output_of("read -r l; echo seen $l", b"{}\n", scratch=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "stdin", ["", "{", "[]", "null", '"x"', "{}", '{"rate_limits": 3}', '{"session_id": {"a": 1}}']
)
def test_whatever_comes_in_the_exit_is_0_and_nothing_breaks(tmp_path: Path, stdin: str) -> None:
    done = run(tmp_path, stdin)
    assert (0, "") == (done.returncode, done.stderr)


def test_session_ids_cannot_lead_out_of_the_state_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(home, json.dumps(event(42, 63, 7, session_id="../../evil")))
    assert {"home", "budget.json"} == {path.name for path in tmp_path.iterdir()}
    assert ["evil"] == [path.name for path in (home / "taps").iterdir()]
