"""The nouns every room speaks in: what one response used, what the official meter said, what it all adds up to.

Values only. They are named tuples because two hundred thousand of them are made during a first scan and cross a
process boundary: a frozen dataclass with slots costs four times as much to build and ten times as much to pickle
(docs/decisions.md, "Named tuples").

Units, everywhere in this package: tokens are whole tokens; money is whole **picodollars** (1e-12 USD, so that every
list price per million tokens is a whole number per token and sums are exact); ``*_ms`` are milliseconds and other
``*_at`` whole seconds since 1970-01-01 UTC; percentages run 0-100 (and may pass 100 on usage credits).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Any, Literal, NamedTuple
from zlib import crc32

Lane = Literal["claude", "codex"]
LANES: tuple[Lane, ...] = ("claude", "codex")

PICO_PER_USD = 10**12


class Account(NamedTuple):
    """One sign-in of one client: its windows, its readings and its use belong together, and to no other."""

    lane: Lane
    name: str  # accounts.name_of its config folder, or the id that the client states
    keys: tuple[str, ...]  # every name it has in the ledger; the empty one is what nobody named
    is_named: bool = True  # does the environment of this command mean it?

    @property
    def mark(self) -> str:
        """What names its episodes and alerts: eight hex digits, for a path may be longer than a file's name."""
        return f"{crc32(f'{self.lane}:{self.name}'.encode()):08x}"


class Usage(NamedTuple):
    """What one model response used, as one line of a transcript states it.

    ``input`` never includes cached input, in either lane. ``output`` includes ``reasoning``. ``context`` is the
    prompt the model saw in its largest single request (input + cache reads + cache writes), which is what long
    context tiers are priced by; it is not a sum over server-side steps.
    """

    # What is the response's own:
    key: str  # identity of the response; see clients.claude.copies.identity and clients.codex
    part: int  # 0 is the response; 1, 2, ... server-side steps billed at a model of their own; BOOKED is neither
    at_ms: int  # the earliest line of this response
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    reasoning: int
    searches: int  # web searches, billed apiece
    context: int
    fast: bool  # fast mode / priority tier
    us_only: bool  # inference pinned to US data centres, priced 1.1x
    final: bool  # False: the client never wrote a final output count, so output is a floor
    # How this line ranks among repeats of the same response (ledger.schema.BETTER):
    main: bool  # from the main session rather than a sidechain
    line_ms: int  # this line's own time
    born_ms: int  # the first time stamp in its file: the original of a fork is older than its copy
    tie: int  # a hash of the file's own name, so that the order of files never decides
    replay: bool  # Codex: stands in the burst with which a fork repeats its parent; see ledger.count.settle
    # The names, which it shares with its neighbours in the file; they travel and are numbered once for all of them:
    lane: Lane
    model: str
    session: str
    agent: str  # "main", or the subagent's type
    thread: str  # the subagent's or Codex thread's own id; the session's for the main thread
    project: str
    branch: str
    commit: str
    surface: str  # where the client ran: cli, sdk-cli, vscode, exec, ...


NAMES = Usage._fields.index("lane")  # where the names begin
# Codex: a thread that repeats another's totals does so in its first 0.1-1.7 s; its first own response comes after
# 5.9 s (9 of 9 forks). One of 190 other threads has a response of its own within this time.
REPLAY_MS = 3000


def rank(usage: Usage) -> tuple[int, ...]:
    """How good a line is among the repeats of its response; the greatest wins whole.

    The largest output first (early lines of older clients hold a placeholder, and last equals largest in 26,858 of
    26,858 measured groups), then a real line before a fork's replay, the main session's before a sidechain's, then the
    first: the earliest line, of the file born first. ``ledger.schema.BETTER`` says so in SQL; a test compares them.
    """
    return (usage.output, not usage.replay, usage.main, -usage.line_ms, -usage.born_ms, -usage.tie)


AUXILIARY = "auxiliary"  # surface and agent of what a client's books hold beyond its lines (governor.ledger.unlogged)
BOOKED = -1  # the ``part`` of such rows: no response, and no step of one


