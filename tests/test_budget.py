"""Budgets: what is used up, what is said of it, and what a session has used to its last response."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import config, snapshots
from governor.hooks import runtime
from governor.hooks.budget import rules as budget_rules
from governor.hooks.budget.rules import Used
from governor.hooks.budget.usage_lines import epoch
from governor.hooks.state import session_usage, shared_usage, transcript_growth
from governor.ledger.store import open_ledger
from governor.pipeline import budget_sums
from tests.writing import NOW, OTHER, SESSION, answer, iso, take_in, transcript, usage

ROOT = Path(__file__).parent.parent


def limits(per: str = "session", action: str = "stop", **more: Any) -> dict[str, Any]:
    return {"name": "b", "per": per, "lane": None, "project": "*", "action": action, "limits": more}


def rulings(
    row: dict[str, Any], used: Used, *, event: str = "PreToolUse", overridden: bool = False, now: float = NOW
) -> list[budget_rules.BudgetRuling]:
    scopes = {"session": used, "request": used, "agent": used}
    found = budget_rules.standings({"budgets": [row]}, scopes, lane="claude", project="/p", now=now)
    ids = {"session": "s", "request": "r", "agent": "a"}
    return budget_rules.rule(
        found, event_name=event, scope_ids=ids, now=now, overridden=overridden, clock=lambda at: f"<{at:.0f}>"
    )


# ---- the rules -------------------------------------------------------------------------------------------------------


def test_the_response_that_crosses_is_charged_and_the_call_after_it_is_not_made() -> None:
    row = limits(tokens=100)
    assert [] == rulings(row, Used(tokens=89))
    assert ["near"] == [one.word for one in rulings(row, Used(tokens=99))]
    (ruling,) = rulings(row, Used(tokens=100, since=NOW - 600))
    assert ("stop", f"governor: budget 'b' (session) is used up: 100 tokens of 100 tokens since <{NOW - 600}>.") == (
        ruling.word,
        ruling.person,
    )


@pytest.mark.parametrize("action", budget_rules.ACTIONS)
def test_each_action_is_what_the_person_chose_and_an_override_leaves_only_words(action: str) -> None:
    row, used = limits(action=action, tool_calls=5), Used(tool_calls=5)
    assert [action] == [one.word for one in rulings(row, used)]
    expected = "advise" if action in ("ask", "stop") else action
    assert [expected] == [one.word for one in rulings(row, used, overridden=True)]
    assert (action == "observe") == (rulings(row, used)[0].person == "")


def test_the_strictest_comes_first() -> None:
    rows = {"budgets": [limits(action="advise", tokens=1), limits(action="stop", usd=1), limits(tokens=10)]}
    used = Used(tokens=9, usd=2)
    found = budget_rules.standings(rows, {"session": used}, lane="claude", project="/p", now=NOW)
    words = budget_rules.rule(found, event_name="PreToolUse", scope_ids={}, now=NOW, overridden=False, clock=str)
    assert ["stop", "advise", "near"] == [one.word for one in words]


def test_a_prompt_is_never_refused_for_the_request_before_it() -> None:
    assert [] == rulings(limits("request", tokens=1), Used(tokens=5), event="UserPromptSubmit")
    assert ["stop"] == [one.word for one in rulings(limits("session", tokens=1), Used(tokens=5))]


def test_shortly_before_the_model_can_plan_and_is_told_in_few_characters() -> None:
    (ruling,) = rulings(limits(usd=10), Used(usd=9.5, since=NOW - 5700))
    assert "$9.50 of $10.00 (session) are used, near" in ruling.model
    assert f"<{NOW + 300}>" in ruling.model
    assert len(ruling.model) <= budget_rules.NOTE
    assert ruling.person == ""
    assert [] == rulings(limits(usd=10, action="observe"), Used(usd=9.5))


def test_what_is_not_known_crosses_nothing() -> None:
    assert [] == rulings(limits(wall=60), Used(wall=None))
    assert [] == rulings({**limits("day", tokens=1)}, Used(tokens=5)), "no refresh has said what the day used"


def test_unpriced_responses_make_a_cost_a_floor() -> None:
    (ruling,) = rulings(limits(usd=1), Used(usd=2, unpriced=3))
    assert "at least $2.00" in ruling.person


def test_what_is_shared_stands_in_its_own_row_while_that_is_fresh() -> None:
    row = limits("day", tokens=100) | {"since": NOW - 3600, "as_of": NOW - 60, "used": {"tokens": 100}}
    assert ["stop"] == [one.word for one in rulings(row, Used())]
    assert [] == rulings({**row, "used": {"tokens": 75}}, Used(tokens=1000))
    assert [] == rulings({**row, "as_of": NOW - 2 * 86_400}, Used()), "stale"
    assert [] == rulings({**row, "as_of": NOW + 9000}, Used()), "the clock was set back"


@given(st.text("ab/*?[]", max_size=8), st.text("ab/", max_size=8))
def test_a_pattern_matches_a_folder_as_a_shell_would_with_or_without_its_last_slash(pattern: str, path: str) -> None:
    from fnmatch import fnmatchcase

    inside = path.rstrip("/") + "/" if path else ""
    assert (fnmatchcase(path, pattern) or fnmatchcase(inside, pattern)) == budget_rules.matches(path, pattern)


@pytest.mark.parametrize(
    ("pattern", "folder", "is_meant"),
    [
        ("*/client-a/*", "/home/dev/client-a", True),
        ("*/client-a/*", "/home/dev/client-a/", True),
        ("*/client-a/*", "/home/dev/client-a/web/api", True),
        ("*/client-a/*", "/client-a", True),
        ("*/client-a/*", "/home/dev/client-ab", False),
        ("*/client-a/*", "/home/dev/not-client-a", False),
        ("*/client-a/*", "/home/dev/Client-a", False),
        ("*/client-a/*", "/home/dev", False),
        ("*/client-a/**", "/home/dev/client-a", True),
        ("/home/dev/*", "/home/dev", True),
        ("/home/dev/*", "/home/developer", False),
        ("/home/dev/", "/home/dev", True),
        ("/home/dev", "/home/dev/web", False),
        ("*/client-?/*", "/home/dev/client-b", True),
        ("*/client-[ab]/*", "/home/dev/client-b/web", True),
        ("*/client-[ab]/*", "/home/dev/client-c", False),
        ("/home/[work]", "/home/[work]", True),
        ("*/*", "", False),
        ("*", "", True),
    ],
)
def test_one_matcher_reads_every_pattern_of_folders(pattern: str, folder: str, is_meant: bool) -> None:
    """Budgets in hooks and in the ledger, and tags; a folder that is not known is in no other."""
    from governor.usage import group_by

    tag = group_by.tag_of(folder, "main", [{"tag": "t", "project": pattern, "branch": "*"}])
    assert (is_meant, is_meant) == (budget_rules.matches(folder, pattern), tag == "t")


amounts = st.floats(0, 1e9, allow_nan=False)


@given(amounts, amounts, st.floats(1, 1e9), st.sampled_from(budget_rules.ACTIONS))
def test_more_use_never_loosens(one: float, other: float, limit: float, action: str) -> None:
    order = ["", "near", *budget_rules.ACTIONS]
    words = [
        order.index(next((r.word for r in rulings(limits(action=action, tokens=limit), Used(tokens=n))), ""))
        for n in sorted((one, other))
    ]
    assert words == sorted(words)


@pytest.mark.parametrize("row", [{}, {"limits": 3}, {"limits": {"tokens": "x"}}, {"limits": {"tokens": 0}}, 7, None])
def test_a_snapshot_that_is_odd_rules_nothing(row: Any) -> None:
    found = budget_rules.standings({"budgets": [row]}, {"session": Used()}, lane="claude", project="", now=NOW)
    assert [] == found


# ---- what a session has used -----------------------------------------------------------------------------------------


class Session:
    """A session's transcript, written line by line, and the events of its hooks."""

    def __init__(self, folder: Path, session: str = SESSION) -> None:
        self.path = folder / "projects" / "-p" / f"{session}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.session = session

    def write(self, *records: dict[str, Any], agent: str = "") -> None:
        path = self.path if not agent else self.path.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)

    def event(self, name: str = "PreToolUse", **more: Any) -> dict[str, Any]:
        return {
            "hook_event_name": name,
            "session_id": self.session,
            "transcript_path": str(self.path),
            "cwd": "/p",
            "prompt_id": "one",
            "tool_name": "Bash",
            "tool_input": {"command": "ls"},
            **more,
        }


