"""Lengths of time as people write them."""

from __future__ import annotations

SIZES = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 366 * 86_400


def seconds(text: str) -> int:
    """Seconds of ``90s``, ``30m``, ``2h``, ``1d`` or their sums (``1h30m``): above 0, at most 366 days.

    Raises: ValueError for anything else.
    """
    total, digits = 0, ""
    for letter in text.strip().lower().replace(" ", ""):
        if letter in "0123456789":
            digits += letter
        elif letter in SIZES and 0 < len(digits) < 12:
            total += int(digits) * SIZES[letter]
            digits = ""
        else:
            raise ValueError(f"{text!r} is no duration; write 30m, 2h or 1d")
    if digits or not 0 < total <= LONGEST_S:
        raise ValueError(f"{text!r} is no duration; write 30m, 2h or 1d")
    return total


def words(span_s: float) -> str:
    """The same the other way round, to two sizes: ``1d 4h``, ``2h 30m``, ``45s``. Negative spans count as nothing."""
    left = max(round(span_s), 0)
    parts = []
    for letter, size in sorted(SIZES.items(), key=lambda item: -item[1]):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{letter}")
    return " ".join(parts[:2]) or "0s"
