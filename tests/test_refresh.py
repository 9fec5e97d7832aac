"""From files to ledger: only new bytes, each response once, whatever happens to the files and to us meanwhile."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing import (
    NOW,
    OTHER,
    SESSION,
    START_MS,
    answer,
    counted,
    iso,
    jsonl,
    meta,
    quarters,
    recorded,
    refreshed,
    rollout,
    rows,
    take_in,
    tokens,
    transcript,
    turn,
    usage,
    whole,
)

from governor import config, paths
from governor.clients.claude import transcripts as claude_transcripts
from governor.ledger import read, statements
from governor.ledger.store import Ledger, open_ledger
from governor.pipeline import ingest, readers, spool
from governor.transcripts import tail


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with open_ledger() as opened:
        yield opened


def append(path: Path, *records: dict[str, Any] | bytes) -> None:
    with path.open("ab") as file:
        file.write(jsonl(*records))


def outputs(ledger: Ledger) -> dict[str, int]:
    assert whole(ledger) == quarters(ledger)
    return {key: row["output"] for (key, part), row in rows(ledger).items() if part == 0}


# ---- only what is new ------------------------------------------------------------------------------------------------


def test_only_new_bytes_are_read_and_nothing_at_all_when_nothing_is_new(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = transcript(*(answer(f"msg_{n}") for n in range(50)))
    other = transcript(answer("msg_other"), session=OTHER)
    starts: list[tuple[str, int]] = []
    real = tail.chunks

    def watch(name: str, offset: int, problems: Any) -> Any:
        starts.append((name, offset))
        return real(name, offset, problems)

    monkeypatch.setattr(tail, "chunks", watch)
    assert 2 == take_in(ledger).changed
    assert {(str(path), 0), (str(other), 0)} == set(starts)
    starts.clear()
    assert 0 == take_in(ledger).changed
    assert [] == starts
    size = path.stat().st_size
    append(path, answer("msg_new"))
    assert 1 == take_in(ledger).changed
    assert [(str(path), size)] == starts
    assert 52 == len(outputs(ledger))


def test_nothing_new_writes_nothing(ledger: Ledger) -> None:
    transcript(answer())
    rollout(meta(), turn(), recorded("resp_1", tokens(5, output=1)))
    take_in(ledger)
    before = ledger.connection.total_changes
    take_in(ledger)
    assert before == ledger.connection.total_changes


def test_a_torn_last_line_waits_for_its_end(ledger: Ledger) -> None:
    whole_line = jsonl(answer("msg_2"))
    path = transcript(answer("msg_1"), whole_line[:-60])
    path.write_bytes(path.read_bytes()[:-1])
    assert [] == take_in(ledger).problems
    assert {"msg_1"} == outputs(ledger).keys()
    with path.open("ab") as file:
        file.write(whole_line[-60:])
    assert [] == take_in(ledger).problems
    assert {"msg_1", "msg_2"} == outputs(ledger).keys()


@pytest.mark.parametrize("lane", ["claude", "codex"])
def test_a_complete_last_line_without_its_newline_counts_once(ledger: Ledger, lane: str) -> None:
    if lane == "claude":
        path = transcript(answer(None, request=None))
    else:
        path = rollout(meta(), turn(), counted(tokens(100, output=100)))
    path.write_bytes(path.read_bytes()[:-1])
    take_in(ledger)
    assert [100] == list(outputs(ledger).values())
    append(path, b"")
    take_in(ledger)
    assert [100] == list(outputs(ledger).values())


def test_a_truncated_and_a_replaced_file_are_read_anew_and_nothing_is_forgotten(ledger: Ledger) -> None:
    path = transcript(answer("msg_1"), answer("msg_2"))
    take_in(ledger)
    path.write_bytes(jsonl(answer("msg_3")))
    take_in(ledger)
    new = path.with_suffix(".new")
    new.write_bytes(jsonl(answer("msg_1"), answer("msg_4"), answer("msg_5"), answer("msg_6")))
    new.replace(path)
    take_in(ledger)
    path.write_bytes(b"")
    take_in(ledger)
    append(path, answer("msg_7"))
    take_in(ledger)
    assert {f"msg_{n}" for n in range(1, 8)} == outputs(ledger).keys()


def test_what_the_client_deleted_stays_in_the_ledger(ledger: Ledger) -> None:
    path = transcript(answer())
    take_in(ledger)
    path.unlink()
    take_in(ledger)
    assert {"msg_1"} == outputs(ledger).keys()


def test_an_archived_and_a_compressed_rollout_are_the_same_thread(ledger: Ledger) -> None:
    import zstandard

    lines = [meta(), turn(), counted(tokens(100, output=1)), counted(tokens(300, output=3), tokens(200, output=2))]
    path = rollout(*lines)
    take_in(ledger)
    before = outputs(ledger)
    archived = rollout(*lines, archived=True)
    take_in(ledger)
    path.unlink()
    archived.with_name(archived.name + ".zst").write_bytes(zstandard.compress(archived.read_bytes()))
    archived.unlink()
    take_in(ledger)
    assert before == outputs(ledger)


def test_a_fork_merges_with_its_parent_in_either_order() -> None:
    parent = [counted(tokens(100 * n, output=n), tokens(100, output=1), at_ms=START_MS + n * 9000) for n in (1, 2, 3)]
    later = START_MS + 600_000
    copied = [counted(tokens(100 * n, output=n), tokens(100, output=1), at_ms=later + n) for n in (1, 2, 3)]
    own = counted(tokens(450, output=9), tokens(150, output=6), at_ms=later + 60_000)
    fork = [meta("t2", at_ms=later, forked_from_id="t1"), meta("t1", at_ms=later), turn(), *copied, own]
    results = []
    for order in (("t1", "t2"), ("t2", "t1")):
        with open_ledger(paths.claim_home() / order[0]) as ledger:
            for name in order:
                rollout(*([meta(), turn(), *parent] if name == "t1" else fork), name=name)
                take_in(ledger)
            results.append((rows(ledger), whole(ledger), quarters(ledger)))
        shutil.rmtree(os.environ["CODEX_HOME"])
    assert results[0] == results[1]
    assert (4, 450, 9) == (results[0][1].requests, results[0][1].input, results[0][1].output)
    assert results[0][1] == results[0][2]


def test_a_copied_session_belongs_to_the_one_that_made_it() -> None:
    """Client 2.1.330, whichever file sorts first: the original keeps its responses, the fork has only its own."""
    for mine, fork in ((SESSION, OTHER), (OTHER, SESSION)):
        lines = [{**answer(f"msg_{n}", at_ms=START_MS + n), "sessionId": mine} for n in range(5)]
        transcript(*lines, session=mine)
        copies = [{**line, "sessionId": fork, "requestSessionId": mine} for line in lines]
        transcript(*copies, {**answer("msg_own"), "sessionId": fork}, session=fork)
        with open_ledger(paths.claim_home() / mine) as ledger:
            take_in(ledger)
            by_session = {key: row["session"] for (key, _), row in rows(ledger).items()}
        assert {**{f"msg_{n}": mine for n in range(5)}, "msg_own": fork} == by_session


# ---- order, chunks, crashes, reruns ----------------------------------------------------------------------------------


def lines_of(draw: st.DrawFn, session: str) -> list[dict[str, Any]]:
    """A transcript's lines: few ids, so that they repeat within and between files."""
    made = []
    for _ in range(draw(st.integers(0, 6))):
        output = draw(st.integers(0, 3))
        spent = usage(input=output * 7 + 1, output=output, read=output * 100)
        if output % 2:
            spent["iterations"] = [
                {"type": "message", **usage(input=output * 7 + 1, output=output, read=output * 100)},
                {"type": "advisor_message", "model": "claude-fable-5-2", **usage(input=output + 1, output=1)},
            ]
        message_id = draw(st.sampled_from(["msg_1", "msg_2", "chat-1", None]))
        at_ms = START_MS + 1000 * draw(st.integers(0, 3)) + 900_000 * draw(st.integers(0, 1))
        line = answer(message_id, request=draw(st.sampled_from([None, "req_1"])), at_ms=at_ms, spent=spent)
        made.append({**line, "sessionId": session, "isSidechain": draw(st.booleans())})
    return made


