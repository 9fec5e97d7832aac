"""What is known about every lane and window at one moment. Views show it, snapshots carry it, nothing else decides it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from governor.calibration.scale import Scale
from governor.model import Account, Lane, Tally
from governor.quota.refusals import Refusal
from governor.quota.windows import OfficialFigure, Window

Verdict = Literal["GO", "NUDGE", "SLOW", "STOP"]
VERDICTS: tuple[Verdict, ...] = ("GO", "NUDGE", "SLOW", "STOP")


class Reason(NamedTuple):
    """Why a verdict is what it is: the rule's name, one sentence, and the number it turned on."""

    rule: str
    text: str
    value: float | None


class Estimate(NamedTuple):
    """Where the official meter stands by now, as near as can be told."""

    used_percent: float
    low: float
    high: float
    basis: Literal["official", "official+local", "local"]


class Unplaced(NamedTuple):
    """Why no estimate is shown of a window that something is known of. See ``estimate.place``."""

    why: Literal["wide", "past-cap"]
    readings: int  # official readings that its scale rests on


class Projection(NamedTuple):
    """Where the official meter will stand at the reset, in percent of the cap; ``p10`` to ``p90`` hold 80 %."""

    p10: float | None
    p50: float | None
    p90: float | None
    p_exceed: float | None  # chance of passing 100 % before the reset
    naive: float | None  # spent + recent rate x time left: the baseline, shown beside
    wall_at: int | None  # when 100 % is likely reached, if it is
    confidence: str  # a word for how much history stands behind it


class WindowReport(NamedTuple):
    """One window: the three meters apart, and what follows from them."""

    window: Window
    official: OfficialFigure | None
    # This machine's (and synced machines') use since the window opened, units included, of the models it counts; None
    # where nobody knows which those are.
    local: Tally | None
    scale: Scale | None
    estimate: Estimate | None
    projection: Projection | None
    verdict: Verdict
    reasons: list[Reason]
    unplaced: Unplaced | None = None
    refusal: Refusal | None = None  # of this window, where one still holds


class LaneReport(NamedTuple):
    """One account of one client."""

    lane: Lane
    present: bool  # has transcripts, or official readings, at all
    windows: list[WindowReport]
    whose: Account | None = None  # None where accounts are not told apart
    refusals: tuple[Refusal, ...] = ()  # that still hold, of a window that nobody named

    @property
    def verdict(self) -> Verdict:
        """The strictest of its windows for work on any model; a refusal of an unknown window asks to go slow."""
        heard: list[Verdict] = ["SLOW"] if self.refusals else []
        return worst([*heard, *verdicts(self)])


class HookHealth(NamedTuple):
    """Whether the hooks are wired and alive, as far as the state folder tells."""

    wired: bool
    last_run: int | None


class BudgetReport(NamedTuple):
    """How one limit of a day's or a project's budget stands. ``used`` is a floor where ``at_least``."""

    name: str
    per: str
    project: str  # "" for a day's
    action: str  # observe | advise | ask | stop
    unit: str  # tokens | usd | units | tool_calls
    used: float
    limit: float
    since: int
    at_least: bool

    @property
    def share(self) -> float:
        """1 when the limit is reached."""
        return self.used / self.limit


class Report(NamedTuple):
    """The whole picture."""

    generated_at: int
    off_by: str | None
    lanes: list[LaneReport]  # one a lane: its primary account's (ledger.owners.known)
    problem_lines: int
    problem_files: int
    hooks: HookHealth
    unpriced: list[tuple[str, int]]
    budgets: list[BudgetReport]  # the fullest first
    worse: tuple[str, ...] = ()  # what the quality canary found worse after a change
    off_until: int | None = None  # when the kill switch ends by itself
    override_until: int | None = None  # when the person's override runs out
    others: tuple[LaneReport, ...] = ()  # the lanes' other accounts, in their order

    def accounts(self, lane: Lane | None = None) -> list[LaneReport]:
        """Every account of one lane, or of all, the primary one of each lane first."""
        whole = [part for one in self.lanes for part in (one, *(each for each in self.others if each.lane == one.lane))]
        return [part for part in whole if lane in (None, part.lane)]

    def seen_by(self, mine: LaneReport) -> Report:
        """What a session of this account is told: this account's figures in its own lane, and no other's there."""
        return self._replace(lanes=[mine if one.lane == mine.lane else one for one in self.lanes], others=())


def worst(verdicts: list[Verdict]) -> Verdict:
    """The strictest of several verdicts; of none, GO."""
    return max(verdicts, key=VERDICTS.index, default="GO")


def verdicts(lane: LaneReport) -> list[Verdict]:
    """How a lane's windows stand for work on any model: a family's window at its wall stops that family alone."""
    return ["SLOW" if one.verdict == "STOP" and ":" in one.window.name else one.verdict for one in lane.windows]


class Finding(NamedTuple):
    """One thing that ``governor doctor`` looked at. ``mend`` is what to type when it is not well."""

    name: str
    ok: bool
    text: str
    mend: str = ""
