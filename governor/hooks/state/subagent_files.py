"""What the clients' own files say of their subagents: which call started one, how deep, on which model, and whether it
has ended.

Claude Code keeps ``<session>/subagents/agent-<id>.meta.json`` beside every agent's transcript; a Codex agent has a
rollout of its own that opens with its path and depth. Small heads and tails only, and a client that keeps no such files
is one about which nothing is known.
"""

from __future__ import annotations

import os

from governor.hooks import fast_json, runtime
from governor.hooks.router.tier_hint import session_of
from governor.hooks.spawn.rules import Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.hooks.spawn.rules import Book
    from governor.hooks.spawn.spawn_event import SpawningCall

MOST = 400  # files of one session that are looked at
HEAD = 2**12  # bytes: a rollout's own introduction stands in its first thousand
TAIL = 2**16


def looks(book: Book, transcript: object) -> dict[str, Look]:
    """What is known of every lease's agent, from the folder beside the session's transcript."""
    folder = _folder(transcript)
    if not folder:
        return {}
    unbound = any(not lease["agent"] and lease["kind"] != "Workflow" for lease in book["open"].values())
    metas, whole = _metas(folder) if unbound else ({}, False)
    by_call = {meta["toolUseId"]: agent for agent, meta in metas.items() if isinstance(meta.get("toolUseId"), str)}
    tells = whole and (bool(by_call) or not metas)  # older clients note no call
    found: dict[str, Look] = {}
    for use, lease in book["open"].items():
        if lease["kind"] == "Workflow":
            found[use] = _workflow(folder, lease["agent"])
            continue
        agent = lease["agent"] or by_call.get(use, "")
        meta = meta_of(transcript, agent) if agent else {}
        mark = _mark(os.path.join(folder, f"agent-{agent}.jsonl")) if agent.isalnum() else None
        started = True if agent else False if tells else None
        found[use] = Look(agent=agent, finished=meta.get("finished") is True, mark=mark, started=started)
    return found


def meta_of(transcript: object, agent: str) -> dict[str, Any]:
    """What Claude Code noted of one agent: ``spawnDepth``, ``model``, ``toolUseId``, ...; empty where it noted none."""
    folder = _folder(transcript)
    return _json(os.path.join(folder, f"agent-{agent}.meta.json")) if folder and agent.isalnum() else {}


def introduction(rollout: object) -> tuple[str, int | None]:
    """(path, depth) of the Codex agent that a rollout belongs to; ("", None) where it says neither."""
    raw = runtime.peek(rollout, HEAD) if isinstance(rollout, str) and rollout.endswith(".jsonl") else None
    spawned = (raw or b"").partition(b'"thread_spawn":{')[2].partition(b"}")[0]
    path = spawned.partition(b'"agent_path":"')[2].partition(b'"')[0]
    digits = spawned.partition(b'"depth":')[2].partition(b",")[0].strip()
    return path.decode("utf-8", "replace"), int(digits) if digits.isdigit() and len(digits) < 4 else None


def tree_tokens(
    event: dict[str, Any], what: SpawningCall, snapshot: dict[str, Any], ctx: runtime.HookContext
) -> int | None:
    """Tokens (cache reads left out) that the session's subagents have used: to the last response in Claude Code while
    there is a cap on them, else as of the last refresh. None where nothing is known.
    """
    trees = snapshot.get("trees")
    told = trees.get(what.session) if isinstance(trees, dict) else None
    known = told if isinstance(told, int) else None
    if not snapshot.get("tree_tokens") or ctx.lane != "claude":
        return known
    from governor.hooks.budget.usage_lines import TOKENS
    from governor.hooks.state import locks, session_usage

    try:
        with session_usage.SessionUsage(ctx.home, ctx.lane, what.session, ctx.now) as used:
            budget = ctx.snapshot("budget")
            used.note_place(event, budget)
            used.take_in(event, budget.get("models") or {})
            sums = used.state["sums"].items()
            counted = sum(int(kinds[TOKENS]) for scope, kinds in sums if scope.partition(":")[2])
    except (OSError, locks.BusyError):
        return known
    return max(counted, known or 0)


