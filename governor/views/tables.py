"""Tables that fit 80 columns and read without a legend."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from governor.calibration.scale import Scale
from governor.evaluation.scores import Backtest
from governor.model import Lane, Tally
from governor.number_format import count, many, percent, since_words, span, usd
from governor.report import Finding
from governor.usage.group_by import TIMES, UsageRow
from governor.usage.sessions import MARATHON_S, SessionSum
from governor.views.screen import screen

_DATE = re.compile(r"-20\d{6}$")  # a snapshot's date is in --json
# One blank between columns: 80 of them must do.
_RULED = box.Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n".replace(" ── ", "─── "))
_HEADS = ("requests", "input", "output", "read", "write", "generated", "notional", "share")
_WIDTHS = {"requests": 8, "input": 5, "output": 6, "read": 5, "write": 5, "generated": 9, "notional": 9, "share": 5}
_GIVES_WAY = ("generated", "input", "write", "read", "requests", "output")  # in a narrow place, in this order
_WORDS = {"method": 34, "alarm rule": 34, "lane": 6, "session": 18, "month": 7, "day": 10, "week": 8}


def table(*columns: str, left: int = 1) -> Table:
    """An empty table: the first ``left`` columns are words and give way, the others are numbers and never do."""
    made = Table(box=_RULED, pad_edge=False, padding=0, show_edge=False)
    for place, name in enumerate(columns):
        if place < left:
            made.add_column(name, no_wrap=True, overflow="ellipsis", max_width=_WORDS.get(name, 24))
        else:
            made.add_column(name, justify="right", no_wrap=True, min_width=_WIDTHS.get(name, len(name)))
    return made


def name_of(key: str, value: str) -> str:
    """A key's value as short as it stays clear."""
    if not value:
        return "(unknown)"
    if key == "project":
        return PurePath(value).name or value
    if key == "model":
        return _DATE.sub("", value.removeprefix("claude-"))
    return value[:8] if key == "session" and len(value) == 36 else value


def names_of(key: str, values: Iterable[str]) -> dict[str, str]:
    """``name_of`` each value, and longer where two different ones would look the same."""
    shown = {value: name_of(key, value) for value in values}
    counts = Counter(shown.values())
    alike = [value for value, name in shown.items() if counts[name] > 1]
    if key == "session":  # Codex's begin with the time: those of one minute share their first letters
        longest = max(map(len, alike), default=0)
        size = next((n for n in range(9, longest) if len({value[:n] for value in alike}) == len(alike)), longest)
        return shown | {value: value[:size] for value in alike}
    if key == "project":
        return shown | {value: "/".join(PurePath(value).parts[-2:]) or shown[value] for value in alike}
    return shown | {value: value.removeprefix("claude-") or shown[value] for value in alike}


def usage(
    keys: Sequence[str],
    rows: Sequence[UsageRow],
    total: Tally,
    *,
    hidden: int,
    recent_only: bool,
    to: Console | None = None,
) -> None:
    """Raw tokens, generated tokens, notional cost and share; the meters stay in columns of their own."""
    console = to or screen()
    if not rows:
        console.print("Nothing was used in that span.\n  next: governor usage --by day, or governor doctor")
        return
    shown = [names_of(key, {row.names[place] for row in rows}) for place, key in enumerate(keys)]
    words = [[names[value] for names, value in zip(shown, row.names, strict=True)] for row in rows]
    figures = [_figures(tally, total) for tally in (*(row.tally for row in rows), total)]
    heads = _fitting(keys, words, figures, width=console.width)
    made = table(*keys, *heads, left=len(keys))
    for names, cells in zip(words, figures, strict=False):
        made.add_row(*names, *(cells[head] for head in heads))
    made.add_section()
    made.add_row("total", *[""] * (len(keys) - 1), *(figures[-1][head] for head in heads), style="bold")
    console.print(made)
    notes = []
    if left_out := [head for head in _HEADS if head not in heads]:
        notes.append(f"Left out to fit {console.width} columns: {', '.join(left_out)}; --csv has every kind of token.")
    if hidden:
        notes.append(f"{hidden} more rows are in the total.")
    if recent_only and keys[0] in TIMES:
        notes.append("The last 14 days; governor usage --by day shows all.")
    if total.unpriced_requests:
        notes.append(f"+ marks sums that leave out unpriced models ({total.unpriced_requests:,} requests).")
    if total.floor_requests:
        notes.append(f"{total.floor_requests:,} responses of old clients have no final output count: a lower bound.")
    notes.append("Notional: list prices on the day of use, never a bill on a subscription.")
    of = "notional cost" if total.cost else "tokens (nothing here is priced)"
    notes.append(f"read, write: from and into the cache. share: of {of}.")
    notes.append("next: governor sessions, or governor usage --by project,model")
    console.print(Text("\n".join(notes), style="dim"))


def _figures(tally: Tally, total: Tally) -> dict[str, str]:
    """One row's cells. The share is of cost as soon as anything has a price, and missing where the row has none."""
    share = tally.total / total.total if total.total else None
    if total.cost:
        share = None if _is_unpriced(tally) else tally.cost / total.cost
    return {
        "requests": f"{tally.requests:,}",
        "input": count(tally.input),
        "output": count(tally.output),
        "read": count(tally.cache_read),
        "write": count(tally.cache_write_5m + tally.cache_write_1h),
        "generated": count(tally.generated),
        "notional": money(tally),
        "share": percent(None if share is None else share * 100),
    }


