"""From figures to a verdict: advise, then route, then degrade, and stop only at the wall.

Being ahead of pace is not being over budget: a projection only ever warns. Only actual use, stated by the official
meter in a window that has not reset yet, reaches STOP. A missing figure gives no verdict of its own.
"""

from __future__ import annotations

from governor.report import VERDICTS, Estimate, Projection, Reason, Verdict
from governor.windows import Official

WALL = 95.0  # percent of actual use
LADDER = (50.0, 70.0, 90.0, 100.0, 120.0)
# (projected share of the cap, verdict, context ceiling in tokens)
BANDS: tuple[tuple[float, Verdict, int], ...] = (
    (1.3, "SLOW", 250_000),
    (1.1, "NUDGE", 350_000),
    (1.0, "NUDGE", 450_000),
)


def judge(
    official: Official | None, estimate: Estimate | None, projection: Projection | None
) -> tuple[Verdict, list[Reason]]:
    """The verdict on one window, and every rule that spoke, the decisive one first."""
    verdict: Verdict = "GO"
    reasons: list[Reason] = []
    if official is not None and official.used_percent >= WALL:
        verdict = "STOP"
        text = f"the official meter says {official.used_percent:g} %, and {WALL:g} % is the wall"
        reasons.append(Reason("wall-95", text, official.used_percent))
    landing = projection.p50 if projection is not None else None
    if landing is not None:
        for share, word, ceiling in BANDS:
            if landing >= share * 100:
                verdict = max(verdict, word, key=VERDICTS.index)
                text = f"lands at about {landing:.0f} % of the cap; keep contexts under {ceiling // 1000}k tokens"
                reasons.append(Reason(f"band-{share:g}", text, landing))
                break
    if official is not None:
        rung = max((step for step in LADDER if official.used_percent >= step), default=None)
        if rung is not None:
            reasons.append(Reason(f"ladder-{rung:g}", f"{rung:g} % of the window is used", official.used_percent))
    return verdict, reasons


def ceiling(landing: float | None) -> int | None:
    """The largest context, in tokens, that the band of this projection (percent of the cap) leaves room for."""
    if landing is None:
        return None
    return next((tokens for share, _, tokens in BANDS if landing >= share * 100), None)
