"""What refresh leaves for the spawn guard and for tier hints, from a person's own transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from writing import NOW, SESSION, answer, jsonl, refreshed, transcript, usage

from governor import config, snapshots
from governor.cli.guard.route import route
from governor.cli.look.decisions import _line, tier_follow_through, tiers
from governor.hooks import runtime
from governor.hooks.router import tier_hint
from governor.hooks.spawn import degrade
from governor.hooks.spawn.spawn_event import SpawningCall
from governor.quota.units import DEFAULT
from governor.report import LaneReport, Verdict
from governor.snapshots import models as models_snapshot
from governor.snapshots import router as router_snapshot
from governor.snapshots import spawn as spawn_snapshot


def agents(count: int, *, kind: str = "Explore", model: str = "claude-opus-5-5", tokens: int = 1000) -> None:
    """So many subagents of one type, each with two responses."""
    for number in range(count):
        name = f"{kind}{number}"
        lines = [
            answer(
                f"msg_{name}_{at}",
                model=model,
                at_ms=(NOW - 1800 + at) * 1000,
                spent=usage(input=tokens, output=tokens, read=7 * tokens, five=tokens),
                isSidechain=True,
                attributionAgent=kind,
                agentId=name,
            )
            for at in range(2)
        ]
        main = transcript(answer("msg_main", at_ms=(NOW - 900) * 1000, spent=usage(read=90_000)))
        folder = main.parent / SESSION / "subagents"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"agent-{name}.jsonl").write_bytes(jsonl(*lines))


def snapshot() -> dict[str, Any]:
    with refreshed() as ledger:
        word, content = spawn_snapshot.snapshot(snapshots.desk(ledger, config.load(), now=NOW))
    assert "speak" == word
    found: dict[str, Any] = json.loads(json.dumps({"version": 1, "written_at": NOW, **content}))
    return found


def test_agents_use_is_known_by_type_in_weighed_medians(sealed_home: Path) -> None:
    (sealed_home / "budget.json").write_text('{"spawn": {"tree_tokens": 1000000}}')
    agents(3)
    agents(2, kind="Plan", tokens=10)
    found = snapshot()
    use = found["types"]["claude"]["Explore"]
    assert {"n": 3, "input": 2000, "output": 10_000, "cache_read": 14_000 * DEFAULT.cache_read, "cache_write": 2000,
            "opening": 7000, "most": 1.0} == use  # fmt: skip
    assert "Plan" not in found["types"]["claude"], "two say nothing of the next"
    assert 5 == found["types"]["claude"][""]["n"]
    assert {SESSION: 3 * 2 * 3000 + 2 * 2 * 30} == found["trees"], "all of them together, cache reads left out"
    assert ["claude-opus-5-5", 90_010, "claude"] == found["sessions"][SESSION]


def test_the_snapshot_is_what_the_guard_reads() -> None:
    agents(3)
    found = snapshot()
    found["lanes"] = {"claude": [{"window": "week", "verdict": "STOP", "resets_at": NOW + 5}]}
    found["degrade"]["mode"] = "act"
    what = SpawningCall({"tool_name": "Agent", "session_id": SESSION, "tool_input": {"subagent_type": "Explore"}})
    current, context = tier_hint.session_of(found, SESSION)
    assert 90_010 == context
    shift = degrade.degrade(what, found, lane="claude", now=NOW, current=current)
    assert ("cheaper", "haiku", "type") == (shift.rule, shift.to, shift.basis)
    assert {"action", "concurrent", "fan_out", "total", "depth", "tree_tokens", "lease"} <= set(found)


def test_short_names_stand_for_the_model_used_last_else_for_the_newest_known() -> None:
    agents(1, model="claude-haiku-4-5")
    factors = snapshot()["factors"]
    assert (0.25, 0.25, 0.6) == (factors["haiku"], factors["claude-haiku-4-5"], factors["sonnet"])
    assert 0.025 == models_snapshot.factors(config.load(), [])["haiku"]
    assert "who-knows" not in models_snapshot.factors(config.load(), ["who-knows"])
    assert {"claude-opus-5-5", "claude-sonnet-5-5", "gpt-6-sol"} <= set(models_snapshot.factors(config.load(), []))


def test_what_agents_used_is_looked_up_once_an_hour_and_by_the_weights_in_force(sealed_home: Path) -> None:
    agents(3)
    assert 3 == snapshot()["types"]["claude"]["Explore"]["n"]
    agents(5)
    assert 3 == snapshot()["types"]["claude"]["Explore"]["n"]
    (sealed_home / "budget.json").write_text('{"weights": "classic"}')
    found = snapshot()
    assert (5, 1400.0) == (found["types"]["claude"]["Explore"]["n"], found["types"]["claude"]["Explore"]["cache_read"])
    assert {} == found["trees"], "nobody asked"


def test_an_empty_ledger_leaves_a_snapshot_all_the_same() -> None:
    found = snapshot()
    assert ({}, {}, {}) == (found["types"], found["trees"], found["sessions"])


def test_tier_hints_are_in_the_routers_snapshot_while_a_lane_is_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    agents(1)

    def routers(verdict: Verdict) -> tuple[str, dict[str, Any]]:
        monkeypatch.setattr(LaneReport, "verdict", verdict)
        with refreshed() as ledger:
            return router_snapshot.snapshot(snapshots.desk(ledger, config.load(), now=NOW))

    word, content = routers("GO")
    assert ("quiet", False) == (word, "tiers" in content)
    word, content = routers("SLOW")
    assert "speak" == word
    assert {"tiers", "sessions", "factors", "rewrite", "read"} <= set(content)
    assert "words" not in content, "or every prompt would be read"


def test_a_persons_own_words_for_a_tier_have_every_prompt_read(
    sealed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sealed_home / "budget.json").write_text('{"tiers": {"small": ["localise"]}}')
    monkeypatch.setattr(LaneReport, "verdict", "SLOW")
    with refreshed() as ledger:
        content = router_snapshot.snapshot(snapshots.desk(ledger, config.load(), now=NOW))[1]
    assert {} == content["words"]


# ---- the command line ------------------------------------------------------------------------------------------------


def leave(content: dict[str, Any]) -> None:
    runtime.write_private(f"{runtime.home()}/letters/router", b"speak\n" + json.dumps(content).encode())


def pressed(**more: Any) -> dict[str, Any]:
    import time

    now = time.time()
    facts = {"installed": True, "healthy": True, "verdict": "NUDGE", "slack": 5.0, "window": "week"}
    return {
        "version": 1,
        "written_at": now - 5,
        "mode": "advise",
        "lanes": {"claude": {**facts, "resets_at": now + 9999}, "codex": {"installed": False}},
        "tiers": config.load().values["tiers"],
        "factors": models_snapshot.factors(config.load(), ["claude-opus-5-5"]),
        "sessions": {"s": ["claude-opus-5-5", 100_000, "claude"]},
        "rewrite": 0.985,
        "read": 0.015,
        **more,
    }


def test_route_explains_the_tier_by_the_hooks_own_comparator() -> None:
    leave(pressed())
    shown = json.loads(CliRunner().invoke(route, ["Fix the typos in README.md", "--json"]).output)["tier"]
    assert ("small", "smaller-suits", "haiku", "claude-opus-5-5", 100_000, 10) == tuple(
        shown[name] for name in ("suits", "rule", "to", "model", "context", "requests")
    )
    said = " ".join(CliRunner().invoke(route, ["Fix the typos in README.md"]).output.split())
    assert "small suits (smaller-suits: A smaller model suits this" in said
    assert "a switch costs 2,462 units, 10 requests save 63,375 (estimates)" in said
    assert said.rstrip().endswith("For this task: /model haiku")


def test_route_says_why_no_tier_is_offered() -> None:
    leave(pressed(lanes={"claude": {"installed": True, "verdict": "GO"}}))
    said = " ".join(CliRunner().invoke(route, ["Fix the typos in README.md"]).output.split())
    assert "small suits (roomy: No warning is on in this lane, so no smaller model is offered.)" in said
    said = CliRunner().invoke(route, ["What is this?"]).output
    assert "none suits  (unclear: What it asks for fits no tier clearly.)" in said


def offer(at: float, *, session: str = "s", said: bool = True, wanted: str = "small", **more: Any) -> dict[str, Any]:
    facts = {"tier": wanted, "rule": "smaller-suits", "to": "haiku", "said": said, "mode": "advise", **more}
    return {"at": at, "hook": "router", "lane": "claude", "decision": "tier", "session": session, "tier": facts}


def test_whether_a_hint_was_followed_is_told_by_the_sessions_next_responses() -> None:
    content = {"tiers": config.load().values["tiers"], "factors": {}}
    offers = [offer(100), offer(100, session="stayed"), offer(100, session="silent"), offer(9_000, session="new")]
    used = [("s", 50.0, "claude-opus-5-5"), ("s", 200.0, "claude-haiku-5-5"), ("stayed", 200.0, "claude-opus-5-5")]
    result = tier_follow_through(offers, used, content, now=10_000)
    assert (4, 1, 1, 1, 1, 0.5) == (*result, result.rate)
    late = [("s", 100.0 + 1801, "claude-haiku-5-5")]
    assert 0 == tier_follow_through([offer(100)], late, content, now=10_000).followed


def test_a_degraded_agent_is_named_with_its_models_and_its_saving() -> None:
    row = {"at": "now", "hook": "spawn", "decision": "degrade", "agent": "Explore", "rule": "", "degraded": True}
    row |= {"from": "claude-opus-5-5", "to": "haiku", "saved_units": 97_982}
    assert _line(row).endswith("Explore, claude-opus-5-5 → haiku, ≈ 97,982 units saved")
    assert _line(row | {"saved_units": None}).endswith("claude-opus-5-5 → haiku")
    held = {"at": "now", "hook": "spawn", "decision": "deny", "agent": "Explore", "rule": "concurrent", "to": ""}
    assert _line(held).endswith("deny            Explore, concurrent")


def test_decisions_count_hints_by_rule_and_judge_only_what_was_said() -> None:
    content = {"tiers": config.load().values["tiers"], "factors": {}}
    rows = [
        offer(100),
        offer(100, said=False, mode="shadow"),
        offer(100, said=False, rule="costs-more", to=""),
        {"at": 1, "hook": "router", "lane": "claude", "decision": "keep"},
    ]
    shown = tiers(rows, [("s", 200.0, "claude-haiku-5-5")], content, now=10_000)
    assert [{"rule": "smaller-suits", "count": 2}, {"rule": "costs-more", "count": 1}] == shown["rules"]
    assert (1, 1) == (shown["follow_through"]["offers"], shown["follow_through"]["followed"])
    assert 1 == shown["shadow"]["offers"]
