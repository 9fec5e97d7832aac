"""Which figure holds: whatever sessions show, in whatever order it arrives, a figure falls only with evidence.

A made-up meter, true and known. Sessions answer, fail, are cleared, opened twice, and repaint old figures at any time.
"""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import NOW

from governor.hooks.statusline import rules as statusline_rules
from governor.model import LimitReading
from governor.pipeline.spool import reading as spooled
from governor.quota import resets, windows

BEGIN, RESET = NOW, NOW + 5 * 86_400


class Answered(NamedTuple):
    """One answer: what the meter said when it began."""

    began: int
    percent: float


class Client:
    """One client process: its snapshot of the meter, its count of API time, the session it is in."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.api_ms = 0
        self.shown: Answered | None = None

    def event(self) -> dict[str, Any]:
        limits = {}
        if self.shown is not None:
            limits["seven_day"] = {"used_percentage": self.shown.percent, "resets_at": RESET + self.api_ms % 3}
        return {"session_id": self.session, "cost": {"total_api_duration_ms": self.api_ms}, "rate_limits": limits}


class World:
    """Everybody's sessions against one meter, and what the tap made of it."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.true = 10.0
        self.reset_at: int | None = None
        self.clients = [Client("a"), Client("b"), Client("c")]
        self.running: list[tuple[Client, Answered, int]] = []
        self.memos: dict[str, dict[str, Any]] = {}
        self.readings: list[LimitReading] = []
        self.reported: list[Answered] = []
        self.sessions = 3

    def tick(self, seconds: int) -> None:
        self.now += seconds

    def use(self, points: float) -> None:
        self.true = min(self.true + points, 130.0)

    def give_back(self) -> None:
        self.true, self.reset_at = 0.0, self.now

    def ask(self, client: Client) -> None:
        if not any(each is client for each, _, _ in self.running):
            self.running.append((client, Answered(self.now, round(self.true)), self.now))

    def answer(self, client: Client, *, fails: bool = False) -> None:
        for each in list(self.running):
            if each[0] is client:
                self.running.remove(each)
                client.api_ms += (self.now - each[2]) * 1000 + 5
                client.shown = client.shown if fails else each[1]

    def clear(self, client: Client) -> None:
        self.running = [each for each in self.running if each[0] is not client]
        self.sessions += 1
        client.session, client.api_ms = f"s{self.sessions}", 0

    def paint(self, client: Client) -> None:
        told, memo = statusline_rules.take(client.event(), self.memos.get(client.session, {}), now=self.now)
        self.memos[client.session] = json.loads(json.dumps(memo))
        for record in told:
            reading = spooled(record)
            assert reading is not None
            self.readings.append(reading)
            if client.shown is not None and client.shown.percent == reading.used_percent:
                self.reported.append(client.shown)

    def official(self, shuffle: random.Random) -> float | None:
        """As the ledger has it: by the second, in any order within one."""
        mine = list(self.readings)
        shuffle.shuffle(mine)
        mine.sort(key=lambda reading: reading.observed_at)
        window = windows.current("claude", "week", mine, now=self.now)
        found = windows.official(window, mine, now=self.now)
        return found and found.used_percent

    def floor(self) -> float:
        """The highest true figure that was told of the meter since it was last reset."""
        since = -1 if self.reset_at is None else self.reset_at
        return max((each.percent for each in self.reported if each.began >= since), default=-1.0)


TURNS = {  # what people do, as the steps it is made of
    "turn": ("ask", 9, "answer", "paint", 30),
    "unseen": ("ask", 9, "answer", 30),
    "failing": ("ask", 9, "fail", "paint", 30),
    "begun": ("ask", 2),
    "ended": (600, "answer", "paint"),
    "idle": ("paint", 5),
    "cleared": ("clear", "paint", 5),
    "asked": ("ask",),
    "answered": ("answer",),
    "failed": ("fail", "paint"),
}
STEP = st.one_of(
    st.tuples(st.just("tick"), st.sampled_from([1, 2, 7, 40, 300, 2000])),
    st.tuples(st.just("use"), st.sampled_from([1.0, 2.0, 5.0, 30.0])),
    st.tuples(st.sampled_from(sorted(TURNS)), st.integers(0, 2)),
    st.tuples(st.sampled_from(["turn", "failing", "ended"]), st.integers(0, 1)),
)


