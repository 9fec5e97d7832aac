"""``governor handoffs``: what was handed over, how it stands, how to look, and how to take it back."""

from __future__ import annotations

import os
import shlex
import signal
import time
from typing import Any

import click

from governor import config
from governor.cli.opening import json_option, settings_in_force
from governor.errors import BadInputError
from governor.handoff import changes, news, record
from governor.number_format import LANE_NAMES, ago, count, many, percent, usd, utc
from governor.supervise.outcome import unheld_words
from governor.views import json_data

WAIT_S = 0.1


@click.command()
@click.argument("words", nargs=-1, metavar="[stop|forget] [ID]")
@json_option
def handoffs(words: tuple[str, ...], as_json: bool) -> None:
    """List what was handed over, show one (ID), or: stop ID, forget ID."""
    settings_in_force()  # for what it has to say
    if not words:
        listed = [as_data(name, commands=as_json) for name in record.every()]
        content = {"schema": "governor.handoffs/1", "handoffs": listed}
        click.echo(json_data.dump(content) if as_json else table(listed))
    elif len(words) == 1 and words[0] not in ("stop", "forget"):
        record.folder(words[0])
        shown = as_data(words[0])
        click.echo(json_data.dump({"schema": "governor.handoffs/1", "handoffs": [shown]}) if as_json else detail(shown))
    elif len(words) == 2 and words[0] == "stop":
        _stop(words[1])
    elif len(words) == 2 and words[0] == "forget":
        record.forget(words[1])
        news.post()
        click.echo(f"{words[1]} is forgotten.\n  next: governor handoffs")
    else:
        raise BadInputError("That is no handoff's id.", "governor handoffs, governor handoffs stop ID")


def _stop(name: str) -> None:
    """Ask its supervisor to end it, gently; the record says how it went."""
    record.folder(name)
    pid = record.holder(name)
    if not pid:
        raise BadInputError(f"Handoff {name} is not running.", f"governor handoffs {name}")
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError as fault:
        raise BadInputError(
            f"Handoff {name} cannot be reached ({fault.strerror}).", f"governor handoffs {name}"
        ) from fault
    end = time.monotonic() + 3 * float(record.read(name).get("grace", 10)) + 5
    while record.holder(name) is not None and time.monotonic() < end:
        time.sleep(WAIT_S)
    state = "is still ending" if record.holder(name) is not None else "has ended"
    click.echo(f"{name} {state}.\n  next: governor handoffs {name}")


def as_data(name: str, *, commands: bool = True) -> dict[str, Any]:
    """One handoff with stable keys; null where something is not known (yet). ``commands``: ask git for a worktree's."""
    now = time.time()
    state, content = record.look(name, now=now, quiet_s=float(config.in_force().values["handoff"]["quiet"]))
    ran = content.get("run") or {}
    started, ended, heard = content.get("started_at"), content.get("ended_at"), record.heard_at(name)
    files = content.get("files")
    return {
        "id": name,
        "state": state,
        "failed": content.get("failed"),
        "lane": content.get("lane"),
        "from": {"lane": content.get("from_lane"), "session": content.get("from_session")},
        "folder": content.get("folder"),
        "repository": content.get("repository"),
        "project": content.get("project"),
        "branch": content.get("branch"),
        "started_at": utc(started),
        "ended_at": utc(ended),
        "quiet_s": round(now - heard) if state in (record.RUNNING, record.QUIET) and heard is not None else None,
        "files_changed": content.get("files_changed"),
        "files": None
        if files is None
        else [dict(zip(("path", "added", "removed"), each, strict=True)) for each in files],
        "tests": content.get("tests"),
        "checks": content.get("checks"),
        "tokens": (ran.get("tokens") or {}).get("fresh"),
        "usd": ran.get("usd"),
        "tool_calls": ran.get("tool_calls"),
        "unheld_limits": ran.get("unheld_limits") or [],
        "wall_s": ran.get("wall_s"),
        "windows": ran.get("windows"),
        "session": ran.get("session"),
        "transcript": ran.get("transcript"),
        "look": _look(content),
        "take_back": take_back(name, content) if commands else [],
    }


