"""One line of a transcript: decoded if it can be, mended if it must be, and its numbers read with suspicion."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import orjson

COUNT_LIMIT = 10**8  # no response counts a hundred million tokens; beyond that the line is wrong, not large
MEND_BYTES = 64 * 2**20  # how much may be parsed in search of a record glued to a torn one
HEAD_LINES = 50  # of a file from which nothing was counted: enough to tell whether it is a client's
NOT_UNDERSTOOD = "nothing in this file is understood, so nothing of it is counted"
_EARLIEST_MS = 1_420_070_400_000  # 2015-01-01: older stamps are a broken clock
_LATEST_MS = 4_102_444_800_000  # 2100-01-01


def decode(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """(record, what was wrong). A line that had to be mended has both; a hopeless one has only the second.

    Mended are: a byte order mark, NUL bytes left by a lost power supply, bytes that are not UTF-8, and a whole record
    glued to the stump of one that a dying client never finished.
    """
    try:
        record = orjson.loads(line)
    except ValueError:
        return _mend(line)
    return (record, None) if isinstance(record, dict) else (None, "not an object")


def _mend(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    clean = line.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").strip()
    try:
        record = json.loads(clean.decode("utf-8", "replace"), strict=False)
        # Once more through UTF-8: half a surrogate pair is a string that nothing can store.
        record = json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
        return (record, "mended: not clean UTF-8") if isinstance(record, dict) else (None, "not an object")
    except (ValueError, RecursionError):
        pass
    at = clean.find(b'{"', 1)
    parsed = 0
    while at > 0 and parsed < MEND_BYTES:  # only a record that ends where the line ends can be the glued one
        parsed += len(clean) - at
        try:
            record = orjson.loads(clean[at:])
        except ValueError:
            at = clean.find(b'{"', at + 1)
            continue
        if isinstance(record, dict) and "type" in record and "timestamp" in record:
            return record, "mended: glued to a torn line"
        break
    return None, "not JSON"


def is_understood(head: bytes) -> bool:
    """Is there a line of a client's among the first of a file? Each has a type, whatever a later client calls it."""
    lines = [line for line in head.split(b"\n")[:HEAD_LINES] if line.strip()]
    return not lines or any(isinstance((decode(line)[0] or {}).get("type"), str) for line in lines)


def to_ms(stamp: object) -> int | None:
    """Milliseconds since the epoch of an ISO 8601 string (any offset, any fraction; naive is UTC) or an epoch number.

    None where it is missing, unreadable, or outside 2015-2100.
    """
    if type(stamp) is str:
        try:
            moment = datetime.fromisoformat(stamp)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            value = round(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            return None
    elif isinstance(stamp, (int, float)) and not isinstance(stamp, bool):
        if not abs(stamp) < 1e15:  # also NaN
            return None
        value = round(stamp if stamp > 1e11 else stamp * 1000)
    else:
        return None
    return value if _EARLIEST_MS <= value < _LATEST_MS else None


def count(value: object, wrong: list[str], limit: int = COUNT_LIMIT) -> int:
    """A count: whole, not negative, below ``limit``. Anything else is named in ``wrong`` and counts nothing."""
    if type(value) is int and 0 <= value < limit:
        return value
    if value is None:
        return 0
    if type(value) is float and 0 <= value < limit:
        wrong.append("fractional count")
        return int(value)
    wrong.append("impossible count")
    return 0


def text(value: object) -> str:
    """A name, or the empty string where there is none."""
    return value if type(value) is str else ""
