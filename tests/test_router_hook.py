"""The router as the clients run it: a process of its own, isolated, fed one event on stdin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import Traces

SCRIPT = Path(__file__).parents[1] / "hooks" / "prompt_router.py"
BROAD = "Rename Foo to Bar in all modules, codeword zanzibar"


class Host(Traces):
    """A client with a state folder and a snapshot in it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "state"
        self.project = folder / "project"
        (self.project / ".git").mkdir(parents=True)
        self.leave()

    def leave(self, *, word: str = "speak", swap: bool = False, **other: Any) -> None:
        now = time.time()
        hot = {"installed": True, "healthy": True, "verdict": "NUDGE", "slack": -14.0, "landing": 114.0}
        cool = {"installed": True, "healthy": True, "verdict": "GO", "slack": 22.0, "landing": 78.0}
        lanes = {"claude": cool if swap else hot, "codex": hot if swap else cool}
        for facts in lanes.values():
            facts |= {"window": "week", "resets_at": now + 86_400}
        content = {"version": 1, "written_at": now - 5, "lanes": lanes, "mode": "advise", **other}
        (self.home / "letters").mkdir(parents=True, exist_ok=True)
        (self.home / "letters" / "router").write_text(f"{word}\n{json.dumps(content)}")

    def event(self, **other: Any) -> dict[str, Any]:
        common = {"session_id": "s-1", "cwd": str(self.project), "hook_event_name": "UserPromptSubmit"}
        return {**common, "prompt": BROAD, **other}

    def send(self, event: dict[str, Any] | bytes | None = None, *, lane: str = "claude") -> dict[str, Any]:
        """What the hook answered; an empty dict for silence."""
        raw = event if isinstance(event, bytes) else json.dumps(self.event() if event is None else event).encode()
        environment = {"GOVERNOR_HOME": str(self.home), "PATH": os.environ.get("PATH", ""), "HOME": str(self.home)}
        command = [sys.executable, "-I", "-S", str(SCRIPT), lane]
        done = subprocess.run(command, input=raw, capture_output=True, env=environment, timeout=60, check=False)
        assert (0, b"") == (done.returncode, done.stderr)
        return json.loads(done.stdout) if done.stdout else {}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_broad_task_on_the_hot_lane_is_offered_the_other_and_recorded_without_its_text(host: Host) -> None:
    answer = host.send()
    assert ["systemMessage"] == list(answer)  # to the person; nothing that the model would pay for
    assert answer["systemMessage"].endswith(f'codex exec -s workspace-write -C {host.project} "…your task…"')
    (record,) = host.recorded()
    kept = {key: record[key] for key in ("hook", "lane", "decision", "to", "rule", "said", "signals", "words")}
    assert kept == {
        "hook": "router", "lane": "claude", "decision": "handoff", "to": "codex", "rule": "pressed-and-room",
        "said": True, "signals": ["breadth:all", "verb:rename"], "words": 9,
    }  # fmt: skip
    assert {"claude": -14.0, "codex": 22.0} == record["slack"]
    everything = b"".join(path.read_bytes() for path in host.home.rglob("*") if path.is_file())
    assert b"zanzibar" not in everything
    assert b"Foo" not in everything


def test_the_same_advice_is_given_once_a_session_for_a_while_but_always_recorded(host: Host) -> None:
    assert [True, False] == [bool(host.send()), bool(host.send())]
    assert host.send(host.event(session_id="s-2"))
    assert [True, False, True] == [record["said"] for record in host.recorded()]


def test_in_codex_the_direction_turns_round(host: Host) -> None:
    assert {} == host.send(lane="codex")  # Codex has the room
    host.leave(swap=True)
    answer = host.send(lane="codex")
    assert answer["systemMessage"].endswith(f'Send it back: cd {host.project} && claude "…your task…"')
    assert {} == host.send()  # and Claude is now where it belongs


