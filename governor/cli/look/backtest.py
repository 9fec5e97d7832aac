"""``governor backtest``: how good the projection was on own weeks, or on made-up people."""

from __future__ import annotations

from datetime import datetime
from random import Random

import click
from click.core import ParameterSource

from governor.cli.opening import json_option, lane_option, opened
from governor.errors import BadInputError
from governor.evaluation import backtest as scorer
from governor.evaluation import crowd
from governor.evaluation.scores import Backtest
from governor.forecasting import demand
from governor.ledger import owners, statements
from governor.model import LANES, Lane
from governor.pipeline import history, past_windows
from governor.views import json_data


@click.command()
@lane_option
@click.option("--simulate", type=click.IntRange(1, 500), metavar="N", help="Score N made-up people instead.")
@click.option("--family", default="bursts", show_default=True, help="Which made-up people (docs/forecast.md).")
@click.option("--seed", type=int, default=1, show_default=True)
@json_option
def backtest(lane: Lane | None, simulate: int | None, family: str, seed: int, as_json: bool) -> None:
    """The projection scored against the weeks that came: pinball, coverage, Brier, alarms, and its rivals."""
    if simulate:
        from governor.evaluation.people import FAMILIES, person

        if family not in FAMILIES:
            raise BadInputError(f"There are no made-up people called {family!r}.", f"one of: {', '.join(FAMILIES)}")
        rng = Random(seed)  # noqa: S311 - repeatable, not secret
        result = crowd.simulated([person(rng, family, has_short=True) for _ in range(simulate)], rng)
        title = f"{simulate} made-up people of the family {family}"
    elif click.get_current_context().get_parameter_source("family") is not ParameterSource.DEFAULT:
        raise BadInputError("--family is for made-up people.", f"governor backtest --simulate 20 --family {family}")
    else:
        result, title = _own(lane)
    if as_json:
        click.echo(json_data.dump(json_data.backtest(result, title)))
        return
    from governor.views import tables

    tables.backtest(result, title)


def _own(lane: Lane | None) -> tuple[Backtest, str]:
    with opened() as (ledger, settings, now):
        for one in [lane] if lane else LANES:
            whose = owners.primary(ledger, one, now=now)
            scale = history.scale(ledger, settings, whose, "week", now=now)
            if scale is None:
                continue
            weeks = past_windows.courses(ledger, settings, whose, "week", scale, now=now)
            hours = history.hourly(ledger, settings, whose, now=now)
            scales = [past_windows.known(ledger, settings, whose, "week", now=week.starts_at) for week in weeks]
            walls = demand.concerning(statements.walls(ledger, whose, now - history.PAST_S), "week")
            result = scorer.run(hours, weeks, scales=scales, walls=walls, offset_at=_offset_at)
            return result, f"{one}: {len(weeks)} finished weeks, scored from week {scorer.MIN_WEEKS + 1} on"
    raise BadInputError("No official reading of any week yet.", "governor backtest --simulate 20")


def _offset_at(moment: int) -> int:
    """Seconds that local time was ahead of UTC then."""
    offset = datetime.fromtimestamp(moment).astimezone().utcoffset()
    return int(offset.total_seconds()) if offset else 0
