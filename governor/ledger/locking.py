"""One process at a time: whoever begins, migrates, moves aside or refreshes a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Held while a ledger is begun, migrated, moved aside or refreshed: by one process at a time.

    Raises: TimeoutError after 20 s.
    """
    from filelock import FileLock, Timeout  # imports asyncio: only when there is something to guard

    try:
        with FileLock(f"{path}.lock", timeout=20, mode=0o600):
            yield
    except Timeout as fault:
        raise TimeoutError(f"another governor is at work on {path}") from fault
