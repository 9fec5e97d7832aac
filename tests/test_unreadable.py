"""A tool call that no parser takes is a tool call: it counts, and what is used up refuses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import config, snapshots
from governor.hooks import fast_json, runtime, unreadable
from governor.ledger.store import open_ledger

ROOT = Path(__file__).parent.parent
INPUTS = {
    "nested lists": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested objects": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
    "a long number": b'{"x":' + b"7" * 5_000 + b"}",
    "not UTF-8": b'{"x":"\xff\xfe"}',
    "no JSON": b'{"x":nobody}',
    "a forged name": b'{"x":{"session_id":"other","tool_name":"Other","tool_use_id":"no"},"y":' + b"7" * 5_000 + b"}",
}
LARGE = b'{"x":"' + b"y" * (runtime.STDIN_LIMIT + 2**21) + b'"}'
HEAD = {"session_id": "s-é1", "cwd": "/home/u/app", "hook_event_name": "PreToolUse", "tool_name": "Agent"}


def event(given: bytes, *, head: dict[str, Any] = HEAD, use: str = "toolu_1", spaced: bool = False) -> bytes:
    """As a client writes it: its own fields, the tool's input, and the call's id."""
    marks = (", ", ": ") if spaced else (",", ":")
    begun = json.dumps(head, separators=marks).encode().removesuffix(b"}")
    return begun + marks[0].encode() + b'"tool_input":' + given + b',"tool_use_id":"%s"}' % use.encode()


@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize("shape", INPUTS)
def test_what_is_told_of_a_call_is_what_the_client_wrote(shape: str, spaced: bool) -> None:
    assert {**HEAD, "tool_use_id": "toolu_1"} == unreadable.facts(event(INPUTS[shape], spaced=spaced))


def test_of_a_call_whose_end_was_cut_off_the_beginning_is_told() -> None:
    assert HEAD == fast_json.event(event(LARGE)[: runtime.STDIN_LIMIT])


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HEADS = st.dictionaries(
    st.sampled_from(["session_id", "tool_name", "agent_id", "cwd", "prompt_id", "x"]),
    st.one_of(WORDS, st.none(), st.booleans()),
)


@given(head=HEADS, shape=st.sampled_from(sorted(INPUTS)), spaced=st.booleans())
def test_strings_before_the_input_are_told_exactly(head: dict[str, Any], shape: str, spaced: bool) -> None:
    head = {**head, "hook_event_name": "PreToolUse"}
    strings = {key: value for key, value in head.items() if isinstance(value, str)}
    told = unreadable.facts(event(INPUTS[shape], head=head, spaced=spaced))
    assert {**strings, "tool_use_id": "toolu_1"} == told


@given(raw=st.binary(max_size=80), name=st.sampled_from([b"", b'"PreToolUse"', b'{"hook_event_name":"PreToolUse",']))
def test_nothing_raises_and_only_a_tool_call_is_told_of(raw: bytes, name: bytes) -> None:
    for text in (name + raw, raw + name):
        told = unreadable.facts(text)
        assert {} == told or "PreToolUse" == told["hook_event_name"]
    assert {} == unreadable.facts(event(INPUTS["a long number"], head={"hook_event_name": "PostToolUse"}))


# ---- the guards ------------------------------------------------------------------------------------------------------


def says(script: str, raw: bytes) -> Any:
    command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / script), "claude"]
    environment = {"GOVERNOR_HOME": os.environ["GOVERNOR_HOME"], "HOME": os.environ["HOME"]}
    done = subprocess.run(command, input=raw, capture_output=True, env=environment, check=False)
    assert (0, b"") == (done.returncode, done.stderr)
    log = Path(os.environ["GOVERNOR_HOME"], "log", "hooks.log")
    assert not log.exists(), log.read_text()
    return json.loads(done.stdout) if done.stdout else None


def settle(**settings: Any) -> None:
    Path(os.environ["GOVERNOR_CONFIG"]).write_text(json.dumps(settings))
    with open_ledger() as ledger:
        snapshots.write(ledger, config.load(), now=int(time.time()))


@pytest.mark.parametrize("script", ["budget_guard.py", "on_event.py"])
@pytest.mark.parametrize("shape", [*INPUTS, "over 16 MiB"])
def test_a_budget_counts_it_and_refuses_it(shape: str, script: str) -> None:
    settle(budgets=[{"name": "few", "per": "session", "tool_calls": 2, "action": "stop"}])
    given = INPUTS.get(shape, LARGE)
    head = {**HEAD, "tool_name": "mcp__x__y"}
    assert None is says(script, event(given, head=head, use="toolu_1"))
    assert None is says(script, event(b"{}", head=head, use="toolu_2"))
    refused = says(script, event(given, head=head, use="toolu_3"))
    assert "deny" == refused["hookSpecificOutput"]["permissionDecision"]
    assert "2 tool calls of 2 tool calls" in refused["stopReason"]
    assert None is says(script, event(given, head={**head, "session_id": "s-2"}, use="toolu_4"))


@pytest.mark.parametrize("script", ["spawn_guard.py", "on_event.py"])
@pytest.mark.parametrize("shape", [*INPUTS, "over 16 MiB"])
def test_the_spawn_guard_counts_it_and_holds_it_within_its_cap(shape: str, script: str) -> None:
    settle(spawn={"action": "stop", "concurrent": 1})
    given = INPUTS.get(shape, LARGE)
    says(script, event(given, use="toolu_1"))
    refused = says(script, event(given, use="toolu_2"))
    assert "deny" == refused["hookSpecificOutput"]["permissionDecision"]
    assert "updatedInput" not in refused["hookSpecificOutput"]  # what the input is, nobody knows