RATES = {"claude-opus-5-5": {"usd": [[0, [4, 20, 1, 5, 8]], [100, [8, 40, 2, 10, 16]]], "units": [1, 5, 0, 1, 1]}}


def test_each_response_counts_once_by_its_largest_output(tmp_path: Path) -> None:
    session = Session(tmp_path)
    at = NOW * 1000
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW - 1) as used:
        used.note_place(session.event(), {})
    session.write(answer("msg_1", at_ms=at, spent=usage(input=10, output=1)))
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW + 1) as used:
        used.take_in(session.event(), RATES)
        assert 11 == used.scopes(session.event())["session"].tokens
    session.write(answer("msg_1", at_ms=at, spent=usage(input=10, output=50)), answer("msg_1", at_ms=at))
    session.write(answer("msg_2", at_ms=at, spent=usage(input=5, output=5, read=200, five=1)))
    session.write(answer("msg_3", at_ms=at, spent=usage(input=1, output=1)), agent="a1")
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW + 2) as used:
        used.take_in(session.event(), RATES)
        found = used.scopes(session.event(agent_id="a1"))
    assert (10 + 100 + 11 + 2, 2) == (found["session"].tokens, found["agent"].tokens)
    picodollars = (10 * 4 + 100 * 20) + (5 * 8 + 5 * 40 + 200 * 2 + 1 * 10) + (4 + 20)
    assert pytest.approx(picodollars / 1e12) == found["session"].usd
    assert 10 + 500 + 5 + 25 + 1 + 6 == found["session"].units


