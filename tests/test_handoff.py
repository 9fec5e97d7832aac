"""``governor handoff``: what is done, what never is, what is kept, and who hears of it."""

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
from fakes import SESSION, THREAD, Fake, called, governor, init, result
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW, refreshed

from governor import config, snapshots
from governor.handoff import news, record, verdict
from governor.handoff.brief import brief, named_files
from governor.handoff.changes import ChangedFile, Watcher
from governor.hooks import runtime
from governor.hooks.pacing import ended_handoff as guard

TASK = "Rename marigold to primrose everywhere"
LONG = "I renamed it in four places and ran tests/test_names.py, all green, nothing is left."
ROOT = Path(__file__).parent.parent


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    return tmp_path / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def hasty(tmp_path: Path) -> None:
    (tmp_path / "budget.json").write_text(json.dumps({"handoff": {"grace": 1}}))


def in_git(project: Path) -> None:
    who = ["-c", "user.name=p", "-c", "user.email=p@example.org"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(project)], check=True)
    (project / "kept.txt").write_text("kept\n")
    subprocess.run(["git", "-C", str(project), "add", "-A"], check=True)
    subprocess.run(["git", *who, "-C", str(project), "commit", "-qm", "begun"], check=True)


def hand(bin_folder: Path, project: Path, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return governor("handoff", "--lane", "claude", *words, bin_folder=bin_folder, cwd=str(project), **more)


def shown(name: str) -> dict[str, Any]:
    done = governor("handoffs", name, "--json")
    (found,) = json.loads(done.stdout)["handoffs"]
    content: dict[str, Any] = found
    return content


def until(name: str, *states: str) -> dict[str, Any]:
    for _ in range(100):
        found = shown(name)
        if found["state"] in states:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{name} is still {found['state']}")


# ---- what is done, and what never is ---------------------------------------------------------------------------------


def test_done_with_what_changed_and_which_tests_and_no_word_of_it_kept(
    bin_folder: Path, project: Path, tmp_path: Path
) -> None:
    in_git(project)
    steps = [
        init(),
        {"hear": 1},
        {"environment": 1},
        {"say": called(1)},
        {"touch": str(project / "new.txt")},
        result(LONG),
    ]
    client = Fake(bin_folder, "claude", steps)

    done = hand(
        bin_folder, project, "--foreground", "--json", "Rename", "marigold,", "see", "kept.txt", env={"CLAUDECODE": "1"}
    )

    digest = json.loads(done.stdout)
    assert (0, "DONE", None) == (done.returncode, digest["state"], digest["failed"]), done.stderr
    assert ([{"path": "new.txt", "added": 1, "removed": 0}], 1) == (digest["files"], digest["files_changed"])
    assert ["tests/test_names.py"] == digest["tests"]
    assert all(digest["checks"].values())
    heard = (bin_folder / "heard").read_text()
    assert "Rename marigold, see kept.txt" in heard
    assert f"Folder: {project}\nBranch: main" in heard
    assert "- kept.txt" in heard
    assert not [word for word in client.starts[0] if "marigold" in word], "the brief stands in no list of processes"
    environment = json.loads((bin_folder / "environment").read_text())
    assert ("CLAUDECODE" not in environment, digest["id"]) == (True, environment["GOVERNOR_HANDOFF"])
    kept = [
        p
        for p in (tmp_path / "state").rglob("*")
        if p.is_file() and (b"marigold" in p.read_bytes() or b"renamed" in p.read_bytes())
    ]
    assert [] == kept
    assert (
        ""
        == subprocess.run(
            ["git", "-C", str(project), "diff", "--cached"], capture_output=True, text=True, check=True
        ).stdout
    )


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([init(), result("ok")], "a stub: no tool call, no file changed, and next to no words"),
        ([init(), {"say": called(1)}, result("")], "the result was empty"),
        ([init(), {"say": called(1)}], "the client never said that it had finished"),
        ([init(), result(LONG), {"exit": 3}], "the client's exit code was 3"),
        ([{"exit": 0}], "the client never said that it had finished"),
        (
            [init(), result("no", is_error=True, api_error_status=401), {"exit": 1}],
            "the client's exit code was 1 (auth)",
        ),
        ([init(), {"sleep": 60}], "it was ended: the limit of 2s"),
    ],
)
def test_nothing_less_than_work_is_done(
    bin_folder: Path, project: Path, steps: list[dict[str, Any]], reason: str
) -> None:
    Fake(bin_folder, "claude", steps)

    done = hand(bin_folder, project, "--foreground", "--max-wall", "2s", "--json", TASK)

    digest = json.loads(done.stdout)
    assert (1, "FAILED", reason) == (done.returncode, digest["state"], digest["failed"])


