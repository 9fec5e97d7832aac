"""The two snapshots about prices, from a ledger with a calibration and without; and the price warner as it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from writing import NOW, SESSION, answer, refreshed, transcript, usage

from governor import config, paths, snapshots
from governor.cli import governor as command_line
from governor.hooks.price import rules as price_rules
from governor.ledger import read
from governor.ledger.store import Ledger
from governor.model import LimitReading
from governor.quota import units
from governor.usage import sessions as usage_sessions

SCRIPT = Path(__file__).parents[1] / "hooks" / "price_warner.py"
RESET = NOW + 2 * 86_400
WEIGHTS = {
    "read": 0.015,
    "5m": 1.0,
    "1h": 1.0,
    "families": [["opus", 1.0], ["sonnet", 0.6], ["haiku", 0.025]],
    "other": 1,
}


def worked(*, hours: float = 2, context: int = 400_000, calibrated: bool = True) -> Ledger:
    """A session of Opus at work until now, a turn each ten minutes."""
    count = int(hours * 6)
    turns = [
        answer(
            f"msg_{n}",
            request=f"req_{n}",
            at_ms=(NOW - 60 - (count - n) * 600) * 1000,
            spent=usage(input=10, output=2000, read=context - 5000, hour=5000),
        )
        for n in range(count)
    ]
    transcript(*turns)
    ledger = refreshed()
    if calibrated:
        readings = [
            LimitReading("claude", "week", used, RESET, NOW - back, "statusline")
            for used, back in ((10.0, int(hours * 3600) + 700), (30.0, 30))
        ]
        with ledger.transaction():
            ledger.add_readings(readings, machine="m")
    return ledger


def left(name: str) -> tuple[str, dict[str, Any]]:
    word, _, body = (paths.home() / "letters" / name).read_text().partition("\n")
    content: dict[str, Any] = json.loads(body)
    return word, content


def test_the_snapshot_prices_the_next_turn_in_percent_of_the_week() -> None:
    with worked() as ledger:
        here = snapshots.write(ledger, config.load(), now=NOW)
        (one,) = usage_sessions.sessions(read.sessions(ledger, 0, 2**33), units.DEFAULT)
    word, content = left("loop")
    (week,) = (found for found in here.report.lanes[0].windows if found.window.name == "week")
    assert week.scale is not None
    facts = content["sessions"][SESSION]
    per_percent = week.scale.units_per_percent
    assert ("speak", 400_010, "1h", one.active_s / 3600) == (word, facts["context"], facts["ttl"], facts["hours"])
    assert pytest.approx(one.turn.warm / per_percent, rel=1e-3) == facts["warm"]
    assert pytest.approx(one.turn.cold / per_percent, rel=1e-3) == facts["cold"]
    assert pytest.approx(one.tally.units / per_percent, rel=1e-3) == facts["share"]
    assert facts["cold"] > 10 * facts["warm"] > 0


def test_the_hook_reads_the_persons_number_without_parsing() -> None:
    Path(paths.config_file()).write_text('{"loop": {"alike": 3}}')
    with worked() as ledger:
        snapshots.write(ledger, config.load(), now=NOW)
    raw = (paths.home() / "letters" / "loop").read_bytes()
    assert raw.index(b'"alike":3') < 200


def test_without_a_calibration_no_percentage_is_made_up() -> None:
    with worked(calibrated=False) as ledger:
        snapshots.write(ledger, config.load(), now=NOW)
    facts = left("loop")[1]["sessions"][SESSION]
    assert [None] * 3 == [facts[name] for name in ("warm", "cold", "share")]
    assert left("price")[1]["per_percent"] is None


def test_switched_off_both_snapshots_are_quiet() -> None:
    Path(paths.config_file()).write_text('{"loop": {"action": "off"}}')
    with worked() as ledger:
        snapshots.write(ledger, config.load(), now=NOW)
    assert ["quiet", "quiet"] == [left(name)[0] for name in ("loop", "price")]


def test_a_session_of_yesterday_is_no_open_loop_but_may_be_resumed() -> None:
    with worked() as ledger:
        snapshots.write(ledger, config.load(), now=NOW + 86_400)
    assert {} == left("loop")[1]["sessions"]
    assert "claude-opus-5-5" == left("price")[1]["sessions"][SESSION]["model"]
    assert "claude-opus-5-5" == left("price")[1]["model"]


def test_marks_that_nobody_asks_for_again_are_swept(sealed_home: Path) -> None:
    for folder in ("loops", "breakers"):
        (paths.home() / folder).mkdir(parents=True)
        for name, days in (("old", 15), ("new", 13)):
            mark = paths.home() / folder / name
            mark.touch()
            os.utime(mark, (time.time() - days * 86_400,) * 2)
    with refreshed() as ledger:
        snapshots.write(ledger, config.load(), now=NOW)
    assert [["new"], ["new"]] == [[p.name for p in (paths.home() / each).iterdir()] for each in ("loops", "breakers")]


def test_how_long_a_marathon_is_the_person_says(sealed_home: Path) -> None:
    Path(paths.config_file()).write_text('{"loop": {"marathon": "90m"}}')
    with worked():
        pass
    done = CliRunner().invoke(command_line, ["sessions", "--since", "2026-11-01"])
    assert "1 of them were at work 1.5 h or more (bold)" in done.output


# ---- said ------------------------------------------------------------------------------------------------------------


def snapshot(**more: Any) -> dict[str, Any]:
    content = {
        "version": 1,
        "written_at": time.time(),
        "action": "advise",
        "turn_percent": 0.5,
        "per_percent": 90_000.0,
    }
    return {**content, "weights": WEIGHTS, "model": "claude-opus-5-5", "sessions": {}, **more}


def resume(**more: Any) -> dict[str, Any]:
    event = {"session_id": "s", "hook_event_name": "SessionStart", "source": "resume", "context_tokens": 412_000}
    cold = {
        "prompt_cache_likely_expired": True,
        "seconds_since_last_response": 14_400,
        "estimated_cache_write_usd": 3.3,
    }
    return {**event, **cold, **more}


def switch(old: str = "claude-opus-5-5", new: str = "claude-sonnet-5-5", **more: Any) -> dict[str, Any]:
    event = {"session_id": "s", "hook_event_name": "PreModelSwitch", "from_model": old, "to_model": new}
    return {
        **event, "source": "command", "context_tokens": 412_000, "prompt_cache_warm": True, "cache_ttl": "1h",
        "estimated_cache_write_usd": 1.65, "pricing": "catalog", **more,
    }  # fmt: skip


def words(event: dict[str, Any], **more: Any) -> str:
    said = price_rules.say(event, snapshot(**more), now=time.time())
    return said[0] if said else ""


def test_a_cold_resume_is_priced_by_the_sessions_own_model() -> None:
    assert "cache has lapsed after 4 h: the next turn writes 412k tokens anew, about 4.6 % of your week" in words(
        resume()
    )
    sonnet = {"s": {"model": "claude-sonnet-5-5", "turn": 9000}}
    assert "about 2.7 % of your week (estimate)" in words(resume(), sessions=sonnet)
    assert "about 2.7 %" in words(resume(model="claude-sonnet-5-5", source="fork"))


def test_uncalibrated_it_names_the_list_price_as_notional() -> None:
    assert "about $3.30 at list price (notional, not a bill)" in words(resume(), per_percent=None)
    assert "" == words(resume(estimated_cache_write_usd=0.4), per_percent=None)


@pytest.mark.parametrize(
    "more",
    [
        {"prompt_cache_likely_expired": False}, {"prompt_cache_likely_expired": None}, {"source": "startup"},
        {"context_tokens": 40_000}, {"context_tokens": None}, {"context_tokens": "many"}, {"context_tokens": -1},
    ],
)  # fmt: skip
def test_a_start_that_costs_little_is_not_worth_a_word(more: dict[str, Any]) -> None:
    assert "" == words(resume(**more))


def test_a_downgrade_says_after_how_many_turns_it_pays_back() -> None:
    said = words(switch(), sessions={"s": {"model": "claude-opus-5-5", "turn": 12_360.0}})
    assert "switching to sonnet-5-5 writes 412k tokens into its cache, about 2.7 % of your week (estimate)" in said
    assert "Cheaper turns win that back after about 50." in said  # 412k x 0.6 / (12.36k x 0.4)
    assert "does not pay back" in words(switch(new="claude-mythos", old="claude-opus-5-5"), weights={
        **WEIGHTS, "families": [["opus", 1.0], ["mythos", 0.99]]
    })  # fmt: skip


def test_an_upgrade_says_how_much_more_every_turn_weighs() -> None:
    assert "Every turn then weighs 1.7 times as much." in words(switch("claude-sonnet-5-5", "claude-opus-5-5"))


@pytest.mark.parametrize(
    "event",
    [
        switch(new="claude-haiku-5-5"), switch(prompt_cache_warm=False), switch(new="claude-opus-5-5"),
        switch(context_tokens=None), switch(old=None), switch(hook_event_name="PostModelSwitch"),
    ],
)  # fmt: skip
def test_a_switch_that_costs_little_or_nothing_more_is_not_worth_a_word(event: dict[str, Any]) -> None:
    assert "" == words(event)


@pytest.mark.parametrize("written", [None, "x", 0, 9e9])
def test_a_snapshot_of_another_time_says_nothing(written: object) -> None:
    assert "" == words(resume(), written_at=written)


@pytest.mark.parametrize(
    "weights", [None, {}, {"families": [["opus"], 3, None]}, {"families": [["opus", 1]], "1h": "x"}]
)
def test_a_spoilt_snapshot_falls_back_to_the_list_price(weights: Any) -> None:
    assert "$3.30" in words(resume(), weights=weights)


# ---- as it is run ----------------------------------------------------------------------------------------------------


def run(home: Path, event: dict[str, Any] | bytes, **environment: str) -> dict[str, Any]:
    raw = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
    environment = {"GOVERNOR_HOME": str(home), "HOME": str(home), **environment}
    done = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], input=raw, capture_output=True, env=environment)
    assert (0, b"") == (done.returncode, done.stderr)
    said: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return said


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    (folder / "letters").mkdir(parents=True)
    (folder / "letters" / "price").write_text(f"speak\n{json.dumps(snapshot())}\n")
    return folder


@pytest.mark.parametrize("event", [resume(), switch()], ids=["resume", "switch"])
def test_it_speaks_to_the_person_alone_and_decides_nothing(home: Path, event: dict[str, Any]) -> None:
    assert ["systemMessage"] == list(run(home, event))
    (line,) = (home / "spool" / "decisions.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert ("price", "told", 412_000) == (record["hook"], record["decision"], record["tokens"])


def test_observing_only_records(home: Path) -> None:
    (home / "letters" / "price").write_text(f"speak\n{json.dumps(snapshot(action='observe'))}\n")
    assert {} == run(home, resume())
    assert "observed" in (home / "spool" / "decisions.jsonl").read_text()


def test_off_torn_and_odd_is_silence(home: Path) -> None:
    assert {} == run(home, resume(), GOVERNOR_OFF="1")
    for raw in (b"", b'{"context_tokens"', b'{"context_tokens":1}', b'["context_tokens"]'):
        assert {} == run(home, raw)
    (home / "letters" / "price").write_text("speak\n{")
    assert {} == run(home, resume())
    (home / "letters" / "price").unlink()
    assert {} == run(home, resume())
    assert not (home / "log").exists()
