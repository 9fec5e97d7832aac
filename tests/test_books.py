"""The client's own books: what they hold beyond the lines is counted, once, and dated; nothing else is.

``cost-state`` records as Claude Code 2.1.332 writes them; tests/e2e/test_books.py holds how it behaves.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from writing import NOW, OTHER, SESSION, START_MS, answer, jsonl, quarters, refreshed, rows, take_in, usage, whole
from writing import transcript as written

from governor.ledger import read
from governor.ledger.store import Ledger, open_ledger
from governor.pipeline import ingest

MODEL, SMALL = "claude-sonnet-5-5", "claude-haiku-4-5"
NAMES = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationEphemeral1hInputTokens")
PRICES = {MODEL: (2.0, 10.0, 0.1, 4.0), SMALL: (1.0, 5.0, 0.1, 2.0)}
Kinds = tuple[int, int, int, int]  # input, output, cache read, write 1h


def usd(model: str, kinds: Kinds) -> float:
    return sum(n * price for n, price in zip(kinds, PRICES[model], strict=True)) / 1e6


def books(
    models: dict[str, Kinds], *, session: str = SESSION, began: int | None = START_MS - 1000, ran: int | None = 5000
) -> dict[str, Any]:
    """A ``cost-state`` record; ``began`` or ``ran`` None: the client says nothing of it."""
    stated = {}
    for model, kinds in models.items():
        stated[model] = {
            **dict(zip(NAMES, kinds, strict=True)),
            "cacheCreationInputTokens": kinds[3],
            "cacheCreationEphemeral5mInputTokens": 0,
            "webSearchRequests": 0,
            "thinkingTokens": 0,
            "costUSD": usd(model.partition("[")[0], kinds),
        }
    record = {"type": "cost-state", "sessionId": session, "modelUsage": stated, "hasUnknownModelCost": False}
    record["totalCostUSD"] = sum(each["costUSD"] for each in stated.values())
    record |= {} if began is None else {"startTime": began}
    return record | ({} if ran is None else {"totalDuration": ran})


def line(number: int, kinds: Kinds, *, model: str = MODEL, at_ms: int | None = None, **more: Any) -> dict[str, Any]:
    """A response."""
    spent = usage(input=kinds[0], output=kinds[1], read=kinds[2], hour=kinds[3])
    at_ms = START_MS + number * 1000 if at_ms is None else at_ms
    return answer(f"msg_{number:04d}", at_ms=at_ms, model=model, spent=spent, **more)


def counted(ledger: Ledger) -> dict[str, Kinds]:
    """By model: all tokens."""
    sums: dict[str, Kinds] = {}
    for piece in read.slices(ledger, 0, NOW * 2):
        t = piece.tally
        own = (t.input, t.output, t.cache_read, t.cache_write_1h)
        sums[piece.model] = tuple(a + b for a, b in zip(sums.get(piece.model, (0,) * 4), own, strict=True))  # type: ignore[assignment]
    assert whole(ledger) == quarters(ledger)
    return sums


def beside(ledger: Ledger) -> dict[tuple[str, str], Kinds]:
    """By session and model: what no line holds."""
    sums: dict[tuple[str, str], Kinds] = {}
    for row in rows(ledger).values():
        if row["part"] < 0:
            assert ("auxiliary", "auxiliary") == (row["surface"], row["agent"])
            own = (row["input"], row["output"], row["cache_read"], row["cache_write_1h"])
            place = row["session"], row["model"]
            sums[place] = tuple(a + b for a, b in zip(sums.get(place, (0,) * 4), own, strict=True))  # type: ignore[assignment]
    return sums


# ---- one session -----------------------------------------------------------------------------------------------------


def test_what_the_books_hold_beyond_the_lines_is_a_row_of_its_own() -> None:
    written(line(1, (10, 20, 30, 40)), books({MODEL: (17, 20, 30, 45), SMALL: (5, 6, 0, 0)}))
    with refreshed() as ledger:
        assert {(SESSION, MODEL): (7, 0, 0, 5), (SESSION, SMALL): (5, 6, 0, 0)} == beside(ledger)
        assert {MODEL: (17, 20, 30, 45), SMALL: (5, 6, 0, 0)} == counted(ledger)
        assert pytest.approx(usd(MODEL, (17, 20, 30, 45)) + usd(SMALL, (5, 6, 0, 0)), abs=1e-9) == whole(ledger).usd
        assert 1 == whole(ledger).requests, "how many requests left no line is not known"
        (row, _) = [row for row in rows(ledger).values() if row["part"] < 0]
        assert ("/home/u/work", "main", START_MS + 1000) == (row["project"], row["branch"], row["at_ms"])


@pytest.mark.parametrize(
    ("stated", "total"),
    [
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        ((9, 25, 30, 0), (10, 25, 30, 40)),  # a kind with fewer tokens than the lines leaves the lines alone
        ((0, 0, 0, 0), (10, 20, 30, 40)),
    ],
)
def test_the_total_is_the_larger_of_books_and_lines_by_kind(stated: Kinds, total: Kinds) -> None:
    written(line(1, (10, 20, 30, 40)), books({MODEL: stated}))
    with refreshed() as ledger:
        assert {MODEL: total} == counted(ledger)


def test_a_model_that_only_the_lines_know_stays_as_it_is() -> None:
    written(line(1, (10, 20, 0, 0)), line(2, (5, 5, 0, 0), model=SMALL), books({MODEL: (15, 20, 0, 0)}))
    with refreshed() as ledger:
        assert {MODEL: (15, 20, 0, 0), SMALL: (5, 5, 0, 0)} == counted(ledger)


def test_the_same_model_with_two_sizes_of_window_is_one() -> None:
    written(line(1, (10, 20, 0, 0)), books({MODEL: (6, 20, 0, 0), f"{MODEL}[1m]": (7, 0, 0, 0)}))
    with refreshed() as ledger:
        assert {(SESSION, MODEL): (3, 0, 0, 0)} == beside(ledger)


def test_lines_that_arrive_later_take_the_place_of_the_rest() -> None:
    """A subagent's file that is met after the books."""
    written(line(1, (10, 20, 0, 0)), books({MODEL: (30, 60, 0, 0)}))
    with refreshed() as ledger:
        assert {(SESSION, MODEL): (20, 40, 0, 0)} == beside(ledger)
        written(line(2, (15, 30, 0, 0)), agent="a1")
        take_in(ledger)
        assert {(SESSION, MODEL): (5, 10, 0, 0)} == beside(ledger)
        written(line(3, (5, 10, 0, 0)), agent="a2")
        take_in(ledger)
        assert {} == beside(ledger)
        assert {MODEL: (30, 60, 0, 0)} == counted(ledger)


