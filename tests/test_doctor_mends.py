"""Whatever state the settings are in: what ``doctor`` tells the person to type mends it, right in that state."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from governor import install, paths
from governor.cli.set import install as cli
from governor.health import heartbeat
from governor.install import runtime
from governor.report import Finding

LINES = ('"echo hi"', "7", "[]", "{}", '{"type": "static"}', '{"type": "command"}', '{"type": "command", "command": 3}')
GROUPS = ("null", "[]", '["x", null, 3]', '[{"hooks": null}]', '[{"hooks": "x"}]', '[{"matcher": 3, "hooks": [7]}]')
STATES: dict[str, str | bytes | None] = {
    "no file": None,
    "nothing in it": "",
    "blanks": " \n",
    "an empty object": "{}",
    "a byte order mark": "\ufeff{}",
    "a comment": "{ // mine\n}",
    "a comma too many": '{"a": 1,}',
    "a key twice": '{"a": 1, "a": 2}',
    "torn": '{"a"',
    "a list": "[]",
    "a string": '"x"',
    "null": "null",
    "no UTF-8": b'{"a": "\xff"}',
    "a NUL": b"{}\0",
    **{f"statusLine {line}": f'{{"statusLine": {line}}}' for line in LINES},
    "statusLine null": '{"statusLine": null}',
    "hooks null": '{"hooks": null}',
    **{f"hooks {hooks}": f'{{"hooks": {hooks}}}' for hooks in ("[]", '"x"', "false", "0")},
    **{f"Stop {groups}": f'{{"hooks": {{"Stop": {groups}}}}}' for groups in (*GROUPS, "{}", '"x"', "0")},
}
ODD_FILES = ("a folder", "a FIFO", "a loop", "read-only", "a link to nowhere")


@pytest.fixture(autouse=True)
def both_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    for folder in (paths.claude_homes()[0], paths.codex_home()):
        folder.mkdir(parents=True)
    monkeypatch.setattr(runtime, "stage", stage)  # the real one takes a second, at every install


def stage(home: Path, source: Path) -> Path:
    for script in runtime.scripts(source):
        (home / "runtime" / "hooks").mkdir(parents=True, exist_ok=True)
        (home / "runtime" / "hooks" / script).touch()
    return home / "runtime"


def findings(host: str) -> list[Finding]:
    """What doctor finds wrong with one client's wiring."""
    wired = [one for one in install.installed() if one.host == host]
    return [finding for finding in heartbeat._wiring(wired) if not finding.ok]


def perform(mend: str, tmp_path: Path) -> None:
    """Type what was said. The editor puts an empty object in the place of whatever was in the file."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf '{}' > \"$1\"\n")
    editor.chmod(0o755)
    words = re.sub(r"   \(.*\)$", " && governor install", mend).replace(", then: ", " && ")
    for step in words.split(" && "):
        if step.startswith("governor install"):
            done = CliRunner().invoke(cli.install, step.split()[2:])
            assert (0, None) == (done.exit_code, done.exception)
        else:
            subprocess.run(["sh", "-c", step], check=True, env={**os.environ, "EDITOR": str(editor)})


def check(host: str, tmp_path: Path) -> None:
    """After an install, ``install`` is no remedy any more, and the remedy that is given works."""
    CliRunner().invoke(cli.install, [])
    found = findings(host)
    assert not [finding for finding in found if finding.mend.startswith("governor install")]
    for finding in found:
        perform(finding.mend, tmp_path)
    assert [] == findings(host)


@pytest.mark.parametrize("host", ["claude", "codex"])
@pytest.mark.parametrize("name", STATES)
def test_a_remedy_mends_whatever_the_file_holds(host: str, name: str, tmp_path: Path) -> None:
    file = paths.claude_homes()[0] / "settings.json" if host == "claude" else paths.codex_home() / "hooks.json"
    content = STATES[name]
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    other = "codex" if host == "claude" else "claude"
    CliRunner().invoke(cli.install, [])
    assert [] == findings(other), "one client's file does not keep the other from being wired"
    is_plain = name.partition(" ")[0] in ("no", "nothing", "blanks", "an") and name != "no UTF-8"
    if is_plain or name in ("hooks null", "statusLine null", *(f"Stop {groups}" for groups in GROUPS)):
        assert [] == findings(host)
        assert json.loads(file.read_bytes())["hooks"]
    check(host, tmp_path)


@pytest.mark.parametrize("odd", ODD_FILES)
def test_a_remedy_mends_whatever_the_file_is(odd: str, tmp_path: Path) -> None:
    file = paths.claude_homes()[0] / "settings.json"
    if odd == "a folder":
        file.mkdir()
    elif odd == "a FIFO":
        os.mkfifo(file)
    elif odd == "a loop":
        file.symlink_to(file)
    elif odd == "a link to nowhere":
        file.symlink_to(tmp_path / "unmounted" / "settings.json")
    else:
        file.write_text("{}")
        file.chmod(0o444)
    check("claude", tmp_path)


def test_a_file_that_may_not_be_read_is_named_with_what_lets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    file = paths.claude_homes()[0] / "settings.json"
    file.write_text("{}")
    really = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == file:
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (finding,) = findings("claude")
    assert f"chmod u+rwX {file.parent} {file} && governor install --claude" == finding.mend


def test_uninstall_brings_odd_values_back_to_the_byte() -> None:
    for text in ('{"hooks": null}', '{"hooks":  {"Stop":null, "SessionStart": []}}'):
        for edit in (False, True):
            file = paths.claude_homes()[0] / "settings.json"
            file.write_text(text)
            install.install(hosts=("claude",))
            if edit:
                file.write_text(file.read_text().rstrip()[:-1].rstrip() + ', "x": 1}')
            install.uninstall()
            expected = json.loads(text) | ({"x": 1} if edit else {})
            assert expected == json.loads(file.read_text())
            assert edit or text == file.read_text()


def test_a_moved_config_folder_is_no_finding_of_the_old_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install.install()
    paths.claude_homes()[0].rename(tmp_path / "moved")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "moved"))
    assert [] == findings("claude")


def test_a_wrapper_of_the_persons_own_is_not_called_an_earlier_install() -> None:
    install.install()
    file = paths.claude_homes()[0] / "settings.json"
    file.write_text(file.read_text().replace('"command": "', '"command": "nice ', 1))
    assert [] == findings("claude")
