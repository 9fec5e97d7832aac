"""The official figure and what was used here since: where one ends and the other begins."""

from __future__ import annotations

from pathlib import Path

from writing import NOW, START_MS, counted, meta, recorded, refreshed, rollout, tokens, turn

from governor import config
from governor.ledger.store import open_ledger
from governor.model import Account
from governor.pipeline import alarm_memory
from governor.pipeline.assess import assess
from governor.quota import windows
from governor.report import Estimate, HookHealth, LaneReport, Projection, Report, WindowReport

LIMITS = {"primary": {"used_percent": 40.0, "window_minutes": 300, "resets_at": NOW + 7200}, "secondary": None}


def estimate(*later: dict[str, object]) -> Estimate:
    spent = tokens(100_000, output=5_000)
    rollout(meta(), turn(), recorded("r1", spent), counted(spent, limits=LIMITS), *later)
    with refreshed() as ledger:
        (window,) = assess(ledger, config.load(), now=NOW, lane="codex").lanes[0].windows
    assert window.estimate is not None
    return window.estimate


def test_the_answer_that_brought_the_figure_is_not_added_to_it() -> None:
    """Both carry the same second, in Codex always."""
    found = estimate()

    assert ("official", 40.0) == (found.basis, found.used_percent)


def test_an_answer_after_the_figure_is() -> None:
    """By one reading it is not known how much that is: the figure stays, and its interval grows."""
    found = estimate(recorded("r2", tokens(100_000, output=5_000), at_ms=START_MS + 1000))

    assert ("official", 40.0, 39.0) == (found.basis, found.used_percent, found.low)
    assert found.high > 41.0


def test_the_alarm_remembers_its_window_across_a_wobbling_reset_and_no_longer(tmp_path: Path) -> None:
    """The reset moves by a second over the edge of two stretches of ten minutes: still the same week."""
    loud = Projection(1, 2, 3, 0.9, 1, None, "good")
    week = windows.Window("claude", "week", 0, 600 * 101 - 1, "official", 600 * 101 - 1)
    with open_ledger(tmp_path / "ledger") as ledger:
        mine = Account("claude", "~/.claude", ("~/.claude",))
        found = WindowReport(week, None, None, None, None, loud, "GO", [])
        lane = LaneReport("claude", present=True, windows=[found], whose=mine)
        alarm_memory.keep(ledger, Report(1000, None, [lane], 0, 0, HookHealth(False, None), [], []))

        assert alarm_memory.recall(ledger, mine, week).is_on
        assert alarm_memory.recall(ledger, mine, week._replace(resets_at=600 * 101)).is_on
        assert not alarm_memory.recall(ledger, mine, week._replace(resets_at=600 * 300)).is_on
