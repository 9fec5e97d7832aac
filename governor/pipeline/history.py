"""The past as the thinking rooms want it: hourly units, and official readings beside the units used by then.

Both are kept in the ledger's facts once worked out, because they only grow at their newest end: a refresh that found
one new turn must not pay for twelve weeks.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from governor import config
from governor.calibration import cap_ratio, change_points, observations
from governor.calibration import scale as calibration_scale
from governor.config import Settings
from governor.errors import StateError
from governor.forecasting import activity_level, day_profile, own_errors
from governor.ledger import read, statements
from governor.ledger.store import Ledger
from governor.limit_facts import is_same_window
from governor.model import Account, LimitReading, Slice, Tally
from governor.quota import model_families, windows
from governor.quota import units as quota_units

HOUR = 3600
DAY = 86_400
PAST_S = 26 * 7 * DAY  # what a projection looks back on
READINGS_S = {"5h": 21 * DAY}  # what a calibration looks back on
LONG_S = 70 * DAY  # the same for all longer windows, and for how two meters move beside each other


def spent(ledger: Ledger, settings: Settings, whose: Account, since: int, until: int, *, window: str = "") -> Tally:
    """What the account used here in a span of time, with its meter units; of the models that ``window`` counts."""
    total = Tally()
    for piece in read.slices(ledger, since, until, whose=whose, bucket_s=DAY):
        if model_families.counts(window, piece.model):
            total += piece.tally._replace(units=_units(piece, settings.weights))
    return total


def is_told(ledger: Ledger, settings: Settings, window: str, *, now: int) -> bool:
    """Is it known which models this window counts?"""
    if not model_families.of(window):
        return True
    known = [*read.models(ledger, now - PAST_S, now), *config.price_table(settings.prices).models()]
    return model_families.is_told(window, known)


def _units(piece: Slice, weights: quota_units.Weights) -> float:
    return quota_units.units(piece.tally, piece.model, weights, lane=piece.lane, fast=piece.fast)


def hourly(
    ledger: Ledger, settings: Settings, whose: Account, *, now: int, window: str = ""
) -> list[tuple[int, float]]:
    """(start of hour, units) of every hour with use in the last 26 weeks, oldest first; of the models in ``window``."""
    today = now // DAY * DAY
    key = [2, today, settings.weights.name, repr(settings.weights), *whose.keys]
    name = fact_name("history", whose, model_families.of(window) or "")
    rows = kept_fact(ledger, name, key)
    if rows is None:
        rows = _hours(ledger, settings, whose, today - PAST_S, today, window=window)
        keep_fact(ledger, name, key, rows)
    return [(int(t), float(u)) for t, u in rows] + _hours(ledger, settings, whose, today, now + 1, window=window)


def _hours(
    ledger: Ledger, settings: Settings, whose: Account, since: int, until: int, *, window: str
) -> list[tuple[int, float]]:
    sums: dict[int, float] = {}
    for piece in read.slices(ledger, since, until, whose=whose, bucket_s=HOUR):
        if model_families.counts(window, piece.model):
            sums[piece.start] = sums.get(piece.start, 0.0) + _units(piece, settings.weights)
    return sorted(sums.items())


def scale(
    ledger: Ledger, settings: Settings, whose: Account, window: str, *, now: int
) -> calibration_scale.Scale | None:
    """Units per percent of one window, from all its readings; None where there is nothing to calibrate from, or where
    nobody knows which models it counts.
    """
    if not is_told(ledger, settings, window, now=now):
        return None
    found = rates(ledger, whose, now=now) if window in ("5h", "week") else []
    if window == "week":
        found = cap_ratio.turned(found)
    changes = change_points.candidates(whose.lane, settings.plan)
    known = [changes, [list(rate) for rate in found]]
    key = [7, repr(settings.weights), *known, *statements.stamp(ledger, whose, window)]
    kept = kept_fact(ledger, fact_name("scale", whose, window), key)
    if kept is None:
        size = windows.length(window)
        heard = _heard(ledger, whose, window, since=now // DAY * DAY - READINGS_S.get(window, LONG_S))
        anchors = _anchors(ledger, settings, whose, window, heard, now=now)
        done = calibration_scale.calibrate(anchors, window_s=size, changes=changes, rates=found)
        keep_fact(ledger, fact_name("scale", whose, window), key, [done])
    else:
        done = None if kept[0] is None else calibration_scale.Scale(*kept[0])
    if done is None:
        return None
    change, coverage, elsewhere = done.change, done.coverage, done.elsewhere
    done = done._replace(
        change=calibration_scale.ScaleChange(*change) if change else None,
        coverage=calibration_scale.Coverage(*coverage) if coverage else None,
        elsewhere=calibration_scale.Elsewhere(*elsewhere) if elsewhere else None,
    )
    return done.aged(now, changes=changes)


def scale_then(
    ledger: Ledger, settings: Settings, whose: Account, window: str, *, now: int
) -> calibration_scale.Scale | None:
    """The scale as it would have been worked out at a past moment: of what had been read by then. Nothing is kept."""
    since = {name: now // DAY * DAY - READINGS_S.get(name, LONG_S) for name in ("5h", "week", window)}
    heard = {
        name: [r for r in _heard(ledger, whose, name, since=begin) if r.observed_at <= now]
        for name, begin in since.items()
    }
    changes = [at for at in change_points.candidates(whose.lane, settings.plan) if at <= now]
    found: list[cap_ratio.CapRatio] = []
    if window in ("5h", "week"):
        known = [at for at in change_points.KNOWN_CHANGES.get(whose.lane, ()) if at <= now]
        found = cap_ratio.rates(cap_ratio.days(_bare(heard["5h"]), _bare(heard["week"])), changes=known)
    anchors = _beside(ledger, settings, whose, window, heard[window])
    size = windows.length(window)
    turned = cap_ratio.turned(found) if window == "week" else found
    return calibration_scale.calibrate(anchors, window_s=size, changes=changes, rates=turned)


def rates(ledger: Ledger, whose: Account, *, now: int) -> list[cap_ratio.CapRatio]:
    """How the five hours stood to the week from one change of limits to the next, by official readings alone."""
    key = [1, *statements.stamp(ledger, whose, "5h"), *statements.stamp(ledger, whose, "week")]
    kept = kept_fact(ledger, fact_name("rates", whose), key)
    if kept is not None:
        return [cap_ratio.CapRatio(*rate) for rate in kept]
    found = cap_ratio.rates(_days(ledger, whose, now=now), changes=change_points.KNOWN_CHANGES.get(whose.lane, ()))
    keep_fact(ledger, fact_name("rates", whose), key, found)
    return found


def _days(ledger: Ledger, whose: Account, *, now: int) -> list[cap_ratio.CapRatioDay]:
    """What each day says of the two meters. Those before yesterday are kept."""
    yesterday = now // DAY * DAY - DAY
    latest = {name: _heard(ledger, whose, name, since=yesterday) for name in ("5h", "week")}
    plans = [statements.plan(ledger, whose, name) for name in latest]
    key = [2, yesterday, plans, *(statements.stamp(ledger, whose, name, until=yesterday) for name in latest)]
    rows = kept_fact(ledger, fact_name("days", whose), key)
    kept = [cap_ratio.CapRatioDay(*row) for row in rows or ()]
    if rows is None:
        past = (_heard(ledger, whose, name, since=yesterday - LONG_S) for name in latest)
        kept = cap_ratio.days(*(_bare([r for r in heard if r.observed_at < yesterday]) for heard in past))
        keep_fact(ledger, fact_name("days", whose), key, kept)
    return kept + cap_ratio.days(*map(_bare, latest.values()))


def _bare(readings: Sequence[LimitReading]) -> list[observations.Anchor]:
    return [observations.Anchor(r.observed_at, r.used_percent, r.resets_at, 0.0) for r in readings]


def _heard(ledger: Ledger, whose: Account, window: str, *, since: int) -> list[LimitReading]:
    """Readings of the account, on the plan in use, that carry information."""
    heard = [s.reading for s in statements.readings(ledger, whose=whose, window=window, since=since)]
    return thinned(windows.of_one_plan(heard))


def thinned(readings: Sequence[LimitReading]) -> list[LimitReading]:
    """The readings that carry information: the first and the last of every unchanged stretch, and those at pauses."""
    kept = []
    for place, reading in enumerate(readings):
        before = readings[place - 1] if place else None
        after = readings[place + 1] if place + 1 < len(readings) else None
        if not (_same(before, reading) and _same(reading, after)):
            kept.append(reading)
    return kept


def _same(one: LimitReading | None, other: LimitReading | None) -> bool:
    return (
        one is not None
        and other is not None
        and one.used_percent == other.used_percent
        and is_same_window(one.resets_at, other.resets_at)
        and other.observed_at - one.observed_at < observations.IDLE_S
    )


def _anchors(
    ledger: Ledger, settings: Settings, whose: Account, window: str, readings: Sequence[LimitReading], *, now: int
) -> list[observations.Anchor]:
    """Each reading beside the units used in its window until then. Those before today are kept: only today's grow."""
    today, size = now // DAY * DAY, windows.length(window)
    old = [r for r in readings if r.observed_at < today]
    begin = (old[0].observed_at - size - DAY) // 900 * 900 if old else today
    counted = sum(s.tally.requests for s in read.slices(ledger, begin, today, whose=whose, bucket_s=read.WHOLE_S))
    heard = sum(r.observed_at + r.used_percent + (r.resets_at or 0) for r in old)
    key = [2, today, repr(settings.weights), counted, len(old), heard]
    rows = kept_fact(ledger, fact_name("anchors", whose, window), key)
    kept = [observations.Anchor(*row) for row in rows or ()]
    if rows is None:
        kept = _beside(ledger, settings, whose, window, old)
        keep_fact(ledger, fact_name("anchors", whose, window), key, kept)
    return kept + _beside(ledger, settings, whose, window, readings[len(old) :])


