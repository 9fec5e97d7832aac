"""What changed in a folder between two moments, untracked files included, without touching the person's repository.

In a git repository both moments are written as trees into an object folder of our own, through an index of our own;
elsewhere sizes and times of files are compared.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

MOST_FILES = 50_000  # in a folder that git does not know; beyond that it is not compared
MOST_SHOWN = 200
SLOW_S = 120
TRIES = 5
SKIPPED = frozenset((".git", "node_modules", ".venv", "__pycache__"))


class ChangedFile(NamedTuple):
    """One file; lines added and removed where git could count them."""

    path: str
    added: int | None
    removed: int | None


def git(cwd: str, *words: str, env: dict[str, str] | None = None) -> str | None:
    """What git says, or None where it fails or is not there."""
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **(env or {})}
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", "-C", cwd, *words],  # noqa: S607 - the person's git
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SLOW_S,
            check=False,
            env=quiet,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


class Watcher:
    """Remembers a folder as it is now. ``scratch`` is a private folder for the while."""

    def __init__(self, folder: str, scratch: Path) -> None:
        self.folder = folder
        self._scratch = scratch
        top = git(folder, "rev-parse", "--show-toplevel")
        self.top = top.strip() if top else ""
        self._tree = self._write_tree() if self.top else None
        self._files = _listed(folder) if self._tree is None else None

    def changes(self) -> list[ChangedFile] | None:
        """What is different now; None where that cannot be told."""
        if self._tree is not None:
            now = self._write_tree()
            if now is None:
                return None
            said = git(self.top, "diff", "--numstat", "--no-renames", "-z", self._tree, now, env=self._env())
            return None if said is None else _numbers(said)
        now_files = _listed(self.folder)
        if self._files is None or now_files is None:
            return None
        before = self._files
        names = sorted(name for name in before.keys() | now_files.keys() if before.get(name) != now_files.get(name))
        return [ChangedFile(name, None, None) for name in names]

    def close(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _env(self) -> dict[str, str]:
        objects = git(self.top, "rev-parse", "--path-format=absolute", "--git-path", "objects") or ""
        return {
            "GIT_INDEX_FILE": str(self._scratch / "index"),
            "GIT_OBJECT_DIRECTORY": str(self._scratch / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects.strip(),
        }

    def _write_tree(self) -> str | None:
        self._scratch.mkdir(mode=0o700, exist_ok=True)
        (self._scratch / "objects").mkdir(exist_ok=True)
        index = git(self.top, "rev-parse", "--path-format=absolute", "--git-path", "index")
        own = self._scratch / "index"
        if index and not own.exists() and os.path.exists(index.strip()):
            shutil.copyfile(index.strip(), own)  # what git knows of unchanged files saves reading them
        env = self._env()
        for _ in range(TRIES):
            if git(self.top, "add", "-A", env=env) is not None:
                break
            time.sleep(0.3)  # a file went away while it was read: whatever the client started has only just ended
        else:
            return None
        tree = git(self.top, "write-tree", env=env)
        return tree.strip() if tree else None


def _numbers(said: str) -> list[ChangedFile]:
    found = []
    for line in said.split("\0"):
        if line.count("\t") == 2:
            added, removed, path = line.split("\t")
            found.append(
                ChangedFile(path, int(added) if added.isdigit() else None, int(removed) if removed.isdigit() else None)
            )
    return found


def _listed(folder: str) -> dict[str, tuple[int, int]] | None:
    found: dict[str, tuple[int, int]] = {}
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in files:
            path = os.path.join(above, name)
            try:
                info = os.lstat(path)
            except OSError:
                continue
            found[os.path.relpath(path, folder)] = (info.st_size, info.st_mtime_ns)
            if len(found) > MOST_FILES:
                return None
    return found
