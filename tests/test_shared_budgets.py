"""Budgets of days, projects and tags: all sessions draw on one counter, and every response is counted there once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from governor import config
from governor.config.schema import Budget
from governor.gate.evidence import of_budgets
from governor.hooks import runtime
from governor.hooks.budget import give_back
from governor.hooks.budget import shared_sums as rules
from governor.hooks.state import locks, session_usage, shared_usage
from governor.ledger.store import open_ledger
from governor.pipeline import budget_sums
from governor.snapshots import budget as snapshot
from governor.snapshots.material import SnapshotMaterial
from tests.test_budget import Hook, Session
from tests.writing import NOW, answer, take_in, transcript, usage

ROOT = Path(__file__).parent.parent
A, B = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
DAY = session_usage.day_of(NOW)


def guard() -> ModuleType:
    """The hook script as a module."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("budget_guard", ROOT / "hooks" / "budget_guard.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wish(*budgets: dict[str, Any], **more: Any) -> None:
    Path(os.environ["GOVERNOR_CONFIG"]).write_text(json.dumps({"budgets": budgets, **more}))


def refresh(now: int) -> None:
    """What a refresh does about budgets: take in, settle, leave the snapshot."""
    with open_ledger() as ledger:
        take_in(ledger)
        word, content = snapshot.snapshot(SnapshotMaterial(ledger, config.load(), None, {}, now))  # type: ignore[arg-type]
    body = json.dumps({"version": 1, "written_at": now, **content})
    runtime.write_private(f"{os.environ['GOVERNOR_HOME']}/letters/budget", f"{word}\n{body}\n".encode())


# ---- the rules -------------------------------------------------------------------------------------------------------


def budget(per: str = "day", **more: Any) -> dict[str, Any]:
    return {"name": "b", "per": per, "lane": None, "project": "*", "since": NOW - 3600, "until": NOW + 3600, **more}


def used(book: rules.Book, row: dict[str, Any], *, project: str = "/p", now: float = NOW) -> dict[str, Any]:
    found = rules.used(book, row, project=project, now=now, day_of=session_usage.day_of)
    assert found is not None
    figures: dict[str, Any] = found["used"]
    return figures


def response(tokens: int, *, lane: str = "claude", project: str = "/p", branch: str = "", at: float = NOW) -> rules.Row:
    return [lane, project, branch, at, 0, tokens, 0, 0, 0, tokens]


def test_use_is_the_ledgers_figure_and_what_came_since() -> None:
    book = rules.fresh()
    rules.put(book, {"k": response(5)}, day_of=session_usage.day_of)
    row = budget(used={"tokens": 70}, as_of=NOW - 60)
    assert 75 == used(book, row)["tokens"]
    book["base"]["b"] = {**row, "used": {"tokens": 80}}
    assert 85 == used(book, row)["tokens"], "the book knows it better than an older letter"
    assert 0 == used(book, row, now=NOW + 4000)["tokens"], "a new day"
    assert rules.used(book, {"per": "day", "name": "new"}, project="/p", now=NOW, day_of=session_usage.day_of) is None


def test_each_budget_counts_what_it_is_for() -> None:
    book = rules.fresh()
    rows = {
        "1": response(1),
        "2": response(2, lane="codex"),
        "3": response(4, project="/q"),
        "4": response(8, at=NOW - 7200),
    }
    rules.put(book, rows, day_of=session_usage.day_of)
    for place in (("claude", "/p", ""), ("codex", "/p", ""), ("claude", "/q", "main")):
        rules.call(book, place, DAY)
    rules.call(book, ("claude", "/p", ""), "2001-01-01")
    every = {"used": {}}
    assert (7, 3) == tuple(used(book, budget(**every))[unit] for unit in ("tokens", "tool_calls"))
    assert (2, 1) == tuple(used(book, budget(**every, lane="codex"))[unit] for unit in ("tokens", "tool_calls"))
    assert (4, 1) == tuple(used(book, budget(**every) | {"project": "/q*"})[unit] for unit in ("tokens", "tool_calls"))
    mine = budget("project", used={"/p": {"tokens": 10}, "/q": {"tokens": 100}})
    assert (13, 104) == (used(book, mine)["tokens"], used(book, mine, project="/q")["tokens"])
    assert (2, 1) == (used(book, mine)["tool_calls"], used(book, mine, project="/q")["tool_calls"])
    tags = [{"tag": "x", "project": "/q", "branch": "main"}, {"tag": "y", "project": "/*", "branch": "*"}]
    tagged = budget("tag", used={"tokens": 0}, tags=tags)
    assert (0, 1) == tuple(used(book, tagged | {"tag": "x"})[unit] for unit in ("tokens", "tool_calls"))
    assert (7, 2) == tuple(used(book, tagged | {"tag": "y"})[unit] for unit in ("tokens", "tool_calls"))


