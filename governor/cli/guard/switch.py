"""``governor off | on | override``: the person's word over the guard's, at once and in running sessions."""

from __future__ import annotations

import os

import click

from governor import paths
from governor.cli.opening import duration_of
from governor.cli.user_only import require_user
from governor.errors import StateError
from governor.hooks import runtime
from governor.hooks.state import halts
from governor.number_format import moment
from governor.pipeline import ingest
from governor.pipeline.assess import override_ends

ENDS = ("off", "end", "0", "0s", "0m", "0h", "0d")


@click.command()
@click.option("--for", "span", metavar="TIME", help="30m, 2h, 1d; until 'governor on' otherwise.")
def off(span: str | None) -> None:
    """Silence every hook, in sessions that already run too."""
    require_user("governor off")
    now = ingest.now_s()
    until = now + duration_of(span) if span else None
    _write("OFF", str(until) if until else "")
    ending = f"until {moment(until, None, now=now)}" if until else "until you switch them on"
    click.echo(f"All hooks are silent, {ending}.")
    if halts.in_force(str(paths.home()), now):
        click.echo("A halt is in force, and it goes on stopping agents.\n  next: governor unhalt --all lifts it")
    else:
        click.echo("  next: governor on")


@click.command()
def on() -> None:
    """Let the hooks speak again."""
    (paths.home() / "OFF").unlink(missing_ok=True)
    _write("kill/on", "")  # from now on doctor may wonder where the hooks' marks are
    now = ingest.now_s()
    left = runtime.off_by(str(paths.home()), now)
    lifted = override_ends(now)
    if left == "env":
        click.echo("The file is gone, but GOVERNOR_OFF is set in this environment.\n  next: unset GOVERNOR_OFF")
    elif left == "shared":
        click.echo("The file is gone, but the shared kill switch is on.\n  next: governor config")
    elif lifted is not None:
        click.echo(
            f"The hooks speak again. Your override stays in force until {moment(lifted, None, now=now)}.\n"
            "  next: governor override off ends it"
        )
    else:
        click.echo("The hooks speak again.\n  next: governor doctor")


@click.command()
@click.argument("span", metavar="TIME|off")
def override(span: str) -> None:
    """Go on past the wall for TIME (30m, 2h): nothing is held back or stopped meanwhile; warnings stay.

    'governor override off' ends it.
    """
    if span.strip().lower() in ENDS:  # which holds back more, so it is anybody's to say
        was = override_ends(ingest.now_s())
        (paths.home() / "override").unlink(missing_ok=True)
        said = "No override was in force." if was is None else "The override has ended; holds and stops are back."
        click.echo(f"{said}\n  next: governor status")
        return
    require_user(f"governor override {span}")
    now = ingest.now_s()
    until = now + duration_of(span)
    _write("override", str(until))
    click.echo(
        f"Nothing will be held back until {moment(until, None, now=now)}; warnings go on.\n"
        f"  next: governor override off ends it sooner"
    )


def _write(name: str, text: str) -> None:
    path = paths.claim_home() / name
    try:
        runtime.write_private(os.fspath(path), text.encode())
    except OSError as fault:
        raise StateError(f"{path} cannot be written ({fault.strerror}).", "export GOVERNOR_OFF=1") from fault
