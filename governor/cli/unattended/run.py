"""``governor run -- CMD``: one headless run of a client, supervised against budgets."""

from __future__ import annotations

import math
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from governor import config, durations, paths
from governor.cli.opening import duration_of
from governor.cli.user_only import require_user
from governor.config import Settings
from governor.errors import BadInputError
from governor.number_format import left
from governor.supervise import command, log, outcome, watch
from governor.supervise import run as supervisor
from governor.supervise.budget import RunLimits
from governor.supervise.outcome import RunOutcome
from governor.supervise.stdout_writer import StdoutWriter
from governor.views import json_data


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--max-usd", type=float, metavar="USD", help="Notional list price.")
@click.option("--max-tokens", type=int, metavar="N", help="Tokens; what comes from the cache is left out.")
@click.option("--max-tool-calls", type=int, metavar="N", help="Tool calls; the next one ends it.")
@click.option("--max-wall", metavar="TIME", help="Work by the clock: 30m, 2h. Waiting does not count.")
@click.option("--wait", is_flag=True, help="Wait for a window's reset, before and in the middle, and go on.")
@click.option("--json", "as_json", is_flag=True, help="The summary on stdout instead of the client's output.")
@click.option("--summary", metavar="FILE", help="Write the summary there as JSON too.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def run(
    max_usd: float | None,
    max_tokens: int | None,
    max_tool_calls: int | None,
    max_wall: str | None,
    wait: bool,
    as_json: bool,
    summary: str | None,
    words: tuple[str, ...],
) -> int:
    """Supervise one headless run: governor run --max-usd 2 -- claude -p "..."

    The client's stdout is what it would have been. Exits with the client's own code, with 124 when a budget ended it,
    130 on ^C. Any other command is supervised by the clock alone: a limit of another kind needs --max-wall beside it.
    """
    if not words:
        raise BadInputError("There is no command to run.", 'governor run -- claude -p "your task"')
    settings = config.load()
    limits = limits_of("run", settings.values["run"], max_usd, max_tokens, max_tool_calls, max_wall)
    if command.recognise(list(words)) is None and limits.wall is None:
        _refuse_what_cannot_be_kept(words, {"usd": max_usd, "tokens": max_tokens, "tool calls": max_tool_calls})
    file = None if summary is None else _writable(summary)
    done = supervised(list(words), settings, limits, wait=wait, as_json=as_json)
    log.note("run", done)
    click.echo(outcome.line(done), err=True)
    content = outcome.as_data(done)
    if file is not None:
        _write(file, json_data.dump(content))
    return done.exit_code


def limits_of(
    command: str,
    wishes: dict[str, Any],
    usd: float | None,
    tokens: int | None,
    tool_calls: int | None,
    wall: str | None,
) -> RunLimits:
    """The command line's limits over the budget file's.

    Raises: BadInputError for a limit that is none, and for one that an agent sets higher than the budget file has it.
    """
    for name, given in (("--max-usd", usd), ("--max-tokens", tokens), ("--max-tool-calls", tool_calls)):
        if given is not None and not (math.isfinite(given) and given > 0):
            raise BadInputError(f"{name} {given:g} is no limit; it must be above 0.", f"leave {name} out for none")
    typed = RunLimits(usd, tokens, tool_calls, duration_of(wall) if wall is not None else None)
    chosen = {}
    for unit, limit in typed._asdict().items():
        wish = wishes[unit]
        if limit is not None and wish is not None and limit > wish:
            require_user(f"governor {command} --max-{unit.replace('_', '-')} {limit:g}")
        chosen[unit] = limit if limit is not None else wish
    return RunLimits(**chosen)


