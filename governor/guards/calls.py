"""Tool calls as fingerprints: read from a client's event without parsing it, and counted when they are alike.

Both clients write compact JSON in an order of their own (seen on 2.1.330 and 0.169.0), so names and inputs are cut out
of the bytes: a hook that runs after every call must not pay for ``json``. Whatever looks otherwise is parsed.

Two calls are **alike** when tool and input are the same but for digits, white space and case; where the digits differ,
the answers must be alike too. Paging through a file, or reading file1 to file4, brings something new each time and is
no loop; asking the same thing again is, whatever it brings. Waiting for work that runs elsewhere never counts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

LAST = 5  # calls that are looked at
# Tools whose purpose is to be asked again, or to be called many times in a like way.
PATIENT = frozenset(
    (
        b"BashOutput", b"TaskOutput", b"AgentOutput", b"TaskGet", b"TaskList", b"Monitor", b"ScheduleWakeup",
        b"CronList", b"wait_agent", b"wait", b"write_stdin", b"sleep", b"Agent", b"Task", b"Workflow", b"spawn_agent",
        b"SendMessage",
    )
)  # fmt: skip
SHELLS = (b"Bash", b"PowerShell")
_DIGITS_AND_BLANKS = b"0123456789 \t\r\n\f\v"
_WIDE, _NARROW = 2**61 - 1, 2**31 - 1  # primes: a remainder tells long inputs apart, and needs no import
Trace = tuple[int, int, int]  # of a call: mark, exact, answer
_MOST = 2**15  # bytes of an input or an answer that are looked at, from either end


class Call:
    """One call. ``mark`` tells tool and input apart, ``exact`` also their digits, ``answer`` what came back.

    ``mark`` is 0 for a patient tool, ``answer`` where nothing is known of it. ``state`` is ``ok``, ``failed`` or
    ``refused`` (a hook or the person said no: neither success nor failure of the tool).
    """

    __slots__ = ("answer", "exact", "id", "mark", "state", "tool")

    def __init__(self, tool: bytes, given: bytes, answer: bytes, id: bytes) -> None:  # noqa: A002 - the clients' word
        if tool in SHELLS:
            given = given.partition(b',"description":"')[0]  # the model words it anew each time
        self.tool = tool
        self.mark = 0 if tool in PATIENT else fingerprint(tool + b"\0" + plain(given), _WIDE)
        self.exact = fingerprint(given, _NARROW)
        self.answer = fingerprint(plain(answer), _NARROW) if answer else 0
        self.id = id
        self.state = _state(answer)


class Batch:
    """What one event says: whose calls, and which. ``traces`` are the last ones of that thread, once they are noted."""

    __slots__ = ("agent", "calls", "session", "traces")

    def __init__(self, session: bytes, agent: bytes, calls: list[Call]) -> None:
        self.session = session
        self.agent = agent
        self.calls = calls
        self.traces: list[Trace] = []


def plain(text: bytes) -> bytes:
    """Without digits, white space (escaped or not) and case; of long texts both ends."""
    if len(text) > 2 * _MOST:
        text = text[:_MOST] + text[-_MOST:]
    for escape in (b"\\n", b"\\t", b"\\r"):
        text = text.replace(escape, b"")
    return text.translate(None, _DIGITS_AND_BLANKS).lower()


def fingerprint(text: bytes, prime: int) -> int:
    """A number from 1 to ``prime``, the same for the same bytes on every run."""
    if len(text) > 2 * _MOST:
        text = text[:_MOST] + text[-_MOST:]
    return int.from_bytes(text, "big") % prime + 1


def _state(answer: bytes) -> str:
    """Claude's batch has words only: a tool's own error is tagged, a refusal names its hook or the person."""
    head = answer[:120].lstrip(b'"[{')
    if head.startswith(b"<tool_use_error>") or b'"isError":true' in answer[-_MOST:] + answer[:_MOST]:
        return "failed"
    if head.startswith((b"PreToolUse:", b"The user doesn't want", b"Permission to use", b"[Request interrupted")):
        return "refused"
    return "ok"


# ---- reading without parsing -----------------------------------------------------------------------------------------


def read(raw: bytes) -> Batch | None:
    """The calls of a PostToolBatch (Claude) or PostToolUse (Codex) event; None where the bytes are laid out otherwise.

    Keys inside strings have their quotes escaped, so a bare ``"key":`` is always structure. One that a tool's own input
    repeats is noticed by counting, and leads to None as well.
    """
    head, found, rest = raw.partition(b'"hook_event_name":"')
    if not found or not head.startswith(b'{"session_id":"'):
        return None
    session, agent = text_after(head, b'"session_id":"'), text_after(head, b'"agent_id":"')
    body = rest.partition(b'"tool_calls":[')[2]
    calls = _batched(body) if body else _single(rest)
    return None if calls is None else Batch(session, agent, calls)


def text_after(raw: bytes, key: bytes) -> bytes:
    """The string value after ``"key":"``, as it is written; empty where there is none."""
    return raw.partition(key)[2].partition(b'"')[0]


