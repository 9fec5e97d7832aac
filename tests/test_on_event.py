"""All guards of an event in one process: each for itself, one answer by one rule, under any Python, beside a plugin."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pythons
from hypothesis import given
from hypothesis import strategies as st

from governor import install, paths
from governor.hooks import old_python, on_event
from governor.hooks import runtime as hooks_runtime
from governor.install import runtime, wiring
from governor.ledger.rows import HookRun
from governor.quota import units
from governor.review import overhead

ROOT = Path(__file__).parent.parent
GUARD = """
import os, sys
from governor.hooks import runtime as hook

def wants(raw, ctx):
    if b'"%(name)s"' not in raw and b'"all"' not in raw:
        return False
    return True

def decide(event, ctx):
    what = event.get("%(name)s") or event.get("all") or {}
    with open(os.path.join(ctx.home, "asked"), "a") as file:
        file.write(ctx.name + " ")
    if what == "raise":
        raise ValueError("secret words")
    return hook.Reply(**what) if what else None

def release(event, ctx, reply):
    with open(os.path.join(ctx.home, "released"), "a") as file:
        file.write(ctx.name + " ")
"""
Reply = dict[str, Any]


class Client:
    """A client that has one command on every event, with guards that say what the event tells them to."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "client"
        self.state.mkdir(mode=0o700)
        self.hooks = folder / "copy" / "hooks"
        self.hooks.mkdir(parents=True)
        shutil.copytree(ROOT / "governor", folder / "copy" / "governor", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "hooks" / "on_event.py", self.hooks)
        for name in on_event.NAMES:
            (self.hooks / f"{name}.py").write_text(GUARD % {"name": on_event.NAMES[name]})

    def start(self, event: object, *arguments: str, python: str = "", **environment: str) -> tuple[int, bytes, bytes]:
        """(exit code, stdout, stderr)."""
        command = [python or sys.executable, "-I", "-S", str(self.hooks / "on_event.py"), *arguments]
        raw = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
        env = {"GOVERNOR_HOME": str(self.state), "HOME": str(self.state.parent), **environment}
        done = subprocess.run(command, input=raw, capture_output=True, env=env, check=False)
        return done.returncode, done.stdout, done.stderr

    def says(self, name: str, *arguments: str, **told: Any) -> Any:
        """The reply to the event ``name``, None for silence, where each guard is told what to say."""
        code, out, err = self.start({"session_id": "s-1", "hook_event_name": name, **told}, *arguments)
        assert (0, b"") == (code, err)
        return json.loads(out) if out else None

    def noted(self, name: str) -> list[str]:
        """Which guards left their name in a file of the state folder, in order."""
        path = self.state / name
        return path.read_text().split() if path.exists() else []

    def spool(self, name: str) -> list[Any]:
        path = self.state / "spool" / name
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


# ---- one answer out of several ---------------------------------------------------------------------------------------


def test_words_of_all_guards_are_joined_and_none_is_lost(client: Client) -> None:
    told = {"budget": {"person": "b"}, "pacing": {"person": "p", "model": "m", "bell": True}, "router": {"model": "n"}}
    said = client.says("UserPromptSubmit", **told)
    assert "b\np" == said["systemMessage"]
    assert "m\nn" == said["hookSpecificOutput"]["additionalContext"]
    assert "\a" == said["terminalSequence"]
    assert ["budget", "pacing", "router"] == client.noted("asked")


def test_the_same_sentence_of_two_guards_is_said_once(client: Client) -> None:
    assert {"systemMessage": "x"} == client.says("UserPromptSubmit", budget={"person": "x"}, pacing={"person": "x"})


def test_a_refusal_ends_the_round_so_that_no_lease_is_taken_for_it(client: Client) -> None:
    said = client.says("PreToolUse", budget={"deny": "no"}, spawn={"update": {"model": "haiku"}})
    assert ("deny", "no") == tuple(said["hookSpecificOutput"].values())[1:]
    assert ["budget"] == client.noted("asked")
    assert [] == client.noted("released")


def test_a_question_is_not_used_up_by_a_call_that_another_guard_refuses(client: Client) -> None:
    ask = {"ask": "really?", "once": "key", "record": {"decision": "ask"}}
    said = client.says("PreToolUse", budget=ask, spawn={"deny": "no", "record": {"decision": "deny"}})
    assert "deny" == said["hookSpecificOutput"]["permissionDecision"]
    assert hooks_runtime.episode_path(str(client.state), "key") not in map(str, client.state.rglob("*"))
    assert ["deny"] == [line["decision"] for line in client.spool("decisions.jsonl")]
    assert ["budget"] == client.noted("released"), "the call it counted was not made"
    assert "ask" == client.says("PreToolUse", budget=ask)["hookSpecificOutput"]["permissionDecision"]


