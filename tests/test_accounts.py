"""Several accounts on one machine: what is told of one is what would be told if the others did not exist."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from writing import NOW, answer, counted, jsonl, meta, recorded, tokens, turn, usage

from governor import accounts, config, gate, hook, letters, refresh
from governor.cli import governor as command_line
from governor.errors import BadInputError
from governor.guards import pacing
from governor.ledger import owners, read, schema, statements, store
from governor.ledger.store import open_ledger
from governor.model import Lane, LimitReading
from governor.report import LaneReport, Report

ROOT = Path(__file__).parent.parent
HOUR = 3600


@contextmanager
def environment(**values: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def tap() -> ModuleType:
    """The status line's script, as a module."""
    spec = importlib.util.spec_from_file_location("statusline", ROOT / "hooks" / "statusline.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STATUSLINE = tap()


def status_event(session: str, *, spent_ms: int, five: float, week: float, now: int, shift: int = 0) -> dict[str, Any]:
    """What the client hands its status line; windows that reset ``shift`` seconds later than usual."""
    limits = {
        "five_hour": {"used_percentage": five, "resets_at": now // (5 * HOUR) * 5 * HOUR + 5 * HOUR + shift},
        "seven_day": {"used_percentage": week, "resets_at": NOW + 3 * 86_400 + shift},
    }
    return {"session_id": session, "cost": {"total_api_duration_ms": spent_ms}, "rate_limits": limits}


# ---- which account this is -------------------------------------------------------------------------------------------


def test_links_and_slashes_name_the_same_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".claude-work").mkdir()
    (home / "work").symlink_to(home / ".claude-work")
    names = {accounts.name_of(str(home / name)) for name in (".claude-work", ".claude-work/", "work", "x/../work/")}
    assert {"~/.claude-work"} == names
    assert str(tmp_path.resolve() / "elsewhere") == accounts.name_of(str(tmp_path / "elsewhere"))


@pytest.mark.parametrize(
    ("lane", "stated", "named", "is_stated"),
    [
        ("claude", {"CLAUDE_CONFIG_DIR": ""}, ["~/.claude", "~/.config/claude"], False),
        ("claude", {"CLAUDE_CONFIG_DIR": "~/.claude-work"}, ["~/.claude-work"], True),
        ("claude", {"CLAUDE_CONFIG_DIR": "~/b/, ~/a ,~/b"}, ["~/b", "~/a"], True),
        ("claude", {"CLAUDE_CONFIG_DIR": " , "}, ["~/.claude", "~/.config/claude"], False),
        ("codex", {"CODEX_HOME": ""}, ["~/.codex"], False),
        ("codex", {"CODEX_HOME": "~/.codex-work/"}, ["~/.codex-work"], True),
    ],
)
def test_the_environment_names_the_accounts(
    lane: str, stated: dict[str, str], named: list[str], is_stated: bool
) -> None:
    with environment(**stated):
        assert (named, is_stated, named[0]) == (accounts.named(lane), accounts.is_stated(lane), accounts.own(lane))


@pytest.mark.parametrize(
    ("name", "others", "short"),
    [
        ("~/.claude-work", ["~/.claude"], ".claude-work"),
        ("~/.claude", ["~/.claude-work"], ".claude"),
        ("/a/cc", ["/b/cc"], "a/cc"),
        ("~/cc", ["/x/~/cc"], "~/cc"),
        ("0123456789ab", ["fedcba9876"], "01234567"),
        ("0123456789ab", ["0123456789cd"], "0123456789ab"),
    ],
)
def test_an_account_is_called_by_as_little_as_tells_it_apart(name: str, others: list[str], short: str) -> None:
    assert short == accounts.short(name, [name, *others])


def test_a_transcript_belongs_to_the_folder_that_really_holds_it(tmp_path: Path) -> None:
    """Two folders that share their transcripts by a link, whichever is named first."""
    (tmp_path / "a" / "projects" / "p").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "projects").symlink_to(tmp_path / "a" / "projects")
    for folder in ("a", "b"):
        place = accounts.place_of("claude", str(tmp_path / folder / "projects" / "p" / "s.jsonl"))
        assert str(tmp_path.resolve() / "a") == accounts.holder(place)
    assert ("", "") == accounts.place_of("claude", "/nowhere/s.jsonl")
    assert "" == accounts.holder(("", ""))