def _batched(body: bytes) -> list[Call] | None:
    items = body.split(b'{"tool_name":"')[1:]
    if not items or len(items) != body.count(b'"tool_use_id":"') or not body.rstrip().endswith(b"}]}"):
        return None
    calls = []
    for item in items:
        tool, found, rest = item.partition(b'","tool_input":')
        given, also, rest = rest.partition(b',"tool_use_id":"')
        if not found or not also or b'"' in tool:
            return None
        id_, _, answer = rest.partition(b'"')
        calls.append(Call(tool, given, answer.removeprefix(b',"tool_response":').rstrip(b"]},"), id_))
    return calls


def _single(rest: bytes) -> list[Call] | None:
    if any(rest.count(key) != 1 for key in (b'"tool_name":"', b',"tool_input":', b',"tool_response":')):
        return None
    tool, _, rest = rest.partition(b'"tool_name":"')[2].partition(b'","tool_input":')
    given, found, rest = rest.partition(b',"tool_response":')
    answer, also, id_ = rest.rpartition(b',"tool_use_id":"')
    if not found or not also or b'"' in tool:
        return None
    return [Call(tool, given, answer, id_.partition(b'"')[0])]


def parsed(event: dict[str, Any], compact: Any) -> Batch:
    """The same from a parsed event; ``compact`` turns a value into the JSON bytes the client would have written."""
    calls = event.get("tool_calls")
    found = calls if isinstance(calls, list) else [event] if "tool_name" in event else []
    made = []
    for call in found:
        if isinstance(call, dict):
            answer = compact(call["tool_response"]) if "tool_response" in call else b""
            tool, id_ = _bytes(call.get("tool_name")), _bytes(call.get("tool_use_id"))
            made.append(Call(tool, compact(call.get("tool_input")), answer.rstrip(b"]},"), id_))
    return Batch(_bytes(event.get("session_id")), _bytes(event.get("agent_id")), made)


def _bytes(value: object) -> bytes:
    return str(value or "").encode("utf-8", "replace")


# ---- counting --------------------------------------------------------------------------------------------------------


def are_alike(one: Trace, other: Trace) -> bool:
    """The rule above. Symmetric, and true of any call that counts and itself."""
    if not one[0] or one[0] != other[0]:
        return False
    return one[1] == other[1] or one[2] == other[2] or not (one[2] and other[2])


def most_alike(traces: Sequence[Trace]) -> tuple[int, Trace | None]:
    """How many of the last five are alike, and one of them: the newest of the largest group."""
    last = traces[-LAST:]
    best, which = 0, None
    for one in last:
        count = sum(are_alike(one, other) for other in last)
        if count >= best and count:
            best, which = count, one
    return best, which


def in_a_row(traces: Iterable[Trace], like: Trace) -> int:
    """How many at the end are alike to ``like``, one stray among them allowed."""
    count = strays = 0
    for one in reversed(list(traces)):
        if are_alike(one, like):
            count += 1
        elif strays:
            break
        else:
            strays += 1
    return count
