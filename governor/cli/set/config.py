"""``governor config``: every setting, its value, and where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from governor import config as settings_room
from governor import durations, number_format, paths
from governor.cli.opening import json_option
from governor.errors import BudgetFileError

SPANS = ("lease", "open_for", "marathon", "wall", "grace", "quiet")  # settings in seconds (config.guards.Span)


@click.command()
@click.option("--path", is_flag=True, help="Only the budget file's path.")
@click.option("--schema", is_flag=True, help="The budget file's JSON schema.")
@json_option
def config(path: bool, schema: bool, as_json: bool) -> int:
    """Every setting, its value, and where it came from: default, the budget file, or the environment.

    Exits 1 where the file is wrong: all that is wrong in it is said, and the settings shown are those in force.
    """
    if path:
        click.echo(paths.config_file())
        return 0
    if schema:
        from governor.config.schema import Budget

        click.echo(json.dumps(Budget.model_json_schema(), indent=2))
        return 0
    settings = settings_room.in_force()
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
    else:
        _show(settings, rows)
    if settings.fault is not None:
        _say_faults(settings.fault, settings.file)
        return 1
    if not as_json:
        click.echo("\nnext: governor config --schema says what may stand in the file")
    return 0


def _show(settings: settings_room.Settings, rows: list[tuple[str, Any, str]]) -> None:
    """A line a setting; a line of its own for each budget, tag and price, which are too long for a column."""
    width = max(len(name) for name, _, _ in rows)
    click.echo(f"budget file  {settings.file}{'' if settings.file.exists() else '  (not there: all defaults)'}")
    click.echo(f"state        {paths.home()}")
    click.echo()
    for name, value, origin in rows:
        lines = _lines(name, value)
        shown = f"{len(lines)} in all" if lines else _value(name, value)
        click.echo(f"{name:<{width}}  {shown:<24}  {origin}")
        for line in lines:
            click.echo(f"  {line}")


def _lines(name: str, value: Any) -> list[str]:
    if name == "budgets":
        return [number_format.budget(one) for one in value]
    if name == "tags":
        return [", ".join(f"{key} {part}" for key, part in one.items() if part != "*") for one in value]
    if isinstance(value, dict):
        return [f"{key}: {json.dumps(part)}" for key, part in _given(value).items()]
    return []


def _given(value: dict[str, Any]) -> dict[str, Any]:
    """Without what is not set, at any depth."""
    return {
        key: _given(part) if isinstance(part, dict) else part for key, part in value.items() if part not in (None, {})
    }


def _value(name: str, value: Any) -> str:
    is_span = name.rpartition(".")[2] in SPANS and isinstance(value, int)
    return json.dumps(durations.words(value) if is_span else value, ensure_ascii=False)


def _say_faults(fault: BudgetFileError, file: Path) -> None:
    """All of them, and where to mend them."""
    if len(fault.faults) < 2:
        step = fault.next_step if fault.next_step != "governor config" else f"$EDITOR {file}"
        click.echo(f"\ngovernor: {fault.message}\n  next: {step}", err=True)
        return
    listed = "".join(f"\n  {one}" for one in fault.faults)
    click.echo(f"\ngovernor: {fault.message}\nAll that is wrong there:{listed}\n  next: $EDITOR {file}", err=True)


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in ("prices", "weights"):
            rows += _flat(value, f"{before}{name}.")
        else:
            rows.append((f"{before}{name}", value))
    return rows
