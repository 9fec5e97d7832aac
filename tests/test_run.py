"""``governor run`` over stand-in clients: every way of ending, and what comes out."""

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
from fakes import SESSION, THREAD, Fake, called, governor, init, refused, result
from writing import answer, usage

from governor.supervise.budget import RunLimits
from governor.supervise.outcome import RunOutcome
from governor.supervise.run import BACK_OFF_S, FRUITLESS, Pause
from governor.supervise.run import run as supervised
from governor.supervise.watch import Setting

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    return tmp_path / "bin"


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "summary.json"


@pytest.fixture(autouse=True)
def hasty(tmp_path: Path) -> None:
    (tmp_path / "budget.json").write_text(json.dumps({"run": {"grace": 1}}))


def alive(mark: str) -> list[str]:
    """Processes on this machine whose command line holds the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if entry.name.isdigit() and mark in words and "pytest" not in words:
            found.append(words.replace("\0", " "))
    return found


def gone(mark: str) -> bool:
    for _ in range(50):
        if not alive(mark):
            return True
        time.sleep(0.05)
    return False


def said(summary: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(summary.read_text())
    return content


def test_text_is_what_the_client_would_have_printed(bin_folder: Path, summary: Path) -> None:
    client = Fake(bin_folder, "claude", [init(), {"say": called(1)}, result("grün — done")])

    done = governor("run", "--summary", str(summary), "--", "claude", "-p", "do it", bin_folder=bin_folder)

    assert (0, "grün — done\n") == (done.returncode, done.stdout), done.stderr
    assert ["--output-format", "stream-json", "--verbose", "-p", "do it"] == client.starts[0]
    content = said(summary)
    assert ("done", "claude", 1, 0) == (
        content["state"],
        content["client"],
        content["tool_calls"],
        content["exit_code"],
    )
    assert f"claude --resume {SESSION}" == content["resume"]
    assert set(content) == {
        "schema", "state", "client", "ended_by", "failure", "tokens", "requests", "usd", "unpriced_requests",
        "tool_calls", "wall_s", "waited_s", "processes", "windows", "session", "transcript", "exit_code",
        "child_exit", "resume", "counted_by", "unheld_limits",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "stream-json"])
def test_the_persons_own_format_is_kept(bin_folder: Path, form: str) -> None:
    lines = [init(), {"say": called(1)}, result("fine")]
    Fake(bin_folder, "claude", lines)

    words = ["claude", "-p", "x", "--output-format", form, *(["--verbose"] if form == "stream-json" else [])]
    done = governor("run", "--", *words, bin_folder=bin_folder)

    expected = [line["say"] for line in (lines[-1:] if form == "json" else lines)]
    assert expected == [json.loads(line) for line in done.stdout.splitlines()]


def test_json_with_verbose_is_one_array_of_all_events(bin_folder: Path) -> None:
    lines = [init(), result("fine")]
    Fake(bin_folder, "claude", lines)

    done = governor("run", "--", "claude", "-p", "x", "--output-format", "json", "--verbose", bin_folder=bin_folder)

    assert [line["say"] for line in lines] == json.loads(done.stdout)


def test_the_childs_own_code_comes_back(bin_folder: Path) -> None:
    Fake(bin_folder, "claude", [init(), result("no", is_error=True, subtype="error_during_execution"), {"exit": 7}])

    done = governor("run", "--json", "--", "claude", "-p", "x", bin_folder=bin_folder)

    assert 7 == done.returncode
    assert ("failed", "unknown") == (json.loads(done.stdout)["state"], json.loads(done.stdout)["failure"])


def test_a_client_that_dies_of_a_signal(bin_folder: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"kill": "SIGKILL"}])

    assert 137 == governor("run", "--", "claude", "-p", "x", bin_folder=bin_folder).returncode


@pytest.mark.parametrize(
    ("option", "limit", "unit"),
    [("--max-tool-calls", "3", "tool_calls"), ("--max-tokens", "9000", "tokens"), ("--max-usd", "0.02", "usd")],
)
def test_a_runaway_is_ended_and_its_work_saved(
    bin_folder: Path, summary: Path, option: str, limit: str, unit: str
) -> None:
    Fake(bin_folder, "claude", [init(), {"polite": 1}, {"for_ever": called("NUMBER")}])

    done = governor("run", option, limit, "--summary", str(summary), "--", "claude", "-p", "x", bin_folder=bin_folder)

    assert 124 == done.returncode, done.stderr
    content = said(summary)
    assert ("budget", unit, float(limit)) == (
        content["state"],
        content["ended_by"]["unit"],
        content["ended_by"]["limit"],
    )
    assert content["ended_by"]["at"] >= float(limit)
    assert str(int(signal.SIGINT)) == (bin_folder / "saved").read_text()


@needs_proc
def test_a_client_deaf_to_signals_is_killed_with_all_that_it_started(bin_folder: Path) -> None:
    mark = f"87{os.getpid()}"
    steps = [
        init(),
        {"deaf": ["SIGINT", "SIGTERM"]},
        {"spawn": f"trap '' INT TERM; sleep {mark}1"},
        {"detach": f"trap '' INT TERM; sleep {mark}2"},
        {"sleep": 60},
    ]
    Fake(bin_folder, "claude", steps)

    done = governor("run", "--max-wall", "1s", "--", "claude", "-p", "x", bin_folder=bin_folder)

    assert 124 == done.returncode
    assert gone(f"sleep\0{mark}"), alive(mark)


@needs_proc
def test_what_a_finished_client_leaves_running_is_left_alone(bin_folder: Path) -> None:
    mark = f"88{os.getpid()}"
    Fake(bin_folder, "claude", [init(), {"detach": f"exec sleep {mark} 2>/dev/null"}, result()])
    try:
        done = governor("run", "--", "claude", "-p", "x", bin_folder=bin_folder)
        assert 0 == done.returncode
        assert alive(mark)
    finally:
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"sleep\0{mark}" in (entry / "cmdline").read_text():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue


def started(bin_folder: Path, *arguments: str, stdout: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    words = [sys.executable, "-m", "governor", "run", *arguments]
    return subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    for _ in range(400):
        if path.exists():
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} never came")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_us_is_passed_on_and_ends_with_its_code(
    bin_folder: Path, tmp_path: Path, summary: Path, number: int, code: int
) -> None:
    ready = tmp_path / "ready"
    Fake(bin_folder, "claude", [init(), {"polite": 1}, {"touch": str(ready)}, {"sleep": 60}])
    with started(bin_folder, "--summary", str(summary), "--", "claude", "-p", "x") as process:
        wait_for(ready)
        process.send_signal(number)
        process.wait(30)

    assert code == process.returncode
    assert str(int(signal.SIGINT)) == (bin_folder / "saved").read_text()
    assert "interrupted" == said(summary)["state"]


@needs_proc
def test_when_we_are_killed_the_client_is_told_to_end(bin_folder: Path, tmp_path: Path) -> None:
    ready, mark = tmp_path / "ready", f"{bin_folder}/claude"
    Fake(bin_folder, "claude", [init(), {"touch": str(ready)}, {"sleep": 60}])
    with started(bin_folder, "--", "claude", "-p", "x") as process:
        wait_for(ready)
        process.kill()
        process.wait(30)

    assert gone(mark), alive(mark)


def test_a_reader_that_goes_away_ends_the_run(bin_folder: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"for_ever": called("NUMBER")}])
    read, write = os.pipe()
    words = ("--", "claude", "-p", "x", "--output-format", "stream-json", "--verbose")
    with started(bin_folder, *words, stdout=write) as process:
        os.close(write)
        os.read(read, 100)
        os.close(read)
        process.wait(30)

    assert 141 == process.returncode


@needs_proc
def test_a_slow_reader_keeps_no_budget_from_being_looked_at(bin_folder: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"flood": 1}])
    read, write = os.pipe()  # nobody reads before the end
    words = ("--max-wall", "1s", "--", "claude", "-p", "x", "--output-format", "stream-json", "--verbose")
    with started(bin_folder, *words, stdout=write) as process:
        os.close(write)
        wait_for(bin_folder / "claude.argv")
        assert gone(f"{bin_folder}/claude\0"), "ended, though its output still waits to be read"
        os.close(read)
        process.wait(30)

    assert process.returncode in (124, 141)


def test_a_full_disk_under_stdout_is_a_failure_that_is_said(bin_folder: Path) -> None:
    Fake(bin_folder, "claude", [init(), result()])
    with open("/dev/full", "w") as full:
        process = started(bin_folder, "--", "claude", "-p", "x", stdout=full)
        _, err = process.communicate(timeout=30)

    assert 1 == process.returncode
    assert "the output could not be written" in err


def test_stdout_closed_from_the_start_hurts_nothing_of_ours(bin_folder: Path, tmp_path: Path) -> None:
    Fake(bin_folder, "claude", [init(), result("MARKED")])
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    subprocess.run(
        ["sh", "-c", f"{sys.executable} -m governor run -- claude -p x >&-"], env=env, timeout=60, check=False,
        stderr=subprocess.PIPE,
    )  # fmt: skip

    kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file() and b"MARKED" in path.read_bytes()]
    assert [] == kept


def test_a_command_that_cannot_be_started_is_the_persons_mistake(bin_folder: Path) -> None:
    done = governor("run", "--", str(bin_folder / "claude"), "-p", "x")

    assert 1 == done.returncode
    assert "cannot be started: No such file or directory" in done.stderr


def test_any_other_command_is_supervised_by_the_clock_alone_and_told_so(summary: Path) -> None:
    limits = ("--max-usd", "1", "--max-wall", "5m")
    done = governor("run", *limits, "--summary", str(summary), "--", "sh", "-c", "echo out; exit 3")

    assert (3, "out\n") == (done.returncode, done.stdout)
    assert "usd cannot be counted" in done.stderr
    assert "the command failed (exit 3)" in done.stderr
    assert (None, None, 3) == (said(summary)["client"], said(summary)["tokens"], said(summary)["exit_code"])
    assert 124 == governor("run", "--max-wall", "1s", "--", "sleep", "60").returncode


def test_a_limit_that_cannot_be_kept_is_refused_where_nothing_else_would_hold() -> None:
    done = governor("run", "--max-usd", "2", "--", "echo", "a b")

    assert (1, "") == (done.returncode, done.stdout)
    assert "its usd cannot be counted" in done.stderr
    assert done.stderr.endswith("next: governor run --max-wall 30m -- echo 'a b'\n")
    assert 0 == governor("run", "--", "echo", "x").returncode, "no limit was asked for"


@pytest.mark.parametrize(
    "options",
    [
        ["--max-usd", "0"],
        ["--max-usd", "nan"],
        ["--max-tokens", "-1"],
        ["--max-tool-calls", "0"],
        ["--max-wall", "0m"],
        [],
    ],
)
def test_a_limit_that_is_none_is_refused_before_anything_starts(options: list[str]) -> None:
    words = ["--", "sh", "-c", "echo started"] if options else []
    done = governor("run", *options, *words)

    assert (1, "") == (done.returncode, done.stdout)
    assert "next:" in done.stderr


def test_an_unwritable_summary_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = governor("run", "--summary", str(tmp_path / "no" / "where"), "--", "echo", "started")

    assert (1, "") == (done.returncode, done.stdout)


def test_the_transcript_counts_where_the_stream_states_a_floor(bin_folder: Path, summary: Path, tmp_path: Path) -> None:
    """One response, told three times: the stream's placeholder, and two lines of the transcript."""
    path = str(tmp_path / "claude" / "projects" / "p" / f"{SESSION}.jsonl")
    line = answer("msg_1", spent=usage(input=1000, output=400), model="claude-sonnet-5-5")
    Fake(
        bin_folder, "claude", [init(), {"say": called(1)}, {"append": [path, line]}, {"append": [path, line]}, result()]
    )

    governor("run", "--summary", str(summary), "--", "claude", "-p", "x", bin_folder=bin_folder)

    content = said(summary)
    assert (1, 1400, 400) == (content["requests"], content["tokens"]["total"], content["tokens"]["output"])
    assert pytest.approx(1000 * 2e-6 + 400 * 10e-6) == content["usd"]
    assert path == content["transcript"]


