"""``governor demo``: a made-up home, so that a newcomer without data sees everything at once."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import click

from governor import paths, refresh


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--weeks", type=click.IntRange(2, 52), default=12, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another person.")
@click.option("--env", is_flag=True, help="Print only the exports that point a shell at it.")
def demo(folder: Path | None, weeks: int, seed: int, env: bool) -> None:
    """Write a made-up home with months of both clients' history, and show its status.

    Your own ledger is not touched. FOLDER defaults to "demo" in the state folder.
    """
    from governor import demo as made_up

    folder = (folder or paths.home() / "demo").expanduser().absolute()
    exports = {
        "GOVERNOR_HOME": str(folder / "state"),
        "GOVERNOR_CONFIG": str(folder / "budget.json"),
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "CODEX_HOME": str(folder / "codex"),
    }
    home = None
    if not env or not folder.exists():
        if _is_demo(folder):  # its times were others, and its ledger would keep them
            for name in ("claude", "codex", "state"):
                shutil.rmtree(folder / name, ignore_errors=True)
        home = made_up.write(folder, now=refresh.now_s(), seed=seed, weeks=weeks)
    if env:
        for name, value in exports.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        return
    assert home is not None  # noqa: S101 - written just above
    click.echo(f"{home.responses:,} responses in {home.files} files, all made up, in {folder}\n")
    os.environ.update(exports)
    from governor.cli.status import status

    click.get_current_context().invoke(status)
    click.echo('\nTo look around in it:  eval "$(governor demo --env)"  and then any command, such as governor usage')


def _is_demo(folder: Path) -> bool:
    """Was this folder written by an earlier ``governor demo``? Nobody else's is ever cleared."""
    try:
        return b"governor.demo-truth/" in (folder / "truth.json").read_bytes()[:200]
    except OSError:
        return False
