"""A fault of ours, written down as the bug report it will become."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from importlib.metadata import version

from governor import paths


def report(fault: BaseException) -> str:
    """Append the fault to the log; return what to tell the person. Never raises."""
    name = type(fault).__name__
    try:
        folder = paths.claim_home() / "log"
        folder.mkdir(mode=0o700, exist_ok=True)
        log = folder / "governor.log"
        if log.exists() and log.stat().st_size > 2**20:
            log.replace(log.with_suffix(".log.1"))
        with log.open("a", encoding="utf-8") as file:
            log.chmod(0o600)
            file.write(
                f"### {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n"
                f"governor {version('quota-governor')}, Python {platform.python_version()}, {platform.platform()}\n"
                f"command: {' '.join(sys.argv[1:2])}\n"  # its name only: arguments may hold the person's words
                f"{''.join(traceback.format_exception(fault))}\n"
            )
    except Exception:
        return f"governor: a fault of ours ({name}), and the log could not be written.\n  next: governor doctor"
    return f"governor: a fault of ours ({name}); what happened stands in {log}.\n  next: governor doctor"
