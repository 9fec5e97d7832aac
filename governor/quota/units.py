"""What a response costs the quota, in **units**: plain input tokens of Opus 5.5.

Meter weights are not price weights. The formula of the official meter is unpublished; what was measured is that output
counts five times input, a cache write once (whatever its lifetime) and a cache read almost nothing, and that models
differ about as their list prices do (docs/calibration.md has the evidence and the error of each set). Only ratios
matter here: the scale from units to percent is calibrated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from governor.model import Lane, Tally


class Weights(NamedTuple):
    """Weights per token kind, relative to plain input, and per model family, relative to Opus 5.5.

    ``families`` are (part of a model's name, factor), the first match counts; ``other`` is for a model nobody named.
    """

    name: str
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    families: tuple[tuple[str, float], ...]
    other: float = 1.0

    def factor(self, model: str) -> float:
        """How much one token of this model weighs against one of Opus 5.5."""
        name = model.lower()
        return next((factor for part, factor in self.families if part in name), self.other)


# Claude: what fits measured stretches of the official meter best, near the list-price ratios but for Fable and older
# models (docs/calibration.md; scripts/fit_stretches.py shows the error). Codex: list price of input over $4.
_BY_FAMILY = (
    ("fable-5-2", 3.0),
    ("mythos-5-2", 3.0),
    ("fable", 3.75),
    ("mythos", 3.75),
    ("opus-5-5", 1.0),
    ("opus-4-1", 3.75),
    ("opus-4-2025", 3.75),
    ("opus", 1.35),
    ("sonnet-5", 0.6),
    ("sonnet", 0.8),
    ("haiku-5-5", 0.025),
    ("haiku", 0.25),
    ("gpt-6.2-astra", 2.0),
    ("astra", 2.5),
    ("6.1-terra", 0.25),
    ("luna", 0.025),
    ("5.6-sol", 1.0),
    ("sol", 0.5),
    ("terra", 0.5),
    ("gpt-5.5", 1.25),
    ("gpt-5.4-mini", 0.1875),
    ("gpt-5.4", 0.625),
    ("codex", 0.4),
    ("gpt-5", 0.4),
)
DEFAULT = Weights("default", 1.0, 5.0, 0.015, 1.0, 1.0, _BY_FAMILY)
CLASSIC = Weights(
    "classic", 1.0, 5.0, 0.1, 1.25, 1.25, (("opus", 1.0), ("sonnet", 0.6), ("haiku", 0.2), ("fable", 2.0))
)
NAMED: Mapping[str, Weights] = {"default": DEFAULT, "classic": CLASSIC}

# Fast mode is billed to usage credits and never moves Claude's plan meters; in Codex it costs 2.5 times the quota.
FAST: Mapping[Lane, float] = {"claude": 0.0, "codex": 2.5}


def weights(chosen: str | Mapping[str, Any]) -> Weights:
    """The weights a budget file asks for: a name of NAMED, or numbers laid over the default.

    Raises: KeyError for an unknown name (config checks names before they get here).
    """
    if isinstance(chosen, str):
        return NAMED[chosen]
    own = dict(chosen)
    families = tuple((str(part), float(factor)) for part, factor in dict(own.pop("models", {})).items())
    base = NAMED[str(own.pop("base", "default"))]
    numbers = {name: float(value) for name, value in own.items() if value is not None}
    return base._replace(name="custom", families=families + base.families, **numbers)


def units(tally: Tally, model: str, scale: Weights, *, lane: Lane = "claude", fast: bool = False) -> float:
    """Meter units of a tally of one model: never negative, and additive over tallies."""
    weighed = (
        tally.input * scale.input
        + tally.output * scale.output
        + tally.cache_read * scale.cache_read
        + tally.cache_write_5m * scale.cache_write_5m
        + tally.cache_write_1h * scale.cache_write_1h
    )
    return weighed * scale.factor(model) * (FAST[lane] if fast else 1.0)


def total(parts: Iterable[Tally]) -> Tally:
    """The sum of tallies; of none, the zero."""
    whole = Tally()
    for part in parts:
        whole += part
    return whole