class Booked(NamedTuple):
    """What a client's own books say that one model used in one session until then: cumulative, exactly as it billed.

    ``spent_ms`` is how long the session's processes ran, which numbers the statements of one counter; ``epoch`` and
    ``ancestors`` are those of ``unlogged.Checkpoint``.
    """

    session: str
    epoch: int
    spent_ms: int
    model: str
    at_ms: int
    project: str
    ancestors: tuple[tuple[str, int], ...]
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    reasoning: int
    searches: int
    cost: int  # picodollars, as the client itself priced it
    is_split: bool  # False: the client did not tell cache writes of 5 minutes from those of an hour
    account: str = ""  # whose the transcript is


class LimitReading(NamedTuple):
    """One statement of the official meter about one window."""

    lane: Lane
    window: str  # "5h", "week", "week:<family>", or "<n>m" for a window of n minutes nobody named
    used_percent: float
    resets_at: int | None
    observed_at: int
    source: str  # statusline | rollout | stream | client | typed | pasted | refused
    account: str | None = None  # whose: the id that a client states, else accounts.name_of its config folder
    plan: str | None = None
    began_at: int | None = None  # the answer that brought it began then or later; None where it may be an old figure
    session: str | None = None  # whose answer: those of one session follow each other


class Problem(NamedTuple):
    """A line, or a file, that could not be read as it stands. Never an exception: the good lines go on."""

    path: str
    offset: int | None
    reason: str


class Cursor(NamedTuple):
    """How far one transcript has been read, and how to notice that it is no longer the same file."""

    path: str
    inode: int
    size: int  # as last seen, torn tail included
    mtime_ns: int
    offset: int  # just past the last complete line
    mark: int  # crc32 of the bytes around the start and just before ``offset``
    state: dict[str, Any]  # what the parser must remember across reads (plain JSON)


class Reading(NamedTuple):
    """What one pass over one transcript brought."""

    usages: list[Usage]
    limits: list[LimitReading]
    problems: list[Problem]
    cursor: Cursor
    booked: Sequence[Booked] = ()


class Tally(NamedTuple):
    """A sum of usages. Tallies add up; the empty tally is the zero."""

    requests: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    searches: int = 0
    cost: int = 0  # picodollars, priced requests only
    unpriced_requests: int = 0
    floor_requests: int = 0  # requests whose output is only a lower bound
    units: float = 0.0  # meter units: what the quota counts, in plain input tokens of the reference model

    def __add__(self, other: Tally) -> Tally:  # type: ignore[override]
        return Tally._make(map(add, self, other))

    @property
    def total(self) -> int:
        """Every token, of every kind."""
        return self.input + self.output + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def generated(self) -> int:
        """Fresh tokens: input + output."""
        return self.input + self.output

    @property
    def fresh(self) -> int:
        """What budgets count as tokens: all but cache reads, which are the same context sent again every turn."""
        return self.total - self.cache_read

    @property
    def usd(self) -> float:
        """Notional list price in USD. Never a bill on a subscription."""
        return self.cost / PICO_PER_USD


# Keys of use that only single responses know; sums per quarter of an hour know lane, model and speed alone.
TIMELESS = ("session", "project", "branch", "commit", "agent", "machine", "surface", "thread", "account")


class Slice(NamedTuple):
    """What one model used, in one lane, within one bucket of time."""

    start: int  # of the bucket, epoch seconds
    lane: Lane
    model: str
    fast: bool
    tally: Tally  # without units: those are the meter's to say
    names: tuple[str, ...] = ()  # one for each of the ``keys`` asked for


class SessionRow(NamedTuple):
    """One session in one lane and one model: when, how much, how large its main thread's context grew."""

    lane: Lane
    session: str
    project: str
    model: str
    fast: bool
    first_ms: int
    last_ms: int
    active_s: int  # quarters of an hour with use in them, of the whole session
    largest_context: int
    last_context: int  # of the whole session
    tally: Tally
    account: str = ""  # whose (Account.name)