def test_a_client_that_cannot_be_started_has_failed(bin_folder: Path, project: Path) -> None:
    client = Fake(bin_folder, "claude", [])
    client.path.write_text("#!/no/such/interpreter\n")

    done = hand(bin_folder, project, "--foreground", "--json", TASK)

    assert (1, "FAILED") == (done.returncode, json.loads(done.stdout)["state"])
    assert json.loads(done.stdout)["failed"].startswith("the client never started")


CHECKS = st.fixed_dictionaries(
    {
        "started": st.booleans(),
        "exit_code": st.sampled_from([0, 1, None]),
        "ended_by": st.sampled_from(["", "the limit"]),
        "finished": st.booleans(),
        "message": st.sampled_from(["", "ok", LONG]),
        "tool_calls": st.integers(0, 2),
        "changed": st.integers(0, 2),
    }
)


@given(CHECKS)
def test_done_needs_every_check(facts: dict[str, Any]) -> None:
    good = facts["started"] and facts["exit_code"] == 0 and not facts["ended_by"] and facts["finished"]
    work = facts["message"] and (facts["tool_calls"] or facts["changed"] or facts["message"] == LONG)
    assert bool(good and work) == (verdict.failed(verdict.checks(**facts)) is None)


def test_tests_are_known_by_their_names() -> None:
    said = "Ran `tests/test_a.py::test_one`, src/x_test.go, web/app.spec.ts, FooTest.java; test_two is green. A test?"
    assert [
        "tests/test_a.py::test_one",
        "src/x_test.go",
        "web/app.spec.ts",
        "FooTest.java",
        "test_two",
    ] == verdict.tests_named(said)


# ---- its life --------------------------------------------------------------------------------------------------------


def test_in_the_background_it_runs_and_then_is_done(bin_folder: Path, project: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait = [{"say": called(n)} if n % 2 else {"sleep": 0.2} for n in range(1, 12)]
    Fake(bin_folder, "claude", [init(), *wait, result(LONG)])

    done = hand(bin_folder, project, TASK)
    name = done.stdout.split(":")[0]

    assert 0 == done.returncode
    assert f"next: governor handoffs {name}" in done.stdout
    assert "RUNNING" == shown(name)["state"]
    assert "DONE" == until(name, "DONE", "FAILED", "DEAD")["state"]
    assert not go.exists()


def test_a_supervisor_that_is_gone_is_dead_whoever_has_its_number_now(
    bin_folder: Path, project: Path, tmp_path: Path
) -> None:
    Fake(bin_folder, "claude", [init(), {"sleep": 60}])
    name = hand(bin_folder, project, TASK).stdout.split(":")[0]
    for _ in range(100):
        if pid := record.holder(name):
            break
        time.sleep(0.05)
    assert pid
    os.kill(pid, signal.SIGKILL)

    assert "DEAD" == until(name, "DEAD")["state"]
    (tmp_path / "state/handoffs" / name / "lock").write_text(str(os.getpid()))  # a live process, but no holder
    assert "DEAD" == shown(name)["state"]
    assert 1 == governor("handoffs", "stop", name).returncode
    news.post()
    assert not (tmp_path / "state/handoffs" / name / "brief").exists()


def test_one_that_says_nothing_for_long_is_quiet(bin_folder: Path, project: Path, tmp_path: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"sleep": 60}])
    name = hand(bin_folder, project, TASK).stdout.split(":")[0]
    until(name, "RUNNING")
    pulse = tmp_path / "state/handoffs" / name / "pulse"
    for _ in range(100):
        if pulse.exists():
            break
        time.sleep(0.05)
    os.utime(pulse, (time.time() - 700, time.time() - 700))

    assert ("QUIET", True) == (shown(name)["state"], shown(name)["quiet_s"] >= 699)
    stopped = governor("handoffs", "stop", name)
    assert (0, f"{name} has ended.") == (stopped.returncode, stopped.stdout.splitlines()[0])
    assert ("FAILED", "it was ended: stopped by a signal") == (shown(name)["state"], shown(name)["failed"])


