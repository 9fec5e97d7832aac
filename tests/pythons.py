"""Other Pythons of this machine: hooks run under whatever ``python3`` a client's PATH finds."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

OLDEST = "3.9"  # the oldest that runs the hooks
TOO_OLD = ("2.7", "3.6", "3.7", "3.8")


def find(version: str) -> str | None:
    """An interpreter of this version (``3.9``), by pyenv or on the path; None where there is none."""
    root = os.environ.get("PYENV_ROOT") or os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv")
    found = sorted(Path(root).glob(f"versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")
