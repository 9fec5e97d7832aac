"""Every test lives in a home of its own, and none can reach the person's: an audit hook stands before it.

Gold files (``tests/gold``) are compared byte for byte; ``pytest --accept`` writes them anew.
"""

from __future__ import annotations

import inspect
import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pythons

GOLD = Path(__file__).parent / "gold"
OPENERS = ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "sqlite3.connect")
PLACES = (".claude", ".codex", ".local/state/governor", ".config/governor", ".config/claude")
CLEARED = (
    "GOVERNOR_OFF",
    "GOVERNOR_MACHINE",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "LINES",
    "PYTHONSAFEPATH",
    "CLAUDECODE",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="Write the gold files anew instead of comparing.")


def pytest_configure(config: pytest.Config) -> None:
    from hypothesis import HealthCheck, settings

    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=slow)
    settings.load_profile("house")
    guard_real_home()


def guard_real_home() -> None:
    """From here on, any touch of the real home's client or governor folders fails the test that did it."""
    real = pwd.getpwuid(os.getuid()).pw_dir
    forbidden = tuple(os.path.join(real, place) for place in PLACES)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in OPENERS and arguments and isinstance(arguments[0], (str, bytes, os.PathLike)):
            touched = os.path.abspath(os.fsdecode(arguments[0]))
            if touched.startswith(forbidden):
                raise AssertionError(f"a test touched the real home: {touched}")

    sys.addaudithook(watch)


# The tests that start a hook, and the words in a test's source or fixtures that say so: each runs under the oldest
# Python, too, for a plugin's hooks run under whatever ``python3`` is.
STARTERS = {
    "test_hook_door": ("toy", "imported("),
    "test_on_event": ("client",),
    "test_budget": ("Hook(",),
    "test_loop_hook": ("host",),
    "test_memory_hook": ("machine",),
    "test_prices_said": ("home", "said("),
    "test_router_hook": ("host",),
    "test_spawn_hook": ("host",),
    "test_statusline": ("shown(", "run("),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    words = STARTERS.get(metafunc.module.__name__, ())
    source = inspect.getsource(metafunc.function)
    if any(word in metafunc.fixturenames or word in source for word in words):
        metafunc.fixturenames.append("hook_python")
        metafunc.parametrize("hook_python", ["", pythons.OLDEST], ids=["", "3.9"], indirect=True)


@pytest.fixture
def hook_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python that hooks are started with: ours, or for ``3.9`` that one."""
    if request.param:
        found = pythons.find(request.param)
        if found is None:
            pytest.skip(f"no Python {request.param} here (pyenv install {request.param})")
        monkeypatch.setattr(sys, "executable", found)


@pytest.fixture(autouse=True)
def sealed_home(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person's empty home in ``tmp_path`` and, beside it, all that can be pointed elsewhere. UTC, no kill switch,
    nothing of the caller's environment that matters.
    """
    if request.node.get_closest_marker("e2e"):
        yield tmp_path  # the real clients have homes of their own there
        return
    home = tmp_path / "home"
    home.mkdir()
    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)
    for name in [one for one in os.environ if one.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "state"))
    (tmp_path / "budget.json").touch()  # a file that is named has to be there
    monkeypatch.setenv("GOVERNOR_CONFIG", str(tmp_path / "budget.json"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def gold(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``gold(name, text)``: the text is what ``tests/gold/<name>`` holds, or becomes it with ``--accept``."""

    def compare(name: str, text: str) -> None:
        path = GOLD / name
        if request.config.getoption("--accept"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            return
        assert path.exists(), f"no gold file {name}; next: pytest --accept"
        assert path.read_text("utf-8") == text, f"{name} differs; if it is better now: pytest --accept"

    return compare


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """``zone("Europe/Berlin")``: the system's own time zone, for this test."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
