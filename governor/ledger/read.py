"""Questions to the ledger. Sums come from the quarter-hour table wherever its columns suffice, so that an answer costs
what it shows; questions by session, project and the like go to the responses themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from governor.ledger import owners
from governor.ledger.store import Ledger
from governor.model import LANES, Account, Lane, SessionRow, Slice, Tally

_SUMS = (
    "sum(requests), sum(input), sum(output), sum(cache_read), sum(cache_write_5m), sum(cache_write_1h), "
    "sum(reasoning), sum(searches), sum(cost), sum(unpriced), sum(floor)"
)
OWN_SUMS = (
    "sum(part = 0), sum(input), sum(output), sum(cache_read), sum(cache_write_5m), sum(cache_write_1h), "
    "sum(reasoning), sum(searches), sum(ifnull(cost, 0)), sum(cost IS NULL AND part <= 0), sum(NOT final AND part = 0)"
)
QUARTER_S = 900
WHOLE_S = 2**33 // QUARTER_S * QUARTER_S  # a bucket that all of time fits into


def slices(
    ledger: Ledger,
    since: int,
    until: int,
    *,
    lane: Lane | None = None,
    whose: Account | None = None,
    bucket_s: int = QUARTER_S,
    keys: tuple[str, ...] = (),
) -> Iterator[Slice]:
    """Sums per bucket, lane, model, speed and ``keys`` (of TIMELESS) from ``since`` to ``until`` (epoch seconds).

    Of one account, of one lane, or of everything. ``bucket_s`` is a multiple of 900. Bounds inside a quarter of an hour
    are kept to the millisecond.
    """
    names = ledger.names()
    lanes = _within(ledger, lane, whose)
    owner = owners.names(ledger) if "account" in keys else {}
    columns = ["commit_hash" if key == "commit" else key for key in keys]
    if keys:
        spans = [("own", since, until)]
    else:  # whole quarters from their sums, the ragged ends from the responses
        inner_from, inner_until = -(-since // QUARTER_S) * QUARTER_S, until // QUARTER_S * QUARTER_S
        if inner_from >= inner_until:
            spans = [("own", since, until)]
        else:
            spans = [
                ("own", since, inner_from),
                ("quarter", inner_from, inner_until),
                ("own", inner_until, until),
            ]
    for source, start, end in spans:
        if start >= end:
            continue
        if source == "quarter":
            query = (
                f"SELECT quarter * 900 / {bucket_s} * {bucket_s} AS b, lane, model, fast, {_SUMS} FROM quarter "
                f"WHERE quarter >= ? AND quarter < ? {lanes} GROUP BY b, lane, model, fast"
            )
            rows = ledger.connection.execute(query, (start // QUARTER_S, end // QUARTER_S))
        else:
            extra = "".join(f", {column}" for column in columns)
            query = (
                f"SELECT at_ms / 1000 / {bucket_s} * {bucket_s} AS b, lane, model, fast, {OWN_SUMS} {extra} "
                f"FROM response WHERE NOT replay AND at_ms >= ? AND at_ms < ? {lanes} "
                f"GROUP BY b, lane, model, fast {extra}"
            )
            rows = ledger.connection.execute(query, (start * 1000, end * 1000))
        for row in rows:
            yield Slice(
                row[0],
                LANES[row[1]],
                names[row[2]],
                bool(row[3]),
                Tally(*row[4:15]),
                tuple(
                    owner[LANES[row[1]], number] if key == "account" else names[number]
                    for key, number in zip(keys, row[15:], strict=True)
                ),
            )


def _within(ledger: Ledger, lane: Lane | None, whose: Account | None) -> str:
    """The rest of a WHERE clause: one account's, one lane's, or everything."""
    if whose is not None:
        return f"AND lane = {LANES.index(whose.lane)} AND account IN {owners.numbers(ledger, whose)}"
    return "" if lane is None else f"AND lane = {LANES.index(lane)}"


def sessions(
    ledger: Ledger,
    since: int,
    until: int,
    *,
    lane: Lane | None = None,
    whose: Account | None = None,
    booked: bool = True,
) -> list[SessionRow]:
    """Every session with a response in the span, one row per model and account; subagents count for their session.

    ``booked``: with what its client's books hold beyond its responses.
    """
    names = ledger.names()
    lanes = _within(ledger, lane, whose) + ("" if booked else " AND part >= 0")
    where = f"FROM response WHERE NOT replay AND at_ms >= ? AND at_ms < ? {lanes}"
    bounds = (since * 1000, until * 1000)
    run = ledger.connection.execute
    active = f"SELECT lane, session, count(DISTINCT at_ms / 900000) {where} GROUP BY lane, session"
    quarters = {row[:2]: row[2] for row in run(active, bounds)}
    main = "SELECT id FROM label WHERE text = 'main'"
    # With one max(), SQLite takes the bare column from the row that holds it.
    latest = f"SELECT lane, session, context, max(at_ms) {where} AND agent = ({main}) GROUP BY lane, session"
    last = {row[:2]: row[2] for row in run(latest, bounds)}
    query = (
        "SELECT lane, session, project, model, fast, min(at_ms), max(at_ms), max(iif(part < 0, 0, context)), "
        f"{OWN_SUMS}, account {where} GROUP BY lane, session, model, fast, account"
    )
    owner = owners.names(ledger)
    return [
        SessionRow(
            LANES[r[0]],
            names[r[1]],
            names[r[2]],
            names[r[3]],
            bool(r[4]),
            r[5],
            r[6],
            quarters[r[:2]] * QUARTER_S,
            r[7],
            last.get(r[:2], 0),
            Tally(*r[8:19]),
            owner[LANES[r[0]], r[19]],
        )
        for r in run(query, bounds)
    ]


class AgentRow(NamedTuple):
    """One subagent's thread: what it used in the span, the model of its first response there, and what that read."""

    lane: Lane
    session: str
    agent: str
    model: str
    tally: Tally
    opening: int  # tokens that its first response found in the cache


