"""How one session goes: prompts, responses, a context that grows, a cache that goes cold, subagents, compaction.

Numbers only; the writers (``claude``, ``codex``) put them into each client's own words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from governor.demo.official import RAISE, UNITS_PER_PERCENT, units

if TYPE_CHECKING:
    import random

    from governor.model import Lane

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class SessionHabit(NamedTuple):
    """What is typical of one kind of session. Medians, except ``steps``."""

    base: int  # tokens of system prompt and tools
    growth: int  # tokens that a prompt or a tool result adds
    output: int  # tokens of one response
    full: int  # context at which the client compacts
    cache_s: int  # life of the prompt cache
    steps: float  # mean responses a turn
    think_s: float  # pause between turns


MAIN = SessionHabit(16_000, 2_100, 800, 600_000, 3600, 4.0, 110.0)
MARATHON = SessionHabit(16_000, 2_300, 560, 600_000, 3600, 3.0, 240.0)
AGENT = SessionHabit(9_000, 2_000, 330, 160_000, 300, 12.0, 5.0)
CODEX = SessionHabit(11_000, 2_600, 650, 220_000, 1800, 4.0, 130.0)


class MadeUpResponse(NamedTuple):
    """One answer of the model. ``at_ms`` is the time of its first line."""

    id: str
    at_ms: int
    model: str
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    reasoning: int
    units: float
    turn: int
    ends_turn: bool
    blocks: int  # content blocks; Claude Code writes one line for each
    compacted_from: int  # context just before a compaction that came before this response, else 0


@dataclass(slots=True, eq=False)
class MadeUpSession:
    """One transcript: a main session, a subagent (it has a ``parent``), or a Codex thread."""

    lane: Lane
    id: str
    project: str
    branch: str
    surface: str
    model: str
    version: str
    habit: SessionHabit
    agent: str = "main"
    parent: MadeUpSession | None = None
    forked_from: MadeUpSession | None = None
    spawned_by: str = ""  # id of the parent's response that started this subagent
    responses: list[MadeUpResponse] = field(default_factory=list)
    agents: list[MadeUpSession] = field(default_factory=list)
    notified: set[int] = field(default_factory=set)  # turns begun by a finished subagent, not by the person
    context: int = 0
    turns: int = 0

    @property
    def shows_status(self) -> bool:
        """Only the terminal interface has a status line; headless and editor sessions show no percentages."""
        return self.parent is None and self.surface == "cli"


@dataclass(slots=True, eq=False)
class Life:
    """Everything that happened, both lanes, before the service has had its say."""

    now: int
    weeks: int
    first_reset: dict[Lane, int]
    sessions: list[MadeUpSession] = field(default_factory=list)
    elsewhere: dict[Lane, list[tuple[int, float]]] = field(default_factory=lambda: {"claude": [], "codex": []})
    cap_raised_at: int | None = None
    gift_at: int | None = None
    vacation: tuple[int, int] | None = None
    marathons: list[MadeUpSession] = field(default_factory=list)
    resumed: list[MadeUpSession] = field(default_factory=list)
    forks: list[MadeUpSession] = field(default_factory=list)

    def family(self, lane: Lane) -> list[MadeUpSession]:
        """Every transcript of a lane, each main session followed by its subagents."""
        return [one for main in self.sessions if main.lane == lane for one in (main, *main.agents)]

    def regimes(self, lane: Lane, window: str) -> list[tuple[int, float]]:
        """(since epoch s, units per percent) of a window, oldest first."""
        first = UNITS_PER_PERCENT[lane, window]
        raised = self.cap_raised_at if (lane, window) == ("claude", "week") else None
        return [(0, first)] + ([(raised, first * RAISE)] if raised is not None else [])


def identity(rng: random.Random) -> str:
    """A random UUID, version 4 in looks."""
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def around(rng: random.Random, median: float, sigma: float = 0.7) -> float:
    """A positive number around a median; most days are ordinary and some are not."""
    return rng.lognormvariate(0.0, sigma) * median


def work(session: MadeUpSession, rng: random.Random, *, start_ms: int, until_ms: int, budget: float) -> float:
    """Carry a session on from ``start_ms`` until its budget of units or the time is up.

    Returns: the units spent, its subagents' included. The last response may overrun the budget, never the time.
    """
    spent, clock = 0.0, start_ms
    agents_before = len(session.agents)
    while spent < budget and clock < until_ms:
        session.turns += 1
        steps = min(25, 1 + int(rng.expovariate(1 / (session.habit.steps - 1))))
        added = 200 + int(around(rng, session.habit.growth))
        for step in range(1, steps + 1):
            response = _respond(session, rng, clock=clock, added=added, last=step == steps)
            if response.at_ms >= until_ms:
                if session.responses and session.responses[-1].turn == session.turns:
                    session.responses[-1] = session.responses[-1]._replace(ends_turn=True)
                return spent
            session.responses.append(response)
            session.context = response.input + response.cache_read + response.cache_write_1h + response.cache_write_5m
            spent += response.units
            if session.lane == "claude" and session.parent is None and step < steps and rng.random() < 0.022:
                spent += _delegate(session, rng, response=response, until_ms=until_ms)
            clock = response.at_ms + int(1000 * (2 + around(rng, 5, 0.9)))
            added = 60 + int(around(rng, session.habit.growth))
        clock += int(1000 * around(rng, session.habit.think_s, 0.8))
        if len(session.agents) > agents_before:
            agents_before = len(session.agents)
            session.notified.add(session.turns + 1)
    return spent


def _respond(session: MadeUpSession, rng: random.Random, *, clock: int, added: int, last: bool) -> MadeUpResponse:
    habit = session.habit
    previous = session.responses[-1] if session.responses else None
    kept = session.context + (previous.output if previous else 0)
    compacted_from = 0
    if kept + added > habit.full:
        compacted_from, kept = kept, habit.base + 14_000
    fresh = rng.randint(2, 12)
    last_ms = previous.at_ms if previous else clock  # a fork finds its parent's cache still warm
    cold = not session.context or clock - last_ms > habit.cache_s * 1000
    if cold:
        cache_read, write = (0 if rng.random() < 0.3 else habit.base - 4_000), max(kept, habit.base) + added
        write -= cache_read
    elif compacted_from:
        cache_read, write = habit.base, 14_000 + added
    else:
        cache_read, write = session.context, kept + added - session.context
    output = min(16_000, 20 + int(around(rng, habit.output, 0.8)))
    reasoning = int(output * rng.random() * 0.6)
    if session.lane == "codex":  # no separate price for cache writes: what is not cached is plain input
        fresh, write = fresh + write + cache_read % 128, 0
        cache_read -= cache_read % 128
    short_lived = session.parent is not None
    return MadeUpResponse(
        id=f"{rng.getrandbits(96):024x}",
        at_ms=clock + 1500 + int(output * 1000 / 65) + rng.randrange(1000),
        model=session.model,
        input=fresh,
        output=output,
        cache_read=cache_read,
        cache_write_5m=write if short_lived else 0,
        cache_write_1h=0 if short_lived else write,
        reasoning=reasoning,
        units=units(session.model, fresh=fresh, output=output, cache_read=cache_read, cache_write=write),
        turn=session.turns,
        ends_turn=last,
        blocks=rng.choice((1, 2, 2, 3)),
        compacted_from=compacted_from,
    )


def _delegate(session: MadeUpSession, rng: random.Random, *, response: MadeUpResponse, until_ms: int) -> float:
    """Start one background subagent; the session itself goes on meanwhile."""
    model = rng.choice(
        ("claude-haiku-5-5", "claude-haiku-5-5", "claude-sonnet-5-5", "claude-sonnet-5-5", session.model)
    )
    agent = MadeUpSession(
        lane=session.lane,
        id=f"a{rng.getrandbits(64):016x}",
        project=session.project,
        branch=session.branch,
        surface=session.surface,
        model=model,
        version=session.version,
        habit=AGENT,
        agent=rng.choice(("Explore", "Explore", "general-purpose", "reviewer")),
        parent=session,
        spawned_by=response.id,
    )
    spent = work(agent, rng, start_ms=response.at_ms + 900, until_ms=until_ms, budget=1.0)
    if agent.responses:
        session.agents.append(agent)
    return spent
