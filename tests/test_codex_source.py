"""What one rollout of Codex says: records, running totals, forks, and the official meter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from writing import NOW, START_MS, counted, event, found, iso, jsonl, meta, read, recorded, rollout, tokens, turn

from governor.clients.codex import limits as codex_limits
from governor.clients.codex import transcripts as codex_transcripts
from governor.model import Usage
from governor.quota import windows
from governor.transcripts.tail import FoundFile

WINDOWS = {
    "limit_id": "codex",
    "primary": {"used_percent": 12.0, "window_minutes": 300, "resets_at": NOW + 3600},
    "secondary": {"used_percent": 40.0, "window_minutes": 10080, "resets_at": NOW + 86_400},
}


def sums(usages: list[Usage]) -> tuple[int, int, int, int]:
    """(plain input, cached, written, output), each key once."""
    best = {one.key: one for one in usages if not one.replay}
    return (
        sum(one.input for one in best.values()),
        sum(one.cache_read for one in best.values()),
        sum(one.cache_write_5m for one in best.values()),
        sum(one.output for one in best.values()),
    )


# ---- records ---------------------------------------------------------------------------------------------------------


def test_a_record_counts_once_and_the_totals_beside_it_do_not() -> None:
    one = tokens(1000, cached=600, output=50, reasoning=20, written=100)
    reading = read(
        rollout(meta(), turn(), recorded("resp_1", one), counted(one, limits=WINDOWS), recorded("resp_1", one))
    )
    assert [] == reading.problems
    assert {(300, 600, 100, 50, 20)} == {
        (u.input, u.cache_read, u.cache_write_5m, u.output, u.reasoning) for u in reading.usages
    }
    assert 1 == len({u.key for u in reading.usages})
    first = reading.usages[0]
    assert ("codex", "gpt-6-sol", 1000, "t1", "t1", "main", "/home/u/work", "cli", True) == (
        first.lane,
        first.model,
        first.context,
        first.session,
        first.thread,
        first.agent,
        first.project,
        first.surface,
        first.final,
    )


def test_a_records_key_is_the_vendors_in_whatever_file_and_a_providers_own_is_the_threads() -> None:
    vendors, own = "resp_" + "0" * 40, "resp_1"
    keys = []
    for thread in ("t1", "t2"):
        lines = [recorded(name, tokens(5, output=1), thread=thread) for name in (vendors, own)]
        keys.append([one.key for one in read(rollout(meta(thread), *lines, name=thread)).usages])
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]


def test_another_threads_records_and_inherited_ordinals_are_not_this_threads() -> None:
    reading = read(
        rollout(
            meta(subagent_history_start_ordinal=5),
            recorded("resp_parent", tokens(9, output=9), thread="parent", ordinal=7),
            recorded("resp_old", tokens(9, output=9), ordinal=4),
            recorded("resp_own", tokens(5, output=1), ordinal=5),
        )
    )
    assert (5, 0, 0, 1) == sums(reading.usages)


def test_the_ancestors_part_of_a_paginated_fork_is_not_its_own() -> None:
    base = {"thread_id": "t0", "end_ordinal_exclusive": 10, "end_byte_offset": 99}
    reading = read(
        rollout(
            meta(history_base=base),
            counted(tokens(100, output=10), ordinal=9),
            counted(tokens(130, output=15), tokens(30, output=5), ordinal=12),
        )
    )
    assert (30, 0, 0, 5) == sums(reading.usages)


def test_the_reference_to_a_record_in_a_compaction_is_no_record() -> None:
    one = tokens(100, output=10)
    compacted = event("compacted", {"compaction_response_id": "resp_1", "latest_token_usage_record": {"usage": one}})
    assert (100, 0, 0, 10) == sums(read(rollout(meta(), turn(), recorded("resp_1", one), compacted)).usages)


def test_the_model_is_the_turns() -> None:
    reading = read(
        rollout(
            meta(),
            turn("gpt-6-sol", turn_id="a"),
            turn("gpt-6-luna", turn_id="b"),
            recorded("resp_1", tokens(1, output=1), turn_id="a"),
            recorded("resp_2", tokens(1, output=1), turn_id="b"),
            recorded("resp_3", tokens(1, output=1), turn_id="nobody"),
            event("event_msg", {"type": "thread_settings_applied", "thread_settings": {"model": "gpt-6-astra"}}),
            recorded("resp_4", tokens(1, output=1)),
        )
    )
    assert ["gpt-6-sol", "gpt-6-luna", "gpt-6-luna", "gpt-6-astra"] == [one.model for one in reading.usages]


@pytest.mark.parametrize(("tier", "fast"), [("priority", True), ("fast", True), ("flex", False), (None, False)])
def test_the_fast_tier(tier: str | None, fast: bool) -> None:
    (one,) = read(rollout(meta(), turn(service_tier=tier), recorded("resp_1", tokens(1, output=1)))).usages
    assert fast is one.fast


# ---- running totals --------------------------------------------------------------------------------------------------


def test_a_response_is_the_difference_of_two_totals() -> None:
    reading = read(
        rollout(
            meta(),
            turn(),
            counted(tokens(100, cached=40, output=10)),
            counted(tokens(350, cached=240, output=30), tokens(250, cached=200, output=20)),
        )
    )
    assert [(60, 40, 10, 100), (50, 200, 20, 250)] == [
        (u.input, u.cache_read, u.output, u.context) for u in reading.usages
    ]


def test_a_total_said_again_is_no_response() -> None:
    same = counted(tokens(100, output=10))
    again = counted(tokens(100, output=10), at_ms=START_MS + 60_000, limits=WINDOWS)
    reading = read(rollout(meta(), turn(), same, again, again))
    assert (100, 0, 0, 10) == sums(reading.usages)
    assert 4 == len(reading.limits)


def test_no_info_and_a_compactions_estimate_count_nothing() -> None:
    total = tokens(100, output=10)
    estimate = {**tokens(), "total_tokens": 5363}
    reading = read(rollout(meta(), turn(), counted(None, limits=WINDOWS), counted(total), counted(total, estimate)))
    assert (100, 0, 0, 10) == sums(reading.usages)


def test_a_first_total_that_spent_nothing_is_inherited() -> None:
    """A desktop fan-out: the first event carries the parent's total, with nothing in ``last``."""
    reading = read(
        rollout(
            meta(),
            turn(),
            counted(tokens(10_000_000, output=9), tokens()),
            counted(tokens(10_000_100, output=12), tokens(100, output=3)),
        )
    )
    assert (100, 0, 0, 3) == sums(reading.usages)


