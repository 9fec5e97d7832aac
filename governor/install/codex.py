"""Codex: its ``hooks.json``, and the review that a person gives each hook before it runs.

Codex skips a hook silently until the person has trusted it (``/hooks``), and again once its command, matcher or
timeout changes. The trust is a hash in ``config.toml``. It could be computed and written there, and it is not: the
review exists so that no program can add a command to somebody's session unseen, and a program that signs for itself
defeats it for every other. So we say what to press, and ``codex_trust`` only reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, NamedTuple

from governor import paths
from governor.errors import SettingsError
from governor.install import change, plan, wiring
from governor.install.target import Target, look

NO_MATCHER = frozenset(("UserPromptSubmit", "Stop", "Interrupt"))  # events whose matcher Codex ignores
SHORT_LIVED = frozenset(("SessionEnd", "Interrupt"))  # default 1 s, at most 3 s
DEFAULT_TIMEOUT_S = 600
DEFAULT_CONTEXT_LIMIT = 2500  # tokens of additional context before Codex writes them to a file instead

TRUST_STEP = (
    'Codex runs a new hook only after you have looked at it. Start codex and choose "Trust all and continue", or type '
    "/hooks there; until then it skips ours without a word. It asks again if a command or its "
    "matcher changes: where an older install had a command for each guard, and where budget.json switches a guard on."
)

Status = Literal["trusted", "untrusted", "modified", "disabled"]


class Trust(NamedTuple):
    """Whether Codex will run one of our hooks."""

    key: str  # as Codex writes it: file, event, position of the group, position in the group
    event: str
    script: str
    status: Status


def target() -> Target:
    """The person's hooks file."""
    return Target("codex", "user", paths.codex_home() / "hooks.json")


def is_here() -> bool:
    """Has Codex ever run for this person?"""
    return paths.codex_home().is_dir()


def notes() -> list[str]:
    """What in ``config.toml`` gets in the way of our hooks."""
    said = []
    config = _config(paths.codex_home())
    file = paths.codex_home() / "config.toml"
    inline = config.get("hooks")
    if isinstance(inline, dict) and any(name != "state" for name in inline):
        said.append(
            f"{file} has hooks too. Codex runs both, and warns at start that it would rather see one of the two."
        )
    features = config.get("features")
    if isinstance(features, dict) and features.get("hooks", features.get("codex_hooks")) is False:
        said.append(f"{file} turns hooks off ([features] hooks = false), so none will run until that is removed.")
    return said


def codex_trust(home: Path) -> list[Trust]:
    """The trust of each of our hooks in ``home/hooks.json``, ``home`` being Codex's own folder.

    Nothing is written. A file that cannot be read has no hooks to report.
    """
    file = Target("codex", "user", home / "hooks.json")
    try:
        document = change.document_of(file, look(file))
    except SettingsError:
        return []
    hooks = _config(home).get("hooks")
    state = hooks.get("state") if isinstance(hooks, dict) else None
    known = state if isinstance(state, dict) else {}
    # Seen on 0.169: a folder named by CODEX_HOME is resolved, ~/.codex and a linked hooks.json are not.
    place = (os.path.realpath(home) if os.environ.get("CODEX_HOME") else str(home)) + "/hooks.json"
    found = []
    for event, groups in plan.hooks_of(document).items():
        for at, group in enumerate(groups if isinstance(groups, list) else ()):
            inside = group.get("hooks") if isinstance(group, dict) else None
            for position, handler in enumerate(inside if isinstance(inside, list) else ()):
                script = wiring.mentions(handler.get("command")) if isinstance(handler, dict) else None
                if script is None:
                    continue
                key = f"{place}:{_snake(event)}:{at}:{position}"
                found.append(Trust(key, event, script, _status(known.get(key), hook_hash(event, group, handler))))
    return found


def _status(entry: Any, current: str) -> Status:
    if not isinstance(entry, dict) or "trusted_hash" not in entry:
        return "untrusted"
    if entry["trusted_hash"] != current:
        return "modified"
    return "disabled" if entry.get("enabled") is False else "trusted"


def hook_hash(event: str, group: dict[str, Any], handler: dict[str, Any]) -> str:
    """Codex's own fingerprint of one command hook: sha256 over its normalised definition as compact, sorted JSON.

    Source: hooks/src/engine/discovery.rs (``NormalizedHookIdentity``); equal to what ``hooks/list`` of 0.169.0 answers.
    """
    ceiling, default = (3, 1) if event in SHORT_LIVED else (None, DEFAULT_TIMEOUT_S)
    timeout = max(1, int(handler.get("timeout", default)))
    identity: dict[str, Any] = {
        "async": bool(handler.get("async", False)),
        "command": handler.get("command", ""),
        "timeout": timeout if ceiling is None else min(timeout, ceiling),
        "type": "command",
    }
    if handler.get("statusMessage") is not None:
        identity["statusMessage"] = handler["statusMessage"]
    if handler.get("additionalContextLimit", DEFAULT_CONTEXT_LIMIT) != DEFAULT_CONTEXT_LIMIT:
        identity["additionalContextLimit"] = handler["additionalContextLimit"]
    whole: dict[str, Any] = {"event_name": _snake(event), "hooks": [identity]}
    if group.get("matcher") is not None and event not in NO_MATCHER:
        whole["matcher"] = group["matcher"]
    words = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(words.encode()).hexdigest()


def moved(document: plan.Document) -> list[str]:
    """What to say where taking ours out moves another hook up: Codex knows hooks by position, and reviews it anew."""
    events = plan.stranded(document)
    if not events:
        return []
    return [
        f"Other hooks on {', '.join(events)} stood behind ours and move up: Codex will ask you to review them again."
    ]


def _snake(event: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()


def _config(home: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((home / "config.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
