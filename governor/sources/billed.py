"""What one ``usage`` block bills: the response, and the server-side steps that came with it, each at its own model."""

from __future__ import annotations

from typing import Any

from governor.model import Usage
from governor.sources.lines import count, text

_SEARCH_LIMIT = 10_000  # web searches in one response; beyond that the line is wrong


def steps(usage: dict[str, Any], model: str) -> list[tuple[str, dict[str, Any], int]]:
    """(model, usage, context) of all that was billed for one response, the response itself first. A context of 0 is
    the usage's own prompt.

    ``iterations`` list server-side steps. Steps of type ``message`` are in the top-level numbers, unless a refusal made
    a fallback model answer: then the top level is the last step only. Steps of any other type (advisor, compaction)
    are billed on top. Each is priced at its own model.
    """
    listed = usage.get("iterations")
    if not isinstance(listed, list) or not listed or _is_plain(listed):
        return [(model, usage, 0)]
    turns = [step for step in listed if isinstance(step, dict)]
    messages = [step for step in turns if step.get("type", "message") == "message"]
    extra = [step for step in turns if step.get("type", "message") != "message"]
    top = (model, usage, 0)
    if len(messages) > 1:
        names = {text(step.get("model")) or model for step in messages}
        if not _adds_up(usage, messages):
            if _adds_up(usage, messages[-1:]):  # the top level is the last step alone
                extra = messages[:-1] + extra
        elif len(names) == 1:  # a sum over requests is no context size
            top = (model, usage, max(_prompt(step) for step in messages))
        else:
            flags: dict[str, Any] = {
                name: usage[name] for name in ("speed", "inference_geo", "server_tool_use") if name in usage
            }
            top = (text(messages[-1].get("model")) or model, {**messages[-1], **flags}, 0)
            extra = messages[:-1] + extra
    return [top] + [(text(step.get("model")) or model, step, 0) for step in extra]


def _is_plain(listed: list[Any]) -> bool:
    """Nearly always: one step, which is the response itself."""
    return len(listed) == 1 and isinstance(listed[0], dict) and listed[0].get("type", "message") == "message"


def _prompt(step: dict[str, Any]) -> int:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(count(step.get(name), []) for name in names)


def _adds_up(usage: dict[str, Any], steps: list[dict[str, Any]]) -> bool:
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    return all(count(usage.get(n), []) == sum(count(step.get(n), []) for step in steps) for n in names)


def usage_of(
    first: tuple[Any, ...],
    usage: dict[str, Any],
    context: int,
    final: bool,
    last: tuple[Any, ...],
    wrong: list[str],
) -> Usage:
    """A Usage from its first fields (up to the time), what ``usage`` states, and its last (from ``main`` on)."""
    get = usage.get
    written = count(get("cache_creation_input_tokens"), wrong)
    five, hour = written, 0
    split = get("cache_creation")
    if isinstance(split, dict):
        hour = count(split.get("ephemeral_1h_input_tokens"), wrong)
        # Clients before the split wrote 5-minute entries only; where the sum and the split differ, the sum is billed.
        five = written - hour if written >= hour else count(split.get("ephemeral_5m_input_tokens"), wrong)
    fresh = count(get("input_tokens"), wrong)
    read_back = count(get("cache_read_input_tokens"), wrong)
    details = get("output_tokens_details")
    tools = get("server_tool_use")
    spent = (
        fresh,
        count(get("output_tokens"), wrong),
        read_back,
        five,
        hour,
        count(details.get("thinking_tokens"), wrong) if isinstance(details, dict) else 0,
        count(tools.get("web_search_requests"), wrong, _SEARCH_LIMIT) if isinstance(tools, dict) else 0,
        context or fresh + read_back + five + hour,
        get("speed") == "fast",
        get("inference_geo") == "us",
        final,
    )
    return tuple.__new__(Usage, first + spent + last)  # half the price of calling Usage, 100,000 times