def test_a_counter_that_starts_again_counts_what_its_last_response_says() -> None:
    reading = read(
        rollout(
            meta(),
            turn(),
            counted(tokens(100, output=10)),
            counted(tokens(200, output=20), tokens(100, output=10)),
            counted(tokens(100, output=10), tokens(100, output=10)),
            counted(tokens(200, output=20), tokens(100, output=10)),
            counted(tokens(50, output=5), tokens(50, output=5)),
            counted(tokens(100, output=10), tokens(50, output=5)),
        )
    )
    assert (500, 0, 0, 50) == sums(reading.usages)


def test_a_counter_that_starts_again_with_nothing_to_say_is_a_new_base() -> None:
    reading = read(
        rollout(
            meta(),
            turn(),
            counted(tokens(100, output=10)),
            counted(tokens(0), tokens(0)),
            counted(tokens(30, output=3), tokens(30, output=3)),
        )
    )
    assert (130, 0, 0, 13) == sums(reading.usages)


def test_totals_of_a_long_thread_may_be_larger_than_any_response() -> None:
    reading = read(
        rollout(
            meta(),
            turn(),
            counted(tokens(3_000_000_000, cached=2_900_000_000, output=9), tokens(100, cached=60, output=9)),
            counted(tokens(3_000_000_500, cached=2_900_000_400, output=19), tokens(500, cached=400, output=10)),
        )
    )
    assert [] == reading.problems
    assert (140, 460, 0, 19) == sums(reading.usages)


