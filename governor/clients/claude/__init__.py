"""Claude Code: how its transcripts and its own books are read."""
