"""``governor refresh``: what the hooks ring for."""

from __future__ import annotations

import os

import click

from governor import config, paths
from governor.cli.opening import opened, settings_in_force
from governor.errors import GovernorError, StateError
from governor.ledger.store import Ledger, open_ledger
from governor.pipeline import ingest as composer
from governor.report import Report
from governor.review.overhead import REFRESH


@click.command()
@click.option("--quiet", is_flag=True, help="Say nothing; for the hooks' bell.")
def refresh(quiet: bool) -> None:
    """Take in what is new and write the snapshots that the hooks read."""
    from governor.review import canary_runner

    if not quiet:
        with opened() as (ledger, settings, now):
            publish(ledger, settings, now=now)
            canary_runner.refreshed(ledger, settings, now=now)
            _follow(settings)
        click.echo("Up to date.\n  next: governor status")
        return
    now = composer.now_s()
    settings = settings_in_force()
    try:
        with open_ledger() as ledger:
            composer.refresh(ledger, settings, now=now)
            publish(ledger, settings, now=now)
            canary_runner.look(ledger, settings, now=now)
            _follow(settings)
            spent = sum(os.times()[:4]) * 1000  # ours and our children's
            with ledger.transaction():
                ledger.add_runs([(now, REFRESH, spent, 0, None)])
    except StateError:
        pass  # nobody is there to be told; doctor will say it


def publish(ledger: Ledger, settings: config.Settings, *, now: int) -> Report:
    """Leave what is known now where the hooks read it; what that was."""
    from governor import snapshots

    report = snapshots.write(ledger, settings, now=now).report
    _enforce(report, settings, now=now)
    return report


def _follow(settings: config.Settings) -> None:
    """Wire other events where the settings ask for them. What stands in the way is doctor's to say."""
    from governor import install

    try:
        install.follow(settings)
    except GovernorError:
        pass


def _enforce(report: Report, settings: config.Settings, *, now: int) -> None:
    """Hold new sessions to the band's ceiling, if the person asked for that, or give their settings back."""
    from governor.install import ceiling

    enforce = bool(settings.values["compaction"]["enforce"])
    ceiling.settle(ceiling.landing_of(report), enforce=enforce, home=paths.home(), now=now)
