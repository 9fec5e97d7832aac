"""What the hooks left in the made-up home: in their own words, and true of the life and the meter beside it."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from writing import NOW as SATURDAY

from governor import demo
from governor.cli import governor as command_line
from governor.config import Settings
from governor.config.schema import Budget
from governor.demo.hooks import OVER_MS
from governor.hooks import runtime
from governor.hooks.loop import breaker, failures
from governor.hooks.router import rules as router_rules
from governor.hooks.router import tier_hint
from governor.hooks.spawn import degrade, over_limit
from governor.ledger.store import open_ledger
from governor.pipeline import ingest, policy, spool
from governor.review.overhead import REFRESH

NOW = SATURDAY + 2 * 86_400  # a life whose wall is seen on the status line before it refuses
ROOT = Path(__file__).parent.parent
WINDOWS = ("5h", "week")
# Of each hook: the rules of its records. A set is a table of the guard's; a word has to stand in the guard's source.
PACING = {f"{name}:ladder-{rung:g}" for name in WINDOWS for rung in policy.LADDER}
PACING |= {f"{name}:wall-{policy.WALL:g}" for name in WINDOWS} | {f"over-{band[2] // 1000}k" for band in policy.BANDS}
ROUTED = {*router_rules.WHY} - router_rules.UNRECORDED
RULES: dict[tuple[str, str], set[str]] = {
    ("pacing", "hold"): PACING,
    ("pacing", "warn"): PACING,
    ("pacing", "context"): PACING,
    **{
        ("router", word): {*router_rules.WHY} - router_rules.UNRECORDED
        for word in ("handoff", "return", "keep", "local", "silent")
    },
    ("router", "tier"): {*tier_hint.RECORDED},
    ("loop", "told"): {"stuck", "turn", "wake", "marathon"},
    ("loop", "refused"): {*failures.BEHAVIOUR},
    ("loop", "opened"): {*breaker.ADVICE},
    ("price", "told"): {"cold-resume", "model-switch"},
    ("spawn", "admit"): {""},
    ("spawn", "over"): {*over_limit.HAVE},
    ("spawn", "would-degrade"): {"", *over_limit.HAVE},
}


class Left(NamedTuple):
    folder: Path
    truth: dict[str, Any]
    readings: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    decisions: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        (found,) = [one for one in self.truth["planted"] if one["what"] == "hooks that ran"]
        return {name: found[name] for name in ("runs", "decisions")}

    def of(self, hook_name: str, *words: str) -> list[dict[str, Any]]:
        return [one for one in self.decisions if one["hook"] == hook_name and (not words or one["decision"] in words)]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("demo")
    home = demo.write(folder, now=NOW, weeks=5)
    lines = (
        [json.loads(line) for line in (home.state_home / "spool" / name).read_bytes().splitlines()]
        for name in ("limits.jsonl", "hooks.jsonl", "decisions.jsonl")
    )
    return Left(folder, json.loads(home.truth_file.read_text()), *lines)


@pytest.fixture(scope="module")
def taken(left: Left) -> Iterator[ingest.Refreshed]:
    """The same home, taken in; commands then look at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOVERNOR_HOME", str(left.folder / "state"))
        patch.setenv("CLAUDE_CONFIG_DIR", str(left.folder / "claude"))
        patch.setenv("CODEX_HOME", str(left.folder / "codex"))
        with open_ledger() as ledger:
            yield ingest.refresh(ledger, Settings(Budget().model_dump(mode="json"), {}, Path("nowhere")), now=NOW)


def said(command: str, left: Left, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, part in (("GOVERNOR_HOME", "state"), ("CLAUDE_CONFIG_DIR", "claude"), ("CODEX_HOME", "codex")):
        monkeypatch.setenv(name, str(left.folder / part))
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)
    done = CliRunner().invoke(command_line, [*command.split(), "--since", "12w"])
    assert 0 == done.exit_code, done.output
    return done.stdout


def shown(command: str, left: Left, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(f"{command} --json", left, monkeypatch))
    return found


# ---- in the hooks' own words -----------------------------------------------------------------------------------------