def test_two_at_once_are_two(bin_folder: Path, project: Path) -> None:
    Fake(bin_folder, "claude", [init(), {"say": called(1)}, result(LONG)])
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    words = [sys.executable, "-m", "governor", "handoff", "--lane", "claude", "--json", TASK]
    both = [
        subprocess.Popen(words, env=env, cwd=project, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        for _ in range(2)
    ]
    names = {json.loads(process.communicate(timeout=60)[0])["id"] for process in both}

    assert 2 == len(names)
    assert ["DONE", "DONE"] == [until(name, "DONE", "FAILED", "DEAD")["state"] for name in sorted(names)]
    listed = json.loads(governor("handoffs", "--json").stdout)
    assert names == {each["id"] for each in listed["handoffs"]}


def test_forgetting_one_leaves_the_work_in_a_worktree_alone(bin_folder: Path, project: Path, tmp_path: Path) -> None:
    in_git(project)
    Fake(bin_folder, "claude", [init(), {"say": called(1)}, result(LONG)])
    name = json.loads(hand(bin_folder, project, "--foreground", "--worktree", "--json", TASK).stdout)["id"]

    kept = governor("handoffs", "forget", name)
    *_, remove = shown(name)["take_back"]
    subprocess.run(remove, shell=True, check=True, capture_output=True)
    gone = governor("handoffs", "forget", name)

    assert (1, 0) == (kept.returncode, gone.returncode)
    assert "worktree" in kept.stderr
    assert not (tmp_path / "state/handoffs" / name).exists()


@pytest.mark.parametrize("name", ["../../etc", "h12345", "h1234567", "hzzzzzz", "h" + "1" * 300, "", "/"])
def test_what_is_no_id_never_becomes_a_path(name: str) -> None:
    assert not record.is_id(name)
    assert 1 == governor("handoffs", name).returncode


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_a_lane_that_is_not_installed_is_refused_with_what_to_do(project: Path, tmp_path: Path) -> None:
    done = governor("handoff", "--lane", "codex", TASK, cwd=str(project), env={"PATH": str(tmp_path)})

    assert 1 == done.returncode
    assert "Codex is not installed here (codex is not on the PATH)" in done.stderr
    assert '"handoff": {"codex"' in done.stderr
    assert not (tmp_path / "state/handoffs").exists()


@pytest.mark.parametrize(
    ("words", "env", "reason"),
    [
        ([""], {}, "There is no task"),
        ([TASK, "--worktree"], {}, "A worktree needs a git repository"),
        ([TASK, "--max-usd", "0"], {}, "is no limit"),
        ([TASK], {"GOVERNOR_HANDOFF": "h123456"}, "itself a handoff"),
    ],
)
def test_refused_before_anything_is_begun(
    bin_folder: Path, project: Path, tmp_path: Path, words: list[str], env: dict[str, str], reason: str
) -> None:
    client = Fake(bin_folder, "claude", [init(), result(LONG)])

    done = hand(bin_folder, project, *words, env=env)

    assert 1 == done.returncode
    assert reason in done.stderr
    assert ([], []) == (client.starts, record.every())


def test_standing_rules_that_cannot_be_read_are_a_mistake_and_read_ones_are_passed_on(
    bin_folder: Path, project: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.md"
    (tmp_path / "budget.json").write_text(json.dumps({"handoff": {"rules": str(rules)}}))
    Fake(bin_folder, "claude", [init(), {"hear": 1}, {"say": called(1)}, result(LONG)])

    missing = hand(bin_folder, project, "--foreground", TASK)
    rules.write_text("Never touch the lock file.")
    read = hand(bin_folder, project, "--foreground", TASK)

    assert (1, 0) == (missing.returncode, read.returncode), read.stderr + read.stdout
    assert "Standing rules:\nNever touch the lock file." in (bin_folder / "heard").read_text()


@pytest.mark.parametrize(
    ("env", "lane"),
    [({"CLAUDE_CODE_SESSION_ID": SESSION}, "Codex"), ({"CODEX_THREAD_ID": THREAD}, "Claude Code"), ({}, "Codex")],
)
def test_the_default_is_the_other_lane(project: Path, tmp_path: Path, env: dict[str, str], lane: str) -> None:
    done = governor("handoff", TASK, cwd=str(project), env={"PATH": str(tmp_path), **env})
    assert f"{lane} is not installed here" in done.stderr


# ---- the brief -------------------------------------------------------------------------------------------------------


@given(st.text(max_size=80))
def test_named_files_are_words_of_the_task_and_never_leave_the_folder(task: str) -> None:
    asked: list[str] = []

    def exists(path: str) -> bool:
        asked.append(path)
        return True

    found = named_files(task, exists)
    assert all(path in task for path in found)
    assert not [path for path in asked if path.startswith(("/", "~")) or ".." in path.split("/")]
    assert len(found) == len(set(found)) <= 20


def test_the_same_task_makes_the_same_brief() -> None:
    def made() -> str:
        return brief(TASK, folder="/f", branch="b", files=["a.py"], rules="r", worktree=True)

    assert made() == made()
    assert made().startswith(TASK)


# ---- changes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("git", [True, False])
def test_what_changed_is_seen_and_the_repository_left_as_it_was(project: Path, tmp_path: Path, git: bool) -> None:
    if git:
        in_git(project)
    else:
        (project / "kept.txt").write_text("kept\n")
    (project / "mine.txt").write_text("not committed\n")
    (project / "gone.txt").write_text("1\n")

    def state() -> str:
        words = ["git", "-C", str(project), "status", "--porcelain"]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    watcher = Watcher(str(project), tmp_path / "scratch")
    before = state()
    objects = sorted(str(path) for path in project.rglob(".git/objects/**/*"))
    assert [] == watcher.changes()
    (project / "kept.txt").write_text("kept\nand more\n")
    (project / "gone.txt").unlink()
    (project / "new ü.txt").write_text("x\ny\n")
    found = watcher.changes()
    watcher.close()

    expected = [("gone.txt", 0, 1), ("kept.txt", 1, 0), ("new ü.txt", 2, 0)]
    assert [ChangedFile(name, *(counts if git else (None, None))) for name, *counts in expected] == found
    assert objects == sorted(str(path) for path in project.rglob(".git/objects/**/*"))
    assert not (tmp_path / "scratch").exists()
    assert before != state() or not git


# ---- told once -------------------------------------------------------------------------------------------------------


def ended(*, session: str | None, lane: str | None, folder: str, state: str = "DONE") -> str:
    name = record.create()
    content = {"state": state, "lane": "codex", "from_lane": lane, "from_session": session, "project": folder}
    record.write(
        name, {**content, "started_at": time.time() - 60, "ended_at": time.time(), "files_changed": 3, "failed": None}
    )
    return name


def prompt(session: str, cwd: str, lane: str = "claude", event: str = "UserPromptSubmit") -> dict[str, Any]:
    """What the hook answers to one prompt."""
    content = {"hook_event_name": event, "session_id": session, "cwd": cwd, "prompt": "next"}
    words = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "pacing_warner.py"), *([lane] if lane == "codex" else [])]
    done = subprocess.run(words, input=json.dumps(content), capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return said


def test_the_session_that_started_it_hears_once_and_no_other_does(tmp_path: Path) -> None:
    name = ended(session=SESSION, lane="claude", folder="/w")
    news.post()

    assert {} == prompt("another", "/w")
    assert {} == prompt(SESSION, "/w", event="SessionStart")
    told = prompt(SESSION, "/elsewhere")
    assert f"handoff {name} to Codex is DONE" in told["systemMessage"]
    model = told["hookSpecificOutput"]["additionalContext"]
    assert (True, True) == (name in model, len(model) <= 200)
    assert {} == prompt(SESSION, "/w")
    news.post()
    assert not (tmp_path / "state/letters/handoffs").exists(), "no news, no letter, no cost"


def test_one_begun_in_a_plain_terminal_is_told_to_the_person_in_its_folder_alone() -> None:
    ended(session=None, lane=None, folder="/w", state="FAILED")
    news.post()

    assert {} == prompt("s", "/other")
    told = prompt("s", "/w", lane="codex")
    assert "FAILED" in told["systemMessage"]
    assert "hookSpecificOutput" not in told, "no model asked for it"


def test_two_prompts_at_once_hear_of_it_once() -> None:
    ended(session=None, lane="claude", folder="/w")
    news.post()
    event = json.dumps({"hook_event_name": "UserPromptSubmit", "session_id": "s", "cwd": "/w", "prompt": "x"})
    words = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "pacing_warner.py")]
    running = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = [process.communicate(event)[0] for process in running]
    assert 1 == len([one for one in said if one])


