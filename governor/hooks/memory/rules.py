"""The memory compactor's decision: an index in, a shorter one out, and what has to be kept elsewhere.

Claude Code loads an index only as far as its 200th line or its 25,000th character, and says nothing to the person
about the rest; what a model appends last is what is lost. So lines are shortened, and when the whole is still too
long the least recent entries go to a topic file next to the index. Nothing is ever dropped.

Which entries are the least recent: guards.recency.
"""

from __future__ import annotations

from governor.hooks.memory.md_blocks import MarkdownLine, first_where, lines_of, read
from governor.hooks.memory.md_truncate import shorten
from governor.hooks.memory.recency import least_recent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from governor.hooks.light_tuple import NamedTuple

ARCHIVE = "memory-archive.md"
POINTER = f"- [Memory archive]({ARCHIVE}) — full text of shortened and of older entries"
_KEEP = f"]({ARCHIVE})"


class IndexLimits(NamedTuple):
    """What an index is held to.

    The client cuts at 200 lines and at 25,000 UTF-16 units of the trimmed text (2.1.330; 24,955 bytes were once seen
    to pass and 25,074 not). Bytes are counted here, which never come out fewer.
    """

    line_chars: int = 350
    max_lines: int = 200
    max_bytes: int = 24_900

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, Any]) -> IndexLimits:
        """The person's limits; a missing, odd or uselessly small one falls back to the default."""
        floors = {"line_chars": 80, "max_lines": 10, "max_bytes": 1_000}
        chosen = {}
        for name, floor in floors.items():
            value = snapshot.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= floor:
                chosen[name] = value
        return cls(**chosen)


class Size(NamedTuple):
    lines: int
    bytes: int

    def fits(self, limits: IndexLimits) -> bool:
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
    fits: bool  # False: headings, front matter and introduction alone are over the limits


def size_of(text: str) -> Size:
    """Lines and UTF-8 bytes, as ``IndexLimits`` counts them. A newline at the end opens no further line."""
    return _size(lines_of(text))


def _size(lines: Sequence[MarkdownLine]) -> Size:
    return Size(len(lines), len("".join([body + end for body, end in lines]).encode("utf-8", "surrogateescape")))