# ---- the property: one account as if the other did not exist ---------------------------------------------------------


class Event(NamedTuple):
    """Something that happens to one of two accounts: the status line speaks, or a response is written."""

    mine: bool
    minutes: int  # since the event before
    used: float  # of the week; the five hours stand at a third of it
    output: int
    looks: bool  # a refresh follows


events = st.lists(
    st.builds(
        Event,
        st.booleans(),
        st.integers(0, 400),
        st.sampled_from([1.0, 7.0, 12.0, 40.0, 60.0, 94.0, 95.0, 97.0, 100.0]),
        st.sampled_from([0, 100, 50_000, 900_000]),
        st.booleans(),
    ),
    min_size=1,
    max_size=7,
)


class World(NamedTuple):
    """All that a person with these accounts is told of the account that is looked at, at the end."""

    windows: Any
    letters: dict[str, Any]
    line: str
    advice: Any
    ruling: Any
    readings: list[LimitReading]


class Kind(NamedTuple):
    """How a client's accounts are told apart: by folder, or by an id in one folder."""

    lane: Lane
    folders: tuple[str, str]  # of the account that is looked at, and of the other
    ids: tuple[str, str] = ("", "")


KINDS = {
    "claude folders": Kind("claude", ("mine", "theirs")),
    "codex folders": Kind("codex", ("mine", "theirs")),
    "codex ids": Kind("codex", ("mine", "mine"), ("id-of-mine", "id-of-theirs")),
}