def test_ending_the_work_is_stronger_than_all(client: Client) -> None:
    told = {"budget": {"person": "p", "model": "m"}, "spawn": {"halt": "enough", "model": "n"}}
    said = client.says("PreToolUse", **told)
    assert (False, "enough", "p") == (said["continue"], said["stopReason"], said["systemMessage"])
    specific = said["hookSpecificOutput"]
    assert ("deny", "enough") == (specific["permissionDecision"], specific["permissionDecisionReason"])
    assert "n\nm" == specific["additionalContext"]


def test_a_question_keeps_the_change_of_the_input(client: Client) -> None:
    said = client.says("PreToolUse", budget={"ask": "really?"}, spawn={"update": {"model": "haiku"}})
    assert ("ask", {"model": "haiku"}) == tuple(
        said["hookSpecificOutput"][key] for key in ("permissionDecision", "updatedInput")
    )
    codex = client.says("PreToolUse", "codex", budget={"ask": "really?"}, spawn={"update": {"model": "haiku"}})
    assert "allow" == codex["hookSpecificOutput"]["permissionDecision"], "Codex cannot be asked"


def test_two_that_hold_a_prompt_hold_it_once_and_the_others_keep_their_words_for_then(client: Client) -> None:
    held = {"budget": {"block": "b", "once": "k1"}, "pacing": {"block": "p", "once": "k2"}}
    told = {**held, "router": {"person": "r", "once": "k3", "record": {"rule": "r"}}}
    assert {"decision": "block", "reason": "b\np"} == client.says("UserPromptSubmit", **told)
    assert [] == client.spool("decisions.jsonl")
    assert {"systemMessage": "r"} == client.says("UserPromptSubmit", **told), "Enter: the same prompt again"
    assert client.says("UserPromptSubmit", **told) is None


def test_a_hold_that_stands_until_it_is_lifted_asks_nobody_else(client: Client) -> None:
    assert {"decision": "block", "reason": "b"} == client.says(
        "UserPromptSubmit", budget={"block": "b"}, pacing={"block": "p. Press Enter to go on.", "once": "k"}
    )
    assert ["budget"] == client.noted("asked")


def test_what_was_told_before_does_not_hold_back_what_was_not(client: Client) -> None:
    """A refusal for the first time only, told already: the question beside it is asked."""
    told = {"budget": {"ask": "really?"}, "spawn": {"deny": "no", "once": "told"}}
    assert "deny" == client.says("PreToolUse", **told)["hookSpecificOutput"]["permissionDecision"]
    assert "ask" == client.says("PreToolUse", **told)["hookSpecificOutput"]["permissionDecision"]


texts = st.sampled_from(["", "", "a", "b", "c"])
answers = st.builds(
    hooks_runtime.Reply,
    person=texts, model=texts, deny=texts, ask=texts, halt=texts,
    update=st.none() | st.just({"model": "haiku"}),
)  # fmt: skip


@given(st.lists(answers, min_size=1, max_size=4), st.sampled_from(["claude", "codex"]))
def test_the_strongest_answer_is_given_whatever_the_order(replies: list[hooks_runtime.Reply], lane: str) -> None:
    """A property of all answers: the decision is that of the strongest, and every text of those that stand is in it."""
    said: list[hooks_runtime.Reply] = []
    for reply in sorted(replies, key=on_event.strength):
        if not on_event.is_overruled(reply, said, "PreToolUse"):
            said.append(reply)
    out = hooks_runtime.in_dialect(on_event.merge(said), "PreToolUse", lane)
    decision = out.get("hookSpecificOutput", {}).get("permissionDecision")
    refused = any(reply.deny or reply.halt for reply in replies)
    asked = any(reply.ask for reply in replies) and lane == "claude"
    changed = any(reply.update is not None for reply in replies)
    assert ("deny" if refused else "ask" if asked else "allow" if changed else None) == decision
    assert (lane == "claude" and any(reply.halt for reply in replies)) == (out.get("continue") is False)
    for reply in said:
        assert reply.person in out.get("systemMessage", "")
        assert reply.model in out.get("hookSpecificOutput", {}).get("additionalContext", "")
    if refused:
        assert "updatedInput" not in out["hookSpecificOutput"]


# ---- each for itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["raise", {"nonsense": 1}])
def test_a_guard_that_fails_is_logged_and_the_others_speak(client: Client, broken: Any) -> None:
    assert {"systemMessage": "r"} == client.says("UserPromptSubmit", budget=broken, router={"person": "r"})
    (line,) = (client.state / "log" / "hooks.log").read_text().splitlines()
    assert " budget " in line
    assert "secret" not in line


