"""How well each set of meter weights predicts the official meter on real stretches: leave one day out, per account.

    python scripts/fit_stretches.py stretches.jsonl [more.jsonl ...]

For each day of an account, one scale is fitted on its other days (units over percent, all stretches together) and
predicts the percentages of that day. Printed: the mean absolute error in points, its ratio to the classic weights and
to list prices with an 80 % interval (whole days resampled), the same on stretches without remote or unclaimed use, and
what the data say about each weight. The output is what docs/calibration.md shows.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from governor.calibration.weights import Sample, fit_weights
from governor.evaluation.scores import quantile
from governor.quota import units as quota_units

FIVE_HOUR_CHANGE = "2026-09-22"  # 5-hour limits +20 % (announced)
RESAMPLES = 400
# USD per million tokens: input, output, cache read, 5-minute and 1-hour write; as the client computed them, 2026-11-22.
LIST_USD: Mapping[str, tuple[float, float, float, float, float]] = {
    "claude-fable-5-2": (8, 40, 0.20, 10, 16),
    "claude-fable-5-1": (10, 50, 0.25, 12.5, 20),
    "claude-fable-5": (10, 50, 1.00, 12.5, 20),
    "claude-opus-5-5": (4, 20, 0.20, 5, 8),
    "claude-opus": (5, 25, 0.50, 6.25, 10),
    "claude-sonnet-5-5": (2, 10, 0.10, 2.5, 4),
    "claude-sonnet-5": (2, 10, 0.20, 2.5, 4),
    "claude-sonnet": (3, 15, 0.30, 3.75, 6),
    "claude-haiku-5-5": (0.10, 0.50, 0.01, 0.125, 0.20),
    "claude-haiku": (1, 5, 0.10, 1.25, 2),
}
Units = Callable[[Mapping[str, Sequence[float]]], float]


class Piece(NamedTuple):
    """One stretch of the file."""

    account: str
    day: str
    percent: float
    tokens: dict[str, list[float]]
    is_clean: bool


class Error(NamedTuple):
    """One prediction: its day and its absolute error in points."""

    day: str
    points: float


def read(path: Path) -> list[Piece]:
    """Every stretch of the file."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [
        Piece(
            row["account"],
            row["start"][:10],
            float(row["delta_pct"]),
            row["tokens"],
            not (row.get("cloud") or row.get("remote_turns") or row.get("unclaimed")),
        )
        for row in rows
    ]


def by_weights(weights: quota_units.Weights) -> Units:
    """Units under one set of meter weights."""
    kinds = weights[1:6]  # input, output, cache read, 5-minute and 1-hour write

    def units(tokens: Mapping[str, Sequence[float]]) -> float:
        return sum(
            weights.factor(model) * sum(n * w for n, w in zip(counts, kinds, strict=True))
            for model, counts in tokens.items()
        )

    return units


def by_list_price(tokens: Mapping[str, Sequence[float]]) -> float:
    """List price, in millionths of a dollar."""
    total = 0.0
    for model, counts in tokens.items():
        price = next(p for name, p in LIST_USD.items() if model.startswith(name))
        total += sum(n * usd for n, usd in zip(counts, price, strict=True))
    return total


def errors(pieces: Sequence[Piece], units: Units, *, by_regime: bool) -> list[Error]:
    """Leave-one-day-out errors. ``by_regime``: only days on the same side of the announced change, if there are any."""
    rows = [(p, units(p.tokens)) for p in pieces]
    out = []
    for day in sorted({p.day for p in pieces}):
        others = [(p, u) for p, u in rows if p.day != day]
        same = [(p, u) for p, u in others if (p.day >= FIVE_HOUR_CHANGE) == (day >= FIVE_HOUR_CHANGE)]
        train = same if by_regime and same else others
        if not train:
            continue
        scale = sum(u for _, u in train) / sum(p.percent for p, _ in train)
        out += [Error(day, abs(u / scale - p.percent)) for p, u in rows if p.day == day]
    return out


