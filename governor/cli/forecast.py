"""``governor forecast``: the projection in full."""

from __future__ import annotations

import click

from governor.cli.opening import json_option, lane_option, opened
from governor.errors import BadInputError
from governor.faces import data
from governor.model import LANES, Lane
from governor.outlook import outlook


@click.command()
@lane_option
@click.option("--window", default="week", show_default=True, metavar="5h|week|week:FAMILY")
@json_option
def forecast(lane: Lane | None, window: str, as_json: bool) -> None:
    """Where a window will land: what was used so far, the fan to the reset, the cap, even pace."""
    with opened(quiet=as_json) as (ledger, settings, now):
        views = [outlook(ledger, settings, one, window, now=now) for one in LANES if lane in (None, one)]
    known = [view for view in views if view is not None]
    if not known:
        raise BadInputError(f"Nothing is known of a window named {window!r}.", "governor status")
    if as_json:
        click.echo(data.dump(data.forecast(known, now=now)))
        return
    from governor.faces import plots

    for place, view in enumerate(known):
        if place:
            click.echo()
        plots.forecast(view, now=now)
