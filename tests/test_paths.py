"""Where things lie, and that nothing else decides it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from governor import paths
from governor.errors import StateError
from governor.hooks import runtime


def test_the_state_folder_is_the_platforms_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOVERNOR_HOME")
    assert str(platformdirs.user_state_path("governor")) == runtime.home()
    for value in (str(tmp_path / "xdg"), "", "  "):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert str(platformdirs.user_state_path("governor")) == runtime.home()


def test_the_state_folder_can_be_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOVERNOR_HOME", "~/state")
    assert tmp_path / "home" / "state" == paths.home()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOVERNOR_HOME", "here")
    assert tmp_path / "here" == paths.home()


def test_the_budget_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOVERNOR_CONFIG", "~/my.yaml")
    assert tmp_path / "home" / "my.yaml" == paths.config_file()
    monkeypatch.delenv("GOVERNOR_CONFIG")
    folder = platformdirs.user_config_path("governor")
    assert folder / "budget.json" == paths.config_file()
    folder.mkdir(parents=True)
    for name in ("budget.yml", "budget.yaml", "budget.json"):
        (folder / name).touch()
        assert folder / name == paths.config_file()


@pytest.mark.parametrize(
    ("value", "homes"),
    [
        ("~/a", ["home/a"]),
        ("~/a, ~/b ,", ["home/a", "home/b"]),
        ("", ["home/.claude", "home/.config/claude"]),
        (" , ", ["home/.claude", "home/.config/claude"]),
        (None, ["home/.claude", "home/.config/claude"]),
    ],
)
def test_claudes_homes(value: str | None, homes: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    if value is not None:
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", value)
    assert [tmp_path / name for name in homes] == paths.claude_homes()


def test_codex_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for value, name in (("~/x", "home/x"), ("", "home/.codex")):
        monkeypatch.setenv("CODEX_HOME", value)
        assert tmp_path / name == paths.codex_home()


def test_a_home_of_somebody_unknown_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GOVERNOR_CONFIG"):
        monkeypatch.setenv(name, "~nobody-of-this-name/x")
    assert [paths.codex_home()] == paths.claude_homes()
    assert "x" == paths.config_file().name


def test_a_state_folder_that_cannot_be_made_says_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "file" / "state"))
    with pytest.raises(StateError) as told:
        paths.claim_home()
    assert "GOVERNOR_HOME=" in told.value.next_step


def test_the_state_folder_explains_itself_and_is_private(tmp_path: Path) -> None:
    folder = paths.claim_home()
    assert 0o700 == os.stat(folder).st_mode & 0o777
    assert "governor doctor" in (folder / "README").read_text()
    (folder / "README").write_text("mine")
    paths.claim_home()
    assert "mine" == (folder / "README").read_text()
