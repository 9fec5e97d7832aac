"""Editing somebody's settings: the meaning becomes what we want, and every byte that is not ours stays."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.install import change, edit, layout, plan, wiring
from governor.install.target import Target

HOME = "/home/u/.local/state/governor"
INTERPRETER = "/usr/bin/python3.11"
TARGET = Target("claude", "user", Path("/home/u/.claude/settings.json"))
ROWS = wiring.rows("claude", wiring.SCRIPTS)
COMMANDS = {s: wiring.command("claude", s, interpreter=INTERPRETER, home=HOME) for s in wiring.SCRIPTS}
NO_TAP = change.StatusLinePlan(None, None)

words = st.text(string.ascii_letters + ' é"\\/\n€', max_size=6)
plain = st.none() | st.booleans() | st.integers(-9, 10**20) | st.floats(allow_nan=False, allow_infinity=False) | words
documents = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=12
)
foreign_handlers = st.fixed_dictionaries({"type": st.just("command"), "command": words}, optional={"timeout": plain})
foreign_groups = st.fixed_dictionaries({"hooks": st.lists(foreign_handlers, max_size=2)}, optional={"matcher": words})
events = st.sampled_from(["Stop", "PostToolUse", "UserPromptSubmit", "Notification"])
settings_documents = st.dictionaries(words, documents, max_size=4).flatmap(
    lambda rest: st.fixed_dictionaries(
        {}, optional={"hooks": st.dictionaries(events, st.lists(foreign_groups, max_size=3), max_size=3)}
    ).map(lambda hooks: {**rest, **hooks})
)


@st.composite
def written(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[str, Any]:
    """A document and one way of writing it down."""
    value = draw(values)
    indent = draw(st.sampled_from([None, 2, 4, "\t", 1, 0]))
    item = draw(st.sampled_from([", ", ","])) if indent is None else ","
    text = json.dumps(
        value, indent=indent, separators=(item, draw(st.sampled_from([": ", ":"]))), ensure_ascii=draw(st.booleans())
    )
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n", "\r\n", " \n\n"])), value


def install(raw: bytes | None, tap: change.StatusLinePlan = NO_TAP) -> change.FileChange:
    return change.install(
        TARGET, seen=raw, entry=None, home=Path("/x"), rows=ROWS, commands=COMMANDS, tap=lambda *_: tap
    )


def uninstall(raw: bytes | None) -> bytes | None:
    return change.without_us(TARGET, seen=raw, entry=None, home=Path("/nowhere"))


@given(written(documents), documents)
def test_any_document_can_become_any_other(start: tuple[str, Any], after: Any) -> None:
    assert edit.same(after, edit.parse(edit.patch(start[0], after)))


@given(written(documents))
def test_a_document_that_means_the_same_keeps_every_byte(start: tuple[str, Any]) -> None:
    text, value = start
    assert text == edit.patch(text, value)


@settings(max_examples=200)
@given(written(settings_documents))
def test_installing_adds_ours_and_taking_ours_out_gives_the_bytes_back(start: tuple[str, Any]) -> None:
    text, value = start
    done = install(text.encode())
    assert done.new is not None
    document = edit.parse(done.new.decode())
    assert {key: value[key] for key in value if key != "hooks"} == {k: document[k] for k in document if k != "hooks"}
    for event, groups in value.get("hooks", {}).items():
        assert groups == document["hooks"][event][: len(groups)]
    assert sorted((r.event, r.script) for r in ROWS) == sorted(ours(document))
    assert install(done.new).new == done.new
    kept = {"hooks": {}, **value} if "hooks" not in value else value
    has_emptiness = value == {} or kept["hooks"] == {} or [] in kept["hooks"].values()
    back = uninstall(done.new)
    assert back is not None
    if has_emptiness:  # the list that stood empty is only known from the backup
        assert {k: v for k, v in value.items() if k != "hooks"} == {
            k: v for k, v in edit.parse(back.decode()).items() if k != "hooks"
        }
    if ("hooks" not in value and value) or not has_emptiness:
        assert text.encode() == back


def ours(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (event, script)
        for event, _, handler in plan.handlers(document)
        if (script := wiring.script_in(handler["command"]))
    ]


@settings(max_examples=100)
@given(written(settings_documents), words, documents)
def test_what_somebody_else_writes_while_we_are_installed_survives(
    start: tuple[str, Any], key: str, value: Any
) -> None:
    text, document = start
    done = install(text.encode())
    assert done.new is not None
    theirs = {**edit.parse(done.new.decode()), "theirs " + key: value}
    back = uninstall(edit.patch(done.new.decode(), theirs).encode())
    assert back is not None
    after = edit.parse(back.decode())
    assert edit.same(value, after["theirs " + key])
    assert [] == ours(after)
    for name in document:
        if name != "hooks":
            assert edit.same(document[name], after[name])


TALL = """{
    "model" : "opus",
    "env": {"A": "\\u00e9", "BIG": 1e400},

    "hooks": {
        "Stop": [{"hooks": [{"type": "command", "command": "say done"}]}],
        "UserPromptSubmit": [
            {
                "hooks": [
                    {
                        "type": "command",
                        "command": "date"
                    }
                ]
            }
        ]
    },
    "cleanupPeriodDays":  365
}
"""


def test_the_new_group_is_written_as_its_neighbours_are() -> None:
    prompt = next(row for row in ROWS if row.event == "UserPromptSubmit")
    new = edit.patch(TALL, plan.wired(edit.parse(TALL), [prompt], COMMANDS))
    added = f"""            }},
            {{
                "hooks" : [
                    {{
                        "type" : "command",
                        "command" : "{COMMANDS["on_event.py"]}",
                        "timeout" : 5
                    }}
                ]
            }}
        ]
    }},
