"""The contract's JSON: stable keys, numbers as numbers, times in UTC with Z, missing as null."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from governor.model import Tally
from governor.number_format import utc

if TYPE_CHECKING:
    from governor.calibration.scale import Scale
    from governor.evaluation.scores import Backtest
    from governor.ledger.statements import StoredReading
    from governor.model import Lane
    from governor.pipeline.forecast_series import ForecastSeries
    from governor.quota.plans import Plan, PlanFit, Shape
    from governor.quota.refusals import Refusal
    from governor.report import LaneReport, Report, WindowReport
    from governor.usage.group_by import UsageRow
    from governor.usage.sessions import SessionSum


def dump(content: dict[str, Any]) -> str:
    """One JSON object, one line per top-level thing, keys in the contract's order. NaN cannot occur."""
    return json.dumps(content, indent=2, allow_nan=False)


def status(report: Report) -> dict[str, Any]:
    """``governor.status/1``."""
    return {
        "schema": "governor.status/1",
        "generated_at": utc(report.generated_at),
        "kill_switch": {"off": report.off_by is not None, "by": report.off_by},
        "lanes": [
            {
                **_account(lane, report.generated_at),
                "accounts": [_account(one, report.generated_at) for one in report.others if one.lane == lane.lane],
            }
            for lane in report.lanes
        ],
        "problems": {"lines": report.problem_lines, "files": report.problem_files},
        "budgets": [
            {**budget._asdict(), "project": budget.project or None, "since": utc(budget.since)}
            for budget in report.budgets
        ],
    }


def _account(part: LaneReport, now: int) -> dict[str, Any]:
    name = part.whose.name if part.whose else None
    return {
        "lane": part.lane,
        "account": name,
        "windows": [_window(found, now, name) for found in part.windows],
        "refusals": [_refusal(each) for each in part.refusals],
    }


def _window(found: WindowReport, now: int, account: str | None) -> dict[str, Any]:
    official, estimate, projection = found.official, found.estimate, found.projection
    return {
        "window": found.window.name,
        "resets_at": utc(found.window.resets_at),
        "resets_at_basis": found.window.how,
        "official": official
        and {
            "used_percent": official.used_percent,
            "observed_at": utc(official.observed_at),
            "age_s": max(now - official.observed_at, 0),
            "source": official.source,
            "account": account,
        },
        "local": _local(found.local),
        "calibration": found.scale and _scale(found.scale),
        "estimate": estimate and estimate._asdict(),
        "projection": projection
        and {
            "p10": projection.p10,
            "p50": projection.p50,
            "p90": projection.p90,
            "p_exceed": projection.p_exceed,
            "naive": projection.naive,
            "wall_at": utc(projection.wall_at),
            "confidence": projection.confidence,
        },
        "verdict": found.verdict,
        "reasons": [reason._asdict() for reason in found.reasons],
        "refusal": found.refusal and _refusal(found.refusal),
    }


