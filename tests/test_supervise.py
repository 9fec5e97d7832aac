"""The thinking parts of ``governor run`` and the gate: command lines, limits, the ladder, the stream, rulings."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from fakes import SESSION, THREAD, called, refused, result
from hypothesis import given
from hypothesis import strategies as st

from governor.clients import argv as clients_argv
from governor.gate import rulings as gate_rulings
from governor.gate.rulings import ANSWERS, EXIT, GateRuling
from governor.supervise import command
from governor.supervise.budget import UNITS, Crossing, RunLimits, RunSpent, crossed
from governor.supervise.stop_signals import STEPS, Ladder
from governor.supervise.stream import Feed, totals_as_usages

NONE = RunLimits()
USUAL = """-p --print prompt --model opus --allowedTools Bash Edit -- --output-format json stream-json --resume -r -c
exec resume -m -C --json --verbose --add-dir . - -i x.png --x=y -mfoo --last"""
WORDS = st.sampled_from(USUAL.split())


# ---- command lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", ["claude", "codex"])
@given(st.lists(WORDS, max_size=8))
def test_taken_apart_and_put_together_it_is_what_it_was(lane: str, listed: list[str]) -> None:
    assert listed == clients_argv.joined(clients_argv.parts(listed, lane=lane))


@given(st.lists(WORDS, max_size=8))
def test_no_word_of_the_persons_is_lost_or_moved(listed: list[str]) -> None:
    client = command.recognise(["claude", *listed])
    if client is None or client.shape != "as-is":
        return
    begun = command.started(client, RunLimits(usd=1.0, tool_calls=3))
    assert listed == begun[len(begun) - len(listed) :]


@pytest.mark.parametrize(
    ("argv", "lane"),
    [
        (["claude", "-p", "x"], "claude"),
        (["/opt/bin/claude", "--print", "x"], "claude"),
        (["env", "A=b", "claude", "-p", "x"], "claude"),
        (["timeout", "60", "/x/codex", "exec", "y"], "codex"),
        (["codex", "-m", "gpt-6-sol", "exec", "y"], "codex"),
        (["codex", "e", "y"], "codex"),
        (["claude", "-pc"], "claude"),
        (["claude"], None),
        (["codex"], None),
        (["codex", "exec", "review"], None),
        (["codex", "-m", "exec", "y"], None),
        (["claude", "--model", "-p"], None),
        (["sh", "-c", "claude -p x"], None),
        ([], None),
    ],
)
def test_what_is_a_headless_client(argv: list[str], lane: str | None) -> None:
    client = command.recognise(argv)
    assert lane == (client.lane if client else None)


def test_the_clients_own_limits_are_set_where_the_person_gave_none() -> None:
    limits = RunLimits(usd=0.5, tool_calls=5)
    plain = command.recognise(["claude", "-p", "x"])
    own = command.recognise(["claude", "-p", "x", "--max-turns=3", "--max-budget-usd", "9"])
    assert plain is not None
    assert own is not None
    added = ["--max-budget-usd", "0.5", "--max-turns", "6"]
    assert ["claude", "--output-format", "stream-json", "--verbose", *added, "-p", "x"] == command.started(
        plain, limits
    )
    assert "--max-turns" not in command.started(own, limits)
    assert not command.is_ours(own, "tool_calls")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (
            ["claude", "-p", "--allowedTools", "Bash", "Edit", "--model", "opus", "--", "fix it"],
            [
                "claude",
                "--output-format",
                "stream-json",
                "--verbose",
                "--resume",
                SESSION,
                "--allowedTools",
                "Bash",
                "Edit",
                "--model",
                "opus",
                "-p",
                command.GO_ON,
            ],
        ),
        (
            ["claude", "fix it", "-p", "--resume", "other", "--fork-session"],
            ["claude", "--output-format", "stream-json", "--verbose", "--resume", SESSION, "-p", command.GO_ON],
        ),
        (
            ["codex", "-a", "never", "exec", "-s", "workspace-write", "-i", "a.png", "--", "fix it"],
            ["codex", "-a", "never", "exec", "--json", "-s", "workspace-write", "resume", SESSION, command.GO_ON],
        ),
        (
            ["codex", "exec", "--json", "resume", "--last", "go on"],
            ["codex", "exec", "--json", "resume", SESSION, command.GO_ON],
        ),
    ],
)
def test_taken_up_again_it_keeps_the_options_and_says_no_more_than_go_on(argv: list[str], expected: list[str]) -> None:
    client = command.recognise(argv)
    assert client is not None
    assert expected == command.resumed(client, SESSION, NONE)


# ---- limits ----------------------------------------------------------------------------------------------------------

AMOUNTS = st.one_of(st.none(), st.integers(1, 100))


@given(st.builds(RunLimits, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS), st.builds(RunSpent, *[st.integers(0, 120)] * 4))
def test_a_limit_is_crossed_exactly_when_one_does_not_hold(limits: RunLimits, spent: RunSpent) -> None:
    found = crossed(limits, spent)
    over = [
        unit
        for unit in UNITS
        if getattr(limits, unit) is not None
        and getattr(spent, unit) >= getattr(limits, unit) + (1 if unit == "tool_calls" else 0)
    ]
    assert (over[0] if over else None) == (found.unit if found else None)


def test_as_many_tool_calls_as_allowed_are_allowed() -> None:
    assert crossed(RunLimits(tool_calls=3), RunSpent(tool_calls=3)) is None
    assert Crossing("tool_calls", 3, 4) == crossed(RunLimits(tool_calls=3), RunSpent(tool_calls=4))


# ---- ending ----------------------------------------------------------------------------------------------------------


@given(st.floats(0.1, 100), st.lists(st.floats(0, 50), max_size=40))
def test_the_steps_come_in_order_and_never_closer_than_the_grace(grace: float, gaps: list[float]) -> None:
    ladder = Ladder(grace=grace)
    assert ladder.due(10**9) is None, "nothing is sent before the ending begins"
    ladder.begin(0.0)
    now, last, taken = 0.0, -grace, []
    for gap in gaps:
        now += gap
        if (step := ladder.due(now)) is not None:
            assert now - last >= grace * 0.999
            last = now
            taken.append(step)
    expected = [*STEPS, *["KILL"] * len(taken)][: len(taken)]
    assert expected == taken


def test_a_second_word_from_the_person_takes_the_next_step_at_once() -> None:
    ladder = Ladder(grace=10)
    ladder.begin(0)
    assert ("INT", None) == (ladder.due(0), ladder.due(1))
    ladder.begin(1)
    assert "TERM" == ladder.due(1)
    ladder.hurry(1, within=2)
    assert (None, "KILL") == (ladder.due(2.9), ladder.due(3))


# ---- the stream ------------------------------------------------------------------------------------------------------


def test_calls_count_once_by_id_and_responses_by_their_largest_statement() -> None:
    feed = Feed("claude")
    for event in (called(1, output=1), called(1, output=70), called(1, output=5), called(2)):
        feed.take(event)
    assert ({"toolu_1", "toolu_2"}, SESSION) == (feed.calls, feed.session)
    assert [70, 1] == [group[0].output for group in feed.usages.values()]
    names = ("lane", "model", "session", "agent", "main", "final", "context")
    one = next(iter(feed.usages.values()))[0]
    expected = ("claude", "claude-sonnet-5-5", SESSION, "main", True, False, 1000)
    assert expected == tuple(getattr(one, name) for name in names), "a usage is put together by place"


def test_the_meter_in_the_stream_is_a_fraction_and_said_once() -> None:
    feed = Feed("claude")
    windows = {
        "five_hour": {"utilization": 0.42137, "resetsAt": 1795628329},
        "seven_day_opus": {"utilization": 0.5, "resetsAt": None},
        "seven_day": {"utilization": 1795628329},
        "overage": {"utilization": 0.1},
    }
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed", "unifiedWindows": windows}}
    assert [("5h", 42.137, 1795628329), ("week:opus", 50.0, None)] == [tuple(each) for each in feed.take(event)]
    assert [] == feed.take(event)


@pytest.mark.parametrize("resets_at", [None, 1795628329])
def test_a_refusal_is_known_by_its_structure(resets_at: int | None) -> None:
    feed = Feed("claude")
    for step in refused(resets_at):
        if "say" in step:
            feed.take(step["say"])
    assert ("rate_limit", resets_at, False, "") == (feed.failure, feed.resets_at, feed.is_finished, feed.message)


def test_codex_counts_calls_messages_and_ends() -> None:
    feed = Feed("codex")
    item = {"id": "item_2", "type": "command_execution"}
    for event in (
        {"type": "thread.started", "thread_id": THREAD},
        {"type": "item.started", "item": item},
        {"type": "item.completed", "item": item},
        {"type": "item.completed", "item": {"id": "item_3", "type": "agent_message", "text": "done"}},
        {"type": "item.completed", "item": {"id": "item_4", "type": "error", "message": "a notice"}},
        {"type": "turn.completed"},
    ):
        feed.take(event)
    assert (THREAD, 1, "done", True, "") == (
        feed.session,
        len(feed.calls),
        feed.message,
        feed.is_finished,
        feed.failure,
    )
    feed.begin()
    feed.take({"type": "item.started", "item": item})
    assert (2, False) == (len(feed.calls), feed.is_finished), "another process numbers its items anew"


ODD: list[Any] = [None, 5, -1, 0.5, "x", True, [], {}, [None], [{"type": "tool_use"}], {"id": 5}, 10**30, "\ud800"]
USAGE = {"input_tokens": 1, "output_tokens": 2, "cache_creation": {"ephemeral_1h_input_tokens": 1}, "iterations": []}
USUAL_EVENTS: list[dict[str, Any]] = [
    {**called(1), "message": {**called(1)["message"], "usage": USAGE}},
    *[step["say"] for step in refused(1795628329) if "say" in step],
    result(modelUsage={"claude-opus-5-5": {"inputTokens": 1, "outputTokens": 2}})["say"],
    {"type": "thread.started", "thread_id": THREAD},
    {"type": "item.started", "item": {"id": "item_1", "type": "web_search"}},
    {"type": "item.completed", "item": {"id": "item_2", "type": "agent_message", "text": "done"}},
    {"type": "turn.failed", "error": {"message": "no"}},
]


def twisted(value: Any) -> Iterator[Any]:
    """The value with every part of it, in turn, replaced by each odd one."""
    yield from ODD
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for other in twisted(value[key]):
            changed = copy.copy(value)
            changed[key] = other
            yield changed


@pytest.mark.parametrize("lane", ["claude", "codex"])
@pytest.mark.parametrize("event", USUAL_EVENTS, ids=lambda event: event["type"])
def test_no_event_however_strange_ends_the_watch(lane: Literal["claude", "codex"], event: dict[str, Any]) -> None:
    for strange in twisted(event):
        if isinstance(strange, dict):
            feed = Feed(lane)
            feed.take(strange)
            totals_as_usages(feed.totals, feed.session, 0)


# ---- the gate --------------------------------------------------------------------------------------------------------

RULINGS = st.lists(
    st.builds(GateRuling, st.sampled_from(ANSWERS), st.just("r"), st.just("t"), until=st.none() | st.integers(1, 9)),
    max_size=6,
)


@given(RULINGS, RULINGS)
def test_one_more_ruling_never_loosens_the_answer(some: list[GateRuling], more: list[GateRuling]) -> None:
    assert EXIT[gate_rulings.worst(some + more).answer] >= EXIT[gate_rulings.worst(some).answer]
    assert EXIT[gate_rulings.worst(some + more).answer] == max(
        EXIT[gate_rulings.worst(some).answer], EXIT[gate_rulings.worst(more).answer]
    )


@given(RULINGS)
def test_the_kill_switch_and_an_override_open_every_gate_and_say_so(some: list[GateRuling]) -> None:
    worst = gate_rulings.worst(some)
    for opened, word in (
        (gate_rulings.let_through(worst, off_by="file", overridden=False), "kill switch"),
        (gate_rulings.let_through(worst, off_by=None, overridden=True), "override"),
    ):
        assert "GO" == opened.answer
        assert word in opened.text or worst.answer == "GO"


def window(verdict: str, **more: object) -> GateRuling:
    facts: dict[str, object] = {
        "lane": "claude", "window": "week", "used_percent": 96.0, "resets_at": 200, "now": 100, "named": False, **more
    }  # fmt: skip
    return gate_rulings.of_window(verdict, [("wall-95", "words")], **facts)  # type: ignore[arg-type]


def test_only_actual_use_of_a_window_that_has_not_reset_stops() -> None:
    assert ["STOP", "PACE", "PACE", "GO"] == [window(word).answer for word in ("STOP", "SLOW", "NUDGE", "GO")]
    assert "GO" == window("STOP", now=200).answer
    assert "PACE" == window("STOP", used_percent=None).answer
    assert ("PACE", "STOP") == (
        window("STOP", window="week:opus").answer,
        window("STOP", window="week:opus", named=True).answer,
    )