def test_later_books_replace_earlier_ones() -> None:
    first = [line(1, (10, 20, 0, 0)), books({MODEL: (15, 20, 0, 0)}, ran=5000)]
    more = [line(2, (10, 20, 0, 0)), books({MODEL: (29, 41, 0, 0)}, ran=9000)]
    path = written(*first)
    with refreshed() as ledger:
        with path.open("ab") as file:
            file.write(jsonl(*more))
        take_in(ledger)
        assert {(SESSION, MODEL): (9, 1, 0, 0)} == beside(ledger)


def test_what_came_after_the_books_is_no_part_of_them() -> None:
    """A resumed session that was killed: its last books are stale."""
    written(line(1, (10, 20, 0, 0)), books({MODEL: (15, 20, 0, 0)}), line(2, (100, 200, 0, 0)))
    with refreshed() as ledger:
        assert {MODEL: (115, 220, 0, 0)} == counted(ledger)


def test_a_killed_process_is_missing_in_later_books_and_takes_nothing_from_earlier_ones() -> None:
    """Resumed from books of 15, killed after 100, resumed from 15 again: the counter knows nothing of the 100."""
    killed, after = line(2, (100, 200, 0, 0)), line(3, (10, 20, 0, 0))
    written(
        line(1, (10, 20, 0, 0)), books({MODEL: (15, 20, 0, 0)}), killed, after, books({MODEL: (25, 40, 0, 0)}, ran=8000)
    )
    with refreshed() as ledger:
        assert {MODEL: (125, 240, 0, 0)} == counted(ledger)


@pytest.mark.parametrize("began", [START_MS + 5000, None])
def test_books_that_restart_hold_what_came_since(began: int | None) -> None:
    """Killed before any books were written, or a client that began to count again: with and without a start."""
    if began is None:
        first = books({MODEL: (18, 20, 0, 0)}, began=None, ran=None)
        written(
            line(1, (10, 20, 0, 0)), first, line(9, (5, 5, 0, 0)), books({MODEL: (6, 5, 0, 0)}, began=None, ran=None)
        )
        rest = (9, 0, 0, 0)
    else:
        written(line(1, (10, 20, 0, 0)), line(9, (5, 5, 0, 0)), books({MODEL: (6, 5, 0, 0)}, began=began))
        rest = (1, 0, 0, 0)
    with refreshed() as ledger:
        assert {(SESSION, MODEL): rest} == beside(ledger)


