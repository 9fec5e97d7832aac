"""Who used what, by whose days: zones, weeks, months, tags; and what a session weighs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import SESSION, START_MS, answer, refreshed, transcript, usage

from governor.ledger import read
from governor.ledger.read import SessionRow, Slice
from governor.model import Tally
from governor.quota import units
from governor.usage import group_by
from governor.usage import sessions as usage_sessions


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def piece(start: int, *names: str, model: str = "claude-opus-5-5", **sums: int) -> Slice:
    return Slice(start, "claude", model, False, Tally(requests=1, **sums), names)


@pytest.mark.parametrize(
    ("moment", "place", "labels"),
    [
        ("2026-11-21T23:30:00Z", "UTC", ("2026-11-21 23:00", "2026-11-21", "2026-W47", "2026-11")),
        ("2026-11-21T23:30:00Z", "Europe/Berlin", ("2026-11-22 00:00", "2026-11-22", "2026-W47", "2026-11")),
        ("2026-11-22T23:30:00Z", "Europe/Berlin", ("2026-11-23 00:00", "2026-11-23", "2026-W48", "2026-11")),
        ("2026-11-21T18:15:00Z", "Asia/Kolkata", ("2026-11-21 23:00", "2026-11-21", "2026-W47", "2026-11")),
        ("2026-11-21T18:30:00Z", "Asia/Kolkata", ("2026-11-22 00:00", "2026-11-22", "2026-W47", "2026-11")),
        ("2026-11-21T18:15:00Z", "Asia/Kathmandu", ("2026-11-22 00:00", "2026-11-22", "2026-W47", "2026-11")),
        ("2026-12-31T23:45:00Z", "Pacific/Kiritimati", ("2027-01-01 13:00", "2027-01-01", "2026-W53", "2027-01")),
        ("2026-11-01T05:30:00Z", "America/New_York", ("2026-11-01 01:00", "2026-11-01", "2026-W44", "2026-11")),
        ("2026-11-01T06:30:00Z", "America/New_York", ("2026-11-01 01:00", "2026-11-01", "2026-W44", "2026-11")),
        ("2027-01-03T12:00:00Z", "UTC", ("2027-01-03 12:00", "2027-01-03", "2026-W53", "2027-01")),
    ],
)
def test_time_labels(moment: str, place: str, labels: tuple[str, ...], zone: Callable[[str], None]) -> None:
    start = at(moment)
    assert labels == tuple(group_by.time_label(start, key, ZoneInfo(place)) for key in group_by.TIMES)
    zone(place)
    assert labels == tuple(group_by.time_label(start, key, None) for key in group_by.TIMES)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-21", 24), ("2026-02-28", 24)]
)
def test_a_day_has_as_many_hours_as_it_has(day: str, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = at(f"{day}T12:00:00+01:00")
    slices = [piece(start, input=1) for start in range(noon - 2 * 86_400, noon + 2 * 86_400, 900)]
    rows = group_by.group(slices, ["day"], weights=units.DEFAULT, zone=berlin)
    assert hours * 4 == {row.names[0]: row.tally.requests for row in rows}[day]


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["p", "q"]), st.sampled_from(["b", "c"])), max_size=20),
    st.sampled_from([["day"], ["week", "project"], ["branch"], ["tag"], ["tag", "month", "branch"], ["model", "lane"]]),
)
def test_groups_add_up_to_the_whole(use: list[tuple[int, str, str]], keys: list[str]) -> None:
    columns = group_by.stored_keys(keys)
    slices = [
        piece(start * 900, *({"project": p, "branch": b}[c] for c in columns), input=start, output=1)
        for start, p, b in use
    ]
    tags = [{"tag": "one", "project": "p", "branch": "*"}, {"tag": "two", "project": "*", "branch": "b"}]
    rows = group_by.group(slices, keys, weights=units.CLASSIC, tags=tags, zone=UTC)
    assert len({row.names for row in rows}) == len(rows)
    total = units.total(row.tally for row in rows)
    assert (len(use), sum(start for start, _, _ in use)) == (total.requests, total.input)
    assert total.input + 5 * total.output == pytest.approx(total.units)


def test_order_is_time_where_the_first_key_is_a_time_and_cost_otherwise() -> None:
    slices = [piece(900, "p", cost=5), piece(86_400, "q", cost=9), piece(0, "r", cost=1)]
    by_day = group_by.group(slices, ["day", "project"], weights=units.DEFAULT, zone=UTC)
    assert [("1970-01-01", "p"), ("1970-01-01", "r"), ("1970-01-02", "q")] == [row.names for row in by_day]
    by_project = group_by.group(slices, ["project"], weights=units.DEFAULT, zone=UTC)
    assert [("q",), ("p",), ("r",)] == [row.names for row in by_project]


def test_the_first_tag_that_matches_counts() -> None:
    tags = [{"tag": "a", "project": "/home/*/web", "branch": "*"}, {"tag": "b", "project": "*", "branch": "fix/*"}]
    assert ["a", "a", "b", "(none)"] == [
        group_by.tag_of(project, branch, tags)
        for project, branch in (
            ("/home/u/web", "main"),
            ("/home/u/web", "fix/1"),
            ("/home/u/api", "fix/1"),
            ("/home/u/Web", "main"),
        )
    ]


def test_every_key_of_the_contract_is_one() -> None:
    wanted = "day week month hour session project branch commit agent model lane account machine person surface tag"
    assert set(wanted.split()) == set(group_by.KEYS)


def test_use_is_dated_in_the_zone_of_the_person(zone: Callable[[str], None]) -> None:
    """23:59:59.999 and midnight, in Kolkata, by way of the ledger."""
    edge = at("2026-11-21T18:30:00Z") * 1000
    transcript(answer("msg_1", at_ms=edge - 1), answer("msg_2", at_ms=edge), answer("msg_3", at_ms=edge + 1))
    zone("Asia/Kolkata")
    with refreshed() as ledger:
        rows = group_by.group(read.slices(ledger, 0, 2**33), ["day"], weights=units.DEFAULT)
    assert [(("2026-11-21",), 1), (("2026-11-22",), 2)] == [(row.names, row.tally.requests) for row in rows]


# ---- sessions --------------------------------------------------------------------------------------------------------


def row(model: str = "claude-opus-5-5", **more: int) -> SessionRow:
    sums = {"requests": 2, "input": 20, "output": 10, "cache_read": 1000, "cache_write_1h": 60}
    times = {"first_ms": 1_000_000, "last_ms": 9_000_000, "active_s": 1800, "largest_context": 500, "last_context": 400}
    chosen = {**times, **{key: value for key, value in more.items() if key in times}}
    tally = Tally(**{**sums, **{key: value for key, value in more.items() if key in sums}})
    return SessionRow("claude", "s", "/p", model, False, **chosen, tally=tally)


def test_a_session_is_all_its_models_together() -> None:
    rows = [row(), row("claude-haiku-5-5", first_ms=500_000, last_ms=9_500_000, largest_context=90)]
    (one,) = usage_sessions.sessions(rows, units.DEFAULT)
    assert (500, 9500, 500, 400, 4) == (
        one.first_s,
        one.last_s,
        one.largest_context,
        one.last_context,
        one.tally.requests,
    )
    apart = [units.units(each.tally, each.model, units.DEFAULT) for each in rows]
    assert sum(apart) == pytest.approx(one.tally.units)
    assert [one] == usage_sessions.sessions(rows[::-1], units.DEFAULT)


def test_one_more_turn_reads_its_whole_context_again_or_writes_it_when_cold() -> None:
    turn = usage_sessions.next_turn(row(), units.CLASSIC)
    assert 10 + 5 * 5 + 0.1 * 400 + 1.25 * 30 == pytest.approx(turn.warm)
    assert 10 + 5 * 5 + 1.25 * 430 == pytest.approx(turn.cold)
    assert turn.warm < turn.cold


def test_eight_hours_at_work_make_a_marathon_and_pauses_do_not() -> None:
    (long,) = usage_sessions.sessions([row(active_s=8 * 3600)], units.DEFAULT)
    (short,) = usage_sessions.sessions([row(active_s=8 * 3600 - 900, last_ms=10**12)], units.DEFAULT)
    assert (True, False) == (long.is_marathon, short.is_marathon)


def test_a_sessions_subagents_count_for_it_and_its_context_is_its_own() -> None:
    later = START_MS + 5000
    transcript(answer("msg_1", spent=usage(read=100_000)), answer("msg_2", at_ms=later, spent=usage(read=120_000)))
    transcript(answer("msg_3", spent=usage(read=9_000), attributionAgent="Explore"), agent="a1")
    with refreshed() as ledger:
        (one,) = usage_sessions.sessions(read.sessions(ledger, 0, 2**33), units.DEFAULT)
    assert (SESSION, 3, 900) == (one.session, one.tally.requests, one.active_s)
    assert 120_010 == one.last_context == one.largest_context


def test_the_shipped_example_means_the_projects_own_folder_too() -> None:
    import json
    from pathlib import Path

    from governor.hooks.budget.rules import matches

    example = json.loads((Path(__file__).parent.parent / "budget.example.json").read_text())
    tags = [{"project": "*", "branch": "*", **tag} for tag in example["tags"]]
    (budget,) = (each for each in example["budgets"] if each["name"] == "client-a")
    for folder in ("/home/dev/client-a", "/home/dev/client-a/web"):
        assert ("client-a", True) == (group_by.tag_of(folder, "main", tags), matches(folder, budget["project"]))