@pytest.mark.parametrize("text", ["syntax error", "import nothing_at_all", "import sys; sys.exit(2)"])
def test_a_guard_that_cannot_be_loaded_does_no_more_harm(client: Client, text: str) -> None:
    (client.hooks / "budget_guard.py").write_text(text)
    assert {"systemMessage": "r"} == client.says("UserPromptSubmit", router={"person": "r"})


def test_a_muted_guard_is_not_asked_and_the_others_are(client: Client) -> None:
    (client.state / "muted").mkdir()
    (client.state / "muted" / "pacing").touch()
    said = client.says("UserPromptSubmit", pacing={"person": "p"}, router={"person": "r"})
    assert {"systemMessage": "r"} == said
    assert ["router"] == client.noted("asked")


def test_the_kill_switch_silences_all_and_leaves_no_mark(client: Client) -> None:
    (client.state / "OFF").touch()
    assert client.says("UserPromptSubmit", all={"person": "p"}) is None
    assert ["OFF"] == [path.name for path in client.state.iterdir()]


def test_only_the_guards_of_this_event_and_client_are_asked(client: Client) -> None:
    client.says("PostToolUse", all={"person": "x"})
    assert ["spawn", "memory_compactor"] == client.noted("asked")
    client.says("PostToolUse", "codex", all={"person": "x"})
    assert ["spawn", "memory_compactor", "loop"] == client.noted("asked")[2:]
    assert client.says("EventOf2031", all={"person": "x"}) is None


@pytest.mark.parametrize(
    "raw", [b"", b"[1]", b'{"hook_event_name":"Stop"', b"\xff", b'{"hook_event_name":7}', b"[" * 9999]
)
def test_what_is_no_event_is_answered_with_silence(client: Client, raw: bytes) -> None:
    assert (0, b"", b"") == client.start(raw)
    assert not (client.state / "log").exists()


def test_an_event_laid_out_in_another_way_is_the_same_event(client: Client) -> None:
    raw = json.dumps({"hook_event_name": "Stop", "loop": {"person": "x"}}, indent=1).encode()
    assert {"systemMessage": "x"} == json.loads(client.start(raw)[1])


# ---- what it costs ---------------------------------------------------------------------------------------------------


def test_a_run_notes_each_guard_and_its_start_once(client: Client) -> None:
    client.says("UserPromptSubmit", pacing={"model": "four"}, router={"person": "r"})
    lines = client.spool("hooks.jsonl")
    assert [("budget", 0, ""), ("pacing", 4, "s-1"), ("router", 0, ""), ("start", 0, "")] == [
        (line["h"], line["c"], line["s"]) for line in lines
    ]
    assert all(line["ms"] >= 0 for line in lines)
    assert on_event.START == overhead.START


def test_the_start_is_nobodys_to_be_muted() -> None:
    runs = [HookRun(at, on_event.START, 10_000.0) for at in range(overhead.NEEDED)]
    limits = overhead.OverheadLimits(True, 1.0, 0.5)
    (mark,) = overhead.settle({}, runs, [], limits, {}, units.weights("default"), now=100).values()
    assert "kept" == mark.standing


def test_the_names_are_those_that_the_scripts_give_themselves() -> None:
    for script, name in on_event.NAMES.items():
        assert f'runtime.run("{name}", decide, wants=wants)' in (ROOT / "hooks" / f"{script}.py").read_text()
    assert {*on_event.NAMES} == {row[3] for row in on_event.LOOKS}


# ---- under a Python that is too old, and under the oldest that is not ------------------------------------------------

HOOKS = sorted(path.name for path in (ROOT / "hooks").glob("*.py"))
OURS = ROOT / "governor" / "hooks"
ANY_PYTHON = [ROOT / "hooks" / "on_event.py", OURS / "old_python.py", OURS / "plugin.py"]


@pytest.mark.parametrize("version", pythons.TOO_OLD)
def test_an_old_python_says_so_once_for_all_hooks(version: str, tmp_path: Path) -> None:
    python = pythons.find(version)
    if python is None:
        pytest.skip(f"no Python {version} here (pyenv install {version})")
    state, event = tmp_path / "new", json.dumps({"hook_event_name": "Stop", "session_id": "s"}).encode()
    said = []
    scripts = ["on_event.py"] if version == "2.7" else ["on_event.py", *HOOKS, "on_event.py"]
    for script in [*scripts, *scripts]:
        command = [python, *([] if version == "2.7" else ["-I", "-S"]), str(ROOT / "hooks" / script)]
        env = {"GOVERNOR_HOME": str(state)}
        done = subprocess.run(command, input=event, capture_output=True, env=env, check=False)
        assert (script, 0, b"") == (script, done.returncode, done.stderr)
        said += [done.stdout] if done.stdout and script != "statusline.py" else []
    (words,) = (json.loads(out)["systemMessage"] for out in said)
    assert f"need Python 3.9 or newer, and {python} is Python {version}." in words
    assert "governor install" in words
    assert python == (state / old_python.FOLDER / version).read_text()
    assert 0o700 == (state / old_python.FOLDER).stat().st_mode & 0o777


