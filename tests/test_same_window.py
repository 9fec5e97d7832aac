"""One window is one window however its reset wobbles: no key, no answer and no row changes with it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor import config, limit_facts, snapshots
from governor.calibration import observations
from governor.hooks.pacing import rules as pacing_rules
from governor.hooks.spawn import degrade
from governor.ledger import owners, statements
from governor.ledger.store import Ledger, open_ledger
from governor.model import LimitReading
from governor.pipeline import alerts, history
from governor.pipeline.assess import assess
from governor.quota import windows
from governor.snapshots import spawn as spawn_snapshot
from tests.writing import NOW

ROOT = Path(__file__).parent.parent
DAY = 86_400
HALF = limit_facts.RESET_JITTER // 2
WOBBLE = st.integers(-HALF, HALF)


def heard(percent: float, at: int, resets_at: int | None, window: str = "week", **more: Any) -> LimitReading:
    return LimitReading(more.pop("lane", "claude"), window, percent, resets_at, at, more.pop("source", "statusline"))


def keep(ledger: Ledger, *readings: LimitReading) -> None:
    with ledger.transaction():
        ledger.add_readings(readings, machine="m")


@given(st.integers(10**9, 2 * 10**9), WOBBLE, WOBBLE)
def test_two_that_wobble_are_the_same_and_find_each_others_key(at: int, one: int, other: int) -> None:
    assert limit_facts.is_same_window(at + one, at + other)
    assert limit_facts.cycle_keys(at + one)[0] in limit_facts.cycle_keys(at + other)
    assert not limit_facts.is_same_window(at, at + 3600 + one - HALF)


@given(st.integers(0, 700), st.lists(WOBBLE, min_size=2, max_size=8))
def test_a_wobbling_reset_is_one_episode_one_alert_and_one_alarm(edge: int, wobbles: list[int]) -> None:
    """Over the edges of any ten minutes. Every reading comes with a prompt of its own."""
    due = (NOW + DAY) // 600 * 600 + edge
    seen: set[str] = set()
    said: list[str] = []
    cycles, alerts_due, degraded = set(), set(), set()
    with fresh_ledger() as ledger:
        for number, wobble in enumerate(wobbles):
            at = NOW + number
            keep(ledger, heard(96 + number / 10, at, due + wobble))
            desk = snapshots.desk(ledger, config.load(), now=at)
            content = {"written_at": at, **snapshots.pacing.snapshot(desk)[1]}
            (week,) = [each.window for each in desk.report.lanes[0].windows if each.window.name == "week"]
            cycles.add(week.cycle)
            alerts_due |= {alert.key for alert in alerts.due(desk.report)}
            told = spawn_snapshot.snapshot(desk)[1]
            degraded.add(degrade.wall(told, "claude", at)[2])
            event = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "go on"}
            for snapshot in (content, without_cycles(content)):
                for _ in range(3):
                    advice = pacing_rules.decide(
                        event,
                        snapshot,
                        lane="claude",
                        now=at,
                        seen=seen.__contains__,
                        go_on=lambda: "Press Enter",
                        is_watched=lambda: True,
                    )
                    if advice is not None:
                        seen.update({advice.once, advice.also} - {""})
                        said.append(advice.decision)
    assert (1, 1, 1) == (len(cycles), len(alerts_due), len(degraded))
    assert ["hold", "warn"] == said


def without_cycles(snapshot: dict[str, Any]) -> dict[str, Any]:
    """As an earlier governor wrote it."""
    copy: dict[str, Any] = json.loads(json.dumps(snapshot))
    for window in copy["lanes"]["claude"]["windows"]:
        window.pop("cycle")
    return copy


def fresh_ledger() -> Ledger:
    return open_ledger(Path(tempfile.mkdtemp()) / "ledger")


@given(st.lists(st.tuples(st.integers(1, 60), WOBBLE), min_size=1, max_size=12), st.integers(0, 700))
def test_no_answer_of_the_meter_depends_on_the_wobble(steps: list[tuple[int, int]], edge: int) -> None:
    due = (NOW + DAY) // 600 * 600 + edge
    still, shaken = [], []
    for number, (points, wobble) in enumerate(steps):
        still.append(heard(number + points / 60, NOW + 60 * number, due))
        shaken.append(still[-1]._replace(resets_at=due + wobble))
    answers = []
    for told in (still, shaken):
        window = windows.current("claude", "week", told, now=NOW + DAY // 2)
        anchors = [
            observations.Anchor(r.observed_at, r.used_percent, r.resets_at, float(i)) for i, r in enumerate(told)
        ]
        runs = [[a[:2] for a in run if a.observed_at >= NOW] for run in observations.runs(anchors)]
        rolled = windows.current("claude", "week", told, now=NOW + 9 * DAY)
        thin = [r.observed_at for r in history.thinned(told)]
        answers.append((windows.official(window, told, now=NOW + DAY // 2), runs, rolled.how, thin))
        assert told[0].resets_at == window.cycle
    (first, second) = answers
    assert first[0] is not None
    assert second[0] is not None
    assert first[0][:3] == second[0][:3]
    assert first[1:] == second[1:]


# ---- names already in the ledger ------------------------------------------------------------------------------------


def test_readings_that_were_kept_under_another_length_are_of_the_same_window() -> None:
    """An earlier governor stored ``299m`` and ``10079m``. They are understood when they are read."""
    with open_ledger() as ledger:
        keep(ledger, heard(34, NOW - 600, NOW + 9000, "299m", lane="codex", source="rollout"))
        keep(ledger, heard(96, NOW - 600, NOW + 300_000, "10079m", lane="codex", source="rollout"))
        keep(ledger, heard(1, NOW - 600, NOW + 300_000, "10079m:Spark", lane="codex", source="rollout"))
        lane = assess(ledger, config.load(), now=NOW, lane="codex").lanes[0]
        names = [each.window.name for each in lane.windows]
        assert ["5h", "week", "week:Spark"] == names
        assert [34, 96, 1] == [each.official.used_percent for each in lane.windows if each.official]
        keep(ledger, heard(40, NOW - 60, NOW + 9000, "5h", lane="codex", source="rollout"))
        keep(ledger, heard(97, NOW - 60, NOW + 300_000, "week", lane="codex", source="rollout"))
        lane = assess(ledger, config.load(), now=NOW, lane="codex").lanes[0]
        assert names == [each.window.name for each in lane.windows]
        assert [40, 97, 1] == [each.official.used_percent for each in lane.windows if each.official]
        heard_of_week = statements.readings(ledger, lane="codex", window="week")
        assert [96, 97] == [each.reading.used_percent for each in heard_of_week]
        assert (2, heard_of_week[-1].id) == statements.stamp(ledger, owners.primary(ledger, "codex", now=NOW), "week")


def test_a_plan_without_five_hours_shows_no_row_for_them() -> None:
    with open_ledger() as ledger:
        keep(ledger, heard(40, NOW - 60, NOW + DAY))
        lane = assess(ledger, config.load(), now=NOW, lane="claude").lanes[0]
        assert ["week"] == [each.window.name for each in lane.windows]
        keep(ledger, heard(3, NOW - 50, NOW + 9000, "5h"))
        lane = assess(ledger, config.load(), now=NOW, lane="claude").lanes[0]
        assert ["5h", "week"] == [each.window.name for each in lane.windows]


def test_a_figure_past_its_reset_is_said_and_asks_for_pace() -> None:
    due = NOW - DAY
    with open_ledger() as ledger:
        keep(ledger, *(heard(91 + k, NOW - (9 - k) * 600, due, lane="codex", source="rollout") for k in range(9)))
        (week,) = assess(ledger, config.load(), now=NOW, lane="codex").lanes[0].windows
    assert ("overdue", "NUDGE") == (week.window.how, week.verdict)
    assert week.official is not None
    assert 99 == week.official.used_percent
    assert ["past-reset"] == [reason.rule for reason in week.reasons]


# ---- the hooks, in their own processes -------------------------------------------------------------------------------


class Session:
    """One session of a client: its status line and its prompts, as the client starts our hooks."""

    def __init__(self, home: Path, name: str = "s") -> None:
        self.home = home
        self.name = name
        self.api_ms = 0

    def hook(self, script: str, event: dict[str, Any]) -> str:
        command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / script)]
        environment = {"GOVERNOR_HOME": str(self.home), "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "TZ": "UTC"}
        text = json.dumps({"session_id": self.name, **event})
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, env=environment)
        assert "" == done.stderr
        return done.stdout

    def answered(self, percent: float, resets_at: int) -> str:
        self.api_ms += 1000
        limits = {"seven_day": {"used_percentage": percent, "resets_at": resets_at}}
        cost = {"total_api_duration_ms": self.api_ms}
        return self.hook("statusline.py", {"cost": cost, "rate_limits": limits})

    def started(self) -> str:
        return self.hook("statusline.py", {"cost": {"total_api_duration_ms": 0}})

    def is_held(self) -> bool:
        said = self.hook("pacing_warner.py", {"hook_event_name": "UserPromptSubmit", "prompt": "go on"})
        return bool(said) and json.loads(said).get("decision") == "block"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """With a bell that leaves a mark, and a refresh that rang a moment ago."""
    home = tmp_path / "state"
    (home / "letters").mkdir(parents=True)
    (home / "letters" / ".rung").touch()
    (home / "bell").write_bytes(b"\0".join((b"/bin/sh", b"-c", f"echo >> {tmp_path / 'rings'}".encode())))
    session = Session(home)
    session.started()
    return session


def told(session: Session, percent: float, resets_at: int, verdict: str) -> None:
    """What the last refresh left, some seconds ago."""
    window = {"window": "week", "resets_at": resets_at, "cycle": resets_at, "verdict": verdict, "official": percent}
    window |= {"line": f"governor: week {percent} % used." if verdict == "STOP" else "", "rule": verdict}
    snapshot = {"version": 1, "written_at": int(time.time()) - 5, "lanes": {"claude": {"windows": [window]}}}
    word = "quiet" if verdict == "GO" else "speak"
    (session.home / "letters" / "pacing").write_text(f"{word}\n{json.dumps(snapshot)}\n")


def rings(session: Session) -> int:
    mark = session.home.parent / "rings"
    deadline = time.monotonic() + 1
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(mark.read_text().splitlines()) if mark.exists() else 0


@pytest.mark.parametrize(("percent", "held"), [(94.0, False), (96.0, True), (104.0, True)])
def test_the_wall_heard_after_the_last_refresh_holds_the_very_next_prompt(
    session: Session, percent: float, held: bool
) -> None:
    due = int(time.time()) + DAY
    told(session, 40, due, "GO")
    assert not session.is_held()
    session.answered(percent, due + 3)
    assert [held, False] == [session.is_held(), session.is_held()]
    told(session, percent, due, "STOP" if held else "GO")
    assert not session.is_held()  # it was held already


def test_a_reset_heard_after_the_last_refresh_holds_nothing(session: Session) -> None:
    due = int(time.time()) + DAY
    told(session, 97, due, "STOP")
    session.answered(2, due + 7 * DAY)
    assert not session.is_held()


def test_a_lower_figure_of_the_same_window_waits_for_the_refresh(session: Session) -> None:
    due = int(time.time()) + DAY
    told(session, 97, due, "STOP")
    session.answered(60, due)
    assert session.is_held()


def test_what_another_session_showed_before_clear_holds_nothing(session: Session) -> None:
    """After ``/clear`` the process's old figure is not this session's."""
    due = int(time.time()) + DAY
    told(session, 3, due, "GO")
    (session.home / "letters" / "turned").touch()
    fresh = Session(session.home, "t")
    limits = {"seven_day": {"used_percentage": 97, "resets_at": due}}
    fresh.hook("statusline.py", {"cost": {"total_api_duration_ms": 0}, "rate_limits": limits})
    assert not fresh.is_held()


@pytest.mark.parametrize(("percent", "expected"), [(69.0, 0), (70.0, 1), (96.0, 1)])
def test_a_rung_that_is_crossed_rings_within_the_minute(session: Session, percent: float, expected: int) -> None:
    due = int(time.time()) + DAY
    session.answered(60, due)
    rung = rings(session)
    session.answered(percent, due)
    session.answered(percent, due)
    deadline = time.monotonic() + 2
    while rings(session) < rung + expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert rung + expected == rings(session)


def test_a_refresh_that_knows_it_takes_the_mark_away(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNOR_HOME", str(session.home))
    mark = session.home / "letters" / "turned"
    with open_ledger() as ledger:
        mark.touch()
        snapshots.write(ledger, config.load(), now=int(mark.stat().st_mtime) - 1)
        assert mark.exists()  # it was heard after the refresh began
        snapshots.write(ledger, config.load(), now=int(mark.stat().st_mtime) + 1)
        assert not mark.exists()
