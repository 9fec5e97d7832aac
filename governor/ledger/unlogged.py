"""What a client's own books hold beyond its transcript's lines: requests that leave none (compaction, titles, ...).

Claude Code keeps books per session: cumulative tokens by model and kind, written at a process's end. A checkpoint is
one such record. What it holds beyond the responses counted by then was used by requests without a line. That rest never
shrinks from one checkpoint to the next, and each checkpoint states at least it, so the largest rest so far is kept, per
model and kind: a killed process's use is missing in later books, and late lines make the rest smaller, never negative.

Pure: checkpoints and counted responses in, the rest out, whatever order they were read in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

# Input, output, cache reads, writes of 5 minutes and of an hour, reasoning, searches, and the price of it all.
Kinds = tuple[int, ...]
NOTHING: Kinds = (0, 0, 0, 0, 0, 0, 0, 0)
PRICE = len(NOTHING) - 1  # which is a float's rounding off: no use by itself
HOUR_MS = 3_600_000
FOREVER = 2**62  # no end is known


class Checkpoint(NamedTuple):
    """The books of one session at one moment.

    ``epoch`` names the counter: when its first process began (epoch ms; a resumed session and a forked one go on with
    their parent's), 0 where the client does not say. ``ancestors`` are (session, until when its responses were taken
    over, epoch ms) of a fork, the eldest first.
    """

    session: str
    epoch: int
    at_ms: int  # the last response before it
    order: int  # among the checkpoints of one time
    ancestors: tuple[tuple[str, int], ...]
    models: Mapping[str, Kinds]


class Counted(NamedTuple):
    """One response that was counted."""

    at_ms: int
    session: str
    is_main: bool  # on the session's main thread
    model: str
    kinds: Kinds


class Rest(NamedTuple):
    """What one checkpoint adds to the rest: tokens of one model, in the hour that ends with ``at_ms``."""

    checkpoint: Checkpoint
    at_ms: int
    model: str
    kinds: Kinds


def rests(checkpoints: Iterable[Checkpoint], counted: Iterable[Counted]) -> list[Rest]:
    """Everything beyond the counted responses, by checkpoint, model and hour; nothing that is zero."""
    return _Books(checkpoints, counted).rests()


class _Books:
    """The books of some families of sessions: all that share a counter, and whoever they were forked from."""

    def __init__(self, checkpoints: Iterable[Checkpoint], counted: Iterable[Counted]) -> None:
        self.counters: dict[tuple[str, int], list[Checkpoint]] = {}
        for each in sorted(checkpoints, key=lambda each: (each.at_ms, each.order)):
            self.counters.setdefault((each.session, each.epoch), []).append(each)
        self.responses: dict[str, list[Counted]] = {}
        for response in sorted(counted, key=lambda response: response.at_ms):
            self.responses.setdefault(response.session, []).append(response)
        # Each checkpoint of a session's counter that was looked at, and the whole rest by then.
        self.known: dict[tuple[str, int], list[tuple[Checkpoint, dict[str, Kinds]]]] = {}

    def rests(self) -> list[Rest]:
        # Parents before their forks: a fork names all of its ancestors.
        firsts = {key: checkpoints[0] for key, checkpoints in self.counters.items()}
        order = sorted(firsts, key=lambda key: (len(firsts[key].ancestors), firsts[key].order, key))
        return [rest for key in order for rest in self._counter(key)]

    def _counter(self, key: tuple[str, int]) -> list[Rest]:
        """One session's checkpoints of one counter, in order of time."""
        session, epoch = key
        checkpoints = self.counters[key]
        # Responses before the counter were those of a process that was killed before it wrote any books.
        path = [response for response in self._path(checkpoints[0]) if response.at_ms >= epoch]
        own = [response for response in self.responses.get(session, ()) if response.at_ms >= epoch]
        rest = self._inherited(checkpoints[0], [response for response in path if response.session != session])
        begun: dict[str, tuple[Kinds, Kinds]] = {}  # by model: what was counted, and the rest, when its books restarted
        sums: dict[str, Kinds] = {}
        before: dict[str, Kinds] = {}
        known = self.known.setdefault(key, [])
        found: list[Rest] = []
        place, last_end = 0, 0
        for checkpoint in checkpoints:
            # Subagents may answer after the last turn; books are written before the next.
            end = self._next_turn(session, checkpoint.at_ms, epoch)
            counted_then = dict(sums)
            while place < len(path) and path[place].at_ms < end:
                response = path[place]
                sums[response.model] = _plus(sums.get(response.model, NOTHING), response.kinds)
                place += 1
            for model, stated in checkpoint.models.items():
                if any(now < then for now, then in zip(stated[:PRICE], before.get(model, NOTHING), strict=False)):
                    begun[model] = counted_then.get(model, NOTHING), rest.get(model, NOTHING)
                started, kept = begun.get(model, (NOTHING, NOTHING))
                by_now = zip(stated, sums.get(model, NOTHING), started, kept, strict=True)
                beyond = tuple(k + max(0, books - (lines - first)) for books, lines, first, k in by_now)
                had = rest.get(model, NOTHING)
                rest[model] = tuple(map(max, beyond, had))
                more = tuple(now - then for now, then in zip(rest[model], had, strict=True))
                if any(more[:PRICE]):
                    window = [each.at_ms for each in own if last_end <= each.at_ms < end]
                    found += _dated(checkpoint, model, more, window)
            before.update(checkpoint.models)
            known.append((checkpoint, dict(rest)))
            last_end = end
        return found

    def _path(self, checkpoint: Checkpoint) -> list[Counted]:
        """The responses that a session's books hold: its own, and its ancestors' until it was forked off."""
        spans = [*self._ancestors(checkpoint), (checkpoint.session, FOREVER)]
        parent, names = self._parent(checkpoint), {name for name, _ in spans}
        while parent and parent[0].session not in names:  # forks between that never answered, but whose subagents did
            spans.append((parent[0].session, FOREVER))
            names.add(parent[0].session)
            parent = self._parent(parent[0])
        responses = [r for name, until in spans for r in self.responses.get(name, ()) if r.at_ms < until]
        return sorted(responses, key=lambda response: response.at_ms)

    def _ancestors(self, checkpoint: Checkpoint) -> list[tuple[str, int]]:
        """A fork's ancestors, until it answered first itself; where it never did, until that parent's next turn."""
        own = (r.at_ms for r in self.responses.get(checkpoint.session, ()) if r.at_ms >= checkpoint.epoch)
        first = next(own, FOREVER)
        return [
            (name, self._next_turn(name, checkpoint.at_ms) if min(until, first) == FOREVER else min(until, first))
            for name, until in checkpoint.ancestors
        ]

    def _next_turn(self, session: str, at_ms: int, since: int = 0) -> int:
        turns = (r.at_ms for r in self.responses.get(session, ()) if r.is_main and r.at_ms > max(at_ms, since - 1))
        return next(turns, FOREVER)

    def _inherited(self, checkpoint: Checkpoint, before: list[Counted]) -> dict[str, Kinds]:
        """The rest that is another session's already: what its parent's books held beyond the responses ``before``, or,
        where those are not here, an elder fork's, so that what both took over counts once.

        Seen from the fork, for it bounds how late those can be; the parent's own checkpoint may know no bound yet.
        """
        parent = self._parent(checkpoint)
        if parent is None:
            return dict(self._elder(checkpoint))
        books, rest = parent[0].models, dict(parent[1])
        sums: dict[str, Kinds] = {}
        for response in before:
            sums[response.model] = _plus(sums.get(response.model, NOTHING), response.kinds)
        for model, stated in books.items():
            by_kind = zip(stated, sums.get(model, NOTHING), rest.get(model, NOTHING), strict=True)
            rest[model] = tuple(max(then - lines, known) for then, lines, known in by_kind)
        return rest

    def _parent(self, checkpoint: Checkpoint) -> tuple[Checkpoint, dict[str, Kinds]] | None:
        """The books that a fork went on from: the latest of its counter that it can have, and the rest they had.

        They are an ancestor's from before the fork, or those of a fork between that never answered.
        """
        if not checkpoint.ancestors:
            return None
        until = dict(self._ancestors(checkpoint))
        found: list[tuple[Checkpoint, dict[str, Kinds]]] = []
        for (session, epoch), known in self.known.items():
            if epoch != checkpoint.epoch or session == checkpoint.session:
                continue
            for earlier, rest in known:
                if not _went_on(earlier, checkpoint):
                    continue
                if session in until:
                    found += [(earlier, rest)] if earlier.at_ms < until[session] else []
                elif {name for name, _ in earlier.ancestors} & until.keys():
                    is_silent = self._next_turn(session, 0, epoch) == FOREVER
                    found += [(earlier, rest)] if is_silent else []
        return max(found, key=lambda each: each[0].order) if found else None

    def _elder(self, checkpoint: Checkpoint) -> Mapping[str, Kinds]:
        """The rest by the first books of an elder fork of a parent whose books are not here."""
        parents = {name for name, _ in checkpoint.ancestors}
        for (session, epoch), known in self.known.items():
            others = {name for name, _ in self.counters[session, epoch][0].ancestors}
            if epoch == checkpoint.epoch and session != checkpoint.session and parents & others and known:
                return known[0][1]
        return {}


