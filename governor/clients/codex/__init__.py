"""Codex: how its rollouts and their limits are read."""
