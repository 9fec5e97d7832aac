"""How a scripted answer looks on the wire: Anthropic Messages and OpenAI Responses, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

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


def collaborate(name: str, /, **arguments: Any) -> Block:
    """A Codex model calls one of its agents' tools, which it does directly and not from code."""
    return {**tool(name, **arguments), "namespace": "collaboration"}


def usage(**tokens: Any) -> Used:
    """Short for ``Used(...)``."""
    return Used(**tokens)


class Answer(NamedTuple):
    """One answer of the model; ``number`` tells it from every other of the same stand-in."""

    number: str
    model: str
    blocks: tuple[Block, ...]
    used: Used


def refusal(lane: Lane, status: int) -> Event:
    """The body of an answer that is not 200."""
    if lane == "codex":
        return {"error": {"type": "usage_limit_reached", "message": "limit reached", "plan_type": "plus"}}
    kind = "rate_limit_error" if status == 429 else "api_error"
    return {"type": "error", "error": {"type": kind, "message": "refused by the stand-in"}}


def message(answer: Answer) -> Event:
    """The Messages API's answer in one piece."""
    calls = any(block["type"] == "tool_use" for block in answer.blocks)
    return {
        "id": f"msg_{answer.number}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": list(_with_ids(answer)),
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": answer.used.anthropic(),
    }


def messages_events(answer: Answer) -> Iterator[Event]:
    """The same as a stream: the start states one output token, the end the final usage."""
    whole = message(answer)
    first = {**whole["usage"], "output_tokens": 1}
    yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None, "usage": first}}
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
    yield {"type": "message_delta", "delta": closing, "usage": whole["usage"]}
    yield {"type": "message_stop"}


def responses_events(answer: Answer) -> Iterator[Event]:
    """The Responses API's stream."""
    name = f"resp_{answer.number}"
    yield {"type": "response.created", "response": {"id": name}}
    for index, block in enumerate(_with_ids(answer)):
        item: Event
        if block["type"] == "tool_use" and "namespace" in block:
            item = {"type": "function_call", "call_id": block["id"], "name": block["name"]}
            item |= {"namespace": block["namespace"], "arguments": json.dumps(block["input"])}
        elif block["type"] == "tool_use":
            # Today's models call tools from code (seen with gpt-6-sol on 0.169).
            code = f"text(JSON.stringify(await tools.{block['name']}({json.dumps(block['input'])})))"
            item = {"type": "custom_tool_call", "call_id": block["id"], "name": "exec", "input": code}
        else:
            content = [{"type": "output_text", "text": block["text"]}]
            item = {"type": "message", "role": "assistant", "id": f"msg_{answer.number}_{index}", "content": content}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": {"id": name, "usage": answer.used.openai()}}


def _with_ids(answer: Answer) -> Iterator[Block]:
    for index, block in enumerate(answer.blocks):
        yield {**block, "id": f"toolu_{answer.number}_{index}"} if block["type"] == "tool_use" else block
