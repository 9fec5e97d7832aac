"""What one transcript of Claude Code says, line by line: identity, repeats, kinds of tokens, and bad lines."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW, OTHER, SESSION, START_MS, answer, found, iso, jsonl, read, transcript, usage

from governor.clients.claude import transcripts as claude_transcripts
from governor.model import Usage, rank
from governor.transcripts import tail


def only(path: Path) -> Usage:
    """The one response in a transcript that has no problem."""
    reading = read(path)
    assert [] == reading.problems
    (found,) = reading.usages
    return found


def one(*records: dict[str, Any] | bytes, **place: str) -> Usage:
    return only(transcript(*records, **place))


# ---- one response, however many lines --------------------------------------------------------------------------------


def test_every_kind_of_token_goes_to_its_own_column() -> None:
    spent = usage(input=3, output=50, read=7000, five=11, hour=13, output_tokens_details={"thinking_tokens": 20})
    found = one(answer(spent={**spent, "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 9}}))
    assert (3, 50, 7000, 11, 13) == (
        found.input,
        found.output,
        found.cache_read,
        found.cache_write_5m,
        found.cache_write_1h,
    )
    assert (20, 2, 7027) == (found.reasoning, found.searches, found.context)
    assert ("msg_1", 0, START_MS) == found[:3]
    assert ("claude", "claude-opus-5-5") == (found.lane, found.model)
    assert (SESSION, "main", SESSION, "/home/u/work", "main", "cli") == (
        found.session,
        found.agent,
        found.thread,
        found.project,
        found.branch,
        found.surface,
    )
    assert (False, False, True, True) == (found.fast, found.us_only, found.final, found.main)


def test_fast_mode_and_us_only_inference_are_told() -> None:
    found = one(answer(spent=usage(speed="fast", inference_geo="us", service_tier="standard")))
    assert (True, True) == (found.fast, found.us_only)


def test_a_response_in_many_lines_counts_once_with_its_largest_output_at_its_first_line() -> None:
    lines = [
        answer(at_ms=START_MS + 700 * n, spent=usage(output=output), stop=stop)
        for n, (output, stop) in enumerate([(1, None), (480, "end_turn"), (480, "end_turn"), (3, None)])
    ]
    found = one(*lines)
    assert (480, START_MS, START_MS + 700) == (found.output, found.at_ms, found.line_ms)
    assert found.final


def test_the_best_line_wins_whole_and_no_field_is_taken_from_another() -> None:
    """A fallback in mid-stream: the same id, another model, other cache numbers."""
    found = one(
        answer(spent=usage(input=900, output=10, read=9000), model="claude-fable-5-2"),
        answer(spent=usage(input=5, output=20, read=50), model="claude-opus-5-5", at_ms=START_MS + 1),
    )
    assert ("claude-opus-5-5", 5, 20, 50) == (found.model, found.input, found.output, found.cache_read)


def test_the_order_of_lines_never_matters() -> None:
    lines = [answer(at_ms=START_MS + n * 100, spent=usage(output=o)) for n, o in enumerate((5, 70, 71, 30))]
    first = one(*lines)
    for seed in range(8):
        random.Random(seed).shuffle(lines)
        assert first._replace(line_ms=0, born_ms=0, tie=0) == one(*lines)._replace(line_ms=0, born_ms=0, tie=0)


def test_without_a_stop_reason_the_output_is_a_floor() -> None:
    assert not one(answer(stop=None, spent=usage(output=1))).final


@pytest.mark.parametrize(
    ("records", "responses"),
    [
        ([answer("msg_1", request="req_1"), answer("msg_1", request=None)], 1),
        ([answer("msg_1", request=None), answer("msg_1", request="")], 1),
        ([answer("msg_1", request="req_1"), answer("msg_2", request="req_1")], 2),
        ([answer("msg_bdrk_1", request=None), answer("msg_bdrk_1", request="req_9")], 1),
        ([answer(None, request="req_1", uuid="a"), answer(None, request="req_1", uuid="b")], 1),
        ([answer(None, request=None, uuid="a"), answer(None, request=None, uuid="a")], 1),
        ([answer(None, request=None, uuid="a"), answer(None, request=None, uuid="b")], 2),
        ([answer(None, request=None), answer(None, request=None)], 2),
        ([answer("chatcmpl-1", request="req_1"), answer("chatcmpl-1", request="req_2")], 2),
        ([answer("chatcmpl-1", request="req_1"), answer("chatcmpl-1", request="req_1")], 1),
        ([answer("chatcmpl-1", request=None), answer("chatcmpl-1", request=None)], 1),
    ],
)
def test_identity(records: list[dict[str, Any]], responses: int) -> None:
    assert responses == len(read(transcript(*records)).usages)


def test_a_gateway_that_counts_its_ids_from_one_is_told_apart_by_session() -> None:
    mine = one(answer("chatcmpl-1", request=None))
    theirs = one(answer("chatcmpl-1", request=None), session=OTHER)
    assert mine.key != theirs.key
    assert one(answer("msg_1")).key == one(answer("msg_1"), session=OTHER).key


@pytest.mark.parametrize("name", ["chatcmpl-1", None])
def test_equal_answers_of_two_sessions_through_a_gateway_are_two(name: str | None) -> None:
    """The same id, the same counts, the same time: nothing but the file tells them apart."""
    paths = [transcript(answer(name, request=None), session=one) for one in (SESSION, OTHER)]
    keys = {one.key for path in paths for one in claude_transcripts.read(found(path), None).usages}
    assert 2 == len(keys)


def test_equal_answers_without_an_id_are_as_many_as_there_are() -> None:
    assert 3 == len(read(transcript(*(answer(None, request=None, uuid=f"{n}") for n in range(3)))).usages)
    assert 3 == len(read(transcript(*(answer("chat-1", request=f"req_{n}") for n in range(3)))).usages)


def test_a_repeat_without_a_time_teaches_nothing_of_the_text_around_it() -> None:
    line = answer()
    del line["timestamp"]
    cursor = read(transcript(answer(), line)).cursor
    assert {"session", "thread", "agent", "project", "born", "last", "model"} >= set(cursor.state)
    assert cursor.state["last"] in (START_MS, iso(START_MS))


def test_a_repeat_in_another_zones_words_is_dated_right() -> None:
    """10:00-02:00 is noon in UTC: the second line, which looks later, is an hour earlier."""
    lines = [answer(timestamp="2026-11-21T10:00:00-02:00"), answer(timestamp="2026-11-21T11:00:00.000Z")]
    assert START_MS == one(*lines).at_ms == one(*lines[::-1]).at_ms


def test_a_later_repeat_in_the_main_file_still_beats_a_subagents() -> None:
    """Also where the agent's file forgets to say that it is a sidechain."""
    agents = claude_transcripts.read(found(transcript(answer(), agent="a1")), None).usages
    (mine,) = claude_transcripts.read(found(transcript(answer(at_ms=START_MS + 1))), None).usages
    assert rank(mine) > rank(agents[0])


