"""The made-up home against a naive reader of its own: nothing of the real readers is used here on purpose."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from governor.demo import DemoHome, write

NOW = 1_795_314_554  # a Sunday, 02:29 UTC
HOUR = 3600
WEEK = 7 * 24 * HOUR
KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")


class Demo(NamedTuple):
    home: DemoHome
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = write(tmp_path_factory.mktemp("demo"), now=NOW)
    return Demo(home, json.loads(home.truth_file.read_text()))


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Every line that is JSON; the others are dropped in silence."""
    for raw in path.read_bytes().split(b"\n"):
        try:
            yield json.loads(raw)
        except ValueError:
            continue


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def claude_files(home: DemoHome) -> list[Path]:
    """Originals before their copies: a file is as old as the first time stamp in it."""
    files = list(home.claude_home.rglob("*.jsonl"))
    return sorted(files, key=lambda path: next(line["timestamp"] for line in lines_of(path) if "timestamp" in line))


def read_claude(home: DemoHome) -> tuple[dict[str, dict[str, Any]], int]:
    """(responses by message id, how many lines stated usage)."""
    found: dict[str, dict[str, Any]] = {}
    stated = 0
    for path in claude_files(home):
        for line in lines_of(path):
            message = line.get("message", {})
            if line["type"] != "assistant" or message["model"] == "<synthetic>":
                continue
            stated += 1
            usage = message["usage"]
            row = {
                "input": usage["input_tokens"],
                "output": usage["output_tokens"],
                "cache_read": usage["cache_read_input_tokens"],
                "cache_write_5m": usage["cache_creation"]["ephemeral_5m_input_tokens"],
                "cache_write_1h": usage["cache_creation"]["ephemeral_1h_input_tokens"],
                "reasoning": usage["output_tokens_details"]["thinking_tokens"],
                "model": message["model"],
                "agent": line.get("attributionAgent", "main"),
                "project": line["cwd"].rsplit("/", 1)[1],
                "at": line["timestamp"],
                "file": path,
            }
            known = found.setdefault(message["id"], row)
            if row["output"] > known["output"]:
                found[message["id"]] = {**row, "at": known["at"], "file": known["file"]}
    return found, stated


def read_codex(home: DemoHome) -> tuple[dict[str, dict[str, Any]], int]:
    """(responses by an identity of their own, how many lines stated running totals)."""
    found: dict[str, dict[str, Any]] = {}
    stated = 0
    for path in home.codex_home.rglob("*.jsonl"):
        lines = list(lines_of(path))
        head = lines[0]["payload"]
        own_from = seconds(lines[0]["timestamp"]) + (3 if "forked_from_id" in head else 0)
        model, total = "", Counter[str]()
        for number, line in enumerate(lines):
            payload = line["payload"]
            model = payload.get("model", model) if line["type"] == "turn_context" else model
            if line["type"] == "token_usage_record":
                used, key = payload["usage"], payload["response_id"]
            elif payload.get("type") == "token_count" and payload["info"]:
                stated += 1
                so_far = payload["info"]["total_token_usage"]
                used = {kind: so_far[kind] - total[kind] for kind in so_far}
                total, key = Counter(so_far), f"{path.name}:{number}"
                inherited = seconds(line["timestamp"]) < own_from
                if "ordinal" in line or inherited or not used["total_tokens"]:
                    continue
            else:
                continue
            found[key] = {
                "input": used["input_tokens"] - used["cached_input_tokens"],
                "output": used["output_tokens"],
                "cache_read": used["cached_input_tokens"],
                "cache_write_5m": 0,
                "cache_write_1h": 0,
                "reasoning": used["reasoning_output_tokens"],
                "model": model,
                "agent": "main",
                "project": head["cwd"].rsplit("/", 1)[1],
                "at": line["timestamp"],
                "file": path,
            }
    return found, stated


def summed(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {"requests": len(rows), **{kind: sum(row[kind] for row in rows) for kind in KINDS}}


def grouped(rows: list[dict[str, Any]], key: str, cut: int | None = None) -> dict[str, dict[str, int]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key][:cut]].append(row)
    return {name: summed(members) for name, members in groups.items()}


def readings(home: DemoHome) -> list[dict[str, Any]]:
    return list(lines_of(home.state_home / "spool" / "limits.jsonl"))


def units(truth: dict[str, Any], row: dict[str, Any]) -> float:
    weights, writes = truth["weights"], row["cache_write_5m"] + row["cache_write_1h"]
    tokens = sum(row[kind] * weights[kind] for kind in ("input", "output", "cache_read"))
    return (tokens + writes * weights["cache_write"]) * truth["factors"].get(row["model"], 1.0)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_hour_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, now in (("a", NOW), ("b", NOW - NOW % HOUR)):
        write(tmp_path / name, now=now, weeks=2)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_it_writes_nowhere_but_into_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hooks have no state folder of their own: what they would write must not land where it was started."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    write(tmp_path / "demo", now=NOW, weeks=4)
    assert [] == list(here.iterdir())