def test_a_response_that_is_written_late_is_waited_for(tmp_path: Path) -> None:
    session = Session(tmp_path)
    event = session.event(tool_use_id="toolu_9")
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        used.note_place(event, {})
    call = {"type": "tool_use", "id": "toolu_9", "name": "Bash", "input": {}}
    line = answer("msg_1", at_ms=NOW * 1000 + 5, spent=usage(input=1, output=2))
    line["message"]["content"] = [call]
    later = threading.Timer(0.05, session.write, [line])
    later.start()
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW + 1) as used:
        used.take_in(event, RATES, patience_s=30)
        assert 3 == used.scopes(event)["session"].tokens
        used.take_in(event, RATES, patience_s=30)  # a parallel call's hook: it is known by now
    later.join()


def test_a_client_that_keeps_no_transcript_is_waited_for_three_times(tmp_path: Path) -> None:
    event = Session(tmp_path).event(tool_use_id="toolu_9")
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        used.note_place(event, {})
        for _ in range(session_usage.UNSEEN):
            used.take_in(event, RATES, patience_s=0.01)
        used.take_in(event, RATES, patience_s=10**6)


def test_a_line_longer_than_is_read_at_once_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript_growth, "AT_ONCE", 1000)
    session = Session(tmp_path)
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        used.note_place(session.event(), {})
        session.write({"type": "user", "x": "y" * 5000}, answer("msg_1", at_ms=NOW * 1000 + 5, spent=usage(output=7)))
        for _ in range(10):
            used.take_in(session.event(), RATES)
        assert 17 == used.scopes(session.event())["session"].tokens


def test_what_was_there_before_the_first_event_is_not_this_sessions(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.write(answer("msg_old", at_ms=(NOW - 90) * 1000, spent=usage(output=7000)))
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        used.begin(session.event("UserPromptSubmit"))
        used.take_in(session.event(), RATES)
    copied = answer("msg_copied", at_ms=(NOW - 80) * 1000, spent=usage(output=7000))
    session.write(copied, answer("msg_new", at_ms=(NOW + 5) * 1000, spent=usage(input=1, output=2)))
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW + 9) as used:
        used.take_in(session.event(), RATES)
        assert 3 == used.scopes(session.event())["session"].tokens


def test_a_torn_line_waits_and_an_unknown_model_has_no_price(tmp_path: Path) -> None:
    session = Session(tmp_path)
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        used.note_place(session.event(), {})
    line = json.dumps(answer("msg_1", at_ms=NOW * 1000 + 5, model="new-9", spent=usage(input=1, output=2)))
    for part in (line[:100], line[100:] + "\n"):
        with session.path.open("a") as file:
            file.write(part)
        with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW + 1) as used:
            used.take_in(session.event(), RATES)
            found = used.scopes(session.event())["session"]
    assert (3, 0, 1) == (found.tokens, found.usd, found.unpriced)


