"""Making a worked-out change true: backup and record first, then the file, so that a crash leaves a way back."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from governor.errors import GovernorError, SettingsError
from governor.hooks import runtime
from governor.install import manifest
from governor.install.change import FileChange
from governor.install.target import ChangedMeanwhileError, Scope, Target, remove, swap
from governor.install.wiring import Host

ATTEMPTS = 3  # how often a file that somebody else keeps writing is read again
CHAIN_SNAPSHOT = "statusline_chain"

WorkOut = Callable[[Target, manifest.Entries], FileChange]


class FileOutcome(NamedTuple):
    """What happened to one file, or would have."""

    host: Host
    scope: Scope
    path: str
    changed: bool
    diff: str  # unified; empty when nothing changes
    notes: tuple[str, ...]
    fault: GovernorError | None = None


def arrive(home: Path, target: Target, entries: manifest.Entries, work_out: WorkOut) -> FileOutcome:
    """Install one target. Raises: SettingsError where it cannot be written or never holds still."""

    def carry_out(todo: FileChange) -> None:
        _remember(home, entries, todo, [])
        if not todo.is_none and todo.new is not None:
            _remember(home, entries, todo, swap(target, seen=todo.seen, new=todo.new))

    return _insist(target, entries, work_out, carry_out)


def leave(home: Path, target: Target, entries: manifest.Entries, work_out: WorkOut) -> FileOutcome:
    """Uninstall one target. Raises: SettingsError where it cannot be written or never holds still."""

    def carry_out(todo: FileChange) -> None:
        entry = entries.get(str(target.path))
        if not todo.is_none and todo.new is not None:
            swap(target, seen=todo.seen, new=todo.new)
        elif not todo.is_none and todo.seen is not None:
            remove(target, seen=todo.seen, made=list(entry.made) if entry else [])
        entries.pop(str(target.path), None)
        manifest.save(home, entries)
        _settle_snapshot(home, entries)

    return _insist(target, entries, work_out, carry_out)


def forget_restored(home: Path, entries: manifest.Entries, files: list[Path]) -> None:
    """Drop the backups of what stands in these files again; only once all are done, for a copy may need one too."""
    wanted = {entry.backup for entry in entries.values()}
    for file in files:
        try:
            raw = file.read_bytes()
        except OSError:
            continue
        for name in manifest.backups(home):
            if name not in wanted and manifest.is_of(name, raw):
                manifest.forget_backup(home, name)


def _insist(
    target: Target, entries: manifest.Entries, work_out: WorkOut, carry_out: Callable[[FileChange], None]
) -> FileOutcome:
    for _ in range(ATTEMPTS):
        todo = work_out(target, entries)
        try:
            carry_out(todo)
        except ChangedMeanwhileError:
            continue
        return outcome(todo, done=True)
    raise SettingsError(f"{target.path} kept changing while it was being edited, and was left alone.", target.again)


def outcome(todo: FileChange, *, done: bool) -> FileOutcome:
    """What a change comes to, with its unified diff."""
    target = todo.target
    before, after = ((raw or b"").decode().splitlines(keepends=True) for raw in (todo.seen, todo.new))
    was, will_be = (os.devnull if raw is None else str(target.path) for raw in (todo.seen, todo.new))
    diff = "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(before, after, was, will_be)
    )
    return FileOutcome(target.host, target.scope, str(target.path), done and not todo.is_none, diff, todo.notes)


def _remember(home: Path, entries: manifest.Entries, todo: FileChange, made: list[str]) -> None:
    """Record how to undo a change: before it is made, and the folders made for it afterwards."""
    target = todo.target
    old = entries.get(str(target.path))
    backup = manifest.keep(home, target, todo.baseline)
    entries[str(target.path)] = manifest.Entry(
        host=target.host,
        scope=target.scope,
        path=str(target.path),
        after=manifest.digest(todo.new or b""),
        backup=backup,
        made=(*(old.made if old else ()), *made),
        is_tapped=todo.is_tapped,
        chained=todo.line["command"] if todo.is_tapped and todo.line else None,
    )
    if todo.is_tapped and todo.line is not None:
        content: dict[str, Any] = {"version": 1}
        content |= {key: todo.line[key] for key in ("command", "padding") if key in todo.line}
        runtime.write_private(str(home / "letters" / CHAIN_SNAPSHOT), b"speak\n" + json.dumps(content).encode())
    manifest.save(home, entries)
    _settle_snapshot(home, entries)
    wanted = {entry.backup for entry in entries.values()}
    if old and old.backup and old.backup not in wanted:
        manifest.forget_backup(home, old.backup)


def _settle_snapshot(home: Path, entries: manifest.Entries) -> None:
    """The person's own statusLine is carried only while some file of theirs lost it to our tap."""
    if not any(entry.chained for entry in entries.values()):
        (home / "letters" / CHAIN_SNAPSHOT).unlink(missing_ok=True)
