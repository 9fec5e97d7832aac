"""``governor usage``: tokens by kind, requests, units and notional cost, by any keys."""

from __future__ import annotations

import csv
import sys

import click

from governor.cli.opening import FOREVER, json_option, lane_option, midnight, opened, time_of
from governor.errors import BadInputError
from governor.ledger import read
from governor.quota import units
from governor.usage import group_by
from governor.views import json_data


@click.command()
@click.option(
    "--by", "keys", multiple=True, metavar="KEY", help=f"Repeatable: {', '.join(group_by.KEYS)}. Default: day."
)
@click.option("--since", metavar="WHEN", help="7d, 12h, today, 2026-11-01, ... Default with --by: everything.")
@click.option("--until", metavar="WHEN", help="The same; this moment excluded.")
@click.option(
    "--top", type=click.IntRange(min=1), help="Only so many rows, of days and hours the newest; the total stays whole."
)
@lane_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Comma separated, one header line.")
def usage(
    keys: tuple[str, ...],
    since: str | None,
    until: str | None,
    top: int | None,
    lane: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Who used what: raw tokens and notional list price; --json and --csv have meter units too."""
    wanted = list(dict.fromkeys(key.strip() for part in keys for key in part.split(","))) or ["day"]
    for key in wanted:
        if key not in group_by.KEYS:
            raise BadInputError(f"{key!r} is nothing to group by.", f"one of: {', '.join(group_by.KEYS)}")
    with opened(quiet=as_json or as_csv, sums=True) as (ledger, settings, now):
        default = 0 if keys or as_json or as_csv else midnight(now, days_ago=13)
        start = default if since is None else time_of(since, now=now)
        end = time_of(until, now=now) if until is not None else now + 1 if start else FOREVER
        timed = any(key in group_by.TIMES for key in wanted)
        pieces = read.slices(
            ledger,
            start,
            end,
            lane="claude" if lane == "claude" else "codex" if lane == "codex" else None,
            bucket_s=read.QUARTER_S if timed else read.WHOLE_S,
            keys=group_by.stored_keys(wanted),
        )
        rows = group_by.group(
            pieces, wanted, weights=settings.weights, tags=settings.tags, person=settings.person or "me"
        )
    total = units.total(row.tally for row in rows)
    shown = rows if top is None else _first(rows, wanted, top)
    if as_json:
        click.echo(json_data.dump(json_data.usage(wanted, shown, total)))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([*wanted, *json_data.sums(total)])
        writer.writerows([*row.names, *json_data.sums(row.tally).values()] for row in shown)
    else:
        from governor.views import tables

        tables.usage(wanted, shown, total, hidden=len(rows) - len(shown), recent_only=start == default != 0)


def _first(rows: list[group_by.UsageRow], keys: list[str], top: int) -> list[group_by.UsageRow]:
    """The newest where rows are in order of time, else the first."""
    return rows[-top:] if keys[0] in group_by.TIMES else rows[:top]
