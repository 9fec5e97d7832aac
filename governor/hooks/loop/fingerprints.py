"""Tool calls as fingerprints: read from a client's event without parsing it, and counted when they are alike.

Both clients write compact JSON in an order of their own (seen on 2.1.330 and 0.169.0), so names and inputs are cut out
of the bytes: a hook that runs after every call must not pay for ``json``. Whatever looks otherwise is parsed.

Two calls are **alike** when the same was asked and the same came back. Asked the same: tool and input, but for digits,
white space and case. Came back the same: the very answer where the digits that were asked differ (``migrate.sh 11``,
``migrate.sh 12``), else the answer but for clocks, durations and process ids. A percentage or a count that moves, other
failures, the next page: work that advances is no loop. Waiting for work that runs elsewhere never counts.
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
Trace = tuple[int, int, int, int]  # of a call: mark, exact, answer, verbatim
_MOST = 2**15  # bytes of an input or an answer that are looked at, from either end
# What of an answer changes whenever one asks. Every other number may be work that advances.
_ENDS = 2**12  # bytes of either end of an answer that are read word by word
_AS_BLANKS = bytes.maketrans(b'"=,;|<>', b"       ")
_EDGES = b"()[]{}.:'`*#"
_CLOCK = frozenset(b":-/.+tz")
_PIDS = frozenset((b"pid", b"ppid", b"tid", b"process", b"thread"))
_IDS = frozenset((b"request_id", b"request-id", b"requestid", b"trace_id", b"trace-id", b"uuid"))
_WITH_ID = frozenset((b"chunk", b"request", b"trace", b"session"))
_UNITS = frozenset(
    b"s ms us ns m h ms hms hm sec secs second seconds min mins minute minutes hour hours ago milliseconds".split()
)


class ToolCall:
    """One call. ``mark`` tells tool and input apart, ``exact`` also their digits. ``answer`` tells apart what came
    back, but for what changes whenever one asks, ``verbatim`` all of it.

    ``mark`` is 0 for a patient tool, both answers where nothing is known of one. ``state`` is ``ok``, ``failed`` or
    ``refused`` (a hook or the person said no: neither success nor failure of the tool).
    """

    __slots__ = ("answer", "exact", "id", "mark", "state", "tool", "verbatim")

    def __init__(self, tool: bytes, given: bytes, answer: bytes, id: bytes) -> None:  # noqa: A002 - the clients' word
        if tool in SHELLS:
            given = given.partition(b',"description":"')[0]  # the model words it anew each time
        self.tool = tool
        self.mark = 0 if tool in PATIENT else fingerprint(tool + b"\0" + plain(given), _WIDE)
        self.exact = fingerprint(plain(given, digits=True), _NARROW)
        self.answer = fingerprint(steady(answer), _NARROW) if answer else 0
        self.verbatim = fingerprint(plain(answer, digits=True), _NARROW) if answer else 0
        self.id = id
        self.state = _state(answer)

    @property
    def trace(self) -> Trace:
        return self.mark, self.exact, self.answer, self.verbatim


class Batch:
    """What one event says: whose calls, and which. ``traces`` are the last ones of that thread, once they are noted."""

    __slots__ = ("agent", "calls", "session", "traces")

    def __init__(self, session: bytes, agent: bytes, calls: list[ToolCall]) -> None:
        self.session = session
        self.agent = agent
        self.calls = calls
        self.traces: list[Trace] = []


def plain(text: bytes, *, digits: bool = False) -> bytes:
    """Without white space (escaped or not) and case, and without digits unless they are wanted; of long texts both
    ends.
    """
    if len(text) > 2 * _MOST:
        text = text[:_MOST] + text[-_MOST:]
    for escape in (b"\\n", b"\\t", b"\\r"):
        text = text.replace(escape, b"")
    return text.translate(None, _DIGITS_AND_BLANKS[10:] if digits else _DIGITS_AND_BLANKS).lower()


def steady(text: bytes) -> bytes:
    """Without blanks, case and what changes whenever one asks; in the middle of long texts all digits go."""
    if len(text) <= 2 * _ENDS:
        return _steady(text)
    return _steady(text[:_ENDS]) + plain(text[_ENDS:-_ENDS]) + _steady(text[-_ENDS:])


def _steady(text: bytes) -> bytes:
    for escape in (b"\\n", b"\\t", b"\\r", b'\\"'):
        text = text.replace(escape, b" ")
    words = text.lower().translate(_AS_BLANKS).split()
    kept, before = [], b""
    for at, word in enumerate(words):
        bare = word.strip(_EDGES)
        shape = bare.translate(None, _DIGITS_AND_BLANKS)
        if before in _IDS or (shape != bare and _is_volatile(bare, shape, before, words[at + 1 : at + 2])):
            before = b""
            continue
        kept.append(word)
        before = b"request_id" if bare == b"id" and before in _WITH_ID else bare
    return b"".join(kept)


def _is_volatile(bare: bytes, shape: bytes, before: bytes, after: list[bytes]) -> bool:
    """Is this word with digits a clock, date, duration, process id or address? ``shape`` is the word without digits."""
    if shape in (b"", b"."):
        whole = bare.partition(b".")[0]
        is_epoch = len(whole) in (10, 13) and whole[:1] == b"1"  # seconds or milliseconds since 1970, until 2033
        return is_epoch or before in _PIDS or (bool(after) and after[0].strip(_EDGES) in _UNITS)
    if set(shape) <= _CLOCK and (b":" in shape or shape[:2] in (b"--", b"//")):
        return True
    return (
        shape.replace(b".", b"") in _UNITS  # 3.2s, 5m30s
        or shape.rstrip(b":#") in _PIDS  # pid:1234
        or shape[-1:] == b"["  # sshd[1234]
        or bare[:2] == b"0x"
        or (len(bare) == 36 and bare.count(b"-") == 4)
    )


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


def _batched(body: bytes) -> list[ToolCall] | None:
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
        calls.append(ToolCall(tool, given, answer.removeprefix(b',"tool_response":').rstrip(b"]},"), id_))
    return calls


def _single(rest: bytes) -> list[ToolCall] | None:
    if any(rest.count(key) != 1 for key in (b'"tool_name":"', b',"tool_input":', b',"tool_response":')):
        return None
    tool, _, rest = rest.partition(b'"tool_name":"')[2].partition(b'","tool_input":')
    given, found, rest = rest.partition(b',"tool_response":')
    answer, also, id_ = rest.rpartition(b',"tool_use_id":"')
    if not found or not also or b'"' in tool:
        return None
    return [ToolCall(tool, given, answer, id_.partition(b'"')[0])]


def parsed(event: dict[str, Any], compact: Any) -> Batch:
    """The same from a parsed event; ``compact`` turns a value into the JSON bytes the client would have written."""
    calls = event.get("tool_calls")
    found = calls if isinstance(calls, list) else [event] if "tool_name" in event else []
    made = []
    for call in found:
        if isinstance(call, dict):
            answer = compact(call["tool_response"]) if "tool_response" in call else b""
            tool, id_ = _bytes(call.get("tool_name")), _bytes(call.get("tool_use_id"))
            made.append(ToolCall(tool, compact(call.get("tool_input")), answer.rstrip(b"]},"), id_))
    return Batch(_bytes(event.get("session_id")), _bytes(event.get("agent_id")), made)


def _bytes(value: object) -> bytes:
    return str(value or "").encode("utf-8", "replace")


# ---- counting --------------------------------------------------------------------------------------------------------


def are_alike(one: Trace, other: Trace) -> bool:
    """The rule above. Symmetric, and true of any call that counts and itself."""
    if not one[0] or one[0] != other[0]:
        return False
    if one[1] == other[1]:
        return one[2] == other[2] or not (one[2] and other[2])
    return bool(one[3]) and one[3] == other[3]


def by_turns(traces: Sequence[Trace]) -> int:
    """How many calls at the end are two, by turns (A B A B A B: 6), each alike to itself; 0 where they are not."""
    if len(traces) < 2 or are_alike(traces[-1], traces[-2]):
        return 0
    count = 0
    for at, one in enumerate(reversed(traces)):
        if not are_alike(one, traces[-1 - at % 2]):
            break
        count += 1
    return count if count > 2 else 0


def is_loop(traces: Sequence[Trace], alike: int) -> bool:
    """Are ``alike`` of the last five calls alike, or do two calls alternate that often and one round more?"""
    return most_alike(traces)[0] >= alike or by_turns(traces) >= alike + 2


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
