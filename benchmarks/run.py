"""Every figure of docs/performance.md, as ratios against a peer or a bare interpreter measured in the same run.

    python benchmarks/run.py scan     first scan of 1 GB against ccusage (by npm, or CCUSAGE=/path/to/its/binary)
    python benchmarks/run.py long     the same over fewer and longer lines
    python benchmarks/run.py refresh  nothing new, and one appended turn, over the same files
    python benchmarks/run.py status   a warm status against a bare click program
    python benchmarks/run.py hooks    every hook against a bare `python -I -S`
    python benchmarks/run.py          all of them

Run it with the interpreter of an installed governor, and without PYTHONDONTWRITEBYTECODE: compiling sources at every
start is nobody's life. Runs alternate, the first of each is thrown away, and medians are compared.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
TREE = CACHE / "tree"
RUNS = 15


def main(wanted: Sequence[str]) -> None:
    """Measure what was asked for, everything by default. Anything else exits with what to type."""
    parts = {"scan": scan, "long": scan_long, "refresh": refresh, "status": status, "hooks": hooks}
    if {"-h", "--help"} & {*wanted}:
        print((__doc__ or "").strip())
        return
    if strange := [name for name in wanted if name not in parts]:
        raise SystemExit(f"{strange[0]!r} is nothing to measure; type: python benchmarks/run.py [{' | '.join(parts)}]")
    for name in wanted or parts:
        print(f"\n### {name}\n", flush=True)
        parts[name]()


def environment(home: Path) -> dict[str, str]:
    """Nothing of the caller's but the path."""
    (home / "budget.json").touch()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GOVERNOR_HOME": str(home / "state"),
        "GOVERNOR_CONFIG": str(home / "budget.json"),
        "CLAUDE_CONFIG_DIR": str(TREE),
        "CODEX_HOME": str(home / "codex"),
    }


def governor(*words: str) -> list[str]:
    """The installed command line of this interpreter."""
    return [str(Path(sys.executable).parent / "governor"), *words]


def timed(command: Sequence[str], env: dict[str, str], stdin: bytes = b"") -> float:
    """Wall seconds of one run. Raises: CalledProcessError when it fails."""
    begun = time.perf_counter()
    subprocess.run(command, env=env, input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def alternating(ours: Callable[[], float], theirs: Callable[[], float], runs: int) -> list[tuple[float, float]]:
    """Runs in pairs, so that whatever else the machine does falls on both; the first pair is thrown away."""
    ours(), theirs()
    return [(ours(), theirs()) for _ in range(runs)]


def heaviest(command: Sequence[str], env: dict[str, str]) -> int:
    """The most memory (proportional set size, bytes) that a run and its children hold at once, as far as looking every
    few milliseconds shows. Only where /proc tells (Linux)."""
    run = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    most = 0
    while run.poll() is None:
        held = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) == run.pid:
                    held += int(re.findall(r"^Pss: +(\d+)", (folder / "smaps_rollup").read_text(), re.M)[0]) * 1024
            except (OSError, IndexError):  # it ended meanwhile
                continue
        most = max(most, held)
        time.sleep(0.005)
    return most


def processor_seconds() -> float:
    """Of all that this process started and that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def against(ours: Callable[[], float], theirs: Callable[[], float], runs: int) -> tuple[float, float, float]:
    """(our median, their median, median of the pairwise ratios) over alternating runs."""
    pairs = alternating(ours, theirs, runs)
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio


def tree(folder: Path = TREE, *more: str) -> None:
    """The transcripts, made once."""
    if not (folder / "truth.json").exists():
        subprocess.run([sys.executable, str(HERE / "tree.py"), *more, str(folder)], check=True)


def ccusage() -> str:
    """The peer's native binary."""
    if chosen := os.environ.get("CCUSAGE"):
        return chosen
    folder = CACHE / "ccusage"
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("node_modules/@ccusage/*/bin/ccusage*")):
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), "ccusage@20.0.24"], check=True)
    found = next(path for path in folder.glob("node_modules/@ccusage/*/**/ccusage*") if path.is_file())
    found.chmod(0o755)
    return str(found)


def scan_long() -> None:
    """The same where lines are fewer and longer."""
    long = CACHE / "tree-long"
    tree(long, "--long")
    first_scan(long)


def scan() -> None:
    """A new ledger from 1 GB, `usage --by day --json` included."""
    tree()
    first_scan(TREE)


