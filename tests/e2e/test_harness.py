"""The harness alone, with no governor involved: what the other files here rest on, seen on the real clients.

When a client is upgraded these tests say first what has changed in it.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Run, records
from .namespace import Namespace, best_way
from .standin import Standin
from .terminal import input_line
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e


def hook(command: str) -> list[dict[str, Any]]:
    return [{"hooks": [{"type": "command", "command": command}]}]


def saying(folder: Path, name: str, reply: dict[str, Any]) -> str:
    """A hook that keeps what it was told in ``<name>.in`` and answers this."""
    script = folder / f"{name}.sh"
    script.write_text(f"#!/bin/sh\ncat > {folder}/{name}.in\ncat <<'END'\n{json.dumps(reply)}\nEND\n")
    script.chmod(0o755)
    return str(script)


def assistant_lines(path: Path) -> list[dict[str, Any]]:
    return [line for line in records(path) if line["type"] == "assistant"]


# ---- the walls -------------------------------------------------------------------------------------------------------


def test_nothing_started_inside_outlives_the_namespace() -> None:
    """A process that detaches itself, in a session of its own, ends with the namespace."""
    corner = Namespace(best_way())
    detach = "(setsid sleep 600 >/dev/null 2>&1 &)"
    corner.start(["sh", "-c", detach], env={"PATH": "/usr/bin:/bin"}, cwd="/").wait(10)
    assert corner.left(), "the process should still run while the namespace stands"

    corner.close()

    assert corner.left() == []


def test_no_other_host_can_be_reached_from_inside(namespace: Namespace) -> None:
    if namespace.way is None:
        pytest.skip("no namespace can be made here; the clients run on the plain machine")
    attempt = "import socket; socket.create_connection(('192.0.2.1', 443), 2)"
    process = namespace.start([sys.executable, "-I", "-c", attempt], env={}, cwd="/")

    _, complaint = process.communicate(timeout=20)

    assert "Network is unreachable" in complaint


def test_the_stand_in_answers_inside_and_stays_out_of_the_machine_around(
    namespace: Namespace, standin: Standin
) -> None:
    ask = f"import urllib.request; print(urllib.request.urlopen('{standin.url}/v1/models').status)"
    process = namespace.start([sys.executable, "-I", "-c", ask], env={}, cwd="/")

    answer, complaint = process.communicate(timeout=20)

    assert ("200\n", "") == (answer, complaint)
    if namespace.way is not None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", standin.port), 2)


def test_a_client_knows_nothing_but_what_it_was_given(claude: ClaudeCode) -> None:
    """Neither a proxy, nor a key, nor a home of the person who runs the tests."""
    process = claude.namespace.start(["env"], env=claude.env(), cwd=str(claude.project))
    names = {line.partition("=")[0] for line in process.communicate(timeout=10)[0].splitlines()}

    assert names - set(claude.env()) <= {"GOVERNOR_E2E", "PWD", "OLDPWD", "SHLVL", "_"}
    assert not [name for name in names if "proxy" in name.lower()]


# ---- Claude Code, headless -------------------------------------------------------------------------------------------


def test_one_headless_turn(claude: ClaudeCode, standin: Standin) -> None:
    """The reply's tokens become the client's own dollars, in the result and in the transcript alike."""
    standin.reply(text("hello there"), usage(input=1000, output=500, cache_read=2000, w5m=300, w1h=400))

    run = claude.print("say hello", model="claude-sonnet-5-5")

    dollars = (1000 * 2 + 500 * 10 + 2000 * 0.1 + 300 * 2.5 + 400 * 4) / 1e6
    session = run.result["session_id"]
    assert (0, "hello there") == (run.code, run.result["result"])
    assert pytest.approx(dollars) == run.result["total_cost_usd"]
    assert pytest.approx(dollars) == claude.cost(session)
    assert ["claude-sonnet-5-5"] == [request.model for request in standin.requests]
    assert standin.requests[0].said.endswith("say hello")
    assert standin.other == []
    (line,) = assistant_lines(claude.transcript(session))
    assert {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 400} == line["message"]["usage"][
        "cache_creation"
    ]


def test_a_scripted_tool_call_runs(claude: ClaudeCode, standin: Standin) -> None:
    target = claude.project / "note.txt"
    standin.reply(text("writing"), tool("Write", file_path=str(target), content="kept\n"), usage(input=100, output=50))
    standin.reply(text("written"), usage(input=200, output=10))

    run = claude.print("write a note")

    assert "written" == run.result["result"]
    assert "kept\n" == target.read_text()
    assert "File created successfully" in standin.requests[-1].said
    one, other, last = assistant_lines(claude.transcript(run.result["session_id"]))
    assert one["message"]["id"] == other["message"]["id"] != last["message"]["id"]
    assert one["message"]["usage"] == other["message"]["usage"], "each block repeats the whole response's usage"


def test_a_background_agent_has_a_transcript_of_its_own(claude: ClaudeCode, standin: Standin) -> None:
    asked = "SUBTASK: count the files"
    standin.reply(
        tool("Agent", description="count", prompt=asked, subagent_type="general-purpose"), usage(input=100, output=50)
    )
    standin.reply(text("42 files"), usage(input=3000, output=300), when=lambda r: r.said.endswith(asked))
    standin.reply(text("the agent runs"), usage(input=200, output=20))
    standin.reply(text("it found 42"), usage(input=300, output=30), when=lambda r: "<task-notification>" in r.said)

    run = claude.print("how many files?", model="claude-sonnet-5-5")

    session = run.result["session_id"]
    (subagent,) = claude.subagents(session)
    (line,) = assistant_lines(subagent)
    assert ("it found 42", 0) == (run.result["result"], standin.unused)
    assert (3000, True, "general-purpose") == (
        line["message"]["usage"]["input_tokens"],
        line["isSidechain"],
        line["attributionAgent"],
    )
    assert session == line["sessionId"]
    assert pytest.approx((3600 * 2 + 400 * 10) / 1e6) == claude.cost(session)


def test_resume_appends_and_fork_copies(claude: ClaudeCode, standin: Standin) -> None:
    """Three requests: the original's file holds two, the fork's all three; the fork's total includes what it copied."""
    for _ in range(3):
        standin.reply(text("ok"), usage(input=1000, output=100))
    first = claude.print("one", model="claude-sonnet-5-5").result["session_id"]

    again = claude.print("two", resume=first).result["session_id"]
    fork = claude.print("three", resume=first, fork=True).result["session_id"]

    assert again == first != fork
    original, copy = assistant_lines(claude.transcript(first)), assistant_lines(claude.transcript(fork))
    assert (2, 3) == (len(original), len(copy))
    for ours, theirs in zip(original, copy, strict=False):
        assert {**ours, "sessionId": fork, "requestSessionId": first} == theirs
    assert pytest.approx([0.006, 0.009]) == [claude.cost(first), claude.cost(fork)]


