"""A first scan whose reading processes are killed: nothing is lost, nothing hangs, and what was not read is named."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from writing import answer, take_in, transcript, usage, whole

from governor.ledger.store import open_ledger
from governor.pipeline import readers

FILES = 40
OURSELVES = os.getpid()


def many_files() -> None:
    for number in range(FILES):
        session = f"{number:08d}-0000-4000-8000-000000000000"
        transcript(answer(f"msg_{number}", request=f"req_{number}", spent=usage(output=7)), session=session)


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int, bool], None]:
    """``deadly(3, True)``: reading the fourth file kills its reader, once or each time."""
    monkeypatch.setattr(readers, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(readers, "BATCH_BYTES", 1)  # a batch a file
    read = readers._read_batch

    def arm(number: int, once: bool) -> None:
        mark = tmp_path / f"died-{number}"

        def reading(batch: Any, price: Any) -> Any:
            is_it = any(f"{number:08d}" in file.path for _, file, _ in batch)
            if is_it and not (once and mark.exists()) and _is_child():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return read(batch, price)

        monkeypatch.setattr(readers, "_read_batch", reading)

    return arm


def _is_child() -> bool:
    return os.getpid() != OURSELVES


def test_what_a_killed_reader_had_not_sent_is_read_again(deadly: Callable[[int, bool], None]) -> None:
    many_files()
    deadly(3, True)
    with open_ledger() as ledger:
        assert [] == take_in(ledger).problems
        assert (FILES, FILES * 7) == (whole(ledger).requests, whole(ledger).output)


def test_a_file_that_kills_every_reader_is_named_and_the_others_are_read(deadly: Callable[[int, bool], None]) -> None:
    many_files()
    deadly(3, False)
    with open_ledger() as ledger:
        assert [readers.READER_DIED] == [problem.reason for problem in take_in(ledger).problems]
        assert (FILES - 1) * 7 == whole(ledger).output