def test_two_lines_without_any_id_keep_their_keys_when_more_is_written() -> None:
    path = transcript(answer(None, request=None), answer(None, request=None))
    first = {found.key for found in read(path).usages}
    with path.open("ab") as file:
        file.write(jsonl(answer(None, request=None)))
    assert first < {found.key for found in read(path).usages}


# ---- whose it is -----------------------------------------------------------------------------------------------------


def test_the_session_is_the_files_and_not_the_lines() -> None:
    found = one(answer(sessionId=OTHER))
    assert (SESSION, SESSION) == (found.session, found.thread)


def test_a_subagent_belongs_to_its_parents_session_and_is_named_by_its_companion() -> None:
    path = transcript(answer(isSidechain=True), agent="a1")
    path.with_name("agent-a1.meta.json").write_text('{"agentType": "Explore"}')
    found = only(path)
    assert (SESSION, "agent-a1", "Explore", False) == (found.session, found.thread, found.agent, found.main)


def test_an_agents_own_line_names_it_best_and_a_broken_companion_does_not_matter() -> None:
    path = transcript(answer(isSidechain=True, attributionAgent="reviewer"), answer("msg_2"), agent="a1")
    path.with_name("agent-a1.meta.json").write_text('[{"agentType": 7')
    assert {"msg_1": "reviewer", "msg_2": "subagent"} == {found.key: found.agent for found in read(path).usages}


