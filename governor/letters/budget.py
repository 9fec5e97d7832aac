"""The budget guard's letter: the budgets, what days and projects have used, and what each model costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from governor import config, marathon, spending
from governor.config import Settings
from governor.guards.budget import UNITS, Used
from governor.ledger import read
from governor.letters.models import KNOWN
from governor.letters.post import Desk
from governor.prices import COMPONENTS

LATELY_S = 60 * 86_400
RESUMED_S = 7 * 86_400  # an older session that is taken up again begins anew
BANDS = (0, 100_000, 200_000, 272_000)  # prompt sizes beyond which some model has another price


def letter(desk: Desk) -> tuple[str, dict[str, Any]]:
    """Quiet without budgets."""
    budgets = desk.settings.values["budgets"]
    if not budgets:
        return "quiet", {}
    spent = {found.budget["name"]: found for found in spending.spent(desk.ledger, desk.settings, now=desk.now)}
    rows = []
    for budget in budgets:
        limits = {unit: budget[unit] for unit in UNITS if budget[unit] is not None}
        row = {name: budget[name] for name in ("name", "per", "lane", "project", "action")} | {"limits": limits}
        found = spent.get(budget["name"])
        if found is not None:
            used = {project: _plain(one) for project, one in found.used.items()}
            row |= {"since": found.since, "until": found.until, "as_of": desk.now}
            row["used"] = used if budget["per"] == "project" else used.get("", {})
        rows.append(row)
    calls = {one.session: one.calls for one in spending.live()}
    covered = read.newest(desk.ledger, desk.now - 2 * 86_400)
    names = read.models(desk.ledger, desk.now - LATELY_S, desk.now)
    content: dict[str, Any] = {"before": _before(desk)} if any(row["per"] == "session" for row in rows) else {}
    content |= {
        "budgets": rows,
        "calls": calls,
        "covered": covered,
        "models": rates(names, desk.settings, now=desk.now),
    }
    return "speak", content


def _before(desk: Desk) -> dict[str, list[float]]:
    """By session: [tokens, picodollars, units, unpriced responses] used by now, for those that are taken up again."""
    rows = read.sessions(desk.ledger, desk.now - RESUMED_S, desk.now + 1, booked=False)
    used = {one.session: one.tally for one in marathon.sessions(rows, desk.settings.weights)}
    return {name: [each.fresh, each.cost, round(each.units), each.unpriced_requests] for name, each in used.items()}


def _plain(used: Used) -> dict[str, float]:
    return {name: getattr(used, name) for name in ("tokens", "usd", "units", "unpriced", "tool_calls")}


def rates(names: Iterable[str], settings: Settings, *, now: int) -> dict[str, Any]:
    """By model: ``usd``, a list of [prompts above this many tokens, picodollars per token of each kind], and
    ``units``, the meter weight of each kind. Kinds: input, output, cache read, write 5m, write 1h.
    """
    table = config.price_table(settings.prices)
    weights = settings.weights
    kinds = (weights.input, weights.output, weights.cache_read, weights.cache_write_5m, weights.cache_write_1h)
    found = {}
    for name in sorted({*names, *(model for model in table.models() if model.startswith(KNOWN))}):
        bands: list[list[Any]] = []
        for size in BANDS:
            rate = table.rate(name, now * 1000, context=size + 1, fast=False, us_only=False)
            price = rate and [getattr(rate, component) for component in COMPONENTS]
            if price is not None and (not bands or bands[-1][1] != price):
                bands.append([size, price])
        factor = weights.factor(name)
        found[name] = {"usd": bands, "units": [round(kind * factor, 6) for kind in kinds]}
    return found
