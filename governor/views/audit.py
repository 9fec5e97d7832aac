"""``governor audit``: one dict for scripts, and the same as a screen of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from click import style

from governor.calibration.scale import Scale
from governor.model import Lane
from governor.number_format import LANE_NAMES, count, fine, folded, percent, utc
from governor.review import canary
from governor.review.canary import Comparison, Day
from governor.review.efficiency import Efficiency
from governor.review.flags import Flag
from governor.review.limits import Ceiling

OWNERS = {**LANE_NAMES, "governor": "governor"}


def content(
    flags: Sequence[tuple[Lane | None, Flag]],
    caches: Mapping[Lane, Efficiency],
    scales: Mapping[Lane, Scale | None],
    limits: Sequence[Ceiling],
    quality: Mapping[str, Any],
    *,
    since: int,
    until: int,
) -> dict[str, Any]:
    """``governor.audit/1``."""
    return {
        "schema": "governor.audit/1",
        "since": utc(since),
        "until": utc(until),
        "flags": [_flag(lane, flag) for lane, flag in flags],
        "caches": [_cache(lane, found, scales.get(lane)) for lane, found in caches.items()],
        "limits": [one._asdict() for one in limits],
        "canary": dict(quality),
    }


def _flag(lane: Lane | None, flag: Flag) -> dict[str, Any]:
    kept = flag._asdict()
    return {"lane": lane, **{("next" if name == "next_step" else name): value for name, value in kept.items()}}


def _cache(lane: Lane, found: Efficiency, scale: Scale | None) -> dict[str, Any]:
    def paid(tokens: int, units: float, **more: Any) -> dict[str, Any]:
        return {
            **more,
            "tokens": tokens,
            "units": units,
            "week_percent": units / scale.slope if scale and scale.slope else None,
        }

    return {
        "lane": lane,
        "requests": found.requests,
        "hit_share": found.hit_share,
        "cold": paid(found.cold_tokens, found.cold_units, times=found.cold),
        "rewritten": paid(found.rewrite_tokens, found.rewrite_units, times=found.rewrites),
        "unread": paid(found.unread_tokens, found.unread_units, share_of_written=found.waste_ratio),
    }


def quality(
    found: Sequence[Comparison], days: Sequence[Day], *, sample: float, false_alarms: float, caught_up: bool
) -> dict[str, Any]:
    """The canary's part: the rates of the days given, and every comparison."""
    return {
        "sample": sample,
        "false_alarms": false_alarms,
        "test": canary.TEST,
        "caught_up": caught_up,
        "rates": [_rates(lane, [day for day in days if day.lane == lane]) for lane in LANE_NAMES],
        "alarms": sum(one.is_alarm for one in found),
        "comparisons": [
            {
                "change": one.kind,
                "lane": one.lane,
                "model": one.model,
                "since": f"{datetime.fromtimestamp(one.since * 86_400, UTC):%Y-%m-%d}",
                "metric": one.metric,
                "before": {"events": one.before[0], "of": one.before[1], "rate": one.rates[0]},
                "after": {"events": one.after[0], "of": one.after[1], "rate": one.rates[1]},
                "looks": one.looks,
                "p": one.p,
                "alarm": one.is_alarm,
                "text": one.sentence,
            }
            for one in found
        ],
    }


def _rates(lane: str, days: Sequence[Day]) -> dict[str, Any]:
    sums = {name: sum(getattr(day, name) for day in days) for pair in canary.METRICS.values() for name in pair}
    return {"lane": lane, "days": canary.BACK_DAYS, **sums}


# ---- the screen ------------------------------------------------------------------------------------------------------


def screen(shown: Mapping[str, Any], *, why: bool = False) -> str:
    """Flags, caches, hard limits and the canary; ``why`` adds what each limit can and cannot stop."""
    red = [flag for flag in shown["flags"] if flag["red"]]
    lines = [style("Red flags", bold=True) + style("  seven days against what has meant trouble before", dim=True)]
    lines += [*_flag_table(shown["flags"]), *(line for flag in red for line in _red_lines(flag))]
    lines += ["", style("Caches", bold=True) + style("  seven days; estimates, from the times of responses", dim=True)]
    lines += [line for one in shown["caches"] for line in _cache_lines(one)] or ["  nothing was used in these days"]
    lines += [
        "",
        style("Alert or block", bold=True) + style("  the hard limits there are, and what is set", dim=True),
    ]
    lines += list(_limit_lines(shown["limits"], why=why))
    lines += ["", style("Quality canary", bold=True), *_canary_lines(shown["canary"]), ""]
    step = red[0]["next"] if red else "governor overhead"
    more = "" if why else ", governor audit --why (what each limit can stop)"
    return "\n".join([*lines, *(style(line, dim=True) for line in folded(f"next: {step}{more}", 0))])