@st.composite
def homes(draw: st.DrawFn) -> dict[str, bytes]:
    """Some transcripts by name; the third is a fork that copied the first."""
    first, second, own = (lines_of(draw, one) for one in (SESSION, OTHER, "fork"))
    copied = [{**line, "sessionId": "fork", "requestSessionId": SESSION} for line in first]
    torn = draw(st.sampled_from([b"", b'{"type":"assistant","message":{"usage"']))
    return {
        f"p/{SESSION}.jsonl": jsonl(*first) + torn,
        f"p/{OTHER}.jsonl": jsonl(*second),
        "q/fork.jsonl": jsonl(*copied, *own),
        f"p/{SESSION}/subagents/agent-a.jsonl": jsonl(*lines_of(draw, SESSION)),
    }


def naive(files: dict[str, bytes]) -> dict[tuple[str, int], tuple[int, int, int]]:
    """The rule in words: by id, the largest output wins whole, the main session's first, then the earliest line.

    Returns: {(key, part): (first time, input, output)}.
    """
    groups: dict[str, list[tuple[tuple[Any, ...], dict[str, Any], int]]] = {}
    for name, data in files.items():
        session = SESSION if "subagents" in name else Path(name).stem
        offset = 0
        for raw in data.splitlines(keepends=True):
            place, offset = offset, offset + len(raw)
            if not raw.endswith(b"\n"):
                continue
            line = json.loads(raw)
            message, request = line["message"], line.get("requestId")
            given = message.get("id")
            if given and given.startswith("msg_"):
                key = given
            elif given:
                key = f"{given}|{request or session}"
            else:
                key = request or f"{session}/{Path(name).stem}@{place}"
            at_ms = int(refresh_ms(line["timestamp"]))
            main = not line["isSidechain"] and "subagents" not in name
            copied = "requestSessionId" in line
            order = (-message["usage"]["output_tokens"], not main, at_ms, copied, place)
            groups.setdefault(key, []).append((order, message["usage"], at_ms))
    found = {}
    for key, lines in groups.items():
        first = min(at_ms for _, _, at_ms in lines)
        best = min(order for order, _, _ in lines)
        spent = [given for order, given, _ in lines if order == best]
        found[key, 0] = (first, spent[0]["input_tokens"], spent[0]["output_tokens"])
        for part in range(1, len(spent[0].get("iterations", []))):
            found[key, part] = (first, spent[0]["output_tokens"] + 1, 1)
    return found


