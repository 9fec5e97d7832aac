"""``governor handoff`` with the real clients: done with files changed, never done by a stub, told of once."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from .drive import ROOT, ClaudeCode, Codex, Governor
from .standin import Reply, Standin
from .state import State
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e

TASK = "Put the word marigold-7 into result.txt and say which tests you ran"
DONE = "I wrote result.txt and ran tests/test_result.py::test_word, which passes. Nothing is left to do."


@pytest.fixture
def project(claude: ClaudeCode) -> Path:
    """A repository with one commit."""
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "begun"]):
        git(claude.project, *words)
    return claude.project


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=p", "-c", "user.email=p@example.org"]
    return subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def both(claude: ClaudeCode, codex: Codex, governor: Governor, project: Path) -> Governor:
    """The command line with both clients at hand, each allowed to work."""
    budget = governor.home / ".config/governor/budget.json"
    budget.parent.mkdir(parents=True)
    allowed = {
        "claude": [str(claude.program), "--permission-mode", "bypassPermissions"],
        "codex": [str(codex.program), "exec", "--dangerously-bypass-approvals-and-sandbox"],
        "grace": 2,
    }
    budget.write_text(json.dumps({"handoff": allowed}))
    governor.extra_env = {**claude.env(), **codex.env()}
    return governor


def ended(governor: Governor, name: str) -> dict[str, Any]:
    """The digest once it is there."""
    for _ in range(300):
        (found,) = governor.json("handoffs", name)["handoffs"]
        if found["state"] not in ("RUNNING", "QUIET"):
            said: dict[str, Any] = found
            return said
        time.sleep(0.1)
    raise AssertionError(f"{name} never ended")


def texts_kept(state: State) -> list[str]:
    """Every file of ours that holds the task's own words, or the client's; a worktree is the person's."""
    return [
        str(path)
        for path in state.folder.rglob("*")
        if path.is_file()
        and "tree" not in path.parts
        and (b"marigold" in path.read_bytes() or b"Nothing is left" in path.read_bytes())
    ]


def test_codex_does_it_in_a_worktree_and_the_work_can_be_taken_back(
    both: Governor, codex: Codex, project: Path, standin: Standin, state: State
) -> None:
    standin.reply(tool("exec_command", cmd="echo marigold-7 > result.txt"), usage(input=500, output=50))
    standin.reply(text(DONE), usage(input=100, output=40))

    started = both("handoff", "--worktree", "--json", TASK, cwd=project)
    assert 0 == started.code, started.err
    begun = json.loads(started.out)
    digest = ended(both, begun["id"])

    assert ("DONE", None, "codex") == (digest["state"], digest["failed"], digest["lane"])
    assert [{"path": "result.txt", "added": 1, "removed": 0}] == digest["files"]
    assert ["tests/test_result.py::test_word"] == digest["tests"]
    assert (690, 1) == (digest["tokens"], digest["tool_calls"])
    assert {"5h", "week"} == {window["window"] for window in digest["windows"]}
    assert digest["session"] in codex.rollouts()[-1].name == Path(digest["transcript"]).name
    assert TASK in standin.turns[0].text
    assert f"Branch: governor/{digest['id']}" in standin.turns[0].text
    assert not (project / "result.txt").exists()
    assert [] == texts_kept(state)
    both.extra_env |= {
        "GIT_AUTHOR_NAME": "p",
        "GIT_AUTHOR_EMAIL": "p@x",
        "GIT_COMMITTER_NAME": "p",
        "GIT_COMMITTER_EMAIL": "p@x",
    }
    for command in digest["take_back"]:
        subprocess.run(command, shell=True, check=True, capture_output=True, env={**both.env()})
    assert "marigold-7\n" == (project / "result.txt").read_text()
    assert [] == [line for line in git(project, "branch").splitlines() if "governor" in line]