def test_old_news_is_no_news_and_the_kill_switch_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(session=SESSION, lane="claude", folder="/w")
    news.post(now=time.time() + news.FRESH_S + 60)
    assert not (tmp_path / "state/letters/handoffs").exists()
    news.post()
    monkeypatch.setenv("GOVERNOR_OFF", "1")
    assert {} == prompt(SESSION, "/w")
    monkeypatch.delenv("GOVERNOR_OFF")
    assert prompt(SESSION, "/w")


@pytest.mark.parametrize("snapshot", [{}, {"news": 3}, {"news": [3, {}, {"id": 4}, {"id": "h1", "session": 5}]}])
def test_a_strange_snapshot_says_nothing(snapshot: dict[str, Any]) -> None:
    event = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "cwd": "/w"}
    assert guard.news(event, snapshot, lane="claude", seen=lambda _: False) is None


def test_the_wall_comes_before_the_news(tmp_path: Path) -> None:
    name = ended(session=SESSION, lane="claude", folder="/w")
    news.post()
    now = int(time.time())
    window = {"window": "week", "resets_at": now + 900, "verdict": "STOP", "rule": "wall-95", "line": "governor: full."}
    body = json.dumps({"version": 1, "written_at": now, "lanes": {"claude": {"windows": [window]}}})
    runtime.write_private(str(tmp_path / "state/letters/pacing"), f"speak\n{body}\n".encode())

    held, told, paced = (prompt(SESSION, "/w") for _ in range(3))

    assert "block" == held["decision"]
    assert name in told["systemMessage"]
    assert {} == paced, "what the hold said is not said again"