def agents(ledger: Ledger, since: int) -> list[AgentRow]:
    """Every subagent with a response since."""
    names = ledger.names()
    main = "(SELECT id FROM label WHERE text = 'main')"
    # With one min(), SQLite takes the bare columns from the row that holds it: the thread's first.
    query = (
        f"SELECT lane, session, agent, model, cache_read, min(at_ms), {OWN_SUMS} FROM response "
        f"WHERE NOT replay AND part >= 0 AND at_ms >= ? AND agent != {main} GROUP BY lane, thread"
    )
    return [
        AgentRow(LANES[r[0]], names[r[1]], names[r[2]], names[r[3]], Tally(*r[6:]), r[4])
        for r in ledger.connection.execute(query, (since * 1000,))
    ]


def latest(ledger: Ledger, since: int) -> list[tuple[Lane, str, str, int, int]]:
    """(lane, session, model, context, at_ms) of every session's latest response on its main thread, oldest first."""
    names = ledger.names()
    main = "(SELECT id FROM label WHERE text = 'main')"
    query = (
        "SELECT lane, session, model, context, max(at_ms) AS last FROM response "
        f"WHERE NOT replay AND at_ms >= ? AND agent = {main} GROUP BY lane, session ORDER BY last"
    )
    rows = ledger.connection.execute(query, (since * 1000,))
    return [(LANES[r[0]], names[r[1]], names[r[2]], r[3], r[4]) for r in rows]


def models_used(ledger: Ledger, since: float) -> list[tuple[str, float, str]]:
    """(session, time, model) of every response on a main thread since, oldest first."""
    names = ledger.names()
    main = "(SELECT id FROM label WHERE text = 'main')"
    query = (
        "SELECT session, at_ms / 1000.0, model FROM response "
        f"WHERE NOT replay AND at_ms >= ? AND agent = {main} ORDER BY at_ms"
    )
    return [(names[r[0]], r[1], names[r[2]]) for r in ledger.connection.execute(query, (since * 1000,))]