def test_the_rows_stay_bounded_where_nobody_refreshes_and_lose_nothing() -> None:
    book = rules.fresh()
    for number in range(3000):
        rules.put(book, {f"k{number}": response(1, at=NOW - 3000 + number)}, day_of=session_usage.day_of)
    assert len(book["rows"]) <= rules.KEPT_ROWS + 1
    assert 3000 == used(book, budget(used={}))["tokens"]
    rules.refreshed(book, {}, {}, as_of=NOW + 10 * rules.LOST_S)
    assert {} == book["rows"], "by then the ledger has what there is"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 2}', b'{"version": 1, "rows": {"k": [1]}}', b"\xff"]
)
def test_a_spoilt_book_has_the_calls_that_the_sessions_files_have(tmp_path: Path, content: bytes) -> None:
    with (
        session_usage.SessionUsage(str(tmp_path), "claude", A, NOW) as session,
        shared_usage.Together(str(tmp_path), NOW),
    ):
        session.note_place({"cwd": "/p"}, {})
        session.call({})
    (tmp_path / "live" / ".shared").write_bytes(content)
    with shared_usage.Together(str(tmp_path), NOW) as together:
        assert {DAY: {"claude\t/p\t": 1}} == together.book["calls"]


# ---- never both, never neither ---------------------------------------------------------------------------------------

STEPS = st.tuples(st.sampled_from(("write", "grow", "hook", "refresh")), st.sampled_from((A, B)), st.integers(0, 30))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=18), odd=st.booleans())
def test_what_the_ledger_knew_and_what_sessions_added_are_never_counted_twice(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, steps: list[Any], odd: bool
) -> None:
    """After every hook the day's use is all that was written so far, by whichever session, whoever has taken it in.

    ``odd``: all lines state one and the same time, to the second.
    """
    folder = tmp_path_factory.mktemp("home")
    for name, part in (("GOVERNOR_HOME", "state"), ("CLAUDE_CONFIG_DIR", "claude"), ("CODEX_HOME", "codex")):
        monkeypatch.setenv(name, str(folder / part))
    monkeypatch.setenv("GOVERNOR_CONFIG", str(folder / "budget.json"))
    wish({"name": "day", "per": "day", "tokens": 10**9, "action": "stop"})
    refresh(NOW)
    module, home = guard(), str(folder / "state")
    spent: dict[str, tuple[str, int]] = {}
    for at, (step, session, number) in enumerate([("hook", A, 0), ("hook", B, 0), *steps, ("hook", A, 0)]):
        now = NOW + 1 + at
        path = folder / "claude" / "projects" / "p" / f"{session}.jsonl"
        if step == "write" or (step == "grow" and any(by == session for by, _ in spent.values())):
            mine = sorted(id_ for id_, (by, _) in spent.items() if by == session)
            id_ = f"msg_{len(spent)}" if step == "write" else mine[number % len(mine)]
            output = number if step == "write" else spent[id_][1] + number
            spent[id_] = (session, output)
            path.parent.mkdir(parents=True, exist_ok=True)
            stamp = (NOW + 2 if odd else now) * 1000
            line = answer(id_, at_ms=stamp, spent=usage(input=1, output=output), cwd="/p", sessionId=session)
            with path.open("a") as file:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        elif step == "refresh":
            refresh(now)
        elif step == "hook":
            event = {"hook_event_name": "PreToolUse", "session_id": session, "transcript_path": str(path), "cwd": "/p"}
            ctx = runtime.HookContext("budget", home, "claude", now)
            module.decide(event, ctx)
            with shared_usage.Together(home, now) as together:
                (row,) = together.rows(ctx.snapshot("budget"), "/p")
            assert sum(1 + output for _, output in spent.values()) == row["used"]["tokens"]


def test_the_money_and_units_of_a_response_leave_with_its_row(tmp_path: Path) -> None:
    wish({"name": "day", "per": "day", "usd": 100, "units": 10**9, "action": "stop"})
    refresh(NOW)
    home, session = os.environ["GOVERNOR_HOME"], Session(Path(os.environ["CLAUDE_CONFIG_DIR"]), A)
    found = []
    for now in (NOW + 10, NOW + 20):
        if now == NOW + 20:
            refresh(now)
        with session_usage.SessionUsage(home, "claude", A, now) as one:
            one.note_place(session.event(), {})
            if now == NOW + 10:
                session.write(
                    answer("msg_1", at_ms=now * 1000, spent=usage(input=1000, output=500, read=7, five=9, hour=3))
                )
            content = runtime.read_snapshot(home, "budget")[1]
            one.take_in(session.event(), content["models"])
            with shared_usage.Together(home, now) as together:
                together.publish(one)
                found.append(together.rows(content, "/p")[0]["used"])
                assert (1 if now == NOW + 10 else 0) == len(together.book["rows"])
    assert pytest.approx(found[0]) == found[1]
    assert found[0]["usd"] > 0


