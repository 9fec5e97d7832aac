"""Which agents the user has halted, and what they are told.

The file ``HALT`` in the state folder holds one halt a line, as plain text. A line names conditions, and an agent is
halted when all of them hold for it: ``lane=codex project=/home/you/app until=1764540000 reason=Runaway``.
``all`` stands for no condition. Pure: text, facts and the clock go in; the halt that holds comes out.

A damaged line halts everybody, because somebody asked for a stop and nobody can say of whom. Deleting the line or the
file lifts it, and every message names the file. Runs on Python 3.9, and imports nothing that a hook does not have.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

CONDITIONS = ("lane", "session", "agent", "project", "tag")
SHORTEST_SESSION = 6  # characters of a session id that are enough to name it
REASON_LENGTH = 200  # characters of the user's reason that are kept
HEAD = """# governor halt: the agents named below are stopped before their next tool call and prompt.
# To lift a halt: governor unhalt --all, or delete its line, or delete this file.
"""
TO_AGENT = (
    "The user has halted this agent{why}. End your turn now and say that you were halted. "
    "Do not try again, do not work around it, and do not lift it: only the user can."
)


class Halt:
    """One halt. ``conditions`` maps names of CONDITIONS to their value; empty: everybody.

    ``until`` and ``set_at`` are epoch seconds, ``until`` None until lifted. ``projects`` are the folder patterns that a
    tag stands for, so that a halt needs no settings to be understood. ``is_damaged``: the line could not be read.
    """

    __slots__ = ("conditions", "is_damaged", "projects", "reason", "set_at", "until")

    def __init__(
        self,
        conditions: dict[str, str],
        *,
        until: int | None = None,
        set_at: int | None = None,
        reason: str = "",
        projects: Sequence[str] = (),
        is_damaged: bool = False,
    ) -> None:
        self.conditions = conditions
        self.until = until
        self.set_at = set_at
        self.reason = reason
        self.projects = tuple(projects)
        self.is_damaged = is_damaged

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Halt) and line(self) == line(other)

    def __hash__(self) -> int:
        return hash(line(self))

    def __repr__(self) -> str:
        return f"Halt({line(self)!r})"


class Agent:
    """Whom an event or a run is about. Empty where not known: then a condition on it does not hold."""

    __slots__ = ("folder", "kinds", "lane", "session")

    def __init__(self, *, lane: str = "", session: str = "", folder: str = "", kinds: Sequence[str] = ()) -> None:
        self.lane = lane
        self.session = session
        self.folder = folder
        self.kinds = tuple(kind.lower() for kind in kinds)  # agent types: its own, and the one it is about to start


def agent_of(event: dict[str, Any], lane: str) -> Agent:
    """The agent of a hook's event, as either client states it."""
    tool_input = event.get("tool_input")
    asked = tool_input if isinstance(tool_input, dict) else {}
    kinds = [event.get("agent_type") or "main", asked.get("subagent_type"), asked.get("agent_type")]
    return Agent(
        lane=lane,
        session=str(event.get("session_id") or ""),
        folder=str(event.get("cwd") or ""),
        kinds=[kind for kind in kinds if isinstance(kind, str) and kind],
    )


def parse(text: str) -> list[Halt]:
    """The halts of a HALT file, in its order. An empty file, made by ``touch``, halts everybody."""
    lines = [part.strip() for part in text.replace("\0", "").splitlines()]
    halts = [_halt(part) for part in lines if part and not part.startswith("#")]
    return halts if any(lines) else [Halt({})]


def _halt(text: str) -> Halt:
    words, _, reason = f" {text}".partition(" reason=")
    conditions: dict[str, str] = {}
    times: dict[str, int] = {}
    projects: list[str] = []
    is_damaged = not words.split()
    for word in words.split():
        name, sign, value = word.partition("=")
        value = _unescaped(value)
        if word == "all":
            continue
        if name in CONDITIONS and value:
            conditions[name] = value
        elif name == "in" and value:
            projects.append(value)
        elif name in ("until", "set") and value.isascii() and value.isdigit() and len(value) <= 12:
            times[name] = int(value)
        else:
            is_damaged = is_damaged or not sign or name not in ("host", "v")
    if is_damaged or not (conditions or "all" in words.split()):
        return Halt({}, is_damaged=True, reason=shown(reason))
    return Halt(
        conditions,
        until=times.get("until"),
        set_at=times.get("set"),
        reason=shown(reason),
        projects=projects,
    )


