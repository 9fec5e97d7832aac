"""The real clients: which versions, where they lie, and how they are installed.

The versions stand in package.json beside this file, and package-lock.json holds the hash of each package; nothing else
names them. GOVERNOR_E2E_CLIENTS may name a folder whose ``node_modules`` already holds exactly these.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

HERE = Path(__file__).parent
CLAUDE = "@anthropic-ai/claude-code"
CODEX = "@openai/codex"
VERSIONS: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]


class MissingClientsError(Exception):
    """The clients are not here and could not be installed. A skip on a person's machine, a failure in CI."""


class Clients(NamedTuple):
    """The two programs, as absolute paths."""

    claude: Path
    codex: Path


def find_clients() -> Clients:
    """The pinned clients, installed on first use.

    Raises: MissingClientsError with the reason and what to type.
    """
    chosen = os.environ.get("GOVERNOR_E2E_CLIENTS")
    folder = Path(chosen).expanduser() if chosen else HERE / ".clients"
    if not chosen:
        _install(folder)
    modules = folder / "node_modules"
    for name, wanted in VERSIONS.items():
        found = _version(modules / name)
        if found != wanted:
            raise MissingClientsError(
                f"{modules / name} is {found or 'missing'}, not {wanted}; next: {_remedy(chosen)}"
            )
    return Clients(
        _only(modules / "@anthropic-ai", "claude-code-*/claude", chosen),
        _only(modules / "@openai", "codex-*/vendor/*/bin/codex", chosen),
    )


def _install(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if all(_version(folder / "node_modules" / name) == wanted for name, wanted in VERSIONS.items()):
            return
        if shutil.which("npm") is None:
            raise MissingClientsError("npm is not installed; next: install Node.js, or set GOVERNOR_E2E_CLIENTS")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder / name)
        # Without their install scripts: the programs lie ready in the platform's own packages.
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingClientsError(f"npm ci failed: {done.stderr.strip()[-500:]}; next: cd {folder} && npm ci")


def _version(package: Path) -> str | None:
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _only(folder: Path, pattern: str, chosen: str | None) -> Path:
    """The one program of this platform; musl and glibc builds may lie side by side, and npm sorts that out."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise MissingClientsError(f"no program matches {folder / pattern}; next: {_remedy(chosen)}")
    return found[0].resolve()


def _remedy(chosen: str | None) -> str:
    return "unset GOVERNOR_E2E_CLIENTS" if chosen else f"rm -r {HERE / '.clients'} and run the tests again"