def test_another_seed_is_another_life(tmp_path: Path) -> None:
    homes = [write(tmp_path / str(seed), now=NOW, weeks=2, seed=seed) for seed in (1, 2)]
    assert homes[0].truth_file.read_bytes() != homes[1].truth_file.read_bytes()


def test_less_than_two_weeks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two weeks"):
        write(tmp_path, now=NOW, weeks=1)


@pytest.mark.parametrize(("lane", "read"), [("claude", read_claude), ("codex", read_codex)])
def test_a_naive_reader_finds_the_truth(demo: Demo, lane: str, read: Any) -> None:
    found, stated = read(demo.home)
    truth, rows = demo.truth["lanes"][lane], list(found.values())
    assert {key: truth[key] for key in ("requests", *KINDS)} == summed(rows)
    assert truth["by_day"] == grouped(rows, "at", 10)
    assert truth["by_model"] == grouped(rows, "model")
    assert truth["by_project"] == grouped(rows, "project")
    assert truth["usage_lines"] == stated
    assert truth["repeat_share"] == pytest.approx(1 - len(rows) / stated, abs=1e-6)
    assert truth["local_units"] == pytest.approx(sum(units(demo.truth, row) for row in rows))


def test_agents_are_told_apart(demo: Demo) -> None:
    found, _ = read_claude(demo.home)
    assert demo.truth["lanes"]["claude"]["by_agent"] == grouped(list(found.values()), "agent")


def test_counting_lines_or_files_alone_would_be_wrong(demo: Demo) -> None:
    """The traps are really there: half the lines repeat, a fork's file holds another session's responses."""
    assert 0.45 < demo.truth["lanes"]["claude"]["repeat_share"] < 0.58
    assert demo.truth["lanes"]["codex"]["repeat_share"] > 0.01
    found, _ = read_claude(demo.home)
    owners = Counter(row["file"].stem for row in found.values())
    for name in ("marathon", "original", "fork"):
        session = demo.truth["sessions"][name]
        assert session["requests"] == owners[session["id"]]
    fork = next(demo.home.claude_home.rglob(f"{demo.truth['sessions']['fork']['id']}.jsonl"))
    inside = {line["message"]["id"] for line in lines_of(fork) if line["type"] == "assistant"}
    assert demo.truth["sessions"]["original"]["requests"] + demo.truth["sessions"]["fork"]["requests"] == len(inside)
    assert {fork.stem} == {line["sessionId"] for line in lines_of(fork)}
    born = next(seconds(line["timestamp"]) for line in lines_of(fork) if "timestamp" in line)
    assert born > demo.truth["sessions"]["original"]["last_at"]  # so the copy can be told from the original


def test_an_old_client_writes_its_output_late(demo: Demo) -> None:
    outputs: dict[str, list[int]] = defaultdict(list)
    for path in claude_files(demo.home)[:20]:
        for line in lines_of(path):
            if line.get("version") == "2.1.96" and line["type"] == "assistant":
                outputs[line["message"]["id"]].append(line["message"]["usage"]["output_tokens"])
    late = [seen for seen in outputs.values() if len(seen) > 1]
    assert late
    assert all(seen[0] <= 8 and seen[-1] == max(seen) for seen in late)


def test_marathons_last_and_fill_their_context(demo: Demo) -> None:
    assert len(demo.truth["marathons"]) == 5
    for session in demo.truth["marathons"]:
        path = next(demo.home.claude_home.rglob(f"{session}.jsonl"))
        times = [seconds(line["timestamp"]) for line in lines_of(path) if line["type"] == "assistant"]
        assert times[-1] - times[0] >= 8 * HOUR
    path = next(demo.home.claude_home.rglob(f"{demo.truth['sessions']['marathon']['id']}.jsonl"))
    compacted = [line["compactMetadata"]["preTokens"] for line in lines_of(path) if line["type"] == "system"]
    assert compacted
    assert 550_000 < max(compacted) < 650_000


def test_readings_are_whole_and_fall_only_at_a_reset_or_a_gift(demo: Demo) -> None:
    falls = []
    last: dict[tuple[str, int], dict[str, Any]] = {}
    for reading in readings(demo.home):
        assert reading["used_percent"] == int(reading["used_percent"])
        assert reading["observed_at"] < reading["resets_at"]
        assert reading["resets_at"] % HOUR == 0
        key = reading["window"], reading["resets_at"]
        if key in last and reading["used_percent"] < last[key]["used_percent"]:
            falls.append((last[key]["observed_at"], reading["observed_at"]))
        last[key] = reading
    [(before, after)] = falls
    assert before < demo.truth["gift_at"] <= after