def test_architecture_is_held_silently(host: Host) -> None:
    assert {} == host.send(host.event(prompt="Review the architecture of the sync engine"))
    assert ["keep"] == [record["decision"] for record in host.recorded()]


def test_outside_a_repository_codex_is_told_so(host: Host, tmp_path: Path) -> None:
    answer = host.send(host.event(cwd=str(tmp_path)))
    assert "codex exec --skip-git-repo-check -s workspace-write" in answer["systemMessage"]


@pytest.mark.parametrize("other", [
    {"source": "loop_wakeup"}, {"source": "system"}, {"source": "sdk"}, {"source": None}, {"agent_id": "a1"},
    {"hook_event_name": "PreToolUse"}, {"hook_event_name": None}, {"prompt": f"<task-notification>{BROAD}"},
    {"prompt": None}, {"prompt": ["Rename", "all modules"]}, {"prompt": ""}, {"prompt": "add \0\ud800 rename"},
    {"prompt": "fix the typo in the README"},
])  # fmt: skip
def test_what_the_person_did_not_type_leaves_no_trace(host: Host, other: dict[str, Any]) -> None:
    assert {} == host.send(host.event(**other))
    assert [] == host.recorded()
    assert "" == host.faults()


@pytest.mark.parametrize("raw", [
    b"", b"null", b"[]", b"{", b"rename all files", b'{"prompt": "rename', b"\xff\xfe rename", b"[" * 100_000,
])  # fmt: skip
def test_broken_events_are_silence(host: Host, raw: bytes) -> None:
    assert {} == host.send(raw)
    assert [] == host.recorded()
    assert "" == host.faults()


def test_missing_fields_and_a_vast_prompt_are_no_trouble(host: Host) -> None:
    bare = {"hook_event_name": "UserPromptSubmit", "prompt": BROAD}
    assert host.send(bare)["systemMessage"].endswith(
        'codex exec --skip-git-repo-check -s workspace-write "…your task…"'
    )
    odd = host.event(session_id=["x"], cwd={"a": 1}, prompt=f"{BROAD}.\n```\n" + "log line\n" * 1_100_000)
    assert "systemMessage" in host.send(odd)
    assert "" == host.faults()


def test_a_shadow_records_and_says_nothing_and_off_does_neither(host: Host) -> None:
    host.leave(mode="shadow")
    assert {} == host.send()
    assert [("handoff", False, "shadow")] == [(r["decision"], r["said"], r["mode"]) for r in host.recorded()]
    host.leave(mode="off")
    assert {} == host.send()
    assert 1 == len(host.recorded())


def test_the_model_is_told_only_when_the_person_asked_for_it(host: Host) -> None:
    host.leave(tell_model=True)
    note = host.send()["hookSpecificOutput"]
    assert "UserPromptSubmit" == note["hookEventName"]
    assert note["additionalContext"].startswith("Quota note: ")
    assert len(note["additionalContext"]) <= 200


def test_a_persons_own_words_pass_the_look_at_the_bytes(host: Host) -> None:
    event = host.event(prompt="umbenennen bitte überall im ganzen Projekt")
    assert {} == host.send(event)
    host.leave(words={"verbs": ["umbenennen"], "breadth": ["überall"]})
    assert "systemMessage" in host.send(event)


@pytest.mark.parametrize(
    "snapshot", [None, b"", b"quiet\n{}", b"speak\n", b"speak\n[]", b'speak\n{"version":2}', b"\0"]
)
def test_without_a_usable_snapshot_nothing_is_said(host: Host, snapshot: bytes | None) -> None:
    path = host.home / "letters" / "router"
    path.unlink()
    if snapshot is not None:
        path.write_bytes(snapshot)
    assert {} == host.send()
    assert [] == host.recorded()
    assert "" == host.faults()


def test_the_kill_switch_silences_it(host: Host) -> None:
    (host.home / "OFF").write_text("")
    assert {} == host.send()
    assert [] == host.recorded()