# ---- many at once ----------------------------------------------------------------------------------------------------

WORKER = """
import sys, time, importlib.util
sys.path.insert(0, sys.argv[1])
from governor.hooks import runtime as hook
from governor.hooks.state import locks
locks.WAIT_S = 60
spec = importlib.util.spec_from_file_location("g", sys.argv[1] + "/hooks/budget_guard.py")
guard = importlib.util.module_from_spec(spec); spec.loader.exec_module(guard)
passed = 0
for call in range(int(sys.argv[4])):
    ctx = hook.HookContext("budget", sys.argv[2], "claude", time.time())
    event = {"hook_event_name": "PreToolUse", "session_id": sys.argv[3], "cwd": sys.argv[5], "transcript_path": ""}
    reply = guard.decide(event, ctx)
    passed += not (reply and reply.halt)
print(passed)
"""


@pytest.mark.parametrize("per", ["day", "project", "tag"])
def test_of_twenty_processes_in_five_sessions_exactly_the_budgets_calls_pass(tmp_path: Path, per: str) -> None:
    more: dict[str, Any] = {"tag": "t"} if per == "tag" else {}
    guard_ = (
        Hook(tmp_path, {"name": "few", "per": per, "tool_calls": 60, "action": "stop", **more})
        if per != "tag"
        else None
    )
    if guard_ is None:
        wish(
            {"name": "few", "per": per, "tool_calls": 60, "action": "stop", **more},
            tags=[{"tag": "t", "project": "/p*"}],
        )
        refresh(int(time.time()))
    home = os.environ["GOVERNOR_HOME"]
    command = [sys.executable, "-c", WORKER, str(ROOT), home]
    processes = [
        subprocess.Popen([*command, f"s{number % 5}", "12", "/p"], stdout=subprocess.PIPE) for number in range(20)
    ]
    passed = sum(int(process.communicate()[0]) for process in processes)
    assert 60 == passed
    assert 60 == sum(shared_usage.peek(home)["calls"][session_usage.day_of(time.time())].values())


def test_two_sessions_share_a_days_calls(tmp_path: Path) -> None:
    guard_ = Hook(tmp_path, {"name": "day", "per": "day", "tool_calls": 12, "action": "stop"})
    sessions = [Session(tmp_path, name) for name in (A, B)]
    answers = [guard_.says(sessions[number % 2].event()) for number in range(14)]
    assert ["deny"] * 2 == [
        said["hookSpecificOutput"]["permissionDecision"] for said in answers if said and "continue" in said
    ]
    assert "12 tool calls of 12 tool calls" in answers[-1]["stopReason"]
    guard_.refresh()
    assert "deny" in str(guard_.says(sessions[0].event())), "a refresh changes nothing"


@pytest.mark.parametrize("heard", [True, False])
def test_what_one_session_used_is_seen_by_the_next_sessions_call(tmp_path: Path, heard: bool) -> None:
    """Also where the first session's last response made no call, so that no hook of its own has counted it."""
    guard_ = Hook(tmp_path, {"name": "day", "per": "day", "tokens": 1000, "action": "stop"})
    one, other = Session(tmp_path, A), Session(tmp_path, B)
    guard_.says(one.event())
    one.write(answer("msg_1", at_ms=int(time.time() * 1000) + 900, spent=usage(input=400, output=600)))
    if heard:
        assert "deny" in str(guard_.says(one.event()))
    assert "1,000 tokens of 1,000 tokens" in guard_.says(other.event())["stopReason"]


def test_another_project_and_another_lane_have_their_own(tmp_path: Path) -> None:
    guard_ = Hook(tmp_path, {"name": "each", "per": "project", "tool_calls": 1, "action": "stop", "lane": "claude"})
    event = Session(tmp_path).event()
    guard_.says({**event, "session_id": A})
    assert "deny" in str(guard_.says({**event, "session_id": B}))
    assert "deny" not in str(guard_.says({**event, "session_id": "c", "cwd": "/other"}))
    assert "deny" not in str(guard_.says({**event, "session_id": "d"}, "codex"))


# ---- a holder that does not move on ----------------------------------------------------------------------------------

