"""What the ledger answers to questions about governor's own cost, about caches and about quality: plain rows."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal, NamedTuple

from governor.model import Lane, Tally

CHARS_PER_TOKEN: Final = 4  # an estimate: the vendors publish no tokenizer for current models
EPOCH: Final = date(1970, 1, 1).toordinal()
# The counts of a day that the quality canary keeps, in the order of their columns.
FIELDS: Final = ("prompts", "interruptions", "calls", "failures", "asked", "asked_again", "edits", "reverts")


class QualityDay(NamedTuple):
    """One day's counts of one lane, model and policy version."""

    lane: Lane
    model: str
    policy: str
    day: int  # since 1970-01-01, UTC
    prompts: int = 0
    interruptions: int = 0
    calls: int = 0
    failures: int = 0
    asked: int = 0  # prompts long enough to be likened to the one before
    asked_again: int = 0
    edits: int = 0
    reverts: int = 0


class Comparison(NamedTuple):
    """One metric before and after a change."""

    kind: Literal["policy", "model"]
    lane: Lane
    model: str
    since: int
    metric: str
    before: tuple[int, int]  # (events, out of)
    after: tuple[int, int]
    looks: int
    p: float | None  # with every look so far paid for; None before the first
    is_alarm: bool = False

    @property
    def rates(self) -> tuple[float | None, float | None]:
        return tuple(x / n if n else None for x, n in (self.before, self.after))  # type: ignore[return-value]

    @property
    def sentence(self) -> str:
        """Both sides in a line: what, how much, of which model, since when, after what."""
        sides = [f"{x / n * 100:.1f} % ({x} of {n})" if n else "none" for x, n in (self.before, self.after)]
        since = date.fromordinal(EPOCH + self.since).isoformat()
        model = self.model.removeprefix("claude-")
        return f"{self.metric} went from {sides[0]} to {sides[1]} with {model} since a {self.kind} change on {since}"


class CachedResponse(NamedTuple):
    """What one response read and wrote, and the thread it belongs to."""

    lane: Lane
    thread: tuple[int, int]
    model: str
    fast: bool
    at_ms: int
    input: int
    read: int
    written_5m: int
    written_1h: int
    output: int
    main: bool

    @property
    def fresh(self) -> int:
        """What no cache held."""
        return self.input + self.written_5m + self.written_1h

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h

    @property
    def tally(self) -> Tally:
        return Tally(1, self.input, self.output, self.read, self.written_5m, self.written_1h)

    @property
    def context(self) -> int:
        return self.fresh + self.read


class HookRun(NamedTuple):
    """One run of a hook: when, and the CPU milliseconds of its process."""

    at: int
    hook: str
    ms: float


class Injection(NamedTuple):
    """Text that a hook gave a model to read, and how many later responses read it again."""

    at: float
    hook: str
    chars: int
    lane: Lane | None  # None: the session has no response in the ledger
    model: str
    rereads: int

    @property
    def tokens(self) -> float:
        return self.chars / CHARS_PER_TOKEN
