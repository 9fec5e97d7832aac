"""A session's use, wherever its transcript lies: moved, renamed, copied, linked, gone for a while, or written anew."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.hooks.state import session_usage, transcript_growth
from governor.supervise.tally import RunCounter
from tests.writing import NOW, SESSION, answer, transcript, usage

RATES = {"claude-opus-5-5": {"usd": [[0, [1, 1, 1, 1, 1]]], "units": [1, 1, 0, 1, 1]}}
AGENTS = ("", "a1", "b2")
STEPS = ("append", "grow", "repeat", "look", "blind", "rename", "copy", "copy-delete", "hard", "soft", "rewrite")


class Life:
    """One session's transcript, what was written into it, and the hooks that look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.moves = 0
        self.path = folder / "projects" / "p0" / f"{SESSION}.jsonl"
        self.path.parent.mkdir(parents=True)
        self.path.touch()
        self.responses: dict[str, tuple[str, int]] = {}  # id -> agent, output
        self.lines = 0
        with session_usage.SessionUsage(str(folder / "state"), "claude", SESSION, NOW) as used:
            used.note_place(self.event(), {})

    def event(self, path: Path | None = None) -> dict[str, Any]:
        return {"hook_event_name": "PreToolUse", "cwd": "/p", "transcript_path": str(path or self.path)}

    def write(self, id_: str, agent: str, output: int) -> None:
        self.responses[id_] = (agent, max(output, self.responses.get(id_, ("", 0))[1]))
        self.lines += 1
        path = self.path.with_suffix("") / "subagents" / f"agent-{agent}.jsonl" if agent else self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        spent = usage(input=1, output=output)
        record = answer(id_, at_ms=NOW * 1000 + self.lines, spent=spent, uuid=f"line-{self.lines}")
        with path.open("a") as file:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def do(self, step: str, number: int) -> None:
        if step == "append":
            self.write(f"msg_{len(self.responses)}", AGENTS[number % 3], number + 1)
        elif step in ("grow", "repeat") and self.responses:
            id_ = sorted(self.responses)[number % len(self.responses)]
            agent, output = self.responses[id_]
            self.write(id_, agent, output + number if step == "grow" else output)
        elif step == "look":
            self.look(self.path)
        elif step == "blind":
            self.look(self.folder / "nowhere" / f"{SESSION}.jsonl")
        elif step == "rewrite":
            lines = self.path.read_bytes().splitlines(keepends=True)
            self.look(self.path)  # what is taken out before anybody looked is nobody's to know
            self.path.write_bytes(b"".join(lines[number % (len(lines) + 1) :]))
        elif step in ("rename", "copy", "copy-delete", "hard", "soft"):
            self.move(step)

    def move(self, how: str) -> None:
        self.moves += 1
        old, new = self.path, self.folder / "projects" / f"p{self.moves}" / self.path.name
        new.parent.mkdir()
        if how == "hard":
            os.link(old, new)
        elif how == "soft":
            new.symlink_to(old)
        elif how == "rename":
            os.rename(old, new)
        else:
            shutil.copy(old, new)
        agents = old.with_suffix("")
        if agents.exists() and how == "rename":
            os.rename(agents, new.with_suffix(""))
        elif agents.exists() and how in ("copy", "copy-delete"):
            shutil.copytree(agents, new.with_suffix(""))
        elif agents.exists():
            new.with_suffix("").symlink_to(agents)
        if how == "copy-delete" and not old.is_symlink():
            old.unlink()
            shutil.rmtree(agents, ignore_errors=True)
        self.path = new

    def look(self, path: Path) -> dict[str, list[float]]:
        with session_usage.SessionUsage(str(self.folder / "state"), "claude", SESSION, NOW + 1) as used:
            used.note_place(self.event(path), {})
            used.take_in(self.event(path), RATES)
            return dict(used.state["sums"])

    def expected(self, agent: str | None = None) -> int:
        return sum(1 + output for by, output in self.responses.values() if agent in (None, by))


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 20)), max_size=25))
def test_whatever_happens_to_the_file_the_sums_are_those_of_the_distinct_responses(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        for step, number in steps:
            life.do(step, number)
        sums = life.look(life.path)
        none = [0, 0, 0, 0]
        found = {scope: sums.get(scope, none)[:3] for scope in ("session", "request", "agent:a1", "agent:b2")}
    total = life.expected()
    each = {f"agent:{agent}": [life.expected(agent)] * 3 for agent in AGENTS[1:]}
    assert {"session": [total] * 3, "request": [total] * 3, **each} == found


def test_more_responses_than_are_at_hand_are_known_after_a_move(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for number in range(3 * session_usage.KEPT_IDS):
        life.do("append", number)
    life.look(life.path)
    life.move("copy-delete")
    assert [life.expected()] * 3 == life.look(life.path)["session"][:3]


def test_a_copy_is_read_in_pieces_like_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(tmp_path)
    for number in range(30):
        life.do("append", number)
    life.look(life.path)
    life.move("copy")
    monkeypatch.setattr(transcript_growth, "AT_ONCE", 2000)
    for _ in range(20):
        life.look(life.path)
    assert [life.expected()] * 3 == life.look(life.path)["session"][:3]


def test_another_file_with_the_number_of_an_old_one_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("one\ntwo\n")
    places: dict[str, Any] = {}
    assert b"one\ntwo\n" == transcript_growth.read(str(path), places, 100).lines
    path.write_text("uno\ndos\ntres\n")  # as when a number is used again
    news = transcript_growth.read(str(path), places, 100)
    assert (b"uno\ndos\ntres\n", True) == (news.lines, news.again)


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling"])
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.jsonl"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "none")
    assert b"" == transcript_growth.read(str(path), {}, 100).lines


def test_a_session_that_an_older_version_counted_goes_on_where_it_was(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.do("append", 5)
    life.look(life.path)
    (file,) = (tmp_path / "state" / "live").glob("claude-*")
    state = json.loads(file.read_text())
    state["files"] = {str(life.path): life.path.stat().st_size}
    for name in ("read", "places", "late", "newest"):
        state.pop(name)
    file.write_text(json.dumps({**state, "late": [[NOW, "", 1, 1, 1, 0]]}))
    life.do("append", 8)
    life.move("rename")
    assert [life.expected()] * 3 == life.look(life.path)["session"][:3]


def test_no_text_of_a_transcript_is_kept(tmp_path: Path) -> None:
    life = Life(tmp_path)
    with life.path.open("a") as file:
        file.write('{"type":"user","message":{"content":"secret words ' + "x" * 600 + '"}}\n')
    life.do("append", 1)
    life.look(life.path)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state" / "live").iterdir())
    assert b"secret" not in kept


def test_a_supervised_run_finds_its_moved_transcript_again() -> None:
    path = transcript(answer("msg_1", at_ms=NOW * 1000, spent=usage(input=1, output=9)))
    counter = RunCounter("claude", prices={}, fresh=True)
    counter.look(SESSION)
    moved = path.parent.parent / "p--claude-worktrees-x" / path.name
    moved.parent.mkdir()
    os.rename(path, moved)
    with moved.open("a") as file:
        file.write(json.dumps(answer("msg_2", at_ms=NOW * 1000 + 5, spent=usage(input=1, output=9))) + "\n")
    counter.look(SESSION)
    assert 2 * 10 == counter._total.fresh
    assert str(moved) == counter.transcript
