"""Installing into a person's home and leaving it again: their files, their links, their edits, their statusLine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from governor import config, install, paths
from governor.cli import governor as command_line
from governor.cli.set import install as cli
from governor.errors import BadInputError, GovernorError, SettingsError, StateError
from governor.health import heartbeat
from governor.hooks import old_python, on_event
from governor.hooks import runtime as hooks_runtime
from governor.install import carry_out, codex, manifest, runtime, target, wiring

ROOT = Path(__file__).parent.parent

STUB = b"""import os, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from governor.hooks import runtime as hook
hook.run("stub", lambda event, ctx: hook.Reply(person="seen by " + ctx.lane), wants=lambda raw, ctx: True)
"""
SCRIPTS = ("on_event.py", "pacing_warner.py", "prompt_router.py", "memory_compactor.py", "statusline.py")

THEIRS = """{
    "model": "opus",
    "statusLine": {"type": "command", "command": "printf 'caf\\u00e9'", "padding": 1},
    "hooks": {
        "UserPromptSubmit": [{"hooks": [{"type": "command", "command": "date"}]}]
    }
}"""


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's hooks folder, and a project folder to stand in; both clients have been run here."""
    folder = tmp_path / "checkout" / "hooks"
    folder.mkdir(parents=True)
    for name in SCRIPTS:
        (folder / name).write_bytes(STUB)
    monkeypatch.setattr(runtime, "source_hooks", lambda: folder)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    for home in (paths.claude_homes()[0], paths.codex_home()):
        home.mkdir(parents=True, exist_ok=True)
    return folder


def claude_file() -> Path:
    return paths.claude_homes()[0] / "settings.json"


def codex_file() -> Path:
    return paths.codex_home() / "hooks.json"


def put(text: str | bytes, path: Path | None = None) -> Path:
    path = path or claude_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def document(path: Path | None = None) -> dict[str, Any]:
    return json.loads((path or claude_file()).read_bytes())  # type: ignore[no-any-return]


def scripts_in(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (event, script)
        for event, groups in found["hooks"].items()
        for group in groups
        for handler in group["hooks"]
        if (script := wiring.script_in(handler["command"]))
    ]


def settle(budget: dict[str, Any]) -> config.Settings:
    """What the person wrote into their budget file."""
    put(json.dumps(budget), paths.config_file())
    return config.load()


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def chain() -> dict[str, Any]:
    return hooks_runtime.read_snapshot(str(paths.home()), carry_out.CHAIN_SNAPSHOT)[1]


class TestInstall:
    def test_both_clients_are_wired_when_both_are_here(self) -> None:
        outcomes = install.install()
        assert [("claude", True), ("codex", True)] == [(outcome.host, outcome.changed) for outcome in outcomes]
        expected = [
            ("SessionStart", "on_event.py"),
            ("UserPromptSubmit", "on_event.py"),
            ("PostToolUse", "on_event.py"),
        ]
        assert expected == scripts_in(document())
        assert expected == scripts_in(document(codex_file()))
        assert "Write|Edit|MultiEdit" == document()["hooks"]["PostToolUse"][0]["matcher"]
        assert "apply_patch" == document(codex_file())["hooks"]["PostToolUse"][0]["matcher"]
        assert ["hooks"] == list(document(codex_file()))

    def test_every_handler_is_absolute_has_a_timeout_and_cannot_block(self) -> None:
        install.install()
        handlers = [
            h
            for f in (claude_file(), codex_file())
            for g in document(f)["hooks"].values()
            for x in g
            for h in x["hooks"]
        ]
        assert 6 == len(handlers)
        for handler in handlers:
            interpreter, script = wiring.files_in(handler["command"])
            assert os.access(interpreter, os.X_OK)
            assert os.path.isabs(interpreter)
            assert os.path.isfile(script)
            assert handler["command"].endswith(" || true")
            assert 0 < handler["timeout"] <= 10

    def test_only_the_client_that_is_here(self) -> None:
        paths.codex_home().rmdir()
        assert ["claude"] == [outcome.host for outcome in install.install()]
        assert not paths.codex_home().exists()

    def test_no_client_is_a_question_back(self) -> None:
        paths.codex_home().rmdir()
        paths.claude_homes()[0].rmdir()
        with pytest.raises(BadInputError, match=r"next: governor install --claude"):
            install.install()
        assert [True] == [outcome.changed for outcome in install.install(hosts=("claude",))]

    def test_twice_is_once(self) -> None:
        put(THEIRS)
        install.install()
        once = everything(paths.home()), claude_file().read_bytes(), codex_file().read_bytes()
        again = install.install()
        assert [False, False] == [outcome.changed for outcome in again]
        assert once == (everything(paths.home()), claude_file().read_bytes(), codex_file().read_bytes())

    def test_another_interpreter_renews_the_command_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put(THEIRS)
        install.install()
        before = document()
        monkeypatch.setattr(runtime, "interpreter", lambda: "/opt/python 3/bin/python3")
        install.install()
        assert scripts_in(before) == scripts_in(document())
        assert "'/opt/python 3/bin/python3' -I -S " in document()["statusLine"]["command"]
        install.uninstall()
        assert THEIRS.encode() == claude_file().read_bytes()

    def test_dry_run_shows_a_diff_and_writes_nothing_at_all(self, tmp_path: Path) -> None:
        put(THEIRS)
        before = everything(tmp_path)
        outcome = install.install(hosts=("claude",), dry_run=True)[0]
        assert before == everything(tmp_path)
        assert not paths.home().exists()
        assert f"--- {claude_file()}\n+++ {claude_file()}\n" in outcome.diff
        removed = [line for line in outcome.diff.splitlines() if line.startswith("-") and not line.startswith("---")]
        assert 2 == len(removed)  # the statusLine, and the line whose group gained a comma
        assert "/dev/null" in install.install(hosts=("codex",), dry_run=True)[0].diff

    def test_project_and_local_scope(self, tmp_path: Path) -> None:
        (tmp_path / "project" / ".git").mkdir()
        inner = tmp_path / "project" / "inner"
        inner.mkdir()
        install.install(scope="project", folder=inner)
        install.install(scope="local", folder=inner)
        assert scripts_in(document(inner / ".claude" / "settings.json"))
        assert scripts_in(document(tmp_path / "project" / ".claude" / "settings.local.json"))
        assert not claude_file().exists()
        install.uninstall(folder=inner)
        assert [] == list(inner.iterdir())
        assert [tmp_path / "project" / ".git", inner] == sorted(tmp_path.joinpath("project").iterdir())

    def test_codex_has_no_project_scope(self) -> None:
        with pytest.raises(BadInputError, match="governor install --codex"):
            install.install(hosts=("codex",), scope="local")

    def test_every_config_folder_that_was_lived_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", f"{tmp_path}/a, {tmp_path}/b, {tmp_path}/c")
        for name in "abc":
            (tmp_path / name).mkdir()
        put("{}", tmp_path / "b" / "settings.json")
        outcomes = install.install(hosts=("claude",))
        assert [f"{tmp_path}/a/settings.json", f"{tmp_path}/b/settings.json"] == [each.path for each in outcomes]

    def test_hooks_that_are_switched_off_are_said_so(self) -> None:
        put('{"disableAllHooks": true}')
        put("[features]\nhooks = false\n[[hooks.Stop]]\n", paths.codex_home() / "config.toml")
        notes = [note for outcome in install.install() for note in outcome.notes]
        assert 3 == len(notes)
        assert "disableAllHooks" in notes[0]
        assert "Codex runs both" in notes[1]
        assert "hooks = false" in notes[2]

    def test_ten_installs_at_once_make_one(self) -> None:
        put(THEIRS)
        code = f"""
import sys; from pathlib import Path; from governor import install; from governor.install import runtime
runtime.source_hooks = lambda: Path({str(runtime.source_hooks())!r})
install.install(hosts=("claude",))"""
        running = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
        assert [0, 0, 0, 0] == [process.wait(60) for process in running]
        assert 3 == len(scripts_in(document()))
        install.uninstall()
        assert THEIRS.encode() == claude_file().read_bytes()


