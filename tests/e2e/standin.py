"""A loopback stand-in for the services the clients talk to: scripted replies, and the hidden official meter.

Every answered request moves the meter, which goes out in the same response headers as the real one. Every request is
kept, so a test can say what did, and what did not, reach "the model".
"""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from .official import Used, meter
from .wire import Answer, Block, Event, Lane, message, messages_events, refusal, responses_events, text


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
        answer = Answer(number, request.model, reply.blocks, reply.used)
        if reply.status != 200:
            self._json(reply.status, refusal(request.lane, reply.status), limits)
        elif request.lane == "codex":
            self._stream(responses_events(answer), limits)
        elif request.body.get("stream"):
            self._stream(messages_events(answer), limits)
        else:
            self._json(200, message(answer), limits)

    def _unknown(self) -> None:
        self.server.standin.other.append(f"{self.command} {self.path}")
        self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": "not here"}})

    def _json(self, status: int, body: Event, extra: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), extra or {})

    def _stream(self, events: Iterator[Event], extra: dict[str, str]) -> None:
        lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self._send(200, "text/event-stream", "".join(lines).encode(), extra)

    def _send(self, status: int, kind: str, body: bytes, extra: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
