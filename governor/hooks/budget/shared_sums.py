"""What all sessions of this machine have used together: the book behind the budgets of a day, a project and a tag.

Pure: a book and a change go in, figures or the changed book come out. Who locks and writes it: governor.hooks.state.shared_usage.

Two parts make up what was used. ``base`` is what the ledger held at the last refresh; ``rows`` are the responses that
sessions have counted since and the ledger did not hold then, each under its own key. A refresh writes the one and takes
out of the other what is now in it, in one step, so that no response is in both and none in neither. Tool calls are
counted here alone, by day and place.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Book = dict[str, Any]
    Row = list[Any]
    Place = tuple[str, str, str]  # lane, project, branch

VERSION = 1
LANE, PROJECT, BRANCH, AT, BEGUN = range(5)
AMOUNTS = slice(5, 9)  # tokens, picodollars, units, unpriced responses
OUTPUT = 9
KEPT_ROWS = 400  # responses; beyond, where nobody refreshes, the older half becomes one row for each place and day
LOST_S = 900.0  # a response that the ledger did not meet within this time is not going to be met
KEPT_DAYS = 70  # a month's budget looks back no further
PICO = 1e12


def fresh() -> Book:
    """A book in which nothing was counted."""
    return {"version": VERSION, "as_of": 0, "base": {}, "rows": {}, "calls": {}, "files": {}}


def is_sound(book: object) -> bool:
    """Is this a book that can be counted with?"""
    if not isinstance(book, dict) or book.get("version") != VERSION or not isinstance(book.get("as_of"), (int, float)):
        return False
    if not all(isinstance(book.get(part), dict) for part in ("base", "rows", "calls", "files")):
        return False
    days = book["calls"].values()
    rows = all(isinstance(each, list) and len(each) == OUTPUT + 1 for each in book["rows"].values())
    return rows and all(isinstance(day, dict) and all(isinstance(n, int) for n in day.values()) for day in days)


def row(place: Place, *, at: float, begun: int = 0) -> Row:
    """A response of which nothing is counted yet. ``begun`` is the output that was counted of it before."""
    return [*place, at, begun, 0, 0, 0, 0, begun]


def plus(one: list[Any], other: list[Any]) -> list[Any]:
    """The sums, place by place."""
    return [value + other[place] for place, value in enumerate(one)]


def put(book: Book, rows: Mapping[str, Row], *, day_of: Callable[[float], str]) -> None:
    """Add what a session has counted since it last did so. More of a response adds to its row."""
    for key, new in rows.items():
        old = book["rows"].get(key)
        if old is not None:
            amounts = plus(old[AMOUNTS], new[AMOUNTS])
            new = [*old[:BEGUN], old[BEGUN], *amounts, max(old[OUTPUT], new[OUTPUT])]
        book["rows"][key] = new
    if len(book["rows"]) > KEPT_ROWS:
        _shorten(book, day_of)


def _shorten(book: Book, day_of: Callable[[float], str]) -> None:
    listed = sorted(book["rows"].items(), key=lambda item: item[1][AT])
    kept = dict(listed[KEPT_ROWS // 2 :])
    for _, old in listed[: KEPT_ROWS // 2]:
        key = "\t".join(("", day_of(old[AT]), *old[:AT]))
        into = kept.get(key) or row((old[LANE], old[PROJECT], old[BRANCH]), at=old[AT])
        kept[key] = [*into[:AT], max(into[AT], old[AT]), 0, *plus(into[AMOUNTS], old[AMOUNTS]), 0]
    book["rows"] = kept


def call(book: Book, place: Place, day: str, *, more: int = 1) -> None:
    """One more tool call was let through; -1 takes one back."""
    name = "\t".join(place)
    counts = book["calls"].setdefault(day, {})
    counts[name] = max(counts.get(name, 0) + more, 0)
    for old in sorted(book["calls"])[:-KEPT_DAYS]:
        del book["calls"][old]


def used(
    book: Book, budget: dict[str, Any], *, project: str, now: float, day_of: Callable[[float], str]
) -> dict[str, Any] | None:
    """A day's, project's or tag's budget as the snapshot has it, with what all sessions have used by now; None where no
    refresh has said what the ledger holds.
    """
    base = book["base"].get(budget.get("name"))
    if not isinstance(base, dict):
        base = budget
    since, until = base.get("since"), base.get("until")
    if not isinstance(since, (int, float)) or not isinstance(until, (int, float)):
        return None
    by_project = budget.get("per") == "project"
    stated = base.get("used")
    known: dict[str, Any] = stated if isinstance(stated, dict) else {}
    if by_project:
        mine = known.get(project)
        known = mine if isinstance(mine, dict) else {}
    if now >= until:  # a new day began since the refresh
        known, since = {}, until
    sums: list[float] = [0, 0, 0, 0]
    for each in book["rows"].values():
        if each[AT] >= since and is_meant(budget, each[LANE], each[PROJECT], each[BRANCH], project=project):
            sums = plus(sums, each[AMOUNTS])
    calls = sum(tool_calls(book, budget, first=day_of(since), project=project).values())
    figures = {
        "tokens": (known.get("tokens") or 0) + sums[0],
        "usd": (known.get("usd") or 0) + sums[1] / PICO,
        "units": (known.get("units") or 0) + sums[2],
        "unpriced": (known.get("unpriced") or 0) + sums[3],
        "tool_calls": calls,
    }
    return {**budget, "since": since, "as_of": base.get("as_of"), "used": figures}


def tool_calls(book: Book, budget: dict[str, Any], *, first: str, project: str | None = None) -> dict[str, int]:
    """Tool calls since the local date ``first`` that count towards a budget, by folder; with ``project``, its own."""
    found: dict[str, int] = {}
    for day, counts in book["calls"].items():
        if day < first:
            continue
        for name, count in counts.items():
            lane, folder, branch = [*name.split("\t"), "", ""][:3]
            mine = folder if project is None else project
            if count and is_meant(budget, lane, folder, branch, project=mine):
                found[folder] = found.get(folder, 0) + count
    return found


def is_meant(budget: dict[str, Any], lane: str, folder: str, branch: str, *, project: str) -> bool:
    """Does what was used in this lane, folder and branch count towards the budget, for a session in ``project``?"""
    from governor.hooks.budget.rules import matches

    if budget.get("lane") not in (None, lane) or not matches(folder, budget.get("project", "*")):
        return False
    if budget.get("per") == "project":
        return folder == project
    return budget.get("per") != "tag" or is_tagged(budget, folder, branch)


def is_tagged(budget: dict[str, Any], folder: str, branch: str) -> bool:
    """Is a folder and branch under the budget's tag? The first tag that matches counts, as in ``governor usage``."""
    from governor.hooks.budget.rules import matches

    for tag in budget.get("tags") or ():
        if matches(folder, tag.get("project", "*")) and matches(branch, tag.get("branch", "*")):
            return bool(tag.get("tag") == budget.get("tag"))
    return False


def unfinished(book: Book, counted: Mapping[str, int]) -> list[str]:
    """The responses that the ledger holds by an earlier line than their row, which is whole: they count by the row."""
    rows = book["rows"]
    return [
        key for key, output in counted.items() if key in rows and output < rows[key][OUTPUT] and not rows[key][BEGUN]
    ]


def refreshed(book: Book, base: dict[str, Any], counted: Mapping[str, int], *, as_of: float) -> None:
    """Take over what the ledger holds. ``counted`` has the output by which it holds each row's response; ``base``
    leaves out those that are ``unfinished``.
    """
    book["as_of"], book["base"] = as_of, base
    book["rows"] = {
        key: each
        for key, each in book["rows"].items()
        if each[OUTPUT] > counted.get(key, -1) and not _is_lost(key, each, as_of)
    }


def _is_lost(key: str, each: Row, as_of: float) -> bool:
    return float(each[AT]) <= as_of - (0 if key.startswith("\t") else LOST_S)
