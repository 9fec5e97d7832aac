"""Red flags: ten figures that have meant trouble before, each with its threshold and what to type to see more.

No flag on too little data: then it says so, which is not the same as green.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from governor.review.efficiency import Efficiency
from governor.usage.group_by import UsageRow
from governor.usage.sessions import SessionSum

FEWEST = 50  # responses in a week; fewer prove no pattern
GROWTH = 20.0  # percent, week over week
HALF = 50.0  # percent of a week's units
MARATHONS = 33.0  # percent of a week's units in sessions of eight hours and more; five once made 72 %
DOMINANT = 80.0  # percent of routine work on the largest model
COLD = 10.0  # percent of a week's units
CEILING = 450_000  # tokens; the widest band's (policy.BANDS), for when no projection names a narrower one


class Flag(NamedTuple):
    """One figure against its threshold. ``red`` is None where there is too little to judge by."""

    name: str
    red: bool | None
    text: str
    value: float | None
    threshold: float
    unit: str
    next_step: str


class WeekOfUse(NamedTuple):
    """What one week of use was made of, units in all rows."""

    requests: int
    units: float
    before: tuple[int, float]  # requests and units of the week before it
    days_before: int  # days with use in the week before
    projects: Sequence[UsageRow]
    agents: Sequence[UsageRow]
    sessions: Sequence[SessionSum]
    caches: Iterable[Efficiency]
    routine: Mapping[str, float]  # model -> units of small responses
    largest: Sequence[str]  # parts of the names of the largest models
    ceiling: int | None


def raised(week: WeekOfUse) -> list[Flag]:
    """All flags of one lane's week, the red ones first, those that could not be judged last."""
    flags = [
        growth(week),
        _share("one project", week, week.projects, "governor usage --by project --since 7d"),
        _share("one kind of subagent", week, _subagents(week.agents), "governor usage --by agent --since 7d"),
        _session(week),
        marathons(week),
        context(week),
        output(week),
        dominant(week),
        cold(week),
    ]
    order = {True: 0, False: 1, None: 2}
    return sorted(flags, key=lambda flag: order[flag.red])


def _thin(name: str, why: str, threshold: float, unit: str, step: str) -> Flag:
    return Flag(name, None, why, None, threshold, unit, step)


def _few(week: WeekOfUse) -> str:
    return f"too little to judge by: {week.requests} responses in 7 days, {FEWEST} are needed"


def growth(week: WeekOfUse) -> Flag:
    """This week against the one before it, both of seven whole days."""
    name, step = "growth", "governor usage --by week"
    requests, units = week.before
    if requests < FEWEST or week.days_before < 3 or units <= 0:
        why = f"too little to judge by: {requests} responses on {week.days_before} days in the week before"
        return _thin(name, why, GROWTH, "percent", step)
    change = (week.units / units - 1) * 100
    text = f"{change:+.0f} % against the week before"
    return Flag(name, change > GROWTH, text, change, GROWTH, "percent", step)


def _subagents(rows: Sequence[UsageRow]) -> list[UsageRow]:
    return [row for row in rows if row.names[0] != "main"]


def _share(name: str, week: WeekOfUse, rows: Sequence[UsageRow], step: str) -> Flag:
    if week.requests < FEWEST or week.units <= 0:
        return _thin(name, _few(week), HALF, "percent", step)
    if not rows:
        return Flag(name, False, "none was used", 0.0, HALF, "percent", step)
    top = max(rows, key=lambda row: row.tally.units)
    share = top.tally.units / week.units * 100
    label = top.names[0].rstrip("/").rpartition("/")[2] or "(unknown)"
    if name == "one project" and len(rows) == 1:
        return _thin(name, f"all of it in {label}: there is only one", HALF, "percent", step)
    return Flag(name, share > HALF, f"{label} took {share:.0f} % of the week", share, HALF, "percent", step)


