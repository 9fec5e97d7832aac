"""Makes governor/data/prices.json from the installed genai-prices wheel and the few facts the wheel does not hold.

    python scripts/make_prices.py            # write it
    python scripts/make_prices.py --check    # exit 1 when the vendored file differs

The output depends on nothing but this file and the pinned wheel. docs/prices.md tells the story of the numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from governor.quota.prices import key, names_of  # noqa: E402 - one idea of what a model's name is, not two

TARGET = ROOT / "governor" / "data" / "prices.json"
GENAI_PRICES = "0.2.3"
OBSERVED_WITH = "2.1.330"
TABLE_DATE = "2026-11-30"  # when the facts below were last looked at

# Companies that sell their own models, and how the names of those begin. Their rows carry the plain name; the first to
# name it wins.
MAKERS = {
    "anthropic": "",
    "openai": "",
    "google": "gem",
    "x-ai": "",
    "deepseek": "",
    "moonshotai": "",
    "zai": "",
    "minimax": "",
    "mistral": "",
    "cohere": "",
    "meta": "",
    "aws": "amazon.",
    "cursor": "composer-",
}
LANES = ("anthropic", "openai")  # sold elsewhere at the same price, so that no reseller's row is needed for them
ROUTER = "openrouter"  # its names are already "maker/model"; every other provider becomes an offer, "provider/model"

Prices = tuple[Decimal | None, ...]  # input, output, cache read, 5-minute write, 1-hour write, 1000 searches
Band = tuple[int | None, Prices]  # the largest prompt it covers
Segment = tuple[str, list[Band], list[Band] | None]  # first day, standard, fast


def usd(*prices: str | None) -> Prices:
    return tuple(None if price is None else Decimal(price) for price in (*prices, *[None] * (6 - len(prices))))


def flat(*prices: str) -> list[Band]:
    return [(None, usd(*prices))]


# What Claude Code 2.1.330 itself computed for 100,000 tokens of one kind, 2026-11-22. These outrank the wheel.
OBSERVED: dict[str, tuple[str, str, str, str, str]] = {
    "claude-fable-5-2": ("8", "40", "0.20", "10", "16"),
    "claude-fable-5-1": ("10", "50", "0.25", "12.5", "20"),
    "claude-fable-5": ("10", "50", "1.00", "12.5", "20"),
    "claude-mythos-5": ("10", "50", "1.00", "12.5", "20"),
    "claude-opus-5-5": ("4", "20", "0.20", "5", "8"),
    "claude-opus-5": ("5", "25", "0.50", "6.25", "10"),
    "claude-opus-4-8": ("5", "25", "0.50", "6.25", "10"),
    "claude-opus-4-5": ("5", "25", "0.50", "6.25", "10"),
    "claude-sonnet-5-5": ("2", "10", "0.10", "2.5", "4"),
    "claude-sonnet-5": ("2", "10", "0.20", "2.5", "4"),
    "claude-sonnet-4-6": ("3", "15", "0.30", "3.75", "6"),
    "claude-haiku-5-5": ("0.10", "0.50", "0.01", "0.125", "0.20"),
    "claude-haiku-4-5": ("1", "5", "0.10", "1.25", "2"),
}

# Rows the wheel lacks or has without their history.
FACTS: dict[str, list[Segment]] = {
    # Cache reads were cut from 0.1x to 0.05x of input on 2026-10-07. Source: release notes of claudit 1.9.1 and 1.9.2
    # and of PromptFuel 1.0.23, each after reading Anthropic's pricing page; the newer price was also observed.
    "claude-sonnet-5-5": [
        ("2026-09-28", flat("2", "10", "0.20", "2.5", "4"), None),
        ("2026-10-07", flat("2", "10", "0.10", "2.5", "4"), None),
    ],
    # Limited availability, same prices as Fable of that version. Source: observed; Anthropic's pricing page.
    "claude-mythos-5": [("", flat("10", "50", "1", "12.5", "20"), None)],
    "claude-mythos-5-1": [("2026-09-01", flat("10", "50", "0.25", "12.5", "20"), None)],
    # Fast mode 6x from 2026-02-07, 12x input and 9x output over 200k until long prompts became flat (Anthropic's fast
    # mode page, February and March editions); since 2026-06-29 asked-for fast runs and is billed as standard (the
    # same page, July edition; hermes-agent #82348). The half-price launch offer to 02-16 was not a list price.
    "claude-opus-4-6": [
        (
            "2026-02-05",
            [(200_000, usd("5", "25", "0.5", "6.25", "10")), (None, usd("10", "37.5", "1", "12.5", "20"))],
            [(200_000, usd("30", "150", "3", "37.5", "60")), (None, usd("60", "225", "6", "75", "120"))],
        ),
        ("2026-03-13", flat("5", "25", "0.5", "6.25", "10"), flat("30", "150", "3", "37.5", "60")),
        ("2026-06-29", flat("5", "25", "0.5", "6.25", "10"), flat("5", "25", "0.5", "6.25", "10")),
    ],
    # Fast mode 6x, refused since 2026-07-24. Source: models.dev #1764, openusage #835 (after Cursor), zed #61341.
    "claude-opus-4-7": [
        ("", flat("5", "25", "0.5", "6.25", "10"), flat("30", "150", "3", "37.5", "60")),
        ("2026-07-24", flat("5", "25", "0.5", "6.25", "10"), None),
    ],
    # The 1M beta priced prompts over 200k at 2x input and 1.5x output, as Sonnet 4.5 did. Source: Anthropic's
    # announcement of 2025-08-12. The beta ended 2026-04-30; longer prompts are refused since.
    "claude-sonnet-4-0": [
        (
            "",
            [(200_000, usd("3", "15", "0.3", "3.75", "6")), (None, usd("6", "22.5", "0.6", "7.5", "12"))],
            None,
        )
    ],
    # Source: Anthropic's price list of November 2023, the last that named it.
    "claude-instant-1.2": [("", flat("0.8", "2.4"), None)],
    # Fast mode 2x, announced to end on 2026-11-30: asked for later it is refused, so no price follows.
    "claude-opus-4-8": [
        ("", flat("5", "25", "0.5", "6.25", "10"), flat("10", "50", "1", "12.5", "20")),
        ("2026-12-01", flat("5", "25", "0.5", "6.25", "10"), None),
    ],
    # 2, 0.10 and 10 (LiteLLM #52347, AgentCompass 0.6.8); writes and band as for Astra below. No fast price known.
    "gpt-6.2-sol": [
        (
            "2026-11-17",
            [(272_000, usd("2", "10", "0.1", "2.5")), (None, usd("4", "15", "0.2", "5"))],
            None,
        )
    ],
    # 8 and 40, cached input 60 % below GPT-6 Astra's (LiteLLM #52347, docs.laozhang.ai 2026-11-18); cache writes 1.25x
    # and the 272k band as OpenAI documents them for every family since GPT-5.6. No fast price known.
    "gpt-6.2-astra": [
        (
            "2026-11-17",
            [(272_000, usd("8", "40", "0.4", "10")), (None, usd("16", "60", "0.8", "20"))],
            None,
        )
    ],
}

# First days, for the explanation of a price; a request from before is priced by the earliest row all the same.
LAUNCHED = {
    "claude-fable-5-1": "2026-09-01",
    "claude-fable-5-2": "2026-11-09",
    "claude-mythos-5-2": "2026-11-09",
    "claude-haiku-5-5": "2026-10-07",
    "claude-opus-5-5": "2026-09-22",
    "claude-sonnet-4-6": "2026-02-17",
    "claude-sonnet-5": "2026-06-30",
    "gpt-5.6-luna": "2026-07-09",
    "gpt-5.6-sol": "2026-07-09",
    "gpt-5.6-terra": "2026-07-09",
    "gpt-6-astra": "2026-09-03",
    "gpt-6-luna": "2026-09-22",
    "gpt-6-sol": "2026-09-22",
    "gpt-6.1-sol": "2026-09-29",
    "gpt-6.1-terra": "2026-10-26",
}

# Names the wheel does not know. "ultra" is an effort of Codex, billed as the model (splitrail #242).
ALIASES = {
    "gpt-5.6-sol-ultra": "gpt-5.6-sol",
    "claude-v2:0": "claude-2",
    "claude-v2:1": "claude-2",
    "claude-2.0": "claude-2",
    "claude-2.1": "claude-2",
}
# Names that a client uses for whatever model it has chosen: which one that was, from which day on. None: nobody said.
# Codex's auto-review (openai/codex #17505) began on GPT-5.4 and was "upgraded from GPT-5.4 to GPT-5.6 Luna" by OpenAI's
# word of 2026-07-30; its catalogue had Luna's profile at some time since 2026-07-09 (openusage #1125). What it became
# with GPT-6 Luna on 2026-09-22 was not said.
STAND_INS: dict[str, list[tuple[str, str | None]]] = {
    "codex-auto-review": [
        ("", "gpt-5.4"),
        ("2026-07-09", None),
        ("2026-07-30", "gpt-5.6-luna"),
        ("2026-09-22", None),
    ],
}
BEFORE_US_ONLY = (
    "claude-2",
    "claude-3",
    "claude-v1",
    "instant",
    "-4-0",
    "-4-1",
    "-4-5",
)  # 1.1x exists since Claude 4.6
FIELDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")


def priced(prices: Any) -> list[Band]:
    """The bands of one price of the wheel; empty where it is not sold by text tokens alone."""
    if prices.input_mtok is None or prices.output_mtok is None or getattr(prices, "requests_kcount", None) is not None:
        return []
    values = [getattr(prices, field) for field in FIELDS]
    searches = getattr(prices, "web_searches_kcount", None)
    if searches is not None and not isinstance(searches, Decimal):
        searches = None
    starts = sorted({tier.start for value in values for tier in getattr(value, "tiers", [])})
    bands: list[Band] = []
    for lower, upper in zip([None, *starts], [*starts, None], strict=True):
        at = [price_at(value, lower) for value in values]
        bands.append((upper, (*at, None if searches == 10 else searches)))
    return [band for n, band in enumerate(bands) if n + 1 == len(bands) or bands[n + 1][1] != band[1]]


def price_at(value: Any, start: int | None) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    price: Decimal = value.base
    for tier in value.tiers:
        if start is not None and tier.start <= start:
            price = tier.price
    return price


def hours(constraint: Any) -> int:
    start, end = (each.hour * 60 + each.minute for each in (constraint.start_time, constraint.end_time))
    return int((end - start) % 1440) // 60


def segments(model: Any) -> list[Segment]:
    """The dated prices of one model of the wheel, with its fast mode or priority tier."""
    listed = model.prices if isinstance(model.prices, list) else [model.prices]
    dated: list[tuple[str, Any]] = []
    by_hour: dict[str, tuple[int, Any]] = {}
    for entry in listed:
        constraint, prices = getattr(entry, "constraint", None), getattr(entry, "prices", entry)
        if constraint is None:
            dated.append(("", prices))
        elif hasattr(constraint, "start_date"):
            dated.append((constraint.start_date.isoformat(), prices))
        else:
            so_far = by_hour.get(str(prices), (0, prices))[0]
            by_hour[str(prices)] = (so_far + hours(constraint), prices)
    # Prices by the hour are not modelled: the one that holds for most of the day is taken (docs/prices.md).
    dated = [("", prices) for spent, prices in by_hour.values() if spent > 12] or dated
    assert dated == sorted(dated, key=lambda entry: entry[0]), model.id
    standard = [(start, priced(prices)) for start, prices in dated]
    standard = [(start, bands) for start, bands in standard if bands]
    quick: list[Band] = []
    for variant in model.price_variants or []:
        if variant.when in ({"speed": "fast"}, {"service_tier": "priority"}):
            quick = priced(variant.prices)
    if not quick or not standard:
        return [(start, bands, None) for start, bands in standard]
    return [(start, bands, scaled(quick, standard[-1][1], bands)) for start, bands in standard]


def scaled(quick: list[Band], latest: list[Band], bands: list[Band]) -> list[Band]:
    """Fast prices of an earlier segment: the wheel has only the latest, so the same ratios to standard are taken."""
    if bands == latest:
        return quick
    return [
        (
            limit,
            tuple(
                None if f is None or now is None or then is None else then * f / now
                for f, now, then in zip(fast, latest[n][1], bands[n][1], strict=True)
            ),
        )
        for n, (limit, fast) in enumerate(quick)
    ]


def names_in(clause: Any) -> Iterator[tuple[str, str]]:
    """The names of a match clause: ("equals", name) and ("starts", prefix)."""
    for part in getattr(clause, "or_", [clause]):
        if hasattr(part, "equals"):
            yield "equals", part.equals
        elif hasattr(part, "starts_with"):
            yield "starts", part.starts_with.removesuffix("2025").rstrip("-@.")


def bare(name: str) -> str:
    """The shortest name ``governor.quota.prices`` would look for."""
    return key([*names_of(name)][-1])


def table() -> dict[str, Any]:
    """The whole file, as values."""
    found = importlib.metadata.version("genai-prices")
    if found != GENAI_PRICES:
        sys.exit(
            f"genai-prices {found} is installed, the table is made from {GENAI_PRICES}.\n"
            f"  next: pip install genai-prices=={GENAI_PRICES}"
        )
    from genai_prices.data import providers

    by_id = {provider.id: provider for provider in providers}
    models: dict[str, list[Segment]] = {name: list(rows) for name, rows in FACTS.items()}
    taken = {key(name) for name in FACTS}
    aliases: dict[str, str] = {}
    patterns: list[tuple[str, str]] = []
    lanes = [model for maker in LANES for model in by_id[maker].models]
    listed = {bare(name) for model in lanes for _, name in (("", model.id), *names_in(model.match))} | taken

    def add(model: Any) -> bool:
        if key(model.id) not in taken and "ft:" not in model.id and ".ft" not in model.id and (rows := segments(model)):
            models[model.id] = rows
            taken.add(key(model.id))
        return model.id in models

    for maker, beginning in MAKERS.items():
        own = [model for model in by_id[maker].models if model.id.startswith(beginning)]
        kept = [model for model in sorted(own, key=lambda each: each.id) if add(model)]
        for kind, name, target in [(kind, name, model.id) for model in kept for kind, name in names_in(model.match)]:
            if kind == "starts" and maker not in LANES:
                patterns.append((f"{name}-*" if name.endswith("-preview") else f"{name}-preview*", target))
            if key(name) not in taken and bare(name) != key(target):
                aliases[name.lower()] = target
                taken.add(key(name))
    for model in sorted(by_id[ROUTER].models, key=lambda each: each.id):
        # Not: moving targets, a cheaper way of serving, and what the maker's own row prices already.
        if not model.id.startswith("~") and not model.id.endswith(":batch") and bare(model.id) not in listed:
            add(model)
    offers = {
        provider.id: rows
        for provider in providers
        if (MAKERS.get(provider.id) != "" and provider.id != ROUTER)
        and (rows := {m.id: encoded(s) for m in sorted(provider.models, key=lambda m: m.id) if (s := segments(m))})
    }
    aliases.update(ALIASES)
    for name, day in LAUNCHED.items():
        (_, standard, fast), *later = models[name]
        models[name] = [(day, standard, fast), *later]
    corrected = differences(models, {model.id: segments(model) for model in by_id["anthropic"].models})
    us_only = sorted(
        name for name in models if name.startswith("claude-") and not any(mark in name for mark in BEFORE_US_ONLY)
    )
    body = {
        "version": {"table": TABLE_DATE, "genai-prices": found, "Claude Code": OBSERVED_WITH},
        "corrected": corrected,
        "us_only": {"times": [11, 10], "models": us_only},
        "models": {name: encoded(models[name]) for name in sorted(models)},
        "offers": dict(sorted(offers.items())),
        "aliases": dict(sorted(aliases.items())),
        "stand_ins": STAND_INS,
        "patterns": sorted(patterns),
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return {"schema": 1, "digest": digest, **body}


def differences(models: dict[str, list[Segment]], wheel: dict[str, list[Segment]]) -> list[str]:
    """Lay the observed prices over today's segment. Returns the models of which the wheel said something else."""
    changed = []
    for name, row in OBSERVED.items():
        start, bands, fast = models[name][-1]
        limit, prices = bands[0]
        models[name][-1] = (start, [(limit, (*usd(*row)[:5], prices[5])), *bands[1:]], fast)
        if name not in wheel or wheel[name][-1][1][0][1][:5] != usd(*row)[:5]:
            changed.append(name)
    return changed


