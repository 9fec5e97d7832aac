"""``governor halt``: who is stopped, by which file, and that nobody but the user lifts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import SESSION, Fake, called, governor, init
from hypothesis import given
from hypothesis import strategies as st

from governor import paths
from governor.cli import governor as command_line
from governor.cli import main
from governor.gate import halting
from governor.hooks import runtime
from governor.hooks.state import halt_file as halt
from governor.hooks.state import halts
from governor.hooks.state.halt_file import Agent, Halt

ROOT = Path(__file__).parent.parent
NOW = 1_795_316_400
CONDITIONS = {"lane": "claude", "session": "abcdef123", "agent": "Explore", "project": "/home/u/my app"}
AGENT = Agent(lane="claude", session="abcdef123-9", folder="/home/u/my app/src", kinds=("explore",))

texts = st.text(min_size=1, max_size=30)
some_halts = st.builds(
    lambda conditions, until, set_at, reason: Halt(conditions, until=until, set_at=set_at, reason=halt.shown(reason)),
    st.dictionaries(st.sampled_from(halt.CONDITIONS), texts.filter(lambda text: "\0" not in text)),
    st.none() | st.integers(0, 10**11),
    st.none() | st.integers(0, 10**11),
    st.text(max_size=250),
)


@given(st.lists(some_halts, max_size=4))
def test_a_file_gives_back_the_halts_that_were_written(written: list[Halt]) -> None:
    assert written == halt.parse(halt.render(written))


@given(st.text(max_size=300))
def test_any_text_is_understood_or_halts_everybody(text: str) -> None:
    for each in halt.parse(text):
        assert each.conditions or halt.holds(each, Agent(), 0) or each.until is not None


@pytest.mark.parametrize(
    ("text", "is_halted"),
    [
        ("", True),  # touch HALT
        ("# a remark alone\n", False),
        ("all\n", True),
        ("lane=codex\n", False),
        ("lane=claude project=/home/u/my%000020app until=99999999999 reason=all day\n", True),
        ("lane=claude project=/home/u/my until=99999999999\n", False),  # my app is not below my
        (f"all until={NOW}\n", False),  # its time has run out
        (f"all until={NOW + 1}\n", True),
        ("stop!\n", True),  # somebody asked for a stop, and nobody can say of whom
        ("lane=\n", True),
        ("project=*/my*app\n", True),
        ("tag=work in=/home/u/*\n", True),
        ("tag=work in=/srv/*\n", False),
        ("agent=explore\n", True),
        ("agent=main\n", False),
        ("session=abc\n", False),  # too short to name one session
        ("session=abcdef\n", True),
    ],
)
def test_whom_a_file_halts(text: str, is_halted: bool) -> None:
    assert is_halted == (halt.first_that_holds(halt.parse(text), AGENT, NOW) is not None)


@given(st.sets(st.sampled_from(sorted(CONDITIONS))), st.sampled_from(sorted(CONDITIONS)))
def test_conditions_hold_together(names: set[str], other: str) -> None:
    told = {name: CONDITIONS[name] for name in names}
    assert halt.holds(Halt(told), AGENT, NOW)
    assert not halt.holds(Halt({**told, other: "another-one"}), AGENT, NOW)


def test_no_control_character_reaches_a_terminal() -> None:
    (each,) = halt.parse("project=/a%00001b]52 reason=go\x1b]52;c;x\x07 on\n")
    assert (halt.whom(each) + halt.to_user(each, "/f") + halt.to_agent(each)).isprintable()


# In hooks


def event(name: str = "PreToolUse", **more: Any) -> dict[str, Any]:
    kinds = {"PreToolUse": {"tool_name": "Bash", "tool_input": {"command": "ls"}}, "UserPromptSubmit": {"prompt": "go"}}
    return {"hook_event_name": name, "session_id": "abcdef123", "cwd": "/home/u", **kinds.get(name, {}), **more}


def ask(script: str, said: dict[str, Any], lane: str = "claude", **env: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "hooks" / script), lane],
        input=json.dumps(said, separators=(",", ":")),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
    )
    assert (0, "") == (done.returncode, done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return answer


def cli(*words: str) -> Result:
    return CliRunner().invoke(command_line, list(words), catch_exceptions=False)


@pytest.mark.parametrize("lane", ["claude", "codex"])
@pytest.mark.parametrize("script", ["budget_guard.py", "spawn_guard.py", "pacing_warner.py"])
def test_a_halted_agent_is_refused_its_next_tool_call(sealed_home: Path, script: str, lane: str) -> None:
    assert 0 == cli("halt", "--all", "--reason", "wrong branch").exit_code

    said = ask(script, event(), lane)

    specific = said["hookSpecificOutput"]
    assert "deny" == specific["permissionDecision"]
    assert "wrong branch" in specific["permissionDecisionReason"]
    assert str(sealed_home / "state" / "HALT") in said["systemMessage"]
    assert (False if lane == "claude" else None) is said.get("continue")  # Codex takes no "continue" here


def test_a_halted_agents_prompt_is_held_and_says_how_to_lift_it(sealed_home: Path) -> None:
    cli("halt", "--all")
    said = ask("pacing_warner.py", event("UserPromptSubmit"))
    assert "block" == said["decision"]
    assert "governor unhalt --all, or delete" in said["reason"]


def test_only_the_halted_one_is_stopped() -> None:
    cli("halt", "--agent", "Explore")
    assert {} == ask("budget_guard.py", event())
    assert {} == ask("budget_guard.py", event("UserPromptSubmit"))
    inside = ask("budget_guard.py", event(agent_id="a1", agent_type="Explore"))
    assert "deny" == inside["hookSpecificOutput"]["permissionDecision"]
    assert "continue" not in inside  # the main agent goes on
    spawned = ask("spawn_guard.py", event(tool_name="Agent", tool_input={"subagent_type": "Explore"}))
    assert "deny" == spawned["hookSpecificOutput"]["permissionDecision"]


def test_a_halt_holds_while_the_governor_is_silenced_and_both_say_so(sealed_home: Path) -> None:
    (sealed_home / "state").mkdir(exist_ok=True)
    cli("halt", "--all")
    assert "A halt is in force" in cli("off").output
    assert ask("budget_guard.py", event())
    assert ask("budget_guard.py", event(), GOVERNOR_OFF="1")
    assert "silent (governor off), and the halts hold" in cli("halt", "--list").output
    cli("unhalt", "--all")
    assert {} == ask("budget_guard.py", event())


def test_deleting_the_file_lifts_it(sealed_home: Path) -> None:
    cli("halt", "--all")
    (sealed_home / "state" / "HALT").unlink()
    assert {} == ask("budget_guard.py", event())


@pytest.mark.parametrize("kind", ["folder", "link", "unreadable", "fifo"])
def test_whatever_stands_in_its_place_halts_and_never_hangs(sealed_home: Path, kind: str) -> None:
    state = sealed_home / "state"
    state.mkdir(exist_ok=True)
    path = state / "HALT"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/nowhere")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(b"\xff\xfe\x00")
    assert "deny" == ask("budget_guard.py", event())["hookSpecificOutput"]["permissionDecision"]


def test_fifty_sessions_at_once_miss_none() -> None:
    cli("halt", "--all")
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: ask("budget_guard.py", event(session_id=f"session-{n}")), range(50)))
    assert 50 == sum(each["hookSpecificOutput"]["permissionDecision"] == "deny" for each in said)


# The file that several machines see


@pytest.fixture
def shared(sealed_home: Path) -> Path:
    """A shared file, known to this machine's hooks."""
    file = sealed_home / "share" / "HALT"
    file.parent.mkdir()
    (sealed_home / "budget.json").write_text(json.dumps({"shared_halt": str(file)}))
    runtime.write_private(str(sealed_home / "state" / halts.SHARED_NAME), str(file).encode())
    return file


