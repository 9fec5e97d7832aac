"""What a few new lines of a transcript state about usage, and what that weighs: a hook's share of counting.

The same rules as ``clients.claude`` and ``clients.codex`` (``usage_steps``), for the newest clients' lines alone and in
the cheapest way: the ledger counts everything again a minute later.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    # identity, epoch seconds, model, [input, output, cache read, write 5m, write 1h]
    Response = tuple[str, float | None, str, list[int]]

VENDOR_ID = ("msg_", "msg-")  # how the vendor's ids of responses begin; others may come again elsewhere
TOKENS, PICOUSD, UNITS, UNPRICED = range(4)  # places in what ``weighed`` gives


def _lines(data: bytes, needle: bytes) -> Iterator[dict[str, Any]]:
    from governor.hooks import fast_json

    for line in data.split(b"\n"):
        if needle in line:
            try:
                record = fast_json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record


def claude(data: bytes, _: str, session: str = "") -> Iterator[Response]:
    """(identity, time, model, [input, output, cache read, write 5m, write 1h]) of each line that states usage, and of
    each step that it was billed for.

    The identity is the ledger's (claude.copies.identity), without which no response of another's could be told apart.
    A step beside the answer has it with ``#`` and its place behind.
    """
    from governor import usage_steps

    for record in _lines(data, b'"usage"'):
        message = record.get("message")
        usage = message.get("usage") if isinstance(message, dict) else None
        if not isinstance(usage, dict) or not isinstance(message, dict) or not usage_steps.is_answer(record, message):
            continue
        id_, request = message.get("id"), record.get("requestId")
        if isinstance(id_, str) and id_ and not id_.startswith(VENDOR_ID):
            id_ = f"{id_}|{request or session}"
        key, model = id_ or request or record.get("uuid"), str(message.get("model"))
        if model == "<synthetic>" or not isinstance(key, str):
            continue
        key = _plain(key)
        at, listed = epoch(record.get("timestamp")), usage_steps.listed_steps(usage)
        stated, beside = usage_steps.parted(usage, listed) if listed else ([], [])
        if not stated:
            yield key, at, model, _counts(usage)
        for place in stated + beside:  # each step at its own model, the last of those that the answer is made of first
            name = key if stated and place == stated[-1] else f"{key}#{place}"
            yield name, at, str(listed[place].get("model") or model), _counts(listed[place])


def _counts(usage: dict[str, Any]) -> list[int]:
    """[input, output, cache read, write 5m, write 1h]."""
    split = usage.get("cache_creation")
    hour = _whole(split.get("ephemeral_1h_input_tokens")) if isinstance(split, dict) else 0
    written = _whole(usage.get("cache_creation_input_tokens"))
    fresh, output, read_back = (usage.get(f"{name}_tokens") for name in ("input", "output", "cache_read_input"))
    return [_whole(fresh), _whole(output), _whole(read_back), max(written - hour, 0), hour]


def codex(data: bytes, model: str, session: str = "") -> Iterator[Response]:
    """The same of a rollout's usage records; the model is the event's own."""
    from governor.usage_steps import codex_counts

    for record in _lines(data, b'"token_usage_record"'):
        payload = record.get("payload")
        usage = payload.get("usage") if isinstance(payload, dict) else None
        if not isinstance(payload, dict) or not isinstance(usage, dict):
            continue
        prompt, cached, written, output, _ = map(_whole, codex_counts(usage))
        counts = [max(prompt - cached - written, 0), output, cached, written, 0]
        id_ = str(payload.get("response_id"))
        if not (id_.startswith("resp_") and len(id_) >= 24):  # not the vendor's (clients.codex)
            id_ = f"{id_}|{payload.get('thread_id') or session}"
        yield _plain(f"codex:{id_}"), epoch(record.get("timestamp")), model, counts


def _plain(key: str) -> str:
    """An identity without blanks, for it is kept in lines of ours."""
    return "_".join(key.split())[:200]


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