def _beside(
    ledger: Ledger, settings: Settings, whose: Account, window: str, readings: Sequence[LimitReading]
) -> list[observations.Anchor]:
    """The same, exact to the second."""
    if not readings:
        return []
    size = windows.length(window)
    begin = min(r.observed_at for r in readings) - size - DAY
    sums: dict[int, float] = {}
    for piece in read.slices(ledger, begin // 900 * 900, readings[-1].observed_at // 900 * 900 + 900, whose=whose):
        if model_families.counts(window, piece.model):
            sums[piece.start] = sums.get(piece.start, 0.0) + _units(piece, settings.weights)
    starts = sorted(sums)
    totals = [0.0, *accumulate(sums[start] for start in starts)]

    def until(moment: int) -> float:
        whole = moment // 900 * 900
        ragged = read.slices(ledger, whole, moment + 1, whose=whose) if whole in sums else ()
        late = sum(_units(piece, settings.weights) for piece in ragged if model_families.counts(window, piece.model))
        return totals[bisect_right(starts, whole - 1)] + late

    opened: dict[int, float] = {}
    anchors = []
    for reading in readings:
        resets_at = reading.resets_at or reading.observed_at
        cycle = next((known for known in reversed(opened) if is_same_window(known, resets_at)), resets_at)
        if cycle not in opened:
            opened[cycle] = until(cycle - size - 1)
        used = max(until(reading.observed_at) - opened[cycle], 0.0)
        anchors.append(observations.Anchor(reading.observed_at, reading.used_percent, reading.resets_at, used))
    return anchors


def learnt(
    ledger: Ledger,
    whose: Account,
    hours: Sequence[tuple[int, float]],
    *,
    now: int,
    window: str,
    tz_offset: int,
    refused: Sequence[tuple[int, int]],
) -> day_profile.Days | None:
    """``day_profile.learn``, once a day: it is kept until a day is over, or the past looks different."""
    dawn = day_profile.dawn(now, tz_offset=tz_offset)
    old = [units for at, units in hours if at < dawn]
    key = [1, dawn, tz_offset, len(old), sum(old), [list(span) for span in refused]]
    name = fact_name("learnt", whose, model_families.of(window) or "")
    kept = kept_fact(ledger, name, key)
    if kept is None:
        days = day_profile.learn(hours, now=now, tz_offset=tz_offset, refused=refused)
        keep_fact(ledger, name, key, [days and [*days[:-1], sorted(days.shut_today)]])
        return days
    if kept[0] is None:
        return None
    number, until, busy, mean, shape, habits, errors, shut = kept[0]
    habits = [activity_level.Habit(*habit) for habit in habits]
    return day_profile.Days(number, until, busy, mean, shape, habits, own_errors.OwnErrors(*errors), frozenset(shut))


def fact_name(kind: str, whose: Account, window: str = "") -> str:
    """What is kept of one account, and of one window of it, goes by this name."""
    return ":".join(part for part in (kind, whose.lane, window, whose.name) if part)


def kept_fact(ledger: Ledger, name: str, key: list[Any]) -> list[Any] | None:
    """What was worked out before under the same key, or None."""
    try:
        content = json.loads(ledger.fact(name) or "null")
        return content["value"] if content and content["key"] == json.loads(json.dumps(key)) else None
    except (ValueError, KeyError, TypeError):
        return None


def keep_fact(ledger: Ledger, name: str, key: list[Any], value: list[Any]) -> None:
    """Remember it until the key changes; where nothing can be written it is worked out again."""
    try:
        with ledger.transaction():
            ledger.set_fact(name, json.dumps({"key": key, "value": value}))
    except StateError:
        pass