def test_agents_of_a_workflow_lie_deeper_and_still_belong_to_the_session() -> None:
    path = transcript(answer(), agent="a1")
    deeper = path.parent / "workflows" / "wf_1" / "agent-a2.jsonl"
    deeper.parent.mkdir(parents=True)
    path.rename(deeper)
    assert (SESSION, "agent-a2") == (only(deeper).session, only(deeper).thread)


def test_a_home_below_a_folder_called_subagents_makes_nobody_a_subagent(tmp_path: Path) -> None:
    found = one(answer(), home=str(tmp_path / "subagents" / "claude"))
    assert (SESSION, "main", True) == (found.session, found.agent, found.main)


def test_a_sidechain_inside_the_main_file_is_a_subagents() -> None:
    found = one(answer(isSidechain=True))
    assert (SESSION, "subagent", False) == (found.session, found.agent, found.main)


def test_old_clients_repeat_their_agents_inside_the_parents_file() -> None:
    """Clients up to 2.1.50: a ``progress`` record holds the agent's line."""
    inner = answer("msg_agent", isSidechain=True)
    progress = {
        "type": "progress",
        "timestamp": iso(START_MS),
        "data": {"type": "agent_progress", "agentId": "a1", "message": inner},
    }
    alone = one(progress)
    assert ("msg_agent", "agent-a1", False) == (alone.key, alone.thread, alone.main)
    assert alone.key == one(inner, agent="a1").key


def test_a_copied_line_never_beats_the_original_however_the_files_are_called() -> None:
    """Client 2.1.330: a fork's copies keep ids and times, and name the session that made them."""
    first = answer("msg_0", at_ms=START_MS - 1000)
    for mine, copy in ((SESSION, OTHER), (OTHER, SESSION)):
        lines = [{**line, "sessionId": mine} for line in (first, answer())]
        original = {found.key: found for found in read(transcript(*lines, session=mine)).usages}
        copied = [{**line, "sessionId": copy, "requestSessionId": mine} for line in lines]
        forked = {found.key: found for found in read(transcript(*copied, answer("msg_2"), session=copy)).usages}
        assert all(rank(original[key]) > rank(forked[key]) for key in original)


@pytest.mark.parametrize("mark", [{"forkedFrom": {"sessionId": SESSION, "messageUuid": "u"}}, {"sessionId": SESSION}])
def test_other_marks_of_a_copy(mark: dict[str, Any]) -> None:
    """``forkedFrom``, or simply another session's id left on the line."""
    copied = one({**answer(sessionId=OTHER), **mark}, session=OTHER)
    assert rank(one(answer())) > rank(copied)


def test_the_project_and_the_birth_are_the_files_first_and_survive_a_cursor() -> None:
    path = transcript(answer(cwd="/home/u/first"))
    before = read(path)
    with path.open("ab") as file:
        file.write(jsonl(answer("msg_2", cwd="/home/u/second", at_ms=START_MS + 5000)))
    (later,) = read(path, before.cursor).usages
    assert ("/home/u/first", START_MS) == (later.project, later.born_ms)


# ---- what is not a response ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        answer(model="<synthetic>", spent=usage(input=0, output=0)),
        {"type": "user", "toolUseResult": {"usage": usage(), "totalTokens": 5}, "timestamp": iso(START_MS)},
        {"type": "user", "message": {"usage": usage()}, "timestamp": iso(START_MS)},
        {"type": "cost-state", "usage": usage(), "timestamp": iso(START_MS)},
        {"type": "system", "message": {"content": 'they write "usage" here'}, "timestamp": iso(START_MS)},
        {"type": "kind-of-2031", "message": {"usage": usage()}, "timestamp": iso(START_MS)},
        {**answer(), "message": None},
        {**answer(), "message": {"usage": None}},
        {**answer(), "message": {"usage": []}},
        {"type": "progress", "data": None, "usage": 1},
        {"type": "progress", "data": {"message": {"type": "user", "message": {"usage": usage()}}}},
    ],
)
def test_not_a_response_and_not_a_problem(record: dict[str, Any]) -> None:
    reading = read(transcript(record))
    assert ([], []) == (reading.usages, reading.problems)


