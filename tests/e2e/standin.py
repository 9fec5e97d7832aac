"""A loopback stand-in for the services the clients talk to: scripted replies, and a hidden official meter.

It speaks Anthropic Messages and OpenAI Responses as server-sent events. Every answered request moves a meter whose
weights the client under test does not know; the meter goes out in the same response headers as the real one. Every
request is kept, so a test can say what did, and what did not, reach "the model".
"""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, Literal

Block = dict[str, Any]
Lane = Literal["claude", "codex"]


# ---- what a test says ------------------------------------------------------------------------------------------------


def text(words: str) -> Block:
    """The model speaks."""
    return {"type": "text", "text": words}


def tool(name: str, /, **arguments: Any) -> Block:
    """The model calls a tool: ``tool("Write", file_path=..., content=...)``; for Codex ``tool("exec_command", cmd=...)``."""
    return {"type": "tool_use", "name": name, "input": arguments}


@dataclass(frozen=True, kw_only=True)
class Used:
    """What one reply used, in tokens. ``input`` excludes everything cached, in both lanes; ``reasoning`` is in ``output``."""

    input: int = 10
    output: int = 5
    cache_read: int = 0
    w5m: int = 0
    w1h: int = 0
    reasoning: int = 0
    extra: dict[str, Any] = field(default_factory=dict)  # more of the service's own keys: iterations, speed, ...

    def anthropic(self) -> dict[str, Any]:
        """As the Messages API states it at the end of a stream."""
        return {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_input_tokens": self.cache_read,
            "cache_creation_input_tokens": self.w5m + self.w1h,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.w5m,
                "ephemeral_1h_input_tokens": self.w1h,
            },
            "output_tokens_details": {"thinking_tokens": self.reasoning},
            "service_tier": "standard",
            **self.extra,
        }

    def openai(self) -> dict[str, Any]:
        """As the Responses API states it: cached input and cache writes are part of the input."""
        writes = self.w5m + self.w1h
        whole = self.input + self.cache_read + writes
        return {
            "input_tokens": whole,
            "input_tokens_details": {"cached_tokens": self.cache_read, "cache_write_tokens": writes},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning},
            "total_tokens": whole + self.output,
        }


def usage(**tokens: Any) -> Used:
    """Short for ``Used(...)``."""
    return Used(**tokens)


# ---- what reached "the model" ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    lane: Lane
    path: str
    headers: dict[str, str]  # names in lower case
    body: dict[str, Any]
    at: float

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def tools(self) -> list[str]:
        """Names of the tools on offer; auxiliary requests (titles, summaries) offer none.

        Codex models that work in code announce their tools in an item of the input instead.
        """
        announced = [item for item in self._turns if item.get("type") == "additional_tools"]
        spaces = [space for item in announced for space in item["tools"]]
        offered = [*(self.body.get("tools") or []), *(tool for space in spaces for tool in space.get("tools") or [])]
        return [str(tool.get("name") or tool.get("type")) for tool in offered]

    @property
    def text(self) -> str:
        """Every text the model would have seen: system, messages, tool results."""
        seen = (self.body.get(key) for key in ("system", "instructions", "messages", "input"))
        return "\n".join(_texts([part for part in seen if part]))

    @property
    def said(self) -> str:
        """The text of the last message of the person's side alone, tool results included."""
        theirs = [turn for turn in self._turns if turn.get("role", "user") == "user"]
        return "\n".join(_texts(theirs[-1:]))

    @property
    def _turns(self) -> list[dict[str, Any]]:
        return self.body.get("messages") or self.body.get("input") or []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key in ("text", "content", "output"):
            yield from _texts(value.get(key))


# ---- the hidden official meter ---------------------------------------------------------------------------------------


@dataclass
class Window:
    """One window of the meter: ``used`` is a fraction of its cap and passes 1 only when a reply overshoots."""

    minutes: int
    cap: float  # in weighted tokens
    resets_at: int
    used: float = 0.0

    @property
    def status(self) -> str:
        if self.used >= 1:
            return "rejected"
        return "allowed_warning" if self.used >= 0.9 else "allowed"