def supervised(words: list[str], settings: Settings, limits: RunLimits, *, wait: bool, as_json: bool) -> RunOutcome:
    """Run it with our own stdin and stdout. Raises: BadInputError where it cannot be started."""
    client = command.recognise(words)
    if client is None:
        _say_what_is_not_watched(words, limits)
    ruling, before = supervisor.look_before(client.lane) if client is not None else (None, [])
    if ruling is not None and ruling.answer == "STOP" and not wait:
        click.echo(f"governor: the gate says STOP ({ruling.text}); --wait would wait for the reset.", err=True)
    _flush()
    outlet = StdoutWriter(_stdout()) if client is not None else None
    setting = watch.Setting(
        home=str(paths.home()),
        limits=limits,
        grace=settings.values["run"]["grace"],
        prices=settings.prices,
        stdout=2 if as_json else None,
    )
    pause = supervisor.Pause(told=_told) if wait else None
    passing = None if as_json else outlet
    try:
        done = supervisor.run(words, setting, outlet=passing, wait=pause, before=before, stdin=watch.own_stdin())
    except OSError as fault:
        raise BadInputError(f"{words[0]} cannot be started: {fault.strerror or fault}.", f"which {words[0]}") from fault
    if as_json:
        shown = {**outcome.as_data(done), "output": done.message or None}
        outlet = outlet or StdoutWriter(_stdout())
        outlet.write(json_data.dump(shown).encode() + b"\n")
    elif outlet is not None:
        outlet.write(done.output)
    if outlet is not None:
        outlet.close()
    if done.client == "codex" and done.complaint:
        click.echo(f"codex: {done.complaint}", err=True)
    return _with_lost_output(done, outlet)


def _with_lost_output(done: RunOutcome, outlet: StdoutWriter | None) -> RunOutcome:
    """Output that found no room on the disk is a failure, whatever the client made of its task."""
    if outlet is None or outlet.fault is None or isinstance(outlet.fault, BrokenPipeError):
        return done
    click.echo(f"governor: the output could not be written ({outlet.fault.strerror}).", err=True)
    return done if done.exit_code else done._replace(exit_code=1)


def _refuse_what_cannot_be_kept(words: Sequence[str], asked: Mapping[str, float | None]) -> None:
    """Raises: BadInputError where the person asked for a limit, and nothing at all would hold this command."""
    blind = [unit for unit, limit in asked.items() if limit is not None]
    if blind:
        raise BadInputError(
            f"{Path(words[0]).name} is no headless run of a client: its {' and '.join(blind)} cannot be counted, so "
            "nothing would hold it.",
            f"governor run --max-wall 30m -- {shlex.join(words)}",
        )


def _say_what_is_not_watched(words: list[str], limits: RunLimits) -> None:
    blind = [unit for unit in ("usd", "tokens", "tool_calls") if getattr(limits, unit) is not None]
    lost = f"; {', '.join(blind)} cannot be counted" if blind else ""
    clock = (
        f"{durations.words(limits.wall)} by the clock" if limits.wall is not None else "no limit by the clock is set"
    )
    click.echo(
        f"governor: {Path(words[0]).name} is no headless run of a client that can be counted: {clock}{lost}.\n"
        "  next: governor run -- claude -p ..., or governor run -- codex exec ...",
        err=True,
    )


def _told(why: str, until: int | None) -> None:
    if sys.stderr.isatty():
        rest = f"{left(until - time.time())} left" if until else "looking again soon"
        click.echo(f"\r\033[Kgovernor: {why}; waiting, {rest} (^C ends it)", err=True, nl=False)


def _stdout() -> int:
    """Our stdout, or nowhere if it was closed before we began: its number may be another file's by now."""
    return 1 if sys.__stdout__ is not None else os.open(os.devnull, os.O_WRONLY)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _writable(path: str) -> Path:
    """Looked at before anything is spent. Raises: BadInputError."""
    file = Path(path)
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise BadInputError(f"The summary cannot be written to {path}.", "--summary FILE, in a folder that is yours")
    return file


def _write(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_text(text + "\n", "utf-8")
        temporary.replace(file)
    except OSError as fault:
        click.echo(f"governor: the summary could not be written to {file} ({fault.strerror}).", err=True)