def test_an_old_python_waits_for_somebody_to_tell_and_obeys_the_kill_switch(tmp_path: Path) -> None:
    python = next((found for version in pythons.TOO_OLD[1:] if (found := pythons.find(version))), None)
    if python is None:
        pytest.skip("no Python older than 3.9 here")

    def says(**environment: str) -> bytes:
        command = [python, "-I", "-S", str(ROOT / "hooks" / "on_event.py")]
        env = {"GOVERNOR_HOME": str(tmp_path / "new"), **environment}
        return subprocess.run(command, input=b"{}", capture_output=True, env=env, check=True).stdout

    assert b"" == says(CLAUDE_CODE_SESSION_ATTENDED="0")
    assert b"" == says(GOVERNOR_OFF="1")
    assert not (tmp_path / "new").exists()
    assert b"systemMessage" in says(CLAUDE_CODE_SESSION_ATTENDED="1")
    (tmp_path / "file").touch()
    assert b"" == says(GOVERNOR_HOME=str(tmp_path / "file"))


def test_an_old_python_finds_the_same_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("GOVERNOR_HOME", "~/x"), ("GOVERNOR_HOME", ""), ("XDG_STATE_HOME", str(tmp_path))):
        monkeypatch.setenv(name, value)
        assert hooks_runtime.home() == old_python.home()
    for platform in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert hooks_runtime.home() == old_python.home()


def staged() -> list[Path]:
    """Every file that a hook may load."""
    return sorted(ROOT / name for name in runtime._files(ROOT / "hooks"))


@pytest.mark.parametrize(
    "path", [path for path in staged() if path.parent == ROOT / "hooks"], ids=lambda path: path.name
)
def test_a_script_compiles_on_python_3_6(path: Path) -> None:
    """So that it can say what is missing; walrus and annotations of the future are later."""
    tree = ast.parse(path.read_bytes(), feature_version=(3, 6))
    assert "__future__" not in {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", ANY_PYTHON, ids=lambda path: path.name)
def test_what_an_old_python_loads_has_nothing_new_in_it(path: Path) -> None:
    """No annotation, f-string or keyword-only argument: Python 2.7 has none."""
    for node in ast.walk(ast.parse(path.read_bytes(), feature_version=(3, 4))):
        assert not isinstance(node, (ast.AnnAssign, ast.JoinedStr, ast.Starred, ast.Nonlocal)) or isinstance(
            getattr(node, "ctx", None), ast.Load
        )
        if isinstance(node, ast.FunctionDef):
            annotated = [arg.annotation for arg in [*node.args.args, *node.args.kwonlyargs]]
            assert [] == [node.returns or each for each in annotated if node.returns or each]
            assert [] == node.args.kwonlyargs


# What came after Python 3.9, as far as code like ours might use it: (called name, keyword), names, attributes.
NEW_KEYWORDS = {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}
NEW_KEYWORDS |= {(name, "key") for name in ("bisect", "bisect_left", "bisect_right", "insort", "insort_left")}
NEW_NAMES = {"aiter", "anext", "ExceptionGroup", "BaseExceptionGroup", "EncodingWarning", "pairwise", "batched", "UTC"}
NEW_NAMES |= {
    "bit_count",
    "StrEnum",
    "TypeAlias",
    "ParamSpec",
    "assert_never",
    "hardlink_to",
    "chdir",
    "tomllib",
}
NEW_NAMES |= {"add_note", "file_digest", "stdlib_module_names", "orig_argv", "correlation", "EllipsisType", "NoneType"}


@pytest.mark.parametrize("path", staged(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_hooks_load_is_python_3_9(path: Path) -> None:
    """Whatever Pythons this machine has."""
    tree = ast.parse(path.read_bytes(), feature_version=(3, 9))
    names = set()
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Match)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert set() == {(name, word.arg) for word in node.keywords} & NEW_KEYWORDS
            if name in ("isinstance", "issubclass"):
                assert not isinstance(node.args[1], ast.BinOp), "a union at run time"
        names |= {getattr(node, "id", ""), getattr(node, "attr", "")}
    assert set() == names & NEW_NAMES
    future = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    if path.parent != ROOT / "hooks" and path not in ANY_PYTHON and len(tree.body) > 1:
        assert "__future__" in future, "or its annotations are worked out at run time"


@pytest.mark.parametrize("version", [pythons.OLDEST, "3.13"])
def test_every_file_that_hooks_may_load_loads(version: str) -> None:
    python = pythons.find(version)
    if python is None:
        pytest.skip(f"no Python {version} here (pyenv install {version})")
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in staged() if path.parent != ROOT / "hooks"
    ]
    names += [path.stem for path in staged() if path.parent == ROOT / "hooks"]
    code = "import sys; sys.path[:0] = sys.argv[1:3]\n" + "".join(
        f"import {name.removesuffix('.__init__')}\n" for name in names
    )
    command = [python, "-I", "-S", "-c", code, str(ROOT), str(ROOT / "hooks")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


# ---- beside the plugin -----------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Claude Code's settings with the installed hooks in them."""
    folder = tmp_path / "claude with blanks"
    folder.mkdir()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder))
    install.install(hosts=("claude",))
    return folder


