"""Several accounts on one machine: what is told of one is what would be told if the others did not exist."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from writing import NOW, answer, counted, jsonl, meta, recorded, tokens, transcript, turn, usage
from writing import read as read_one

from governor import accounts, config, snapshots
from governor.cli import governor as command_line
from governor.errors import BadInputError
from governor.gate import evidence as gate_evidence
from governor.hooks import runtime
from governor.hooks.pacing import rules as pacing_rules
from governor.ledger import owners, read, schema, statements, store
from governor.ledger.count import ResponseCounter, packed
from governor.ledger.store import open_ledger
from governor.model import Lane, LimitReading, Usage
from governor.pipeline import ingest

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
    snapshots: dict[str, Any]
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
                ingest.refresh(ledger, config.load(), now=self.now)
                snapshots.write(ledger, config.load(), now=self.now)

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
            "primary": {
                "used_percent": event.used // 3,
                "window_minutes": 300,
                "resets_at": self.now // 9000 * 9000 + 9000,
            },
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
            report = snapshots.desk(ledger, config.load(), now=self.now).report
            parts = [part for part in report.accounts(lane) if part.whose and part.whose.name == owner.name]
            stored = [one.reading for one in statements.readings(ledger, whose=owner)]
            readings = [one._replace(account=None) for one in stored]
        with environment(**self.places(mine=True)):
            ctx = runtime.HookContext("test", os.environ["GOVERNOR_HOME"], lane, float(self.now))
            known = {each: ctx.snapshot(each) for each in ("pacing", "router", "spawn", "price", "loop")}
            event = {"hook_event_name": "UserPromptSubmit", "session_id": session, "prompt": "hello"}
            advice = pacing_rules.decide(
                event,
                known["pacing"],
                lane=lane,
                now=self.now,
                seen=lambda _: False,
                go_on=lambda: "Press Enter",
                is_watched=lambda: True,
            )
            line = STATUSLINE.show({"session_id": "none"}, os.environ["GOVERNOR_HOME"], float(self.now))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ingest, "now_s", lambda: self.now)
                ruling = gate_evidence.look(lane=lane, account=name or None)
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
@settings(max_examples=8)
@given(happened=events)
@example(happened=HELD)
@example(happened=SAME_SECOND)
def test_one_account_is_told_what_it_would_be_told_alone(tmp_path: Path, kind: str, happened: list[Event]) -> None:
    """Any interleaving of both accounts' readings, responses and refreshes."""
    if kind == "codex ids" or not any(event.mine for event in happened):
        happened = [*happened, Event(True, 5, 12.0, 100, False)]  # of one folder's ids, hooks speak of the last
    told = []
    for both in (True, False):
        life = Life(tmp_path / "life", KINDS[kind], both=both)
        for event in happened:
            life.happen(event)
        told.append(life.told())
    assert told[1] == told[0]


# ---- the two accounts of a machine, table by table -------------------------------------------------------------------


