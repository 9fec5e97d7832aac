"""What a person may write into ``budget.json`` (or ``.yaml``), checked where they write it and nowhere else.

The only pydantic in the package: one model costs a start-up 119 ms, so the checked result is compiled into the state
folder and read back as plain JSON until the file changes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from governor.config.guards import (
    Canary,
    CompactionSettings,
    Degrade,
    Handoff,
    Limit,
    Loop,
    Notify,
    Overhead,
    RunSettings,
    SettingsPart,
    Spawn,
    Tiers,
)
from governor.quota import windows
from governor.quota.plans import PLANS
from governor.quota.units import NAMED

Weight = Annotated[float, Field(ge=0, le=1000)]
Dollars = Annotated[float, Field(ge=0, le=10_000)]  # more, and a cost might not fit into the ledger


class WeightSettings(SettingsPart):
    """Meter weights: laid over ``base``, whose own hold where none is given."""

    base: str = "default"
    input: Weight | None = None
    output: Weight | None = None
    cache_read: Weight | None = None
    cache_write_5m: Weight | None = None
    cache_write_1h: Weight | None = None
    models: dict[str, Weight] = {}

    @field_validator("base")
    @classmethod
    def _known(cls, value: str) -> str:
        return _known_weights(value)


class Price(SettingsPart):
    """USD per million tokens, for a model or a pattern of models."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write_5m: Dollars | None = None
    cache_write_1h: Dollars | None = None


class Tag(SettingsPart):
    """A tag for all use whose project folder and branch match a pattern each.

    ``*`` matches anything; ``*/client-a/*`` is the folder client-a and all below it.
    """

    tag: str
    project: str = "*"
    branch: str = "*"


class Memory(SettingsPart):
    """Limits of a memory index, and further files to keep within them."""

    files: list[str] = []
    line_chars: int = Field(default=350, ge=80, le=10_000)
    max_lines: int = Field(default=200, ge=10, le=200)
    max_bytes: int = Field(default=24_900, ge=1_000, le=25_000)


class Router(SettingsPart):
    """When to offer the other lane, and words of one's own for the three classes."""

    mode: Literal["advise", "shadow", "off"] = "advise"
    tell_model: bool = False
    verbs: list[str] = []
    breadth: list[str] = []
    keep: list[str] = []


class Pacing(SettingsPart):
    """What the pacing warner may do. ``hush`` names windows it stays silent about."""

    hush: list[str] = []
    pause_at_wall: bool = True
    hold_background: bool = False

    @field_validator("hush")
    @classmethod
    def _windows(cls, value: list[str]) -> list[str]:
        for name in value:
            try:
                windows.length(name)
            except KeyError as fault:
                known = "5h, week, week:opus (a family's), day, month and 90m"
                raise ValueError(f"{name!r} is no window; there are {known}") from fault
        return value


class Budget(SettingsPart):
    """The whole file. Everything is optional."""

    machine: str = ""
    person: str = ""
    plan: str = ""
    weights: str | WeightSettings = "default"
    prices: dict[str, Price] = {}
    tags: list[Tag] = []
    memory: Memory = Memory()
    router: Router = Router()
    pacing: Pacing = Pacing()
    budgets: list[Limit] = []
    spawn: Spawn = Spawn()
    degrade: Degrade = Degrade()
    loop: Loop = Loop()
    tiers: Tiers = Tiers()
    compaction: CompactionSettings = CompactionSettings()
    notify: Notify = Notify()
    overhead: Overhead = Overhead()
    canary: Canary = Canary()
    run: RunSettings = RunSettings()
    handoff: Handoff = Handoff()
    shared_kill_switch: str = ""
    shared_halt: str = ""

    @field_validator("weights")
    @classmethod
    def _known(cls, value: str | WeightSettings) -> str | WeightSettings:
        return _known_weights(value) if isinstance(value, str) else value

    @field_validator("plan")
    @classmethod
    def _plan(cls, value: str) -> str:
        if value and value not in PLANS:
            raise ValueError(f"{value!r} is no plan known here; there are {', '.join(PLANS)}, and an empty one")
        return value

    @field_validator("budgets")
    @classmethod
    def _distinct(cls, value: list[Limit]) -> list[Limit]:
        names = [limit.name for limit in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two budgets are called {twice!r}; a budget's name is how it is told apart")
        return value

    @model_validator(mode="after")
    def _tagged(self) -> Budget:
        tags = {tag.tag for tag in self.tags}
        missing = next((limit.tag for limit in self.budgets if limit.tag and limit.tag not in tags), None)
        if missing is not None:
            raise ValueError(f'a budget counts the tag {missing!r}, which is not among "tags"')
        return self


def _known_weights(name: str) -> str:
    if name not in NAMED:
        raise ValueError(f"no such set of weights; known are {', '.join(sorted(NAMED))}")
    return name
