"""``governor gate`` and ``governor run`` with the real clients: counted, ended in time, waited for, taken up again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .drive import ClaudeCode, Codex, Governor, Run
from .official import Window
from .standin import Reply, Standin
from .wire import text, tool, usage

pytestmark = pytest.mark.e2e

LOOPING = Reply((tool("Bash", command="true"),), usage(input=1000, output=100, cache_read=5000))
CODEX_LOOPING = Reply((tool("exec_command", cmd="true"),), usage(input=1000, output=100, cache_read=5000))
CLAUDE_ARGS = ("--permission-mode", "bypassPermissions")
CODEX_ARGS = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "summary.json"


def under(
    governor: Governor, client: ClaudeCode | Codex, summary: Path, *options: str, command: tuple[str, ...]
) -> Run:
    """``governor run OPTIONS --summary FILE -- CLIENT COMMAND`` in the client's own environment."""
    governor.extra_env = client.env()
    return governor("run", *options, "--summary", str(summary), "--", str(client.program), *command, cwd=client.project)


@contextmanager
def filling(window: Window, *, seconds: int = 8) -> Iterator[None]:
    """The first answer fills the window, and everything is refused until it resets after so many seconds."""
    cap = window.cap
    window.cap, window.resets_at = 500.0, int(time.time()) + seconds

    def reset() -> None:
        window.used, window.cap, window.resets_at = 0.0, cap, int(time.time()) + 18_000

    timer = threading.Timer(window.resets_at - time.time() + 1, reset)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def read(summary: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(summary.read_text())
    return found


def test_a_runaway_session_is_ended_at_its_limit_of_tool_calls(
    claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.default = LOOPING

    run = under(governor, claude, summary, "--max-tool-calls", "4", command=("-p", "go on for ever", *CLAUDE_ARGS))
    asked = len(standin.turns)
    time.sleep(1.5)

    assert 124 == run.code, run.err
    said = read(summary)
    assert ("budget", {"unit": "tool_calls", "limit": 4, "at": 5}) == (said["state"], said["ended_by"])
    assert 5 <= asked <= 7, "the fifth call crosses; what was under way may come after it"
    assert asked == len(standin.turns), "nothing goes on behind our back"
    assert f"--resume {said['session']}" in said["resume"]
    assert "ended at the limit of 4 tool calls" in run.err
    standin.default = Reply((text("on we go"),), usage())
    assert "on we go" == claude.print("go on", resume=said["session"]).result["result"], "it ended at a checkpoint"


def test_a_runaway_session_is_ended_at_its_limit_of_money(
    claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path
) -> None:
    """sonnet-5-5: 1,000 x 2 + 5,000 x 0.10 + 100 x 10 USD per million, 0.0035 a call: the tenth reaches 0.035."""
    standin.default = LOOPING

    run = under(governor, claude, summary, "--max-usd", "0.034", command=("-p", "go on", *CLAUDE_ARGS))

    said = read(summary)
    assert (124, "budget", "usd") == (run.code, said["state"], said["ended_by"]["unit"]), run.err
    assert said["usd"] >= 0.034
    assert len(standin.turns) * 6100 >= said["tokens"]["total"]
    assert len(standin.turns) <= 14


def test_what_was_used_equals_what_the_client_says_and_stdout_is_the_clients(
    claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.meter.five_hour.used, standin.meter.seven_day.used = 0.42137, 0.1
    standin.reply(tool("Bash", command="echo one"), usage(input=1000, output=300, w5m=2000))
    standin.reply(text("all done"), usage(input=50, output=90, cache_read=3000))

    run = under(governor, claude, summary, command=("-p", "do it", *CLAUDE_ARGS))

    assert (0, "all done\n") == (run.code, run.out), run.err
    said = read(summary)
    assert (1050, 390, 3000, 2000) == tuple(
        said["tokens"][kind] for kind in ("input", "output", "cache_read", "cache_write_5m")
    )
    assert pytest.approx(claude.cost(said["session"])) == said["usd"]
    assert (1, 2, "done") == (said["tool_calls"], said["requests"], said["state"])
    after = {window["window"]: window["after"] for window in said["windows"]}
    assert pytest.approx({"5h": standin.meter.five_hour.used * 100, "week": 10}, abs=0.3) == after
    (lane,) = (lane for lane in governor.json("status")["lanes"] if lane["lane"] == "claude")
    official = {window["window"]: window["official"] for window in lane["windows"]}
    assert ("stream", "stream") == (official["5h"]["source"], official["week"]["source"])
    assert pytest.approx(after["5h"], abs=0.01) == official["5h"]["used_percent"]


def test_a_subagents_use_counts_too(claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path) -> None:
    asked = "look for the marigold"
    agent = tool("Agent", description="look", prompt=asked, subagent_type="general-purpose")
    standin.reply(agent, usage(input=100, output=50))
    standin.reply(text("found it"), usage(input=7000, output=900), when=lambda request: request.said.endswith(asked))
    standin.reply(text("all done"), usage(input=50, output=90))

    run = under(governor, claude, summary, command=("-p", "do it", *CLAUDE_ARGS))

    said = read(summary)
    assert claude.subagents(said["session"]), run.out + run.err
    assert pytest.approx(claude.cost(said["session"])) == said["usd"]
    assert said["tokens"]["total"] > 7900


def test_the_chosen_output_format_is_what_comes_out(
    claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.default = Reply((text("fine"),), usage())

    as_json = under(governor, claude, summary, command=("-p", "hi", "--output-format", "json"))
    stream = under(governor, claude, summary, command=("-p", "hi", "--output-format", "stream-json", "--verbose"))
    ours = under(governor, claude, summary, "--json", command=("-p", "hi"))

    assert ("result", "fine") == (json.loads(as_json.out)["type"], json.loads(as_json.out)["result"])
    assert ["system", "result"] == [stream.events[0]["type"], stream.events[-1]["type"]]
    assert ("governor.run/1", "fine") == (json.loads(ours.out)["schema"], json.loads(ours.out)["output"])


def test_a_refused_run_waits_for_the_reset_and_takes_the_same_session_up_again(
    claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.reply(tool("Bash", command="echo first"), usage(input=1000, output=10))
    standin.default = Reply((text("all done"),), usage())
    with filling(standin.meter.five_hour):
        run = under(governor, claude, summary, "--wait", command=("-p", "do it", *CLAUDE_ARGS))

    said = read(summary)
    assert (0, "all done\n") == (run.code, run.out), run.err
    assert (2, "done") == (said["processes"], said["state"])
    assert said["waited_s"] > 3
    assert {said["session"]} == {path.stem for path in claude.transcripts()}
    assert "echo first" not in standin.turns[0].text
    assert "Go on where you were interrupted." in standin.turns[-1].text


def test_without_wait_a_refusal_is_the_end(
    claude: ClaudeCode, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.meter.five_hour.used = 1.2

    run = under(governor, claude, summary, command=("-p", "hi"))

    assert (1, "refused", 1) == (run.code, read(summary)["state"], read(summary)["processes"]), run.err
    gate = governor("gate", "--lane", "claude", "--json")
    assert (20, "STOP") == (gate.code, json.loads(gate.out)["answer"])


def test_a_codex_run_is_ended_at_its_limit_of_tokens(
    codex: Codex, governor: Governor, standin: Standin, summary: Path
) -> None:
    """1,100 tokens an answer beside what the cache gave: the fourth crosses 4,000."""
    standin.default = CODEX_LOOPING

    run = under(governor, codex, summary, "--max-tokens", "4000", command=("exec", *CODEX_ARGS, "go on"))
    asked = len(standin.turns)
    time.sleep(1.5)

    said = read(summary)
    assert (124, "budget", "tokens") == (run.code, said["state"], said["ended_by"]["unit"]), run.err
    assert 4 <= asked <= 14
    assert asked == len(standin.turns)
    assert said["tool_calls"] >= 3
    assert said["session"] in codex.rollouts()[-1].name


def test_a_codex_run_says_its_last_word_and_its_windows(
    codex: Codex, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.codex_meter.five_hour.used = 0.31
    standin.reply(tool("exec_command", cmd="echo hi"), usage(input=100, output=7))
    standin.reply(text("all done"), usage(input=50, output=9, cache_read=200))

    run = under(governor, codex, summary, command=("exec", *CODEX_ARGS, "do it"))

    assert (0, "all done\n") == (run.code, run.out), run.err
    said = read(summary)
    assert (150, 16, 200, 1) == (
        *(said["tokens"][kind] for kind in ("input", "output", "cache_read")),
        said["tool_calls"],
    )
    assert {"5h", "week"} == {window["window"] for window in said["windows"]}
    assert f"resume {said['session']}" in said["resume"]


def test_a_codex_run_that_was_refused_is_taken_up_again(
    codex: Codex, governor: Governor, standin: Standin, summary: Path
) -> None:
    standin.reply(tool("exec_command", cmd="echo first"), usage(input=1000, output=10))
    with filling(standin.codex_meter.five_hour):
        run = under(governor, codex, summary, "--wait", command=("exec", *CODEX_ARGS, "do it"))

    said = read(summary)
    assert (0, "ok\n", 2) == (run.code, run.out, said["processes"]), run.err
    assert 1 == len(codex.rollouts())
