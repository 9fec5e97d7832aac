"""``governor refresh``: what the hooks ring for."""

from __future__ import annotations

import os

import click

from governor import config, paths
from governor import refresh as composer
from governor.cli.opening import opened, settings_in_force
from governor.errors import GovernorError, StateError
from governor.ledger.store import open_ledger
from governor.report import Report
from governor.review.overhead import REFRESH


@click.command()
@click.option("--quiet", is_flag=True, help="Say nothing; for the hooks' bell.")
def refresh(quiet: bool) -> None:
    """Take in what is new and write the letters that the hooks read."""
    from governor import letters
    from governor.review import watch

    if not quiet:
        with opened() as (ledger, settings, now):
            report = letters.write(ledger, settings, now=now).report
            watch.refreshed(ledger, settings, now=now)
            _follow(settings)
            _enforce(report, settings, now=now)
        click.echo("Up to date.\n  next: governor status")
        return
    now = composer.now_s()
    settings = settings_in_force()
    try:
        with open_ledger() as ledger:
            composer.refresh(ledger, settings, now=now)
            report = letters.write(ledger, settings, now=now).report
            watch.look(ledger, settings, now=now)
            _follow(settings)
            _enforce(report, settings, now=now)
            spent = sum(os.times()[:4]) * 1000  # ours and our children's
            with ledger.transaction():
                ledger.add_runs([(now, REFRESH, spent, 0, None)])
    except StateError:
        pass  # nobody is there to be told; doctor will say it


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