def _local(tally: Tally | None) -> dict[str, Any]:
    """What was used here; every figure null where nobody knows which models the window counts."""
    if tally is None:
        return {
            name: dict.fromkeys(value) if isinstance(value, dict) else None for name, value in _local(Tally()).items()
        }
    return {
        "units": tally.units,
        "tokens": _kinds(tally),
        "requests": tally.requests,
        "notional_usd": tally.usd,
        "unpriced_requests": tally.unpriced_requests,
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    """``is_stated``: whether ``until`` is the reset that the plan stated, or our own bound."""
    model = refusal.model or None
    return {"at": utc(refusal.at), "until": utc(refusal.until), "is_stated": refusal.is_stated, "model": model}


def _scale(scale: Scale) -> dict[str, Any]:
    coverage = scale.coverage
    return {
        "units_per_percent": scale.units_per_percent,
        "low": scale.low,
        "high": scale.high,
        "anchors": scale.anchors,
        "since": utc(scale.since),
        "change": scale.change and {**scale.change._asdict(), "at": utc(scale.change.at)},
        "coverage": coverage and coverage._asdict(),
        "note": scale.note,
    }


def _kinds(tally: Tally) -> dict[str, int]:
    return {
        "input": tally.input,
        "output": tally.output,
        "cache_read": tally.cache_read,
        "cache_write_5m": tally.cache_write_5m,
        "cache_write_1h": tally.cache_write_1h,
    }


def sums(tally: Tally) -> dict[str, Any]:
    """The figures of one row of ``governor usage``."""
    return {
        "requests": tally.requests,
        **_kinds(tally),
        "reasoning": tally.reasoning,
        "units": tally.units,
        "notional_usd": tally.usd,
        "unpriced_requests": tally.unpriced_requests,
    }


def usage(keys: list[str], rows: list[UsageRow], total: Tally) -> dict[str, Any]:
    """``governor.usage/1``."""
    return {
        "schema": "governor.usage/1",
        "by": keys,
        "rows": [{**dict(zip(keys, row.names, strict=True)), **sums(row.tally)} for row in rows],
        "total": sums(total),
    }


def sessions(found: list[SessionSum], scales: Mapping[tuple[Lane, str], Scale | None], total: Tally) -> dict[str, Any]:
    """``governor.sessions/1``. ``next_turn`` is in percent of the week, null before a slope is known."""
    return {
        "schema": "governor.sessions/1",
        "rows": [
            {
                "lane": one.lane,
                "session": one.session,
                "account": one.account or None,
                "project": one.project,
                "first_at": utc(one.first_s),
                "last_at": utc(one.last_s),
                "hours": one.active_s / 3600,
                "largest_context": one.largest_context,
                "last_context": one.last_context or None,
                "share": one.tally.units / total.units if total.units else None,
                "next_turn": _turn(one, scales.get((one.lane, one.account))),
                **sums(one.tally),
            }
            for one in found
        ],
        "total": sums(total),
    }


def _turn(one: SessionSum, scale: Scale | None) -> dict[str, float | None]:
    per_percent = scale.slope if scale else None
    if not one.last_context:  # its main thread was not seen: what its next turn would re-read is not known
        names = ("warm_units", "cold_units", "warm_percent_of_week", "cold_percent_of_week")
        return dict.fromkeys(names)
    return {
        "warm_units": one.turn.warm,
        "cold_units": one.turn.cold,
        "warm_percent_of_week": one.turn.warm / per_percent if per_percent else None,
        "cold_percent_of_week": one.turn.cold / per_percent if per_percent else None,
    }


def anchors(stored: list[StoredReading]) -> dict[str, Any]:
    """``governor.calibrate/1`` of ``--list``."""
    return {
        "schema": "governor.calibrate/1",
        "anchors": [
            {
                "id": one.id,
                **one.reading._asdict(),
                "resets_at": utc(one.reading.resets_at),
                "observed_at": utc(one.reading.observed_at),
                "machine": one.machine,
            }
            for one in stored
        ],
    }


def forecast(views: list[ForecastSeries], *, now: int) -> dict[str, Any]:
    """``governor.forecast/1``."""
    return {
        "schema": "governor.forecast/1",
        "generated_at": utc(now),
        "windows": [
            {
                "lane": view.found.window.lane,
                "account": view.whose.name,
                **_window(view.found, now, view.whose.name),
                "so_far": [{"at": utc(at), "used_percent": used} for at, used in view.so_far],
                "fan": [{**point._asdict(), "at": utc(point.at)} for point in view.fan],
            }
            for view in views
        ],
    }


def feasibility(
    present: Plan, wanted: Plan, week: PlanFit | None, five: PlanFit | None, shapes: list[Shape]
) -> dict[str, Any]:
    """``governor.feasibility/1``."""
    return {
        "schema": "governor.feasibility/1",
        "from": present._asdict(),
        "plan": wanted._asdict(),
        "week": week and week._asdict(),
        "five_hour": five and five._asdict(),
        "sessions": [shape._asdict() for shape in shapes],
    }


def backtest(result: Backtest, title: str) -> dict[str, Any]:
    """``governor.backtest/1``."""
    return {
        "schema": "governor.backtest/1",
        "title": title,
        "weeks": result.weeks,
        "origins": result.origins,
        "scores": [score._asdict() for score in result.scores],
        "alarms": [rule._asdict() for rule in result.alarms],
    }
