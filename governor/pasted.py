"""The text of a client's own usage panel, pasted: Claude Code's ``/usage`` (2.1.330) and Codex's ``/status``.

::

    Current session
    █████████████████████                              42% used
    Resets 5:08am (UTC)

    Weekly limit: [███████░░░] 39% left (resets 09:00 on 25 Nov)
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from governor import spans, windows
from governor.errors import BadInputError
from governor.limit_facts import MOST_TYPED, used_percent
from governor.model import Lane, LimitReading

_HEADS = (
    (re.compile(r"current session|\b5[- ]?h(our)?s? limit", re.I), "5h"),
    (re.compile(r"current week\s*\(all models\)|\bweekly limit", re.I), "week"),
    (re.compile(r"current week\s*\((?P<family>[\w .-]+?)( only)?\)", re.I), "week:"),
    (re.compile(r"current week\b", re.I), "week"),
)
_PANEL: dict[Lane, re.Pattern[str]] = {
    "claude": re.compile(r"\bcurrent (week|session)\b", re.I),
    "codex": re.compile(r"\b(weekly|5[- ]?h(our)?s?) limit\b", re.I),
}
_CREDITS = re.compile(r"\bextra usage\b", re.I)  # no window of the plan's
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%\s*(used|left)", re.I)
_WHEN = (
    r"(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?,?\s+(?:at\s+)?)?"
    r"(?:(?P<month>[A-Z][a-z]{2})\w*\s+(?P<day>\d{1,2})(?:,?\s+(?P<year>20\d\d))?(?:,|\s+at)?\s+)?"
    r"(?:(?P<day3>\d{1,2})\s+(?P<month3>[A-Z][a-z]{2}),?\s+)?"
    r"(?P<hour>\d{1,2})(?!\d)(?::(?P<minute>\d{2}))?(?:\s*(?P<half>[ap]m))?"
    r"(?:\s+on\s+(?P<day2>\d{1,2})\s+(?P<month2>[A-Z][a-z]{2}))?(?:\s*\((?P<zone>[\w/+-]+)\))?"
)
_RESET = re.compile(rf"resets?\s+(?:at\s+)?{_WHEN}", re.I)
_MOMENT = re.compile(_WHEN, re.I)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def readings(text: str, *, lane: Lane, now: int) -> list[LimitReading]:
    """The official figures a pasted panel states; reset times are the next such moment after ``now``.

    Raises: BadInputError where no figure is found, or where the panel is the other client's.
    """
    other: Lane = "claude" if lane == "codex" else "codex"
    if _PANEL[other].search(text) and not _PANEL[lane].search(text):
        name = "Codex's" if other == "codex" else "Claude Code's"
        raise BadInputError(f"That is {name} panel.", f"governor calibrate --paste --lane {other}")
    found: dict[str, tuple[float, int | None]] = {}
    window = ""
    for line in text.splitlines():
        window = "" if _CREDITS.search(line) else _head(line) or window
        percent = _PERCENT.search(line)
        if percent and window and window not in found:
            value = float(percent[1].replace(",", "."))
            found[window] = (value if percent[2].lower() == "used" else 100 - value, None)
        reset = _RESET.search(line)
        if reset and window in found and found[window][1] is None:
            at = _moment(reset, now=now)
            if at is not None and window == "5h" and at > now + windows.LENGTH["5h"]:
                at -= 86_400  # a clock time without a date, minutes after it
            found[window] = (found[window][0], at)
    found = {name: one for name, one in found.items() if used_percent(one[0], MOST_TYPED) is not None}
    if not found:
        raise BadInputError(
            "No figure was found in what was pasted.", "copy the whole /usage panel, or: governor calibrate 60%"
        )
    return [LimitReading(lane, name, used, reset, now, "pasted") for name, (used, reset) in found.items()]


def reset(text: str, *, now: int) -> int | None:
    """When a window resets, in the client's words or our own: ``Sun 04:00``, ``4am``, ``Nov 29, 4am (UTC)``, ``3d 9h``.

    The next such moment after ``now``; None for anything else.
    """
    words = text.strip().lstrip("~").partition(", in ")[0]  # as a status goes on, and marks what is inferred
    if found := _MOMENT.fullmatch(words):
        return _moment(found, now=now)
    try:
        return now + spans.seconds(words.removeprefix("in "))
    except ValueError:
        return None


def _head(line: str) -> str:
    for pattern, name in _HEADS:
        if found := pattern.search(line):
            return name + found["family"].strip().lower() if name.endswith(":") else name
    return ""


def _moment(found: re.Match[str], *, now: int) -> int | None:
    """The next time the clock shows what the panel says; None where it says something impossible."""
    try:
        zone: tzinfo | None = ZoneInfo(found["zone"]) if found["zone"] else None
    except (KeyError, ValueError, OSError):
        zone = None
    here = datetime.fromtimestamp(now, zone)  # without a zone the system's own, over a change of clocks too
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    month = found["month"] or found["month2"] or found["month3"]
    day = found["day"] or found["day2"] or found["day3"]
    try:
        then = here.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
        if month and day:
            then = then.replace(month=_MONTHS.index(month.lower()) + 1, day=int(day))
            if found["year"]:
                then = then.replace(year=int(found["year"]))
            elif then < here - timedelta(days=1):
                then = then.replace(year=then.year + 1)
        elif found["weekday"]:
            then += timedelta(days=(_DAYS.index(found["weekday"].lower()) - then.weekday()) % 7)
            then += timedelta(days=7 * (then <= here))
        elif then <= here:
            then += timedelta(days=1)
    except ValueError:
        return None
    return int(then.timestamp())
