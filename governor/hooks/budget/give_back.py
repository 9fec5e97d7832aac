"""Giving back what a guard took for a tool call that another guard then refused: the call was never made.

For whoever runs several guards on one event. A guard that refuses takes nothing, so only the others have to give back.
"""

from __future__ import annotations

import os

from governor.hooks import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def budget(event: dict[str, Any], ctx: runtime.HookContext, *, once: str = "") -> None:
    """Take the call back out of every budget, and let the episode ``once`` be told again.

    Raises: OSError or BusyError where the counters cannot be had; the call then stays counted.
    """
    from governor.hooks.budget import rules
    from governor.hooks.state import session_usage, shared_usage

    episode(ctx.home, once)
    if event.get("hook_event_name") != "PreToolUse":
        return
    with session_usage.SessionUsage(ctx.home, ctx.lane, str(event.get("session_id")), ctx.now) as used:
        if event.get("tool_use_id") and not used.is_charged(event):
            return  # it took nothing, or gave it back
        used.call(event, more=-1)
        if rules.is_together(ctx.snapshot("budget")):
            with shared_usage.Together(ctx.home, ctx.now) as together:
                together.call(used, more=-1)


def spawn(event: dict[str, Any], ctx: runtime.HookContext, *, once: str = "") -> None:
    """Take back the lease of a call that spawns, and let the episode ``once`` be told again. Raises: as ``budget``."""
    from governor.hooks.state import leases

    episode(ctx.home, once)
    leases.give_back(ctx.home, ctx.lane, event)


def episode(home: str, key: str) -> None:
    """Forget that an episode was spoken of."""
    if key:
        try:
            os.unlink(runtime.episode_path(home, key))
        except FileNotFoundError:
            pass