def mean(found: Sequence[Error]) -> float:
    """The mean absolute error in points."""
    return sum(e.points for e in found) / len(found)


def ratio_interval(ours: Sequence[Error], theirs: Sequence[Error], *, seed: int = 0) -> tuple[float, float]:
    """The 80 % interval of the ratio of mean errors, whole days resampled."""
    rng = random.Random(seed)
    blocks: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for mine, other in zip(ours, theirs, strict=True):
        blocks[mine.day][0] += mine.points
        blocks[mine.day][1] += other.points
    days = list(blocks.values())
    ratios = []
    for _ in range(RESAMPLES):
        drawn = rng.choices(days, k=len(days))
        ratios.append(sum(d[0] for d in drawn) / max(1e-9, sum(d[1] for d in drawn)))
    return quantile(ratios, 0.1), quantile(ratios, 0.9)


def table(pieces: Sequence[Piece], *, title: str, by_regime: bool) -> None:
    """One table, accounts apart."""
    print(f"\n{title}\n")
    print("| account | stretches | days | classic | list price | default | default ÷ classic | default ÷ list |")
    print("|---|---|---|---|---|---|---|---|")
    for account in sorted({p.account for p in pieces}):
        own = [p for p in pieces if p.account == account]
        found = [
            errors(own, units, by_regime=by_regime)
            for units in (by_weights(quota_units.CLASSIC), by_list_price, by_weights(quota_units.DEFAULT))
        ]
        if not found[0]:
            continue
        cells = [f"{mean(e):.2f}" for e in found]
        for rival in found[:2]:
            low, high = ratio_interval(found[2], rival)
            cells.append(f"{mean(found[2]) / mean(rival):.2f} [{low:.2f}, {high:.2f}]")
        print(f"| {account} | {len(own)} | {len({p.day for p in own})} | {' | '.join(cells)} |")


def weights_table(pieces: Sequence[Piece]) -> None:
    """What all accounts together, and each alone, say about each weight."""
    kinds = {"input": 1.0, "output": 5.0, "cache_read": quota_units.DEFAULT.cache_read, "cache_write": 1.0}
    models = {m: quota_units.DEFAULT.factor(m) for p in pieces for m in p.tokens}
    print("\n| fitted on | weight | default | data say | 80 % interval | |\n|---|---|---|---|---|---|")
    for name in ("all", *sorted({p.account for p in pieces})):
        samples = [
            Sample(
                f"{p.account} {p.day >= FIVE_HOUR_CHANGE}",
                p.percent,
                {m: (t[0], t[1], t[2], t[3] + t[4]) for m, t in p.tokens.items()},
                doubtful=not p.is_clean,
            )
            for p in pieces
            if name in ("all", p.account)
        ]
        for w in fit_weights(samples, kinds=kinds, models=models):
            interval = f"{w.low:.3g} to {w.high:.3g}"
            print(f"| {name} | {w.name} | {w.default:.3g} | {w.fitted:.3g} | {interval} | {w.says} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="one JSON object a line: a stretch")
    files: list[Path] = parser.parse_args().files
    try:
        pieces = [p for path in files for p in read(path)]
    except OSError as fault:
        parser.error(f"{fault.filename} cannot be read: {fault.strerror}")
    except (ValueError, KeyError, TypeError) as fault:
        parser.error(
            f"no file of stretches ({type(fault).__name__}: {fault}); a line holds account, start, delta_pct, tokens"
        )
    clean = [p for p in pieces if p.is_clean]
    table(pieces, title="All stretches, one scale per account", by_regime=False)
    table(clean, title="Only stretches without remote or unclaimed use, one scale per account", by_regime=False)
    table(pieces, title=f"All stretches, a scale of its own before and after {FIVE_HOUR_CHANGE}", by_regime=True)
    weights_table(pieces)


if __name__ == "__main__":
    main()
