"""Where things lie: our one state folder, the budget file, and the clients' own folders. Nothing else is ever touched.

Everything can be pointed elsewhere by GOVERNOR_HOME, GOVERNOR_CONFIG, CLAUDE_CONFIG_DIR (several, comma separated) and
CODEX_HOME; only this room and ``accounts`` (which hooks import) read the environment for a path.
"""

from __future__ import annotations

import os
import sys

from governor.accounts import claude_folders as claude_folders  # as the hooks take them: without ``pathlib``
from governor.accounts import codex_folder as codex_folder
from governor.errors import StateError
from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

LEAST_ROOM = 2**14  # bytes: less does not hold the smallest of our files and its folder's entry

README = """This folder belongs to governor.

ledger.sqlite3   what every model response used: numbers and names, never text. It is the only memory beyond the
                 30 days that the clients keep, so back it up rather than delete it.
letters/         what the hooks read; rewritten at every refresh.
spool/, taps/    what the hooks and the status line wrote; the next refresh takes it in.
muted/           one mark for each hook that costs more than it may, and so says nothing (governor overhead).
episodes/        what was said already, so that it is said once.
loops/           fingerprints of the last calls of open sessions, and which failed; breakers/ holds the tools at rest.
memory/          originals of memory indexes that were compacted: the only text kept here, and it is yours.
handoffs/        what was handed to the other client: numbers and names, its worktree, and the brief while it runs.
runtime/         the hooks as installed; install.json and backups/ are what uninstall puts back.
OFF              while this file exists every hook stays silent (governor on removes it).

Type `governor doctor` to see whether all is well, `governor uninstall` to unwire the hooks.
"""


def home() -> Path:
    """The state folder (GOVERNOR_HOME, else the platform's). Not created here."""
    return _path(runtime.home())


def ledger_file() -> Path:
    return home() / "ledger.sqlite3"


def claim_home() -> Path:
    """The state folder, made private and given its README on first use.

    Raises: StateError where it cannot be written, with what to type next.
    """
    folder = home()
    try:
        runtime.make_private(str(folder))
        readme = folder / "README"
        if not readme.exists():
            runtime.write_private(str(readme), README.encode())
    except OSError as fault:
        why = why_unwritable(folder) or str(fault.strerror)
        raise StateError(
            f"The state folder {folder} cannot be written ({why}), so nothing is known and nothing is kept.",
            how_to_write(folder, why),
        ) from fault
    return folder


def why_unwritable(folder: Path) -> str:
    """Why nothing can be written into a folder that is there, in the system's words; empty where it can."""
    try:
        room = os.statvfs(folder)
    except (OSError, AttributeError):
        return ""
    if room.f_flag & os.ST_RDONLY:
        return "Read-only file system"
    if room.f_bavail * room.f_frsize < LEAST_ROOM or (room.f_files and not room.f_favail):
        return "No space left on device"
    return "" if os.access(folder, os.W_OK | os.X_OK) else "Permission denied"


def how_to_write(folder: Path, why: str) -> str:
    """What to type where ``why_unwritable`` says this."""
    if why == "No space left on device":
        return f"df -h {folder}   (free some space, then the same again)"
    if why == "Permission denied" and folder.exists():
        return f"chmod u+rwx {folder}"
    return "GOVERNOR_HOME=~/somewhere-writable governor status"


def config_file() -> Path:
    """The person's budget file (GOVERNOR_CONFIG, else budget.json, .yaml or .yml in the config folder)."""
    chosen = os.environ.get("GOVERNOR_CONFIG")
    if chosen:
        return _path(os.path.expanduser(chosen)).absolute()
    import platformdirs

    folder = platformdirs.user_config_path("governor")
    for name in ("budget.json", "budget.yaml", "budget.yml"):
        if (folder / name).exists():
            return folder / name
    return folder / "budget.json"


def is_config_named() -> bool:
    """Did the person say which budget file is meant? Then it has to be there."""
    return bool(os.environ.get("GOVERNOR_CONFIG"))


def claude_homes() -> list[Path]:
    """Claude Code's config folders: CLAUDE_CONFIG_DIR, else ~/.claude and the older ~/.config/claude."""
    return [_path(folder) for folder in claude_folders()]


def codex_home() -> Path:
    """Codex's folder: CODEX_HOME, else ~/.codex."""
    return _path(codex_folder())


def _path(folder: str) -> Path:
    from pathlib import Path

    return Path(folder)


def managed_settings() -> Path:
    """Claude Code's settings that whoever manages the machine wrote; they win over the person's."""
    own = {"darwin": "/Library/Application Support/ClaudeCode/managed-settings.json"}
    return _path(own.get(sys.platform, "/etc/claude-code/managed-settings.json"))


def data_file(name: str) -> Path:
    """A file that ships inside the package."""
    return _path(__file__).parent / "data" / name
