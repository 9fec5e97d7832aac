"""The compactor as the clients run it: a bare interpreter, an event on stdin, perhaps one sentence back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from governor.hooks.memory.edits import edits
from governor.hooks.memory.rules import ARCHIVE, POINTER, IndexLimits, size_of
from governor.hooks.state import backups
from governor.install import runtime

ROOT = Path(__file__).resolve().parents[1]
HOOK = ROOT / "hooks" / "memory_compactor.py"
LONG = "- [Long](long.md) — " + "words that go on " * 40


def text_of(count: int) -> str:
    return "# Memory\n\n" + "".join(f"- [Entry {n}](topic-{n}.md) — fact {n}\n" for n in range(count))


class Machine:
    """A home of both clients with an index in each, and the hook."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.claude = folder / "claude" / "projects" / "-app" / "memory" / "MEMORY.md"
        self.codex = folder / "codex" / "memories" / "MEMORY.md"
        self.hook = HOOK
        self.state = folder / "state"
        self.state.mkdir()
        for index in (self.claude, self.codex):
            index.parent.mkdir(parents=True)
            index.write_text(text_of(250) + LONG + "\n", encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "GOVERNOR_HOME": str(self.state),
            "CLAUDE_CONFIG_DIR": str(self.folder / "claude"),
            "CODEX_HOME": str(self.folder / "codex"),
        }

    def start(self, lane: str = "claude", *, code: str = "", **environment: str) -> subprocess.Popen[bytes]:
        what = ["-c", code] if code else [str(self.hook), lane]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", *what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment() | environment,
        )

    def said(self, event: object, lane: str = "claude", **environment: str) -> str:
        """What the model is told: "" for nothing. The hook ends well and says nothing else, whatever it is given."""
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        process = self.start(lane, **environment)
        out, err = process.communicate(raw)
        assert (0, b"") == (process.returncode, err)
        if not out:
            return ""
        answer = json.loads(out)
        assert ["hookSpecificOutput"] == list(answer)
        assert "PostToolUse" == answer["hookSpecificOutput"].pop("hookEventName")
        assert ["additionalContext"] == list(answer["hookSpecificOutput"])
        return str(answer["hookSpecificOutput"]["additionalContext"])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def event(tool: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "session_id": "s",
        "cwd": "/",
        "hook_event_name": "PostToolUse",
        "tool_name": tool,
        "tool_input": given,
    } | more


def write(path: Path) -> dict[str, Any]:
    return event("Write", {"file_path": str(path), "content": "…"}, tool_response={"filePath": str(path)})


def patch(*lines: str, cwd: Path) -> dict[str, Any]:
    command = "\n".join(["*** Begin Patch", *lines, "*** End Patch", ""])
    return event("apply_patch", {"command": command}, cwd=str(cwd), model="gpt", turn_id="t")


def test_claude_writes_an_index_over_its_limits(machine: Machine) -> None:
    said = machine.said(write(machine.claude))
    text = machine.claude.read_text(encoding="utf-8")
    assert size_of(text).fits(IndexLimits())
    assert all(len(line) <= 350 for line in text.splitlines())
    assert said.startswith("governor kept MEMORY.md within its load limit: shortened 1 line and moved ")
    assert ARCHIVE in said
    assert len(said) <= 200
    archive = (machine.claude.parent / ARCHIVE).read_text(encoding="utf-8")
    assert LONG.rstrip() in archive
    assert POINTER in text
    assert "" == machine.said(write(machine.claude)), "a second time there is nothing to do"


def test_what_claude_just_wrote_stays_though_it_stands_at_the_top(machine: Machine) -> None:
    given = {"file_path": str(machine.claude), "old_string": "x", "new_string": "- [Entry 0](topic-0.md) — fact 0"}
    machine.said(event("Edit", given))
    text = machine.claude.read_text(encoding="utf-8")
    assert "[Entry 0]" in text
    assert "[Entry 1]" not in text


def test_codex_patches_an_index_named_relative_to_its_folder(machine: Machine) -> None:
    lines = ("*** Update File: memories/MEMORY.md", "@@", "-old", "+- [Entry 3](topic-3.md) — fact 3")
    said = machine.said(patch(*lines, cwd=machine.folder / "codex"), "codex")
    text = machine.codex.read_text(encoding="utf-8")
    assert "moved" in said
    assert "[Entry 3]" in text
    assert "[Entry 4]" not in text
    assert text_of(250) + LONG + "\n" == machine.claude.read_text(encoding="utf-8")