class Life:
    """Two accounts of one client under one state folder; ``both`` False leaves the other one out."""

    def __init__(self, folder: Path, kind: Kind, *, both: bool) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder, self.kind, self.both = folder, kind, both
        self.now = NOW - 2 * 86_400
        self.begun: set[Path] = set()
        self.numbers = {True: 0, False: 0}

    def places(self, *, mine: bool) -> dict[str, str]:
        """The environment of a session of one account."""
        place = str(self.folder / self.kind.folders[not mine])
        unused = str(self.folder / "unused")
        return {
            "GOVERNOR_HOME": str(self.folder / "state"),
            "CLAUDE_CONFIG_DIR": place if self.kind.lane == "claude" else unused,
            "CODEX_HOME": place if self.kind.lane == "codex" else unused,
        }

    def happen(self, event: Event) -> None:
        self.now += event.minutes * 60
        if event.mine or self.both:
            self.numbers[event.mine] += 1
            with environment(**self.places(mine=event.mine)):
                (self._claude if self.kind.lane == "claude" else self._codex)(event, self.numbers[event.mine])
        if event.looks:
            self.look()

    def look(self) -> None:
        for mine in (True, False)[: 1 + self.both]:
            with environment(**self.places(mine=mine)), open_ledger() as ledger:
                refresh.refresh(ledger, config.load(), now=self.now)
                letters.write(ledger, config.load(), now=self.now)

    def _claude(self, event: Event, number: int) -> None:
        session = self.session(mine=event.mine)
        if event.output:
            line = answer(
                f"msg_{session}_{number}", at_ms=self.now * 1000, spent=usage(output=event.output), sessionId=session
            )
            self._write(Path(os.environ["CLAUDE_CONFIG_DIR"]) / "projects" / "p" / f"{session}.jsonl", line)
        told = status_event(session, spent_ms=number, five=event.used // 3, week=event.used, now=self.now)
        STATUSLINE.put_away(told, os.environ["GOVERNOR_HOME"], float(self.now))

    def _codex(self, event: Event, number: int) -> None:
        thread, at_ms = self.session(mine=event.mine), self.now * 1000
        path = Path(os.environ["CODEX_HOME"]) / "sessions" / "2026" / f"rollout-x-{thread}.jsonl"
        login = self.kind.ids[not event.mine]
        if path not in self.begun:
            self._write(path, meta(thread, at_ms=at_ms, creator_account_id=login or None), turn(at_ms=at_ms))
        limits = {
            "primary": {"used_percent": event.used // 3, "window_minutes": 300, "resets_at": self.now // 9000 * 9000 + 9000},
            "secondary": {"used_percent": event.used, "window_minutes": 10_080, "resets_at": NOW + 3 * 86_400},
        }
        spent = tokens(100, output=event.output)
        more = [recorded(f"r{number}", spent, thread=thread, at_ms=at_ms, ordinal=number)] if event.output else []
        self._write(path, *more, counted(None, limits=limits, at_ms=at_ms))

    def _write(self, path: Path, *lines: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.begun.add(path)
        with path.open("ab") as file:
            file.write(jsonl(*lines))
        os.utime(path, (self.now, self.now))

    @staticmethod
    def session(*, mine: bool) -> str:
        return ("1" if mine else "2") * 8 + "-1111-4111-8111-111111111111"

    def told(self) -> World:
        """What the account that is looked at hears in the end."""
        self.look()
        lane, session = self.kind.lane, self.session(mine=True)
        name = self.kind.ids[0]
        with environment(**self.places(mine=True)), open_ledger() as ledger:
            owner = owners.Owners(ledger, lane).account(name or accounts.own(lane))
            report = letters.desk(ledger, config.load(), now=self.now).report
            parts = [part for part in report.accounts(lane) if part.whose and part.whose.name == owner.name]
            stored = [one.reading for one in statements.readings(ledger, whose=owner)]
            readings = [one._replace(account=None) for one in stored]
        with environment(**self.places(mine=True)):
            door = hook.Door("test", os.environ["GOVERNOR_HOME"], lane, float(self.now))
            known = {each: door.letter(each) for each in ("pacing", "router", "spawn", "price", "loop")}
            event = {"hook_event_name": "UserPromptSubmit", "session_id": session, "prompt": "hello"}
            advice = pacing.decide(event, known["pacing"], lane=lane, now=self.now, seen=lambda _: False)
            line = STATUSLINE.show({"session_id": "none"}, os.environ["GOVERNOR_HOME"], float(self.now))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(refresh, "now_s", lambda: self.now)
                ruling = gate.look(lane=lane, account=name or None)
        told = {
            "pacing": {key: known["pacing"].get(key) for key in ("lanes", "ceilings", "alerts", "mark")},
            "context": known["pacing"]["contexts"].get(session),
            "router": {key: value for key, value in known["router"].items() if key not in ("accounts", "sessions")},
            "spawn": known["spawn"]["lanes"],
            "price": known["price"].get("per_percent"),
            "loop": known["loop"].get("sessions", {}).get(session),
        }
        said = advice and [getattr(advice, slot) for slot in advice.__slots__]
        return World([part.windows for part in parts], told, line, said, ruling._replace(whose=""), readings)


HELD = [Event(True, 10, 12.0, 50_000, True), Event(False, 1, 97.0, 900_000, True)]
SAME_SECOND = [Event(False, 0, 97.0, 100, False), Event(True, 0, 97.0, 100, False)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(happened=events)
@example(happened=HELD)
@example(happened=SAME_SECOND)
def test_one_account_is_told_what_it_would_be_told_alone(tmp_path: Path, kind: str, happened: list[Event]) -> None:
    """Any interleaving of both accounts' readings, responses and refreshes."""
    if not any(event.mine for event in happened) or (kind == "codex ids" and not happened[-1].mine):
        happened = [*happened, Event(True, 5, 12.0, 100, False)]  # of one folder's ids, hooks speak of the last
    told = []
    for both in (True, False):
        life = Life(tmp_path / "life", KINDS[kind], both=both)
        for event in happened:
            life.happen(event)
        told.append(life.told())
    assert told[1] == told[0]