def refresh_ms(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp() * 1000


@pytest.fixture
def one_price_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the price table once, not at every refresh."""
    price = readers.pricer({})
    monkeypatch.setattr(readers, "pricer", lambda _overrides: price)


@pytest.mark.usefixtures("one_price_table")
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(files=homes(), seed=st.integers(0, 999))
def test_order_chunks_and_reruns_give_what_one_pass_gives_and_what_the_rule_says(
    tmp_path: Path, files: dict[str, bytes], seed: int
) -> None:
    rng = random.Random(seed)
    root = tmp_path / "claude" / "projects"
    results = []
    for way in ("at once", "in pieces"):
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        left = dict(files)
        with refreshed() as ledger:
            while any(left.values()):
                for name in rng.sample(sorted(left), len(left)):
                    size = len(left[name]) if way == "at once" else rng.choice([0, 1, 40, 300, 700, 5000])
                    path = root / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("ab") as file:
                        file.write(left[name][:size])
                    left[name] = left[name][size:]
                    if way == "in pieces" and rng.random() < 0.6:
                        assert [] == take_in(ledger).problems
                        assert whole(ledger) == quarters(ledger)
            assert [] == take_in(ledger).problems
            results.append(rows(ledger))
            assert whole(ledger) == quarters(ledger)
    born = {"born_ms": 0}  # a file's first time stamp is known once it was read
    one, other = ({key: {**row, **born} for key, row in result.items()} for result in results)
    assert one == other
    said = naive(files)
    assert said == {key: (row["at_ms"], row["input"], row["output"]) for key, row in one.items()}


class Killed(BaseException):
    """kill -9, as far as a process can do it to itself."""


@pytest.mark.parametrize("after", range(1, 9))
def test_a_kill_anywhere_loses_nothing_and_counts_nothing_twice(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies at its n-th COMMIT, just before or just after; the next refresh ends as if nothing had been."""
    monkeypatch.setattr(readers, "BATCH_BYTES", 100)
    (paths.claim_home() / "spool").mkdir()
    spooled = {
        "limits.jsonl": {
            "lane": "claude",
            "window": "week",
            "used_percent": 9,
            "observed_at": NOW,
            "resets_at": NOW + 9,
        },
        "hooks.jsonl": {"h": "router", "t": NOW, "ms": 9.5, "c": 3},
        "decisions.jsonl": {"at": NOW, "hook": "router", "lane": "claude", "rule": "x"},
    }
    for name, record in spooled.items():
        (paths.home() / "spool" / name).write_bytes(jsonl(record))
    for n in range(4):
        transcript(answer("msg_all"), answer(f"msg_{n}", at_ms=START_MS + n * 900_000), session=f"s{n}")

    def dump(ledger: Ledger) -> tuple[Any, ...]:
        return rows(ledger), whole(ledger), quarters(ledger), len(statements.readings(ledger)), counts(ledger)

    def counts(ledger: Ledger) -> list[int]:
        return [ledger.connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("run", "decision")]

    shutil.copytree(paths.home(), paths.home().with_name("state0"))
    with refreshed() as undisturbed:
        expected = dump(undisturbed)
    assert (expected[1], [1, 1]) == (expected[2], expected[4])
    for late in (False, True):
        shutil.rmtree(paths.home())
        shutil.copytree(paths.home().with_name("state0"), paths.home())
        with open_ledger() as ledger, monkeypatch.context() as patched:
            patched.setattr(ledger, "transaction", dying(ledger.transaction, at=after, late=late))
            try:
                take_in(ledger)
            except Killed:
                pass
        with refreshed() as ledger:
            assert expected == dump(ledger)


def dying(transaction: Callable[[], AbstractContextManager[None]], *, at: int, late: bool) -> Callable[..., Any]:
    """``Ledger.transaction`` that raises Killed at its ``at``-th use: instead of it, or right after its COMMIT."""
    uses = 0

    @contextmanager
    def run() -> Iterator[None]:
        nonlocal uses
        uses += 1
        mine = uses == at
        if mine and not late:
            raise Killed
        with transaction():
            yield
        if mine:
            raise Killed

    return run


REFRESH = """
import sys
sys.path.insert(0, sys.argv[1])
from writing import refreshed, whole, quarters
sys.stdin.readline()
with refreshed() as ledger:
    assert whole(ledger) == quarters(ledger)
"""


def test_refreshes_at_once_count_once() -> None:
    for n in range(60):
        transcript(*(answer(f"msg_{n}_{m}") for m in range(20)), answer("msg_all"), session=f"s{n}")
    here = Path(__file__).parent
    command = [sys.executable, "-c", REFRESH, str(here)]
    environment = {**os.environ, "PYTHONPATH": str(here.parent)}
    many = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) for _ in range(3)]
    assert [b""] * 3 == [one.communicate(b"\n")[1] for one in many]
    with open_ledger() as ledger:
        assert 1201 == len(outputs(ledger))


