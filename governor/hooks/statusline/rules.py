"""The status line's side of things: the official figures out of its stdin, and one line back.

Every session's client re-sends the figures of its own last response at each repaint, however old. So a figure is only
taken when that session's API time has moved on, or the figure itself went up. A session without any API time has none
of its own: after ``/clear`` it shows the process's. Whether a lower figure is a reset, ``governor.quota.resets`` says.
"""

from __future__ import annotations

from governor.limit_facts import WALL, crossed_rung, has_moved, is_same_window, used_percent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Heard = tuple[float, int | None, int, int | None]  # percent, resets_at, observed_at, began_at

# The last is Fable's own week, by the client's inner name for it (2.1.332).
WINDOWS = {"five_hour": "5h", "seven_day": "week", "seven_day_overage_included": "week:fable"}
GAP_S = 1800  # after a pause this long, the last figure before it matters as much as the first after it
REPEAT_S = 600  # an unchanged figure is worth saying again after this long
FELL = 3.0  # points: less may be noise, as much is a reset
CONFIRMATIONS = 1  # answers after one that moved are told too, whatever they say: they confirm a fall
SIGHT_S = 30  # a repaint that brings nothing is remembered again after this long
TURNED = "letters/turned"  # there while a session has heard what the snapshots do not say yet
PROCESSES = 3  # of one session, beside the one that repaints
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

    ``memo`` is what this function returned last time for the same session, or {}. A reading has ``began_at`` where its
    answer surely began then or later: only such a one can show that a figure fell (``governor.quota.resets``).
    """
    spent = _api_ms(event)
    before, others = _process(memo, spent)
    sighted_at = before.get("sighted_at")
    added = (spent or 0) - (before.get("api_ms") or 0) if before and spent is not None else 0
    has_answer = added > 0
    began = None
    if has_answer and sighted_at is not None:  # it ended after that sight, and took no longer than the time it added
        began = sighted_at - int(added // 1000 + 1)
    number = before.get("number", 1 + max((each.get("number", 0) for each in others), default=-1))
    session = name_of(event) + (f"~{number}" if number else "")
    kept = dict(before.get("windows") or {})
    readings = []
    for window, (percent, resets_at) in figures(event).items():
        last = kept.get(window)
        if not before or (last is None and not has_answer):
            heard, kept[window] = _first(percent, resets_at, now=now, is_own=spent != 0)
        elif has_answer:
            heard, kept[window] = _answered(last, percent, resets_at, now=now, began=began)
        elif _is_news(last, percent, resets_at):
            heard, kept[window] = [(percent, resets_at, now, None)], _figure(percent, resets_at, now, left=0)
        else:
            continue
        readings += [_reading(window, *each, session=session) for each in heard]
    if not has_answer and not readings and sighted_at is not None and 0 <= now - sighted_at < SIGHT_S:
        return [], memo  # nothing new, and seen a moment ago
    process = {"number": number, "api_ms": spent, "sighted_at": now, "windows": kept}
    return readings, {"processes": [*others, process]}


def _process(memo: dict[str, Any], spent: float | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(the client's process that this repaint is of, as it was last seen, or {}; the session's other ones).

    A session that is open twice, or taken up again elsewhere, repaints with two counters of API time. A counter only
    grows, so a repaint belongs to the largest that is not above it.
    """
    listed = memo.get("processes")
    known = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    if spent is None:
        return (known[-1] if known else {}), known[:-1][-PROCESSES:]
    below = [each for each in known if (each.get("api_ms") or 0) <= spent]
    mine = max(below, key=lambda each: each.get("api_ms") or 0) if below else {}
    return mine, [each for each in known if each is not mine][-PROCESSES:]


def _first(percent: float, resets_at: int | None, *, now: int, is_own: bool) -> tuple[list[Heard], dict[str, Any]]:
    """A figure met for the first time: how old it is, nobody knows. Without any API time it is another session's."""
    figure = _figure(percent, resets_at, now if is_own else 0, left=0)
    figure["answered_at"] = 0
    return ([(percent, resets_at, now, None)] if is_own else []), figure


def _answered(
    last: dict[str, Any] | None, percent: float, resets_at: int | None, *, now: int, began: int | None
) -> tuple[list[Heard], dict[str, Any]]:
    """A figure after an answer: told where it moved, is to be confirmed, or was not told for long."""
    if last is None:
        return [(percent, resets_at, now, began)], _figure(percent, resets_at, now, left=CONFIRMATIONS)
    moved = has_moved((last["percent"], last["resets_at"]), percent, resets_at)
    seen_at, told_at = last["seen_at"], last["told_at"]
    heard: list[Heard] = []
    if now - seen_at >= GAP_S and told_at != seen_at:
        heard.append((last["percent"], last["resets_at"], seen_at, None))
    tell = moved or last["left"] > 0 or now - told_at >= REPEAT_S or now - seen_at >= GAP_S
    if tell:
        heard.append((percent, resets_at, now, began if moved else None))
    figure = _figure(percent, resets_at, now, left=CONFIRMATIONS if moved else max(last["left"] - 1, 0))
    return heard, figure if tell else {**figure, "told_at": told_at}


def _is_news(last: dict[str, Any] | None, percent: float, resets_at: int | None) -> bool:
    """Is this no echo, although no API time was spent? After a refusal the figure rises without any."""
    if last is None:
        return True
    if not is_same_window(last["resets_at"], resets_at):
        return (resets_at or 0) > (last["resets_at"] or 0)
    return bool(percent > last["percent"])


