"""Questions about single responses, by the key that each of them has in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from governor.ledger.read import OWN_SUMS
from governor.ledger.store import Ledger
from governor.model import LANES, Slice, Tally


@contextmanager
def moment(ledger: Ledger) -> Iterator[None]:
    """Every question asked inside is answered from one state of the ledger, whatever others write meanwhile."""
    ledger.connection.execute("BEGIN")
    try:
        ledger.connection.execute("SELECT 1 FROM fact LIMIT 1").fetchone()  # now, and not at the first real question
        yield
    finally:
        ledger.connection.rollback()


def outputs(ledger: Ledger, keys: Iterable[str]) -> dict[str, int]:
    """The output by which each of these responses is counted; those that are not are left out.

    A name with ``#`` and a place behind is a step beside a response (``hooks.budget.usage_lines``).
    Its largest step counts.
    """
    run = ledger.connection.execute
    whole = "SELECT max(output) FROM response WHERE key = ? AND part = 0 AND NOT replay"
    steps = "SELECT max(output) FROM response WHERE key = ? AND part > 0 AND NOT replay"
    found = {}
    for key in keys:
        output = run(whole, (key,)).fetchone()[0]
        if output is None and "#" in key:
            output = run(steps, (key.rpartition("#")[0],)).fetchone()[0]
        if output is not None:
            found[key] = output
    return found


def responses(ledger: Ledger, keys: Iterable[str]) -> Iterator[Slice]:
    """What these responses count for, each with its own time; ``names`` are project and branch."""
    names = ledger.names()
    query = (
        f"SELECT at_ms / 1000, lane, model, fast, {OWN_SUMS}, project, branch FROM response "
        "WHERE key = ? AND NOT replay GROUP BY at_ms, lane, model, fast, project, branch"
    )
    for key in keys:
        for row in ledger.connection.execute(query, (key,)):
            lane, model = LANES[row[1]], names[row[2]]
            yield Slice(row[0], lane, model, bool(row[3]), Tally(*row[4:15]), (names[row[15]], names[row[16]]))
