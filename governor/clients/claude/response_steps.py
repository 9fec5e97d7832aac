"""What one ``usage`` block bills: the response, and the server-side steps that came with it, each at its own model."""

from __future__ import annotations

from typing import Any

from governor.model import Usage
from governor.transcripts.lines import COUNT_LIMIT, count, text
from governor.usage_steps import listed_steps, parted, prompt_of

_SEARCH_LIMIT = 10_000  # web searches in one response; beyond that the line is wrong


def steps(usage: dict[str, Any], model: str) -> list[tuple[str, dict[str, Any], int]]:
    """(model, usage, context) of all that was billed for one response, the response itself first. A context of 0 is
    the usage's own prompt.

    Each step is priced at its own model; ``usage_steps`` says which of them the top level states already.
    """
    listed = listed_steps(usage)
    if not listed:
        return [(model, usage, 0)]
    stated, beside = parted(usage, listed)
    names = [text(step.get("model")) or model for step in listed]
    answers = {names[place] for place in stated}
    top: tuple[str, dict[str, Any], int] = (model, usage, 0)
    if len(answers) == 1:  # a sum over requests is no context size
        top = (names[stated[0]], usage, max(prompt_of(listed[place]) for place in stated))
    elif answers:
        *earlier, last = stated
        shared = ("speed", "inference_geo", "server_tool_use")
        flags: dict[str, Any] = {name: usage[name] for name in shared if name in usage}
        top = (names[last], {**listed[last], **flags}, 0)
        beside = earlier + beside
    return [top] + [(names[place], listed[place], 0) for place in beside]


def usage_of(
    first: tuple[Any, ...],
    usage: dict[str, Any],
    context: int,
    final: bool,
    last: tuple[Any, ...],
    wrong: list[str],
    *,
    limit: int = COUNT_LIMIT,
) -> Usage:
    """A Usage from its first fields (up to the time), what ``usage`` states, and its last (from ``main`` on)."""
    get = usage.get
    written = count(get("cache_creation_input_tokens"), wrong, limit)
    five, hour = written, 0
    split = get("cache_creation")
    if isinstance(split, dict):
        hour = count(split.get("ephemeral_1h_input_tokens"), wrong, limit)
        # Clients before the split wrote 5-minute entries only; where the sum and the split differ, the sum is billed.
        five = written - hour if written >= hour else count(split.get("ephemeral_5m_input_tokens"), wrong, limit)
    fresh = count(get("input_tokens"), wrong, limit)
    read_back = count(get("cache_read_input_tokens"), wrong, limit)
    details = get("output_tokens_details")
    tools = get("server_tool_use")
    spent = (
        fresh,
        count(get("output_tokens"), wrong, limit),
        read_back,
        five,
        hour,
        count(details.get("thinking_tokens"), wrong, limit) if isinstance(details, dict) else 0,
        count(tools.get("web_search_requests"), wrong, _SEARCH_LIMIT) if isinstance(tools, dict) else 0,
        context or fresh + read_back + five + hour,
        get("speed") == "fast",
        get("inference_geo") == "us",
        final,
    )
    return tuple.__new__(Usage, first + spent + last)  # half the price of calling Usage, 100,000 times