def test_a_resumed_session_pays_only_for_what_is_new(bin_folder: Path, summary: Path, tmp_path: Path) -> None:
    path = tmp_path / "claude" / "projects" / "p" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    old = answer("msg_old", spent=usage(input=9000, output=9000))
    path.write_text(json.dumps(old) + "\n")
    new = answer("msg_new", spent=usage(input=10, output=20))
    Fake(bin_folder, "claude", [init(), {"append": [str(path), new]}, result()])

    governor("run", "--summary", str(summary), "--", "claude", "-p", "x", "--resume", SESSION, bin_folder=bin_folder)

    assert (1, 30) == (said(summary)["requests"], said(summary)["tokens"]["total"])


def test_without_a_transcript_the_clients_closing_count_holds(bin_folder: Path, summary: Path) -> None:
    spent = {"claude-sonnet-5-5": {"inputTokens": 1000, "outputTokens": 400, "cacheReadInputTokens": 50}}
    Fake(bin_folder, "claude", [init(), {"say": called(1)}, result(modelUsage=spent)])

    governor("run", "--summary", str(summary), "--", "claude", "-p", "x", bin_folder=bin_folder)

    assert (1000, 400, 50) == tuple(said(summary)["tokens"][kind] for kind in ("input", "output", "cache_read"))


