"""The loop guard, the price warner and the enforced ceiling in the real clients."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Governor, Record, records
from .standin import Request, Standin
from .state import State
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e

WEIGHTS = {
    "read": 0.015,
    "5m": 1.0,
    "1h": 1.0,
    "families": [["opus", 1.0], ["sonnet", 0.6], ["haiku", 0.025]],
    "other": 1,
}
STUCK = "4 of the last 4 calls were Bash calls with the same input"


def install(governor: Governor, state: State, *which: str) -> None:
    """Wired, with the snapshots that a first refresh writes; no hook rings for another."""
    governor.install(*which)
    assert 0 == governor("refresh").code
    state.hold_bell()


@pytest.fixture
def wired(claude: ClaudeCode, governor: Governor, state: State) -> ClaudeCode:
    install(governor, state)
    return claude


def decisions(state: State, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(line.get(key) for key in keys) for line in state.spool("decisions")]


def with_words(standin: Standin, words: str) -> list[int]:
    """Which conversation requests held the words, and each no more than once."""
    assert {0, 1} >= {request.text.count(words) for request in standin.turns}
    return [n for n, request in enumerate(standin.turns) if words in request.text]


# ---- stuck -----------------------------------------------------------------------------------------------------------


def test_a_stuck_loop_is_told_to_claude_once(wired: ClaudeCode, state: State, standin: Standin) -> None:
    for n in range(6):
        standin.reply(tool("Bash", command="echo same", description=f"Try {'once more ' * n}"))
    standin.reply(text("given up"))

    run = wired.print("go")

    assert "given up" == run.result["result"]
    assert [4, 5, 6] == with_words(standin, STUCK), "in the request after the fourth call, and then in the history"
    assert [("loop", "told", "stuck", "Bash", True)] == decisions(state, "hook", "decision", "rule", "tool", "said")


def test_a_stuck_loop_is_told_to_codex_once(codex: Codex, governor: Governor, state: State, standin: Standin) -> None:
    install(governor, state, "--codex")
    for _ in range(6):
        standin.reply(tool("exec_command", cmd="echo same"))
    standin.reply(text("given up"))

    run = codex.exec("go")

    assert "given up" in run.out
    assert [4, 5, 6] == with_words(standin, STUCK)
    assert [("codex", "told", "stuck")] == decisions(state, "lane", "decision", "rule")


def test_a_subagents_loop_is_told_to_the_subagent(wired: ClaudeCode, state: State, standin: Standin) -> None:
    task = "SUBTASK: look around"
    call = tool("Agent", description="look", prompt=task, subagent_type="general-purpose", run_in_background=False)
    standin.reply(call)
    for _ in range(5):
        standin.reply(tool("Bash", command="echo same", description="Try"), when=lambda r: task in r.text)
    standin.reply(text("found nothing"), when=lambda r: task in r.text)
    standin.reply(text("all done"))

    run = wired.print("go")

    assert "all done" == run.result["result"]
    theirs = [request for request in standin.turns if STUCK in request.text]
    assert [True, True] == [task in request.text for request in theirs]
    assert [("loop", "told", "stuck")] == [
        each for each in decisions(state, "hook", "decision", "rule") if each[0] == "loop"
    ]
    assert 1 == len(list((state.folder / "loops").glob("*.*.told"))), "kept by subagent"


# ---- failures --------------------------------------------------------------------------------------------------------


def test_five_like_failures_open_a_rest_and_the_model_is_told(
    wired: ClaudeCode, state: State, standin: Standin
) -> None:
    for name in "abcdef":
        standin.reply(tool("Read", file_path=f"/nowhere/{name}.txt"))
    standin.reply(text("given up"))

    session = wired.print("go").result["session_id"]

    assert [5, 6] == with_words(standin, "Read failed 5 times in a row in the same way.")
    assert [("opened", "Read", 5)] == decisions(state, "decision", "tool", "count")
    (line,) = (state.folder / "breakers" / session).read_text().splitlines()
    assert line.startswith("Read ")


def test_where_the_person_chose_stop_the_next_call_is_refused_and_nothing_else(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    budget = claude.home / ".config/governor/budget.json"
    budget.parent.mkdir(parents=True)
    budget.write_text('{"loop": {"action": "stop"}}')
    install(governor, state)
    for name in "abcdef":
        standin.reply(tool("Read", file_path=f"/nowhere/{name}.txt"))
    standin.reply(tool("Bash", command="echo by another way", description="Try"))
    standin.reply(text("done"))

    assert "done" == claude.print("go").result["result"]

    assert [6, 7] == with_words(standin, "Read kept failing in the same way, so governor holds it back")
    assert "by another way" in standin.turns[7].said
    assert [("loop", "opened"), ("loop", "held")] == decisions(state, "hook", "decision")


def test_red_tests_with_edits_in_between_open_nothing(wired: ClaudeCode, state: State, standin: Standin) -> None:
    file = wired.project / "a.txt"
    file.write_text("a")
    standin.reply(tool("Read", file_path=str(file)))
    for n in range(6):
        standin.reply(tool("Bash", command="cat a.txt; exit 1", description="Run the tests"))
        standin.reply(tool("Edit", file_path=str(file), old_string="ab"[n % 2], new_string="ba"[n % 2]))
    standin.reply(text("green"))

    assert "green" == wired.print("go").result["result"]

    assert [] == decisions(state)
    assert not (state.folder / "breakers").exists()


def test_a_refused_turn_is_recorded_by_its_kind(wired: ClaudeCode, state: State, standin: Standin) -> None:
    """In the terminal: `-p` is gone before a hook of this event has ended."""
    with wired.terminal() as tui:
        for _ in range(12):
            standin.reply(text("no"), status=429)
        tui.type("go")
        tui.wait_until(lambda _: bool(decisions(state)), "a decision", seconds=40)

    assert [("refused", "rate_limit", "back off", "code")] == decisions(state, "decision", "rule", "do", "by")


# ---- prices ----------------------------------------------------------------------------------------------------------


def leave_prices(state: State, session: str) -> None:
    facts = {"context": 412_000, "warm": 0.62, "cold": 5.0, "share": 12.0, "hours": 2.0, "ttl": "1h"}
    wishes = {"action": "advise", "alike": 4, "failures": 5, "open_for": 60, "marathon": 28_800, "turn_percent": 0.5}
    state.write_snapshot("loop", {**wishes, "sessions": {session: facts}})
    price = {"action": "advise", "turn_percent": 0.5, "per_percent": 90_000.0, "weights": WEIGHTS, "model": "opus"}
    state.write_snapshot("price", {**price, "sessions": {}})


def test_a_dear_turn_and_a_switch_of_model_are_priced_to_the_person_alone(
    wired: ClaudeCode, state: State, standin: Standin
) -> None:
    standin.reply(text("begun"), usage(input=100, output=50, cache_read=400_000, w1h=12_000))
    session = wired.print("go", model="opus").result["session_id"]
    leave_prices(state, session)

    with wired.terminal("--resume", session, model="opus") as tui:
        standin.reply(text("first"), usage(input=100, output=50, cache_read=412_000))
        tui.type("one")
        tui.wait_for("● first")
        standin.reply(text("second"), usage(input=100, output=50, cache_read=412_000))
        tui.type("two")
        tui.wait_for("● second")
        tui.type("/model sonnet")
        tui.wait_for("Switch model?")
        tui.keys("Enter")
        tui.wait_for("governor: switching to")
        seen = " ".join(tui.history().split())

    assert 1 == seen.count("Stop says: governor: each further turn here costs about 0.6 % of your week"), seen
    assert 1 == seen.count("governor: switching to sonnet-5-5 writes 412k tokens into its cache"), seen
    assert not [request for request in standin.requests if "governor:" in request.text]
    assert [("turn", "told"), ("model-switch", "told")] == decisions(state, "rule", "decision")


def test_a_cold_resume_is_priced(wired: ClaudeCode, state: State, standin: Standin) -> None:
    standin.reply(text("begun"), usage(input=100, output=50, cache_read=400_000, w1h=12_000))
    session = wired.print("go", model="opus").result["session_id"]
    leave_prices(state, session)
    age(wired.transcript(session), hours=5)

    with wired.terminal("--resume", session, model="opus") as tui:
        screen = tui.wait_for("cache has lapsed")

    assert "writes 412k tokens anew, about 4.6 % of your week (estimate)" in " ".join(screen.split())
    assert [("price", "cold-resume")] == decisions(state, "hook", "rule")


def age(transcript: Path, *, hours: int) -> None:
    """As if it had been written earlier."""
    aged = records(transcript)
    for line in aged:
        if isinstance(line.get("timestamp"), str):
            then = datetime.fromisoformat(line["timestamp"]) - timedelta(hours=hours)
            line["timestamp"] = then.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    transcript.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in aged))


# ---- the ceiling -----------------------------------------------------------------------------------------------------

LAND = """
import sys, time
from governor import config, paths
from governor.install import ceiling
enforce = config.load().values["compaction"]["enforce"]
ceiling.settle(float(sys.argv[1]), enforce=enforce, home=paths.home(), now=int(time.time()))
"""


def compactions(claude: ClaudeCode) -> list[Record]:
    """Those of the newest session."""
    return [line for line in records(claude.transcripts()[-1]) if line.get("subtype") == "compact_boundary"]


def is_summary(request: Request) -> bool:
    return "<summary> block" in request.text


def is_prompt(request: Request) -> bool:
    return request.said.endswith("read on")


def test_a_new_session_compacts_at_the_ceiling_and_the_settings_come_back_to_the_byte(
    claude: ClaudeCode, governor: Governor, state: State, standin: Standin
) -> None:
    file = claude.settings({"model": "sonnet", "env": {"A": "b"}})
    budget = claude.home / ".config/governor/budget.json"
    budget.parent.mkdir(parents=True)
    budget.write_text('{"compaction": {"enforce": true}}')
    install(governor, state)
    before = file.read_bytes()

    def grown() -> list[Record]:
        """A new session that has read much, at its third prompt: before, there is too little to sum up."""
        with claude.terminal(model="sonnet") as tui:
            standin.reply(text("<summary>so far so good</summary>"), when=is_summary)
            for answer in ("much read", "more read", "onward it goes"):
                standin.reply(text(answer), usage(input=1000, output=100, cache_read=258_000), when=is_prompt)
                tui.type("read on")
                tui.wait_for(f"● {answer}")
            claude.leave(tui)
        return compactions(claude)

    assert [] == grown(), "the client's own window is far larger"
    assert 0 == governor.run(["-c", LAND, "140"]).code
    assert 250_000 == json.loads(file.read_text())["autoCompactWindow"]
    doctor = json.loads(governor("doctor", "--json").out)["findings"]
    assert ["new Claude Code sessions compact at 250k tokens"] == [
        each["text"].partition(",")[0] for each in doctor if each["name"] == "compaction"
    ]
    assert 1 == len(grown())

    assert 0 == governor.run(["-c", LAND, "60"]).code

    assert before == file.read_bytes()
    said = json.loads(governor("decisions", "--json").out)["latest"]
    moved = {(each["decision"], each["tokens"]) for each in said if each["hook"] == "compaction"}
    assert {("ceiling", 250_000), ("relaxed", None)} == moved
