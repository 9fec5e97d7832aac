"""The made-up service: how the subscription really meters, which nothing that reads the demo may know.

Every window counts the same hidden units, those of this machine and those of a second one that leaves no transcript.
What the person gets to see of it is a whole percentage, rounded down, and only while working here. ``truth.json``
tells the tests the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from governor.demo.life import Life, MadeUpResponse, MadeUpSession
    from governor.model import Lane

HOUR = 3600
WEEK = 7 * 24 * HOUR

INPUT, OUTPUT, CACHE_READ, CACHE_WRITE = 1.0, 5.0, 0.015, 1.0  # hidden weights
FACTOR = {  # by list output price, relative to Opus 5.5; a model not named here counts as 1
    "claude-fable-5-1": 2.5,
    "claude-fable-5-2": 2.0,
    "claude-sonnet-5-5": 0.5,
    "claude-haiku-5-5": 0.025,
    "gpt-5.6-sol": 1.0,
    "gpt-6.1-sol": 0.5,
    "gpt-6.1-terra": 0.25,
    "gpt-6-luna": 0.025,
}
UNITS_PER_PERCENT: dict[tuple[Lane, str], float] = {
    ("claude", "5h"): 30_000.0,
    ("claude", "week"): 110_000.0,
    ("codex", "5h"): 6_000.0,
    ("codex", "week"): 19_500.0,
}
CAREFUL = 65  # percent of the 5-hour window above which the second machine rests
RAISE = 1.25  # what the weekly cap of Claude was once multiplied by


def units(model: str, *, fresh: int, output: int, cache_read: int, cache_write: int) -> float:
    """What the hidden meter counts for one response, in plain input tokens of Opus 5.5."""
    tokens = fresh * INPUT + output * OUTPUT + cache_read * CACHE_READ + cache_write * CACHE_WRITE
    return tokens * FACTOR.get(model, 1.0)


class Stand(NamedTuple):
    """One window as the service would tell it at one moment."""

    window: str
    minutes: int
    used_percent: int
    resets_at: int


class Shown(NamedTuple):
    """A stand that reached this machine, and when."""

    lane: Lane
    observed_at: int
    stand: Stand


class MadeUpRefusal(NamedTuple):
    """The first time the person met a full window at the terminal."""

    session: MadeUpSession
    at_ms: int
    stand: Stand


class WeekEnd(NamedTuple):
    """How one weekly window went; the last one is still open."""

    starts_at: int
    resets_at: int
    used_percent: float
    peak_percent: float
    local_units: float
    elsewhere_units: float


class MadeUpWindow:
    """One window's running count. A 5-hour window opens with a message; a weekly one resets at its fixed time."""

    def __init__(self, name: str, *, resets_at: int, regimes: list[tuple[int, float]]) -> None:
        self.name = name
        self.minutes = 300 if name == "5h" else 10080
        self.resets_at = resets_at
        self.regimes = regimes
        self.used = self.peak = self.local = self.elsewhere = 0.0
        self.closed: list[WeekEnd] = []

    def percent(self, at: int) -> float:
        """Exact use at ``at`` (epoch seconds), capped at 100."""
        upp = [value for since, value in self.regimes if since <= at][-1]
        return min(100.0, self.used / upp)

    def roll(self, at: int) -> None:
        """Close every window that has ended by ``at`` and, for a 5-hour window, open the next."""
        while at >= self.resets_at:
            if self.resets_at:  # 0: never opened yet
                self.closed.append(self.end(self.resets_at - 1))
            self.used = self.peak = self.local = self.elsewhere = 0.0
            self.resets_at = self.resets_at + WEEK if self.name == "week" else at - at % HOUR + 5 * HOUR

    def count(self, at: int, amount: float, *, here: bool) -> None:
        self.used += amount
        self.peak = max(self.peak, self.percent(at))
        if here:
            self.local += amount
        else:
            self.elsewhere += amount

    def end(self, at: int) -> WeekEnd:
        starts_at = self.resets_at - self.minutes * 60
        return WeekEnd(starts_at, self.resets_at, self.percent(at), self.peak, self.local, self.elsewhere)

    def stand(self, at: int) -> Stand:
        return Stand(self.name, self.minutes, int(self.percent(at)), self.resets_at)


class MadeUpMeter:
    """What the service did: which responses it refused, what it showed, how each week ended."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.stands: dict[str, tuple[Stand, ...]] = {}  # after each response, by its id
        self.refused: list[MadeUpRefusal] = []
        self.windows: dict[tuple[Lane, str], MadeUpWindow] = {}


def settle(life: Life, lane: Lane, official: MadeUpMeter) -> None:
    """Replay one lane in the order of time and let the service count, show and refuse.

    Refused responses vanish from their sessions: from the moment a window stands at 100 until it resets.
    """
    week = MadeUpWindow("week", resets_at=life.first_reset[lane], regimes=life.regimes(lane, "week"))
    short = MadeUpWindow("5h", resets_at=0, regimes=life.regimes(lane, "5h"))
    official.windows[lane, "week"], official.windows[lane, "5h"] = week, short
    events: list[tuple[int, int, float, MadeUpSession | None, MadeUpResponse | None]] = [
        (at, serial, amount, None, None) for serial, (at, amount) in enumerate(life.elsewhere[lane])
    ]
    for one in life.family(lane):
        events += [(r.at_ms, len(events) + n, r.units, one, r) for n, r in enumerate(one.responses)]
    events.sort(key=lambda event: event[:2])
    refused: set[str] = set()
    gift_due = lane == "claude" and life.gift_at is not None
    spell = 0  # the present refusal ends then
    for at_ms, _, amount, session, response in events:
        at = at_ms // 1000
        if gift_due and life.gift_at is not None and at >= life.gift_at:
            week.used, gift_due = 0.0, False
        week.roll(at)
        short.roll(at)
        full = next((w for w in (week, short) if w.percent(at) >= 100), None)
        if full or (session is None and short.percent(at) > CAREFUL):
            if response and session:
                refused.add(response.id)
                if full and at >= spell and session.shows_status:
                    spell = full.resets_at
                    official.refused.append(MadeUpRefusal(session, at_ms, full.stand(at)))
                    official.shown += [Shown(lane, at + 1, w.stand(at)) for w in (short, week)]
            continue
        for window in (short, week):
            window.count(at, amount, here=session is not None)
        if response and session:
            stands = official.stands[response.id] = (short.stand(at), week.stand(at))
            if response.ends_turn and session.shows_status:
                official.shown += [Shown(lane, at + 1, stand) for stand in stands]
    if refused:
        for one in life.family(lane):
            one.responses = [r for r in one.responses if r.id not in refused]
