"""The dated price table: every number a person may check against a price page, and every refusal to guess."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.model import PICO_PER_USD, Usage
from governor.quota.prices import COMPONENTS, PriceTable, TokenPrice, cost, key

ROOT = Path(__file__).resolve().parent.parent
VENDORED = ROOT / "governor" / "data" / "prices.json"
DATA = json.loads(VENDORED.read_text(encoding="utf-8"))
TABLE = PriceTable(DATA)


def at(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


NOW = at("2026-11-22")


def rate(
    model: str,
    day: str = "2026-11-22",
    *,
    context: int = 1000,
    fast: bool = False,
    us_only: bool = False,
    table: PriceTable = TABLE,
) -> TokenPrice | None:
    return table.rate(model, at(day), context=context, fast=fast, us_only=us_only)


def usd(priced: TokenPrice | None) -> tuple[float, ...]:
    """Input, output, read, 5-minute and 1-hour write, in USD per million tokens."""
    assert priced is not None
    return tuple(price / 1_000_000 for price in priced[:5])


def usage(**counts: int) -> Usage:
    blank: dict[str, Any] = dict.fromkeys(Usage._fields, 0)
    return Usage(**{**blank, "lane": "claude", "model": "claude-opus-5-5", **counts})


def rows(function: Callable[..., Any]) -> list[list[str]]:
    """The table in a test's docstring: one row a line, cells between bars."""
    lines = [line.strip() for line in (function.__doc__ or "").splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_prices", ROOT / "scripts" / "make_prices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        installed = importlib.metadata.version("genai-prices")
    except importlib.metadata.PackageNotFoundError:
        installed = "no version"
    if installed != module.GENAI_PRICES:
        pytest.skip(f"the table is made from genai-prices {module.GENAI_PRICES}; {installed} is installed")
    return module


def test_todays_prices_are_those_the_client_computes() -> None:
    """
    | model             | input | output | read | write 5m | write 1h |
    | claude-fable-5-2  | 8     | 40     | 0.20 | 10       | 16       |
    | claude-fable-5-1  | 10    | 50     | 0.25 | 12.5     | 20       |
    | claude-fable-5    | 10    | 50     | 1.00 | 12.5     | 20       |
    | claude-mythos-5   | 10    | 50     | 1.00 | 12.5     | 20       |
    | claude-opus-5-5   | 4     | 20     | 0.20 | 5        | 8        |
    | claude-opus-5     | 5     | 25     | 0.50 | 6.25     | 10       |
    | claude-opus-4-8   | 5     | 25     | 0.50 | 6.25     | 10       |
    | claude-opus-4-5   | 5     | 25     | 0.50 | 6.25     | 10       |
    | claude-sonnet-5-5 | 2     | 10     | 0.10 | 2.5      | 4        |
    | claude-sonnet-5   | 2     | 10     | 0.20 | 2.5      | 4        |
    | claude-sonnet-4-6 | 3     | 15     | 0.30 | 3.75     | 6        |
    | claude-haiku-5-5  | 0.10  | 0.50   | 0.01 | 0.125    | 0.20     |
    | claude-haiku-4-5  | 1     | 5      | 0.10 | 1.25     | 2        |
    """
    table = rows(test_todays_prices_are_those_the_client_computes)
    assert 13 == len(table)
    for model, *prices in table:
        priced = rate(model, context=100_000)
        assert priced is not None
        assert [Fraction(price) * 1_000_000 for price in prices] == list(priced[:5]), model
        assert PICO_PER_USD // 100 == priced.search  # 10 USD per 1,000


def test_todays_gpt_prices() -> None:
    """
    | model          | input | output | read  | write |
    | gpt-6-astra    | 10    | 50     | 1     | 12.5  |
    | gpt-6.2-astra  | 8     | 40     | 0.4   | 10    |
    | gpt-6.2-sol    | 2     | 10     | 0.1   | 2.5   |
    | gpt-6-sol      | 2     | 10     | 0.2   | 2.5   |
    | gpt-6.1-sol    | 2     | 10     | 0.1   | 2.5   |
    | gpt-6.1-terra  | 1     | 5      | 0.05  | 1.25  |
    | gpt-6-luna     | 0.1   | 0.5    | 0.01  | 0.125 |
    | gpt-5.6-sol    | 4     | 20     | 0.4   | 5     |
    | gpt-5.6-terra  | 2     | 12     | 0.2   | 2.5   |
    | gpt-5.6-luna   | 0.2   | 1.2    | 0.02  | 0.25  |
    | gpt-5.5        | 5     | 30     | 0.5   | 5     |
    | gpt-5.4        | 2.5   | 15     | 0.25  | 2.5   |
    | gpt-5.3-codex  | 1.75  | 14     | 0.175 | 1.75  |
    | gpt-5.2-codex  | 1.75  | 14     | 0.175 | 1.75  |
    | gpt-5.1-codex-max | 1.25 | 10   | 0.125 | 1.25  |
    | gpt-5-codex    | 1.25  | 10     | 0.125 | 1.25  |
    """  # before 5.6 a cache write had no price of its own: it is plain input
    for model, *prices in rows(test_todays_gpt_prices):
        assert tuple(map(float, prices)) == usd(rate(model))[:4], model


def test_a_price_holds_from_its_first_day_at_midnight_utc() -> None:
    """
    | model             | until            | from       | component  | before | since |
    | claude-sonnet-5-5 | 2026-10-06T23:59:59.999 | 2026-10-07 | cache_read | 0.20 | 0.10 |
    | gpt-5.6-sol       | 2026-08-20T23:59:59.999 | 2026-08-21 | output     | 30   | 20   |
    | gpt-5.6-sol       | 2026-08-20T23:59:59.999 | 2026-08-21 | input      | 5    | 4    |
    | gpt-5.6-terra     | 2026-07-29T23:59:59.999 | 2026-07-30 | output     | 15   | 12   |
    | gpt-5.6-luna      | 2026-07-29T23:59:59.999 | 2026-07-30 | output     | 6    | 1.2  |
    | o3                | 2025-06-09T23:59:59.999 | 2025-06-10 | input      | 10   | 2    |
    """
    for model, until, since, component, before, after in rows(test_a_price_holds_from_its_first_day_at_midnight_utc):
        assert float(before) * 1_000_000 == getattr(rate(model, until), component), model
        assert float(after) * 1_000_000 == getattr(rate(model, since), component), model


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2", "gpt-5.6-sol"])
def test_a_request_from_before_the_first_known_price_takes_the_earliest(model: str) -> None:
    earliest = DATA["models"][model][0][0]
    assert rate(model, earliest) == rate(model, "1970-01-01")


def test_a_long_prompt_prices_the_whole_request() -> None:
    """
    | model             | day        | prompt  | input | output | read | write 5m | write 1h |
    | claude-haiku-5-5  | 2026-11-22 | 100000  | 0.10  | 0.50   | 0.01 | 0.125    | 0.20 |
    | claude-haiku-5-5  | 2026-11-22 | 100001  | 0.50  | 2.50   | 0.05 | 0.625    | 1.00 |
    | gpt-6.1-sol       | 2026-11-22 | 272000  | 2     | 10     | 0.1  | 2.5      | 2.5  |
    | gpt-6.1-sol       | 2026-11-22 | 272001  | 4     | 15     | 0.2  | 5        | 5    |
    | gpt-5.4           | 2026-11-22 | 272001  | 5     | 22.5   | 0.5  | 5        | 5    |
    | claude-sonnet-4-6 | 2026-03-12 | 200000  | 3     | 15     | 0.3  | 3.75     | 6    |
    | claude-sonnet-4-6 | 2026-03-12 | 200001  | 6     | 22.5   | 0.6  | 7.5      | 12   |
    | claude-sonnet-4-6 | 2026-03-13 | 900000  | 3     | 15     | 0.3  | 3.75     | 6    |
    | claude-opus-4-6   | 2026-03-12 | 200001  | 10    | 37.5   | 1    | 12.5     | 20   |
    | claude-opus-4-6   | 2026-03-13 | 900000  | 5     | 25     | 0.5  | 6.25     | 10   |
    | claude-sonnet-4-5 | 2026-02-01 | 200001  | 6     | 22.5   | 0.6  | 7.5      | 12   |
    | claude-opus-5-5   | 2026-11-22 | 1000000 | 4     | 20     | 0.2  | 5        | 8    |
    """
    for model, day, prompt, *prices in rows(test_a_long_prompt_prices_the_whole_request):
        assert tuple(map(float, prices)) == usd(rate(model, day, context=int(prompt))), (model, day, prompt)


def test_fast_mode_carries_its_cache_prices_along() -> None:
    """
    | model            | day        | prompt | input | output | read | write 5m | write 1h |
    | claude-opus-5-5  | 2026-11-22 | 1000   | 8     | 40     | 0.4  | 10       | 16 |
    | claude-opus-5    | 2026-11-22 | 1000   | 10    | 50     | 1    | 12.5     | 20 |
    | claude-opus-4-8  | 2026-11-22 | 1000   | 10    | 50     | 1    | 12.5     | 20 |
    | claude-fable-5-2 | 2026-11-22 | 1000   | 16    | 80     | 0.4  | 20       | 32 |
    | claude-opus-4-7  | 2026-07-23 | 1000   | 30    | 150    | 3    | 37.5     | 60 |
    | claude-opus-4-6  | 2026-03-01 | 1000   | 30    | 150    | 3    | 37.5     | 60 |
    | claude-opus-4-6  | 2026-03-01 | 300000 | 60    | 225    | 6    | 75       | 120 |
    | claude-opus-4-6  | 2026-05-01 | 300000 | 30    | 150    | 3    | 37.5     | 60 |
    | claude-opus-4-6  | 2026-07-01 | 1000   | 5     | 25     | 0.5  | 6.25     | 10 |
    | gpt-6.1-sol      | 2026-11-22 | 1000   | 4     | 20     | 0.2  | 5        | 5 |
    | gpt-6.1-sol      | 2026-11-22 | 300000 | 8     | 30     | 0.4  | 10       | 10 |
    | gpt-5.6-sol      | 2026-08-01 | 1000   | 10    | 60     | 1    | 12.5     | 12.5 |
    | gpt-5.5          | 2026-11-22 | 1000   | 12.5  | 75     | 1.25 | 12.5     | 12.5 |
    """
    for model, day, prompt, *prices in rows(test_fast_mode_carries_its_cache_prices_along):
        assert tuple(map(float, prices)) == usd(rate(model, day, context=int(prompt), fast=True)), (model, day)


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-7", "gpt-6.2-astra"])
def test_fast_where_no_fast_price_is_known_is_unpriced(model: str) -> None:
    assert rate(model) is not None
    assert rate(model, fast=True) is None


def test_inference_in_the_usa_costs_a_tenth_more_since_claude_4_6_but_searches_do_not() -> None:
    for model in DATA["models"]:
        if not model.startswith(("claude-", "gpt-")):
            continue
        usual, pinned = rate(model), rate(model, us_only=True)
        assert usual is not None
        assert pinned is not None
        times = Fraction(11, 10) if model in DATA["us_only"]["models"] else 1
        assert [price * times for price in usual[:5]] == list(pinned[:5]), model  # exact: no picodollar is lost
        assert usual.search == pinned.search
    assert (4.4, 22.0, 0.22, 5.5, 8.8) == usd(rate("claude-opus-5-5", us_only=True))
    assert (8.8, 44.0, 0.44, 11.0, 17.6) == usd(rate("claude-opus-5-5", us_only=True, fast=True))
    assert (1.0, 5.0, 0.1, 1.25, 2.0) == usd(rate("claude-haiku-4-5", us_only=True))


def test_one_model_has_many_spellings() -> None:
    """
    | written                                              | is |
    | claude-sonnet-4-5-20250929                           | claude-sonnet-4-5 |
    | us.anthropic.claude-sonnet-4-5-20250929-v1:0         | claude-sonnet-4-5 |
    | anthropic.claude-sonnet-4-5-20250929-v1:0            | claude-sonnet-4-5 |
    | bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0 | claude-sonnet-4-5 |
    | global.anthropic.claude-opus-4-6-v1                  | claude-opus-4-6 |
    | arn:aws:bedrock:us-east-1:7:inference-profile/us.anthropic.claude-opus-4-8 | claude-opus-4-8 |
    | claude-sonnet-4-5@20250929                           | claude-sonnet-4-5 |
    | publishers/anthropic/models/claude-opus-5@default    | claude-opus-5 |
    | claude-3-5-sonnet-v2@20241022                        | claude-3-5-sonnet |
    | anthropic/claude-sonnet-4.5                          | claude-sonnet-4-5 |
    | openrouter/anthropic/claude-opus-5.5                 | claude-opus-5-5 |
    | claude-opus-5-5[1m]                                  | claude-opus-5-5 |
    | claude-sonnet-4-5-20250929[1m]                       | claude-sonnet-4-5 |
    | Claude-Opus-5-5                                      | claude-opus-5-5 |
    | claude-opus-5-latest                                 | claude-opus-5 |
    | claude-sonnet-4-20250514                             | claude-sonnet-4-0 |
    | claude-opus-4-20250514                               | claude-opus-4-0 |
    | claude-opus-4-1-20250805                             | claude-opus-4-1 |
    | claude-3-7-sonnet-20250219                           | claude-3-7-sonnet-latest |
    | claude-haiku-5-5-20261007                            | claude-haiku-5-5 |
    | gpt-5.6                                              | gpt-5.6-sol |
    | gpt-5-6-sol                                          | gpt-5.6-sol |
    | gpt-5.6-sol-2026-07-09                               | gpt-5.6-sol |
    | gpt-5.6-sol-ultra                                    | gpt-5.6-sol |
    | openai/gpt-6.1-sol                                   | gpt-6.1-sol |
    | openai/gpt-5-codex                                   | gpt-5 |
    | azure/gpt-5.4-mini                                   | gpt-5.4-mini |
    | gpt-4o-2024-05-13                                    | gpt-4o-2024-05-13 |
    | gpt-4o-2024-08-06                                    | gpt-4o |
    | codex-mini-latest                                    | codex-mini |
    | models/gemini-2.5-pro                                | gemini-2.5-pro |
    | gemini-3-pro-preview-11-2025                         | gemini-3-pro-preview |
    | grok-4                                               | grok-4-0709 |
    | glm-4.6                                              | GLM-4.6 |
    | qwen3-coder                                          | qwen/qwen3-coder |
    | qwen/qwen3-coder                                     | qwen/qwen3-coder |
    | groq/llama-3.3-70b-versatile                         | groq/llama-3.3-70b-versatile |
    """
    for written, meant in rows(test_one_model_has_many_spellings):
        priced = rate(written)
        assert priced is not None, written
        assert meant == priced.label.split(" from ")[0], written


@pytest.mark.parametrize(
    "model",
    [
        *(
            "",
            " ",
            "<synthetic>",
            "opus",
            "sonnet",
            "haiku",
            "opus[1m]",
            "claude",
            "claude-opus",
            "gpt",
            "gpt-6",
            "codex",
        ),
        *("claude-opus-9", "claude-opus-5-6", "claude-sonnet-4-7", "claude-fable-5-3", "claude-opus-55", "claude-4"),
        *("us.anthropic.claude-opus-9-v1:0", "anthropic/claude-opus-9", "claude-opus-9[1m]", "claude-opus-9-20270101"),
        *("gpt-9", "gpt-6.9-sol", "gpt-6.3-astra", "openai/gpt-7", "codex-auto-review", "gpt-5.3-codex-spark"),
        *("deepseek-chat-v9", "kimi-k9", "ollama/llama3", "grok-99", "groq/claude-opus-5", "nobody/claude-opus-5"),
    ],
)
def test_what_is_not_known_is_unpriced_and_never_a_relatives_price(model: str) -> None:
    assert rate(model) is None
    assert rate(model, context=10**6, fast=True, us_only=True) is None
    assert rate(model) is None  # and remembered as such


def test_every_row_is_found_by_its_own_name() -> None:
    for model in TABLE.models():
        priced = rate(model)
        assert priced is not None, model
        assert min(priced[:6]) > 0  # never free by mistake
    assert {"claude-opus-5-5", "gpt-6.1-sol", "gemini-2.5-pro", "qwen/qwen3-coder"} <= set(TABLE.models())


def test_an_alias_never_hides_a_row_and_always_leads_to_one() -> None:
    assert set(DATA["aliases"].values()) <= set(DATA["models"])
    assert {model for _, model in DATA["patterns"]} <= set(DATA["models"])
    assert not set(DATA["aliases"]) & set(DATA["models"])


def test_own_prices_win_over_everything_and_the_rest_stays_listed() -> None:
    table = PriceTable(DATA, {"claude-opus-*": {"input": 1, "output": 2.5, "cache_read": None}})
    for spelled in (
        "claude-opus-5-5",
        "us.anthropic.claude-opus-5-5",
        "anthropic/claude-opus-5.5",
        "Claude-Opus-5-5[1m]",
    ):
        assert (1.0, 2.5, 0.2, 5.0, 8.0) == usd(rate(spelled, table=table)), spelled
    assert (1.0, 2.5, 0.4, 10.0, 16.0) == usd(rate("claude-opus-5-5", fast=True, table=table))
    assert (1.0, 2.5, 0.22, 5.5, 8.8) == usd(rate("claude-opus-5-5", us_only=True, table=table))
    assert usd(rate("claude-sonnet-5-5")) == usd(rate("claude-sonnet-5-5", table=table))
    every = {"input": 1, "output": 2, "cache_read": 0, "cache_write_5m": 3, "cache_write_1h": 4}
    table = PriceTable(DATA, {"claude-haiku-5-5": every})
    for day, context, fast in (("2026-11-22", 10, False), ("2026-11-22", 10**6, True), ("2020-01-01", 10**6, False)):
        assert (1, 2, 0, 3, 4) == usd(rate("claude-haiku-5-5", day, context=context, fast=fast, table=table))


def test_own_prices_make_an_unknown_model_known() -> None:
    table = PriceTable(
        DATA, {"gpt-6.9-sol": {"input": 2, "output": 10, "cache_read": 0.1}, "my-*": {"input": 3, "output": 9}}
    )
    assert (2.0, 10.0, 0.1, 2.0, 2.0) == usd(rate("openai/gpt-6.9-sol", table=table))
    assert (3.0, 9.0, 3.0, 3.0, 3.0) == usd(rate("my-llama", fast=True, us_only=True, table=table))
    assert rate("gpt-6.3-sol", table=table) is None


def test_the_exact_name_beats_a_pattern_and_the_longer_pattern_the_shorter() -> None:
    own = {
        pattern: {"input": n, "output": n}
        for n, pattern in enumerate(("*", "claude-*", "claude-opus-*", "claude-opus-5.5"))
    }
    for order in (own, dict(reversed(own.items()))):
        table = PriceTable(DATA, order)
        found = [usd(rate(m, table=table))[0] for m in ("x", "claude-haiku-4-5", "claude-opus-9", "claude-opus-5-5")]
        assert [0, 1, 2, 3] == found


def test_a_bracket_in_an_own_price_is_part_of_the_name() -> None:
    table = PriceTable(DATA, {"claude-opus-5-5[1m]": {"input": 7, "output": 7}})
    assert 7.0 == usd(rate("claude-opus-5-5[1m]", table=table))[0]
    assert 4.0 == usd(rate("claude-opus-5-5", table=table))[0]


def test_the_label_says_which_row_it_was() -> None:
    def label(*args: Any, **kwargs: Any) -> str:
        priced = rate(*args, **kwargs)
        assert priced is not None
        return priced.label

    assert "claude-opus-4-5" == label("claude-opus-4-5-20251101")
    assert "claude-sonnet-5-5 from 2026-10-07" == label("claude-sonnet-5-5")
    assert "claude-haiku-5-5 from 2026-10-07, prompt over 100,000 tokens" == label("claude-haiku-5-5", context=100_001)
    assert "claude-opus-5-5 from 2026-09-22, fast, US only" == label("claude-opus-5-5", fast=True, us_only=True)
    own = PriceTable(DATA, {"claude-haiku-*": {"input": 1, "output": 1}})
    assert "claude-haiku-4-5, own price (claude-haiku-*)" == label("claude-haiku-4-5", table=own)


def test_the_digest_changes_with_the_table_and_with_the_persons_prices_only() -> None:
    own = {"a*": {"input": 1, "output": 2}, "b": {"output": 3, "input": 4}}
    shuffled = {"b": {"input": 4, "output": 3}, "a*": {"output": 2, "input": 1}}
    digests = [
        TABLE.digest,
        PriceTable(DATA, own).digest,
        PriceTable(DATA, {**own, "b": {"input": 4, "output": 5}}).digest,
        PriceTable({**DATA, "digest": "another"}).digest,
    ]
    assert len(digests) == len(set(digests))
    assert PriceTable(DATA).digest == PriceTable(DATA, {}).digest == TABLE.digest
    assert PriceTable(DATA, own).digest == PriceTable(DATA, shuffled).digest


def test_the_version_names_the_inputs() -> None:
    assert "2026-11-30 (Claude Code 2.1.330, genai-prices 0.2.3)" == TABLE.version


counts = st.integers(0, 10**9)
usages = st.builds(
    lambda *numbers: usage(**dict(zip((*COMPONENTS, "searches"), numbers, strict=True))),
    *[counts] * 5,
    st.integers(0, 99),
)


@given(
    model=st.sampled_from(sorted(DATA["models"])),
    used=st.lists(usages, min_size=1, max_size=4),
    day=st.integers(at("2024-01-01"), at("2027-01-01")),
    context=st.integers(0, 1_000_000),
    us_only=st.booleans(),
)
def test_cost_is_exact_and_adds_up(model: str, used: list[Usage], day: int, context: int, us_only: bool) -> None:
    priced = TABLE.rate(model, day, context=context, fast=False, us_only=us_only)
    assert priced is not None
    exact = sum(
        Fraction(getattr(each, name) * getattr(priced, name), PICO_PER_USD) for each in used for name in COMPONENTS
    ) + sum(Fraction(each.searches * priced.search, PICO_PER_USD) for each in used)
    total = usage(**{name: sum(getattr(each, name) for each in used) for name in (*COMPONENTS, "searches")})
    assert exact * PICO_PER_USD == cost(priced, total) == sum(cost(priced, each) for each in used)


def test_a_bill_by_hand() -> None:
    """1,000 input at 4, 2,000 output at 20, 50,000 read at 0.20, 3,000 written for an hour at 8, two searches."""
    used = usage(input=1000, output=2000, cache_read=50_000, cache_write_1h=3000, reasoning=1500, searches=2)
    priced = rate("claude-opus-5-5")
    assert priced is not None
    assert Fraction("0.004") + Fraction("0.04") + Fraction("0.01") + Fraction("0.024") + Fraction("0.02") == Fraction(
        cost(priced, used), PICO_PER_USD
    )


def test_the_vendored_table_is_what_the_script_makes(maker: ModuleType) -> None:
    made = maker.text(maker.table())
    assert VENDORED.read_text(encoding="utf-8") == made, "next: python scripts/make_prices.py"
    assert made == maker.text(maker.table())
    assert 150_000 > len(made)


def test_check_fails_on_a_touched_table(
    maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "prices.json"
    monkeypatch.setattr(maker, "TARGET", copy)
    monkeypatch.setattr(maker, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_prices.py", "--check"])
    assert 1 == maker.main()  # missing
    copy.write_text(VENDORED.read_text(encoding="utf-8"), encoding="utf-8")
    assert 0 == maker.main()
    copy.write_text(copy.read_text(encoding="utf-8").replace("0.2.3", "0.2.4"), encoding="utf-8")
    assert 1 == maker.main()
    assert capsys.readouterr().out.endswith("next: python scripts/make_prices.py\n")


def test_claude_and_gpt_cost_what_the_price_package_says(maker: ModuleType) -> None:
    """The package's own arithmetic, for every Claude and GPT model, short and long prompts, standard and fast.

    Left out: the models of which this table knows more (FACTS), and components the package has no price for.
    """
    from genai_prices import Usage as Packaged
    from genai_prices.data import providers

    compared = 0
    for provider in providers:
        if provider.id not in maker.LANES:
            continue
        for model in provider.models:
            if model.id not in DATA["models"] or model.id in maker.FACTS:
                continue
            known = model.get_prices(datetime(2026, 11, 22, tzinfo=UTC))
            has = {
                name: getattr(known, field) is not None for name, field in zip(COMPONENTS, maker.FIELDS, strict=True)
            }
            for context, fast in ((50_000, False), (500_000, False), (50_000, True)):
                variant = {"speed": "fast"} if provider.id == "anthropic" else {"service_tier": "priority"}
                if fast and all(each.when != variant for each in model.price_variants or []):
                    assert rate(model.id, fast=True) is None
                    continue
                parts = {name: context // 5 if has[name] else 0 for name in COMPONENTS if name != "output"}
                parts["input"] += context - sum(parts.values())
                theirs = model.calc_price(
                    Packaged(
                        input_tokens=context,
                        cache_read_tokens=parts["cache_read"],
                        cache_write_tokens=parts["cache_write_5m"] + parts["cache_write_1h"],
                        **({"cache_write_1h_tokens": parts["cache_write_1h"]} if has["cache_write_1h"] else {}),
                        output_tokens=777,
                    ),
                    provider,
                    genai_request_timestamp=datetime(2026, 11, 22, tzinfo=UTC),
                    price_context=variant if fast else None,
                ).total_price
                priced = rate(model.id, context=context, fast=fast)
                assert priced is not None
                assert theirs * PICO_PER_USD == cost(priced, usage(**parts, output=777)), (model.id, context, fast)
                compared += 1
    assert compared > 200


def test_the_document_names_every_price_that_differs_from_the_package() -> None:
    text = (ROOT / "docs" / "prices.md").read_text(encoding="utf-8")
    for model in DATA["corrected"]:
        assert f"`{model}`" in text
    assert f"genai-prices {DATA['version']['genai-prices']}" in text


# ---- names that stand for others, and ends ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "model"),
    [
        ("2026-05-30", "gpt-5.4"),
        ("2026-07-08T23:59:59", "gpt-5.4"),
        ("2026-07-20", None),
        ("2026-07-30", "gpt-5.6-luna"),
        ("2026-09-21", "gpt-5.6-luna"),
        ("2026-09-22", None),
        ("2026-11-30", None),
    ],
)
@pytest.mark.parametrize("name", ["codex-auto-review", "openai/codex-auto-review", "CODEX_AUTO_REVIEW"])
def test_the_auto_review_is_priced_as_the_model_it_stood_for_that_day(name: str, day: str, model: str | None) -> None:
    priced, expected = rate(name, day), None if model is None else rate(model, day)
    assert (expected and expected[:6]) == (priced and priced[:6])
    assert priced is None or f"{name} as {model}" in priced.label


def test_a_name_that_stands_for_others_leads_to_rows_and_hides_none() -> None:
    for name, row in DATA["stand_ins"].items():
        assert name not in DATA["models"]
        assert name not in DATA["aliases"]
        assert {model for _, model in row if model is not None} <= set(DATA["models"])
        assert [day for day, _ in row] == sorted(day for day, _ in row)


def test_a_persons_own_price_of_it_holds_all_the_same() -> None:
    table = PriceTable(DATA, {"codex-auto-review": {"input": 1, "output": 2}})
    assert (1.0, 2.0) == usd(rate("codex-auto-review", table=table))[:2]


@pytest.mark.parametrize("model", sorted({*DATA["models"], *DATA["aliases"]}))
def test_every_spelling_of_a_known_name_has_the_same_price(model: str) -> None:
    expected = rate(model, "2026-11-29")
    for spelling in (model.upper(), model.replace("-", "_"), model.replace(".", "-"), model.replace("-", " ")):
        told = rate(spelling, "2026-11-29")
        assert (expected and expected[:6]) == (told and told[:6]), spelling


def test_the_two_spellings_of_one_name_are_never_two_rows() -> None:
    names = [key(name) for name in DATA["models"]]
    assert len(set(names)) == len(names)


def test_fast_mode_of_opus_4_8_ends_with_november() -> None:
    assert (10.0, 50.0) == usd(rate("claude-opus-4-8", "2026-11-30T23:59:59", fast=True))[:2]
    assert rate("claude-opus-4-8", "2026-12-01", fast=True) is None
    assert (5.0, 25.0) == usd(rate("claude-opus-4-8", "2026-12-01"))[:2]
