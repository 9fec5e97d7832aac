"""What resuming a cold session, or switching its model, costs before the next word is said.

Either way the whole context is written into a cache anew. The client hands out how many tokens that is; units of it
over the calibrated units per percent say what part of the week. Uncalibrated, the client's own figure in list price is
named, as notional. Below ``loop.turn_percent`` of the week (or a dollar) nothing is said. Everything is an estimate.
"""

from __future__ import annotations

from governor.hooks.loop.rules import number, percent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STALE_S = 8 * 86_400  # weights and scale change slowly; a resume after a week away is the one worth a word
LEAST_USD = 1.0  # notional, where no percentage is known
NEVER = 1000  # turns; a switch that pays back later than this does not


def say(event: dict[str, Any], snapshot: dict[str, Any], *, now: float) -> tuple[str, dict[str, Any]] | None:
    """(words for the person, numbers for the log), or None where there is nothing worth saying."""
    written = number(snapshot, "written_at")
    if written is None or not -300 <= now - written <= STALE_S:
        return None
    name = event.get("hook_event_name")
    if name == "SessionStart" and event.get("source") in ("resume", "fork"):
        return _resume(event, snapshot)
    return _switch(event, snapshot) if name == "PreModelSwitch" else None


def _resume(event: dict[str, Any], snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    tokens = number(event, "context_tokens")
    if event.get("prompt_cache_likely_expired") is not True or tokens is None:
        return None
    known = _session(event, snapshot)
    model = event.get("model") or known.get("model") or snapshot.get("model")
    price = _price(tokens, str(model or ""), "1h", event, snapshot)
    if price is None:
        return None
    away = number(event, "seconds_since_last_response")
    since = f" after {away / 3600:.0f} h" if away is not None and away >= 5400 else ""
    text = (
        f"governor: this session's cache has lapsed{since}: the next turn writes {tokens / 1000:.0f}k tokens anew, "
        f"{price[0]}. A fresh session starts without them (/clear); to go on cheaper after this turn: /compact"
    )
    return text, {"rule": "cold-resume", "tokens": int(tokens), **price[1]}


def _switch(event: dict[str, Any], snapshot: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    tokens, old, new = number(event, "context_tokens"), event.get("from_model"), event.get("to_model")
    if tokens is None or not isinstance(old, str) or not isinstance(new, str) or old == new:
        return None
    if event.get("prompt_cache_warm") is False:
        return None  # staying would write the context anew as well
    price = _price(tokens, new, str(event.get("cache_ttl")), event, snapshot)
    if price is None:
        return None
    text = (
        f"governor: switching to {_short(new)} writes {tokens / 1000:.0f}k tokens into its cache, {price[0]}. "
        f"{_pays_back(tokens, old, new, event, snapshot)}After /compact, or in a fresh session, the switch costs little."
    )
    return text, {"rule": "model-switch", "tokens": int(tokens), **price[1]}


def _pays_back(tokens: float, old: str, new: str, event: dict[str, Any], snapshot: dict[str, Any]) -> str:
    """How many turns a cheaper model needs to win back its cache write; what a dearer one adds to every turn."""
    weights = snapshot.get("weights")
    if not isinstance(weights, dict):
        return ""
    before, after = factor(old, weights), factor(new, weights)
    write, read = number(weights, "5m" if event.get("cache_ttl") == "5m" else "1h"), number(weights, "read")
    if write is None or read is None or before <= 0:
        return ""
    turn = max(number(_session(event, snapshot), "turn") or 0.0, tokens * read * before)  # units, on the old model
    saving = turn * (1 - after / before)
    if saving > 0:
        turns = tokens * write * after / saving
        if turns > NEVER:
            return "At this context it does not pay back. "
        return f"Cheaper turns win that back after about {max(turns, 1):.0f}. "
    if saving < 0:
        return f"Every turn then weighs {after / before:.1f} times as much. "
    return ""


def _price(
    tokens: float, model: str, ttl: str, event: dict[str, Any], snapshot: dict[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """Words and number of writing so many tokens into a model's cache; None where it is too little to mention."""
    weights, per_percent, least = (
        snapshot.get("weights"),
        number(snapshot, "per_percent"),
        number(snapshot, "turn_percent"),
    )
    if per_percent and isinstance(weights, dict) and model and least is not None:
        write = number(weights, "5m" if ttl == "5m" else "1h")
        if write is not None:
            share = tokens * write * factor(model, weights) / per_percent
            words = f"about {percent(share)} of your week (estimate)"
            return (words, {"percent": round(share, 3)}) if share >= least else None
    usd = number(event, "estimated_cache_write_usd")
    if usd is None or usd < LEAST_USD:
        return None
    return f"about ${usd:.2f} at list price (notional, not a bill)", {"usd": round(usd, 2)}


def factor(model: str, weights: dict[str, Any]) -> float:
    """How much a token of this model weighs: the first family that is part of its name, as the meter has it."""
    for pair in weights.get("families") or ():
        if isinstance(pair, list) and len(pair) == 2 and str(pair[0]) in model.lower():
            return float(pair[1])
    return number(weights, "other") or 1.0


def _session(event: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    sessions = snapshot.get("sessions")
    found = sessions.get(event.get("session_id")) if isinstance(sessions, dict) else None
    return found if isinstance(found, dict) else {}


def _short(model: str) -> str:
    return "".join(c for c in model.removeprefix("claude-") if c.isalnum() or c in "-._[]")[:40]
