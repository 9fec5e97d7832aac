"""Which hard limits there are, whether they are set here, and what each can and cannot stop.

The clients have few, and most bind headless runs alone; knowing which is half of setting up unattended work. The
person's files are read and never written.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governor import paths
from governor.config import Settings
from governor.hooks.budget.rules import limits as limits_of
from governor.review.limits import CLAUDE, CODEX, Ceiling, LimitRow


def examine(settings: Settings, *, environment: Mapping[str, str] | None = None) -> list[Ceiling]:
    """Every limit of both clients and of the governor's own, in the order of the screen."""
    return [*_claude(settings, environment if environment is not None else os.environ), *_codex(), *_own(settings)]


def _claude(settings: Settings, environment: Mapping[str, str]) -> list[Ceiling]:
    found = [
        Ceiling(
            "claude",
            "usage-credits cap",
            "blocks",
            None,
            "the account's own page on claude.ai",
            "spending beyond the plan, interactive and headless",
            "use within the plan",
            seen=False,
        ),
        Ceiling(
            "claude",
            "--max-budget-usd",
            "blocks",
            _amount(settings.values["run"]["usd"], "$"),
            "given at each start; governor run gives it (run.usd)",
            "a headless run and its subagents, at list price",
            "interactive sessions; on a subscription no dollar is billed",
        ),
        Ceiling(
            "claude",
            "--max-turns",
            "blocks",
            None,
            "given at each start",
            "a headless run after so many turns",
            "interactive sessions; a turn may be of any size",
        ),
    ]
    layers = [(file, _json(file)) for file in _claude_files()]
    return [*found, *(_looked_up("claude", row, layers, environment) for row in CLAUDE)]


def _claude_files() -> list[Path]:
    """Managed settings first: they win."""
    return [paths.managed_settings(), *(home / "settings.json" for home in paths.claude_homes())]


def _looked_up(
    owner: str, row: LimitRow, layers: list[tuple[Path, dict[str, Any]]], environment: Mapping[str, str]
) -> Ceiling:
    """The first value by the owner's precedence; a client's ``env`` block wins over the shell's."""
    for key in row.keys:
        for file, content in layers:
            block = content.get("env")
            value = _at(content, key) if not key.isupper() else block.get(key) if isinstance(block, dict) else None
            if value is not None:
                return _set(owner, row, key, value, str(file))
        if key.isupper() and environment.get(key):
            return _set(owner, row, key, environment[key], "environment")
    return Ceiling(owner, row.name, row.kind, None, row.keys[0], row.stops, row.cannot)


def _set(owner: str, row: LimitRow, key: str, value: object, where: str) -> Ceiling:
    words = value if isinstance(value, str) else json.dumps(value, default=str)
    shown = words if len(words) <= 60 else f"{words[:57]}..."
    return Ceiling(owner, row.name, row.kind, f"{key} = {shown}", where, row.stops, row.cannot)


def _codex() -> list[Ceiling]:
    file = paths.codex_home() / "config.toml"
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        content = {}
    return [_looked_up("codex", row, [(file, content)], {}) for row in CODEX]


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _at(content: Mapping[str, Any], dotted: str) -> Any:
    value: Any = content
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


# ---- our own ---------------------------------------------------------------------------------------------------------

_KINDS = {"stop": "blocks", "ask": "blocks", "act": "shapes"}


def _own(settings: Settings) -> list[Ceiling]:
    values = settings.values
    where = "budget.json"
    found = [
        Ceiling(
            "governor",
            f"budget {one['name']}",
            _KINDS.get(one["action"], "alerts"),
            f"{one['action']} at {limits_of(one)} per {one['per']}",
            f"{where}: budgets",
            "the next tool call or prompt" if one["action"] in _KINDS else "nothing: it records and tells",
            "a turn that makes no tool call, or what other machines use",
        )
        for one in values["budgets"]
    ]
    if not found:
        words = ("the next tool call or prompt, once set to ask or stop", "anything until there is one")
        found = [Ceiling("governor", "budgets", "alerts", None, f"{where}: budgets", *words)]
    spawn, loop, degrade, run = values["spawn"], values["loop"], values["degrade"], values["run"]
    limits = f"{spawn['concurrent']} at once, {spawn['fan_out']} a prompt, {spawn['total']} a session"
    return [
        *found,
        Ceiling(
            "governor",
            "spawn guard",
            _KINDS.get(spawn["action"], "alerts"),
            f"{spawn['action']} at {limits}",
            f"{where}: spawn",
            "subagents beyond them" if spawn["action"] in _KINDS else "nothing: it records and tells",
            "a single large subagent, unless tree_tokens is set",
        ),
        Ceiling(
            "governor",
            "degrade",
            _KINDS.get(degrade["mode"], "alerts"),
            f"{degrade['mode']} from {degrade['at']} on" if degrade["mode"] != "off" else None,
            f"{where}: degrade",
            "large models for routine subagents" if degrade["mode"] == "act" else "nothing: it records",
            "the main session's own model",
        ),
        Ceiling(
            "governor",
            "loop guard",
            _KINDS.get(loop["action"], "alerts"),
            loop["action"] if loop["action"] != "off" else None,
            f"{where}: loop",
            "a stuck loop" if loop["action"] == "stop" else "nothing: it tells the model and the person",
            "work that goes on well and is dear",
        ),
        Ceiling(
            "governor",
            "pause at the wall",
            "blocks",
            "at 95 % actual use" if values["pacing"]["pause_at_wall"] else None,
            f"{where}: pacing.pause_at_wall",
            "one prompt, once; Enter goes on",
            "background and headless work" if not values["pacing"]["hold_background"] else "what was running already",
        ),
        Ceiling(
            "governor",
            "governor run",
            "blocks",
            limits_of(run) or None,
            f"{where}: run",
            "a headless run it started, with its whole process group",
            "what was started without it",
        ),
    ]


def _amount(value: float | None, sign: str) -> str | None:
    return None if value is None else f"{sign}{value:,.10g}"
