"""The person's settings: default < ``budget.json`` < environment < command line, and each knows where it came from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from governor import hook, meter, paths
from governor.errors import BadInputError, StateError

COMPILED = 4  # raise it when the compiled form changes


class Settings(NamedTuple):
    """The checked settings as plain values. ``values`` mirrors ``schema.Budget``; ``origin`` says who set what."""

    values: dict[str, Any]
    origin: dict[str, str]  # dotted name -> file | environment; a missing name is a default
    file: Path

    @property
    def machine(self) -> str:
        """This machine's name in the ledger."""
        return str(self.values["machine"]) or os.uname().nodename or "this machine"

    @property
    def person(self) -> str:
        return str(self.values["person"])

    @property
    def plan(self) -> str:
        """The plan the person is on, for ``feasibility``; empty where unsaid."""
        return str(self.values["plan"])

    @property
    def weights(self) -> meter.Weights:
        return meter.weights(self.values["weights"])

    @property
    def prices(self) -> dict[str, Any]:
        return dict(self.values["prices"])

    @property
    def tags(self) -> list[dict[str, str]]:
        return list(self.values["tags"])


def load() -> Settings:
    """The settings in force. The checked form is kept in the state folder while the file stays the same.

    Raises: BadInputError naming the first wrong entry and how to see them all.
    """
    file = paths.config_file()
    try:
        info = file.stat()
        stamp: list[Any] = [COMPILED, str(file), info.st_mtime_ns, info.st_size]
    except OSError:
        stamp = [COMPILED, str(file), 0, 0]
    compiled = _compiled(stamp)
    if compiled is None:
        values, chosen = _check(file)
        compiled = {"stamp": stamp, "values": values, "chosen": chosen}
        try:
            paths.claim_home()
            hook.write_private(str(paths.home() / "settings.json"), json.dumps(compiled).encode())
        except (OSError, StateError):
            pass  # a read-only state folder costs speed, not truth
    origin = dict.fromkeys(compiled["chosen"], "file")
    values = compiled["values"]
    machine = os.environ.get("GOVERNOR_MACHINE")
    if machine:
        values = {**values, "machine": machine}
        origin["machine"] = "environment"
    return Settings(values, origin, file)


def _compiled(stamp: list[Any]) -> dict[str, Any] | None:
    try:
        content = json.loads((paths.home() / "settings.json").read_bytes())
        return content if content["stamp"] == stamp else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check(file: Path) -> tuple[dict[str, Any], list[str]]:
    """(all values with defaults filled in, dotted names that the file sets)."""
    try:
        raw = file.read_text("utf-8-sig")
    except FileNotFoundError:  # most people's first run: pydantic would cost a quarter of a second to say this
        return json.loads(paths.data_file("defaults.json").read_bytes()), []
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInputError(f"{file} cannot be read: {fault}.", "governor config --path") from fault
    content = _parse(file, raw)
    from pydantic import ValidationError

    from governor.config.schema import Budget

    try:
        budget = Budget.model_validate(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        more = f" ({fault.error_count()} faults in all)" if fault.error_count() > 1 else ""
        raise BadInputError(f"{file}: {where}: {first['msg']}{more}.", "governor config --schema") from fault
    return budget.model_dump(mode="json"), sorted(_dotted(content))


def _parse(file: Path, raw: str) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        if file.suffix in (".yaml", ".yml"):
            import yaml

            content = yaml.safe_load(raw)
        else:
            content = json.loads(raw)
    except Exception as fault:  # yaml's own hierarchy, or ValueError
        problem = str(fault).splitlines()[0]
        raise BadInputError(f"{file} cannot be read: {problem}.", f"$EDITOR {file}") from fault
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadInputError(f"{file} must hold one object, not a {type(content).__name__}.", "governor config --schema")
    return content


def _dotted(content: dict[str, Any], before: str = "") -> list[str]:
    names = []
    for name, value in content.items():
        if isinstance(value, dict) and value and name not in ("prices", "weights"):
            names += _dotted(value, f"{before}{name}.")
        else:
            names.append(f"{before}{name}")
    return names
