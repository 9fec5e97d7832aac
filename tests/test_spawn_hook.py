"""The spawn guard as the clients run it: a process of its own, isolated, fed one event on stdin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import Traces

SCRIPT = Path(__file__).parents[1] / "hooks" / "spawn_guard.py"
USE = {"n": 9, "input": 2e3, "output": 5e4, "cache_read": 9e3, "cache_write": 4e4, "opening": 2e4}


class Host(Traces):
    """A client with a state folder and a snapshot in it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "state"
        (self.home / "letters").mkdir(parents=True, mode=0o700)

    def leave(self, verdict: str = "GO", **content: Any) -> None:
        now = time.time()
        windows = [{"window": "week", "verdict": verdict, "resets_at": now + 9_999}]
        whole = {
            "version": 1,
            "written_at": now - 5,
            "lanes": {"claude": windows, "codex": windows},
            "degrade": {"mode": "act", "at": "SLOW", "claude": "haiku", "codex": "", "critical": []},
            "tiers": {"mode": "advise", "subagents": False, "claude": ["haiku", "sonnet", "opus"], "codex": []},
            "sessions": {"s-1": ["claude-opus-5-5", 50_000, "claude"]},
            "factors": {"claude-opus-5-5": 1.0, "haiku": 0.025},
            "types": {"claude": {"": USE}},
            "rewrite": 0.985,
            "action": "stop",
            "concurrent": 2,
            **content,
        }
        (self.home / "letters" / "spawn").write_text(f"speak\n{json.dumps(whole)}")

    def event(self, use: str = "u1", **other: Any) -> dict[str, Any]:
        return {
            "session_id": "s-1",
            "prompt_id": "p",
            "cwd": "/",
            "transcript_path": "/none/s-1.jsonl",
            "hook_event_name": "PreToolUse",
            "tool_name": "Agent",
            "tool_input": {"description": "zanzibar", "prompt": "codeword zanzibar", "subagent_type": "Explore"},
            "tool_use_id": use,
            **other,
        }

    def start(self, lane: str = "claude", **environment: str) -> subprocess.Popen[bytes]:
        env = {"GOVERNOR_HOME": str(self.home), "PATH": os.environ.get("PATH", ""), "HOME": str(self.home)}
        command = [sys.executable, "-I", "-S", str(SCRIPT), lane]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env={**env, **environment}, **pipes)

    def send(self, event: dict[str, Any] | bytes, *, lane: str = "claude", **environment: str) -> dict[str, Any]:
        """What the hook answered; an empty dict for silence."""
        process = self.start(lane, **environment)
        out, err = process.communicate(event if isinstance(event, bytes) else json.dumps(event).encode())
        assert (0, b"") == (process.returncode, err)
        return json.loads(out) if out else {}

    def decision(self, use: str, **more: Any) -> str:
        """The permission that a call gets; empty where nothing is said of it."""
        return str(self.send(self.event(use, **more)).get("hookSpecificOutput", {}).get("permissionDecision", ""))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_third_of_two_is_refused_with_a_way_on_and_recorded_without_its_text(host: Host) -> None:
    host.leave()
    assert ["", ""] == [host.decision(use) for use in ("u1", "u2")]
    answer = host.send(host.event("u3"))
    specific = answer["hookSpecificOutput"]
    assert "deny" == specific["permissionDecision"]
    assert specific["permissionDecisionReason"] == (
        "Subagent not started: 2 of 2 subagents of this session are running. Do this part yourself, or wait until one "
        "ends. The person can lift this: governor override 30m"
    )
    assert answer["systemMessage"] == (
        "governor: 2 of 2 subagents of this session are running; one more was refused. Raise spawn.concurrent in "
        "budget.json, or for now: governor override 30m"
    )
    assert "systemMessage" not in host.send(host.event("u4")), "to the person once"
    assert ["admit", "admit", "deny", "deny"] == [row["decision"] for row in host.recorded()]
    kept = {name: host.recorded()[2][name] for name in ("hook", "rule", "action", "agent", "count", "limit", "session")}
    assert kept == {
        "hook": "spawn", "rule": "concurrent", "action": "stop", "agent": "Explore", "count": 2, "limit": 2,
        "session": "s-1",
    }  # fmt: skip
    everything = b"".join(path.read_bytes() for path in host.home.rglob("*") if path.is_file())
    assert b"zanzibar" not in everything
    assert "" == host.faults()