def compact(
    text: str,
    limits: IndexLimits = IndexLimits(),  # noqa: B008 - an immutable value
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
    inner = limits._replace(max_bytes=limits.max_bytes - len(bom.encode()))
    while step := _step(lines, inner, fresh, days or {}):  # again only where a fence was halved by the first round
        lines = step.lines
        removed += step.removed
        shortened += step.shortened
        moved += step.moved
    out = bom + "".join(body + end for body, end in lines)
    return Compaction(out, tuple(removed), shortened, moved, _size(lines).fits(inner))


class _CutStep(NamedTuple):
    lines: list[MarkdownLine]
    removed: list[Removed]
    shortened: int
    moved: int


def _step(
    lines: list[MarkdownLine], limits: IndexLimits, fresh: frozenset[str], days: Mapping[str, str]
) -> _CutStep | None:
    """One round, or None where nothing is to be done."""
    bodies = [line.body for line in lines]
    if _size(lines).fits(limits) and all(len(body) <= limits.line_chars for body in bodies):
        return None
    blocks, rigid = read(bodies, keep=_KEEP)
    short = lines.copy()
    for at, line in enumerate(lines):
        if len(line.body) > limits.line_chars and at not in rigid:
            short[at] = MarkdownLine(shorten(line.body, limits.line_chars), line.ending)
    changed = {at for at, line in enumerate(short) if line != lines[at]}
    has_pointer = any(_KEEP in body for body in bodies)
    parts = [short[block.start : block.stop] for block in blocks]

    def without(gone: set[int]) -> list[MarkdownLine]:
        out = _assembled(parts, gone)
        if (gone or changed) and not has_pointer:
            out = _with_pointer(out)
        if out and not lines[-1].ending:
            out[-1] = MarkdownLine(out[-1].body, "")
        return out

    gone: set[int] = set()
    if not _size(without(gone)).fits(limits):
        surplus = _double_blanks(bodies, rigid)
        parts = [[short[at] for at in range(block.start, block.stop) if at not in surplus] for block in blocks]
        order = least_recent(blocks, bodies, fresh, days)
        least = _size(without(set(order)))
        if least.fits(limits):
            room = _with_slack(limits, least)
            enough = first_where(len(order), lambda count: _size(without(set(order[:count]))).fits(room))
            gone = set(order[:enough])
    out = without(gone)
    if out == lines:
        return None
    removed: list[Removed] = []
    cut_lines = 0
    for number, block in enumerate(blocks):
        span = range(block.start, block.stop)
        if number in gone:
            removed.append(Removed(block.section, tuple(_trimmed([bodies[at] for at in span]))))
        else:
            mine = [at for at in span if at in changed]
            removed += [Removed(block.section, (bodies[at],)) for at in mine]
            cut_lines += len(mine)
    return _CutStep(out, removed, cut_lines, len(gone))


def _with_slack(limits: IndexLimits, least: Size) -> IndexLimits:
    """Room for the next few edits: a twentieth of each limit, but no more than a quarter of what entries can fill."""
    return limits._replace(
        max_lines=limits.max_lines - min(limits.max_lines // 20, (limits.max_lines - least.lines) // 4),
        max_bytes=limits.max_bytes - min(limits.max_bytes // 20, (limits.max_bytes - least.bytes) // 4),
    )


def _double_blanks(bodies: list[str], rigid: set[int]) -> set[int]:
    """Blank lines that follow a blank line: they say nothing, and the client counts them."""
    return {
        at
        for at in range(1, len(bodies))
        if at not in rigid and at - 1 not in rigid and not bodies[at].strip() and not bodies[at - 1].strip()
    }


def _assembled(parts: list[list[MarkdownLine]], gone: set[int]) -> list[MarkdownLine]:
    """The lines without some blocks. A blank line that parted two neighbours goes on parting them."""
    out: list[MarkdownLine] = []
    blank: MarkdownLine | None = None
    for number, lines in enumerate(parts):
        if number in gone:
            last = lines[-1]
            blank = last if not last.body.strip() and last.ending else blank
            continue
        if blank and out and out[-1].body.strip():
            out.append(blank)
        blank = None
        out += lines
    return out


def _with_pointer(lines: list[MarkdownLine]) -> list[MarkdownLine]:
    """The index with one more line at its end, which tells where the rest is."""
    newline = next((line.ending for line in lines if line.ending), "\n")
    out = [*lines[:-1], MarkdownLine(lines[-1].body, lines[-1].ending or newline)] if lines else []
    if out and out[-1].body.strip() and not out[-1].body.startswith(("- ", "* ", "+ ")):
        out.append(MarkdownLine("", newline))
    return [*out, MarkdownLine(POINTER, newline)]


def _trimmed(bodies: list[str]) -> list[str]:
    while bodies and not bodies[-1].strip():
        bodies = bodies[:-1]
    return bodies


def addition(archive: str, removed: Sequence[Removed], limits: IndexLimits, *, index: str, today: str) -> str:
    """What the topic file has to gain so that every removed text stands in it, each once. "" where it has them all.

    ``index`` is the index's file name, ``today`` an ISO day. Lines end in ``\\n``; the caller knows the file's style.
    """
    known = [body.rstrip() for body, _ in lines_of(archive)]
    longer = [*known, *(body for each in removed for body in each.lines)]
    full = {shorten(body, limits.line_chars): body for body in longer if len(body) > limits.line_chars}
    seen = "\n" + "\n".join(known) + "\n"
    out: list[str] = []
    section: str | None = None
    for each in removed:
        # A line shortened earlier stands here by its full text, which an earlier round brought.
        entry = "\n".join(full.get(body, body).rstrip() for body in each.lines)
        if f"\n{entry}\n" in seen:
            continue
        seen += entry + "\n"
        if each.section != section:
            section = each.section
            out += ["", f"## {today} {section}".rstrip(), ""]
        out.append(entry)
    if not out:
        return ""
    return "\n".join(out if archive else [_HEADER.format(index=index), *out]) + "\n"


_HEADER = """---
name: memory-archive
description: Full text of lines that were shortened in {index} and of entries that were moved out of it, oldest first
type: reference
---

# Memory archive

Kept by governor: nothing here is loaded by itself, and nothing is ever removed. Edit it as you like."""


def sentence(index: str, *, shortened: int, moved: int) -> str:
    """What the model should know, in one sentence of at most 200 characters; "" where nothing changed."""
    did = []
    if shortened:
        did.append(f"shortened {_count(shortened, 'line')}")
    if moved:
        did.append(f"moved {_count(moved, 'older entry', 'older entries')} out")
    if not did:
        return ""
    return (
        f"governor kept {index[:40]} within its load limit: {' and '.join(did)}; "
        f"full text in {ARCHIVE} beside it, nothing to rewrite."
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
