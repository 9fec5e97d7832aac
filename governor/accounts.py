"""Which account is this? The client's config folder tells; a client's own account id, where it states one, outranks it.

A client process has exactly one config folder, and one sign-in lives in it. Nothing here reads a credential. The
ledger's side of it, which accounts are known and what belongs to each, is ``governor.ledger.owners``.

Hooks import this room, so it needs ``os`` alone and runs on Python 3.9.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

BELOW = {"claude": ("projects",), "codex": ("sessions", "archived_sessions")}  # where transcripts lie in a folder
UNKNOWN = ""  # the letter's entry for accounts that it knows nothing of


def claude_folders() -> list[str]:
    """Claude Code's config folders: CLAUDE_CONFIG_DIR, else ~/.claude and the older ~/.config/claude.

    ``~`` is left as it stands where there is no such user.
    """
    named = [part.strip() for part in os.environ.get("CLAUDE_CONFIG_DIR", "").split(",")]
    chosen = [part for part in named if part] or ["~/.claude", "~/.config/claude"]
    return [os.path.expanduser(folder) for folder in chosen]


def codex_folder() -> str:
    """Codex's folder: CODEX_HOME, else ~/.codex."""
    return os.path.expanduser(os.environ.get("CODEX_HOME") or "~/.codex")


def is_stated(lane: str) -> bool:
    """Does the environment say which folder is meant? If not, the usual one is only likely."""
    named = os.environ.get("CODEX_HOME" if lane == "codex" else "CLAUDE_CONFIG_DIR", "")
    return bool(named.replace(",", " ").strip())


def named(lane: str) -> list[str]:
    """The account names of the folders that the environment lists, in its order, each once."""
    folders = [codex_folder()] if lane == "codex" else claude_folders()
    return list(dict.fromkeys(map(name_of, folders)))


def own(lane: str) -> str:
    """The account name of this process: of its client's config folder."""
    return name_of(codex_folder() if lane == "codex" else claude_folders()[0])


def name_of(folder: str) -> str:
    """The account name of a config folder: its real path, short where it lies in the user's home (``~/.claude-work``).

    Links and trailing slashes name the same folder. Two machines with the same layout name it alike.
    """
    real, home = os.path.realpath(folder), os.path.realpath(os.path.expanduser("~"))
    inside = home != os.sep and real.startswith(home + os.sep)
    return "~" + real[len(home) :] if inside else real


def place_of(lane: str, path: str) -> tuple[str, str]:
    """(config folder, name of the folder in it) that a transcript lies in, by its path alone; empty where none is."""
    cut, name = max((path.rfind(f"{os.sep}{name}{os.sep}"), name) for name in BELOW[lane])
    return (path[:cut], name) if cut >= 0 else ("", "")


def holder(place: tuple[str, str]) -> str:
    """The account name of what ``place_of`` found; empty for nothing.

    Several folders may share their transcripts by a link: these belong to the folder that really holds them.
    """
    folder, name = place
    real = os.path.realpath(os.path.join(folder, name)) if folder else ""
    return name_of(os.path.dirname(real) if os.path.basename(real) == name else folder) if folder else ""


def short(name: str, among: Iterable[str]) -> str:
    """How people call it: the folder's own name (``.claude-work``), or as much of its path as tells it from others.

    An id that a client states is cut to eight characters, where that is enough.
    """
    parts = name.split(os.sep)
    tails = [os.sep.join(parts[-size:]) for size in range(1, len(parts))] if os.sep in name else [name[:8]]
    others = [other for other in among if other != name]
    return next((tail for tail in tails if tail and not any(is_tail(tail, other) for other in others)), name)


def is_tail(text: str, name: str) -> bool:
    """Is ``text`` the last part of an account's name, or the beginning of an id that is at least eight long?"""
    if os.sep in name:
        return bool(text) and f"{os.sep}{name}".endswith(f"{os.sep}{text}")
    return len(text) >= 8 and name.startswith(text)


def expanded(text: str) -> str:
    """A folder as somebody typed it, ``~`` spelt out."""
    return os.path.expanduser(text)


def pick(snapshot: dict[str, Any], lane: str) -> dict[str, Any]:
    """The snapshot as the hooks of this process's account read it.

    ``accounts`` in a snapshot holds, by lane and account name, what stands there instead of the first account's figures.
    A snapshot without it is everybody's.
    """
    listed = snapshot.get("accounts")
    by_name = listed.get(lane) if isinstance(listed, dict) else None
    if not isinstance(by_name, dict):
        return snapshot
    mine = by_name.get(own(lane), by_name.get(UNKNOWN))
    if not isinstance(mine, dict):
        return {}
    missing = ("accounts", "without", *mine.get("without", ()))
    return {key: value for key, value in {**snapshot, **mine}.items() if key not in missing}
