"""How the clients spell usage, and which steps one response was billed for: one rule for the ledger and for hooks.

Hooks import this: no imports, and Python 3.9 reads it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Counts = tuple[int, int, int, int]  # input, output, cache reads, cache writes

# Codex's kinds of tokens, by every name a client or gateway has written them under; the first that is there counts.
CODEX_KINDS = (
    ("input_tokens",),
    ("cached_input_tokens", "cache_read_input_tokens"),
    ("cache_write_input_tokens", "cache_creation_input_tokens"),
    ("output_tokens",),
    ("reasoning_output_tokens",),
)
FALLBACK = "fallback_message"  # a step that answered in place of a refused one
SUBSETS = 10  # steps of one response of which every choice is tried; 2**10 sums take a millisecond


def codex_counts(usage: dict[str, Any]) -> list[Any]:
    """One value for each of CODEX_KINDS as it stands in the line, unchecked; None where it is missing."""
    get = usage.get
    return [next((get(name) for name in names if get(name) is not None), None) for names in CODEX_KINDS]


def is_answer(record: dict[str, Any], message: dict[str, Any]) -> bool:
    """Is this line a response of the model? Loggers and gateways that imitate the client leave its type out."""
    kind = record.get("type")
    return kind == "assistant" or (kind is None and message.get("role") == "assistant")


def listed_steps(usage: dict[str, Any]) -> list[dict[str, Any]]:
    """The server-side steps of a response, unless they are the usual one: the response itself."""
    listed = usage.get("iterations")
    if not isinstance(listed, list):
        return []
    steps = [step for step in listed if isinstance(step, dict)]
    is_plain = len(listed) == len(steps) == 1 and steps[0].get("type", "message") == "message"
    return [] if is_plain else steps


def parted(usage: dict[str, Any], steps: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    """(places of the steps that the top level states, places of those that were billed beside it).

    Every listed step was billed. The top level is the sum of some of them; which, the numbers say, whatever the types
    are called: all, the ``message`` steps, one alone (the last, where a fallback answered), or any other choice. Where
    no choice adds up, ``message`` steps stand in the top level, and a fallback's step is the top level.
    """
    wanted, counts = _counts(usage), [_counts(step) for step in steps]
    for chosen in _choices(steps):
        if chosen and all(sum(counts[n][kind] for n in chosen) == wanted[kind] for kind in range(4)):
            return chosen, [n for n in range(len(steps)) if n not in chosen]
    fallbacks = [n for n, step in enumerate(steps) if step.get("type") == FALLBACK]
    if fallbacks:
        return [], [n for n in range(len(steps)) if n != fallbacks[-1]]
    return [], [n for n, step in enumerate(steps) if step.get("type", "message") != "message"]


def prompt_of(usage: dict[str, Any]) -> int:
    """How many tokens the model read in one step."""
    fresh, _, read_back, written = _counts(usage)
    return fresh + read_back + written


def _choices(steps: list[dict[str, Any]]) -> Iterator[list[int]]:
    """Places of steps, the likeliest choice first."""
    places = range(len(steps))
    yield list(places)
    yield [n for n in places if steps[n].get("type", "message") == "message"]
    for n in reversed(places):
        yield [n]
    if len(steps) <= SUBSETS:
        for bits in range(1, 2 ** len(steps)):
            yield [n for n in places if bits >> n & 1]


def _counts(usage: dict[str, Any]) -> Counts:
    split = usage.get("cache_creation")
    parts = split.values() if isinstance(split, dict) else ()
    written = max(_whole(usage.get("cache_creation_input_tokens")), sum(map(_whole, parts)))
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    fresh, output, read_back = (_whole(usage.get(name)) for name in names)
    return fresh, output, read_back, written


def _whole(value: object) -> int:
    return int(value) if type(value) in (int, float) and 0 <= value < 10**9 else 0  # type: ignore[operator,call-overload]
