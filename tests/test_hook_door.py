"""the hook runtime, as a host meets it: a process with anything on stdin, an exit code, and JSON or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governor.hooks import fast_json, runtime

ROOT = Path(__file__).parent.parent
TOY = """
import os, sys
sys.path.insert(0, {root!r})
from governor.hooks import runtime as hook

def wants(raw, ctx):
    if os.environ.get("TOY_MODULES"):
        os.write(2, " ".join(sorted(sys.modules)).encode())
    if os.environ.get("TOY_WANTS") == "raise":
        raise RuntimeError("secret words")
    return b"quiet" not in raw

def decide(event, ctx):
    what = event.get("what")
    if what == "raise":
        raise ValueError("secret words")
    if what == "exit":
        sys.exit(2)
    if what == "print nothing":
        return None
    if what == "once":
        return hook.Reply(person="told", once="key")
    if what == "record":
        return hook.Reply(record={{"rule": "x", "n": 1}})
    if what == "block":
        return hook.Reply(block="wait")
    if what == "deny":
        return hook.Reply(deny="no", model="because")
    if what == "ask":
        return hook.Reply(ask="really?")
    if what == "halt":
        return hook.Reply(halt="enough")
    if what == "update":
        return hook.Reply(update={{"model": "haiku"}})
    return hook.Reply(person="told ü", model="ask", record={{"lane": ctx.lane}})

hook.run("toy", decide, wants=wants)
"""
# What a hook may import before it has anything to say, beyond a bare interpreter's own.
QUIET_PATH = {
    "__future__",
    "_collections_abc",
    "_stat",
    "genericpath",
    "governor",
    "governor.hooks",
    "governor.hooks.runtime",
    "os",
    "os.path",
    "posixpath",
    "stat",
}


class Toy:
    """The toy hook as a host starts it: isolated, without site packages."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "toy.py"
        self.script.write_text(TOY.format(root=str(ROOT)))
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.command = [sys.executable, "-I", "-S", str(self.script)]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"GOVERNOR_HOME": str(self.state), **environment},
        )

    def run(self, event: object, *arguments: str, **environment: str) -> tuple[int, bytes, bytes]:
        """(exit code, stdout, stderr)."""
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        process = self.start(*arguments, **environment)
        out, err = process.communicate(raw)
        return process.returncode, out, err

    def says(self, event: object, *arguments: str, **environment: str) -> Any:
        """The reply, or None for silence; anything but exit 0 and clean streams fails."""
        code, out, err = self.run(event, *arguments, **environment)
        assert (0, b"") == (code, err)
        return json.loads(out) if out else None

    @property
    def log(self) -> str:
        path = self.state / "log" / "hooks.log"
        return path.read_text() if path.exists() else ""

    def spool(self, name: str) -> list[Any]:
        path = self.state / "spool" / name
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


# ---- what is said, in the hosts' dialect -----------------------------------------------------------------------------

EVENT = {"hook_event_name": "UserPromptSubmit", "prompt": "secret words"}


def test_a_reply_is_one_object_in_plain_ascii(toy: Toy) -> None:
    code, out, _ = toy.run(EVENT)
    assert (0, True) == (code, out.isascii())
    specific = {"hookEventName": "UserPromptSubmit", "additionalContext": "ask"}
    assert {"systemMessage": "told ü", "hookSpecificOutput": specific} == json.loads(out)


@pytest.mark.parametrize(
    ("what", "reply"),
    [
        ("print nothing", None),
        ("record", None),
        ("block", {"decision": "block", "reason": "wait"}),
        (
            "deny",
            {
                "hookSpecificOutput": {
                    "hookEventName": "E",
                    "permissionDecision": "deny",
                    "permissionDecisionReason": "no",
                    "additionalContext": "because",
                }
            },
        ),
        (
            "update",
            {
                "hookSpecificOutput": {
                    "hookEventName": "E",
                    "permissionDecision": "allow",
                    "updatedInput": {"model": "haiku"},
                }
            },
        ),
    ],
)
def test_every_way_of_answering(toy: Toy, what: str, reply: object) -> None:
    assert reply == toy.says({"what": what, "hook_event_name": "E"})


