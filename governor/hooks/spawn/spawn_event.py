"""What an event says of a subagent: which call spawns it, of what type, on which model, and how the call ended.

Seen on the running clients: Claude Code 2.1.330 calls its tool ``Agent`` (``Task`` in older ones) and ``Workflow``;
Codex 0.169 calls its own ``spawn_agent`` and hands hooks the name ``collaborationspawn_agent``, with a task's path and
no agent's id in the response.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLAUDE = ("Agent", "Task", "Workflow")
CODEX = "spawn_agent"
ALIASES = ("haiku", "sonnet", "opus", "fable")  # the only names that Claude Code's Agent tool takes for a model


class SpawningCall:
    """One call that spawns. ``forks``: the agent begins with its parent's whole conversation, in its parent's cache.

    ``movable``: a model can be asked for in its input.
    """

    __slots__ = ("agent", "forks", "input", "kind", "model", "movable", "prompt", "session", "use", "words")

    def __init__(self, event: dict[str, Any]) -> None:
        tool, given = event.get("tool_name"), event.get("tool_input")
        self.input: dict[str, Any] = given if isinstance(given, dict) else {}
        self.session = _text(event.get("session_id"), 64)
        self.use = _text(event.get("tool_use_id"), 128)
        self.prompt = _text(event.get("prompt_id") or event.get("turn_id"), 64)
        self.agent = _text(event.get("agent_id"), 128)  # who calls; empty on the main thread
        self.model = _text(self.input.get("model"), 80)
        self.words = [_text(self.input.get(part), 4000) for part in ("description", "prompt")]
        if tool == "Workflow":
            self.kind, self.forks, self.movable = "Workflow", False, False
        elif isinstance(tool, str) and tool.endswith(CODEX):
            self.kind = _text(self.input.get("agent_type"), 60) or "default"
            self.movable = "task_name" in self.input  # the second version of the tool; the first takes no model
            self.forks = self.input.get("fork_turns", "all") != "none" if self.movable else True
        else:
            self.kind = _text(self.input.get("subagent_type"), 60) or "general-purpose"
            self.forks, self.movable = self.kind == "fork", True


def is_spawn(tool: object) -> bool:
    """Does a tool of this name spawn a subagent?"""
    return isinstance(tool, str) and (tool in CLAUDE or tool.endswith(CODEX))


def running(event: dict[str, Any]) -> str:
    """The name by which the spawned agent's end will be known, while it runs on after the call; else empty.

    Claude Code: ``async_launched``, with an agent's id, or a workflow's run. Codex: the task's path, or an agent's id.
    """
    response = event.get("tool_response")
    if isinstance(response, str) and str(event.get("tool_name", "")).endswith(CODEX):
        from governor.hooks import fast_json

        try:
            response = fast_json.loads(response.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return ""
        if not isinstance(response, dict):
            return ""
        return _text(response.get("agent_id") or response.get("task_name"), 200)
    if not isinstance(response, dict) or response.get("status") != "async_launched":
        return ""
    return _text(response.get("agentId") or response.get("runId"), 128)


def target(named: str, lane: str) -> str:
    """A model as the lane's own tool takes it; empty where the tool takes no such thing."""
    if lane != "claude":
        return named
    low = named.casefold()
    return next((alias for alias in ALIASES if alias in low), "")


def _text(value: object, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