def take_back(name: str, content: dict[str, Any]) -> list[str]:
    """The commands that bring a worktree's work home and clear it away; none where it worked in the folder itself.

    None of them loses anything: git itself refuses to remove work that is not committed, or a branch not merged.
    """
    tree, top, branch = content.get("worktree"), content.get("repository"), content.get("branch")
    if not tree or not top or not branch or not os.path.isdir(tree):
        return []
    there, home = f"git -C {shlex.quote(tree)}", f"git -C {shlex.quote(top)}"
    dirty = bool(changes.git(tree, "status", "--porcelain"))
    commit = [f"{there} add -A && {there} commit -m {shlex.quote(f'Handoff {name}')}"] if dirty else []
    remove = f"{home} worktree remove {shlex.quote(tree)} && {home} branch -d {branch}"
    return [*commit, f"{home} merge {branch}", remove]


def _look(content: dict[str, Any]) -> str | None:
    """What opens the session, in the folder it belongs to."""
    resume, folder = (content.get("run") or {}).get("resume"), content.get("folder")
    return f"cd {shlex.quote(folder)} && {resume}" if resume and folder else None


def table(listed: list[dict[str, Any]]) -> str:
    """All of them, the newest last."""
    if not listed:
        return 'Nothing was handed over yet.\n  next: governor handoff "your task"'
    now = time.time()
    lines = []
    for each in listed:
        began = record.read(each["id"]).get("started_at")
        age = ago(now - began) if isinstance(began, (int, float)) else "—"
        files = "" if each["files_changed"] is None else many(each["files_changed"], "file")
        cost = "" if each["usd"] is None else usd(each["usd"])
        lane = LANE_NAMES.get(each["lane"], "—")
        place = each["branch"] or each["project"] or ""
        lines.append(
            f"{each['id']}  {each['state']:<7}  {lane:<11}  {age:>6} ago  {files:>9}  {cost:>8}  {place}".rstrip()
        )
        if each["failed"]:
            lines.append(f"         {each['failed']}")
    return "\n".join([*lines, f"  next: governor handoffs {listed[-1]['id']}"])


def detail(shown: dict[str, Any]) -> str:
    """The digest of one."""
    name = shown["id"]
    lines = [f"{name}  {shown['state']}" + (f": {shown['failed']}" if shown["failed"] else "")]

    def row(label: str, text: str) -> None:
        lines.append(f"  {label:<10} {text}")

    row("lane", LANE_NAMES.get(shown["lane"], "—"))
    row("folder", shown["folder"] or "—")
    if shown["quiet_s"] is not None:
        row("last word", f"{ago(shown['quiet_s'])} ago")
    if shown["tool_calls"] is not None:
        tokens = "?" if shown["tokens"] is None else count(shown["tokens"])
        money = "$?" if shown["usd"] is None else usd(shown["usd"])
        row("used", f"{tokens} tokens, {money} at list price, {many(shown['tool_calls'], 'tool call')}")
    if shown["unheld_limits"]:
        row("", unheld_words(shown["unheld_limits"]))
    for each in shown["windows"] or ():
        if each["after"] is not None:
            row("window", f"{each['window']} {percent(each['before'])} → {percent(each['after'])}")
    if shown["files_changed"] is not None:
        none = "no file (those that git ignores are not looked at)" if shown["repository"] else "no file"
        row("changed", many(shown["files_changed"], "file") if shown["files_changed"] else none)
        for each in shown["files"][:20]:
            lines_of = "" if each["added"] is None else f"  +{each['added']} −{each['removed']}"
            row("", f"{each['path']}{lines_of}")
    if shown["tests"]:
        row("tests", ", ".join(shown["tests"][:10]))
    if shown["transcript"]:
        row("transcript", shown["transcript"])
    *back, away = shown["take_back"] or [""]
    for command in back:
        row("take back", command)
    if away:
        row("clear away", away)
    step = f"governor handoffs stop {name}" if shown["quiet_s"] is not None else shown["look"] or "governor handoffs"
    return "\n".join([*lines, f"  next: {step}"])
