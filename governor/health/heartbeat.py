"""Are the hooks wired, allowed and alive? A hook that is skipped says nothing, so somebody has to look.

Clients skip hooks without a word: ``disableAllHooks``, a managed policy, a folder nobody trusted, a Codex hook whose
trust was never given. So each run leaves a mark, and missing marks beside fresh transcripts mean that none fires.
"""

from __future__ import annotations

import json
import os
import re

from governor import install, paths
from governor.errors import GovernorError
from governor.hooks import old_python
from governor.install import claude, codex
from governor.install.standing import Wired
from governor.ledger import read
from governor.ledger.store import Ledger
from governor.model import LANES, Lane
from governor.number_format import many
from governor.pipeline import ingest
from governor.report import Finding
from governor.transcripts import tail

OLDEST = {"claude": (2, 1, 80), "codex": (0, 144, 0)}  # first with official figures on the status line; with hooks
SILENCE_S = 2 * 3600
_VERSION = {
    "claude": re.compile(rb'"version"\s*:\s*"(\d+)\.(\d+)\.(\d+)'),
    "codex": re.compile(rb'"cli_version"\s*:\s*"(\d+)\.(\d+)\.(\d+)'),
}


def examine(ledger: Ledger, *, now: int) -> list[Finding]:
    """Everything between the hooks and the person's next prompt."""
    findings = wiring()
    try:
        wired = install.installed()
    except GovernorError:
        return findings
    findings += _old_python()
    if any(one.is_present for one in wired):
        findings += _policy()
        findings += _trust(wired)
        findings += [_alive(ledger, now=now), *_bell()]
    findings += _log(now=now)
    findings += [finding for lane in LANES for finding in _version(lane)]
    return findings


def wiring() -> list[Finding]:
    """Are the hooks in the clients' settings, as they should be?"""
    try:
        return _wiring(install.installed())
    except GovernorError as fault:
        return [Finding("hooks", False, fault.message, fault.next_step)]


def _wiring(wired: list[Wired]) -> list[Finding]:
    findings = []
    for path in dict.fromkeys(one.path for one in wired):
        older = sum(one.path == path and one.is_older for one in wired)
        mine = [one for one in wired if one.path == path and not one.is_older]
        name = f"{mine[0].host} hooks"
        present = [one for one in mine if one.is_present]
        if older:
            text = f"{many(older, 'hook')} of an older install in {path}: installed hooks are older"
            findings.append(Finding(name, False, text, mine[0].again))
        elif not present and claude.has_plugin(path):
            text = "run by the plugin, which reads no official meter: governor install does, and the plugin then rests"
            findings.append(Finding(name, True, text))
        elif all(one.is_present and one.is_current and one.has_script and one.has_interpreter for one in mine):
            beside = "; the plugin beside them rests" if claude.has_plugin(path) else ""
            findings.append(Finding(name, True, f"{len(mine)} wired in {path}{beside}"))
        else:
            findings.append(_unwired(name, path, mine))
    return findings


def _old_python() -> list[Finding]:
    """Interpreters that were too old for our hooks, as the hooks themselves left word."""
    wanted = ".".join(map(str, old_python.OLDEST))
    findings = []
    for mark in sorted((paths.home() / old_python.FOLDER).glob("*")):
        where = mark.read_text("utf-8", "replace") or "python3"
        text = f"a client ran the hooks with Python {mark.name} ({where}): they need {wanted} and do nothing there"
        mend = f"governor install, or a newer {os.path.basename(where)}"
        findings.append(Finding("python", False, text, mend))
    return findings


def _unwired(name: str, path: str, mine: list[Wired]) -> Finding:
    """What is wrong with one file, and what mends it: an install only where an install would do something about it."""
    ahead = install.preview(path)
    if ahead.fault is not None:
        return Finding(name, False, ahead.fault.message, ahead.fault.next_step)
    present = [one for one in mine if one.is_present]
    absent = [one for one in mine if not one.is_present]
    gone = next((one for one in present if not (one.has_script and one.has_interpreter)), None)
    if ahead.diff or (gone is not None and not gone.has_script):
        if not present:
            text = f"not wired in {path}"
        elif absent:
            text = f"missing in {path}: " + ", ".join(f"{one.script} on {one.event}" for one in absent)
        elif gone is not None:
            what = "its script" if not gone.has_script else "its interpreter"
            text = f"{gone.script} cannot run: {what} is gone"
        else:
            text = f"hooks of an earlier install, or of other settings, in {path}"
        return Finding(name, False, text, mine[0].again)
    editor = f"${{EDITOR:-vi}} {path}"
    if gone is not None:
        return Finding(name, False, f"a command of your own in {path} names an interpreter that is gone", editor)
    text = " ".join([f"{len(present)} wired in {path}.", *ahead.notes])
    is_odd = any(claude.NO_COMMAND in note for note in ahead.notes)
    mend = f'{editor}   (make its statusLine {{"type": "command", "command": "..."}}; then wire it again)'
    return Finding(name, not is_odd, text, mend if is_odd else "")


