"""From figures to a verdict: advise, then route, then degrade, and stop only at the wall.

Being ahead of pace is not being over budget: a projection only ever warns, and relaxes by itself. Only actual use,
stated by the official meter in a window that has not reset yet, reaches STOP. A missing figure gives no verdict of its
own, and a doubtful one (little history) never sounds the early alarm.
"""

from __future__ import annotations

from governor.forecasting.alarm import Alarm
from governor.limit_facts import LADDER, WALL
from governor.quota.windows import OfficialFigure
from governor.report import VERDICTS, Projection, Reason, Verdict

# (projected percent of the cap, verdict, context ceiling in tokens)
BANDS: tuple[tuple[float, Verdict, int], ...] = (
    (130.0, "SLOW", 250_000),
    (110.0, "NUDGE", 350_000),
    (100.0, "NUDGE", 450_000),
)
AHEAD = 10.0  # points beyond even pace that make an early rung of the ladder worth a word
SURE = ("fair", "good")  # three weeks of own history and more: enough to warn on a projection
EVEN = 0.5  # a chance of passing the cap that is no warning yet, and no reason to say that all is well
SPIKE = 3.0  # times the usual hour
EASED = 5.0  # points a landing must fall below its band before a ceiling in force is loosened


def judge(
    official: OfficialFigure | None,
    projection: Projection | None,
    alarm: Alarm,
    *,
    elapsed: float | None,
    is_overdue: bool = False,
    refused: str = "",
) -> tuple[Verdict, list[Reason]]:
    """The verdict on one window, and every rule that spoke, the decisive one first.

    ``elapsed`` is the share of the window that has passed (0-1), which is also what even pace would have used.
    ``is_overdue``: the figure still arrives after the window's own reset. It then only asks for pace, whatever it says.
    ``refused`` says of a refusal that still holds when and until when; a refusal is actual use of all there is.
    """
    verdict: Verdict = "GO"
    reasons: list[Reason] = []
    heard: Ruling = ("STOP", Reason("refused", refused, None)) if refused else ("GO", None)
    rulings = (heard, _wall(official), _early(projection, alarm), _ladder(official, elapsed))
    for word, reason in (heard, _overdue(official)) if is_overdue else rulings:
        if reason is None:
            continue
        if VERDICTS.index(word) > VERDICTS.index(verdict):
            verdict = word
            reasons.insert(0, reason)
        else:
            reasons.append(reason)
    return verdict, reasons


Ruling = tuple[Verdict, Reason | None]


def _overdue(official: OfficialFigure | None) -> Ruling:
    if official is None:
        return "GO", None
    text = f"past its reset: {official.used_percent:g} % is still reported, so the reset is late or the figure is old"
    return "NUDGE", Reason("past-reset", text, official.used_percent)


def _wall(official: OfficialFigure | None) -> Ruling:
    if official is None or official.used_percent < WALL:
        return "GO", None
    text = f"the official meter says {official.used_percent:g} %, and {WALL:g} % is the wall"
    return "STOP", Reason("wall-95", text, official.used_percent)


def _early(projection: Projection | None, alarm: Alarm) -> Ruling:
    """The early word: the chance of passing the cap has stood high, and there is history enough to say so."""
    if projection is None or not alarm.is_on or projection.p_exceed is None or projection.confidence not in SURE:
        return "GO", None
    landing = projection.p50
    chance = f"{projection.p_exceed * 100:.0f} % chance of passing the cap"
    for band, word, tokens in BANDS:
        if landing is not None and landing >= band:
            text = f"{chance}, lands near {landing:.0f} %; keep contexts under {tokens // 1000}k tokens"
            return word, Reason(f"band-{band / 100:g}", text, landing)
    return "NUDGE", Reason("p-exceed", chance, projection.p_exceed)


def _ladder(official: OfficialFigure | None, elapsed: float | None) -> Ruling:
    if official is None:
        return "GO", None
    used = official.used_percent
    rung = max((step for step in LADDER if used >= step), default=None)
    if rung is None:
        return "GO", None
    reason = Reason(f"ladder-{rung:g}", f"{rung:g} % of the window is used", used)
    ahead = elapsed is not None and used - elapsed * 100 >= AHEAD
    if rung >= 90 or (rung >= 70 and ahead):
        pace = f", {used - elapsed * 100:.0f} points ahead of even pace" if ahead and elapsed is not None else ""
        return "NUDGE", reason._replace(text=f"{reason.text}{pace}")
    return "GO", reason


def likely(projection: Projection | None) -> str:
    """What is said of a window that is more likely than not to pass its cap, though no warning is on; else empty."""
    chance = projection.p_exceed if projection else None
    if chance is None or chance < EVEN:
        return ""
    return f"{chance * 100:.0f} % chance of passing the cap, too unsure for a warning"


def spike(hours: list[tuple[int, float]], *, now: int) -> Reason | None:
    """The running hour and the one before it, taken together, against the active hours of the week before them.

    ``hours``: (start of hour, units), oldest first. None below three times the usual, or with under a day of hours.
    """
    this = now // 3600 * 3600
    last = sum(units for start, units in hours if start >= this - 3600) / 2
    before = [units for start, units in hours if this - 7 * 86_400 <= start < this - 3600 and units > 0]
    if len(before) < 24 or last < SPIKE * (usual := sum(before) / len(before)):
        return None
    return Reason("spike-3x", f"the last two hours ran at {last / usual:.1f} times your usual hour", last / usual)


def ceiling(landing: float | None) -> int | None:
    """The largest context, in tokens, that the band of this projection (percent of the cap) leaves room for."""
    if landing is None:
        return None
    return next((tokens for band, _, tokens in BANDS if landing >= band), None)


def held(in_force: int | None, landing: float | None) -> int | None:
    """The ceiling to enforce next: tightened at once, loosened only five points below the band, so that a landing that
    wavers about an edge moves nothing. An unknown landing leaves what is in force.
    """
    if landing is None or in_force is None:
        return in_force if landing is None else ceiling(landing)
    now, eased = ceiling(landing), ceiling(landing + EASED)
    if now is not None and now <= in_force:
        return now
    return in_force if eased is not None and eased <= in_force else eased
