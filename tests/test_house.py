"""The house rules, kept: who may import what, how large a room may be, and that what is documented is so."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from governor.cli import COMMANDS
from governor.cli import governor as command_line
from governor.usage import group_by

ROOT = Path(__file__).parent.parent
ROOMS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "governor").rglob("*.py"))
}
HOOKS = sorted(set((ROOT / "hooks").glob("*.py")) - {ROOT / "hooks" / "on_event.py"})  # which runs the others

# Rooms that think: values in, values out, the clock and the dice included.
THINKING = {
    f"governor.{name}"
    for name in [
        "calibration.cap_ratio",
        "calibration.elsewhere",
        "calibration.wander",
        "calibration.change_points",
        "calibration.observations",
        "calibration.percent_input",
        "calibration.scale",
        "calibration.slope",
        "calibration.weights",
        "clients.argv",
        "clients.panel_words",
        "clients.usage_panel",
        "durations",
        "errors",
        "evaluation.scores",
        "forecasting.activity_level",
        "forecasting.alarm",
        "forecasting.day_profile",
        "forecasting.demand",
        "forecasting.own_errors",
        "forecasting.day_samples",
        "forecasting.distribution",
        "forecasting.estimate",
        "forecasting.five_hour",
        "forecasting.week",
        "handoff.brief",
        "handoff.verdict",
        "hooks.fast_json",
        "ledger.rows",
        "ledger.unlogged",
        "limit_facts",
        "model",
        "pipeline.policy",
        "quota.model_families",
        "quota.plans",
        "quota.prices",
        "quota.refusals",
        "quota.resets",
        "quota.stated_refusal",
        "quota.stated_times",
        "quota.units",
        "quota.windows",
        "report",
        "review.canary",
        "review.efficiency",
        "review.flags",
        "review.limits",
        "review.overhead",
        "supervise.budget",
        "supervise.command",
        "supervise.stop_signals",
        "usage.group_by",
        "usage.sessions",
        "usage_steps",
    ]
}
# A folder whose own file is a docstring alone.
FOLDERS = {name for name, path in ROOMS.items() if len(ast.parse(path.read_text("utf-8")).body) == 1}
# In a hook's folder all rooms think but those that act.
ACTING = {f"governor.hooks.{name}" for name in ("loop.run", "memory.run", "budget.run", "budget.give_back")}
ACTING |= {"governor.hooks.statusline.chained_statusline"}
THINKING |= {name for name in ROOMS if re.match(r"governor\.hooks\.(?!state\b)\w+\.", name) and name not in ACTING} | {
    "governor.hooks.attended",
    "governor.hooks.light_tuple",
    "governor.hooks.printable",
    "governor.hooks.unreadable",
}
MACHINE = {
    "os",
    "io",
    "time",
    "sqlite3",
    "pathlib",
    "random",
    "subprocess",
    "socket",
    "shutil",
    "tempfile",
    "threading",
}
LONGEST = 300
OF_THE_PAST = {
    "governor.__main__",
    "governor.hooks.old_python",
    "governor.hooks.plugin",
}  # the last two run on any Python
# One file, because every import on a hook's way costs more than its lines do (docs/decisions.md).
LONGER = {"governor.hooks.runtime": 460}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path, *, everywhere: bool = True) -> set[str]:
    """Every module a file imports, by its full name; with ``everywhere`` false, only while it is loaded."""
    found: set[str] = set()

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            is_lazy = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            is_typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            if is_typing or (is_lazy and not everywhere):
                continue
            yield child
            yield from walk(child)

    for node in walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names} | {node.module}
    return found


def of_ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name in ROOMS}


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


# ---- imports ---------------------------------------------------------------------------------------------------------


def test_the_rooms_named_here_exist() -> None:
    assert set() == THINKING - set(ROOMS)


@pytest.mark.parametrize("room", sorted(THINKING))
def test_a_thinking_room_knows_neither_the_machine_nor_the_time(room: str) -> None:
    assert set() == tops(imports(ROOMS[room])) & MACHINE
    calls = [
        node.func.attr
        for node in ast.walk(tree(ROOMS[room]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert set() == {"now", "utcnow", "today", "urandom"} & set(calls)


@pytest.mark.parametrize("room", sorted(THINKING))
def test_thinking_imports_only_thinking(room: str) -> None:
    doing = of_ours(ROOMS[room]) - THINKING - FOLDERS
    assert {(room, other) for other in doing} - {(room, "governor.ledger")} == set()


@pytest.mark.parametrize("room", ["governor.evaluation.backtest", "governor.evaluation.people"])
def test_dice_are_thrown_only_with_a_seed(room: str) -> None:
    used = {
        node.attr
        for node in ast.walk(tree(ROOMS[room]))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random"
    }
    assert used <= {"Random"}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("sqlite3", r"governor\.ledger\.store"),
        ("rich", r"governor\.(views|cli)\..*"),
        ("click", r"governor\.(views|cli)(\..*)?"),
        ("pydantic", r"governor\.config(\.(schema|guards))?"),
        ("socket", "nobody"),
        ("asyncio", "nobody"),
        ("urllib", "nobody"),
        ("http", "nobody"),
        ("requests", "nobody"),
        ("multiprocessing", r"governor\.pipeline\.readers"),
    ],
)
def test_only_these_rooms_say(module: str, allowed: str) -> None:
    sayers = {name for name, path in ROOMS.items() if module in tops(imports(path))}
    assert {name for name in sayers if not re.fullmatch(allowed, name)} == set()
    assert sayers or allowed == "nobody"


def test_only_the_tail_opens_a_transcript() -> None:
    """No other source calls anything that opens a file."""
    for name in ("clients.claude.transcripts", "clients.codex.transcripts", "transcripts.lines"):
        path = ROOMS[f"governor.{name}"]
        called = {
            node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call)
        }
        assert set() == called & {"open", "read_bytes", "read_text", "read", "mmap", "pread"}
        assert set() == tops(imports(path)) & {"os", "io", "mmap", "pathlib"} - {"pathlib"}


# From the ground up. A room imports its own folder and what stands below it; one without a floor fails the test.
FLOORS = [
    "errors",
    "durations",
    "limit_facts",
    "usage_steps",
    "accounts",
    "model",
    "transcripts",
    "quota",
    "clients",
    "hooks",
    "paths",
    "crash_report",
    "number_format",
    "config",
    "calibration",
    "report",
    "forecasting",
    "usage",
    "evaluation",
    "ledger",
    "pipeline",
    "review",
    "views",
    "gate",
    "supervise",
    "handoff",
    "snapshots",
    "install",
    "health",
    "demo",
    "cli",
    "__main__",
]


def floor(room: str) -> str:
    """The folder or room at the top of the package that this one belongs to."""
    return room.split(".")[1]


def test_every_room_has_a_floor() -> None:
    assert {*FLOORS} == {floor(room) for room in ROOMS if room != "governor"}


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"governor"}))
def test_imports_point_down(room: str) -> None:
    mine = FLOORS.index(floor(room))
    above = {other for other in of_ours(ROOMS[room]) - {"governor"} if FLOORS.index(floor(other)) > mine}
    assert set() == above


def test_no_rooms_import_each_other_in_a_circle() -> None:
    """While they are loaded; what a function imports when it is called is let be."""
    graph: dict[str, set[str]] = {}
    for room, path in ROOMS.items():
        needs = {other for other in imports(path, everywhere=False) if other in ROOMS}
        folders = {other for other in needs if any(each.startswith(f"{other}.") for each in needs)}
        graph[room] = needs - folders - {"governor", room}
    while free := {room for room, needs in graph.items() if not needs & set(graph)}:
        graph = {room: needs for room, needs in graph.items() if room not in free}
    assert {} == graph


def test_a_folder_holds_no_more_than_fifteen_files_and_the_top_a_dozen() -> None:
    folders: dict[Path, list[str]] = {}
    for path in ROOMS.values():
        folders.setdefault(path.parent, []).append(path.name)
    top = ROOT / "governor"
    assert len({*folders[top]} - {"__init__.py", "__main__.py"}) <= 12
    assert {} == {str(folder): len(names) for folder, names in folders.items() if folder != top and len(names) > 15}
    assert [] == [str(folder) for folder, names in folders.items() if "__init__.py" not in names]


@pytest.mark.parametrize("path", HOOKS, ids=lambda path: path.name)
def test_a_hook_imports_the_door_and_its_guard_and_the_standard_library(path: Path) -> None:
    names = of_ours(path) - {"governor"}
    assert "governor.hooks.runtime" in names
    assert {name for name in names if name.startswith("governor.hooks.") and name.count(".") > 2}
    assert tops(imports(path)) <= {"governor", *sys.stdlib_module_names}
    for room in names:
        assert tops(imports(ROOMS[room], everywhere=False)) <= {"governor", *sys.stdlib_module_names}, room
    assert len(path.read_text().splitlines()) <= 90


def test_every_loaded_room_is_standard_library_only_where_hooks_go() -> None:
    for room in [name for name in THINKING if name.startswith("governor.hooks")] + ["governor.hooks.runtime"]:
        assert tops(imports(ROOMS[room])) <= {"governor", *sys.stdlib_module_names}, room


# ---- size, names, words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_room_is_longer_than_a_person_can_hold(room: str) -> None:
    assert len(ROOMS[room].read_text("utf-8").splitlines()) <= LONGER.get(room, LONGEST)


def test_no_room_is_called_after_nothing() -> None:
    assert set() == {
        name for name in ROOMS if name.rpartition(".")[2] in ("utils", "helpers", "manager", "base", "common", "misc")
    }


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_every_room_says_what_it_is_for_and_is_of_the_future(room: str) -> None:
    module = tree(ROOMS[room])
    assert ast.get_docstring(module), "no docstring"
    if len(module.body) > 1 and room not in OF_THE_PAST:
        assert "__future__" in imports(ROOMS[room])


def test_the_tests_a_docstring_names_exist() -> None:
    for name, path in ROOMS.items():
        for test in re.findall(r"tests/[\w/]+\.py", path.read_text("utf-8")):
            assert (ROOT / test).exists(), f"{name} names {test}"


# ---- what is written for people --------------------------------------------------------------------------------------


def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def overview() -> str:
    return CliRunner().invoke(command_line, ["--help"], prog_name="governor", terminal_width=80).output


def test_the_readmes_help_is_what_governor_says() -> None:
    block = re.search(r"```\n\$ governor --help\n(.*?)```", readme(), re.S)
    assert block is not None
    assert overview().strip() == block[1].strip()


def test_every_command_is_in_the_overview_and_loads() -> None:
    assert list(COMMANDS) == re.findall(r"^  ([a-z]+)  ", overview().partition("Commands:")[2], re.M)
    for name in COMMANDS:
        done = CliRunner().invoke(command_line, [name, "--help"])
        assert 0 == done.exit_code, name
        assert done.output.startswith(f"Usage: {command_line.name} {name}")


def test_the_overview_loads_no_command() -> None:
    code = (
        "import sys; from governor.cli import main; main(['--help']); "
        "print(*(name for name in sys.modules if name.startswith(('governor.', 'rich.', 'pydantic'))), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {"governor.cli", "governor.errors"} == set(done.stderr.split())


def test_every_key_of_usage_is_in_its_help() -> None:
    shown = CliRunner().invoke(command_line, ["usage", "--help"], terminal_width=300).output
    assert [] == [key for key in group_by.KEYS if key not in shown]


def test_ci_runs_the_readmes_own_test_command() -> None:
    commands = [line for line in re.findall(r"```sh\n(.*?)\n```", readme(), re.S) if "pytest" in line]
    assert 1 == len(commands)
    assert commands[0] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_invariant_names_a_test_that_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    table = text.partition("## Invariants")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| invariant")]
    assert len(rows) >= 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, test in named:
            assert (ROOT / file).exists(), row
            assert not test or f"def {test}(" in (ROOT / file).read_text("utf-8"), row


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    map_of_it = text.partition("## Map")[2].partition("\n## ")[0]
    rooms = {name.split(".")[1] for name in ROOMS if name.count(".") >= 1} - {"__main__"}
    assert set() == {room for room in rooms if not re.search(rf"`{room}[/`]", map_of_it)}


def test_the_glossary_says_where_each_word_lives() -> None:
    rows = re.findall(
        r"^\| ([\w -]+) \| (.+) \| `([\w/.]+)` \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M
    )
    assert len(rows) >= 40
    assert sorted(term.lower() for term, _, _ in rows) == [term.lower() for term, _, _ in rows]
    for term, sentence, place in rows:
        assert (ROOT / place).is_file(), term
        assert len(sentence.split()) <= 20, term
        assert sentence.endswith("."), term


# What each of these was once called: a room or a class named so would say a second thing, or the same thing twice.
GIVEN_UP = [
    "letter",
    "desk",
    "post",
    "door",
    "tap",
    "typed",
    "suits",
    "called",
    "cut",
    "entries",
    "billed",
    "plain",
    "deeds",
    "likeness",
    "upkeep",
    "muted",
    "acts",
    "alike",
    "season",
    "level",
    "pools",
    "landing",
    "stretches",
    "slopes",
    "hindsight",
    "outlook",
    "attribution",
    "marathon",
    "spending",
    "faces",
    "pasted",
    "refresher",
    "ending",
    "outlet",
]


def test_no_room_or_class_goes_by_a_word_that_was_given_up() -> None:
    rooms = {part for room in ROOMS for part in room.split(".")[1:]}
    assert set() == rooms & {*GIVEN_UP}
    classes = {node.name for path in ROOMS.values() for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
    assert set() == {name.lower() for name in classes} & {*GIVEN_UP}


def test_no_comment_sends_the_reader_to_a_room_that_is_gone() -> None:
    gone = {
        *GIVEN_UP,
        "letters",
        "guards",
        "sources",
        "simulate",
        "regimes",
        "weigh",
        "auxiliary",
        "tap",
        "watch",
        "originals",
    }
    for path in [*ROOMS.values(), *HOOKS]:
        named = re.findall(r"``(\w+)\.\w+``", path.read_text("utf-8"))
        assert set() == gone & {*named}, path.name


def test_a_class_name_means_one_class() -> None:
    where: dict[str, list[str]] = {}
    for room, path in ROOMS.items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, []).append(room)
    assert {} == {name: rooms for name, rooms in where.items() if len(rooms) > 1}


def test_links_between_the_documents_lead_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name} → {target}"
