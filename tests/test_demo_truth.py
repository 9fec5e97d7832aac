"""The figures of a made-up home, read the ordinary way, are the ones its truth file states."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import click
import pytest
from writing import NOW, quarters, rows, whole

from governor import demo
from governor.config import Settings
from governor.config.schema import Budget
from governor.ledger import owners, read, statements
from governor.ledger.store import Ledger, open_ledger
from governor.model import LANES, Account, Lane, Tally
from governor.pipeline import history, ingest
from governor.pipeline.assess import assess
from governor.quota import units
from governor.usage import group_by
from governor.usage import sessions as usage_sessions
from governor.views import text

KINDS = ("requests", "input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
UTC = ZoneInfo("UTC")
SETTINGS = Settings(Budget().model_dump(mode="json"), {}, Path("nowhere"))


class Home(NamedTuple):
    ledger: Ledger
    truth: dict[str, Any]
    refreshed: ingest.Refreshed
    whose: dict[Lane, Account]  # as the demo's own environment names them, which a test's does not


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("demo")
    demo.write(folder, now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOVERNOR_HOME", str(folder / "state"))
        patch.setenv("CLAUDE_CONFIG_DIR", str(folder / "claude"))
        patch.setenv("CODEX_HOME", str(folder / "codex"))
        with open_ledger() as ledger:
            done = ingest.refresh(ledger, SETTINGS, now=NOW)
            whose = {lane: owners.primary(ledger, lane, now=NOW) for lane in LANES}
            yield Home(ledger, json.loads((folder / "truth.json").read_text()), done, whose)


def sums(tally: Tally) -> dict[str, int]:
    return {kind: getattr(tally, kind) for kind in KINDS}


def grouped(home: Home, lane: str, *keys: str) -> dict[str, dict[str, int]]:
    pieces = read.slices(
        home.ledger, 0, 2**33, lane="claude" if lane == "claude" else "codex", keys=group_by.stored_keys(keys)
    )
    found = group_by.group(pieces, keys, weights=units.DEFAULT, zone=UTC)
    return {row.names[0]: sums(row.tally) for row in found}


@pytest.mark.parametrize("lane", LANES)
def test_the_total_of_every_kind(home: Home, lane: str) -> None:
    told = home.truth["lanes"][lane]
    assert {lane: {kind: told[kind] for kind in KINDS}} == grouped(home, lane, "lane")


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize(("key", "name"), [("day", "by_day"), ("model", "by_model"), ("agent", "by_agent")])
def test_the_parts(home: Home, lane: str, key: str, name: str) -> None:
    assert home.truth["lanes"][lane][name] == grouped(home, lane, key)


@pytest.mark.parametrize("lane", LANES)
def test_projects(home: Home, lane: str) -> None:
    found = grouped(home, lane, "project")
    assert home.truth["lanes"][lane]["by_project"] == {name.rsplit("/", 1)[1]: part for name, part in found.items()}


def test_sums_and_responses_agree(home: Home) -> None:
    assert whole(home.ledger) == quarters(home.ledger)


@pytest.mark.parametrize("lane", LANES)
def test_repeats_are_as_many_as_were_written(home: Home, lane: str) -> None:
    told = home.truth["lanes"][lane]
    assert told["repeat_share"] == pytest.approx(1 - told["requests"] / told["usage_lines"], abs=1e-6)
    assert grouped(home, lane, "lane")[lane]["requests"] == told["requests"]


def test_sessions_their_marathons_and_the_fork(home: Home) -> None:
    found = {one.session: one for one in usage_sessions.sessions(read.sessions(home.ledger, 0, 2**33), units.DEFAULT)}
    lanes = Counter(one.lane for one in found.values())
    assert {lane: home.truth["lanes"][lane]["sessions"] for lane in LANES} == pytest.approx(lanes, abs=2)
    for name, told in home.truth["sessions"].items():
        one = found[told["id"]]
        assert told["requests"] + told["agent_requests"] == one.tally.requests, name
        assert (told["first_at"], told["largest_context"]) == (one.first_s, one.largest_context), name
    assert set(home.truth["marathons"]) <= {one.session for one in found.values() if one.is_marathon}


def test_what_was_planted_is_found_and_nothing_else(home: Home) -> None:
    planted = Counter(one["what"] for one in home.truth["planted"])
    assert 1 == planted["a line of NUL bytes"]
    (model,) = [one["model"] for one in home.truth["planted"] if "model" in one]
    assert {model} == {name for name, _ in read.unpriced_models(home.ledger, 0, 2**33)}
    assert [] == [one for one in home.refreshed.problems if one.offset is None]
    assert len(home.refreshed.problems) <= 1


def test_the_official_readings_arrive_by_themselves(home: Home) -> None:
    for lane in LANES:
        heard = [one.reading for one in statements.readings(home.ledger, lane=lane)]
        assert {"5h", "week"} <= {one.window for one in heard}
        for name in ("5h", "week"):
            told = home.truth["lanes"][lane]["current"][name]
            latest = [one for one in heard if one.window == name][-1]
            if abs((latest.resets_at or 0) - told["resets_at"]) < 600:
                assert latest.used_percent <= told["used_percent"] + 1
    refusals = home.truth["refusals"]
    heard_refused = [one.reading for one in statements.refusals(home.ledger, lane="claude")]
    assert {one["at"] for one in refusals if one["lane"] == "claude"} == {one.observed_at for one in heard_refused}


def test_the_limit_that_was_raised_is_found_dated_and_sized_and_no_other(home: Home) -> None:
    before, raised = home.truth["lanes"]["claude"]["windows"]["week"]["regimes"]
    assert home.truth["cap_raised_at"] == raised["since"]
    for lane in LANES:
        for window in ("5h", "week"):
            scale = history.scale(home.ledger, SETTINGS, home.whose[lane], window, now=NOW)
            assert scale is not None
            if (lane, window) != ("claude", "week"):
                assert scale.change is None
                continue
            assert scale.change is not None
            assert "meters" == scale.change.by
            assert abs(scale.change.at - raised["since"]) <= 2 * history.DAY
            assert scale.change.low < raised["units_per_percent"] / before["units_per_percent"] < scale.change.high


def test_the_raised_limit_is_said_on_the_screen(home: Home) -> None:
    """With ``--why`` always, without it while it is news."""
    report = assess(home.ledger, SETTINGS, now=NOW, whose=home.whose["claude"])
    told = "The weekly limit changed about 2026-10-"
    assert told in click.unstyle(text.status(report, why=True))
    assert told not in click.unstyle(text.status(report))
    soon = report._replace(generated_at=home.truth["cap_raised_at"] + 10 * history.DAY)
    assert told in click.unstyle(text.status(soon))
    assert all(len(line) <= text.WIDTH for line in click.unstyle(text.status(soon)).splitlines())


def test_a_second_look_finds_nothing_new(home: Home) -> None:
    before = rows(home.ledger)
    assert (0, 0) == ingest.refresh(home.ledger, SETTINGS, now=NOW)[1:3]
    assert before == rows(home.ledger)


def test_a_forgotten_reading_of_long_ago_leaves_no_trace_in_what_is_kept(home: Home) -> None:
    """The last test here, for it takes a reading away."""
    kept = history.scale(home.ledger, SETTINGS, home.whose["claude"], "week", now=NOW)
    assert kept == history.scale(home.ledger, SETTINGS, home.whose["claude"], "week", now=NOW)
    stored = statements.readings(home.ledger, lane="claude", window="week", since=NOW - 30 * history.DAY)
    with home.ledger.transaction():
        for one in stored[:40]:
            assert home.ledger.forget_reading(one.id)
    again = history.scale(home.ledger, SETTINGS, home.whose["claude"], "week", now=NOW)
    with home.ledger.transaction():
        for name in ("days:claude", "rates:claude", "anchors:claude:week", "scale:claude:week"):
            home.ledger.set_fact(name, "null")
    assert kept is not None
    assert again is not None
    assert again.anchors < kept.anchors
    assert again == history.scale(home.ledger, SETTINGS, home.whose["claude"], "week", now=NOW)