def current_model(event: dict[str, Any], what: SpawningCall, snapshot: dict[str, Any], lane: str) -> str:
    """What the call's agent would run on, in the order the client decides; empty where that is not known.

    Claude Code since 2.1.251: the call's own, the agent type's, the environment's, the caller's.
    """
    if lane == "codex":
        return what.model or str(event.get("model") or "")[:80]
    if os.environ.get("CLAUDE_CODE_SUBAGENT_MODEL_FORCE") == "1":
        return ""  # whatever the call says is not heeded
    chosen = what.model or written_model(what.kind, event.get("cwd")) or os.environ.get("CLAUDE_CODE_SUBAGENT_MODEL")
    if chosen and chosen != "inherit":
        return chosen
    transcript = event.get("transcript_path")
    if what.agent:
        return str(meta_of(transcript, what.agent).get("model") or "")[:80]
    return session_of(snapshot, what.session)[0] or last_model(transcript)


def last_model(transcript: object) -> str:
    """The model of the last response that a Claude Code transcript holds; empty where its end shows none."""
    if not isinstance(transcript, str) or not transcript.endswith(".jsonl"):
        return ""
    try:
        with open(os.open(transcript, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            raw = file.read(TAIL)
    except (OSError, ValueError):
        return ""
    _, found, rest = raw.rpartition(b'"model":"claude-')  # an agent's own wish is a short name, and text is escaped
    model = b"claude-" + rest.partition(b'"')[0] if found else b""
    return model.decode("ascii", "replace") if len(model) < 80 else ""


def written_model(kind: str, cwd: object) -> str:
    """The model that an agent type's own file asks for, the project's before the person's; empty where it has none."""
    if not kind or not all(c.isalnum() or c in "-_" for c in kind):
        return ""
    own = os.environ.get("CLAUDE_CONFIG_DIR", "").split(",")[0] or os.path.expanduser("~/.claude")
    folders = [os.path.join(cwd, ".claude")] if isinstance(cwd, str) and os.path.isabs(cwd) else []
    for folder in [*folders, own]:
        raw = runtime.peek(os.path.join(folder, "agents", f"{kind}.md"), HEAD)
        if raw is None:
            continue
        top = raw.partition(b"---")[2].partition(b"\n---")[0]
        for line in top.split(b"\n"):
            name, _, value = line.partition(b":")
            if name.strip() == b"model":
                return value.strip(b" \t\r\"'").decode("ascii", "replace")[:80]
        return ""
    return ""


def _folder(transcript: object) -> str:
    if not isinstance(transcript, str) or "\0" in transcript or not transcript.endswith(".jsonl"):
        return ""
    return os.path.join(transcript.removesuffix(".jsonl"), "subagents")


def _metas(folder: str) -> tuple[dict[str, dict[str, Any]], bool]:
    """(agent id -> what was noted of it, is that all of them) for the agents in one folder; no folder holds none."""
    start, ends = "agent-", ".meta.json"
    try:
        names = [name for name in os.listdir(folder) if name.startswith(start) and name.endswith(ends)]
    except FileNotFoundError:
        return {}, True
    except OSError:
        return {}, False
    kept = {name[len(start) : -len(ends)]: _json(os.path.join(folder, name)) for name in names[:MOST]}
    return kept, len(names) <= MOST


def _workflow(folder: str, run: str) -> Look:
    """A workflow is over when every agent in its folder is, and has one; its call names the folder only afterwards."""
    if not run or not all(c.isalnum() or c in "-_" for c in run):
        return Look(agent=run)
    inside = os.path.join(folder, "workflows", run)
    metas, whole = _metas(inside)
    finished = bool(metas) and whole and all(meta.get("finished") is True for meta in metas.values())
    return Look(agent=run, finished=finished, mark=_mark(inside), started=True)


def _mark(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _json(path: str) -> dict[str, Any]:
    try:
        found = fast_json.loads(runtime.peek(path) or b"null")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
