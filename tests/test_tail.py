"""Finding transcripts, reading them in blocks, and noticing that one is another file by now."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import found

from governor.model import Cursor, Problem
from governor.transcripts import tail


def names(root: Path) -> list[str]:
    return [os.path.relpath(one.path, root) for one in tail.find(str(root))[0]]


def reasons(root: Path) -> list[str]:
    return [problem.reason.partition(":")[0] for problem in tail.find(str(root))[1]]


def put(path: Path, text: str = "{}\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# ---- finding ---------------------------------------------------------------------------------------------------------


def test_every_file_of_the_wanted_kind_however_deep(tmp_path: Path) -> None:
    for name in ("a/1.jsonl", "a/b/c/2.jsonl", "a/3.json", "a/4.jsonl.zst", "5.jsonl"):
        put(tmp_path / "root" / name)
    assert ["5.jsonl", "a/1.jsonl", "a/b/c/2.jsonl"] == names(tmp_path / "root")
    assert 4 == len(tail.find(str(tmp_path / "root"), suffixes=(".jsonl", ".jsonl.zst"))[0])


def test_a_client_that_is_not_installed_is_no_problem(tmp_path: Path) -> None:
    assert ([], []) == tail.find(str(tmp_path / "nothing"))


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "1.jsonl")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "project").symlink_to(tmp_path / "elsewhere")
    assert ["project/1.jsonl"] == names(tmp_path / "root")


def test_a_folder_is_visited_once_whatever_links_to_it(tmp_path: Path) -> None:
    """The real folder's name is the one that stays, wherever in the alphabet the links stand."""
    put(tmp_path / "root" / "m" / "1.jsonl")
    for name in ("a", "z"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "root" / "m")
    (tmp_path / "root" / "m" / "loop").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "m" / "itself").symlink_to(".")
    assert ["m/1.jsonl"] == names(tmp_path / "root")


def test_a_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    real = put(tmp_path / "root" / "m" / "1.jsonl")
    os.link(real, tmp_path / "root" / "2.jsonl")
    (tmp_path / "root" / "0.jsonl").symlink_to(real)
    alone = put(tmp_path / "root" / "m" / "3.jsonl")
    (tmp_path / "root" / "4.jsonl").symlink_to(alone)
    (tmp_path / "root" / "5.jsonl").symlink_to(put(tmp_path / "elsewhere" / "6.txt"))
    seen = names(tmp_path / "root")
    assert 3 == len(seen)
    assert {"m/3.jsonl", "5.jsonl"} < set(seen)


def test_what_is_no_transcript_is_named_and_nothing_waits_for_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "good.jsonl")
    os.mkfifo(root / "pipe.jsonl")
    (root / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    (root / "gone-folder").symlink_to(tmp_path / "nowhere")
    (root / "round.jsonl").symlink_to(root / "round.jsonl")
    (root / "folder.jsonl").mkdir()
    assert ["good.jsonl"] == names(root)
    assert ["not a regular file", "unreadable", "unreadable", "unreadable"] == sorted(reasons(root))


def test_an_unreadable_folder_is_named_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "good" / "1.jsonl")
    put(tmp_path / "shut" / "2.jsonl")
    real = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files, problems = tail.find(str(tmp_path))
    assert [str(tmp_path / "good" / "1.jsonl")] == [one.path for one in files]
    assert [Problem(str(tmp_path / "shut"), None, "folder unreadable: Permission denied")] == problems


# ---- reading in blocks -----------------------------------------------------------------------------------------------


def read_all(path: Path, offset: int = 0) -> tuple[list[tuple[int, bytes, bool]], list[Problem]]:
    problems: list[Problem] = []
    chunks = tail.chunks(str(path), offset, problems)
    return [(base + begin, data[begin:end], torn) for base, data, begin, end, torn in chunks], problems


@given(lines=st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")), max_size=12), torn=st.booleans())
@pytest.mark.parametrize("block", [1, 7, 64])
def test_chunks_are_whole_lines_and_all_of_the_file(tmp_path: Path, lines: list[bytes], torn: bool, block: int) -> None:
    data = b"\n".join(lines) + (b"" if torn or not lines else b"\n")
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "BLOCK", block)
        read, problems = read_all(path)
    assert [] == problems
    assert data == b"".join(part for _, part, _ in read)
    assert all(data[start : start + len(part)] == part for start, part, _ in read)
    assert all(part.endswith(b"\n") is not is_torn for _, part, is_torn in read)
    assert all(not is_torn for _, _, is_torn in read[:-1])