def test_an_absurd_jump_is_named_and_the_last_response_is_believed() -> None:
    reading = read(
        rollout(
            meta(),
            turn(),
            counted(tokens(100, output=10)),
            counted(tokens(5_000_000_000, output=20), tokens(5, output=10)),
        )
    )
    assert ["impossible count"] == [problem.reason for problem in reading.problems]
    assert (105, 0, 0, 20) == sums(reading.usages)


@pytest.mark.parametrize(
    ("block", "counts"),
    [
        (tokens(100, cached=400, output=10), (0, 100, 0, 10)),
        (tokens(100, cached=90, written=90, output=10), (0, 90, 10, 10)),
        (tokens(100, output=10, reasoning=90), (100, 0, 0, 10)),
        ({"input_tokens": 100, "output_tokens": 10}, (100, 0, 0, 10)),
        ({"input_tokens": None, "output_tokens": 10}, (0, 0, 0, 10)),
    ],
)
def test_parts_never_exceed_their_whole(block: dict[str, Any], counts: tuple[int, int, int, int]) -> None:
    usages = read(rollout(meta(), turn(), recorded("resp_1", block))).usages
    assert counts == sums(usages)
    assert all(one.reasoning <= one.output for one in usages)


# ---- forks, resumes, subagents ---------------------------------------------------------------------------------------

PARENT = [
    counted(tokens(100 * n, output=10 * n), tokens(100, output=10), at_ms=START_MS + 30_000 * n) for n in range(1, 5)
]


def forked(*own: dict[str, Any], thread: str = "t2", at_ms: int = START_MS + 600_000, **head: Any) -> Path:
    """A thread that repeats its parent's four totals, stamped anew, and goes on."""
    replay = [
        counted(tokens(100 * n, output=10 * n), tokens(100, output=10), at_ms=at_ms + 100 * n) for n in range(1, 5)
    ]
    names = {"forked_from_id": "t1", **head}
    return rollout(meta(thread, at_ms=at_ms, **names), meta("t1", at_ms=at_ms), turn(), *replay, *own, name=thread)


def test_a_forks_opening_burst_carries_its_parents_keys() -> None:
    parent = read(rollout(meta(), turn(), *PARENT)).usages
    own = counted(tokens(450, output=47), tokens(50, output=7), at_ms=START_MS + 630_000)
    child = read(forked(own)).usages
    assert {one.key for one in parent} == {one.key for one in child if one.replay}
    (mine,) = [one for one in child if not one.replay]
    assert (50, 7, "t2") == (mine.input, mine.output, mine.thread)
    assert mine.key not in {one.key for one in parent}


def test_a_forks_fork_is_of_the_same_family() -> None:
    child = read(forked()).usages
    grandchild = read(
        rollout(
            meta("t3", at_ms=START_MS + 900_000, forked_from_id="t2"),
            meta("t2", at_ms=START_MS + 900_000, forked_from_id="t1"),
            turn(),
            counted(tokens(100, output=10), at_ms=START_MS + 900_100),
            name="t3",
        )
    ).usages
    assert {one.key for one in grandchild} < {one.key for one in child}


