"""The books on disk: no two hooks past the same cap, whoever dies, and whatever lies where a book should."""

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

from governor.hooks import runtime
from governor.hooks.spawn import rules as spawn_rules
from governor.hooks.spawn.spawn_event import SpawningCall
from governor.hooks.state import leases, locks, subagent_files

ROOT = Path(__file__).parent.parent
ATTEMPTS, PROCESSES, CAP = 1000, 20, 37
MANY = """
import json, sys, threading
sys.path.insert(0, {root!r})
from governor.hooks.state import leases
leases.WAIT_S = 60
admitted = []
def attempt(number):
    event = {{"hook_event_name": "PreToolUse", "tool_name": "Agent", "session_id": "s", "tool_use_id": str(number)}}
    verdict = leases.admit({home!r}, "claude", event, caps={{"concurrent": {cap}}}, tokens=None, enforce=True)
    if not verdict.rule:
        admitted.append(number)
    assert verdict.rule in ("", "concurrent"), verdict.rule
sys.stdin.read()
first = int(sys.argv[1])
threads = [threading.Thread(target=lambda at=at: [attempt(n) for n in range(first + at, first + {each}, 5)])
           for at in range(5)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(admitted))
"""
HOLDER = """
import sys, time
sys.path.insert(0, {root!r})
from governor.hooks.state import leases
def edit(book):
    print("held", flush=True)
    time.sleep(60)
    return None, book
leases.change({place!r}, edit)
"""


@pytest.fixture
def home(tmp_path: Path) -> str:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return str(folder)


def event(use: str, **more: Any) -> dict[str, Any]:
    return {
        "hook_event_name": "PreToolUse",
        "tool_name": "Agent",
        "tool_input": {"prompt": "secret words"},
        "session_id": "s",
        "prompt_id": "p",
        "tool_use_id": use,
        **more,
    }


def admit(home: str, use: str, *, lane: str = "claude", caps: dict[str, Any] | None = None, **more: Any) -> str:
    """The rule in the way, or an empty string."""
    limits = {"concurrent": 1} if caps is None else caps
    return leases.admit(home, lane, event(use, **more), caps=limits, tokens=None, enforce=True).rule


def returned(home: str, use: str, response: object, **more: Any) -> None:
    leases.heard(home, "claude", event(use, hook_event_name="PostToolUse", tool_response=response, **more))


def stopped(home: str, agent: str, kind: str = "Explore") -> None:
    leases.heard(home, "claude", {
        "hook_event_name": "SubagentStop", "session_id": "s", "agent_id": agent, "agent_type": kind,
    })  # fmt: skip


def book(home: str, lane: str = "claude") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(leases.path(home, lane, "s")).read_text())
    return found


