"""The entries of an index of memory: which of its lines go together, and which never move.

Not a Markdown parser: it knows front matter, headings, lists, tables, fences and paragraphs, and errs towards keeping
lines together. Linear in the text, because the text is whatever a model wrote.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple
else:
    from governor.hooks.light_tuple import NamedTuple

LONG_ENTRY_LINES = 40  # an entry beyond this is a chapter: its lines are entries of their own
INTRO_LINES = 10  # a first paragraph up to this long introduces the index and stays
FIXED = frozenset(("front", "heading", "rule", "table", "intro", "kept"))  # never moved
NEVER_CUT = frozenset(("front", "heading", "rule", "fence"))


class MarkdownLine(NamedTuple):
    body: str
    ending: str  # "\n", "\r\n", "\r", or "" at the end of the text


class Block(NamedTuple):
    """Lines that stay or go together, with the blank lines after them: ``lines[start:stop]``."""

    kind: str  # FIXED, or what begins it: "item", "row", "fence", "text"
    start: int
    stop: int
    section: str = ""  # the heading it stands under


def lines_of(text: str) -> list[MarkdownLine]:
    """The text's lines. CR, LF and CR LF end a line, nothing else does; joined again they are the same text."""
    lines: list[MarkdownLine] = []
    for row in text.split("\n"):
        *before, last = row.split("\r")
        lines += [MarkdownLine(body, "\r") for body in before]
        if before and not last:
            lines[-1] = MarkdownLine(before[-1], "\r\n")
        else:
            lines.append(MarkdownLine(last, "\n"))
    body, ending = lines.pop()  # where no "\n" was
    if body or ending == "\r\n":
        lines.append(MarkdownLine(body, "" if ending == "\n" else "\r"))
    return lines


def read(bodies: list[str], *, keep: str) -> tuple[list[Block], set[int]]:
    """The blocks of an index, in order and without gaps, and the numbers of the lines that are never shortened.

    An entry is a list item with what is nested in it, a paragraph, a fence, or a row of a table. A block in which
    ``keep`` stands is none, nor is what introduces others: the first paragraph, a line that ends in a colon.
    """
    pieces, rigid = _pieces(bodies)
    rigid.update(at for at, body in enumerate(bodies) if keep in body)
    blocks: list[Block] = []
    for block in _introduced(_folded(pieces, bodies), bodies):
        blocks += _chapters(block, pieces)
    return [
        block._replace(kind="kept") if any(keep in bodies[at] for at in range(block.start, block.stop)) else block
        for block in blocks
    ], rigid


def _pieces(bodies: list[str]) -> tuple[list[Block], set[int]]:
    """What each line is by itself (several lines only where they cannot be parted), and the lines never shortened."""
    pieces: list[Block] = []
    rigid: set[int] = set()
    at = _front_matter(bodies)
    if at:
        pieces.append(Block("front", 0, at, ""))
        rigid.update(range(at))
    is_open = False  # a fence that never closes: all lines after it stay as long as they are
    while at < len(bodies):
        kind, stop = _piece(bodies, at, pieces[-1].kind if pieces else "blank", is_open)
        if kind == "open":
            is_open, kind = True, "text"
        pieces.append(Block(kind, at, stop, ""))
        if is_open or kind in NEVER_CUT:
            rigid.update(range(at, stop))
        elif kind == "table":
            rigid.add(stop - 1)  # its rule of dashes
        at = stop
    return pieces, rigid


def _piece(bodies: list[str], at: int, before: str, is_open: bool) -> tuple[str, int]:
    """(kind, the line after it) of the piece that begins here."""
    body = bodies[at]
    following = bodies[at + 1] if at + 1 < len(bodies) else ""
    if not body.strip():
        return "blank", at + 1
    fence = _fence(body) if "```" in body or "~~~" in body else ""
    if not is_open and (fence or (body.lstrip().startswith("<!--") and "-->" not in body)):
        closed = _closed_at(bodies, at, fence)
        return ("fence", closed) if closed else ("open", at + 1)
    text = _outdented(body)
    level = len(text) - len(text.lstrip("#"))
    if 1 <= level <= 6 and not text[level : level + 1].strip():
        return "heading", at + 1
    if text.startswith(("-", "*", "_")) and _is_run("".join(text.split()), text[0], least=3):
        return "rule", at + 1
    if marker(body.lstrip()):
        return "item", at + 1
    if "|" in body and "|" in following and _is_table_rule(following):
        return "table", at + 2
    if text.startswith("|"):
        return "row", at + 1
    under = _outdented(following).rstrip() if before in ("blank", "heading", "front") else ""
    if under.startswith(("=", "-")) and _is_run(under, under[0], least=1):
        return "heading", at + 2
    return "text", at + 1


def _outdented(body: str) -> str:
    """The line without its indentation, where that is three blanks at most; else "": to Markdown it is no heading."""
    text = body.lstrip()
    return text if body[: len(body) - len(text)] in ("", " ", "  ", "   ") else ""


def _is_run(text: str, sign: str, *, least: int) -> bool:
    return len(text) >= least and not text.strip(sign)