def first_scan(transcripts: Path) -> None:
    """Against the peer: wall and processor time, memory, and the sums."""
    peer = ccusage()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        env = environment(home) | {"CLAUDE_CONFIG_DIR": str(transcripts)}

        def ours() -> float:
            shutil.rmtree(home / "state", ignore_errors=True)
            return timed(governor("usage", "--by", "day", "--json"), env)

        def yours() -> float:
            return timed(command, env)

        command = [peer, "claude", "daily", "--json", "--offline"]
        mine, theirs, ratio = against(ours, yours, 7)
        cpu: dict[str, list[float]] = {"ours": [], "yours": []}
        for _ in range(3):
            for run in (ours, yours):
                before = processor_seconds()
                run()
                cpu[run.__name__].append(processor_seconds() - before)
        my_cpu, their_cpu = min(cpu["ours"]), min(cpu["yours"])
        shutil.rmtree(home / "state", ignore_errors=True)
        my_pss = heaviest(governor("usage", "--by", "day", "--json"), env) / 1e6
        their_pss = heaviest(command, env) / 1e6
        total = json.loads(subprocess.run(governor("usage", "--json"), env=env, capture_output=True, check=True).stdout)
        truth = json.loads((transcripts / "truth.json").read_text())
    print("| first scan of 1 GB, 3,094 files | governor | ccusage 20.0.24 | ratio |\n|---|---|---|---|")
    print(f"| wall, median of 7 | {mine:.2f} s | {theirs:.2f} s | {ratio:.2f} |")
    print(f"| processor time, least of 3 | {my_cpu:.2f} s | {their_cpu:.2f} s | {my_cpu / their_cpu:.2f} |")
    print(f"| peak memory, all processes | {my_pss:.0f} MB | {their_pss:.0f} MB | {my_pss / their_pss:.2f} |")
    print(f"\nresponses {total['total']['requests']:,}; the tree's truth: {json.dumps(truth)[:160]}")


REFRESH = """
import sys, time
import filelock, multiprocessing
from governor import config
from governor.pipeline import ingest as refresh
from governor.quota import prices
from governor.clients.claude import transcripts as claude
from governor.clients.codex import transcripts as codex
from governor.ledger.store import open_ledger
settings = config.load()
with open_ledger() as ledger:
    begun = time.perf_counter()
    refresh.refresh(ledger, settings, now=int(time.time()))
    print(time.perf_counter() - begun)
"""


def refresh() -> None:
    """Inside a fresh process: the refresh alone, interpreter and imports left out."""
    tree()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        env = environment(home)
        subprocess.run([sys.executable, "-c", REFRESH], env=env, check=True, stdout=subprocess.DEVNULL)

        def once() -> float:
            done = subprocess.run([sys.executable, "-c", REFRESH], env=env, check=True, capture_output=True, text=True)
            return float(done.stdout)

        idle = statistics.median(once() for _ in range(RUNS))
        target = max(TREE.glob("projects/*/*.jsonl"), key=lambda path: path.stat().st_size)
        before = target.read_bytes()
        line = next(line for line in reversed(before.splitlines()) if b'"usage"' in line)
        times = []
        try:
            for n in range(RUNS):
                with target.open("ab") as file:
                    file.write(line.replace(b'"msg_', f'"msg_b{n}'.encode(), 1) + b"\n")
                times.append(once())
        finally:
            target.write_bytes(before)
    print("| over 3,094 files | median |\n|---|---|")
    print(f"| refresh, nothing new | {idle * 1000:.0f} ms |")
    print(f"| refresh after one turn | {statistics.median(times) * 1000:.0f} ms |")


def status() -> None:
    """The whole command, on the demo's twelve weeks, against a click program that prints one line."""
    bare = [sys.executable, "-c", "import click\nclick.command()(lambda: click.echo('hi'))()"]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        env = environment(home)
        subprocess.run(governor("demo", str(home / "demo")), env=env, check=True, stdout=subprocess.DEVNULL)
        env |= {
            "GOVERNOR_HOME": str(home / "demo/state"),
            "CLAUDE_CONFIG_DIR": str(home / "demo/claude"),
            "CODEX_HOME": str(home / "demo/codex"),
        }
        mine, theirs, ratio = against(lambda: timed(governor("status"), env), lambda: timed(bare, env), RUNS)
    print("| warm | governor status | bare click program | ratio |\n|---|---|---|---|")
    print(f"| wall, median of {RUNS} | {mine * 1000:.0f} ms | {theirs * 1000:.0f} ms | {ratio:.2f} |")