def _policy() -> list[Finding]:
    """Settings that switch hooks off for good."""
    findings = []
    managed = paths.managed_settings()
    for file in [*(home / "settings.json" for home in paths.claude_homes()), managed]:
        try:
            content = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        if not isinstance(content, dict):
            continue
        if content.get("disableAllHooks") is True:
            mend = f'take "disableAllHooks" out of {file}'
            findings.append(Finding("claude policy", False, f"disableAllHooks is set in {file}", mend))
        if file == managed and content.get("allowManagedHooksOnly") is True:
            findings.append(
                Finding("claude policy", False, f"{file} allows managed hooks only", "ask whoever manages it")
            )
    return findings


def _trust(wired: list[Wired]) -> list[Finding]:
    if not any(one.host == "codex" and one.is_present for one in wired):
        return []
    trust = codex.codex_trust(paths.codex_home())
    bad = [one for one in trust if one.status != "trusted"]
    if not bad:
        return [Finding("codex trust", True, f"all {len(trust)} hooks are trusted")]
    words = ", ".join(sorted({one.status for one in bad}))
    text = f"{len(bad)} of {len(trust)} hooks are {words}, so Codex skips them"
    return [Finding("codex trust", False, text, "codex   (then /hooks)")]


def _alive(ledger: Ledger, *, now: int) -> Finding:
    """Marks of the hooks' runs beside the clients' own writing."""
    last_run = read.last_run(ledger, now - 30 * 86_400)
    wired_at = (paths.home() / "install.json").stat().st_mtime if (paths.home() / "install.json").exists() else now
    used = read.span(ledger)
    last_use = used[1] if used else 0
    switched_on = paths.home() / "kill" / "on"
    since = max(last_run or 0, int(wired_at), int(switched_on.stat().st_mtime) if switched_on.exists() else 0)
    if last_use > since + SILENCE_S:
        text = "the clients were used, and no hook ran"
        return Finding("heartbeat", False, text, "start a new session; if it stays so: governor install")
    if last_run is None:
        return Finding("heartbeat", True, "wired; no session has run since")
    return Finding("heartbeat", True, f"last hook ran {(now - last_run) / 3600:.1f} h ago")


def _bell() -> list[Finding]:
    """What hooks start for a refresh lives in our own environment, which may have been deleted."""
    try:
        program = (paths.home() / "bell").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return []
    if os.access(program, os.X_OK):
        return []
    return [Finding("refresh", False, f"{program} is gone, so hooks cannot ring for a refresh", "governor install")]


def _log(*, now: int) -> list[Finding]:
    """Faults that hooks swallowed in the last week."""
    log = paths.home() / "log" / "hooks.log"
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    from datetime import UTC, datetime

    horizon = datetime.fromtimestamp(now - 7 * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    recent = [line for line in lines if line[:20] >= horizon]
    if not recent:
        return []
    return [Finding("hook faults", False, f"{len(recent)} in a week, the last: {recent[-1]}", f"tail {log}")]


def _version(lane: Lane) -> list[Finding]:
    """The client's version, as its newest transcript states it."""
    files = [file for name, file in ingest.discover()[0] if name == lane]
    if not files:
        return []
    newest = max(files, key=lambda file: file.mtime_ns)
    stated = _VERSION[lane].findall(tail.edges(newest.path))
    if not stated:
        return []
    version = tuple(int(part) for part in stated[-1])
    text = ".".join(map(str, version))
    if version < OLDEST[lane]:
        wanted = ".".join(map(str, OLDEST[lane]))
        update = "claude update" if lane == "claude" else "npm install -g @openai/codex"
        return [Finding(f"{lane} version", False, f"{text} is older than {wanted}, which this needs", update)]
    return [Finding(f"{lane} version", True, text)]