def _flag_table(flags: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One row a flag, one column a lane."""
    lanes = [lane for lane in LANE_NAMES if any(flag["lane"] == lane for flag in flags)]
    names = dict.fromkeys(flag["name"] for flag in flags if flag["lane"])
    if lanes:
        heads = "".join(f"{LANE_NAMES[lane]:>14}" for lane in lanes)
        yield style(f"  {'':<31}{heads}{'red above':>16}", dim=True)
    for name in names:
        row = {flag["lane"]: flag for flag in flags if flag["name"] == name}
        cells = "".join(_cell(row.get(lane)) for lane in lanes)
        first = next(iter(row.values()))
        yield f"  {name:<31}{cells}" + style(f"{_value(first['threshold'], first['unit']):>16}", dim=True)
    thin = [flag for flag in flags if flag["red"] is None]
    for text in dict.fromkeys(f"{LANE_NAMES[flag['lane']]}: {flag['text']}" for flag in thin if flag["lane"]):
        yield from (style(line, dim=True) for line in folded(f"— {text}", 2))
    for flag in flags:
        if not flag["lane"] and not flag["red"]:
            yield from folded(f"alerts {flag['text']}", 2, hang=2)


def _cell(flag: Mapping[str, Any] | None) -> str:
    if flag is None or flag["value"] is None:
        return f"{'—':>14}"
    text = _value(flag["value"], flag["unit"], sign=flag["name"] == "growth")
    return style(f"{f'■ {text}':>14}", fg="red", bold=True) if flag["red"] else f"{text:>14}"


def _value(value: float, unit: str, *, sign: bool = False) -> str:
    if unit == "percent":
        return f"{value:+.0f} %" if sign else percent(value)
    return f"{count(value)} tokens" if unit == "tokens" and value >= 1000 else f"{value:.2g}"


def _red_lines(flag: Mapping[str, Any]) -> list[str]:
    lane = f"{LANE_NAMES[flag['lane']]}: " if flag["lane"] else ""
    first, *more = folded(f"{lane}{flag['name']}: {flag['text']}", 4)
    mark = f"  {style('■', fg='red')} "
    return [mark + first.lstrip(), *more, style(f"    → {flag['next']}", dim=True)]


def _cache_lines(one: Mapping[str, Any]) -> Iterator[str]:
    hit = one["hit_share"]
    share = "—" if hit is None else f"{hit * 100:.1f} %"
    yield from folded(f"{LANE_NAMES[one['lane']]}: {share} of all tokens read came from a cache", 2)
    for what, part in (("after a pause (cold)", one["cold"]), ("without a pause", one["rewritten"])):
        yield f"    paid again {what}: {part['times']} ×{_cost(part) if part['times'] else ''}"
    unread = one["unread"]
    if unread["share_of_written"] is not None:
        yield f"    written, never read back: at most {percent(unread['share_of_written'] * 100)}{_cost(unread)}"


def _cost(part: Mapping[str, Any]) -> str:
    text = f", {count(part['tokens'])} tokens"
    week = part["week_percent"]
    return f"{text}, {count(part['units'])} units" if week is None else f"{text}, {fine(week)} of a week"


def _limit_lines(limits: Sequence[Mapping[str, Any]], *, why: bool) -> Iterator[str]:
    owner = ""
    for one in limits:
        if one["owner"] != owner:
            owner = one["owner"]
            yield f"  {OWNERS[owner]}"
        value = one["value"] or ("not visible from here" if not one["seen"] else "not set")
        mark = style("●", fg="green") if one["value"] else "○"
        first, *more = folded(value, 37)
        yield f"    {mark} {one['name']:<23}" + style(f"{one['kind']:<8}", dim=True) + (first[37:] if value else "")
        yield from more
        if why:
            yield from (style(line, dim=True) for line in folded(f"stops {one['stops']}", 8))
            yield from (style(line, dim=True) for line in folded(f"cannot stop {one['cannot']}", 8))


_WORDS = (("prompts", "interrupted"), ("calls", "failed"), ("prompts", "asked again"), ("edits", "taken back"))


def _canary_lines(part: Mapping[str, Any]) -> Iterator[str]:
    if not part["sample"]:
        yield from folded("off (canary.sample is 0)", 2)
        return
    for rates in part["rates"]:
        shares = [
            f"{rates[bad] / rates[whole] * 100:.1f} % of {rates[whole]:,} {noun} {said}"
            for (bad, whole), (noun, said) in zip(canary.METRICS.values(), _WORDS, strict=True)
            if rates[whole]
        ]
        if shares:
            yield from folded(f"{LANE_NAMES[rates['lane']]}, {rates['days']} days: {', '.join(shares)}.", 2)
    judged = [one for one in part["comparisons"] if one["p"] is not None]
    for one in judged:
        if one["alarm"]:
            words = f"  {style('■', fg='red')} "
            yield words + style(one["text"], bold=True)
    if not part["alarms"]:
        if judged:
            text = f"{len(judged)} comparisons before and after a change of policy or model: nothing got worse."
        else:
            text = "no change of policy or model with enough days on both sides to compare yet."
        yield from folded(text if part["caught_up"] else f"{text} It is still reading older sessions.", 2)
    share = f"{part['sample'] * 100:g} % of sessions; at most {part['false_alarms'] * 100:g} % of changes give a false"
    yield from (style(line, dim=True) for line in folded(f"{share} alarm ({part['test']}).", 2))