def marker(text: str) -> int:
    """How many characters of ``text`` are the marker of a list (``-``, ``12.``) that it begins with."""
    digits = len(text) - len(text.lstrip("0123456789"))
    if 0 < digits <= 9 and text[digits : digits + 1] in (".", ")"):
        size = digits + 1
    else:
        size = 1 if text[:1] in ("-", "*", "+") else 0
    return 0 if text[size : size + 1].strip() else size


def _fence(body: str) -> str:
    """The run of marks by which this line opens a fence, perhaps as a list item; "" where it opens none."""
    text = body.lstrip()
    text = text[marker(text) :].lstrip()
    mark = text[:1]
    run = len(text) - len(text.lstrip(mark)) if mark in ("`", "~") else 0
    return mark * run if run >= 3 and "`" not in text[run:] else ""


def _is_table_rule(body: str) -> bool:
    """Is it the row of dashes under a table's head?"""
    cells = body.strip().removeprefix("|").removesuffix("|").split("|")
    dashes = [cell.strip().removeprefix(":").removesuffix(":") for cell in cells]
    return all(dash and not dash.strip("-") for dash in dashes)


def _front_matter(bodies: list[str]) -> int:
    """How many lines of YAML front matter the index begins with."""
    if len(bodies) > 1 and bodies[0].rstrip() == "---" and _is_yaml(bodies[1]):
        for at in range(1, len(bodies)):
            if bodies[at].rstrip() in ("---", "..."):
                return at + 1
    return 0


def _is_yaml(body: str) -> bool:
    """Does a line of YAML look so: a key, or the end at once?"""
    key, colon, _ = body.partition(":")
    name = key.rstrip() if colon else ""
    return (name != "" and all(c.isalnum() or c in "_.-" for c in name)) or body.rstrip() in ("---", "...")


def _closed_at(bodies: list[str], at: int, fence: str) -> int:
    """The line after the one that closes this fence, or this comment where ``fence`` is empty; 0 if none does."""
    for n in range(at + 1, len(bodies)):
        text = bodies[n].strip()
        if (not text.strip(fence[0]) and len(text) >= len(fence)) if fence else "-->" in text:
            return n + 1
    return 0


def _folded(pieces: list[Block], bodies: list[str]) -> list[Block]:
    """Blocks: each piece goes on with the block before it, or opens one."""
    blocks: list[Block] = []
    section = ""
    base = -1  # the indentation of the list item that is open, if one is
    after_blank = True
    for piece in pieces:
        body = bodies[piece.start]
        indent = len(body) - len(body.lstrip())
        is_nested = 0 <= base < indent and piece.kind not in ("heading", "rule")
        goes_on = is_nested or (
            piece.kind in ("text", "fence")
            and not after_blank
            and bool(blocks)
            and blocks[-1].kind in ("text", "item", "fence")
        )
        if blocks and (piece.kind == "blank" or goes_on):
            blocks[-1] = blocks[-1]._replace(stop=piece.stop)
        else:
            if piece.kind == "heading":
                section = body.strip().strip("#").strip()
            base = indent if piece.kind == "item" else -1
            kind = "rule" if piece.kind == "blank" else piece.kind  # blank lines that open the text stay
            blocks.append(Block(kind, piece.start, piece.stop, section))
        after_blank = piece.kind == "blank"
    return blocks


def _introduced(blocks: list[Block], bodies: list[str]) -> list[Block]:
    """The same blocks; what introduces others is marked as such."""
    first = next((n for n, block in enumerate(blocks) if block.kind not in FIXED), -1)
    headings = sum(block.kind == "heading" for block in blocks[: max(first, 0)])
    out: list[Block] = []
    for n, block in enumerate(blocks):
        text = [body for body in bodies[block.start : block.stop] if body.strip()]
        leads = len(text) == 1 and text[0].rstrip(" *_").endswith(":")
        opens = n == first and headings < 2 and len(text) <= INTRO_LINES and n + 1 < len(blocks)
        out.append(block._replace(kind="intro") if block.kind == "text" and (leads or opens) else block)
    return out


def _chapters(block: Block, pieces: list[Block]) -> list[Block]:
    """The block, or, where it is too long for one entry, its first line to stay and each further piece as an entry."""
    if block.kind in FIXED or block.stop - block.start <= LONG_ENTRY_LINES:
        return [block]
    out: list[Block] = []
    for piece in pieces[first_where(len(pieces), lambda at: pieces[at].start >= block.start) :]:
        if piece.start >= block.stop:
            break
        if out and piece.kind == "blank":
            out[-1] = out[-1]._replace(stop=piece.stop)
        else:
            is_title = not out and piece.stop == piece.start + 1
            out.append(Block("kept" if is_title else piece.kind, piece.start, piece.stop, block.section))
    return out


def first_where(many: int, holds: Callable[[int], bool]) -> int:
    """The least number below ``many`` for which ``holds`` is true, else ``many``. Once true it has to stay true.

    ``bisect`` does this with a ``key`` only since Python 3.10.
    """
    low, high = 0, many
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
