"""``governor doctor``: what is wrong, and the command that mends it. Exit 0 when all is well, 1 otherwise."""

from __future__ import annotations

import click

from governor.cli.opening import json_option, opened
from governor.errors import StateError
from governor.health import doctor as examiner
from governor.pipeline import ingest
from governor.views import json_data


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Look at everything that can be wrong, and say the command that mends it."""
    try:
        with opened(quiet=as_json) as (ledger, _, now):
            findings = examiner.examine(ledger, now=now)
    except StateError as fault:  # no ledger to look into: all the rest is looked at
        findings = examiner.examine_without(fault, now=ingest.now_s())
    well = all(finding.ok for finding in findings)
    if as_json:
        content = [finding._asdict() for finding in findings]
        click.echo(json_data.dump({"schema": "governor.doctor/1", "ok": well, "findings": content}))
        return 0 if well else 1
    from governor.views import tables

    tables.findings(findings)
    return 0 if well else 1