def test_claude_can_be_asked_and_ended_and_codex_only_refused(toy: Toy) -> None:
    def specific(decision: str, reason: str) -> dict[str, Any]:
        found = {"permissionDecision": decision, "permissionDecisionReason": reason}
        return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **found}}

    event = {"hook_event_name": "PreToolUse"}
    ended = {"continue": False, "stopReason": "enough"}
    assert specific("ask", "really?") == toy.says({**event, "what": "ask"})
    assert toy.says({**event, "what": "ask"}, "codex") is None
    assert {**ended, **specific("deny", "enough")} == toy.says({**event, "what": "halt"})
    assert specific("deny", "enough") == toy.says({**event, "what": "halt"}, "codex")


def test_the_first_argument_names_the_host(toy: Toy) -> None:
    toy.says(EVENT)
    toy.says(EVENT, "codex")
    assert ["claude", "codex"] == [line["lane"] for line in toy.spool("decisions.jsonl")]


def test_a_decision_is_recorded_without_the_prompt(toy: Toy) -> None:
    toy.says({"what": "record", **EVENT})
    (line,) = toy.spool("decisions.jsonl")
    assert ({"rule": "x", "n": 1, "hook": "toy", "lane": "claude"}, True) == (
        {key: value for key, value in line.items() if key != "at"},
        abs(line["at"] - time.time()) < 60,
    )
    for path in toy.state.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes()


def test_every_run_leaves_its_own_cost(toy: Toy) -> None:
    toy.says(EVENT)
    toy.says(b"quiet")
    first, second = toy.spool("hooks.jsonl")
    assert ("toy", len("ask"), 0) == (first["h"], first["c"], second["c"])
    assert first["ms"] > 0


# ---- whatever comes in -----------------------------------------------------------------------------------------------

STDIN: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \n\n",
    "torn": b'{"hook_event_name": "UserPro',
    "no JSON": b"hello",
    "NUL bytes": b"\0" * 1000,
    "no UTF-8": b'{"prompt": "\xff\xfe"}',
    "an array": b"[1, 2]",
    "a string": b'"x"',
    "null": b"null",
    "deep": b"[" * 200_000,
    "deep object": b'{"a":' * 200_000,
}


@pytest.mark.parametrize("name", STDIN)
def test_what_is_no_event_is_answered_with_silence(toy: Toy, name: str) -> None:
    assert toy.says(STDIN[name]) is None
    assert "" == toy.log


@pytest.mark.parametrize("event", [{}, {"hook_event_name": 7}, {"hook_event_name": "EventOf2031"}, {"what": ["raise"]}])
def test_an_event_of_an_unknown_kind_is_an_event(toy: Toy, event: object) -> None:
    assert toy.says(event) is not None


def test_ten_megabytes_are_drained(toy: Toy) -> None:
    assert toy.says({**EVENT, "tool_response": "x" * 10 * 2**20}) is not None


def test_more_than_is_kept_is_still_drained(toy: Toy) -> None:
    """The host's write must not break; what was cut is no JSON any more, so nothing is said."""
    assert toy.says(json.dumps({"x": "y" * (runtime.STDIN_LIMIT + 3 * 2**20)}).encode()) is None


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-", ">/dev/full"])
def test_closed_and_full_streams_never_fail(toy: Toy, closed: str) -> None:
    command = " ".join(f"'{part}'" for part in toy.command)
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"],
        input=json.dumps(EVENT).encode(),
        capture_output=True,
        env={"GOVERNOR_HOME": str(toy.state)},
    )
    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.parametrize("what", ["raise", "exit"])
