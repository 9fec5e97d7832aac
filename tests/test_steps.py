"""What is counted is what was billed: every kind of step, known or not, in the ledger and in the live budgets alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW, SESSION, answer, read, refreshed, rollout, rows, transcript, usage

from governor import usage_steps
from governor.health import doctor
from governor.hooks.budget import usage_lines as live_usage
from governor.hooks.state import session_usage
from governor.transcripts import lines

KINDS = ("message", "fallback_message", "advisor_message", "compaction", "something_new", None)
MODELS = ("claude-opus-4-8", "claude-fable-5", "claude-haiku-4-5", None)
RATES: dict[str, Any] = {}


@st.composite
def responses(draw: st.DrawFn) -> tuple[dict[str, Any], list[tuple[str, dict[str, int]]]]:
    """(a usage block, all that was billed): some steps, and a top level that is the sum of some of them, or beside."""
    count = draw(st.integers(2, 5))
    sizes = st.integers(0, 5000)
    spent = [usage(input=1 + 7**n, output=draw(sizes), read=draw(sizes), hour=draw(sizes)) for n in range(count)]
    kinds = [draw(st.sampled_from(KINDS)) for _ in range(count)]
    models = [draw(st.sampled_from(MODELS)) for _ in range(count)]
    stated = draw(st.sampled_from(["all", "last", "first", "beside", "some"]))
    chosen = {"all": range(count), "last": [count - 1], "first": [0], "beside": []}.get(stated)
    if chosen is None:
        chosen = sorted(draw(st.sets(st.integers(0, count - 1), min_size=1)))
    top = [spent[n] for n in chosen] if chosen else [usage(input=10**6, output=draw(sizes))]
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    whole: dict[str, Any] = {name: sum(each[name] for each in top) for name in names}
    whole["cache_creation"] = {"ephemeral_1h_input_tokens": whole["cache_creation_input_tokens"]}
    if not chosen:  # nothing says that a message is on top of a top level that is not made of it
        kinds = ["something_new"] * count
    listed = []
    for kind, model, each in zip(kinds, models, spent, strict=True):
        listed.append({**each, **({"type": kind} if kind else {}), **({"model": model} if model else {})})
    billed = [(model or "claude-opus-4-8", each) for model, each in zip(models, spent, strict=True)]
    if not chosen:
        billed.append(("claude-opus-4-8", top[0]))
    return {**whole, "iterations": listed}, billed


def by_model(billed: list[tuple[str, dict[str, Any]]]) -> dict[str, list[int]]:
    """[input, output, cache read, write 1h] of each model that used anything."""
    sums: dict[str, list[int]] = {}
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    for model, spent in billed:
        sums[model] = [a + spent[name] for a, name in zip(sums.get(model, [0] * 4), names, strict=True)]
    return sums


@given(responses())
def test_every_step_is_counted_once_at_its_own_model(
    drawn: tuple[dict[str, Any], list[tuple[str, dict[str, int]]]],
) -> None:
    spent, billed = drawn
    line = answer(spent=spent, model="claude-opus-4-8")
    counted: dict[str, list[int]] = {}
    for each in read(transcript(line)).usages:
        own = [each.input, each.output, each.cache_read, each.cache_write_1h]
        counted[each.model] = [a + b for a, b in zip(counted.get(each.model, [0] * 4), own, strict=True)]
    assert by_model(billed) == counted


@given(responses())
def test_live_budgets_count_the_same(drawn: tuple[dict[str, Any], list[tuple[str, dict[str, int]]]]) -> None:
    spent, billed = drawn
    line = json.dumps(answer(spent=spent, model="claude-opus-4-8")).encode()
    counted: dict[str, list[int]] = {}
    seen = list(live_usage.claude(line, ""))
    for _, _, model, (fresh, output, read_back, five, hour) in seen:
        own = [fresh, output, read_back, five + hour]
        counted[model] = [a + b for a, b in zip(counted.get(model, [0] * 4), own, strict=True)]
    assert by_model(billed) == counted
    assert len(seen) == len({key for key, *_ in seen}), "each step has an identity of its own"


REFUSED = {
    **usage(input=2, output=140, read=54_000),
    "iterations": [
        {"type": "message", "model": "claude-fable-5", **usage(input=3, output=5, read=32_000, hour=21_000)},
        {"type": "fallback_message", "model": "claude-opus-4-8", **usage(input=2, output=140, read=54_000)},
    ],
}


def test_a_refused_step_and_its_fallback_are_each_billed_at_their_own_model() -> None:
    """Seen in a real transcript: the top level repeats the fallback's step alone."""
    transcript(answer(spent=REFUSED, model="claude-opus-4-8"))
    with refreshed() as ledger:
        counted = {(row["model"], row["input"], row["output"], row["cache_write_1h"]) for row in rows(ledger).values()}
    assert {("claude-opus-4-8", 2, 140, 0), ("claude-fable-5", 3, 5, 21_000)} == counted


