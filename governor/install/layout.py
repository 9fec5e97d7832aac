"""How a JSON text is laid out: where each member stands, what style its writer keeps, and how to write in that style.

The standard decoder finds where a value ends (``raw_decode``), so walking one level costs no scanner of our own.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in CPython since 2.6, absent from typeshed
from typing import Any, NamedTuple

BLANKS = " \t\r\n"
BOM = "\ufeff"


class Raw(str):
    """A string together with the literal it is to be written as, so that the person's own escapes come back."""

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> Raw:
        self = super().__new__(cls, json.loads(literal))
        self.literal = literal
        return self


class JsonMember(NamedTuple):
    """One member of an object or element of an array, as it stands in the text."""

    key: str | None
    gap: str  # the blanks between the bracket or comma before it, and itself
    start: int  # of its key, or of its value in an array
    colon: str  # what stands between key and value
    value: int
    end: int


class Style(NamedTuple):
    """How this person writes JSON, read from their first member."""

    newline: str
    unit: str  # one step of indentation
    colon: str
    comma: str  # on one line
    is_tall: bool  # one member a line
    is_ascii: bool


def children(text: str, start: int) -> list[JsonMember]:
    """The members or elements of the container that opens at ``start``, in their order; [] for a plain value."""
    if text[start] not in "{[":
        return []
    found: list[JsonMember] = []
    decoder = json.JSONDecoder()
    behind = start + 1
    while True:
        at = past_blanks(text, behind)
        if text[at] in "}]":
            return found
        gap, first, key, colon = text[behind:at], at, None, ""
        if text[start] == "{":
            key, at = scanstring(text, at + 1, True)
            value = past_blanks(text, past_blanks(text, at) + 1)
            colon, at = text[at:value], value
        _, end = decoder.raw_decode(text, at)
        found.append(JsonMember(key, gap, first, colon, at, end))
        behind = past_blanks(text, end)
        if text[behind] in "}]":
            return found
        behind += 1


def past_blanks(text: str, at: int) -> int:
    while text[at] in BLANKS:
        at += 1
    return at


def root(text: str) -> int:
    return past_blanks(text, 1 if text.startswith(BOM) else 0)


def style_of(text: str) -> Style:
    """The person's own style; two spaces and one member a line where the text does not show any."""
    first = children(text, root(text))[:2]
    colon = first[0].colon if first and first[0].colon and "\n" not in first[0].colon else ": "
    comma = first[1].gap if len(first) > 1 and "\n" not in first[1].gap else colon[1:] and " "
    unit = first[0].gap.rpartition("\n")[2] if first and "\n" in first[0].gap else ""
    return Style(
        newline="\r\n" if "\r\n" in text else "\n",
        unit=unit or "  ",
        colon=colon,
        comma="," + comma,
        is_tall=not first or "\n" in text.strip(BLANKS),
        is_ascii=text.removeprefix(BOM).isascii(),
    )


def render(value: Any, style: Style, indent: str | None) -> str:
    """The value in this style; ``indent`` is that of the line it begins on, None to stay on one line."""
    if isinstance(value, Raw):
        return value.literal
    if isinstance(value, dict):
        items = [
            word(key, style) + style.colon + render(item, style, deeper(indent, style)) for key, item in value.items()
        ]
        return bracketed("{", items, "}", style, indent)
    if isinstance(value, list):
        return bracketed("[", [render(item, style, deeper(indent, style)) for item in value], "]", style, indent)
    return word(value, style)


def word(value: Any, style: Style) -> str:
    return json.dumps(value, ensure_ascii=style.is_ascii)


def deeper(indent: str | None, style: Style) -> str | None:
    return None if indent is None else indent + style.unit


def bracketed(opening: str, items: list[str], closing: str, style: Style, indent: str | None) -> str:
    if indent is None or not items:
        return opening + style.comma.join(items) + closing
    line = style.newline + indent
    return opening + line + style.unit + ("," + line + style.unit).join(items) + line + closing


def line_indent(text: str, at: int) -> str:
    """The blanks that begin the line on which ``at`` stands."""
    line = text[text.rfind("\n", 0, at) + 1 : at].removeprefix(BOM)
    return line[: len(line) - len(line.lstrip(" \t"))]
