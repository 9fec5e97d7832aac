"""``governor halt`` and ``governor unhalt``: the user stops agents, and lets them go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from governor import paths
from governor.cli.opening import duration_of, json_option, settings_in_force
from governor.cli.user_only import require_user
from governor.config import Settings
from governor.errors import BadInputError
from governor.gate import halting
from governor.hooks import runtime
from governor.hooks.state import halt_file as rules
from governor.hooks.state import halts as reader
from governor.hooks.state.halt_file import SHORTEST_SESSION, Halt
from governor.number_format import moment, utc
from governor.pipeline import ingest
from governor.views import json_data

SCOPES = (
    click.option("--all", "everybody", is_flag=True, help="All agents."),
    click.option("--lane", type=click.Choice(["claude", "codex"]), help="Agents of one client."),
    click.option("--session", metavar="ID", help="One session; its first six characters are enough."),
    click.option("--agent", metavar="TYPE", help="Agents of one type, such as general-purpose."),
    click.option("--tag", metavar="TAG", help="Agents in the folders of one tag of budget.json."),
    click.option("--project", metavar="FOLDER", help="Agents in one folder and below; * matches anything."),
)


def _scoped(command: Any) -> Any:
    for option in reversed(SCOPES):
        command = option(command)
    return command


@click.command()
@_scoped
@click.option("--for", "span", metavar="TIME", help="30m, 2h, 1d; until 'governor unhalt' otherwise.")
@click.option("--reason", default="", metavar="TEXT", help="The agent and you will read it.")
@click.option("--shared", is_flag=True, help="On all machines that see the file of the setting shared_halt.")
@click.option("--list", "listing", is_flag=True, help="Show the halts in force and change nothing.")
@json_option
def halt(
    everybody: bool,
    lane: str | None,
    session: str | None,
    agent: str | None,
    tag: str | None,
    project: str | None,
    span: str | None,
    reason: str,
    shared: bool,
    listing: bool,
    as_json: bool,
) -> None:
    """Stop agents before their next tool call: governor halt --all --reason "wrong branch"

    Several conditions hold together: --lane codex --project . stops Codex in this folder only. Only you can set and
    lift a halt; inside an agent's command both refuse. A halt also holds while 'governor off' is on.
    """
    settings = settings_in_force()
    if listing:
        _list(settings, as_json=as_json)
        return
    require_user("governor halt")
    conditions, projects = _conditions(lane, session, agent, tag, project, settings)
    if everybody == bool(conditions):
        raise BadInputError(
            "--all stops everybody, so it takes no other condition." if everybody else "Whom shall I halt?",
            "governor halt --all, or --lane codex, --session ID, --agent TYPE, --tag TAG, --project FOLDER",
        )
    now = ingest.now_s()
    until = now + duration_of(span) if span else None
    new = Halt(conditions, until=until, set_at=now, reason=rules.shown(reason), projects=projects)
    file = halting.shared_file(settings.values["shared_halt"]) if shared else halting.own_file()
    halting.add(new, file)
    if as_json:
        click.echo(json_data.dump(_as_data(settings, now=now)))
        return
    ending = f"until {moment(until, None, now=now)}" if until else "until you lift it"
    click.echo(f"Halted: {rules.whom(new)}, {ending}.")
    if (paths.home() / "install.json").exists():
        click.echo("Each is stopped at its next tool call or prompt; 'governor run' and handoffs end within 2 seconds.")
        click.echo("  next: governor unhalt --all lifts it")
    else:
        click.echo("No hooks are installed here: only 'governor run', handoffs and 'governor gate' obey.")
        click.echo("  next: governor install")


@click.command()
@_scoped
@json_option
def unhalt(
    everybody: bool,
    lane: str | None,
    session: str | None,
    agent: str | None,
    tag: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Lift a halt: governor unhalt --all, or with the conditions it was set with."""
    require_user("governor unhalt")
    settings = settings_in_force()
    wanted = {"lane": lane, "session": session, "agent": agent, "tag": tag, "project": _folder(project)}
    conditions = {name: value for name, value in wanted.items() if value}
    if everybody == bool(conditions):
        raise BadInputError("Which halt shall I lift?", "governor halt --list, then governor unhalt --all")
    files = [halting.own_file()]
    if settings.values["shared_halt"]:
        files.append(halting.shared_file(settings.values["shared_halt"]))
    lifted: list[Halt] = []
    for file in files:
        lifted += halting.lift(file, lambda each: everybody or each.conditions == conditions)
    now = ingest.now_s()
    if as_json:
        click.echo(json_data.dump({**_as_data(settings, now=now), "lifted": [_one(each, None) for each in lifted]}))
    elif lifted:
        click.echo(f"Lifted: {'; '.join(map(rules.whom, lifted))}. They may go on.\n  next: governor halt --list")
    else:
        raise BadInputError("No such halt is in force.", "governor halt --list")


