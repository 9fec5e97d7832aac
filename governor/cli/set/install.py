"""``governor install`` and ``governor uninstall``: what was done to which file, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from governor.cli.user_only import require_user

if TYPE_CHECKING:
    from governor.install import FileOutcome, Host, Scope

CLIENTS = {"claude": "Claude Code", "codex": "Codex"}
SCOPES = click.Choice(["user", "project", "local"])


@click.command()
@click.option("--claude", is_flag=True, help="Wire Claude Code, even if it was never run here.")
@click.option("--codex", is_flag=True, help="Wire Codex, even if it was never run here.")
@click.option(
    "--scope",
    type=SCOPES,
    default="user",
    show_default=True,
    help="Which Claude Code settings: yours everywhere, this project's, or yours in this project.",
)
@click.option("--dry-run", is_flag=True, help="Show the change as a diff and write nothing at all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def install(claude: bool, codex: bool, scope: Scope, dry_run: bool, as_json: bool) -> None:
    """Wire the hooks and the statusLine tap into Claude Code and Codex.

    Without --claude or --codex, whichever of the two is here. Your own hooks, statusLine, key order and formatting
    stay; `governor uninstall` gives every file back byte for byte.
    """
    from governor import install as installer

    outcomes = installer.install(hosts=_hosts(claude, codex), scope=scope, dry_run=dry_run)
    _tell("install", outcomes, _after_install(outcomes, dry_run), dry_run=dry_run, as_json=as_json)
    _raise_first(outcomes)


@click.command()
@click.option("--claude", is_flag=True, help="Only from Claude Code.")
@click.option("--codex", is_flag=True, help="Only from Codex.")
@click.option("--scope", type=SCOPES, default=None, help="Only from these settings. [default: all of them]")
@click.option("--dry-run", is_flag=True, help="Show the change as a diff and write nothing at all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def uninstall(claude: bool, codex: bool, scope: Scope | None, dry_run: bool, as_json: bool) -> None:
    """Unwire the hooks, leaving each settings file as it was before.

    Where a file was edited since, only our own entries are taken out. What was measured stays in the state folder.
    """
    from governor import install as installer

    if not dry_run:
        require_user("governor uninstall")
    outcomes = installer.uninstall(hosts=_hosts(claude, codex), scope=scope, dry_run=dry_run)
    steps = ["governor uninstall"] if dry_run else ["governor install puts the hooks back.", *_after_uninstall()]
    _tell("uninstall", outcomes, steps, dry_run=dry_run, as_json=as_json)
    _raise_first(outcomes)


def _raise_first(outcomes: list[FileOutcome]) -> None:
    for outcome in outcomes:
        if outcome.fault:
            raise outcome.fault


def _after_uninstall() -> list[str]:
    """What to do with the state folder: while it holds the last copy of something of the person's, look at that."""
    from governor import paths
    from governor.install import manifest

    home = paths.home()
    kept = [
        f"{home / name} ({what})"
        for name, what in (
            ("backups", "settings as they were before an install"),
            ("memory", "originals of compacted memory indexes"),
        )
        if any(path.is_file() for path in (home / name).rglob("*"))
    ]
    if kept:
        return [f"Copies of yours are kept in {' and '.join(kept)}. Look at them before you remove that folder."]
    if manifest.load(home):
        return []  # other files are still wired, and name what lies there
    return [f"rm -r {home} also forgets what was measured, for good."]


def _hosts(claude: bool, codex: bool) -> tuple[Host, ...]:
    named: list[Host] = []
    if claude:
        named.append("claude")
    if codex:
        named.append("codex")
    return tuple(named)


def _after_install(outcomes: list[FileOutcome], dry_run: bool) -> list[str]:
    if dry_run:
        return ["the same command without --dry-run"]
    steps = []
    outcomes = [outcome for outcome in outcomes if not outcome.fault]
    if any(outcome.host == "codex" for outcome in outcomes):
        from governor import paths
        from governor.install.codex import TRUST_STEP, codex_trust

        if any(hook.status in ("untrusted", "modified") for hook in codex_trust(paths.codex_home())):
            steps.append(TRUST_STEP)
    if any(outcome.host == "claude" for outcome in outcomes):
        steps.append("Open Claude Code sessions pick the hooks up by themselves, in folders whose trust you accepted.")
    return [*steps, "governor doctor shows whether all is well."]


def _tell(what: str, outcomes: list[FileOutcome], steps: list[str], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        import json

        targets = [
            {
                "host": outcome.host,
                "scope": outcome.scope,
                "path": outcome.path,
                "changed": outcome.changed,
                "diff": outcome.diff,
                "notes": list(outcome.notes),
                "fault": outcome.fault.message if outcome.fault else None,
            }
            for outcome in outcomes
        ]
        schema = f"governor.{what}/1"
        click.echo(json.dumps({"schema": schema, "dry_run": dry_run, "targets": targets, "next": steps}))
        return
    for outcome in outcomes:
        if dry_run and outcome.diff:
            click.echo(outcome.diff, nl=False)
        else:
            click.echo(f"{CLIENTS[outcome.host]}, {outcome.scope}: {_did(what, outcome)}")
        for note in outcome.notes:
            click.echo(f"  note: {note}")
    for step in steps:
        click.echo(f"next: {step}")


def _did(what: str, outcome: FileOutcome) -> str:
    if outcome.fault:
        return f"{outcome.path} could not be changed; see below."
    if not outcome.changed:
        return f"{outcome.path} has the hooks already." if what == "install" else f"{outcome.path} holds none of ours."
    return f"the hooks are in {outcome.path}." if what == "install" else f"the hooks are out of {outcome.path}."
