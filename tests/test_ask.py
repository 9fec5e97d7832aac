"""Asking the client itself: a stand-in client on the PATH answers, refuses, rambles or hangs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from governor.clients import ask_client
from governor.errors import BadInputError

NOW = 1_795_316_400
RESET = "2026-11-25T09:00:00Z"


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def fake(folder: Path, name: str, answers: list[object]) -> None:
    """A client that reads one line and then says ``answers``, one a line."""
    said = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in answers)
    script = folder / name
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.readline()\nsys.stdout.write({said!r})\n")
    script.chmod(0o755)


def control(limits: object) -> dict[str, object]:
    inner = {"subscription_type": "max", "rate_limits_available": limits is not None, "rate_limits": limits}
    return {"type": "control_response", "response": {"subtype": "success", "request_id": "1", "response": inner}}


def test_claude_states_its_windows_and_those_of_a_family(clients: Path) -> None:
    limits = {
        "five_hour": {"utilization": 42, "resets_at": RESET},
        "seven_day": {"utilization": 61, "resets_at": RESET},
        "seven_day_opus": None,
        "model_scoped": [{"display_name": "Fable", "utilization": 7, "resets_at": RESET}],
        "extra_usage": {"is_enabled": False, "utilization": 3},
    }
    fake(clients, "claude", ["not json", {"type": "system"}, control(limits)])
    found = {r.window: (r.used_percent, r.resets_at, r.source, r.plan) for r in ask_client.client("claude", now=NOW)}
    at = 1_795_597_200
    assert {
        "5h": (42.0, at, "client", "max"),
        "week": (61.0, at, "client", "max"),
        "week:fable": (7.0, at, "client", "max"),
    } == found


def test_codex_is_asked_in_its_own_words(clients: Path) -> None:
    limits = {"limitId": "codex", "primary": {"usedPercent": 12, "windowDurationMins": 10080, "resetsAt": NOW + 99}}
    fake(clients, "codex", [{"id": 1, "result": {}}, {"id": 2, "result": {"rateLimits": limits}}])
    (found,) = ask_client.client("codex", now=NOW)
    assert ("week", 12.0, NOW + 99, "client") == (found.window, found.used_percent, found.resets_at, found.source)


@pytest.mark.parametrize("answers", [[], [control(None)], ["[]"], [control({"five_hour": {"utilization": None}})]])
def test_a_client_that_does_not_know_is_a_sentence(clients: Path, answers: list[object]) -> None:
    fake(clients, "claude", answers)
    with pytest.raises(BadInputError, match="states no figure"):
        ask_client.client("claude", now=NOW)


def test_a_refusal_is_no_figure(clients: Path) -> None:
    fake(clients, "codex", [{"id": 2, "error": {"code": -32600, "message": "authentication required"}}])
    with pytest.raises(BadInputError, match="states no figure"):
        ask_client.client("codex", now=NOW)


def test_a_missing_client_is_a_sentence(clients: Path) -> None:
    with pytest.raises(BadInputError, match="not on the PATH"):
        ask_client.client("claude", now=NOW)


def test_a_client_that_hangs_is_left_after_a_while(clients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_client, "PATIENCE_S", 0.2)
    script = clients / "claude"
    script.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    script.chmod(0o755)
    with pytest.raises(BadInputError):
        ask_client.client("claude", now=NOW)