def _session(week: WeekOfUse) -> Flag:
    name, step = "one session", "governor sessions"
    if week.requests < FEWEST or week.units <= 0 or len(week.sessions) < 2:
        return _thin(name, _few(week), HALF, "percent", step)
    top = max(week.sessions, key=lambda one: one.tally.units)
    share = top.tally.units / week.units * 100
    return Flag(name, share > HALF, f"{top.session[:8]} took {share:.0f} % of the week", share, HALF, "percent", step)


def marathons(week: WeekOfUse) -> Flag:
    """Sessions of eight active hours and more, and their share."""
    name, step = "marathon sessions", "governor sessions"
    if week.requests < FEWEST or week.units <= 0:
        return _thin(name, _few(week), MARATHONS, "percent", step)
    long = [one for one in week.sessions if one.is_marathon]
    share = sum(one.tally.units for one in long) / week.units * 100
    text = f"{len(long)} of {len(week.sessions)} ran 8 h or more and took {share:.0f} % of the week"
    return Flag(name, share > MARATHONS, text, share, MARATHONS, "percent", step)


def context(week: WeekOfUse) -> Flag:
    """The largest context against the ceiling of the band the week is in."""
    name, step = "context at its limit", "governor sessions"
    limit = week.ceiling or CEILING
    if not week.sessions:
        return _thin(name, _few(week), limit, "tokens", step)
    over = [one for one in week.sessions if one.largest_context >= limit]
    most = max(one.largest_context for one in week.sessions)
    some = "1 session" if len(over) == 1 else f"{len(over)} sessions"
    text = f"the largest was {most / 1000:,.0f}k tokens; {some} reached {limit // 1000}k"
    return Flag(name, bool(over), text, most, limit, "tokens", step)


def output(week: WeekOfUse) -> Flag:
    """More written by models than they were given to read, cached or not: generation without a task's material."""
    name, step = "output above input", "governor usage --by model --since 7d"
    whole = sum(one.fresh + one.read for one in week.caches)
    wrote = sum(one.output for one in week.caches)
    if week.requests < FEWEST or not whole:
        return _thin(name, _few(week), 1.0, "ratio", step)
    ratio = wrote / whole
    return Flag(name, ratio > 1, f"{ratio:.3f} tokens written for each one read", ratio, 1.0, "ratio", step)


def dominant(week: WeekOfUse) -> Flag:
    """Small responses, which are routine more often than not, on the largest model."""
    name, step = "one model for all routine work", "governor usage --by model --since 7d"
    whole = sum(week.routine.values())
    if week.requests < FEWEST or whole <= 0:
        return _thin(name, _few(week), DOMINANT, "percent", step)
    model, units = max(week.routine.items(), key=lambda item: item[1])
    share = units / whole * 100
    is_large = any(part.lower() in model.lower() for part in week.largest)
    size = "the largest tier" if is_large else "not the largest tier"
    text = f"{model.removeprefix('claude-') or '(unnamed)'} ({size}) does {share:.0f} % of it"
    return Flag(name, is_large and share > DOMINANT, text, share, DOMINANT, "percent", step)


def cold(week: WeekOfUse) -> Flag:
    """What was paid again because a session lay still for longer than its cache lives (estimate)."""
    name, step = "cold rewrites", "governor sessions"
    caches = list(week.caches)
    if week.requests < FEWEST or week.units <= 0:
        return _thin(name, _few(week), COLD, "percent", step)
    times = sum(one.cold for one in caches)
    share = sum(one.cold_units for one in caches) / week.units * 100
    text = f"{times} after a pause, about {share:.0f} % of the week's units (estimate)"
    return Flag(name, share > COLD, text, share, COLD, "percent", step)


def alerts(reach: Mapping[str, bool]) -> Flag:
    """Can any alert reach the person at all? ``reach``: the ways there are, and whether each is open."""
    open_ways = [way for way, is_open in reach.items() if is_open]
    closed = ", ".join(way for way, is_open in reach.items() if not is_open)
    text = f"reach you by {', '.join(open_ways)}" if open_ways else "nothing can reach you"
    if closed:
        text += f"; not by {closed}"
    step = "governor config" if reach.get("hooks") else "governor doctor"
    return Flag("no alerts configured", not open_ways, text, float(len(open_ways)), 1.0, "ways", step)
