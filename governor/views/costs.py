"""``governor overhead``: one dict for scripts, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from governor.calibration.scale import Scale
from governor.model import Lane
from governor.number_format import LANE_NAMES, count, fine, left, since_words, utc
from governor.review import overhead
from governor.review.overhead import Cost, Mark, OverheadLimits
from governor.views.screen import screen
from governor.views.tables import table

MEASURED = (
    "CPU time of each hook's process, the interpreter's start included; refresh runs in the background, nobody waits "
    "for it. Not in it: the shell that the client starts a hook with, waiting for the disk or for a processor, and the "
    "person's own status line command. Hook commands stand in the client's transcript and are not sent to the model."
)
ESTIMATED = "Tokens are characters over four; units and percent of the week follow from them: estimates."
WHY = {
    "pacing": "what a warning prevented leaves no trace",
    "router": "what the lane spared is not what the other one used",
    "memory_compactor": "what a cut index would have cost is not known",
    "statusline": "carries the official figure; nothing is measured without it",
}


def content(
    found: Mapping[str, Cost],
    marks: Mapping[str, Mark],
    limits: OverheadLimits,
    scales: Mapping[Lane, Scale | None],
    saved: Mapping[str, Any],
    *,
    since: int,
    until: int,
) -> dict[str, Any]:
    """``governor.overhead/1``. Shares are percent of one week's cap, at the rate of the span where it is longer."""
    weeks = max((until - since) / (7 * overhead.DAY_S), 1.0)
    gain = saved["degrading"]["saved_units"]
    whole: dict[Lane, float] = {}
    for cost in found.values():
        for lane, units in cost.units.items():
            whole[lane] = whole.get(lane, 0.0) + units
    rates = [cost.per_day for cost in found.values() if cost.per_day is not None]
    return {
        "schema": "governor.overhead/1",
        "since": utc(since),
        "until": utc(until),
        "measured": MEASURED,
        "estimated": ESTIMATED,
        "hooks": [
            _hook(cost, marks.get(cost.hook, Mark()), scales, weeks, gain if cost.hook == "spawn" else None)
            for cost in found.values()
        ],
        "total": {
            "runs": sum(cost.runs for cost in found.values()),
            "runs_per_day": sum(rates) if rates else None,
            "injections": sum(cost.injections for cost in found.values()),
            "tokens": sum(cost.tokens for cost in found.values()),
            "reread_tokens": sum(cost.reread_tokens for cost in found.values()),
            "units": dict(whole),
            "week_percent": _shares(whole, scales, weeks),
        },
        "saved": {
            "degrading": {
                **saved["degrading"],
                "week_percent": _shares(saved["degrading"]["units"], scales, weeks),
            },
            "routing": saved["routing"],
        },
        "limits": {
            "mute": limits.mute,
            "p95_ms": limits.p95_ms,
            "week_percent": limits.week_percent,
            "runs_needed": overhead.NEEDED,
        },
    }


def _hook(
    cost: Cost, mark: Mark, scales: Mapping[Lane, Scale | None], weeks: float, gain: float | None
) -> dict[str, Any]:
    return {
        "hook": cost.hook,
        "runs": cost.runs,
        "runs_per_day": cost.per_day,
        "cpu_ms": {"p50": cost.p50, "p95": cost.p95, "max": cost.longest},
        "injections": cost.injections,
        "chars": cost.chars,
        "tokens": cost.tokens,
        "reread_tokens": cost.reread_tokens,
        "units": dict(cost.units),
        "week_percent": _shares(cost.units, scales, weeks),
        "saved_units": gain,
        "break_even": overhead.verdict(cost, gain),
        "standing": mark.standing,
        "muted_until": utc(mark.until) if mark.standing == "muted" else None,
        "over": {"limit": mark.rule, "value": mark.value, "allowed": mark.limit} if mark.rule else None,
    }


def _shares(units: Mapping[Any, float], scales: Mapping[Lane, Scale | None], weeks: float) -> dict[str, Any]:
    shares: dict[str, Any] = {}
    for lane, used in units.items():
        scale = scales.get(lane)
        if scale is None or scale.slope is None:
            shares[lane] = None
            continue
        shares[lane] = {
            "percent": used / weeks / scale.units_per_percent,
            "low": used / weeks / scale.high,
            "high": used / weeks / scale.low,
        }
    return shares


