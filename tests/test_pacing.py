"""The pacing warner: silent when all is well, once per episode, and never in the way twice."""

from __future__ import annotations

from typing import Any

from governor.guards import pacing

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


def letter(*windows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 1, "written_at": NOW - 60, "lanes": {"claude": {"windows": list(windows)}}, **more}


def prompt(text: str = "go on", **more: Any) -> dict[str, Any]:
    return {"hook_event_name": "UserPromptSubmit", "session_id": "s1", "prompt": text, **more}


class Told:
    """A memory of what was said, as the state folder keeps it."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def ask(self, event: dict[str, Any], content: dict[str, Any], **more: Any) -> pacing.Advice | None:
        advice = pacing.decide(event, content, lane="claude", now=NOW, seen=self.keys.__contains__, **more)
        if advice is not None and advice.once:
            self.keys.add(advice.once)
        return advice


def test_all_well_says_nothing() -> None:
    assert Told().ask(prompt(), letter(window("GO"))) is None


def test_what_it_says_has_a_decision_and_a_rule() -> None:
    told = Told()
    heavy = {"contexts": {"s1": 400_000}, "ceilings": {"claude": 250_000}}
    stop = letter(window("STOP", rule="wall-95"), **heavy, alerts=[{"key": "k", "text": "ring"}])
    said = [told.ask(prompt(), stop) for _ in range(4)]
    assert [("hold", "week:wall-95"), ("context", "over-250k"), ("warn", "week:wall-95"), ("alert", "alert")] == [
        (advice.decision, advice.rule) for advice in said if advice
    ]


def test_one_word_per_session_and_episode() -> None:
    told = Told()
    first = told.ask(prompt(), letter(window("NUDGE")))
    assert first is not None
    assert "63 %" in first.person
    assert "" == first.model, "the model pays for nothing it need not act on"
    assert told.ask(prompt(), letter(window("NUDGE"))) is None
    assert told.ask(prompt(session_id="s2"), letter(window("NUDGE"))) is not None
    assert told.ask(prompt(), letter(window("SLOW", rule="band-1.3"))) is not None, "the episode changed"
    assert told.ask(prompt(), letter(window("NUDGE", resets_at=RESET + 7 * 86_400))) is not None, "a new window"


def test_reset_times_that_wobble_are_one_episode() -> None:
    told = Told()
    assert told.ask(prompt(), letter(window("NUDGE", resets_at=RESET // 600 * 600 + 200))) is not None
    assert told.ask(prompt(), letter(window("NUDGE", resets_at=RESET // 600 * 600 + 203))) is None


def test_the_wall_holds_one_prompt_back_and_then_lets_go() -> None:
    told = Told()
    first = told.ask(prompt(), letter(window("STOP")))
    assert first is not None
    assert "Press Enter" in first.block
    assert "governor override" in first.block
    second = told.ask(prompt(), letter(window("STOP")))
    assert second is not None
    assert "" == second.block
    assert second.person
    assert second.model, "at the wall the model may know that it can be cut off"
    assert len(second.model) <= 200


def test_the_wall_is_not_for_machines_unless_the_person_chose_so() -> None:
    report = prompt("<task-notification>agent done</task-notification>")
    advice = Told().ask(report, letter(window("STOP")))
    assert advice is not None
    assert "" == advice.block
    held = letter(window("STOP"), hold_background=True)
    told = Told()
    for event in (report, prompt(source="loop_wakeup")):
        for _ in range(2):
            advice = told.ask(event, held)
            assert advice is not None
            assert "override" in advice.block, "every one is held, not only the first"


def test_an_override_or_a_wish_lifts_the_wall() -> None:
    for content, more in (
        (letter(window("STOP")), {"overridden": True}),
        (letter(window("STOP"), pause_at_wall=False), {}),
    ):
        advice = Told().ask(prompt(), content, **more)
        assert advice is not None
        assert "" == advice.block


def test_a_window_that_has_reset_is_void_however_bad_it_was() -> None:
    """A stale letter once kept people locked out of a fresh window (seen in three other tools)."""
    assert Told().ask(prompt(), letter(window("STOP", resets_at=int(NOW) - 1))) is None
    assert Told().ask(prompt(), letter(window("STOP", resets_at=None))) is None


def test_old_future_and_foreign_letters_say_nothing() -> None:
    for written in (NOW - 2 * 86_400, NOW + 3600, None, "yesterday"):
        assert Told().ask(prompt(), {**letter(window("STOP")), "written_at": written}) is None
    for lanes in (None, [], {"claude": None}, {"claude": {"windows": {}}}, {"claude": {"windows": [None, 3]}}):
        assert Told().ask(prompt(), {**letter(), "lanes": lanes}) is None


def test_hushed_windows_stay_silent_but_the_wall_stands() -> None:
    assert Told().ask(prompt(), letter(window("NUDGE", "5h"), hush=["5h"])) is None
    advice = Told().ask(prompt(), letter(window("STOP", "5h"), hush=["5h"]))
    assert advice is not None
    assert advice.block


def test_a_heavy_context_is_named_once_with_what_to_type() -> None:
    content = letter(window("NUDGE"), contexts={"s1": 420_000}, ceilings={"claude": 350_000})
    told = Told()
    advice = told.ask(prompt(), content)
    assert advice is not None
    assert "420k" in advice.person
    assert "/compact" in advice.person
    second = told.ask(prompt(), content)
    assert second is not None
    assert "/compact" not in second.person


def test_session_start_warns_but_never_blocks() -> None:
    advice = Told().ask({"hook_event_name": "SessionStart", "session_id": "s1"}, letter(window("STOP")))
    assert advice is not None
    assert "" == advice.block
    assert advice.person