def test_readings_never_say_less_than_this_machine_used(demo: Demo) -> None:
    """The second machine only adds to what was spent here."""
    found, _ = read_claude(demo.home)
    spent = sorted((seconds(row["at"]), units(demo.truth, row)) for row in found.values())
    week = demo.truth["lanes"]["claude"]["ended_weeks"][1]
    upp = demo.truth["lanes"]["claude"]["windows"]["week"]["regimes"][0]["units_per_percent"]
    mine = [r for r in readings(demo.home) if r["window"] == "week" and r["resets_at"] == week["resets_at"]]
    assert len(mine) > 50
    for reading in mine:
        here = sum(amount for at, amount in spent if week["starts_at"] <= at <= reading["observed_at"] - 1)
        assert reading["used_percent"] + 1 > here / upp
    assert week["used_percent"] == pytest.approx((week["local_units"] + week["elsewhere_units"]) / upp, abs=0.001)
    assert mine[-1]["used_percent"] <= week["used_percent"]


def test_the_wall_was_met_once(demo: Demo) -> None:
    synthetic = [
        line
        for path in claude_files(demo.home)
        for line in lines_of(path)
        if line["type"] == "assistant" and line["message"]["model"] == "<synthetic>"
    ]
    [line], [refusal] = synthetic, demo.truth["refusals"]
    assert line["error"] == "rate_limit"
    assert refusal["session"] == line["sessionId"]
    assert refusal["at"] + 1 in {r["observed_at"] for r in readings(demo.home) if r["used_percent"] == 100}


def test_weeks_end_as_told(demo: Demo) -> None:
    claude, codex = (demo.truth["lanes"][lane]["ended_weeks"] for lane in ("claude", "codex"))
    ordinary = [week["used_percent"] for number, week in enumerate(claude, 1) if number not in (4, 8, 10)]
    assert all(55 <= percent <= 95 for percent in ordinary)
    assert claude[3]["used_percent"] >= 99.9
    assert claude[7]["local_units"] == 0  # vacation: only the second machine
    assert 0.25 <= demo.truth["lanes"]["claude"]["elsewhere_share"] <= 0.36
    assert 0.25 <= demo.truth["lanes"]["codex"]["elsewhere_share"] <= 0.36
    assert len(claude) == len(codex) == 12


@pytest.mark.parametrize("days", range(0, 7, 3))
def test_the_current_week_is_interesting_whatever_the_day(tmp_path: Path, days: int) -> None:
    now = NOW + days * 29 * HOUR
    home = write(tmp_path, now=now, weeks=2)
    current = {lane: told["current"] for lane, told in json.loads(home.truth_file.read_text())["lanes"].items()}
    assert 55 <= current["claude"]["week"]["used_percent"] <= 65
    assert 20 <= current["codex"]["week"]["used_percent"] <= 35
    newest = readings(home)[-1]
    assert now - HOUR - 900 < newest["observed_at"] <= now
    assert newest["resets_at"] in {window["resets_at"] for window in current["claude"].values()}


def test_codex_windows_must_be_told_by_their_length(demo: Demo) -> None:
    slots = Counter()
    for path in demo.home.codex_home.rglob("*.jsonl"):
        for line in lines_of(path):
            if line["payload"].get("type") == "token_count" and line["payload"]["info"]:
                limits = line["payload"]["rate_limits"]
                slots[tuple(limits[slot] and limits[slot]["window_minutes"] for slot in ("primary", "secondary"))] += 1
    assert {(300, 10080), (10080, None)} == set(slots)


def test_what_was_planted_is_there(demo: Demo) -> None:
    planted = {one["what"]: one for one in demo.truth["planted"]}
    torn = next(demo.home.claude_home.rglob(f"{planted['torn last line']['session']}.jsonl")).read_bytes()
    assert not torn.endswith(b"\n")
    odd = next(demo.home.claude_home.rglob(f"{planted['a line of NUL bytes']['session']}.jsonl")).read_bytes()
    assert b"\n\0" in odd
    assert planted["a model without a price"]["model"] in demo.truth["lanes"]["claude"]["by_model"]
    child = planted["a thread that replays its parent"]["session"]
    head, second = list(lines_of(next(demo.home.codex_home.rglob(f"*{child}.jsonl"))))[:2]
    assert head["payload"]["forked_from_id"] == second["payload"]["id"]


def test_it_stays_small_and_says_nothing(demo: Demo) -> None:
    files = [path for path in demo.home.truth_file.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 30_000_000
    assert demo.home.transcripts == sum(path.suffix == ".jsonl" and "spool" not in path.parts for path in files)
    claude, codex = (demo.truth["lanes"][lane] for lane in ("claude", "codex"))
    assert demo.home.responses == claude["requests"] + codex["requests"]
    said = {
        line["message"]["content"]
        for path in claude_files(demo.home)
        for line in lines_of(path)
        if line["type"] == "user" and isinstance(line["message"]["content"], str)
    }
    assert {"demo", "<task-notification>demo</task-notification>"} == said
    newest = max(path.stat().st_mtime for path in demo.home.claude_home.rglob("*.jsonl"))
    assert newest <= NOW
