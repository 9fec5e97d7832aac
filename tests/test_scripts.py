"""The scripts a reader is told to run: typed wrongly, each says what to type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from writing import answer, jsonl

ROOT = Path(__file__).parent.parent


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(ROOT / name), *arguments], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    "words",
    [
        ["scripts/seen.py"],
        ["scripts/seen.py", ""],
        ["scripts/seen.py", "no-such-folder"],
        ["scripts/seen.py", "docs"],
        ["scripts/fit_stretches.py"],
        ["scripts/fit_stretches.py", "no-such-file"],
        ["scripts/fit_stretches.py", "README.md"],
        ["benchmarks/run.py", "everything"],
    ],
)
def test_a_script_typed_wrongly_says_what_to_type(words: list[str]) -> None:
    done = script(*words)
    assert done.returncode in (1, 2)
    assert "" == done.stdout
    assert words[0].rpartition("/")[2] in done.stderr
    assert "Traceback" not in done.stderr


def test_the_benchmarks_say_what_there_is() -> None:
    done = script("benchmarks/run.py", "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert "python benchmarks/run.py hooks" in done.stdout


def test_any_folder_with_a_clients_transcripts_will_do(tmp_path: Path) -> None:
    file = tmp_path / "claude" / "projects" / "p" / "s.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(jsonl(answer("msg_1"), answer("msg_1")))
    done = script("scripts/seen.py", str(tmp_path))
    assert (0, "") == (done.returncode, done.stderr)
    assert "| Claude Code | 1 | 2 | 1 | 50% | 0 |" in done.stdout
    assert "| Codex | 0 | 0 | 0 | — | 0 |" in done.stdout
