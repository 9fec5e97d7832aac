"""The quality canary at work: in the background refresh, over a sample of sessions, a few megabytes at a time.

Never in a hook, and never before a command that shows figures. What it finds is kept as counts per day; what follows
from them is worked out by ``canary`` once it has caught up, and left in the ledger for whoever shows it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from governor import paths
from governor.config import Settings
from governor.errors import StateError
from governor.ledger import canary_counts, costs, store
from governor.ledger.store import Ledger
from governor.model import Cursor
from governor.review import canary, quality
from governor.transcripts import tail

LOOK_BYTES = 8 * 2**20  # a twentieth of a second
DAY_MS = 86_400_000
KEPT_DAYS = 120
STILL_S = 2 * 86_400  # a request that comes back later than this is no impatience
GOVERNS = ("router", "pacing", "memory", "budgets", "spawn", "degrade", "loop", "tiers", "compaction")

Due = tuple[str, tail.FoundFile]  # the canary's name for a transcript, and the transcript


def look(ledger: Ledger, settings: Settings, *, now: int, budget: int = LOOK_BYTES) -> bool:
    """Count what is new in the sampled sessions, up to ``budget`` bytes. True when nothing is left to read.

    Raises: StateError where the ledger cannot be written.
    """
    values = settings.values
    key = [canary_counts.stamp(ledger), now * 1000 // DAY_MS, _governing(settings), values["canary"]]
    known = json.dumps(key, sort_keys=True)
    if ledger.fact("watched") == known:
        return True
    labels = _policies(ledger, settings, now=now)
    due = waiting(ledger, settings)
    if due:
        try:
            with store.lock(ledger.path):
                due = _read(ledger, waiting(ledger, settings), labels, budget)
        except TimeoutError:
            return False
    if not due:
        _judge(ledger, settings, labels, now=now)
        with ledger.transaction():
            ledger.set_fact("watched", known)
    return not due


def waiting(ledger: Ledger, settings: Settings) -> list[Due]:
    """The sampled transcripts with something new in them, the newest first."""
    share = float(settings.values["canary"]["sample"])
    if share <= 0:
        return []
    seen = canary_counts.seen(ledger)
    due = []
    for path, inode, size, mtime_ns in canary_counts.transcripts(ledger):
        lane, session = quality.session_of(path)
        name = PurePath(path).name.removesuffix(tail.PACKED) if lane == "codex" else path
        if seen.get(name) != (size, mtime_ns) and is_sampled(session, share):
            due.append((name, tail.FoundFile(path, inode, size, mtime_ns)))
    return due


def is_sampled(session: str, share: float) -> bool:
    """A stable choice: the same sessions at every look, and more of them where the share grows."""
    return int.from_bytes(blake2b(session.encode("utf-8", "replace"), digest_size=4).digest(), "big") < share * 2**32


def _read(ledger: Ledger, due: list[Due], labels: list[tuple[int, str]], budget: int) -> list[Due]:
    """What is still to be read afterwards."""
    owner = canary_counts.owners(ledger)
    for place, (name, file) in enumerate(due):
        if budget <= 0:
            return due[place:]
        known = canary_counts.cursor(ledger, name)
        try:
            if known is not None and file.path.endswith(tail.PACKED):
                raise FileNotFoundError  # the same thread, compressed since: it has ended, and was read
            found = quality.read(file, known, limit=budget, owner=owner)
        except OSError:
            canary_counts.keep(ledger, name, Cursor(*file, 0, 0, {}), ())
            continue
        lane, _ = quality.session_of(file.path)
        counts = [
            ((lane, one.model, _label(labels, one.at_ms), one.at_ms // DAY_MS), one.field) for one in found.counts
        ]
        canary_counts.keep(ledger, name, found.cursor, counts)
        budget -= found.size
        if found.cursor.size != file.size:
            return due[place:]
    return []


# ---- policies --------------------------------------------------------------------------------------------------------


def version_of(settings: Settings) -> str:
    """A short name for what governs: the settings that act, the governor's version, whether the hooks are wired."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("quota-governor")
    except PackageNotFoundError:
        release = ""
    return blake2b(json.dumps([_governing(settings), release], sort_keys=True).encode(), digest_size=4).hexdigest()


def _governing(settings: Settings) -> list[Any]:
    return [{name: settings.values[name] for name in GOVERNS}, (paths.home() / "install.json").exists()]


def _policies(ledger: Ledger, settings: Settings, *, now: int) -> list[tuple[int, str]]:
    """(since, label) of every policy version known, oldest first; one that comes back is another one."""
    try:
        kept = json.loads(ledger.fact("policies") or "[]")
        labels = [(int(since), str(label)) for since, label in kept]
    except (ValueError, TypeError):
        labels = []
    version = version_of(settings)
    if not labels or labels[-1][1].partition("#")[0] != version:
        again = sum(label.partition("#")[0] == version for _, label in labels)
        labels.append((now, f"{version}#{again + 1}" if again else version))
        with ledger.transaction():
            ledger.set_fact("policies", json.dumps(labels[-50:]))
    return labels


def _label(labels: list[tuple[int, str]], at_ms: int) -> str:
    place = bisect_right([since * 1000 for since, _ in labels], at_ms)
    return labels[place - 1][1] if place else ""


# ---- what follows ----------------------------------------------------------------------------------------------------


def _judge(ledger: Ledger, settings: Settings, labels: list[tuple[int, str]], *, now: int) -> None:
    """Compare, at most once a day and settings: days that are not over count nothing."""
    today = now * 1000 // DAY_MS
    key = [today, labels[-1][1], settings.values["canary"]]
    try:
        if json.loads(ledger.fact("canary") or "{}").get("key") == key:
            return
    except (ValueError, AttributeError):
        pass
    canary_counts.forget(ledger, (now - STILL_S) * 10**9)
    days = costs.quality(ledger, today - KEPT_DAYS)
    share = float(settings.values["canary"]["false_alarms"])
    found = canary.watch(days, ["", *(label for _, label in labels)], today=today, false_alarms=share)
    with ledger.transaction():
        worse = [one.sentence for one in found if one.is_alarm]
        ledger.set_fact("canary", json.dumps({"key": key, "worse": worse, "found": [one._asdict() for one in found]}))


def refreshed(ledger: Ledger, settings: Settings, *, now: int) -> None:
    """``look`` for the background: a ledger that cannot be written now is looked at next time."""
    try:
        look(ledger, settings, now=now)
    except StateError:
        pass
