"""What is known about every lane and window at one moment. Faces show it, letters carry it, nothing else decides it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from governor.calibrate import Scale
from governor.model import Lane, Tally
from governor.refusals import Refusal
from governor.windows import Official, Window

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
    official: Official | None
    local: Tally  # this machine's (and synced machines') use since the window opened, units included
    scale: Scale | None
    estimate: Estimate | None
    projection: Projection | None
    verdict: Verdict
    reasons: list[Reason]
    refusal: Refusal | None = None  # of this window, where one still holds


class LaneReport(NamedTuple):
    """One client."""

    lane: Lane
    present: bool  # has transcripts, or official readings, at all
    windows: list[WindowReport]
    refusals: tuple[Refusal, ...] = ()  # that still hold, of a window that nobody named

    @property
    def verdict(self) -> Verdict:
        """The strictest of its windows; a refusal of an unknown window asks to go slow."""
        heard: list[Verdict] = ["SLOW"] if self.refusals else []
        return worst([*heard, *(found.verdict for found in self.windows)])


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
    lanes: list[LaneReport]
    problem_lines: int
    problem_files: int
    hooks: HookHealth
    unpriced: list[tuple[str, int]]
    budgets: list[BudgetReport]  # the fullest first
    worse: tuple[str, ...] = ()  # what the quality canary found worse after a change
    off_until: int | None = None  # when the kill switch ends by itself
    override_until: int | None = None  # when the person's override runs out


def worst(verdicts: list[Verdict]) -> Verdict:
    """The strictest of several verdicts; of none, GO."""
    return max(verdicts, key=VERDICTS.index, default="GO")


class Finding(NamedTuple):
    """One thing that ``governor doctor`` looked at. ``mend`` is what to type when it is not well."""

    name: str
    ok: bool
    text: str
    mend: str = ""