def test_runs_are_of_hooks_that_ship_and_look_as_they_write_them(left: Left, tmp_path: Path) -> None:
    sources = [path.read_text() for path in (ROOT / "hooks").glob("*.py")]
    shipped = {name for text in sources for name in re.findall(r'hook\.(?:run|note_run)\([^"]*"(\w+)"', text)}
    assert shipped | {REFRESH} == {run["h"] for run in left.runs}
    (tmp_path / "state").mkdir()
    runtime.note_run(str(tmp_path / "state"), "pacing", 0)
    written = json.loads((tmp_path / "state" / "spool" / "hooks.jsonl").read_bytes())
    assert {tuple(written)} == {tuple(run) for run in left.runs}
    assert all((run["c"] > 0) == bool(run["s"]) for run in left.runs)


def test_milliseconds_are_those_of_the_benchmark(left: Left) -> None:
    told = (ROOT / "docs" / "performance.md").read_text()
    assert [] == [ms for pair in OVER_MS.values() for ms in pair if f"+{ms:.1f} ms" not in told]
    for name, (quiet, busy) in OVER_MS.items():
        spent = sorted(run["ms"] for run in left.runs if run["h"] == name)
        assert quiet < spent[len(spent) // 2] - 8 < busy + 3, name


def test_every_decision_is_one_that_its_hook_makes(left: Left) -> None:
    kinds = Counter((one["hook"], one["decision"], one["rule"]) for one in left.decisions)
    strange = [kind for kind in kinds if kind[2] not in RULES.get(kind[:2], ())]
    assert [] == [kind for kind in strange if not re.fullmatch(r"(5h|week):spike:\d+", kind[2])]
    for room, words in (("loop", RULES["loop", "told"]), ("price", RULES["price", "told"])):
        source = (ROOT / "governor" / "guards" / f"{room}.py").read_text()
        acts = (ROOT / "governor" / "acts" / "alike.py").read_text()
        assert [] == [word for word in words if f'"rule": "{word}"' not in source + acts]
    assert {one["shift"] for one in left.of("spawn")} <= {*degrade.WHY}
    assert {one["tier"]["rule"] for one in left.of("router") if "tier" in one} <= {*tier_hint.WHY}
    assert {"pacing", "router", "loop", "spawn"} <= {one["hook"] for one in left.decisions}


def test_everything_is_taken_in_and_nothing_of_a_prompt_is_in_it(left: Left, taken: ingest.Refreshed) -> None:
    for record in left.runs:
        assert spool._run(record)
    for record in left.decisions:
        assert spool._decision({**record})
    assert [] == [one for one in taken.problems if "spool" in one.path]
    words = json.dumps(left.decisions)
    assert not re.search(r"Account|Customer|type hints|pipeline|typos", words)


# ---- true of the life ------------------------------------------------------------------------------------------------


def meter(left: Left, at: float) -> list[float]:
    """The week's figures of Claude that the status line had been shown by then, in the window open at that time."""
    return [
        one["used_percent"]
        for one in left.readings
        if one["window"] == "week" and one["observed_at"] <= at < one["resets_at"] < at + 7 * 86_400 + 1
    ]


def test_pacing_speaks_where_the_meter_passed_what_it_says(left: Left) -> None:
    told = [one for one in left.of("pacing", "warn", "hold") if one["lane"] == "claude" and one["rule"][:4] == "week"]
    assert told
    for one in told:
        rung = float(one["rule"].rpartition("-")[2])
        assert max(meter(left, one["at"])) >= rung, one
    for session, rule in {(one["session"], one["rule"]) for one in told}:
        said = [one for one in told if (one["session"], one["rule"], one["said"]) == (session, rule, "pace")]
        assert len(said) <= 1


def test_a_prompt_was_held_once_where_the_wall_was_seen_before_it_refused(left: Left) -> None:
    (refusal,) = left.truth["refusals"]
    was_seen = max(meter(left, refusal["at"])) >= policy.WALL
    held = left.of("pacing", "hold")
    assert was_seen == len(held)
    for one in held:
        assert ("wall", "week:wall-95") == (one["said"], one["rule"])
        assert one["at"] < refusal["at"]
        assert max(meter(left, one["at"])) >= policy.WALL
    (refused,) = left.of("loop", "refused")
    assert (refusal["session"], "rate_limit") == (refused["session"], refused["rule"])


def test_an_offer_is_made_where_the_week_is_hot_and_codex_has_room(left: Left) -> None:
    offers = left.of("router", "handoff")
    assert len(offers) > 3
    for one in offers:
        assert one["slack"]["codex"] >= one["slack"]["claude"] + router_rules.MARGIN
        assert one["slack"]["claude"] < 0 or max(meter(left, one["at"])) >= 70, one
    assert {True, False} == {one["said"] for one in offers}, "the same is not said twice within half an hour"


def test_what_a_model_was_told_stands_beside_a_decision(left: Left) -> None:
    told = [run for run in left.runs if run["c"]]
    assert {"loop"} <= {run["h"] for run in told} <= {"loop", "pacing"}
    known = {(one["hook"], one["session"], one["at"]) for one in left.decisions}
    assert [] == [run for run in told if (run["h"], run["s"], run["t"]) not in known]


def test_runs_are_as_many_as_the_life_has_moments(left: Left) -> None:
    """Three hooks a prompt, a start or two a session, one status line a pair of figures, a refresh a minute at most."""
    runs, lanes = left.counts["runs"], left.truth["lanes"]
    starts = runs["pacing"] - runs["router"]
    assert starts >= sum(lanes[lane]["sessions"] for lane in lanes) + len(left.truth["resumed"]) - 1
    assert starts < 2 * sum(lanes[lane]["sessions"] for lane in lanes)
    assert len(left.readings) / 2 == runs["statusline"] + len(left.truth["refusals"])
    times = [run["t"] for run in left.runs if run["h"] == REFRESH]
    assert all(later - earlier >= 60 for earlier, later in pairwise(times))
    rang = [run["t"] for run in left.runs if run["h"] != REFRESH]
    assert all(0 <= at - rang[bisect_right(rang, at) - 1] < 1 for at in times)
    assert rang[-1] <= left.truth["now"]


def test_the_time_zone_changes_no_byte(left: Left, zone: Callable[[str], None], tmp_path: Path) -> None:
    zone("Pacific/Kiritimati")
    demo.write(tmp_path, now=NOW, weeks=5)
    told = [json.loads(line) for line in (tmp_path / "state" / "spool" / "hooks.jsonl").read_bytes().splitlines()]
    assert left.runs == told


# ---- as the commands show it -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("taken")
def test_decisions_and_overhead_count_what_the_truth_file_says(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    assert left.counts["runs"] == Counter(run["h"] for run in left.runs)
    cost = shown("overhead", left, monkeypatch)
    assert left.counts["runs"] == {one["hook"]: one["runs"] for one in cost["hooks"]}
    assert cost["total"]["injections"] == sum(run["c"] > 0 for run in left.runs)
    assert {"free"} == {one["standing"] for one in cost["hooks"]}

    found = shown("decisions", left, monkeypatch)
    others = Counter[str]()
    for one in found["hooks"]:
        others[one["hook"]] += one["count"]
    alone = sum(1 for one in left.of("router") if one["decision"] == "tier")
    assert left.counts["decisions"] == {**others, "router": sum(found["router"].values()) + alone}
    assert found["follow_through"]["offers"] == sum(one["said"] for one in left.of("router", "handoff", "return"))
    assert cost["saved"]["routing"]["followed"] == found["follow_through"]["followed"]


@pytest.mark.usefixtures("taken")
def test_the_screens_fit_eighty_columns_and_list_what_came_of_something(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = said("decisions --top 100", left, monkeypatch)
    for screen in (decisions, said("overhead", left, monkeypatch)):
        assert [] == [line for line in screen.splitlines() if len(line) > 80]
    head, _, latest = decisions.partition("Latest")
    assert "spawn: admit" in head
    assert " not repeated)" in head
    assert " handoff  Codex  breadth:" in latest
    assert not re.search(r" (admit|silent) ", latest)
    assert re.search(r"breadth:across, breadth:all \+\d", latest), "the rest of the signals is counted"


def test_a_span_without_runs_is_said_in_words() -> None:
    assert "No hook has run in the last 7 days.\n" in CliRunner().invoke(command_line, ["overhead"]).stdout
