"""What hooks do beside deciding: read a session's own files, keep a small memory, change what they are there for."""

from __future__ import annotations


def session_file(home: str, folder: str, *, lane: str, session: str) -> str:
    """Where something of a session is kept. Ids come from hook input: only their safe part is used."""
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in session)[:100]
    return f"{home}/{folder}/{lane}-{safe or 'none'}"
