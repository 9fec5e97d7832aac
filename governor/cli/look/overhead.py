"""``governor overhead``: what the governor itself costs, and what it saved where that can be measured."""

from __future__ import annotations

from typing import Any

import click

from governor.cli.look.decisions import SOON_S, followed
from governor.cli.opening import json_option, lane_option, opened, time_of
from governor.config import Settings
from governor.errors import BadInputError
from governor.ledger import costs, owners, read
from governor.ledger.store import Ledger
from governor.model import LANES, Lane
from governor.pipeline import history
from governor.quota import units
from governor.review import overhead as thinking
from governor.review import throttling
from governor.views import json_data


@click.command()
@click.option("--since", metavar="WHEN", default="7d", show_default=True, help="7d, today, 2026-11-01, ...")
@click.option("--lift", metavar="HOOK", help="Let a muted hook speak again.")
@lane_option
@json_option
def overhead(since: str, lift: str | None, lane: Lane | None, as_json: bool) -> None:
    """Time by hook, tokens put into contexts and their re-reads, their share of the week, and what was saved.

    All guards of an event run in one process; "start" is what it costs beside them: Python's start, reading the event.

    --lane narrows the tokens and what was saved to one client; a hook's time is not kept by client.
    """
    from governor.views import costs as face

    with opened(quiet=as_json) as (ledger, settings, now):
        if lift is not None:
            _lift(ledger, lift, now=now)
            return
        start = time_of(since, now=now)
        marks = throttling.settle(ledger, settings, now=now, at_once=True)
        runs = costs.hook_runs(ledger, start)
        told = [one for one in costs.injections(ledger, start) if lane in (None, one.lane)]
        begun = max(start, runs[0].at) if runs else start
        found = thinking.costs(runs, told, settings.weights, days=(now - begun) / thinking.DAY_S)
        first = [owners.primary(ledger, name, now=now) for name in LANES]
        scales = {whose.lane: history.scale(ledger, settings, whose, "week", now=now) for whose in first}
        shown = face.content(
            found,
            marks,
            throttling.limits_of(settings),
            scales,
            saved(ledger, settings, start, lane=lane, now=now),
            since=start,
            until=now,
        )
    if as_json:
        click.echo(json_data.dump(shown))
    else:
        face.show(shown, now=now, since=since)


def _lift(ledger: Ledger, name: str, *, now: int) -> None:
    if not throttling.lift(ledger, name, now=now):
        muted = [hook for hook, mark in throttling.marks(ledger).items() if mark.standing == "muted"]
        known = f"muted are: {', '.join(muted)}" if muted else "nothing is muted"
        raise BadInputError(f"{name!r} is no muted hook; {known}.", "governor overhead")
    click.echo(
        f"{name} speaks again, and is judged afresh after {thinking.NEEDED} more runs.\n"
        "  To allow it more for good: overhead.p95_ms and overhead.week_percent in budget.json.\n"
        "  next: governor overhead"
    )


def saved(ledger: Ledger, settings: Settings, since: int, *, lane: Lane | None, now: int) -> dict[str, Any]:
    """What degrading spared, as each decision reckoned it, and what routing moved, as the ledger saw it. No constants:
    where nothing was recorded the figure is None.
    """
    rows = [row for row in read.decisions(ledger, since) if lane in (None, row["lane"])]
    degraded = [row for row in rows if row.get("degraded") is True or row.get("decision") == "degrade"]
    sums: dict[str, float] = {}
    for row in degraded:
        if type(row.get("saved_units")) in (int, float):
            sums[row["lane"]] = sums.get(row["lane"], 0.0) + row["saved_units"]
    offers = [
        row
        for row in rows
        if row["hook"] == "router" and row.get("decision") in ("handoff", "return") and row.get("said") is True
    ]
    taken = followed(offers, read.activity(ledger, since - SOON_S), now=now)
    moved = sum(_used(ledger, settings, offer) for offer in taken)
    return {
        "degrading": {
            "decisions": len(degraded),
            "saved_units": sum(sums.values()) if sums else None,
            "units": sums,
        },
        "routing": {"offers": len(offers), "followed": len(taken), "moved_units": moved if taken else None},
    }


def _used(ledger: Ledger, settings: Settings, offer: dict[str, Any]) -> float:
    """Units that the offered lane used in the offer's project in the half hour after it."""
    at = int(offer["at"])
    pieces = read.slices(ledger, at, at + SOON_S, lane=offer["to"], keys=("project",))
    mine = [piece for piece in pieces if piece.names[0].rstrip("/") == str(offer.get("project")).rstrip("/")]
    return sum(
        units.units(piece.tally, piece.model, settings.weights, lane=piece.lane, fast=piece.fast) for piece in mine
    )