# ---- beside ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("here", ["/usr/bin/governor", None])
def test_the_routers_snapshot_knows_whether_governor_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, here: str | None
) -> None:
    monkeypatch.setattr("governor.snapshots.router.shutil.which", lambda name: here)
    with refreshed() as ledger:
        content = snapshots.router.snapshot(snapshots.desk(ledger, config.load(), now=NOW))[1]
    assert bool(here) == content.get("handoff", False)


def test_a_folder_of_the_persons_called_governor_does_not_become_the_supervisor(
    bin_folder: Path, project: Path
) -> None:
    (project / "governor").mkdir()
    (project / "governor" / "__init__.py").write_text("raise SystemExit('not this one')\n")
    Fake(bin_folder, "claude", [init(), {"say": called(1)}, result(LONG)])
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
    }
    words = [sys.executable, "-P", "-m", "governor", "handoff", "--lane", "claude", "--json", TASK]
    done = subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=True)
    assert "DONE" == until(json.loads(done.stdout)["id"], "DONE", "FAILED", "DEAD")["state"]


def test_what_is_being_prepared_is_never_dead(tmp_path: Path) -> None:
    name = record.create()
    descriptor = record.lock(name)
    try:
        assert record.RUNNING == record.look(name, now=time.time(), quiet_s=600)[0]
        record.write(name, {"state": record.RUNNING})
        news.post()
        assert record.RUNNING == record.look(name, now=time.time(), quiet_s=600)[0]
        with pytest.raises(BlockingIOError):
            record.lock(name)
    finally:
        os.close(descriptor)
    assert record.DEAD == record.look(name, now=time.time(), quiet_s=600)[0]
