"""Would another plan carry these weeks? Answered as a probability, from own history and measured ratios.

Vendors publish multipliers per session only, and weekly limits do not follow them: a Max 20x week was measured at about
2 to 2.4 Max 5x weeks, not 4 (docs/calibration.md). So a plan is two capacities, each a range, relative to Pro.

Plans are dated. Since 2026-10-30 Max 5x is sold as Max and Max 20x as Ultra, which has a weekly window only. What was
measured before belongs to the old plans: of the new ones nothing is known, and no number stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from governor.model import Lane

MEASURED_ON = "2026-10"


RENAMED_ON = "2026-10-30"
NOT_MEASURED = "not yet measured"


class Plan(NamedTuple):
    """Capacity of a plan's windows relative to Pro, as ranges; None: nobody has measured it. ``source`` says who did.

    ``since`` and ``until`` are days (ISO) where the plan has not always been sold; ``sold_as`` is its name since then.
    """

    name: str
    five_hour: tuple[float, float] | None
    week: tuple[float, float] | None
    source: str
    lane: Lane = "claude"
    since: str | None = None
    until: str | None = None
    sold_as: str | None = None


PLANS = {
    plan.name: plan
    for plan in (
        Plan("pro", (1.0, 1.0), (1.0, 1.0), "the unit"),
        Plan(
            "max-5x",
            (5.0, 6.0),
            (7.2, 8.4),
            "credits recovered 2026-01 (week 8.3, five-hour 6); vendor: 5 per session",
            until=RENAMED_ON,
            sold_as="max",
        ),
        Plan(
            "max-20x",
            (20.0, 20.0),
            (16.0, 17.3),
            "credits recovered 2026-01 (week 16.7); two trackers 2026-06 to -10",
            until=RENAMED_ON,
            sold_as="ultra",
        ),
        Plan("max", None, None, NOT_MEASURED, since=RENAMED_ON),
        Plan("ultra", None, None, f"{NOT_MEASURED}; it has a weekly window only", since=RENAMED_ON),
        Plan("team-standard", (1.25, 1.25), (1.0, 1.4), "vendor per session; its week is not measured"),
        Plan("team-premium", (6.25, 6.25), (7.0, 9.5), "vendor per session; its week is not measured"),
        *(Plan(name, None, None, NOT_MEASURED, lane="codex") for name in ("plus", "prolite", "promax")),
    )
}


class PlanFit(NamedTuple):
    """How often past windows would have fitted; ``low`` to ``high`` spans the ratio's range and 80 % sampling error."""

    share: float
    low: float
    high: float
    windows: int
    worst: float  # percent of the other plan that the fullest window would have used, at the middle ratio


def ratio(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float, float]:
    """(low, middle, high) of a / b, both given as ranges."""
    low, high = a[0] / b[1], a[1] / b[0]
    return low, (low * high) ** 0.5, high


def fit(percents: Sequence[float], now: tuple[float, float], then: tuple[float, float]) -> PlanFit | None:
    """The share of windows that used ``percents`` of one capacity and would have stayed within another.

    A window at 100 % or more was refused and says only that it wanted at least that much: it counts as not fitting any
    smaller capacity. None without windows.
    """
    if not percents:
        return None
    low, middle, high = ratio(now, then)
    shares = [sum(p * r <= 100 and (p < 100 or r < 1) for p in percents) / len(percents) for r in (high, middle, low)]
    n = len(percents) + 1.64  # Agresti-Coull at 80 %
    error = 1.28 * (((shares[1] * len(percents) + 0.82) / n) * (1 - (shares[1] * len(percents) + 0.82) / n) / n) ** 0.5
    return PlanFit(
        share=shares[1],
        low=max(min(shares) - error, 0.0),
        high=min(max(shares) + error, 1.0),
        windows=len(percents),
        worst=max(percents) * middle,
    )


class Shape(NamedTuple):
    """A session size, in percent of the present week, and how many of them the other plan's week would hold."""

    name: str
    percent: float
    fits: float


def shapes(sizes: Sequence[float], now: tuple[float, float], then: tuple[float, float]) -> list[Shape]:
    """What would fit: as many small, usual or large sessions (quartiles of own sessions) as make a full week."""
    ordered = sorted(size for size in sizes if size > 0)
    if not ordered:
        return []
    _, middle, _ = ratio(now, then)
    picks = (("small", 0.25), ("usual", 0.5), ("large", 0.9))
    chosen = [(name, ordered[min(int(len(ordered) * q), len(ordered) - 1)]) for name, q in picks]
    return [Shape(name, size, 100 / (size * middle)) for name, size in chosen]
