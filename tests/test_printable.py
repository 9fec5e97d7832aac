"""No name, wherever it comes from, makes a terminal, a page or a spreadsheet do anything."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import NOW, OTHER, START_MS, answer, counted, jsonl, meta, recorded, rollout, tokens, transcript, turn

from governor import paths
from governor.cli import main
from governor.gate import halting
from governor.handoff import record
from governor.hooks import runtime
from governor.hooks.printable import csv_cell, printable, printable_lines
from governor.hooks.state import halt_file
from governor.hooks.statusline import rules as statusline_rules
from governor.pipeline import ingest
from governor.views import json_data

CLIPBOARD = "\x1b]52;c;cm0gLXJm\x07"  # OSC 52: puts its words into the clipboard
TURNED = "\u202e\u2066\u2028"
CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)])) + "\u061c\u200e\u200f\u2028\u2029"
CONTROLS += "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NASTY = st.text(st.sampled_from(CONTROLS + "ab[/bold]=+-@7 /"), min_size=1, max_size=12)
HANDED = "haaaa11"
VIEWS = [
    ("status",),
    ("status", "--why"),
    *(("usage", "--by", key) for key in ("project", "branch", "model", "session", "agent", "tag", "lane", "account")),
    ("usage", "--by", "project,branch,model,session"),
    ("usage", "--by", "project,branch,model,session", "--csv"),
    ("sessions", "--since", "30d"),
    ("audit", "--why"),
    ("decisions",),
    ("forecast",),
    ("gate",),
    ("handoffs",),
    ("handoffs", HANDED),
    ("halt", "--list"),
    ("calibrate", "--list"),
    ("overhead",),
    ("config",),
    ("doctor",),
]


def unsafe(text: str) -> list[str]:
    """What a terminal would act on, newlines aside; said in another way than the code says it."""
    turning = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "AL")
    return [
        char
        for char in text
        if char != "\n"
        and (
            unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs")
            or (unicodedata.category(char) == "Cf" and unicodedata.bidirectional(char) in (*turning, "L", "R"))
        )
    ]


# ---- the door itself -------------------------------------------------------------------------------------------------


@given(text=st.text(st.one_of(st.sampled_from(CONTROLS), st.characters(exclude_categories=()))))
def test_what_comes_out_is_safe_and_what_was_safe_is_as_it_was(text: str) -> None:
    shown = printable(text)
    assert [] == unsafe(shown)
    assert "\n" not in shown
    assert [] == unsafe(printable_lines(text))
    assert text.count("\n") == printable_lines(text).count("\n")
    assert shown == printable(shown)
    if not unsafe(text) and "\n" not in text and not re.search("[\ufff9-\ufffb\U000e0000-\U000e007f]", text):
        assert text == shown


def test_every_control_character_becomes_an_escape_that_names_it() -> None:
    assert ("\\x1b]52;c;cm0gLXJm\\x07", "\\u202e\\u2066\\u2028") == (printable(CLIPBOARD), printable(TURNED))
    assert "a\\x0ab" == printable("a\nb")
    assert "a\nb\\x9bc" == printable_lines("a\nb\x9bc")
    assert "naïve 東京 é 👩‍💻 العربية" == printable("naïve 東京 é 👩‍💻 العربية")


def test_values_keep_their_kinds() -> None:
    value = {"a\x1b": [1, None, (2.5, "b\x07")], "c": halting}
    assert {"a\\x1b": [1, None, (2.5, "b\\x07")], "c": halting} == printable(value)


@given(text=st.text(st.sampled_from("\t\r\n =+-@＝a1|\x1b"), max_size=8))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    cell = csv_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert [] == unsafe(cell)


def test_cells() -> None:
    names = ["=1+1", "@SUM(A1)", "-2", "\t=1", " +1", "app", "a=b"]
    assert ["'=1+1", "'@SUM(A1)", "'-2", "'\\x09=1", "' +1", "app", "a=b"] == [*map(csv_cell, names)]


@given(text=st.text(st.sampled_from(CONTROLS + 'a"\\')))
def test_json_is_exact_and_without_control_characters(text: str) -> None:
    told = json_data.dump({text: text})
    assert [] == unsafe(told)
    assert {text: text} == json.loads(told)


# ---- every view ------------------------------------------------------------------------------------------------------


def live(name: str) -> None:
    """A home in which everything that has a name is called ``name``, in one way or another."""
    made_up = {"cwd": f"/home/u/{name}", "gitBranch": name, "sessionId": f"{OTHER}{name}"}
    transcript(
        answer("msg_1", at_ms=START_MS - 3_600_000, agentId=name, isSidechain=True, **made_up),
        answer("msg_2", model=f"claude-{name}", **made_up),
        answer("msg_3", model=name, **made_up),
    )
    one = tokens(1000, cached=600, output=50, reasoning=20)
    rollout(meta(cwd=f"/home/u/{name}"), turn(model=name), recorded("resp_1", one), counted(one))
    figure = {"lane": "claude", "resets_at": NOW + 86_400, "source": "statusline", "session": name}
    figures = [
        {**figure, "window": window, "used_percent": percent, "observed_at": NOW - age}
        for window in ("week", f"week:{name}")
        for percent, age in ((20, 9000), (60, 60))
    ]
    decided = [
        {"at": NOW - 60, "hook": "spawn", "lane": "claude", "decision": name, "rule": name, "agent": name},
        {"at": NOW - 50, "hook": "router", "lane": "claude", "decision": "keep", "rule": name, "signals": [name]},
        {"at": NOW - 40, "hook": name, "lane": "claude", "decision": "held", "tool": name, "session": name},
    ]
    spool = paths.claim_home() / "spool"
    spool.mkdir(exist_ok=True)
    (spool / "limits.jsonl").write_bytes(jsonl(*figures))
    (spool / "decisions.jsonl").write_bytes(jsonl(*decided))
    budget = {"name": name.strip() or "b", "per": "project", "project": "*", "max_tokens": 10, "action": "stop"}
    tags = [{"tag": name.strip() or "t", "project": "*"}]
    Path(paths.config_file()).write_text(json.dumps({"budgets": [budget], "tags": tags}))
    (record.root() / HANDED).mkdir(parents=True, exist_ok=True)
    content = {"lane": "codex", "folder": f"/home/u/{name}", "branch": name, "project": name, "failed": name}
    content |= {"started_at": NOW - 60, "ended_at": NOW - 50, "files": [[name, 1, 2]], "files_changed": 1}
    record.write(HANDED, {**content, "tests": [name], "run": {"transcript": name}})
    told = halt_file.Halt({"session": f"aaaaaa{name}", "agent": name}, reason=name)
    halting.add(told, halting.own_file())


@pytest.mark.parametrize("name", [CLIPBOARD + "x", TURNED + "x", "a\x9b31mb\x7f", "a\r\x08b\tc", "x\nGO  all is well"])
@pytest.mark.parametrize("view", VIEWS, ids=" ".join)
def test_no_view_lets_a_control_character_through(
    view: tuple[str, ...], name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)
    live(name)
    code = main(list(view))
    out, err = capsys.readouterr()
    assert ([], []) == (unsafe(out), unsafe(err))
    assert 3 != code, err
    assert "\nGO  all is well" not in out


@settings(max_examples=12)
@given(name=NASTY)
def test_no_name_gets_through_any_view(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "now_s", lambda: NOW)
        for variable, folder in (("GOVERNOR_HOME", "state"), ("CLAUDE_CONFIG_DIR", "c"), ("CODEX_HOME", "x")):
            patch.setenv(variable, str(home / folder))
        patch.setenv("GOVERNOR_CONFIG", str(home / "budget.json"))
        (home / "budget.json").touch()
        live(name.replace("/", "").replace("\0", "") or "x")
        for view in VIEWS:
            out, err = io.StringIO(), io.StringIO()
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(list(view))
            assert ([], []) == (unsafe(out.getvalue()), unsafe(err.getvalue())), view
            assert 3 != code, view


def test_markup_in_a_name_is_shown_as_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)
    live("[bold]:x:[b]")
    for view, heading in ((("usage", "--by", "branch"), "branch"), (("sessions", "--since", "30d"), "project")):
        main(list(view))
        out = capsys.readouterr().out
        assert heading in out
        assert "[bold]:x:" in out


def test_csv_has_names_as_text_and_numbers_as_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)
    live("=HYPERLINK(1)")
    main(["usage", "--by", "branch", "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert "'=HYPERLINK(1)" in {row["branch"] for row in rows}
    assert all(float(value) >= 0 for row in rows for key, value in row.items() if key != "branch" and value)


# ---- what hooks say --------------------------------------------------------------------------------------------------


@given(
    name=NASTY,
    event=st.sampled_from(["PreToolUse", "UserPromptSubmit", "Stop"]),
    lane=st.sampled_from(["claude", "codex"]),
)
def test_no_word_of_a_hook_holds_a_control_character(name: str, event: str, lane: str) -> None:
    words: dict[str, Any] = dict.fromkeys(("person", "model", "block", "deny", "ask", "halt"), f"a {name}\nb")
    for kept in ({}, {"deny": "", "halt": ""}):
        reply = runtime.Reply(**{**words, **kept}, update={"command": name})
        out = runtime.in_dialect(reply, event, lane)
        update = out.get("hookSpecificOutput", {}).pop("updatedInput", {"command": name})
        assert {"command": name} == update  # a call is made as it was asked for
        texts = [text for part in (out, out.get("hookSpecificOutput", {})) for text in part.values()]
        assert [] == [text for text in texts if isinstance(text, str) and unsafe(text)]


@given(name=NASTY)
def test_a_halt_is_told_without_the_control_characters_of_its_reason(name: str) -> None:
    held = halt_file.Halt({"project": f"/home/{name}"}, reason=name)
    for read in halt_file.parse(halt_file.render([held])):
        assert [] == unsafe(halt_file.to_user(read, "/state/HALT") + halt_file.to_agent(read))


@given(name=NASTY)
def test_the_status_line_is_one_safe_line(name: str) -> None:
    event = {"rate_limits": {f"seven_day_{name}": {"used_percentage": 42}}}
    known = {"window": f"week:x{name}", "rule": "refused", "resets_at": NOW + 99}
    snapshot = {"lanes": {"claude": {"windows": [known]}}}
    line = statusline_rules.line(event, snapshot, now=NOW, colour=False)
    assert [] == unsafe(line)
    assert "\n" not in line
    assert "refused" in line
