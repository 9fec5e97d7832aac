"""What spawning and tiers need to know of models: which each session runs on, and what a token of each weighs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from governor import config
from governor.config import Settings
from governor.ledger import read
from governor.model import Lane
from governor.quota.units import Weights
from governor.snapshots.material import SnapshotMaterial

LATELY_S = 12 * 3600  # sessions used within this time have a model worth knowing
KNOWN = ("claude-", "gpt-")  # a session may turn to any of these within the minute
# What Claude Code's short names stand for, where this person's own use does not say (2.1.330).
STANDS_FOR = {
    "haiku": "claude-haiku-5-5",
    "sonnet": "claude-sonnet-5-5",
    "opus": "claude-opus-5-5",
    "fable": "claude-fable-5-2",
}

Latest = list[tuple[Lane, str, str, int, int]]


def latest(desk: SnapshotMaterial) -> Latest:
    """Every session used lately, with the model and context of its latest response."""
    return read.latest(desk.ledger, desk.now - LATELY_S)


def sessions(rows: Latest) -> dict[str, list[Any]]:
    """session -> [model, context, lane]: what its next turn runs on and reads again; used last, last."""
    return {session: [model, context, lane] for lane, session, model, context, _ in rows}


def factors(settings: Settings, used: Iterable[str]) -> dict[str, float]:
    """What a token of each model weighs: of those ``used`` (the latest last), those the settings name, and those on
    the price list, for a session may turn to any within the minute.

    A model that no weight is known for is left out. A short name stands for the model of its family used last.
    """
    weights, seen = settings.weights, list(used)
    table = config.price_table(settings.prices)
    tiers, degrade = settings.values["tiers"], settings.values["degrade"]
    listed = [model for model in table.models() if model.startswith(KNOWN)]
    named = {*seen, *listed, *tiers["claude"], *tiers["codex"], degrade["claude"], degrade["codex"], *STANDS_FOR}
    found: dict[str, float] = {}
    for name in sorted(named - {""}):
        lately = next((model for model in reversed(seen) if name in model), STANDS_FOR.get(name, name))
        model = lately if name in STANDS_FOR else name
        if is_known(model, weights):
            found[name] = weights.factor(model)
    return found


def is_known(model: str, weights: Weights) -> bool:
    """Is there a weight for this model, rather than the one for models nobody named?"""
    return any(part in model.lower() for part, _ in weights.families)


def rewrite(weights: Weights) -> float:
    """Units that writing a token into a cache costs over reading it there, at factor 1."""
    return max(0.0, weights.cache_write_5m - weights.cache_read)
