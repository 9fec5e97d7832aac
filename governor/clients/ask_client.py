"""Asks a client itself for its official figures: on demand only, never from a hook.

The client does whatever it does for its own usage panel, with its own sign-in; no credential passes through here. Both
ways are marked experimental by their vendors, so every answer is read with suspicion and a refusal is a sentence.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from governor.clients.codex import limits as codex_limits
from governor.errors import BadInputError
from governor.hooks.statusline.rules import window_of
from governor.limit_facts import used_percent
from governor.model import Lane, LimitReading

PATIENCE_S = 30
_CLAUDE = ("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose")


def client(lane: Lane, *, now: int) -> list[LimitReading]:
    """What the client says its windows stand at.

    Raises: BadInputError where the client is missing, silent, or does not know.
    """
    program = shutil.which(lane)
    if program is None:
        raise BadInputError(f"{lane} is not on the PATH.", "governor calibrate 60%")
    found = _ask_claude(program, now=now) if lane == "claude" else _ask_codex(program, now=now)
    if not found:
        raise BadInputError(f"{lane} answered, but states no figure for this sign-in.", "governor calibrate 60%")
    return found


def _ask_claude(program: str, *, now: int) -> list[LimitReading]:
    request = {"subtype": "get_usage", "skip_behaviors": True}
    lines = [{"type": "control_request", "request_id": "1", "request": request}]
    for answer in _talk([program, *_CLAUDE], lines):
        response = answer.get("response")
        if answer.get("type") == "control_response" and isinstance(response, dict):
            inner = response.get("response")
            return list(claude_readings(inner if isinstance(inner, dict) else {}, now=now))
    return []


def claude_readings(answer: dict[str, Any], *, now: int) -> Iterator[LimitReading]:
    """The windows in an answer to ``get_usage``; percentages, times ISO 8601."""
    limits = answer.get("rate_limits")
    if not isinstance(limits, dict):
        return
    plan = answer.get("subscription_type")
    stated = {name: value for name, value in limits.items() if isinstance(value, dict)}
    scoped = limits.get("model_scoped")
    for one in scoped if isinstance(scoped, list) else ():
        if isinstance(one, dict) and isinstance(one.get("display_name"), str):
            stated[f"seven_day_{one['display_name'].lower()}"] = one
    for name, value in stated.items():
        window = window_of(name)
        used = used_percent(value.get("utilization"))
        if window is None or used is None:
            continue
        resets_at = _epoch(value.get("resets_at"))
        name_of_plan = plan if isinstance(plan, str) else None
        yield LimitReading("claude", window, used, resets_at, now, "client", None, name_of_plan)


def _epoch(text: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp()) if text else None
    except ValueError:
        return None


def _ask_codex(program: str, *, now: int) -> list[LimitReading]:
    about = {"clientInfo": {"name": "governor", "title": "governor", "version": "1"}}
    lines: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": about},
        {"method": "initialized"},
        {"id": 2, "method": "account/rateLimits/read", "params": {}},
    ]
    for answer in _talk([program, "app-server"], lines):
        if answer.get("id") == 2:
            result = answer.get("result")
            limits = result.get("rateLimits") if isinstance(result, dict) else None
            return codex_readings(limits if isinstance(limits, dict) else {}, now=now)
    return []


def codex_readings(limits: dict[str, Any], *, now: int) -> list[LimitReading]:
    """The same windows as in a rollout, under the app-server's own names."""
    renamed: dict[str, Any] = {"limit_id": limits.get("limitId"), "limit_name": limits.get("limitName")}
    renamed["plan_type"] = limits.get("planType")
    for slot in ("primary", "secondary"):
        window = limits.get(slot)
        if isinstance(window, dict):
            renamed[slot] = {
                "used_percent": window.get("usedPercent"),
                "window_minutes": window.get("windowDurationMins"),
                "resets_at": window.get("resetsAt"),
            }
    return [reading._replace(source="client") for reading in codex_limits.readings(renamed, now, None)]


def _talk(command: list[str], lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Everything a client answers to ``lines`` before its patience, or ours, runs out."""
    said = "".join(json.dumps(line) + "\n" for line in lines)
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 - the client itself
    except OSError as fault:
        raise BadInputError(
            f"{command[0]} could not be started ({fault.strerror}).", "governor calibrate 60%"
        ) from fault
    try:
        assert process.stdin is not None  # noqa: S101 - PIPE was asked for
        process.stdin.write(said.encode())
        process.stdin.flush()
        yield from _answers(process)
    except BrokenPipeError:
        return
    finally:
        process.kill()
        process.wait()


def _answers(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    import selectors
    import time

    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    deadline = time.monotonic() + PATIENCE_S
    kept = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and selector.select(left):
            piece = process.stdout.read1(65536)  # type: ignore[attr-defined]
            if not piece:
                return
            *whole, kept = (kept + piece).split(b"\n")
            for line in whole:
                try:
                    answer = json.loads(line)
                except ValueError:
                    continue
                if isinstance(answer, dict):
                    yield answer