def test_claude_takes_what_codex_hands_back(
    both: Governor, claude: ClaudeCode, project: Path, standin: Standin
) -> None:
    standin.reply(
        tool("Write", file_path=str(project / "result.txt"), content="marigold-7\n"), usage(input=500, output=50)
    )
    standin.reply(text(DONE), usage(input=100, output=40))
    both.extra_env["CODEX_THREAD_ID"] = "01a2135c-1e42-7f11-83b3-453cf0d48f39"

    run = both("handoff", "--foreground", "--json", TASK, cwd=project)

    digest = json.loads(run.out)
    assert (0, "DONE", "claude") == (run.code, digest["state"], digest["lane"]), run.out + run.err
    assert {"lane": "codex", "session": "01a2135c-1e42-7f11-83b3-453cf0d48f39"} == digest["from"]
    assert ["result.txt"] == [each["path"] for each in digest["files"]]
    assert claude.transcript(digest["session"]) == Path(digest["transcript"])


@pytest.mark.parametrize(("lane", "answer"), [("claude", "ok"), ("codex", "Done."), ("codex", "")])
def test_a_stub_or_nothing_is_never_done(
    both: Governor, project: Path, standin: Standin, lane: str, answer: str
) -> None:
    standin.default = Reply((text(answer),) if answer else (), usage())

    run = both("handoff", "--foreground", "--json", "--lane", lane, TASK, cwd=project)

    digest = json.loads(run.out)
    assert (1, "FAILED") == (run.code, digest["state"]), run.out
    assert digest["failed"] in ("a stub: no tool call, no file changed, and next to no words", "the result was empty")


def test_a_lane_at_its_wall_is_refused_politely(both: Governor, project: Path, standin: Standin) -> None:
    standin.codex_meter.five_hour.used = 1.2
    standin.default = Reply((text("never"),), usage())
    first = both("handoff", "--foreground", "--json", "--lane", "codex", TASK, cwd=project)

    again = both("handoff", "--lane", "codex", TASK, cwd=project)

    assert "its window is used up" in json.loads(first.out)["failed"]
    assert 1 == again.code
    assert "Codex cannot take work now" in again.err
    assert "governor handoff --lane claude" in again.err


def test_the_session_that_handed_off_is_told_once_and_so_is_its_model(
    both: Governor, claude: ClaudeCode, codex: Codex, project: Path, standin: Standin, state: State
) -> None:
    """Claude's own model runs the command; its next prompt hears the end of it, the one after that no more."""
    assert 0 == both("install", "--claude").code
    state.hold_bell()
    claude.extra_env["PYTHONPATH"] = str(ROOT)
    claude.extra_env |= codex.env()
    governor = f"{both.program} -m governor"
    for_claude = lambda request: request.lane == "claude" and bool(request.tools)  # noqa: E731
    for_codex = lambda request: request.lane == "codex"  # noqa: E731
    standin.reply(tool("Bash", command=f"{governor} handoff '{TASK}'"), when=for_claude)
    standin.reply(text("handed over"), when=for_claude)
    standin.reply(tool("exec_command", cmd="echo marigold-7 > result.txt"), when=for_codex)
    standin.reply(text(DONE), when=for_codex)
    with claude.terminal() as tui:
        tui.type("hand it over")
        tui.wait_for("● handed over")
        (name,) = [path.name for path in (state.folder / "handoffs").iterdir()]
        assert "DONE" == ended(both, name)["state"]
        state.hold_bell()

        standin.reply(text("second"), when=for_claude)
        tui.type("and now")
        tui.wait_for("● second")
        standin.reply(text("third"), when=for_claude)
        tui.type("and then")
        tui.wait_for("● third")
        seen = " ".join(tui.history().split())

    assert 1 == seen.count(f"governor: handoff {name} to Codex is DONE"), seen
    told = [
        request for request in standin.turns if request.lane == "claude" and f"Handoff {name} is DONE" in request.text
    ]
    assert told, "the model started it, so it hears of it"
    assert 1 == told[-1].text.count(f"Handoff {name} is DONE")
