"""Budget governance for people who run Claude Code and Codex on subscriptions.

This file stays empty on purpose: every hook imports it at every prompt.
"""