# An index one edit over its limits, as they come: too many entries, and a line that is too long.
OVERLONG = "# Memory\n\n" + "".join(f"- [Entry {n}](topic-{n}.md) — what is known of matter {n}\n" for n in range(210))
OVERLONG += "- [Long](long.md) — " + "words that go on " * 40 + "\n"


def hooks() -> None:
    """Every hook as installed, on events it has nothing to say to and on events it answers."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        env = environment(home) | {"CLAUDE_CONFIG_DIR": str(home / "claude")}
        (home / "claude").mkdir()
        subprocess.run(governor("install", "--claude"), env=env, check=True, stdout=subprocess.DEVNULL)
        (home / "state/bell").unlink()
        from governor.install import runtime

        interpreter = runtime.interpreter()
        snapshots = home / "state/letters"
        snapshots.mkdir(exist_ok=True)
        now = int(time.time())
        window = {"window": "week", "resets_at": now + 9999, "verdict": "NUDGE", "rule": "x", "line": "governor: x"}
        loud = {"version": 1, "written_at": now, "lanes": {"claude": {"windows": [window]}}}
        room = {"installed": True, "healthy": True, "window": "week", "resets_at": now + 9999}
        lanes = {"claude": {**room, "verdict": "SLOW", "slack": -20, "landing": 120}}
        lanes["codex"] = {**room, "verdict": "GO", "slack": 60, "landing": 40}
        route = {"version": 1, "written_at": now, "lanes": lanes, "mode": "advise"}
        memory = home / "claude/projects/-p/memory/MEMORY.md"
        memory.parent.mkdir(parents=True)
        prompt = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "cwd": "/", "prompt": "what is this?"}
        broad = {**prompt, "prompt": "Rename the config loader across all packages and update every test that uses it."}
        edit = {"hook_event_name": "PostToolUse", "tool_name": "Write", "session_id": "s", "cwd": "/"}
        other = {**edit, "tool_input": {"file_path": "/x/notes.txt"}}
        index = {**edit, "tool_input": {"file_path": str(memory)}}
        news = {"id": "h123456", "session": "s", "line": "governor: x", "model_line": "x"}
        ended = {"version": 1, "written_at": now, "news": [news]}
        line = {"session_id": "s", "cost": {"total_api_duration_ms": 1}, "context_window": {"total_input_tokens": 9}}
        line["rate_limits"] = {"five_hour": {"used_percentage": 42, "resets_at": now + 9999}}
        agent = {"hook_event_name": "PreToolUse", "tool_name": "Agent", "session_id": "s", "prompt_id": "p", "cwd": "/"}
        agent |= {"tool_use_id": "t", "tool_input": {"description": "d", "prompt": "p", "subagent_type": "Explore"}}
        internal = {"hook_event_name": "SubagentStop", "session_id": "s", "agent_id": "a", "agent_type": ""}
        spawn = {"version": 1, "written_at": now, "action": "stop", "lanes": {"claude": [window | {"verdict": "SLOW"}]}}
        spawn |= {"sessions": {"s": ["claude-opus-5-5", 50_000, "claude"]}, "types": {}}
        spawn |= {"factors": {"claude-opus-5-5": 1, "haiku": 0.025}}
        acts = {"mode": "act", "at": "SLOW", "claude": "haiku", "critical": []}
        each = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "t", "tool_response": "a b c"}
        batch = {"session_id": "s", "cwd": "/", "hook_event_name": "PostToolBatch", "tool_calls": [each]}
        loop = {"version": 1, "written_at": now, "action": "advise", "alike": 4, "failures": 5, "open_for": 60}
        loop |= {"turn_percent": 0.5, "marathon": 28_800, "sessions": {"s": {"warm": 1.0, "cold": 9.0}}}
        failed = {"session_id": "s", "hook_event_name": "PostToolUseFailure", **each, "error": "Exit code 3"}
        stop = {"session_id": "s", "hook_event_name": "Stop", "stop_hook_active": False}
        families = [[f"model-{n}", 1.0] for n in range(25)]
        weights = {"read": 0.015, "5m": 1.0, "1h": 1.0, "families": families, "other": 1.0}
        price = {"version": 1, "written_at": now, "turn_percent": 0.5, "per_percent": 90_000, "weights": weights}
        start = {"session_id": "s", "hook_event_name": "SessionStart", "source": "startup"}
        cold = {**start, "source": "resume", "context_tokens": 400_000, "prompt_cache_likely_expired": True}
        row = {"name": "b", "per": "session", "lane": None, "project": "*", "action": "stop", "limits": {"usd": 9}}
        budget = {"version": 1, "written_at": now, "budgets": [row], "models": {}, "covered": {}, "calls": {}}
        spent = budget | {"budgets": [row | {"limits": {"wall": 1e-9}}]}
        call = {**agent, "tool_name": "Bash", "transcript_path": str(TREE / "none.jsonl")}
        cases = [
            ("budget, none set", "budget_guard.py", call, None, 5),
            ("budget, a call that fits", "budget_guard.py", call | {"tool_use_id": "x"}, ("budget", budget), 25),
            ("budget, a call past it", "budget_guard.py", call | {"tool_use_id": "x"}, ("budget", spent), 25),
            ("loop, a call", "loop_guard.py", batch, ("loop", loop), 5),
            ("loop, repeating", "loop_guard.py", {**batch, "tool_calls": [each] * 4}, ("loop", loop), 25),
            ("loop, a failure", "loop_guard.py", failed, ("loop", loop), 25),
            ("loop, a turn ends", "loop_guard.py", {**stop, "session_id": "none"}, ("loop", loop), 5),
            ("loop, a dear turn ends", "loop_guard.py", stop, ("loop", loop), 25),
            ("price, a new session", "price_warner.py", start, ("price", price), 5),
            ("price, a cold resume", "price_warner.py", {**cold, "model": "m"}, ("price", price), 25),
            ("pacing, quiet", "pacing_warner.py", prompt, None, 5),
            ("pacing, speaks", "pacing_warner.py", prompt, ("pacing", loud), 25),
            ("pacing, muted", "pacing_warner.py", prompt, ("pacing", loud), 5),
            ("pacing, tells of a handoff", "pacing_warner.py", prompt, ("handoffs", ended), 25),
            ("router, no match", "prompt_router.py", prompt, ("router", route), 5),
            ("router, offers", "prompt_router.py", broad, ("router", route), 25),
            ("memory, other file", "memory_compactor.py", other, None, 5),
            ("memory, an index within limits", "memory_compactor.py", index, None, 25),
            ("memory, a compaction", "memory_compactor.py", index, None, 25),
            ("spawn, a client's own agent", "spawn_guard.py", internal, ("spawn", spawn), 5),
            ("spawn, counts", "spawn_guard.py", agent, ("spawn", spawn), 25),
            ("spawn, degrades", "spawn_guard.py", agent, ("spawn", spawn | {"degrade": acts}), 25),
            ("spawn, refuses", "spawn_guard.py", agent, ("spawn", spawn | {"concurrent": 0}), 25),
            ("all guards of a prompt", "on_event.py", prompt, ("router", route), 10),
            ("all guards after a call", "on_event.py", batch, ("loop", loop), 10),
            ("all guards of a call that fits", "on_event.py", call | {"tool_use_id": "x"}, ("budget", budget), 25),
            ("status line", "statusline.py", line, None, 20),
        ]
        print("| hook | bare `python -I -S` | hook | over bare | goal |\n|---|---|---|---|---|")
        for name, script, event, snapshot, goal in cases:
            for old in snapshots.iterdir():
                old.unlink()
            shutil.rmtree(home / "state/muted", ignore_errors=True)
            if name == "pacing, muted":
                (home / "state/muted").mkdir()
                (home / "state/muted/pacing").touch()
            if snapshot is not None:
                (snapshots / snapshot[0]).write_text(f"speak\n{json.dumps(snapshot[1])}\n")
            text = OVERLONG if name == "memory, a compaction" else "- [a](a.md) — short\n"
            command = [interpreter, "-I", "-S", str(home / "state/runtime/hooks" / script)]
            stdin = json.dumps(event, separators=(",", ":")).encode()  # as both clients write it

            def ours(command: list[str] = command, stdin: bytes = stdin, text: str = text) -> float:
                for folder in ("episodes", "taps", "memory", "leases", "loops", "breakers", "live"):
                    shutil.rmtree(home / "state" / folder, ignore_errors=True)
                memory.with_name("memory-archive.md").unlink(missing_ok=True)
                memory.write_text(text)
                took = timed(command, env, stdin)
                if text == OVERLONG and memory.read_text() == text:
                    raise SystemExit("the index was not compacted, so nothing was measured")
                return took

            pairs = alternating(ours, lambda: timed([interpreter, "-I", "-S", "-c", "pass"], env), 4 * RUNS)
            mine, bare = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
            over = statistics.median(a - b for a, b in pairs) * 1000
            print(f"| {name} | {bare:.1f} ms | {mine:.1f} ms | +{over:.1f} ms | ≤ +{goal} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
