"""The text of a usage panel, pasted: Claude Code's ``/usage``, Codex's ``/status``, or claude.ai's settings page.

::

    Current session                                    All models
    █████████████████████            42% used          Resets Tue 10:00 AM
    Resets 5:08am (UTC)                                42% used

    Weekly limit: [███████░░░] 39% left (resets 09:00 on 25 Nov)

A row goes from its heading to the next one. Its percentage and its reset are its own, on whichever side they stand.
What is not understood is named; no figure is given to another window, and no reset to another row.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from governor.clients.panel_words import FAMILIES, FIVE_HOURS, LEFT, NO_WINDOW, OTHER_WINDOWS, RESET, USED, WEEK
from governor.errors import BadInputError
from governor.limit_facts import MOST_TYPED, used_percent
from governor.model import Lane, LimitReading
from governor.quota import stated_times, windows

WHOLE_PANEL = "copy the whole /usage panel, or: governor calibrate 60%"
_PANEL: dict[Lane, re.Pattern[str]] = {
    "claude": re.compile(r"\bcurrent (week|session)\b", re.I),
    "codex": re.compile(r"\b(weekly|5[- ]?h(our)?s?) limit:", re.I),
}
_PARTS = re.compile(r"[|·∙•]+")  # between two statements on one line
_DRAWN = re.compile(r"[^\w\s%.,:;()/+'$€£¥&~–—-]|(?<!\w)[-–—_]{2,}")  # what progress bars and boxes are drawn with
_FIGURE = re.compile(
    rf"(?:(?<![A-Za-z])(?P<before>{USED}|{LEFT})[\s:]{{0,3}})?(?P<value>-?\d+(?:[.,]\d+)?)\s*%"
    rf"(?:\s*(?P<after>{USED}|{LEFT}))?",
    re.I,
)
_SPLIT = re.compile(rf"%[ \t]*\n\s*(?=(?:{USED}|{LEFT})\b)", re.I)  # a figure and its word on two lines
_RESETS = re.compile(RESET, re.I)
# Codex's own limits of one model: its name stands before the window's.
_MODEL = re.compile(r"(?P<family>[A-Za-z][\w.]*(?:-[\w.]+)+|\w*\d[\w.]*)\s+(?=5[- ]?h|weekly)", re.I)
_AHEAD_S = {"5h": windows.LENGTH["5h"], "day": 86_400, "week": 8 * 86_400}


class Panel(NamedTuple):
    """``readings`` are sure. ``unread`` are the pieces that were not understood, as they stand, with what is lost."""

    readings: list[LimitReading]
    unread: list[str]


class _Row:
    """One heading and what stands under it. ``window`` is empty for a row that is no window of the plan's."""

    def __init__(self, window: str, heading: str) -> None:
        self.window = window
        self.heading = heading
        self.figures: set[float] = set()
        self.resets: set[str] = set()
        self.strange: list[str] = []
        self.bare: set[float] = set()  # percentages of which nothing says whether they are used or left


def readings(text: str, *, lane: Lane, now: int) -> list[LimitReading]:
    """The official figures a pasted panel states: see ``panel``. Raises: BadInputError."""
    return panel(text, lane=lane, now=now).readings


def panel(text: str, *, lane: Lane, now: int) -> Panel:
    """The official figures a pasted panel states; reset times are the next such moment after ``now``.

    Raises: BadInputError where no figure is found, where one is not understood, or where the panel is the other
    client's.
    """
    plain = stated_times.plain(text)
    other: Lane = "claude" if lane == "codex" else "codex"
    if _PANEL[other].search(plain) and not _PANEL[lane].search(plain):
        name = "Codex's" if other == "codex" else "Claude Code's"
        raise BadInputError(f"That is {name} panel.", f"governor calibrate --paste --lane {other}")
    found: dict[str, LimitReading] = {}
    unread: list[str] = []
    for row in _rows(plain):
        if not row.window:
            continue
        strange = [*row.strange, *(f"{value:g}%" for value in sorted(row.bare - row.figures))]
        strange += [f"{value:g}% as well" for value in sorted(row.figures)[1:]]
        if strange:
            said = f"{row.heading!r}: {', '.join(map(repr, strange))}"
            raise BadInputError(f"No figure was taken, for this is not understood under {said}.", WHOLE_PANEL)
        if not row.figures:  # a heading of a section
            continue
        resets_at, doubt = _reset(row, now=now)
        unread += [doubt] if doubt else []
        reading = LimitReading(lane, row.window, row.figures.pop(), resets_at, now, "pasted")
        if found.setdefault(row.window, reading) != reading:
            raise BadInputError(f"No figure was taken, for {row.heading!r} has two that differ.", WHOLE_PANEL)
    if not found:
        raise BadInputError("No figure was found in what was pasted.", WHOLE_PANEL)
    return Panel(list(found.values()), unread)


