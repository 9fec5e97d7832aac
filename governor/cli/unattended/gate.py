"""``governor gate``: for scripts and loops, whether the next piece of work may start."""

from __future__ import annotations

import sys

import click

from governor.cli.opening import account_option, json_option, lane_option
from governor.errors import BadInputError
from governor.gate import evidence as gatehouse
from governor.gate.rulings import BLIND, EXIT, GateRuling
from governor.hooks.router.rules import NAMES
from governor.model import Lane
from governor.number_format import WIDTH, left, moment, percent, utc
from governor.pipeline import ingest
from governor.quota import windows
from governor.views import json_data

STEPS = {"override": "governor override off", "off": "governor on"}


@click.command()
@lane_option
@click.option("--window", metavar="NAME", help="One window only: 5h, week, week:fable.")
@click.option("--wait", is_flag=True, help="While the answer is STOP, wait for the reset.")
@account_option
@json_option
def gate(lane: Lane | None, window: str | None, wait: bool, account: str | None, as_json: bool) -> int:
    """May the next piece of work start? Exits 0 for GO, 10 for PACE, 20 for STOP: governor gate && next.

    STOP says that a window is at its wall, or a budget that stops is used up; a projection only asks for PACE. What is
    not known, an override in force and the kill switch are GO, and say so. governor override 30m opens a STOP.

    Of several accounts those are judged that CLAUDE_CONFIG_DIR and CODEX_HOME name; the strictest answer counts.
    """
    if window is not None:
        _check(window)
    ruling = gatehouse.look(lane=lane, window=window, account=account)
    if wait and ruling.answer == "STOP":
        if not sys.stderr.isatty():  # a log is told once
            click.echo(f"governor: {waiting(ruling, ingest.now_s())}", err=True)
        ruling = gatehouse.wait(lambda: gatehouse.look(lane=lane, window=window, account=account), told=told)
    now = ingest.now_s()
    click.echo(json_data.dump(as_data(ruling, now=now)) if as_json else line(ruling, now=now, lane=lane, window=window))
    return EXIT[ruling.answer]


def _check(window: str) -> None:
    try:
        windows.length(window)
    except KeyError as fault:
        raise BadInputError(f"{window!r} is no window I know.", "try 5h, week or week:<family>") from fault


def told(ruling: GateRuling, now: int) -> None:
    """Progress on stderr, for a person alone: one line that is written over."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[Kgovernor: {waiting(ruling, now)} (^C ends it)", err=True, nl=False)


def waiting(ruling: GateRuling, now: int) -> str:
    """What is waited for, and how long that may take."""
    rest = f"{left(ruling.until - now)} left" if ruling.until else "no reset is known (governor override 30m goes on)"
    return f"{words(ruling)}; waiting, {rest}"


def standing(ruling: GateRuling) -> str:
    """``Claude week 60 %``, where that is known."""
    if not ruling.lane or not ruling.window or ruling.used_percent is None:
        return ""
    whose = f" ({ruling.whose})" if ruling.whose else ""
    return f"{NAMES[ruling.lane]}{whose} {ruling.window} {percent(ruling.used_percent)}"


def words(ruling: GateRuling) -> str:
    """Which window, and why."""
    return ": ".join(part for part in (standing(ruling), ruling.text) if part)


def line(ruling: GateRuling, *, now: int, lane: Lane | None = None, window: str | None = None) -> str:
    """The one line, ending with what to type; ``lane`` and ``window`` are what was asked for."""
    said, step = words(ruling), STEPS.get(ruling.rule, "governor status")
    reset = ""
    if ruling.answer == "STOP":
        shown = standing(ruling) if ruling.rule != "refused" else f"{NAMES[ruling.lane or 'claude']}: {ruling.text}"
        said, step = shown or said, "governor override 30m"
        if ruling.rule == "halt":
            step = "governor unhalt --all"
        elif ruling.until and ruling.rule == "refused":
            step = "governor gate --wait" + f" --lane {lane}" * (lane is not None)
        elif ruling.until:
            reset = f", resets {moment(ruling.until, None, now=now)}"
            step = "governor gate --wait" + f" --lane {lane}" * (lane is not None)
            step += f" --window {window}" * (":" in (window or ""))  # unnamed, a family's window stops nothing
    elif ruling.rule in BLIND:
        step = "governor calibrate 60%" + " --lane codex" * ((ruling.lane or lane) == "codex")
        if ruling.rule == "unplaced":
            step = step.replace("60%", "N%")
            step += f" --window {ruling.window}" * (ruling.window != "week")
        elif window:  # the command names it
            said, step = said.partition(" of ")[0], f"{step} --window {window}"
    rest = f".  next: {step}"
    room = WIDTH - len(f"{ruling.answer}  {rest}")
    return (
        f"{ruling.answer}  {said}{reset}{rest}"
        if len(said + reset) <= room
        else f"{ruling.answer}  {cut(said, room)}{rest}"
    )


def cut(text: str, room: int) -> str:
    """As many whole clauses of it as fit, or words where not one does."""
    if len(text) <= room:
        return text
    for mark in ("; ", ", ", ": "):
        if head := text[: room + 1].rpartition(mark)[0]:
            return head
    return text[: max(room, 1)].rpartition(" ")[0] or "…"


def as_data(ruling: GateRuling, *, now: int) -> dict[str, object]:
    """``governor.gate/1``."""
    return {
        "schema": "governor.gate/1",
        "generated_at": utc(now),
        "answer": ruling.answer,
        "exit_code": EXIT[ruling.answer],
        "rule": ruling.rule,
        "text": ruling.text,
        "lane": ruling.lane,
        "account": ruling.account,
        "window": ruling.window,
        "used_percent": ruling.used_percent,
        "until": utc(ruling.until),
    }
