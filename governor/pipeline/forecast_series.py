"""One window over time: how it got here, and the fan of where it may go until the reset."""

from __future__ import annotations

from typing import NamedTuple

from governor.config import Settings
from governor.ledger import statements
from governor.ledger.store import Ledger
from governor.model import Account
from governor.pipeline import assess, history
from governor.report import WindowReport

STEPS = 12


class SeriesPoint(NamedTuple):
    """The official figure at one moment, in percent: measured (all three alike) or projected."""

    at: int
    p10: float
    p50: float
    p90: float


class ForecastSeries(NamedTuple):
    """``so_far`` are official readings of this window; ``fan`` starts with the present estimate."""

    found: WindowReport
    so_far: list[tuple[int, float]]
    fan: list[SeriesPoint]
    whose: Account


def outlook(ledger: Ledger, settings: Settings, whose: Account, window: str, *, now: int) -> ForecastSeries | None:
    """The outlook of one window, or None where nothing is known of it."""
    report = assess.assess(ledger, settings, now=now, whose=whose).lanes[0]
    found = next((one for one in report.windows if one.window.name == window), None)
    if found is None:
        return None
    seen = [s.reading for s in statements.readings(ledger, whose=whose, window=window, since=found.window.starts_at)]
    so_far = [(found.window.starts_at, 0.0)] if found.window.is_official else []
    so_far += [(r.observed_at, r.used_percent) for r in history.thinned(seen) if r.observed_at <= now]
    fan: list[SeriesPoint] = []
    reset = found.window.resets_at
    if found.estimate is not None and found.projection is not None and found.scale is not None and reset is not None:
        at = found.estimate.used_percent
        so_far.append((now, at))
        fan.append(SeriesPoint(now, found.estimate.low, at, found.estimate.high))
        past = assess.past_of(ledger, settings, whose, now=now, window=window)
        for step in range(1, STEPS + 1):
            until = now + (reset - now) * step // STEPS
            then = assess.projected(found.window, at, found.scale, past, until=until, now=now, placed=found.estimate)
            fan.append(SeriesPoint(until, then.p10, then.p50, then.p90))
    return ForecastSeries(found, so_far, fan, whose)
