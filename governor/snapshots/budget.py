"""The budget guard's snapshot: the budgets, and what each model costs. What all sessions have used of the budgets they
share goes into their common book (governor.hooks.state.shared_usage), in one step with what the ledger holds by now.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from governor import config, paths
from governor.config import Settings
from governor.hooks.budget import shared_sums
from governor.hooks.budget.rules import PERS, UNITS
from governor.hooks.state import locks, session_file, shared_usage
from governor.ledger import by_key, read
from governor.pipeline import budget_sums
from governor.quota.prices import COMPONENTS
from governor.snapshots.material import SnapshotMaterial
from governor.snapshots.models import KNOWN
from governor.usage import sessions as usage_sessions

LATELY_S = 60 * 86_400
RESUMED_S = 7 * 86_400  # an older session that is taken up again begins anew
LIVE_S = 2 * 86_400  # sessions that were heard of within this time may have more to tell than they did
PATIENCE_S = 0.5  # for a session whose own hook counts just now
BANDS = (0, 100_000, 200_000, 272_000)  # prompt sizes beyond which some model has another price


def snapshot(desk: SnapshotMaterial) -> tuple[str, dict[str, Any]]:
    """Quiet without budgets."""
    budgets = desk.settings.values["budgets"]
    if not budgets:
        return "quiet", {}
    names = read.models(desk.ledger, desk.now - LATELY_S, desk.now)
    models = rates(names, desk.settings, now=desk.now)
    base = _settle(desk, models) if any(budget["per"] in PERS for budget in budgets) else {}
    rows = []
    for budget in budgets:
        limits = {unit: budget[unit] for unit in UNITS if budget[unit] is not None}
        kept = budget_sums.settled(
            {name: budget[name] for name in ("name", "per", "lane", "project", "action", "tag")}, desk.settings
        )
        rows.append(kept | {"limits": limits} | base.get(budget["name"], {}))
    content: dict[str, Any] = {"before": _before(desk)} if any(row["per"] == "session" for row in rows) else {}
    return "speak", content | {"budgets": rows, "models": models}


def _settle(desk: SnapshotMaterial, models: dict[str, Any]) -> dict[str, Any]:
    """What the ledger holds of each budget that sessions share, written into their book; what is in it by then leaves
    the book's own rows.

    First every session counts what its transcripts have gained: then no response of theirs can be in the ledger and be
    counted by a hook afterwards. All of the ledger's figures are of one moment before that.
    """
    home, now = str(paths.home()), desk.now
    with by_key.moment(desk.ledger):
        for state in shared_usage.states(home):
            place = session_file(home, "live", lane=state["lane"], session=state["session"])
            if os.path.getmtime(place) > now - LIVE_S:
                shared_usage.catch_up(home, state["lane"], state["session"], models, now, wait_s=PATIENCE_S)
        try:
            with shared_usage.Together(home, now) as together:
                book = together.book
                counted = by_key.outputs(desk.ledger, book["rows"])
                waiting = shared_sums.unfinished(book, counted)
                listed = budget_sums.spent(desk.ledger, desk.settings, now=now, book=book)
                base = budget_sums.base(listed, desk.ledger, desk.settings, unfinished=waiting, now=now)
                if book["as_of"] <= now:  # else another refresh knew more
                    shared_sums.refreshed(book, base, counted, as_of=now)
                return base
        except locks.BusyError:
            return {}


def _before(desk: SnapshotMaterial) -> dict[str, list[float]]:
    """By session: [tokens, picodollars, units, unpriced responses] used by now, for those that are taken up again."""
    rows = read.sessions(desk.ledger, desk.now - RESUMED_S, desk.now + 1, booked=False)
    used = {one.session: one.tally for one in usage_sessions.sessions(rows, desk.settings.weights)}
    return {name: [each.fresh, each.cost, round(each.units), each.unpriced_requests] for name, each in used.items()}


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
