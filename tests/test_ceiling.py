"""The client's own compaction held to a ceiling: set, moved, and given back to the byte, whoever wrote meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from governor import install, paths
from governor.cli import governor as command_line
from governor.health import doctor
from governor.install import ceiling
from governor.ledger.store import open_ledger
from governor.pipeline import policy

NOW = 1_795_262_400
OWN = '{\n    "model": "opus",\n    "env": {"A": "\\u00e4"}, "autoCompactWindow": 800000 }'


@pytest.fixture
def file(sealed_home: Path) -> Path:
    """The person's settings, with the hooks in them."""
    path = Path(os.environ["CLAUDE_CONFIG_DIR"]) / "settings.json"
    path.parent.mkdir()
    path.write_text(OWN)
    install.install(hosts=("claude",))
    return path


def settle(landing: float | None, *, enforce: bool = True) -> None:
    ceiling.settle(landing, enforce=enforce, home=paths.home(), now=NOW)


def value(file: Path) -> Any:
    return json.loads(file.read_text()).get("autoCompactWindow")


def decisions() -> list[dict[str, Any]]:
    spool = paths.home() / "spool" / "decisions.jsonl"
    return [json.loads(line) for line in spool.read_text().splitlines()] if spool.exists() else []


def findings() -> dict[bool, list[str]]:
    with open_ledger() as ledger:
        found = [each for each in doctor.examine(ledger, now=NOW) if each.name == "compaction"]
    return {ok: [each.text for each in found if each.ok is ok] for ok in (True, False)}


def test_the_bands_ceiling_is_set_moved_and_the_file_given_back_to_the_byte(file: Path) -> None:
    before = file.read_bytes()
    seen = []
    for landing in (90.0, 104.0, 112.0, 140.0, 107.0, 96.0, 94.0):
        settle(landing)
        seen.append(value(file))
    assert [800_000, 450_000, 350_000, 250_000, 350_000, 450_000, 800_000] == seen
    assert before == file.read_bytes()
    assert not (paths.home() / "ceiling.json").exists()
    assert not list((paths.home() / "backups").glob("ceiling-*"))
    told = [(each["decision"], each["tokens"]) for each in decisions()]
    moved = [("ceiling", tokens) for tokens in (450_000, 350_000, 250_000, 350_000, 450_000)]
    assert [*moved, ("relaxed", None)] == told


@pytest.mark.parametrize("text", [OWN, "{}", "{ }\n", "", '\ufeff{"a":1}', '{"a":[1,\n2]}\r\n', None])
def test_any_file_comes_back_to_the_byte_or_stays_absent(sealed_home: Path, text: str | None) -> None:
    """Without our hooks in it: what compaction borrows is given back on its own."""
    install.install(hosts=("codex",))
    path = Path(os.environ["CLAUDE_CONFIG_DIR"]) / "settings.json"
    path.parent.mkdir()
    if text is not None:
        path.write_bytes(text.encode())
    state = ceiling._settled(paths.home(), ceiling.State(), 450_000)
    assert 450_000 == json.loads(path.read_text("utf-8-sig"))["autoCompactWindow"]
    ceiling._save(paths.home(), ceiling._settled(paths.home(), state, 350_000))
    assert 350_000 == json.loads(path.read_text("utf-8-sig"))["autoCompactWindow"]
    assert [] == ceiling.release(paths.home())
    assert text == (path.read_bytes().decode() if path.exists() else None)


def test_a_landing_that_wavers_about_an_edge_moves_nothing(file: Path) -> None:
    for landing in (110.2, 109.8, 110.1, 107.0, 105.5, None):
        settle(landing)
    assert 350_000 == value(file)
    assert 1 == len(decisions())


landings = st.floats(0, 300)


@given(st.sampled_from([None, 450_000, 350_000, 250_000]), landings)
def test_what_is_held_is_never_looser_than_the_band_nor_looser_than_it_would_be_five_points_above(
    in_force: int | None, landing: float
) -> None:
    found, band = policy.held(in_force, landing), policy.ceiling(landing)
    eased = policy.ceiling(landing + policy.EASED)
    loose = 10**9
    assert (found or loose) <= (band or loose)
    assert found in (in_force, band, eased)
    assert found == policy.held(found, landing), "settled at once"
    assert in_force == policy.held(in_force, None)


def test_a_stricter_value_of_the_persons_own_stays(file: Path) -> None:
    file.write_text(file.read_text().replace("800000", "200000"))
    settle(104.0)
    assert 200_000 == value(file)
    assert () == ceiling.load(paths.home()).held