def show(shown: Mapping[str, Any], *, now: int, since: str, to: Console | None = None) -> None:
    """The table, what it is a table of, and what was saved where that can be measured."""
    console = to or screen()
    if not shown["hooks"]:
        longer = "" if since == "30d" else ", or governor overhead --since 30d"
        console.print(f"No hook has run {since_words(since)}.\n  next: governor doctor{longer}")
        return
    made = table("hook", "runs", "daily", "p50 ms", "p95", "max", "told", "tokens", "read again", "of a week")
    for one in shown["hooks"]:
        ms = one["cpu_ms"]
        name = one["hook"] + {"muted": " (muted)", "kept": " (dear)"}.get(one["standing"], "")
        made.add_row(
            name,
            f"{one['runs']:,}",
            "—" if one["runs_per_day"] is None else f"{one['runs_per_day']:.0f}",
            *("—" if value is None else f"{value:.0f}" for value in (ms["p50"], ms["p95"], ms["max"])),
            str(one["injections"]),
            count(one["tokens"]),
            count(one["reread_tokens"]),
            _worst(one["week_percent"], one["tokens"]),
            style="bold" if one["standing"] != "free" else "",
        )
    console.print(made)
    total = shown["total"]
    for lane, share in total["week_percent"].items():
        if share is None:
            words = f"{count(total['units'][lane])} units of"
            more = "governor calibrate 60% turns them into percent"
        else:
            words, more = f"{_week(share)} of", "estimate"
        console.print(f"All hooks together took {words} {LANE_NAMES[lane]}'s week ({more}).")
    if not total["tokens"]:
        console.print("Nothing was put into any model's context: the hooks took no quota.")
    for line in [*_saved(shown["saved"]), *_even(shown["hooks"]), *_standing(shown["hooks"], now=now)]:
        console.print(line, soft_wrap=False)
    console.print(Text(f"\n{shown['measured']} {shown['estimated']}", style="dim"))
    muted = next((one["hook"] for one in shown["hooks"] if one["standing"] == "muted"), None)
    step = f"governor overhead --lift {muted}" if muted else "governor decisions, governor audit"
    console.print(Text(f"next: {step}", style="dim"))


def _week(share: Mapping[str, float]) -> str:
    """A share of the week with its interval, which comes from the calibration."""
    low, middle, high = (fine(share[name]) for name in ("low", "percent", "high"))
    return middle if low == high else f"{middle} ({low.removesuffix(' %')}–{high})"


def _worst(shares: Mapping[str, Any], tokens: float) -> str:
    known = [share["percent"] for share in shares.values() if share]
    if known:
        return fine(max(known))
    return "—" if tokens else "none"


def _saved(saved: Mapping[str, Any]) -> list[str]:
    degrading, routing = saved["degrading"], saved["routing"]
    lines = []
    if degrading["decisions"]:
        known = degrading["saved_units"]
        amount = "unknown" if known is None else f"{count(known)} units as reckoned at each decision"
        shares = [
            f"{_week(share)} of {LANE_NAMES[lane]}'s week" for lane, share in degrading["week_percent"].items() if share
        ]
        amount = ", ".join([amount, *shares])
        lines.append(f"Saved by degrading: {degrading['decisions']} subagents on a smaller model, {amount}.")
    if routing["offers"]:
        judged = f"{routing['followed']} of {routing['offers']} offers followed"
        moved = routing["moved_units"]
        lines.append(
            f"Moved by routing: {judged}"
            + (f"; the other lane used {count(moved)} units there in the half hours after." if moved else ".")
        )
    return lines


def _even(hooks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Break-even of the guards that took any quota."""
    lines = []
    for one in hooks:
        if one["tokens"]:
            reason = WHY.get(one["hook"], "what it prevented leaves no trace")
            more = f": {reason}" if one["break_even"] == "not measurable" else ""
            lines.append(f"Break-even of {one['hook']}: {one['break_even']}{more}.")
    return lines


def _standing(hooks: Sequence[Mapping[str, Any]], *, now: int) -> list[str]:
    lines = []
    for one in hooks:
        if one["standing"] == "free":
            continue
        above = one["over"]
        words = overhead.over(above["limit"], above["value"], above["allowed"])
        if one["standing"] == "muted":
            until = int(datetime.fromisoformat(one["muted_until"]).timestamp())
            lines.append(f"{one['hook']} is muted: {words}. It comes back by itself in {left(until - now)}.")
        else:
            lines.append(f"{one['hook']} is above its limit and goes on: {words}.")
    return lines
