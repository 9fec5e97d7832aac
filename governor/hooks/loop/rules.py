"""What to say of calls that repeat, of turns that became dear, and of sessions that run on.

Pure: the snapshot that refresh left, the event, and what was said before go in, words come out. A price is said when it
first reaches ``loop.turn_percent`` of the week, and again only when it has doubled. Percentages are estimates (units of
a turn like this session's usual one, over the calibrated units per percent); without a calibration none is named.
"""

from __future__ import annotations

from governor.hooks.loop import cron

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STALE_S = 24 * 3600  # a snapshot this old says nothing any more
CACHE_S = {"5m": 300, "1h": 3600}


class LoopAdvice:
    """What to say to the person. ``what`` it is about names the episode, ``price`` (percent) is what it turned on."""

    __slots__ = ("person", "price", "record", "what")

    def __init__(self, what: str, person: str, *, price: float | None, record: dict[str, Any]) -> None:
        self.what = what
        self.person = person
        self.price = price
        self.record = record


# ---- stuck -----------------------------------------------------------------------------------------------------------


def stuck(tool: str, count: int, looked_at: int) -> tuple[str, str]:
    """(to the person, to the model, at most 200 characters) when calls repeat."""
    name = f"{tool[:40]} calls" if tool else "calls of one tool"
    return _repeating(f"{count} of the last {looked_at} calls were {name} with the same input")


def alternating(count: int) -> tuple[str, str]:
    """The same when two calls alternate."""
    return _repeating(f"The last {count} calls were the same two by turns, with the same answers")


def _repeating(fact: str) -> tuple[str, str]:
    model = f"{fact}. Repeating it is unlikely to change the result; another approach, or saying what blocks, is next."
    person = (
        f"governor: {fact[:1].lower()}{fact[1:]}; the model was told once. "
        "If it goes on, press Esc and say what to do instead; governor decisions lists such moments."
    )
    return person, model[:200]


def held(tool: str, count: int, open_for: int) -> tuple[str, str]:
    """The same when the repeating went on after it was told, and the tool is given a rest (``loop.action: stop``)."""
    name = tool[:40] or "The tool"
    model = f"{name} was called {count} times with the same input and rests for {open_for} s. Another approach is next."
    person = (
        f"governor: {name} was called {count} times with the same input, also after the model was told, and is held "
        f"back for {open_for} s. To lift it: governor override 30m."
    )
    return person, model[:200]


# ---- prices ----------------------------------------------------------------------------------------------------------


def at_stop(event: dict[str, Any], snapshot: dict[str, Any], *, session: str, now: float) -> list[LoopAdvice]:
    """Everything that could be said when a turn ends, the most pressing first; whether it was said already is not known
    here (``is_news``).
    """
    written, sessions = number(snapshot, "written_at"), snapshot.get("sessions")
    facts = sessions.get(session) if isinstance(sessions, dict) else None
    if not isinstance(facts, dict) or written is None or not -300 <= now - written <= STALE_S:
        return []
    found = [
        _wakes(event, facts, snapshot),
        _turn(facts, snapshot),
        _marathon(facts, snapshot, str(event.get("model", ""))),
    ]
    return [advice for advice in found if advice is not None]


def is_news(advice: LoopAdvice, told: str) -> bool:
    """Was nothing said of it yet (``told`` is empty), or has its price doubled since ``told``?"""
    if not told:
        return True
    try:
        return advice.price is not None and advice.price >= 2 * float(told)
    except ValueError:
        return False


def _turn(facts: dict[str, Any], snapshot: dict[str, Any]) -> LoopAdvice | None:
    warm, cold, least = number(facts, "warm"), number(facts, "cold"), number(snapshot, "turn_percent")
    if warm is None or cold is None or least is None or warm < least:
        return None
    text = (
        f"governor: each further turn here costs about {percent(warm)} of your week while the cache is warm, about "
        f"{percent(cold)} once it has lapsed (estimates{_context(facts)}). /compact keeps the thread, /clear starts "
        "afresh; governor sessions compares."
    )
    return LoopAdvice("turn", text, price=warm, record={"rule": "turn", "warm": round(warm, 3), "cold": round(cold, 3)})


