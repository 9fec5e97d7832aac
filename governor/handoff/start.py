"""Starting a handoff: which lane, whether it may take work now, where it works, and the process that stays with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from governor import paths
from governor.config import Settings
from governor.errors import BadInputError
from governor.gate import evidence as gatehouse
from governor.handoff import brief as briefs
from governor.handoff import changes, record
from governor.hooks import runtime
from governor.hooks.router.rules import OTHER, lane_of, slack_of
from governor.model import LANES, Lane
from governor.number_format import LANE_NAMES
from governor.supervise import command
from governor.supervise.budget import RunLimits

TASK_LIMIT = 200_000  # characters; a task is words, not a file
RULES_LIMIT = 64 * 1024  # bytes of the standing rules
INSIDE = "GOVERNOR_HANDOFF"  # in the environment of a client that was handed a task
# What tells a client that it runs inside another: it would count itself to that session.
NOT_PASSED_ON = (
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_SSE_PORT",
    "CODEX_THREAD_ID",
)


class HandoffOrigin(NamedTuple):
    """Where a handoff comes from: the lane and session whose shell we run in, where there is one."""

    lane: Lane | None
    session: str | None


def origin() -> HandoffOrigin:
    """By what the clients put into the environment of the commands they run."""
    for lane, name in (("claude", "CLAUDE_CODE_SESSION_ID"), ("codex", "CODEX_THREAD_ID")):
        session = os.environ.get(name, "")
        if session:
            return HandoffOrigin("claude" if lane == "claude" else "codex", session[:64])
    return HandoffOrigin("claude" if os.environ.get("CLAUDECODE") else None, None)


def choose(wanted: Lane | None, came_from: HandoffOrigin) -> Lane:
    """The lane that was asked for, else the other one than where we are, else the one with more slack, else Codex."""
    if wanted is not None:
        return wanted
    if came_from.lane is not None:
        return "codex" if came_from.lane == "claude" else "claude"
    snapshot = runtime.read_snapshot(str(paths.home()), "router")[1]
    claude, codex = (slack_of(lane_of(snapshot, lane)) for lane in LANES)
    return "claude" if claude is not None and codex is not None and claude > codex else "codex"


def may_take(lane: Lane, settings: Settings) -> list[str]:
    """The words of that lane's client, if it can be started and its gate is open.

    Raises: BadInputError with the reason, politely, and what to type instead.
    """
    if os.environ.get(INSIDE):
        raise BadInputError("This is itself a handoff; it is not handed on any further.", "governor handoffs")
    words = [str(word) for word in settings.values["handoff"][lane]]
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise BadInputError(
            f"{LANE_NAMES[lane]} is not installed here ({words[0] if words else lane} is not on the PATH).",
            f'"handoff": {{"{lane}": ["/path/to/{lane}", ...]}} in {settings.file}',
        )
    words = [os.path.abspath(program), *words[1:]]
    if (known := command.recognise(run_words(lane, words, in_git=True))) is None or known.lane != lane:
        raise BadInputError(f"handoff.{lane} starts no headless {LANE_NAMES[lane]}.", "governor config")
    ruling = gatehouse.look(lane=lane)
    if ruling.answer == "STOP":
        other = OTHER[lane]
        raise BadInputError(
            f"{LANE_NAMES[lane]} cannot take work now: {ruling.text}.",
            f"governor handoff --lane {other} ..., or governor gate --lane {lane} --wait",
        )
    return words


def run_words(lane: Lane, words: list[str], *, in_git: bool) -> list[str]:
    """The command that reads its brief from stdin, so that it stands in no list of processes."""
    if lane == "claude":
        return [*words, "-p"]
    outside = [] if in_git or "--skip-git-repo-check" in words else ["--skip-git-repo-check"]
    return [*words, *outside, "-"]


def prepare(
    task: str,
    *,
    lane: Lane,
    words: list[str],
    limits: RunLimits,
    came_from: HandoffOrigin,
    settings: Settings,
    worktree: bool,
) -> tuple[str, int]:
    """Everything on disk that the supervisor needs. Returns the id and its lock, held from the first moment on: what is
    being prepared is never seen to be dead. Raises: BadInputError, StateError, OSError.
    """
    if not task.strip():
        raise BadInputError("There is no task to hand over.", 'governor handoff "your task"')
    if len(task) > TASK_LIMIT or "\0" in task:
        raise BadInputError("The task is too long to hand over.", "name a file that holds it")
    rules = _rules(str(settings.values["handoff"]["rules"]))
    here = os.getcwd()
    top = changes.git(here, "rev-parse", "--show-toplevel")
    name = record.create()
    place = record.folder(name)
    descriptor = record.lock(name)
    try:
        folder, base = _worktree(name, here, (top or "").strip()) if worktree else (here, None)
        branch = changes.git(folder, "branch", "--show-current") if top else ""
        files = briefs.named_files(task, lambda path: (Path(folder) / path).is_file())
        text = briefs.brief(
            task, folder=folder, branch=(branch or "").strip(), files=files, rules=rules, worktree=worktree
        )
        runtime.write_private(str(place / "brief"), text.encode("utf-8", "replace"))
        content = {
            "state": record.RUNNING,
            "lane": lane,
            "from_lane": came_from.lane,
            "from_session": came_from.session,
            "project": here,
            "folder": folder,
            "worktree": str(place / "tree") if worktree else None,
            "branch": f"governor/{name}" if worktree else None,
            "base": base,
            "repository": (top or "").strip() or None,
            "started_at": time.time(),
            "words": run_words(lane, words, in_git=bool(top)),
            "limits": limits._asdict(),
            "grace": settings.values["handoff"]["grace"],
        }
        record.write(name, content)
    except BaseException:
        os.close(descriptor)
        shutil.rmtree(place, ignore_errors=True)
        raise
    return name, descriptor


def _rules(path: str) -> str:
    """The person's standing rules. Raises: BadInputError where they named a file that cannot be read."""
    if not path:
        return ""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            return file.read(RULES_LIMIT).decode("utf-8", "replace")
    except OSError as fault:
        raise BadInputError(
            f"The standing rules in {path} cannot be read ({fault.strerror}).", "governor config"
        ) from fault


