"""Questions to the ledger about the governor's own cost, about caches, and about quality."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from governor.ledger import owners
from governor.ledger.rows import CachedResponse, Comparison, HookRun, Injection, QualityDay
from governor.ledger.store import Ledger
from governor.model import LANES, Account


def hook_runs(ledger: Ledger, since: int) -> list[HookRun]:
    """Every hook run since, oldest first."""
    return list(map(HookRun._make, ledger.connection.execute(_RUNS, (since,))))


_RUNS = "SELECT at, hook, ms FROM run WHERE at >= ? ORDER BY at"
_TOLD = "SELECT at, hook, chars, session FROM run WHERE at >= ? AND chars > 0 ORDER BY at"


def injections(ledger: Ledger, since: int) -> list[Injection]:
    """Everything that hooks wrote into a model's context since, each with how often it was read again.

    Exactly: the session's later responses on its main thread, until one whose context is less than half of the one
    before, for then the client compacted what came earlier. A session without a response has lane None.
    """
    told = list(ledger.connection.execute(_TOLD, (since,)))
    if not told:
        return []
    names = ledger.names()
    wanted = {session for *_, session in told if session}
    after: dict[str, list[tuple[int, int, int, int]]] = {}
    query = (
        "SELECT session, at_ms, lane, model, context FROM response WHERE at_ms >= ? AND part = 0 AND NOT replay "
        "AND agent = (SELECT id FROM label WHERE text = 'main') ORDER BY at_ms"
    )
    for session, *rest in ledger.connection.execute(query, (int(told[0][0] * 1000),)):
        if names[session] in wanted:
            after.setdefault(names[session], []).append((rest[0], rest[1], rest[2], rest[3]))
    found = []
    for at, hook, chars, session in told:
        later = [row for row in after.get(session or "", ()) if row[0] >= at * 1000]
        reads = 0
        for before, row in zip([(0, 0, 0, 0), *later], later, strict=False):
            if row[3] * 2 < before[3]:
                break
            reads += 1
        lane, model = (LANES[later[0][1]], names[later[0][2]]) if later else (None, "")
        found.append(Injection(at, hook, chars, lane, model, max(reads - 1, 0)))
    return found


def responses(ledger: Ledger, since: int, until: int, *, whose: Account) -> Iterator[CachedResponse]:
    """Every response of one account in the span, thread by thread in order of time."""
    names = ledger.names()
    query = (
        "SELECT lane, session, thread, model, fast, at_ms, input, cache_read, cache_write_5m, cache_write_1h, output, "
        "agent = (SELECT id FROM label WHERE text = 'main') FROM response "
        "WHERE NOT replay AND part = 0 AND at_ms >= ? AND at_ms < ? AND lane = ? "
        f"AND account IN {owners.numbers(ledger, whose)} ORDER BY session, thread, at_ms"
    )
    for row in ledger.connection.execute(query, (since * 1000, until * 1000, LANES.index(whose.lane))):
        yield CachedResponse._make(
            (LANES[row[0]], (row[1], row[2]), names[row[3]], bool(row[4]), *row[5:11], bool(row[11]))
        )


def quality(ledger: Ledger, since_day: int) -> list[QualityDay]:
    """The canary's counts per lane, model, policy and day, oldest first."""
    query = (
        "SELECT lane, model, policy, day, prompts, interruptions, calls, failures, asked, asked_again, edits, reverts "
        "FROM quality WHERE day >= ? ORDER BY day, lane, model, policy"
    )
    return list(map(QualityDay._make, ledger.connection.execute(query, (since_day,))))


def comparisons(ledger: Ledger) -> list[Comparison]:
    """What the canary last found, the alarms first; none where it has not looked yet, or never will."""
    try:
        content: Any = json.loads(ledger.fact("canary") or "{}")
        rows = content.get("found", [])
        return [Comparison(**{**row, "before": tuple(row["before"]), "after": tuple(row["after"])}) for row in rows]
    except (ValueError, AttributeError, KeyError, TypeError):
        return []