def test_books_without_any_line_count_whole() -> None:
    written({"type": "mode", "sessionId": SESSION}, books({SMALL: (5, 6, 0, 0)}))
    with refreshed() as ledger:
        assert {SMALL: (5, 6, 0, 0)} == counted(ledger)
        (row,) = rows(ledger).values()
        assert START_MS + 4000 == row["at_ms"], "when the process ended"


@pytest.mark.parametrize("hour", [False, True])
def test_writes_that_old_books_do_not_tell_apart_are_what_their_price_says(hour: bool) -> None:
    record = books({MODEL: (10, 20, 0, 100 if hour else 0)})
    spent = record["modelUsage"][MODEL]
    spent["costUSD"] += 0 if hour else 100 * 2.5 / 1e6
    spent["cacheCreationInputTokens"] = 100
    del spent["cacheCreationEphemeral1hInputTokens"], spent["cacheCreationEphemeral5mInputTokens"]
    written(line(1, (10, 20, 0, 40 if hour else 0)), record)
    with refreshed() as ledger:
        (rest,) = [row for row in rows(ledger).values() if row["part"] < 0]
        assert ((0, 60) if hour else (100, 0)) == (rest["cache_write_5m"], rest["cache_write_1h"])


def test_a_rest_in_a_dearer_band_costs_what_the_client_says() -> None:
    """Haiku 5.5 costs more for prompts above 100,000 tokens; the books say which it was."""
    record = books({SMALL: (120_000, 10, 0, 0)})
    record["modelUsage"] = {"claude-haiku-5-5": record["modelUsage"][SMALL]}
    written(record)
    with refreshed() as ledger:
        (low,) = rows(ledger).values()
    dear = low["cost"]
    record["modelUsage"]["claude-haiku-5-5"]["costUSD"] = (120_000 * 0.1 + 10 * 0.5) / 1e6
    written(record, session=OTHER)
    with refreshed() as ledger:
        costs = {row["cost"] for row in rows(ledger).values()}
    assert dear is not None
    assert round((120_000 * 0.1 + 10 * 0.5) * 1e6) in costs


def test_a_rest_is_spread_as_the_session_answered() -> None:
    """Three responses in the first hour, one in the third: so is the rest, to the token."""
    hour = 3_600_000
    times = [START_MS, START_MS + 1000, START_MS + 2000, START_MS + 2 * hour]
    lines = [line(n, (1, 1, 0, 0), at_ms=at) for n, at in enumerate(times)]
    written(*lines, books({MODEL: (14, 4, 0, 0)}))
    with refreshed() as ledger:
        found = sorted((row["at_ms"], row["input"]) for row in rows(ledger).values() if row["part"] < 0)
    assert [(times[2], 7), (times[3], 3)] == found


def test_the_rest_is_nobodys_budget_and_no_agent() -> None:
    written(line(1, (10, 20, 0, 0)), books({MODEL: (15, 20, 0, 0)}))
    with refreshed() as ledger:
        assert [] == read.agents(ledger, 0)
        assert [15] == [row.tally.input for row in read.sessions(ledger, 0, NOW * 2)]
        assert [10] == [row.tally.input for row in read.sessions(ledger, 0, NOW * 2, booked=False)]
        assert [10] == [row.largest_context for row in read.sessions(ledger, 0, NOW * 2)]


# ---- forks and copies ------------------------------------------------------------------------------------------------


def fork(lines: list[dict[str, Any]], *, name: str, maker: str) -> list[dict[str, Any]]:
    """Lines as a fork copies them."""
    responses = [each for each in lines if each["type"] == "assistant"]
    return [{**each, "sessionId": name, "requestSessionId": each.get("requestSessionId", maker)} for each in responses]


PARENT = [line(1, (10, 20, 0, 0)), books({MODEL: (15, 20, 0, 0)})]
FORK_OWN = [line(5, (7, 7, 0, 0), sessionId=OTHER), books({MODEL: (24, 27, 0, 0)}, session=OTHER, ran=9000)]
FORK = [*fork(PARENT, name=OTHER, maker=SESSION), *FORK_OWN]


