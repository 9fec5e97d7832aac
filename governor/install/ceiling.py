"""Context ceilings enforced on request: the client's own ``autoCompactWindow``, set for a while and given back.

With ``compaction.enforce`` a refresh sets it, in the person's own Claude settings, to the ceiling of the band the
projection is in (seen on 2.1.330: sessions started after that compact there). When the band relaxes, the setting is
switched off, the governor is switched off, or goes, the file becomes what it was: to the byte while nobody else wrote
to it, else only that one value. A person who changes the value meanwhile keeps theirs: we do not come back to that file
until the band has relaxed.

The record ``ceiling.json`` is written before a file is, so a crash in between leaves a way back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from governor import paths
from governor.errors import GovernorError, SettingsError
from governor.hooks import runtime
from governor.install import change, claude, edit, manifest
from governor.install.target import ChangedMeanwhileError, Target, look, remove, swap, writable
from governor.pipeline import policy
from governor.report import Report

KEY = "autoCompactWindow"
LEAST = 100_000  # tokens; the client takes nothing smaller (observed on 2.1.330)
VERSION = 1


class Held(NamedTuple):
    """One settings file whose value is ours for now. ``before`` and ``after`` are digests of the whole file."""

    path: str
    ours: int
    tried: tuple[int, ...]  # every value of ours: a crash may have left an earlier one standing
    existed: bool
    had: Any  # the person's own value; None: there was none
    before: str
    after: str
    made: tuple[str, ...]  # folders made for a file that did not exist


class State(NamedTuple):
    """What is in force. ``yielded``: files whose owner changed the value, left alone until the band relaxes."""

    ceiling: int | None = None
    held: tuple[Held, ...] = ()
    yielded: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def load(home: Path) -> State:
    """What is in force; nothing where there is no record, or none that can be read."""
    try:
        content = json.loads((home / "ceiling.json").read_bytes())
        if content["version"] != VERSION:
            return State()
        lists = ("made", "tried")
        held = tuple(Held(**{**each, **{name: tuple(each[name]) for name in lists}}) for each in content["held"])
        return State(content["ceiling"], held, tuple(content["yielded"]), tuple(content["faults"]))
    except (OSError, ValueError, KeyError, TypeError):
        return State()


def settle(landing: float | None, *, enforce: bool, home: Path, now: int) -> None:
    """Bring the person's settings in line with where the projection lands (percent of the cap; None: unknown).

    Never raises: what went wrong is kept for ``governor doctor`` and tried again at the next refresh.
    """
    if not enforce and not (home / "ceiling.json").exists():
        return
    try:
        entries = manifest.load(home)
        is_wired = any(entry.host == "claude" for entry in entries.values())
        enforce = enforce and is_wired and runtime.off_by(str(home), now) is None
        with _alone(home):
            before = load(home)
            ceiling = policy.held(before.ceiling, landing) if enforce else None
            after = _settled(home, before, ceiling)
            if after == before:
                return
            _save(home, after)
            if after.ceiling != before.ceiling:
                _record(home, after, landing, now=now)
    except (OSError, GovernorError):
        pass  # unwritable state, or an install at work: the next refresh looks again


def release(home: Path) -> list[str]:
    """Give every file back now, for an install or uninstall that is about to touch it; what could not be given back.

    Raises: OSError where the record cannot be written.
    """
    before = load(home)
    if before == State():
        return []
    after = _settled(home, before, None)
    _save(home, after)
    return list(after.faults)


def landing_of(report: Report) -> float | None:
    """The worst landing of Claude's windows that is more than a first day's guess."""
    for lane in report.lanes:
        if lane.lane == "claude":
            main = [w for w in lane.windows if ":" not in w.window.name]  # a family's window is not every session's
            sure = [w.projection for w in main if w.projection and w.projection.confidence != "none"]
            return max((guess.p50 for guess in sure if guess.p50 is not None), default=None)
    return None


def _settled(home: Path, state: State, ceiling: int | None) -> State:
    held = {each.path: each for each in state.held}
    yielded = set(state.yielded) if ceiling is not None else set()
    faults = []
    targets = {str(target.path): target for target in claude.targets("user", Path.cwd())} if ceiling is not None else {}
    for path in held:
        targets.setdefault(path, Target("claude", "user", Path(path)))
    for path, target in targets.items():
        try:
            mine = held.pop(path, None)
            new = _give_back(home, target, mine) if ceiling is None else _hold(home, target, mine, ceiling, yielded)
            if new is not None:
                held[path] = new
        except (SettingsError, ChangedMeanwhileError, OSError) as fault:
            faults.append(fault.message if isinstance(fault, SettingsError) else f"{path} could not be changed.")
            if mine is not None:
                held[path] = mine
    return State(ceiling, tuple(held.values()), tuple(sorted(yielded)), tuple(faults))


def _hold(home: Path, target: Target, mine: Held | None, ceiling: int, yielded: set[str]) -> Held | None:
    """One file with the ceiling in it; None where it is the person's affair."""
    seen = look(target)
    document = change.document_of(target, seen)
    theirs = document.get(KEY)
    if mine is not None and manifest.digest(seen or b"") == mine.before:
        mine = None  # recorded, but never written
    if mine is not None and theirs not in mine.tried:
        yielded.add(str(target.path))
        _forget(home, mine)
        return None
    if mine is not None and theirs == ceiling:
        return mine
    if str(target.path) in yielded or not target.path.parent.is_dir():
        return None
    if mine is None and theirs is not None and (type(theirs) is not int or LEAST <= theirs <= ceiling):
        return None
    writable(target, Path(target.path).resolve())
    start, is_whole = _without(home, mine, seen)
    new = edit.patch(change.text_of(target, start), {**change.document_of(target, start), KEY: ceiling}).encode()
    if mine is None:
        mine = Held(str(target.path), ceiling, (), seen is not None, theirs, manifest.digest(seen or b""), "", ())
        if seen is not None:
            runtime.write_private(str(_backup(home, mine)), seen)
    after = manifest.digest(new) if is_whole else ""
    mine = mine._replace(ours=ceiling, tried=(*mine.tried, ceiling), after=after)
    state = load(home)  # the way back first
    _save(home, state._replace(held=(*(each for each in state.held if each.path != mine.path), mine)))
    made = swap(target, seen=seen, new=new)
    return mine._replace(made=(*mine.made, *made))


