"""Real transcripts and rollouts of many client versions, scrubbed: the figures a reader of its own finds in them.

The expected figures were counted by a separate script that knows nothing of the readers here: by message id and largest
output for Claude Code, by differences of totals within a thread's family for Codex.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from writing import quarters, refreshed, rows, take_in, whole

from governor.cli import main
from governor.ledger import read, statements
from governor.ledger.store import Ledger, open_ledger
from governor.pipeline import ingest, readers

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no real transcripts beside the project (../shared/data)")

NOW = 1_787_400_000  # 2026-08-22, a day after the newest of them


@pytest.fixture(autouse=True)
def _real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(DATA / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(DATA / "codex"))
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with refreshed(now=NOW) as opened:
        yield opened


def sums(ledger: Ledger, lane: int) -> tuple[int, int, int, int]:
    """(responses, plain input, cache reads, output) of a lane."""
    mine = [row for row in rows(ledger).values() if row["lane"] == lane and not row["replay"]]
    whole = [row for row in mine if row["part"] == 0]
    return len(whole), *(sum(row[kind] for row in mine) for kind in ("input", "cache_read", "output"))  # type: ignore[return-value]


def test_every_response_counts_once(ledger: Ledger) -> None:
    found, problems = ingest.discover()
    assert ([], 113, 49) == (problems, *(sum(lane == name for lane, _ in found) for name in ("claude", "codex")))
    assert 162 == read.transcripts(ledger)
    assert (1701, 84_012, 99_846_473, 338_547) == sums(ledger, 0)
    assert 1382 == sums(ledger, 1)[0]
    assert whole(ledger) == quarters(ledger)
    assert (0, 0) == read.problem_counts(ledger)


def parsed(line: bytes) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:  # a line torn off where its file was cut for publication
        return {}
    return record


def test_a_reader_of_its_own_agrees(ledger: Ledger) -> None:
    """Claude: by message id, the largest output. Codex: the sum of each thread's own growth."""
    best: dict[str, int] = {}
    for path in (DATA / "claude").rglob("*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            record = parsed(line)
            if record.get("type") == "progress" and isinstance(record["data"].get("message"), dict):
                record = record["data"]["message"]
            message = record.get("message")
            if record.get("type") == "assistant" and message["model"] != "<synthetic>" and "usage" in message:
                best[message["id"]] = max(message["usage"]["output_tokens"], best.get(message["id"], 0))
    assert (len(best), sum(best.values())) == (sums(ledger, 0)[0], sums(ledger, 0)[3])


def codex_growth(path: Path) -> int:
    """How much output one rollout's own totals grew by; forks from their first own event on."""
    grown = total = 0
    for line in path.read_bytes().split(b"\n"):
        record = parsed(line)
        info = record.get("payload", {}).get("info") if record.get("type") == "event_msg" else None
        if isinstance(info, dict) and info.get("total_token_usage"):
            now = info["total_token_usage"]["output_tokens"]
            grown += max(now - total, 0)
            total = now
    return grown


def test_plain_threads_count_what_their_totals_grew_by(ledger: Ledger) -> None:
    """Threads that neither fork, nor are joined with another in one recording."""
    by_thread: dict[str, int] = {}
    for row in rows(ledger).values():
        if row["lane"] == 1:
            by_thread[row["thread"]] = by_thread.get(row["thread"], 0) + row["output"]
    files: dict[str, list[Path]] = {}
    for path in (DATA / "codex").rglob("*.jsonl"):
        text = path.read_text("utf-8", "replace")
        metas = [parsed(line.encode()).get("payload", {}) for line in text.split("\n") if '"session_meta"' in line]
        heads = {str(payload.get("id") or payload.get("session_id")) for payload in metas}
        is_plain = len(heads) == 1 and "forked_from_id" not in text and "token_usage_record" not in text
        for thread in heads:
            files.setdefault(thread, []).extend([path] if is_plain else [path, path])
    alone = {thread: paths[0] for thread, paths in files.items() if len(paths) == 1 and by_thread.get(thread)}
    assert len(alone) >= 25
    assert {thread: by_thread[thread] for thread in alone} == {
        thread: codex_growth(path) for thread, path in alone.items()
    }


def test_the_official_meter_is_heard_by_window_length(ledger: Ledger) -> None:
    heard = statements.readings(ledger, lane="codex")
    assert len(heard) > 200
    assert {"5h", "week"} <= {one.reading.window for one in heard}
    assert all(0 <= one.reading.used_percent <= 100 for one in heard)
    assert [] == [one for one in statements.readings(ledger, lane="claude") if one.reading.window != "any"]


def test_reading_in_pieces_and_by_several_processes_gives_the_same(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file in two pieces, cut anywhere; then the whole by two processes."""
    expected = {key: {**row, "born_ms": 0} for key, row in rows(ledger).items()}
    copy = tmp_path / "copy"
    for name in ("claude", "codex"):
        for path in (DATA / name).rglob("*.jsonl"):
            target = copy / path.relative_to(DATA)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 5])
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(copy / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(copy / "codex"))
    with open_ledger(tmp_path / "pieces") as pieces:
        take_in(pieces, now=NOW)
        shutil.copytree(DATA / "claude", copy / "claude", dirs_exist_ok=True)
        shutil.copytree(DATA / "codex", copy / "codex", dirs_exist_ok=True)
        take_in(pieces, now=NOW)
        assert expected == {key: {**row, "born_ms": 0} for key, row in rows(pieces).items()}
        assert whole(pieces) == quarters(pieces)
        assert (0, 0) == read.problem_counts(pieces)
    monkeypatch.setattr(readers, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(readers, "BATCH_BYTES", 2**20)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with open_ledger(tmp_path / "parallel") as parallel:
        take_in(parallel, now=NOW)
        assert expected == {key: {**row, "born_ms": 0} for key, row in rows(parallel).items()}


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "status --why",
        "usage",
        "usage --by model,lane",
        "usage --by session --top 5",
        "sessions --since 52w",
        "doctor",
        "calibrate --list",
        "forecast",
        "backtest",
        "feasibility",
    ],
)
def test_every_screen_shows_them(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(command.split())
    out, err = capsys.readouterr()
    assert code in (0, 1), err
    assert "Traceback" not in out + err
    assert [] == [line for line in out.splitlines() if len(line) > 80 and "→" not in line and "/" not in line]


def test_only_made_up_models_have_no_price(ledger: Ledger) -> None:
    """Tools' own fixtures, and names that were scrubbed."""
    unpriced = {name for name, _ in read.unpriced_models(ledger, 0, 2**33)}
    assert {"fixture-model", "x" * 11, "x" * 14} == unpriced
