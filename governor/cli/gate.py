"""``governor gate``: for scripts and loops, whether the next piece of work may start."""

from __future__ import annotations

import sys

import click

from governor import gate as gatehouse
from governor import refresh, windows
from governor.cli.opening import json_option, lane_option
from governor.errors import BadInputError
from governor.faces import data
from governor.faces.plain import LANE_NAMES, left, moment, percent, utc
from governor.guards.gate import EXIT, Ruling
from governor.guards.router import NAMES
from governor.model import Lane

STEPS = {"override": "governor override off", "off": "governor on"}
WIDTH = 80  # columns that a STOP keeps to


@click.command()
@lane_option
@click.option("--window", metavar="NAME", help="One window only: 5h, week, week:fable.")
@click.option("--wait", is_flag=True, help="While the answer is STOP, wait for the reset.")
@json_option
def gate(lane: Lane | None, window: str | None, wait: bool, as_json: bool) -> int:
    """May the next piece of work start? Exits 0 for GO, 10 for PACE, 20 for STOP: governor gate && next.

    STOP says that a window is at its wall, or a budget that stops is used up; a projection only asks for PACE. What is
    not known, an override in force and the kill switch are GO, and say so. governor override 30m opens a STOP.
    """
    if window is not None:
        _check(window)
    ruling = gatehouse.look(lane=lane, window=window)
    if wait and ruling.answer == "STOP":
        ruling = gatehouse.wait(lambda: gatehouse.look(lane=lane, window=window), told=told)
    now = refresh.now_s()
    click.echo(data.dump(as_data(ruling, now=now)) if as_json else line(ruling, now=now, lane=lane))
    return EXIT[ruling.answer]


def _check(window: str) -> None:
    try:
        windows.length(window)
    except KeyError as fault:
        raise BadInputError(f"{window!r} is no window I know.", "try 5h, week or week:<family>") from fault


def told(ruling: Ruling, now: int) -> None:
    """Progress on stderr, for a person alone: one line that is written over."""
    if sys.stderr.isatty():
        rest = f"{left(ruling.until - now)} left" if ruling.until else "no reset is known"
        click.echo(f"\r\033[Kgovernor: {words(ruling)}; waiting, {rest} (^C ends it)", err=True, nl=False)


def words(ruling: Ruling) -> str:
    """Which window, and why."""
    named = f"{LANE_NAMES[ruling.lane]} {ruling.window}" if ruling.lane and ruling.window else ""
    used = f" {percent(ruling.used_percent)} used" if ruling.used_percent is not None else ""
    return f"{named}{used}: {ruling.text}" if named else ruling.text


def line(ruling: Ruling, *, now: int, lane: Lane | None = None) -> str:
    """The one line, ending with what to type; ``lane`` is the one that was asked for."""
    if ruling.answer != "STOP":
        heard = {"claude": "governor calibrate 60%", "codex": "governor calibrate 60% --lane codex"}
        step = (
            heard[ruling.lane or lane or "claude"]
            if ruling.rule == "unknown"
            else STEPS.get(ruling.rule, "governor status")
        )
        return f"{ruling.answer}  {words(ruling)}.  next: {step}"
    reset = f", resets {moment(ruling.until, None, now=now)}" if ruling.until else ""
    said = words(ruling)
    if ruling.lane and ruling.window and ruling.used_percent is not None:
        said = f"{NAMES[ruling.lane]} {ruling.window} {percent(ruling.used_percent)} used"
    rest = f"{reset}.  next: governor gate --wait"
    room = WIDTH - len("STOP  ") - len(rest)
    return f"STOP  {said if len(said) <= room else said[: room - 1] + '…'}{rest}"


def as_data(ruling: Ruling, *, now: int) -> dict[str, object]:
    """``governor.gate/1``."""
    return {
        "schema": "governor.gate/1",
        "generated_at": utc(now),
        "answer": ruling.answer,
        "exit_code": EXIT[ruling.answer],
        "rule": ruling.rule,
        "text": ruling.text,
        "lane": ruling.lane,
        "window": ruling.window,
        "used_percent": ruling.used_percent,
        "until": utc(ruling.until),
    }