def test_a_patch_names_its_files_and_their_new_lines() -> None:
    command = "*** Begin Patch\n*** Add File: a.md\n+one\n*** Update File: b.md\n*** Move to: c.md\n@@\n-x\n+ two \n"
    found = edits({"tool_input": {"command": command}})
    assert {"a.md": {"one"}, "b.md": set(), "c.md": {"two"}} == {path: set(fresh) for path, fresh in found.items()}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"tool_input": None},
        {"tool_input": {"file_path": 7}},
        {"tool_input": {"command": ["a"]}, "tool_response": "text"},
        {"tool_input": {"file_path": "a", "edits": "b", "new_string": 3}},
        {"tool_input": {"command": "*** Begin Patch\n*** Update File: \n+x"}},
    ],
)
def test_an_odd_event_names_no_file_or_no_lines(odd: dict[str, Any]) -> None:
    assert not any(edits(odd).values())


@pytest.mark.parametrize("raw", [b"", b"MEMORY.md", b'["MEMORY.md"]', b'{"a": "MEMORY.md"', b"[" * 5000 + b"MEMORY.md"])
def test_nonsense_ends_in_silence(machine: Machine, raw: bytes) -> None:
    assert "" == machine.said(raw)


def test_other_files_are_left_alone(machine: Machine) -> None:
    """Neither one that only has the name, nor one that a link makes look like an index."""
    plain = machine.folder / "docs" / "MEMORY.md"
    plain.parent.mkdir()
    plain.write_text(text_of(250), encoding="utf-8")
    link = machine.folder / "claude" / "projects" / "-app" / "memory" / "sub"
    link.symlink_to(plain.parent)
    machine.claude.unlink()
    machine.claude.symlink_to(plain)
    for path in (plain, machine.claude, link / "MEMORY.md", machine.claude.parent / ".." / "memory" / "MEMORY.md"):
        assert "" == machine.said(write(path))
    assert text_of(250) == plain.read_text(encoding="utf-8")
    assert ["MEMORY.md"] == [file.name for file in plain.parent.iterdir()]


@pytest.mark.parametrize("how", ["env", "file"])
def test_the_kill_switch_is_obeyed(machine: Machine, how: str) -> None:
    before = machine.claude.read_bytes()
    if how == "file":
        (machine.state / "OFF").write_bytes(b"")
    assert "" == machine.said(write(machine.claude), **({"GOVERNOR_OFF": "1"} if how == "env" else {}))
    assert before == machine.claude.read_bytes()


def test_a_file_the_person_named_is_kept_within_the_persons_limits(machine: Machine) -> None:
    own = machine.folder / "notes" / "deep" / "index.md"
    own.parent.mkdir(parents=True)
    own.write_text(text_of(100), encoding="utf-8")
    (machine.state / "letters").mkdir()
    snapshot = {"version": 1, "files": [str(machine.folder / "notes" / "**" / "*.md")], "max_lines": 50}
    (machine.state / "letters" / "memory").write_text("speak\n" + json.dumps(snapshot), encoding="utf-8")
    assert "index.md" in machine.said(write(own))
    assert size_of(own.read_text(encoding="utf-8")).lines <= 50
    archive = own.parent / ARCHIVE
    before = archive.read_bytes()
    assert "" == machine.said(write(archive))
    assert before == archive.read_bytes()


@pytest.mark.parametrize(
    "odd", [{"files": 7}, {"files": [7, None]}, {"files": "x", "max_lines": "9"}, {"line_chars": [], "max_bytes": -1}]
)
def test_an_odd_snapshot_leaves_the_clients_own_indexes_kept(machine: Machine, odd: dict[str, Any]) -> None:
    (machine.state / "letters").mkdir()
    (machine.state / "letters" / "memory").write_text("speak\n" + json.dumps({"version": 1, **odd}), encoding="utf-8")
    assert "moved" in machine.said(write(machine.claude))
    assert not (machine.state / "log").exists()


