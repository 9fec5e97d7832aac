"""The memory compactor's decision: an index in, a shorter one out, and what has to be kept elsewhere.

Claude Code loads an index only as far as its 200th line or its 25,000th character, and says nothing to the person
about the rest; what a model appends last is what is lost. So lines are shortened, and when the whole is still too
long the least recent entries go to a topic file next to the index. Nothing is ever dropped.

Least recent means, in this order: not part of the edit just made; then the day of the entry (the last change of the
topic file it links to, else the latest ISO date in its text, else that of the entry above it); then the place in the
file, from the top, because entries are appended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from governor.guards.cut import shorten
from governor.guards.entries import FIXED, Block, Line, lines_of, read

ARCHIVE = "memory-archive.md"
POINTER = f"- [Memory archive]({ARCHIVE}) — full text of shortened lines, and older entries; search it when in need"
_KEEP = f"]({ARCHIVE})"

_DAY = re.compile(r"\b(?:19|20)\d\d-[01]\d-[0-3]\d\b")
_LINKED = re.compile(r"\]\((?:\./)?([^()\s#/\\]+)")


class Limits(NamedTuple):
    """What an index is held to.

    The client cuts at 200 lines and at 25,000 UTF-16 units of the trimmed text (2.1.330; 24,955 bytes were once seen
    to pass and 25,074 not). Bytes are counted here, which never come out fewer.
    """

    line_chars: int = 350
    max_lines: int = 200
    max_bytes: int = 24_900

    @classmethod
    def from_letter(cls, letter: Mapping[str, Any]) -> Limits:
        """The person's limits; a missing, odd or uselessly small one falls back to the default."""
        floors = {"line_chars": len(POINTER), "max_lines": 20, "max_bytes": 2_000}
        chosen = {}
        for name, floor in floors.items():
            value = letter.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= floor:
                chosen[name] = value
        return cls(**chosen)


class Size(NamedTuple):
    lines: int
    bytes: int

    def fits(self, limits: Limits) -> bool:
        return self.lines <= limits.max_lines and self.bytes <= limits.max_bytes


class Removed(NamedTuple):
    """The full text of what the index no longer says in full."""

    section: str  # the heading it stood under, "" before the first
    lines: tuple[str, ...]


class Compaction(NamedTuple):
    """``text`` is the index as it should be; equal to the original where there is nothing to do."""

    text: str
    removed: tuple[Removed, ...]
    shortened: int  # lines
    moved: int  # entries
    size: Size
    fits: bool  # False: headings, front matter and introduction alone are over the limits


class Edit(NamedTuple):
    """A file that a tool call says it changed. Untrusted."""

    path: str
    fresh: frozenset[str]  # the lines it wrote, stripped; empty where it wrote the whole file


def size_of(text: str) -> Size:
    """Lines and UTF-8 bytes. A newline at the end opens no further line."""
    return _size(lines_of(text))


def _size(lines: Sequence[Line]) -> Size:
    return Size(len(lines), sum(len((body + end).encode("utf-8", "surrogateescape")) for body, end in lines))


def compact(
    text: str,
    limits: Limits = Limits(),  # noqa: B008 - an immutable value
    *,
    fresh: frozenset[str] = frozenset(),
    days: Mapping[str, str] | None = None,
) -> Compaction:
    """Hold an index within its limits. ``days`` tells when topic files last changed: name -> ISO day.

    Idempotent: ``compact(compact(t).text).text == compact(t).text``. Headings, front matter, fences and links stay as
    they are; every other line ends up within ``line_chars`` unless a single word or link is longer. When entries have
    to go, a little more goes than must (up to a twentieth of the limit), so that the next edits fit without another.
    """
    bom, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    lines = lines_of(text)
    removed: list[Removed] = []
    shortened = moved = 0
    while True:  # a second round only where the first took away what a fence or heading hung on
        step = _step(lines, limits, fresh, days or {}, len(bom.encode()))
        if step is None:
            break
        lines, taken, cut_lines, moved_entries = step
        removed += taken
        shortened += cut_lines
        moved += moved_entries
    size = _size([Line(bom, ""), *lines]) if bom else _size(lines)
    size = Size(len(lines), size.bytes)
    return Compaction(
        bom + "".join(map("".join, lines)), tuple(removed), shortened, moved, size, size.fits(limits)
    )


def _step(
    lines: list[Line], limits: Limits, fresh: frozenset[str], days: Mapping[str, str], extra: int
) -> tuple[list[Line], list[Removed], int, int] | None:
    """One round: (lines, what was taken, lines shortened, entries moved), or None where nothing is to be done."""
    bodies = [line.body for line in lines]
    blocks, rigid = read(bodies, keep=_KEEP)
    cut = [
        line if at in rigid or len(line.body) <= limits.line_chars else line._replace(body=shorten(line.body, limits.line_chars))
        for at, line in enumerate(lines)
    ]
    changed = {at for at, line in enumerate(cut) if line != lines[at]}
    has_pointer = any(_KEEP in body for body in bodies)
    unended = bool(lines) and not lines[-1].ending

    def without(gone: frozenset[int]) -> list[Line]:
        kept = _assembled(cut, blocks, gone)
        return kept if has_pointer or not (gone or changed) else _with_pointer(kept, unended)

    def size(candidate: list[Line]) -> Size:
        total = _size(candidate)
        return Size(total.lines, total.bytes + extra)

    out, gone = without(frozenset()), frozenset[int]()
    if not size(out).fits(limits):
        cut = _without_double_blanks(cut, blocks)
        ...
    raise NotImplementedError
