"""Numbers, times and long sentences as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from governor import accounts
from governor.durations import moment as moment  # every screen's
from governor.hooks.budget.rules import limits
from governor.quota import windows

if TYPE_CHECKING:
    from governor.calibration.scale import ScaleChange
    from governor.report import LaneReport, Report

WIDTH = 80  # columns that a screen fits into
LANE_NAMES = {"claude": "Claude Code", "codex": "Codex"}
LIMIT_NAMES = {"5h": "5-hour limit", "week": "weekly limit"}


def title(report: Report, part: LaneReport) -> str:
    """``Claude Code``, and whose where the lane has several accounts: ``Claude Code (.claude-work)``."""
    name = account(report, part)
    return f"{LANE_NAMES[part.lane]} ({name})" if name else LANE_NAMES[part.lane]


def account(report: Report, part: LaneReport) -> str:
    """What an account is called on a screen; empty where its lane has but one."""
    names = [one.whose.name for one in report.accounts(part.lane) if one.whose is not None]
    return accounts.short(part.whose.name, names) if part.whose is not None and len(names) > 1 else ""


def count(value: float) -> str:
    """``1234567`` as ``1.23M``. Never ``1000k``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.9995:
            return f"{value / limit:.3g}{unit}" if abs(value) < 999.5 * limit else f"{value / limit:.0f}{unit}"
    return f"{value:.0f}"


def many(number: int, word: str) -> str:
    """``1 request``, ``2,340 requests``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def percent(value: float | None) -> str:
    """Whole percents; 100 only when it is 100 or more, 0 only when it is 0; ``—`` where the number is missing."""
    if value is None:
        return "—"
    if 0 < value <= 0.5:  # half a percent rounds to 0
        return "<1 %"
    if 99.5 <= value < 100:
        return ">99 %"
    return f"{value:.0f} %"


def fine(value: float) -> str:
    """A small percentage: as many digits as it takes to see it."""
    if value == 0:
        return "0 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %" if value >= 0.001 else "<0.001 %"


def budget(one: dict[str, Any]) -> str:
    """One budget in a line: ``night: per session, 5M tokens, 800 tool calls, 6h, stop``."""
    scope = [f"per {one['per']}"]
    if one["per"] == "project":
        scope = [f"per project and {one['every']}"]
    if one["project"] != "*":
        scope.append(f"in {one['project']}")
    if one["lane"] is not None:
        scope.append(f"{LANE_NAMES[one['lane']]} only")
    return f"{one['name']}: {', '.join([*scope, limits(one), one['action']])}"


def span(low: float | None, high: float | None) -> str:
    """An interval of percents, ``88–121 %``."""
    if low is None or high is None:
        return "—"
    return f"{low:.0f}–{high:.0f} %"


def date(at: int) -> str:
    """The UTC day of a moment, ``2026-10-11``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def change(found: ScaleChange, window: str) -> str:
    """When a limit moved and how far, as the end of a screen says it."""
    limit = LIMIT_NAMES.get(window, f"{window} limit")
    by = [f"{100 * (factor - 1):+.0f}" for factor in (found.factor, found.low, found.high)]
    figures = f"{by[0]} % ({by[1]} to {by[2]} %)"
    if found.by == "meters":
        return f"The {limit} changed about {date(found.at)}: {figures}; figures before it are kept"
    told = f"Units per 1 % changed about {date(found.at)}: {figures}"
    return f"{told}; that is the {limit}, or another mix of models. Figures before it are kept"


def since_words(text: str) -> str:
    """``7d`` as ``in the last 7 days``; another beginning as ``since 2026-11-01``."""
    units = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
    word = text.strip().lower()
    if word[-1:] not in units or not word[:-1].isdigit():
        return "today" if word == "today" else f"since {text}"
    n = int(word[:-1])
    return f"in the last {n} {units[word[-1]]}s" if n != 1 else f"in the last {units[word[-1]]}"


def usd(value: float) -> str:
    """Dollars, to the cent below a thousand."""
    return f"${value:,.2f}" if abs(value) < 1000 else f"${value:,.0f}"


def ago(seconds: float) -> str:
    """An age in the largest unit that says enough: ``40 s``, ``4 min``, ``3 h``, ``2 d``."""
    seconds = max(seconds, 0)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} d"


def left(seconds: float) -> str:
    """A time to go: ``3 d 6 h``, ``2 h 10 min``, ``4 min``."""
    minutes = max(int(seconds // 60), 0)
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def calibrate_with_reset(lane: str, window: str, *, now: int, figure: str = "60%") -> str:
    """What to type where the time of a reset is missing, with a time that this window could reset at."""
    size = windows.length(window)
    step = 3600 if size > 2 * 3600 else 60
    at = datetime.fromtimestamp((now + size // 2) // step * step, UTC).astimezone().strftime("%Y-%m-%dT%H:%M")
    words = [f"governor calibrate {figure}", "--lane codex" if lane == "codex" else "", f"--resets-at {at}"]
    words.insert(2, f"--window {window}" if window != "week" else "")
    return " ".join(word for word in words if word)


def utc(at: int | float | None) -> str | None:
    """ISO 8601 with ``Z``, or None where there is no time."""
    return None if at is None else datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def folded(text: str, indent: int, *, hang: int = 0) -> list[str]:
    """The text in lines of at most WIDTH columns, all but the first ``hang`` further in; none for no text."""
    lines: list[str] = []
    for word in text.split(" ") if text else ():
        if lines and len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(" " * (indent + hang * bool(lines)) + word)
    return lines
