"""The router's judgement: what a prompt asks for, which lane it belongs on, what is said, was it followed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from governor.cli.guard.route import route
from governor.cli.look.decisions import FollowThrough, decisions, follow_through, summary
from governor.errors import BadInputError
from governor.hooks.router import model_tier, stems, vocabulary
from governor.hooks.router import rules as router_rules
from governor.hooks.router.prompt import PromptReading, read
from governor.hooks.router.user_prose import HUGE, LONG, own_words
from governor.hooks.router.vocabulary import base

NOW = 1_800_000_000.0
LABEL = {"build": "codex", "keep": "keep", "held": "keep", "narrow": "silent", "none": "silent"}
BROAD = "Rename Foo to Bar in all modules and update the tests."


def labelled() -> list[tuple[str, str]]:
    """(label, prompt) of every case in router_prompts.txt."""
    cases: list[tuple[str, list[str]]] = []
    for line in (Path(__file__).parent / "router_prompts.txt").read_text("utf-8").splitlines():
        if line in ("= codex", "= keep", "= silent"):
            cases.append((line[2:], []))
        elif cases:
            cases[-1][1].append(line)
    return [(label, "\n".join(lines)) for label, lines in cases]


CASES = labelled()


def orders() -> dict[str, list[str]]:
    """The orders of router_orders.txt by set ("small 1")."""
    sets: dict[str, list[str]] = {}
    named: list[str] = []
    for line in (Path(__file__).parent / "router_orders.txt").read_text("utf-8").splitlines():
        if line.startswith("= "):
            named = sets.setdefault(line[2:], [])
        elif line and sets:
            named.append(line)
    return sets


ORDERS = orders()


def lane(verdict: str = "GO", slack: float | None = 20.0, **other: Any) -> dict[str, Any]:
    facts = {"installed": True, "healthy": True, "verdict": verdict, "slack": slack, "window": "week"}
    landing = None if slack is None else 100 - slack
    return {**facts, "landing": landing, "resets_at": NOW + 3 * 86_400, **other}


def snapshot(claude: dict[str, Any] | None, codex: dict[str, Any] | None, **other: Any) -> dict[str, Any]:
    lanes = {name: facts for name, facts in (("claude", claude), ("codex", codex)) if facts is not None}
    return {"version": 1, "written_at": NOW - 60, "lanes": lanes, "mode": "advise", **other}


def advised(prompt: str, where: str, content: dict[str, Any]) -> tuple[str, str | None, str]:
    advice = router_rules.advise(router_rules.read_prompt(prompt, content), lane=where, snapshot=content, now=NOW)
    return advice.decision, advice.to, advice.rule


# --- what a prompt asks for -------------------------------------------------------------------------------------------


def test_precision_and_recall_on_the_labelled_prompts() -> None:
    """On the whole set: 129 of 131 offers right (precision .985), 129 of 132 found (recall .977), every hold right.

    The tables were mended on most of these prompts; the file says how the last unseen round went.
    """
    counts = Counter((label, LABEL[read(text).kind]) for label, text in CASES)
    assert len(CASES) >= 120
    for label in ("codex", "keep"):
        right = counts[label, label]
        said = sum(n for (_, got), n in counts.items() if got == label)
        meant = sum(n for (want, _), n in counts.items() if want == label)
        assert right / said >= 0.95, f"precision of {label}: {right}/{said}"
        assert right / meant >= 0.95, f"recall of {label}: {right}/{meant}"


@pytest.mark.parametrize("name", list(ORDERS))
def test_small_orders_stay_and_broad_ones_are_offered(name: str) -> None:
    """The rates stand in docs/decisions.md, and this test prints them with ``-rP``."""
    offered = [order for order in ORDERS[name] if read(order).kind == "build"]
    print(f"{name}: {len(offered)} of {len(ORDERS[name])} offered")
    assert len(ORDERS[name]) >= 30
    if name.startswith("small"):
        assert len(offered) * 10 <= len(ORDERS[name]), offered
    else:
        assert len(offered) >= len(ORDERS[name]) * 0.85, set(ORDERS[name]) - set(offered)


MANY = st.sampled_from(["all the other files", "every other module", "all our services", "each of the packages"])
SAID_BESIDE = st.sampled_from(
    [
        "Rename the flag in cli.py, as in {}.",
        "Rename the flag in cli.py like in {}.",
        "Rename the flag in cli.py the way {} do it.",
        "Rename the flag in cli.py, not in {}.",
        "Rename the flag in cli.py and leave {} alone.",
        "Rename the flag in cli.py without touching {}.",
        "Undo the rename in {} and rename the flag in cli.py.",
        "Before you migrate {}, rename the flag in cli.py.",
        "If you change a flag, update {}. Rename the flag in cli.py.",
        "The guide says: update {}. Rename the flag in cli.py.",
        "Our rule is to update {}. Rename the flag in cli.py.",
    ]
)
ONE_PLACE = st.sampled_from(["in main.py", "in run()", "in this file", "in the Options class", "within src/app.ts"])
INSIDE = st.sampled_from(["argument", "call", "warning", "method", "string", "import"])


@given(MANY, SAID_BESIDE)
def test_what_is_likened_left_out_undone_or_quoted_makes_no_order_broad(many: str, order: str) -> None:
    assert "build" != read(order.format(many)).kind


@given(MANY, st.sampled_from([", as in cli.py", ", not only in cli.py", ", the way cli.py does it", " except cli.py"]))
def test_what_is_said_beside_a_broad_order_leaves_it_broad(many: str, beside: str) -> None:
    assert "build" == read(f"Rename the flag in {many}{beside}.").kind


@given(INSIDE, st.sampled_from(["all the {}s", "every {}", "each {}"]), ONE_PLACE)
def test_all_of_what_one_file_or_function_holds_is_a_small_order(inside: str, many: str, place: str) -> None:
    assert "build" != read(f"Rename {many.format(inside)} {place} to snake case.").kind
    assert "build" != read(f"Please, {place}, rename {many.format(inside)} to snake case.").kind
    assert "build" == read(f"Rename {many.format(inside)} across the services to snake case.").kind


@pytest.mark.parametrize(("word", "form"), [
    ("implementing", "implement"), ("implements", "implement"), ("renamed", "rename"), ("renaming", "rename"),
    ("wrapped", "wrap"), ("splitting", "split"), ("applied", "apply"), ("applies", "apply"), ("rewrote", "rewrite"),
    ("written", "write"), ("ported", "port"), ("sport", ""), ("address", ""), ("fixture", ""), ("import", ""),
])  # fmt: skip
def test_words_are_known_in_several_forms(word: str, form: str) -> None:
    assert form == base(word, vocabulary.VERBS)


@pytest.mark.parametrize("text", [
    "Rename Foo to Bar in all modules please",
    "please start renaming Foo to Bar in all modules",
    "Foo must be renamed to Bar in all modules",
    "I want Foo renamed to Bar in all modules",
    "do a rename of Foo to Bar in all modules",
])  # fmt: skip
def test_an_order_is_an_order_in_several_forms(text: str) -> None:
    assert "build" == read(text).kind


@pytest.mark.parametrize("wrap", [
    "```\n{}\n```\nlooks right?",
    "~~~python\n{}\n~~~",
    "> {}\n\nwhat does he mean?",
    "He wrote “{}” to me",
    'the title says "{}"',
    "the command is `{}` I think",
    "<task-notification>{}</task-notification>",
    "ok\n<system-reminder>{}</system-reminder>",
    "/plan {}",
    "!{}",
    "2026-11-22T10:00:00Z INFO {}",
    "src/app.ts:3:1 {}",
    "Caveat: The messages below were generated by the user while running local commands. {}",
])  # fmt: skip
def test_what_the_person_did_not_say_is_never_an_order(wrap: str) -> None:
    order = "Rename Foo to Bar in all modules and files"
    assert "build" == read(order).kind
    assert "none" == read(wrap.format(order)).kind


def test_of_a_long_prompt_only_the_beginning_and_the_end_are_read() -> None:
    filler = "Some pasted sentence without any order in it.\n" * 300
    assert len(filler) > LONG
    assert "build" == read(f"{BROAD}\n\n{filler}").kind
    assert "build" == read(f"{filler}\n\n{BROAD}").kind
    assert "none" == read(f"{filler}\n\n{BROAD}\n\n{filler}").kind
    assert "none" == read("x " * HUGE + f"\n\n{BROAD}").kind


def test_a_persons_own_words_count_and_inflect() -> None:
    german = "Implementiere das bitte überall in den Modulen"
    assert "none" == read(german).kind
    assert "build" == read(german, verbs=["implementiere"], breadth=["überall"]).kind
    assert "build" == read("please start codemodding it in all packages", verbs=["codemod"]).kind
    assert "held" == read("Rename the ledger column in all modules", keep=["ledger"]).kind
    assert "none" == read(german, verbs=[None, 3, "x" * 99], breadth="überall").kind


def test_signals_name_words_of_the_tables_and_never_the_prompts() -> None:
    known = (
        vocabulary.VERBS
        | vocabulary.QUANTIFIERS
        | vocabulary.EVERYWHERE
        | vocabulary.KEEP_VERBS
        | vocabulary.KEEP_NOUNS
    )
    known |= {" ".join(pair) for pair in vocabulary.KEEP_PAIRS}
    known |= {"list", "paths", "glob", "wide", "from scratch", "end to end", "everything", "whole", "entire", "count"}
    for _, text in CASES:
        assert {signal.partition(":")[2] for signal in read(text).signals} <= known


@settings(max_examples=60, deadline=None)
@given(
    st.text() | st.text(st.sampled_from("`\"'<>[]/!-*\n\t .,?:;()0a rename all files across \x00\ud800")) | st.none()
)
def test_no_prompt_makes_the_router_stumble(prompt: str | None) -> None:
    reading = read(prompt)
    assert reading.kind in LABEL
    assert isinstance(own_words(prompt), str)
    assert "none" == read({"prompt": prompt}).kind


def test_the_look_at_the_bytes_never_misses_what_reading_would_find() -> None:
    for _, text in CASES:
        if read(text).kind in ("build", "keep", "held"):
            assert stems.may_matter(json.dumps({"prompt": text}).encode())
            assert stems.may_matter(json.dumps({"source": "prompt", "prompt": text, "cwd": "/"}).encode())
            assert stems.may_matter(json.dumps(text).encode())
    assert not stems.may_matter(b'{"hook_event_name":"UserPromptSubmit","prompt":"thanks a lot"}')
    assert not stems.may_matter(b'{"permission_mode":"plan","cwd":"/home/u/portal","prompt":"thanks a lot"}')
    assert stems.may_matter(b" " * (stems.LOOK + 1))


def forms(word: str) -> set[str]:
    """Every form in which the tables know a word, and a few in which they do not."""
    short = word[:-1]
    doubled = word + word[-1]
    endings = {word + ending for ending in ("", "s", "es", "d", "ed", "ing")}
    return endings | {short + ending for ending in ("ies", "ied", "ing")} | {doubled + "ing", doubled + "ed"}


def test_the_look_knows_every_form_of_every_word_and_looks_for_nothing_else() -> None:
    listened = (
        vocabulary.VERBS
        | vocabulary.KEEP_VERBS
        | vocabulary.KEEP_NOUNS
        | model_tier.SMALL_VERBS
        | set(model_tier.OWN_KEEP)
    )
    known = {form for word in listened for form in forms(word) if base(form, listened)}
    known |= {form for form in vocabulary.IRREGULAR if base(form, listened)} | set(vocabulary.DEEDS)
    known |= {" ".join(pair) for pair in vocabulary.KEEP_PAIRS}
    seen = [stem.decode() for stem in stems.STEMS]
    assert set() == {form for form in known if not any(stem in form for stem in seen)}
    assert [] == [stem for stem in seen if not any(stem in form for form in known)]
    assert [] == [(stem, other) for stem in seen for other in seen if stem != other and stem in other]


# --- which lane -------------------------------------------------------------------------------------------------------

HOT = lane("NUDGE", -14.0)
BURNING = lane("SLOW", -30.0)
COOL = lane("GO", 22.0)


@pytest.mark.parametrize(("where", "claude", "codex", "expected"), [
    ("claude", HOT, COOL, ("handoff", "codex", "pressed-and-room")),
    ("codex", COOL, HOT, ("return", "claude", "pressed-and-room")),
    ("claude", lane("GO", -1.0), lane("GO", 9.5), ("handoff", "codex", "pressed-and-room")),
    ("claude", COOL, HOT, ("silent", None, "own-has-room")),
    ("claude", COOL, COOL, ("silent", None, "own-has-room")),
    ("claude", lane("NUDGE", 2.0), lane("GO", 11.0), ("silent", None, "too-close")),
    ("claude", HOT, lane("NUDGE", 3.0), ("silent", None, "other-hot")),
    ("claude", lane("NUDGE", -30.0), lane("GO", -5.0), ("silent", None, "other-hot")),
    ("claude", HOT, lane("GO", None), ("silent", None, "slack-unknown")),
    ("claude", lane("NUDGE", None), COOL, ("silent", None, "slack-unknown")),
    ("claude", HOT, lane(healthy=False), ("silent", None, "unhealthy")),
    ("claude", HOT, lane(installed=False), ("silent", None, "one-lane")),
    ("claude", HOT, None, ("silent", None, "one-lane")),
    ("claude", HOT, lane(resets_at=NOW - 1), ("silent", None, "other-reset")),
    ("claude", lane("SLOW", -30.0, resets_at=NOW - 1), COOL, ("silent", None, "own-reset")),
    ("claude", None, COOL, ("silent", None, "own-unknown")),
    ("claude", BURNING, None, ("local", None, "one-lane")),
    ("claude", lane("STOP", -60.0), lane(healthy=False), ("local", None, "unhealthy")),
    ("codex", None, BURNING, ("local", None, "one-lane")),
])  # fmt: skip
def test_broad_building_goes_where_the_room_is(
    where: str, claude: dict[str, Any] | None, codex: dict[str, Any] | None, expected: tuple[str, str | None, str]
) -> None:
    assert expected == advised(BROAD, where, snapshot(claude, codex))


@pytest.mark.parametrize(("where", "prompt", "claude", "codex", "expected"), [
    ("claude", "Review the design of the sync engine.", HOT, COOL, ("keep", "claude", "judgement-stays")),
    ("claude", "Implement the new architecture in all services.", HOT, COOL, ("keep", "claude", "judgement-stays")),
    ("codex", "Review the design of the queue.", COOL, lane("GO", 5.0), ("return", "claude", "judgement-to-claude")),
    ("codex", "Review the design of the sync engine.", lane("GO", 8.0), lane("GO", 5.0), ("silent", None, "too-close")),
    ("codex", "Review the design of the sync engine.", HOT, COOL, ("silent", None, "other-hot")),
    ("codex", "Review the design of the sync engine.", None, COOL, ("silent", None, "one-lane")),
    ("claude", "Fix the typo in the README please.", HOT, COOL, ("silent", None, "too-narrow")),
    ("claude", "thanks!", HOT, COOL, ("silent", None, "nothing-asked")),
])  # fmt: skip
def test_judgement_stays_on_claude_and_the_rest_stays_where_it_is(
    where: str, prompt: str, claude: dict[str, Any], codex: dict[str, Any], expected: tuple[str, str | None, str]
) -> None:
    assert expected == advised(prompt, where, snapshot(claude, codex))


@pytest.mark.parametrize(("content", "rule"), [
    ({}, "no-letter"),
    (snapshot(HOT, COOL, written_at="yesterday"), "no-letter"),
    (snapshot(HOT, COOL, written_at=NOW - 6 * 3600 - 1), "stale-letter"),
    (snapshot(HOT, COOL, written_at=NOW + 301), "future-letter"),
    (snapshot(HOT, COOL, mode="off"), "mode-off"),
    (snapshot(HOT, COOL, mode="whatever"), "mode-off"),
    ({**snapshot(HOT, COOL), "lanes": [1]}, "own-unknown"),
])  # fmt: skip
def test_a_snapshot_that_cannot_be_trusted_silences_the_router(content: dict[str, Any], rule: str) -> None:
    assert ("silent", None, rule) == advised(BROAD, "claude", content)


@pytest.mark.parametrize(("claude", "codex", "other", "word"), [
    (HOT, COOL, {}, "speak"), (COOL, HOT, {}, "speak"), (BURNING, None, {}, "speak"), (COOL, COOL, {}, "quiet"),
    (HOT, HOT, {}, "quiet"), (HOT, COOL, {"mode": "shadow"}, "speak"), (HOT, COOL, {"mode": "off"}, "quiet"),
])  # fmt: skip
def test_a_snapshot_is_quiet_when_no_prompt_could_be_answered(
    claude: dict[str, Any], codex: dict[str, Any] | None, other: dict[str, Any], word: str
) -> None:
    assert word == router_rules.first_word(snapshot(claude, codex, **other), NOW)


facts_of = st.fixed_dictionaries(
    {},
    optional={
        "installed": st.booleans() | st.none(),
        "healthy": st.booleans() | st.none(),
        "verdict": st.sampled_from(["GO", "NUDGE", "SLOW", "STOP", "", None]),
        "slack": st.floats(-200, 100) | st.none() | st.just("12"),
        "window": st.sampled_from(["week", "5h", "week:opus", None]),
        "resets_at": st.floats(NOW - 10, NOW + 1e6) | st.none(),
    },
)


@settings(max_examples=200, deadline=None)
@given(facts_of, facts_of, st.sampled_from(["build", "keep", "held"]))
def test_the_comparator_never_sends_work_in_circles_or_to_a_lane_in_trouble(
    claude: dict[str, Any], codex: dict[str, Any], kind: str
) -> None:
    content = snapshot(claude, codex)
    reading = PromptReading(kind, [], 9)
    advice = {
        where: router_rules.advise(reading, lane=where, snapshot=content, now=NOW) for where in router_rules.NAMES
    }
    assert not (advice["claude"].decision == "handoff" and advice["codex"].decision == "return")
    for where, one in advice.items():
        assert one.rule in router_rules.WHY
        if one.decision in ("handoff", "return"):
            there, here = content["lanes"][one.to], content["lanes"][where]
            assert (True, True, "GO") == (there["installed"], there["healthy"], there["verdict"])
            assert there["slack"] - here["slack"] >= router_rules.MARGIN
            said = router_rules.line_for(one, lane=where, snapshot=content, cwd="/home/someone/project")
            assert 0 < len(said) <= router_rules.LINE
            assert len(router_rules.note_for(one, lane=where, snapshot=content)) <= router_rules.NOTE


# --- what is said -----------------------------------------------------------------------------------------------------


def said(where: str, content: dict[str, Any], cwd: object, **other: Any) -> str:
    advice = router_rules.advise(router_rules.read_prompt(BROAD, content), lane=where, snapshot=content, now=NOW)
    return router_rules.line_for(advice, lane=where, snapshot=content, cwd=cwd, **other)


def test_the_line_names_windows_and_room_and_ends_with_the_ready_command() -> None:
    assert said("claude", snapshot(HOT, COOL), "/srv/app") == (
        "Claude's week would end ≈ 14 points over its cap, Codex's has ≈ 22 points of room at the reset. "
        'Hand it over: codex exec -s workspace-write -C /srv/app "…your task…"'
    )
    assert said("codex", snapshot(lane(window="5h"), HOT), "/srv/it's here") == (
        "Codex's week would end ≈ 14 points over its cap, Claude's 5-hour window has ≈ 20 points of room at the reset. "
        "Send it back: cd '/srv/it'\\''s here' && claude \"…your task…\""
    )
    assert " --skip-git-repo-check " in said("claude", snapshot(HOT, COOL), "/tmp", in_git=False)
    assert said("claude", snapshot(BURNING, None), "/srv").endswith(": /model")


def test_where_governor_can_be_typed_the_offer_is_its_handoff() -> None:
    """In either direction; but judgement is not handed to a run that nobody watches."""
    here = {"handoff": True}
    assert said("claude", snapshot(HOT, COOL, **here), "/srv/app").endswith(
        'Hand it over: governor handoff "…your task…"'
    )
    assert said("codex", snapshot(COOL, HOT, **here), "/srv/app").endswith(
        'Send it back: governor handoff "…your task…"'
    )
    asks = router_rules.read_prompt("Review the architecture of the whole service and find the design flaws", {})
    content = snapshot(COOL, HOT, **here)
    advice = router_rules.advise(asks, lane="codex", snapshot=content, now=NOW)
    assert "judgement-to-claude" == advice.rule
    assert 'claude "…your task…"' in router_rules.line_for(advice, lane="codex", snapshot=content, cwd="/srv/app")


@pytest.mark.parametrize("cwd", [None, 7, "", "/x\x1b[31m", "/x\ny", "/x\0", "/\ud800", "-rf", "/" + "long/" * 80])
def test_a_folder_that_cannot_be_shown_is_left_out(cwd: object) -> None:
    line = said("claude", snapshot(HOT, COOL), cwd)
    assert line.endswith('codex exec -s workspace-write "…your task…"')
    assert len(line) <= router_rules.LINE


def test_the_note_for_the_model_is_a_short_fact() -> None:
    content = snapshot(HOT, COOL)
    advice = router_rules.advise(router_rules.read_prompt(BROAD, content), lane="claude", snapshot=content, now=NOW)
    expected = (
        "Quota note: Claude's week would end ≈ 14 points over its cap, Codex's has ≈ 22 points of room at the reset."
    )
    assert expected == router_rules.note_for(advice, lane="claude", snapshot=content)


# --- governor route ---------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOVERNOR_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("time.time", lambda: NOW)
    return tmp_path / "state"


def leave(home: Path, content: dict[str, Any]) -> None:
    (home / "letters").mkdir(parents=True, exist_ok=True)
    (home / "letters" / "router").write_text("speak\n" + json.dumps(content))


def test_route_explains_with_the_hooks_own_comparator(home: Path) -> None:
    leave(home, snapshot(HOT, COOL))
    shown = json.loads(CliRunner().invoke(route, ["--json", BROAD]).stdout)
    assert ("handoff", "codex", "pressed-and-room") == (shown["decision"], shown["to"], shown["rule"])
    assert ["breadth:all", "verb:rename", "verb:update"] == shown["signals"]
    assert (-14.0, 22.0) == (shown["lanes"]["claude"]["slack"], shown["lanes"]["codex"]["slack"])
    assert "governor.route/1" == shown["schema"]
    text = CliRunner().invoke(route, ["--lane", "codex"], input=BROAD).stdout
    assert text.startswith("silent  (own-has-room)")
    assert "week: would pass its cap by 14 points at the reset (estimate)" in text
    assert "week: 22 points of room at the reset (estimate)" in text
    assert "even pace" not in text, "that is another question, which forecast answers"
    assert not (home / "spool").exists()


def test_route_without_a_snapshot_looks_for_itself(home: Path) -> None:
    """Before the first refresh, and where no hook rings for any, the answer is the same as after one."""
    result = CliRunner().invoke(route, [BROAD])
    assert "silent  (own-has-room)" in result.stdout
    assert "next: governor decisions" in result.stdout
    assert not (home / "letters" / "router").exists(), "asking writes nothing for the hooks"
    assert isinstance(CliRunner().invoke(route, [], input=" \n").exception, BadInputError)


# --- governor decisions ---


def test_whatever_was_held_or_said_is_listed_with_its_hook_and_rule(home: Path) -> None:
    """Records of older governors too, in which pacing left its decision out and the breaker was the budget's."""
    rows = [
        {"hook": "pacing", "said": "wall"},
        {"hook": "pacing", "said": "pace"},
        {"hook": "pacing", "decision": "hold", "rule": "week:wall-95", "said": "wall"},
        {"hook": "budget", "decision": "stop", "rule": "breaker", "tool": "mcp__x"},
        {"hook": "memory_compactor", "rule": "memory", "moved": 3},
    ]
    (home / "spool").mkdir(parents=True)
    lines = "".join(json.dumps({"at": NOW - 60 + n, "lane": "claude", **row}) + "\n" for n, row in enumerate(rows))
    (home / "spool" / "decisions.jsonl").write_text(lines)

    said = CliRunner().invoke(decisions, []).stdout

    for line in ("1  pacing: hold", "1  pacing: hold (week:wall-95)", "1  pacing: warn", "1  loop: held (breaker)"):
        assert f"    {line}\n" in said
    assert "loop     held            breaker, mcp__x" in said
    assert "None" not in said
    assert "Router in the last 7 days:" in said


