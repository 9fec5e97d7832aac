"""Whoever of a supervised run is killed, no tool that its client started is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import Fake, init, result

from governor.supervise import run_mark

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

PYTHON = sys.executable
# How a tool gets away from its parent. Each ends as "sleep NUMBER"; SLEEP stands for that.
ESCAPES = {
    "background": "SLEEP &",
    "nohup": "nohup SLEEP >/dev/null 2>&1 &",
    "setsid": "setsid SLEEP >/dev/null 2>&1 &",
    "own group": f"{PYTHON} -c \"import os; os.setpgid(0, 0); os.execvp('sleep', ['sleep', 'NUMBER'])\" &",
    "double fork": "(setsid sh -c 'SLEEP & exit' >/dev/null 2>&1 &) ; true",
    "deaf": "trap '' TERM INT HUP; setsid sh -c 'SLEEP & wait' &",
    "parent of another group": "(set -m; sh -c 'SLEEP & exit' &) ; true",
}
EMPTIED = "(env -i /usr/bin/setsid sh -c 'SLEEP & exit' >/dev/null 2>&1 &) ; true"


def sleeping(number: str) -> list[int]:
    """The live processes "sleep NUMBER...", by id."""
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"sleep\0{number}" in (entry / "cmdline").read_text():
                pids.append(int(entry.name))
        except OSError:
            continue
    return pids


def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class Run:
    """``governor run`` over a fake client that has started tools and then works for a minute."""

    def __init__(self, folder: Path, tools: list[str], last: list[dict[str, object]]) -> None:
        self.number = f"7{os.getpid()}{time.monotonic_ns() % 10**6:06}"
        lines = [tool.replace("SLEEP", f"sleep {self.number}{n}") for n, tool in enumerate(tools)]
        lines = [line.replace("NUMBER", f"{self.number}{n}") for n, line in enumerate(lines)]
        steps: list[dict[str, object]] = [init(), *({"spawn": line} for line in lines), *last]
        self.path = Fake(folder / "bin", "claude", steps).path
        root = str(Path(__file__).parent.parent.parent)
        env = {**os.environ, "PYTHONPATH": root, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(
            [PYTHON, "-m", "governor", "run", "--", "claude", "-p", "x"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.tools = len(tools)

    def all_started(self) -> bool:
        return until(lambda: len(sleeping(self.number)) == self.tools)

    def client(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if str(self.path) in Path(f"/proc/{pid}/cmdline").read_text())

    def kill_all(self) -> None:
        for pid in sleeping(self.number):
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    (tmp_path / "budget.json").write_text('{"run": {"grace": 1}}')
    runs: list[Run] = []

    def start(*tools: str, last: list[dict[str, object]] | None = None) -> Run:
        runs.append(Run(tmp_path, list(tools), [{"sleep": 60}] if last is None else last))
        return runs[-1]

    yield start
    for run in runs:
        run.kill_all()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV])
def test_a_client_that_is_killed_leaves_no_tool(begin: Callable[..., Run], number: signal.Signals) -> None:
    run = begin(*ESCAPES.values(), EMPTIED)
    assert run.all_started()
    os.kill(run.client(), number)
    assert until(lambda: not sleeping(run.number))
    assert 0 != run.process.wait(20)


def test_a_client_that_ends_politely_when_told_leaves_no_tool(begin: Callable[..., Run]) -> None:
    """It catches the signal and exits with 0, having said nothing of how its work ended."""
    run = begin(*ESCAPES.values(), EMPTIED, last=[{"polite": 1}, {"sleep": 60}])
    assert run.all_started()
    os.kill(run.client(), signal.SIGINT)
    assert until(lambda: not sleeping(run.number))
    run.process.wait(20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_supervisor_that_is_told_to_end_leaves_no_tool(begin: Callable[..., Run], number: signal.Signals) -> None:
    run = begin(*ESCAPES.values(), EMPTIED)
    assert run.all_started()
    run.process.send_signal(number)
    assert until(lambda: not sleeping(run.number))
    assert 128 + number == run.process.wait(20)


def test_a_supervisor_that_is_killed_leaves_no_tool_that_bears_the_mark(begin: Callable[..., Run]) -> None:
    """The keeper ends them. What emptied its environment as well has become a child of init: nobody knows it."""
    run = begin(*ESCAPES.values())
    assert run.all_started()
    client = run.client()
    run.process.kill()
    assert until(lambda: not sleeping(run.number))
    assert until(lambda: not Path(f"/proc/{client}").exists())


def test_a_supervisor_that_is_killed_before_the_keeper_looks_twice_ends_deaf_tools(begin: Callable[..., Run]) -> None:
    run = begin(ESCAPES["deaf"], ESCAPES["deaf"])
    assert run.all_started()
    run.process.kill()
    assert until(lambda: not sleeping(run.number))


def test_a_client_that_ended_well_leaves_what_it_left_running(begin: Callable[..., Run]) -> None:
    run = begin(ESCAPES["setsid"], last=[{"sleep": 1}, result()])
    assert run.all_started()
    assert 0 == run.process.wait(20)
    assert 1 == len(sleeping(run.number))


def test_a_run_inside_a_run_bears_both_marks(begin: Callable[..., Run]) -> None:
    run = begin('GOVERNOR_RUN="$GOVERNOR_RUN:inner" setsid SLEEP >/dev/null 2>&1 &')
    assert run.all_started()
    run.process.kill()
    assert until(lambda: not sleeping(run.number))
    assert "outer:inner" == run_mark.extended("outer", "inner")
    assert "inner" == run_mark.extended(None, "inner")


def test_a_process_is_known_by_its_own_runs_mark_alone() -> None:
    words = ["sleep", "60"]
    ours = subprocess.Popen(words, env={run_mark.NAME: "outer:inner", "PATH": os.environ["PATH"]})
    other = subprocess.Popen(words, env={"ELSE": "inner", "PATH": os.environ["PATH"]})
    try:
        assert until(lambda: run_mark.marked("inner") == [ours.pid] == run_mark.marked("outer"))
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
