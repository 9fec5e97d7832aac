"""Which events are wired: the one table that installing, checking and the examples are all made from.

One command stands on each event and runs every guard that looks at it (``governor.hooks.on_event``). A command is short
(clients write it into the transcript at every run), never changes between releases (Codex asks the person to review a
hook again when it does), names its interpreter in full, and ends in ``|| true``: CPython exits 2 on a missing script,
2 means "block" to both clients, and a person must never be locked out by a file that went away.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from governor.hooks.on_event import LOOKS

Host = Literal["claude", "codex"]

STATUSLINE = "statusline.py"
ON_EVENT = "on_event.py"
GUARDS = frozenset(guard for _, _, _, guard, _ in LOOKS)
ONE_BY_ONE = frozenset(f"{guard}.py" for guard in GUARDS)  # each on its own event: how 0.1 wired them
SCRIPTS = ONE_BY_ONE | {ON_EVENT, STATUSLINE}


class WiredCommand(NamedTuple):
    """One command on one event of one client."""

    host: Host
    event: str
    matcher: str | None  # None where the event has none, or where every tool matters
    script: str
    timeout_s: int


def switched_on(values: Mapping[str, Any]) -> frozenset[str]:
    """The guards that these settings give something to do.

    The budget guard always has: before every tool call it is where a halt is obeyed, budgets or none.
    """
    off = {"loop_guard": values["loop"]["action"] == "off"}
    return frozenset(guard for guard in GUARDS if not off.get(guard))


def rows(host: Host, scripts: Collection[str], on: Collection[str] = GUARDS) -> list[WiredCommand]:
    """One row for each event at which a guard looks that ships (``scripts``) and is switched ``on``.

    Its matcher names the tools of those guards; it has none where one of them looks at every tool. The client waits as
    long as for the slowest.
    """
    if ON_EVENT not in scripts:
        return []
    looks = [row for row in LOOKS if row[0] == host and row[3] in on and f"{row[3]}.py" in scripts]
    made = []
    for event in dict.fromkeys(event for _, event, _, _, _ in looks):
        mine = [(tools, seconds) for _, at, tools, _, seconds in looks if at == event]
        matcher = "|".join(tools for tools, _ in mine) if all(tools for tools, _ in mine) else None
        made.append(WiredCommand(host, event, matcher, ON_EVENT, max(seconds for _, seconds in mine)))
    return made


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


def group(row: WiredCommand, words: str) -> dict[str, Any]:
    """The matcher group for one row, with no key that Codex's strict parser would not know."""
    handler = {"type": "command", "command": words, "timeout": row.timeout_s}
    return {"matcher": row.matcher, "hooks": [handler]} if row.matcher else {"hooks": [handler]}


def example(
    host: Host, scripts: Collection[str], *, interpreter: str, home: str, on: Collection[str] = GUARDS
) -> dict[str, Any]:
    """A whole settings document that holds our wiring and nothing else."""
    from governor.install import plan

    commands = {script: command(host, script, interpreter=interpreter, home=home) for script in SCRIPTS}
    document = plan.wired({}, rows(host, scripts, on), commands)
    if host == "claude" and STATUSLINE in scripts:
        document["statusLine"] = plan.tapped(None, commands[STATUSLINE])
    return document


def plugin(scripts: Collection[str]) -> dict[str, Any]:
    """``hooks/hooks.json`` of the Claude Code plugin. Its folder moves with every version, so the client names it, and
    which ``python3`` there is only the person's shell knows; the status line is no plugin's to set. The settings of the
    person are not known here, so every guard is wired."""
    from governor.install import plan

    words = f'python3 -I -S "${{CLAUDE_PLUGIN_ROOT}}/hooks/{ON_EVENT}" plugin || true'
    return plan.wired({}, rows("claude", scripts), {ON_EVENT: words})
