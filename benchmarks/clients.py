"""What the hooks cost in the real clients: from Enter to the request, and from request to request around a tool call.

    python benchmarks/clients.py             both clients
    python benchmarks/clients.py claude      one of them; ROUNDS=5 shortens it

The clients run offline against the loopback stand-in of the end-to-end tests (tests/e2e; npm and tmux are needed). Six
wirings take turns: no hook; one hook that runs ``true``, at the prompt and after each call; an interpreter that does
nothing, at the prompt, before and after each call; governor as installed; the same with a budget, which is checked
before each call, too; and each guard wired by itself, as 0.1 did. Medians are
compared. The load of the machine is printed with them, for a busy one makes every process start late.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from governor.hooks import on_event  # noqa: E402
from governor.install import runtime  # noqa: E402
from tests.e2e.clients import find_clients  # noqa: E402
from tests.e2e.drive import ClaudeCode, Codex, Governor  # noqa: E402
from tests.e2e.namespace import Namespace, best_way  # noqa: E402
from tests.e2e.standin import Standin  # noqa: E402
from tests.e2e.state import State  # noqa: E402
from tests.e2e.terminal import BEAT_S, Terminal  # noqa: E402
from tests.e2e.wire import text, tool  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))
CALLS = 10  # tool calls in one run; the first is thrown away
WIRINGS = ("no hook", "one `true`", "a bare start", "governor", "governor, a budget", "each guard by itself")
AFTER = {"claude": "PostToolBatch", "codex": "PostToolUse"}
Hooks = dict[str, list[dict[str, Any]]]


class Place(NamedTuple):
    """One client in one home, wired in one way, before a stand-in of its own."""

    client: ClaudeCode | Codex
    standin: Standin


def main(wanted: Sequence[str]) -> None:
    """Measure the clients that were asked for, both by default."""
    if strange := [name for name in wanted if name not in AFTER]:
        raise SystemExit(f"{strange[0]!r} is no client; type: python benchmarks/clients.py [claude | codex]")
    for lane in wanted or AFTER:
        measure(lane)


def measure(lane: str) -> None:
    """Print both tables of one client."""
    with ExitStack() as stack:
        places = {name: stack.enter_context(place(lane, name)) for name in WIRINGS}
        begun = os.getloadavg()[0]
        begin, calls = runs(places)
        if lane == "claude":
            tables = {"Enter to request": prompts(places), "around a tool call": calls}
        else:  # which has no terminal here: its prompt is measured from its start
            tables = {"start to request": begin, "around a tool call": calls}
        load = f"load {begun:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    for what, times in tables.items():
        base = statistics.median(times["one `true`"])
        print(f"\n| {lane}, {what} ({load}) | median | lower quartile | over one `true` |\n|---|---|---|---|")
        for name, values in times.items():
            middle, low = statistics.median(values), statistics.quantiles(values, n=4)[0]
            over = statistics.median(a - b for a, b in zip(values, times["one `true`"], strict=True))
            shown = f"{over:+.0f} ms" if base else ""
            print(f"| {name} | {middle:.0f} ms | {low:.0f} ms | {shown} |", flush=True)


@contextmanager
def place(lane: str, wiring: str) -> Iterator[Place]:
    """A client that is wired so, in a throw-away home."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "person"
        home.mkdir()
        namespace = Namespace(best_way())
        standin = Standin(namespace.listener)
        kind, program = (ClaudeCode, find_clients().claude) if lane == "claude" else (Codex, find_clients().codex)
        client = kind(program=program, home=home, namespace=namespace, standin=standin)
        try:
            wire(client, lane, wiring)
            yield Place(client, standin)
        finally:
            standin.close()
            namespace.close()


