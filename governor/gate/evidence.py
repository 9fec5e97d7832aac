"""The gate's own look at the world: every window's verdict, and whatever else may hold work back, as one ruling."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator

from governor import config, paths
from governor.errors import StateError
from governor.gate import rulings as gate_rulings
from governor.gate.rulings import GateRuling
from governor.hooks import runtime
from governor.hooks.budget.rules import UNITS, BudgetStanding, crossed
from governor.hooks.budget.shared_sums import is_tagged
from governor.hooks.state import halt_file, halts
from governor.ledger import owners
from governor.ledger.store import open_ledger
from governor.model import LANES, Lane
from governor.number_format import account as shown
from governor.number_format import moment
from governor.pipeline import budget_sums, ingest, policy
from governor.pipeline.assess import assess
from governor.pipeline.budget_sums import BudgetSpent
from governor.quota import refusals
from governor.report import LaneReport, Report, WindowReport
from governor.views import unknown_figures

LOOK_EVERY_S = 30  # while waiting: an override, a calibration or a clock that was set may open the gate at any time


def look(*, lane: Lane | None = None, window: str | None = None, account: str | None = None) -> GateRuling:
    """The ruling of this moment, after taking in what is new. Where the state cannot be had it is GO, and says so.

    Judged are the accounts that the environment names, or ``account`` alone.

    Raises: BadInputError where the budget file is wrong, or no such account is known.
    """
    return seen(lane=lane, window=window, account=account)[0]


def seen(
    *, lane: Lane | None = None, window: str | None = None, account: str | None = None
) -> tuple[GateRuling, Report | None]:
    """The same with the report it rests on; None where the state cannot be had."""
    now = ingest.now_s()
    settings = config.load()
    try:
        with open_ledger() as ledger:
            try:
                ingest.refresh(ledger, settings, now=now)
            except StateError:
                pass  # what is remembered still counts
            whose = owners.chosen(ledger, account, lane=lane) if account else None
            lane = whose.lane if whose else lane
            report = assess(ledger, settings, now=now, lane=lane, whose=whose)
            found = [*of_windows(report, window=window, now=now), *of_refusals(report, now=now)]
            if window is None:
                found += of_halts(lane=lane, folder=_folder(), now=now)
                found += of_budgets(budget_sums.spent(ledger, settings, now=now), lane=lane, folder=_folder(), now=now)
    except StateError as fault:
        return GateRuling("GO", "no-state", f"nothing can be known: {fault.message}"), None
    if window is not None and not found:
        found = [GateRuling("GO", "unknown", f"nothing official is known of {window}")]
    home = str(paths.home())
    ruling = gate_rulings.worst(found)
    return gate_rulings.let_through(
        ruling, off_by=runtime.off_by(home, now), overridden=runtime.is_overridden(home, now)
    ), report


def wait(
    look_again: Callable[[], GateRuling],
    *,
    told: Callable[[GateRuling, int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> GateRuling:
    """Look until the answer is not STOP. ``told`` hears of each look; never sleeps past LOOK_EVERY_S at once."""
    while (ruling := look_again()).answer == "STOP":
        now = ingest.now_s()
        told(ruling, now)
        left = LOOK_EVERY_S if ruling.until is None else ruling.until - now + 1
        sleep(max(min(left, LOOK_EVERY_S), 1))
    return ruling


def of_windows(report: Report, *, window: str | None, now: int) -> Iterator[GateRuling]:
    """One ruling per window of the accounts that are meant, or the one that was asked for."""
    for part in report.accounts():
        if part.whose is not None and not part.whose.is_named:
            continue
        for found in part.windows:
            if window in (None, found.window.name):
                ruling = _of_window(part, found, named=window is not None, now=now)
                name = part.whose.name if part.whose else None
                yield ruling._replace(account=name, whose=shown(report, part))


def of_refusals(report: Report, *, now: int) -> Iterator[GateRuling]:
    """A refusal of a window that nobody named asks for pace: it may be one model's, or any of the lane's."""
    for part in report.accounts():
        if part.whose is not None and not part.whose.is_named:
            continue
        for refusal in part.refusals:
            ruling = GateRuling("PACE", "refused", refusals.sentence(refusal, now=now), part.lane, until=refusal.until)
            yield ruling._replace(account=part.whose.name if part.whose else None, whose=shown(report, part))


def of_halts(*, lane: Lane | None, folder: str, now: int) -> Iterator[GateRuling]:
    """STOP for every client that is halted in this folder. A halt of one session or agent type is no word on that."""
    for name in [lane] if lane is not None else LANES:
        held = halts.holding(str(paths.home()), halt_file.Agent(lane=name, folder=folder), now)
        if held is not None:
            until = held[0].until
            yield GateRuling("STOP", "halt", f"you halted {halt_file.whom(held[0])}", name, until=until)


def of_budgets(listed: Iterable[BudgetSpent], *, lane: Lane | None, folder: str, now: int) -> Iterator[GateRuling]:
    """One ruling per shared budget that is to stop, and is used up. A project's and a tag's hold in their folders."""
    for one in listed:
        budget = one.budget
        if budget["action"] != "stop" or budget["lane"] not in (None, lane or budget["lane"]):
            continue
        if budget["per"] == "tag" and not is_tagged(budget, folder, ""):
            continue
        for project, used in one.used.items():
            if project and not f"{folder}/".startswith(f"{project.rstrip('/')}/"):
                continue
            for unit in UNITS:
                limit = budget[unit]
                if limit is None:
                    continue
                standing = BudgetStanding(budget, unit, float(limit), used)
                if standing.share >= 1:
                    text = crossed(standing, clock=lambda at: moment(int(at), None, now=now)).rstrip(".")
                    text = text.removeprefix("governor: ")
                    yield GateRuling("STOP", f"budget:{standing.name}", text, budget["lane"], until=one.until)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed under us


def _of_window(lane: LaneReport, found: WindowReport, *, named: bool, now: int) -> GateRuling:
    used = found.official.used_percent if found.official else None
    return gate_rulings.of_window(
        found.verdict,
        [(reason.rule, reason.text) for reason in found.reasons],
        lane=lane.lane,
        window=found.window.name,
        used_percent=used,
        resets_at=found.window.resets_at,
        now=now,
        named=named,
        unplaced=unknown_figures.standing(found, now=now),
        chance=policy.likely(found.projection),
        until=found.refusal.until if found.refusal is not None else None,
    )