def test_an_agent_that_ends_makes_room(host: Host) -> None:
    host.leave(concurrent=1)
    assert ["", "deny"] == [host.decision(use) for use in ("u1", "u2")]
    running = {"status": "async_launched", "agentId": "a1"}
    assert {} == host.send(host.event("u1", hook_event_name="PostToolUse", tool_response=running))
    stop = {"hook_event_name": "SubagentStop", "session_id": "s-1", "agent_id": "a1", "agent_type": "Explore"}
    assert {} == host.send({**stop, "agent_type": ""})
    assert "deny" == host.decision("u2")
    assert {} == host.send(stop)
    assert "" == host.decision("u2")


def test_many_hooks_at_once_admit_as_many_as_the_cap(host: Host) -> None:
    host.leave(concurrent=4)
    running = [host.start() for _ in range(16)]
    for number, process in enumerate(running):
        assert process.stdin is not None
        process.stdin.write(json.dumps(host.event(f"u{number}")).encode())
    answers = [process.communicate()[0] for process in running]
    assert 12 == sum(b'"deny"' in answer for answer in answers)
    assert 4 == sum(row["decision"] == "admit" for row in host.recorded())


@pytest.mark.parametrize("content", [{"action": "observe"}, {"action": "nonsense"}, {"action": None}])
def test_observing_counts_and_says_nothing(host: Host, content: dict[str, Any]) -> None:
    host.leave(**content)
    assert [{}] * 4 == [host.send(host.event(f"u{number}")) for number in range(4)]
    assert ["admit", "admit", "over", "over"] == [row["decision"] for row in host.recorded()]


def test_advising_tells_both_once_and_lets_go(host: Host) -> None:
    host.leave(action="advise", concurrent=1)
    host.send(host.event("u1"))
    first, second = host.send(host.event("u2")), host.send(host.event("u3"))
    assert "permissionDecision" not in first["hookSpecificOutput"]
    assert (
        "Subagent count: 1 of 1 subagent of this session is running."
        == (first["hookSpecificOutput"]["additionalContext"])
    )
    assert first["systemMessage"].endswith("governor config")
    assert {} == second


def test_asking_asks_every_time_and_never_in_codex(host: Host) -> None:
    host.leave(action="ask", concurrent=1)
    host.send(host.event("u1"))
    assert ["ask", "ask"] == [host.decision(use) for use in ("u2", "u3")]
    codex = {"tool_name": "collaborationspawn_agent", "tool_input": {"task_name": "x"}, "turn_id": "t"}
    answers = [host.send(host.event(use, **codex), lane="codex") for use in ("u1", "u2")]
    assert {} == answers[0]
    assert {"systemMessage", "hookSpecificOutput"} == set(answers[1])
    assert {"hookEventName", "additionalContext"} == set(answers[1]["hookSpecificOutput"])


def test_a_tree_of_agents_that_used_its_tokens_gets_no_more(host: Host) -> None:
    host.leave(tree_tokens=1_000_000, trees={"s-1": 1_200_000, "s-2": 999_999})
    assert ["deny", ""] == [host.decision("u1"), host.decision("u2", session_id="s-2")]
    assert ("tree_tokens", 1_200_000) == (host.recorded()[0]["rule"], host.recorded()[0]["count"])