def test_an_unknown_model_is_unpriced_and_never_free(bin_folder: Path, summary: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"say": called(1, model="someones-own-9")}, result()])

    done = governor("run", "--summary", str(summary), "--", "claude", "-p", "x", bin_folder=bin_folder)

    assert 1 == said(summary)["unpriced_requests"]
    assert "1 request without a price" in done.stderr


def test_a_refusal_in_the_middle_is_waited_out_and_the_session_taken_up_again(bin_folder: Path, summary: Path) -> None:
    client = Fake(bin_folder, "claude", refused(int(time.time()) + 1), [init(), result("all done")])

    done = governor(
        "run",
        "--wait",
        "--summary",
        str(summary),
        "--",
        "claude",
        "-p",
        "do it",
        "--model",
        "opus",
        bin_folder=bin_folder,
    )

    assert (0, "all done\n") == (done.returncode, done.stdout), done.stderr
    first, second = client.starts
    assert "do it" in first
    assert ["--resume", SESSION, "--model", "opus", "-p", "Go on where you were interrupted."] == second[-6:]
    assert (2, "done") == (said(summary)["processes"], said(summary)["state"])
    assert said(summary)["waited_s"] > 1 > said(summary)["wall_s"] - 4


@pytest.mark.parametrize("fault", [{"api_error_status": 401}, {"api_error_status": 400}, {"api_error_status": 403}])
def test_what_waiting_cannot_mend_fails_at_once(bin_folder: Path, fault: dict[str, int]) -> None:
    client = Fake(bin_folder, "claude", [init(), result("no", is_error=True, **fault), {"exit": 1}])

    done = governor("run", "--wait", "--", "claude", "-p", "x", bin_folder=bin_folder)

    assert (1, 1) == (done.returncode, len(client.starts))


