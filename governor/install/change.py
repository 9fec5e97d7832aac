"""From a file's bytes to the bytes it should hold: installing and uninstalling one target, worked out, not written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from governor.errors import SettingsError
from governor.install import edit, layout, manifest, plan, way_back, wiring
from governor.install.manifest import Entry
from governor.install.target import Target


class FileChange(NamedTuple):
    """What is to happen to one file."""

    target: Target
    seen: bytes | None
    new: bytes | None  # None: no file
    baseline: bytes | None  # the file without us; None: no file
    is_tapped: bool
    line: dict[str, Any] | None  # the statusLine that our tap passes its stdin on to
    notes: tuple[str, ...] = ()

    @property
    def is_none(self) -> bool:
        return self.seen == self.new


class StatusLinePlan(NamedTuple):
    """What one target's statusLine is to become: ``words`` None leaves it alone."""

    words: str | None
    line: dict[str, Any] | None
    notes: tuple[str, ...] = ()


def document_of(target: Target, raw: bytes | None) -> plan.Document:
    """The settings in these bytes; no file, or an empty one, holds none. Raises: SettingsError, politely."""
    return _parsed(target, text_of(target, raw))


def install(
    target: Target,
    *,
    seen: bytes | None,
    entry: Entry | None,
    home: Path,
    rows: list[wiring.WiredCommand],
    commands: dict[str, str],
    tap: Callable[[plan.Document, plan.Document], StatusLinePlan],
) -> FileChange:
    """The file with our hooks in it, each once. Raises: SettingsError where it cannot be read as settings."""
    text = text_of(target, seen)
    if target.host == "codex" and text.startswith(layout.BOM):  # seen on 0.169; Claude Code reads past it
        raise _odd(target, "it begins with a byte order mark, which Codex does not read past")
    document = _parsed(target, text)
    baseline = without_us(target, seen=seen, entry=entry, home=home)
    try:
        after = plan.wired(document, rows, commands)
    except plan.ShapeError as fault:
        raise _odd(target, str(fault)) from fault
    choice = tap(document, _parsed(target, text_of(target, baseline)))
    if choice.words is not None:
        words = wiring.with_own_line(choice.words, (choice.line or {}).get("command"))
        after["statusLine"] = plan.tapped(document.get("statusLine") or choice.line, words)
    is_same = edit.same(document, after)
    new = seen if is_same else edit.patch(text, after).encode()
    return FileChange(target, seen, new, baseline, plan.has_tap(after), choice.line, choice.notes)


def without_us(target: Target, *, seen: bytes | None, entry: Entry | None, home: Path) -> bytes | None:
    """The file as it would stand had we never touched it: to the byte while nobody else wrote, else ours taken out.

    A file that was emptied or removed since, in a folder that is still there, is what it was before us: a client that
    wiped its settings wiped ours with them, and the backup is the last copy.
    """
    backup = None if entry is None else manifest.kept(home, entry)
    if seen is None and (backup is None or not target.path.parent.is_dir()):
        return None
    text = text_of(target, seen)
    document = _parsed(target, text)
    if not document and backup is not None:
        return backup
    original = way_back.of(target, seen=seen or b"", document=document, entry=entry, home=home)
    if original is not None:
        return original.raw
    guide = text_of(target, backup)
    before = _parsed(target, guide)
    after = plan.unwired(document, before)
    if plan.has_tap(document):
        _give_line_back(target, document, after, guide, entry=entry, home=home, is_known=backup is not None)
    elif is_wiped(document, entry) and (line := plan.foreign_line(before)) is not None:
        after["statusLine"] = {**line, "command": _as_written(guide)}
    if edit.same(document, after):
        return seen
    if not after and entry is not None and entry.backup is None:
        return None
    return edit.patch(text, after).encode()


def is_wiped(document: plan.Document, entry: Entry | None) -> bool:
    """Did everything of ours go at once from a file that our statusLine stood in? Then a client wrote it anew."""
    is_tapped = entry is not None and entry.is_tapped
    return (
        is_tapped and document.get("statusLine") is None and not any(map(wiring.mentions, way_back.commands(document)))
    )


def _give_line_back(
    target: Target,
    document: plan.Document,
    after: plan.Document,
    guide: str,
    *,
    entry: Entry | None,
    home: Path,
    is_known: bool,
) -> None:
    """Put the person's statusLine back in the place of ours. ``is_known``: ``guide`` is what the file held."""
    before = _parsed(target, guide)
    own = None if is_known else way_back.own_line(target, document, entry=entry, home=home)
    if plan.foreign_line(before) is not None:
        after["statusLine"]["command"] = _as_written(guide)
    elif own is not None and not (entry is not None and entry.backup is None):
        after["statusLine"]["command"] = own
    elif "statusLine" in before:
        after["statusLine"] = before["statusLine"]
    else:
        del after["statusLine"]


def _as_written(guide: str) -> layout.Raw:
    return layout.Raw(edit.literal(guide, ("statusLine", "command")))


def text_of(target: Target, raw: bytes | None) -> str:
    """The settings' own text; of no file, or an empty one, the text to begin with. Raises: SettingsError."""
    try:
        text = (raw or b"").decode()
    except UnicodeDecodeError as fault:
        raise _odd(target, f"byte {fault.start} is not UTF-8") from fault
    return text if text.strip(layout.BLANKS + layout.BOM) else "{}\n"


def _parsed(target: Target, text: str) -> plan.Document:
    try:
        return plan.as_document(edit.parse(text))
    except (edit.NotPlainJSONError, plan.ShapeError) as fault:
        raise _odd(target, str(fault)) from fault


def _odd(target: Target, why: str) -> SettingsError:
    return SettingsError(
        f"{target.path} was left alone: {why}. The client wants strict JSON, so it may not be reading the file either.",
        f"${{EDITOR:-vi}} {target.path}, then: {target.again}",
    )