def _went_on(earlier: Checkpoint, later: Checkpoint) -> bool:
    """Can the later books have gone on from the earlier? All they state is cumulative, the time they ran included."""
    if later.epoch and earlier.order >= later.order:
        return False
    pairs = ((kinds, later.models.get(model, NOTHING)) for model, kinds in earlier.models.items())
    return all(then <= now for pair in pairs for then, now in list(zip(*pair, strict=True))[:PRICE])


def _plus(one: Kinds, other: Kinds) -> Kinds:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _dated(checkpoint: Checkpoint, model: str, more: Kinds, window: Sequence[int]) -> list[Rest]:
    """Spread over the hours in which the session answered since the last checkpoint, as its responses were.

    When requests without a line were made is not written anywhere; in a lump at the end, a week's would fall into one
    window of five hours.
    """
    hours: dict[int, list[int]] = {}
    for at_ms in window:
        hours.setdefault(at_ms // HOUR_MS, []).append(at_ms)
    if not hours:
        return [Rest(checkpoint, checkpoint.at_ms, model, more)]
    ends, responses = [0], 0
    for times in hours.values():
        responses += len(times)
        ends.append(responses)
    found = []
    for times, (start, end) in zip(hours.values(), pairwise(ends), strict=True):
        share = tuple(amount * end // responses - amount * start // responses for amount in more)
        if any(share[:PRICE]):
            found.append(Rest(checkpoint, max(times), model, share))
    return found