def encoded(rows: list[Segment]) -> list[Any]:
    """A row as ``governor.quota.prices`` reads it, as short as it can be said."""
    out = []
    for start, standard, fast in rows:
        bands = [[[limit, *numbers(prices)] for limit, prices in some] for some in (standard, fast) if some]
        out.append([start, *bands])
    if len(out) == 1 and not out[0][0] and len(out[0]) == 2 and len(out[0][1]) == 1:
        return list(out[0][1][0][1:])
    return out


def numbers(prices: Prices) -> list[float | int | None]:
    rounded = [None if price is None else round(price, 6) for price in prices]
    while rounded[-1] is None:
        rounded.pop()
    return [None if p is None else int(p) if p == int(p) else float(p) for p in rounded]


def text(values: dict[str, Any]) -> str:
    """JSON with one model to a line, so that a change of price reads as one."""

    def brief(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    parts = []
    for name, value in values.items():
        if name in ("models", "aliases"):
            lines = ",\n".join(f"{brief(model)}:{brief(row)}" for model, row in value.items())
            parts.append(f"{brief(name)}:{{\n{lines}\n}}")
        elif name == "offers":
            lines = ",\n".join(
                f"{brief(seller)}:{{\n" + ",\n".join(f"{brief(k)}:{brief(v)}" for k, v in rows.items()) + "\n}"
                for seller, rows in value.items()
            )
            parts.append(f"{brief(name)}:{{\n{lines}\n}}")
        else:
            parts.append(f"{brief(name)}:{brief(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Make governor/data/prices.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the vendored file differs")
    made = text(table())
    if not parser.parse_args().check:
        TARGET.write_text(made, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == made:
        return 0
    print(f"{TARGET.relative_to(ROOT)} is not what this script makes.\n  next: python scripts/make_prices.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
