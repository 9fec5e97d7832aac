"""What reading a folder of transcripts finds: the table in the README. Usage: seen.py FOLDER (claude/ and codex/)."""

from __future__ import annotations

import sys
from pathlib import Path

from governor.model import Usage, rank
from governor.sources import claude, codex, tail


def seen(folder: Path) -> list[str]:
    """One row per client: files, lines with usage, distinct responses, what share of lines repeats."""
    rows = []
    for name, reader, roots, needle in (
        ("Claude Code", claude, [folder / "claude" / "projects"], b'"usage"'),
        ("Codex", codex, [folder / "codex" / "sessions", folder / "codex" / "archived_sessions"], b'"token_count"'),
    ):
        files = [found for root in roots for found in tail.find(str(root), suffixes=(".jsonl", ".jsonl.zst"))[0]]
        best: dict[tuple[str, int], Usage] = {}
        problems = lines = 0
        for found in files:
            reading = reader.read(found, None)
            problems += len(reading.problems)
            for chunk in tail.chunks(found.path, 0, []):
                lines += sum(1 for _ in tail.lines_with(chunk.data, needle))
            for usage in reading.usages:
                known = best.get((usage.key, usage.part))
                if known is None or rank(usage) > rank(known):
                    best[usage.key, usage.part] = usage
        responses = sum(1 for usage in best.values() if usage.part == 0 and not usage.replay)
        share = 1 - responses / lines if lines else 0
        rows.append(f"| {name} | {len(files)} | {lines:,} | {responses:,} | {share:.0%} | {problems} |")
    return rows


if __name__ == "__main__":
    print("| client | files | lines that state usage | responses | repeats | unreadable lines |")
    print("|---|---|---|---|---|---|")
    print("\n".join(seen(Path(sys.argv[1]))))
