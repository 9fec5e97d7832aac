"""What the governor costs, and that a guard which costs too much falls silent: a while, no flapping, never a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW, START_MS, answer, refreshed, rows, transcript, usage

from governor import config, paths
from governor.cli import main
from governor.hooks import runtime
from governor.ledger import costs, read, schema, store
from governor.ledger.store import Ledger, open_ledger
from governor.quota import units
from governor.review import overhead, throttling
from governor.review.overhead import DAY_S, NEEDED, TAP, Injection, Mark, OverheadLimits, Run

LIMITS = OverheadLimits(mute=True, p95_ms=100, week_percent=0.5)
SLOW, FAST = 500.0, 10.0


def runs(name: str = "pacing", ms: float = SLOW, n: int = NEEDED, at: int = NOW) -> list[Run]:
    return [Run(at - number, name, ms) for number in range(n)]


def settle(
    marks: dict[str, Mark],
    seen: list[Run],
    told: tuple[Injection, ...] = (),
    *,
    limits: OverheadLimits = LIMITS,
    now: int = NOW,
) -> dict[str, Mark]:
    return overhead.settle(marks, seen, told, limits, {"claude": 1000.0}, units.DEFAULT, now=now)


# ---- figures ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_quantiles_are_values_that_were_seen(values: list[float]) -> None:
    ordered = sorted(values)
    p50, p95 = overhead.quantile(ordered, 0.5), overhead.quantile(ordered, 0.95)
    assert p50 in values
    assert p95 in values
    assert p50 is not None
    assert p95 is not None
    assert ordered[0] <= p50 <= p95 <= ordered[-1]
    assert sum(value <= p95 for value in values) >= 0.95 * len(values)


def test_a_text_costs_its_writing_and_every_reading() -> None:
    """400 characters are 100 tokens: written once at full weight, then read ten times at a cache read's."""
    told = [Injection(NOW, "router", 400, "claude", "claude-opus-5-5", 10)]
    cost = overhead.costs([], told, units.DEFAULT, days=7)["router"]
    assert (100, 1000) == (cost.tokens, cost.reread_tokens)
    assert pytest.approx({"claude": 100 + 1000 * 0.015}) == cost.units
    assert (None, None, 0) == (cost.p50, cost.longest, cost.runs)


def test_a_text_into_a_session_nobody_knows_has_tokens_and_no_units() -> None:
    cost = overhead.costs([], [Injection(NOW, "router", 400, None, "", 0)], units.DEFAULT, days=7)["router"]
    assert (100, {}) == (cost.tokens, cost.units)


@pytest.mark.parametrize(
    ("chars", "saved", "says"),
    [(0, None, "costs no quota"), (400, None, "not measurable"), (400, 99.0, "does not pay"), (400, 101.0, "pays")],
)
def test_break_even_is_said_only_where_it_can_be_measured(chars: int, saved: float | None, says: str) -> None:
    told = [Injection(NOW, "spawn", chars, "claude", "claude-opus-5-5", 0)] if chars else []
    cost = overhead.costs(runs("spawn", FAST, 1), told, units.DEFAULT, days=7)["spawn"]
    assert says == overhead.verdict(cost, saved)


# ---- muting ----------------------------------------------------------------------------------------------------------


def test_a_slow_guard_is_muted_for_a_day() -> None:
    mark = settle({}, runs())["pacing"]
    assert ("muted", "p95_ms", SLOW, 100) == (mark.standing, mark.rule, mark.value, mark.limit)
    assert (NOW, NOW + DAY_S) == (mark.since, mark.until)


def test_a_guard_that_talks_too_much_is_muted() -> None:
    """1,000 units are one percent of this week; 6,000 characters are 1,500 tokens."""
    told = (Injection(NOW, "pacing", 6000, "claude", "claude-opus-5-5", 0),)
    mark = settle({}, runs(ms=FAST), told)["pacing"]
    assert ("muted", "week_percent", 1.5) == (mark.standing, mark.rule, mark.value)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (runs(n=NEEDED - 1), ()),
        (runs(ms=100.0), ()),
        (runs(ms=FAST), (Injection(NOW, "pacing", 2000, "claude", "claude-opus-5-5", 0),)),
        (runs(ms=FAST), (Injection(NOW, "pacing", 60_000, "codex", "gpt-6-sol", 0),)),  # no scale: unknown, not much
        (runs(at=NOW - 8 * DAY_S), ()),
    ],
)
def test_no_guard_is_muted_on_too_little(seen: list[Run], told: tuple[Injection, ...]) -> None:
    assert {"free"} == {mark.standing for mark in settle({}, seen, told).values()}


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        (TAP, LIMITS),
        ("budget", LIMITS._replace(holding=("budget",))),
        ("pacing", LIMITS._replace(mute=False)),
    ],
)
def test_what_must_go_on_is_kept_and_named(name: str, limits: OverheadLimits) -> None:
    mark = settle({}, runs(name), limits=limits)[name]
    assert ("kept", "p95_ms", SLOW) == (mark.standing, mark.rule, mark.value)


