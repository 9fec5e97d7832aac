"""When a verdict is quiet, when it speaks, and that more use never makes it milder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from governor.forecasting.alarm import Alarm
from governor.pipeline.policy import SPIKE, ceiling, judge, spike
from governor.quota.windows import OfficialFigure
from governor.report import VERDICTS, Projection

NOW = 1_795_316_400
ON, QUIET = Alarm(True, NOW), Alarm()


def official(used: float) -> OfficialFigure:
    return OfficialFigure(used, NOW, "statusline", NOW - 3600)


def landing(p50: float, p_exceed: float, confidence: str = "good") -> Projection:
    return Projection(p50 - 10, p50, p50 + 10, p_exceed, p50, None, confidence)


def test_a_projection_alone_never_stops() -> None:
    """However far a projection lands, only actual use of 95 % or more reaches STOP."""
    verdict, _ = judge(official(94), landing(400, 1.0), ON, elapsed=0.5)
    assert "SLOW" == verdict
    verdict, reasons = judge(official(95), landing(96, 0.01), QUIET, elapsed=0.99)
    assert "STOP" == verdict
    assert "wall-95" == reasons[0].rule


def test_the_early_word_waits_for_the_alarm_and_for_history() -> None:
    assert "GO" == judge(official(40), landing(120, 0.9), QUIET, elapsed=0.4)[0]
    assert "GO" == judge(official(40), landing(120, 0.9, "low"), ON, elapsed=0.4)[0]
    verdict, reasons = judge(official(40), landing(120, 0.9), ON, elapsed=0.4)
    assert "NUDGE" == verdict
    assert "band-1.1" == reasons[0].rule
    assert "350k" in reasons[0].text


def test_without_any_figure_nothing_is_said() -> None:
    assert ("GO", []) == judge(None, None, QUIET, elapsed=None)


def test_the_ladder_speaks_at_70_only_when_ahead_of_even_pace() -> None:
    assert "GO" == judge(official(72), None, QUIET, elapsed=0.7)[0]
    assert "NUDGE" == judge(official(72), None, QUIET, elapsed=0.5)[0]
    assert "NUDGE" == judge(official(91), None, QUIET, elapsed=0.95)[0]


@given(
    used=st.floats(0, 130),
    more=st.floats(0, 50),
    p=st.floats(0, 1),
    p_more=st.floats(0, 1),
    p50=st.floats(0, 300),
    elapsed=st.floats(0, 1),
    is_on=st.booleans(),
)
def test_more_spend_never_loosens_a_verdict(
    used: float, more: float, p: float, p_more: float, p50: float, elapsed: float, is_on: bool
) -> None:
    alarm = ON if is_on else QUIET
    before, _ = judge(official(used), landing(p50, p), alarm, elapsed=elapsed)
    after, _ = judge(official(used + more), landing(p50 + more, max(p, p_more)), alarm, elapsed=elapsed)
    assert VERDICTS.index(after) >= VERDICTS.index(before)


@given(used=st.floats(0, 130), p50=st.floats(0, 300), p=st.floats(0, 1), elapsed=st.floats(0, 1))
def test_less_certainty_never_hardens_a_verdict(used: float, p50: float, p: float, elapsed: float) -> None:
    sure, _ = judge(official(used), landing(p50, p), ON, elapsed=elapsed)
    for doubt in ("low", "none"):
        unsure, _ = judge(official(used), landing(p50, p, doubt), ON, elapsed=elapsed)
        assert VERDICTS.index(unsure) <= VERDICTS.index(sure)
    blind, _ = judge(official(used), None, ON, elapsed=elapsed)
    assert VERDICTS.index(blind) <= VERDICTS.index(sure)


def test_bands_and_their_ceilings() -> None:
    assert [None, None, 450_000, 350_000, 250_000] == [ceiling(x) for x in (None, 99.9, 100.0, 110.0, 130.0)]


def test_a_spike_is_three_times_the_usual_hour() -> None:
    hours = [(NOW - k * 3600, 10.0) for k in range(30, 2, -1)]
    assert spike([*hours, (NOW - 3600, 30.0), (NOW, 28.0)], now=NOW) is None
    found = spike([*hours, (NOW - 3600, 40.0), (NOW, 40.0)], now=NOW)
    assert found is not None
    assert found.value is not None
    assert found.value >= SPIKE
    assert spike([(NOW, 1000.0)], now=NOW) is None, "a first day has no usual hour"
