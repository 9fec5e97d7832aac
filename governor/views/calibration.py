"""``governor calibrate`` on the screen: what a scale means, the anchors, and what own data say of each weight."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from governor.accounts import short
from governor.calibration.cap_ratio import CapRatio, windows_per_week
from governor.calibration.weights import Weight
from governor.ledger.statements import StoredReading
from governor.number_format import change, count, date, moment, percent
from governor.report import WindowReport
from governor.views.screen import screen
from governor.views.tables import table

NEWEST = 20  # anchors shown to a person


def meaning(window: WindowReport) -> str:
    """Units per percent of this window with its interval, or why there is none yet; and what would settle it."""
    scale = window.scale
    if scale is None:
        return "There is nothing here to set it against yet, so it stands alone."
    text = (
        f"That makes {count(scale.units_per_percent)} units per 1 % "
        f"({count(scale.low)}–{count(scale.high)}), from {scale.anchors} anchors."
        if scale.anchors != 1
        else f"If all of it was used here, 1 % is {count(scale.units_per_percent)} units."
    )
    if scale.anchors == 1:
        text += (
            " One anchor cannot tell use elsewhere (another machine, the web, a phone) from heavier weights: "
            "type a second one after some hours of work."
        )
    elif scale.note:
        text += f" {scale.note[0].upper()}{scale.note[1:]}."
    if scale.change is not None:
        text += f" {change(scale.change, window.window.name)}."
    return text


def anchors(stored: Sequence[StoredReading], *, now: int, to: Console | None = None) -> None:
    """Every official figure known, the newest last."""
    console = to or screen()
    if not stored:
        console.print("No anchor yet.\n  next: governor calibrate 60%")
        return
    whose = {(one.reading.lane, one.reading.account or "") for one in stored}
    several = ["account"] * (len(whose) > len({lane for lane, _ in whose}))
    made = table("lane", *several, "window", "source", "id", "official", "read", "resets", left=3 + len(several))
    for one in stored[-NEWEST:]:
        reading = one.reading
        made.add_row(
            reading.lane,
            *[short(reading.account or "", [name for _, name in whose]) for _ in several],
            reading.window,
            reading.source,
            str(one.id),
            percent(reading.used_percent),
            moment(reading.observed_at, None, now=now),
            moment(reading.resets_at, None, now=now) if reading.resets_at else "?",
        )
    console.print(made)
    if len(stored) > NEWEST:
        console.print(Text(f"{len(stored) - NEWEST} older ones: governor calibrate --list --json", style="dim"))
    console.print(Text("next: governor calibrate --forget ID withdraws a wrong one.", style="dim"))


def weights(found: Sequence[Weight], rates: Sequence[CapRatio], *, stretches: int, to: Console | None = None) -> None:
    """Each meter weight: the default, where own data would move it, how sure, and whether they speak at all."""
    console = to or screen()
    made = table("weight", "default", "own data", "80 % interval", "verdict")
    for one in found:
        interval = f"{one.low:.3g}–{one.high:.3g}"
        made.add_row(one.name.removeprefix("claude-"), f"{one.default:.3g}", f"{one.fitted:.3g}", interval, one.says)
    console.print(made)
    slope = windows_per_week(rates)
    if slope is not None:
        full = f"{slope.windows_per_week:.1f} full 5-hour windows ({slope.low:.1f}–{slope.high:.1f})"
        before = windows_per_week(rates[:-1])
        was = f" It held {before.windows_per_week:.1f} before {date(rates[-1].since)}." if before else ""
        console.print(Text(f"A week holds {full}, by official readings alone: when that moves, limits moved.{was}"))
    console.print(Text("agrees: the default lies in the interval; silent: these data hardly narrow it.", style="dim"))
    notes = f"{stretches} stretches. Nothing was changed; a weight that differs may be set in budget.json (weights)."
    console.print(Text(f"{notes}\nnext: governor config --schema", style="dim"))
