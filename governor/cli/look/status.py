"""``governor status``: the one screen."""

from __future__ import annotations

import os

import click

from governor.cli.opening import account_option, json_option, lane_option, opened
from governor.ledger import owners
from governor.model import Lane
from governor.pipeline.assess import assess
from governor.views import json_data


@click.command()
@lane_option
@click.option("--why", is_flag=True, help="The arithmetic behind every figure.")
@account_option
@json_option
def status(lane: Lane | None = None, why: bool = False, account: str | None = None, as_json: bool = False) -> int:
    """Per lane and window: the official figure, what this machine explains of it, where it lands, and why.

    Several accounts of one client are shown one after the other; first comes the one that CLAUDE_CONFIG_DIR (or
    CODEX_HOME) names first. Exit 1 where what is new could not be taken in: the figures are then of the last refresh.
    """
    with opened(quiet=as_json) as (ledger, settings, now):
        whose = owners.chosen(ledger, account, lane=lane) if account else None
        report = assess(ledger, settings, now=now, lane=lane, whose=whose)
        code = 1 if ledger.behind else 0
    if as_json:
        click.echo(json_data.dump(json_data.status(report)))
        return code
    from governor.views import text

    click.echo(text.status(report, why=why), color=False if "NO_COLOR" in os.environ else None)
    return code
