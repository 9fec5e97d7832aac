"""The pacing warner: silent when all is well, once per episode, and never in the way twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from governor.hooks import attended
from governor.hooks.pacing import going_on
from governor.hooks.pacing import rules as pacing_rules

ROOT = Path(__file__).parent.parent

NOW = 1_795_316_400.0
RESET = int(NOW) + 86_400


def window(verdict: str, name: str = "week", resets_at: int | None = RESET, **more: Any) -> dict[str, Any]:
    return {
        "window": name,
        "resets_at": resets_at,
        "verdict": verdict,
        "rule": "band-1.1",
        "line": f"governor: Claude Code {name} 63 % used." if verdict != "GO" else "",
        "model_line": "The week plan window is 96 % used." if verdict == "STOP" else "",
        **more,
    }


def snapshot(*windows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 1, "written_at": NOW - 60, "lanes": {"claude": {"windows": list(windows)}}, **more}


def prompt(text: str = "go on", **more: Any) -> dict[str, Any]:
    return {"hook_event_name": "UserPromptSubmit", "session_id": "s1", "prompt": text, **more}


class Told:
    """A memory of what was said, as the state folder keeps it."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def ask(
        self, event: dict[str, Any], content: dict[str, Any], *, environ: dict[str, str] | None = None, **more: Any
    ) -> pacing_rules.PacingAdvice | None:
        def go_on() -> str | None:
            here = environ or {}
            return going_on.words(event, here, "claude") if attended.is_attended(event, here, "claude") else None

        def is_watched() -> bool:
            return attended.is_attended({**event, "hook_event_name": "SessionStart"}, environ or {}, "claude")

        asked: dict[str, Any] = {"seen": self.keys.__contains__, "go_on": go_on, "is_watched": is_watched}
        advice = pacing_rules.decide(event, content, lane="claude", now=NOW, **asked, **more)
        if advice is not None:
            self.keys |= {advice.once, advice.also} - {""}
        return advice


def test_all_well_says_nothing() -> None:
    assert Told().ask(prompt(), snapshot(window("GO"))) is None


def test_what_it_says_has_a_decision_and_a_rule() -> None:
    told = Told()
    heavy = {"contexts": {"s1": 400_000}, "ceilings": {"claude": 250_000}}
    stop = snapshot(window("STOP", rule="wall-95"), **heavy, alerts=[{"key": "k", "text": "ring"}])
    said = [told.ask(prompt(), stop) for _ in range(4)]
    assert [("hold", "week:wall-95"), ("context", "over-250k"), ("warn", "week:wall-95"), ("alert", "alert")] == [
        (advice.decision, advice.rule) for advice in said if advice
    ]


def test_one_word_per_episode_whichever_session_asks() -> None:
    """``/clear`` and ``/branch`` go on in a new session: the person in that window has read the word."""
    told = Told()
    first = told.ask(prompt(), snapshot(window("NUDGE")))
    assert first is not None
    assert "63 %" in first.person
    assert "" == first.model, "the model pays for nothing it need not act on"
    assert told.ask(prompt(), snapshot(window("NUDGE"))) is None
    assert told.ask(prompt(session_id="s2"), snapshot(window("NUDGE"))) is None
    start = {"hook_event_name": "SessionStart", "session_id": "s3", "source": "clear"}
    assert told.ask(start, snapshot(window("NUDGE"))) is None
    assert told.ask(prompt(), snapshot(window("SLOW", rule="band-1.3"))) is not None, "the episode changed"
    assert told.ask(prompt(), snapshot(window("NUDGE", resets_at=RESET + 7 * 86_400))) is not None, "a new window"