def reset(text: str, *, now: int) -> int | None:
    """When a window resets, in the client's words or our own: ``Sun 04:00``, ``4am``, ``Nov 29, 4am (UTC)``, ``3d 9h``.

    The next such moment after ``now``; None for anything else.
    """
    # as a status goes on, and marks what is inferred
    return stated_times.moment(text.strip().lstrip("~").partition(", in ")[0], now=now)


def _rows(plain: str) -> list[_Row]:
    """The rows, in order. Raises: BadInputError for a figure that stands before any heading."""
    rows: list[_Row] = []
    for line in _PARTS.sub("\n", _SPLIT.sub("% ", plain)).split("\n"):
        heading = re.sub(r"\s+", " ", _DRAWN.sub(" ", line)).strip()
        window = _window(heading)
        if window is not None:
            rows.append(_Row(window, heading[:60]))
        if rows:
            _take(rows[-1], heading)
        elif (figure := _FIGURE.search(heading)) and (figure["before"] or figure["after"]):
            raise BadInputError(f"No figure was taken, for {figure[0]!r} stands before any heading.", WHOLE_PANEL)
    return rows


def _window(heading: str) -> str | None:
    """The window that a line heads; "" for a row that is no window of the plan's, None where it is no heading."""
    words = _FIGURE.sub(" ", heading).strip()
    if re.search(NO_WINDOW, words, re.I):
        return ""
    for pattern in FAMILIES:
        if family := re.search(pattern, words, re.I):
            return f"week:{family['family'].strip().lower()}"
    own = _MODEL.match(words)
    suffix = f":{own['family']}" if own else ""
    for name, pattern in (("5h", FIVE_HOURS), ("week", WEEK), *OTHER_WINDOWS):
        at = re.match(pattern, words[own.end() :] if own else words, re.I)
        if at:
            return name + suffix
    return None


def _take(row: _Row, line: str) -> None:
    """Learn a figure and a reset from one line of this row."""
    for figure in _FIGURE.finditer(line):
        words = {word.lower() for word in (figure["before"], figure["after"]) if word}
        is_left = {bool(re.fullmatch(LEFT, word, re.I)) for word in words}
        value = float(figure["value"].replace(",", "."))
        used = 100 - value if is_left == {True} else value if is_left == {False} else None
        if not words:
            row.bare.add(value)
        elif used is None or (is_left == {True} and value > 100) or used_percent(used, MOST_TYPED) is None:
            row.strange.append(figure[0].strip())
        else:
            row.figures.add(used)
    rest = _FIGURE.sub("\n", line)
    if word := _RESETS.search(rest):
        row.resets.add(rest[: word.start()].rpartition("\n")[2] + "\0" + rest[word.end() :].partition("\n")[0])


def _reset(row: _Row, *, now: int) -> tuple[int | None, str]:
    """(when the row's window resets, what of it was not understood)."""
    moments = set()
    for said in row.resets:
        before, _, after = said.partition("\0")
        phrase = after.strip(" :")
        if not re.search(r"\d", phrase):  # the word stands behind the time, as in Japanese and German
            phrase = re.sub(r"^(?:wird|will be)\s+", "", before.strip(" (:"), flags=re.I)
        if phrase.count(")") > phrase.count("("):
            phrase = phrase.rpartition(")")[0]
        moments.add(_possible(stated_times.moment(phrase, now=now), row.window, now=now))
    if len(moments) > 1:
        return None, f"{row.heading}: it resets at two times; neither was taken"
    at = next(iter(moments), None)
    if at is None and row.resets:
        said = " ".join(next(iter(row.resets)).replace("\0", " resets ").split())
        return None, f"{row.heading}: when it resets ({said[:80]})"
    return at, ""


def _possible(at: int | None, window: str, *, now: int) -> int | None:
    """The moment, unless this window cannot reset then."""
    base = window.partition(":")[0]
    most = _AHEAD_S.get(base, 32 * 86_400)
    if at is not None and base == "5h" and at > now + most:
        at -= 86_400  # a clock time without a date, minutes after it
    return at if at is not None and now - 3600 <= at <= now + most + 60 else None
