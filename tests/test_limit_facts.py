"""What a percentage is, and which readings speak of one window: one answer, whoever reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import NOW

from governor import limit_facts
from governor.calibration import percent_input
from governor.clients import ask_client, usage_panel
from governor.clients.codex import limits as codex_limits
from governor.errors import BadInputError
from governor.hooks.statusline import rules as statusline_rules
from governor.pipeline import spool
from governor.supervise.stream import Feed

EPOCH = NOW + 3600


def by_status_line(value: object) -> float | None:
    found = statusline_rules.figures({"rate_limits": {"five_hour": {"used_percentage": value, "resets_at": EPOCH}}})
    return found["5h"][0] if found else None


def by_spool(value: object) -> float | None:
    record = {"lane": "claude", "window": "5h", "used_percent": value, "resets_at": EPOCH, "observed_at": NOW}
    found = spool.reading(record)
    return found and found.used_percent


def by_rollout(value: object) -> float | None:
    window = {"used_percent": value, "window_minutes": 300, "resets_at": EPOCH}
    return next((one.used_percent for one in codex_limits.readings({"primary": window}, NOW, None)), None)


def by_asking(value: object) -> float | None:
    answer = {"rate_limits": {"five_hour": {"utilization": value}}}
    return next((one.used_percent for one in ask_client.claude_readings(answer, now=NOW)), None)


def by_stream(value: object) -> float | None:
    share = value / 100 if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    info = {"unifiedWindows": {"five_hour": {"utilization": share, "resetsAt": EPOCH}}}
    found = Feed("claude").take({"type": "rate_limit_event", "rate_limit_info": info})
    return found[0].used_percent if found else None


def by_typing(value: object) -> float | None:
    try:
        return percent_input.percent_of(f"{value}%")
    except BadInputError:
        return None


def by_pasting(value: object) -> float | None:
    try:
        text = f"Current session\n {value}% used\n"
        return next((one.used_percent for one in usage_panel.readings(text, lane="claude", now=NOW)), None)
    except BadInputError:
        return None


MACHINES = [by_status_line, by_spool, by_rollout, by_asking, by_stream]
PERSONS = [by_typing, by_pasting]


@pytest.mark.parametrize("reader", [*MACHINES, *PERSONS])
@pytest.mark.parametrize("value", [0, 60, 100, 101, 104.5, 137, 200])
def test_above_100_is_a_figure_by_every_reader(reader: object, value: float) -> None:
    assert pytest.approx(value) == reader(value)  # type: ignore[operator]


@pytest.mark.parametrize("reader", [*MACHINES, *PERSONS])
@pytest.mark.parametrize("value", [EPOCH, 1001, 10**400, True, None, "60x"])
def test_an_epoch_is_no_percentage_to_any_reader(reader: object, value: object) -> None:
    if value == 10**400 and reader is by_stream:
        value = 1e300
    assert reader(value) is None  # type: ignore[operator]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.001, False, "7"])
def test_what_is_no_number_of_percent_is_none(value: object) -> None:
    assert limit_facts.used_percent(value) is None


@given(st.floats(0, 130), st.floats(0, 130))
def test_a_rung_is_crossed_once_on_the_way_up_and_never_on_the_way_down(before: float, now: float) -> None:
    rung = limit_facts.crossed_rung(before, now)
    assert (rung is not None) == any(before < each <= now for each in limit_facts.RUNGS)
    assert rung is None or limit_facts.crossed_rung(rung, now) is None
