"""The official figure and what was used here since: where one ends and the other begins."""

from __future__ import annotations

from pathlib import Path

from writing import NOW, START_MS, counted, meta, recorded, refreshed, rollout, tokens, turn

from governor import assess as composer
from governor import config, windows
from governor.assess import assess
from governor.ledger.store import open_ledger
from governor.model import Account
from governor.report import Estimate, Projection

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
    found = estimate(recorded("r2", tokens(100_000, output=5_000), at_ms=START_MS + 1000))

    assert "official+local" == found.basis
    assert found.used_percent > 40.0


def test_the_alarm_remembers_its_window_across_a_wobbling_reset_and_no_longer(tmp_path: Path) -> None:
    """The reset moves by a second over the edge of two stretches of ten minutes: still the same week."""
    loud = Projection(1, 2, 3, 0.9, 1, None, "good")
    week = windows.Window("claude", "week", 0, 600 * 101 - 1, "official")
    with open_ledger(tmp_path / "ledger") as ledger:
        mine = Account("claude", "~/.claude", ("~/.claude",))
        told = composer._alarm(ledger, mine, week, loud, now=1000, left=0.9)
        assert told.is_on
        assert told == composer._alarm(ledger, mine, week._replace(resets_at=600 * 101), None, now=1001, left=0.9)
        assert not composer._alarm(ledger, mine, week._replace(resets_at=600 * 300), None, now=1002, left=0.9).is_on
