"""The loop guard as the clients run it: a process of its own per event, isolated, often several at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fakes import Traces

from governor.cli import governor as command_line
from governor.hooks.state import breakers

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "hooks" / "loop_guard.py"
SESSION = "0b9c3c1e-0000-4000-8000-000000000001"
LOOKED = ("acts", "acts.loops", "guards", "guards.calls")  # what noting a call needs, beyond the quiet path
SECRET = "zanzibar"
REPORT = "import atexit, os, sys; atexit.register(lambda: os.write(2, ' '.join(sys.modules).encode()))\n"


class Host(Traces):
    """A client with a state folder and the loop guard's snapshot in it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "state"
        self.ids = 0
        self.leave()

    def leave(self, **wishes: Any) -> None:
        settings = {
            "action": "advise",
            "alike": 4,
            "failures": 5,
            "open_for": 60,
            "marathon": 28_800,
            "turn_percent": 0.5,
        }
        content = {"version": 1, "written_at": int(time.time()), **settings, "sessions": {}, **wishes}
        (self.home / "letters").mkdir(parents=True, exist_ok=True)
        (self.home / "letters" / "loop").write_text(f"speak\n{json.dumps(content, separators=(',', ':'))}\n")

    def start(self, event: Any, lane: str = "claude", **environment: str) -> subprocess.Popen[bytes]:
        raw = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
        environment = {"GOVERNOR_HOME": str(self.home), "HOME": str(self.home), **environment}
        command = [sys.executable, "-I", "-S", str(SCRIPT), lane]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        assert process.stdin is not None
        process.stdin.write(raw)
        process.stdin.close()
        process.stdin = None
        return process

    def end(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        out, err = process.communicate(timeout=60)
        assert (0, b"") == (process.returncode, err)
        said: dict[str, Any] = json.loads(out) if out else {}
        return said

    def send(self, event: Any, lane: str = "claude", **environment: str) -> dict[str, Any]:
        """What the hook answered; an empty dict for silence."""
        return self.end(self.start(event, lane, **environment))

    def event(self, name: str, **more: Any) -> dict[str, Any]:
        return {"session_id": SESSION, "transcript_path": "/t", "cwd": "/w", "hook_event_name": name, **more}

    def batch(self, *made: tuple[str, Any, str], **head: Any) -> dict[str, Any]:
        each = []
        for tool, given, answer in made:
            self.ids += 1
            each.append(
                {"tool_name": tool, "tool_input": given, "tool_use_id": f"toolu_{self.ids}", "tool_response": answer}
            )
        return {"session_id": SESSION, **head, "hook_event_name": "PostToolBatch", "tool_calls": each}

    def bash(self, command: str, answer: str = "x", **head: Any) -> dict[str, Any]:
        return self.batch(("Bash", {"command": command, "description": f"{SECRET} {self.ids}"}, answer), **head)

    def failure(self, tool: str = "Bash", error: str = "Exit code 1", given: Any = None, **more: Any) -> dict[str, Any]:
        self.ids += 1
        given = {"command": f"make {SECRET}"} if given is None else given
        id_ = f"toolu_{self.ids}"
        return self.event("PostToolUseFailure", tool_name=tool, tool_input=given, tool_use_id=id_, error=error, **more)

    def codex(self, command: str, answer: Any = "x", tool: str = "Bash") -> dict[str, Any]:
        self.ids += 1
        event = self.event("PostToolUse", model="gpt-6-sol", tool_name=tool, tool_input={"command": command})
        return {**event, "tool_response": answer, "tool_use_id": f"exec-{self.ids}"}

    def told(self, *keys: str) -> list[tuple[Any, ...]]:
        """These fields of every decision."""
        return [tuple(line.get(key) for key in keys) for line in self.recorded()]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def told(answer: dict[str, Any]) -> str:
    """What the model would read."""
    return str(answer.get("hookSpecificOutput", {}).get("additionalContext", ""))


# ---- stuck -----------------------------------------------------------------------------------------------------------


def test_the_fourth_like_call_is_told_once_to_both_and_the_next_episode_again(host: Host) -> None:
    said = [host.send(host.bash(f"sleep {n} && curl  {SECRET}")) for n in range(7)]
    assert [False, False, False, True, False, False, False] == [bool(each) for each in said]
    assert told(said[3]).startswith("4 of the last 4 calls were Bash calls with the same input.")
    assert len(told(said[3])) <= 200
    assert "press Esc" in said[3]["systemMessage"]
    assert "PostToolBatch" == said[3]["hookSpecificOutput"]["hookEventName"]
    for command in ("ls", "pwd"):
        assert {} == host.send(host.bash(command))
    again = [host.send(host.bash(f"curl {SECRET} {n}")) for n in range(5)]
    assert [3] == [n for n, each in enumerate(again) if each]
    assert 2 * [("told", "stuck", "Bash", 4, SESSION)] == host.told("decision", "rule", "tool", "count", "session")
    everything = b"".join(path.read_bytes() for path in host.home.rglob("*") if path.is_file())
    assert SECRET.encode() not in everything + json.dumps(said).encode()
    assert "" == host.faults()


def test_one_batch_can_be_a_loop(host: Host) -> None:
    assert told(host.send(host.batch(*[("Grep", {"pattern": "x"}, "none")] * 5))).startswith("5 of the last 5 calls")


def test_work_and_waiting_are_no_loop(host: Host) -> None:
    for n in range(8):
        assert {} == host.send(host.batch(("BashOutput", {"bash_id": "b1"}, "running")))
        assert {} == host.send(host.batch(("Read", {"file_path": "/f", "offset": n * 100}, "abcdefgh"[n] * 9)))
    for n in range(6):
        assert {} == host.send(host.bash("pytest"))
        edit = {"file_path": "/f", "old_string": "ab"[n % 2], "new_string": "c"}
        assert {} == host.send(host.batch(("Edit", edit, "done")))


def test_what_the_person_asks_for_again_is_no_loop(host: Host) -> None:
    for _ in range(6):
        assert {} == host.send(host.bash("make test"))
        assert {} == host.send(host.event("Stop", stop_hook_active=False))
    for _ in range(3):
        assert {} == host.send(host.bash("make test"))
        host.send(host.event("Stop", stop_hook_active=True))
    assert told(host.send(host.bash("make test"))), "driven on by a Stop hook, it is one"


def test_a_subagents_calls_count_by_themselves(host: Host) -> None:
    said = [host.send(host.bash("ls", agent_id=f"a{n % 2}")) for n in range(8)]
    assert [6, 7] == [n for n, each in enumerate(said) if each]


def test_codex_is_told_too(host: Host) -> None:
    said = [host.send(host.codex("cat x"), "codex") for _ in range(5)]
    assert [3] == [n for n, each in enumerate(said) if each]
    assert {"hookEventName", "additionalContext"} == set(said[3]["hookSpecificOutput"])
    assert ["codex"] == [line["lane"] for line in host.recorded()]


def test_twenty_at_once_tell_it_once_and_mix_no_lines(host: Host) -> None:
    running = [host.start(host.codex("cat x"), "codex") for _ in range(20)]
    said = [host.end(each) for each in running]
    assert 1 == sum(1 for each in said if each)
    lines = (host.home / "loops" / SESSION).read_bytes().split(b"\n")
    assert ({40}, b"", 21) == (set(map(len, lines[:-1])), lines[-1], len(lines))


def test_observing_records_and_says_nothing_and_off_does_neither(host: Host) -> None:
    host.leave(action="observe")
    assert [{}] * 6 == [host.send(host.bash("ls")) for _ in range(6)]
    assert [("told", False)] == host.told("decision", "said")
    (host.home / "letters" / "loop").write_text("quiet\n{}\n")
    assert [{}] * 6 == [host.send(host.bash("pwd")) for _ in range(6)]
    assert 1 == len(host.recorded())


def test_the_persons_own_number(host: Host) -> None:
    host.leave(alike=3)
    assert [2] == [n for n in range(4) if host.send(host.bash("ls"))]


def test_another_layout_is_parsed_to_the_same_end(host: Host) -> None:
    said = [host.send(json.dumps(host.bash("ls"), indent=1).encode()) for _ in range(5)]
    assert [3] == [n for n, each in enumerate(said) if each]


def test_a_very_long_turn_keeps_a_small_record(host: Host) -> None:
    many = [("Bash", {"command": f"echo {chr(97 + n % 26)}{chr(97 + n // 26)}"}, "x") for n in range(400)]
    host.send(host.batch(*many))
    assert (host.home / "loops" / SESSION).stat().st_size <= 500
    assert {} == host.send(host.bash("one more"))


# ---- failures and rest -----------------------------------------------------------------------------------------------


def test_five_like_failures_open_a_rest_once_and_three_of_a_kind_name_it(host: Host) -> None:
    fetch = {"tool": "WebFetch", "error": "Request failed with status code 429: too many requests, retry after 20 s"}
    said = [host.send(host.failure(**fetch, given={"url": f"https://x/{n}"})) for n in range(7)]
    assert [2, 4] == [n for n, each in enumerate(said) if each]
    assert "The last 3 WebFetch calls failed alike. It is rate limited: waiting 20 s" in told(said[2])
    assert told(said[4]).startswith("WebFetch failed 5 times in a row in the same way. Another way")
    assert "governor decisions" in said[4]["systemMessage"]
    assert [("told", "storm-rate_limit", 3), ("opened", "rate_limit", 5)] == host.told("decision", "rule", "count")
    assert ["WebFetch"] == list(breakers.standing(str(host.home), SESSION))


def test_red_tests_with_edits_in_between_are_ordinary_work(host: Host) -> None:
    edit = ("Edit", {"file_path": "/f", "old_string": "a", "new_string": "b"}, "done")
    for _ in range(8):
        assert {} == host.send(host.failure())
        failed = {
            "tool_name": "Bash",
            "tool_input": {},
            "tool_use_id": f"toolu_{host.ids}",
            "tool_response": "Exit code 1",
        }
        event = host.batch(edit)
        event["tool_calls"].insert(0, failed)
        host.send(event)
    assert not (host.home / "breakers").exists()


def test_the_same_red_command_with_nothing_changed_is_not(host: Host) -> None:
    said = [host.send(host.failure()) for _ in range(5)]
    assert [4] == [n for n, each in enumerate(said) if each]


def test_different_commands_that_fail_are_ordinary_work_too(host: Host) -> None:
    for n in range(9):
        assert {} == host.send(host.failure(given={"command": f"grep {'abcdefghi'[n]} /f"}))


def test_a_success_closes_and_the_interrupted_never_counts(host: Host) -> None:
    for _ in range(4):
        host.send(host.failure("mcp__db__query", "boom", {"q": 1}))
        host.send(host.failure("mcp__db__query", "boom", {"q": 1}, is_interrupt=True))
    assert {} == breakers.standing(str(host.home), SESSION)
    host.send(host.failure("mcp__db__query", "boom", {"q": 1}))
    assert (host.home / "breakers" / SESSION).exists()
    assert {} == host.send(host.batch(("mcp__db__query", {"q": 2}, "42 rows")))
    assert not (host.home / "breakers" / SESSION).exists()
    assert "closed" == host.told("decision")[-1][0]
    assert {} == host.send(host.failure("mcp__db__query", "boom", {"q": 1})), "a new row"


def test_a_failed_call_in_a_batch_is_no_success(host: Host) -> None:
    """Claude fires PostToolUseFailure first, then PostToolBatch with the same call and its words."""
    for _ in range(5):
        event = host.failure("Read", "File does not exist.", {"file_path": "/nope"})
        host.send(event)
        call = {name: event[name] for name in ("tool_name", "tool_input", "tool_use_id")}
        host.send({**host.batch(), "tool_calls": [{**call, "tool_response": event["error"]}]})
    assert ["Read"] == list(breakers.standing(str(host.home), SESSION))


def test_tool_errors_that_come_in_a_batch_alone_count_too(host: Host) -> None:
    """Seen on 2.1.330: an Edit that finds nothing and an input of the wrong shape fire no PostToolUseFailure."""
    error = "<tool_use_error>String to replace not found in file.</tool_use_error>"
    edits = [("Edit", {"file_path": f"/{n}", "old_string": "abcdefg"[n], "new_string": ""}, error) for n in range(5)]
    said = [host.send(host.batch(edit)) for edit in edits]
    assert [2, 4] == [n for n, each in enumerate(said) if each]
    assert "a corrected one may not" in told(said[2])


def test_five_at_once_open_it_once(host: Host) -> None:
    running = [host.start(host.failure("Grep", "boom", {"p": 1})) for _ in range(12)]
    said = [host.end(each) for each in running]
    assert 1 == sum(1 for each in said if each)
    assert [("opened",)] == host.told("decision")


@pytest.mark.parametrize("error", ["rate_limit", "authentication_failed", "unknown"])
def test_a_turn_that_failed_is_recorded_by_its_kind(host: Host, error: str) -> None:
    words = f"You've hit {SECRET}"
    assert {} == host.send(host.event("StopFailure", error=error, last_assistant_message=words))
    expected = {"rate_limit": ("rate_limit", "back off"), "authentication_failed": ("auth", "fail fast")}
    assert [("refused", *expected.get(error, ("unknown", "fail fast")))] == host.told("decision", "rule", "do")


def test_repeating_on_after_the_word_is_held_back_only_where_the_person_chose_stop(host: Host) -> None:
    for action, rests in (("advise", []), ("stop", ["Bash"])):
        host.leave(action=action)
        said = [host.send(host.bash(action)) for _ in range(12)]
        assert rests == list(breakers.standing(str(host.home), SESSION))
        assert [3] + [9] * bool(rests) == [n for n, each in enumerate(said) if each]
    assert "governor override 30m" in said[9]["systemMessage"]
    assert {} == host.send(host.bash("something else"))
    assert ["Bash"] == list(breakers.standing(str(host.home), SESSION)), "it was never broken, and has its whole rest"


def test_after_its_rest_a_tool_that_only_repeated_is_free_again(host: Host) -> None:
    breakers.open_(str(host.home), SESSION, "Bash", now=time.time() - 61, open_for=60, stuck=True)
    assert {} == host.send(host.bash("something else"))
    assert {} == breakers.standing(str(host.home), SESSION)


# ---- the rest, before the next call ----------------------------------------------------------------------------------


def rest(host: Host, *, now: float, action: str = "stop", tool: str = "Bash") -> str:
    host.leave(action=action)
    breakers.open_(str(host.home), SESSION, tool, now=now, open_for=60)
    return str(host.home)


def test_while_it_rests_it_is_refused_and_then_one_probe_passes(host: Host) -> None:
    home = rest(host, now=1000.0)
    refused = breakers.refusal(home, SESSION, "Bash", 1018.0)
    assert "may try again in 42 s" in refused
    assert "governor override 30m" in refused
    assert "" == breakers.refusal(home, SESSION, "Read", 1018.0)
    assert "" == breakers.refusal(home, "another", "Bash", 1018.0)
    assert "" == breakers.refusal(home, SESSION, "Bash", 1061.0), "the probe"
    assert "one call is trying it out right now" in breakers.refusal(home, SESSION, "Bash", 1062.0)


def test_only_one_of_many_at_once_is_the_probe(host: Host) -> None:
    home = rest(host, now=1000.0)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from governor.hooks.state import breakers; "
        "print(breakers.refusal(sys.argv[2], sys.argv[3], 'Bash', 1075.0))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT), home, SESSION]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    said = [each.communicate()[0].strip() for each in running]
    assert 1 == said.count("")
    assert 19 == sum("trying it out right now" in each for each in said)
    assert "" == breakers.refusal(home, SESSION, "Bash", 1130.0), "a probe that never came back makes room for another"


def test_the_hook_before_every_call_refuses_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any budget, and no other tool, session or event."""
    rest(host, now=time.time() - 5)
    monkeypatch.setattr(sys.modules[__name__], "SCRIPT", ROOT / "hooks" / "budget_guard.py")
    call = host.event("PreToolUse", tool_name="Bash", tool_input={"command": SECRET}, tool_use_id="t")
    for lane in ("claude", "codex"):
        (answer,) = host.send(call, lane).values()
        assert "deny" == answer["permissionDecision"]
        assert "governor override 30m" in answer["permissionDecisionReason"]
    for other in ({"tool_name": "Read"}, {"session_id": "another"}, {"session_id": "../letters/loop"}):
        assert {} == host.send({**call, **other})
    assert {} == host.send(host.event("UserPromptSubmit", prompt="x"))
    assert 2 * [("loop", "held", "breaker", "Bash")] == host.told("hook", "decision", "rule", "tool")
    host.leave(action="advise")
    assert {} == host.send(call)
    assert "" == host.faults()


@pytest.mark.parametrize("action", ["advise", "observe", "off"])
def test_nothing_is_refused_unless_the_person_chose_it(host: Host, action: str) -> None:
    assert "" == breakers.refusal(rest(host, now=1000.0, action=action), SESSION, "Bash", 1010.0)


def test_an_override_and_a_clock_set_back_let_it_pass(host: Host) -> None:
    home = rest(host, now=1000.0)
    assert "" == breakers.refusal(home, SESSION, "Bash", 900.0)
    assert breakers.refusal(home, SESSION, "Bash", 999.9), "began a moment before it opened"
    (host.home / "override").write_text("2000")
    assert "" == breakers.refusal(home, SESSION, "Bash", 1010.0)
    (host.home / "override").unlink()
    assert breakers.refusal(home, SESSION, "Bash", 1010.0)


def test_a_state_that_cannot_be_written_refuses_nobody_for_ever(host: Host) -> None:
    home = rest(host, now=1000.0)
    (host.home / "episodes").write_text("")
    assert "" == breakers.refusal(home, SESSION, "Bash", 1075.0)


def test_a_failing_probe_opens_it_again_and_says_so_once(host: Host) -> None:
    home = rest(host, now=time.time() - 90)
    ((_, before),) = breakers.standing(home, SESSION).items()
    said = [host.send(host.failure()) for _ in range(3)]
    assert [0] == [n for n, each in enumerate(said) if each]
    ((_, after),) = breakers.standing(home, SESSION).items()
    assert after[0] > before[0] + 60
    assert breakers.refusal(home, SESSION, "Bash", time.time())


@pytest.mark.parametrize("junk", [b"", b"\xff\n", b"Bash\n", b"Bash x 60\nBash 1000.0 sixty\n", b"Bash 1000.0 -5\n"])
def test_a_spoilt_record_refuses_nothing(host: Host, junk: bytes) -> None:
    home = rest(host, now=1000.0, tool="Read")
    (host.home / "breakers" / SESSION).write_bytes(junk)
    assert {} == breakers.standing(home, SESSION)
    assert "" == breakers.refusal(home, SESSION, "Bash", 1010.0)


@pytest.mark.parametrize("name", ["../../x", "..", "a/b", "", "x" * 500, "ü", "\0"])
def test_no_name_from_outside_leaves_its_folder(host: Host, name: str) -> None:
    before = {path for path in host.home.parent.rglob("*") if host.home not in path.parents}
    for _ in range(6):
        host.send({**host.failure(name, "boom", {}), "session_id": name, "agent_id": name})
        host.send({**host.bash("ls"), "session_id": name, "agent_id": name})
    breakers.open_(str(host.home), name, name, now=1.0, open_for=60)
    assert before == {path for path in host.home.parent.rglob("*") if host.home not in path.parents}
    folders = {path.parent.name for path in host.home.rglob("*") if path.is_file()}
    assert folders <= {"letters", "loops", "breakers", "episodes", "spool"}
    assert "" == host.faults()


# ---- prices ----------------------------------------------------------------------------------------------------------


def test_a_dear_turn_is_priced_once_and_again_when_it_doubled(host: Host) -> None:
    said = []
    for warm in (0.4, 0.7, 0.8, 1.3, 1.5, 2.7, 3.1):
        host.leave(sessions={SESSION: {"warm": warm, "cold": 9.0, "context": 400_000, "hours": 1}})
        said.append(host.send(host.event("Stop", stop_hook_active=False)))
    assert [1, 4, 6] == [n for n, each in enumerate(said) if each]
    assert ["systemMessage"] == list(said[1]), "to the person; nothing that the model would pay for"
    assert [("turn", 0.7), ("turn", 1.5), ("turn", 3.1)] == host.told("rule", "warm")


def test_one_thing_at_a_time_and_a_marathon_once(host: Host) -> None:
    host.leave(sessions={SESSION: {"warm": 0.7, "cold": 9.0, "hours": 9.0, "share": 30.0}})
    said = [host.send(host.event("Stop"))["systemMessage"] for _ in range(2)]
    assert {} == host.send(host.event("Stop"))
    assert ["each further turn" in said[0], "at work 9 h" in said[1]] == [True, True]


# ---- whatever comes in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"hook_event_name":"PostToolBatch"}', b'{"hook_event_name":5}',
        b'{"hook_event_name":"PostToolBatch","tool_calls":[1,{}],"session_id":7}', b'{"hook_event_name":"Stop"}',
        b'{"hook_event_name":"PostToolUseFailure"}',
        b'{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"x"}',
        b'{"hook_event_name":"StopFailure","error":{"x":[]}}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_bad_input_is_silence(host: Host, raw: bytes) -> None:
    assert {} == host.send(raw)
    assert "" == host.faults()


def test_without_a_snapshot_or_with_the_switch_off_nothing_happens(host: Host) -> None:
    for _ in range(6):
        assert {} == host.send(host.bash("ls"), GOVERNOR_OFF="1")
    (host.home / "letters" / "loop").unlink()
    for _ in range(6):
        assert {} == host.send(host.bash("ls"))
    assert not (host.home / "loops").exists()


def test_a_state_folder_that_cannot_be_written_is_silence(host: Host) -> None:
    (host.home / "loops").write_text("")
    assert [{}] * 6 == [host.send(host.bash("ls")) for _ in range(6)]
    assert {} == host.send(host.failure())


def test_what_a_call_and_a_failure_import_at_most(host: Host) -> None:
    run = (
        "sys.argv = sys.argv[1:]; name = sys.argv[0]\n"
        "exec(compile(open(name, 'rb').read(), name, 'exec'), {'__name__': '__main__', '__file__': name})"
    )
    environment = {"GOVERNOR_HOME": str(host.home), "HOME": str(host.home)}

    def imported(code: str, event: dict[str, Any]) -> set[str]:
        command = [sys.executable, "-I", "-S", "-c", REPORT + code, str(SCRIPT)]
        raw = json.dumps(event, separators=(",", ":")).encode()
        done = subprocess.run(command, input=raw, capture_output=True, env=environment)
        assert (0, b"") == (done.returncode, done.stdout)
        return set(done.stderr.decode().split())

    quiet = {"__future__", "_collections_abc", "_stat", "genericpath", "governor", "os", "os.path", "posixpath", "stat"}
    quiet |= {f"governor.{room}" for room in ("hook", *LOOKED)}
    for event in (host.bash("ls"), host.codex("ls"), host.event("Stop", stop_hook_active=False)):
        assert quiet >= imported(run, event) - imported("", event)
    host.leave(action="observe", alike=3)
    said = host.batch(*[("Grep", {"pattern": "x"}, "none")] * 4)
    more = {
        "_json",
        *(f"governor.{room}" for room in ("wire", "acts.alike", "acts.breakers", "guards.loop", "guards.cron")),
    }
    more |= {"governor.hooks.loop.breaker"}
    assert quiet | more >= imported(run, said) - imported("", said)
    (host.home / "loops" / f"{SESSION}.told").unlink()
    failed = host.failure()
    more = (more | {"governor.hooks.loop.failures"}) - {"governor.hooks.loop.rules", "governor.hooks.loop.cron"}
    assert quiet | more >= imported(run, failed) - imported("", failed)


def test_what_was_decided_can_be_read(sealed_home: Path) -> None:
    host = Host(sealed_home)
    for _ in range(4):
        host.send(host.bash("ls"))
    done = CliRunner().invoke(command_line, ["decisions"])
    assert 0 == done.exit_code
    assert re.search(r"Z  loop +told +stuck, Bash$", done.output, re.M), done.output


# ---- a refusal of the plan -------------------------------------------------------------------------------------------


def heard(host: Host) -> list[dict[str, Any]]:
    """What waits in the spool of official readings."""
    path = host.home / "spool" / "limits.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("action", ["advise", "off", None])
def test_a_refusal_is_a_reading_whatever_the_guard_is_asked_to_do(host: Host, action: str | None) -> None:
    if action is None:
        (host.home / "letters" / "loop").unlink()
    else:
        host.leave(action=action)
    (host.home / "letters" / ".rung").write_text("")
    words = f"You've hit your Opus limit · resets in 2 hours · {SECRET}"
    assert {} == host.send(host.event("StopFailure", error="rate_limit", last_assistant_message=words))
    (told,) = heard(host)
    assert ("claude", "week:opus", 100.0, "refused") == (
        told["lane"], told["window"], told["used_percent"], told["source"],
    )  # fmt: skip
    assert 7200 == told["resets_at"] - told["observed_at"]
    assert not (host.home / "letters" / ".rung").exists(), "a refresh is due at once"
    assert SECRET not in (host.home / "spool" / "limits.jsonl").read_text()
    assert "" == host.faults()


@pytest.mark.parametrize("error", ["overloaded", "authentication_failed", "server_error"])
def test_another_failure_is_no_refusal_of_the_plan(host: Host, error: str) -> None:
    host.send(host.event("StopFailure", error=error, last_assistant_message="You've hit your Opus limit"))
    assert [] == heard(host)
