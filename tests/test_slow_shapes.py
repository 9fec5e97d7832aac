"""Shapes that once took quadratic or exponential time. Work is counted, never timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.clients import usage_panel
from governor.hooks.memory import run as memory_run
from governor.install import edit
from governor.transcripts import tail


def test_links_to_one_transcript_are_compared_with_it_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """N links to one of N files: N comparisons, and one file found for each."""
    n = 300
    for number in range(n):
        (tmp_path / f"a{number}.jsonl").write_bytes(b"{}\n")
        (tmp_path / f"link{number}.jsonl").symlink_to(tmp_path / "a0.jsonl")
    compared = []
    real = os.path.samefile
    monkeypatch.setattr(os.path, "samefile", lambda one, other: compared.append(one) or real(one, other))
    reads = Counted()
    monkeypatch.setattr(tail, "FoundFile", reads)
    found, problems = tail.find(str(tmp_path))
    assert (n, []) == (len(found), problems)
    assert n == len(compared)
    assert n == reads.made


class Counted:
    """Makes FoundFile, and counts how often one of them was asked for its inode."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, path: str, inode: int, size: int, mtime_ns: int) -> tuple[str, int, int, int]:
        self.made += 1
        return (path, inode, size, mtime_ns)  # a plain tuple has no ``inode``: looking through all of them fails


def slow(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(slow(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    return bool(parts) and memory_run.matches(parts[0], pattern[0]) and slow(parts[1:], pattern[1:])


@given(
    parts=st.lists(st.sampled_from(["a", "b", "ab"]), max_size=5),
    pattern=st.lists(st.sampled_from(["**", "*", "a", "b", "a*"]), max_size=5),
)
def test_two_stars_mean_what_they_meant(parts: list[str], pattern: list[str]) -> None:
    assert slow(parts, pattern) == memory_run._matches(parts, pattern)


def test_many_two_stars_look_at_each_part_once_for_each_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = memory_run.matches
    monkeypatch.setattr(memory_run, "matches", lambda name, sign: looked.append(name) or real(name, sign))
    parts, pattern = ["a"] * 60, ["**", "a"] * 20 + ["b"]
    assert memory_run._matches(parts, pattern) is False
    assert len(parts) * len(pattern) >= len(looked)


DIGITS = """
from governor.clients import usage_panel
for shape in ("%s", "Current week %s", "Current week\\n%s% used", "Current week\\n5% used\\nResets %s"):
    for unit in ("7", "7 ", "7.7", "7,"):
        try:
            usage_panel.panel(shape.replace("%s", unit * 40_000), lane="claude", now=1795262400)
        except ValueError:
            raise
        except Exception as fault:
            assert type(fault).__name__ == "BadInputError", fault
"""


def test_pasted_digits_end() -> None:
    """Some seconds of linear work; an hour where each digit begins a figure of its own. The limit is a hang guard."""
    done = subprocess.run([sys.executable, "-c", DIGITS], capture_output=True, text=True, timeout=120, check=False)
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(("said", "used"), [("5-7% used", None), ("12.5% used", 12.5), ("Opus 4.5: 7% used", 7.0)])
def test_a_figure_begins_where_its_digits_begin(said: str, used: float | None) -> None:
    found = usage_panel._FIGURE.search(said)
    assert found is not None
    assert (-7.0 if used is None else used) == float(found["value"])


def test_changed_members_are_spliced_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {f"k{number}": {"on": False, "kept": [number]} for number in range(500)}
    after = {name: {**value, "on": True} for name, value in before.items()}
    rounds = []
    real = edit.root
    monkeypatch.setattr(edit, "root", lambda text: rounds.append(text) or real(text))
    text = json.dumps(before, indent=2)
    assert json.dumps(after, indent=2) == edit.patch(text, after)
    assert 1 == len(rounds)
