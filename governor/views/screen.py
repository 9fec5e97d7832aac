"""The terminal a view draws on: 80 columns when nobody says otherwise, plain when it is piped or NO_COLOR is set."""

from __future__ import annotations

import shutil
import sys

from rich.console import Console

NARROW, WIDE = 60, 110


def screen() -> Console:
    """A console on stdout. Width follows the terminal between NARROW and WIDE; a pipe gets 80 columns."""
    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    return Console(width=max(NARROW, min(width, WIDE)), highlight=False, emoji=False, markup=False, soft_wrap=False)