# --- was it followed? -------------------------------------------------------------------------------------------------


def offer(at: float, project: str = "/srv/app", **other: Any) -> dict[str, Any]:
    row = {"hook": "router", "lane": "claude", "decision": "handoff", "to": "codex", "rule": "pressed-and-room"}
    return {"at": at, **row, "said": True, "mode": "advise", "project": project, "signals": ["verb:rename"], **other}


@pytest.mark.parametrize(("activity", "outcome"), [
    ([("codex", 600.0, "/srv/app")], "followed"),
    ([("codex", 600.0, "/srv/app/")], "followed"),
    ([("codex", 1800.0, "/srv/app"), ("codex", 60.0, "/srv/app")], "followed"),
    ([("codex", 1801.0, "/srv/app")], "ignored"),
    ([("codex", 600.0, "/srv/else")], "ignored"),
    ([("claude", 600.0, "/srv/app")], "ignored"),
    ([], "ignored"),
    ([("codex", -60.0, "/srv/app"), ("codex", 600.0, "/srv/app")], "already"),
    ([("codex", -1801.0, "/srv/app"), ("codex", 600.0, "/srv/app")], "followed"),
])  # fmt: skip
def test_an_offer_is_followed_when_work_appears_there_soon(
    activity: list[tuple[str, float, str]], outcome: str
) -> None:
    moved = [(where, NOW + at, project) for where, at, project in activity]
    result = follow_through([offer(NOW)], moved, now=NOW + 9999)
    assert (1, 1) == (result.offers, getattr(result, outcome))


