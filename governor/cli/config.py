"""``governor config``: every setting, its value, and where it came from."""

from __future__ import annotations

import json
from typing import Any

import click

from governor import config as settings_room
from governor import paths
from governor.cli.opening import json_option


@click.command()
@click.option("--path", is_flag=True, help="Only the budget file's path.")
@click.option("--schema", is_flag=True, help="The budget file's JSON schema.")
@json_option
def config(path: bool, schema: bool, as_json: bool) -> None:
    """Every setting, its value, and where it came from: default, the budget file, or the environment."""
    if path:
        click.echo(paths.config_file())
        return
    if schema:
        from governor.config.schema import Budget

        click.echo(json.dumps(Budget.model_json_schema(), indent=2))
        return
    settings = settings_room.load()
    rows = [(name, value, settings.origin.get(name, "default")) for name, value in _flat(settings.values)]
    if as_json:
        content = {
            "schema": "governor.config/1",
            "file": str(settings.file),
            "file_exists": settings.file.exists(),
            "state": str(paths.home()),
            "settings": [{"name": name, "value": value, "origin": origin} for name, value, origin in rows],
        }
        click.echo(json.dumps(content, indent=2))
        return
    width = max(len(name) for name, _, _ in rows)
    click.echo(f"budget file  {settings.file}{'' if settings.file.exists() else '  (not there: all defaults)'}")
    click.echo(f"state        {paths.home()}")
    click.echo()
    for name, value, origin in rows:
        click.echo(f"{name:<{width}}  {json.dumps(value):<24}  {origin}")
    click.echo("\nnext: governor config --schema says what may stand in the file")


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in ("prices", "weights"):
            rows += _flat(value, f"{before}{name}.")
        else:
            rows.append((f"{before}{name}", value))
    return rows