def _fitting(
    keys: Sequence[str], words: Sequence[Sequence[str]], figures: Sequence[Mapping[str, str]], *, width: int
) -> list[str]:
    """The columns of figures that fit beside the words; what follows from others goes first."""
    columns = [(key, [names[place] for names in words]) for place, key in enumerate(keys)]
    taken = sum(min(max(map(len, (key, *cells))), _WORDS.get(key, 24)) + 1 for key, cells in columns)
    wide = {head: max(_WIDTHS[head], *(len(cells[head]) for cells in figures)) for head in _HEADS}
    heads = list(_HEADS)
    for head in _GIVES_WAY:
        if taken + sum(wide[each] + 1 for each in heads) - 1 > width:
            heads.remove(head)
    return heads


def _is_unpriced(tally: Tally) -> bool:
    return bool(tally.requests) and tally.unpriced_requests >= tally.requests


def money(tally: Tally) -> str:
    """Notional dollars; ``unpriced`` where nothing has a price, ``+`` where something has none."""
    if _is_unpriced(tally):
        return "unpriced"
    return usd(tally.usd) + ("+" if tally.unpriced_requests else "")


def sessions(
    found: Sequence[SessionSum],
    scales: Mapping[tuple[Lane, str], Scale | None],
    *,
    top: int,
    since: str,
    long_s: int = MARATHON_S,
    to: Console | None = None,
) -> None:
    """The dearest sessions, and what those of ``long_s`` seconds and more weigh together."""
    console = to or screen()
    if not found:
        console.print(f"No session {since_words(since)}.\n  next: governor sessions --since 30d")
        return
    whole = sum(one.tally.units for one in found)
    ids = names_of("session", {one.session for one in found[:top]})
    folders = names_of("project", {one.project for one in found[:top]})
    room = max(console.width - 56 - max(map(len, ids.values())), 8)
    made = table("session", "project", "lane", "hours", "context", "requests", "share", "next turn", "if cold", left=3)
    for one in found[:top]:
        scale = scales.get((one.lane, one.account))
        made.add_row(
            ids[one.session],
            folders[one.project] if len(folders[one.project]) <= room else folders[one.project][: room - 1] + "…",
            one.lane,
            f"{one.active_s / 3600:.1f}",
            count(one.largest_context),
            f"{one.tally.requests:,}",
            percent(one.tally.units / whole * 100 if whole else None),
            _turn(one.turn.warm, scale) if one.last_context else "?",
            _turn(one.turn.cold, scale) if one.last_context else "?",
            style="bold" if one.active_s >= long_s else "",
        )
    console.print(made)
    long = [one for one in found if one.active_s >= long_s]
    notes = [f"{many(len(found), 'session')} {since_words(since)}; share is of the units they used together."]
    if long and whole:
        share = percent(sum(one.tally.units for one in long) / whole * 100)
        notes.append(f"{len(long)} of them were at work {long_s / 3600:g} h or more (bold) and make {share}.")
    priced = {owner for owner, scale in scales.items() if scale is not None and scale.slope is not None}
    if priced:
        notes.append("next turn: one more like its usual, percent of the week (estimate); cold: once the cache lapsed.")
        if not all((one.lane, one.account) in priced for one in found[:top]):
            notes.append("Figures without % are units: that client's meter is not calibrated yet.")
    else:
        notes.append(
            "next turn: in units; two figures of the meter (governor calibrate 60%) make them percent of a week."
        )
    notes.append("next: governor usage --by session,model")
    console.print(Text("\n".join(notes), style="dim"))


def _turn(units: float, scale: Scale | None) -> str:
    if scale is None or scale.slope is None:
        return count(units)
    return f"{units / scale.slope:.2f} %"


def findings(found: Sequence[Finding], *, to: Console | None = None) -> None:
    """One line each, and under the bad ones what to type."""
    console = to or screen()
    for one in found:
        mark = Text("  ok    " if one.ok else "  !!    ", style="green" if one.ok else "bold yellow")
        lines = textwrap.wrap(one.text, console.width - 24, break_on_hyphens=False) or [""]
        text = f"\n{'':24}".join(lines)
        console.print(mark.append(f"{one.name:<16}", style="default").append(text, style="default"))
        if one.mend:
            console.print(Text(f"        {'':<16}→ {one.mend}", style="bold"), soft_wrap=True)
    bad = sum(not one.ok for one in found)
    console.print(f"\n{many(bad, 'thing')} to mend." if bad else "\nAll is well.\n  next: governor status")


def backtest(result: Backtest, title: str, *, to: Console | None = None) -> None:
    """Losses of every method, ours first, and what every alarm rule would have done."""
    console = to or screen()
    console.print(Text(title, style="bold"))
    if not result.scores:
        console.print("Too few finished weeks to score: four are needed.\n  next: governor backtest --simulate 20")
        return
    made = table("method", "pinball", "error", "80 % holds", "Brier")
    for score in result.scores:
        holds = "—" if score.covered is None else percent(score.covered * 100)
        if score.covered_low is not None and score.covered_high is not None:
            holds += f" ({span(score.covered_low * 100, score.covered_high * 100)})"
        brier = "—" if score.brier is None else f"{score.brier:.3f}"
        made.add_row(score.method, f"{score.pinball:.2f}", f"{score.error:.1f}", holds, brier)
    console.print(made)
    if result.alarms:
        console.print()
        made = table("alarm rule", "false alarms", "caught", "lead")
        for rule in result.alarms:
            lead = "—" if rule.median_lead_h is None else f"{rule.median_lead_h:.0f} h"
            made.add_row(
                rule.rule,
                f"{rule.false_alarm_weeks} of {rule.harmless_weeks}",
                f"{rule.caught_weeks} of {rule.exceeding_weeks}",
                lead,
            )
        console.print(made)
    notes = f"{result.weeks} weeks, {result.origins} forecasts; pinball and error in points of the cap: less is better."
    console.print(Text(notes, style="dim"))
    console.print(Text("next: governor forecast", style="dim"))