def render(halts: Sequence[Halt]) -> str:
    """The HALT file of these halts; ``parse`` gives them back."""
    return HEAD + "".join(line(each) + "\n" for each in halts)


def line(halt: Halt) -> str:
    """One halt as its line in the file, without the newline."""
    words = [f"{name}={_escaped(halt.conditions[name])}" for name in CONDITIONS if name in halt.conditions]
    words = words or ["all"]
    words += [f"in={_escaped(pattern)}" for pattern in halt.projects]
    words += [f"{name}={at}" for name, at in (("until", halt.until), ("set", halt.set_at)) if at is not None]
    reason = shown(halt.reason)
    return " ".join([*words, f"reason={reason}"] if reason else words)


def shown(text: str) -> str:
    """The text on one line, without characters that a terminal would act on, at most REASON_LENGTH long."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split())[:REASON_LENGTH].strip()


def _escaped(value: str) -> str:
    text = value.replace("%", "%25")
    return "".join(char if char.isprintable() and char != " " else f"%{ord(char):06x}" for char in text)


def _unescaped(value: str) -> str:
    first, *rest = value.split("%")
    parts = [first]
    for part in rest:
        if part.startswith("25"):
            parts.append("%" + part[2:])
            continue
        try:
            parts.append(chr(int(part[:6], 16)) + part[6:])
        except (ValueError, OverflowError):
            parts.append("%" + part)
    return "".join(parts)


def is_in_force(halt: Halt, now: float) -> bool:
    """Has its time not run out?"""
    return halt.until is None or now < halt.until


def holds(halt: Halt, agent: Agent, now: float) -> bool:
    """Is this agent halted by it at ``now``?"""
    if not is_in_force(halt, now):
        return False
    for name, value in halt.conditions.items():
        if name == "lane" and agent.lane != value:
            return False
        if name == "session" and not (len(value) >= SHORTEST_SESSION and agent.session.startswith(value)):
            return False
        if name == "agent" and value.lower() not in agent.kinds:
            return False
        if name == "project" and not is_below(agent.folder, value):
            return False
        if name == "tag" and not any(is_below(agent.folder, pattern) for pattern in halt.projects):
            return False
    return True


def first_that_holds(halts: Sequence[Halt], agent: Agent, now: float) -> Halt | None:
    """The halt that stops this agent, or None."""
    return next((halt for halt in halts if holds(halt, agent, now)), None)


def is_below(folder: str, pattern: str) -> bool:
    """Is this folder the one that the pattern names, or below it? ``*`` matches anything."""
    if not folder or not pattern:
        return False
    folder, pattern = folder.rstrip("/") + "/", pattern.rstrip("/") + "/"
    if not any(sign in pattern for sign in "*?["):
        return folder.startswith(pattern)
    from fnmatch import fnmatchcase

    return fnmatchcase(folder, pattern) or fnmatchcase(folder, pattern + "*")


def whom(halt: Halt) -> str:
    """``all agents``, ``agents of Codex in /home/you/app``: whom it stops, in words."""
    told = {name: shown(value) for name, value in halt.conditions.items()}
    if halt.is_damaged:
        return "all agents (a line of the file cannot be read)"
    if not told:
        return "all agents"
    words = f"agents of type {told['agent']}" if "agent" in told else "agents"
    if "lane" in told:
        words += {"claude": " of Claude Code", "codex": " of Codex"}.get(told["lane"], f" of {told['lane']}")
    words += f" in session {told['session']}" if "session" in told else ""
    words += f" in {told['project']}" if "project" in told else ""
    return words + (f" tagged {told['tag']}" if "tag" in told else "")


def to_agent(halt: Halt) -> str:
    """What the halted agent reads."""
    return TO_AGENT.format(why=f": {halt.reason}" if halt.reason else "")


def to_user(halt: Halt, path: str, *, until: str = "") -> str:
    """What the user reads: who is stopped, why, how to lift it. ``until`` is a local time, where it ends by itself."""
    why = f" ({halt.reason})" if halt.reason else ""
    ends = f" until {until}" if until else ""
    return f"governor: you halted {whom(halt)}{ends}{why}. To lift it: governor unhalt --all, or delete {path}"
