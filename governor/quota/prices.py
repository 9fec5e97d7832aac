"""What a request would have cost at list price, on the day it was made: a dated table, read but never guessed.

The table itself is data (``data/prices.json``, made by ``scripts/make_prices.py``; docs/prices.md says where each
number comes from). This room finds the row: which model a name means, which prices held that day, which band the
prompt fell into. A name it does not know has no price at all. It never takes the price of a relative: a family
("opus") and an unknown newer version ("claude-opus-9") are unpriced. A client's own name for whatever model it chose
("codex-auto-review") is priced as the model it stood for on that day, and unpriced where that is not known.

Prices are notional. Nobody on a subscription is billed by them.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from governor.model import Usage

RULES = 2  # raise it when the same table comes to mean other costs, so that ledgers price again
MS_PER_DAY = 86_400_000
EPOCH = date(1970, 1, 1).toordinal()
SEARCHES_PER_1000 = 10.0  # USD; what both Anthropic and OpenAI list where a row names no other price
COMPONENTS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")

# Whose model it is, or which door it came through, written in front of the name: no part of the model's identity.
# Only doors that resell at the maker's list price stand here; other sellers have rows of their own ("offers").
_PREFIX = re.compile(
    r"arn:aws[^/]*/|(?:publishers|models|model|anthropic|openai|google|gemini|x-?ai|deepseek|moonshot(?:ai)?|z-?ai"
    r"|minimax|mistral(?:ai)?|cohere|openrouter|bedrock|vertex(?:_ai)?|azure(?:_ai)?|litellm)/"
    r"|(?:us|eu|apac|global|jp|au|ca|us-gov)\.(?=[a-z0-9-]+\.)|(?:anthropic|openai)\."
)
# Which snapshot of the model, or which way of serving it: "[1m]", "@20250929", "-latest", "-20250929", "-2025-08-07".
_SUFFIX = re.compile(r"(?:\[\w+\]|@(?:\d{8}|default|latest)|-latest|-\d{8}|-20\d\d-\d\d-\d\d)$")
_CLAUDE_BEDROCK = re.compile(r"(?<=\w)-v\d+(?::\d+)?$")  # only there is "-v1:0" never part of a model's name


class TokenPrice(NamedTuple):
    """Prices in picodollars: per token (1 USD per million tokens is 1,000,000 here), ``search`` per web search."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    search: int
    label: str  # the row it came from, for a person: "claude-sonnet-5-5 from 2026-10-07, fast"


class _Plan(NamedTuple):
    """Everything one name can cost: by day, then by size of prompt."""

    starts: tuple[int, ...]  # ms since 1970; before the first the earliest segment holds
    segments: tuple[
        tuple[tuple[int, ...], tuple[TokenPrice | None, ...]], ...
    ]  # (upper bounds of the bands, their rates)