def span(ledger: Ledger) -> tuple[int, int] | None:
    """The first and last moment of use that the ledger knows (epoch seconds), or None when it is empty."""
    query = "SELECT (SELECT min(at_ms) FROM response), (SELECT max(at_ms) FROM response)"
    first, last = ledger.connection.execute(query).fetchone()
    return None if first is None else (first // 1000, last // 1000)


def days_of_use(ledger: Ledger) -> tuple[int, str] | None:
    """(on how many days something was used, the first of them as 2026-11-21), in UTC; None when it is empty."""
    query = "SELECT count(DISTINCT quarter * ?1 / 86400), date(min(quarter) * ?1, 'unixepoch') FROM quarter"
    number, first = ledger.connection.execute(query, (QUARTER_S,)).fetchone()
    return None if first is None else (number, first)


def span_of(ledger: Ledger, lane: Lane, whose: Account | None = None) -> tuple[int, int] | None:
    """The same for one lane, or one account of it, to the quarter of an hour."""
    query = f"SELECT min(quarter), max(quarter) FROM quarter WHERE TRUE {_within(ledger, lane, whose)}"
    first, last = ledger.connection.execute(query).fetchone()
    return None if first is None else (first * QUARTER_S, (last + 1) * QUARTER_S)


def problems(ledger: Ledger, *, limit: int = 1000) -> list[tuple[str, int, str, int]]:
    """(path, offset or -1, reason, seen at), newest first."""
    query = "SELECT path, offset, reason, seen_at FROM problem ORDER BY seen_at DESC, path, offset LIMIT ?"
    return list(ledger.connection.execute(query, (limit,)))


def problem_counts(ledger: Ledger) -> tuple[int, int]:
    """(lines, files) that could not be read as they stand."""
    query = "SELECT ifnull(sum(offset >= 0), 0), count(DISTINCT iif(offset < 0, path, NULL)) FROM problem"
    lines, files = ledger.connection.execute(query).fetchone()
    return int(lines), int(files)


def unpriced_models(ledger: Ledger, since: int, until: int) -> list[tuple[str, int]]:
    """(model, requests) that no price is known for, most used first."""
    names = ledger.names()
    query = (
        "SELECT model, sum(unpriced) AS n FROM quarter WHERE quarter >= ? AND quarter <= ? "
        "GROUP BY model HAVING n ORDER BY n DESC"
    )
    span = (since // QUARTER_S, until // QUARTER_S)
    return [(names[row[0]], row[1]) for row in ledger.connection.execute(query, span)]


def models(ledger: Ledger, since: int, until: int) -> list[str]:
    """Every model used in the span."""
    names = ledger.names()
    query = "SELECT DISTINCT model FROM quarter WHERE quarter >= ? AND quarter <= ?"
    return sorted(names[row[0]] for row in ledger.connection.execute(query, (since // QUARTER_S, until // QUARTER_S)))


def decisions(ledger: Ledger, since: float) -> list[dict[str, Any]]:
    """What the hooks decided, oldest first."""
    rows = ledger.connection.execute("SELECT at, hook, lane, body FROM decision WHERE at >= ? ORDER BY at", (since,))
    return [{"at": row[0], "hook": row[1], "lane": row[2], **json.loads(row[3])} for row in rows]


def activity(ledger: Ledger, since: float) -> list[tuple[str, float, str]]:
    """(lane, time, project) of every response since, oldest first: what follow-through is measured against."""
    names = ledger.names()
    rows = ledger.connection.execute(
        "SELECT lane, at_ms / 1000.0, project FROM response "
        "WHERE NOT replay AND part >= 0 AND at_ms >= ? ORDER BY at_ms",
        (since * 1000,),
    )
    return [(LANES[row[0]], row[1], names[row[2]]) for row in rows]


def last_run(ledger: Ledger, since: int) -> int | None:
    """When a hook ran last, if it did since; a refresh is no hook."""
    query = "SELECT max(at) FROM run WHERE at >= ? AND hook != 'refresh'"
    found: int | None = ledger.connection.execute(query, (since,)).fetchone()[0]
    return found


def worse(ledger: Ledger) -> list[str]:
    """What the quality canary last found worse after a change, a sentence each (``review.canary_runner``)."""
    try:
        return [str(sentence) for sentence in json.loads(ledger.fact("canary") or "{}").get("worse", [])]
    except (ValueError, AttributeError, TypeError):
        return []


def transcripts(ledger: Ledger) -> int:
    """How many transcripts were ever read."""
    return int(ledger.connection.execute("SELECT count(*) FROM transcript").fetchone()[0])