@dataclass
class Meter:
    """The official meter. Weights are per token and deliberately not the list prices."""

    five_hour: Window
    seven_day: Window
    weights: dict[str, float] = field(
        default_factory=lambda: {"input": 1, "output": 5, "cache_read": 0.07, "w5m": 1.25, "w1h": 2, "reasoning": 0}
    )
    factors: dict[str, float] = field(default_factory=lambda: {"haiku": 0.1, "sonnet": 0.5, "fable": 2.0})

    @property
    def windows(self) -> tuple[Window, Window]:
        return self.five_hour, self.seven_day

    @property
    def rejected(self) -> bool:
        return any(window.used >= 1 for window in self.windows)

    def units(self, model: str, used: Used) -> float:
        """Weighted tokens of one reply."""
        factor = next((f for name, f in self.factors.items() if name in model), 1.0)
        return factor * sum(weight * getattr(used, kind) for kind, weight in self.weights.items())

    def add(self, model: str, used: Used) -> None:
        for window in self.windows:
            window.used += self.units(model, used) / window.cap

    def claude_headers(self) -> dict[str, str]:
        """``utilization`` is a fraction; the windows' worst state speaks for the whole."""
        out: dict[str, str] = {}
        for name, window in (("5h", self.five_hour), ("7d", self.seven_day)):
            out[f"{name}-utilization"] = f"{window.used:.5f}"
            out[f"{name}-reset"] = str(window.resets_at)
            out[f"{name}-status"] = window.status
        worst = max(self.windows, key=lambda window: window.used)
        out["status"] = worst.status
        out["reset"] = str(worst.resets_at)
        out["representative-claim"] = "five_hour" if worst is self.five_hour else "seven_day"
        return {f"anthropic-ratelimit-unified-{name}": value for name, value in out.items()}

    def codex_headers(self) -> dict[str, str]:
        """Percentages, as floats; windows are named by their length alone."""
        out: dict[str, str] = {}
        for name, window in (("primary", self.five_hour), ("secondary", self.seven_day)):
            out[f"x-codex-{name}-used-percent"] = f"{window.used * 100:.3f}"
            out[f"x-codex-{name}-window-minutes"] = str(window.minutes)
            out[f"x-codex-{name}-reset-at"] = str(window.resets_at)
        return out


def meter(*, five_hour_cap: float = 1e6, seven_day_cap: float = 1e7, now: float | None = None) -> Meter:
    """A meter with both windows open: the five hours end in two, the week in three days."""
    start = int(now if now is not None else time.time())
    return Meter(
        Window(minutes=300, cap=five_hour_cap, resets_at=start + 2 * 3600),
        Window(minutes=10080, cap=seven_day_cap, resets_at=start + 3 * 86400),
    )


# ---- the server ------------------------------------------------------------------------------------------------------

Rule = Callable[[Request], bool]


@dataclass
class Reply:
    """One scripted answer; ``when`` restricts it to requests it accepts, ``after`` delays it by so many seconds."""

    blocks: tuple[Block, ...]
    used: Used
    when: Rule | None = None
    status: int = 200
    after: float = 0.0