class Machine:
    """A work and a private folder of Claude Code, each with a figure; now is the real time, for hooks look at it."""

    def __init__(self, folder: Path) -> None:
        self.work, self.private, self.state = folder / ".claude-work", folder / ".claude", folder / "state"
        self.now = int(time.time())

    def hears(self, place: Path, week: float, five: float = 5.0, session: str = "s") -> None:
        event = status_event(session, spent_ms=int(week * 10), five=five, week=week, now=self.now)
        event["rate_limits"]["seven_day"]["resets_at"] = self.now + 3 * 86_400
        assert 0 == self.hook("statusline", event, place)[0]

    def hook(self, script: str, event: dict[str, Any], place: Path | None) -> tuple[int, str]:
        command = [sys.executable, "-I", "-S", str(ROOT / "hooks" / f"{script}.py"), "claude"]
        place_of = {"CLAUDE_CONFIG_DIR": str(place)} if place else {}
        own = {"GOVERNOR_HOME": str(self.state), "HOME": os.environ["HOME"], "NO_COLOR": "1", **place_of}
        done = subprocess.run(command, input=json.dumps(event).encode(), env=own, capture_output=True)
        return done.returncode, done.stdout.decode()

    def prompt(self, place: Path | None) -> str:
        event = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "hello", "cwd": "/"}
        code, out = self.hook("pacing_warner", event, place)
        assert 0 == code
        return out

    def governor(self, *words: str, places: str = "") -> Any:
        with environment(GOVERNOR_HOME=str(self.state), CLAUDE_CONFIG_DIR=places or f"{self.private},{self.work}"):
            return CliRunner().invoke(command_line, list(words), standalone_mode=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The work account stands at 97 %, the private one at 12 %."""
    (tmp_path / "state").mkdir(mode=0o700)
    made = Machine(tmp_path)
    made.hears(made.work, 97, session="w")
    made.hears(made.private, 12, session="p")
    made.hears(made.work, 97, five=61, session="w2")
    made.governor("refresh", "--quiet")
    return made


def test_a_prompt_is_held_for_its_own_wall_alone(machine: Machine, tmp_path: Path) -> None:
    assert "" == machine.prompt(machine.private)
    assert "" == machine.prompt(tmp_path / "never-heard-of"), "an account without figures is told nobody else's"
    assert "" == machine.prompt(None)
    assert "block" == json.loads(machine.prompt(machine.work))["decision"]


def test_two_walls_are_two_episodes(machine: Machine) -> None:
    machine.hears(machine.private, 98, session="p")
    machine.governor("refresh", "--quiet")
    held = [json.loads(machine.prompt(place))["decision"] for place in (machine.work, machine.private)]
    assert ["block", "block"] == held


def test_status_shows_each_account_whole(machine: Machine) -> None:
    def standing(lane: dict[str, Any]) -> tuple[str, list[float]]:
        assert {lane["account"]} == {window["official"]["account"] for window in lane["windows"]}
        return lane["account"], [window["official"]["used_percent"] for window in lane["windows"]]

    private, work = (str(machine.private), [5.0, 12.0]), (str(machine.work), [61.0, 97.0])
    for places, first, second in (
        ("", private, work),
        (f"{machine.work},{machine.private}/", work, private),
        (str(machine.work), work, private),
    ):
        (claude, _) = json.loads(machine.governor("status", "--json", places=places).output)["lanes"]
        assert (first, [second]) == (standing(claude), [standing(one) for one in claude["accounts"]])
    screen = machine.governor("status").output
    assert screen.index("Claude Code (.claude)\n") < screen.index("Claude Code (.claude-work)\n")
    alone = machine.governor("status", "--account", ".claude-work").output
    assert "97 %" in alone
    assert "12 %" not in alone


@pytest.mark.parametrize(
    ("named", "more", "answer", "account"),
    [
        ("private", [], "GO", "private"),
        ("work", [], "STOP", "work"),
        ("both", [], "STOP", "work"),
        ("private", ["--account", ".claude-work"], "STOP", "work"),
        ("both", ["--account", ".claude"], "GO", "private"),
    ],
)
def test_gate_judges_the_accounts_that_are_meant(
    machine: Machine, named: str, more: list[str], answer: str, account: str
) -> None:
    places = {"private": str(machine.private), "work": str(machine.work), "both": ""}[named]
    said = json.loads(machine.governor("gate", "--json", "--window", "week", *more, places=places).output)
    assert (answer, str(getattr(machine, account))) == (said["answer"], said["account"])


def test_gate_names_whose_window_it_is(machine: Machine) -> None:
    assert machine.governor("gate").output.startswith("STOP  Claude (.claude-work) week 97 %")


def test_what_is_typed_belongs_to_one_account(machine: Machine) -> None:
    assert "Claude Code (.claude) week at 13 %" in machine.governor("calibrate", "13%").output
    typed = machine.governor("calibrate", "99%", "--account", ".claude-work").output
    assert "Claude Code (.claude-work) week at 99 %" in typed
    assert "took" not in typed
    assert "never falls" not in typed, "12 % of the other account is no figure of this one's"
    anchors = json.loads(machine.governor("calibrate", "--list", "--json").output)["anchors"]
    typed_by = {one["used_percent"]: one["account"] for one in anchors if one["source"] == "typed"}
    assert {13.0: str(machine.private), 99.0: str(machine.work)} == typed_by
    assert ".claude-work" in machine.governor("calibrate", "--list").output
    unknown = machine.governor("status", "--account", "nobody")
    assert isinstance(unknown.exception, BadInputError)


def test_the_first_figure_of_a_folder_can_be_typed(machine: Machine, tmp_path: Path) -> None:
    assert 0 == machine.governor("calibrate", "40%", "--account", str(tmp_path / "third")).exit_code
    said = json.loads(machine.governor("gate", "--json", "--account", "third").output)
    assert ("GO", 40.0) == (said["answer"], said["used_percent"])


def test_a_bare_environment_means_the_usual_folder_or_else_whatever_is_known(machine: Machine) -> None:
    """``~/.claude`` was never heard of here: the two that were are both judged, and a figure typed is nobody's."""
    with environment(GOVERNOR_HOME=str(machine.state), CLAUDE_CONFIG_DIR=""):
        assert 20 == CliRunner().invoke(command_line, ["gate"], standalone_mode=False).return_value
        asked = CliRunner().invoke(command_line, ["calibrate", "50%"], standalone_mode=False)
        assert isinstance(asked.exception, BadInputError)
        assert "--account" in asked.exception.next_step
    usual = Path(os.environ["HOME"]) / ".claude"
    machine.hears(usual, 20, session="u")
    with environment(GOVERNOR_HOME=str(machine.state), CLAUDE_CONFIG_DIR=""):
        assert 0 == CliRunner().invoke(command_line, ["gate"], standalone_mode=False).return_value


def test_with_one_account_nothing_is_named(machine: Machine, tmp_path: Path) -> None:
    shutil.rmtree(machine.state)
    machine.state.mkdir(mode=0o700)
    machine.hears(machine.private, 12)
    screen = machine.governor("status", places=str(machine.private)).output
    assert "Claude Code\n" in screen
    assert "(.claude)" not in screen


def test_use_can_be_asked_for_by_account(machine: Machine) -> None:
    for place, name in ((machine.work, "w"), (machine.private, "p")):
        path = place / "projects" / "p" / f"{name}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(jsonl(answer(f"msg_{name}", at_ms=(machine.now - 60) * 1000, sessionId=name)))
    rows = json.loads(machine.governor("usage", "--by", "account", "--json").output)["rows"]
    assert {str(machine.work): 1, str(machine.private): 1} == {row["account"]: row["requests"] for row in rows}
    (claude, _) = json.loads(machine.governor("status", "--json").output)["lanes"]
    week = claude["windows"][1]
    assert 1 == week["local"]["requests"], "the other account's response is no part of this week"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_transcript_copied_to_another_folder_counts_once_and_for_one(
    order: tuple[str, str], at_once: bool, tmp_path: Path
) -> None:
    """Whichever is read first: the same lines belong to the account whose name comes first."""
    line = jsonl(answer("msg_1"), answer("msg_2", at_ms=NOW * 1000 - 5000))
    for name in order:
        path = tmp_path / name / "projects" / "p" / "11111111-1111-4111-8111-111111111111.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(line)
        if at_once and name == order[0]:
            continue
        places = ",".join(str(tmp_path / each) for each in (order if at_once else (name,)))
        with environment(CLAUDE_CONFIG_DIR=places), open_ledger() as ledger:
            ingest.refresh(ledger, config.load(), now=NOW)
    with environment(CLAUDE_CONFIG_DIR=f"{tmp_path / 'b'},{tmp_path / 'a'}"), open_ledger() as ledger:
        pieces = list(read.slices(ledger, 0, 2**33, bucket_s=read.WHOLE_S, keys=("account",)))
        sums = list(read.slices(ledger, 0, 2**33, whose=owners.Owners(ledger, "claude").account(str(tmp_path / "a"))))
    assert [((str(tmp_path / "a"),), 2)] == [(piece.names, piece.tally.requests) for piece in pieces]
    assert 2 == sum(piece.tally.requests for piece in sums)


def test_sums_stay_apart_when_accounts_are_very_many(tmp_path: Path) -> None:
    """A machine that makes a config folder for every job: the 1,025th is not the first."""
    with open_ledger(tmp_path / "l") as ledger:
        with ledger.transaction():
            ledger.connection.executemany(
                "INSERT INTO account (name) VALUES (?)", [(f"~/{number}",) for number in range(2000)]
            )
        counter = ResponseCounter(ledger)
        for name in ("~/0", f"~/{schema.FEW}"):
            with ledger.transaction():
                counter.add(packed([parsed(name)], lambda _: 1, name), machine="here")
                counter.settle()
        rows = ledger.connection.execute("SELECT account, requests FROM quarter").fetchall()
    assert [(1, 1), (schema.FEW + 1, 1)] == sorted(rows)


def parsed(name: str) -> Usage:
    (found,) = read_one(transcript(answer(f"msg_{name.strip('~/')}"))).usages
    return found


# ---- a ledger that is older than accounts ----------------------------------------------------------------------------


def test_an_old_ledger_is_migrated_and_settled_by_where_transcripts_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in no known place, and readings that name nobody, belong to the folder with most transcripts."""
    for name, count in (("big", 3), ("small", 1)):
        for number in range(count):
            session = f"{name}-{number}"
            path = tmp_path / name / "projects" / "p" / f"{session}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jsonl(answer(f"msg_{session}", sessionId=session)))
    gone = tmp_path / "big" / "projects" / "p" / "gone.jsonl"
    gone.write_bytes(jsonl(answer("msg_gone", sessionId="gone")))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", f"{tmp_path / 'small'},{tmp_path / 'big'}")
    heard = LimitReading("claude", "week", 42.0, NOW + 9999, NOW - 60, "statusline")
    with open_ledger() as ledger:
        ingest.refresh(ledger, config.load(), now=NOW)
        with ledger.transaction():
            ledger.add_readings([heard], machine="here")
    aged(tmp_path / "state" / "ledger.sqlite3")
    with open_ledger() as ledger:
        ingest.refresh(ledger, config.load(), now=NOW)
        names = {"big": str(tmp_path / "big"), "small": str(tmp_path / "small")}
        rules = owners.Owners(ledger, "claude")
        assert names["big"] == rules.default
        used = {
            name: sum(p.tally.requests for p in read.slices(ledger, 0, 2**33, whose=rules.account(folder)))
            for name, folder in names.items()
        }
        assert {"big": 4, "small": 1} == used
        told = {name: len(statements.readings(ledger, whose=rules.account(names[name]))) for name in names}
        assert {"big": 1, "small": 0} == told
        assert names["small"] == owners.primary(ledger, "claude", now=NOW).name, "the first that is named"


def aged(path: Path) -> None:
    """The ledger as a governor that knew no accounts left it."""
    fresh = path.with_name("old")
    with closing(store.sqlite3.connect(fresh)) as old:
        for number, step in enumerate(schema.MIGRATIONS[:2], start=1):
            old.executescript(f"BEGIN; {step} PRAGMA application_id = {schema.APPLICATION_ID}; COMMIT;")
            old.execute(f"PRAGMA user_version = {number}")
        old.execute("ATTACH ? AS now", (str(path),))
        for table in ("label", "response", "reading", "transcript", "fact"):
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}")
        old.execute("DELETE FROM main.fact WHERE name LIKE 'accounts:%'")
        sums = schema.SUM_QUARTER.replace(" account,", "").replace("((account & 1023) << 30) | ", "")
        old.execute(sums.format(by="g", where=""))
        old.commit()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    fresh.rename(path)


def test_a_codex_folder_belongs_to_who_was_signed_in_last(tmp_path: Path) -> None:
    """Figures that state an id are that account's; what states none is that of the id last seen in the folder."""
    limits = {"secondary": {"used_percent": 30.0, "window_minutes": 10_080, "resets_at": NOW + 9999}}
    place = tmp_path / "codex" / "sessions" / "2026"
    place.mkdir(parents=True)
    for number, login in enumerate((None, "id-one", "id-two")):
        path = place / f"rollout-x-{number}.jsonl"
        told = {**limits, "secondary": {**limits["secondary"], "used_percent": 30.0 + number}}
        spent = tokens(5, output=number + 1)
        path.write_bytes(
            jsonl(
                meta(f"t{number}", creator_account_id=login),
                turn(),
                recorded(f"r{number}", spent, thread=f"t{number}"),
                counted(None, limits=told),
            )
        )
        os.utime(path, (NOW + number, NOW + number))
    with open_ledger() as ledger:
        ingest.refresh(ledger, config.load(), now=NOW)
        one, two = (owners.Owners(ledger, "codex").account(name) for name in ("id-one", "id-two"))
        assert [[31.0], [30.0, 32.0]] == [
            [s.reading.used_percent for s in statements.readings(ledger, whose=whose)] for whose in (one, two)
        ]
        assert [1, 2] == [
            sum(p.tally.requests for p in read.slices(ledger, 0, 2**33, whose=whose)) for whose in (one, two)
        ]
        assert ["id-two", "id-one"] == [each.name for each in owners.known(ledger, "codex", now=NOW)]


def test_a_snapshot_that_tells_no_accounts_apart_is_everybodys() -> None:
    old = {"version": 1, "lanes": {"claude": {"windows": []}}}
    assert old == accounts.pick(old, "claude")
    strange: dict[str, Any] = {"version": 1, "accounts": {"claude": {"~/x": 3}}}
    assert {} == accounts.pick(strange, "claude")