def test_a_fault_is_silence_and_one_line_that_holds_no_words_of_the_event(toy: Toy, what: str) -> None:
    assert toy.says({**EVENT, "what": what}) is None
    (line,) = toy.log.splitlines()
    assert {"raise": "ValueError", "exit": "SystemExit"}[what] in line
    assert "toy.py:" in line
    assert "secret" not in line
    assert 0o600 == (toy.state / "log" / "hooks.log").stat().st_mode & 0o777


def test_a_fault_before_the_decision_too(toy: Toy) -> None:
    assert toy.says(EVENT, TOY_WANTS="raise") is None
    assert "RuntimeError" in toy.log


def test_the_log_is_turned_over_and_one_older_one_kept(toy: Toy) -> None:
    folder = toy.state / "log"
    folder.mkdir()
    (folder / "hooks.log").write_bytes(b"x" * runtime.LOG_LIMIT)
    toy.says({"what": "raise"})
    assert {"hooks.log.1"} == {path.name for path in folder.iterdir()}
    toy.says({"what": "raise"})
    assert {"hooks.log", "hooks.log.1"} == {path.name for path in folder.iterdir()}
    assert (folder / "hooks.log").stat().st_size < 200


# ---- the state folder ------------------------------------------------------------------------------------------------


def test_a_missing_state_folder_is_not_needed(toy: Toy) -> None:
    toy.state.rmdir()
    assert toy.says({"what": "block"}) is not None
    assert toy.says({"what": "once"}) is not None


def test_a_state_folder_that_is_a_file_is_not_needed_either(toy: Toy) -> None:
    toy.state.rmdir()
    toy.state.write_text("")
    assert {"decision": "block", "reason": "wait"} == toy.says({"what": "block"})
    assert toy.says({"what": "raise"}) is None


def test_what_cannot_be_claimed_is_not_said(toy: Toy) -> None:
    (toy.state / "episodes").write_text("")
    assert toy.says({"what": "once"}) is None


def test_what_cannot_be_recorded_is_said_all_the_same(toy: Toy) -> None:
    """An index may have been compacted by then, and its reader has to know."""
    (toy.state / "spool").write_text("")
    assert toy.says(EVENT) is not None


def test_fifty_at_once_claim_once_and_mix_no_lines(toy: Toy) -> None:
    processes = [toy.start() for _ in range(50)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b'{"what": "once"}')
        process.stdin.close()
        process.stdin = None
    said = [process.communicate()[0] for process in processes]
    assert [b'{"systemMessage":"told"}'] == [out for out in said if out]
    assert 50 == len(toy.spool("hooks.jsonl"))


@pytest.mark.parametrize("snapshot", [b"", b"quiet", b"speak", b"speak\n{", b"shout\n{}", b"speak\n[]", b"\xff\xfe"])
def test_a_snapshot_that_is_none_says_nothing(toy: Toy, snapshot: bytes) -> None:
    (toy.state / "letters").mkdir()
    (toy.state / "letters" / "x").write_bytes(snapshot)
    assert (False, {}) == runtime.read_snapshot(str(toy.state), "x")


def test_a_snapshot_of_another_version_says_nothing(toy: Toy) -> None:
    folder = toy.state / "letters"
    folder.mkdir()
    for version, expected in ((1, (True, {"version": 1})), (2, (False, {})), (None, (False, {}))):
        (folder / "x").write_bytes(b"speak\n" + json.dumps({"version": version}).encode())
        assert expected == runtime.read_snapshot(str(toy.state), "x")


@pytest.mark.parametrize("key", ["../../x", "a/b", "..", "", "\0", "x" * 1000, "ü" * 300, "a:b"])
def test_an_episodes_mark_never_leaves_its_folder(toy: Toy, key: str) -> None:
    before = set(toy.state.parent.rglob("*"))
    runtime.claim(str(toy.state), key)
    made = set(toy.state.parent.rglob("*")) - before - {toy.state / "episodes"}
    assert all(path.parent == toy.state / "episodes" for path in made)
    assert not runtime.claim(str(toy.state), key)