def test_a_stream_carries_the_official_meter(claude: ClaudeCode, standin: Standin) -> None:
    standin.meter.seven_day.used = 0.5

    run = claude.print("hi", stream=True)

    (event,) = [event for event in run.events if event["type"] == "rate_limit_event"]
    window = event["rate_limit_info"]["unifiedWindows"]["seven_day"]
    assert pytest.approx(standin.meter.seven_day.used, abs=1e-5) == window["utilization"]
    assert (standin.meter.seven_day.resets_at, "allowed") == (window["resetsAt"], window["status"])


def test_an_exhausted_window_refuses(claude: ClaudeCode, standin: Standin) -> None:
    standin.meter.seven_day.used = 1.01

    run = claude.print("hi")

    assert (1, True, 429) == (run.code, run.result["is_error"], run.result["api_error_status"])
    assert "weekly limit" in run.result["result"]


# ---- Claude Code, interactive ----------------------------------------------------------------------------------------


def test_the_status_line_and_the_usage_panel_agree_with_the_meter(claude: ClaudeCode, standin: Standin) -> None:
    seen = claude.home / "status.jsonl"
    tap = claude.home / "tap.sh"
    tap.write_text(f"#!/bin/sh\ncat >> {seen}\necho >> {seen}\necho TAPPED\n")
    tap.chmod(0o755)
    claude.settings({"statusLine": {"type": "command", "command": str(tap)}})
    standin.meter.five_hour.used, standin.meter.seven_day.used = 0.42137, 0.1

    with claude.terminal() as tui:
        tui.wait_for("TAPPED")
        tui.type("hi")
        tui.wait_for("● ok")
        tui.wait_until(lambda _: len(records(seen)) >= 2, "a status line after the turn")
        tui.type("/usage")
        panel = tui.wait_for("Current week (all models)")
        shown = re.findall(r"(\d+)% used", panel)

    before, after = records(seen)[0], records(seen)[-1]
    assert "rate_limits" not in before, "unknown until the session's first response"
    limits = after["rate_limits"]
    assert (42.1, 10) == (limits["five_hour"]["used_percentage"], limits["seven_day"]["used_percentage"])
    assert ["42", "10"] == shown
    assert standin.meter.five_hour.resets_at == limits["five_hour"]["resets_at"]