def test_a_thousand_attempts_at_once_admit_as_many_as_the_cap(home: str) -> None:
    each = ATTEMPTS // PROCESSES
    script = MANY.format(root=str(ROOT), home=home, cap=CAP, each=each)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(number * each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    admitted = [use for process in running for use in json.loads(process.communicate()[0])]
    assert CAP == len(admitted) == len(set(admitted))
    assert set(map(str, admitted)) == set(book(home)["open"])
    assert CAP == book(home)["total"]


def test_a_holder_that_is_killed_leaves_the_lock_to_the_next(home: str) -> None:
    assert "" == admit(home, "a")
    place = leases.path(home, "claude", "s")
    script = HOLDER.format(root=str(ROOT), place=place)
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert b"held\n" == holder.stdout.readline()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert "concurrent" == admit(home, "b")


def test_a_lock_that_is_not_to_be_had_is_told(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "WAIT_S", 0.05)

    def inside(found: spawn_rules.Book) -> tuple[str, spawn_rules.Book]:
        return admit(home, "b"), found

    assert "busy" == leases.change(leases.path(home, "claude", "s"), inside)
    assert "" == admit(home, "b")


def test_where_there_are_no_locks_nothing_is_held(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    assert ["uncounted"] * 3 == [admit(home, use) for use in "abc"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"null\n", b"\xff\xfe", b"[" * 100_000, b'{"version":1,"total":"x"}\n', b"\0" * 4096, b"\n" + b"{}"],
)
def test_a_book_that_is_no_book_is_kept_aside_and_begun_anew(home: str, content: bytes) -> None:
    place = Path(leases.path(home, "claude", "s"))
    place.parent.mkdir(mode=0o700)
    place.write_bytes(content)
    assert ["", "concurrent"] == [admit(home, use) for use in "ab"]
    assert content == Path(f"{place}.corrupt").read_bytes()
    assert spawn_rules.sound(book(home))


def test_what_stands_behind_the_first_line_is_the_rest_of_an_older_one(home: str) -> None:
    assert "" == admit(home, "a")
    place = Path(leases.path(home, "claude", "s"))
    place.write_bytes(place.read_bytes() + b'old rest","open":{}}\n')
    assert "concurrent" == admit(home, "b")
    assert not Path(f"{place}.corrupt").exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_something_else_in_the_books_place_is_left_alone(home: str, kind: str, tmp_path: Path) -> None:
    place = Path(leases.path(home, "claude", "s"))
    place.parent.mkdir(mode=0o700)
    other = tmp_path / "other"
    other.write_text("mine")
    {"link": lambda: place.symlink_to(other), "pipe": lambda: os.mkfifo(place), "folder": place.mkdir}[kind]()
    assert "uncounted" == admit(home, "a")
    assert "mine" == other.read_text()


def test_a_swept_book_is_not_written_into_the_void(home: str) -> None:
    place = Path(leases.path(home, "claude", "s"))
    place.parent.mkdir(mode=0o700)
    opened = locks.locked(str(place))
    place.unlink()
    os.close(opened)
    assert ["", "concurrent"] == [admit(home, use) for use in "ab"]


def test_books_are_private_and_hold_no_text_and_no_path_of_the_ids(home: str) -> None:
    assert "" == admit(home, "../../x", session_id="../../../etc/passwd", prompt_id="../p")
    (place,) = Path(home, "leases").iterdir()
    assert "claude-_________etc_passwd" == place.name
    assert (0o600, 0o700) == (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777)
    assert "secret" not in place.read_text()


# ---- the client's events ---------------------------------------------------------------------------------------------


def test_a_background_agent_holds_its_lease_until_it_stops(home: str) -> None:
    assert ["", "concurrent"] == [admit(home, use) for use in "ab"]
    returned(home, "a", {"status": "async_launched", "agentId": "x"})
    assert "concurrent" == admit(home, "b")
    stopped(home, "y")
    stopped(home, "x", kind="")
    assert "concurrent" == admit(home, "b"), "another agent, and one of the client's own"
    stopped(home, "x")
    stopped(home, "x")
    assert "" == admit(home, "b")
    assert 2 == book(home)["total"]


def test_a_foreground_agent_holds_it_until_its_call_returns(home: str) -> None:
    assert "" == admit(home, "a")
    stopped(home, "x")
    returned(home, "a", {"status": "completed", "agentId": "x"})
    assert "" == admit(home, "b")


def test_a_call_that_failed_gives_it_back_uncounted(home: str) -> None:
    assert "" == admit(home, "a", caps={"total": 1})
    leases.heard(home, "claude", event("a", hook_event_name="PostToolUseFailure", error="no such type"))
    assert "" == admit(home, "b", caps={"total": 1})


def test_a_session_without_a_book_gets_none_when_an_agent_stops(home: str) -> None:
    stopped(home, "x")
    assert not Path(home, "leases").exists()


def test_sessions_and_lanes_do_not_share_a_book(home: str) -> None:
    assert ["", "", ""] == [
        admit(home, "a"),
        admit(home, "a", session_id="other"),
        admit(home, "a", lane="codex", tool_name="spawn_agent"),
    ]


def test_a_codex_agents_end_is_known_by_its_task(home: str, tmp_path: Path) -> None:
    more = {"tool_name": "collaborationspawn_agent", "prompt_id": None, "turn_id": "t"}
    assert "" == admit(home, "a", lane="codex", **more)
    after = event("a", hook_event_name="PostToolUse", tool_response='{"task_name":"/root/one"}', **more)
    leases.heard(home, "codex", after)
    child = tmp_path / "rollout-child.jsonl"
    child.write_text(
        '{"type":"session_meta","payload":{"id":"c","source":{"subagent":{"thread_spawn":{"parent_thread_id":"s",'
        '"depth":1,"agent_path":"/root/one","agent_nickname":"Jason"}}}}}\n'
    )
    stop = {"hook_event_name": "SubagentStop", "session_id": "s", "agent_id": "c", "agent_type": "default"}
    leases.heard(home, "codex", {**stop, "agent_transcript_path": str(child)})
    assert {} == book(home, "codex")["open"]
    nested = event("b", agent_id="c", transcript_path=str(child), **more)
    verdict = leases.admit(home, "codex", nested, caps={"depth": 1}, tokens=None, enforce=True)
    assert ("depth", 1) == (verdict.rule, verdict.count)


# ---- what the client's files say -------------------------------------------------------------------------------------


class Session:
    """A Claude Code session's files."""

    def __init__(self, folder: Path) -> None:
        self.transcript = folder / "s.jsonl"
        said = {"id": "m", "type": "message", "model": "claude-opus-5-5"}
        asked = {"type": "tool_use", "name": "Agent", "input": {"model": "haiku", "prompt": '{"model":"claude-x"}'}}
        lines = [{"message": {**said, "model": "claude-old"}}, {"message": {**said, "content": [asked]}}]
        self.transcript.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
        self.agents = folder / "s" / "subagents"
        self.agents.mkdir(parents=True)

    def agent(self, name: str, **meta: Any) -> None:
        (self.agents / f"agent-{name}.meta.json").write_text(json.dumps(meta))
        (self.agents / f"agent-{name}.jsonl").write_text("{}\n")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def test_depth_is_the_clients_own_word_else_the_leases_else_two(home: str, session: Session) -> None:
    session.agent("x", spawnDepth=3)

    def depth(agent: str) -> int:
        given = event("u", agent_id=agent, transcript_path=str(session.transcript))
        return leases.admit(home, "claude", given, caps={"depth": 0}, tokens=None, enforce=True).count + 1

    assert [4, 2, 1] == [depth("x"), depth("unheard"), depth("")]
    returned(home, "v", {"status": "async_launched", "agentId": "y"})
    assert 2 == depth("y")
    assert 2 == depth("../../../x"), "an id is no path"


def test_leases_of_agents_that_the_client_says_have_finished_are_taken_back_at_the_cap(
    home: str, session: Session
) -> None:
    """A SubagentStop that never came: the hook was off, or killed."""
    place = {"transcript_path": str(session.transcript)}
    assert "" == admit(home, "a", **place)
    session.agent("x", toolUseId="a", finished=False)
    assert "concurrent" == admit(home, "b", **place)
    session.agent("x", toolUseId="a", finished=True)
    assert "" == admit(home, "b", **place)


def test_a_call_that_left_no_agent_is_taken_back_after_two_minutes(
    home: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"transcript_path": str(session.transcript)}
    assert "" == admit(home, "a", **place)
    assert "concurrent" == admit(home, "b", **place)
    seconds, boot = leases.tick()
    monkeypatch.setattr(leases, "tick", lambda: (seconds + spawn_rules.GRACE_S + 1, boot))
    assert "" == admit(home, "b", **place)


@pytest.mark.parametrize("jump", [86_400 * 365, -86_400 * 365])
def test_the_wall_clock_neither_frees_nor_freezes(home: str, jump: int, monkeypatch: pytest.MonkeyPatch) -> None:
    caps = {"concurrent": 1, "lease": 100}
    assert "" == admit(home, "a", caps=caps)
    wall = time.time() + jump
    monkeypatch.setattr(time, "time", lambda: wall)
    assert "concurrent" == admit(home, "b", caps=caps)
    steady = time.monotonic() + 101
    monkeypatch.setattr(time, "monotonic", lambda: steady)
    assert "" == admit(home, "b", caps=caps)


def test_a_session_that_went_on_elsewhere_is_not_held_up_by_what_ran_there(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state folder that came along: another machine's boot has nothing running here."""
    monkeypatch.setattr(leases, "tick", lambda: (5.0, "another machine"))
    assert "" == admit(home, "a", transcript_path="/none/s.jsonl")
    monkeypatch.setattr(leases, "tick", lambda: (1e9, "here"))
    assert "" == admit(home, "b", transcript_path="/none/s.jsonl")


def test_a_session_of_very_many_agents_takes_nobody_for_one_that_never_began(
    home: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subagent_files, "MOST", 3)
    for number in range(5):
        session.agent(f"x{number}", toolUseId=f"u{number}")
    seconds, boot = leases.tick()
    for use in ("u0", "u1", "u2", "u3", "u4"):
        assert "" == admit(home, use, caps={})
    looks = subagent_files.looks(book(home), str(session.transcript))
    assert False not in {look.started for look in looks.values()}
    monkeypatch.setattr(leases, "tick", lambda: (seconds + 1000, boot))
    assert "concurrent" == admit(home, "late", caps={"concurrent": 5}, transcript_path=str(session.transcript))


def test_a_client_that_notes_no_call_of_its_agents_leaves_it_open_whether_one_began(
    home: str, session: Session
) -> None:
    assert "" == admit(home, "a")

    def started() -> list[bool | None]:
        return [look.started for look in subagent_files.looks(book(home), str(session.transcript)).values()]

    assert [False] == started()
    session.agent("x", agentType="Explore")
    assert [None] == started()
    session.agent("y", toolUseId="other")
    assert [False] == started()
    session.agent("z", toolUseId="a")
    assert [True] == started()


def test_a_workflow_is_over_when_its_agents_are(home: str, session: Session) -> None:
    more = {"tool_name": "Workflow", "transcript_path": str(session.transcript)}
    assert "" == admit(home, "a", **more)
    returned(home, "a", {"status": "async_launched", "taskId": "w", "runId": "wf_1-2"}, **more)
    inside = session.agents / "workflows" / "wf_1-2"
    inside.mkdir(parents=True)
    assert "concurrent" == admit(home, "b", **more)
    for finished in (False, True):
        (inside / "agent-z.meta.json").write_text(json.dumps({"finished": finished}))
        assert ("" if finished else "concurrent") == admit(home, "b", **more)


def model(given: dict[str, Any], snapshot: dict[str, Any] | None = None, lane: str = "claude") -> str:
    return subagent_files.current_model(given, SpawningCall(given), snapshot or {}, lane)


def test_the_model_an_agent_would_run_on_is_looked_for_in_the_clients_own_order(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = event("u", transcript_path=str(session.transcript), cwd=str(tmp_path), agent_id=None)
    given["tool_input"] = {"subagent_type": "scout"}
    assert "claude-opus-5-5" == model(given)
    assert "claude-sonnet-5-5" == model(given, {"sessions": {"s": ["claude-sonnet-5-5", 5, "claude"]}})
    monkeypatch.setenv("CLAUDE_CODE_SUBAGENT_MODEL", "fable")
    assert "fable" == model(given)
    own = tmp_path / ".claude" / "agents" / "scout.md"
    own.parent.mkdir(parents=True)
    own.write_text("---\nname: scout\nmodel: 'haiku'\n---\nmodel: opus\n")
    assert "haiku" == model(given)
    given["tool_input"]["model"] = "opus"
    assert "opus" == model(given)
    monkeypatch.setenv("CLAUDE_CODE_SUBAGENT_MODEL_FORCE", "1")
    assert "" == model(given), "whatever a call says is not heeded"


def test_a_nested_agent_inherits_from_the_agent_that_calls(session: Session) -> None:
    session.agent("x", model="claude-sonnet-5-5")
    given = event("u", transcript_path=str(session.transcript), agent_id="x", tool_input={"subagent_type": "fork"})
    assert "claude-sonnet-5-5" == model(given)
    assert "" == model({**given, "agent_id": "unheard"})


def test_in_codex_every_event_names_its_model() -> None:
    assert "gpt-6-sol" == model(event("u", model="gpt-6-sol", tool_name="spawn_agent"), lane="codex")
    assert "" == model(event("u", tool_name="spawn_agent"), lane="codex")


# ---- the client that ended -------------------------------------------------------------------------------------------


def test_a_lease_ends_with_the_client_its_agent_ran_in(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed client ends nothing by itself; the next one finds its agents gone."""
    with subprocess.Popen(["sleep", "600"]) as old:
        monkeypatch.setenv("CLAUDE_PID", str(old.pid))
        assert ["", "concurrent"] == [admit(home, "a"), admit(home, "b")]
        monkeypatch.setenv("CLAUDE_PID", str(os.getpid()))
        assert "concurrent" == admit(home, "c"), "the session runs in two clients, and one has an agent at work"
        old.kill()
    assert ["", "concurrent"] == [admit(home, "d"), admit(home, "e")]


def test_another_process_with_the_number_of_the_old_client_is_not_it(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("the system does not say when a process began")
    monkeypatch.setenv("CLAUDE_PID", str(os.getpid()))
    assert "" == admit(home, "a")
    place = Path(leases.path(home, "claude", "s"))
    book = json.loads(place.read_text())
    book["open"]["a"]["client"] = f"{os.getpid()}:1"
    place.write_text(json.dumps(book))
    assert "" == admit(home, "b")


@pytest.mark.parametrize(
    ("source", "client", "held"),
    [
        ("resume", "", False),
        ("startup", "", False),
        ("compact", "", True),
        ("clear", "", True),
        ("resume", "mine", True),
        ("resume", "other", False),
        ("compact", "other", False),
    ],
)
def test_a_session_that_starts_has_no_agents_but_those_that_are_alive(
    home: str, monkeypatch: pytest.MonkeyPatch, source: str, client: str, held: bool
) -> None:
    """``client``: the process that the lease's agent runs in: not known, the one that is here, or one that ended."""
    with subprocess.Popen(["true"]) as ended:
        pass
    monkeypatch.setenv("CLAUDE_PID", {"": "", "mine": str(os.getpid()), "other": str(ended.pid)}[client])
    monkeypatch.setattr(leases.client, "_ancestor", lambda _: (0, []))
    assert "" == admit(home, "a")
    event = {"hook_event_name": "SessionStart", "session_id": "s", "source": source}
    leases.heard(home, "claude", event)
    monkeypatch.setenv("CLAUDE_PID", str(os.getpid()))
    assert ("concurrent" if held else "") == admit(home, "b")


def test_a_refused_call_gives_its_lease_back(home: str) -> None:
    from governor.hooks.budget import give_back

    assert ["", "concurrent"] == [admit(home, "a"), admit(home, "b")]
    event = {
        "hook_event_name": "PreToolUse",
        "session_id": "s",
        "tool_name": "Agent",
        "tool_use_id": "a",
        "prompt_id": "p",
    }
    give_back.spawn(event, runtime.HookContext("spawn", home, "claude", time.time()))
    assert "" == admit(home, "c")
    book = json.loads(Path(leases.path(home, "claude", "s")).read_text())
    assert (1, ["c"]) == (book["total"], list(book["open"]))


def test_a_lease_that_was_taken_while_this_one_waited_for_the_lock_is_held(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is read under the lock: else that lease would seem to come from a clock that ran backwards."""
    clock = iter(range(1000, 9000, 1000))
    monkeypatch.setattr(leases, "tick", lambda: (float(next(clock)), "boot"))
    really, waiting = locks.locked, ["b"]

    def late(place: str, **more: Any) -> int:
        while waiting:
            assert "" == admit(home, waiting.pop(), caps={"concurrent": 1, "lease": 9000})
        return really(place, **more)

    monkeypatch.setattr(locks, "locked", late)
    assert "concurrent" == admit(home, "a", caps={"concurrent": 1, "lease": 9000})
