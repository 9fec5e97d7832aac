"""What a running session has used, counted as the ledger counts: each response once, its largest statement, list price.

The stream alone would be a floor: its events state one token of output per response (seen on 2.1.330), the transcript
states them all. So the session's own transcripts are read on while it runs, subagents' included, from where reading
stopped; the stream fills in what is not written yet, or never will be.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

from governor import config, paths
from governor.model import PICO_PER_USD, Cursor, Lane, LimitReading, Tally, Usage, rank
from governor.supervise.stream import Feed, totals_as_usages
from governor.transcripts import tail

SLACK_MS = 1000  # a transcript's clock and ours are the same machine's; its stamps are rounded


class RunCounter:
    """One run's use. ``fresh`` runs own all of their session; others only what came after their start."""

    def __init__(self, lane: Lane, *, prices: dict[str, Any], fresh: bool, earlier: str | None = None) -> None:
        self.lane = lane
        self.limits: list[LimitReading] = []
        self.transcript = ""
        self._table = config.price_table(prices)
        self._best: dict[str, list[Usage]] = {}
        self._total = Tally()
        self._cursors: dict[str, Cursor] = {}
        self._main: tuple[str, str] = ("", "")  # session, its transcript
        self._since_ms = 0
        self._is_fresh = fresh
        self._old: frozenset[str] = frozenset()
        if earlier:
            self.look(earlier)
            self._old = frozenset(self._best)
            self._best.clear()
            self._total = Tally()
            self.limits.clear()
        if not fresh and not self._old:  # a name instead of an id, or "the last one": only time can tell
            self._since_ms = round(time.time() * 1000) - SLACK_MS

    def look(self, session: str) -> None:
        """Read on in whatever the session has written. What cannot be read is left for the next look."""
        for file in self._files(session):
            known = self._cursors.get(file.path)
            if tail.unchanged(file, known):
                continue
            try:
                reading = self._source().read(file, known)
            except Exception:  # noqa: S112 - a torn or vanished file; the stream still counts
                continue
            self._cursors[file.path] = reading.cursor
            self.limits += reading.limits
            for group in _groups(reading.usages):
                if self.lane == "claude" or session in (group[0].session, group[0].thread):
                    self._keep(group)

    def _source(self) -> Any:
        from governor.clients.claude import transcripts as claude_transcripts
        from governor.clients.codex import transcripts as codex_transcripts

        return claude_transcripts if self.lane == "claude" else codex_transcripts

    def _keep(self, group: list[Usage]) -> None:
        key = group[0].key
        if key in self._old or group[0].replay or group[0].at_ms < self._since_ms:
            return
        known = self._best.get(key)
        if known is None or rank(group[0]) > rank(known[0]):
            self._total += self._sum(group)
            if known is not None:
                self._total = Tally._make(a - b for a, b in zip(self._total, self._sum(known), strict=True))
            self._best[key] = group

    def _files(self, session: str) -> Iterator[tail.FoundFile]:
        if not session or not all(c.isalnum() or c in "-_" for c in session):
            return
        if self._main[0] != session or not os.path.exists(self._main[1]):  # a client may move it (EnterWorktree)
            path = self._find(session)
            if path is None:
                return
            self._main = (session, path)
        self.transcript = path = self._main[1]
        yield from _found(path)
        if self.lane == "claude":
            yield from tail.find(path.removesuffix(".jsonl"))[0]  # its subagents
        else:
            yield from self._siblings(path)

    def _find(self, session: str) -> str | None:
        if self.lane == "claude":
            patterns = [f"{glob.escape(str(home))}/projects/*/{session}.jsonl" for home in paths.claude_homes()]
        else:
            patterns = [f"{glob.escape(str(paths.codex_home()))}/sessions/*/*/*/rollout-*-{session}.jsonl"]
        return next((path for pattern in patterns for path in glob.iglob(pattern)), None)

    def _siblings(self, path: str) -> Iterator[tail.FoundFile]:
        """Threads that began in the same folder since: subagents have rollouts of their own."""
        folder = os.path.dirname(path)
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return
        for name in names:
            other = os.path.join(folder, name)
            if name > os.path.basename(path) and name.startswith("rollout-") and name.endswith(".jsonl"):
                yield from _found(other)

    def tally(self, feed: Feed) -> Tally:
        """Everything so far: transcripts first, the stream where they say nothing yet."""
        source = self.counted_by(feed)
        if source == "closing" and feed.closing is not None:
            total = self._sum(feed.closing.usages)._replace(requests=0, unpriced_requests=0, floor_requests=0)
            return total._replace(cost=round((feed.closing.usd or 0.0) * PICO_PER_USD))
        if source == "stream" and feed.totals:
            return self._sum(totals_as_usages(feed.totals, feed.session, round(time.time() * 1000)))
        total = self._total
        for key, group in feed.usages.items():
            if key not in self._best:
                total += self._sum(group)
        return total

    def counted_by(self, feed: Feed) -> str:
        """Who states what ``tally`` adds up: ``transcript``, ``stream``, the stream's ``closing`` event alone (which
        says nothing of requests), or nobody: then its zeros mean that nothing is known.
        """
        if self._best:
            return "transcript"
        if feed.totals or feed.usages:
            return "stream"
        # A thread that was taken up again counts what it used before this run as well.
        stated = feed.closing.usages if feed.closing is not None and (self.lane == "claude" or self._is_fresh) else []
        if stated and (not self.transcript or any(use.input or use.output for use in stated)):
            return "closing"
        return "transcript" if self.transcript and self._is_fresh else ""

    def _sum(self, group: Iterable[Usage]) -> Tally:
        return sum(map(self._one, group), Tally())

    def _one(self, use: Usage) -> Tally:
        cost = self._table.cost(use)
        return Tally(
            requests=int(use.part == 0),
            input=use.input,
            output=use.output,
            cache_read=use.cache_read,
            cache_write_5m=use.cache_write_5m,
            cache_write_1h=use.cache_write_1h,
            reasoning=use.reasoning,
            searches=use.searches,
            cost=cost or 0,
            unpriced_requests=int(cost is None and use.part == 0),
            floor_requests=int(not use.final and use.part == 0),
        )


def _found(path: str) -> Iterator[tail.FoundFile]:
    try:
        info = os.stat(path)
    except OSError:
        return
    yield tail.FoundFile(path, info.st_ino, info.st_size, info.st_mtime_ns)


def _groups(usages: Iterable[Usage]) -> Iterator[list[Usage]]:
    """A response and its steps, as sources give them: part 0 first."""
    group: list[Usage] = []
    for use in usages:
        if use.part == 0 and group:
            yield group
            group = []
        group.append(use)
    if group:
        yield group
