"""Fixtures: ``claude`` and ``codex`` are the real clients, ``standin`` is what they talk to.

Each test has a namespace, a stand-in and a home of its own, and all three end with it. Where the clients cannot be had
a person's run is skipped; in CI (the variable ``CI`` is set) it fails.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .clients import Clients, MissingClientsError, find_clients
from .drive import ClaudeCode, Codex, Governor
from .namespace import Namespace, best_way, describe
from .standin import Standin
from .state import State


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what stood between the clients and the world; the header would be lost to ``-q``."""
    if "not e2e" not in terminalreporter.config.getoption("markexpr"):
        terminalreporter.write_line(describe(best_way()))


@pytest.fixture(scope="session")
def clients() -> Clients:
    try:
        found = find_clients()
        if shutil.which("tmux") is None:
            raise MissingClientsError("tmux is not installed; next: install it from your system's packages")
    except MissingClientsError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    return found


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    corner = Namespace(best_way())
    yield corner
    corner.close()


@pytest.fixture
def standin(namespace: Namespace) -> Iterator[Standin]:
    service = Standin(namespace.listener)
    yield service
    service.close()


@pytest.fixture
def user_home(tmp_path: Path) -> Path:
    """The throw-away home of the person at the keyboard; both clients live in it."""
    home = tmp_path / "person"
    home.mkdir()
    return home


@pytest.fixture
def claude(clients: Clients, user_home: Path, namespace: Namespace, standin: Standin) -> ClaudeCode:
    return ClaudeCode(program=clients.claude, home=user_home, namespace=namespace, standin=standin)


@pytest.fixture
def codex(clients: Clients, user_home: Path, namespace: Namespace, standin: Standin) -> Codex:
    return Codex(program=clients.codex, home=user_home, namespace=namespace, standin=standin)


@pytest.fixture
def governor(user_home: Path, namespace: Namespace, standin: Standin) -> Governor:
    return Governor(program=Path(sys.executable), home=user_home, namespace=namespace, standin=standin)


@pytest.fixture
def state(user_home: Path) -> State:
    return State(user_home)


@pytest.fixture
def wired(claude: ClaudeCode, governor: Governor, state: State) -> ClaudeCode:
    """Claude Code with the hooks in it; only ``governor refresh`` refreshes."""
    governor.install()
    state.hold_bell()
    return claude


@pytest.fixture
def wired_codex(codex: Codex, governor: Governor, state: State) -> Codex:
    """The same for Codex."""
    governor.install("--codex")
    state.hold_bell()
    return codex
