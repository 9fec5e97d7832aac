"""``governor calibrate 60%``: one anchor from the person, and what all anchors say together."""

from __future__ import annotations

import sys

import click

from governor import accounts
from governor.calibration import percent_input
from governor.cli.opening import json_option, opened, time_of
from governor.cli.set.refresh import publish
from governor.cli.user_only import require_user
from governor.errors import BadInputError, StateError
from governor.ledger import owners, statements
from governor.ledger.store import Ledger
from governor.model import LANES, Account, Lane, LimitReading
from governor.number_format import LANE_NAMES, calibrate_with_reset, change, count, many, moment
from governor.number_format import percent as percents
from governor.quota import resets, units, windows
from governor.report import LaneReport, WindowReport
from governor.views import json_data

MAX_AHEAD = {"5h": 5 * 3600, "week": 8 * 86_400}


@click.command()
@click.argument("figure", nargs=-1, metavar="PERCENT")
@click.option("--lane", type=click.Choice(["claude", "codex"]), default="claude", show_default=True)
@click.option("--window", default="week", show_default=True, metavar="5h|week|week:FAMILY")
@click.option("--at", metavar="WHEN", help="When the figure was read; now by default.")
@click.option("--resets-at", metavar="WHEN", help="When it resets, as the client says it: Sun 04:00, 4am, 3d9h, ...")
@click.option("--paste", is_flag=True, help="Read the text of the client's /usage panel from stdin.")
@click.option("--ask-client", "ask", is_flag=True, help="Start the client itself and ask it; it uses its own sign-in.")
@click.option("--list", "listing", is_flag=True, help="Every anchor known, with its number.")
@click.option("--fit", is_flag=True, help="What your own data say about each meter weight. Changes nothing.")
@click.option(
    "--forget", type=click.IntRange(1, 2**63 - 1), metavar="ID", help="Withdraw an anchor; it leaves no trace."
)
@click.option("--account", metavar="NAME", help="Whose figure it is, by the config folder: .claude-work")
@json_option
def calibrate(
    figure: tuple[str, ...],
    lane: Lane,
    window: str,
    at: str | None,
    resets_at: str | None,
    paste: bool,
    ask: bool,
    listing: bool,
    fit: bool,
    forget: int | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Tell governor what the official meter says, and hear what that means.

    governor calibrate 60%
    """
    percent = " ".join(figure) or None  # every screen writes 60 %
    if sum((percent is not None, paste, ask, listing, fit, forget is not None)) != 1:
        raise BadInputError(
            "Needed: a percentage, --paste, --ask-client, --list, --fit or --forget.", "governor calibrate 60%"
        )
    if percent is not None or paste or forget is not None:  # they move the official figure
        require_user(f"governor calibrate {percent or ('--paste' if paste else f'--forget {forget}')}")
    try:
        windows.length(window)
    except KeyError:
        raise BadInputError(f"{window!r} is no window.", "5h, week, or week:fable") from None
    readings: list[LimitReading] = []
    with opened(quiet=as_json) as (ledger, settings, now):
        if listing:
            only = owners.chosen(ledger, account) if account else None
            stored = [*statements.readings(ledger, whose=only), *statements.refusals(ledger, whose=only)]
            stored.sort(key=lambda one: (one.reading.observed_at, one.id))
            rules = {each: owners.Owners(ledger, each) for each in LANES}
            named = [s.reading._replace(account=rules[s.reading.lane].name(s.reading.account or "")) for s in stored]
            _list([s._replace(reading=one) for s, one in zip(stored, named, strict=True)], now=now, as_json=as_json)
            return
        whose = _whose(ledger, account, lane, now=now)
        if fit:
            _fit(ledger, settings.weights, whose, window, now=now, as_json=as_json)
            return
        if forget is not None:
            with ledger.transaction():
                found = ledger.forget_reading(forget)
            if not found:
                raise BadInputError(f"There is no anchor {forget}.", "governor calibrate --list")
            if not as_json:
                click.echo(f"Anchor {forget} is forgotten.\n  next: governor status")
        else:
            when = time_of(at, now=now) if at else now
            if when > now + 60:
                raise BadInputError("A figure cannot have been read in the future.", "governor calibrate 60% --at 2h")
            if paste:
                from governor.clients import usage_panel

                seen = usage_panel.panel(_pasted(), lane=lane, now=when)
                readings = seen.readings
                for piece in seen.unread:
                    click.echo(f"governor: not understood: {piece}; the figure was taken without it.", err=True)
            elif ask:
                from governor.clients import ask_client as asking

                if whose.name != (mine := owners.Owners(ledger, lane).name(accounts.own(lane))):
                    raise BadInputError(
                        f"The client would answer for {mine}, which its environment names.",
                        f"CLAUDE_CONFIG_DIR={whose.name} governor calibrate --ask-client",
                    )
                readings = asking.client(lane, now=now)
            else:
                heard = statements.readings(ledger, whose=whose, window=window)
                reset = _reset(resets_at, window, heard, now=when, lane=lane, figure=percent or "")
                readings = [LimitReading(lane, window, percent_input.percent_of(percent or ""), reset, when, "typed")]
            readings = [one._replace(account=whose.name) for one in readings]
            try:
                with ledger.transaction():
                    ledger.add_readings(readings, machine=settings.machine)
            except StateError as fault:
                raise StateError(f"Not recorded. {fault.message}", fault.next_step) from fault
        doubts = [doubt for one in readings if (doubt := _fell(ledger, whose, one)) is not None]
        report = publish(ledger, settings, now=now)  # what is typed reaches the hooks at once
        report = report._replace(
            lanes=[one for one in report.accounts(lane) if one.whose and one.whose.name == whose.name], others=()
        )
        among = [each.name for each in owners.known(ledger, lane, now=now)]
    if as_json:
        against = [{"id": number, "window": one.window, "used_percent": one.used_percent} for one, number in doubts]
        click.echo(
            json_data.dump({**json_data.status(report), "schema": "governor.calibrate/1", "contradicts": against})
        )
    elif readings:
        _confirm(readings, now=now, whose=f" ({accounts.short(whose.name, among)})" if len(among) > 1 else "")
        _explain(report.lanes[0], readings, doubts, now=now)


def _pasted() -> str:
    """What is pasted. In a terminal, how to paste is said first."""
    if sys.stdin.isatty():
        click.echo("Paste the panel's text, then press Ctrl-D on a line of its own (^C gives up).", err=True)
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _reset(
    text: str | None, window: str, heard: list[statements.StoredReading], *, now: int, lane: Lane, figure: str
) -> int | None:
    """When the window that the person means resets: as typed, else as last heard, else unknown.

    Raises: BadInputError for a time that cannot be this window's reset.
    """
    if text is None:
        known = [s.reading.resets_at for s in heard if s.reading.resets_at and s.reading.resets_at > now]
        return known[-1] if known else None
    from governor.clients import usage_panel

    try:
        reset = usage_panel.reset(text, now=now) or time_of(text, now=now)
    except BadInputError as fault:
        raise BadInputError(fault.message, "try Sun 04:00, 4am, 3d9h or 2026-11-29T04:00") from fault
    if not now < reset <= now + MAX_AHEAD.get(window.partition(":")[0], 32 * 86_400):
        raise BadInputError(
            f"A {window} window read at that time cannot reset then.",
            calibrate_with_reset(lane, window, now=now, figure=figure),
        )
    return reset


def _whose(ledger: Ledger, text: str | None, lane: Lane, *, now: int) -> Account:
    """Whose figure is meant: as typed, else the account that ``governor status`` shows first.

    Raises: BadInputError where nobody can tell.
    """
    if text and "/" in text and not owners.matching(ledger, text, lane=lane):  # the first figure of a folder
        return owners.Owners(ledger, lane).account(accounts.name_of(accounts.expanded(text)))
    if text:
        return owners.chosen(ledger, text, lane=lane)
    first, *others = owners.known(ledger, lane, now=now)
    if others and others[0].is_named and not accounts.is_stated(lane):
        names = ", ".join(each.name for each in (first, *others))
        raise BadInputError(f"Whose figure is it? Known are {names}.", f"governor calibrate 60% --account {first.name}")
    return first


def _fell(ledger: Ledger, whose: Account, one: LimitReading) -> tuple[LimitReading, int] | None:
    """The higher figure that this one contradicts, and this one's number; None where it contradicts nothing."""
    heard = statements.readings(
        ledger, whose=whose, window=one.window, since=one.observed_at - windows.length(one.window)
    )
    number = next((s.id for s in reversed(heard) if s.reading == one), None)
    before = next((s.reading for s in reversed(heard) if s.reading.observed_at < one.observed_at), None)
    if number is None or before is None or before.used_percent - one.used_percent < resets.RESET_DROP:
        return None
    is_over = before.resets_at is not None and before.resets_at <= one.observed_at
    return None if is_over else (before, number)


def _list(stored: list[statements.StoredReading], *, now: int, as_json: bool) -> None:
    if as_json:
        click.echo(json_data.dump(json_data.anchors(stored)))
        return
    from governor.views import tables

    tables.anchors(stored, now=now)


def _fit(ledger: Ledger, weights: units.Weights, whose: Account, window: str, *, now: int, as_json: bool) -> None:
    from governor.calibration import cap_ratio
    from governor.calibration import weights as calibration_weights
    from governor.pipeline import history, past_windows

    found = past_windows.samples(ledger, whose, window)
    models = {model: weights.factor(model) for sample in found for model in sample.tokens}
    kinds = {
        "input": weights.input,
        "output": weights.output,
        "cache_read": weights.cache_read,
        "cache_write": weights.cache_write_1h,
    }
    fitted = calibration_weights.fit_weights(found, kinds=kinds, models=models)
    rates = history.rates(ledger, whose, now=now)
    slope = cap_ratio.windows_per_week(rates)
    if as_json:
        rows = [weight._asdict() for weight in fitted]
        click.echo(
            json_data.dump(
                {
                    "schema": "governor.calibrate/1",
                    "stretches": len(found),
                    "weights": rows,
                    "windows_per_week": slope and slope._asdict(),
                }
            )
        )
    elif not fitted:
        click.echo(f"{len(found)} stretches of 5 points and more: too few to say anything.\n  next: governor status")
    else:
        from governor.views import tables

        tables.weights(fitted, rates, stretches=len(found))


def _confirm(readings: list[LimitReading], *, now: int, whose: str) -> None:
    """First of all what was taken down, whatever it turns out to mean."""
    for one in readings:
        reset = f", resets {moment(one.resets_at, None, now=now)}" if one.resets_at else ""
        read_at = f"read {moment(one.observed_at, None, now=now)}"
        figure = f"{LANE_NAMES[one.lane]}{whose} {one.window} at {one.used_percent:g} %"
        click.echo(f"Recorded: {figure}, {read_at}{reset}.")


def _explain(
    lane: LaneReport, readings: list[LimitReading], doubts: list[tuple[LimitReading, int]], *, now: int
) -> None:
    for found in lane.windows:
        recorded = next((one for one in readings if one.window == found.window.name), None)
        if recorded is None:
            continue
        official = found.official
        if official is None:
            _say(f"{found.window.name}: that window has ended since; the figure still counts for the scale.")
            continue
        newer = ""
        if (official.used_percent, official.observed_at) != (recorded.used_percent, recorded.observed_at):
            read_at = moment(official.observed_at, None, now=now)
            newer = f"{percents(official.used_percent)} was read {read_at} and holds; "
        local = "which models it counts is not known, so it stands alone."
        if found.local is not None:
            local = f"this machine used {count(found.local.units)} units in {many(found.local.requests, 'request')}."
        _say(f"{found.window.name}: {newer}{local}")
        _say(_meaning(found))
        if found.window.resets_at is None:
            _say("When it resets is unknown; say it once with --resets-at and it can be projected.")
    for before, number in doubts:
        read_at = moment(before.observed_at, None, now=now)
        _say(
            f"{before.window}: {before.used_percent:g} % was read {read_at}, and use never falls within a window: it "
            f"was reset, or one is wrong (governor calibrate --forget {number} takes the new one back)."
        )
    click.echo("  next: governor status")


def _say(text: str) -> None:
    click.echo(click.formatting.wrap_text(text, 80))


def _meaning(found: WindowReport) -> str:
    scale = found.scale
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
        text += f" {change(scale.change, found.window.name)}."
    return text
