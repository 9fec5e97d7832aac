"""Claude Code's own books on the real client: how they are kept, and that ``governor usage`` equals them.

What the rest of the project believes of ``cost-state`` (governor.clients.claude.cost_state) was seen here first.
"""

from __future__ import annotations

from typing import Any

import pytest

from .drive import ClaudeCode, Governor, records
from .standin import Standin
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e

SONNET = "claude-sonnet-5-5"


def states(claude: ClaudeCode, session: str) -> list[dict[str, Any]]:
    return [line for line in records(claude.transcript(session)) if line["type"] == "cost-state"]


def spent(governor: Governor) -> dict[str, float]:
    """Notional USD by surface."""
    return {row["surface"]: row["notional_usd"] for row in governor.json("usage", "--by", "surface")["rows"]}


def test_resumes_and_forks_go_on_with_the_same_books(claude: ClaudeCode, standin: Standin, governor: Governor) -> None:
    """One counter, known by when it began; a fork's books include its parent's, and every request counts once."""
    for number in range(4):
        standin.reply(text("ok"), usage(input=1000 + number, output=100, cache_read=500, w5m=300, w1h=400))
    first = claude.print("one", model=SONNET).result["session_id"]
    claude.print("two", resume=first)
    fork = claude.print("three", resume=first, fork=True).result["session_id"]
    claude.print("four", resume=fork)

    began = {state["startTime"] for session in (first, fork) for state in states(claude, session)}
    ran = [state["totalDuration"] for session in (first, fork) for state in states(claude, session)]
    assert 1 == len(began)
    assert sorted(ran) == ran
    assert pytest.approx({"sdk-cli": claude.cost(fork)}, abs=1e-6) == spent(governor)


def test_a_subagents_requests_stand_in_its_sessions_books(
    claude: ClaudeCode, standin: Standin, governor: Governor
) -> None:
    asked = "SUBTASK: count the files"
    call = tool("Agent", description="count", prompt=asked, subagent_type="general-purpose", model="haiku")
    standin.reply(call, usage(input=100, output=50))
    standin.reply(text("42 files"), usage(input=3000, output=300), when=lambda r: r.said.endswith(asked))
    standin.reply(text("the agent runs"), usage(input=200, output=20))
    standin.reply(text("it found 42"), usage(input=300, output=30), when=lambda r: "<task-notification>" in r.said)

    session = claude.print("how many files?", model=SONNET).result["session_id"]

    assert pytest.approx({"sdk-cli": claude.cost(session)}, abs=1e-6) == spent(governor)


def test_a_compaction_leaves_no_line_and_is_counted(claude: ClaudeCode, standin: Standin, governor: Governor) -> None:
    """``/compact`` asks the model; only the books know. They are written when the client ends."""
    for _ in range(8):
        standin.reply(text("fine"), usage(input=1000, output=100, cache_read=20_000))
    with claude.terminal(model=SONNET) as terminal:
        terminal.type("hello one")
        terminal.wait_for("fine")
        terminal.wait_until(lambda _: len(standin.turns) == 1, "the first request")
        terminal.type("/compact")
        terminal.wait_for("Compacted", seconds=30)
        session = claude.transcripts()[-1].stem
        assert [] == states(claude, session)
        claude.leave(terminal)

    by_surface = spent(governor)
    assert pytest.approx(0.005) == by_surface["cli"]
    assert pytest.approx(claude.cost(session), abs=1e-6) == sum(by_surface.values())
    assert pytest.approx((len(standin.requests) - 1) * 0.005) == by_surface["auxiliary"]