def test_a_request_begins_with_its_prompt_and_a_day_goes_on(tmp_path: Path) -> None:
    session = Session(tmp_path)
    for number, prompt in enumerate(("one", "two")):
        now = NOW + number * 100
        with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, now) as used:
            used.note_place(session.event(), {})
            used.begin(session.event("UserPromptSubmit", prompt_id=prompt))
        session.write(answer(f"msg_{number}", at_ms=now * 1000 + 9, spent=usage(input=number + 1, output=0)))
        with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, now + 1) as used:
            used.take_in(session.event(), RATES)
            used.call(session.event())
            found = used.scopes(session.event())
    assert (2, 1, 3, 2) == (
        found["request"].tokens,
        found["request"].tool_calls,
        found["session"].tokens,
        found["session"].tool_calls,
    )
    assert (1, 101) == (found["request"].wall, found["session"].wall)


def test_a_codex_rollout(tmp_path: Path) -> None:
    path = tmp_path / "rollout-x.jsonl"
    event = {"session_id": "t", "transcript_path": str(path), "cwd": "/p", "model": "gpt-6-sol", "turn_id": "u"}
    with session_usage.SessionUsage(str(tmp_path), "codex", "t", NOW) as used:
        used.note_place(event, {})
    spent = {"input_tokens": 950, "cached_input_tokens": 100, "cache_write_input_tokens": 50, "output_tokens": 40}
    record = {"type": "token_usage_record", "payload": {"response_id": "r1", "usage": spent}}
    path.write_text((json.dumps({"timestamp": iso(NOW * 1000 + 1), **record}) + "\n") * 2)
    with session_usage.SessionUsage(str(tmp_path), "codex", "t", NOW + 1) as used:
        used.take_in(event, {"gpt-6-sol": {"usd": [[0, [2, 10, 1, 3, 3]]], "units": [1, 1, 0, 1, 1]}})
        found = used.scopes(event)["session"]
    assert 800 + 40 + 50 == found.tokens
    assert pytest.approx((800 * 2 + 40 * 10 + 100 + 50 * 3) / 1e12) == found.usd


@given(st.datetimes().filter(lambda moment: 1970 <= moment.year < 3000))
def test_a_time_stamp_is_read_as_the_standard_library_would(moment: datetime) -> None:
    stamp = moment.isoformat(timespec="milliseconds") + "Z"
    assert pytest.approx(datetime.fromisoformat(stamp).timestamp(), abs=1e-3) == epoch(stamp)


@pytest.mark.parametrize("stamp", [None, 7, "", "2026-11-25", "2026-11-25T10:00:00+01:00", "x" * 24 + "Z"])
def test_another_kind_of_stamp_is_none(stamp: object) -> None:
    assert epoch(stamp) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\0" * 9, b'{"version": 2}', b"\xff"])
