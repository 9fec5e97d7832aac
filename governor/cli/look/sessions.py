"""``governor sessions``: the sessions that cost most."""

from __future__ import annotations

import click

from governor.cli.opening import json_option, lane_option, opened, time_of
from governor.ledger import read
from governor.model import Lane
from governor.pipeline.assess import assess
from governor.quota import units
from governor.usage import sessions as usage_sessions
from governor.views import json_data


@click.command()
@click.option("--since", metavar="WHEN", default="7d", show_default=True, help="7d, today, 2026-11-01, ...")
@click.option("--until", metavar="WHEN", help="The same; this moment excluded.")
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True)
@lane_option
@json_option
def sessions(since: str, until: str | None, top: int, lane: Lane | None, as_json: bool) -> None:
    """The sessions that cost most: hours, largest context, share, and the price of one more turn."""
    with opened(quiet=as_json, sums=True) as (ledger, settings, now):
        start = time_of(since, now=now)
        end = time_of(until, now=now) if until else now + 1
        found = usage_sessions.sessions(read.sessions(ledger, start, end, lane=lane), settings.weights)
        report = assess(ledger, settings, now=now, lane=lane)
    scales = {
        (part.lane, part.whose.name): next((w.scale for w in part.windows if w.window.name == "week" and w.scale), None)
        for part in report.accounts()
        if part.whose is not None
    }
    if as_json:
        click.echo(json_data.dump(json_data.sessions(found[:top], scales, units.total(s.tally for s in found))))
        return
    from governor.views import tables

    tables.sessions(found, scales, top=top, since=since, long_s=int(settings.values["loop"]["marathon"]))