def test_a_system_message_reaches_the_person_and_not_the_model(claude: ClaudeCode, standin: Standin) -> None:
    to_model = {"hookEventName": "UserPromptSubmit", "additionalContext": "for the model"}
    prompt = saying(claude.home, "prompt", {"systemMessage": "for the person", "hookSpecificOutput": to_model})
    start = saying(claude.home, "start", {"systemMessage": "a good start"})
    claude.settings({"hooks": {"UserPromptSubmit": hook(prompt), "SessionStart": hook(start)}})

    with claude.terminal() as tui:
        tui.wait_for("SessionStart:startup says: a good start")
        tui.type("hello")
        screen = tui.wait_for("● ok")

    assert "UserPromptSubmit says: for the person" in screen
    assert "for the model" not in screen
    sent = standin.turns[-1].text
    assert "for the model" in sent
    assert "for the person" not in sent
    assert "a good start" not in sent


def test_a_blocked_prompt_comes_back_to_the_input_line(claude: ClaudeCode, standin: Standin) -> None:
    reply = {"decision": "block", "reason": "wait a little"}
    claude.settings({"hooks": {"UserPromptSubmit": hook(saying(claude.home, "prompt", reply))}})

    with claude.terminal() as tui:
        tui.type("please hurry")
        tui.wait_for("wait a little")
        tui.wait_until(lambda screen: "please hurry" in input_line(screen), "the prompt in the input line")

    assert standin.requests == []


def test_an_exhausted_window_is_told_to_a_hook(claude: ClaudeCode, standin: Standin) -> None:
    """Interactive only: a headless run ends without waiting for its StopFailure hooks, and they end with it."""
    claude.settings({"hooks": {"StopFailure": hook(saying(claude.home, "failure", {}))}})
    standin.meter.five_hour.used = 1.01
    heard = claude.home / "failure.in"

    with claude.terminal() as tui:
        tui.type("hi")
        tui.wait_for("5-hour limit")
        tui.wait_until(lambda _: heard.exists() and "}" in heard.read_text(), "the hook's input")

    assert "rate_limit" == json.loads(heard.read_text())["error"]


def test_a_copied_answer_names_the_session_that_made_it(claude: ClaudeCode, standin: Standin) -> None:
    """Forked at the start or branched in mid-session, the copies have the original's time stamps; only this tells.

    The interactive client writes its total at its end only, and a branch starts from zero.
    """
    with claude.terminal() as tui:
        tui.type("one")
        tui.wait_for("● ok")
        tui.wait_until(lambda _: claude.transcripts() != [], "the transcript")  # it lags behind the screen
        (original,) = claude.transcripts()
        assert "cost-state" not in [line["type"] for line in records(original)]
        claude.leave(tui)
    assert "cost-state" in [line["type"] for line in records(original)]

    standin.reply(text("forked"))
    with claude.terminal("--resume", original.stem, "--fork-session") as tui:
        tui.wait_for("● ok")
        tui.type("two")
        tui.wait_for("● forked")
        tui.type("/branch")
        tui.wait_for("Branched session")
        standin.reply(text("branched"))
        tui.type("three")
        tui.wait_for("● branched")
        claude.leave(tui)

    fork, branch = (path for path in claude.transcripts() if path != original)
    answers = [assistant_lines(path) for path in (original, fork, branch)]
    made = [[line.get("requestSessionId") for line in lines] for lines in answers]
    assert 1 == len({lines[0]["timestamp"] for lines in answers})
    assert [[None], [original.stem, None], [original.stem, fork.stem, None]] == made
    one = claude.cost(original.stem)
    assert pytest.approx([2 * one, one]) == [claude.cost(fork.stem), claude.cost(branch.stem)]