class Standin:
    """The service. ``reply`` queues answers; a request takes the first one in the queue that accepts it, else ``ok``.

    Requests without tools (titles, summaries and the like) never take a queued answer unless its ``when`` asks for it.
    """

    def __init__(self, listener: socket) -> None:
        self.requests: list[Request] = []
        self.other: list[str] = []  # paths nobody here answers
        self.meter = meter()
        self.codex_meter = meter()
        self.default = Reply((text("ok"),), Used())
        self._queue: list[Reply] = []
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self.port = int(listener.getsockname()[1])
        self._server = _Server(listener, self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reply(self, *blocks: Block | Used, when: Rule | None = None, status: int = 200, after: float = 0.0) -> None:
        """Queue one answer: its blocks and, among them, what it used."""
        used = next((b for b in blocks if isinstance(b, Used)), Used())
        said = tuple(b for b in blocks if not isinstance(b, Used))
        with self._lock:
            self._queue.append(Reply(said, used, when, status, after))

    @property
    def unused(self) -> int:
        """How many queued answers nobody has asked for."""
        return len(self._queue)

    @property
    def turns(self) -> list[Request]:
        """The requests of conversations: those that offer tools."""
        return [request for request in self.requests if request.tools]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, request: Request) -> tuple[Reply, dict[str, str], str]:
        """The answer to a request, its rate-limit headers and a fresh id; the meter moves before it is stated."""
        with self._lock:
            self.requests.append(request)
            number = f"{next(self._ids):06d}"
            gauge = self.meter if request.lane == "claude" else self.codex_meter
            headers = gauge.claude_headers if request.lane == "claude" else gauge.codex_headers
            if gauge.rejected:
                return Reply((), Used(), status=429), headers(), number
            chosen = self.default
            for position, reply in enumerate(self._queue):
                if reply.when(request) if reply.when else request.tools:
                    chosen = self._queue.pop(position)
                    break
            if chosen.status == 200:
                gauge.add(request.model, chosen.used)
            return chosen, headers(), number


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket, standin: Standin) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.standin = standin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in mid-answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/v1/models"):
            self._json(200, {"models": [], "data": []})
        else:
            self._unknown()

    def do_HEAD(self) -> None:
        self._json(200, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        path = self.path.partition("?")[0]
        lanes: dict[str, Lane] = {"/v1/messages": "claude", "/v1/responses": "codex"}
        if path == "/v1/messages/count_tokens":
            self._json(200, {"input_tokens": max(1, len(raw) // 4)})
            return
        if path not in lanes:
            self._unknown()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(lanes[path], self.path, headers, json.loads(raw), time.time())
        reply, limits, number = self.server.standin.take(request)
        if reply.after:
            time.sleep(reply.after)
        limits["request-id"] = f"req_{number}"
        if reply.status != 200:
            self._json(reply.status, _refusal(request.lane, reply.status), limits)
        elif request.lane == "codex":
            self._stream(_responses_events(reply, number), limits)
        elif request.body.get("stream"):
            self._stream(_messages_events(request.model, reply, number), limits)
        else:
            self._json(200, _message(request.model, reply, number), limits)

    def _unknown(self) -> None:
        self.server.standin.other.append(f"{self.command} {self.path}")
        self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": "not here"}})

    def _json(self, status: int, body: dict[str, Any], extra: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), extra or {})

    def _stream(self, events: Iterator[dict[str, Any]], extra: dict[str, str]) -> None:
        lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self._send(200, "text/event-stream", "".join(lines).encode(), extra)

    def _send(self, status: int, kind: str, body: bytes, extra: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _refusal(lane: Lane, status: int) -> dict[str, Any]:
    if lane == "codex":
        return {"error": {"type": "usage_limit_reached", "message": "limit reached", "plan_type": "plus"}}
    kind = "rate_limit_error" if status == 429 else "api_error"
    return {"type": "error", "error": {"type": kind, "message": "refused by the stand-in"}}


def _calls(reply: Reply, number: str) -> Iterator[tuple[int, Block]]:
    for index, block in enumerate(reply.blocks):
        if block["type"] == "tool_use":
            yield index, {**block, "id": f"toolu_{number}_{index}"}
        else:
            yield index, block


def _message(model: str, reply: Reply, number: str) -> dict[str, Any]:
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


def _messages_events(model: str, reply: Reply, number: str) -> Iterator[dict[str, Any]]:
    whole = _message(model, reply, number)
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


def _responses_events(reply: Reply, number: str) -> Iterator[dict[str, Any]]:
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