def test_a_refused_step_counts_against_a_live_budget(tmp_path: Path) -> None:
    path = transcript(answer())
    event = {"transcript_path": str(path), "session_id": SESSION}
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        used.begin({**event, "prompt_id": "p"})
    with path.open("ab") as file:
        file.write(json.dumps(answer("msg_2", at_ms=(NOW + 1) * 1000, spent=REFUSED)).encode() + b"\n")
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW + 2) as used:
        used.take_in(event, RATES)
        assert 2 + 140 + 3 + 5 + 21_000 == used.scopes(event)["session"].tokens


def test_a_fallback_whose_numbers_do_not_add_up_is_not_counted_twice() -> None:
    listed = [{**step, "output_tokens": step["output_tokens"] + 1} for step in REFUSED["iterations"]]
    counted = read(transcript(answer(spent={**REFUSED, "iterations": listed}))).usages
    assert [140, 6] == [each.output for each in counted]


@pytest.mark.parametrize("name", ["cache_write_input_tokens", "cache_creation_input_tokens"])
def test_codex_cache_writes_have_several_spellings(name: str) -> None:
    spent = {"input_tokens": 1000, "cached_input_tokens": 200, name: 300, "output_tokens": 40}
    assert [1000, 200, 300, 40, None] == usage_steps.codex_counts(spent)
    line = {"type": "token_usage_record", "payload": {"response_id": "r", "usage": spent}}
    ((*_, counts),) = live_usage.codex(json.dumps(line).encode(), "gpt-6-sol")
    assert [500, 40, 200, 300, 0] == counts


# ---- lines without a type --------------------------------------------------------------------------------------------


def untyped(id: str = "msg_1", **more: Any) -> dict[str, Any]:  # noqa: A002
    """A line as loggers write it that imitate the client."""
    line = answer(id, at_ms=NOW * 1000, **more)
    del line["type"]
    return line


def test_a_line_without_a_type_counts_when_its_message_is_an_assistants() -> None:
    person = untyped("msg_2")
    person["message"]["role"] = "user"
    path = transcript(untyped(), person)
    assert ["msg_1"] == [each.key for each in read(path).usages]
    assert ["msg_1"] == [key for key, *_ in live_usage.claude(path.read_bytes(), "")]


def test_a_file_in_which_nothing_is_understood_is_named() -> None:
    """A report of nothing, and no word why, would be the worst answer."""
    strange = {"timestamp": "2026-11-21T10:00:00.000Z", "usage": {"in": 5, "out": 7}}
    path = transcript(strange, strange)
    assert [lines.NOT_UNDERSTOOD] == [problem.reason for problem in read(path).problems]
    with refreshed() as ledger:
        findings = doctor.examine(ledger, now=NOW)
    (finding,) = [each for each in findings if lines.NOT_UNDERSTOOD in each.text]
    assert (False, True) == (finding.ok, str(path) in finding.text)


def test_a_rollout_in_which_nothing_is_understood_is_named() -> None:
    assert [lines.NOT_UNDERSTOOD] == [problem.reason for problem in read(rollout({"usage": {"in": 5}})).problems]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b'{"type":"summary","summary":"s"}\n', b'{"x":1}\n{"type":"mode"}\n']
)
def test_a_file_without_use_is_nothing_strange(content: bytes) -> None:
    path = transcript()
    path.write_bytes(content)
    assert [] == read(path).problems


def test_a_file_that_grew_and_is_understood_by_now_is_named_no_more() -> None:
    path = transcript({"x": 1})
    with refreshed() as ledger:
        path.write_bytes(path.read_bytes() + b'{"type":"mode"}\n')
        findings = doctor.examine(ledger, now=NOW)
    assert [] == [each for each in findings if lines.NOT_UNDERSTOOD in each.text]
