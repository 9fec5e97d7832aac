"""Are the samples in samples/ still what the clients write and send? (See samples.py.)"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .clients import CLAUDE, CODEX, VERSIONS
from .drive import ClaudeCode, Codex, records
from .samples import accept_or_compare
from .standin import Standin
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e

CLAUDE_VERSION, CODEX_VERSION = VERSIONS[CLAUDE], VERSIONS[CODEX]
ASKED = "SUBTASK: count the files"
CLAUDE_EVENTS = [
    *("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"),
    *("PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch"),
    *("SubagentStart", "SubagentStop", "PreCompact", "PostCompact"),
]
CODEX_EVENTS = ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "SessionEnd"]


def listening(heard: Path, events: list[str]) -> dict[str, Any]:
    """Hooks that only keep what they are told, one line each."""
    heard.touch()
    command = {"type": "command", "command": f"line=$(cat); printf '%s\\n' \"$line\" >> {heard}"}
    return {event: [{"hooks": [command]}] for event in events}


def first_of_each(lines: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """One line per combination of these keys' values, in a fixed order."""
    kinds: dict[str, dict[str, Any]] = {}
    for line in lines:
        kinds.setdefault(" ".join(str(line.get(key, "")) for key in keys), line)
    return [kinds[kind] for kind in sorted(kinds)]


def script_a_day(claude: ClaudeCode, standin: Standin) -> None:
    """A write, a failing command, and a background agent that reports."""
    note = str(claude.project / "note.txt")
    standin.reply(
        text("writing"), tool("Write", file_path=note, content="kept\n"), usage(input=100, output=50, w1h=900)
    )
    standin.reply(tool("Bash", command="exit 3", description="fail"), usage(input=200, output=20, cache_read=900))
    agent = tool("Agent", description="count", prompt=ASKED, subagent_type="general-purpose")
    standin.reply(agent, usage(input=300, output=30, cache_read=1000))
    asked = usage(input=3000, output=300, w5m=700)
    standin.reply(text("42 files"), asked, when=lambda r: r.said.endswith(ASKED), after=1)  # outlives the main turn
    standin.reply(text("it found 42"), usage(input=400, output=40), when=lambda r: "<task-notification>" in r.said)
    standin.reply(text("the agent runs"), usage(input=300, output=30))


def test_hook_events_of_claude_code(claude: ClaudeCode, standin: Standin) -> None:
    heard = claude.home / "heard.jsonl"
    claude.settings({"hooks": listening(heard, CLAUDE_EVENTS)})
    script_a_day(claude, standin)

    session = claude.print("a day's work").result["session_id"]
    standin.reply(text("<summary>short</summary>"), when=lambda r: "TEXT ONLY" in r.said)
    claude.print("/compact", resume=session)

    claude.settings({"hooks": listening(heard, ["StopFailure"])})
    standin.meter.five_hour.used = 1.1
    with claude.terminal() as tui:  # a headless run does not wait for this event's hooks
        tui.type("too much")
        tui.wait_until(lambda _: '"rate_limit"' in heard.read_text(), "the refusal")

    heard_of = first_of_each(records(heard), "hook_event_name", "tool_name")
    assert {*CLAUDE_EVENTS, "StopFailure"} == {event["hook_event_name"] for event in heard_of}
    accept_or_compare(f"claude-hooks-{CLAUDE_VERSION}.jsonl", heard_of, claude.home)


def test_transcripts_of_claude_code(claude: ClaudeCode, standin: Standin) -> None:
    """One line of each kind: of the session, of its subagent, and of a fork."""
    script_a_day(claude, standin)

    session = claude.print("a day's work").result["session_id"]
    fork = claude.print("again", resume=session, fork=True).result["session_id"]

    (subagent,) = claude.subagents(session)
    meta = subagent.with_suffix(".meta.json")
    bulky = ("attachment", "user", "api-request-shape", "api-request-blob")
    plain = [line for line in records(claude.transcript(session)) if line["type"] not in bulky]
    one = first_of_each(plain, "type", "operation", "subtype")
    agent = [line for line in records(subagent) if line["type"] == "assistant"]
    copied = [line for line in records(claude.transcript(fork)) if "requestSessionId" in line]
    lines = [*one, *agent, *copied[:1]]
    accept_or_compare(f"claude-transcript-{CLAUDE_VERSION}.jsonl", lines, claude.home)
    accept_or_compare(f"claude-subagent-meta-{CLAUDE_VERSION}.json", records(meta), claude.home)


def test_rate_limit_events_of_claude_code(claude: ClaudeCode, standin: Standin) -> None:
    standin.meter.five_hour.used = 0.42137
    allowed = claude.print("hi", stream=True)
    standin.meter.seven_day.used = 1.01
    refused = claude.print("hi", stream=True)

    events = [e for run in (allowed, refused) for e in run.events if e["type"] == "rate_limit_event"]
    accept_or_compare(f"claude-rate-limit-events-{CLAUDE_VERSION}.jsonl", events, claude.home)


def test_status_lines_of_claude_code(claude: ClaudeCode, standin: Standin) -> None:
    """The first of a session, which knows no limits yet, and the one after its first turn."""
    seen = claude.home / "status.jsonl"
    claude.settings({"statusLine": {"type": "command", "command": f"line=$(cat); printf '%s\\n' \"$line\" >> {seen}"}})
    standin.meter.five_hour.used, standin.meter.seven_day.used = 0.42137, 0.18
    standin.reply(text("hello"), usage(input=1000, output=500, cache_read=20_000, w5m=3000))

    with claude.terminal() as tui:
        tui.wait_until(lambda _: seen.exists(), "the first status line")
        tui.type("hi")
        tui.wait_until(lambda _: "rate_limits" in records(seen)[-1], "a status line with limits")

    accept_or_compare(f"claude-statusline-{CLAUDE_VERSION}.jsonl", [records(seen)[0], records(seen)[-1]], claude.home)


def test_rollout_and_hook_events_of_codex(codex: Codex, standin: Standin) -> None:
    heard = codex.home / "heard.jsonl"
    codex.hooks(listening(heard, CODEX_EVENTS))
    standin.codex_meter.five_hour.used, standin.codex_meter.seven_day.used = 0.125, 0.4
    standin.reply(tool("exec_command", cmd="echo hi"), usage(input=800, output=50, cache_read=200))
    standin.reply(text("done"), usage(input=900, output=60, cache_read=300, reasoning=20))

    codex.exec("do it")

    lines = [{**line, "kind": line["payload"].get("type")} for line in records(codex.rollouts()[0])]
    told = [line for line in lines if line["type"] not in ("response_item", "world_state")]
    kept = first_of_each(told, "type", "kind")
    accept_or_compare(
        f"codex-rollout-{CODEX_VERSION}.jsonl",
        [{key: value for key, value in line.items() if key != "kind"} for line in kept],
        codex.home,
    )
    events = first_of_each(records(heard), "hook_event_name", "tool_name")
    accept_or_compare(f"codex-hooks-{CODEX_VERSION}.jsonl", events, codex.home)