@pytest.mark.parametrize("mark", [{"error": "rate_limit"}, {"apiErrorStatus": 429}])
def test_a_refusal_is_heard_as_the_meter_at_its_end(mark: dict[str, Any]) -> None:
    refused = answer(model="<synthetic>", spent=usage(input=0, output=0), isApiErrorMessage=True, **mark)
    (limit,) = read(transcript(refused)).limits
    assert ("claude", "any", 100.0, None, START_MS // 1000, "refused") == limit[:6]


def test_another_error_is_no_limit() -> None:
    wrong = answer(model="<synthetic>", isApiErrorMessage=True, error="overloaded", apiErrorStatus=529)
    assert [] == read(transcript(wrong)).limits


# ---- what is billed beside it ----------------------------------------------------------------------------------------


def step(kind: str = "message", model: str | None = None, **spent: int) -> dict[str, Any]:
    return {"type": kind, **usage(**spent), **({"model": model} if model else {})}


def test_one_iteration_changes_nothing() -> None:
    whole = usage(input=5, output=9, read=70)
    assert one(answer(spent={**whole, "iterations": [step(input=5, output=9, read=70)]})) == one(answer(spent=whole))


def test_an_advisor_is_billed_on_top_at_its_own_model() -> None:
    steps = [step(input=5, output=9), step("advisor_message", "claude-fable-5-2", input=100, output=40)]
    found = read(transcript(answer(spent={**usage(input=5, output=9), "iterations": steps}))).usages
    assert [("claude-opus-5-5", 0, 5, 9), ("claude-fable-5-2", 1, 100, 40)] == [
        (each.model, each.part, each.input, each.output) for each in found
    ]
    assert {"msg_1"} == {each.key for each in found}


def test_server_side_compaction_is_billed_on_top() -> None:
    steps = [step("compaction", input=900, output=30), step(input=5, output=9)]
    found = read(transcript(answer(spent={**usage(input=5, output=9), "iterations": steps}))).usages
    assert [(5, 9), (900, 30)] == [(each.input, each.output) for each in found]


def test_a_top_level_that_sums_its_iterations_is_not_a_context_size() -> None:
    """From 2.1.219: tokens are the sum over requests; long-context tiers look at the largest one."""
    steps = [step(input=5, output=9, read=60_000), step(input=7, output=1, read=70_000)]
    found = one(answer(spent={**usage(input=12, output=10, read=130_000), "iterations": steps}))
    assert (130_000, 70_007) == (found.cache_read, found.context)


def test_a_refused_answer_is_billed_at_its_own_model_too() -> None:
    """The top level is the fallback model's step alone; the refused one stands only in ``iterations``."""
    steps = [
        step(model="claude-fable-5", input=2, output=1, hour=21_874),
        step(model="claude-opus-4-8", input=3, output=50, hour=100),
    ]
    spent = {**usage(input=3, output=50, hour=100), "iterations": steps}
    found = read(transcript(answer(spent=spent, model="claude-opus-4-8"))).usages
    assert [("claude-opus-4-8", 100), ("claude-fable-5", 21_874)] == [(e.model, e.cache_write_1h) for e in found]


def test_a_sum_over_two_models_is_taken_apart() -> None:
    steps = [step(model="claude-fable-5", input=2, output=1), step(model="claude-opus-4-8", input=3, output=50)]
    spent = {**usage(input=5, output=51), "iterations": steps, "speed": "fast"}
    found = read(transcript(answer(spent=spent, model="claude-opus-4-8"))).usages
    assert [("claude-opus-4-8", 50), ("claude-fable-5", 1)] == [(each.model, each.output) for each in found]
    assert 5 == sum(each.input for each in found)


@pytest.mark.parametrize("listed", [None, [], {}, "x", [None], [7, "x"], [{}], [{"type": None}]])
def test_strange_iterations_leave_the_response_as_it_is(listed: object) -> None:
    found = read(transcript(answer(spent={**usage(input=5, output=9), "iterations": listed}))).usages
    assert (5, 9) == (found[0].input, found[0].output)
    assert 14 == sum(each.input + each.output for each in found)


def test_writes_before_the_split_were_five_minute_writes() -> None:
    spent = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 70}
    found = one(answer(spent=spent))
    assert (70, 0) == (found.cache_write_5m, found.cache_write_1h)