def test_a_tree_is_counted_to_its_last_response(host: Host, tmp_path: Path) -> None:
    """The ledger is a minute behind; a runaway tree is not waited for."""
    host.leave(tree_tokens=1_000, concurrent=10)
    transcript = tmp_path / "s-1.jsonl"
    transcript.write_text("")
    place = {"transcript_path": str(transcript)}
    assert "" == host.decision("u1", **place)
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 1))
    spent = {"input_tokens": 600, "output_tokens": 400}
    message = {
        "id": "msg_1",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "usage": spent,
        "stop_reason": "end_turn",
    }
    line = {"type": "assistant", "timestamp": now, "sessionId": "s-1", "requestId": "r", "message": message}
    agents = tmp_path / "s-1" / "subagents"
    agents.mkdir(parents=True)
    (agents / "agent-a1.jsonl").write_text(json.dumps(line, separators=(",", ":")) + "\n")
    transcript.write_text(json.dumps({**line, "message": {**message, "id": "msg_2"}}, separators=(",", ":")) + "\n")
    assert "deny" == host.decision("u2", **place)
    assert ("tree_tokens", 1_000) == (host.recorded()[1]["rule"], host.recorded()[1]["count"]), "its agents' alone"


def test_near_the_wall_the_whole_input_comes_back_with_the_cheaper_model(host: Host) -> None:
    host.leave("SLOW", concurrent=10)
    given = host.event("u1")
    full, short = host.send(given), host.send(host.event("u2"))
    specific = full["hookSpecificOutput"]
    assert ("allow", {**given["tool_input"], "model": "haiku"}) == (
        specific["permissionDecision"], specific["updatedInput"],
    )  # fmt: skip
    assert "Claude's week is at SLOW: Explore runs on haiku instead of claude-opus-5-5" in full["systemMessage"]
    assert short["systemMessage"].startswith("governor: Explore → haiku (≈ 98k units saved, estimate)")
    assert "additionalContext" not in specific
    kept = ("decision", "from", "to", "saved_units", "degraded")
    assert ("degrade", "claude-opus-5-5", "haiku", 97_982, True) == tuple(host.recorded()[0][name] for name in kept)


def test_what_would_have_been_is_recorded_where_it_only_observes(host: Host) -> None:
    host.leave("SLOW", concurrent=10, degrade={"mode": "observe", "at": "SLOW", "claude": "haiku", "critical": []})
    assert {} == host.send(host.event())
    (row,) = host.recorded()
    assert ("would-degrade", "haiku", False) == (row["decision"], row["to"], row["degraded"])


def test_a_call_that_is_refused_is_not_degraded(host: Host) -> None:
    host.leave("SLOW", concurrent=1)
    host.send(host.event("u1"))
    answer = host.send(host.event("u2"))
    assert "updatedInput" not in answer["hookSpecificOutput"]
    assert ("deny", False) == (host.recorded()[1]["decision"], host.recorded()[1]["degraded"])


def test_an_override_and_the_kill_switch_lift_everything(host: Host) -> None:
    host.leave("SLOW", concurrent=1)
    host.send(host.event("u1"))
    assert "deny" == host.decision("u2")
    (host.home / "override").write_text(str(time.time() + 60))
    lifted = host.send(host.event("u3"))
    assert "permissionDecision" not in lifted.get("hookSpecificOutput", {})
    (host.home / "override").write_text(str(time.time() - 1))
    assert "deny" == host.decision("u4")
    before = len(host.recorded())
    assert {} == host.send(host.event("u5"), GOVERNOR_OFF="1")
    (host.home / "OFF").write_text("")
    assert {} == host.send(host.event("u6"))
    assert before == len(host.recorded()), "off is off"


