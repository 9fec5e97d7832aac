"""What a few new lines of a transcript state about usage, and what that weighs: a hook's share of counting.

The same rules as ``sources.claude`` and ``sources.codex``, for the newest clients' lines alone and in the cheapest
way: the ledger counts everything again a minute later.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    # identity, epoch seconds, model, [input, output, cache read, write 5m, write 1h]
    Response = tuple[str, float | None, str, list[int]]

TOKENS, PICOUSD, UNITS, UNPRICED = range(4)  # places in what ``weighed`` gives


def _lines(data: bytes, needle: bytes) -> Iterator[dict[str, Any]]:
    from governor import wire

    for line in data.split(b"\n"):
        if needle in line:
            try:
                record = wire.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record


def claude(data: bytes, _: str) -> Iterator[Response]:
    """(identity, time, model, [input, output, cache read, write 5m, write 1h]) of each line that states usage."""
    for record in _lines(data, b'"usage"'):
        message = record.get("message")
        usage = message.get("usage") if isinstance(message, dict) else None
        if record.get("type") != "assistant" or not isinstance(usage, dict) or not isinstance(message, dict):
            continue
        key = message.get("id") or record.get("requestId") or record.get("uuid")
        if message.get("model") == "<synthetic>" or not isinstance(key, str):
            continue
        split = usage.get("cache_creation")
        hour = _whole(split.get("ephemeral_1h_input_tokens")) if isinstance(split, dict) else 0
        written = _whole(usage.get("cache_creation_input_tokens"))
        counts = [_whole(usage.get(name)) for name in ("input_tokens", "output_tokens", "cache_read_input_tokens")]
        yield key, epoch(record.get("timestamp")), str(message.get("model")), [*counts, max(written - hour, 0), hour]


def codex(data: bytes, model: str) -> Iterator[Response]:
    """The same of a rollout's usage records; the model is the event's own."""
    for record in _lines(data, b'"token_usage_record"'):
        payload = record.get("payload")
        usage = payload.get("usage") if isinstance(payload, dict) else None
        if not isinstance(payload, dict) or not isinstance(usage, dict):
            continue
        cached, written = _whole(usage.get("cached_input_tokens")), _whole(usage.get("cache_write_input_tokens"))
        fresh = max(_whole(usage.get("input_tokens")) - cached - written, 0)
        counts = [fresh, _whole(usage.get("output_tokens")), cached, written, 0]
        yield str(payload.get("response_id")), epoch(record.get("timestamp")), model, counts


def _whole(value: object) -> int:
    return value if type(value) is int and 0 <= value < 10**9 else 0


def epoch(stamp: object) -> float | None:
    """Epoch seconds of ``2026-11-25T10:00:00.000Z``; ``datetime`` would cost a hook more than the rest of this."""
    if not isinstance(stamp, str) or len(stamp) < 20 or not stamp.endswith("Z"):
        return None
    try:
        year, month, day, hour, minute = (int(stamp[a:b]) for a, b in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16)))
        seconds = float(stamp[17:-1])
    except ValueError:
        return None
    years = year - (month < 3)  # Howard Hinnant's days_from_civil
    era_day = (153 * ((month + 9) % 12) + 2) // 5 + day - 1 + years * 365 + years // 4 - years // 100 + years // 400
    return (era_day - 719_468) * 86_400.0 + hour * 3600 + minute * 60 + seconds


def weighed(counts: list[int], rates: Any, *, first: bool, context: int) -> list[float]:
    """[tokens, picodollars, units, unpriced responses]; ``rates`` is the letter's row for the model, if it has one."""
    tokens = counts[0] + counts[1] + counts[3] + counts[4]
    if not isinstance(rates, dict):
        return [tokens, 0, 0, int(first)]
    bands = rates.get("usd") or []
    price = next((band[1] for band in reversed(bands) if context > band[0]), None)
    cost = sum(a * b for a, b in zip(counts, price)) if price else 0
    units = sum(a * b for a, b in zip(counts, rates.get("units") or [0] * 5))
    return [tokens, cost, units, int(first and price is None)]
