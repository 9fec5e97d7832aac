"""``governor handoff "TASK"``: a bounded task for the other lane's client, in the background, under budgets."""

from __future__ import annotations

import os
import sys

import click

from governor import config
from governor.cli.opening import json_option
from governor.cli.unattended import handoffs
from governor.cli.unattended.run import limits_of
from governor.errors import StateError
from governor.handoff import changes, record, start, work
from governor.model import Lane
from governor.number_format import LANE_NAMES
from governor.views import json_data


@click.command()
@click.argument("words", nargs=-1, metavar="TASK")
@click.option("--lane", type=click.Choice(["claude", "codex"]), help="The other one than here by default.")
@click.option("--worktree/--here", default=None, help="In a git worktree of its own, or in this folder.")
@click.option("--max-usd", type=float, metavar="USD", help="Notional list price.")
@click.option("--max-tokens", type=int, metavar="N", help="Tokens; what comes from the cache is left out.")
@click.option("--max-tool-calls", type=int, metavar="N", help="Tool calls; the next one ends it.")
@click.option("--max-wall", metavar="TIME", help="By the clock: 30m, 2h.")
@click.option("--foreground", "--wait-for-it", is_flag=True, help="Stay until it has ended.")
@json_option
def handoff(
    words: tuple[str, ...],
    lane: Lane | None,
    worktree: bool | None,
    max_usd: float | None,
    max_tokens: int | None,
    max_tool_calls: int | None,
    max_wall: str | None,
    foreground: bool,
    as_json: bool,
) -> int:
    """Hand TASK (or what stands on stdin) to the other client, and go on working here.

    It runs headless under the limits of budget.json's "handoff" (an hour by default) and these. Its permissions are
    those of handoff.claude and handoff.codex. The session it was started from is told once when it has ended.
    """
    task = " ".join(words) or ("" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace"))
    settings = config.load()
    wishes = settings.values["handoff"]
    limits = limits_of("handoff", wishes, max_usd, max_tokens, max_tool_calls, max_wall)
    came_from = start.origin()
    goal = start.choose(lane, came_from)
    program = start.may_take(goal, settings)
    apart = bool(wishes["worktree"] if worktree is None else worktree)
    try:
        name, lock = start.prepare(
            task, lane=goal, words=program, limits=limits, came_from=came_from, settings=settings, worktree=apart
        )
    except OSError as fault:
        raise StateError(f"The handoff could not be prepared ({fault.strerror}).", "governor doctor") from fault
    if apart and not as_json and changes.git(os.getcwd(), "status", "--porcelain"):
        click.echo("governor: what is not committed here is not in the worktree.", err=True)
    try:
        if foreground:
            work.work(name, lock)
        else:
            start.detach(name, lock)
    except OSError as fault:
        raise StateError(
            f"The handoff could not be started ({fault.strerror}).", f"governor handoffs {name}"
        ) from fault
    shown = handoffs.as_data(name)
    if as_json:
        click.echo(json_data.dump({"schema": "governor.handoff/1", **shown}))
    elif foreground:
        click.echo(handoffs.detail(shown))
    else:
        where = f" in a worktree, branch {shown['branch']}" if shown["branch"] else ""
        click.echo(f"{name}: handed to {LANE_NAMES[goal]}{where}.\n  next: governor handoffs {name}")
    return 0 if not foreground or shown["state"] == record.DONE else 1