def _worktree(name: str, here: str, top: str) -> tuple[str, str]:
    """(the folder to work in, the commit it starts from). Raises: BadInputError outside a repository with a commit."""
    base = changes.git(here, "rev-parse", "HEAD") if top else None
    if base is None:
        raise BadInputError("A worktree needs a git repository with a commit.", "leave --worktree out")
    tree = record.root() / name / "tree"
    if changes.git(here, "worktree", "add", "--quiet", "-b", f"governor/{name}", str(tree), "HEAD") is None:
        raise BadInputError(f"git would not make a worktree in {tree}.", f"git worktree add {tree}")
    inside = os.path.relpath(os.path.realpath(here), os.path.realpath(top))
    folder = (tree / inside) if (tree / inside).is_dir() else tree
    return str(folder), base.strip()


def detach(name: str, descriptor: int) -> None:
    """Start the supervisor in a session of its own and hand it the lock, held. Raises: OSError."""
    try:
        subprocess.Popen(  # noqa: S603 - ourselves
            # -P: the folder we stand in is the person's, and may well hold something called governor
            [sys.executable, "-P", "-m", "governor.handoff", name, str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[descriptor],
            env={**os.environ, "GOVERNOR_HOME": str(paths.home())},
        )
    finally:
        os.close(descriptor)


def client_env(name: str) -> dict[str, str]:
    """The client's environment: ours, less what ties it to the session we were started from."""
    kept = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
    return {**kept, INSIDE: name}


def limits_in(content: dict[str, Any]) -> RunLimits:
    return RunLimits(**content["limits"])