def _wakes(event: dict[str, Any], facts: dict[str, Any], snapshot: dict[str, Any]) -> LoopAdvice | None:
    """A session that schedules or background work will wake pays its context at every wake."""
    warm, cold, least = number(facts, "warm"), number(facts, "cold"), number(snapshot, "turn_percent")
    if warm is None or cold is None or least is None:
        return None
    lasts = CACHE_S.get(str(facts.get("ttl")), 3600)
    crons = [each for each in _dicts(event.get("session_crons")) if each.get("recurring") is not False]
    rhythms = [found for each in crons if (found := cron.rhythm(each.get("schedule"))) is not None]
    record: dict[str, Any] = {"rule": "wake", "warm": round(warm, 3), "cold": round(cold, 3)}
    if rhythms:
        each = max(warm if one.gap_s < lasts else cold for one in rhythms)
        a_day = sum(one.per_day * (warm if one.gap_s < lasts else cold) for one in rhythms)
        times = sum(one.per_day for one in rhythms)
        if a_day < least:
            return None
        often = (
            f"about {times:.0f} times a day" if times >= 1.5 else "about once a day" if times >= 0.75 else "at times"
        )
        text = (
            f"governor: this session's schedule wakes it {often}; each wake costs about {percent(each)} of your week, "
            f"{percent(a_day)} a day (estimates{_context(facts)}). /compact or a fresh session makes wakes cheaper; "
            "ask for CronDelete to end them."
        )
        return LoopAdvice("wake", text, price=a_day, record={**record, "per_day": round(a_day, 3)})
    running = [each for each in _dicts(event.get("background_tasks")) if each.get("status") == "running"]
    if not (crons or running) or warm < least:
        return None
    what = "a schedule" if crons else "background work"
    text = (
        f"governor: {what} will wake this session, and each wake costs about {percent(warm)} of your week while the "
        f"cache is warm, about {percent(cold)} once it has lapsed (estimates{_context(facts)}). /compact makes wakes "
        "cheaper; governor sessions compares."
    )
    return LoopAdvice("wake", text, price=warm, record=record)


def _marathon(facts: dict[str, Any], snapshot: dict[str, Any], model: str) -> LoopAdvice | None:
    hours, least, share = number(facts, "hours"), number(snapshot, "marathon"), number(facts, "share")
    if hours is None or least is None or hours * 3600 < least:
        return None
    used = "" if share is None else f" and has used about {percent(share)} of it (estimate)"
    fresh = "/new" if model.startswith("gpt") else "/clear"
    text = (
        f"governor: this session has been at work {hours:.0f} h this week{used}. Every turn re-reads the whole thread: "
        f"/compact shortens it, {fresh} or a fresh session starts without it; governor sessions compares."
    )
    record: dict[str, Any] = {"rule": "marathon", "hours": round(hours, 1)}
    if share is not None:
        record["share"] = round(share, 2)
    return LoopAdvice("marathon", text, price=None, record=record)


def percent(value: float) -> str:
    """A price in percent of the week, two digits that mean something: ``0.04 %``, ``0.4 %``, ``4.6 %``, ``46 %``."""
    if 0 < value < 0.005:
        return "<0.01 %"
    digits = 0 if value >= 9.95 else 1 if value >= 0.095 else 2
    return f"{value:.{digits}f} %"


def _context(facts: dict[str, Any]) -> str:
    tokens = facts.get("context")
    return f"; {tokens // 1000}k tokens of context" if isinstance(tokens, int) and tokens >= 1000 else ""


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(facts: dict[str, Any], name: str) -> float | None:
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value < 1e15 else None
