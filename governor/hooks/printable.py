"""The one way for names on their way to a terminal, a page or a table.

Folder, branch, model, session and agent names come from files that anybody may have written. A terminal acts on their
control characters: OSC 52 writes the clipboard, bidi overrides turn text around, a newline fakes a line of ours. Here
each becomes a visible escape such as ``\\x1b``. JSON needs none of it: there such characters are escapes already.

Runs on Python 3.9, and imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Value = TypeVar("Value")

# Beside the control characters proper: marks that turn the direction of text, the separators of lines and paragraphs,
# and annotations (Unicode 15.1, chapter 23).
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSAFE = frozenset(TURNING + "\u2028\u2029\ufff9\ufffa\ufffb")
STARTS_A_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: their wide forms


def printable(value: Value) -> Value:
    """The value with every string in it on one line, control characters as escapes. Values of other kinds stay.

    Looks into lists, tuples, named tuples and dicts, keys included.
    """
    changed: object = value
    if isinstance(value, str):
        changed = _escaped(value)
    elif isinstance(value, dict):
        changed = {printable(key): printable(item) for key, item in value.items()}
    elif isinstance(value, list):
        changed = [printable(item) for item in value]
    elif isinstance(value, tuple):
        items = [printable(item) for item in value]
        changed = type(value)._make(items) if hasattr(value, "_make") else tuple(items)
    return changed  # type: ignore[return-value]


def printable_lines(text: str) -> str:
    """The text with its newlines and without any other control character; a tab becomes blanks."""
    if text.isprintable():
        return text
    return "\n".join(_escaped(line) for line in text.expandtabs().split("\n"))


def csv_cell(name: str) -> str:
    """The name as a cell that a spreadsheet takes for text: a formula's sign gets an apostrophe before it."""
    return "'" + _escaped(name) if name.lstrip().startswith(STARTS_A_FORMULA) else _escaped(name)


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(_escape(char) if _is_unsafe(char) else char for char in text)


def _is_unsafe(char: str) -> bool:
    code = ord(char)
    # C0; DEL and C1; halves of surrogates, which nothing can encode; tags, which only a model reads.
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or 0xE0000 <= code < 0xE0080 or char in UNSAFE


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