"""
    assert TALL.replace("            }\n        ]\n    },\n", added) == new


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("{}", {"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'),
        ('{"a":1}', {"a": 1, "b": {"c": 2}}, '{"a":1,"b":{"c":2}}'),
        ('{"a": 1}', {"a": 1, "b": {"c": 2}}, '{"a": 1, "b": {"c": 2}}'),
        ('{\n\t"a": {}\n}', {"a": {"b": 1}}, '{\n\t"a": {\n\t\t"b": 1\n\t}\n}'),
        ('{\r\n "a": 1\r\n}', {"a": 1, "b": [2]}, '{\r\n "a": 1,\r\n "b": [\r\n  2\r\n ]\r\n}'),
        ('{"a": 1, "b": 2, "c": 3}', {"a": 1, "c": 3}, '{"a": 1, "c": 3}'),
        ('{\n  "a": 1.50,\n  "b": 2\n}', {"b": 2}, '{\n  "b": 2\n}'),
        ('{"a": "é"}', {"a": "é", "b": "ü"}, '{"a": "é", "b": "ü"}'),
        ('{"a": "\\u00e9"}', {"a": "é", "b": "ü"}, '{"a": "\\u00e9", "b": "\\u00fc"}'),
        ("[1, 2, 3]", [0, 1, 3, 4], "[0, 1, 3, 4]"),
    ],
)
def test_style_is_taken_from_the_text(text: str, after: Any, expected: str) -> None:
    assert expected == edit.patch(text, after)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{\n  // mine\n  "a": 1\n}', "line 2, column 3: a comment"),
        ('{"a": 1, /* mine */ "b": 2}', "a comment"),
        ('{"a": 1,\n}', "a comma after the last item"),
        ('{"a": [1,]}', "a comma after the last item"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', 'the key "c" stands twice'),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": 1', "line 1"),
        ('{"a": 1} {}', "extra data"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "4300 digits"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(edit.NotPlainJSONError, match=why.replace("(", r"\(")):
        edit.parse(text)


def test_a_literal_keeps_its_escapes() -> None:
    literal = edit.literal('{"a": {"b": "caf\\u00e9"}, "c": 1}', ("a", "b"))
    assert '"caf\\u00e9"' == literal
    raw = layout.Raw(literal)
    assert "café" == raw
    assert '{"x": "caf\\u00e9"}' == edit.patch('{"x": "y"}', {"x": raw})


class TestCommand:
    @given(st.text(min_size=1).filter(lambda text: "\0" not in text), st.sampled_from(["claude", "codex"]))
    def test_ours_is_recognised_whatever_the_home_is_called(self, folder: str, host: wiring.Host) -> None:
        text = wiring.command(host, "pacing_warner.py", interpreter=f"/{folder}/py", home=f"/{folder}")
        assert "pacing_warner.py" == wiring.script_in(text)
        assert (f"/{folder}/py", f"/{folder}/runtime/hooks/pacing_warner.py") == wiring.files_in(text)

    def test_it_is_short_plain_and_cannot_block(self) -> None:
        """/usr/bin/python3.11 -I -S /home/u/.local/state/governor/runtime/hooks/pacing_warner.py || true"""
        assert self.test_it_is_short_plain_and_cannot_block.__doc__ == COMMANDS["pacing_warner.py"]

    @pytest.mark.parametrize(
        "words",
        [
            "python3 /home/u/hooks/pacing_warner.py",
            "nice {0}",
            "{0}; notify-send done",
            "ccstatusline && {0}",
            "/usr/bin/python3 -I -S '/unclosed/runtime/hooks/pacing_warner.py || true",
            "/usr/bin/python3 -I -S /home/u/runtime/hooks/other.py || true",
            None,
            7,
        ],
    )
    def test_what_somebody_else_wrote_is_not_ours(self, words: object) -> None:
        text = words.format(COMMANDS["pacing_warner.py"]) if isinstance(words, str) else words
        assert wiring.script_in(text) is None

    def test_a_wrapped_command_counts_as_present_and_is_left_alone(self) -> None:
        mine = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "nice " + COMMANDS["on_event.py"]}]}]}}
        row = next(row for row in ROWS if row.event == "Stop")
        assert mine == plan.wired(mine, [row], COMMANDS)
        assert mine == plan.unwired(mine, {})


class TestPlan:
    def test_a_stale_command_is_renewed_in_place_and_a_changed_timeout_stays(self) -> None:
        old = plan.wired({}, ROWS, {script: words.replace("3.11", "3.9") for script, words in COMMANDS.items()})
        old["hooks"]["Stop"][0]["hooks"][0]["timeout"] = 42
        old["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "say done"}]})
        new = plan.wired(old, ROWS, COMMANDS)
        assert 42 == new["hooks"]["Stop"][0]["hooks"][0]["timeout"]
        assert COMMANDS["on_event.py"] == new["hooks"]["Stop"][0]["hooks"][0]["command"]
        assert "say done" == new["hooks"]["Stop"][1]["hooks"][0]["command"]
        assert 2 == len(new["hooks"]["Stop"])

    def test_a_second_copy_and_a_row_we_gave_up_are_taken_out(self) -> None:
        once = plan.wired({}, ROWS, COMMANDS)
        stop = once["hooks"]["Stop"]
        twice = {"hooks": {**once["hooks"], "Stop": stop * 2, "Notification": stop}}
        twice = json.loads(json.dumps(twice))
        assert once == plan.wired(twice, ROWS, COMMANDS)

    def test_a_handler_that_moved_into_our_group_outlives_us(self) -> None:
        document = plan.wired({}, ROWS, COMMANDS)
        theirs = {"type": "command", "command": "say done"}
        document["hooks"]["Stop"][0]["hooks"].append(theirs)
        assert {"hooks": {"Stop": [{"hooks": [theirs]}]}} == plan.unwired(document, {})

    def test_a_list_that_was_empty_before_stays_empty(self) -> None:
        before = {"hooks": {"Stop": []}}
        assert before == plan.unwired(plan.wired(before, ROWS, COMMANDS), before)

    @pytest.mark.parametrize(
        ("document", "why"),
        [([], "top level"), ({"hooks": []}, '"hooks" is not an object'), ({"hooks": "x"}, "not an object")],
    )
    def test_what_is_not_a_settings_document_is_refused(self, document: Any, why: str) -> None:
        with pytest.raises(plan.ShapeError, match=why):
            plan.as_document(document)

    def test_an_event_of_ours_that_is_not_a_list_is_refused_and_any_other_is_not_looked_at(self) -> None:
        assert {"Odd": 7} == plan.wired({"hooks": {"Odd": 7}}, [], COMMANDS)["hooks"]
        with pytest.raises(plan.ShapeError, match="Stop"):
            plan.wired({"hooks": {"Stop": 7}}, ROWS, COMMANDS)

    def test_groups_behind_ours_are_named(self) -> None:
        document = plan.wired({}, ROWS, COMMANDS)
        assert [] == plan.stranded(document)
        document["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "say done"}]})
        assert ["Stop"] == plan.stranded(document)