def test_a_forks_burst_says_nothing_about_the_meter() -> None:
    burst = counted(tokens(100, output=10), at_ms=START_MS + 600_200, limits=WINDOWS)
    later = counted(tokens(900, output=90), at_ms=START_MS + 660_000, limits=WINDOWS)
    assert {START_MS // 1000 + 660} == {limit.observed_at for limit in read(forked(burst, later)).limits}


def test_a_recording_that_joins_a_thread_and_its_fork_counts_each_response_once() -> None:
    """As in the real recordings of 0.130 and 0.135: the parent, then the fork's file with its copy, then its own."""
    later = START_MS + 600_000
    copied = [counted(tokens(100 * n, output=10 * n), tokens(100, output=10), at_ms=later + n) for n in range(1, 5)]
    own = counted(tokens(450, output=47), tokens(50, output=7), at_ms=later + 60_000)
    fork = [meta("t2", at_ms=later, forked_from_id="t1"), meta("t1", at_ms=later), turn(), *copied, own]
    usages = read(rollout(meta(), turn(), *PARENT, *fork)).usages
    assert (450, 0, 0, 47) == sums(usages)
    assert 5 == len({one.key for one in usages})


def test_two_unrelated_threads_never_share_a_response() -> None:
    first = read(rollout(meta("t1"), turn(), *PARENT, name="t1")).usages
    second = read(rollout(meta("t2"), turn(), *PARENT, name="t2")).usages
    assert not {one.key for one in first} & {one.key for one in second}


def test_a_resume_repeats_its_own_introduction_and_goes_on() -> None:
    again = counted(tokens(150, output=15), tokens(50, output=5), at_ms=START_MS + 90_000)
    usages = read(rollout(meta(), turn(), PARENT[0], meta(at_ms=START_MS + 80_000), turn("gpt-6-luna"), again)).usages
    assert (150, 0, 0, 15) == sums(usages)
    assert ["t1", "t1"] == [one.session for one in usages]


def test_a_spawned_agent_is_named_and_belongs_to_its_session() -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "t1", "depth": 1}}}
    head = meta("t2", session_id="t1", parent_thread_id="t1", source=source, agent_role="reviewer")
    (one,) = read(rollout(head, turn(), recorded("resp_1", tokens(1, output=1), thread="t2"), name="t2")).usages
    assert ("t1", "t2", "reviewer") == (one.session, one.thread, one.agent)
    assert not one.replay


def test_a_rollout_without_an_introduction_is_named_by_its_file() -> None:
    (one,) = read(rollout(turn(), counted(tokens(100, output=10)))).usages
    assert one.thread == one.session == "rollout-2026-11-21T11-00-00-t1"


def test_a_compressed_rollout_is_the_same_thread(tmp_path: Path) -> None:
    path = rollout(meta(), turn(), *PARENT)
    plain = read(path)
    packed = path.with_name(path.name + ".zst")
    packed.write_bytes(zstandard.compress(path.read_bytes()))
    assert plain.usages == codex_transcripts.read(found(packed), None).usages
    assert (
        plain.usages == codex_transcripts.read(found(packed), codex_transcripts.read(found(packed), None).cursor).usages
    )


@pytest.mark.parametrize("broken", [b"", b"no zstandard at all", "cut"])
def test_a_broken_compressed_rollout_is_an_ordinary_fault(broken: bytes | str) -> None:
    path = rollout(meta(), turn(), *PARENT)
    packed = path.with_name(path.name + ".zst")
    packed.write_bytes(zstandard.compress(path.read_bytes())[:-9] if isinstance(broken, str) else broken)
    try:
        reading = codex_transcripts.read(found(packed), None)
    except OSError:
        return
    assert {one.key for one in reading.usages} <= {one.key for one in read(path).usages}


# ---- the official meter ----------------------------------------------------------------------------------------------


def limits(block: dict[str, Any]) -> dict[str, float]:
    heard = codex_limits.readings(block, NOW, None)
    assert len(heard) == len({one.window for one in heard})
    return {one.window: one.used_percent for one in heard}


def test_windows_are_named_by_their_length_and_never_by_their_slot() -> None:
    assert {"5h": 12.0, "week": 40.0} == limits(WINDOWS)
    assert {"5h": 12.0, "week": 40.0} == limits({"primary": WINDOWS["secondary"], "secondary": WINDOWS["primary"]})
    assert {"week": 7.0} == limits({"primary": {"used_percent": 7, "window_minutes": 10080, "resets_at": NOW}})
    for minutes, name in ((1440, "day"), (43200, "month"), (90, "90m")):
        assert {name: 7.0} == limits({"primary": {"used_percent": 7, "window_minutes": minutes, "resets_at": NOW}})


def test_another_familys_windows_are_kept_apart() -> None:
    block = {**WINDOWS, "limit_id": "codex_bengalfox", "limit_name": "GPT-5.3-Spark"}
    assert {"5h:GPT-5.3-Spark", "week:GPT-5.3-Spark"} == limits(block).keys()
    assert {"5h", "week"} == limits({**WINDOWS, "limit_id": None}).keys()