def test_a_session_that_cannot_be_resumed_is_not_begun_anew(bin_folder: Path, summary: Path) -> None:
    client = Fake(bin_folder, "claude", refused(int(time.time()) + 1))

    words = ["claude", "-p", "x", "--no-session-persistence"]
    done = governor("run", "--wait", "--summary", str(summary), "--", *words, bin_folder=bin_folder)

    assert (1, 1, "refused", None) == (
        done.returncode,
        len(client.starts),
        said(summary)["state"],
        said(summary)["resume"],
    )


def test_the_clients_own_limit_that_we_set_is_a_budget_that_ended_it(bin_folder: Path, summary: Path) -> None:
    ends = [init(), result("", is_error=True, subtype="error_max_budget_usd"), {"exit": 1}]
    client = Fake(bin_folder, "claude", ends)

    ours = governor(
        "run", "--max-usd", "2.5", "--summary", str(summary), "--", "claude", "-p", "x", bin_folder=bin_folder
    )
    theirs = governor(
        "run", "--max-usd", "2.5", "--", "claude", "-p", "x", "--max-budget-usd", "1", bin_folder=bin_folder
    )

    assert (124, "usd") == (ours.returncode, said(summary)["ended_by"]["unit"])
    assert 1 == theirs.returncode
    assert ["--max-budget-usd", "2.5"] == client.starts[0][3:5]
    assert ["--max-budget-usd", "1"] == client.starts[1][-2:]
    assert 1 == client.starts[1].count("--max-budget-usd")


