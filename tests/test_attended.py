"""Is a person there to answer: by the environment, the payload and the client's command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from governor.hooks.attended import is_attended
from governor.hooks.state import client_process

PROMPT: dict[str, Any] = {"hook_event_name": "UserPromptSubmit", "prompt": "nightly job"}
CALL: dict[str, Any] = {"hook_event_name": "PreToolUse", "tool_name": "Bash"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CLAUDE_CODE_SESSION_ATTENDED": "0", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}, False),
        ({"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "cli"}, True),
        ({"CLAUDE_CODE_SESSION_ATTENDED": "0"}, False),
        ({"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "sdk-py"}, True),
        ({"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}, False),
        ({"CLAUDE_CODE_ENTRYPOINT": "sdk-ts"}, False),
        ({"CLAUDE_CODE_ENTRYPOINT": "claude-vscode"}, True),
        ({"CLAUDE_CODE_SESSION_ATTENDED": "maybe"}, True),
        ({}, True),
    ],
)
@pytest.mark.parametrize("event", [PROMPT, CALL])
def test_claude_code_says_by_environment_whether_somebody_is_there(
    event: dict[str, Any], environ: dict[str, str], expected: bool
) -> None:
    assert expected == is_attended(event, environ, "claude")


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": "<task-notification>done"},
        {"prompt": "  <system-reminder>"},
        {"source": "loop"},
        {"agent_id": "a1"},
    ],
)
def test_a_prompt_that_a_machine_sent_is_answered_by_nobody(more: dict[str, Any]) -> None:
    environ = {"CLAUDE_CODE_SESSION_ATTENDED": "1"}
    assert not is_attended({**PROMPT, **more}, environ, "claude")
    assert not is_attended({**PROMPT, **more}, {}, "codex")


def test_a_subagents_call_is_asked_about_in_its_session() -> None:
    assert is_attended({**CALL, "agent_id": "a1"}, {"CLAUDE_CODE_SESSION_ATTENDED": "1"}, "claude")
    assert not is_attended({**CALL, "agent_id": "a1"}, {"CLAUDE_CODE_SESSION_ATTENDED": "0"}, "claude")


def test_a_client_that_answers_by_itself_asks_nobody() -> None:
    assert not is_attended({**CALL, "permission_mode": "dontAsk"}, {"CLAUDE_CODE_SESSION_ATTENDED": "1"}, "claude")


@pytest.mark.parametrize(
    ("mode", "words", "expected"),
    [
        ("default", ["exec", "-"], True),  # exec never runs in this mode, so the words are somebody else's
        ("bypassPermissions", ["exec", "--json", "work"], False),
        ("bypassPermissions", ["-m", "exec", "hello"], True),
        ("bypassPermissions", ["-c", "model=exec", "e", "work"], False),
        ("bypassPermissions", ["exec", "resume", "019a"], False),
        ("bypassPermissions", ["review"], False),
        ("bypassPermissions", ["resume", "019a"], True),
        ("bypassPermissions", ["--yolo"], True),
        ("bypassPermissions", [], True),
    ],
)
def test_codex_is_known_by_its_command_line(mode: str, words: list[str], expected: bool) -> None:
    event = {**PROMPT, "permission_mode": mode}
    environ = {"CLAUDE_CODE_SESSION_ATTENDED": "1"}  # a Codex that Claude Code started inherits this
    assert expected == is_attended(event, environ, "codex", command=lambda: words)


def test_the_command_line_is_looked_at_only_where_nothing_else_tells() -> None:
    def unasked() -> list[str]:
        raise AssertionError("looked")

    assert is_attended({**PROMPT, "permission_mode": "default"}, {}, "codex", command=unasked)
    assert is_attended(PROMPT, {}, "claude", command=unasked)


def started_by(folder: Path, name: str, *words: str) -> str:
    """What a hook finds that a client of this name starts by its shell."""
    program = folder / name
    program.symlink_to(sys.executable)
    code = "from governor.hooks.state import client_process as c\n"
    code += "print(c.command('codex', {}), c.identity('codex', {}) != '')"
    hook = f'{sys.executable} -c "{code}" || true'
    start = "import subprocess, sys; subprocess.run(['/bin/sh', '-c', sys.argv[-1]])"
    environ = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [str(program), "-c", start, *words, hook], capture_output=True, text=True, env=environ, check=True
    )
    return done.stdout


def test_the_command_line_is_the_nearest_clients(tmp_path: Path) -> None:
    said = started_by(tmp_path, "codex", "exec", "work")
    assert "'exec', 'work'" in said
    assert "True" in said
    assert "[] False\n" == started_by(tmp_path, "bash", "exec", "work")


def test_where_no_client_is_found_the_rollout_tells(tmp_path: Path) -> None:
    rollout = tmp_path / "rollout-x.jsonl"
    rollout.write_text('{"type":"session_meta","payload":{"originator":"codex_exec","source":"exec"}}\n')
    assert ["exec"] == client_process.command("codex", {"transcript_path": str(rollout)})
    rollout.write_text('{"type":"session_meta","payload":{"source":"cli"}}\n')
    assert [] == client_process.command("codex", {"transcript_path": str(rollout)})
    assert [] == client_process.command("codex", {"transcript_path": None})


def test_a_process_is_known_by_its_number_and_its_start() -> None:
    environ = {"CLAUDE_PID": str(os.getpid())}
    own = client_process.identity("claude", environ)
    assert own.startswith(f"{os.getpid()}:")
    assert client_process.is_running(own) is True
    with subprocess.Popen(["sleep", "60"]) as process:
        other = client_process.identity("claude", {"CLAUDE_PID": str(process.pid)})
        assert client_process.is_running(other) is True
        process.kill()
    assert client_process.is_running(other) is False
    if own.rpartition(":")[2]:  # where the system tells when a process began
        assert client_process.is_running(f"{os.getpid()}:1") is False, "the number is used again"
    for unknown in ("", "x:1", "0:1", "1:"):
        assert client_process.is_running(unknown) is None
