"""``governor forecast``: the projection in full."""

from __future__ import annotations

import click

from governor import accounts
from governor.cli.opening import account_option, json_option, lane_option, opened
from governor.errors import BadInputError
from governor.ledger import owners
from governor.model import LANES, Lane
from governor.pipeline.forecast_series import outlook
from governor.views import json_data


@click.command()
@lane_option
@click.option("--window", default="week", show_default=True, metavar="5h|week|week:FAMILY")
@account_option
@json_option
def forecast(lane: Lane | None, window: str, account: str | None, as_json: bool) -> None:
    """Where a window will land: what was used so far, the fan to the reset, the cap, even pace."""
    with opened(quiet=as_json) as (ledger, settings, now):
        if account:
            listed = [owners.chosen(ledger, account, lane=lane)]
        else:
            listed = [each for one in LANES if lane in (None, one) for each in owners.known(ledger, one, now=now)]
        views = [outlook(ledger, settings, each, window, now=now) for each in listed]
    known = [view for view in views if view is not None]
    if not known:
        raise BadInputError(f"Nothing is known of a window named {window!r}.", "governor status")
    if as_json:
        click.echo(json_data.dump(json_data.forecast(known, now=now)))
        return
    from governor.views import plots

    for place, view in enumerate(known):
        if place:
            click.echo()
        names = [other.whose.name for other in known if other.whose.lane == view.whose.lane]
        plots.forecast(view, now=now, whose=accounts.short(view.whose.name, names) if len(names) > 1 else "")