def lived(steps: list[tuple[str, Any]], world: World) -> None:
    for what, about in steps:
        if what in ("tick", "use"):
            getattr(world, what)(about)
            continue
        client = world.clients[about]
        for step in TURNS.get(what, (what,)):
            if isinstance(step, int):
                world.tick(step)
            elif step == "fail":
                world.answer(client, fails=True)
            else:
                getattr(world, step)(client)


HIGH = [("use", 30.0), ("turn", 1)]
STALE = {  # an old figure, shown by an answer that seems fresh, and once more after it
    "was painted long after it was answered": [("idle", 0), ("unseen", 0), *HIGH, ("tick", 40), ("idle", 0)],
    "was under way when it was painted": [("idle", 0), ("asked", 0), ("tick", 2), *HIGH, ("idle", 0), ("ended", 0)],
    "began before the higher one": [("idle", 0), ("asked", 0), *HIGH, ("ended", 0)],
    "is another session's, after /clear": [("turn", 0), *HIGH, ("cleared", 0)],
    "goes on unchanged, signed in elsewhere": [("turn", 0), *HIGH, ("tick", 40), ("idle", 0)],
    "was never seen before": [("unseen", 0), *HIGH, ("tick", 40), ("idle", 0)],
}


@pytest.mark.parametrize("story", STALE)
def test_an_old_figure_that_looks_fresh_lowers_nothing(story: str) -> None:
    world = World()
    again = [("failing", 0), ("tick", 700)]
    lived([*STALE[story], *again, *again, ("turn", 2), *again], world)
    assert 40.0 == world.official(random.Random(1))


@given(st.lists(STEP, min_size=6, max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_without_a_reset_the_official_figure_never_falls_below_what_was_told(
    steps: list[tuple[str, Any]], shuffle: random.Random
) -> None:
    world = World()
    for step in steps:
        lived([step], world)
        told = max((reading.used_percent for reading in world.readings), default=None)
        assert told == world.official(shuffle)


@given(st.lists(STEP, max_size=50), st.lists(STEP, max_size=50), st.randoms(use_true_random=False), st.integers(0, 2))
@settings(max_examples=150, deadline=None)
def test_after_a_true_reset_the_figure_comes_down_by_evidence_and_never_below_what_was_told_since(
    before: list[tuple[str, Any]], after: list[tuple[str, Any]], shuffle: random.Random, who: int
) -> None:
    world = World()
    lived(before, world)
    world.give_back()
    world.tick(1)
    for step in after:
        if step[0] != "use":
            lived([step], world)
        known = world.official(shuffle)
        assert world.floor() - resets.RESET_DROP < (-1 if known is None else known) or world.floor() < 0
    # How soon: by the time that any one session's figure has moved, and the next two answers are painted.
    client = world.clients[who]
    world.answer(client)
    world.paint(client)
    for _ in range(4):
        world.tick(40)
        world.use(1)
        world.ask(client)
        world.tick(5)
        world.answer(client)
        world.paint(client)
    known = world.official(shuffle)
    assert known is not None
    assert known < max(world.floor(), 0.0) + resets.RESET_DROP


@pytest.mark.parametrize("answers", range(4))
def test_one_session_alone_proves_a_reset_with_its_second_answer(answers: int) -> None:
    world = World()
    world.true = 96.0
    client = world.clients[0]
    lived([("turn", 0), ("use", 1.0), ("turn", 0)], world)
    world.give_back()
    for _ in range(answers):
        lived([("turn", 0)], world)
    assert client.shown is not None
    assert (97.0 if answers < 2 else 0.0) == world.official(random.Random(1))


def test_a_long_answer_is_of_when_it_began() -> None:
    """It began at 60 %, and ended after another session had heard 97 %."""
    world = World()
    world.true = 60.0
    lived([("paint", 0), ("ask", 0), ("tick", 5), ("answer", 0), ("paint", 0), ("tick", 60)], world)
    world.use(1)
    lived([("ask", 0), ("tick", 60)], world)
    world.use(36)
    lived([("paint", 1), ("ask", 1), ("tick", 5), ("answer", 1), ("paint", 1), ("tick", 600)], world)
    lived([("answer", 0), ("paint", 0)], world)
    assert 97.0 == world.official(random.Random(1))
