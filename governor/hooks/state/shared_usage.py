"""The book of what all sessions have used together, ``live/.shared``: locked, read, changed and written in one go.

Whoever rules on a budget of a day, a project or a tag holds the lock from looking to charging, so that however many
sessions call at once no more calls are made than the budget has. The order of locks is always: a session's own, then
this one. The rules of counting: governor.hooks.budget.shared_sums.
"""

from __future__ import annotations

import os

from governor.hooks.budget import rules as budget_rules
from governor.hooks.budget import shared_sums
from governor.hooks.state import locks, session_usage, transcript_growth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

NAME = ".shared"
LARGEST = 2**22  # bytes
ACTIVE_S = 2 * 3600  # other sessions' transcripts are looked at for this long after their last event
FILES = 20  # of one session that are looked at


class Together:
    """The book, held (``with``) while it is changed. Raises: as ``SessionUsage``."""

    def __init__(self, state_home: str, now: float) -> None:
        self.home = state_home
        self.now = now
        self.book: shared_sums.Book = {}
        self._descriptor = -1

    def __enter__(self) -> Together:
        from governor.hooks import runtime

        runtime.make_private(f"{self.home}/live")
        self._descriptor = locks.locked(f"{self.home}/live/{NAME}")
        self.book = _book(os.pread(self._descriptor, LARGEST, 0), self.home)
        return self

    def __exit__(self, *_: object) -> None:
        from governor.hooks import fast_json

        try:
            locks.rewrite(self._descriptor, fast_json.dumps(self.book))
        except OSError:
            pass  # a full disk: begun anew by whoever comes next
        finally:
            os.close(self._descriptor)

    def publish(self, session: session_usage.SessionUsage, *, heard: bool = True) -> None:
        """Put in what a session has counted, and note which files another hook should look at for more. ``heard``: by
        an event of its own.
        """
        state, files, name = session.state, self.book["files"], os.path.basename(session.path)
        if state["late"]:
            shared_sums.put(self.book, state["late"], day_of=session_usage.day_of)
            state["late"] = {}
        at = session.now if heard else files.get(name, [session.now])[0]
        if session.sizes:
            files[name] = [at, session.lane, session.session, list(session.sizes.items())[:FILES]]
        for other in [other for other, about in files.items() if about[0] < self.now - ACTIVE_S]:
            del files[other]

    def rows(self, snapshot: dict[str, Any], project: str) -> list[Any]:
        """The letter's budgets, those of all sessions with what was used of them by now."""
        listed = snapshot.get("budgets") or ()
        together = [row for row in listed if isinstance(row, dict) and row.get("per") in budget_rules.PERS]
        told = [
            shared_sums.used(self.book, row, project=project, now=self.now, day_of=session_usage.day_of)
            for row in together
        ]
        return [*budget_rules.own(snapshot), *(row for row in told if row is not None)]

    def grown(self, *, but: str) -> list[tuple[str, str]]:
        """(lane, session) of every other session whose transcripts have grown since it was last counted."""
        return [
            (about[1], about[2])
            for about in self.book["files"].values()
            if about[2] != but and any(transcript_growth.has_grown(path, size) for path, size in about[3])
        ]

    def call(self, session: session_usage.SessionUsage, *, more: int = 1) -> None:
        """Charge a tool call of a session; -1 takes one back."""
        shared_sums.call(self.book, _place(session.state, session.lane), session_usage.day_of(self.now), more=more)


def peek(home: str) -> shared_sums.Book:
    """The book as it stands, without holding it: for those who only show it."""
    from governor.hooks import runtime

    return _book(runtime.peek(f"{home}/live/{NAME}", LARGEST) or b"", home)


def _book(raw: bytes, home: str) -> shared_sums.Book:
    """What the file holds; begun anew where it is spoilt: sessions' own files have the calls, a refresh the rest."""
    from governor.hooks import fast_json

    try:
        book = fast_json.loads(raw.partition(b"\n")[0]) if raw else None
    except (ValueError, RecursionError):
        book = None
    if isinstance(book, dict) and shared_sums.is_sound(book):
        return book
    begun = shared_sums.fresh()
    for state in states(home):
        for day, count in state["days"].items():
            shared_sums.call(begun, _place(state), day, more=count)
    return begun


def catch_up(home: str, lane: str, session: str, rates: dict[str, Any], now: float, *, wait_s: float = 0.0) -> None:
    """Count another session's new responses for it, unless a hook of its own is doing so."""
    other = session_usage.SessionUsage(home, lane, session, now)
    other.wait_s = wait_s
    try:
        with other as used:
            if used.state["places"]:
                used.take_in({}, rates)
                with Together(home, now) as together:
                    together.publish(used, heard=False)
    except (OSError, locks.BusyError):
        pass


def states(home: str) -> Iterator[dict[str, Any]]:
    """What each session's own file holds; torn ones and those of another version are left out."""
    from governor.hooks import fast_json, runtime

    folder = f"{home}/live"
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.startswith("."):
            continue
        try:
            state = fast_json.loads((runtime.peek(f"{folder}/{name}", LARGEST) or b"").partition(b"\n")[0])
            days = {str(day): int(count) for day, count in state["days"].items()}
            calls = int(state["calls"].get("session", 0))
            session = str(state["session"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        yield {**state, "lane": name.partition("-")[0], "session": session, "days": days, "counted": calls}


def _place(state: dict[str, Any], lane: str = "") -> shared_sums.Place:
    return (lane or str(state["lane"]), str(state.get("project", "")), str(state.get("branch", "")))
