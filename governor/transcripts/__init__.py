"""Finding and reading files that grow: the same for every client. No room here knows what a line means."""
