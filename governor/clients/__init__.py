"""The clients' own files, read and never written. ``tail`` opens them; ``claude`` and ``codex`` understand them."""
