"""Which hook stands where: the one table that installing, checking and the examples are all made from.

A command is short (clients write it into the transcript at every run), never changes between releases (Codex asks the
person to review a hook again when it does), names its interpreter in full, and ends in ``|| true``: CPython exits 2 on
a missing script, 2 means "block" to both clients, and a person must never be locked out by a file that went away.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

Host = Literal["claude", "codex"]

STATUSLINE = "statusline.py"


class Row(NamedTuple):
    """One hook script on one event of one client."""

    host: Host
    event: str
    matcher: str | None  # None where the event has none, or where every occurrence matters
    script: str
    timeout_s: int


# Adding a hook is adding its rows; a row whose script does not ship is skipped. The matchers are plain names joined by
# "|", which both clients compare exactly. Codex gives its edits the name apply_patch. Its subagents' tool is
# spawn_agent, and 0.169 was seen to tell hooks the tool's namespace before that name, with nothing between.
SPAWN = "spawn_agent|collaborationspawn_agent"
TABLE: tuple[Row, ...] = (
    Row("claude", "SessionStart", None, "pacing_warner.py", 5),
    Row("claude", "SessionStart", None, "price_warner.py", 5),
    Row("claude", "SessionStart", None, "spawn_guard.py", 5),
    Row("claude", "PreModelSwitch", None, "price_warner.py", 5),
    Row("claude", "UserPromptSubmit", None, "pacing_warner.py", 5),
    Row("claude", "UserPromptSubmit", None, "prompt_router.py", 5),
    Row("claude", "UserPromptSubmit", None, "budget_guard.py", 5),
    Row("claude", "PreToolUse", None, "budget_guard.py", 5),
    Row("claude", "PreToolUse", "Agent|Task|Workflow", "spawn_guard.py", 5),
    Row("claude", "PostToolUse", "Agent|Task|Workflow", "spawn_guard.py", 5),
    Row("claude", "PostToolUseFailure", "Agent|Task|Workflow", "spawn_guard.py", 5),
    Row("claude", "SubagentStop", None, "spawn_guard.py", 5),
    Row("claude", "PostToolUse", "Write|Edit|MultiEdit", "memory_compactor.py", 10),
    Row("claude", "PostToolBatch", None, "loop_guard.py", 5),
    Row("claude", "PostToolUseFailure", None, "loop_guard.py", 5),
    Row("claude", "Stop", None, "loop_guard.py", 5),
    Row("claude", "StopFailure", None, "loop_guard.py", 5),
    Row("codex", "SessionStart", None, "pacing_warner.py", 5),
    Row("codex", "SessionStart", None, "spawn_guard.py", 5),
    Row("codex", "UserPromptSubmit", None, "pacing_warner.py", 5),
    Row("codex", "UserPromptSubmit", None, "prompt_router.py", 5),
    Row("codex", "UserPromptSubmit", None, "budget_guard.py", 5),
    Row("codex", "PreToolUse", None, "budget_guard.py", 5),
    Row("codex", "PreToolUse", SPAWN, "spawn_guard.py", 5),
    Row("codex", "PostToolUse", SPAWN, "spawn_guard.py", 5),
    Row("codex", "SubagentStop", None, "spawn_guard.py", 5),
    Row("codex", "PostToolUse", "apply_patch", "memory_compactor.py", 10),
    Row("codex", "PostToolUse", None, "loop_guard.py", 5),
    Row("codex", "Stop", None, "loop_guard.py", 5),
)
SCRIPTS = frozenset(row.script for row in TABLE) | {STATUSLINE}


def rows(host: Host, scripts: Collection[str]) -> list[Row]:
    """The rows of one client whose script is among those that ship."""
    return [row for row in TABLE if row.host == host and row.script in scripts]


def command(host: Host, script: str, *, interpreter: str, home: str) -> str:
    """What the client's shell is given. Quoted only where a path needs it."""
    words = [interpreter, "-I", "-S", f"{home}/runtime/hooks/{script}"]
    return shlex.join(words if host == "claude" else [*words, host]) + " || true"


