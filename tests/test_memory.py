"""The compactor: what a person finds in an index, in its topic file, and after a restore."""

from __future__ import annotations

import difflib
import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor.cli.guard.memory import memory as command
from governor.errors import BadInputError
from governor.hooks.memory import run as memory_run
from governor.hooks.memory.md_blocks import lines_of, read
from governor.hooks.memory.md_truncate import shorten, whole
from governor.hooks.memory.rules import (
    ARCHIVE,
    POINTER,
    Compaction,
    IndexLimits,
    Size,
    addition,
    compact,
    sentence,
    size_of,
)
from governor.hooks.state import backups

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "memory"
SMALL = IndexLimits(line_chars=80, max_lines=20, max_bytes=2_000)
FILLER = "and more words that say what the entry is about " * 12


# --- what its values are made of -----------------------------------------------------------------------------------


def test_a_record_is_a_named_tuple() -> None:
    """Without ``typing``, and otherwise the same."""
    size = Size(1, bytes=2)
    assert (size, size, (1, 2)) == (Size(lines=1, bytes=2), size._replace(), size)
    assert ({"lines": 1, "bytes": 3}, 350) == (size._replace(bytes=3)._asdict(), IndexLimits().line_chars)
    for wrong in ((), (1,), (1, 2, 3)):
        with pytest.raises(TypeError, match="Size is made of lines, bytes"):
            Size(*wrong)
    with pytest.raises(TypeError):
        Size(1, 2, more=3)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        size.lines = 3  # type: ignore[misc]


# --- one line ---------------------------------------------------------------------------------------------------------


def cut(line: str, limit: int = 100) -> str:
    return shorten(line, limit)


def test_a_line_is_cut_after_a_word_and_says_so() -> None:
    assert "- The deploy runs from the …" == cut("- The deploy runs from the release branch", 30)


def test_a_line_within_the_limit_is_left_alone_whatever_it_ends_in() -> None:
    assert "word " * 20 == cut("word " * 20, 99)


def test_a_link_across_the_limit_is_kept_whole_behind_the_ellipsis() -> None:
    """The words go, the way to the topic file stays."""
    line = "- " + "word " * 16 + "see [the long title of a page](topics/the-page.md) for the rest " + "word " * 10
    short = cut(line)
    assert short.endswith("… [the long title of a page](topics/the-page.md)")
    assert len(short) <= 100