def test_the_decision_log_has_figures_and_no_words(bin_folder: Path, tmp_path: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"for_ever": called("NUMBER")}])

    governor("run", "--max-tool-calls", "2", "--", "claude", "-p", "marigold", bin_folder=bin_folder)

    (line,) = (tmp_path / "state/spool/decisions.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert ("run", "end", "tool_calls", 2) == tuple(record[name] for name in ("hook", "decision", "rule", "limit"))
    assert [] == [p for p in (tmp_path / "state").rglob("*") if p.is_file() and b"marigold" in p.read_bytes()]


def test_a_state_folder_that_cannot_be_had_keeps_nothing_from_running(bin_folder: Path, tmp_path: Path) -> None:
    Fake(
        bin_folder,
        "claude",
        [init(), {"say": {"type": "rate_limit_event", "rate_limit_info": {"unifiedWindows": {}}}}, result()],
    )
    (tmp_path / "blocked").write_text("a file where a folder should be")

    done = governor(
        "run",
        "--",
        "claude",
        "-p",
        "x",
        bin_folder=bin_folder,
        env={"GOVERNOR_HOME": str(tmp_path / "blocked" / "state")},
    )

    assert (0, "all done\n") == (done.returncode, done.stdout), done.stderr


def test_what_ends_well_by_itself_was_ended_by_no_budget(bin_folder: Path, summary: Path) -> None:
    """The last answer crossed the limit; the next would not have been made, but there was none to make."""
    last = "\n".join(json.dumps(event) for event in (called(1), result("done")["say"]))
    Fake(bin_folder, "claude", [init(), {"say": last}, {"sleep": 1}])

    words = ["--max-tokens", "10", "--summary", str(summary), "--", "claude", "-p", "x"]
    done = governor("run", *words, bin_folder=bin_folder)

    assert (0, "done\n", "done", None) == (
        done.returncode,
        done.stdout,
        said(summary)["state"],
        said(summary)["ended_by"],
    )


@needs_proc
def test_a_fault_of_ours_leaves_no_run_that_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, bin_folder: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    Fake(bin_folder, "claude", [init(), {"sleep": 60}])
    monkeypatch.setattr("governor.supervise.stream.Feed.take", lambda *_: 1 / 0)
    setting = Setting(home=str(tmp_path / "state"), limits=RunLimits(), grace=1, prices={})

    with pytest.raises(ZeroDivisionError):
        supervised(["claude", "-p", "x"], setting, stdin=subprocess.DEVNULL)

    assert gone(f"{bin_folder}/claude"), alive(f"{bin_folder}/claude")


class Refusing:
    """A client that is refused every time, in this process, with a clock that only counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bin_folder: Path, steps: list[dict[str, Any]]) -> None:
        monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
        self.client = Fake(bin_folder, "claude", steps)
        self.slept: list[float] = []
        self.clock = 0.0
        monkeypatch.setattr("governor.supervise.run.time.monotonic", self.monotonic)

    def monotonic(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds

    def run(self, tmp_path: Path) -> RunOutcome:
        limits = RunLimits(wall=100)
        setting = Setting(home=str(tmp_path / "state"), limits=limits, grace=1, prices={}, stderr=subprocess.DEVNULL)
        pause = Pause(sleep=self.sleep)
        return supervised(["claude", "-p", "x"], setting, wait=pause, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "steps",
    [refused(None), [init(), result("", is_error=True, api_error_status=529), {"exit": 1}]],
    ids=["refused", "overloaded"],
)
def test_refused_for_ever_it_backs_off_and_gives_up_rather_than_storm(
    monkeypatch: pytest.MonkeyPatch, bin_folder: Path, tmp_path: Path, steps: list[dict[str, Any]]
) -> None:
    world = Refusing(monkeypatch, bin_folder, steps)

    done = world.run(tmp_path)

    assert (FRUITLESS, 1) == (len(world.client.starts), done.exit_code)
    assert sum(BACK_OFF_S[:5]) + 2 * BACK_OFF_S[5] == pytest.approx(sum(world.slept))
    assert done.waited_s == pytest.approx(sum(world.slept))
    assert done.wall_s < 100, "waiting is not work"


def test_a_client_started_where_sigint_is_ignored_can_still_be_asked_to_end(bin_folder: Path) -> None:
    """cron, and ``&`` in a script, ignore it; what is ignored is inherited."""
    Fake(bin_folder, "claude", [init(), {"sleep": 60}])
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    words = f"trap '' INT; exec {sys.executable} -m governor run --json --max-wall 1s -- claude -p x"
    done = subprocess.run(["sh", "-c", words], env=env, timeout=60, check=False, capture_output=True, text=True)

    assert 124 == done.returncode
    assert json.loads(done.stdout)["child_exit"] in (1, 130), "ended by the first signal, not the second"


# ---- what is not known is not 0 --------------------------------------------------------------------------------------

THREAD_STARTED = {"say": {"type": "thread.started", "thread_id": THREAD}}
SPENT = {"input_tokens": 1000, "cached_input_tokens": 300, "output_tokens": 90, "reasoning_output_tokens": 10}
ANSWERED = {"say": {"type": "item.completed", "item": {"id": "item_1", "type": "agent_message", "text": "all done"}}}
CLAUDE_TOTALS = {"input_tokens": 700, "output_tokens": 90, "cache_read_input_tokens": 300}


@pytest.mark.parametrize(
    ("client", "steps", "counted_by", "fresh", "usd"),
    [
        ("codex", [THREAD_STARTED, ANSWERED, {"say": {"type": "turn.completed"}}], None, None, None),
        ("codex", [THREAD_STARTED, ANSWERED, {"say": {"type": "turn.completed", "usage": SPENT}}], "stream", 790, None),
        ("claude", [init(), result()], None, None, None),
        ("claude", [init(), result(usage=CLAUDE_TOTALS)], "stream", 790, None),
        ("claude", [init(), result(usage=CLAUDE_TOTALS, total_cost_usd=0.25)], "stream", 790, 0.25),
        ("claude", [init(), {"say": called(1)}, result()], "stream", 1001, 0.00201),
    ],
)
def test_a_run_that_leaves_no_transcript_is_counted_by_its_stream_or_not_known(
    bin_folder: Path,
    summary: Path,
    client: str,
    steps: list[dict[str, Any]],
    counted_by: str | None,
    fresh: int | None,
    usd: float | None,
) -> None:
    Fake(bin_folder, client, steps)
    words = ["claude", "-p", "x"] if client == "claude" else ["codex", "exec", "x"]
    limits = ["--max-tokens", "100000", "--max-usd", "9"]

    done = governor("run", *limits, "--summary", str(summary), "--", *words, bin_folder=bin_folder)

    told = said(summary)
    assert 0 == done.returncode, done.stderr
    assert (counted_by, usd) == (told["counted_by"], told["usd"] and pytest.approx(told["usd"]))
    assert fresh == (told["tokens"] and told["tokens"]["fresh"])
    unheld = [unit for unit, value in (("tokens", fresh), ("usd", usd)) if value is None]
    assert unheld == told["unheld_limits"]
    assert ("? tokens" in done.stderr) == (fresh is None)
    assert ("$? at list price" in done.stderr) == (usd is None)
    assert ("could not hold" in done.stderr) == bool(unheld)
    assert ", 0 tokens" not in done.stderr


def test_a_limit_on_tokens_holds_by_what_the_stream_itself_states(bin_folder: Path, summary: Path) -> None:
    Fake(bin_folder, "codex", [THREAD_STARTED, ANSWERED, {"say": {"type": "turn.completed", "usage": SPENT}}])
    done = governor(
        "run", "--max-tokens", "500", "--summary", str(summary), "--", "codex", "exec", "x", bin_folder=bin_folder
    )
    assert (124, "budget") == (done.returncode, said(summary)["state"])
    assert {"unit": "tokens", "limit": 500, "at": 790} == said(summary)["ended_by"]


def test_a_thread_that_was_taken_up_again_is_not_charged_with_what_it_used_before(
    bin_folder: Path, summary: Path
) -> None:
    Fake(bin_folder, "codex", [THREAD_STARTED, ANSWERED, {"say": {"type": "turn.completed", "usage": SPENT}}])
    words = ["codex", "exec", "resume", THREAD, "x"]
    done = governor("run", "--max-tokens", "500", "--summary", str(summary), "--", *words, bin_folder=bin_folder)
    assert (0, None, ["tokens"]) == (done.returncode, said(summary)["tokens"], said(summary)["unheld_limits"])


@pytest.mark.parametrize(
    ("info", "known"),
    [
        ({"rateLimitType": "seven_day"}, "week"),
        ({"rateLimitType": "seven_day_overage_included"}, "week:fable"),
        ({"rateLimitType": "seven_day", "isUsingOverage": True}, None),
    ],
)
def test_a_refusal_in_the_stream_is_a_reading(bin_folder: Path, info: dict[str, Any], known: str | None) -> None:
    until = int(time.time()) + 3600
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": until, **info}}
    Fake(bin_folder, "claude", [init(), {"say": event}, result("no", is_error=True), {"exit": 1}])
    governor("run", "--", "claude", "-p", "x", bin_folder=bin_folder)
    spool = Path(os.environ["GOVERNOR_HOME"]) / "spool" / "limits.jsonl"
    heard = [json.loads(line) for line in spool.read_text().splitlines()] if spool.exists() else []
    expected = [] if known is None else [(known, until)]
    assert expected == [(each["window"], each["resets_at"]) for each in heard if each["source"] == "refused"]


def test_codexs_refusal_in_words_is_a_reading_of_its_own(bin_folder: Path) -> None:
    words = "You’ve hit your usage limit. Upgrade to Plus, or try again in 2 hours 5 minutes."
    Fake(
        bin_folder,
        "codex",
        [THREAD_STARTED, {"say": {"type": "turn.failed", "error": {"message": words}}}, {"exit": 1}],
    )
    before = int(time.time())
    governor("run", "--", "codex", "exec", "x", bin_folder=bin_folder)
    spool = Path(os.environ["GOVERNOR_HOME"]) / "spool" / "limits.jsonl"
    (heard,) = [json.loads(line) for line in spool.read_text().splitlines()]
    assert ("codex", "any", "refused") == (heard["lane"], heard["window"], heard["source"])
    assert 0 <= heard["resets_at"] - before - 7500 <= 60
    assert "Upgrade" not in spool.read_text()
