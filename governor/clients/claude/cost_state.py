"""Claude Code's own books: a ``cost-state`` record holds what each model used in the session so far, cumulative.

Seen on 2.1.332: written when a process ends or leaves the session (``/exit``, ``/clear``, ``/branch``, end of ``-p``),
not when it is killed. A resumed session goes on from the last record, ``startTime`` included; where there is none, the
counter starts again. ``--fork-session`` takes the parent's counter over, ``/branch`` begins one of its own. The models
are named as their responses are, with the size of the context window behind (``[1m]``).
"""

from __future__ import annotations

from typing import Any

from governor.clients.claude import copies as claude_copies
from governor.clients.claude.response_steps import usage_of
from governor.model import PICO_PER_USD, Booked
from governor.transcripts.lines import text, to_ms

LIMIT = 10**12  # tokens of one kind in one session; beyond that the record is wrong
KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning", "searches")
KINDS_AT = Booked._fields.index("input")
KINDS_END = KINDS_AT + len(KINDS)
_FIRST = ("", 0, 0)
_LAST = (False, 0, 0, 0, False, "claude", *[""] * 8)


def as_usage(spent: dict[str, Any]) -> dict[str, Any]:
    """One model's books, spelt as a response spells its usage."""
    get = spent.get
    usage: dict[str, Any] = {
        "input_tokens": get("inputTokens"),
        "output_tokens": get("outputTokens"),
        "cache_read_input_tokens": get("cacheReadInputTokens"),
        "cache_creation_input_tokens": get("cacheCreationInputTokens"),
        "output_tokens_details": {"thinking_tokens": get("thinkingTokens")},
        "server_tool_use": {"web_search_requests": get("webSearchRequests")},
    }
    if is_split(spent):
        five, hour = get("cacheCreationEphemeral5mInputTokens"), get("cacheCreationEphemeral1hInputTokens")
        usage["cache_creation"] = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    return usage


def is_split(spent: dict[str, Any]) -> bool:
    """Do the books tell cache writes of an hour from those of five minutes? Those of older clients do not."""
    return "cacheCreationEphemeral1hInputTokens" in spent or not spent.get("cacheCreationInputTokens")


def booked(record: dict[str, Any], state: dict[str, Any], offset: int) -> list[Booked]:
    """What one ``cost-state`` record of a transcript states. ``state`` is what the reader knows of the file.

    It bears no time of its own: it is dated at the response before it, or, where that is another process's, by how long
    its own ran. A number that
    cannot be is none.
    """
    models = record.get("modelUsage")
    if not isinstance(models, dict):
        return []
    began, ran = to_ms(record.get("startTime")) or 0, _number(record.get("totalDuration"))
    spent_ms = offset if ran is None else round(ran)
    last = to_ms(state.get("last")) or 0
    at_ms = (last if last >= began else began + round(ran or 0)) or state.get("born") or 0
    session = text(record.get("sessionId")) or state["session"]
    ancestors = claude_copies.ancestors(state) if session == state["session"] else ()
    project = text(state.get("project"))
    sums: dict[str, Booked] = {}
    for name, spent in models.items():
        if not isinstance(spent, dict):
            continue
        model = name.partition("[")[0]
        used = usage_of(_FIRST, as_usage(spent), 0, True, _LAST, [], limit=LIMIT)
        kinds = [getattr(used, kind) for kind in KINDS]
        cost, split = round((_number(spent.get("costUSD")) or 0) * PICO_PER_USD), is_split(spent)
        if model in sums:  # the same with another size of context window
            known = sums[model]
            kinds = [a + b for a, b in zip(kinds, known[KINDS_AT:KINDS_END], strict=True)]
            cost, split = cost + known.cost, split and known.is_split
        sums[model] = Booked._make(
            (session, began, spent_ms, model, at_ms, project, ancestors, *kinds, cost, split, "")
        )
    return list(sums.values())


def _number(value: object) -> float | None:
    return value if type(value) in (int, float) and 0 <= value < LIMIT else None  # type: ignore[operator,return-value]
