"""Lengths of time as people write them, and moments as screens show them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo

SIZES = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 366 * 86_400


def seconds(text: str) -> int:
    """Seconds of ``90s``, ``30m``, ``2h``, ``1d`` or their sums (``1h30m``): above 0, at most 366 days.

    Raises: ValueError for anything else.
    """
    total, digits = 0, ""
    for snapshot in text.strip().lower().replace(" ", ""):
        if snapshot in "0123456789":
            digits += snapshot
        elif snapshot in SIZES and 0 < len(digits) < 12:
            total += int(digits) * SIZES[snapshot]
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
    for snapshot, size in sorted(SIZES.items(), key=lambda item: -item[1]):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{snapshot}")
    return " ".join(parts[:2]) or "0s"


def moment(at: int, zone: tzinfo | None, *, now: int) -> str:
    """A local time, no longer than it must be: ``14:00`` today, ``Wed 09:00`` this week, ``3 Nov 09:00`` else."""
    from datetime import datetime

    then, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    clock = f"{then:%H:%M}"
    if then.date() == today.date():
        return clock
    if abs(at - now) < 7 * 86400:
        return f"{then:%a} {clock}"
    return f"{then.day} {then:%b} {clock}"
