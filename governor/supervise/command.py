"""Which client a command starts, what is added to it so that it can be watched, and how it is taken up again.

What the person wrote is never overridden: an output format is asked for only where none was chosen or where the chosen
one says too little, and then what they would have got is made from it; the client's own limits only where they gave
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from governor.clients.argv import ArgvPart, has, joined, parts, value
from governor.model import Lane
from governor.supervise.budget import RunLimits

Shape = Literal["as-is", "text", "json", "json-all"]

WRAPPERS = frozenset(("env", "nice", "ionice", "nohup", "stdbuf", "time", "timeout", "caffeinate", "exec"))
PROGRAMS: dict[str, Lane] = {"claude": "claude", "codex": "codex"}
GO_ON = "Go on where you were interrupted."  # what a resumed session is told
_ANEW = ("-r", "--resume", "-c", "--continue", "--session-id", "--fork-session", "--from-pr")

_CODEX_ONCE = ("", "--", "--last", "--all", "-i", "--image")  # said already, or not for a session that is known


class Client(NamedTuple):
    """A command that is understood: ``before`` ends with the program's own path."""

    lane: Lane
    before: tuple[str, ...]
    parts: tuple[ArgvPart, ...]
    shape: Shape  # what stdout is, for the person
    can_resume: bool
    session: str | None  # of an earlier session that this one goes on with, where it is named
    is_fresh: bool  # begins a session of its own


def recognise(argv: Sequence[str]) -> Client | None:
    """The client that ``argv`` runs headless, or None for anything else (an interactive one included)."""
    place = _program(argv)
    if place is None:
        return None
    lane = PROGRAMS[_name(argv[place])]
    before, listed = tuple(argv[: place + 1]), parts(argv[place + 1 :], lane=lane)
    return _claude(before, listed) if lane == "claude" else _codex(before, listed)


def _program(argv: Sequence[str]) -> int | None:
    if argv and _name(argv[0]) in PROGRAMS:
        return 0
    if argv and _name(argv[0]) in WRAPPERS:
        return next((at for at, word in enumerate(argv) if _name(word) in PROGRAMS), None)
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _claude(before: tuple[str, ...], listed: list[ArgvPart]) -> Client | None:
    if not any(_prints(part) for part in listed):
        return None
    form = value(listed, "--output-format") or "text"
    wordy = has(listed, "--verbose")
    shapes: dict[str, Shape] = {"stream-json": "as-is", "json": "json-all" if wordy else "json"}
    named = value(listed, "-r", "--resume")
    return Client(
        "claude",
        before,
        tuple(listed),
        shapes.get(form, "text"),
        can_resume=not has(listed, "--no-session-persistence"),
        session=named,
        is_fresh=not has(listed, "-r", "--resume", "-c", "--continue", "--from-pr"),
    )


def _prints(part: ArgvPart) -> bool:
    """``-p``, ``--print``, or p among short options written together."""
    together = part.name[:1] == "-" and part.name[1:2] != "-" and len(part.words) == 1
    return part.name == "--print" or (together and "p" in part.name[1:])


def _codex(before: tuple[str, ...], listed: list[ArgvPart]) -> Client | None:
    between = [part.words[0] for part in listed if not part.name]
    if not between or between[0] not in ("exec", "e"):
        return None
    if between[1:2] and between[1] in ("review", "help"):
        return None
    goes_on = between[1:2] and between[1] in ("resume", "fork")
    named = between[2] if goes_on and len(between) > 2 and not has(listed, "--last") else None
    return Client(
        "codex",
        before,
        tuple(listed),
        "as-is" if has(listed, "--json", "--experimental-json") else "text",
        can_resume=not has(listed, "--ephemeral"),
        session=named,
        is_fresh=not goes_on,
    )


def started(client: Client, limits: RunLimits) -> list[str]:
    """The words to start it with."""
    listed = list(client.parts)
    if client.lane == "codex":
        return [*client.before, *joined(_after_exec(listed, _asked_json(listed)))]
    return [*client.before, *_claude_extra(client, limits), *joined(_without_format(client))]


def resumed(client: Client, session: str, limits: RunLimits) -> list[str]:
    """The words to take the same session up again with, told no more than to go on."""
    listed = list(client.parts)
    if client.lane == "codex":
        at = next(place for place, part in enumerate(listed) if not part.name)  # the word exec
        kept = [part for part in listed[at + 1 :] if part.name not in _CODEX_ONCE]
        again = [*joined(listed[: at + 1]), *_asked_json(listed), *joined(kept)]
        return [*client.before, *again, "resume", session, GO_ON]
    kept = [part for part in _without_format(client) if part.name not in ("", "--", *_ANEW) and not _prints(part)]
    return [
        *client.before,
        *_claude_extra(client, limits),
        "--resume",
        session,
        *joined(kept),
        "-p",
        GO_ON,
    ]


def typed(client: Client, session: str) -> str:
    """What a person types to look at, or go on with, that session."""
    program = client.before[-1]
    return f"{program} --resume {session}" if client.lane == "claude" else f"{program} resume {session}"


def is_ours(client: Client, unit: str) -> bool:
    """Was the client's own limit of this unit (usd, tool_calls) given by us rather than by the person?"""
    return not has(client.parts, "--max-budget-usd" if unit == "usd" else "--max-turns")


def _asked_json(listed: list[ArgvPart]) -> list[str]:
    return [] if has(listed, "--json", "--experimental-json") else ["--json"]


def _after_exec(listed: list[ArgvPart], extra: list[str]) -> list[ArgvPart]:
    at = next(place for place, part in enumerate(listed) if not part.name)
    return [*listed[: at + 1], *(ArgvPart(word, (word,)) for word in extra), *listed[at + 1 :]]


def _without_format(client: Client) -> list[ArgvPart]:
    """Claude's own words, less an output format that says too little."""
    if client.shape == "as-is":
        return list(client.parts)
    return [part for part in client.parts if part.name not in ("--output-format", "--verbose")]


def _claude_extra(client: Client, limits: RunLimits) -> list[str]:
    extra = [] if client.shape == "as-is" else ["--output-format", "stream-json", "--verbose"]
    if limits.usd is not None and is_ours(client, "usd"):
        extra += ["--max-budget-usd", f"{limits.usd:.6f}".rstrip("0").rstrip(".")]
    if limits.tool_calls is not None and is_ours(client, "tool_calls"):
        # A turn is one answer: that many with a tool call each, and the last words.
        extra += ["--max-turns", str(limits.tool_calls + 1)]
    return extra