# ---- the kill switch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["1", "yes", "true", "anything", "9999999999"])
def test_the_environment_silences(toy: Toy, word: str) -> None:
    assert toy.says({"what": "block"}, GOVERNOR_OFF=word) is None


@pytest.mark.parametrize("word", ["", "0", "false", "No", "off", " 0 ", "1500000000"])
def test_words_that_mean_no_and_times_that_are_past_do_not(toy: Toy, word: str) -> None:
    assert toy.says({"what": "block"}, GOVERNOR_OFF=word) is not None


def test_the_file_reaches_sessions_that_already_run_and_ends_when_it_says(toy: Toy) -> None:
    off = toy.state / "OFF"
    for text, silent in (("", True), ("9999999999", True), ("1500000000", False), ("until I say", True)):
        off.write_text(text)
        assert (toy.says({"what": "block"}) is None) is silent
    off.unlink()
    assert toy.says({"what": "block"}) is not None


def test_a_silenced_hook_still_drains(toy: Toy) -> None:
    (toy.state / "OFF").touch()
    assert toy.says({**EVENT, "x": "y" * 10 * 2**20}) is None


@pytest.fixture
def shared(toy: Toy, tmp_path: Path) -> Path:
    """A file that several machines see."""
    (toy.state / "kill").mkdir()
    (toy.state / "kill" / "shared").write_text(str(tmp_path / "everyone-off"))
    return tmp_path / "everyone-off"


def test_a_shared_file_silences_and_is_looked_at_every_five_seconds(toy: Toy, shared: Path) -> None:
    home, now = str(toy.state), time.time()
    assert runtime.off_by(home, now) is None
    shared.touch()
    assert runtime.off_by(home, now + runtime.SHARED_EVERY_S - 2) is None
    os.utime(toy.state / "kill" / "cache", (now - runtime.SHARED_EVERY_S, now - runtime.SHARED_EVERY_S))
    assert "shared" == runtime.off_by(home, now)
    shared.unlink()
    assert "shared" == runtime.off_by(home, now + 2)
    assert runtime.off_by(home, now + runtime.SHARED_EVERY_S + 2) is None
    assert 5 >= runtime.SHARED_EVERY_S


def test_a_clock_set_back_does_not_keep_an_old_answer(toy: Toy, shared: Path) -> None:
    now = time.time()
    runtime.off_by(str(toy.state), now)
    shared.touch()
    os.utime(toy.state / "kill" / "cache", (now + 9999, now + 9999))
    assert "shared" == runtime.off_by(str(toy.state), now)


def test_a_shared_file_can_end_too_and_an_unreachable_one_is_off_for_nobody(toy: Toy, shared: Path) -> None:
    shared.write_text("1500000000")
    assert runtime.off_by(str(toy.state), time.time()) is None
    (toy.state / "kill" / "shared").write_text("/nowhere/at/all")
    (toy.state / "kill" / "cache").unlink()
    assert runtime.off_by(str(toy.state), time.time()) is None


# ---- what it costs ---------------------------------------------------------------------------------------------------