def test_what_the_person_changes_meanwhile_is_theirs_until_the_band_relaxes(file: Path) -> None:
    settle(104.0)
    file.write_text(file.read_text().replace("450000", "600000"))
    for _ in range(3):
        settle(140.0)
    assert 600_000 == value(file)
    assert [f"autoCompactWindow in {file} was changed meanwhile, and stays as it is"] == findings()[True]
    settle(80.0)
    assert 600_000 == value(file)
    settle(104.0)
    assert 450_000 == value(file)
    settle(80.0)
    assert 600_000 == value(file)


def test_taking_the_value_out_is_a_change_too(file: Path) -> None:
    settle(104.0)
    document = json.loads(file.read_text())
    del document["autoCompactWindow"]
    file.write_text(json.dumps(document))
    settle(112.0)
    settle(80.0)
    assert value(file) is None


def test_other_changes_stay_and_only_the_value_goes_back(file: Path) -> None:
    settle(104.0)
    file.write_text(file.read_text().replace('"opus"', '"sonnet"'))
    settle(140.0)
    assert 250_000 == value(file)
    settle(80.0)
    assert ("sonnet", 800_000) == (json.loads(file.read_text())["model"], value(file))


@pytest.mark.parametrize("how", ["switched off", "kill switch", "uninstall"])
def test_it_is_given_back_when_it_may_no_longer_hold(file: Path, how: str) -> None:
    with_hooks = file.read_bytes()
    settle(104.0)
    assert 450_000 == value(file)
    if how == "uninstall":
        assert [None] == [outcome.fault for outcome in install.uninstall() if outcome.host == "claude"]
        assert OWN == file.read_text()
        settle(104.0)  # nothing is wired any more, so nothing is held
        assert OWN == file.read_text()
        return
    if how == "kill switch":
        (paths.home() / "OFF").touch()
    settle(104.0, enforce=how != "switched off")
    assert with_hooks == file.read_bytes()


def test_an_install_in_between_takes_no_borrowed_value_for_the_persons(file: Path) -> None:
    settle(104.0)
    install.install(hosts=("claude",))
    assert 800_000 == value(file)
    settle(104.0)
    assert 450_000 == value(file)
    install.uninstall()
    assert OWN == file.read_text()


def test_a_file_that_cannot_be_read_is_left_alone_and_named(file: Path) -> None:
    settle(104.0)
    broken = file.read_text() + "// mine"
    file.write_text(broken)
    settle(140.0)
    settle(80.0)
    assert broken == file.read_text()
    assert 1 == len(findings()[False])
    file.write_text(broken.removesuffix("// mine"))
    settle(80.0)
    assert (800_000, {True: [], False: []}) == (value(file), findings())


def test_a_crash_before_the_write_leaves_the_persons_own_value_theirs(file: Path, monkeypatch: Any) -> None:
    def crash(*_: Any, **__: Any) -> list[str]:
        raise KeyboardInterrupt

    before = file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(ceiling, "swap", crash)
        with pytest.raises(KeyboardInterrupt):
            settle(104.0)
    assert before == file.read_bytes()
    settle(112.0)
    assert 350_000 == value(file)
    with monkeypatch.context() as patched:
        patched.setattr(ceiling, "swap", crash)
        with pytest.raises(KeyboardInterrupt):
            settle(140.0)
    settle(140.0)
    assert 250_000 == value(file)
    settle(80.0)
    assert before == file.read_bytes()


def test_a_link_into_a_dotfiles_folder_stays_a_link(file: Path) -> None:
    real = file.with_name("real.json")
    file.rename(real)
    file.symlink_to(real)
    before = real.read_bytes()
    settle(104.0)
    assert (True, 450_000) == (file.is_symlink(), value(real))
    settle(80.0)
    assert (True, before) == (file.is_symlink(), real.read_bytes())


def test_doctor_says_when_it_is_in_force_and_what_it_needs(file: Path) -> None:
    Path(os.environ["GOVERNOR_CONFIG"]).write_text('{"compaction": {"enforce": true}}')
    settle(112.0)
    expected = f"new Claude Code sessions compact at 350k tokens, by {file}; then 800000 again"
    assert {True: [expected], False: []} == findings()
    install.uninstall()
    assert {True: [], False: ["compaction.enforce works only with the hooks wired"]} == findings()


def test_refresh_looks_and_an_unset_switch_writes_nothing(file: Path) -> None:
    before = file.read_bytes()
    done = CliRunner().invoke(command_line, ["refresh"])
    assert (0, before) == (done.exit_code, file.read_bytes())
    assert not (paths.home() / "ceiling.json").exists()