# ---- Codex -----------------------------------------------------------------------------------------------------------

CODEX_EVENTS = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop")


def codex_turn(codex: Codex, standin: Standin, *, trust_hooks: bool) -> tuple[Run, list[dict[str, Any]]]:
    """One turn with one shell call, and what the hooks were told."""
    heard = codex.home / "heard.jsonl"
    heard.touch()
    codex.hooks({event: hook(f"cat >> {heard}; echo >> {heard}") for event in CODEX_EVENTS})
    standin.reply(tool("exec_command", cmd="echo from the shell"), usage(input=800, output=50, cache_read=200))
    standin.reply(text("all done"), usage(input=900, output=60, cache_read=300, reasoning=20))
    run = codex.exec("do it", trust_hooks=trust_hooks)
    return run, records(heard)


def test_codex_turn_with_hooks_and_limits(codex: Codex, standin: Standin) -> None:
    standin.codex_meter.five_hour.used, standin.codex_meter.seven_day.used = 0.125, 0.4

    run, heard = codex_turn(codex, standin, trust_hooks=True)

    (rollout,) = codex.rollouts()
    usages = [line["payload"]["usage"] for line in records(rollout) if line["type"] == "token_usage_record"]
    counts = [line["payload"] for line in records(rollout) if line["payload"].get("type") == "token_count"]
    assert (0, "all done") == (run.code, run.events[-2]["item"]["text"])
    assert list(CODEX_EVENTS) == [event["hook_event_name"] for event in heard]
    assert {"command": "echo from the shell"} == heard[2]["tool_input"]
    assert "from the shell" in standin.requests[-1].text
    assert [(1000, 200, 50, 0), (1200, 300, 60, 20)] == [
        (u["input_tokens"], u["cached_input_tokens"], u["output_tokens"], u["reasoning_output_tokens"]) for u in usages
    ]
    primary = counts[-1]["rate_limits"]["primary"]
    assert pytest.approx(standin.codex_meter.five_hour.used * 100, abs=1e-3) == primary["used_percent"]
    assert (300, standin.codex_meter.five_hour.resets_at) == (primary["window_minutes"], primary["resets_at"])
    assert standin.other == []


def test_codex_skips_untrusted_hooks_without_a_word(codex: Codex, standin: Standin) -> None:
    run, heard = codex_turn(codex, standin, trust_hooks=False)

    assert (0, []) == (run.code, heard)
    assert "hook" not in run.out + run.err


def test_codex_refused(codex: Codex, standin: Standin) -> None:
    standin.codex_meter.five_hour.used = 1.2

    run = codex.exec("do it")

    assert (1, "turn.failed") == (run.code, run.events[-1]["type"])
    assert "usage limit" in run.events[-1]["error"]["message"]


def test_codex_names_the_trust_of_each_hook_offline(codex: Codex, standin: Standin) -> None:
    """``hooks/list`` of the app server, which is how a wiring can be checked; its rate limits need an account."""
    codex.hooks({"Stop": hook("true")})
    calls = [
        {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "e2e", "version": "0"}}},
        {"method": "initialized"},
        {"id": 2, "method": "hooks/list", "params": {"cwds": [str(codex.project)]}},
        {"id": 3, "method": "account/rateLimits/read"},
    ]
    server = codex.namespace.start(
        [str(codex.program), "app-server"], env=codex.env(), cwd=str(codex.project), stdin=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("".join(json.dumps(call) + "\n" for call in calls))
    server.stdin.flush()

    answers: dict[int, dict[str, Any]] = {}
    while not {2, 3} <= answers.keys():
        answer = json.loads(server.stdout.readline())
        answers[answer.get("id", 0)] = answer

    (listed,) = answers[2]["result"]["data"][0]["hooks"]
    assert ("untrusted", "stop") == (listed["trustStatus"], listed["eventName"])
    assert listed["currentHash"].startswith("sha256:")
    assert "authentication required" in answers[3]["error"]["message"]