def test_several_processes_read_what_one_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(30):
        transcript(
            *(answer(f"msg_{n}_{m}", at_ms=START_MS + m) for m in range(20)), b"bad " + jsonl(answer()), session=f"s{n}"
        )
        rollout(meta(f"t{n}"), turn(), counted(tokens(n + 1, output=1)), name=f"t{n}")
    with refreshed() as alone:
        expected = rows(alone), read.problems(alone), alone.cursors()
    shutil.rmtree(paths.home())
    monkeypatch.setattr(readers, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(readers, "BATCH_BYTES", 20_000)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with refreshed() as together:
        assert expected == (rows(together), read.problems(together), together.cursors())
        assert whole(together) == quarters(together)


@pytest.mark.parametrize("rows_at_once", [1, 7])
def test_a_first_scan_in_many_transactions_is_one_in_a_single_one(
    rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        each = [answer(f"msg_{n * 3 + m}", at_ms=START_MS + m * 900_000, spent=usage(output=n + m)) for m in range(5)]
        transcript(*each, session=f"s{n}")  # two of every five are repeated in the next file
    with refreshed() as at_once:
        expected = rows(at_once), whole(at_once), quarters(at_once)
    assert (20, 20) == (len(expected[0]), expected[2].requests)
    shutil.rmtree(paths.home())
    monkeypatch.setattr(ingest, "COMMIT_ROWS", rows_at_once)
    with refreshed() as in_pieces:
        assert expected == (rows(in_pieces), whole(in_pieces), quarters(in_pieces))


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_named_until_it_can_and_the_rest_counts(ledger: Ledger) -> None:
    good = transcript(answer())
    bad = good.with_name("gone.jsonl")
    bad.symlink_to("nowhere")
    os.mkfifo(good.with_name("pipe.jsonl"))
    for _ in range(2):
        take_in(ledger)
        assert {"msg_1"} == outputs(ledger).keys()
        assert (0, 2) == read.problem_counts(ledger)
    bad.unlink()
    take_in(ledger)
    assert (0, 1) == read.problem_counts(ledger)
    good.with_name("pipe.jsonl").unlink()
    take_in(ledger)
    assert (0, 0) == read.problem_counts(ledger)


def test_a_file_that_vanishes_or_shuts_meanwhile_is_named_and_the_rest_counts(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript(answer("msg_1"))
    transcript(answer("msg_2"), session=OTHER)
    real = tail._open

    def refuse(path: str) -> Any:
        if OTHER in path:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with monkeypatch.context() as patched:
        patched.setattr(tail, "_open", refuse)
        assert ["unreadable: Permission denied"] == [problem.reason for problem in take_in(ledger).problems]
    assert {"msg_1"} == outputs(ledger).keys()
    take_in(ledger)
    assert {"msg_1", "msg_2"} == outputs(ledger).keys()
    assert (0, 0) == read.problem_counts(ledger)


def test_a_fault_of_ours_in_one_file_does_not_stop_the_others(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript(answer("msg_1"))
    transcript(answer("msg_2", cwd="secret words"), session=OTHER)
    real = claude_transcripts.read

    def stumble(found: tail.FoundFile, *rest: Any) -> Any:
        if OTHER in found.path:
            raise KeyError("secret words")
        return real(found, *rest)

    monkeypatch.setattr(claude_transcripts, "read", stumble)
    (problem,) = take_in(ledger).problems
    assert "KeyError" in problem.reason
    assert "secret" not in problem.reason
    assert {"msg_1"} == outputs(ledger).keys()


def test_linked_homes_and_projects_count_once(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = transcript(answer(None, request=None), answer("chat-1", request=None))
    (path.parent.parent / "linked").symlink_to(path.parent)
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "projects").symlink_to(path.parent.parent)
    (tmp_path / "third" / "projects").mkdir(parents=True)
    (tmp_path / "third" / "projects" / "p").symlink_to(path.parent)
    homes = ",".join(str(tmp_path / name) for name in ("claude", "second", "third", "missing"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", homes)
    take_in(ledger)
    assert 2 == len(outputs(ledger))


def test_a_line_of_a_hundred_megabytes_is_named_and_the_rest_counts(ledger: Ledger) -> None:
    path = transcript(answer("msg_1"))
    with path.open("r+b") as file:
        file.truncate(100 * 2**20)
        file.seek(0, 2)
        file.write(b"\n" + jsonl(answer("msg_2")))
    (problem,) = take_in(ledger).problems
    assert "longer than" in problem.reason
    assert {"msg_1", "msg_2"} == outputs(ledger).keys()


def test_absurd_counts_do_not_break_the_sums(ledger: Ledger) -> None:
    spent = usage(input=10**9, output=10**9, hour=10**9, server_tool_use={"web_search_requests": 10**9})
    transcript(*(answer(f"msg_{n}", spent=spent, model="claude-fable-5") for n in range(60)), answer("msg_good"))
    take_in(ledger)
    assert 61 == whole(ledger).requests
    assert list(read.slices(ledger, 0, 2**33, bucket_s=900 * 10**6))


def test_a_clock_set_back_loses_nothing(ledger: Ledger) -> None:
    transcript(answer("msg_1", at_ms=NOW * 1000))
    take_in(ledger, now=NOW + 86_400)
    transcript(answer("msg_2", at_ms=NOW * 1000 - 86_400_000), session=OTHER)
    take_in(ledger, now=NOW - 86_400)
    assert 2 == len(outputs(ledger))


def test_no_text_of_any_transcript_is_ever_stored(ledger: Ledger) -> None:
    secret = "the moon is made of green cheese"
    line = answer(content=secret)
    line["message"]["content"] = [{"type": "text", "text": secret}, {"type": "tool_use", "input": {"x": secret}}]
    prompt = {"type": "user", "timestamp": iso(START_MS), "message": {"content": secret}}
    transcript(prompt, line, b'{"usage" ' + secret.encode())
    note = {"type": "agent_message", "message": secret}
    rollout(meta(instructions=secret), turn(user_instructions=secret), {**counted(tokens(9, output=1)), "note": note})
    take_in(ledger)
    assert 2 == len(outputs(ledger))
    ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert secret.encode() not in ledger.path.read_bytes()


# ---- spools ----------------------------------------------------------------------------------------------------------

SAID = {
    "lane": "claude",
    "window": "week",
    "used_percent": 42.0,
    "resets_at": NOW + 900,
    "observed_at": NOW - 60,
    "source": "statusline",
}


def put(name: str, *lines: dict[str, Any] | bytes) -> Path:
    path = paths.claim_home() / "spool" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(jsonl(*lines))
    return path


def test_spools_are_emptied_into_the_ledger(ledger: Ledger) -> None:
    files = [
        put("limits.jsonl", SAID, SAID, {**SAID, "used_percent": 43}),
        put("hooks.jsonl", {"h": "router", "t": NOW, "ms": 9.5, "c": 3}),
        put("decisions.jsonl", {"at": NOW, "hook": "router", "lane": "claude", "rule": "x"}),
    ]
    assert 2 == take_in(ledger).readings
    assert [42.0, 43.0] == [one.reading.used_percent for one in statements.readings(ledger)]
    assert [(NOW, "router", 9.5, 3)] == list(ledger.connection.execute("SELECT at, hook, ms, chars FROM run"))
    assert NOW == read.last_run(ledger, 0)
    assert [{"at": NOW, "hook": "router", "lane": "claude", "rule": "x"}] == read.decisions(ledger, 0)
    assert [] == list(files[0].parent.iterdir())
    assert not spool.waiting()


STRANGE: list[object] = [None, True, -1, float("nan"), float("inf"), 1e300, 10**30, "x", "\ud800", [], {}]


@pytest.mark.parametrize("name", spool.NAMES)
def test_a_strange_line_in_a_spool_never_stops_the_next_refresh(ledger: Ledger, name: str) -> None:
    good: dict[str, Any] = {
        "limits.jsonl": SAID,
        "hooks.jsonl": {"h": "router", "t": NOW, "ms": 9.5, "c": 3},
        "decisions.jsonl": {"at": NOW, "hook": "router", "lane": "claude", "rule": "x"},
    }[name]
    lines: list[dict[str, Any] | bytes] = [{**good, key: value} for key in good for value in STRANGE]
    lines += [{key: value for key, value in good.items() if key != missing} for missing in good]
    lines += [b"torn {", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b"", json.dumps(good).encode()]
    put(name, *lines)
    take_in(ledger)
    take_in(ledger)
    ran = ledger.connection.execute("SELECT at, hook, ms, chars FROM run").fetchall()
    heard = (statements.readings(ledger), ran, read.decisions(ledger, 0))
    assert heard[spool.NAMES.index(name)]
    assert not spool.waiting()
    for one in statements.readings(ledger):
        assert 0 <= one.reading.used_percent <= 1000
        assert one.reading.resets_at is None or one.reading.resets_at < 2**33


def test_what_a_hook_writes_while_the_spool_is_read_is_not_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("limits.jsonl", SAID)
    real = spool._records

    def slow(raw: bytes, name: str, problems: Any) -> Any:
        for taken in path.parent.glob("limits.jsonl.taken-*"):  # a hook that had opened the file before its rename
            with taken.open("ab") as file:
                file.write(jsonl({**SAID, "used_percent": 44}))
        return real(raw, name, problems)

    with monkeypatch.context() as patched:
        patched.setattr(spool, "_records", slow)
        take_in(ledger)
    take_in(ledger)
    assert [42.0, 44.0] == [one.reading.used_percent for one in statements.readings(ledger)]


def test_a_reading_names_this_machine(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNOR_MACHINE", "tower")
    put("limits.jsonl", SAID)
    transcript(answer())
    take_in(ledger)
    assert "tower" == config.load().machine
    assert ["tower"] == [one.machine for one in statements.readings(ledger)]
    assert ["tower"] == [row["machine"] for row in rows(ledger).values()]


def test_only_a_first_scan_does_without_waiting_for_the_disk() -> None:
    transcript(answer("msg_1"))
    for number, expected in ((1, 0), (2, 1)):  # PRAGMA synchronous: OFF, then NORMAL
        with open_ledger() as ledger:
            take_in(ledger)
            assert expected == ledger.connection.execute("PRAGMA synchronous").fetchone()[0]
            assert number == whole(ledger).requests
        transcript(answer("msg_1"), answer("msg_2", at_ms=START_MS + 5))
