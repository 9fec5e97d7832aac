"""The official figure and what was used here since: where one ends and the other begins."""

from __future__ import annotations

from writing import NOW, START_MS, counted, meta, recorded, refreshed, rollout, tokens, turn

from governor import config
from governor.assess import assess
from governor.report import Estimate

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