def test_a_usage_block_may_grow_a_field_of_any_name() -> None:
    """A later client's own ``context`` must not become ours."""
    found = one(answer(spent=usage(input=5, read=70, context={"window": 1}, part=3, model="x")))
    assert 75 == found.context


# ---- bad lines -------------------------------------------------------------------------------------------------------

GOOD = answer("msg_good")


def raw(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


BAD_LINES: dict[str, bytes] = {
    "torn": raw(answer())[:-30],
    "no JSON": b'"usage" {{{',
    "NUL bytes": b"\0" * 500 + b'"usage"',
    "an array": b'["usage"]',
    "a string": b'"usage"',
    "deep": b'{"usage":' * 100_000,
    "deep but whole": b'{"usage":' * 5000 + b"1" + b"}" * 5000,
    "not UTF-8 and torn": b'{"usage": "\xff\xfe',
    "a huge number of digits": b'{"usage": ' + b"9" * 10_000 + b"x}",
    "torn in a wide array": b'{"x":[' + b'{"usage":1},' * 30_000,
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_and_the_good_ones_count(name: str) -> None:
    path = transcript(BAD_LINES[name], GOOD)
    reading = read(path)
    assert ["msg_good"] == [found.key for found in reading.usages]
    assert [(str(path), 0)] == [(problem.path, problem.offset) for problem in reading.problems]


MENDED: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + raw(answer()),
    "NUL bytes before": b"\0" * 4096 + raw(answer()),
    "bytes that are not UTF-8": raw(answer(slug="@")).replace(b"@", b"\xff\xfe"),
    "half a surrogate pair": raw(answer(cwd="@", gitBranch="@")).replace(b"@", b"\\ud83d"),
    "glued to a torn one": raw(answer("msg_torn"))[:100] + raw(answer()),
    "NaN where a number was": raw(answer(odd="@")).replace(b'"@"', b"NaN"),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_can_be_mended_counts_and_is_named(name: str) -> None:
    reading = read(transcript(MENDED[name], GOOD))
    assert ["msg_1", "msg_good"] == [found.key for found in reading.usages]
    assert 1 == len(reading.problems)
    assert b"" != "".join(str(part) for found in reading.usages for part in found).encode()  # all of it can be stored


@pytest.mark.parametrize(
    ("value", "counted"),
    [(-5, 0), (1.9, 1), (10**13, 0), (True, 0), ("12", 0), ([], 0), (1e300, 0), (10**30, 0), (-0.5, 0)],
)
@pytest.mark.parametrize(
    "field", ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
)
def test_impossible_counts_count_nothing_and_are_named(field: str, value: object, counted: int) -> None:
    spent = {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0, field: value}
    reading = read(transcript(answer(spent=spent), GOOD))
    found = reading.usages[0]
    assert counted == found.input + found.output + found.cache_read + found.cache_write_5m + found.cache_write_1h
    assert 1 == len(reading.problems)


def test_a_missing_count_is_nothing_and_no_problem() -> None:
    found = one(answer(spent={"input_tokens": None, "output_tokens": 5}))
    assert (0, 5) == (found.input, found.output)


def test_no_count_is_so_large_that_a_sum_of_them_leaves_sixty_four_bits() -> None:
    """The largest counts that are believed, at the dearest price, a hundred times: below 2^63 picodollars."""
    most = 10**8 - 1
    spent = usage(input=most, output=most, read=most, hour=most, server_tool_use={"web_search_requests": 10**9})
    found = read(transcript(answer(spent=spent))).usages[0]
    dearest = 125_000_000  # picodollars a token: 125 USD per million
    tokens = found.input + found.output + found.cache_read + found.cache_write_1h
    assert 4 * most == tokens
    assert 100 * (tokens * dearest + found.searches * 10**10) < 2**63


@pytest.mark.parametrize(
    ("stamp", "at_ms"),
    [
        ("2026-11-21T11:00:00Z", START_MS),
        ("2026-11-21T11:00:00.123456Z", START_MS + 123),
        ("2026-11-21T11:00:00.1Z", START_MS + 100),
        ("2026-11-21T12:30:00+01:30", START_MS),
        ("2026-11-21T11:00:00", START_MS),
        (START_MS, START_MS),
        (START_MS // 1000, START_MS),
        (START_MS / 1000 + 0.25, START_MS + 250),
    ],
)
def test_times_of_every_client(stamp: object, at_ms: int) -> None:
    assert at_ms == one(answer(timestamp=stamp)).at_ms


@pytest.mark.parametrize(
    "stamp", [None, "", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", -1, 1e300, True, {}, 10**30]
)
def test_an_unusable_time_is_named_and_the_response_is_dated_by_its_neighbour(stamp: object) -> None:
    before = answer("msg_0", at_ms=START_MS - 5000)
    reading = read(transcript(before, answer(timestamp=stamp)))
    assert [START_MS - 5000] * 2 == [found.at_ms for found in reading.usages]
    assert ["no usable timestamp: dated by its neighbour"] == [problem.reason for problem in reading.problems]


def test_a_file_without_any_time_is_dated_by_its_own_last_change() -> None:
    import os

    path = transcript(answer(timestamp=None))
    os.utime(path, (NOW, NOW))
    assert NOW * 1000 == read(path).usages[0].at_ms


def test_json_with_spaces_and_usage_inside_text_count_right() -> None:
    spaced = json.dumps(answer(), indent=None, separators=(" , ", " : ")).encode()
    quoting = answer("msg_2")
    quoting["message"]["content"] = [{"type": "text", "text": json.dumps(answer("msg_inside"))}]
    nested = {"type": "user", "timestamp": iso(START_MS), "message": {"content": [{"deep": answer("msg_nested")}]}}
    assert ["msg_1", "msg_2"] == [found.key for found in read(transcript(spaced, quoting, nested)).usages]


def test_strange_types_everywhere_never_raise() -> None:
    """Every value of a line, one at a time, replaced by something of another kind."""
    strange: list[object] = [None, True, -1, 1.5, "x", [], {}, [[]], {"a": []}, "\ud800", 10**25]

    def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(found for key, part in inner for found in places(part, (*path, key)))]

    base = answer(isSidechain=False, attributionAgent="x", forkedFrom={"sessionId": "s"}, requestSessionId=SESSION)
    base["message"]["usage"] = {**usage(output_tokens_details={"thinking_tokens": 1}), "iterations": [step(), step()]}
    base["message"]["usage"]["server_tool_use"] = {"web_search_requests": 1}
    progress = {"type": "progress", "timestamp": iso(START_MS), "data": {"agentId": "a", "message": answer("msg_p")}}
    lines: list[dict[str, Any] | bytes] = []
    for template in (base, progress):
        for place in places(template)[1:]:
            for value in strange:
                changed = json.loads(json.dumps(template))
                inner = changed
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = value
                lines.append(changed)
    reading = read(transcript(*lines, GOOD))
    assert "msg_good" in {found.key for found in reading.usages}
    for each in reading.usages:
        kinds = (str, *[int] * 10, *[bool] * 4, int, int, int, bool, *[str] * 9)
        for value, kind in zip(each, kinds, strict=True):
            assert type(value) is kind
        assert all(-(2**63) <= value < 2**63 for value in each if isinstance(value, int))
        assert all(value.encode() is not None for value in each if isinstance(value, str))


def test_reading_on_from_anywhere_gives_what_reading_at_once_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut at every seventh byte and around each newline, read, completed, read on: the best of both is the whole."""
    monkeypatch.setattr(tail, "BLOCK", 300)
    lines = jsonl(answer(spent=usage(output=1), stop=None), answer(spent=usage(output=80), at_ms=START_MS + 9))
    lines += jsonl(answer("msg_2", at_ms=START_MS + 50))
    path = transcript()
    path.write_bytes(lines)
    expected = {found.key: found for found in read(path).usages}
    ends = [at + near for at, byte in enumerate(lines) if byte == 10 for near in (-1, 0, 1)]
    for cut in sorted({*range(0, len(lines) + 1, 7), *ends}):
        path.write_bytes(lines[:cut])
        first = read(path)
        assert first.cursor.offset == lines.rfind(b"\n", 0, cut) + 1
        with path.open("ab") as file:
            file.write(lines[cut:])
        second = read(path, first.cursor)
        assert [] == [*first.problems, *second.problems]
        assert second.cursor.offset == len(lines)
        best: dict[str, Usage] = {}
        for each in [*first.usages, *second.usages]:
            known = best.get(each.key, each)
            winner = each if rank(each) > rank(known) else known
            best[each.key] = winner._replace(at_ms=min(each.at_ms, known.at_ms))
        assert expected == best


def test_only_the_file_named_is_opened_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """``tail`` is the only door, and it opens for reading."""
    path = transcript(answer())
    opened: list[str] = []
    real: Callable[..., Any] = tail._open

    def watch(name: str) -> Any:
        opened.append(name)
        return real(name)

    monkeypatch.setattr(tail, "_open", watch)
    before = path.stat()
    claude_transcripts.read(tail.FoundFile(str(path), before.st_ino, before.st_size, before.st_mtime_ns), None)
    assert {str(path)} == set(opened)
    assert (before.st_mtime_ns, before.st_size) == (path.stat().st_mtime_ns, path.stat().st_size)


# ---- two ways to the same answer ----


@given(
    counts=st.lists(st.integers(0, 10**9), min_size=5, max_size=5),
    split=st.booleans(),
    speed=st.sampled_from([None, "standard", "fast"]),
    geo=st.sampled_from([None, "", "us", "global"]),
    stop=st.sampled_from([None, "end_turn"]),
    steps=st.sampled_from([None, [], [{"type": "message"}], [{"type": "message", "model": "other"}]]),
    sidechain=st.booleans(),
    agent=st.sampled_from([None, "a1"]),
    copied=st.sampled_from([{}, {"requestSessionId": OTHER}, {"forkedFrom": {"sessionId": OTHER}}]),
)
def test_the_ordinary_line_means_the_same_by_the_quick_way_and_by_the_patient_one(
    counts: list[int],
    split: bool,
    speed: str | None,
    geo: str | None,
    stop: str | None,
    steps: list[dict[str, str]] | None,
    sidechain: bool,
    agent: str | None,
    copied: dict[str, Any],
) -> None:
    """The quick way decodes straight into fields, the patient one asks a dictionary; only the price may differ."""
    spent: dict[str, Any] = {"speed": speed, "inference_geo": geo, "iterations": steps}
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    spent |= dict(zip(names, counts, strict=False))
    if split:
        hour = min(counts[4], counts[3])
        spent["cache_creation"] = {"ephemeral_1h_input_tokens": hour, "ephemeral_5m_input_tokens": counts[3] - hour}
    line = {**answer(spent=spent, stop=stop), "isSidechain": sidechain, **copied}
    path = transcript(line, agent=agent)
    quick = claude_transcripts.read(found(path), None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(claude_transcripts.plain, "decode", lambda _: (_ for _ in ()).throw(ValueError))
        patient = claude_transcripts.read(found(path), None)
    assert patient.usages == quick.usages
    assert patient.problems == quick.problems
