"""Stand-ins for the clients' programs: small scripts that say what the real ones say, and misbehave as told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SESSION = "11111111-1111-4111-8111-111111111111"
THREAD = "01a2135c-1e42-7f11-83b3-453cf0d48f39"

PROGRAM = """#!{python}
import json, os, signal, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
name = os.path.basename(__file__)
with open(os.path.join(here, name + ".argv"), "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
runs = sum(1 for _ in open(os.path.join(here, name + ".argv")))
scripts = json.load(open(os.path.join(here, name + ".script")))
def say(event):
    sys.stdout.write((event if isinstance(event, str) else json.dumps(event)) + "\\n")
    sys.stdout.flush()
for step in scripts[min(runs, len(scripts)) - 1]:
    (kind, value), = step.items()
    if kind == "say": say(value)
    elif kind == "for_ever":
        number = 0
        while True:
            number += 1
            say(json.loads(json.dumps(value).replace("NUMBER", "%06d" % number)))
            time.sleep(0.02)
    elif kind == "flood":
        while True: say("x" * 65536)
    elif kind == "sleep": time.sleep(value)
    elif kind == "deaf":
        for number in value: signal.signal(getattr(signal, number), signal.SIG_IGN)
    elif kind == "polite":
        def bye(number, frame):
            open(os.path.join(here, "saved"), "w").write(str(number)); os._exit(0)
        signal.signal(signal.SIGINT, bye)
    elif kind == "spawn": subprocess.Popen(value, shell=True, stdin=subprocess.DEVNULL)
    elif kind == "detach": subprocess.Popen(value, shell=True, stdin=subprocess.DEVNULL, start_new_session=True)
    elif kind == "touch": open(value, "w").write("made by the client\\n")
    elif kind == "append":
        path, line = value
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "a").write(json.dumps(line) + "\\n")
    elif kind == "hear": open(os.path.join(here, "heard"), "w").write(sys.stdin.read())
    elif kind == "environment": json.dump(dict(os.environ), open(os.path.join(here, "environment"), "w"))
    elif kind == "kill": os.kill(os.getpid(), getattr(signal, value))
    elif kind == "exit": sys.stdout.flush(); os._exit(value)
"""


class Traces:
    """What a hook leaves in the state folder ``home``."""

    home: Path

    def recorded(self) -> list[dict[str, Any]]:
        """The decisions, in order."""
        path = self.home / "spool" / "decisions.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def faults(self) -> str:
        """What went wrong inside, and was swallowed."""
        path = self.home / "log" / "hooks.log"
        return path.read_text() if path.exists() else ""


class Fake:
    """One such program. ``scripts``: one list of steps per start; the last serves all later ones."""

    def __init__(self, folder: Path, name: str, *scripts: list[dict[str, Any]]) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / name
        self.path.write_text(PROGRAM.format(python=sys.executable))
        self.path.chmod(0o755)
        (folder / f"{name}.script").write_text(json.dumps(scripts))

    @property
    def starts(self) -> list[list[str]]:
        """The arguments of every start, in order."""
        log = self.path.with_name(f"{self.path.name}.argv")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def init() -> dict[str, Any]:
    return {"say": {"type": "system", "subtype": "init", "session_id": SESSION}}


def called(number: int | str, *, output: int = 1, model: str = "claude-sonnet-5-5", **spent: int) -> dict[str, Any]:
    """Claude's event for one answer with one tool call."""
    usage = {"input_tokens": 1000, "output_tokens": output, "cache_read_input_tokens": 0, **spent}
    block = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": "true"}}
    message = {"id": f"msg_{number}", "model": model, "content": [block], "stop_reason": None, "usage": usage}
    stamp = "2026-11-21T12:00:00.000Z"
    return {"type": "assistant", "message": message, "session_id": SESSION, "timestamp": stamp}


def result(words: str = "all done", **more: Any) -> dict[str, Any]:
    """Claude's closing event."""
    event = {"type": "result", "subtype": "success", "is_error": False, "result": words, "session_id": SESSION}
    return {"say": {**event, **more}}


def refused(resets_at: int | None) -> list[dict[str, Any]]:
    """What Claude says when the window is used up (seen on 2.1.330)."""
    window = {"utilization": 1.0, "resetsAt": resets_at, "status": "rejected"}
    info = {"status": "rejected", "resetsAt": resets_at, "unifiedWindows": {"five_hour": window}}
    synthetic = {"model": "<synthetic>", "content": [], "usage": {"input_tokens": 0, "output_tokens": 0}}
    return [
        init(),
        *([{"say": {"type": "rate_limit_event", "rate_limit_info": info, "session_id": SESSION}}] if resets_at else []),
        {"say": {"type": "assistant", "message": synthetic, "error": "rate_limit", "session_id": SESSION}},
        result("You've hit your limit", is_error=True, api_error_status=429),
        {"exit": 1},
    ]


def governor(*arguments: str, bin_folder: Path | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own, the sealed home's environment around it."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "NO_COLOR": "1"}
    if bin_folder is not None:
        env["PATH"] = f"{bin_folder}:{env['PATH']}"
    env |= more.pop("env", {})
    settings = {
        "capture_output": True,
        "text": True,
        "timeout": 60,
        "stdin": subprocess.DEVNULL,
        "check": False,
        **more,
    }
    return subprocess.run([sys.executable, "-m", "governor", *arguments], env=env, **settings)
