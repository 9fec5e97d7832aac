"""The hard limits that the clients themselves have, and what each can and cannot stop (as of Claude Code 2.1.330 and
Codex 0.169).
"""

from __future__ import annotations

from typing import NamedTuple


class Ceiling(NamedTuple):
    """One limit. ``value`` is None where it is not set, and where that cannot be seen from here (``seen`` False)."""

    owner: str  # claude | codex | governor
    name: str
    kind: str  # blocks | alerts | shapes (makes use smaller, stops none)
    value: str | None
    where: str  # a file, "environment", or how it is given
    stops: str
    cannot: str
    seen: bool = True


class LimitRow(NamedTuple):
    name: str
    kind: str
    keys: tuple[str, ...]  # dotted keys of the settings file, or names in the environment
    stops: str
    cannot: str


CLAUDE = (
    LimitRow(
        "subagents at once",
        "blocks",
        ("CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS",),
        "subagents beyond this many at a time (20 unless set)",
        "many one after another, or what each uses; nothing under ultracode",
    ),
    LimitRow(
        "subagent depth",
        "blocks",
        ("CLAUDE_CODE_MAX_SUBAGENT_SPAWN_DEPTH",),
        "subagents of subagents below this depth (3 unless set)",
        "a wide fan-out at one depth",
    ),
    LimitRow(
        "models",
        "blocks",
        ("availableModels", "enforceAvailableModels"),
        "models that are not on the list",
        "any amount of an allowed one",
    ),
    LimitRow(
        "effort",
        "shapes",
        ("maxEffortLevel", "CLAUDE_CODE_EFFORT_LEVEL", "effortLevel"),
        "thinking beyond this level (maxEffortLevel; the others only choose one)",
        "many turns at it",
    ),
    LimitRow(
        "compaction window",
        "shapes",
        ("autoCompactWindow", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE"),
        "contexts from growing past it, in sessions started after it was set",
        "a session that runs already",
    ),
    LimitRow(
        "waiting for the reset",
        "shapes",
        ("autoContinueAtUsageLimit",),
        "nothing: at the limit it waits and then goes on by itself",
        "the next window's quota from being spent without asking",
    ),
)
CODEX = (
    LimitRow(
        "rollout budget",
        "blocks",
        ("features.rollout_budget",),
        "a session's weighted tokens, where enforce_limit is true; else it reminds",
        "several sessions together (in development in 0.169)",
    ),
    LimitRow(
        "token budget",
        "alerts",
        ("features.token_budget",),
        "nothing: it reminds the model at thresholds (in development in 0.169)",
        "a model that goes on",
    ),
    LimitRow(
        "goal budget",
        "blocks",
        ("goals.max_goal_token_budget",),
        "a /goal beyond its tokens",
        "anything that is not a goal",
    ),
    LimitRow(
        "agent depth",
        "blocks",
        ("agents.max_depth",),
        "subagents of subagents (1 unless set)",
        "gpt-6 and later, which ignore it (multi-agent version 2)",
    ),
    LimitRow(
        "agents at once",
        "blocks",
        ("agents.max_threads", "agents.max_concurrent_threads_per_session"),
        "threads beyond this many at a time (the first key for version 1, the second for 2)",
        "many one after another, or what each uses",
    ),
    LimitRow(
        "memory generation",
        "blocks",
        ("memories.min_rate_limit_remaining_percent",),
        "background memory work once less than this is left of the window",
        "the person's own turns",
    ),
)