def test_old_clients_say_how_long_it_takes_until_the_reset() -> None:
    block = {"primary": {"used_percent": 7, "window_minutes": 300, "resets_in_seconds": 60}}
    assert [NOW + 60] == [one.resets_at for one in codex_limits.readings(block, NOW, None)]


@pytest.mark.parametrize(
    "window",
    [
        None,
        [],
        {},
        {"used_percent": None, "window_minutes": 300},
        {"used_percent": 12.0},
        {"used_percent": True, "window_minutes": 300},
        {"used_percent": -1.0, "window_minutes": 300},
        {"used_percent": float("nan"), "window_minutes": 300},
        {"used_percent": 1_795_262_400, "window_minutes": 300},
        {"used_percent": 12.0, "window_minutes": 0},
        {"used_percent": 12.0, "window_minutes": "300"},
        {"used_percent": 12.0, "window_minutes": 10**30},
    ],
)
def test_a_window_that_says_nothing_usable_is_unknown_and_not_zero(window: object) -> None:
    assert {} == limits({"primary": window})


@pytest.mark.parametrize("reset", [None, "soon", float("inf"), float("nan"), 1e300, 10**30, -5, 0, True])
def test_a_reset_that_cannot_be_is_unknown(reset: object) -> None:
    (heard,) = codex_limits.readings(
        {"primary": {"used_percent": 7, "window_minutes": 300, "resets_at": reset}}, NOW, None
    )
    assert heard.resets_at is None


def test_the_readings_of_a_line_without_a_time_are_not_dated_to_1970() -> None:
    path = rollout({**counted(tokens(100, output=10), limits=WINDOWS), "timestamp": None})
    reading = read(path)
    assert all(NOW - 86_400 < limit.observed_at for limit in reading.limits)
    assert all((NOW - 86_400) * 1000 < one.at_ms for one in reading.usages)
    assert 1 == sum(problem.reason.startswith("no usable timestamp") for problem in reading.problems)


# ---- bad lines -------------------------------------------------------------------------------------------------------


def test_bad_lines_are_named_and_the_good_ones_count() -> None:
    bad = [b'{"type":"token_count"', b"\0" * 90 + b'"token_count"', b'["turn_context"]', b'"session_meta"' * 3]
    path = rollout(*bad, meta(), turn(), *PARENT)
    reading = read(path)
    assert (400, 0, 0, 40) == sums(reading.usages)
    assert 4 == len(reading.problems)


def test_strange_types_everywhere_never_raise() -> None:
    strange: list[object] = [None, True, -1, 1.5, "x", "a:b", [], {}, [[]], {"a": []}, 10**25, 1e300]
    source = {"subagent": {"thread_spawn": {}}}
    head = meta(source=source, git={"branch": "b", "commit_hash": "c"}, forked_from_id="t0", history_base={"x": 1})
    head["payload"]["subagent_history_start_ordinal"] = 0
    templates = [
        head,
        turn(turn_id="u", service_tier="fast"),
        recorded("resp_1", tokens(5, output=1), turn_id="u"),
        counted(tokens(100, output=10), limits=WINDOWS, ordinal=3),
    ]

    def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        inner = value.items() if isinstance(value, dict) else ()
        return [path, *(spot for key, part in inner for spot in places(part, (*path, key)))]

    for number, template in enumerate(templates):
        for place in places(template)[1:]:
            for value in strange:
                lines = json.loads(json.dumps(templates))
                inner = lines[number]
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = value
                reading = read(rollout(*lines, *PARENT))
                json.dumps(reading.cursor.state)
                for one in reading.usages:
                    whole = [part for part in one if isinstance(part, int)]
                    assert all(-(2**63) <= part < 2**63 for part in whole)
                    assert all(part >= 0 for part in one[5:13] if isinstance(part, int))
                for limit in reading.limits:
                    assert all(-(2**63) <= part < 2**63 for part in limit if isinstance(part, int))


