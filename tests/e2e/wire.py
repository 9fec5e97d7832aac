"""How a scripted answer looks on the wire: Anthropic Messages and OpenAI Responses, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from .official import Used

Block = dict[str, Any]
Event = dict[str, Any]
Lane = Literal["claude", "codex"]


def text(words: str) -> Block:
    """The model speaks."""
    return {"type": "text", "text": words}


def tool(name: str, /, **arguments: Any) -> Block:
    """The model calls a tool, as in ``tool("Write", file_path=..., content=...)``.

    For Codex: ``tool("exec_command", cmd=...)``.
    """
    return {"type": "tool_use", "name": name, "input": arguments}


def refusal(lane: Lane, status: int) -> dict[str, Any]:
    if lane == "codex":
        return {"error": {"type": "usage_limit_reached", "message": "limit reached", "plan_type": "plus"}}
    kind = "rate_limit_error" if status == 429 else "api_error"
    return {"type": "error", "error": {"type": kind, "message": "refused by the stand-in"}}


def _calls(blocks: Sequence[Block], used: Used, number: str) -> Iterator[tuple[int, Block]]:
    for index, block in enumerate(reply.blocks):
        if block["type"] == "tool_use":
            yield index, {**block, "id": f"toolu_{number}_{index}"}
        else:
            yield index, block


def message(model: str, blocks: Sequence[Block], used: Used, number: str) -> dict[str, Any]:
    blocks = [block for _, block in _calls(reply, number)]
    stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": reply.used.anthropic(),
    }


def messages_events(model: str, blocks: Sequence[Block], used: Used, number: str) -> Iterator[dict[str, Any]]:
    whole = message(model, reply, number)
    final = whole["usage"]
    start = {**whole, "content": [], "stop_reason": None, "usage": {**final, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(whole["content"]):
        if block["type"] == "tool_use":
            opening = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            opening = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    closing = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": closing, "usage": final}
    yield {"type": "message_stop"}


def responses_events(blocks: Sequence[Block], used: Used, number: str) -> Iterator[dict[str, Any]]:
    name = f"resp_{number}"
    yield {"type": "response.created", "response": {"id": name}}
    for index, block in _calls(reply, number):
        item: dict[str, Any]
        if block["type"] == "tool_use":
            # Today's models call tools from code (observed with every gpt-6 model of 0.169).
            code = f"text(JSON.stringify(await tools.{block['name']}({json.dumps(block['input'])})))"
            item = {"type": "custom_tool_call", "call_id": block["id"], "name": "exec", "input": code}
        else:
            content = [{"type": "output_text", "text": block["text"]}]
            item = {"type": "message", "role": "assistant", "id": f"msg_{number}_{index}", "content": content}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": {"id": name, "usage": reply.used.openai()}}