class PriceTable:
    """The vendored table with the person's own prices laid over it."""

    def __init__(self, data: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> None:
        """``data`` is ``data/prices.json``, parsed.

        ``overrides`` maps a model's name, or a pattern with ``*``, to USD per million tokens: ``input`` and
        ``output``, and where wanted ``cache_read``, ``cache_write_5m``, ``cache_write_1h``. They hold as written: on
        every day, for every prompt size, fast or not. What they leave out stays as the table has it. An exact name
        beats a pattern, a longer pattern a shorter one.
        """
        self._data = data
        self._overrides = {key(name): prices for name, prices in (overrides or {}).items()}
        self._patterns = sorted(self._overrides, key=lambda name: ("*" in name, -len(name), name))
        self._index = {key(alias): model for alias, model in data["aliases"].items()}
        self._index.update((key(model), model) for model in data["models"])
        self._stand_ins = {key(name): row for name, row in data["stand_ins"].items()}
        self._us_only = frozenset(data["us_only"]["models"])
        self._plans: dict[tuple[str, bool, bool], _Plan | None] = {}

    def rate(self, model: str, at_ms: int, *, context: int, fast: bool, us_only: bool) -> TokenPrice | None:
        """The list prices of one request, or None: unpriced.

        ``context`` (tokens) chooses the band, and the band prices the whole request. ``fast`` is fast mode or the
        priority tier; where the table has no fast price for that day the request is unpriced. ``us_only`` is
        inference pinned to the USA, 1.1 times the token prices of Claude 4.6 and later.
        A request from before the first known price is priced by the earliest.
        """
        wanted = (model, fast, us_only)
        try:
            plan = self._plans[wanted]
        except KeyError:
            plan = self._plans[wanted] = self._plan(model, fast, us_only)
        if plan is None:
            stood_for = self._stood_for(model, at_ms)
            if stood_for is None:
                return None
            rate = self.rate(stood_for, at_ms, context=context, fast=fast, us_only=us_only)
            return None if rate is None else rate._replace(label=f"{model} as {rate.label}")
        limits, rates = plan.segments[bisect_right(plan.starts, at_ms)]
        return rates[bisect_left(limits, context)]

    def _stood_for(self, model: str, at_ms: int) -> str | None:
        """The model that a client's own name meant on that day; before the first day known, what it meant then."""
        for name in names_of(model):
            if (row := self._stand_ins.get(key(name))) is not None:
                starts = [(date.fromisoformat(start).toordinal() - EPOCH) * MS_PER_DAY for start, _ in row[1:]]
                stood_for: str | None = row[bisect_right(starts, at_ms)][1]
                return stood_for
        return None

    def cost(self, usage: Usage) -> int | None:
        """What a response cost at list price, in picodollars, or None: unpriced."""
        rate = self.rate(usage.model, usage.at_ms, context=usage.context, fast=usage.fast, us_only=usage.us_only)
        return None if rate is None else cost(rate, usage)

    @property
    def digest(self) -> str:
        """A short hash of the table, the person's prices and the rules of this room: price again when it changes."""
        own = json.dumps([RULES, self._data["digest"], self._overrides], sort_keys=True, default=str)
        return hashlib.sha256(own.encode()).hexdigest()[:16]

    @property
    def version(self) -> str:
        """The table's date and what it was made from, in words."""
        version = dict(self._data["version"])
        table = version.pop("table")
        return f"{table} ({', '.join(f'{name} {number}' for name, number in sorted(version.items()))})"

    def models(self) -> list[str]:
        """Every model the table knows, by its full name; sellers' own rows as ``seller/model``."""
        offered = (f"{seller}/{model}" for seller, rows in self._data["offers"].items() for model in rows)
        return sorted([*self._data["models"], *offered])

    def _plan(self, model: str, fast: bool, us_only: bool) -> _Plan | None:
        names = list(names_of(model))
        found = self._find(names)
        own, pattern = self._override([*names, found[0]] if found else names)
        if found is None:
            if own is None:
                return None
            found = (pattern, [None, None])
        known, row = found
        in_us = us_only and known in self._us_only
        starts: list[int] = []
        segments: list[tuple[tuple[int, ...], tuple[TokenPrice | None, ...]]] = []
        for number, (start, standard, *quick) in enumerate(_segments(row)):
            if number:
                starts.append((date.fromisoformat(start).toordinal() - EPOCH) * MS_PER_DAY)
            if fast and not quick and own is None:
                segments.append(((), (None,)))
                continue
            label = known + (f" from {start}" if start else "") + (f", own price ({pattern})" if own else "")
            label += (", fast" if fast else "") + (", US only" if in_us else "")
            bands = quick[0] if fast and quick else standard
            limits = tuple(limit for limit, *_ in bands[:-1])
            rates = []
            for lower, (_, *prices) in zip((0, *limits), bands, strict=True):
                rate = _rate(_laid_over(prices, own), label + (f", prompt over {lower:,} tokens" if lower else ""))
                rates.append(self._in_us(rate, own) if in_us else rate)
            segments.append((limits, tuple(rates)))
        return _Plan(tuple(starts), tuple(segments))

    def _find(self, names: list[str]) -> tuple[str, Any] | None:
        """The row a name means: exact first, then a seller's own, then by pattern, then a router's only listing."""
        for name in names:
            if (model := self._index.get(key(name))) is not None:
                return model, self._data["models"][model]
        if not names:
            return None
        seller, _, rest = names[0].partition("/")
        for model, row in self._data["offers"].get(seller, {}).items():
            if key(rest) == key(model):
                return f"{seller}/{model}", row
        for pattern, model in self._data["patterns"]:
            if any(fnmatchcase(name, pattern) for name in names):
                return model, self._data["models"][model]
        for name in names:
            listed = [model for model in self._data["models"] if key(model).endswith("/" + key(name))]
            if len(listed) == 1:
                return listed[0], self._data["models"][listed[0]]
        return None

    def _override(self, names: list[str]) -> tuple[Mapping[str, Any] | None, str]:
        """The person's own prices for any of these names, and the pattern that brought them."""
        spellings = {key(name) for name in names}
        for pattern in self._patterns:
            glob = pattern.replace("[", "[[]")  # only * is a wildcard: "[1m]" is part of a name
            if pattern in spellings or any(fnmatchcase(name, glob) for name in spellings):
                return self._overrides[pattern], pattern
        return None, ""

    def _in_us(self, rate: TokenPrice, own: Mapping[str, Any] | None) -> TokenPrice:
        """Token prices times 1.1, except those the person wrote; searches cost the same everywhere."""
        over, under = self._data["us_only"]["times"]
        dearer = {name: getattr(rate, name) * over // under for name in COMPONENTS if (own or {}).get(name) is None}
        return rate._replace(**dearer)


def cost(rate: TokenPrice, usage: Usage) -> int:
    """Exact picodollars of one response: whole tokens times whole picodollars, summed. Reasoning is in ``output``."""
    return (
        rate.input * usage.input
        + rate.output * usage.output
        + rate.cache_read * usage.cache_read
        + rate.cache_write_5m * usage.cache_write_5m
        + rate.cache_write_1h * usage.cache_write_1h
        + rate.search * usage.searches
    )


def key(name: str) -> str:
    """One spelling for "GPT-5.1", "gpt-5-1", "gpt_5.1" and "GPT 5.1"."""
    return name.lower().replace(".", "-").replace("_", "-").replace(" ", "-")


def names_of(model: str) -> Iterator[str]:
    """The names to look for, the most exact first: as written, without doors in front, without snapshot behind."""
    heads = [model.strip().lower()]
    while found := _PREFIX.match(heads[-1]):
        heads.append(heads[-1][found.end() :])
    heads = [head for head in heads if head]
    while heads:
        yield from heads
        cut = [_SUFFIX.sub("", head) for head in heads]
        cut = [
            _CLAUDE_BEDROCK.sub("", short) if short == head and short.startswith("claude-") else short
            for head, short in zip(heads, cut, strict=True)
        ]
        heads = [short for head, short in zip(heads, cut, strict=True) if short and short != head]


def _segments(row: Any) -> Any:
    """A row is one list of prices, or a list of ``[from, bands]`` and ``[from, bands, fast bands]``."""
    return row if isinstance(row[0], list) else [["", [[None, *row]]]]


def _laid_over(prices: list[float | None], own: Mapping[str, Any] | None) -> list[float | None]:
    full = [*prices, *[None] * (6 - len(prices))]
    for place, name in enumerate(COMPONENTS):
        if own is not None and own.get(name) is not None:
            full[place] = float(own[name])
    return full


def _rate(prices: list[float | None], label: str) -> TokenPrice:
    """Fill the gaps as the makers bill them: a prompt token with no price of its own is a plain input token.

    GPT before 5.6 writes its cache at no extra charge; a model without cache prices charges reads as input. A
    one-hour write without a price of its own costs what a five-minute write costs.
    """
    plain, output, read, write, hour, searches = prices
    if plain is None or output is None:
        raise ValueError(f"{label}: a price needs at least input and output")
    write = plain if write is None else write
    return TokenPrice(
        _pico(plain),
        _pico(output),
        _pico(plain if read is None else read),
        _pico(write),
        _pico(write if hour is None else hour),
        _pico(SEARCHES_PER_1000 if searches is None else searches) * 1000,
        label,
    )


def _pico(usd_per_million: float) -> int:
    """USD per million tokens to picodollars per token; the table holds no price finer than that."""
    return round(usd_per_million * 1_000_000)