def test_a_shared_halt_reaches_another_machine_and_its_end_too(sealed_home: Path, shared: Path) -> None:
    assert {} == ask("budget_guard.py", event())
    shared.write_text("all reason=from the other machine\n")
    age(sealed_home / "state" / halts.COPY)
    told = ask("budget_guard.py", event())
    assert "from the other machine" in told["hookSpecificOutput"]["permissionDecisionReason"]
    assert str(shared) in told["systemMessage"]
    shared.unlink()
    age(sealed_home / "state" / halts.COPY)
    assert {} == ask("budget_guard.py", event())


def age(copy: Path) -> None:
    """Make the copy older than hooks accept, once it has been made."""
    while copy.with_name("halts-asked").exists():
        time.sleep(0.01)
    past = time.time() - 60
    os.utime(copy, (past, past))


def test_a_share_that_hangs_is_not_waited_for_and_lifts_nothing(sealed_home: Path, shared: Path) -> None:
    shared.write_text("all\n")
    assert ask("budget_guard.py", event())
    shared.unlink()
    os.mkfifo(shared)  # opening it never returns
    age(sealed_home / "state" / halts.COPY)
    began = time.monotonic()
    told = [ask("budget_guard.py", event()) for _ in range(3)]
    assert all(told)
    assert 30 > time.monotonic() - began  # it ended at all
    os.close(os.open(shared, os.O_RDWR | os.O_NONBLOCK))


