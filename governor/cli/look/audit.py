"""``governor audit``: red flags, cache efficiency, hard limits, and the quality canary."""

from __future__ import annotations

import os
from typing import Any

import click

from governor.cli.opening import json_option, lane_option, opened
from governor.config import Settings
from governor.ledger import costs, owners, read
from governor.ledger.store import Ledger
from governor.model import LANES, Account, Lane
from governor.pipeline import history, policy
from governor.pipeline.assess import assess
from governor.quota import units as quota_units
from governor.report import LaneReport, Report
from governor.review import canary, canary_runner, ceilings, efficiency, flags
from governor.review.efficiency import Efficiency, Response
from governor.review.flags import Flag, WeekOfUse
from governor.usage import group_by
from governor.usage import sessions as usage_sessions
from governor.views import json_data

WEEK_S = 7 * 86_400
SMALL = 500  # output tokens; the median response of a working agent is below


@click.command()
@lane_option
@click.option("--why", is_flag=True, help="What each hard limit can and cannot stop.")
@json_option
def audit(lane: Lane | None, why: bool, as_json: bool) -> None:
    """Red flags with their figures, how caches were used, which hard limits are set, and whether work got worse."""
    from governor.views import audit as face

    with opened(quiet=as_json, sums=True) as (ledger, settings, now):
        canary_runner.refreshed(ledger, settings, now=now)
        report = assess(ledger, settings, now=now, lane=lane)
        raised: list[tuple[Lane | None, Flag]] = []
        caches: dict[Lane, Efficiency] = {}
        for part in report.lanes:
            if not part.present:
                continue
            week, found = week_of(ledger, settings, part, now=now)
            caches |= found
            raised += [(part.lane, flag) for flag in flags.raised(week)]
        raised.append((None, flags.alerts(reached(settings, report))))
        first = [owners.primary(ledger, name, now=now) for name in LANES]
        scales = {whose.lane: history.scale(ledger, settings, whose, "week", now=now) for whose in first}
        own = settings.values["canary"]
        quality = face.quality(
            [one for one in costs.comparisons(ledger) if lane in (None, one.lane)],
            [one for one in costs.quality(ledger, now // 86_400 - canary.BACK_DAYS) if lane in (None, one.lane)],
            sample=float(own["sample"]),
            false_alarms=float(own["false_alarms"]),
            caught_up=not canary_runner.waiting(ledger, settings),
        )
        order = {True: 0, False: 1, None: 2}
        shown = face.content(
            sorted(raised, key=lambda one: order[one[1].red]),
            caches,
            scales,
            [one for one in ceilings.examine(settings) if lane is None or one.owner in (lane, "governor")],
            quality,
            since=now - WEEK_S,
            until=now,
        )
    if as_json:
        click.echo(json_data.dump(shown))
    else:
        click.echo(face.screen(shown, why=why), color=False if "NO_COLOR" in os.environ else None)


def week_of(
    ledger: Ledger, settings: Settings, part: LaneReport, *, now: int
) -> tuple[WeekOfUse, dict[Lane, Efficiency]]:
    """What the flags look at, of one lane's primary account."""
    lane, since, until = part.lane, now - WEEK_S, now + 1
    whose = part.whose or owners.primary(ledger, lane, now=now)
    whole = history.spent(ledger, settings, whose, since, until)
    before = history.spent(ledger, settings, whose, since - WEEK_S, since)
    days = {piece.start // 86_400 for piece in read.slices(ledger, since - WEEK_S, since, whose=whose)}
    responses = list(costs.responses(ledger, since, until, whose=whose))
    caches = efficiency.examine(responses, settings.weights)
    landings = [w.projection.p50 for w in part.windows if w.projection and w.projection.p50 is not None]
    week = WeekOfUse(
        requests=whole.requests,
        units=whole.units,
        before=(before.requests, before.units),
        days_before=len(days),
        projects=_by(ledger, settings, whose, "project", since, until),
        agents=_by(ledger, settings, whose, "agent", since, until),
        sessions=usage_sessions.sessions(read.sessions(ledger, since, until, whose=whose), settings.weights),
        caches=list(caches.values()),
        routine=_routine(responses, settings),
        largest=settings.values["tiers"][lane][-1:],
        ceiling=policy.ceiling(max(landings, default=None)),
    )
    return week, caches


def _by(
    ledger: Ledger, settings: Settings, whose: Account, key: str, since: int, until: int
) -> list[group_by.UsageRow]:
    pieces = read.slices(ledger, since, until, whose=whose, bucket_s=read.WHOLE_S, keys=(key,))
    return group_by.group(pieces, [key], weights=settings.weights)


def _routine(responses: list[Response], settings: Settings) -> dict[str, float]:
    sums: dict[str, float] = {}
    for one in responses:
        if one.output <= SMALL:
            units = quota_units.units(one.tally, one.model, settings.weights, lane=one.lane, fast=one.fast)
            sums[one.model] = sums.get(one.model, 0.0) + units
    return sums


def reached(settings: Settings, report: Report) -> dict[str, bool]:
    """Which ways an alert has to the person. Hooks of a plugin are wired by nobody here: they show by having run."""
    hooks = report.off_by is None and (report.hooks.wired or report.hooks.last_run is not None)
    notify: dict[str, Any] = settings.values["notify"]
    return {
        "hooks": hooks,
        "desktop": bool(notify["desktop"]),
        "bell": bool(notify["bell"]),
        "command": bool(notify["command"]),
    }