def _figure(percent: float, resets_at: int | None, now: int, *, left: int) -> dict[str, Any]:
    return {
        "percent": percent,
        "resets_at": resets_at,
        "seen_at": now,  # with an answer behind it
        "told_at": now,
        "answered_at": now,
        "left": left,  # answers that are to confirm it
    }


def _api_ms(event: dict[str, Any]) -> float | None:
    cost = event.get("cost")
    spent = cost.get("total_api_duration_ms") if isinstance(cost, dict) else None
    if isinstance(spent, bool) or not isinstance(spent, (int, float)) or not 0 <= spent < 1e15:
        return None
    return spent


def name_of(event: dict[str, Any]) -> str:
    """The session's id, safe as a file's name."""
    return "".join(c for c in str(event.get("session_id", "")) if c.isalnum() or c == "-")[:64] or "none"


def memo_of(raw: bytes | None) -> dict[str, Any]:
    """What was remembered of a session, as its file has it; {} where there is none, or a torn one."""
    from governor.hooks import fast_json

    try:
        memo = fast_json.loads(raw or b"{}")
    except ValueError:
        return {}
    return memo if isinstance(memo, dict) else {}


def own(memo: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The figures by window that this session's process, the one that repainted last, has."""
    listed = memo.get("processes")
    process = listed[-1] if isinstance(listed, list) and listed else None
    found = process.get("windows") if isinstance(process, dict) else None
    return found if isinstance(found, dict) else {}


def has_turned(memo: dict[str, Any], fresh: dict[str, Any]) -> bool:
    """Did a figure pass a rung, up or down, from one memo to the next? Or is the window new?"""
    before = own(memo)
    for window, figure in own(fresh).items():
        past = before.get(window)
        if not figure["answered_at"] or figure == past:
            continue
        if past is None or not is_same_window(past["resets_at"], figure["resets_at"]):
            return True
        if crossed_rung(*sorted((past["percent"], figure["percent"]))) is not None:
            return True
    return False


def _reading(
    window: str, percent: float, resets_at: int | None, at: int, began_at: int | None, *, session: str
) -> dict[str, Any]:
    return {
        "lane": "claude",
        "window": window,
        "used_percent": percent,
        "resets_at": resets_at,
        "observed_at": at,
        "source": "statusline",
        "began_at": began_at,
        "session": session,
    }


def line(
    event: dict[str, Any],
    snapshot: dict[str, Any],
    *,
    now: float,
    colour: bool,
    heard: dict[str, Any] | None = None,
) -> str:
    """``5h 42% · week 63% → ~104% ▲ · ctx 84k``: each window's newest figure, and the letter's landing and verdict
    where they were worked out from that figure; ``heard`` says when this session's own were fresh (``take``).
    """
    parts = []
    shown = figures(event)
    lanes = snapshot.get("lanes")
    lane = lanes.get("claude") if isinstance(lanes, dict) else None
    told = lane.get("windows") if isinstance(lane, dict) else None
    known = {str(w.get("window")): w for w in told if isinstance(w, dict)} if isinstance(told, list) else {}
    for window, (percent, resets_at) in shown.items():
        own = heard.get(window) if isinstance(heard, dict) else None
        seen_at = own.get("seen_at", 0) if isinstance(own, dict) else 0
        percent, until, about = _newest(percent, resets_at, seen_at, known.get(window, {}), now)
        if until is not None and until <= now:
            continue
        text = f"{window} {percent:.0f}%"
        verdict = "STOP" if percent >= WALL else str(about.get("verdict")) if about else ""
        landing = about.get("landing")
        if isinstance(landing, (int, float)) and landing > percent:
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


def _newest(
    percent: float, resets_at: int | None, seen_at: float, about: dict[str, Any], now: float
) -> tuple[float, float | None, dict[str, Any]]:
    """(figure, its reset, what the snapshot says of it): this session's own figure or the letter's, whichever is newer.

    An idle session shows old figures for hours; then the letter's figure is the truth. A figure that fell since the
    snapshot was written, or counts in a later window, is a reset, and nothing the snapshot says is about it.
    """
    until, official = about.get("resets_at"), about.get("official")
    if not isinstance(until, (int, float)) or until <= now:  # None: not official
        return percent, resets_at, {}
    is_same = resets_at is None or is_same_window(resets_at, until)
    if not isinstance(official, (int, float)):
        return percent, resets_at, about if is_same else {}
    if not is_same and (resets_at or 0) > until:
        return percent, resets_at, {}
    read_at = about.get("official_at")
    if not isinstance(read_at, (int, float)):  # an older snapshot: use never falls, so the higher figure is the newer
        return (max(percent, official), resets_at, about) if is_same else (percent, resets_at, {})
    since_read = seen_at - read_at if seen_at else 0  # 0: not known, or the same answer
    if not is_same or since_read < 0 or (since_read == 0 and percent < official):
        return official, until, about
    return percent, resets_at, about if percent > official - FELL else {}


def _is_refused(about: dict[str, Any], now: float) -> bool:
    """Did the plan refuse this window, and does that still count?"""
    until = about.get("resets_at")
    return about.get("rule") == "refused" and isinstance(until, (int, float)) and until > now


def _refused(window: str, colour: bool) -> str:
    """A refusal of a window that the client states no figure of: a model's own, or one that nobody named."""
    text = f"{window} refused {SIGNS['STOP']}" if window != "any" else f"refused {SIGNS['SLOW']}"
    return f"\033[{COLOURS['STOP' if window != 'any' else 'SLOW']}m{text}\033[0m" if colour else text
