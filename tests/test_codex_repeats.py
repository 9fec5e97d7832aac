"""A Codex thread that begins with another's running totals counts them once, whatever it says of its parent."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing import START_MS, counted, meta, quarters, rollout, take_in, tokens, turn, whole

from governor.ledger.store import open_ledger

WAYS = ("forked", "spawned", "spawned deep", "silent")  # how a thread names its parent, if at all
GAP_MS = 600_000


def head(way: str, thread: str, parent: str, *, at_ms: int) -> list[dict[str, Any]]:
    """How a thread's file begins."""
    names: dict[str, Any] = {
        "forked": {"forked_from_id": parent},
        "spawned": {"parent_thread_id": parent},
        "spawned deep": {"source": {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}},
        "silent": {},
    }[way]
    return [meta(thread, at_ms=at_ms, **names), turn(at_ms=at_ms)]


@st.composite
def families(draw: st.DrawFn) -> tuple[list[tuple[str, bool, list[dict[str, Any]]]], int]:
    """([(name, archived, lines)], how many responses there were): a thread, its forks, their forks, some twice."""
    random_sizes = random.Random(draw(st.integers(0, 2**32)))
    truth = 0
    files = []
    histories: list[list[dict[str, int]]] = []  # of each thread, every total it states
    for number in range(draw(st.integers(1, 4))):
        thread, born = f"t{number}", START_MS + number * GAP_MS
        parent = draw(st.integers(0, number - 1)) if number else None
        lines, history = [meta(thread, at_ms=born), turn(at_ms=born)], []
        if parent is not None:
            history = list(histories[parent])
            way = draw(st.sampled_from(WAYS))
            lines = head(way, thread, f"t{parent}", at_ms=born)
            if way == "forked" and draw(st.booleans()):
                lines.insert(1, meta(f"t{parent}", at_ms=born))
            lines += [counted(total, at_ms=born + 1 + place % 200) for place, total in enumerate(history)]
        for place in range(draw(st.integers(1, 3))):
            spent = tokens(input=random_sizes.randrange(1000, 9000), output=random_sizes.randrange(1, 900))
            before = history[-1] if history else tokens()
            total = {kind: before[kind] + spent[kind] for kind in spent}
            history.append(total)
            lines.append(counted(total, spent, at_ms=born + 6000 + place * 9000))
            if draw(st.booleans()):  # the same event once more, or a resume that introduces the thread again
                lines.append(draw(st.sampled_from([lines[-1], meta(thread, at_ms=born + 7000 + place * 9000)])))
            truth += 1
        histories.append(history)
        files.append((thread, False, lines))
        if draw(st.booleans()):
            files.append((thread, True, lines))
    return draw(st.permutations(files)), truth


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(families(), st.booleans())
def test_every_response_of_a_family_counts_once_in_any_order(
    drawn: tuple[list[tuple[str, bool, list[dict[str, Any]]]], int], at_once: bool
) -> None:
    files, truth = drawn
    written: list[Path] = []
    with open_ledger(_fresh()) as ledger:
        for name, archived, lines in files:
            written.append(rollout(*lines, name=name, archived=archived))
            if not at_once:
                take_in(ledger)
        take_in(ledger)
        assert truth == whole(ledger).requests
        assert whole(ledger) == quarters(ledger)
    for path in written:
        path.unlink(missing_ok=True)


_number = iter(range(10**9))


def _fresh() -> Path:
    import os

    return Path(os.environ["GOVERNOR_HOME"]) / f"ledger-{next(_number)}.sqlite3"


def test_equal_first_answers_of_two_threads_are_two() -> None:
    """A script that asks the same thing twice: the same totals, each as late as a model answers."""
    for name in ("t1", "t2"):
        born = START_MS + (GAP_MS if name == "t2" else 0)
        rollout(meta(name, at_ms=born), turn(), counted(tokens(input=10, output=5), at_ms=born + 1500), name=name)
    with open_ledger() as ledger:
        take_in(ledger)
        assert 2 == whole(ledger).requests


@pytest.mark.parametrize("way", ["spawned", "spawned deep"])
def test_a_spawned_thread_that_repeats_nothing_counts_from_its_own_first(way: str) -> None:
    """Review subagents name their parent and begin at nothing."""
    first = counted(tokens(input=10, output=5), at_ms=START_MS + 6000)
    rollout(meta(), turn(), first, name="t1")
    later = counted(tokens(input=10, output=5), at_ms=START_MS + GAP_MS + 6000)
    rollout(*head(way, "t2", "t1", at_ms=START_MS + GAP_MS), later, name="t2")
    with open_ledger() as ledger:
        take_in(ledger)
        assert 2 == whole(ledger).requests


def test_a_repeat_of_a_thread_that_is_not_here_counts_nothing_until_it_is() -> None:
    born = START_MS + GAP_MS
    repeated = [counted(tokens(input=100 * n, output=n), at_ms=born + n) for n in (1, 2)]
    own = counted(tokens(input=500, output=9), at_ms=born + 9000)
    rollout(*head("spawned", "t2", "t1", at_ms=born), *repeated, own, name="t2")
    with open_ledger() as ledger:
        take_in(ledger)
        assert 1 == whole(ledger).requests
        first = [counted(tokens(input=100 * n, output=n), at_ms=START_MS + 9000 * n) for n in (1, 2)]
        rollout(meta(), turn(), *first, name="t1")
        take_in(ledger)
        assert 3 == whole(ledger).requests