def bare() -> set[str]:
    command = [sys.executable, "-I", "-S", "-c", "import sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_the_quiet_path_imports_exactly_this(toy: Toy) -> None:
    _, _, err = toy.run(b"quiet", TOY_MODULES="1")
    assert QUIET_PATH == set(err.decode().split()) - bare()


REPORT = "import posix, sys; posix._exit = sys.exit  # on_event.py leaves without a look back\n"
REPORT += "import atexit; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n"
RUN = (
    "sys.argv = sys.argv[1:]; name = sys.argv[0]\n"
    "exec(compile(open(name, 'rb').read(), name, 'exec'), {'__name__': '__main__', '__file__': name})"
)


def imported(script: str, event: dict[str, Any], home: Path) -> tuple[set[str], bytes]:
    """(what one of our hooks has imported at its very end, what it said)."""

    def run(code: str) -> tuple[set[str], bytes]:
        command = [sys.executable, "-I", "-S", "-c", REPORT + code, str(ROOT / "hooks" / script)]
        environment = {"GOVERNOR_HOME": str(home / "state"), "HOME": str(home)}
        raw = json.dumps(event, separators=(",", ":")).encode()  # as both clients write it
        done = subprocess.run(command, input=raw, capture_output=True, env=environment)
        assert 0 == done.returncode
        return set(done.stderr.decode().split()), done.stdout

    more, said = run(RUN)
    return more - run("")[0], said


def rooms(*names: str) -> set[str]:
    """Rooms below ``governor.hooks``, and the folders on the way to them."""
    parts = [f"governor.hooks.{name}".split(".") for name in names]
    return {".".join(each[:end]) for each in parts for end in range(3, len(each) + 1)}


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "hooks").glob("*.py")))
def test_every_hook_of_ours_is_as_quiet(script: str, tmp_path: Path) -> None:
    """To its very end, with an event that is none of its business; the status line parses what it always parses."""
    more, said = imported(script, {"prompt": "hello"}, tmp_path)
    assert b"" == said
    also = {"statusline.py": PARSING | TAPPING, "on_event.py": {"governor.hooks.on_event"}}
    assert more <= QUIET_PATH | also.get(script, set())


# Beyond that, JSON's C parts alone; ``json`` itself, ``re``, ``typing`` and ``pathlib`` cost more than any hook's work.
PARSING = {"governor.hooks.fast_json", "_json"}
TAPPING = rooms("statusline.rules") | {"governor.accounts", "governor.limit_facts"}  # whose figures they are
COMPACTING = {
    *rooms("light_tuple", *(f"memory.{name}" for name in ("md_truncate", "edits", "md_blocks", "rules", "recency"))),
    *(
        "governor.errors",
        "governor.hooks.state",
        "governor.hooks.memory.run",
        "governor.hooks.state.backups",
    ),
    "governor.accounts",
    *("_bisect", "_operator", "bisect", "fcntl", "_sha2"),  # called _sha256 before Python 3.12
}
COUNTING = rooms("budget.rules", "budget.usage_lines") | {
    "governor.hooks.state",
    "governor.hooks.budget.run",
    "governor.hooks.state.transcript_growth",
    "governor.hooks.state.session_usage",
    "governor.hooks.state.locks",
    "fcntl",
}  # at every tool call of who has budgets
SPAWNING = rooms(
    *("spawn.spawn_event", "spawn.over_limit", "spawn.degrade", "spawn.rules"), "router.model_tier", "router.tier_hint"
) | {
    *(
        "governor.hooks.state",
        "governor.hooks.state.client_process",
        "governor.hooks.state.leases",
        "governor.hooks.state.locks",
        "governor.hooks.state.subagent_files",
        "fcntl",
    ),
}
SPEAKING = rooms("attended", "pacing.rules") | {
    "governor.hooks.state",
    "governor.hooks.state.client_process",
}  # the first word of an episode
AGENT = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Agent", "tool_use_id": "t"}
ROUTING = rooms(
    *(f"router.{name}" for name in ("asides", "prompt", "rules", "scope", "stems", "user_prose", "vocabulary"))
)
PROMPT = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "cwd": "/"}
WITHIN = "- [a](a.md) — short\n"
OVER = "# Memory\n\n" + "- [b](b.md) — an entry\n" * 220 + "- [Long](long.md) — " + "words that go on " * 40 + "\n"


