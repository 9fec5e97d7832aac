"""Where a line of Markdown may be cut.

Not a parser: it knows just enough to leave whole what loses its meaning when halved (links, images, code spans, HTML),
and errs towards leaving a thing whole. Linear in the line, because the line is whatever a model wrote.
"""

from __future__ import annotations

import bisect
import re
from typing import NamedTuple

ELLIPSIS = " …"

_MARK = re.compile(r"\\.|`+|<!--|<[A-Za-z/!?][^<>]*>|!?\[|\]|\(|\)")
_TARGET = re.compile(
    r"""\(\s*+(?:<[^<>]*>|[^\s()<>]*+(?:\([^\s()]*+\)[^\s()<>]*+)*+)(?:\s++(?:"[^"]*"|'[^']*'))?\s*+\)"""
)
_LEAD = re.compile(r"\s*(?:(?:[-*+]|\d{1,9}[.)])(?=\s))?\s*(?:\[[ xX]\](?=\s))?[\s|>]*")
_BLANKS = re.compile(r"[ \t]+")
# Han and Kana are written without blanks: a word may end after any of them, unless what follows belongs to it
# (a blank, a joiner, a mark, a variation selector, a closing stop).
_IDEOGRAPH = re.compile(
    "(?<=[\u3001-\u9fff\uff01-\uff65\U00020000-\U0003ffff])"
    "(?![ \t\u0300-\u036f\u200d\u3001\u3002\u3005\u3009\u300b\u300d\u300f\u3011\u3099\u309a\u30fc"
    "\ufe00-\ufe0f\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\U000e0100-\U000e01ef])"
)
_BARE_BRACKET = 100  # a longer aside in [brackets] without a target is prose


class Span(NamedTuple):
    """A stretch of a line that is kept whole or left out whole: ``line[start:stop]``."""

    start: int
    stop: int
    is_link: bool


def whole(line: str) -> list[Span]:
    """The links, images, code spans, HTML and references of a line, outermost only, in order."""
    ticks: dict[int, list[int]] = {}
    for run in re.finditer(r"`+", line):
        ticks.setdefault(len(run[0]), []).append(run.start())
    spans: list[Span] = []
    brackets: list[int] = []
    rounds: list[tuple[int, int]] = []  # an open "(", and the "[" of the text it is the target of, or -1
    at = 0
    while found := _MARK.search(line, at):
        mark, start, at = found[0], found.start(), found.end()
        if mark[0] == "`":
            same = ticks.get(len(mark), [])
            after = bisect.bisect_left(same, at)
            if after < len(same):
                at = same[after] + len(mark)
                spans.append(Span(start, at, False))
        elif mark == "<!--":
            close = line.find("-->", at)
            at = len(line) if close < 0 else close + 3
            spans.append(Span(start, at, False))
        elif mark[0] == "<":
            spans.append(Span(start, at, False))
        elif mark[-1] == "[":
            brackets.append(start)
        elif mark == "]" and brackets:
            opened = brackets.pop()
            target = _TARGET.match(line, at)
            if target:
                at = target.end()
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


def _outermost(spans: list[Span]) -> list[Span]:
    out: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.stop)):
        if not out or span.start >= out[-1].stop:
            out.append(span)
        elif span.stop > out[-1].stop:
            out[-1] = Span(out[-1].start, span.stop, out[-1].is_link or span.is_link)
    return out


def cuts(line: str, spans: list[Span]) -> list[int]:
    """Every offset, in order, where a word ends and ``line[:offset]`` holds more than a list marker."""
    lead = _LEAD.match(line)
    first = lead.end() if lead else 0
    found = [blank.start() for blank in _BLANKS.finditer(line, first) if blank.end() < len(line)]
    if not line.isascii():
        found += [gap.start() for gap in _IDEOGRAPH.finditer(line, first + 1) if gap.start() < len(line)]
        found.sort()
    starts = [span.start for span in spans]

    def inside(at: int) -> bool:
        index = bisect.bisect_left(starts, at) - 1
        return index >= 0 and at < spans[index].stop

    return [at for at in found if not inside(at)]


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
    offsets = cuts(body, spans)
    room = limit - len(ELLIPSIS) - len(tail)

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
