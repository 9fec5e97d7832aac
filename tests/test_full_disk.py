"""On a full or read-only disk: one clear sentence, what is known, and an exit code that says so."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from governor import paths
from governor.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder on a file system of half a megabyte."""
    folder = paths.home()
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "none", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root mounts a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """(exit code, stdout, stderr in one line) of a command."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


def use(name: str, requests: int) -> None:
    """A transcript with so many responses."""
    folder = paths.claude_homes()[0] / "projects" / "-p"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for n in range(requests):
        at = datetime.fromtimestamp(time.time() - 60 - n, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        usage = {"input_tokens": 1000, "output_tokens": 100}
        message: dict[str, Any] = {
            "id": f"msg_{name}{n}",
            "role": "assistant",
            "model": "claude-opus-5-5",
            "usage": usage,
        }
        head = {"type": "assistant", "sessionId": name, "cwd": "/p", "requestId": f"req_{name}{n}", "timestamp": at}
        lines.append(json.dumps({**head, "message": message}))
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 1024):
                pass
        except OSError:
            pass


def requests_in(shown: str) -> set[int]:
    return {window["local"]["requests"] for lane in json.loads(shown)["lanes"] for window in lane["windows"]}


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_what_is_known_is_shown_and_what_is_new_is_said_to_be_missing(state: Path, run: Run, how: str) -> None:
    use("first", 20)
    assert 0 == run("status")[0]
    use("second", 200)
    fill(state)
    if how == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
    why = {"full": "No space left on device", "read-only": "Read-only file system"}[how]
    for words in (("status",), ()):
        code, shown, said = run(*words)
        assert (1, True) == (code, "20 requests" in shown)
        assert f"Nothing can be written to {state} ({why})" in said
    code, shown, _ = run("status", "--json")
    assert (1, {20}) == (code, requests_in(shown))
    code, shown, _ = run("doctor", "--json")
    first = json.loads(shown)["findings"][0]
    assert (1, "state folder", False) == (code, first["name"], first["ok"])
    assert why in first["text"]
    assert "chmod" not in first["mend"], "which would mend nothing"
    if how == "full":
        (state / "filler").unlink()
        code, shown, _ = run("status", "--json")
        assert (0, {220}) == (code, requests_in(shown))


def test_where_nothing_is_known_yet_the_rest_is_looked_at(state: Path, run: Run) -> None:
    use("first", 20)
    fill(state)
    code, shown, said = run("status")
    assert (1, "") == (code, shown)
    assert f"The state folder {state} cannot be written (No space left on device), so nothing is known" in said
    code, shown, _ = run("doctor", "--json")
    names = [finding["name"] for finding in json.loads(shown)["findings"]]
    assert (1, "state folder", True) == (code, names[0], {"settings", "kill switch", "claude files"} <= set(names))


@pytest.mark.parametrize(
    ("free", "flags", "why", "mend"),
    [
        (0, 0, "No space left on device", "df -h"),
        (10**9, os.ST_RDONLY, "Read-only file system", "GOVERNOR_HOME="),
        (10**9, 0, "", ""),
    ],
)
def test_a_folder_says_why_it_takes_nothing(
    free: int, flags: int, why: str, mend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Room:
        f_frsize, f_bavail, f_flag, f_files, f_favail = 1, free, flags, 9, 9

    monkeypatch.setattr(os, "statvfs", lambda _: Room)
    assert why == paths.why_unwritable(tmp_path)
    assert not why or paths.how_to_write(tmp_path, why).startswith(mend)
