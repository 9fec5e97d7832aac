"""Wiring the hooks and the statusLine tap into the clients, and leaving without a trace.

``install`` and ``uninstall`` compose the rooms beside this one: ``wiring`` says what, ``plan`` and ``edit`` what a
file becomes, ``carry_out`` and ``target`` make it so, ``manifest`` remembers how to undo it, ``way_back`` finds that
when the record is lost, ``runtime`` holds what the hooks run from, ``standing`` says how things are. Every file stands
for itself: one that cannot be read or parsed is left alone and named, and the others are wired.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from governor import config, paths
from governor.errors import BadInputError, GovernorError, SettingsError, StateError
from governor.install import carry_out, ceiling, change, claude, codex, manifest, plan, runtime, wiring
from governor.install.carry_out import FileOutcome
from governor.install.change import FileChange
from governor.install.standing import Wired, adopted, installed, known
from governor.install.target import Scope, Target, look, writable
from governor.install.wiring import Host

__all__ = ["FileOutcome", "Host", "Scope", "Target", "Wired", "follow", "install", "installed", "preview", "uninstall"]


def install(
    *, hosts: tuple[Host, ...] = (), scope: Scope = "user", folder: Path | None = None, dry_run: bool = False
) -> list[FileOutcome]:
    """Wire the clients named, or those that are here; once, however often it is called.

    A file that cannot be wired does not keep the others from it: its outcome carries the fault.

    Raises: BadInputError where there is nothing to wire; SettingsError where no file could be wired, and then nothing
    was changed; StateError where our own folder cannot be written.
    """
    folder = folder or Path.cwd()
    home = paths.home()
    targets = _chosen(hosts, scope, folder)
    source = runtime.source_hooks()
    scripts, on = runtime.scripts(source), wiring.switched_on(config.in_force(keep=False).values)

    def work_out(target: Target, entries: manifest.Entries) -> FileChange:
        return _arriving(target, entries, home=home, folder=folder, scripts=scripts, on=on)

    def look_ahead(target: Target, entries: manifest.Entries) -> FileOutcome:
        return carry_out.outcome(work_out(target, entries), done=False)

    if dry_run:
        entries = adopted(home, folder)
        return _each(targets, lambda target: look_ahead(target, entries))
    paths.claim_home()
    with _alone(home):
        entries = adopted(home, folder)
        ceiling.release(home)  # or a borrowed value would be taken for the person's; the next refresh sets it again

        def wire(target: Target) -> FileOutcome:
            return carry_out.arrive(home, target, entries, work_out)

        def check(target: Target) -> FileOutcome:
            ahead = look_ahead(target, entries)
            writable(target, Path(os.path.realpath(target.path)))
            return ahead

        _each(targets, check)  # raises where none can be wired, before anything of ours is put in place
        runtime.stage(home, source)
        runtime.write_bell(home)
        runtime.forget_old_python(home)
        runtime.write_wired(home, on)
        return _each(targets, wire)


def preview(path: str, *, folder: Path | None = None) -> FileOutcome:
    """What an install would do to one file that was wired or would be; its fault where it cannot."""
    folder = folder or Path.cwd()
    home = paths.home()
    entries = adopted(home, folder)
    target = next(target for target in known(entries, folder) if str(target.path) == path)
    scripts, on = runtime.scripts(runtime.source_hooks()), wiring.switched_on(config.in_force().values)
    try:
        todo = _arriving(target, entries, home=home, folder=folder, scripts=scripts, on=on)
        writable(target, Path(os.path.realpath(target.path)))
    except SettingsError as fault:
        return _failed(target, fault)
    return carry_out.outcome(todo, done=False)


def follow(settings: config.Settings) -> list[FileOutcome]:
    """Wire the files that are wired again, where the settings switched a guard on or off since; usually nothing to do.

    So a budget is held from the next refresh on, and no tool call starts a process while nothing wants to look. What
    was taken out by hand stays out until then. A file that cannot be changed is in the outcomes with its fault, and is
    tried again at the next refresh. Raises: StateError where the record of what is wired cannot be used.
    """
    home, on = paths.home(), wiring.switched_on(settings.values)
    if runtime.wired_for(home) in (None, on):
        return []
    scripts = runtime.scripts(home / "runtime" / "hooks")

    def work_out(target: Target, entries: manifest.Entries) -> FileChange:
        return _arriving(target, entries, home=home, folder=target.path.parent, scripts=scripts, on=on)

    outcomes = []
    with _alone(home):
        entries = manifest.load(home)
        ceiling.release(home)  # as in ``install``
        for target in manifest.targets(entries):
            try:
                outcomes.append(carry_out.arrive(home, target, entries, work_out))
            except GovernorError as fault:
                outcomes.append(_failed(target, fault))
        if not any(outcome.fault for outcome in outcomes):
            runtime.write_wired(home, on)
    return outcomes


def uninstall(
    *, hosts: tuple[Host, ...] = (), scope: Scope | None = None, folder: Path | None = None, dry_run: bool = False
) -> list[FileOutcome]:
    """Take our hooks out again, everywhere or where named, leaving each file as it would be without us.

    A file that cannot be changed does not keep the others from it: its outcome carries the fault. The hooks' own files
    go with the last wired file; what was measured stays.
    """
    folder = folder or Path.cwd()
    home = paths.home()

    def work_out(target: Target, entries: manifest.Entries) -> FileChange:
        return _leaving(target, entries, home=home)

    def each(entries: manifest.Entries) -> list[FileOutcome]:
        outcomes = []
        for target in known(entries, folder):
            if (hosts and target.host not in hosts) or (scope is not None and target.scope != scope):
                continue
            try:
                if dry_run:
                    outcomes.append(carry_out.outcome(work_out(target, entries), done=False))
                else:
                    outcomes.append(carry_out.leave(home, target, entries, work_out))
            except GovernorError as fault:
                outcomes.append(_failed(target, fault))
        return outcomes

    if dry_run:
        return each(adopted(home, folder))
    with _alone(home):
        entries = adopted(home, folder)
        if (not hosts or "claude" in hosts) and scope in (None, "user"):
            ceiling.release(home)
        outcomes = each(entries)
        if not any(outcome.fault for outcome in outcomes):
            carry_out.forget_restored(home, entries, [Path(outcome.path) for outcome in outcomes])
        if not entries and not any(outcome.fault for outcome in outcomes):
            runtime.unstage(home)
    return outcomes


def _each(targets: list[Target], do: Callable[[Target], FileOutcome]) -> list[FileOutcome]:
    """What became of every target, faults included. Raises: the first GovernorError where none succeeded."""
    outcomes = []
    for target in targets:
        try:
            outcomes.append(do(target))
        except SettingsError as fault:
            outcomes.append(_failed(target, fault))
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    if faults and len(faults) == len(outcomes):
        raise faults[0]
    return outcomes


def _failed(target: Target, fault: GovernorError) -> FileOutcome:
    return FileOutcome(target.host, target.scope, str(target.path), False, "", (), fault)


def _arriving(
    target: Target, entries: manifest.Entries, *, home: Path, folder: Path, scripts: list[str], on: frozenset[str]
) -> FileChange:
    interpreter = runtime.interpreter()
    commands = {
        script: wiring.command(target.host, script, interpreter=interpreter, home=str(home)) for script in scripts
    }

    def tap(document: plan.Document, baseline: plan.Document) -> change.StatusLinePlan:
        doubled = tuple(
            f"A command of your own in {target.path} runs {script}, which {wiring.ON_EVENT} runs too: take it out."
            for script in plan.wrapped_guards(document)
        )
        if target.host == "codex":
            return change.StatusLinePlan(None, None, (*doubled, *codex.notes()))
        notes = (*doubled, *claude.notes(target, document, folder))
        if wiring.STATUSLINE not in commands:
            return change.StatusLinePlan(None, None, notes)
        below = claude.below(target, folder)
        words = commands[wiring.STATUSLINE]
        chosen = claude.tap(target, words, document=document, baseline=baseline, below=below, entries=entries)
        return chosen._replace(notes=chosen.notes + notes)

    return change.install(
        target,
        seen=look(target),
        entry=entries.get(str(target.path)),
        home=home,
        rows=wiring.rows(target.host, scripts, on),
        commands=commands,
        tap=tap,
    )


def _leaving(target: Target, entries: manifest.Entries, *, home: Path) -> FileChange:
    seen = look(target)
    new = change.without_us(target, seen=seen, entry=entries.get(str(target.path)), home=home)
    notes: list[str] = []
    kept = entries.get(str(target.path))
    if kept is not None and (seen is None or not seen.strip()) and new != seen:
        notes.append(f"{target.path} was empty or gone. It is again what it was before the install.")
    elif kept is not None and new != seen and change.is_wiped(change.document_of(target, seen), kept):
        notes.append(f"The statusLine that stood in {target.path} before the install is back in it.")
    if target.host == "codex" and new != seen:
        notes += codex.moved(change.document_of(target, seen))
    if new is not None and any(f"/runtime/hooks/{script}".encode() in new for script in wiring.SCRIPTS):
        notes.append(f"A command of your own in {target.path} still names a governor hook, which will do nothing now.")
    if any(held.path == str(target.path) for held in ceiling.load(home).held):
        notes.append(
            f"{ceiling.KEY} in it is the governor's for now (compaction.enforce) and goes back to what it was."
        )
    return FileChange(target, seen, new, new, False, None, tuple(notes))


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
            f"Neither client was found (looked for {looked}).", "governor install --claude (or --codex) wires it anyway"
        )
    return found


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One install or uninstall at a time. Raises: StateError after ten seconds of waiting for another."""
    from filelock import FileLock, Timeout

    paths.claim_home()
    try:
        with FileLock(home / "install.lock", timeout=10):
            yield
    except Timeout as fault:
        raise StateError("Another governor install or uninstall is at work.", "governor doctor") from fault
