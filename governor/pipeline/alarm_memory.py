"""What is remembered of the early alarm of every window: when it went on or off, and on which readings that rested.

Only a refresh writes here. A step that rests on a reading which the person has withdrawn since does not count: the
alarm is then what it was before, as if that reading had never been made.
"""

from __future__ import annotations

import json
from typing import Any

from governor.errors import StateError
from governor.forecasting.alarm import Alarm, step
from governor.ledger import statements
from governor.ledger.store import Ledger
from governor.limit_facts import is_same_window
from governor.model import Account
from governor.pipeline import history
from governor.quota.windows import Window
from governor.report import Projection, Report, WindowReport

KEPT = 40  # steps of one window; an alarm with hysteresis takes few


def recall(ledger: Ledger, whose: Account | None, window: Window) -> Alarm:
    """The alarm as the last refresh left it, by the readings that still stand."""
    steps = _steps(ledger, whose, window)
    return Alarm(*steps[-1][:2]) if steps else Alarm()


def keep(ledger: Ledger, report: Report) -> None:
    """Remember how this report moved every alarm. Where nothing can be written it is worked out again."""
    try:
        for part in report.accounts():
            for found in part.windows:
                _keep(ledger, part.whose, found, now=report.generated_at)
    except StateError:
        pass


def after(alarm: Alarm, projection: Projection | None, window: Window, *, now: int) -> Alarm:
    """The alarm after one more projection; none changes nothing."""
    chance = projection.p_exceed if projection else None
    return step(alarm, now, chance, left=1 - (elapsed(window, now=now) or 0.0))


def elapsed(window: Window, *, now: int) -> float | None:
    """The share of the window that has passed, 0-1; None where its reset is not known."""
    if window.resets_at is None:
        return None
    return (now - window.starts_at) / (window.resets_at - window.starts_at)


def _keep(ledger: Ledger, whose: Account | None, found: WindowReport, *, now: int) -> None:
    window = found.window
    steps = _steps(ledger, whose, window)
    before = Alarm(*steps[-1][:2]) if steps else Alarm()
    state = after(before, found.projection, window, now=now)
    if state == before:
        return
    newest = statements.newest(ledger)
    steps.append([*state, newest, sum(number <= newest for number in statements.withdrawn(ledger, window.lane))])
    value = {"resets_at": window.resets_at, "steps": steps[-KEPT:]}
    with ledger.transaction():
        ledger.set_fact(_name(whose, window), json.dumps(value))


def _name(whose: Account | None, window: Window) -> str:
    return history.fact_name("alarm", whose, window.name) if whose else f"alarm:{window.lane}:{window.name}"


def _steps(ledger: Ledger, whose: Account | None, window: Window) -> list[list[Any]]:
    """[is on, since, the newest reading's number then, how many up to it were withdrawn by then], oldest first: of this
    window, and only those whose readings all stand.
    """
    try:
        content = json.loads(ledger.fact(_name(whose, window)) or "{}")
        if not is_same_window(content["resets_at"], window.resets_at):
            return []
        gone = statements.withdrawn(ledger, window.lane)
        return [row for row in content["steps"] if sum(number <= row[2] for number in gone) == row[3]]
    except (ValueError, KeyError, TypeError, IndexError):
        return []