@pytest.mark.parametrize("order", list(itertools.permutations([SESSION, OTHER])))
def test_a_fork_that_took_over_its_parents_books_adds_only_its_own(order: tuple[str, ...]) -> None:
    with open_ledger() as ledger:
        for name in order:
            written(*(PARENT if name == SESSION else FORK), session=name)
            take_in(ledger)
        assert {(SESSION, MODEL): (5, 0, 0, 0), (OTHER, MODEL): (2, 0, 0, 0)} == beside(ledger)
        assert {MODEL: (24, 27, 0, 0)} == counted(ledger)


def test_a_branch_with_books_of_its_own_leaves_its_parents_alone() -> None:
    """``/branch``: a new counter, which holds nothing of what was copied."""
    own = [line(5, (7, 7, 0, 0), sessionId=OTHER)]
    own.append(books({MODEL: (9, 7, 0, 0)}, session=OTHER, began=START_MS + 3000))
    written(*PARENT)
    written(*fork(PARENT, name=OTHER, maker=SESSION), *own, session=OTHER)
    with refreshed() as ledger:
        assert {(SESSION, MODEL): (5, 0, 0, 0), (OTHER, MODEL): (2, 0, 0, 0)} == beside(ledger)


def test_a_parent_that_went_on_after_the_fork_is_not_in_the_forks_books() -> None:
    more = [line(9, (100, 100, 0, 0)), books({MODEL: (119, 120, 0, 0)}, ran=90_000)]
    written(*PARENT, *more)
    written(*FORK, session=OTHER)
    with refreshed() as ledger:
        assert {(SESSION, MODEL): (9, 0, 0, 0), (OTHER, MODEL): (2, 0, 0, 0)} == beside(ledger)


def test_a_fork_whose_parent_is_gone_keeps_what_it_took_over() -> None:
    written(*FORK, session=OTHER)
    with refreshed() as ledger:
        assert {MODEL: (24, 27, 0, 0)} == counted(ledger)


def test_two_forks_of_a_parent_that_is_gone_share_what_they_took_over() -> None:
    third = "33333333-3333-4333-8333-333333333333"
    own = [line(6, (1, 1, 0, 0), sessionId=third), books({MODEL: (18, 21, 0, 0)}, session=third, ran=9500)]
    written(*FORK, session=OTHER)
    written(*fork(PARENT, name=third, maker=SESSION), *own, session=third)
    with refreshed() as ledger:
        assert {MODEL: (25, 28, 0, 0)} == counted(ledger)


def test_a_subagent_of_the_parent_stands_in_the_forks_books_too() -> None:
    agent = line(2, (50, 50, 0, 0), model=SMALL)
    parent = [PARENT[0], books({MODEL: (10, 20, 0, 0), SMALL: (50, 50, 0, 0)})]
    own = [FORK_OWN[0], books({MODEL: (17, 27, 0, 0), SMALL: (50, 50, 0, 0)}, session=OTHER, ran=9000)]
    written(*parent)
    written(agent, agent="a1")
    written(*fork(parent, name=OTHER, maker=SESSION), *own, session=OTHER)
    with refreshed() as ledger:
        assert {} == beside(ledger)


def test_books_that_were_copied_along_are_the_parents() -> None:
    """A fork made by copying the whole file, its books included."""
    written(*PARENT)
    written(*fork(PARENT, name=OTHER, maker=SESSION), PARENT[1], line(5, (1, 1, 0, 0), sessionId=OTHER), session=OTHER)
    with refreshed() as ledger:
        assert {(SESSION, MODEL): (5, 0, 0, 0)} == beside(ledger)


def test_a_transcript_that_moved_or_lies_twice_is_one() -> None:
    path = written(*PARENT)
    with refreshed() as ledger:
        written(*PARENT, project="elsewhere")
        take_in(ledger)
        path.unlink()
        take_in(ledger)
        assert {(SESSION, MODEL): (5, 0, 0, 0)} == beside(ledger)


# ---- everything at once ----------------------------------------------------------------------------------------------


