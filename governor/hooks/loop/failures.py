"""What kind of failure it is, and so what to do about it: wait, mend the call, or stop trying.

=============  ==========  ==================================================================================
kind           do          what it means
=============  ==========  ==================================================================================
rate_limit     back off    the service said "not now": a plan's window is full, or too many requests
overloaded     back off    the service is short of capacity
server         back off    the service, or the way to it, broke: 5xx, time-outs, refused and reset connections
validation     repair      the call itself is wrong; the same call again fails again
auth           fail fast   who asks may not: no retry changes that, a person must act
unknown        fail fast   nothing is known, so nothing says that trying again helps
=============  ==========  ==================================================================================

Structure first: a status code, then a code the client or the service uses as a name, and words only where there is
neither. Everything here is deterministic and pure. ``governor run`` decides about its retries by the same table.

Sources: Claude Code's ``StopFailure.error`` (reference of 2.1.330), ``api_error_status``, ``api_error_type`` and
``api_error`` of its result event (seen), the error types of both vendors' APIs, and HTTP.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

BACK_OFF, REPAIR, FAIL_FAST = "back off", "repair", "fail fast"
BEHAVIOUR = {
    "rate_limit": BACK_OFF,
    "overloaded": BACK_OFF,
    "server": BACK_OFF,
    "validation": REPAIR,
    "auth": FAIL_FAST,
    "unknown": FAIL_FAST,
}
LONGEST_WAIT_S = 8 * 86_400  # a week's window and a day: whatever asks for more is not a wait
# Names that clients and services give, in lower case with "-" and " " as "_".
CODES = {
    **dict.fromkeys(
        (
            "rate_limit", "rate_limit_error", "rate_limit_exceeded", "usage_limit_reached", "usage_limit_exceeded",
            "too_many_requests", "quota_exceeded", "usage_not_included", "slow_down",
        ),
        "rate_limit",
    ),
    **dict.fromkeys(("overloaded", "overloaded_error", "server_overloaded", "service_unavailable"), "overloaded"),
    **dict.fromkeys(
        (
            "server_error", "api_error", "internal_server_error", "timeout", "timeout_error", "bad_gateway",
            "gateway_timeout", "econnrefused", "econnreset", "etimedout", "enotfound", "eai_again", "epipe",
            "stream_disconnected", "response_stream_disconnected", "http_connection_failed", "connection_failed",
        ),
        "server",
    ),
    **dict.fromkeys(
        (
            "invalid_request", "invalid_request_error", "model_not_found", "not_found_error", "request_too_large",
            "max_output_tokens", "context_window_exceeded", "context_length_exceeded", "invalid_prompt",
            "validation_error", "unprocessable_entity", "bad_request", "inputvalidationerror",
        ),
        "validation",
    ),
    **dict.fromkeys(
        (
            "authentication_failed", "authentication_error", "oauth_org_not_allowed", "account_on_hold",
            "verification_required", "billing_error", "cloud_credential_error", "permission_error", "unauthorized",
            "forbidden", "insufficient_quota", "invalid_api_key", "token_expired", "access_denied", "permission_denied",
        ),
        "auth",
    ),
}  # fmt: skip
# The last resort, in this order: the first phrase found says the kind.
PHRASES = (
    ("rate_limit", ("rate limit", "ratelimit", "too many requests", "usage limit", "quota exceeded", "try again in")),
    (
        "auth",
        (
            "unauthorized", "authentication failed", "not authenticated", "not logged in", "invalid api key",
            "permission denied (publickey", "could not read username", "access denied", "403 forbidden",
            "token has expired", "requires authentication",
        ),
    ),
    ("overloaded", ("overloaded", "at capacity", "service unavailable")),
    (
        "server",
        (
            "internal server error", "bad gateway", "gateway timeout", "connection refused", "connection reset",
            "econnrefused", "econnreset", "etimedout", "enotfound", "could not resolve host", "network is unreachable",
            "connection timed out", "socket hang up", "fetch failed",
        ),
    ),
    (
        "validation",
        (
            "inputvalidationerror", "required parameter", "invalid input", "invalid argument", "invalid parameter",
            "no such tool", "validation error", "string to replace not found", "does not match the schema",
            "command not found",
        ),
    ),
)  # fmt: skip


class Failure:
    """``kind`` of the table above, what to ``do``, how many seconds to ``wait_s`` where that was stated, and whether
    ``status``, ``code``, ``words`` or ``nothing`` said so (``by``).
    """

    __slots__ = ("by", "do", "kind", "wait_s")

    def __init__(self, kind: str, by: str, wait_s: float | None = None) -> None:
        self.kind = kind
        self.do = BEHAVIOUR[kind]
        self.by = by
        self.wait_s = wait_s if self.do == BACK_OFF else None


def classify(*, status: object = None, codes: object = (), words: str = "", wait: object = None) -> Failure:
    """The kind of one failure. ``status``: HTTP; ``codes``: names, the first known one counts; ``wait``: seconds.

    A usage limit that a service states by code outranks its status. Anything of another type than expected is as good
    as missing; never raises.
    """
    wait_s = _seconds(wait)
    named = [kind for code in _names(codes) if (kind := CODES.get(code))]
    by_status = _of_status(status)
    if by_status and named and "rate_limit" in named:
        return Failure("rate_limit", "code", wait_s)
    if by_status:
        return Failure(by_status, "status", wait_s)
    if named:
        return Failure(named[0], "code", wait_s)
    text = words.lower()
    if kind := _of_status(stated_status(text)):
        return Failure(kind, "words", wait_s if wait_s is not None else stated_wait(text))
    for kind, phrases in PHRASES:
        if any(phrase in text for phrase in phrases):
            return Failure(kind, "words", wait_s if wait_s is not None else stated_wait(text))
    return Failure("unknown", "nothing")


def of_event(event: Mapping[str, Any], *, now: float | None = None) -> Failure:
    """The same, from what clients hand out: a hook's StopFailure or PostToolUseFailure event, a stream's ``result``,
    ``error`` or ``turn.failed`` line, or the body of an API's refusal.

    ``now`` turns a stated time of reset (epoch seconds) into a wait.
    """
    inner = event.get("error")
    body = inner if isinstance(inner, dict) else {}
    status = next((v for v in (event.get("api_error_status"), body.get("status"), event.get("status")) if v), None)
    names = [event.get("api_error"), event.get("api_error_type"), body.get("code"), body.get("type"), event.get("code")]
    words = [body.get("message"), event.get("message"), event.get("error_details"), event.get("result")]
    if isinstance(inner, str):
        names.append(inner)
        words.append(inner)
    wait = next((v for v in (body.get("retry_after"), event.get("retry_after")) if v is not None), None)
    resets = next((v for v in (body.get("resets_at"), event.get("resets_at")) if _is_number(v)), None)
    if wait is None and now is not None and resets is not None:
        wait = resets - now
    return classify(status=status, codes=names, words=" ".join(w for w in words if isinstance(w, str)), wait=wait)


def of_tool(error: object, *, shell: bool = False) -> Failure:
    """The same, from the text of a tool's error.

    A program that a shell ran prints what it likes, a test run most of all, so of a ``shell``'s output only the last
    lines are looked at, where a program says why it gave up.
    """
    text = error if isinstance(error, str) else ""
    if text.lstrip().startswith("<tool_use_error>") and not shell:
        found = classify(words=text[:2000])
        return found if found.kind != "unknown" else Failure("validation", "code")
    return classify(words=text[-300:] if shell else text[:2000])


def _of_status(status: object) -> str:
    if not _is_number(status):
        return ""
    code = int(status)  # type: ignore[call-overload]
    if code == 429:
        return "rate_limit"
    if code in (503, 529):
        return "overloaded"
    if code in (401, 402, 403, 407):
        return "auth"
    if code in (408, 425) or 500 <= code <= 599:
        return "server"
    return "validation" if 400 <= code <= 499 else ""


def _names(codes: object) -> Iterator[str]:
    for code in (codes,) if isinstance(codes, str) else codes if isinstance(codes, (list, tuple)) else ():
        if isinstance(code, str) and len(code) <= 60:
            yield code.strip().lower().replace("-", "_").replace(" ", "_")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e12 < value < 1e12


def _seconds(wait: object) -> float | None:
    if isinstance(wait, str):
        try:
            wait = float(wait)
        except ValueError:
            return None
    return float(wait) if _is_number(wait) and 0 <= wait <= LONGEST_WAIT_S else None  # type: ignore[operator,arg-type]


def stated_status(text: str) -> int | None:
    """The HTTP status that a text names as one ("status code 429", "HTTP/1.1 503", "API Error: 529"), None without."""
    text = text.lower()
    for phrase in ("status code ", "status code: ", "status: ", "http/1.1 ", "http/2 ", "http ", "api error: "):
        number = text.partition(phrase)[2][:4]
        digits = number[:3]
        if len(digits) == 3 and digits.isascii() and digits.isdigit() and digits >= "400" and not number[3:].isalnum():
            return int(digits)
    return None


def stated_wait(text: str) -> float | None:
    """Seconds of "try again in 20s", "retry after 2 minutes": the first number after either, None without one."""
    for phrase in ("try again in ", "retry after ", "retry-after: ", "retry in ", "wait "):
        rest = text.lower().partition(phrase)[2]
        number = ""
        for place, snapshot in enumerate(rest[:20]):
            if snapshot.isascii() and (snapshot.isdigit() or (snapshot == "." and number)):
                number += snapshot
                continue
            if not number:
                break
            unit = rest[place:].lstrip()[:2]
            size = 0.001 if unit == "ms" else {"h": 3600, "m": 60}.get(unit[:1], 1)
            return _seconds(float(number.rstrip(".")) * size) if number.count(".") < 2 else None
        if number and number.count(".") < 2:
            return _seconds(float(number.rstrip(".")))
    return None
