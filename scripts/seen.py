"""What reading a folder of transcripts finds: the table in the README.

python scripts/seen.py FOLDER    any folder that holds claude/ and codex/, as the clients' own folders are laid out
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from governor import config
from governor.ledger import read
from governor.ledger.store import open_ledger
from governor.model import Lane
from governor.pipeline import ingest
from governor.transcripts import tail

NEEDLES: tuple[tuple[str, Lane, bytes], ...] = (
    ("Claude Code", "claude", b'"usage"'),
    ("Codex", "codex", b'"token_count"'),
)


def seen(folder: Path) -> list[str]:
    """One row per client: files, lines that state usage, distinct responses, what share of lines repeats."""
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home, "budget.json")
        settings.touch()
        os.environ |= {"GOVERNOR_HOME": home, "GOVERNOR_CONFIG": str(settings)}
        os.environ |= {"CLAUDE_CONFIG_DIR": str(folder / "claude"), "CODEX_HOME": str(folder / "codex")}
        found, _ = ingest.discover()
        rows = []
        with open_ledger() as ledger:
            taken = ingest.refresh(ledger, config.load(), now=int(time.time()))
            for name, lane, needle in NEEDLES:
                files = [file for one, file in found if one == lane]
                lines = sum(_lines(file.path, needle) for file in files)
                responses = sum(piece.tally.requests for piece in read.slices(ledger, 0, 2**33, lane=lane))
                bad = sum(any(problem.path == file.path for file in files) for problem in taken.problems)
                repeats = f"{1 - responses / lines:.0%}" if lines else "—"
                rows.append(f"| {name} | {len(files)} | {lines:,} | {responses:,} | {repeats} | {bad} |")
    return rows


def _lines(path: str, needle: bytes) -> int:
    wanted = re.compile(re.escape(needle))
    chunks = tail.chunks(path, 0, [])
    return sum(1 for _, data, begin, end, _ in chunks for _ in tail.lines_with(data, wanted, begin, end))


def main(arguments: list[str]) -> int:
    """Print the table, or what to type."""
    folder = Path(arguments[0]) if len(arguments) == 1 and arguments[0] else None
    if folder is None or not any((folder / part).is_dir() for part in ("claude", "codex")):
        found = "" if folder is None else f"{folder} holds neither claude/ nor codex/.\n"
        print(f"{found}type: python scripts/seen.py FOLDER, a folder that holds claude/ and codex/", file=sys.stderr)
        return 1
    rows = seen(folder)
    print("| client | files | lines that state usage | responses | repeats | unreadable lines |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
