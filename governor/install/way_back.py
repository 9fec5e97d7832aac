"""What a wired file held before us, wherever that is still known: our record, another's, the backups, the file itself.

A config folder is moved, a home renamed, settings are copied from another machine, a record is lost, a client writes an
empty file over the settings. The person's own bytes are looked for in this order: the record of this path, any record
whose wired bytes are these, any backup that becomes these bytes with our wiring. Records are also looked for in the
state folders that the file's own commands name. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from governor.errors import StateError
from governor.install import edit, layout, manifest, plan, wiring
from governor.install.manifest import Entries, Entry
from governor.install.target import Target


class Original(NamedTuple):
    """The bytes of a file without us; None: there was no file."""

    raw: bytes | None


def of(target: Target, *, seen: bytes, document: plan.Document, entry: Entry | None, home: Path) -> Original | None:
    """What the file held before us, to the byte; None where somebody wrote to it since, or nothing is known.

    ``document`` is what ``seen`` says.
    """
    after = manifest.digest(seen)
    if entry is not None and entry.after == after and (original := _kept(home, entry)):
        return original
    if not any(wiring.script_in(words) for words in commands(document)):
        return None
    homes = [home, *_named(document, home)]
    for folder in homes:
        for other in _entries(folder).values():
            if other.host == target.host and other.after == after and (original := _kept(folder, other)):
                return original
    for _, raw in backups(target, homes):
        if _becomes(raw, document, seen):
            return Original(raw)
    return None


def own_line(target: Target, document: plan.Document, *, entry: Entry | None, home: Path) -> str | None:
    """The statusLine command that ours stands in place of, where the file as it was is not known any more."""
    words = document["statusLine"]["command"]
    carried = wiring.own_line_in(words)
    if carried is not None or target.scope != "user":
        return carried
    if entry is not None:
        return entry.chained
    homes = [home, *_named(document, home)]
    lines = {other.chained for folder in homes for other in _entries(folder).values() if other.chained}
    lines = lines or {line for _, raw in backups(target, homes) if (line := _line_of(raw))}
    return lines.pop() if len(lines) == 1 else None


def adopt(entries: Entries, targets: list[Target], read: dict[str, bytes]) -> None:
    """Records whose file went away follow it: to the wired file of a target that has no record yet.

    ``read`` holds the bytes of each target by path. Where several records would fit, only the very bytes decide.
    """
    for target in targets:
        path = str(target.path)
        raw = read.get(path)
        if raw is None or path in entries or b"/runtime/hooks/" not in raw:
            continue
        lost = [
            entry
            for entry in entries.values()
            if (entry.host, entry.scope) == (target.host, target.scope) and entry.path not in read
        ]
        same = [entry for entry in lost if entry.after == manifest.digest(raw)]
        chosen = same or (lost if len(lost) == 1 else [])
        if chosen:
            del entries[chosen[0].path]
            entries[path] = chosen[0]._replace(path=path, made=())


def backups(target: Target, homes: list[Path]) -> Iterator[tuple[Path, bytes]]:
    """Every unspoilt backup of this client's settings, and where it lies."""
    for folder in homes:
        for path in sorted((folder / "backups").glob(f"{target.host}-{target.scope}-*.json")):
            try:
                raw = path.read_bytes()
            except OSError:
                continue
            if manifest.is_of(path.name, raw):
                yield path, raw


def commands(document: plan.Document) -> Iterator[object]:
    """Every command in a settings document: its hooks' and its statusLine's."""
    line = document.get("statusLine")
    if isinstance(line, dict):
        yield line.get("command")
    for _, _, handler in plan.handlers(document):
        yield handler.get("command")


def _kept(home: Path, entry: Entry) -> Original | None:
    """The bytes that this record put aside; None where they are gone or spoilt."""
    if entry.backup is None:
        return Original(None)
    raw = manifest.kept(home, entry)
    return None if raw is None else Original(raw)


def _entries(home: Path) -> Entries:
    try:
        return manifest.load(home)
    except StateError:
        return {}


def _named(document: plan.Document, home: Path) -> list[Path]:
    """The other state folders that the commands of ours in this document name."""
    named = dict.fromkeys(folder for words in commands(document) if (folder := wiring.home_in(words)))
    return [Path(folder) for folder in named if folder != str(home) and Path(folder).is_absolute()]


def _becomes(raw: bytes, document: plan.Document, seen: bytes) -> bool:
    """Does the backup, with our wiring and nothing else in it, come out as the very bytes that were seen?"""
    try:
        text = raw.decode()
        if not text.strip(layout.BLANKS + layout.BOM):
            text = "{}\n"
        before = plan.as_document(edit.parse(text))
        return edit.same(_unwired(document, before), before) and edit.patch(text, document).encode() == seen
    except ValueError:  # no UTF-8, no JSON, no settings
        return False


def _unwired(document: plan.Document, before: plan.Document) -> plan.Document:
    """The document without us, its statusLine's command as it was ``before``."""
    after = plan.unwired(document, before)
    if plan.has_tap(document):
        line = plan.foreign_line(before)
        if line is not None:
            after["statusLine"]["command"] = line["command"]
        elif "statusLine" in before:
            after["statusLine"] = before["statusLine"]
        else:
            del after["statusLine"]
    return after


def _line_of(raw: bytes) -> str | None:
    try:
        line = plan.foreign_line(plan.as_document(edit.parse(raw.decode())))
    except ValueError:  # no UTF-8, no JSON, no settings
        return None
    return None if line is None else str(line["command"])