def test_offers_still_open_and_offers_nowhere_are_not_counted_as_followed() -> None:
    work = [("codex", NOW + 5, "")]
    assert FollowThrough(1, 0, 0, 0, 1) == follow_through([offer(NOW)], work, now=NOW + 10)
    assert FollowThrough(1, 0, 1, 0, 0) == follow_through([offer(NOW, project="")], work, now=NOW + 9999)
    assert FollowThrough(0, 0, 0, 0, 0).rate is None
    assert 0.25 == FollowThrough(5, 1, 3, 1, 0).rate


def test_decisions_are_counted_by_kind_and_only_spoken_offers_are_judged() -> None:
    rows = [
        offer(NOW),
        offer(NOW + 60, said=False),  # the same advice again: held back
        offer(NOW + 90, said=False, mode="shadow", project="/srv/b"),
        offer(NOW + 95, decision="keep", to="claude", rule="judgement-stays", said=False),
        {"at": NOW + 99, "hook": "pacing", "lane": "claude", "decision": "warn"},
    ]
    work = [("codex", NOW + 300, "/srv/app")]
    shown = summary(rows, work, since=NOW - 9, now=NOW + 9999, top=2)
    assert {"handoff": 3, "return": 0, "local": 0, "keep": 1, "silent": 0} == shown["router"]
    assert (1, 1, 1.0) == tuple(shown["follow_through"][key] for key in ("offers", "followed", "rate"))
    assert (1, 0, 0.0) == tuple(shown["shadow"][key] for key in ("offers", "followed", "rate"))
    assert [{"hook": "pacing", "decision": "warn", "count": 1}] == shown["hooks"]
    assert [{"hook": "pacing", "decision": "warn", "rule": None, "count": 1}] == shown["hook_rules"]
    assert ["pacing", "router"] == [row["hook"] for row in shown["latest"]]
