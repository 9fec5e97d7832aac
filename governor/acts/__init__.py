"""What hooks do beside deciding: read a session's own files, keep a small memory, change what they are there for."""
