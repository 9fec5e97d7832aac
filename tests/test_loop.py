"""The loop guard's rules: what is alike, when it is a loop, when a tool rests, and what a turn's price sounds like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.hooks.loop import breaker, cron, fingerprints
from governor.hooks.loop import rules as loop_rules
from governor.hooks.loop.breaker import CallOutcome

HEAD = {"session_id": "s-1", "transcript_path": "/t", "cwd": '/w "x"', "hook_event_name": "PostToolBatch"}


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def batch(*made: tuple[str, Any, str]) -> dict[str, Any]:
    each = [
        {"tool_name": tool, "tool_input": given, "tool_use_id": f"toolu_{n}", "tool_response": answer}
        for n, (tool, given, answer) in enumerate(made)
    ]
    return {**HEAD, "tool_calls": each}


def single(tool: str, given: Any, answer: Any) -> dict[str, Any]:
    event = {"session_id": "s-1", "turn_id": "t", "hook_event_name": "PostToolUse", "model": "gpt-6-sol"}
    return {**event, "tool_name": tool, "tool_input": given, "tool_response": answer, "tool_use_id": "exec-1"}


def traces(*made: tuple[str, Any, str]) -> list[fingerprints.Trace]:
    read = fingerprints.read(compact(batch(*made)))
    assert read is not None
    return [each.trace for each in read.calls]


def same(one: fingerprints.Batch | None, other: fingerprints.Batch) -> bool:
    assert one is not None
    sides = [[(c.tool, c.trace, c.id, c.state) for c in each.calls] for each in (one, other)]
    return sides[0] == sides[1] and (one.session, one.agent) == (other.session, other.agent)


# ---- reading without parsing -----------------------------------------------------------------------------------------

plain = st.text(max_size=12)
inputs = st.dictionaries(st.sampled_from(["command", "file_path", "query"]), plain | st.integers(), max_size=3)
made_calls = st.tuples(st.sampled_from(["Bash", "Read", "mcp__x__y", "Edit"]), inputs, plain)


@given(st.lists(made_calls, min_size=1, max_size=5))
def test_bytes_and_parsing_agree_on_a_batch(made: list[tuple[str, Any, str]]) -> None:
    event = batch(*made)
    assert same(fingerprints.read(compact(event)), fingerprints.parsed(event, compact))


@given(made_calls)
def test_bytes_and_parsing_agree_on_a_single_call(made: tuple[str, Any, str]) -> None:
    event = single(*made)
    assert same(fingerprints.read(compact(event)), fingerprints.parsed(event, compact))


def test_a_subagents_calls_are_its_own() -> None:
    read = fingerprints.read(compact({"session_id": "s-1", "agent_id": "a9", **HEAD, **batch(("Bash", {}, "x"))}))
    assert read is not None
    assert (b"s-1", b"a9") == (read.session, read.agent)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[1]", b'{"session_id":"s","hook_event_name":"PostToolBatch"',
        json.dumps(batch(("A", {}, "x"))).encode(),
        compact({"cwd": "/", **batch(("A", {}, "x"))}), compact(batch(("A", {"tool_use_id": "x"}, "y"))),
        compact(batch(("A", {"tool_name": "B"}, "y")))[:-3], compact(single("A", {"tool_name": "B"}, "y")),
        b'\xff{"session_id":"', compact(batch()),
    ],
)  # fmt: skip
def test_whatever_is_laid_out_otherwise_is_left_to_the_parser(raw: bytes) -> None:
    assert fingerprints.read(raw) is None


# ---- alike -----------------------------------------------------------------------------------------------------------


def alike(one: tuple[str, Any, str], other: tuple[str, Any, str]) -> bool:
    first, second = traces(one, other)
    assert fingerprints.are_alike(first, second) is fingerprints.are_alike(second, first)
    return fingerprints.are_alike(first, second)


def bash(command: str, answer: str = "", **more: Any) -> tuple[str, Any, str]:
    return ("Bash", {"command": command, **more}, answer)


def test_digits_blanks_and_case_make_no_difference() -> None:
    assert alike(bash("sleep 1; LS  -la\n"), bash("sleep 20;ls -la"))
    assert alike(bash("ls", description="Look"), bash("ls", description="Look once more"))
    assert not alike(bash("ls"), bash("ls -a"))
    assert not alike(bash("ls"), ("Read", {"command": "ls"}, ""))


def test_the_same_question_is_alike_where_the_same_came_back() -> None:
    assert alike(bash("git status", "clean"), bash("git status", "clean"))
    assert not alike(bash("git status", "clean"), bash("git status", "dirty"))


def test_paging_and_numbered_files_bring_something_new() -> None:
    page = [("Read", {"file_path": "/a", "offset": n}, f"words of page {'x' * n}") for n in (1, 200)]
    assert not alike(*page)
    assert not alike(*[("Read", {"file_path": "/a", "offset": n}, f"line {n}: nothing") for n in (1, 200)])
    assert alike(*[("Read", {"file_path": "/a", "offset": n}, "nothing there") for n in (1, 200)])


def loops(*made: tuple[str, Any, str]) -> bool:
    """Would these calls, one after the other, be told at any time?"""
    noted = traces(*made)
    return any(fingerprints.is_loop(noted[: n + 1][-10:], 4) for n in range(len(noted)))


def edit(old: str) -> tuple[str, Any, str]:
    return ("Edit", {"file_path": "/f", "old_string": old, "new_string": "new"}, "The file /f has been updated.")


ADVANCING: dict[str, list[tuple[str, Any, str]]] = {
    "numbered batch work": [bash(f"./migrate.sh {n}", f"migration {n}: {n * 37 % 11} rows\n") for n in range(11, 17)],
    "batch work that echoes its number alone": [bash(f"./migrate.sh {n}", f"{n} ok") for n in range(11, 17)],
    "batch work that takes its time": [bash(f"./migrate.sh {n}", f"done in {n / 7:.2f} s") for n in range(11, 17)],
    "numbered files": [("Read", {"file_path": f"/src/part{n}.py"}, f"x = {n}") for n in range(6)],
    "ranges of one file": [
        ("Read", {"file_path": "/a", "offset": n, "limit": 9}, f"{n}\tline") for n in range(1, 99, 9)
    ],
    "ranges by sed": [bash(f"sed -n {n},{n + 9}p a.py", f"def f{n}(): ...") for n in range(1, 60, 10)],
    "a percentage that moves": [bash("./status", f"progress: {n}%") for n in range(0, 60, 10)],
    "a count that moves": [bash("psql -c 'select count(*) from t'", f" count\n-------\n {n}\n") for n in range(6)],
    "so many of so many": [bash("make -s progress", f"[{n}/50] built") for n in range(6)],
    "a queue that drains": [bash("./queue", f"2026-11-30T12:0{n}:00Z {90 - n} jobs left") for n in range(6)],
    "a log that grows": [bash("tail -1 log", f"12:00:0{n} request {n} served") for n in range(6)],
    "other failures after every edit": [
        call for n in range(6) for call in (bash("pytest -q", f"{9 - n} failed, {n} passed in 0.4s"), edit(f"old {n}"))
    ],
    "other failures without an edit": [bash("pytest -q", f"FAILED tests/test_{n}.py - assert") for n in range(6)],
    "the same failure after other edits": [
        call for n in range(6) for call in (bash("pytest -q", "1 failed in 0.41s"), edit(f"old {'x' * n}"))
    ],
    "five questions in turn": [bash(f"cat {letter}", letter) for _ in range(3) for letter in "abcde"],
    "waiting": [("BashOutput", {"id": "b"}, "running")] * 9,
}
STUCK: dict[str, list[tuple[str, Any, str]]] = {
    "the same came back": [bash("npm run build", "Error: cannot find module x")] * 4,
    "nothing came back": [bash("grep -r x .", "")] * 4,
    "reworded": [bash("ls", "a", description=f"Look {'again ' * n}") for n in range(4)],
    "another pause before it": [bash(f"sleep {n} && curl x", "curl: (7) connection refused") for n in range(4)],
    "a time stamp": [bash("curl x", f"2026-11-30 12:0{n}:17,042 ERROR refused") for n in range(4)],
    "an ISO time": [bash("curl x", f"[2026-11-30T12:00:1{n}.250+01:00] ERROR refused") for n in range(4)],
    "a clock": [bash("curl x", f"12:0{n} refused") for n in range(4)],
    "seconds since 1970": [bash("curl x", f"{1796074990 + n} refused, ts={1796074990123 + n}") for n in range(4)],
    "a duration": [bash("pytest -q", f"1 failed, 5 passed in {n + 0.31:.2f}s") for n in range(4)],
    "a duration in words": [bash("make", f"failed after {n + 3} seconds (took 1m{n}s, {n * 7} ms)") for n in range(4)],
    "a process id": [
        bash("./serve", f"pid {4242 + n}: port in use (PID={n + 99}, worker[{n + 7}]: exit)") for n in range(4)
    ],
    "an address": [bash("./run", f"Segfault at 0x7f{n}a in main") for n in range(4)],
    "a request id": [
        bash("curl x", f"503 (request id: req_{letter}1, uuid 0b9c3c1e-000{n}-4000-8000-000000000001)")
        for n, letter in enumerate("abcd")
    ],
    "all of it in a long answer": [
        bash("make", f"{'gcc -c x.c ' * 900}\n12:00:0{n} make: *** [all] Error 1 (pid {n})") for n in range(4)
    ],
    "the same error of an edit": [
        ("Edit", {"file_path": "/f", "old_string": "a"}, "<tool_use_error>String not found</tool_use_error>")
    ]
    * 4,
    "two by turns": [bash("git stash"), bash("git stash pop")] * 3,
    "two by turns, at other times": [
        call for n in range(3) for call in (bash("make", f"12:0{n}:00 failed"), edit("the same"))
    ],
}


@pytest.mark.parametrize("name", ADVANCING)
def test_work_that_advances_is_no_loop(name: str) -> None:
    assert not loops(*ADVANCING[name])


@pytest.mark.parametrize("name", STUCK)
def test_the_same_asked_and_the_same_come_back_is_a_loop(name: str) -> None:
    assert loops(*STUCK[name])
    assert not loops(*STUCK[name][:3])


@given(
    st.lists(st.integers(0, 10**9 - 1), min_size=4, max_size=8, unique=True),
    st.sampled_from([" rows", "%", " of 9", ""]),
)
def test_a_number_that_means_something_is_always_something_new(numbers: list[int], what: str) -> None:
    assert not loops(*[bash("./status", f"at {n}{what}") for n in numbers])
    assert not loops(*[bash(f"./step {n}", f"step {n}{what}") for n in numbers])


@given(st.lists(st.datetimes(), min_size=4, max_size=8), st.text("abc 12%\n", max_size=20))
def test_a_time_is_never_something_new(times: list[Any], words: str) -> None:
    assert loops(*[bash("./status", f"{at:%Y-%m-%d %H:%M:%S} {words}") for at in times])


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer(answer: bytes) -> None:
    assert fingerprints.steady(answer) == fingerprints.steady(answer)
    assert fingerprints.ToolCall(b"Bash", b"{}", answer, b"id").trace[0]


@pytest.mark.parametrize("tool", ["BashOutput", "TaskOutput", "Monitor", "ScheduleWakeup", "wait_agent", "Agent"])
def test_waiting_is_no_loop(tool: str) -> None:
    assert (0, None) == fingerprints.most_alike(traces(*[(tool, {"id": "x"}, "running")] * 5))


@pytest.mark.parametrize(
    ("letters", "count"),
    [
        ("", 0),
        ("A", 1),
        ("AAAA", 4),
        ("AAABA", 4),
        ("BAAAA", 4),
        ("ABABA", 3),
        ("AAAAAB", 4),
        ("AAAABB", 3),
        ("ABCDE", 1),
    ],
)
def test_how_many_of_the_last_five(letters: str, count: int) -> None:
    assert count == fingerprints.most_alike(traces(*[bash(letter) for letter in letters]) if letters else [])[0]


@given(st.lists(st.sampled_from("ABC"), max_size=12))
def test_the_count_is_that_of_the_commonest_of_the_last_five(letters: list[str]) -> None:
    last = letters[-5:]
    expected = max((last.count(letter) for letter in last), default=0)
    assert expected == fingerprints.most_alike(traces(*[bash(letter) for letter in letters]) if letters else [])[0]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("ok", "ok"), ("Exit code 3", "ok"), ("<tool_use_error>String not found</tool_use_error>", "failed"),
        ("PreToolUse:Bash hook error: not now", "refused"), ("The user doesn't want to proceed", "refused"), ("", "ok"),
    ],
)  # fmt: skip
def test_what_claudes_batch_says_of_a_call(answer: str, state: str) -> None:
    (call,) = fingerprints.parsed(batch(("Edit", {}, answer)), compact).calls
    assert state == call.state


def test_codex_tells_only_of_an_mcp_tools_errors() -> None:
    answer = {"content": [{"type": "text", "text": "no"}], "isError": True}
    read = fingerprints.read(compact(single("mcp__a__b", {}, answer)))
    assert read is not None
    assert ["failed"] == [call.state for call in read.calls]


# ---- rest ------------------------------------------------------------------------------------------------------------


def outcomes(words: str) -> list[CallOutcome]:
    """``B:exit:a`` is a failed Bash of input a, ``B`` its success, ``E`` an edit."""
    found = []
    for n, word in enumerate(words.split()):
        tool, _, rest = word.partition(":")
        kind, _, like = rest.partition(":")
        found.append(CallOutcome(n, "*edit" if tool == "E" else tool, kind, like, f"id{n}"))
    return found


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("B:exit:a B:exit:a B:exit:a B:exit:a B:exit:a", 5),
        ("B:exit:a E B:exit:a E B:exit:a E B:exit:a E B:exit:a", 1),
        ("B:exit:a B:exit:b B:exit:c B:exit:d B:exit:e", 1),
        ("B:exit:a B:exit:a B B:exit:a", 1),
        ("B:server:a B:server:b E B:server:c", 3),
        ("W:w01:a W:w01:b W:w01:c", 3),
        ("W:w01:a W:w02:b W:w01:c", 1),
        ("B:exit:a W:w01:a B:exit:a W B:exit:a", 3),
        ("B", 0),
    ],
)
def test_which_failures_count_together(words: str, count: int) -> None:
    tool = words.partition(":")[0].partition(" ")[0]
    row = breaker.row(outcomes(words), tool)
    assert count == (len(breaker.run_of(row)) if row else 0)


def test_one_call_counts_once_however_often_it_is_noted() -> None:
    one = outcomes("B:exit:a")
    assert 1 == len(breaker.row(one * 3, "B"))


@given(st.lists(st.sampled_from(["B:exit:a", "B:server:b", "W:w01:a", "W", "E"]), max_size=15))
def test_a_success_ends_every_row_of_its_tool_and_no_other(words: list[str]) -> None:
    before = outcomes(" ".join(words)) if words else []
    after = [*before, CallOutcome(99, "B", "", "", "")]
    assert [] == breaker.row(after, "B")
    assert breaker.row(before, "W") == breaker.row(after, "W")


@pytest.mark.parametrize("kind", sorted(breaker.ADVICE))
def test_what_the_model_is_told_is_short(kind: str) -> None:
    long = "mcp__" + "x" * 80
    told = [breaker.advice(long, kind, 3, 86_400.0), breaker.opened(long, 5, 86_400, stops=True)[1]]
    told += [loop_rules.stuck(long, 4, 5)[1], loop_rules.held(long, 10, 60)[1]]
    assert [] == [each for each in told if not 0 < len(each) <= 200 or not each.endswith((".", "next."))]


# ---- prices ----------------------------------------------------------------------------------------------------------

NOW = 1_795_262_400.0
SNAPSHOT: dict[str, Any] = {"written_at": NOW - 30, "turn_percent": 0.5, "marathon": 28_800}


def said(facts: dict[str, Any], **event: Any) -> list[loop_rules.LoopAdvice]:
    return loop_rules.at_stop(event, {**SNAPSHOT, "sessions": {"s": facts}}, session="s", now=NOW)


def test_a_dear_turn_has_a_price_warm_and_cold() -> None:
    (advice,) = said({"warm": 0.62, "cold": 5.04, "context": 451_234})
    assert "each further turn here costs about 0.6 % of your week while the cache is warm" in advice.person
    assert "about 5.0 % once it has lapsed (estimates; 451k tokens of context)" in advice.person
    assert ("turn", 0.62) == (advice.what, advice.price)


@pytest.mark.parametrize(
    "facts",
    [{"warm": 0.49, "cold": 9.0}, {"warm": None, "cold": None, "context": 10**6}, {}, {"warm": "1", "cold": True}],
)
def test_below_the_threshold_or_uncalibrated_nothing_is_said(facts: dict[str, Any]) -> None:
    assert [] == said(facts)


@pytest.mark.parametrize("written", [None, "x", NOW - 90_000, NOW + 900])
def test_a_snapshot_of_another_day_says_nothing(written: object) -> None:
    snapshot = {**SNAPSHOT, "written_at": written, "sessions": {"s": {"warm": 5, "cold": 9}}}
    assert [] == loop_rules.at_stop({}, snapshot, session="s", now=NOW)


def test_it_is_said_again_only_when_it_doubled() -> None:
    (advice,) = said({"warm": 1.0, "cold": 9.0})
    assert [True, True, False, False] == [loop_rules.is_news(advice, told) for told in ("", "0.5", "0.51", "rubbish")]


def test_a_schedule_is_priced_by_the_wake_and_the_day() -> None:
    each = {"id": "c", "schedule": "*/10 * * * *", "recurring": True}
    (advice,) = said({"warm": 0.1, "cold": 4.0, "ttl": "1h"}, session_crons=[each])
    assert "wakes it about 144 times a day; each wake costs about 0.1 % of your week, 14 % a day" in advice.person
    assert 14.4 == pytest.approx(advice.price)
    (advice,) = said({"warm": 0.1, "cold": 4.0, "ttl": "5m"}, session_crons=[each])
    assert "each wake costs about 4.0 % of your week, 576 % a day" in advice.person, "the cache lapses in between"
    assert [] == said({"warm": 0.001, "cold": 0.1}, session_crons=[{**each, "schedule": "0 9 * * 1"}])


def test_a_schedule_nobody_can_read_is_priced_by_the_wake() -> None:
    (advice, *_) = said({"warm": 0.6, "cold": 4.0}, session_crons=[{"schedule": "whenever", "recurring": True}])
    assert "a schedule will wake this session, and each wake costs about 0.6 %" in advice.person
    (advice, *_) = said({"warm": 0.6, "cold": 4.0}, background_tasks=[{"status": "running", "type": "shell"}])
    assert "background work will wake this session" in advice.person
    (advice,) = said({"warm": 0.6, "cold": 4.0}, background_tasks=[{"status": "completed"}], session_crons="x")
    assert "turn" == advice.what


def test_a_marathon_names_its_share_where_it_is_known() -> None:
    (advice,) = said({"hours": 8.3, "share": 31.2})
    assert "at work 8 h this week and has used about 31 % of it (estimate)" in advice.person
    assert "/clear" in advice.person
    (advice,) = said({"hours": 8.3, "share": None}, model="gpt-6-sol")
    assert "at work 8 h this week. Every turn" in advice.person
    assert "/new" in advice.person
    assert not loop_rules.is_news(advice, "None"), "once per session"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0.00 %"),
        (0.001, "<0.01 %"),
        (0.04, "0.04 %"),
        (0.4, "0.4 %"),
        (4.56, "4.6 %"),
        (9.97, "10 %"),
        (46.4, "46 %"),
    ],
)
def test_a_price_has_two_digits_that_mean_something(value: float, words: str) -> None:
    assert words == loop_rules.percent(value)


@pytest.mark.parametrize(
    ("schedule", "per_day", "gap_s"),
    [
        ("*/5 * * * *", 288, 300), ("0 9 * * *", 1, 86_400), ("0 9 * * 1-5", 5 / 7, 86_400),
        ("0 9,18 * * *", 2, 32_400), ("30 */2 * * *", 12, 7200), ("0 0 1 * *", 1 / 30.44, 86_400),
        ("15 10 * * mon,THU", 2 / 7, 86_400),
        ("0 0 * jan *", 1 / 12, 86_400), ("10/20 * * * *", 72, 1200), ("@hourly", 24, 3600),
        ("0 0 * * 7", 1 / 7, 86_400),
        ("0 0 13 * 5", 1 - (1 - 1 / 30.44) * (6 / 7), 86_400),
    ],
)  # fmt: skip
def test_how_often_a_schedule_wakes(schedule: str, per_day: float, gap_s: int) -> None:
    found = cron.rhythm(schedule)
    assert found is not None
    assert (pytest.approx(per_day), gap_s) == (found.per_day, found.gap_s)


@pytest.mark.parametrize(
    "schedule",
    [
        "", "* * * *", "61 * * * *", "a b c d e", "*/0 * * * *", "5-1 * * * *", "*/x * * * *", None, 5, "1,,2 * * * *",
        "² * * * *",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_none(schedule: object) -> None:
    assert cron.rhythm(schedule) is None


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_none(text: str) -> None:
    found = cron.rhythm(text)
    assert found is None or (0 < found.per_day <= 1440 and 60 <= found.gap_s <= 86_400)
