"""``governor demo``: a made-up home, so that a newcomer without data sees everything at once."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from governor import paths
from governor.errors import BadInputError
from governor.pipeline import ingest


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--weeks", type=click.IntRange(2, 52), default=12, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another person.")
@click.option("--env", is_flag=True, help="Print only the exports that point a shell at it.")
def demo(folder: Path | None, weeks: int, seed: int, env: bool) -> None:
    """Write a made-up home with months of both clients' history, and show its status.

    Your own ledger is not touched. FOLDER must be new, empty or an earlier demo, which is then made anew; it defaults
    to "demo" in the state folder.
    """
    from governor import demo as made_up
    from governor.demo import mark

    folder = (folder or _usual()).expanduser().absolute()
    is_own = folder == paths.home() / "demo"  # else another shell would look for it elsewhere
    again = shlex.join(["governor", "demo", *([] if is_own else [str(folder)])])
    exports = {
        "GOVERNOR_HOME": str(folder / "state"),
        "GOVERNOR_CONFIG": str(folder / "budget.json"),
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "CODEX_HOME": str(folder / "codex"),
    }
    if env:
        if not mark.is_demo(folder):
            raise BadInputError(f"There is no demo in {folder}.", again)
        for name, value in exports.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        return
    usual_homes = [Path("~") / name for name in (".claude", ".config/claude", ".codex")]
    with mark.claimed(folder, clients=[*paths.claude_homes(), paths.codex_home(), *usual_homes]):
        home = made_up.write(folder, now=ingest.now_s(), seed=seed, weeks=weeks)
    click.echo(f"{home.responses:,} responses in {home.transcripts} transcripts, all made up, in {folder}\n")
    os.environ.update(exports)
    from governor.cli.look.status import status

    click.get_current_context().invoke(status)
    click.echo("\nTo look around in it with any command, such as governor usage:")
    click.echo(f'  eval "$({again} --env)"')
    click.echo("That shell stays in the demo until you close it.")


def _usual() -> Path:
    """Where a demo lies that nobody named a folder for; inside of one (by its exports), that one."""
    from governor.demo import mark

    home = paths.home()
    if home.name == "state" and mark.is_demo(home.parent):
        return home.parent
    return home / "demo"