def test_a_shared_halt_is_set_and_lifted_by_command(shared: Path) -> None:
    assert 0 == cli("halt", "--all", "--shared", "--reason", "maintenance").exit_code
    assert "reason=maintenance" in shared.read_text()
    assert ask("budget_guard.py", event())
    assert 0 == cli("unhalt", "--all").exit_code
    assert not shared.exists()
    assert {} == ask("budget_guard.py", event())


def test_shared_without_a_setting_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main(["halt", "--all", "--shared"])
    assert "shared_halt" in capsys.readouterr().err


# The command line


@pytest.mark.parametrize(
    "words",
    [
        ["halt", "--all"],
        ["unhalt", "--all"],
        ["off"],
        ["override", "30m"],
        ["calibrate", "5%"],
        ["calibrate", "--forget", "1"],
        ["calibrate", "--paste"],
        ["uninstall"],
        ["run", "--max-usd", "1000000", "--", "true"],
        ["handoff", "--max-wall", "9d", "task"],
    ],
)
@pytest.mark.parametrize("mark", ["CLAUDECODE", "CODEX_THREAD_ID"])
def test_what_loosens_is_the_users_alone(
    sealed_home: Path, words: list[str], mark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (sealed_home / "budget.json").write_text(json.dumps({"run": {"usd": 5}}))
    monkeypatch.setenv(mark, "1")
    assert 1 == main(words)
    assert "is for the user at the keyboard" in capsys.readouterr().err


def test_what_tightens_is_anybodys(monkeypatch: pytest.MonkeyPatch, sealed_home: Path) -> None:
    (sealed_home / "budget.json").write_text(json.dumps({"run": {"usd": 5}}))
    monkeypatch.setenv("CLAUDECODE", "1")
    assert 0 == main(["override", "off"])
    assert 0 == main(["run", "--max-usd", "1", "--max-wall", "1m", "--", "true"])


def test_several_halts_stand_beside_each_other_and_are_lifted_one_by_one(sealed_home: Path) -> None:
    cli("halt", "--lane", "codex", "--for", "2h", "--reason", "too dear")
    cli("halt", "--project", str(sealed_home))
    cli("halt", "--lane", "codex")  # the same conditions again: said anew
    assert 2 == len(halting.known(halting.own_file()))
    listed = json.loads(cli("halt", "--list", "--json").output)
    assert ["agents of Codex", f"agents in {sealed_home}"] == sorted(
        (each["whom"] for each in listed["halts"]), key=lambda words: "in /" in words
    )
    assert 0 == cli("unhalt", "--lane", "codex").exit_code
    assert [{"project": str(sealed_home)}] == [each.conditions for each in halting.known(halting.own_file())]
    assert 1 == main(["unhalt", "--lane", "claude"])
    assert 0 == cli("unhalt", "--all").exit_code
    assert not halting.own_file().exists()


@pytest.mark.parametrize(
    "words", [["halt"], ["halt", "--all", "--lane", "codex"], ["halt", "--session", "abc"], ["unhalt"]]
)
def test_a_halt_without_a_clear_scope_is_refused(words: list[str]) -> None:
    assert 1 == main(words)
    assert not halting.own_file().exists()


def test_a_tag_is_halted_by_its_folders(sealed_home: Path) -> None:
    tags = [{"tag": "work", "project": "/home/u/work*"}, {"tag": "branchy", "branch": "x"}]
    (sealed_home / "budget.json").write_text(json.dumps({"tags": tags}))
    assert 1 == main(["halt", "--tag", "branchy"])
    assert 1 == main(["halt", "--tag", "nothing"])
    assert 0 == cli("halt", "--tag", "work").exit_code
    assert ask("budget_guard.py", event(cwd="/home/u/work/app"))
    assert {} == ask("budget_guard.py", event(cwd="/home/u/play"))


def test_two_commands_at_once_lose_no_halt() -> None:
    paths.claim_home()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: halting.add(Halt({"session": f"session-{n}"}), halting.own_file()), range(20)))
    assert 20 == len(halting.known(halting.own_file()))


