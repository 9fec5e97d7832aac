"""The status line's side of things: the official figures out of its stdin, and one line back.

Every session's client re-sends the figures of its own last response at each repaint, however old. So a figure is only
taken when that session's API time has moved on: then it is fresh, and a lower value than before is a real reset rather
than an echo.
"""

from __future__ import annotations

from governor.limit_facts import WALL, used_percent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The last is Fable's own week, by the client's inner name for it (2.1.332).
WINDOWS = {"five_hour": "5h", "seven_day": "week", "seven_day_overage_included": "week:fable"}
GAP_S = 1800  # after a pause this long, the last figure before it matters as much as the first after it
REPEAT_S = 600  # an unchanged figure is worth saying again after this long
SIGNS = {"GO": "", "NUDGE": "▲", "SLOW": "◆", "STOP": "■"}
COLOURS = {"GO": "32", "NUDGE": "33", "SLOW": "38;5;208", "STOP": "1;31"}


def window_of(name: str) -> str | None:
    """Our name of a window of Claude's (``five_hour``, ``seven_day``, ``seven_day_<family>``); None for any other."""
    family = name[len("seven_day_") :] if name.startswith("seven_day_") else ""
    return WINDOWS.get(name) or (f"week:{family}" if family else None)


def figures(event: dict[str, Any]) -> dict[str, tuple[float, int | None]]:
    """{window: (used percent, resets_at)} as stated; windows that state nothing usable are absent, never 0."""
    limits = event.get("rate_limits")
    found: dict[str, tuple[float, int | None]] = {}
    for name, value in limits.items() if isinstance(limits, dict) else ():
        window = window_of(name)
        percent = used_percent(value.get("used_percentage")) if isinstance(value, dict) else None
        if window is None or percent is None:
            continue
        resets_at = value.get("resets_at")
        is_time = isinstance(resets_at, (int, float)) and not isinstance(resets_at, bool)
        found[window] = (round(percent, 3), int(resets_at) if is_time else None)
    return found


def take(event: dict[str, Any], memo: dict[str, Any], *, now: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(readings worth keeping, what to remember of this session until its next repaint).

    ``memo`` is what this function returned last time for the same session, or {}.
    """
    cost = event.get("cost")
    spent = cost.get("total_api_duration_ms") if isinstance(cost, dict) else None
    if spent is not None and spent == memo.get("api_ms"):
        return [], memo  # an echo
    kept: dict[str, Any] = {}
    readings = []
    before = memo.get("windows") if isinstance(memo.get("windows"), dict) else {}
    for window, (percent, resets_at) in figures(event).items():
        past = before.get(window) if isinstance(before, dict) else None
        last = past if isinstance(past, dict) else {}
        same = last.get("percent") == percent and last.get("resets_at") == resets_at
        seen_at, told_at = last.get("seen_at", 0), last.get("told_at", 0)
        if last and now - seen_at >= GAP_S and told_at != seen_at:
            readings.append(_reading(window, last["percent"], last["resets_at"], seen_at))
        tell = not same or now - told_at >= REPEAT_S or now - seen_at >= GAP_S
        if tell:
            readings.append(_reading(window, percent, resets_at, now))
        kept[window] = {
            "percent": percent,
            "resets_at": resets_at,
            "seen_at": now,
            "told_at": now if tell else told_at,
        }
    return readings, {"api_ms": spent, "windows": kept or before}


def _reading(window: str, percent: float, resets_at: int | None, at: int) -> dict[str, Any]:
    return {
        "lane": "claude",
        "window": window,
        "used_percent": percent,
        "resets_at": resets_at,
        "observed_at": at,
        "source": "statusline",
    }


def line(event: dict[str, Any], letter: dict[str, Any], *, now: float, colour: bool) -> str:
    """``5h 42% · week 63% → ~104% ▲ · ctx 84k``; the projection comes from the letter while its window is open."""
    parts = []
    shown = figures(event)
    lanes = letter.get("lanes")
    lane = lanes.get("claude") if isinstance(lanes, dict) else None
    told = lane.get("windows") if isinstance(lane, dict) else None
    known = {str(w.get("window")): w for w in told if isinstance(w, dict)} if isinstance(told, list) else {}
    for window, (percent, resets_at) in shown.items():
        if resets_at is not None and resets_at <= now:
            continue
        text = f"{window} {percent:.0f}%"
        about = known.get(window, {})
        until = about.get("resets_at")  # None: not official
        alive = isinstance(until, (int, float)) and until > now
        verdict = "STOP" if percent >= WALL else str(about.get("verdict")) if alive else ""
        landing = about.get("landing")
        if alive and isinstance(landing, (int, float)) and landing > percent:
            text += f" → ~{landing:.0f}%"
        if SIGNS.get(verdict):
            text += f" {SIGNS[verdict]}"
        parts.append(f"\033[{COLOURS[verdict]}m{text}\033[0m" if colour and verdict in COLOURS else text)
    parts += [_refused(name, colour) for name, about in known.items() if _is_refused(about, now) and name not in shown]
    context = event.get("context_window")
    tokens = context.get("total_input_tokens") if isinstance(context, dict) else None
    if isinstance(tokens, int) and tokens > 0:
        parts.append(f"ctx {tokens // 1000}k")
    return " · ".join(parts)


def _is_refused(about: dict[str, Any], now: float) -> bool:
    """Did the plan refuse this window, and does that still count?"""
    until = about.get("resets_at")
    return about.get("rule") == "refused" and isinstance(until, (int, float)) and until > now


def _refused(window: str, colour: bool) -> str:
    """A refusal of a window that the client states no figure of: a model's own, or one that nobody named."""
    text = f"{window} refused {SIGNS['STOP']}" if window != "any" else f"refused {SIGNS['SLOW']}"
    return f"\033[{COLOURS['STOP' if window != 'any' else 'SLOW']}m{text}\033[0m" if colour else text