class World:
    """Sessions as the client runs them: processes that answer, compact, are resumed, forked, branched off or killed."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.clock = START_MS
        self.files: dict[str, list[dict[str, Any]]] = {}  # by path below the projects' folder
        self.saved: dict[str, tuple[int, int, dict[str, Kinds]]] = {}  # by session: began, ran, used
        self.truth: dict[str, Kinds] = {}
        self.was_killed = False
        self.number = itertools.count()

    def process(self, session: str, *, forks: str | None = None) -> None:
        """One process: it resumes ``session`` if that is there, or begins it, as a fork of another."""
        dice = self.dice
        self.clock += dice.randrange(10_000, 7_200_000)
        lines = self.files.setdefault(f"{session}.jsonl", [])
        counter = self.saved.get(forks or session)
        if forks:
            lines += fork(self.files[f"{forks}.jsonl"], name=session, maker=forks)
        if forks and dice.random() < 0.3:  # /branch
            counter = None
        began, ran, used = counter or (self.clock, 0, {})
        used, unseen = dict(used), []
        for _ in range(dice.randrange(1, 4)):
            self.clock += dice.randrange(1000, 600_000)
            kind = dice.choice(["answer", "answer", "agent", "auxiliary"])
            model = dice.choice([MODEL, SMALL])
            spent: Kinds = tuple(dice.randrange(1, 1000) for _ in range(4))  # type: ignore[assignment]
            used[model] = _plus(used.get(model), spent)
            if kind == "answer":
                lines.append(line(next(self.number), spent, model=model, at_ms=self.clock, sessionId=session))
            elif kind == "agent":
                path = f"{session}/subagents/agent-{next(self.number)}.jsonl"
                self.files[path] = [line(next(self.number), spent, model=model, at_ms=self.clock, sessionId=session)]
            if kind == "auxiliary":
                unseen.append((model, spent))
            else:
                self.truth[model] = _plus(self.truth.get(model), spent)
        ran += dice.randrange(1000, 9000)
        if dice.random() < 0.2:
            self.was_killed = True
        else:
            for model, spent in unseen:
                self.truth[model] = _plus(self.truth.get(model), spent)
            lines.append(books(used, session=session, began=began, ran=ran))
            self.saved[session] = began, ran, used

    def has_answered(self, session: str) -> bool:
        return any(each["type"] == "assistant" for each in self.files[f"{session}.jsonl"])


def _plus(one: Kinds | None, other: Kinds) -> Kinds:
    return tuple(a + b for a, b in zip(one or (0, 0, 0, 0), other, strict=True))  # type: ignore[return-value]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World(random.Random(draw(st.integers(0, 2**32))))
    names: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        step = draw(st.sampled_from(["new", "resume", "fork"])) if names else "new"
        if step == "resume":
            world.process(draw(st.sampled_from(names)))
        else:
            parents = [name for name in names if world.has_answered(name)]  # a fork of nothing is no fork
            names.append(f"session-{number}")
            world.process(names[-1], forks=draw(st.sampled_from(parents)) if step == "fork" and parents else None)
    return world


_ledgers = itertools.count()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(worlds(), st.data())
def test_usage_equals_the_books_in_any_order_and_any_pieces(world: World, data: st.DataObject) -> None:
    root = Path(os.environ["CLAUDE_CONFIG_DIR"]) / "projects" / f"p{next(_ledgers)}"
    whole_files = {name: jsonl(*lines) for name, lines in world.files.items() if lines}
    pieces: list[tuple[str, int]] = []
    for name, content in whole_files.items():
        cuts = sorted(data.draw(st.sets(st.integers(1, len(content)), max_size=2)) | {len(content)})
        pieces += [(name, cut) for cut in cuts]
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    dice.shuffle(pieces)
    home = Path(os.environ["GOVERNOR_HOME"])
    with open_ledger(home / f"l{next(_ledgers)}") as ledger, open_ledger(home / f"l{next(_ledgers)}") as at_once:
        for name, cut in pieces:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size < cut:
                path.write_bytes(whole_files[name][:cut])
            if dice.random() < 0.5:
                take_in(ledger)
        take_in(ledger)
        take_in(at_once)
        by_pieces, in_one = counted(ledger), counted(at_once)
        assert rows(at_once) == rows(ledger)
    for path in _files(root):
        path.unlink()
    assert in_one == by_pieces
    if not world.was_killed:
        assert world.truth == in_one
    for model, kinds in in_one.items():
        assert all(mine <= true for mine, true in zip(kinds, world.truth.get(model, (0,) * 4), strict=True))


def _files(root: Path) -> Iterator[Path]:
    return root.rglob("*.jsonl")


def test_nothing_is_worked_out_again_where_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    written(*PARENT)
    with refreshed() as ledger:
        monkeypatch.setattr(ingest.books.auxiliary, "rests", lambda *_: pytest.fail("another session's books"))
        written(line(7, (1, 1, 0, 0), sessionId=OTHER), session=OTHER)
        take_in(ledger)