# Gate, run and handoff


def test_the_gate_stops_for_a_halt_and_nothing_opens_it(sealed_home: Path) -> None:
    cli("halt", "--lane", "codex", "--reason", "wrong branch")
    said = cli("gate")
    assert (20, True) == (main(["gate"]), "you halted agents of Codex" in said.output)
    assert "next: governor unhalt --all" in said.output
    assert 0 == main(["gate", "--lane", "claude"])
    cli("override", "30m")
    cli("off")
    assert 20 == main(["gate", "--lane", "codex"])


def test_a_running_run_ends_at_a_halt(tmp_path: Path) -> None:
    client = Fake(tmp_path / "bin", "claude", [init(), {"for_ever": called(1)}])
    (tmp_path / "budget.json").write_text(json.dumps({"run": {"grace": 1}}))
    summary = tmp_path / "summary.json"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            governor, "run", "--summary", str(summary), "--", "claude", "-p", "x", bin_folder=tmp_path / "bin"
        )
        deadline = time.monotonic() + 30
        while not client.starts and time.monotonic() < deadline:
            time.sleep(0.05)
        halting.add(Halt({"session": SESSION}, reason="enough"), halting.own_file())
        done = running.result(timeout=60)
    assert 20 == done.returncode, done.stderr
    assert "halted by you" in done.stderr
    assert "enough" in done.stderr
    assert "halted" == json.loads(summary.read_text())["state"]


def test_a_run_does_not_start_while_halted(tmp_path: Path) -> None:
    client = Fake(tmp_path / "bin", "claude", [init()])
    halting.add(Halt({}), halting.own_file())
    done = governor("run", "--", "claude", "-p", "x", bin_folder=tmp_path / "bin")
    assert (20, []) == (done.returncode, client.starts)


def test_a_handoff_is_refused_while_halted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Fake(tmp_path / "bin", "codex", [init()])
    halting.add(Halt({"lane": "codex"}), halting.own_file())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert 1 == main(["handoff", "--lane", "codex", "task"])
    assert "you halted agents of Codex" in capsys.readouterr().err