@pytest.mark.parametrize(
    ("script", "event", "index", "more"),
    [
        ("pacing_warner.py", PROMPT, "", SPEAKING | {"governor.limit_facts"}),
        ("prompt_router.py", PROMPT | {"prompt": "Rename the loader in all packages"}, "", ROUTING),
        ("memory_compactor.py", {}, WITHIN, rooms("memory.edits")),
        ("memory_compactor.py", {}, OVER, COMPACTING),
        ("budget_guard.py", {"hook_event_name": "PreToolUse", "session_id": "s"}, "", COUNTING),
        ("spawn_guard.py", AGENT, "", SPAWNING),
        ("statusline.py", {"rate_limits": {"five_hour": {"used_percentage": 42}}}, "", TAPPING),
    ],
    ids=["pacing", "router", "within", "compaction", "budget", "spawn", "statusline"],
)
def test_a_hook_that_acts_imports_exactly_this(
    script: str, event: dict[str, Any], index: str, more: set[str], tmp_path: Path
) -> None:
    now = time.time()
    window = {"window": "week", "resets_at": now + 9999, "verdict": "NUDGE", "rule": "x", "line": "governor: x"}
    room = {"installed": True, "healthy": True, "window": "week", "resets_at": now + 9999}
    hot, cool = room | {"verdict": "SLOW", "slack": -20}, room | {"verdict": "GO", "slack": 60}
    pacing = {"version": 1, "written_at": now, "lanes": {"claude": {"windows": [window]}}}
    router = {"version": 1, "written_at": now, "lanes": {"claude": hot, "codex": cool}}
    snapshots = tmp_path / "state" / "letters"
    snapshots.mkdir(parents=True)
    budget = {"version": 1, "written_at": now}
    spawn = {"version": 1, "written_at": now, "action": "stop", "concurrent": 0}
    for name, snapshot in (("pacing", pacing), ("router", router), ("budget", budget), ("spawn", spawn)):
        (snapshots / name).write_text(f"speak\n{json.dumps(snapshot)}")
    if index:
        file = tmp_path / ".claude" / "projects" / "-app" / "memory" / "MEMORY.md"
        file.parent.mkdir(parents=True)
        file.write_text(index)
        event = {"hook_event_name": "PostToolUse", "tool_input": {"file_path": str(file)}}
    found, said = imported(script, event, tmp_path)
    assert bool(said) == (index != WITHIN and script != "budget_guard.py")
    assert QUIET_PATH | PARSING | more == {"_sha2" if name == "_sha256" else name for name in found}