def wire(client: ClaudeCode | Codex, lane: str, wiring: str) -> None:
    """Put the hooks in."""
    if wiring.startswith("governor"):
        if "budget" in wiring:
            file = client.home / ".config" / "governor" / "budget.json"
            file.parent.mkdir(parents=True)
            budget = {"name": "night", "per": "session", "tokens": 10**9, "action": "stop"}
            file.write_text(json.dumps({"budgets": [budget]}))
        parts = {"home": client.home, "namespace": client.namespace, "standin": client.standin}
        governor = Governor(program=Path(sys.executable), **parts)
        governor.install(f"--{lane}")
        if (done := governor("refresh")).code:
            raise SystemExit(f"governor refresh failed, so nothing was measured: {done.out}{done.err}")
        state = State(client.home)
        (state.folder / "bell").unlink()
        return
    hooks: Hooks = {}
    if wiring == "one `true`":
        hooks = {event: [group("true")] for event in ("UserPromptSubmit", AFTER[lane])}
    elif wiring == "a bare start":
        bare = f"{runtime.interpreter()} -I -S -c pass"
        hooks = {event: [group(bare)] for event in ("UserPromptSubmit", "PreToolUse", AFTER[lane])}
    elif wiring == "each guard by itself":
        for host, event, tools, guard, _ in on_event.LOOKS:
            if host == lane:
                words = [runtime.interpreter(), "-I", "-S", str(ROOT / "hooks" / f"{guard}.py")]
                words += ["codex"] if lane == "codex" else []
                hooks.setdefault(event, []).append(group(" ".join(words) + " || true", tools))
    if isinstance(client, ClaudeCode):
        client.settings({"hooks": hooks})
    else:
        client.hooks(hooks)


def group(command: str, tools: str = "") -> dict[str, Any]:
    """One group of a settings file."""
    whole: dict[str, Any] = {"hooks": [{"type": "command", "command": command, "timeout": 10}]}
    return {"matcher": tools, **whole} if tools else whole


def runs(places: dict[str, Place]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds from a headless client's start to its request, and from a request to the next, the call between them
    included: each by wiring.
    """
    starts: dict[str, list[float]] = {name: [] for name in places}
    calls: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(max(ROUNDS // 4, 2)):
        for name, (client, standin) in places.items():
            before = len(standin.turns)
            for number in range(CALLS):
                if isinstance(client, ClaudeCode):
                    standin.reply(tool("Bash", command=f"echo {number}", description="step"))
                else:
                    standin.reply(tool("exec_command", cmd=f"echo {number}"))
            standin.reply(text("done"))
            begun = time.time()
            client.print("go") if isinstance(client, ClaudeCode) else client.exec("go")
            at = [request.at for request in standin.turns[before:]]
            if len(at) != CALLS + 1:
                raise SystemExit(f"{name}: {len(at)} requests instead of {CALLS + 1}, so nothing was measured")
            starts[name].append(1000 * (at[0] - begun))
            calls[name] += [1000 * (after - start) for start, after in itertools.pairwise(at[1:])]
    return starts, calls


def prompts(places: dict[str, Place]) -> dict[str, list[float]]:
    """Milliseconds from Enter to the request, by wiring."""
    times: dict[str, list[float]] = {name: [] for name in places}
    with ExitStack() as stack:
        terminals = {
            name: stack.enter_context(place.client.terminal())
            for name, place in places.items()
            if isinstance(place.client, ClaudeCode)
        }
        for number in range(ROUNDS + 1):
            for name, terminal in terminals.items():
                took = prompt(terminal, places[name].standin, f"prompt {number}", f"answer {number}.")
                if number:
                    times[name].append(took)
    return times


def prompt(terminal: Terminal, standin: Standin, words: str, answer: str) -> float:
    """One turn; milliseconds from Enter to its request."""
    before = len(standin.turns)
    standin.reply(text(answer))
    terminal.write(words)
    time.sleep(BEAT_S)
    begun = time.time()
    terminal.keys("Enter")
    terminal.wait_for(answer)
    time.sleep(0.5)  # what runs after the turn is not the next one's
    return 1000 * (standin.turns[before].at - begun)


if __name__ == "__main__":
    main(sys.argv[1:])