def script_in(words: object) -> str | None:
    """The script of ours that a command starts, if it is one that ``command`` wrote, whatever its home or interpreter.

    A command that merely mentions our script (somebody's wrapper around it) is somebody's, so this says None.
    """
    if not isinstance(words, str) or "/runtime/hooks/" not in words:
        return None
    try:
        parts = shlex.split(words)
    except ValueError:
        return None
    rest = parts[4:-2]
    if parts[-2:] != ["||", "true"] or parts[1:3] != ["-I", "-S"] or (rest not in ([], ["codex"]) and not _own(rest)):
        return None
    folder, _, script = parts[3].rpartition("/")
    return script if folder.endswith("/runtime/hooks") and script in SCRIPTS else None


def with_own_line(words: str, line: object) -> str:
    """Our statusLine command, which runs the person's own ``line`` where ours cannot be started.

    So their line shows without our interpreter or script, and it can be put back from the settings file alone.
    """
    start = words.removesuffix(" || true")
    if not isinstance(line, str) or "\0" in line or not _is_text(line):
        return words
    return f"{start} || sh -c {shlex.quote(line)} || true"


def own_line_in(words: object) -> str | None:
    """The person's own line that a statusLine command of ours carries."""
    if script_in(words) != STATUSLINE:
        return None
    return _own(shlex.split(str(words))[4:-2])


def home_in(words: object) -> str | None:
    """The state folder that a command of ours names: this machine's, another's, or one that moved."""
    if script_in(words) is None:
        return None
    return shlex.split(str(words))[3].rpartition("/runtime/hooks/")[0]


def _own(rest: list[str]) -> str | None:
    return rest[3] if len(rest) == 4 and rest[:3] == ["||", "sh", "-c"] else None


def _is_text(words: str) -> bool:
    try:
        return bool(words.encode())
    except UnicodeEncodeError:
        return False  # half a character, which no settings file can hold


def mentions(words: object) -> str | None:
    """The script of ours that a command names at all: written by us, or wrapped by the person."""
    if not isinstance(words, str):
        return None
    return next((script for script in sorted(SCRIPTS) if f"/runtime/hooks/{script}" in words), None)


def files_in(words: str) -> tuple[str, str]:
    """The interpreter and the script that a command of ours names; empty where they cannot be made out."""
    try:
        parts = shlex.split(words)
    except ValueError:
        return "", ""
    at = next((index for index, part in enumerate(parts) if "/runtime/hooks/" in part), None)
    if at is None:
        return "", ""
    before = [part for part in parts[:at] if not part.startswith("-")]
    return (before or [""])[-1], parts[at]


def group(row: Row, words: str) -> dict[str, Any]:
    """The matcher group for one row, with no key that Codex's strict parser would not know."""
    handler = {"type": "command", "command": words, "timeout": row.timeout_s}
    return {"matcher": row.matcher, "hooks": [handler]} if row.matcher else {"hooks": [handler]}


def example(host: Host, scripts: Collection[str], *, interpreter: str, home: str) -> dict[str, Any]:
    """A whole settings document that holds our wiring and nothing else."""
    from governor.install import plan

    commands = {script: command(host, script, interpreter=interpreter, home=home) for script in SCRIPTS}
    document = plan.wired({}, rows(host, scripts), commands)
    if host == "claude" and STATUSLINE in scripts:
        document["statusLine"] = plan.tapped(None, commands[STATUSLINE])
    return document


def plugin(scripts: Collection[str]) -> dict[str, Any]:
    """``hooks/hooks.json`` of the Claude Code plugin. Its folder moves with every version, so the client names it, and
    which ``python3`` there is only the person's shell knows; the status line is no plugin's to set."""
    from governor.install import plan

    commands = {script: f'python3 -I -S "${{CLAUDE_PLUGIN_ROOT}}/hooks/{script}" || true' for script in SCRIPTS}
    return plan.wired({}, rows("claude", scripts), commands)
