"""``governor refresh``: what the hooks ring for."""

from __future__ import annotations

import click

from governor import config
from governor import refresh as composer
from governor.cli.opening import opened
from governor.errors import StateError
from governor.ledger.store import open_ledger


@click.command()
@click.option("--quiet", is_flag=True, help="Say nothing; for the hooks' bell.")
def refresh(quiet: bool) -> None:
    """Take in what is new and write the letters that the hooks read."""
    from governor import letters

    if not quiet:
        with opened() as (ledger, settings, now):
            letters.write(ledger, settings, now=now)
        click.echo("Up to date.\n  next: governor status")
        return
    now = composer.now_s()
    settings = config.load()
    try:
        with open_ledger() as ledger:
            composer.refresh(ledger, settings, now=now)
            letters.write(ledger, settings, now=now)
    except StateError:
        pass  # nobody is there to be told; doctor will say it
