"""JSON as the hooks read and write it: the interpreter's own C parts without the package around them.

``import json`` compiles regular expressions that its C scanner never uses: 9 ms of every hook that has something to
say, three times what the rest of it takes. Whatever the parts cannot do, or another interpreter has none of, is left to
the package after all, so an answer is always the package's own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Plain:
    """What the C scanner asks of its caller: the settings of a ``json.JSONDecoder``."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


def loads(raw: bytes) -> Any:
    """``json.loads(raw)``. Raises: ValueError where these bytes are no JSON, RecursionError where they are too deep."""
    try:
        from _json import make_scanner

        text = raw.decode().strip(" \t\n\r")
        value, end = make_scanner(_Plain)(text, 0)  # type: ignore[arg-type]
        if end == len(text):
            return value
    except (ImportError, StopIteration, SystemError, ValueError):
        pass  # the scanner takes its faults from the package, and ends in a SystemError where that is not loaded
    import json

    return json.loads(raw)


def dumps(value: Any) -> bytes:
    """The value in one line of ASCII, without blanks. Raises: TypeError where JSON has no word for a part of it."""
    try:
        from _json import encode_basestring_ascii, make_encoder

        encode = make_encoder(None, _unknown, encode_basestring_ascii, None, ":", ",", False, False, True)
        return "".join(encode(value, 0)).encode()
    except (ImportError, TypeError):
        import json

        return json.dumps(value, separators=(",", ":")).encode()


def compact(value: Any) -> bytes:
    """The value as both clients write it: without blanks, and in UTF-8. Raises: TypeError as ``dumps`` does."""
    try:
        from _json import encode_basestring, make_encoder

        encode = make_encoder(None, _unknown, encode_basestring, None, ":", ",", False, False, True)
        return "".join(encode(value, 0)).encode("utf-8", "replace")
    except (ImportError, TypeError):
        import json

        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _unknown(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be put into JSON")