HOLD = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
print(flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not say who holds a lock")
@pytest.mark.parametrize("name", [".shared", f"claude-{A}"])
def test_a_stopped_holder_lets_the_call_through_and_it_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    guard_ = Hook(tmp_path, {"name": "day", "per": "day", "tool_calls": 1, "action": "stop"})
    event = Session(tmp_path, A).event()
    guard_.says(event)
    assert "deny" in str(guard_.says(event))
    monkeypatch.setattr(locks, "WAIT_S", 600.0)  # so that only the look at the holder can end the waiting
    command = [sys.executable, "-c", HOLD, str(guard_.state / "live" / name)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        reply = guard().decide(event, runtime.HookContext("budget", str(guard_.state), "claude", time.time()))
    finally:
        holder.kill()
        holder.communicate()
    assert ("uncounted", "budget:busy") == (reply.record["decision"], reply.record["rule"])
    assert not reply.halt
    assert "deny" in str(guard_.says(event)), "and the next call is counted again"


# ---- giving back -----------------------------------------------------------------------------------------------------


def test_a_call_that_another_guard_refused_is_given_back(tmp_path: Path) -> None:
    guard_ = Hook(
        tmp_path,
        {"name": "ask", "per": "session", "tool_calls": 2, "action": "ask"},
        {"name": "day", "per": "day", "tool_calls": 3, "action": "stop"},
    )
    module, event = guard(), Session(tmp_path, A).event()
    ctx = runtime.HookContext("budget", str(guard_.state), "claude", time.time())
    for _ in range(2):
        module.decide(event, ctx)
    asked = module.decide(event, ctx)
    assert asked.ask
    assert runtime.claim(ctx.home, asked.once)
    module.release(event, ctx, asked)
    again = module.decide(event, ctx)
    assert (asked.ask, asked.once) == (again.ask, again.once), "and it is asked again"
    assert runtime.claim(ctx.home, again.once)
    assert module.decide(event, ctx).halt, "three calls were made in all"
    give_back.budget(event, ctx)
    assert module.decide(event, ctx) is None, "one of them was given back, and the question was asked"


def test_a_call_that_two_hooks_ask_about_is_charged_once_and_given_back_once(tmp_path: Path) -> None:
    guard_ = Hook(tmp_path, {"name": "day", "per": "day", "tool_calls": 9, "action": "stop"})
    module, event = guard(), Session(tmp_path, A).event(tool_use_id="use_1")
    ctx = runtime.HookContext("budget", str(guard_.state), "claude", time.time())
    for given_back in (False, True, False):
        for _ in range(2):
            assert module.decide(event, ctx) is None
        assert [1] == list(shared_usage.peek(ctx.home)["calls"][session_usage.day_of(ctx.now)].values())
        if given_back:
            module.release(event, ctx, None)
            module.release(event, ctx, None)
            assert [0] == list(shared_usage.peek(ctx.home)["calls"][session_usage.day_of(ctx.now)].values())


# ---- tags, in the settings and in the gate ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"budgets": [{"name": "x", "per": "tag", "tokens": 1}]}, "needs the name of a tag"),
        ({"budgets": [{"name": "x", "per": "day", "tokens": 1, "tag": "t"}]}, "goes with it alone"),
        ({"budgets": [{"name": "x", "per": "tag", "tokens": 1, "tag": "t"}]}, 'not among "tags"'),
        ({"budgets": [{"name": "x", "per": "tag", "wall": 60, "tag": "t"}], "tags": [{"tag": "t"}]}, "no such start"),
    ],
)
def test_a_tags_budget_names_a_tag(content: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Budget(**content)


def test_a_tags_use_is_the_ledgers_by_folder_and_branch() -> None:
    tags = [{"tag": "t", "project": "/home/u/*", "branch": "main"}]
    wish({"name": "client", "per": "tag", "tag": "t", "tokens": 100, "every": "month", "action": "stop"}, tags=tags)
    with open_ledger() as ledger:
        transcript(answer("msg_1", at_ms=(NOW - 60) * 1000, spent=usage(input=40, output=60)))
        transcript(answer("msg_2", at_ms=(NOW - 60) * 1000, gitBranch="x", spent=usage(input=1)), session=A)
        take_in(ledger)
        listed = budget_sums.spent(ledger, config.load(), now=NOW)
        reports = budget_sums.reports(ledger, config.load(), now=NOW)
    assert [("client", "tag", 100, 100)] == [(one.name, one.per, one.used, one.limit) for one in reports]
    ruled = {
        folder: [ruling.answer for ruling in of_budgets(listed, lane=None, folder=folder, now=NOW)]
        for folder in ("/home/u/work", "/elsewhere")
    }
    assert {"/home/u/work": [], "/elsewhere": []} == ruled, "which branch it is nobody says"