@pytest.mark.parametrize(("word", "prompt", "loaded"), [
    ("quiet", BROAD, {"governor", "governor.hooks.runtime"}),
    ("speak", "thanks", {"governor", "governor.hooks.runtime", "governor.guards", "governor.hooks.router.stems"}),
])  # fmt: skip
def test_a_prompt_that_cannot_matter_loads_almost_nothing(host: Host, word: str, prompt: str, loaded: set[str]) -> None:
    host.leave(word=word)
    code = (
        f"import sys; before = set(sys.modules); sys.argv = ['hook', 'claude']; path = {str(SCRIPT)!r};"
        "exec(compile(open(path).read(), path, 'exec'), {'__name__': '__main__', '__file__': path});"
        "print(*sorted(n for n in set(sys.modules) - before if n.startswith(('governor', 'json', 're', 'typing'))))"
    )
    raw = json.dumps(host.event(prompt=prompt)).encode()
    environment = {"GOVERNOR_HOME": str(host.home), "HOME": str(host.home)}
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, input=raw, capture_output=True, env=environment, timeout=60, check=True)
    assert loaded == set(done.stdout.decode().split())


TIERS = {
    "tiers": {"mode": "advise", "claude": ["haiku", "sonnet", "opus"], "codex": ["gpt-6-luna", "gpt-6.1-terra", "x"]},
    "factors": {"haiku": 0.025, "claude-opus-5-5": 1.0, "gpt-6-luna": 0.025, "gpt-6.1-terra": 0.25, "x": 0.5,
                "gpt-6-sol": 0.5},
    "sessions": {"s-1": ["claude-opus-5-5", 100_000, "claude"], "c-1": ["gpt-6-sol", 9_000, "codex"]},
    "rewrite": 0.985,
    "read": 0.015,
}  # fmt: skip


def test_small_work_on_a_pressed_lane_is_offered_the_smaller_model_once(host: Host) -> None:
    host.leave(**TIERS)
    typo = host.event(prompt="Fix the typos in README.md, codeword zanzibar")
    first, again = host.send(typo), host.send(typo)
    assert ["systemMessage"] == list(first)
    assert first["systemMessage"].endswith("For this task: /model haiku")
    assert {} == again
    assert [("tier", True), ("tier", False)] == [(row["decision"], row["tier"]["said"]) for row in host.recorded()]
    assert b"zanzibar" not in (host.home / "spool" / "decisions.jsonl").read_bytes()


def test_the_other_lane_comes_before_the_other_tier_and_a_hold_may_carry_a_hint(host: Host) -> None:
    host.leave(**TIERS)
    assert "codex exec" in host.send(host.event(prompt="Rename Foo to Bar in all modules"))["systemMessage"]
    small = {**TIERS, "sessions": {"s-1": ["claude-opus-5-5", 5_000, "claude"]}}
    host.leave(**{**small, "factors": {**TIERS["factors"], "sonnet": 0.6}})
    answer = host.send(host.event(prompt="Review the diff for bugs"))
    assert answer["systemMessage"].endswith("/model sonnet")
    handoff, keep = host.recorded()
    assert ("handoff", False) == (handoff["decision"], "tier" in handoff)
    assert ("keep", "judgement-stays", "middle") == (keep["decision"], keep["rule"], keep["tier"]["tier"])


def test_in_codex_the_event_names_the_model(host: Host) -> None:
    host.leave(swap=True, **TIERS)
    answer = host.send(host.event(session_id="c-1", model="gpt-6-sol", prompt="Fix the typos"), lane="codex")
    assert answer["systemMessage"].endswith("/model, then gpt-6-luna")
    assert {} == host.send(host.event(session_id="c-1", model="gpt-6-luna", prompt="Fix the typos"), lane="codex")


def test_without_a_word_on_tiers_nothing_is_looked_at(host: Host) -> None:
    assert {} == host.send(host.event(prompt="Fix the typos in README.md"))
    assert [] == host.recorded()
