"""What the other client is told: made from what the person gave by fixed rules, never by a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

MOST_FILES = 20
EDGES = "\"'`.,;:!?()[]{}<>"


def named_files(task: str, exists: Callable[[str], bool]) -> list[str]:
    """The words of the task that are files, in order, each once; ``exists`` is asked about relative paths only."""
    found: list[str] = []
    for word in task.split():
        path = word.strip(EDGES)
        candidate = bool(path) and not path.startswith(("/", "~", "-")) and ".." not in path.split("/")
        if candidate and path not in found and len(path) <= 300 and exists(path):
            found.append(path)
        if len(found) == MOST_FILES:
            break
    return found


def brief(task: str, *, folder: str, branch: str, files: Sequence[str], rules: str, worktree: bool) -> str:
    """The whole prompt. ``branch`` and ``rules`` may be empty."""
    where = f"Folder: {folder}" + (f"\nBranch: {branch}" if branch else "")
    if worktree:
        where += "\nThis is a git worktree of its own: change what you need, here and nowhere else."
    parts = [task.strip(), where]
    if files:
        parts.append("Files named in the task:\n" + "\n".join(f"- {path}" for path in files))
    if rules.strip():
        parts.append(f"Standing rules:\n{rules.strip()}")
    parts.append(
        "Nobody answers questions during this run. Finish the task within it. "
        "End with what you changed, which tests you ran by name, and what is left to do."
    )
    return "\n\n".join(parts) + "\n"