def test_a_spoilt_file_of_ours_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / f"claude-{SESSION}").write_bytes(content)
    with session_usage.SessionUsage(str(tmp_path), "claude", SESSION, NOW) as used:
        assert NOW == used.state["started"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.jsonl\0", 7, None, "relative.jsonl"])
def test_a_transcript_path_is_only_ever_read(tmp_path: Path, path: object) -> None:
    state = tmp_path / "state"
    with session_usage.SessionUsage(str(state), "claude", "../../x", NOW) as used:
        used.take_in({"transcript_path": path}, RATES)
    assert ["live"] == os.listdir(state)
    assert ["claude-______x"] == os.listdir(state / "live")


# ---- the hook --------------------------------------------------------------------------------------------------------


class Hook:
    """The guard as a host starts it, with the snapshot that refresh would leave."""

    def __init__(self, folder: Path, *budgets: dict[str, Any]) -> None:
        self.folder = folder
        self.state = Path(os.environ["GOVERNOR_HOME"])
        Path(os.environ["GOVERNOR_CONFIG"]).write_text(json.dumps({"budgets": budgets}))
        self.refresh()

    def refresh(self) -> None:
        with open_ledger() as ledger:
            snapshots.write(ledger, config.load(), now=int(time.time()))

    def start(self, event: dict[str, Any], lane: str = "claude", **more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "budget_guard.py"), lane]
        environment = {"GOVERNOR_HOME": str(self.state), **more}
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert process.stdin is not None
        process.stdin.write(json.dumps(event).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def says(self, event: dict[str, Any], lane: str = "claude", **more: str) -> Any:
        process = self.start(event, lane, **more)
        out, _ = process.communicate()
        assert 0 == process.returncode
        log = self.state / "log" / "hooks.log"
        assert not log.exists(), log.read_text()
        return json.loads(out) if out else None

    def decisions(self) -> list[dict[str, Any]]:
        path = self.state / "spool" / "decisions.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_three_calls_are_three_calls(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 3, "action": "stop"})
    event = Session(tmp_path).event()
    assert [None] * 2 == [guard.says(event) for _ in range(2)]
    guard.says(event)
    for _ in range(2):
        refused = guard.says(event)
        assert (False, "deny") == (refused["continue"], refused["hookSpecificOutput"]["permissionDecision"])
        assert "budget 'few' (session) is used up: 3 tool calls of 3 tool calls" in refused["stopReason"]
        assert "governor override 30m" in refused["stopReason"]
    codex = guard.says({**event, "session_id": SESSION}, "codex")
    assert codex is None, "another client's session of the same name"
    (said,) = [one for one in guard.decisions() if one["decision"] == "stop"]
    assert ("budget:few", "tool_calls", 3, 3) == (said["rule"], said["unit"], said["used"], said["limit"])


def test_fifty_parallel_calls_never_pass_more_than_the_budget(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 7, "action": "stop"})
    event = Session(tmp_path).event()
    said = [process.communicate()[0] for process in [guard.start(event) for _ in range(50)]]
    assert 43 == len([out for out in said if b'"deny"' in out])


def test_the_persons_override_lifts_a_stop_and_the_kill_switch_all(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 1, "action": "stop"})
    event = Session(tmp_path).event()
    guard.says(event)
    assert "deny" in str(guard.says(event))
    override = guard.state / "override"
    override.write_text(str(time.time() + 60))
    assert guard.says(event) is None
    override.write_text(str(time.time() - 1))
    assert "deny" in str(guard.says(event))
    (guard.state / "OFF").touch()
    assert guard.says(event) is None


def test_asking_is_asking_once_and_codex_which_cannot_is_advised(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 1, "action": "ask"})
    event = Session(tmp_path).event()
    guard.says(event)
    asked = guard.says(event)["hookSpecificOutput"]
    assert ("ask", True) == (asked["permissionDecision"], "is used up" in asked["permissionDecisionReason"])
    assert guard.says(event) is None
    guard.says({**event, "session_id": "c"}, "codex")
    assert ["systemMessage"] == list(guard.says({**event, "session_id": "c"}, "codex"))


def test_a_prompt_past_the_days_budget_is_held_with_what_lifts_it(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "day", "per": "day", "tool_calls": 1, "action": "stop"})
    session = Session(tmp_path)
    guard.says(session.event())
    guard.refresh()
    held = guard.says(session.event("UserPromptSubmit", prompt="go on", session_id="other"))
    assert "block" == held["decision"]
    assert "1 tool call of 1 tool call" in held["reason"]


def test_a_loops_prompt_is_not_asked_about(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 1, "action": "ask"})
    session = Session(tmp_path)
    guard.says(session.event())
    said = guard.says(session.event("UserPromptSubmit", prompt="<task-notification>done", prompt_id="two"))
    assert ["systemMessage"] == list(said)


@pytest.mark.parametrize("name", ["PreToolUse", "UserPromptSubmit"])
def test_where_nobody_is_there_a_budget_that_asks_goes_on_and_leaves_a_record(tmp_path: Path, name: str) -> None:
    """``claude -p`` has nobody who could press Enter, and takes a question for a refusal. A stop still stops."""
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 1, "action": "ask"})
    alone = {"CLAUDE_CODE_SESSION_ATTENDED": "0", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}
    session = Session(tmp_path)
    guard.says(session.event(), **alone)
    said = guard.says(session.event(name, prompt="nightly job", prompt_id="two"), **alone)
    assert ["systemMessage"] == list(said)
    (decision,) = guard.decisions()
    assert ("unasked", "budget:few", 1, 1) == tuple(decision[key] for key in ("decision", "rule", "used", "limit"))
    assert guard.says(session.event(), **alone) is None, "once"
    Path(os.environ["GOVERNOR_CONFIG"]).write_text(
        json.dumps({"budgets": [{"name": "hard", "per": "session", "tool_calls": 1, "action": "stop"}]})
    )
    guard.refresh()
    assert "used up" in str(guard.says(session.event(name, prompt_id="three"), **alone))


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("tool_calls", "1 tool call of 1 tool call"), ("tokens", "1 token of 1 token"), ("units", "1 unit of 1 unit")],
)
def test_one_is_said_as_one(unit: str, expected: str) -> None:
    (ruling,) = rulings(limits(**{unit: 1}), Used(**{unit: 1}))
    assert expected in ruling.person