def test_the_status_line_is_not_even_named_for_tokens() -> None:
    told = (Injection(NOW, TAP, 60_000, "claude", "claude-opus-5-5", 0),)
    assert "free" == settle({}, runs(TAP, FAST), told)[TAP].standing


def test_setting_a_muted_guard_to_stop_brings_it_back_at_once() -> None:
    muted = settle({}, runs("spawn"))
    assert "muted" == muted["spawn"].standing
    limits = LIMITS._replace(holding=("spawn",))
    assert "free" == settle(muted, runs("spawn"), limits=limits, now=NOW + 60)["spawn"].standing


def test_each_time_it_is_muted_for_twice_as_long_and_a_cheap_one_starts_again() -> None:
    marks: dict[str, Mark] = {}
    now, days = NOW, []
    for _ in range(6):
        marks = settle(marks, runs(at=now), now=now)
        assert "muted" == marks["pacing"].standing
        days.append((marks["pacing"].until - now) // DAY_S)
        now = marks["pacing"].until + 100
        marks = settle(marks, [], now=now)
        assert "free" == marks["pacing"].standing
        now += 100
    assert [1, 2, 4, 8, 8, 8] == days
    assert 0 == settle(marks, runs(ms=FAST, at=now + NEEDED), now=now + NEEDED)["pacing"].strikes


@given(st.lists(st.tuples(st.integers(60, DAY_S), st.floats(1, 1000)), max_size=40))
def test_a_guard_never_flaps(steps: list[tuple[int, float]]) -> None:
    """Whatever it costs from one look to the next: muted stays muted for a day, and speaking means NEEDED runs."""
    marks: dict[str, Mark] = {}
    seen: list[Run] = []
    now, changed_at, spoke = NOW, NOW - DAY_S, NEEDED
    for wait, ms in steps:
        now += wait
        was = marks.get("pacing", Mark()).standing
        if was != "muted":
            fresh = [Run(now - n, "pacing", ms) for n in range(10)]
            seen += fresh
            spoke += len(fresh)
        marks = settle(marks, seen, now=now)
        if marks["pacing"].standing != was and "muted" in (was, marks["pacing"].standing):
            if was == "muted":
                assert now - changed_at >= DAY_S
                spoke = 0
            else:
                assert spoke >= NEEDED
            changed_at = now


# ---- marks, and the hook that obeys them -----------------------------------------------------------------------------


def spooled(name: str = "pacing", ms: float = SLOW, n: int = NEEDED, **more: Any) -> None:
    for number in range(n):
        line = {"h": name, "t": NOW - number, "ms": ms, "c": 0, **more}
        runtime.append(str(paths.home()), "hooks.jsonl", json.dumps(line).encode())


def settings(**overhead_: Any) -> config.Settings:
    paths.config_file().write_text(json.dumps({"overhead": {"p95_ms": 100, **overhead_}}))
    return config.load()


def is_throttled(name: str = "pacing") -> bool:
    return runtime.is_throttled(str(paths.home()), name)


def test_a_mark_appears_is_obeyed_and_goes_again() -> None:
    with open_ledger() as ledger:
        ledger.add_runs([(NOW - n, "pacing", SLOW, 0, None) for n in range(NEEDED)])
        throttling.settle(ledger, settings(), now=NOW)
        assert is_throttled()
        throttling.settle(ledger, settings(), now=NOW + DAY_S - 1)
        assert is_throttled()
        throttling.settle(ledger, settings(), now=NOW + DAY_S + 3600)
        assert not is_throttled()


def test_lifting_by_command_and_by_hand_both_last() -> None:
    with open_ledger() as ledger:
        ledger.add_runs([(NOW - n, name, SLOW, 0, None) for n in range(NEEDED) for name in ("pacing", "router")])
        throttling.settle(ledger, settings(), now=NOW)
        assert throttling.lift(ledger, "pacing", now=NOW + 60)
        (paths.home() / "muted" / "router").unlink()
        throttling.settle(ledger, settings(), now=NOW + 120, at_once=True)
        assert (False, False) == (is_throttled("pacing"), is_throttled("router"))
        assert not throttling.lift(ledger, "pacing", now=NOW + 180)


@pytest.mark.parametrize("change", ["setting", "install"])
def test_switching_muting_off_and_a_new_install_lift_at_once(change: str) -> None:
    with open_ledger() as ledger:
        ledger.add_runs([(NOW - n, "pacing", SLOW, 0, None) for n in range(NEEDED)])
        throttling.settle(ledger, settings(), now=NOW)
        assert is_throttled()
        if change == "install":
            (paths.home() / "install.json").write_text("{}")
        throttling.settle(ledger, settings(mute=change != "setting"), now=NOW + 60)
        assert not is_throttled()


def test_it_is_judged_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger() as ledger:
        throttling.settle(ledger, settings(), now=NOW)
        ledger.add_runs([(NOW - n, "pacing", SLOW, 0, None) for n in range(NEEDED)])
        throttling.settle(ledger, settings(), now=NOW + 3599)
        assert not is_throttled()
        throttling.settle(ledger, settings(), now=NOW + 3600)
        assert is_throttled()


def test_a_mark_that_cannot_be_written_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    with open_ledger() as ledger:
        ledger.add_runs([(NOW - n, "pacing", SLOW, 0, None) for n in range(NEEDED)])
        monkeypatch.setattr(runtime, "write_private", refuse)
        throttling.settle(ledger, settings()._replace(), now=NOW)
        assert {} == throttling.marks(ledger)


@pytest.mark.parametrize(
    "fact", ["", "nonsense", "[]", '{"marks": 3}', '{"marks": {"pacing": [1, 2, 3, 4, 5, 6, 7, 8]}}']
)
def test_a_damaged_memory_of_marks_is_none(fact: str) -> None:
    with open_ledger() as ledger:
        ledger.set_fact(throttling.FACT, fact)
        assert {} == throttling.marks(ledger)


@pytest.mark.parametrize(
    ("written", "holding"),
    [
        ({}, set()),
        ({"spawn": {"action": "stop"}, "loop": {"action": "stop"}}, {"spawn", "loop"}),
        ({"budgets": [{"name": "x", "per": "day", "usd": 1, "action": "ask"}]}, {"budget"}),
        ({"budgets": [{"name": "x", "per": "day", "usd": 1, "action": "advise"}]}, set()),
    ],
)
def test_guards_that_hold_because_the_person_said_so(written: dict[str, Any], holding: set[str]) -> None:
    paths.config_file().write_text(json.dumps(written))
    assert holding == set(throttling.limits_of(config.load()).holding)


# ---- in the ledger ---------------------------------------------------------------------------------------------------


def turns(*contexts: int, session: str = "s1", agent: str = "") -> None:
    lines = [
        answer(
            f"msg_{session}{agent}{n}", at_ms=START_MS + n * 60_000, spent=usage(input=0, read=size), sessionId=session
        )
        for n, size in enumerate(contexts)
    ]
    transcript(*lines, session=session, agent=agent)


def told(ledger: Ledger, *, at: int = START_MS // 1000, session: str | None = "s1") -> list[Injection]:
    ledger.add_runs([(at, "router", 9.0, 200, session)])
    return costs.injections(ledger, 0)


def test_later_readings_are_the_sessions_own_responses() -> None:
    turns(1000, 2000, 3000, 4000)
    turns(1000, 2000, agent="x")
    turns(1000, 2000, session="s2")
    with refreshed() as ledger:
        (one,) = told(ledger)
        assert ("claude", "claude-opus-5-5", 3) == (one.lane, one.model, one.rereads)


def test_what_was_answered_before_read_nothing() -> None:
    """A text given between the second and the third of four responses is written by the third, read by the fourth."""
    turns(1000, 2000, 3000, 4000)
    with refreshed() as ledger:
        assert 1 == told(ledger, at=START_MS // 1000 + 90)[0].rereads


def test_a_compaction_ends_the_reading() -> None:
    turns(1000, 2000, 90_000, 20_000, 30_000)
    with refreshed() as ledger:
        assert 2 == told(ledger)[0].rereads


@pytest.mark.parametrize("session", [None, "unknown"])
def test_a_session_without_a_response_is_read_by_nobody(session: str | None) -> None:
    turns(1000)
    with refreshed() as ledger:
        (one,) = told(ledger, session=session)
        assert (None, 0) == (one.lane, one.rereads)


def test_a_ledger_of_the_first_kind_is_carried_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "old"
    monkeypatch.setattr(store, "MIGRATIONS", schema.MIGRATIONS[:1])
    with open_ledger(path) as ledger:
        ledger.connection.execute("INSERT INTO run VALUES (?, 'pacing', 9.5, 3)", (NOW,))
    monkeypatch.setattr(store, "MIGRATIONS", schema.MIGRATIONS)
    with open_ledger(path) as ledger:
        assert [Run(NOW, "pacing", 9.5)] == costs.hook_runs(ledger, 0)
        assert [Injection(NOW, "pacing", 3, None, "", 0)] == costs.injections(ledger, 0)
        assert {} == rows(ledger)


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governor.pipeline.ingest.now_s", lambda: NOW)


def said(*words: str) -> tuple[int, str]:
    from governor.cli import governor

    done = CliRunner().invoke(governor, list(words))
    return done.exit_code, done.output


@pytest.mark.usefixtures("clock")
def test_the_commands_json_has_its_keys() -> None:
    paths.claim_home()
    spooled(ms=20.0, n=60)
    turns(1000, 2000, 3000)
    spooled("router", 30.0, 1, c=400, s="s1", t=START_MS // 1000)
    code, out = said("overhead", "--json")
    shown = json.loads(out)
    assert 0 == code
    keys = ["schema", "since", "until", "measured", "estimated", "hooks", "total", "saved", "limits"]
    assert ("governor.overhead/1", keys) == (shown["schema"], list(shown))
    pacing, router = shown["hooks"]
    assert ("pacing", 60, {"p50": 20, "p95": 20, "max": 20}) == (pacing["hook"], pacing["runs"], pacing["cpu_ms"])
    assert (100, 200, "not measurable") == (router["tokens"], router["reread_tokens"], router["break_even"])
    assert {"claude": None} == router["week_percent"], "no calibration: missing, not 0"
    nothing = {"decisions": 0, "saved_units": None, "units": {}, "week_percent": {}}
    assert nothing == shown["saved"]["degrading"]
    assert {"offers": 0, "followed": 0, "moved_units": None} == shown["saved"]["routing"]


@pytest.mark.usefixtures("clock")
def test_what_degrading_saved_is_what_its_decisions_say() -> None:
    paths.claim_home()
    spooled("spawn", 20.0, 1)
    for saved in (100.0, 50.5, None):
        record = {"at": NOW, "hook": "spawn", "lane": "claude", "decision": "degrade", "saved_units": saved}
        runtime.append(str(paths.home()), "decisions.jsonl", json.dumps(record).encode())
    shown = json.loads(said("overhead", "--json")[1])
    saved = {"decisions": 3, "saved_units": 150.5, "units": {"claude": 150.5}, "week_percent": {"claude": None}}
    assert saved == shown["saved"]["degrading"]
    assert (150.5, "costs no quota") == (shown["hooks"][0]["saved_units"], shown["hooks"][0]["break_even"])


@pytest.mark.usefixtures("clock")
def test_a_muted_hook_is_named_with_the_command_that_lifts_it() -> None:
    paths.claim_home()
    settings()
    spooled()
    code, out = said("overhead")
    assert 0 == code
    assert "pacing is muted: p95 500 ms of CPU, limit 100 ms" in " ".join(out.split())
    assert "governor overhead --lift pacing" in out
    assert max(map(len, out.splitlines())) <= 80
    found = next(one for one in json.loads(said("doctor", "--json")[1])["findings"] if one["name"] == "own cost")
    assert (False, "governor overhead --lift pacing") == (found["ok"], found["mend"])
    assert 0 == said("overhead", "--lift", "pacing")[0]
    assert not is_throttled()
    assert 1 == main(["overhead", "--lift", "pacing"])


@pytest.mark.usefixtures("clock")
def test_without_runs_it_says_what_to_type() -> None:
    code, out = said("overhead")
    assert (0, True) == (code, "next: governor doctor" in out)


@pytest.mark.usefixtures("clock")
def test_the_background_refresh_is_a_cost_and_no_sign_of_a_hook() -> None:
    turns(1000)
    assert 0 == said("refresh", "--quiet")[0]
    (one,) = json.loads(said("overhead", "--json")[1])["hooks"]
    assert ("refresh", 1, "free") == (one["hook"], one["runs"], one["standing"])
    with open_ledger() as ledger:
        assert [] == list(ledger.connection.execute("SELECT at FROM run WHERE hook != 'refresh'"))
        assert read.last_run(ledger, 0) is None


def test_a_dear_refresh_mutes_nobody() -> None:
    assert {} == settle({}, runs(overhead.REFRESH))
