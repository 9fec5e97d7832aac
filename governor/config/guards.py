"""The part of ``budget.json`` that governs unattended work. Nothing here acts until the person asks for it.

``action`` says what happens at a limit: ``observe`` only records, ``advise`` tells the person (and the model, where it
must act), ``ask`` lets the client ask the person, ``stop`` refuses. Codex has no way to ask, so there it advises.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from governor import durations


class SettingsPart(BaseModel):
    """What every part of the file has in common: unknown keys, NaN and infinity are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _span(value: object) -> object:
    return durations.seconds(value) if isinstance(value, str) else value


Action = Literal["observe", "advise", "ask", "stop"]
Span = Annotated[int, BeforeValidator(_span), Field(gt=0, le=durations.LONGEST_S)]  # "30m", or seconds
Count = Annotated[int, Field(gt=0, le=10**15)]
Amount = Annotated[float, Field(gt=0, le=1e15)]
UNITS = ("tokens", "usd", "units", "tool_calls", "wall")


class Limit(SettingsPart):
    """One budget. ``request`` is all that one prompt of the person sets off, subagents included; ``agent`` one
    subagent; ``day``, ``project`` and ``tag`` count every session on this machine, the last two over ``every``.

    ``tokens`` leave cache reads out: a context that is sent again every turn would fill any number. The response that
    crosses is charged; the next tool call is not made. ``tool_calls: 20`` makes twenty.
    """

    name: str = Field(min_length=1, max_length=60)
    per: Literal["request", "session", "agent", "day", "project", "tag"]
    tag: str = ""
    every: Literal["day", "week", "month"] = "week"
    lane: Literal["claude", "codex"] | None = None
    project: str = "*"
    action: Action = "observe"
    tokens: Count | None = None
    usd: Amount | None = None
    units: Amount | None = None
    tool_calls: Count | None = None
    wall: Span | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        if all(getattr(self, unit) is None for unit in UNITS):
            raise ValueError(f"a budget needs at least one of {', '.join(UNITS)}, above 0")
        if self.wall is not None and self.per in ("day", "project", "tag"):
            raise ValueError("wall counts from the start of a request, session or agent; a day has no such start")
        if self.every != "week" and self.per not in ("project", "tag"):
            raise ValueError('"every" goes with per: "project" and per: "tag" alone')
        if bool(self.tag) != (self.per == "tag"):
            raise ValueError('per: "tag" needs the name of a tag, and "tag" goes with it alone')
        return self


class Spawn(SettingsPart):
    """How many subagents: at once, for one prompt (``fan_out``), in a session, how deep, and how many tokens all those
    of a session may use. A lease that was never given back runs out after ``lease``.
    """

    action: Action = "observe"
    concurrent: Count = 20
    fan_out: Count = 20
    total: Count = 200
    depth: Count = 3
    tree_tokens: Count | None = None
    lease: Span = 7200


class Degrade(SettingsPart):
    """Near the wall, a routine subagent gets a cheaper model; ``critical`` names agent types that keep theirs.

    Claude Code takes haiku, sonnet, opus or fable; Codex any model it has, and none unless one is named here.
    """

    mode: Literal["off", "observe", "act"] = "observe"
    at: Literal["NUDGE", "SLOW", "STOP"] = "SLOW"
    claude: str = "haiku"
    codex: str = ""
    critical: list[str] = []


class Loop(SettingsPart):
    """Calls that repeat, tools that keep failing, sessions that run on, and turns that became dear."""

    action: Literal["off", "observe", "advise", "stop"] = "advise"
    alike: Annotated[int, Field(ge=3, le=5)] = 4  # of the last five calls
    failures: Annotated[int, Field(ge=2, le=100)] = 5
    open_for: Span = 60
    marathon: Span = 8 * 3600
    turn_percent: Annotated[float, Field(gt=0, le=100)] = 0.5  # of the week, for one more turn


class Tiers(SettingsPart):
    """Which size of model suits a piece of work, within one lane; words of one's own for the three classes."""

    mode: Literal["off", "shadow", "advise"] = "advise"
    subagents: bool = False
    claude: list[str] = Field(default=["haiku", "sonnet", "opus"], min_length=3, max_length=3)
    codex: list[str] = Field(default=["gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol"], min_length=3, max_length=3)
    small: list[str] = []
    middle: list[str] = []
    large: list[str] = []


class CompactionSettings(SettingsPart):
    """``enforce`` sets the client's own ``autoCompactWindow`` to the band's ceiling while the band lasts."""

    enforce: bool = False


class Notify(SettingsPart):
    """Where an alert goes beside the client's own screen. ``command`` gets the words as its last argument."""

    desktop: bool = False
    bell: bool = False
    command: list[str] = []


class Overhead(SettingsPart):
    """What the governor may cost: a guard above either limit mutes itself, and ``governor doctor`` says so."""

    mute: bool = True
    p95_ms: Amount = 400.0
    week_percent: Annotated[float, Field(gt=0, le=100)] = 0.5


class Canary(SettingsPart):
    """How much of the work is looked at (a share of sessions), and how often an alarm may be false."""

    sample: Annotated[float, Field(ge=0, le=1)] = 0.25
    false_alarms: Annotated[float, Field(gt=0, le=0.2)] = 0.01


class RunSettings(SettingsPart):
    """What ``governor run`` allows where the command line does not say; ``grace`` is the time between its signals."""

    usd: Amount | None = None
    tokens: Count | None = None
    tool_calls: Count | None = None
    wall: Span | None = None
    grace: Span = 10


class Handoff(RunSettings):
    """The same for ``governor handoff``, which nobody watches; ``rules`` is a file of standing rules for the brief.

    ``claude`` and ``codex`` are the words that start either client, with what it may do there: neither may do more than
    edit by default. After ``quiet`` without a word a running handoff is called QUIET.
    """

    wall: Span | None = 3600
    rules: str = ""
    worktree: bool = False
    quiet: Span = 600
    claude: list[str] = Field(default=["claude", "--permission-mode", "acceptEdits"], min_length=1)
    codex: list[str] = Field(default=["codex", "exec", "-s", "workspace-write"], min_length=1)
