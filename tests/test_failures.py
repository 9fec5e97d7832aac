"""What kind of failure it is: structure before words, and the same answer every time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.hooks.loop import failures

# StopFailure.error, as Claude Code 2.1.330 lists it
ERRORS = {
    "authentication_failed": "auth",
    "oauth_org_not_allowed": "auth",
    "account_on_hold": "auth",
    "verification_required": "auth",
    "billing_error": "auth",
    "rate_limit": "rate_limit",
    "overloaded": "overloaded",
    "invalid_request": "validation",
    "model_not_found": "validation",
    "server_error": "server",
    "unknown": "unknown",
    "max_output_tokens": "validation",
    "cloud_credential_error": "auth",
}


@pytest.mark.parametrize(("error", "kind"), ERRORS.items())
def test_every_error_a_turn_can_end_with(error: str, kind: str) -> None:
    found = failures.of_event({"hook_event_name": "StopFailure", "error": error})
    assert (kind, failures.BEHAVIOUR[kind]) == (found.kind, found.do)
    assert ("nothing" if kind == "unknown" else "code") == found.by


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "rate_limit"), (529, "overloaded"), (503, "overloaded"), (500, "server"), (502, "server"),
        (504, "server"), (408, "server"), (401, "auth"), (402, "auth"), (403, "auth"), (400, "validation"),
        (404, "validation"),
        (413, "validation"), (422, "validation"), (200, "unknown"), (0, "unknown"), (True, "unknown"),
        ("429", "unknown"), (float("nan"), "unknown"), (10**400, "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_a_status_says_the_kind(status: object, kind: str) -> None:
    assert kind == failures.classify(status=status).kind


def test_structure_outranks_words() -> None:
    assert "auth" == failures.classify(status=401, words="rate limit").kind
    assert "validation" == failures.classify(codes="invalid_request_error", words="too many requests").kind
    assert "rate_limit" == failures.classify(status=403, codes=["usage_limit_reached"]).kind
    assert "server" == failures.classify(codes=["never heard of", "API-Error"]).kind


REFUSED = {
    "claude's result": (
        {"type": "result", "is_error": True, "api_error_status": 429, "api_error_type": "rate_limit_error",
         "api_error": "usage_limit_reached", "result": "You've hit your 5-hour limit"}, "rate_limit", None),
    "an API's body": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded", None),
    "codex' limit": (
        {"error": {"type": "usage_limit_reached", "message": "limit reached", "resets_at": 1090}}, "rate_limit", 90.0),
    "codex' turn": (
        {"type": "turn.failed", "error": {"message": "stream error: 401 Unauthorized"}}, "auth", None),
    "codex' retry notice": ({"type": "error", "message": "Connection reset; try again in 2s"}, "rate_limit", 2.0),
    "a wait that is none": ({"error": {"type": "rate_limit", "resets_at": 900}}, "rate_limit", None),
    "nothing": ({}, "unknown", None),
    "odd types": ({"error": ["x"], "message": 7, "status": "x", "retry_after": {}}, "unknown", None),
}  # fmt: skip


@pytest.mark.parametrize(("event", "kind", "wait"), REFUSED.values(), ids=REFUSED)
def test_what_the_clients_hand_out(event: dict[str, Any], kind: str, wait: float | None) -> None:
    found = failures.of_event(event, now=1000)
    assert (kind, wait) == (found.kind, found.wait_s)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("<tool_use_error>InputValidationError: Edit failed</tool_use_error>", "validation"),
        ("<tool_use_error>something new</tool_use_error>", "validation"),
        ("<tool_use_error>Error: No such tool available: X</tool_use_error>", "validation"),
        ("Request failed with status code 429: Too Many Requests", "rate_limit"),
        ("getaddrinfo ENOTFOUND example.org", "server"),
        ("fetch said: status code 429, retry after 20 s", "rate_limit"),
        ("HTTP/1.1 503", "overloaded"),
        ("HTTP 4031 bytes read", "unknown"),
        ("API Error: 401 {}", "auth"),
        ("File does not exist.", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_words_of_a_tools_error(error: object, kind: str) -> None:
    assert kind == failures.of_tool(error).kind


def test_of_a_shells_output_only_the_end_counts() -> None:
    """A test run prints what it likes."""
    log = "Exit code 1\ntest_rate_limit ... FAILED: 401 Unauthorized\n" + "=" * 400 + "\n1 failed, 20 passed in 3.1s"
    assert "unknown" == failures.of_tool(log, shell=True).kind
    assert "auth" == failures.of_tool("Exit code 128\nPermission denied (publickey).", shell=True).kind
    assert "validation" == failures.of_tool("Exit code 127\nsh: foo: command not found", shell=True).kind


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("try again in 20s", 20.0), ("Please retry after 2 minutes.", 120.0), ("try again in 1.5 h", 5400.0),
        ("retry in 250ms", 0.25), ("try again in 30", 30.0), ("try again in a while", None), ("", None),
        ("try again in 9999 h", None), ("try again in 1.2.3 s", None), ("wait 5 seconds", 5.0),
    ],
)  # fmt: skip
def test_a_stated_wait(text: str, wait: float | None) -> None:
    assert wait == failures.stated_wait(text)


def test_only_backing_off_waits() -> None:
    assert failures.classify(status=401, wait=30).wait_s is None
    assert 30.0 == failures.classify(status=429, wait="30").wait_s
    assert failures.classify(status=429, wait=-1).wait_s is None
    assert failures.classify(status=429, wait=float("inf")).wait_s is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["error", "api_error", "api_error_status", "status", "message", "retry_after", "resets_at"])


@given(st.dictionaries(names, values, max_size=5))
def test_whatever_comes_in_a_kind_comes_out(event: dict[str, Any]) -> None:
    found = failures.of_event(event, now=0)
    assert failures.BEHAVIOUR[found.kind] == found.do
    assert found.wait_s is None or 0 <= found.wait_s <= failures.LONGEST_WAIT_S
    assert found.kind in failures.BEHAVIOUR