def test_reading_on_from_anywhere_gives_what_reading_at_once_gives() -> None:
    records = [meta(), turn(), *PARENT[:2], turn("gpt-6-luna"), *PARENT[2:], counted(tokens(50, output=5))]
    lines = jsonl(*records)
    path = rollout()
    path.write_bytes(lines)
    expected = read(path).usages
    ends = [at + near for at, byte in enumerate(lines) if byte == 10 for near in (-1, 0, 1)]
    for cut in sorted({*range(0, len(lines) + 1, 13), *ends}):
        path.write_bytes(lines[:cut])
        first = read(path)
        with path.open("ab") as file:
            file.write(lines[cut:])
        second = read(path, first.cursor)
        assert {one.key: one for one in expected} == {one.key: one for one in [*first.usages, *second.usages]}
        assert [] == [*first.problems, *second.problems]


def test_the_account_and_the_plan_stand_with_the_reading() -> None:
    block = {**WINDOWS, "plan_type": "plus"}
    path = rollout(meta(creator_account_id="acc"), counted(None, limits=block))
    assert {("acc", "plus", "rollout")} == {(one.account, one.plan, one.source) for one in read(path).limits}


def test_builders_write_what_the_client_writes() -> None:
    """The kept sample of the real client and our builder agree on where things stand."""
    sample = Path(__file__).parent / "e2e" / "samples" / "codex-rollout-0.171.0.jsonl"
    reading = codex_transcripts.read(FoundFile(str(sample), 1, sample.stat().st_size, 1), None)
    assert reading.usages
    assert [] == reading.problems
    assert {"5h", "week"} == {limit.window for limit in reading.limits}
    assert iso(START_MS) == "2026-11-21T11:00:00.000Z"


# ---- whose figure, and from when -------------------------------------------------------------------------------------


def week(percent: float) -> dict[str, Any]:
    return {"primary": {"used_percent": percent, "window_minutes": 10080, "resets_at": NOW + 86_400}}


def dated(*records: dict[str, Any]) -> list[tuple[float, int | None]]:
    """(used percent, second since the start that its answer began at or after) of every reading."""
    limits = read(rollout(meta(), *records)).limits
    assert {"t1"} == {one.session for one in limits}
    return [(one.used_percent, one.began_at and one.began_at - START_MS // 1000) for one in limits]


def answer(number: int, percent: float, at_s: int) -> dict[str, Any]:
    return counted(tokens(100 * number, output=10 * number), at_ms=START_MS + at_s * 1000, limits=week(percent))


def test_a_figure_is_of_an_answer_that_began_after_the_one_before_it() -> None:
    turns = [turn(at_ms=START_MS + 5000), answer(1, 60, 20), answer(2, 61, 90), turn(at_ms=START_MS + 600_000)]
    assert [(60, 5), (61, 20), (62, 600)] == dated(*turns, answer(3, 62, 610))


def test_a_figure_that_stays_is_of_no_known_date() -> None:
    answers = [answer(number, 60, 10 * number) for number in range(1, 4)]
    assert [(60, 0), (60, None), (60, None)] == dated(turn(), *answers)


def test_an_old_figure_that_the_client_states_again_without_an_answer_is_no_reading() -> None:
    again = [counted(tokens(100, output=10), at_ms=START_MS + 900_000, limits=week(60))]
    again += [counted(None, at_ms=START_MS + 950_000, limits=week(60))]
    assert [(60, 0)] == dated(turn(), answer(1, 60, 10), *again)
    moved = counted(tokens(100, output=10), at_ms=START_MS + 900_000, limits=week(61))
    assert [(60, 0), (61, None)] == dated(turn(), answer(1, 60, 10), moved)


def test_two_threads_out_of_step_do_not_lower_the_figure() -> None:
    """The second thread's answers began before the first heard of 97 %, and were written after."""
    first = rollout(meta("t1"), turn(), answer(1, 60, 10), answer(2, 97, 300), name="t1")
    slow = [answer(1, 60, 20), answer(2, 61, 310), answer(3, 98, 320)]
    second = rollout(meta("t2"), turn(), *slow, name="t2")
    told = sorted([*read(first).limits, *read(second).limits], key=lambda one: one.observed_at)
    for count in range(4, 7):
        window = windows.current("codex", "week", told[:count], now=NOW)
        found = windows.official(window, told[:count], now=NOW)
        assert max(one.used_percent for one in told[:count]) == (found and found.used_percent)
