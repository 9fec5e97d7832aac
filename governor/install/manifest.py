"""What we did to which file, so that it can be undone to the byte: ``install.json`` and the folder ``backups``.

An entry says what a file's bytes were without us (a backup, or nothing at all) and what they hashed to with us. As long
as the file still hashes to that, undoing is putting the backup back; afterwards only our own entries are taken out.
Backups are private and go away once the file holds the same bytes again: settings may carry secrets in ``env``.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from governor.errors import StateError
from governor.hooks import runtime
from governor.install.target import Scope, Target
from governor.install.wiring import Host

VERSION = 1


class Entry(NamedTuple):
    """One wired file."""

    host: Host
    scope: Scope
    path: str
    after: str  # sha256 of the file with us in it
    backup: str | None  # name in ``backups`` of the bytes without us; None: there was no file
    made: tuple[str, ...]  # folders that were made for it
    is_tapped: bool  # is its statusLine ours
    chained: str | None  # the command that our tap passes its stdin on to


Entries = dict[str, Entry]


def load(home: Path) -> Entries:
    """What is wired, by path. Raises: StateError where the record cannot be read."""
    try:
        content = json.loads((home / "install.json").read_bytes())
        if content["version"] != VERSION:
            raise ValueError("written by a newer governor")
        entries = [Entry(**{**each, "made": tuple(each["made"])}) for each in content["targets"]]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StateError(
            f"{home / 'install.json'} cannot be used ({fault}).",
            f"mv {home / 'install.json'} {home / 'install.json.old'}",
        ) from fault
    return {entry.path: entry for entry in entries}


def save(home: Path, entries: Entries) -> None:
    """Record what is wired; with nothing wired there is no record. Raises: StateError where it cannot be written."""
    file = home / "install.json"
    if not entries:
        file.unlink(missing_ok=True)
        return
    content: dict[str, Any] = {"version": VERSION, "targets": [entry._asdict() for entry in entries.values()]}
    _write(file, json.dumps(content, indent=2).encode() + b"\n")


def targets(entries: Entries) -> list[Target]:
    """The wired files as targets."""
    return [Target(entry.host, entry.scope, Path(entry.path)) for entry in entries.values()]


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def keep(home: Path, target: Target, raw: bytes | None) -> str | None:
    """Put the bytes aside under a name of their own; None when there are none. Raises: StateError."""
    if raw is None:
        return None
    name = f"{target.host}-{target.scope}-{digest(str(target.path).encode())[:8]}-{digest(raw)[:16]}.json"
    _write(home / "backups" / name, raw)
    return name


def backups(home: Path) -> list[str]:
    """The names of the backups of settings files that are kept."""
    return sorted(path.name for path in (home / "backups").glob("*-*-*-*.json"))


def kept(home: Path, entry: Entry) -> bytes | None:
    """The bytes put aside, or None when there was no file or the backup is gone or spoilt."""
    if entry.backup is None:
        return None
    try:
        raw = (home / "backups" / entry.backup).read_bytes()
    except OSError:
        return None
    return raw if is_of(entry.backup, raw) else None


def is_of(backup: str, raw: bytes) -> bool:
    """Is this the name under which these bytes were put aside?"""
    return backup.endswith(f"-{digest(raw)[:16]}.json")


def forget_backup(home: Path, name: str) -> None:
    """Drop one backup, and the folder with the last."""
    folder = home / "backups"
    (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        pass  # others are still in it


def _write(file: Path, raw: bytes) -> None:
    """Write a file of ours to the disk itself: it is the way back from a change that comes right after.

    Raises: StateError where the folder cannot be written or the disk is full; the file is then as it was.
    """
    try:
        if file.exists() and file.read_bytes() == raw:
            return
        runtime.write_private(str(file), raw)
        for place in (file, file.parent):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as fault:
        raise StateError(
            f"{file} cannot be written ({fault.strerror}), so no settings were changed: it would be the way back.",
            f"ls -ld {file.parent}; df {file.parent}",
        ) from fault
