"""Which figure is the newest, in the real Claude Code: the wall's next prompt, a refusal, and ``/clear``."""

from __future__ import annotations

import pytest

from .drive import ClaudeCode, Governor
from .standin import Standin
from .state import State
from .terminal import Terminal, input_line
from .test_governor_claude import ask, official
from .wire import text

pytestmark = pytest.mark.e2e


def test_the_wall_heard_after_the_last_refresh_holds_the_very_next_prompt(
    wired: ClaudeCode, governor: Governor, standin: Standin
) -> None:
    standin.meter.five_hour.used = 0.40
    with wired.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 40%")
        assert 0 == governor("refresh").code
        standin.meter.five_hour.used = 0.96
        ask(tui, standin, "two", "second")
        tui.wait_for("5h 96%")
        before = len(standin.turns)

        tui.type("please hurry")
        tui.wait_for("5h 96 % used, just heard")
        tui.wait_until(lambda screen: "please hurry" in input_line(screen), "the prompt in the input line")
        assert before == len(standin.turns), "held back"
        standin.reply(text("hurrying"))
        tui.keys("Enter")
        tui.wait_for("● hurrying")


def test_after_a_refusal_the_repaint_is_a_reading_although_no_api_time_was_spent(
    wired: ClaudeCode, governor: Governor, standin: Standin, state: State
) -> None:
    standin.meter.five_hour.used = 0.40
    with wired.terminal() as tui:
        ask(tui, standin, "one", "first")
        tui.wait_for("5h 40%")
        standin.meter.five_hour.used = 1.0
        tui.type("two")
        tui.wait_for("5h 100%")
        tui.wait_until(
            lambda _: 100 in [one["used_percent"] for one in state.spool("limits")], "the figure in the spool"
        )
    assert 100 == official(governor, "5h")["used_percent"]
    assert 20 == governor("gate").code


def test_after_clear_the_processes_old_figure_is_no_reading(
    wired: ClaudeCode, governor: Governor, standin: Standin, state: State
) -> None:
    """One terminal idles at 60 %, another goes on to 97 %, and the first is cleared."""

    def reply(tui: Terminal, prompt: str, answer: str, used: float) -> None:
        standin.meter.seven_day.used = used
        ask(tui, standin, prompt, answer)
        tui.wait_for(f"week {used * 100:.0f}%")

    with wired.terminal() as idle, wired.terminal() as busy:
        reply(idle, "one", "first", 0.60)
        reply(busy, "two", "second", 0.97)
        assert 97 == official(governor, "week")["used_percent"]
        told = len(list((state.folder / "taps").iterdir()))
        idle.type("/clear")
        idle.wait_until(
            lambda _: len(list((state.folder / "taps").iterdir())) > told, "the cleared session's own status line"
        )
        assert 97 == official(governor, "week")["used_percent"]
        assert 20 == governor("gate").code