def test_reset_times_that_wobble_are_one_episode() -> None:
    told = Told()
    assert told.ask(prompt(), snapshot(window("NUDGE", resets_at=RESET // 600 * 600 + 200))) is not None
    assert told.ask(prompt(), snapshot(window("NUDGE", resets_at=RESET // 600 * 600 + 203))) is None


def test_the_wall_holds_one_prompt_back_and_then_lets_go() -> None:
    told = Told()
    first = told.ask(prompt(), snapshot(window("STOP")))
    assert first is not None
    assert "Press Enter" in first.block
    assert "governor override" in first.block
    second = told.ask(prompt(), snapshot(window("STOP")))
    assert second is not None
    assert ("", "") == (second.block, second.person), "the person has read that sentence"
    assert second.model, "at the wall the model may know that it can be cut off"
    assert len(second.model) <= 200
    assert told.ask(prompt(), snapshot(window("STOP"))) is None
    other = told.ask(prompt(session_id="s2"), snapshot(window("STOP")))
    assert other is not None
    assert ("", "", second.model) == (other.block, other.person, other.model), "another session's model is told too"


def test_the_wall_is_not_for_machines_unless_the_person_chose_so() -> None:
    report = prompt("<task-notification>agent done</task-notification>")
    advice = Told().ask(report, snapshot(window("STOP")))
    assert advice is not None
    assert "" == advice.block
    held = snapshot(window("STOP"), hold_background=True)
    told = Told()
    for event in (report, prompt(source="loop_wakeup")):
        for _ in range(2):
            advice = told.ask(event, held)
            assert advice is not None
            assert "override" in advice.block, "every one is held, not only the first"


HEADLESS = {"CLAUDECODE": "1", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli", "CLAUDE_CODE_SESSION_ATTENDED": "0"}


@pytest.mark.parametrize(
    ("event", "environ", "is_held"),
    [
        (prompt(), {}, True),
        (prompt(), {"CLAUDE_CODE_ENTRYPOINT": "cli", "CLAUDE_CODE_SESSION_ATTENDED": "1"}, True),
        (prompt(), {"CLAUDE_CODE_ENTRYPOINT": "claude-vscode", "CLAUDE_CODE_SESSION_ATTENDED": "1"}, True),
        (prompt("/deploy now"), {"CLAUDE_CODE_ENTRYPOINT": "cli"}, True),
        (prompt(), HEADLESS, False),
        (prompt("/deploy now"), HEADLESS, False),
        (prompt(), {"CLAUDE_CODE_ENTRYPOINT": "sdk-py"}, False),
        (prompt(), {"CLAUDE_CODE_ENTRYPOINT": "sdk-ts"}, False),
        (prompt(permission_mode="dontAsk"), {}, False),
        (prompt("<task-notification>done"), {"CLAUDE_CODE_SESSION_ATTENDED": "1"}, False),
        (prompt(source="loop_wakeup"), {"CLAUDE_CODE_SESSION_ATTENDED": "1"}, False),
        (prompt(source="cron"), {"CLAUDE_CODE_SESSION_ATTENDED": "1"}, False),
    ],
)
def test_a_prompt_is_held_only_where_a_person_can_send_it_again(
    event: dict[str, Any], environ: dict[str, str], is_held: bool
) -> None:
    told = Told()
    first = told.ask(event, snapshot(window("STOP")), environ=environ)
    assert first is not None
    assert is_held == bool(first.block)
    if not is_held:
        is_read = environ.get("CLAUDE_CODE_SESSION_ATTENDED") == "1"
        assert ("warn" if is_read else "unattended") == first.decision
        assert is_read != first.person.endswith(pacing_rules.GOES_ON)
        assert told.ask(event, snapshot(window("STOP")), environ=environ) is None, "once a run"
        other = told.ask({**event, "session_id": "s2"}, snapshot(window("STOP")), environ=environ)
        assert other is not None, "every run leaves its own record, and its model is told"
        held = Told().ask(event, snapshot(window("STOP"), hold_background=True), environ=environ)
        assert held is not None
        assert "not done" in held.block
        assert "Press" not in held.block
        free = Told().ask(event, snapshot(window("STOP"), hold_background=True), environ=environ, overridden=True)
        assert free is not None
        assert "" == free.block


@pytest.mark.parametrize("verdict", ["NUDGE", "SLOW", "STOP"])
@pytest.mark.parametrize("name", ["SessionStart", "UserPromptSubmit"])
def test_a_run_that_nobody_reads_uses_up_nobodys_word(verdict: str, name: str) -> None:
    told = Told()
    for session in ("r1", "r2"):
        event = {**prompt(session_id=session), "hook_event_name": name}
        said = told.ask(event, snapshot(window(verdict)), environ=HEADLESS)
        assert said is not None
        assert said.person
    content = snapshot(window(verdict), pause_at_wall=False)
    own = told.ask(prompt(), content)
    assert own is not None
    assert own.person
    again = told.ask(prompt(), content)
    assert again is None


def test_a_headless_run_that_began_with_the_word_still_records_its_prompt() -> None:
    told = Told()
    told.ask({"hook_event_name": "SessionStart", "session_id": "s1"}, snapshot(window("STOP")), environ=HEADLESS)
    said = told.ask(prompt(), snapshot(window("STOP")), environ=HEADLESS)
    assert said is not None
    assert ("unattended", True) == (said.decision, bool(said.model))


@pytest.mark.parametrize(
    ("text", "lane", "entrypoint", "words"),
    [
        ("go on", "claude", "cli", "Press Enter to go on"),
        ("see src/a.py and /etc", "claude", "cli", "Press Enter to go on"),
        ("/deploy now", "claude", "cli", "Press Up, then Enter to go on"),
        ("go on", "codex", "", "Press Up, then Enter to go on"),
        ("go on", "claude", "claude-vscode", "Send it again to go on"),
        ("go on", "claude", "", "Press Enter to go on"),
    ],
)
def test_what_to_press_is_true_where_it_is_said(text: str, lane: str, entrypoint: str, words: str) -> None:
    environ = {"CLAUDE_CODE_ENTRYPOINT": entrypoint} if entrypoint else {}
    assert words == going_on.words(prompt(text), environ, lane)


def test_the_hook_lets_a_headless_prompt_go_on_and_records_it(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    now = time.time()
    content = {**snapshot(window("STOP", resets_at=int(now) + 9999)), "written_at": now}
    (tmp_path / "letters" / "pacing").write_text(f"speak\n{json.dumps(content)}")

    def say(environ: dict[str, str]) -> Any:
        command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / "pacing_warner.py"), "claude"]
        env = {"GOVERNOR_HOME": str(tmp_path), "PATH": os.environ["PATH"], **environ}
        done = subprocess.run(command, input=json.dumps(prompt()).encode(), capture_output=True, env=env)
        assert (0, b"") == (done.returncode, done.stderr)
        return json.loads(done.stdout)

    assert pacing_rules.GOES_ON in say(HEADLESS)["systemMessage"]
    assert "Press Enter to go on" in say({"CLAUDE_CODE_SESSION_ATTENDED": "1"})["reason"]
    records = [json.loads(line) for line in (tmp_path / "spool" / "decisions.jsonl").read_text().splitlines()]
    assert ["unattended", "hold"] == [record["decision"] for record in records]


def test_an_override_or_a_wish_lifts_the_wall() -> None:
    for content, more in (
        (snapshot(window("STOP")), {"overridden": True}),
        (snapshot(window("STOP"), pause_at_wall=False), {}),
    ):
        advice = Told().ask(prompt(), content, **more)
        assert advice is not None
        assert "" == advice.block


def test_a_window_that_has_reset_is_void_however_bad_it_was() -> None:
    """A stale snapshot once kept people locked out of a fresh window (seen in three other tools)."""
    assert Told().ask(prompt(), snapshot(window("STOP", resets_at=int(NOW) - 1))) is None
    assert Told().ask(prompt(), snapshot(window("STOP", resets_at=None))) is None


def test_old_future_and_foreign_snapshots_say_nothing() -> None:
    for written in (NOW - 2 * 86_400, NOW + 3600, None, "yesterday"):
        assert Told().ask(prompt(), {**snapshot(window("STOP")), "written_at": written}) is None
    for lanes in (None, [], {"claude": None}, {"claude": {"windows": {}}}, {"claude": {"windows": [None, 3]}}):
        assert Told().ask(prompt(), {**snapshot(), "lanes": lanes}) is None


def test_hushed_windows_stay_silent_but_the_wall_stands() -> None:
    assert Told().ask(prompt(), snapshot(window("NUDGE", "5h"), hush=["5h"])) is None
    advice = Told().ask(prompt(), snapshot(window("STOP", "5h"), hush=["5h"]))
    assert advice is not None
    assert advice.block


def test_a_heavy_context_is_named_once_with_what_to_type() -> None:
    content = snapshot(window("NUDGE"), contexts={"s1": 420_000}, ceilings={"claude": 350_000})
    told = Told()
    advice = told.ask(prompt(), content)
    assert advice is not None
    assert "420k" in advice.person
    assert "/compact" in advice.person
    second = told.ask(prompt(), content)
    assert second is not None
    assert "/compact" not in second.person


def test_session_start_warns_but_never_blocks() -> None:
    advice = Told().ask({"hook_event_name": "SessionStart", "session_id": "s1"}, snapshot(window("STOP")))
    assert advice is not None
    assert "" == advice.block
    assert advice.person
