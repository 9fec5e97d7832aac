"""What is wrong in a budget file, in words: where, by the names the person wrote, and what was probably meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from governor.config.guards import Limit, SettingsPart
from governor.config.schema import Budget, Price, Tag, WeightSettings

LISTED: Mapping[str, type[SettingsPart]] = {"budgets": Limit, "tags": Tag, "prices": Price, "weights": WeightSettings}
NAME_CHARS = 60


def sentences(errors: Sequence[Any], content: Mapping[str, Any]) -> list[str]:
    """One for each fault (pydantic's ``errors()``), in the file's order, without a full stop."""
    return list(dict.fromkeys(_sentence(one, content) for one in errors if not _is_other_form(one["loc"], content)))


def _is_other_form(loc: Sequence[Any], content: Mapping[str, Any]) -> bool:
    """``weights`` may be a name or a table, and pydantic complains of both: of the form that was not written, too."""
    if len(loc) < 2 or loc[0] != "weights":
        return False
    return bool(loc[1] == ("str" if isinstance(content["weights"], dict) else "Weights"))


def _sentence(one: Any, content: Mapping[str, Any]) -> str:
    loc = list(one["loc"])
    if loc[:1] == ["weights"] and loc[1:2] in (["Weights"], ["str"]):
        del loc[1]  # pydantic's word for which of the two forms it tried
    message = str(one["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if not loc:
        return message
    if isinstance(loc[-1], int):  # a budget as a whole, or one word of a list
        return f"{_where(loc, content)}{message}"
    where = f"{_where(loc[:-1], content)}{_shown(loc[-1])}"
    if one["type"] == "extra_forbidden":
        return f"{where} is no setting{_meant(str(loc[-1]), _names(loc[:-1]))}"
    if one["type"] == "missing":
        return f"{where} is missing"
    return f"{where} {message}" if message.startswith("must be") else f"{where}: {message}"


def _where(loc: Sequence[Any], content: Mapping[str, Any]) -> str:
    """The way there: ``budgets "night": ``, ``memory.``, ``prices "gpt-6": ``; nothing for the file itself."""
    way, value = "", content
    for n, part in enumerate(loc):
        value = _inside(value, part)
        if isinstance(part, int):
            name = next((value[key] for key in ("name", "tag") if isinstance(value, dict) and value.get(key)), None)
            known = isinstance(name, str)
            way = f"{way.rstrip('.')} {_quoted(name) if known else f'number {part + 1}'}: "
        elif n == 1 and loc[0] == "prices":
            way = f"prices {_quoted(part)}: "
        else:
            way += f"{_shown(part)}."
    return way


def _inside(value: Any, part: Any) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def _names(loc: Sequence[Any]) -> list[str]:
    """The settings that may stand there."""
    if not loc:
        return list(Budget.model_fields)
    part = LISTED.get(str(loc[0])) or Budget.model_fields[str(loc[0])].annotation
    return list(part.model_fields) if isinstance(part, type) and issubclass(part, SettingsPart) else []


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(known)}" if known else ""


def _shown(part: Any) -> str:
    return part if isinstance(part, str) and part.isidentifier() and len(part) <= NAME_CHARS else _quoted(part)


def _quoted(part: Any) -> str:
    return json.dumps(str(part)[:NAME_CHARS], ensure_ascii=False)
