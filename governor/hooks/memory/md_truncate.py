"""Where a line of Markdown may be cut.

Not a parser: it knows just enough to leave whole what loses its meaning when halved (links, images, code spans, HTML),
and errs towards leaving a thing whole. Linear in the line, because the line is whatever a model wrote.
"""

from __future__ import annotations

import bisect

from governor.hooks.memory.md_blocks import marker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple
else:
    from governor.hooks.light_tuple import NamedTuple

ELLIPSIS = " …"

_BARE_BRACKET = 100  # a longer aside in [brackets] without a target is prose


class Span(NamedTuple):
    """A stretch of a line that is kept whole or left out whole: ``line[start:stop]``."""

    start: int
    stop: int
    is_link: bool


def whole(line: str) -> list[Span]:
    """The links, images, code spans, HTML and references of a line, outermost only, in order."""
    ticks = _ticks(line)
    spans: list[Span] = []
    brackets: list[int] = []
    rounds: list[tuple[int, int]] = []  # an open "(", and the "[" of the text it is the target of, or -1
    at = 0  # what stands before it was read
    for start, mark in enumerate(line):
        if start < at or mark not in "\\`<[]()":
            continue
        before, at = at, start + 1
        if mark == "\\":
            at += 1
        elif mark == "`":
            at = _past(line, at, "`".__eq__)
            same = ticks.get(at - start, [])
            after = bisect.bisect_left(same, at)
            if after < len(same):
                at = same[after] + at - start
                spans.append(Span(start, at, False))
        elif mark == "<":
            at = _tag_end(line, start) or at
            if at > start + 1:
                spans.append(Span(start, at, False))
        elif mark == "[":
            is_image = start > before and line[start - 1] == "!"
            brackets.append(start - is_image)
        elif mark == "]" and brackets:
            opened = brackets.pop()
            if target := _target_end(line, at):
                at = target
                spans.append(Span(opened, at, True))
            elif line.startswith("(", at):  # [text](a name with blanks.md): no Markdown, and yet a link to its reader
                rounds.append((at, opened))
                at += 1
            else:
                is_wiki = line.startswith("[[", opened)
                if is_wiki or at - opened <= _BARE_BRACKET:
                    if spans and spans[-1].stop == opened and line[opened - 1] == "]":  # [text][reference]
                        opened = spans[-1].start
                    spans.append(Span(opened, at, is_wiki))
        elif mark == "(":
            rounds.append((start, -1))
        elif mark == ")" and rounds:
            _, text_start = rounds.pop()
            if text_start >= 0:
                spans.append(Span(text_start, at, True))
    return _outermost(spans)


def _ticks(line: str) -> dict[int, list[int]]:
    """Where its runs of backticks begin, by their length: a code span ends at the next run as long as its first."""
    found: dict[int, list[int]] = {}
    at = line.find("`")
    while at >= 0:
        end = _past(line, at, "`".__eq__)
        found.setdefault(end - at, []).append(at)
        at = line.find("`", end)
    return found


def _tag_end(line: str, at: int) -> int:
    """Where the HTML tag or comment that begins at ``at`` ends; 0 where none does."""
    if line.startswith("<!--", at):
        close = line.find("-->", at + 4)
        return len(line) if close < 0 else close + 3
    end = _past(line, at + 1, lambda c: c not in "<>")
    is_tag = end > at + 1 and (line[at + 1].isalpha() or line[at + 1] in "/!?")
    return end + 1 if is_tag and line.startswith(">", end) else 0


def _target_end(line: str, at: int) -> int:
    """Where the ``(target "title")`` that begins at ``at`` ends; 0 where none does."""
    if not line.startswith("(", at):
        return 0
    end = _past(line, at + 1, str.isspace)
    if line.startswith("<", end):
        end = _past(line, end + 1, lambda c: c not in "<>") + 1
        if not line.startswith(">", end - 1):
            return 0
    else:
        end = _past(line, end, _is_plain)
        while line.startswith("(", end):  # one pair of brackets within: a_(b).md
            end = _past(line, end + 1, lambda c: c not in "()" and not c.isspace()) + 1
            if not line.startswith(")", end - 1):
                return 0
            end = _past(line, end, _is_plain)
    close = _past(line, end, str.isspace)
    if close > end and line.startswith(('"', "'"), close):
        title = line.find(line[close], close + 1)
        close = _past(line, title + 1, str.isspace) if title > 0 else close
    return close + 1 if line.startswith(")", close) else 0