def test_the_same_event_twice_is_one_decision(host: Host) -> None:
    host.leave("SLOW", concurrent=1)
    first, again = host.send(host.event("u1")), host.send(host.event("u1"))
    assert first["hookSpecificOutput"] == again["hookSpecificOutput"]
    assert 1 == len(host.recorded())


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'"Agent"', b'{"tool_name":"Agent"}', b'{"tool_name":"Agent","hook_event_name":"PreToolUse"}',
     b'{"tool_name":"Agent","hook_event_name":"PostToolUse","tool_response":7}', b'{"hook_event_name":"SubagentStop"}',
     b'{"tool_name":["Agent"],"hook_event_name":"PreToolUse"}', b"\xff\xfe", b'{"a":' * 3000 + b'"Agent"',
     b'{"tool_name":"Agent","hook_event_name":"PreToolUse","tool_input":[],"tool_use_id":{},"session_id":[1]}'],
)  # fmt: skip
def test_whatever_comes_in_the_hook_ends_well_and_lets_go(host: Host, raw: bytes) -> None:
    host.leave()
    assert "deny" not in json.dumps(host.send(raw))
    assert "" == host.faults()


@pytest.mark.parametrize(
    "letter", [b"", b"speak\n{", b"speak\n[]", b'speak\n{"version":2}', b'speak\n{"version":1,"lanes":7,"trees":[]}']
)
def test_a_snapshot_that_is_none_holds_nobody_up(host: Host, snapshot: bytes) -> None:
    (host.home / "letters" / "spawn").write_bytes(snapshot)
    assert [{}] * 3 == [host.send(host.event(f"u{number}")) for number in range(3)]
    assert 3 == len(host.recorded())
    assert "" == host.faults()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_folder_that_cannot_be_written_holds_nobody_up(host: Host) -> None:
    host.leave(concurrent=1)
    host.home.chmod(0o500)
    assert [{}] * 2 == [host.send(host.event(use)) for use in ("u1", "u2")]
    host.home.chmod(0o700)


def test_a_book_that_cannot_be_made_holds_nobody_up(host: Host) -> None:
    host.leave(concurrent=1)
    (host.home / "leases").write_text("a file where the folder should be")
    assert [{}] * 2 == [host.send(host.event(use)) for use in ("u1", "u2")]
    assert ["uncounted"] * 2 == [row["rule"] for row in host.recorded()]


def test_what_is_no_business_of_ours_is_let_go_before_anything_is_loaded(host: Host) -> None:
    """The client's internal agents end all day long."""
    host.leave()
    (host.home / "leases").mkdir()
    loads = (
        f"import os, sys; before = set(sys.modules); sys.argv = ['hook', 'claude']; path = {str(SCRIPT)!r};"
        "exec(compile(open(path).read(), path, 'exec'), {'__name__': '__main__', '__file__': path});"
        "print(*sorted(n for n in set(sys.modules) - before if not n.startswith(('os', '_', 'stat', 'posix', 'gen'))))"
    )
    env = {"GOVERNOR_HOME": str(host.home), "HOME": str(host.home)}
    for raw in (b'{"hook_event_name":"SubagentStop","agent_type":""}', b'{"tool_name":"Bash"}'):
        command = [sys.executable, "-I", "-S", "-c", loads]
        done = subprocess.run(command, input=raw, capture_output=True, env=env, check=True)
        assert ["governor", "governor.hooks.runtime"] == done.stdout.decode().split()


def test_nobody_is_asked_where_nobody_is_there(tmp_path: Path) -> None:
    """In ``claude -p`` a question is a plain refusal: the agent starts, and the log says that it was over the cap."""
    host = Host(tmp_path)
    host.leave(action="ask", concurrent=1)
    here = {"CLAUDE_CODE_SESSION_ATTENDED": "1"}
    alone = {"CLAUDE_CODE_SESSION_ATTENDED": "0", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}

    def said(use: str, environment: dict[str, str]) -> bytes:
        return host.start(**environment).communicate(json.dumps(host.event(use)).encode())[0]

    assert b"ask" not in said("u1", here)
    assert b'"permissionDecision":"ask"' in said("u2", here)
    assert b"" == said("u3", alone)
    rows = [json.loads(line) for line in (host.home / "spool" / "decisions.jsonl").read_text().splitlines()]
    assert [("admit", "ask"), ("ask", "ask"), ("over", "unasked")] == [(row["decision"], row["action"]) for row in rows]
