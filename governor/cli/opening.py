"""What every reading command begins with: the settings, the ledger, and whatever is new taken into it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import click

from governor import config, durations
from governor.config import Settings
from governor.errors import BadInputError, StateError
from governor.ledger.store import Ledger, open_ledger
from governor.pipeline import ingest

Command = TypeVar("Command", bound=Callable[..., Any])

_CLOCK = re.compile(r"(?P<day>today|yesterday)?(?:(?:^|\s+)(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2}))?(?<=.)")
FOREVER = 2**33  # epoch seconds; no time beyond is anybody's
lane_option = click.option("--lane", type=click.Choice(["claude", "codex"]), help="One client only.")
account_option = click.option("--account", metavar="NAME", help="One account only, by its config folder: .claude-work")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")


class Opened(NamedTuple):
    """A ledger that is up to date, or as near as could be had."""

    ledger: Ledger
    settings: Settings
    now: int


@contextmanager
def opened(*, quiet: bool = False, sums: bool = False) -> Iterator[Opened]:
    """Settings, ledger, refresh. What went wrong without stopping us is said on stderr.

    Raises: StateError where nothing could be taken in and nothing is remembered, for a command that shows ``sums``: its
    zeros would be wrong.
    """
    now = ingest.now_s()
    settings = settings_in_force()
    with open_ledger() as ledger:
        if ledger.set_aside is not None:
            click.echo(
                f"The ledger was corrupt. It was kept as {ledger.set_aside} and a new one begun; "
                "use older than the clients' transcripts is only in the old one.\n  next: governor doctor",
                err=True,
            )
        try:
            with _progress(quiet) as progress:
                ingest.refresh(ledger, settings, now=now, progress=progress)
        except StateError as fault:  # what is remembered can still be shown
            if sums and ledger.is_empty():
                raise
            ledger.behind = fault
            click.echo(f"governor: {fault}", err=True)
        yield Opened(ledger, settings, now)


def settings_in_force() -> Settings:
    """The settings for a command that only reads. What is wrong with the budget file is said on stderr, once."""
    settings = config.in_force()
    context = click.get_current_context(silent=True)
    told = context.find_root().meta if context is not None else {}
    if settings.fault is not None and __name__ not in told:
        told[__name__] = True
        click.echo(f"governor: {settings.fault}", err=True)
    return settings


@contextmanager
def _progress(quiet: bool) -> Iterator[ingest.Progress | None]:
    """A bar on stderr, drawn only once a scan turns out to be long, and only for a person."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bar: list[Any] = []

    def show(done: int, whole: int) -> None:
        if not bar:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            columns = (TextColumn("reading transcripts"), BarColumn(), DownloadColumn())
            drawn = Progress(*columns, console=Console(stderr=True), transient=True)
            drawn.start()
            bar.extend((drawn, drawn.add_task("scan", total=whole)))
        bar[0].update(bar[1], completed=done)

    try:
        yield show
    finally:
        if bar:
            bar[0].stop()


def time_of(text: str, *, now: int) -> int:
    """An epoch second from ``7d``, ``12h``, ``2w``, ``today``, ``yesterday 18:00``, ``18:00`` (the last one), a date, a
    date and time (local).

    Raises: BadInputError.
    """
    word = text.strip().lower()
    if word == "now":
        return now
    sizes = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
    try:
        if found := _CLOCK.fullmatch(word):
            clock = {"hour": int(found["hour"] or 0), "minute": int(found["minute"] or 0)}
            at = midnight(now, days_ago=int(found["day"] == "yesterday"), **clock)
            if at > now and not found["day"]:
                at = midnight(now, days_ago=1, **clock)
        elif word[-1:] in sizes and word[:-1].isascii() and word[:-1].isdigit():
            at = now - int(word[:-1]) * sizes[word[-1]]
        else:
            moment = datetime.fromisoformat(text.strip())
            at = int(moment.timestamp() if moment.tzinfo else moment.astimezone().timestamp())
        if 0 <= at < FOREVER:
            return at
    except (ValueError, OverflowError, OSError):
        pass
    raise BadInputError(f"{text!r} is no time I know.", "try 7d, 12h, today, 18:00, 2026-11-01 or 2026-11-01T09:00")


def midnight(now: int, *, days_ago: int, hour: int = 0, minute: int = 0) -> int:
    """When that local day began, or later in it, by the clock; also where the clocks changed since."""
    day = datetime.fromtimestamp(now).astimezone().date() - timedelta(days=days_ago)
    return int(datetime(day.year, day.month, day.day, hour, minute).astimezone().timestamp())


def duration_of(text: str) -> int:
    """Seconds of ``90s``, ``30m``, ``2h``, ``1d`` or their sums (``1h30m``). Raises: BadInputError."""
    try:
        return durations.seconds(text)
    except ValueError as fault:
        raise BadInputError(f"{text!r} is no duration I know.", "try 30m, 2h or 1d") from fault