def _is_plain(c: str) -> bool:
    return c not in "()<>" and not c.isspace()


def _past(line: str, at: int, fits: Callable[[str], bool]) -> int:
    """The offset of the first character from ``at`` on that does not fit."""
    while at < len(line) and fits(line[at]):
        at += 1
    return at


def _outermost(spans: list[Span]) -> list[Span]:
    out: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.stop)):
        if not out or span.start >= out[-1].stop:
            out.append(span)
        elif span.stop > out[-1].stop:
            out[-1] = Span(out[-1].start, span.stop, out[-1].is_link or span.is_link)
    return out


def cuts(line: str, spans: list[Span], limit: int) -> list[int]:
    """Every offset up to ``limit``, in order, where a word ends and ``line[:offset]`` holds more than a list marker.

    Where there is none up to the limit, the first beyond it.
    """
    found: list[int] = []
    ahead = iter(spans)
    span = next(ahead, None)
    for at in range(_lead(line) + 1, len(line)):
        while span and span.stop <= at:
            span = next(ahead, None)
        if at > limit and found:
            break
        if not (span and span.start < at) and _ends_word(line[at - 1], line[at]):
            found.append(at)
    return found


def _lead(line: str) -> int:
    """How many characters are indentation, list marker, checkbox, and what opens a quotation or a table's row."""
    rest = line.lstrip()
    size = marker(rest)
    rest = rest[size:].lstrip()
    if rest.startswith(("[ ]", "[x]", "[X]")) and rest[3:4].isspace():
        rest = rest[3:]
    return _past(line, len(line) - len(rest), lambda c: c in "|>" or c.isspace())


def _ends_word(last: str, following: str) -> bool:
    """May a line be cut between these two characters?

    At a blank; and Han and Kana are written without: a word may end after any of them, unless what follows belongs to
    it (a joiner, a mark, a variation selector, a closing stop).
    """
    if following in " \t" or last in " \t":
        return following in " \t" and last not in " \t"
    return (
        last >= "\u3001"
        and ("\u3001" <= last <= "\u9fff" or "\uff01" <= last <= "\uff65" or "\U00020000" <= last <= "\U0003ffff")
        and not (
            following in "\u200d\u3001\u3002\u3005\u3009\u300b\u300d\u300f\u3011\u3099\u309a\u30fc"
            or following in "\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f"
            or "\u0300" <= following <= "\u036f"
            or "\ufe00" <= following <= "\ufe0f"
            or "\U000e0100" <= following <= "\U000e01ef"
        )
    )


def shorten(line: str, limit: int) -> str:
    """The line within ``limit`` characters: cut after a word, an ellipsis, then the links that the cut took.

    Links are kept while they take up to half of the limit, for they are what an index is for. A word or link that is
    too long by itself stays whole, so the result may pass the limit. Shortening twice changes nothing.
    """
    body = line.rstrip()
    if len(body) <= limit:
        return line
    tail = " |" if body.lstrip().startswith("|") else ""  # a table row stays one
    spans = whole(body)
    room = limit - len(ELLIPSIS) - len(tail)
    offsets = cuts(body, spans, room)

    def cut(at_most: int) -> int:
        index = bisect.bisect_right(offsets, at_most)
        return offsets[index - 1] if index else offsets[0]

    if not offsets:
        return line
    at = cut(room)
    while True:
        links = _links_after(body, spans, at, min(limit // 2, room - offsets[0]))
        earlier = min(at, cut(room - len(links)))
        if earlier == at:
            break
        at = earlier
    short = body[:at].rstrip(" \t—–,;:") + ELLIPSIS + links + tail
    return short if len(short) < len(body) else line


def _links_after(line: str, spans: list[Span], at: int, limit: int) -> str:
    out = ""
    for span in spans:
        if span.is_link and span.start >= at and len(out) + 1 + span.stop - span.start <= limit:
            out += " " + line[span.start : span.stop]
    return out
