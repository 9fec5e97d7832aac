"""What is told outside the client: each rung once, to whom the person chose, and never twice."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from governor import config, snapshots
from governor.hooks import runtime
from governor.hooks.pacing import rules as pacing_rules
from governor.ledger.store import Ledger, open_ledger
from governor.model import LimitReading
from governor.pipeline import alerts
from tests.writing import NOW

RESET = NOW + 86_400


def said(ledger: Ledger, used: float, *, resets_at: int = RESET, at: int = NOW) -> None:
    with ledger.transaction():
        ledger.add_readings([LimitReading("claude", "week", used, resets_at, at, "typed")], machine="m")


def wish(**more: Any) -> None:
    Path(os.environ["GOVERNOR_CONFIG"]).write_text(json.dumps(more))


def refreshed(ledger: Ledger, *, now: int = NOW) -> list[str]:
    """The keys due after a refresh at ``now``."""
    desk = snapshots.desk(ledger, config.load(), now=now)
    snapshots.write(ledger, config.load(), now=now)
    return [alert.key.rpartition(":")[2] for alert in alerts.due(desk.report)]


@pytest.mark.parametrize(
    ("used", "rung"),
    [(49, []), (50, ["50"]), (69.9, ["50"]), (70, ["70"]), (96, ["90"]), (100, ["100"]), (121, ["120"])],
)
def test_the_highest_rung_alone(used: float, rung: list[str]) -> None:
    with open_ledger() as ledger:
        said(ledger, used)
        assert rung == refreshed(ledger)


def test_a_command_of_the_persons_own_hears_each_rung_once(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = tmp_path / "tell"
    script.write_text(f'#!/bin/sh\nprintf \'%s\\n\' "$1" "$2" >> {heard}\n')
    script.chmod(0o755)
    wish(notify={"command": [str(script), "--to-me"]})
    with open_ledger() as ledger:
        for used, at in ((55, NOW), (60, NOW + 60), (92, NOW + 120), (92, NOW + 180)):
            said(ledger, used, at=at)
            refreshed(ledger, now=at)
    lines = wait_for(heard, 4)
    assert sorted(
        ["--to-me"] * 2 + [f"governor: Claude Code week: {n} % used. Look: governor status" for n in (55, 92)]
    ) == (sorted(lines))


def wait_for(path: Path, lines: int) -> list[str]:
    import time

    for _ in range(200):
        if path.exists() and len(path.read_text().splitlines()) >= lines:
            break
        time.sleep(0.05)
    return path.read_text().splitlines()


def test_a_command_that_is_not_there_ends_no_refresh() -> None:
    wish(notify={"command": ["/no/such/program"]})
    with open_ledger() as ledger:
        said(ledger, 92)
        refreshed(ledger)
    home = Path(os.environ["GOVERNOR_HOME"])
    assert "FileNotFoundError" in (home / "log" / "hooks.log").read_text()
    assert (home / "letters" / "pacing").exists()


def test_the_desktop_is_told_through_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Notifier:
        def __init__(self, app_name: str) -> None:
            assert "governor" == app_name

        def send(self, title: str, message: str) -> None:
            shown.append(message)

    library = types.ModuleType("desktop_notifier")
    library.__spec__ = types.SimpleNamespace(name="desktop_notifier")  # type: ignore[assignment]
    sync = types.ModuleType("desktop_notifier.sync")
    sync.DesktopNotifierSync = Notifier  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "desktop_notifier", library)
    monkeypatch.setitem(sys.modules, "desktop_notifier.sync", sync)
    monkeypatch.setenv("DISPLAY", ":9")
    wish(notify={"desktop": True})
    with open_ledger() as ledger:
        said(ledger, 71)
        refreshed(ledger)
        refreshed(ledger, now=NOW + 60)
    assert ["Claude Code week: 71 % used. Look: governor status"] == shown
    assert [] == alerts_in_the_snapshot()


def alerts_in_the_snapshot() -> list[dict[str, str]]:
    found: list[dict[str, str]] = runtime.read_snapshot(os.environ["GOVERNOR_HOME"], "pacing")[1]["alerts"]
    return found


def test_without_a_desktop_the_bell_rings_once_with_the_next_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in alerts.SESSION_BUS:
        monkeypatch.delenv(name, raising=False)
    wish(notify={"desktop": True})
    with open_ledger() as ledger:
        said(ledger, 55)
        refreshed(ledger)
        (alert,) = alerts_in_the_snapshot()
        home = os.environ["GOVERNOR_HOME"]
        snapshot = runtime.read_snapshot(home, "pacing")[1]
        event = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "hi"}

        def ask() -> pacing_rules.PacingAdvice | None:
            return pacing_rules.decide(
                event,
                snapshot,
                lane="claude",
                now=NOW,
                seen=lambda key: os.path.exists(runtime.episode_path(home, key)),
                go_on=lambda: "Press Enter",
                is_watched=lambda: True,
            )

        advice = ask()
        assert advice is not None
        assert (True, alert["text"]) == (advice.bell, advice.person)
        runtime.claim(home, advice.once)
        assert ask() is None
        refreshed(ledger, now=NOW + 60)
        assert [] == alerts_in_the_snapshot()
        assert runtime.is_quiet(home, "pacing")


def test_all_is_off_by_default() -> None:
    with open_ledger() as ledger:
        said(ledger, 92)
        refreshed(ledger)
    assert not list(Path(os.environ["GOVERNOR_HOME"]).glob("episodes/sent*"))
    assert [] == alerts_in_the_snapshot()


def test_the_bell_is_rung_where_the_client_lets_a_hook() -> None:
    reply = runtime.Reply(person="x", bell=True)
    assert {"systemMessage": "x", "terminalSequence": "\a"} == runtime.in_dialect(reply, "UserPromptSubmit")
    assert {"systemMessage": "x"} == runtime.in_dialect(reply, "UserPromptSubmit", "codex")