def test_a_state_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 1, "action": "stop"})
    (guard.state / "live").write_text("in the way")
    process = guard.start(Session(tmp_path).event())
    assert (b"", 0) == (process.communicate()[0], process.returncode)


def test_no_text_of_the_session_is_kept(tmp_path: Path) -> None:
    guard = Hook(tmp_path, {"name": "few", "per": "session", "tool_calls": 1})
    session = Session(tmp_path)
    session.write(answer("msg_1", spent=usage(), content="secret words"))
    for _ in range(3):
        guard.says(session.event(tool_input={"command": "secret words"}, prompt="secret words"))
    for path in guard.state.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path


def test_a_session_that_is_taken_up_again_has_used_what_it_had(tmp_path: Path) -> None:
    old = answer("msg_old", at_ms=int(time.time() - 5000) * 1000, spent=usage(input=900, output=50, read=10**6))
    path = transcript(old)
    with open_ledger() as ledger:
        take_in(ledger)
    guard = Hook(tmp_path, {"name": "night", "per": "session", "tokens": 1000, "action": "stop"})
    event = {**Session(tmp_path).event(), "transcript_path": str(path)}
    near = guard.says(event)
    assert "950 tokens of 1,000 tokens" in near["hookSpecificOutput"]["additionalContext"]
    with path.open("a") as file:
        fresh = answer("msg_new", at_ms=int(time.time() + 1) * 1000, spent=usage(input=50, output=0))
        file.write(json.dumps(fresh, separators=(",", ":")) + "\n")
    assert "1,000 tokens of 1,000 tokens" in guard.says(event)["stopReason"]
    assert guard.says({**event, "session_id": "another"}) is None


# ---- days and projects -----------------------------------------------------------------------------------------------


def test_a_days_budget_in_status_is_what_the_ledger_and_the_hooks_say(tmp_path: Path) -> None:
    budgets = [
        {"name": "day", "per": "day", "tokens": 1000, "usd": 5},
        {"name": "each", "per": "project", "tool_calls": 10, "every": "month"},
    ]
    Path(os.environ["GOVERNOR_CONFIG"]).write_text(json.dumps({"budgets": budgets}))
    with open_ledger() as ledger:
        transcript(answer("msg_1", at_ms=(NOW - 60) * 1000, spent=usage(input=400, output=100, read=10**6)))
        transcript(answer("msg_2", at_ms=(NOW - 86_400) * 1000, spent=usage(input=10**6)), session=OTHER)
        take_in(ledger)
        home = os.environ["GOVERNOR_HOME"]
        with (
            session_usage.SessionUsage(home, "claude", SESSION, NOW) as used,
            shared_usage.Together(home, NOW) as together,
        ):
            used.note_place({"cwd": "/p"}, {})
            used.call({})
            together.call(used)
        found = budget_sums.reports(ledger, config.load(), now=NOW)
    assert [("day", "tokens", 500, 1000), ("each", "tool_calls", 1, 10)] == [
        (one.name, one.unit, one.used, one.limit) for one in found if one.unit != "usd"
    ]


def test_periods_begin_where_the_persons_day_does(zone: Any) -> None:
    zone("Europe/Berlin")
    sunday = 1_792_921_600  # 2026-10-25, the clocks go back that morning
    since, until = budget_sums.period("day", now=sunday)
    assert 25 * 3600 == until - since
    week = budget_sums.period("week", now=sunday)
    assert until == week[1]
    assert "01" == time.strftime("%d", time.localtime(budget_sums.period("month", now=sunday)[0]))


def test_hook_marks_follow_the_budget(tmp_path: Path) -> None:
    """No budget, no word: the snapshot is quiet and the hook parses nothing."""
    Hook(tmp_path)
    assert runtime.is_quiet(os.environ["GOVERNOR_HOME"], "budget")
