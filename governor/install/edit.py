"""Changing a JSON file the way a careful person would: the words that matter, and not one byte beside them.

A settings file belongs to the person. Parsing it and printing it again would decide their indentation, escapes, number
spelling and line ends anew, so nothing here prints a document: ``patch`` finds the places where two documents differ
and splices only those, taking indentation and separators from the neighbours. The result is parsed again and compared
before it is handed out.

The standard decoder finds where a value ends (``raw_decode``), so walking one level costs no scanner of our own;
docs/decisions.md, "Editing settings", names the libraries that were tried.
"""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in CPython since 2.6, absent from typeshed
from typing import Any, NamedTuple

BLANKS = " \t\r\n"
BOM = "\ufeff"


class NotPlainJSONError(ValueError):
    """The text is not strict JSON; the sentence says where and why."""


class Raw(str):
    """A string together with the literal it is to be written as, so that the person's own escapes come back."""

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> Raw:
        self = super().__new__(cls, json.loads(literal))
        self.literal = literal
        return self


class Child(NamedTuple):
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


def parse(text: str) -> Any:
    """The document, with its key order kept.

    Raises: NotPlainJSONError on comments, trailing commas, repeated keys, NaN and whatever else is not strict JSON.
    """
    try:
        return json.loads(text.removeprefix(BOM), object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as fault:
        raise NotPlainJSONError(f"line {fault.lineno}, column {fault.colno}: {_why(fault)}") from fault
    except RecursionError as fault:
        raise NotPlainJSONError("it is nested too deeply") from fault
    except NotPlainJSONError:
        raise
    except ValueError as fault:  # a number of more than 4300 digits
        raise NotPlainJSONError(str(fault)) from fault


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotPlainJSONError(f'the key "{twice}" stands twice in one object')
    return found


def _no_constant(word: str) -> None:
    raise NotPlainJSONError(f"{word} is not a JSON number")


def _why(fault: json.JSONDecodeError) -> str:
    rest = fault.doc[fault.pos :].lstrip(BLANKS)
    if rest.startswith(("//", "/*", "#")):
        return "a comment, which JSON does not have"
    if "trailing comma" in fault.msg or (rest[:1] in {"}", "]"} and fault.doc[: fault.pos].rstrip(BLANKS)[-1:] == ","):
        return "a comma after the last item"
    return fault.msg[:1].lower() + fault.msg[1:]


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1, 1.0 and true differ; the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def literal(text: str, path: tuple[str, ...]) -> str:
    """The text of the value under these keys, exactly as it is written. Raises: KeyError where there is none."""
    start = _root(text)
    end = len(text.rstrip(BLANKS))
    for key in path:
        child = next((child for child in children(text, start) if child.key == key), None)
        if child is None:
            raise KeyError(key)
        start, end = child.value, child.end
    return text[start:end]


def patch(text: str, after: Any) -> str:
    """The text changed to mean ``after``: what both have in common keeps its bytes, new members stand last.

    Raises: NotPlainJSONError where the text cannot be read.
    """
    before = parse(text)
    style = style_of(text)
    while not same(before, after):
        start, end, words = _splice(text, _root(text), before, after, style)
        text = text[:start] + words + text[end:]
        before = parse(text)
    return text


def children(text: str, start: int) -> list[Child]:
    """The members or elements of the container that opens at ``start``, in their order; [] for a plain value."""
    if text[start] not in "{[":
        return []
    found: list[Child] = []
    decoder = json.JSONDecoder()
    behind = start + 1
    while True:
        at = _past_blanks(text, behind)
        if text[at] in "}]":
            return found
        gap, first, key, colon = text[behind:at], at, None, ""
        if text[start] == "{":
            key, at = scanstring(text, at + 1, True)
            value = _past_blanks(text, _past_blanks(text, at) + 1)
            colon, at = text[at:value], value
        _, end = decoder.raw_decode(text, at)
        found.append(Child(key, gap, first, colon, at, end))
        behind = _past_blanks(text, end)
        if text[behind] in "}]":
            return found
        behind += 1


def _past_blanks(text: str, at: int) -> int:
    while text[at] in BLANKS:
        at += 1
    return at


def _root(text: str) -> int:
    return _past_blanks(text, 1 if text.startswith(BOM) else 0)


def style_of(text: str) -> Style:
    """The person's own style; two spaces and one member a line where the text does not show any."""
    first = children(text, _root(text))[:2]
    colon = first[0].colon if first and "\n" not in first[0].colon else ": "
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
        items = [_word(key, style) + style.colon + render(item, style, _deeper(indent, style)) for key, item in value.items()]
        return _bracketed("{", items, "}", style, indent)
    if isinstance(value, list):
        return _bracketed("[", [render(item, style, _deeper(indent, style)) for item in value], "]", style, indent)
    return _word(value, style)


def _word(value: Any, style: Style) -> str:
    return json.dumps(value, ensure_ascii=style.is_ascii)


def _deeper(indent: str | None, style: Style) -> str | None:
    return None if indent is None else indent + style.unit


def _bracketed(opening: str, items: list[str], closing: str, style: Style, indent: str | None) -> str:
    if indent is None or not items:
        return opening + style.comma.join(items) + closing
    line = style.newline + indent
    return opening + line + style.unit + ("," + line + style.unit).join(items) + line + closing


Splice = tuple[int, int, str]


def _splice(text: str, start: int, before: Any, after: Any, style: Style) -> Splice:
    """The first difference below ``start``, as one replacement."""
    there = children(text, start)
    if isinstance(before, dict) and isinstance(after, dict):
        for index, child in enumerate(there):
            assert child.key is not None
            if child.key not in after:
                return _removal(text, start, there, index)
            if not same(before[child.key], after[child.key]):
                return _splice(text, child.value, before[child.key], after[child.key], style)
        key = next(key for key in after if key not in before)
        return _insertion(text, start, there, len(there), (_word(key, style) + style.colon, after[key]), style)
    if isinstance(before, list) and isinstance(after, list):
        names = [[json.dumps(item, sort_keys=True) for item in items] for items in (before, after)]
        steps = SequenceMatcher(None, names[0], names[1], autojunk=False).get_opcodes()
        what, old, _, new, _ = next(step for step in steps if step[0] != "equal")
        if what == "delete":
            return _removal(text, start, there, old)
        if what == "replace":
            return _splice(text, there[old].value, before[old], after[new], style)
        return _insertion(text, start, there, old, ("", after[new]), style)
    _, end = json.JSONDecoder().raw_decode(text, start)
    return start, end, render(after, style, _line_indent(text, start) if style.is_tall else None)


def _removal(text: str, start: int, there: list[Child], index: int) -> Splice:
    """Take one child out with the comma and blanks that came with it; the last one leaves nothing between brackets."""
    if len(there) == 1:
        return start + 1, _past_blanks(text, there[0].end), ""
    if index:
        return there[index - 1].end, there[index].end, ""
    return there[0].start, there[1].start, ""


def _insertion(
    text: str, start: int, there: list[Child], index: int, item: tuple[str, Any], style: Style
) -> Splice:
    """Put one child before ``there[index]``, or last. What stands there already keeps its bytes and blanks."""
    head, value = item
    if not there:
        indent = _line_indent(text, start) if style.is_tall else None
        inner = _deeper(indent, style)
        words = head + render(value, style, inner)
        close = _past_blanks(text, start + 1)
        return start + 1, close, _bracketed("", [words], "", style, indent)
    gap = there[max(index - 1, 0)].gap
    if "\n" in gap:
        inner = gap.rpartition("\n")[2]
        between = style.newline + inner
    else:
        inner, between = None, gap if len(there) > 1 and index > 1 else style.comma[1:]
    words = head + render(value, style, inner)
    if index:
        end = there[index - 1].end
        return end, end, "," + between + words
    return there[0].start, there[0].start, words + "," + between


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at].removeprefix(BOM)
    return line[: len(line) - len(line.lstrip(" \t"))]
