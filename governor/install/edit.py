"""Changing a JSON file the way a careful person would: the words that matter, and not one byte beside them.

A settings file belongs to the person. Parsing it and printing it again would decide their indentation, escapes, number
spelling and line ends anew, so nothing here prints a document: ``patch`` finds the places where two documents differ
and splices only those, taking indentation and separators from the neighbours. The result is parsed again and compared
before it is handed out.

docs/decisions.md, "Editing settings", names the libraries that were tried first.
"""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import Any

from governor.install.layout import (
    BLANKS,
    BOM,
    JsonMember,
    Style,
    bracketed,
    children,
    deeper,
    line_indent,
    past_blanks,
    render,
    root,
    style_of,
    word,
)


class NotPlainJSONError(ValueError):
    """The text is not strict JSON; the sentence says where and why."""


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
    start = root(text)
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
        start, end, words = _splice(text, root(text), before, after, style)
        text = text[:start] + words + text[end:]
        before = parse(text)
    return text


Splice = tuple[int, int, str]


def _splice(text: str, start: int, before: Any, after: Any, style: Style) -> Splice:
    """The first difference below ``start``, as one replacement."""
    there = children(text, start)
    if isinstance(before, dict) and isinstance(after, dict):
        for index, (child, (name, value)) in enumerate(zip(there, before.items(), strict=True)):
            if name not in after:
                return _removal(text, start, there, index)
            if not same(value, after[name]):
                return _splice(text, child.value, value, after[name], style)
        key = next(key for key in after if key not in before)
        return _insertion(text, start, there, len(there), (word(key, style) + style.colon, after[key]), style)
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
    return start, end, render(after, style, line_indent(text, start) if style.is_tall else None)


def _removal(text: str, start: int, there: list[JsonMember], index: int) -> Splice:
    """Take one child out with the comma and blanks that came with it; the last one leaves nothing between brackets."""
    if len(there) == 1:
        return start + 1, past_blanks(text, there[0].end), ""
    if index:
        return there[index - 1].end, there[index].end, ""
    return there[0].start, there[1].start, ""


def _insertion(
    text: str, start: int, there: list[JsonMember], index: int, item: tuple[str, Any], style: Style
) -> Splice:
    """Put one child before ``there[index]``, or last. What stands there already keeps its bytes and blanks."""
    head, value = item
    if not there:
        indent = line_indent(text, start) if style.is_tall else None
        inner = deeper(indent, style)
        words = head + render(value, style, inner)
        close = past_blanks(text, start + 1)
        return start + 1, close, bracketed("", [words], "", style, indent)
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
