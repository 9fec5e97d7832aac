"""Which models a window counts: all of its lane's, or one family's (``week:fable``, ``week:GPT-5.3-Codex-Spark``).

A client names the family in its own words: a short name, a model's full name, or a code name. A family that no known
model's name contains cannot be told, and then nothing that was used here may be set against its window.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from governor.quota.prices import key, names_of

# What the service calls a family beside its name; its /usage panel shows this row as Fable's.
ALSO = {"overage-included": "fable", "oi": "fable"}
MAKERS = ("gpt-", "claude-")  # how a model's full name begins, which tells itself
TAGS = ("preview", "latest", "beta")  # words after a model's name that make no other model


def of(window: str) -> str:
    """The family that a window counts, in one spelling; empty for a window that counts every model."""
    name = "-".join(key(window.partition(":")[2]).replace("_", " ").split())
    return ALSO.get(name, name)


def counts(window: str, model: str) -> bool:
    """Does this window count this model?"""
    family = of(window)
    return not family or _is_of(family, model)


def is_told(window: str, models: Iterable[str]) -> bool:
    """Is it known which models this window counts? ``models`` are all that are known."""
    family = of(window)
    return not family or family.startswith(MAKERS) or any(_is_of(family, model) for model in models)


@cache
def _is_of(family: str, model: str) -> bool:
    """``fable`` is in ``claude-fable-5-2``; ``gpt-5-3-codex`` is not in ``gpt-5-3-codex-spark``, which is another."""
    wanted = family.split("-")
    for name in names_of(model):
        words = key(name).split("-")
        for place in range(len(words) - len(wanted) + 1):
            rest = words[place + len(wanted) :]
            if words[place : place + len(wanted)] == wanted and all(w.isdigit() or w in TAGS for w in rest):
                return True
    return False