def test_hooks_that_run_at_once_lose_nothing(machine: Machine) -> None:
    lines = machine.claude.read_text(encoding="utf-8").splitlines()
    started = [machine.start() for _ in range(6)]
    raw = json.dumps(write(machine.claude)).encode()
    for process in started:
        assert process.stdin is not None
        process.stdin.write(raw)
        process.stdin.close()
    answers = [process.stdout.read() for process in started if process.stdout is not None]
    assert [0] * 6 == [process.wait() for process in started]
    assert 1 == sum(bool(answer) for answer in answers)
    archive = (machine.claude.parent / ARCHIVE).read_text(encoding="utf-8").splitlines()
    kept = machine.claude.read_text(encoding="utf-8").splitlines()
    entries = [line.rstrip() for line in lines if line.startswith("- ")]
    assert [1] * len(entries) == [archive.count(line) + kept.count(line) for line in entries]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_ends_in_silence(machine: Machine) -> None:
    machine.claude.parent.chmod(0o500)
    assert "" == machine.said(write(machine.claude))
    machine.claude.parent.chmod(0o700)
    assert text_of(250) + LONG + "\n" == machine.claude.read_text(encoding="utf-8")


@pytest.mark.parametrize("room", [0, 3_000, 9_000])
def test_a_disk_that_fills_up_takes_nothing_away(machine: Machine, room: int) -> None:
    """Whatever still fits: the index stays as it is, and no half of an original pretends to be one."""
    before = machine.claude.read_bytes()
    assert len(before) > 9_000
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        f"sys.argv = [{str(HOOK)!r}, 'claude']; exec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'),"
        "{'__name__': '__main__', '__file__': sys.argv[0]})"
    )
    process = machine.start(code=code)
    out, err = process.communicate(json.dumps(write(machine.claude)).encode())
    assert (0, b"", b"") == (process.returncode, out, err)
    assert before == machine.claude.read_bytes()
    assert [] == backups.versions(str(machine.claude), str(machine.state))
    assert ["MEMORY.md"] == [file.name for file in machine.claude.parent.iterdir()]
    assert "moved" in machine.said(write(machine.claude)), "and once there is room again, it is done"


def test_what_is_logged_is_numbers(machine: Machine) -> None:
    machine.said(write(machine.claude))
    logged = b"".join(file.read_bytes() for file in (machine.state / "spool").iterdir())
    record = json.loads((machine.state / "spool" / "decisions.jsonl").read_bytes())
    assert {"at", "hook", "lane", "decision", "rule", "shortened", "moved"} == set(record)
    assert b"Entry" not in logged
    assert not (machine.state / "log").exists()


def modules_after(machine: Machine, raw: bytes) -> set[str]:
    code = (
        "import sys\n"
        f"names = {{'__name__': '__main__', '__file__': {str(HOOK)!r}}}\n"
        "with open(names['__file__']) as file: source = file.read()\n"
        "exec(compile(source, names['__file__'], 'exec'), names)\n"
        "sys.stderr.write(' '.join(sys.modules))\n"
    )
    _, err = machine.start(code=code).communicate(raw)
    return set(err.decode().split())


def test_an_edit_of_anything_else_costs_no_import(machine: Machine) -> None:
    quiet = modules_after(machine, json.dumps(write(machine.folder / "main.py")).encode())
    assert not quiet & {"json", "re", "typing", "dataclasses", "pathlib", "fnmatch", "governor.hooks.memory.run"}
    assert {"governor", "governor.hooks.runtime"} == {name for name in quiet if name.startswith("governor")}


def test_a_file_of_another_place_costs_no_more_than_a_look_at_its_name(machine: Machine) -> None:
    """The words MEMORY.md stand in many a file that is none."""
    other = event("Write", {"file_path": "/tmp/notes.md", "content": "see MEMORY.md"})
    assert not modules_after(machine, json.dumps(other).encode()) & {"governor.hooks.memory.run", "pathlib"}


def test_the_installed_copy_has_all_it_needs(machine: Machine) -> None:
    """The hook runs from a copy of a few files, without the rest of the package and without site-packages."""
    machine.hook = runtime.stage(machine.state, runtime.source_hooks()) / "hooks" / HOOK.name
    assert "moved" in machine.said(write(machine.claude))