@given(
    sizes=st.lists(st.integers(0, 90), max_size=10),
    block=st.integers(1, 50),
    limit=st.integers(10, 60),
    torn=st.booleans(),
)
def test_over_long_lines_are_skipped_and_named_and_the_others_stay(
    tmp_path: Path, sizes: list[int], block: int, limit: int, torn: bool
) -> None:
    lines = [bytes([97 + n]) * size + b"\n" for n, size in enumerate(sizes)]
    data = b"".join(lines)[: -1 if torn and sizes else None]
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "BLOCK", block)
        patch.setattr(tail, "LINE_LIMIT", limit)
        read, problems = read_all(path)
    kept = b"".join(part for _, part, _ in read)
    for n, line in enumerate(lines):
        whole = line if n < len(lines) - 1 or not torn else line[:-1]
        if len(line) <= limit:
            assert whole in kept
        if len(line) > limit + block + 1:
            assert line[:-1] not in kept
    starts = {sum(map(len, lines[:n])) for n, line in enumerate(lines) if len(line) > limit}
    assert {problem.offset for problem in problems} <= starts
    assert all(data[start : start + len(part)] == part for start, part, _ in read)


def test_a_line_of_a_hundred_megabytes_needs_no_such_memory(tmp_path: Path) -> None:
    """The file is sparse: a hundred megabytes of NUL bytes between two good lines."""
    import tracemalloc

    path = tmp_path / "x.jsonl"
    with path.open("wb") as file:
        file.write(b'{"first": 1}\n')
        file.truncate(100 * 2**20)
        file.seek(0, 2)
        file.write(b'\n{"last": 1}\n')
    tracemalloc.start()
    read, problems = read_all(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [b'{"first": 1}\n', b'{"last": 1}\n'] == [part for _, part, _ in read]
    assert [13] == [problem.offset for problem in problems]
    assert peak < 3 * tail.LINE_LIMIT


@given(data=st.lists(st.sampled_from([b"ab", b'"usage"', b"x", b"\n", b'\\"usage\\"']), max_size=40).map(b"".join))
def test_lines_with_are_the_lines_that_hold_the_needle(data: bytes) -> None:
    import re

    at, expected = 0, []
    for line in data.split(b"\n"):
        if b'"usage"' in line:
            expected.append((at, line))
        at += len(line) + 1
    around = b'"usage" before\n' + data + b'\n"usage" behind'
    moved = [(at + 15, line) for at, line in expected]
    for needle in (b'"usage"', re.compile(b'"usage"')):
        assert expected == list(tail.lines_with(data, needle))
        assert moved == list(tail.lines_with(around, needle, 15, 15 + len(data)))


# ---- the same file, or another ---------------------------------------------------------------------------------------


def cursor_of(path: Path, offset: int) -> Cursor:
    one = found(path)
    return Cursor(one.path, one.inode, one.size, one.mtime_ns, offset, tail.mark_of(one.path, offset), {})


@pytest.mark.parametrize("size", [1, 200, 256, 300, 600, 5000])
def test_appending_reads_on_and_anything_else_begins_again(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.jsonl"
    old = bytes(97 + n % 26 for n in range(size - 1)) + b"\n"
    path.write_bytes(old)
    cursor = cursor_of(path, size)
    assert size == tail.resume_at(str(path), cursor)
    path.write_bytes(old + b"more\n")
    assert size == tail.resume_at(str(path), cursor)
    for changed in (old[:-1], b"", b"A" + old[1:] + b"more\n", old[:-1] + b"Z" + b"more\n"):
        path.write_bytes(changed)
        assert 0 == tail.resume_at(str(path), cursor)


def test_unchanged_means_nothing_was_written(tmp_path: Path) -> None:
    path = put(tmp_path / "x.jsonl")
    before = found(path)
    cursor = cursor_of(path, 3)
    assert tail.unchanged(before, cursor)
    assert not tail.unchanged(before, None)
    for change in ({"size": 4}, {"mtime_ns": 1}, {"inode": 1}):
        assert not tail.unchanged(before._replace(**change), cursor)


def test_a_companion_that_is_missing_or_huge_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "agent-x.jsonl"
    assert b"" == tail.companion(str(path))
    (tmp_path / "agent-x.meta.json").write_bytes(b"x" * 100_000)
    assert 65_536 == len(tail.companion(str(path)))


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_a_mark_made_while_reading_is_the_files_own(pieces: list[bytes]) -> None:
    marker = tail.Marker()
    for piece in pieces:
        marker.feed(piece)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(pieces) + b"more")
        file.flush()
        assert tail.mark_of(file.name, len(b"".join(pieces))) == marker.mark()
