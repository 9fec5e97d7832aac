"""``governor feasibility --plan max-5x``: the tier lever."""

from __future__ import annotations

import click

from governor.cli.opening import json_option, lane_option, opened
from governor.errors import BadInputError
from governor.ledger import owners, read
from governor.model import Lane
from governor.number_format import percent, span
from governor.pipeline import history, past_windows
from governor.quota import plans
from governor.usage import sessions as usage_sessions
from governor.views import json_data

NAMES = ", ".join(plans.PLANS)


@click.command()
@click.option("--plan", "wanted", required=True, metavar="PLAN", help=f"The plan in question: {NAMES}.")
@click.option("--from", "present", metavar="PLAN", help='The plan you are on; else "plan" in the budget file.')
@lane_option
@json_option
def feasibility(wanted: str, present: str | None, lane: Lane | None, as_json: bool) -> None:
    """Would another plan have carried your own past weeks? A probability, and what session shape would make it fit."""
    with opened(quiet=as_json) as (ledger, settings, now):
        present = present or settings.plan
        if not present:
            raise BadInputError("Which plan are you on now?", f"governor feasibility --plan {wanted} --from max-20x")
        for name in (wanted, present):
            if name not in plans.PLANS:
                raise BadInputError(f"{name!r} is no plan known here.", f"one of: {NAMES}")
        chosen: Lane = lane or "claude"
        now_plan, then_plan = plans.PLANS[present], plans.PLANS[wanted]
        if now_plan.lane != then_plan.lane:
            raise BadInputError(f"{present} and {wanted} are plans of two clients.", f"one of: {NAMES}")
        if now_plan.week is None or then_plan.week is None:
            _not_measured(now_plan, then_plan, as_json=as_json)
            return
        if chosen != "claude":
            raise BadInputError("Codex plans have no measured ratios yet.", "governor forecast --lane codex")
        whose = owners.primary(ledger, chosen, now=now)
        scales = {name: history.scale(ledger, settings, whose, name, now=now) for name in ("5h", "week")}
        ends = {}
        for name, scale in scales.items():
            past = past_windows.courses(ledger, settings, whose, name, scale, now=now) if scale else []
            ends[name] = [course.percent[-1] for course in past if course.percent]
        week = plans.fit(ends["week"], now_plan.week, then_plan.week)
        five = None
        if now_plan.five_hour is not None and then_plan.five_hour is not None:
            five = plans.fit(ends["5h"], now_plan.five_hour, then_plan.five_hour)
        scale = scales["week"]
        sizes = []
        if scale is not None and scale.can_project:
            rows = read.sessions(ledger, now - 28 * 86_400, now + 1, whose=whose)
            sizes = [s.tally.units / scale.effective for s in usage_sessions.sessions(rows, settings.weights)]
        shapes = plans.shapes(sizes, now_plan.week, then_plan.week)
    if week is None:
        raise BadInputError(
            "No finished week with official readings yet, so there is nothing to answer from.", "governor calibrate 60%"
        )
    if as_json:
        click.echo(json_data.dump(json_data.feasibility(now_plan, then_plan, week, five, shapes)))
        return
    low, middle, high = plans.ratio(now_plan.week, then_plan.week)
    click.echo(f"Your weeks on {present}, as if on {wanted} (ratios as measured by {plans.MEASURED_ON}):")
    for each in (now_plan, then_plan):
        if each.sold_as is not None:
            click.echo(
                f"  {each.name} is sold as {each.sold_as} since {each.until}; its ratio since: {plans.NOT_MEASURED}."
            )
    click.echo()
    click.echo(f"  weekly cap      {present} holds {middle:.2g} of it ({low:.2g}–{high:.2g})")
    shown = f"{percent(week.share * 100)} of {week.windows} weeks ({span(week.low * 100, week.high * 100)})"
    click.echo(f"  would have fit  {shown}")
    click.echo(f"  fullest week    {percent(week.worst)} of a {wanted} week")
    if five is not None:
        shown = f"{percent(five.share * 100)} of {five.windows} ({span(five.low * 100, five.high * 100)})"
        click.echo(f"  5-hour windows  {shown}; the fullest {percent(five.worst)}")
    if shapes:
        click.echo(f"\nA {wanted} week would hold, of your sessions of the last four weeks:")
        for shape in shapes:
            click.echo(
                f"  {shape.fits:>5.0f} {shape.name + ' ones':<10}  ({shape.percent:.2g} % of a {present} week each)"
            )
    click.echo("\nUse elsewhere is in these figures: they are the official meter's.")
    click.echo("next: governor sessions --since 28d shows which sessions to make smaller")


def _not_measured(now_plan: plans.Plan, then_plan: plans.Plan, *, as_json: bool) -> None:
    """Nobody knows how large one of the two is beside the other: said, and never a number in its place."""
    if as_json:
        click.echo(json_data.dump(json_data.feasibility(now_plan, then_plan, None, None, [])))
        return
    click.echo(f"Your weeks on {now_plan.name}, as if on {then_plan.name}: {plans.NOT_MEASURED}.")
    for each in (now_plan, then_plan):
        since = f" (sold since {each.since})" if each.since else ""
        click.echo(f"  {each.name:<14} {each.source if each.week is None else 'measured'}{since}")
    older = [each.name for each in plans.PLANS.values() if each.sold_as in (now_plan.name, then_plan.name)]
    step = "governor forecast" + (" --lane codex" if now_plan.lane == "codex" else "")
    if older:
        click.echo(f"What was measured until {plans.RENAMED_ON} belongs to {' and '.join(older)}.")
    click.echo(f"next: {step}")