@pytest.mark.parametrize(
    "link",
    [
        "[text with words](file.md)",
        "[text](a file with blanks.md)",
        "[text](<a file>.md)",
        "![an image](a_(b)_c.png)",
        "[![badge words](a.svg)](b.md)",
        '[text](a.md "a title of words")',
        "[see `[x](y` here](a.md)",
        "[[a wiki link]]",
        "[text of it][the reference]",
    ],
)
def test_no_link_is_ever_cut_wherever_it_stands(link: str) -> None:
    for before in range(60, 110):
        line = "x " * (before // 2) + link + " tail" * 30
        short = cut(line)
        assert link in short or not (set(link.split()) & set(short.split()) - {"x", "tail"})
        assert len(short) <= 100


@pytest.mark.parametrize("code", ["`a b c d e f`", "``a ` b c``", "<!-- a b c -->", '<a href="b c" d>'])
def test_no_code_span_or_tag_is_ever_cut(code: str) -> None:
    for before in range(60, 110):
        short = cut("x " * (before // 2) + code + " tail" * 30)
        assert code in short or short == "x " * (len(short[:-2]) // 2) + "x …" or " b" not in short


def test_a_link_that_is_too_long_by_itself_stays_whole() -> None:
    link = "- [Title](" + "a" * 400 + ".md)"
    assert link == cut(link)
    assert link + " …" == cut(link + " — " + FILLER)


def test_a_word_that_never_ends_stays_whole() -> None:
    assert "- " + "a" * 400 == cut("- " + "a" * 400)


def test_a_script_without_blanks_is_cut_between_characters_and_not_before_a_stop() -> None:
    short = cut("- " + "部署前先运行检查。" * 40)
    assert short.endswith(" …")
    assert 90 < len(short) <= 100
    line = "- " + "ア" * 95 + "。" + "ア" * 40
    assert "- " + "ア" * 95 + "。 …" == shorten(line, 100)
    assert "- " + "ア" * 94 + " …" == shorten(line, 99)


def test_of_all_ends_of_words_the_last_that_fits_is_taken() -> None:
    assert "- 部署 " + "w" * 20 + " …" == cut("- 部署 " + "w" * 20 + " " + "x" * 20, 30)


def test_a_joined_emoji_is_never_taken_apart() -> None:
    family = "👨‍👩‍👧‍👦"
    for shift in range(20):
        short = cut("- " + "w" * shift + f" {family}" * 60)
        assert set(short.removesuffix(" …").split()[2:]) <= {family}


def test_a_table_row_stays_a_row() -> None:
    short = cut("| file | " + "word " * 60 + "|")
    assert short.endswith("… |")
    assert len(short) <= 100


def test_raw_bytes_are_only_cut_at_blanks() -> None:
    line = ("caf\udce9 " * 100).rstrip()
    assert {"caf\udce9", "…"} == set(cut(line).split())


@given(st.text(alphabet=st.sampled_from("ab `[](){}<>!-|\\*.é部。ー👩\u200d\ufe0f\udce9\t")), st.integers(30, 60))
@settings(max_examples=400, deadline=None)
def test_shortening_is_idempotent_and_cuts_nothing_that_belongs_together(line: str, limit: int) -> None:
    short = shorten(line, limit)
    assert short == shorten(short, limit)
    assert len(short) <= len(line)
    if short != line:
        head = short[: short.rindex("…")].rstrip() if short.count("…") else short
        at = len(head)
        assert line.startswith(head)
        assert not any(span.start < at < span.stop for span in whole(line.rstrip()))


# --- one index --------------------------------------------------------------------------------------------------------


def index_of(count: int, *, title: str = "# Memory\n\n", text: str = "a fact") -> str:
    return title + "".join(f"- [Entry {n}](topic-{n}.md) — {text}\n" for n in range(count))


def entries(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("- ") and line != POINTER]


def test_what_fits_is_not_touched() -> None:
    text = index_of(198)
    assert Compaction(text, (), 0, 0, True) == compact(text)


def test_the_oldest_entries_go_and_the_newest_stay() -> None:
    result = compact(index_of(260))
    assert entries(index_of(260))[-1] == entries(result.text)[-1]
    assert "Entry 0]" not in result.text
    assert entries(result.text) == entries(index_of(260))[-len(entries(result.text)) :]
    assert 260 == len(entries(result.text)) + result.moved
    assert result.text.startswith("# Memory\n\n")
    assert result.text.endswith(POINTER + "\n")


def test_a_little_more_goes_than_must_so_that_the_next_edit_fits() -> None:
    result = compact(index_of(260))
    again = compact(result.text + "- [One more](more.md)\n")
    assert 0 == again.moved
    assert 185 <= size_of(result.text).lines <= 200


def test_bytes_count_and_not_characters() -> None:
    result = compact(index_of(120, text="部署" * 60))
    assert result.moved
    assert len(result.text.encode()) <= IndexLimits().max_bytes


def test_dates_outrank_the_place_in_the_file() -> None:
    """An index that is kept newest first loses its end, not its beginning."""
    text = "# Log\n\n" + "".join(f"- 2026-{12 - n // 28:02}-{28 - n % 28:02} did a thing\n" for n in range(250))
    kept = entries(compact(text).text)
    assert entries(text)[: len(kept)] == kept


def test_the_day_a_topic_file_changed_outranks_the_place() -> None:
    days = {f"topic-{n}.md": "2026-01-01" for n in range(260)} | {"topic-3.md": "2026-11-01"}
    kept = compact(index_of(260), days=days).text
    assert "Entry 3]" in kept
    assert "Entry 4]" not in kept


@pytest.mark.parametrize(
    "target",
    ["old.md", "./old.md", "old.md#part", 'old.md "a title"', "<old.md>", "an old page.md", "<an old page.md>"],
)
def test_a_topic_file_is_known_however_the_link_is_written(target: str) -> None:
    days = {f"topic-{n}.md": "2026-01-01" for n in range(260)} | {
        "old.md": "2026-11-01",
        "an old page.md": "2026-11-01",
    }
    assert "- [Old](" in compact(f"# Memory\n\n- [Old]({target}) — a fact\n" + index_of(260, title=""), days=days).text


@pytest.mark.parametrize(
    "when", ["2026-11-01", "2026-11-01T10:00Z", "(2026-11-01)", "2026-11-01_notes", "on 2026-11-01."]
)
def test_a_day_is_known_wherever_it_stands(when: str) -> None:
    entries = "".join(f"- 2026-01-02 did thing {n}\n" for n in range(260))
    assert when in compact(f"# Log\n\n- {when} first\n" + entries).text


@pytest.mark.parametrize("when", ["12026-11-01", "2026-11-011", "2026-21-01", "2026-11-41", "1826-11-01", "2026-11"])
def test_a_number_is_no_day(when: str) -> None:
    entries = "".join(f"- 2020-01-02 did thing {n}\n" for n in range(260))
    assert when not in compact(f"# Log\n\n- {when} first\n" + entries).text


def test_what_was_just_written_is_never_what_goes() -> None:
    fresh = frozenset(["- [Entry 0](topic-0.md) — a fact"])
    assert "Entry 0]" in compact(index_of(260), fresh=fresh).text


def test_an_entry_goes_with_all_that_is_nested_in_it() -> None:
    entry = "- first\n  - nested\n\n    more of it\n  ```sh\n  a b\n  ```\n"
    result = compact("# Memory\n\n" + entry + index_of(220, title=""))
    assert tuple(entry.splitlines()) == result.removed[0].lines


def test_headings_stay_even_over_nothing_and_neighbours_stay_apart() -> None:
    text = "# Memory\n\n## Old\n\n- a\n- b\n\n## New\n\n" + index_of(210, title="")
    assert compact(text).text.startswith("# Memory\n\n## Old\n\n## New\n\n- [Entry")


def test_a_section_that_loses_its_last_entry_still_ends_before_the_next() -> None:
    text = "# Memory\n\n## Old\n\n- 2026-05-01 a\n- 2020-01-01 b\n\n## New\n\n- 2026-05-02 c\n" + index_of(
        205, title=""
    )
    days = {f"topic-{n}.md": "2026-06-01" for n in range(205)}
    assert compact(text, days=days).text.startswith("# Memory\n\n## Old\n\n## New\n\n- [Entry")
    days = {f"topic-{n}.md": "2026-04-01" for n in range(205)}
    assert compact(text, days=days).text.startswith("# Memory\n\n## Old\n\n- 2026-05-01 a\n\n## New\n\n- 2026")


def test_introduction_front_matter_and_lead_in_lines_stay() -> None:
    """Never moved, whatever their age: what tells a reader how to read the rest."""
    head = "---\nmodified: 2020-01-01\n---\n# Memory\n\nRead this first.\n\n**Commands:**\n"
    assert compact(head + index_of(250, title="")).text.startswith(head)


def test_a_table_keeps_its_head() -> None:
    head = "| File | About |\n|------|-------|\n"
    result = compact(head + "".join(f"| f{n}.md | fact {n} |\n" for n in range(250)))
    assert result.text.startswith(head + "| f")
    assert "| f249.md | fact 249 |\n" in result.text
    assert "| f0.md |" not in result.text


def test_a_chapter_without_entries_is_parted_at_its_lines() -> None:
    """One item with three hundred lines nested in it does not go as a whole."""
    text = "- Project\n" + "".join(f"  - detail {n}\n" for n in range(300))
    result = compact(text)
    assert result.text.startswith("- Project\n")
    assert "  - detail 299\n" in result.text


def test_lines_inside_a_fence_are_never_shortened() -> None:
    fence = "```\n" + FILLER + "\n```\n"
    assert fence in compact("# M\n\n" + fence + "- " + FILLER + "\n").text


def test_nothing_goes_where_headings_alone_are_over() -> None:
    text = "".join(f"## Section {n}\n- entry {n}\n" for n in range(210))
    result = compact(text)
    assert (text, 0, False) == (result.text, result.moved, result.fits)


def test_double_blank_lines_go_before_any_entry_does() -> None:
    text = "# M\n\n" + "".join(f"- entry {n}\n\n\n" for n in range(80))
    result = compact(text)
    assert 0 == result.moved
    assert entries(text) == entries(result.text)
    assert result.fits


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_newline_style_and_the_last_newline_are_kept(newline: str, last: bool) -> None:
    text = index_of(250).replace("\n", newline)
    text = text if last else text.removesuffix(newline)
    out = compact(text).text
    assert last == out.endswith(newline)
    assert {newline} == {ending for _, ending in lines_of(out)} - {""}


def test_a_byte_order_mark_stays_in_front() -> None:
    assert compact("\ufeff- old\n" + index_of(250, title="")).text.startswith("\ufeff- [Entry")


def test_the_topic_file_gains_each_text_once() -> None:
    text = index_of(250) + "- " + FILLER + "\n"
    result = compact(text)
    first = addition("", result.removed, IndexLimits(), index="MEMORY.md", today="2026-11-22")
    assert FILLER.strip() in first
    assert "" == addition(first, result.removed, IndexLimits(), index="MEMORY.md", today="2026-11-23")


def test_a_line_shortened_before_it_is_moved_stands_in_the_topic_file_in_full_and_once() -> None:
    """What a second compaction moves out is not archived by its short form."""
    line = "- " + FILLER.strip()
    first = compact("# M\n\n" + line + "\n")
    archive = addition("", first.removed, IndexLimits(), index="MEMORY.md", today="2026-11-22")
    second = compact(first.text + index_of(250, title=""))
    archive += addition(archive, second.removed, IndexLimits(), index="MEMORY.md", today="2026-11-23")
    assert 1 == archive.count("- and more words")
    assert line in archive


def test_the_sentence_is_short_and_silent_when_there_is_nothing_to_say() -> None:
    assert "" == sentence("MEMORY.md", shortened=0, moved=0)
    assert 200 >= len(sentence("M" * 300, shortened=123_456, moved=123_456))


def test_limits_of_a_snapshot_fall_back_when_odd() -> None:
    snapshot = {"line_chars": 120, "max_lines": True, "max_bytes": 7}
    assert IndexLimits(line_chars=120) == IndexLimits.from_snapshot(snapshot)


PIECES = st.sampled_from(
    [
        "# Title", "## Section", "Title\n=====", "plain words", "- item", "- [Link](a.md) — hook", "  - nested item",
        "", "", "---", "```", "~~~", "<!-- note", "-->", "| a | b |", "|---|---|", "1. one", "  continued", "Lead in:",
        "- " + "word " * 30, "- [T](b.md) " + "`code span` " * 12, "部署前先运行检查。" * 9, "[y](" + "u" * 99 + ")",
        "key: value", "## " + "long heading " * 10, "- 2026-03-04 dated", "caf\udce9 " * 20, "> quoted", "\ttab " * 30,
    ]
)  # fmt: skip
TEXTS = st.builds(
    lambda bom, pieces, newline, end: bom + newline.join(pieces).replace("\n", newline) + end,
    st.sampled_from(["", "", "\ufeff", "---\nname: x\n---\n"]),
    st.lists(PIECES, max_size=60),
    st.sampled_from(["\n", "\n", "\r\n"]),
    st.sampled_from(["\n", ""]),
)


@given(TEXTS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_compacting_is_idempotent_holds_the_limits_and_loses_nothing(text: str) -> None:
    result = compact(text, SMALL)
    archive = addition("", result.removed, SMALL, index="MEMORY.md", today="2026-11-22")

    assert result.text == compact(result.text, SMALL).text
    assert result.fits == size_of(result.text).fits(SMALL)
    everything = {line.rstrip() for line, _ in lines_of(result.text.lstrip("\ufeff") + "\n" + archive)}
    assert not {line.rstrip() for line, _ in lines_of(text.lstrip("\ufeff")) if line.strip()} - everything

    blocks, _ = read([line for line, _ in lines_of(text.lstrip("\ufeff"))], keep=POINTER)
    lines = lines_of(text.lstrip("\ufeff"))
    fixed = [lines[block.start] for block in blocks if block.kind in ("front", "heading")]
    out = iter(lines_of(result.text.lstrip("\ufeff")))
    assert all(any(line.body == other.body for other in out) for line in fixed)
    if not result.fits:
        assert result.moved == 0
    if text == result.text:
        assert () == result.removed


@given(st.text(alphabet=st.sampled_from("ab-#|`~<!>=[]().: \t\r\n\ufeff部\udce9"), max_size=400))
@settings(max_examples=300, deadline=None)
def test_no_text_whatever_breaks_it(text: str) -> None:
    limits = IndexLimits(line_chars=20, max_lines=6, max_bytes=150)
    result = compact(text, limits)
    assert result.text == compact(result.text, limits).text
    lines = lines_of(text)
    assert text == "".join(body + end for body, end in lines)
    blocks, _ = read([body for body, _ in lines], keep=POINTER)
    assert list(range(len(lines))) == [at for block in blocks for at in range(block.start, block.stop)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real indexes here")
def test_real_indexes_come_out_within_the_limits_with_every_line_kept() -> None:
    for file in sorted(SHARED.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        for limits in (IndexLimits(), SMALL._replace(max_bytes=8_000, max_lines=120)):
            result = compact(text, limits)
            archive = addition("", result.removed, limits, index=file.name, today="2026-11-22")
            assert result.fits
            assert result.text == compact(result.text, limits).text
            everything = set((result.text + archive).splitlines())
            assert {line for line in text.splitlines() if line.strip()} <= everything, file.name


# --- one file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "state"))
    folder = tmp_path / "claude" / "projects" / "-home-u-app" / "memory"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text(index_of(250), encoding="utf-8")
    return folder / "MEMORY.md"


def carry_out(path: Path) -> memory_run.CompactionPlan | None:
    return memory_run.carry_out(str(path), IndexLimits(), os.environ["GOVERNOR_HOME"])


def restore(path: Path, number: int = 1) -> None:
    memory_run.restore(str(path), number, os.environ["GOVERNOR_HOME"])


@pytest.mark.parametrize(
    "path",
    [
        "claude/projects/-a/memory/MEMORY.md",
        "claude/agent-memory/reviewer/MEMORY.md",
        "work/.claude/agent-memory/reviewer/MEMORY.md",
        "work/.claude/agent-memory-local/reviewer/MEMORY.md",
        "codex/memories/MEMORY.md",
        "notes/own.md",
        "globbed/a/b/INDEX.md",
    ],
)
def test_these_are_indexes(path: str, index: Path, tmp_path: Path) -> None:
    named = [str(tmp_path / "notes" / "own.md"), str(tmp_path / "globbed" / "**" / "INDEX.md")]
    assert str(tmp_path / path) == memory_run.locate(str(tmp_path / path), "/", named)
    assert str(tmp_path / path) == memory_run.locate(path, str(tmp_path), named)


@pytest.mark.parametrize(
    "path",
    [
        "MEMORY.md",
        "work/memory/MEMORY.md",
        "claude/projects/-a/memory/deeper/MEMORY.md",
        "claude/projects/-a/memory/topic.md",
        "claude/projects/-a/memory/memory-archive.md",
        "claude/projects/-a/memory/../../MEMORY.md",
        "claude/projects/-a/memory/..",
        "claude\\projects\\-a\\memory\\MEMORY.md",
        "notes/sub/own.md",
        "",
        "\0",
        "a" * 5000,
    ],
)
def test_these_are_not(path: str, index: Path, tmp_path: Path) -> None:
    assert memory_run.locate(path, str(tmp_path), [str(tmp_path / "notes" / "*.md")]) is None


def test_a_path_without_a_folder_to_stand_in_is_no_index() -> None:
    assert memory_run.locate("projects/a/memory/MEMORY.md", "") is None


def test_a_link_out_of_the_folder_is_not_followed(index: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.md"
    victim.write_text(index_of(250), encoding="utf-8")
    index.unlink()
    index.symlink_to(victim)
    assert memory_run.locate(str(index), "/") is None
    folder = tmp_path / "claude" / "projects" / "-other"
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "MEMORY.md").write_text("x", encoding="utf-8")
    (folder / "memory").symlink_to(tmp_path / "elsewhere")
    assert memory_run.locate(str(folder / "memory" / "MEMORY.md"), "/") is None


def test_a_folder_that_leads_to_another_index_leads_to_that_one(index: Path, tmp_path: Path) -> None:
    """People link the memory of one worktree to that of another, and the whole config folder to their dotfiles."""
    other = tmp_path / "claude" / "projects" / "-other"
    other.mkdir()
    (other / "memory").symlink_to(index.parent)
    assert str(index) == memory_run.locate(str(other / "memory" / "MEMORY.md"), "/")
    (tmp_path / "dotfiles").symlink_to(tmp_path / "claude")
    linked = tmp_path / "dotfiles" / "projects" / "-home-u-app" / "memory" / "MEMORY.md"
    assert str(index) == memory_run.locate(str(linked), "/")


def test_compacting_writes_three_places_and_restores_byte_for_byte(index: Path) -> None:
    before = index.read_bytes()
    index.chmod(0o640)
    assert carry_out(index) is not None

    assert size_of(index.read_text(encoding="utf-8")).fits(IndexLimits())
    assert {"MEMORY.md", ARCHIVE} == {file.name for file in index.parent.iterdir()}
    assert 0o640 == stat.S_IMODE(index.stat().st_mode)
    assert 0 == stat.S_IMODE((index.parent / ARCHIVE).stat().st_mode) & 0o027
    kept = backups.versions(str(index), os.environ["GOVERNOR_HOME"])
    assert [before] == [backups.read_version(version) for version in kept]
    assert 0o600 == stat.S_IMODE(os.stat(kept[0].file).st_mode)
    assert carry_out(index) is None

    after = index.read_bytes()
    restore(index)
    assert before == index.read_bytes()
    assert 0o640 == stat.S_IMODE(index.stat().st_mode)
    restore(index)
    assert after == index.read_bytes()


def test_all_that_an_index_loses_is_on_the_disk_before_it_does(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    before: list[set[int]] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def noted_replace(source: str, target: str) -> None:
        if target == str(index):
            before.append(synced | {-os.stat(source).st_ino})
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    carry_out(index)
    (original,) = backups.versions(str(index), os.environ["GOVERNOR_HOME"])
    places = [Path(original.file), index.parent / ARCHIVE, index]
    inodes = {place.stat().st_ino for place in places}
    assert [inodes | {-index.stat().st_ino}] == before


@given(TEXTS.filter(lambda text: "\0" not in text))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_index_comes_back_as_it_was(index: Path, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    index.write_bytes(data)
    if memory_run.carry_out(str(index), SMALL, os.environ["GOVERNOR_HOME"]) is not None:
        restore(index)
    assert data == index.read_bytes()


def test_bytes_that_are_no_utf_8_come_through(index: Path) -> None:
    index.write_bytes(b"- caf\xe9 latin\r\n" * 250)
    carry_out(index)
    both = index.read_bytes() + (index.parent / ARCHIVE).read_bytes()
    assert both.count(b"\n") == both.count(b"\r\n")
    assert b"caf\xe9 latin\r\n" in both


def test_a_deleted_index_comes_back(index: Path) -> None:
    before = index.read_bytes()
    carry_out(index)
    index.unlink()
    restore(index)
    assert before == index.read_bytes()


def test_only_the_newest_originals_are_kept(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "KEEP", 3)
    for n in range(5):
        backups.keep(str(index), b"%d" % n, os.environ["GOVERNOR_HOME"])
    kept = backups.versions(str(index), os.environ["GOVERNOR_HOME"])
    assert [b"4", b"3", b"2"] == [backups.read_version(version) for version in kept]


def refuse_link(index: Path) -> None:
    index.rename(index.with_name("real.md"))
    index.symlink_to("real.md")


def refuse_second_name(index: Path) -> None:
    os.link(index, index.with_name("second.md"))


def refuse_pipe(index: Path) -> None:
    index.unlink()
    os.mkfifo(index)


def refuse_folder(index: Path) -> None:
    index.unlink()
    index.mkdir()


def refuse_binary(index: Path) -> None:
    index.write_bytes(index.read_text(encoding="utf-8").encode("utf-16"))


def refuse_giant(index: Path) -> None:
    index.write_bytes(b"- word\n" * 1_500_000)


def refuse_read_only(index: Path) -> None:
    index.chmod(0o444)


def refuse_linked_archive(index: Path) -> None:
    victim = index.parent.parent / "victim"
    victim.write_bytes(b"mine\n")
    (index.parent / ARCHIVE).symlink_to(victim)


def refuse_archive_with_a_second_name(index: Path) -> None:
    victim = index.parent.parent / "victim"
    victim.write_bytes(b"mine\n")
    os.link(victim, index.parent / ARCHIVE)


@pytest.mark.parametrize(
    "prepare",
    [
        refuse_link,
        refuse_second_name,
        refuse_pipe,
        refuse_folder,
        refuse_binary,
        refuse_giant,
        refuse_read_only,
        refuse_linked_archive,
        refuse_archive_with_a_second_name,
    ],
    ids=lambda function: function.__name__,
)
def test_what_is_no_plain_index_is_left_alone(prepare: object, index: Path) -> None:
    assert callable(prepare)
    prepare(index)
    before = {file.name: file.lstat().st_mtime_ns for file in index.parent.iterdir()}
    with pytest.raises(BadInputError):
        carry_out(index)
    assert before == {file.name: file.lstat().st_mtime_ns for file in index.parent.iterdir()}
    victim = index.parent.parent / "victim"
    assert not victim.exists() or victim.read_bytes() == b"mine\n"


def test_a_file_that_changes_meanwhile_is_left_as_it_is(index: Path) -> None:
    assert not memory_run.replace(str(index), b"ours", expected=b"what we read before")
    assert index_of(250) == index.read_text(encoding="utf-8")
    assert ["MEMORY.md"] == [file.name for file in index.parent.iterdir()]


def test_an_unwritable_state_folder_means_no_compaction(index: Path, tmp_path: Path) -> None:
    """What could not be restored is not taken away."""
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(NotADirectoryError):
        carry_out(index)
    assert index_of(250) == index.read_text(encoding="utf-8")


def test_an_archive_of_ones_own_is_only_added_to(index: Path) -> None:
    archive = index.parent / ARCHIVE
    archive.write_bytes(b"# My own notes\nno newline at the end")
    carry_out(index)
    text = archive.read_text(encoding="utf-8")
    assert text.startswith("# My own notes\nno newline at the end\n\n## ")
    assert "- [Entry 0](topic-0.md) — a fact\n" in text


# --- the command line -------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=True)
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_check_compact_check_restore(index: Path) -> None:
    file = str(index)
    before = index.read_bytes()
    code, said = run("check", file)
    assert (1, True) == (code, f"next: governor memory compact --dry-run {file}" in said)
    code, said = run("compact", "--dry-run", file)
    assert (0, before) == (code, index.read_bytes())
    assert "-- [Entry 0](topic-0.md)" in said
    assert f"+{POINTER}" in said
    code, said = run("compact", file)
    assert f"undo: governor memory restore {file}" in said
    assert 0 == run("check", file)[0]
    assert "nothing to do" in run("compact", file)[1]
    assert f"{len(before):,} bytes" in run("restore", "--list", file)[1]
    run("restore", file)
    assert before == index.read_bytes()


def test_json_has_stable_keys(index: Path) -> None:
    checked = json.loads(run("check", "--json", str(index))[1])
    assert ("governor.memory.check/1", True, 252, True) == tuple(
        checked[key] for key in ("schema", "over", "lines", "watched")
    )
    dry = json.loads(run("compact", "--dry-run", "--json", str(index))[1])
    assert (False, True) == (dry["changed"], dry["diff"].startswith("--- "))
    done = json.loads(run("compact", "--json", str(index))[1])
    assert (True, dry["moved"], None) == (done["changed"], done["moved"], done["diff"])
    listed = json.loads(run("restore", "--list", "--json", str(index))[1])
    assert [1] == [version["number"] for version in listed["versions"]]


def test_a_dry_run_writes_nothing_at_all(index: Path, tmp_path: Path) -> None:
    run("compact", "--dry-run", str(index))
    run("restore", "--list", str(index))
    assert not (tmp_path / "state").exists()


def test_the_diff_of_a_dry_run_is_what_a_run_does(index: Path) -> None:
    before = index.read_text(encoding="utf-8")
    diff = run("compact", "--dry-run", str(index))[1].rpartition("  next: ")[0]
    run("compact", str(index))
    after = index.read_text(encoding="utf-8")
    old, new = before.splitlines(), after.splitlines()
    assert list(difflib.unified_diff(old, new, str(index), f"{index} (compacted)", lineterm="")) == diff.splitlines()


def test_limits_come_from_the_snapshot(index: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "state" / "letters" / "memory"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_text('quiet\n{"version": 1, "max_lines": 120}', encoding="utf-8")
    run("compact", str(index))
    assert size_of(index.read_text(encoding="utf-8")).lines <= 120


@pytest.mark.parametrize("arguments", [["check"], ["compact"], ["restore"], ["restore", "--version", "7"]])
def test_a_mistake_is_a_sentence_with_the_next_command(arguments: list[str], tmp_path: Path, index: Path) -> None:
    with pytest.raises(BadInputError, match="next: "):
        run(*arguments, str(tmp_path / "missing.md"))


def test_a_link_is_not_followed_for_a_person_either(tmp_path: Path, index: Path) -> None:
    (tmp_path / "link.md").symlink_to(index)
    with pytest.raises(BadInputError, match="leads out"):
        run("compact", str(tmp_path / "link.md"))
