"""Wiring the hooks and the statusLine tap into the clients, and leaving without a trace.

``install`` and ``uninstall`` compose the rooms beside this one: ``wiring`` says what, ``plan`` and ``edit`` what a
file becomes, ``target`` replaces it, ``manifest`` remembers how to undo it, ``runtime`` holds what the hooks run from.
Every file is read and worked out before the first is written, so one that cannot be parsed stops an install early.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from governor import hook, paths
from governor.errors import BadInputError, GovernorError, SettingsError, StateError
from governor.install import change, claude, codex, manifest, plan, runtime, wiring
from governor.install.change import Change
from governor.install.target import ChangedMeanwhileError, Scope, Target, look, remove, swap, writable
from governor.install.wiring import Host

ATTEMPTS = 3  # how often a file that somebody else keeps writing is read again
CHAIN_LETTER = "statusline_chain"


class Outcome(NamedTuple):
    """What happened to one file, or would have."""

    host: Host
    scope: Scope
    path: str
    changed: bool
    diff: str  # unified; empty when nothing changes
    notes: tuple[str, ...]
    fault: GovernorError | None = None


class Wired(NamedTuple):
    """One hook that should stand in one file, for ``governor doctor``."""

    host: Host
    scope: Scope
    path: str
    event: str
    script: str
    is_present: bool
    is_current: bool  # the command is the one we would write today
    has_script: bool
    has_interpreter: bool
    problem: str = ""  # why the file could not be looked into


def install(
    *, hosts: tuple[Host, ...] = (), scope: Scope = "user", folder: Path | None = None, dry_run: bool = False
) -> list[Outcome]:
    """Wire the clients named, or those that are here; once, however often it is called.

    Raises: BadInputError where there is nothing to wire; SettingsError, StateError before or while writing.
    """
    folder = folder or Path.cwd()
    home = paths.home()
    targets = _chosen(hosts, scope, folder)
    source = runtime.source_hooks()
    installer = _Installer(home, folder, runtime.scripts(source))
    if dry_run:
        entries = manifest.load(home)
        return [_outcome(installer.work_out(target, entries), done=False) for target in targets]
    paths.claim_home()
    with _alone(home):
        entries = manifest.load(home)
        for target in targets:
            writable(target, Path(os.path.realpath(target.path)))
            installer.work_out(target, entries)
        runtime.stage(home, source)
        runtime.write_bell(home)
        return [_apply(home, target, entries, installer.work_out) for target in targets]


def uninstall(
    *, hosts: tuple[Host, ...] = (), scope: Scope | None = None, folder: Path | None = None, dry_run: bool = False
) -> list[Outcome]:
    """Take our hooks out again, everywhere or where named, leaving each file as it would be without us.

    A file that cannot be changed does not keep the others from it: its outcome carries the fault.
    """
    folder = folder or Path.cwd()
    home = paths.home()
    if dry_run or not home.is_dir():
        return _uninstall(home, folder, hosts, scope, dry_run=True if dry_run else False)
    with _alone(home):
        return _uninstall(home, folder, hosts, scope, dry_run=False)


def _uninstall(
    home: Path, folder: Path, hosts: tuple[Host, ...], scope: Scope | None, *, dry_run: bool
) -> list[Outcome]:
    entries = manifest.load(home)
    outcomes = []
    for target in _known(entries, folder):
        if (hosts and target.host not in hosts) or (scope is not None and target.scope != scope):
            continue
        try:
            if dry_run:
                outcomes.append(_outcome(_leaving(home, target, entries), done=False))
            else:
                outcomes.append(_apply(home, target, entries, lambda t, e: _leaving(home, t, e), leaving=True))
        except GovernorError as fault:
            outcomes.append(Outcome(target.host, target.scope, str(target.path), False, "", (), fault))
    if not dry_run and not entries and not any(outcome.fault for outcome in outcomes):
        runtime.unstage(home)
    return outcomes


def installed(*, folder: Path | None = None) -> list[Wired]:
    """How every hook that ships stands in every file that we wired or would wire for the user. Nothing is written."""
    home = paths.home()
    scripts = runtime.scripts(home / "runtime" / "hooks")
    found: list[Wired] = []
    for target in _known(manifest.load(home), folder or Path.cwd()):
        rows = [(row.event, row.script) for row in wiring.rows(target.host, scripts or sorted(wiring.SCRIPTS))]
        if target.host == "claude":
            rows.append(("statusLine", wiring.STATUSLINE))
        try:
            document = change.document_of(target, look(target))
        except SettingsError as fault:
            found += [_wired(target, event, script, {}, fault.message) for event, script in rows]
        else:
            found += [_wired(target, event, script, document) for event, script in rows]
    return found


def _wired(target: Target, event: str, script: str, document: plan.Document, problem: str = "") -> Wired:
    home = paths.home()
    if event == "statusLine":
        line = document.get("statusLine")
        commands = [line.get("command")] if isinstance(line, dict) else []
    else:
        commands = [handler.get("command") for at, _, handler in plan.handlers(document) if at == event]
    ours = next((words for words in commands if wiring.mentions(words) == script), None)
    expected = wiring.command(target.host, script, interpreter=runtime.interpreter(), home=str(home))
    words = ours if isinstance(ours, str) else expected
    interpreter, file = wiring.files_in(words)
    return Wired(
        target.host,
        target.scope,
        str(target.path),
        event,
        script,
        is_present=ours is not None,
        is_current=ours == expected,
        has_script=os.path.isfile(file),
        has_interpreter=os.access(interpreter, os.X_OK),
        problem=problem,
    )


class _Installer:
    """What every target of one install shares."""

    def __init__(self, home: Path, folder: Path, scripts: list[str]) -> None:
        self.home = home
        self.folder = folder
        self.scripts = scripts
        self.interpreter = runtime.interpreter()

    def work_out(self, target: Target, entries: manifest.Entries) -> Change:
        commands = {
            script: wiring.command(target.host, script, interpreter=self.interpreter, home=str(self.home))
            for script in self.scripts
        }
        words = commands.get(wiring.STATUSLINE)

        def tap(document: plan.Document, baseline: plan.Document) -> change.Tap:
            if target.host == "codex":
                return change.Tap(None, None, tuple(codex.notes()))
            notes = tuple(claude.notes(target, document, self.folder))
            if words is None:
                return change.Tap(None, None, notes)
            below = claude.below(target, self.folder)
            chosen = claude.tap(target, words, document=document, baseline=baseline, below=below, entries=entries)
            return chosen._replace(notes=chosen.notes + notes)

        return change.install(
            target,
            seen=look(target),
            entry=entries.get(str(target.path)),
            home=self.home,
            rows=wiring.rows(target.host, self.scripts),
            commands=commands,
            tap=tap,
        )


def _leaving(home: Path, target: Target, entries: manifest.Entries) -> Change:
    seen = look(target)
    entry = entries.get(str(target.path))
    new = change.without_us(target, seen=seen, entry=entry, home=home)
    notes: tuple[str, ...] = ()
    if target.host == "codex" and new != seen:
        notes = tuple(codex.moved(change.document_of(target, seen)))
    if new is not None and any(f"/runtime/hooks/{script}".encode() in new for script in wiring.SCRIPTS):
        notes += (f"A command of your own in {target.path} still names a governor hook; it now does nothing.",)
    return Change(target, seen, new, new, False, None, notes)


def _apply(
    home: Path,
    target: Target,
    entries: manifest.Entries,
    work_out: Callable[[Target, manifest.Entries], Change],
    *,
    leaving: bool = False,
) -> Outcome:
    for _ in range(ATTEMPTS):
        todo = work_out(target, entries)
        try:
            if leaving:
                _write(todo, entries)
                _forget(home, target, entries, todo)
            else:
                _remember(home, target, entries, todo)
                made = _write(todo, entries)
                _remember(home, target, entries, todo, made)
        except ChangedMeanwhileError:
            continue
        return _outcome(todo, done=True)
    raise SettingsError(f"{target.path} kept changing while it was being edited; it was left alone.", target.again)


def _write(todo: Change, entries: manifest.Entries) -> list[str]:
    if todo.is_none:
        return []
    if todo.new is not None:
        return swap(todo.target, seen=todo.seen, new=todo.new)
    assert todo.seen is not None  # is_none otherwise
    entry = entries.get(str(todo.target.path))
    remove(todo.target, seen=todo.seen, made=list(entry.made) if entry else [])
    return []


def _remember(
    home: Path, target: Target, entries: manifest.Entries, todo: Change, made: list[str] | None = None
) -> None:
    """Record how to undo a change: before it is made, and the folders made for it afterwards."""
    old = entries.get(str(target.path))
    backup = manifest.keep(home, target, todo.baseline)
    entries[str(target.path)] = manifest.Entry(
        host=target.host,
        scope=target.scope,
        path=str(target.path),
        after=manifest.digest(todo.new or b""),
        backup=backup,
        made=(old.made if old else ()) + tuple(made or ()),
        is_tapped=todo.is_tapped,
        chained=todo.line["command"] if todo.is_tapped and todo.line else None,
    )
    if todo.is_tapped and todo.line is not None:
        _write_letter(home, todo.line)
    manifest.save(home, entries)
    if old and old.backup and old.backup != backup:
        manifest.forget_backup(home, old.backup)


def _forget(home: Path, target: Target, entries: manifest.Entries, todo: Change) -> None:
    entry = entries.pop(str(target.path), None)
    manifest.save(home, entries)
    if entry and entry.backup and todo.new is not None and manifest.digest(todo.new)[:16] in entry.backup:
        manifest.forget_backup(home, entry.backup)
    if not any(other.chained for other in entries.values()):
        (home / "letters" / CHAIN_LETTER).unlink(missing_ok=True)


def _write_letter(home: Path, line: dict[str, object]) -> None:
    import json

    content = {"version": 1, "command": line["command"]}
    if "padding" in line:
        content["padding"] = line["padding"]
    hook.write_private(str(home / "letters" / CHAIN_LETTER), b"speak\n" + json.dumps(content).encode())


def _outcome(todo: Change, *, done: bool) -> Outcome:
    target = todo.target
    lines = [(raw or b"").decode().splitlines(keepends=True) for raw in (todo.seen, todo.new)]
    names = [os.devnull if raw is None else str(target.path) for raw in (todo.seen, todo.new)]
    diff = "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(*lines, *names)
    )
    return Outcome(target.host, target.scope, str(target.path), done and not todo.is_none, diff, todo.notes)


def _chosen(hosts: tuple[Host, ...], scope: Scope, folder: Path) -> list[Target]:
    if scope != "user" and "codex" in hosts:
        raise BadInputError("Codex is wired for the user only, not for a project.", "governor install --codex")
    named = hosts or (("claude",) if scope != "user" else ())
    found: list[Target] = []
    if "claude" in named or (not named and claude.is_here()):
        found += claude.targets(scope, folder)
    if "codex" in named or (not named and codex.is_here()):
        found.append(codex.target())
    if not found:
        looked = ", ".join(str(place) for place in (*paths.claude_homes(), paths.codex_home()))
        raise BadInputError(
            f"Neither client was found here (looked for {looked}).", "governor install --claude, or --codex, to wire it anyway"
        )
    return found


def _known(entries: manifest.Entries, folder: Path) -> list[Target]:
    """What we wired, and what we would wire for this user and folder: settings are also copied about by hand."""
    found = {str(target.path): target for target in manifest.targets(entries)}
    scopes: tuple[Scope, ...] = ("user", "project", "local")
    for scope in scopes:
        for target in claude.targets(scope, folder):
            if scope == "user" or target.path.exists():
                found.setdefault(str(target.path), target)
    found.setdefault(str(codex.target().path), codex.target())
    return list(found.values())


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One install or uninstall at a time. Raises: StateError after ten seconds of waiting for another."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(home / "install.lock", timeout=10):
            yield
    except Timeout as fault:
        raise StateError("Another governor install or uninstall is at work.", "governor install") from fault