def _conditions(
    lane: str | None, session: str | None, agent: str | None, tag: str | None, project: str | None, settings: Settings
) -> tuple[dict[str, str], list[str]]:
    """(conditions, the tag's folder patterns). Raises: BadInputError for what could never hold."""
    if session is not None and len(session) < SHORTEST_SESSION:
        raise BadInputError(f"{session!r} is too short to name one session.", "governor sessions shows their ids")
    projects: list[str] = []
    if tag is not None:
        tags = [each for each in settings.values["tags"] if each["tag"] == tag]
        projects = [each["project"] for each in tags if each["branch"] == "*" and each["project"] != "*"]
        if not projects:
            why = "goes by branch, which hooks cannot see" if tags else "is not in budget.json"
            raise BadInputError(f"The tag {tag!r} {why}.", "governor halt --project FOLDER")
    wanted = {"lane": lane, "session": session, "agent": agent, "tag": tag, "project": _folder(project)}
    return {name: value for name, value in wanted.items() if value}, projects


def _folder(project: str | None) -> str | None:
    if not project or project.startswith("*"):
        return project
    return os.path.abspath(os.path.expanduser(project))


def _in_force(settings: Settings, now: int) -> list[tuple[Halt, str]]:
    found = reader.in_force(str(paths.home()), now, patience_s=1.0)
    shared = str(settings.values["shared_halt"])
    if shared and not (paths.home() / reader.SHARED_NAME).exists():  # hooks hear of the setting at the next refresh
        file = Path(os.path.expanduser(shared))
        found += [(each, str(file)) for each in halting.known(file) if rules.is_in_force(each, now)]
    return found


def _as_data(settings: Settings, *, now: int) -> dict[str, Any]:
    """``governor.halt/1``."""
    halts = [_one(each, file) for each, file in _in_force(settings, now)]
    return {"schema": "governor.halt/1", "generated_at": utc(now), "halts": halts}


def _one(each: Halt, file: str | None) -> dict[str, Any]:
    return {
        "whom": rules.whom(each),
        "conditions": {name: each.conditions.get(name) for name in rules.CONDITIONS},
        "until": utc(each.until),
        "set_at": utc(each.set_at),
        "reason": each.reason or None,
        "damaged": each.is_damaged,
        "file": file,
    }


def _list(settings: Settings, *, as_json: bool) -> None:
    now = ingest.now_s()
    if as_json:
        click.echo(json_data.dump(_as_data(settings, now=now)))
        return
    found = _in_force(settings, now)
    for each, file in found:
        ends = f"until {moment(each.until, None, now=now)}" if each.until else "until lifted"
        since = f", set {moment(each.set_at, None, now=now)}" if each.set_at else ""
        click.echo(f"{rules.whom(each)}: {ends}{since}" + (f"; reason: {each.reason}" if each.reason else ""))
        click.echo(f"  in {file}")
    if not found:
        click.echo("No agent is halted.")
    if runtime.off_by(str(paths.home()), now) and found:
        click.echo("The hooks are silent (governor off), and the halts hold all the same.")
    click.echo("  next: governor unhalt --all" if found else "  next: governor halt --all")
