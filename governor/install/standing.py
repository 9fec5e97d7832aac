"""How things stand: which of our hooks are where, and whether what they name is still there. Nothing is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from governor import config, paths
from governor.errors import SettingsError
from governor.install import change, claude, codex, manifest, plan, runtime, way_back, wiring
from governor.install.target import Scope, Target, look
from governor.install.wiring import Host


class Wired(NamedTuple):
    """One hook that should stand in one file."""

    host: Host
    scope: Scope
    path: str
    event: str  # "statusLine" for the tap
    script: str
    is_present: bool
    is_current: bool  # the command and its matcher are those we would write today
    has_script: bool
    has_interpreter: bool
    problem: str = ""  # why the file could not be looked into
    again: str = "governor install"  # what wires this file anew
    is_older: bool = False  # one guard on its own: an older install, or wired by hand


def installed(*, folder: Path | None = None) -> list[Wired]:
    """Every hook that ships, in every file that was wired and in the settings of every client that is here.

    Raises: StateError where the record of what was wired cannot be read.
    """
    home = paths.home()
    folder = folder or Path.cwd()
    entries = adopted(home, folder)
    scripts = runtime.scripts(home / "runtime" / "hooks") or runtime.scripts(runtime.source_hooks())
    here = {"claude": claude.is_here(), "codex": codex.is_here()}
    on = wiring.switched_on(config.in_force().values)
    found: list[Wired] = []
    for target in known(entries, folder):
        is_wanted = str(target.path) in entries and target.path.parent.is_dir()  # else its project or client is gone
        if not is_wanted and not (target.scope == "user" and here[target.host] and _is_chosen(target, folder)):
            continue
        rows = wiring.rows(target.host, scripts, on)
        document: plan.Document = {}
        problem = ""
        try:
            document = change.document_of(target, look(target))
        except SettingsError as fault:
            problem = fault.message
        found += [_wired(target, row, document, problem, entries) for row in rows]
        if target.host == "claude" and wiring.STATUSLINE in scripts:
            tap = wiring.WiredCommand("claude", "statusLine", None, wiring.STATUSLINE, 0)
            found.append(_wired(target, tap, document, problem, entries))
        found += _older(target, document)
    return found


def adopted(home: Path, folder: Path) -> manifest.Entries:
    """The records of what is wired; those whose file moved follow it. Raises: StateError as ``manifest.load``."""
    entries = manifest.load(home)
    targets = known(entries, folder)
    read: dict[str, bytes] = {}
    for target in targets:
        try:
            raw = look(target)
        except SettingsError:
            raw = b""  # it is there, whatever is in it
        if raw is not None:
            read[str(target.path)] = raw
    way_back.adopt(entries, targets, read)
    return entries


def _is_chosen(target: Target, folder: Path) -> bool:
    """Would an install without further words wire this file?"""
    return target.host == "codex" or target in claude.targets("user", folder)


def known(entries: manifest.Entries, folder: Path) -> list[Target]:
    """What we wired, and what we would wire for this user and folder: settings are also copied about by hand."""
    found = {str(target.path): target for target in manifest.targets(entries)}
    scopes: tuple[Scope, ...] = ("user", "project", "local")
    for scope in scopes:
        for target in claude.targets(scope, folder):
            if scope == "user" or target.path.exists():
                found.setdefault(str(target.path), target)
    found.setdefault(str(codex.target().path), codex.target())
    return list(found.values())


def _wired(
    target: Target, row: wiring.WiredCommand, document: plan.Document, problem: str, entries: manifest.Entries
) -> Wired:
    if row.event == "statusLine":
        line = document.get("statusLine")
        commands = [(line.get("command"), None)] if isinstance(line, dict) else []
    else:
        at = (each for each in plan.handlers(document) if each[0] == row.event)
        commands = [(handler.get("command"), group.get("matcher")) for _, group, handler in at]
    ours = ((words, at) for words, at in commands if isinstance(words, str) and wiring.mentions(words) == row.script)
    found, matcher = next(ours, (None, None))
    expected = wiring.command(target.host, row.script, interpreter=runtime.interpreter(), home=str(paths.home()))
    if row.event == "statusLine":
        entry = entries.get(str(target.path))
        expected = wiring.with_own_line(expected, entry.chained if entry else wiring.own_line_in(found))
    interpreter, file = wiring.files_in(found or expected)
    return Wired(
        target.host,
        target.scope,
        str(target.path),
        row.event,
        row.script,
        is_present=found is not None,
        is_current=found == expected and (matcher or None) == row.matcher,
        has_script=os.path.isfile(file),
        has_interpreter=os.access(interpreter, os.X_OK),
        problem=problem,
        again="governor install" if target.scope == "user" else target.again,
    )


def _older(target: Target, document: plan.Document) -> list[Wired]:
    """Commands of ours that run one guard alone."""
    found = []
    for event, _, handler in plan.handlers(document):
        script = wiring.mentions(handler.get("command"))
        if script in wiring.ONE_BY_ONE:
            interpreter, file = wiring.files_in(handler["command"])
            there, runs = os.path.isfile(file), os.access(interpreter, os.X_OK)
            path = str(target.path)
            found.append(Wired(target.host, target.scope, path, event, script, True, False, there, runs, is_older=True))
    return found
