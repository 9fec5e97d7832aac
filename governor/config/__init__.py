"""The person's settings: default < ``budget.json`` < environment < command line, and each knows where it came from."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from governor import paths
from governor.errors import BudgetFileError, StateError
from governor.hooks import runtime
from governor.quota import units

if TYPE_CHECKING:
    from governor.quota.prices import PriceTable

COMPILED = 5  # raise it when the compiled form changes, or what may stand in the file
UNNAMED = "unset GOVERNOR_CONFIG, or write the file: echo '{}' > \"$GOVERNOR_CONFIG\""


class Settings(NamedTuple):
    """The checked settings as plain values. ``values`` mirrors ``schema.Budget``; ``origin`` says who set what."""

    values: dict[str, Any]
    origin: dict[str, str]  # dotted name -> file | environment; a missing name is a default
    file: Path
    fault: BudgetFileError | None = None  # why these are not what the file says

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
    def weights(self) -> units.Weights:
        return units.weights(self.values["weights"])

    @property
    def prices(self) -> dict[str, Any]:
        return dict(self.values["prices"])

    @property
    def tags(self) -> list[dict[str, str]]:
        return list(self.values["tags"])


def load(*, keep: bool = True) -> Settings:
    """The settings as the file has them now, for whatever enforces them. The checked form is kept in the state folder
    while the file stays the same (``keep`` false writes nothing). A file that GOVERNOR_CONFIG names and that is lost
    (it said something, and is not there any more) leaves the last good settings in force, and ``fault`` says so; one
    that never was is no fault.

    Raises: BudgetFileError where the file is wrong.
    """
    file = paths.config_file()
    compiled = _compiled()
    try:
        info = file.stat()
        stamp: list[Any] = [COMPILED, str(file), info.st_mtime_ns, info.st_size]
    except OSError:
        stamp = [COMPILED, str(file), 0, 0]
        if compiled is not None and compiled["chosen"] and compiled["stamp"][1] == str(file) and _is_lost(file):
            text = f"{file}, which GOVERNOR_CONFIG names, is not there any more; the last good settings stay in force."
            kept = _settings(compiled["values"], compiled["chosen"], file)
            return kept._replace(fault=BudgetFileError(text, UNNAMED))
    if compiled is None or compiled["stamp"] != stamp:
        values, chosen = _check(file)
        compiled = {"stamp": stamp, "values": values, "chosen": chosen}
        try:
            if not keep:
                return _settings(values, chosen, file)
            paths.claim_home()
            runtime.write_private(str(paths.home() / "settings.json"), json.dumps(compiled).encode())
        except (OSError, StateError):
            pass  # a read-only state folder costs speed, not truth
    return _settings(compiled["values"], compiled["chosen"], file)


def in_force(*, keep: bool = True) -> Settings:
    """The same, for whatever only reads and for the hooks' refresh: never a fault, which ``fault`` then holds.

    While the file is wrong the last settings that were good stay in force, so that a slip of the pen neither lifts a
    limit nor silences the hooks. Where none were, all is default.
    """
    try:
        return load(keep=keep)
    except BudgetFileError as fault:
        file = paths.config_file()
        kept = _compiled()
        settings = _settings(kept["values"], kept["chosen"], file) if kept else _settings(_defaults(), [], file)
        stays = "the last good settings stay in force" if kept else "every setting is at its default"
        message = f"{fault.message} Until that is mended, {stays}."
        return settings._replace(fault=BudgetFileError(message, fault.next_step, fault.faults))


def _settings(values: dict[str, Any], chosen: list[str], file: Path) -> Settings:
    origin = dict.fromkeys(chosen, "file")
    machine = os.environ.get("GOVERNOR_MACHINE")
    if machine:
        values = {**values, "machine": machine}
        origin["machine"] = "environment"
    return Settings(values, origin, file)


def _is_lost(file: Path) -> bool:
    """Is a file that the person named by hand not there? A file in the config folder may well be deleted on purpose."""
    return paths.is_config_named() and not os.path.lexists(file)


def _compiled() -> dict[str, Any] | None:
    """The last settings that were good, in the form of this version."""
    try:
        content = json.loads((paths.home() / "settings.json").read_bytes())
        known = content["stamp"][0] == COMPILED and {"values", "chosen"} <= {*content}
        return content if known else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def price_table(overrides: dict[str, Any]) -> PriceTable:
    """The price list that ships with us, under the person's own prices (``Settings.prices``)."""
    from governor.quota.prices import PriceTable

    return PriceTable(_prices(), overrides)


@cache
def _prices() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(paths.data_file("prices.json").read_bytes())
    return content


def _defaults() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(paths.data_file("defaults.json").read_bytes())
    return values


def _check(file: Path) -> tuple[dict[str, Any], list[str]]:
    """(all values with defaults filled in, dotted names that the file sets)."""
    try:
        raw = file.read_text("utf-8-sig")
    except FileNotFoundError:
        return _defaults(), []
    except (OSError, UnicodeDecodeError) as fault:
        raise BudgetFileError(f"{file} cannot be read: {fault}.", "governor config --path") from fault
    content = _parse(file, raw)
    if not content:  # most people's first run: pydantic would cost a quarter of a second to say this
        return _defaults(), []
    from pydantic import ValidationError

    from governor.config import faults
    from governor.config.schema import Budget

    try:
        budget = Budget.model_validate(content)
    except ValidationError as fault:
        found = faults.sentences(fault.errors(), content)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        stop = "" if found[0].endswith("?") and not more else "."
        raise BudgetFileError(f"{file}: {found[0]}{more}{stop}", "governor config", tuple(found)) from fault
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
        raise BudgetFileError(f"{file} cannot be read: {problem}.", f"$EDITOR {file}") from fault
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BudgetFileError(f"{file} must hold one object, not a {type(content).__name__}.", f"$EDITOR {file}")
    return content


def _dotted(content: dict[str, Any], before: str = "") -> list[str]:
    names = []
    for name, value in content.items():
        if isinstance(value, dict) and value and name not in ("prices", "weights"):
            names += _dotted(value, f"{before}{name}.")
        else:
            names.append(f"{before}{name}")
    return names