def plugin_says(client: Client, config: Path, *arguments: str, **environment: str) -> bytes:
    event = {"hook_event_name": "Stop", "session_id": "s", "loop": {"person": "x"}}
    return client.start(event, *arguments, CLAUDE_CONFIG_DIR=str(config), **environment)[1]


def test_a_plugin_beside_an_installed_hook_steps_aside_and_counts_nothing(client: Client, installed: Path) -> None:
    assert b"" == plugin_says(client, installed, "plugin")
    assert [] == list(client.state.iterdir())
    assert b"" != plugin_says(client, installed), "and only a plugin does"


def test_a_plugin_works_where_the_installed_hook_does_not(client: Client, installed: Path, tmp_path: Path) -> None:
    assert b"" != plugin_says(client, tmp_path / "another config folder", "plugin")
    kept = (installed / "settings.json").read_text()
    (installed / "settings.json").write_text(kept.replace("/runtime/hooks/on_event.py", "/mine.py"))
    assert b"" != plugin_says(client, installed, "plugin"), "taken out by hand; the status line guards nothing"
    (installed / "settings.json").write_text(kept)
    shutil.rmtree((paths.home() / "runtime").resolve())
    assert b"" != plugin_says(client, installed, "plugin"), "its files are gone"
    install.install(hosts=("claude",))
    assert b"" == plugin_says(client, installed, "plugin")
    install.uninstall()
    assert b"" != plugin_says(client, installed, "plugin")


def test_a_project_that_is_wired_counts_too_and_so_does_an_older_install(client: Client, tmp_path: Path) -> None:
    project, config = tmp_path / "project", tmp_path / "empty"
    project.mkdir()
    install.install(hosts=("claude",), scope="local", folder=project)
    assert b"" == plugin_says(client, config, "plugin", CLAUDE_PROJECT_DIR=str(project))
    settings = project / ".claude" / "settings.local.json"
    settings.write_text(settings.read_text().replace("on_event.py", "loop_guard.py"))
    assert b"" == plugin_says(client, config, "plugin", CLAUDE_PROJECT_DIR=str(project))
    assert b"" != plugin_says(client, config, "plugin", CLAUDE_PROJECT_DIR=str(tmp_path))


# ---- which events ----------------------------------------------------------------------------------------------------


def test_one_command_an_event() -> None:
    for host in ("claude", "codex"):
        rows = wiring.rows(host, wiring.SCRIPTS)
        assert len(rows) == len({row.event for row in rows})
        assert {row.script for row in rows} == {"on_event.py"}


@pytest.mark.parametrize(
    ("settings", "after_calls"),
    [
        ({}, True),
        ({"budgets": [{"name": "n"}]}, True),
        ({"loop": {"action": "stop"}}, True),
        ({"loop": {"action": "off"}}, False),
    ],
)
def test_a_process_stands_before_every_tool_call_for_halts_and_after_it_for_a_loop_guard_that_is_on(
    settings: dict[str, Any], after_calls: bool
) -> None:
    values: dict[str, Any] = {"budgets": [], "loop": {"action": "advise"}, **settings}
    rows = {row.event: row for row in wiring.rows("claude", wiring.SCRIPTS, wiring.switched_on(values))}
    assert rows["PreToolUse"].matcher is None
    assert after_calls == ("PostToolBatch" in rows)
    assert "Agent|Task|Workflow|Write|Edit|MultiEdit" == rows["PostToolUse"].matcher