class TestUninstall:
    @pytest.mark.parametrize(
        "text",
        [
            THEIRS,
            THEIRS.replace("\n", "\r\n"),
            THEIRS.replace("    ", "\t") + "\n\n",
            "\ufeff" + THEIRS,
            json.dumps(json.loads(THEIRS)),
            '{ "hooks" : { "Stop" : [ ] , "UserPromptSubmit":[\n] } , "n": 1.50e3 }',
            "{}",
            "{\n}\n",
            "",
            " \n",
            '{"statusLine": null}',
        ],
    )
    def test_every_byte_comes_back(self, text: str, tmp_path: Path) -> None:
        put(text)
        put(text.lstrip("\ufeff"), codex_file())
        clients = everything(claude_file().parent), everything(codex_file().parent)
        install.install()
        assert 3 == len(scripts_in(json.loads(claude_file().read_text("utf-8-sig"))))
        outcomes = install.uninstall()
        assert [True, True] == [outcome.changed for outcome in outcomes]
        assert clients == (everything(claude_file().parent), everything(codex_file().parent))
        left = sorted(path.name for path in paths.home().iterdir() if path.name not in ("install.lock", "letters"))
        assert ["README"] == left

    def test_files_and_folders_that_were_made_go_again(self) -> None:
        paths.codex_home().rmdir()
        install.install(hosts=("claude", "codex"))
        assert 0o600 == codex_file().stat().st_mode & 0o777
        install.uninstall()
        assert not paths.codex_home().exists()
        assert [] == list(claude_file().parent.iterdir())

    def test_what_was_edited_since_survives_and_ours_go(self) -> None:
        put(THEIRS)
        install.install()
        edited = claude_file().read_text().replace('"model": "opus"', '"model":   "sonnet",\n    "theirs": [1, 2.0]')
        put(edited)
        install.uninstall()
        assert (
            THEIRS.replace('"model": "opus"', '"model":   "sonnet",\n    "theirs": [1, 2.0]')
            == claude_file().read_text()
        )

    def test_an_edit_between_two_installs_becomes_what_uninstall_gives_back(self) -> None:
        put(THEIRS)
        install.install()
        put(claude_file().read_text().replace("opus", "haiku"))
        install.install()
        install.uninstall()
        assert THEIRS.replace("opus", "haiku") == claude_file().read_text()

    def test_a_file_the_client_rewrote_in_its_own_style_still_loses_only_ours(self) -> None:
        put(THEIRS)
        install.install()
        put(json.dumps({**document(), "theme": "dark"}, indent=2))
        install.uninstall()
        expected = {**json.loads(THEIRS), "theme": "dark"}
        assert json.dumps(expected, indent=2).replace("café", "caf\\u00e9") == claude_file().read_text()

    def test_a_file_of_ours_that_somebody_filled_stays(self) -> None:
        install.install(hosts=("claude",))
        put(json.dumps({**document(), "model": "opus"}))
        install.uninstall()
        assert {"model": "opus"} == document()

    def test_without_the_record_ours_are_still_found(self) -> None:
        put(THEIRS)
        install.install()
        (paths.home() / "install.json").unlink()
        install.uninstall()
        assert THEIRS == claude_file().read_text()

    def test_a_statusline_is_restored_when_its_backup_is_gone(self) -> None:
        put(THEIRS)
        install.install()
        for backup in (paths.home() / "backups").iterdir():
            backup.unlink()
        install.uninstall()
        assert json.loads(THEIRS) == document()

    def test_a_crash_after_the_record_and_before_the_file_leaves_the_file(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(THEIRS)

        def crash(*_: object, **__: object) -> list[str]:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(carry_out, "swap", crash)
            with pytest.raises(KeyboardInterrupt):
                install.install(hosts=("claude",))
        assert [str(claude_file())] == list(manifest.load(paths.home()))
        assert [False, False] == [outcome.changed for outcome in install.uninstall()]
        assert THEIRS == claude_file().read_text()

    def test_never_installed_is_no_fault(self) -> None:
        put(THEIRS)
        assert [False, False] == [outcome.changed for outcome in install.uninstall()]
        assert THEIRS == claude_file().read_text()

    def test_one_client_alone(self) -> None:
        install.install()
        install.uninstall(hosts=("codex",))
        assert not codex_file().exists()
        assert 3 == len(scripts_in(document()))
        assert (paths.home() / "runtime" / "hooks").is_dir()

    def test_a_broken_file_does_not_keep_the_other_from_leaving(self) -> None:
        install.install()
        put("{ // mine\n}")
        faults = {outcome.host: outcome.fault for outcome in install.uninstall()}
        assert isinstance(faults["claude"], SettingsError)
        assert faults["codex"] is None
        assert not codex_file().exists()
        assert (paths.home() / "runtime").is_dir()  # the broken file may still name it

    def test_hooks_that_move_up_in_codex_are_said_so(self) -> None:
        install.install(hosts=("codex",))
        found = document(codex_file())
        found["hooks"]["UserPromptSubmit"].append({"hooks": [{"type": "command", "command": "date"}]})
        put(json.dumps(found), codex_file())
        notes = [note for outcome in install.uninstall() for note in outcome.notes]
        assert [
            "Other hooks on UserPromptSubmit stood behind ours and move up: Codex will ask you to review them again."
        ] == notes

    def test_a_wrapper_of_their_own_is_left_and_named(self) -> None:
        install.install(hosts=("claude",))
        wrapped = claude_file().read_text().replace('"command": "', '"command": "nice ', 1)
        put(wrapped)
        assert [False] == [outcome.changed for outcome in install.install(hosts=("claude",))]
        notes = [note for outcome in install.uninstall() for note in outcome.notes]
        assert 1 == len(notes)
        assert "still names a governor hook" in notes[0]
        assert '"command": "nice ' in claude_file().read_text()


class TestWayBack:
    """The person's own bytes come back, whatever became of the folder, the record or the file meanwhile."""

    @pytest.fixture(params=[THEIRS, '{"statusLine":{"type":"command","command":"echo é"}}\n', "{\n}\n"])
    def theirs(self, request: pytest.FixtureRequest) -> str:
        text: str = request.param
        put(text)
        put(text, codex_file())
        install.install()
        return text

    def leave(self) -> None:
        assert not [outcome.fault for outcome in install.uninstall() if outcome.fault]

    @pytest.mark.parametrize("again", [False, True])
    @pytest.mark.parametrize("old_place", ["gone", "there anew"])
    def test_a_config_folder_that_moved(
        self, theirs: str, again: bool, old_place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        homes = {"CLAUDE_CONFIG_DIR": claude_file().parent, "CODEX_HOME": codex_file().parent}
        for name, folder in homes.items():
            folder.rename(tmp_path / f"moved-{name}")
            monkeypatch.setenv(name, str(tmp_path / f"moved-{name}"))
            if old_place == "there anew":
                folder.mkdir()
        if again:
            install.install()
        self.leave()
        assert (theirs, theirs) == (claude_file().read_text(), codex_file().read_text())
        assert [] == [path for folder in homes.values() if folder.exists() for path in folder.iterdir()]
        assert not (paths.home() / "backups").exists()

    def test_a_config_folder_that_moved_and_was_edited(
        self, theirs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claude_file().parent.rename(tmp_path / "moved")
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "moved"))
        put(json.dumps({**document(), "theme": "dark"}))
        self.leave()
        assert {**json.loads(theirs), "theme": "dark"} == document()

    def test_a_home_that_was_renamed(self, theirs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        renamed = tmp_path / "renamed"
        renamed.mkdir()
        for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GOVERNOR_HOME"):
            folder = Path(os.environ[name])
            folder.rename(renamed / folder.name)
            monkeypatch.setenv(name, str(renamed / folder.name))
        self.leave()
        assert (theirs, theirs) == (claude_file().read_text(), codex_file().read_text())

    @pytest.mark.parametrize("lost", ["install.json", "install.json is spoilt", "backups", "everything"])
    def test_a_record_that_was_lost(self, theirs: str, lost: str) -> None:
        record, folder = paths.home() / "install.json", paths.home() / "backups"
        if lost == "install.json is spoilt":
            record.write_text("{")
            with pytest.raises(StateError, match="next: mv"):
                install.uninstall()
            record.rename(f"{record}.old")  # as it says
        if lost in ("install.json", "everything"):
            record.unlink()
        if lost in ("backups", "everything"):
            shutil.rmtree(folder)
        self.leave()
        if lost.startswith("install.json"):
            assert (theirs, theirs) == (claude_file().read_text(), codex_file().read_text())
        else:
            assert json.loads(theirs) == document()

    def test_wiring_of_another_state_folder(self, theirs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "other"))
        self.leave()
        assert (theirs, theirs) == (claude_file().read_text(), codex_file().read_text())

    def test_settings_from_another_machine(self, theirs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.rmtree(paths.home())  # it is the other machine's
        monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "other"))
        self.leave()
        assert (json.loads(theirs), json.loads(theirs)) == (document(), document(codex_file()))

    @pytest.mark.parametrize("again", [False, True])
    @pytest.mark.parametrize("left", [None, "", " \n", "{}"])
    def test_settings_that_a_client_wiped(self, theirs: str, left: str | None, again: bool) -> None:
        if left is None:
            claude_file().unlink()
        else:
            put(left)
        if again:
            install.install()
        self.leave()
        assert theirs == claude_file().read_text()

    @pytest.mark.parametrize("again", [False, True])
    def test_settings_that_a_client_wrote_anew_get_their_line_back(self, theirs: str, again: bool) -> None:
        put('{"model": "haiku"}')
        if again:
            install.install()
        notes = [note for outcome in install.uninstall() for note in outcome.notes]
        line = {name: value for name, value in json.loads(theirs).items() if name == "statusLine"}
        assert {"model": "haiku", **line} == document()
        assert again or bool(line) == ("is back in it" in " ".join(notes))

    def test_the_line_stands_in_the_wired_command_and_runs_without_us(self, theirs: str) -> None:
        words = document()["statusLine"]["command"]
        own = json.loads(theirs).get("statusLine", {}).get("command")
        assert own == wiring.own_line_in(words)
        shutil.rmtree(paths.home())
        shown = subprocess.run(["sh", "-c", words], input="{}", capture_output=True, text=True)
        assert (0, {None: "", "echo é": "é\n"}.get(own, "café")) == (shown.returncode, shown.stdout)

    def test_nobody_is_told_to_remove_the_last_copy(self, theirs: str) -> None:
        put(json.dumps({**document(), "theme": "dark"}, indent=1))
        gone = CliRunner().invoke(cli.uninstall, [])
        is_last = (paths.home() / "backups").exists()
        assert (is_last, not is_last) == ("before you remove" in gone.output, "rm -r" in gone.output)
        (paths.home() / "memory" / "x").mkdir(parents=True)
        (paths.home() / "memory" / "x" / "original.md").write_text("theirs")
        assert "rm -r" not in CliRunner().invoke(cli.uninstall, []).output

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks /proc what was synced")
    def test_the_way_back_is_on_the_disk_before_the_settings_change(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put(THEIRS)
        synced: list[str] = []
        really = os.fsync

        def note(descriptor: int) -> None:
            synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            really(descriptor)

        def swap(*_: object, **__: object) -> list[str]:
            entry = manifest.load(paths.home())[str(claude_file())]
            home = paths.home()
            assert {str(home / "backups" / str(entry.backup)), str(home / "install.json")} <= set(synced)
            return []

        monkeypatch.setattr(os, "fsync", note)
        monkeypatch.setattr(carry_out, "swap", swap)
        install.install(hosts=("claude",))

    def test_a_disk_that_takes_no_way_back_leaves_the_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put(THEIRS)

        def full(path: str, data: bytes) -> None:
            if "/backups/" in path:
                raise OSError(28, "No space left on device")
            write(path, data)

        write = hooks_runtime.write_private
        monkeypatch.setattr(hooks_runtime, "write_private", full)
        with pytest.raises(StateError, match=r"No space left on device.*no settings were changed"):
            install.install(hosts=("claude",))
        assert THEIRS == claude_file().read_text()


class TestStatusLine:
    def test_theirs_is_carried_on_and_keeps_its_padding(self) -> None:
        put(THEIRS)
        install.install()
        line = document()["statusLine"]
        assert wiring.STATUSLINE == wiring.script_in(line["command"])
        assert 1 == line["padding"]
        assert {"version": 1, "command": "printf 'café'", "padding": 1} == chain()
        install.uninstall()
        assert {} == chain()

    def test_without_one_there_is_nothing_to_carry(self) -> None:
        install.install()
        assert {"type", "command"} == set(document()["statusLine"])
        assert {} == chain()

    def test_one_that_the_person_set_while_we_were_installed_is_carried_from_then_on(self) -> None:
        put(THEIRS)
        install.install()
        put(json.dumps({**document(), "statusLine": {"type": "command", "command": "starship"}}))
        install.install()
        assert {"version": 1, "command": "starship"} == chain()
        install.uninstall()
        assert {"type": "command", "command": "starship"} == document()["statusLine"]

    def test_one_that_the_person_set_is_not_undone(self) -> None:
        put(THEIRS)
        install.install()
        put(json.dumps({**document(), "statusLine": {"type": "command", "command": "starship"}}))
        install.uninstall()
        assert {**json.loads(THEIRS), "statusLine": {"type": "command", "command": "starship"}} == document()

    def test_one_that_is_no_command_is_left(self) -> None:
        put('{"statusLine": {"type": "static", "text": "hello"}}')
        notes = install.install(hosts=("claude",))[0].notes
        assert {"type": "static", "text": "hello"} == document()["statusLine"]
        assert [True] == ["left as it is." in note for note in notes]

    def test_local_wiring_carries_the_line_that_the_user_scope_would_have_shown(self) -> None:
        put(THEIRS)
        install.install(scope="local")
        local = Path(".claude/settings.local.json")
        assert wiring.STATUSLINE == wiring.script_in(document(local)["statusLine"]["command"])
        assert 1 == document(local)["statusLine"]["padding"]
        assert "printf 'café'" == chain()["command"]
        assert THEIRS == claude_file().read_text()

    def test_local_wiring_adds_no_second_tap_below_which_one_shows_already(self) -> None:
        install.install()
        install.install(scope="local")
        assert "statusLine" not in document(Path(".claude/settings.local.json"))

    def test_a_second_line_that_one_tap_cannot_carry_too_is_left_and_said_so(self) -> None:
        put(THEIRS)
        put('{"statusLine": {"type": "command", "command": "starship"}}', Path(".claude/settings.json"))
        first = install.install(hosts=("claude",))[0]
        assert "wins in this project" in first.notes[0]
        second = install.install(scope="project")[0]
        assert "already carries another one" in second.notes[0]
        assert "starship" == document(Path(".claude/settings.json"))["statusLine"]["command"]
        assert "printf 'café'" == chain()["command"]


class TestFiles:
    def test_a_relative_link_into_a_dotfiles_folder_stays_a_link(self, tmp_path: Path) -> None:
        real = put(THEIRS, tmp_path / "dotfiles" / "claude.json")
        real.chmod(0o640)
        claude_file().symlink_to(os.path.relpath(real, claude_file().parent))
        install.install(hosts=("claude",))
        assert claude_file().is_symlink()
        assert 3 == len(scripts_in(document(real)))
        assert 0o640 == real.stat().st_mode & 0o777
        assert ["claude.json"] == os.listdir(real.parent)
        install.uninstall()
        assert claude_file().is_symlink()
        assert THEIRS == real.read_text()

    def test_a_link_to_nowhere_is_filled_or_refused(self, tmp_path: Path) -> None:
        claude_file().symlink_to(tmp_path / "unmounted" / "claude.json")
        with pytest.raises(SettingsError, match="mkdir -p"):
            install.install(hosts=("claude",))
        (tmp_path / "unmounted").mkdir()
        install.install(hosts=("claude",))
        assert 3 == len(scripts_in(document(tmp_path / "unmounted" / "claude.json")))

    @pytest.mark.parametrize(
        "text",
        [
            "// mine\n{}",
            '{"a": 1,}',
            "[]",
            '{"hooks": []}',
            '{"hooks": {"SessionStart": {}}}',
            '{"a": 1, "a": 2}',
            b'{"a": "\xff"}',
            "{",
        ],
    )
    def test_what_cannot_be_read_safely_is_left_alone_and_nothing_else_is_touched(
        self, text: str | bytes, tmp_path: Path
    ) -> None:
        put(text)
        before = everything(tmp_path)
        with pytest.raises(SettingsError, match=r"was left alone[^\0]*next: .*governor install --claude"):
            install.install(hosts=("claude",))
        after = everything(tmp_path)
        assert before == {path: after[path] for path in before}
        assert {"README", "install.lock"} >= {os.path.basename(path) for path in after.keys() - before.keys()}

    @pytest.mark.parametrize("odd", ["folder", "loop", "read-only"])
    def test_a_file_that_is_not_to_be_written_is_refused(self, odd: str) -> None:
        if odd == "folder":
            claude_file().mkdir()
        elif odd == "loop":
            claude_file().symlink_to(claude_file())
        else:
            put(THEIRS).chmod(0o444)
        with pytest.raises(SettingsError, match="next: "):
            install.install(hosts=("claude",))
        assert [claude_file()] == list(claude_file().parent.iterdir())

    def test_a_folder_that_is_not_to_be_written_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put(THEIRS)

        def refuse(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(target.tempfile, "mkstemp", refuse)
        with pytest.raises(SettingsError, match="cannot be written: Permission denied"):
            install.install(hosts=("claude",))
        assert THEIRS == claude_file().read_text()

    @pytest.fixture
    def writer(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Somebody who adds a key to the settings just before each of our renames, as often as the list says."""
        left = [0]
        really = target._make_folder

        def meanwhile(to: target.Target, folder: Path) -> list[str]:
            if left[0]:
                left[0] -= 1
                put(json.dumps({**document(to.path), f"edit{left[0]}": True}), to.path)
            return really(to, folder)

        monkeypatch.setattr(target, "_make_folder", meanwhile)
        return left

    def test_an_edit_between_reading_and_writing_is_not_lost(self, writer: list[int]) -> None:
        put(THEIRS)
        writer[0] = 2
        install.install(hosts=("claude",))
        assert {"edit0": True, "edit1": True}.items() <= document().items()
        assert 3 == len(scripts_in(document()))
        writer[0] = 1
        install.uninstall()
        assert {**json.loads(THEIRS), "edit0": True, "edit1": True} == document()

    def test_a_file_that_never_holds_still_is_left_alone(self, writer: list[int]) -> None:
        put(THEIRS)
        writer[0] = 99
        with pytest.raises(SettingsError, match="kept changing"):
            install.install(hosts=("claude",))
        assert [] == scripts_in(document())
        assert ["settings.json"] == os.listdir(claude_file().parent)

    def test_a_record_that_cannot_be_read_is_not_written_over(self) -> None:
        paths.claim_home()
        (paths.home() / "install.json").write_text('{"version": 9}')
        with pytest.raises(StateError, match="next: mv"):
            install.install()
        assert not claude_file().exists()


class TestRuntime:
    def test_the_installed_command_runs_after_the_checkout_is_gone(self, source: Path) -> None:
        install.install()
        for script in source.iterdir():
            script.unlink()
        for file, lane in ((claude_file(), "claude"), (codex_file(), "codex")):
            command = document(file)["hooks"]["UserPromptSubmit"][0]["hooks"][0]["command"]
            (paths.home() / "bell").unlink(missing_ok=True)
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                input=b'{"hook_event_name": "UserPromptSubmit"}',
                capture_output=True,
                env={"PATH": ""},
                cwd="/",
                check=False,
            )
            assert (0, b"") == (done.returncode, done.stderr)
            assert {"systemMessage": f"seen by {lane}"} == json.loads(done.stdout)
        assert (paths.home() / "spool" / "hooks.jsonl").exists()  # found its home without GOVERNOR_HOME

    def test_the_installed_command_locks_nobody_out_when_its_files_are_gone(self) -> None:
        install.install()
        command = document()["hooks"]["UserPromptSubmit"][0]["hooks"][0]["command"]
        install.uninstall()
        for words in (command, command.replace(runtime.interpreter(), "/gone/python3")):
            done = subprocess.run(["/bin/sh", "-c", words], input=b"{}", capture_output=True, check=False)
            assert (0, b"") == (done.returncode, done.stdout)

    def test_every_script_that_ships_can_import_all_it_needs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = ROOT / "hooks"
        paths.claim_home()
        folder = runtime.stage(paths.home(), real)
        modules = [p.relative_to(folder).with_suffix("").as_posix() for p in sorted(folder.glob("governor/**/*.py"))]
        assert "governor/hooks/runtime" in modules
        code = "import sys; sys.path.insert(0, sys.argv[1])\n" + "".join(
            f"import {name.replace('/', '.')}\n" for name in modules if not name.endswith("__init__")
        )
        words = [[code, str(folder)]]
        start = "import sys, runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='staged')"
        words += [[start, str(folder / "hooks" / script)] for script in runtime.scripts(real)]
        for each in words:
            command = [runtime.interpreter(), "-I", "-S", "-c", *each]
            done = subprocess.run(command, input=b"", capture_output=True, cwd="/", check=False)
            assert (each[1], 0, b"") == (each[1], done.returncode, done.stderr)

    def test_what_a_script_imports_only_when_it_acts_comes_along(self, source: Path) -> None:
        (source / "memory_compactor.py").write_text(
            "def act():\n    from governor.hooks.memory import md_truncate\n    import governor.paths\n"
        )
        install.install()
        staged = (paths.home() / "runtime" / "governor").rglob("*.py")
        assert {"md_truncate.py", "paths.py", "errors.py", "runtime.py"} <= {path.name for path in staged}

    def test_a_new_release_takes_the_place_of_the_old_in_one_step(self, source: Path) -> None:
        install.install()
        link = paths.home() / "runtime"
        old = link.resolve()
        (source / "prompt_router.py").write_bytes(STUB + b"# newer\n")
        assert [False, False] == [outcome.changed for outcome in install.install()]
        assert old != link.resolve()
        assert not old.exists()
        assert (link / "hooks" / "prompt_router.py").read_bytes().endswith(b"# newer\n")
        assert 1 == len(list(paths.home().glob("runtime-*")))

    def test_a_damaged_copy_is_made_anew(self) -> None:
        install.install()
        (paths.home() / "runtime" / "governor" / "hooks" / "runtime.py").unlink()
        install.install()
        assert (paths.home() / "runtime" / "governor" / "hooks" / "runtime.py").exists()

    def test_it_is_private_and_compiled(self) -> None:
        install.install()
        folder = (paths.home() / "runtime").resolve()
        assert 0o700 == folder.stat().st_mode & 0o777
        assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.rglob("*.py")}
        assert list((folder / "governor" / "hooks" / "__pycache__").glob("runtime.*.pyc"))

    def test_the_interpreter_is_not_the_environments(self) -> None:
        found = runtime.interpreter()
        assert os.path.isabs(found)
        assert sys.prefix == sys.base_prefix or not found.startswith(sys.prefix + os.sep)
        version = subprocess.run(
            [found, "-I", "-S", "-c", "import sys; print(sys.prefix)"], capture_output=True, check=True
        )
        assert sys.base_prefix == version.stdout.decode().strip()

    def test_the_bell_names_an_argument_vector(self) -> None:
        install.install()
        words = (paths.home() / "bell").read_bytes().split(b"\0")
        assert [b"-P", b"-m", b"governor", b"refresh", b"--quiet"] == words[1:]
        assert sys.executable == words[0].decode()


def separate(home: str, interpreter: str, host: wiring.Host) -> dict[str, Any]:
    """The hooks as 0.1 wired them: each guard on each event by itself."""
    hooks: dict[str, Any] = {}
    for client, event, tools, guard, seconds in on_event.LOOKS:
        if client == host:
            words = wiring.command(host, f"{guard}.py", interpreter=interpreter, home=home)
            group = {"hooks": [{"type": "command", "command": words, "timeout": seconds}]}
            hooks.setdefault(event, []).append({"matcher": tools, **group} if tools else group)
    return hooks


class TestOlderInstall:
    """One command an event takes the place of one command a guard."""

    @pytest.fixture
    def older(self, source: Path) -> dict[str, Any]:
        """Both clients wired in the old way, each with a hook of the person's own behind ours."""
        for name in wiring.ONE_BY_ONE:
            (source / name).write_bytes(STUB)
        mine = {"hooks": [{"type": "command", "command": "say done"}]}
        for host, path in (("claude", claude_file()), ("codex", codex_file())):
            hooks = separate(str(paths.home()), runtime.interpreter(), host)  # type: ignore[arg-type]
            hooks["UserPromptSubmit"].append(mine)
            put(json.dumps({"hooks": hooks}), path)
        return mine

    def test_install_puts_one_in_the_place_of_the_first_and_takes_out_the_rest(self, older: dict[str, Any]) -> None:
        install.install()
        for host, path in (("claude", claude_file()), ("codex", codex_file())):
            hooks = document(path)["hooks"]
            assert {"on_event.py"} == {script for _, script in scripts_in(document(path))}
            expected = wiring.rows(host, wiring.SCRIPTS, wiring.switched_on(config.load().values))  # type: ignore[arg-type]
            assert len(expected) == len(scripts_in(document(path)))
            for row in expected:
                (group,) = (each for each in hooks[row.event] if "say done" not in str(each))
                assert (row.matcher, row.timeout_s) == (group.get("matcher"), group["hooks"][0]["timeout"])
            assert [older] == hooks["UserPromptSubmit"][1:]
        assert {True} == {each.is_current for each in install.installed()}

    def test_uninstall_takes_out_both_kinds(self, older: dict[str, Any]) -> None:
        for before in ([], [install.install]):
            for step in before:
                step()
            install.uninstall()
            for path in (claude_file(), codex_file()):
                assert {"UserPromptSubmit": [older]} == document(path)["hooks"]

    def test_doctor_names_it(self, older: dict[str, Any]) -> None:
        (finding,) = (each for each in heartbeat._wiring(install.installed()) if each.name == "codex hooks")
        number = sum(row[0] == "codex" for row in on_event.LOOKS)
        assert f"{number} hooks of an older install in {codex_file()}: installed hooks are older" == finding.text
        assert (False, "governor install") == (finding.ok, finding.mend)
        install.install()
        assert {True} == {each.ok for each in heartbeat._wiring(install.installed())}

    def test_one_that_the_person_wrapped_is_theirs_and_is_named(self, source: Path) -> None:
        (source / "loop_guard.py").write_bytes(STUB)
        words = wiring.command("claude", "loop_guard.py", interpreter="/usr/bin/python3", home=str(paths.home()))
        put(json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": f"nice {words}"}]}]}}))
        (outcome,) = install.install(hosts=("claude",))
        assert ["nice", "on_event.py"] == [
            "nice",
            *(script for event, script in scripts_in(document()) if event == "Stop"),
        ]
        assert ["A command of your own in "] == [note[:25] for note in outcome.notes]
        assert "runs loop_guard.py, which on_event.py runs too" in outcome.notes[0]


class TestFollow:
    """What is wired follows the settings, at the next refresh."""

    @pytest.fixture(autouse=True)
    def guards(self, source: Path) -> None:
        for name in wiring.ONE_BY_ONE:
            (source / name).write_bytes(STUB)

    OFF: ClassVar = {"loop": {"action": "off"}}

    def test_a_guard_that_is_switched_off_starts_no_process_from_the_next_refresh_on(self) -> None:
        put(THEIRS)
        install.install()
        before = document(), document(codex_file())
        assert "Stop" in document()["hooks"]
        assert [] == install.follow(settle({}))
        outcomes = install.follow(settle(self.OFF))
        assert [True, True] == [outcome.changed for outcome in outcomes]
        for path in (claude_file(), codex_file()):
            assert "on_event.py" not in [script for event, script in scripts_in(document(path)) if event == "Stop"]
        assert {True} == {each.is_current for each in install.installed()}
        assert [] == install.follow(settle(self.OFF))
        install.follow(settle({}))
        assert before == (document(), document(codex_file()))
        install.follow(settle(self.OFF))
        install.uninstall()
        assert THEIRS.encode() == claude_file().read_bytes()
        assert [] == install.follow(settle({}))

    def test_the_refresh_does_it(self) -> None:
        install.install(hosts=("claude",))
        settle(self.OFF)
        assert 0 == CliRunner().invoke(command_line, ["refresh", "--quiet"]).exit_code
        assert "Stop" not in document()["hooks"]

    def test_what_was_taken_out_by_hand_stays_out(self) -> None:
        install.install(hosts=("claude",))
        found = document()
        del found["hooks"]["Stop"]
        put(json.dumps(found))
        CliRunner().invoke(command_line, ["refresh", "--quiet"])
        assert found == document()

    def test_a_file_that_cannot_be_changed_is_tried_again_and_doctor_says_so(self) -> None:
        install.install()
        kept = claude_file().read_text()
        put("{ // mine")
        faults = [outcome.fault for outcome in install.follow(settle(self.OFF))]
        assert [True, False] == [isinstance(fault, SettingsError) for fault in faults]
        put(kept)
        (finding,) = (each for each in heartbeat._wiring(install.installed()) if not each.ok)
        assert "of other settings" in finding.text
        install.follow(settle(self.OFF))
        assert {True} == {each.is_current for each in install.installed()}

    def test_never_installed_or_by_an_older_us_nothing_is_touched(self) -> None:
        assert [] == install.follow(settle(self.OFF))
        assert not claude_file().exists()
        install.install(hosts=("claude",))
        (paths.home() / "wired").unlink()
        before = claude_file().read_bytes()
        assert [] == install.follow(settle({}))
        assert before == claude_file().read_bytes()

    def test_a_matcher_of_a_group_that_is_shared_is_not_ours_to_widen(self) -> None:
        settle(self.OFF)
        install.install(hosts=("claude",))
        found = document()
        theirs = {"type": "command", "command": "say done"}
        found["hooks"]["PostToolUseFailure"][0]["hooks"].append(theirs)
        put(json.dumps(found))
        install.follow(settle({}))
        shared, ours = document()["hooks"]["PostToolUseFailure"]
        assert {"matcher": "Agent|Task|Workflow", "hooks": [theirs]} == shared
        assert ["hooks"] == list(ours)


class TestStanding:
    def test_a_client_that_has_the_plugin_needs_no_install(self) -> None:
        paths.codex_home().rmdir()
        put('{"enabledPlugins": {"governor@quota-governor": true, "other@x": true}}')
        (finding,) = heartbeat._wiring(install.installed())
        assert (True, "governor install") == (
            finding.ok,
            "governor install" if "governor install" in finding.text else "",
        )
        install.install()
        (finding,) = heartbeat._wiring(install.installed())
        assert finding.ok
        assert finding.text.endswith("the plugin beside them rests")
        put('{"enabledPlugins": {"governor@quota-governor": false}}')
        assert [False] == [each.ok for each in heartbeat._wiring(install.installed())]

    def test_an_old_python_is_named_until_hooks_are_installed(self) -> None:
        mark = put("/usr/bin/python3", paths.home() / old_python.FOLDER / "3.8")
        (finding,) = heartbeat._old_python()
        assert finding.text == (
            "a client ran the hooks with Python 3.8 (/usr/bin/python3): they need 3.9 and do nothing there"
        )
        assert (False, "governor install, or a newer python3") == (finding.ok, finding.mend)
        install.install()
        assert not mark.exists()
        assert [] == heartbeat._old_python()

    def test_it_tells_present_current_and_missing_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert {False} == {hook.is_present for hook in install.installed()}
        install.install(hosts=("claude",))
        standing = install.installed()
        assert {("claude", True), ("codex", False)} == {(hook.host, hook.is_present) for hook in standing}
        assert {True} == {h.is_current and h.has_script and h.has_interpreter for h in standing if h.host == "claude"}
        assert "statusLine" in {hook.event for hook in standing}
        (paths.home() / "runtime" / "hooks" / "prompt_router.py").unlink()
        put(claude_file().read_text().replace(runtime.interpreter(), "/gone/python3"))
        standing = [hook for hook in install.installed() if hook.host == "claude"]
        assert {(True, False, False)} == {(h.is_present, h.is_current, h.has_interpreter) for h in standing}

    def test_a_file_that_cannot_be_read_is_a_problem_and_not_an_exception(self) -> None:
        put("{ // mine")
        problems = {hook.problem for hook in install.installed() if hook.host == "claude"}
        assert 1 == len(problems)
        assert "a comment" in problems.pop()


class TestCodexTrust:
    @pytest.mark.parametrize(
        ("event", "start", "end"),
        [("UserPromptSubmit", "sha256:84bac188", "ef61bc"), ("Stop", "sha256:d955e4ab", "1f987")],
    )
    def test_the_hash_is_the_one_that_codex_published(self, event: str, start: str, end: str) -> None:
        handler = {"type": "command", "command": "apc capture codex", "timeout": 10}
        found = codex.hook_hash(event, {"hooks": [handler]}, handler)
        assert (start, end) == (found[: len(start)], found[-len(end) :])

    def test_a_hook_is_untrusted_then_trusted_then_modified_or_disabled(self) -> None:
        install.install(hosts=("codex",))
        home = paths.codex_home()
        trust = codex.codex_trust(home)
        assert ["untrusted"] * 3 == [hook.status for hook in trust]
        assert f"{home}/hooks.json:user_prompt_submit:0:0" == trust[1].key
        groups = document(codex_file())["hooks"]
        lines = []
        for hook_, group in zip(trust, [group for each in groups.values() for group in each], strict=True):
            words = codex.hook_hash(hook_.event, group, group["hooks"][0])
            lines.append(f'[hooks.state."{hook_.key}"]\ntrusted_hash = "{words}"\n')
        lines[1] += "enabled = false\n"
        put("".join(lines), home / "config.toml")
        assert ["trusted", "disabled", "trusted"] == [hook.status for hook in codex.codex_trust(home)]
        put(codex_file().read_text().replace("apply_patch", "apply_patch|Bash"), codex_file())
        assert "modified" == codex.codex_trust(home)[2].status

    def test_a_folder_named_by_the_environment_is_resolved_as_codex_does(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = paths.codex_home()
        install.install(hosts=("codex",))
        home.rename(tmp_path / "real")
        home.symlink_to("real")
        assert codex.codex_trust(home)[0].key.startswith(f"{tmp_path}/real/hooks.json:")
        monkeypatch.delenv("CODEX_HOME")
        assert codex.codex_trust(home)[0].key.startswith(f"{home}/hooks.json:")

    def test_a_byte_order_mark_is_refused_for_codex_which_would_skip_the_file(self) -> None:
        put("\ufeff{}", codex_file())
        with pytest.raises(SettingsError, match="byte order mark"):
            install.install(hosts=("codex",))

    def test_a_file_of_one_client_does_not_keep_the_other_from_being_wired(self) -> None:
        for odd, well in ((claude_file(), codex_file()), (codex_file(), claude_file())):
            put("{ // mine", odd)
            faults = {outcome.path: outcome.fault for outcome in install.install()}
            assert (True, None) == (isinstance(faults[str(odd)], SettingsError), faults[str(well)])
            assert scripts_in(document(well))
            assert "{ // mine" == odd.read_text()
            install.uninstall()
            odd.unlink()

    def test_an_install_never_signs_for_the_person(self) -> None:
        config = put('model = "gpt"\n', paths.codex_home() / "config.toml")
        install.install()
        assert 'model = "gpt"\n' == config.read_text()


class TestCommand:
    def test_install_says_what_it_did_and_what_comes_next(self) -> None:
        done = CliRunner().invoke(cli.install, [])
        assert 0 == done.exit_code
        assert f"Claude Code, user: the hooks are in {claude_file()}." in done.output
        assert "Trust all and continue" in done.output
        assert "governor doctor" in done.output.splitlines()[-1]
        assert "has the hooks already" in CliRunner().invoke(cli.install, []).output
        gone = CliRunner().invoke(cli.uninstall, [])
        assert f"the hooks are out of {codex_file()}." in gone.output

    def test_dry_run_prints_the_diff(self) -> None:
        put(THEIRS)
        done = CliRunner().invoke(cli.install, ["--claude", "--dry-run"])
        assert f"+++ {claude_file()}" in done.output
        assert THEIRS == claude_file().read_text()

    def test_json_is_one_object(self) -> None:
        answer = json.loads(CliRunner().invoke(cli.install, ["--json"]).output)
        assert "governor.install/1" == answer["schema"]
        assert [str(claude_file()), str(codex_file())] == [each["path"] for each in answer["targets"]]
        assert "governor.uninstall/1" == json.loads(CliRunner().invoke(cli.uninstall, ["--json"]).output)["schema"]

    def test_a_refusal_ends_with_what_to_type(self) -> None:
        put("{ // mine")
        done = CliRunner().invoke(cli.install, ["--claude"])
        assert isinstance(done.exception, GovernorError)
        assert done.exception.next_step.endswith("governor install --claude")


def test_the_examples_are_what_install_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = {"claude": ROOT / "settings.example.json", "codex": ROOT / "examples" / "codex-hooks.json"}
    monkeypatch.setattr(runtime, "source_hooks", lambda: ROOT / "hooks")
    monkeypatch.setattr(runtime, "interpreter", lambda: "/usr/bin/python3")
    settle({"budgets": [{"name": "day", "per": "day", "usd": 60}]})
    install.install()
    for path, file in ((examples["claude"], claude_file()), (examples["codex"], codex_file())):
        shown = path.read_text().replace("/home/you/.local/state/governor", str(paths.home()))
        assert shown == file.read_text(), "python scripts/make_examples.py"


def test_the_record_keeps_no_backup_that_is_not_needed() -> None:
    put(THEIRS)
    install.install(hosts=("claude",))
    put(claude_file().read_text().replace("opus", "haiku"))
    install.install(hosts=("claude",))
    entry = manifest.load(paths.home())[str(claude_file())]
    assert [entry.backup] == os.listdir(paths.home() / "backups")
    assert 0o600 == (paths.home() / "backups" / str(entry.backup)).stat().st_mode & 0o777