# One process for all guards of an event: what it loads to its very end, quiet, in the clients' own layout.
SCRIPTS = {"UserPromptSubmit": {"budget_guard", "pacing_warner", "prompt_router"}, "PreToolUse": {"budget_guard"}}
SCRIPTS |= {"PostToolBatch": {"loop_guard"}, "Stop": {"loop_guard"}, "PostToolUse": {"memory_compactor"}}
LOOPED = {"governor.hooks.state", "governor.hooks.state.call_log", *rooms("loop.fingerprints")}
ONE_CALL = [{"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "t", "tool_response": "a b c"}]
AN_EDIT = {"hook_event_name": "PostToolUse", "tool_name": "Write", "tool_input": {"file_path": "/x/notes.txt"}}


@pytest.mark.parametrize(
    ("event", "snapshots", "more"),
    [
        (PROMPT | {"prompt": "what is this?"}, [], set()),
        (PROMPT | {"prompt": "what is this?"}, ["router"], rooms("router.stems")),
        ({"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash"}, [], {"spawn_guard"}),
        (AGENT, [], {"spawn_guard"} | PARSING | SPAWNING),
        ({"session_id": "s", "hook_event_name": "PostToolBatch", "tool_calls": ONE_CALL}, ["loop"], LOOPED),
        ({"hook_event_name": "Stop", "session_id": "s", "stop_hook_active": False}, ["loop"], LOOPED),
        (AN_EDIT, [], {"spawn_guard"}),
    ],
    ids=["prompt", "prompt, router", "call", "spawn", "calls", "turn ends", "edit"],
)
def test_all_guards_of_an_event_import_exactly_this(
    event: dict[str, Any], snapshots: list[str], more: set[str], tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "letters"
    folder.mkdir(parents=True)
    for name in snapshots:
        (folder / name).write_text("speak\n" + json.dumps({"version": 1, "action": "advise", "alike": 4}))
    found, said = imported("on_event.py", event, tmp_path)
    assert b"" == said
    assert QUIET_PATH | {"governor.hooks.on_event"} | SCRIPTS[event["hook_event_name"]] | more == found


def test_json_without_its_package_is_the_same_json() -> None:
    for value in ({}, [], 'ü\ud800"', {"a": [1, -2.5, 1e300, None, True, {"b": "\n"}]}, 7, "x" * 10_000, {1: 2}):
        assert json.dumps(value, separators=(",", ":")).encode() == fast_json.dumps(value)
        assert json.loads(fast_json.dumps(value)) == fast_json.loads(b" \n" + fast_json.dumps(value) + b"\r\n\t")
        plain = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        assert plain.encode("utf-8", "replace") == fast_json.compact(value)
    assert fast_json.loads(b"[NaN, -Infinity]")[1] == float("-inf")
    with pytest.raises(TypeError):
        fast_json.dumps({"a": object()})


@pytest.mark.parametrize("name", STDIN)
def test_what_is_no_json_to_the_package_is_none_here(name: str) -> None:
    def verdict(loads: Callable[[bytes], Any]) -> Any:
        try:
            return loads(STDIN[name])
        except (ValueError, RecursionError) as fault:
            return type(fault)

    assert verdict(json.loads) == verdict(fast_json.loads)


def test_an_interpreter_without_those_parts_uses_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_json", None)
    assert ({"a": [1]}, b'{"a":[1]}') == (fast_json.loads(b'{"a": [1]}'), fast_json.dumps({"a": [1]}))
    assert '{"a":"ü"}'.encode() == fast_json.compact({"a": "ü"})


# ---- muted, and what was put into a context --------------------------------------------------------------------------


def test_a_muted_hook_is_silent_and_still_leaves_its_mark(toy: Toy) -> None:
    assert toy.says(EVENT) is not None
    (toy.state / "muted").mkdir()
    (toy.state / "muted" / "other").touch()
    assert toy.says(EVENT) is not None
    (toy.state / "muted" / "toy").touch()
    assert toy.says(EVENT) is None
    assert 3 == len(toy.spool("hooks.jsonl"))
    assert 2 == len(toy.spool("decisions.jsonl")), "a muted hook decides nothing"


@pytest.mark.parametrize(
    ("event", "chars", "session"),
    [
        ({"session_id": "s-1"}, len("ask"), "s-1"),
        ({"what": "deny", "session_id": "s-1"}, len("no") + len("because"), "s-1"),
        ({"what": "halt", "session_id": "s-1"}, len("enough"), "s-1"),
        ({"what": "block", "session_id": "s-1", "hook_event_name": "Stop"}, len("wait"), "s-1"),
        ({"what": "block", "session_id": "s-1", "hook_event_name": "UserPromptSubmit"}, 0, ""),
        ({"what": "ask", "session_id": "s-1"}, 0, ""),
        ({"what": "print nothing", "session_id": "s-1"}, 0, ""),
        ({"session_id": '../../"x\n\ud800' + "a" * 99}, len("ask"), "x" + "a" * 54),
        ({"session_id": ["a", 3]}, len("ask"), "a3"),
        ({}, len("ask"), ""),
    ],
)
def test_what_the_model_was_given_is_noted_with_its_session(toy: Toy, event: Any, chars: int, session: str) -> None:
    toy.says(event)
    (run,) = toy.spool("hooks.jsonl")
    assert (chars, session) == (run["c"], run["s"])