def _without(home: Path, mine: Held | None, seen: bytes | None) -> tuple[bytes | None, bool]:
    """(the bytes to write a ceiling into, whether nobody but us changed the file since it was the person's own)."""
    if mine is None:
        return seen, True
    if seen is None or manifest.digest(seen) != mine.after:
        return seen, False
    original = _original(home, mine) if mine.existed else None
    return (original, True) if original is not None or not mine.existed else (seen, False)


def _give_back(home: Path, target: Target, mine: Held | None) -> Held | None:
    """One file as it was; always None: nothing of ours is left in it."""
    if mine is None:
        return None
    seen = look(target)
    if seen is not None and manifest.digest(seen) != mine.before:
        original = _original(home, mine)
        if manifest.digest(seen) == mine.after and not mine.existed:
            remove(target, seen=seen, made=list(mine.made))
        elif manifest.digest(seen) == mine.after and original is not None:
            swap(target, seen=seen, new=original)
        else:
            document = change.document_of(target, seen)
            if document.get(KEY) in mine.tried:
                after = {name: value for name, value in document.items() if name != KEY or mine.had is not None}
                if mine.had is not None:
                    after[KEY] = mine.had
                swap(target, seen=seen, new=edit.patch(change.text_of(target, seen), after).encode())
    _forget(home, mine)
    return None


def _backup(home: Path, mine: Held) -> Path:
    return home / "backups" / f"ceiling-{manifest.digest(mine.path.encode())[:16]}.json"


def _original(home: Path, mine: Held) -> bytes | None:
    """The file's bytes without us, while they are still what they were."""
    try:
        raw = _backup(home, mine).read_bytes()
    except OSError:
        return None
    return raw if manifest.digest(raw) == mine.before else None


def _forget(home: Path, mine: Held) -> None:
    manifest.forget_backup(home, _backup(home, mine).name)


def _save(home: Path, state: State) -> None:
    file = home / "ceiling.json"
    if state == State():
        file.unlink(missing_ok=True)
        return
    content = {**state._asdict(), "version": VERSION, "held": [each._asdict() for each in state.held]}
    runtime.write_private(str(file), json.dumps(content, indent=2).encode() + b"\n")


def _record(home: Path, state: State, landing: float | None, *, now: int) -> None:
    word = "ceiling" if state.ceiling is not None else "relaxed"
    said = {"at": now, "hook": "compaction", "lane": "claude", "decision": word, "rule": "compaction.enforce"}
    numbers = {"tokens": state.ceiling, "landing": None if landing is None else round(landing, 1)}
    runtime.append(str(home), "decisions.jsonl", json.dumps({**said, **numbers, "files": len(state.held)}).encode())


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Not while somebody installs. Raises: GovernorError when somebody does."""
    from filelock import FileLock, Timeout

    paths.claim_home()
    try:
        with FileLock(home / "install.lock", timeout=1):
            yield
    except Timeout as fault:
        raise SettingsError("Another governor is at work on the settings.", "governor doctor") from fault
