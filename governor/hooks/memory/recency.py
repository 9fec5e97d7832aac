"""Which entries of an index of memory are the least recent: the first to go.

That is, in this order: not part of the edit just made; then the day of the entry (the last change of the topic file it
links to, else the latest ISO date in its text, else that of the entry above it); then the place in the file, from the
top, because entries are appended.
"""

from __future__ import annotations

from governor.hooks.memory.md_blocks import FIXED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from governor.hooks.memory.md_blocks import Block


def least_recent(blocks: list[Block], bodies: list[str], fresh: frozenset[str], days: Mapping[str, str]) -> list[int]:
    """The entries' numbers, the first to go first."""
    ranked: list[tuple[bool, str, int]] = []
    day = ""
    for number, block in enumerate(blocks):
        if block.kind in FIXED:
            continue
        mine = bodies[block.start : block.stop]
        text = "\n".join(mine)
        linked = [days[name] for name in _linked(text) if name in days]
        day = max(linked or _dates(text) or [day])
        ranked.append((any(body.strip() in fresh for body in mine if body.strip()), day, number))
    return [number for _, _, number in sorted(ranked)]


def _linked(text: str) -> list[str]:
    """The names that links in the text lead to, without their section or title."""
    targets = [after.partition(")")[0] for after in text.split("](")[1:]]
    return [target.partition("#")[0].partition(' "')[0].strip(" <>").removeprefix("./") for target in targets]


def _dates(text: str) -> list[str]:
    """Every ISO day in the text."""
    found = []
    at = text.find("-", 4)
    while at >= 0:
        day, around = text[at - 4 : at + 6], text[at - 5 : at - 4] + text[at + 6 : at + 7]
        digits = day.replace("-", "")
        is_day = len(digits) == 8 and digits.isdecimal() and day[7] == "-" and not any(c.isdecimal() for c in around)
        if is_day and day[:2] in ("19", "20") and day[5] in "01" and day[8] in "0123":
            found.append(day)
        at = text.find("-", at + 1)
    return found
