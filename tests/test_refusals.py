"""A refusal of the plan is a reading: what it names, until when it counts, what ends it, and who says so."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import (
    NOW,
    START_MS,
    answer,
    counted,
    event,
    jsonl,
    meta,
    read,
    recorded,
    rollout,
    tokens,
    transcript,
    turn,
)
from writing import usage as spent

from governor import paths
from governor.cli import main
from governor.hooks import runtime
from governor.hooks.pacing import rules as pacing_rules
from governor.hooks.router import rules as router_rules
from governor.hooks.statusline import rules as statusline_rules
from governor.model import LimitReading
from governor.pipeline import ingest
from governor.quota import stated_refusal
from governor.quota.refusals import SAME_EVENT_S, UNSTATED_S, Refusal, in_force, placed, sentence
from governor.quota.stated_refusal import by_fields, by_words

AT = NOW - 120
DAY = 86_400
FABLE = "claude-fable-5-1"
OPUS = "claude-opus-5-5"


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# ---- what is stated --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "window", "resets_at"),
    [
        ("You've hit your limit · resets 10pm (America/New_York)", "any", "2026-11-22T03:00"),
        ("You've hit your 5-hour limit · resets 2:22pm (UTC)", "5h", "2026-11-21T14:22"),
        ("You've hit your session limit · resets 5:30pm (Asia/Kolkata)", "5h", None),  # 12:00 UTC, this very minute
        ("You've hit your session limit · resets 11pm (UTC)", "5h", None),  # no session lasts that long
        ("5-hour limit reached ∙ resets 3pm (UTC)\n /upgrade to increase your usage limit", "5h", "2026-11-21T15:00"),
        ("You've hit your weekly limit · resets Nov 27, 9:42pm (UTC) · progress saved", "week", "2026-11-27T21:42"),
        ("Weekly limit reached ∙ resets Nov 24, 3pm (UTC)", "week", "2026-11-24T15:00"),
        ("You've hit your Opus limit · resets Nov 25, 9am (UTC)", "week:opus", "2026-11-25T09:00"),
        ("Opus weekly limit reached ∙ resets Nov 26 at 5pm (UTC)", "week:opus", "2026-11-26T17:00"),
        ("You've hit your Opus 4 limit · resets Nov 26 at 5pm (UTC)", "week:opus", "2026-11-26T17:00"),
        ("You've hit your Fable limit · resets Nov 25, 9am (Europe/Berlin). /model to switch models.", "week:fable",
         "2026-11-25T08:00"),
        ("You've hit your usage limit", "any", None),
        ("You have hit your limit", "any", None),
        ("Claude AI usage limit reached|1795269600", "any", "2026-11-21T14:00"),
        ("Claude usage limit reached. Your limit will reset at 3pm (UTC).", "any", "2026-11-21T15:00"),
        ("You're out of usage credits · resets Nov 25, 9am (UTC)", "any", "2026-11-25T09:00"),
        ("You've hit your monthly spend limit · raise it · your weekly limit resets Nov 25, 9am (UTC)", "week",
         "2026-11-25T09:00"),
        ("You've hit your limit · resets 10pm (Mars/Olympus)", "any", None),
        ("You’ve hit your usage limit. Visit https://chatgpt.com/x, or try again at Dec 2nd, 2026 3:41 PM.", "any",
         "2026-12-02T15:41"),
        ("You've hit your usage limit. Upgrade to Plus, or try again in 3 days 4 hours 5 minutes.", "any",
         "2026-11-24T16:05"),
        ("You've hit your usage limit for GPT-5.3-Codex-Spark. Switch to another model now, or try again at 3:41 PM.",
         "any:gpt-5.3-codex-spark", "2026-11-21T15:41"),
        ("You’ve hit your usage limit. Try again later.", "any", None),
    ],
)  # fmt: skip
def test_words_name_a_window_and_a_reset(
    zone: Callable[[str], None], words: str, window: str, resets_at: str | None
) -> None:
    zone("UTC")
    stated = by_words(words, now=NOW)
    assert stated is not None
    expected = None if resets_at is None else moment(resets_at)
    if "5:30pm (Asia/Kolkata)" in words:
        expected = NOW + 60  # the minute that is named ends then
    assert (window, expected) == (stated.window, stated.resets_at)


@pytest.mark.parametrize(
    "words",
    [
        "API Error: Server is temporarily limiting requests (not your usage limit) · Rate limited",
        "API Error: Request rejected (429) · this may be a temporary capacity issue.",
    ],
)
def test_a_service_that_is_short_of_capacity_is_no_plan_that_refuses(words: str) -> None:
    assert by_words(words, now=NOW) is None
    line = answer(model="<synthetic>", error="rate_limit", isApiErrorMessage=True, apiErrorStatus=429)
    line["message"]["content"] = [{"type": "text", "text": words}]
    assert [] == read(transcript(line)).limits


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"rateLimitType": "five_hour", "resetsAt": NOW + 900}, ("5h", NOW + 900)),
        ({"rateLimitType": "seven_day", "resetsAt": NOW + DAY}, ("week", NOW + DAY)),
        ({"rateLimitType": "seven_day_opus", "resetsAt": NOW + DAY}, ("week:opus", NOW + DAY)),
        ({"rateLimitType": "seven_day_overage_included", "resetsAt": NOW + DAY}, ("week:fable", NOW + DAY)),
        ({"rateLimitType": "overage", "resetsAt": NOW + DAY}, ("any", NOW + DAY)),
        ({"resetsAt": NOW + DAY}, ("any", NOW + DAY)),
        ({"rateLimitType": "seven_day", "resetsAt": "soon"}, ("week", None)),
        ({"rateLimitType": "seven_day", "resetsAt": NOW - DAY}, ("week", None)),
        ({"rateLimitType": "seven_day", "resetsAt": NOW + DAY, "isUsingOverage": True}, None),
        ({"rateLimitType": "seven_day", "resetsAt": NOW + DAY, "overageStatus": "allowed"}, None),
        ({"status": "allowed", "rateLimitType": "seven_day", "resetsAt": NOW + DAY}, None),
        (
            {
                "rateLimitType": "seven_day",
                "resetsAt": NOW + DAY,
                "overageStatus": "rejected",
                "overageResetsAt": NOW + 9,
            },
            ("week", NOW + 9),
        ),
    ],
)
def test_fields_outrank_words_and_credits_that_answer_are_no_end(
    info: dict[str, Any], expected: tuple[str, int | None] | None
) -> None:
    record = {"status": "rejected", **info}
    stated = by_fields(record, now=NOW)
    assert expected == (None if stated is None else (stated.window, stated.resets_at))
    line = refusal("You've hit your Sonnet limit", at=NOW, quotaLimits=record)
    assert ([] if expected is None else [expected]) == [(r.window, r.resets_at) for r in read(transcript(line)).limits]


def refusal(words: str, *, at: int = AT, **more: Any) -> dict[str, Any]:
    """What Claude Code writes when the plan refuses."""
    nothing = spent(input=0, output=0)
    mark = {"error": "rate_limit", "isApiErrorMessage": True, "apiErrorStatus": 429}
    line = answer(f"{at}", at_ms=at * 1000, request="req_9", model="<synthetic>", spent=nothing, **mark, **more)
    line["message"]["content"] = [{"type": "text", "text": words}]
    return line


def test_an_unknown_window_keeps_the_model_that_was_refused_in_whatever_pieces_it_is_read() -> None:
    first, second = answer(model=OPUS), refusal("You've hit your limit")
    whole = read(transcript(first, second)).limits
    path = transcript(first)
    begun = read(path)
    path.write_bytes(jsonl(first, second))
    assert [f"any:{OPUS}"] == [r.window for r in whole]
    assert whole == read(path, begun.cursor).limits


@pytest.mark.parametrize(
    ("full", "words", "expected"),
    [
        ((120.0, 3.0), "or try again later.", ("5h", NOW + 3600)),
        ((12.0, 100.0), "or try again at Nov 23rd, 2026 12:00 PM.", ("week", NOW + 2 * DAY)),
        ((12.0, 30.0), "or try again in 2 hours.", ("any:gpt-6-sol", AT + 7200)),
        ((12.0, 30.0), "or try again later.", ("any:gpt-6-sol", None)),
    ],
)
def test_codex_says_in_its_rollout_that_it_was_refused(
    zone: Callable[[str], None], full: tuple[float, float], words: str, expected: tuple[str, int | None]
) -> None:
    """As 0.171 writes it: the turn's end carries the error, a token count before it the full window."""
    zone("UTC")
    limits = {
        "primary": {"used_percent": full[0], "window_minutes": 300, "resets_at": NOW + 3600},
        "secondary": {"used_percent": full[1], "window_minutes": 10080, "resets_at": NOW + 2 * DAY},
    }
    error = {"message": f"You’ve hit your usage limit. {words}", "codex_error_info": "usage_limit_exceeded"}
    end = event("event_msg", {"type": "task_complete", "last_agent_message": None, "error": error}, at_ms=AT * 1000)
    heard = read(rollout(meta(), turn(), counted(None, limits=limits, at_ms=AT * 1000), end)).limits
    assert [expected] == [(r.window, r.resets_at) for r in heard if r.source == "refused"]


# ---- which still hold ------------------------------------------------------------------------------------------------

WINDOWS = ("5h", "week", "week:opus", "week:fable", "any", f"any:{OPUS}", f"any:{FABLE}")
HEARD = st.builds(
    lambda window, at, ahead: LimitReading(
        "claude", window, 100.0, None if ahead is None else at + ahead, at, "refused"
    ),
    st.sampled_from(WINDOWS),
    st.integers(NOW - 9000, NOW),
    st.none() | st.integers(1, 12_000),
)
ANSWERED = st.dictionaries(st.sampled_from((OPUS, FABLE, "claude-haiku-5-5")), st.integers(NOW - 9000, NOW))


@given(st.lists(HEARD, max_size=8), ANSWERED)
def test_a_refusal_holds_until_its_reset_or_for_an_hour_and_an_answer_of_its_own_ends_it(
    heard: list[LimitReading], answered: dict[str, int]
) -> None:
    holding = in_force(heard, answered, now=NOW)
    by_name = {each.window or (f"any:{each.model}" if each.model else "any"): each for each in holding}
    assert len(by_name) == len(holding)
    for window in WINDOWS:
        last = max((r.observed_at for r in heard if r.window == window), default=None)
        family = window.partition(":")[2]
        ended = [at for model, at in answered.items() if family.lower() in model]
        each = by_name.get(window)
        if last is None or any(at > last for at in ended):
            assert each is None, "nobody refused it, or it has answered since"
            continue
        mine = [r for r in heard if r.window == window and not any(at > r.observed_at for at in ended)]
        stated = [r.resets_at for r in mine if r.resets_at is not None and r.resets_at > last]
        if each is not None:
            assert each.at == last
            assert NOW < each.until
            assert each.until in stated if each.is_stated else each.until == last + UNSTATED_S
            assert each.is_stated or not stated or mine[-1].resets_at is None
        elif not window.startswith("any"):
            assert not any(at > NOW for at in stated[-1:]) or len(mine) > 1
            assert stated or last + UNSTATED_S <= NOW
    for first, other in itertools.permutations(holding, 2):
        if first.window is None and other.window is not None:
            assert abs(first.at - other.at) > SAME_EVENT_S, "one event is told once, by whoever knows most"


@given(st.lists(HEARD, max_size=6, unique_by=lambda r: (r.window, r.observed_at)), ANSWERED, st.randoms())
def test_the_order_in_which_refusals_are_heard_does_not_matter(
    heard: list[LimitReading], answered: dict[str, int], random: Any
) -> None:
    shuffled = list(heard)
    random.shuffle(shuffled)
    assert in_force(heard, answered, now=NOW) == in_force(shuffled, answered, now=NOW)


def test_an_unknown_window_is_the_five_hours_whose_reset_it_states_and_the_week_only_where_the_meter_agrees() -> None:
    told = Refusal("claude", None, "", AT, NOW + 3600, is_stated=True)
    assert "5h" == placed(told, {"5h": NOW + 3650, "week": NOW + DAY}, [])
    assert placed(told, {"5h": NOW + 5000, "week": NOW + 3600}, []) is None
    assert "week" == placed(told, {"5h": NOW + 5000, "week": NOW + 3600}, ["week"])
    assert placed(told._replace(is_stated=False), {"5h": NOW + 3600}, ["5h"]) is None


def test_a_sentence_says_when_and_until_when(zone: Callable[[str], None]) -> None:
    zone("UTC")
    told = Refusal("claude", "week", "", AT, NOW + 3600, is_stated=True)
    assert "the plan refused at 11:58; resets 13:00" == sentence(told, now=NOW)
    unknown = Refusal("claude", None, OPUS, AT, NOW + 3600, is_stated=False)
    assert (
        f"the plan refused at 11:58; no reset was stated, counts until 13:00; of which window is not known ({OPUS})"
        == sentence(unknown, now=NOW)
    )


# ---- who says so -----------------------------------------------------------------------------------------------------


class Said:
    def __init__(self, code: int, out: str) -> None:
        self.code = code
        self.out = out

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Governor = Callable[..., Said]


@pytest.fixture
def governor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, zone: Callable[[str], None]
) -> Governor:
    monkeypatch.setattr(ingest, "now_s", lambda: NOW)
    zone("UTC")

    def call(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        return Said(main(list(arguments)), capsys.readouterr().out)

    return call


def official(window: str, percent: float, *, resets_in: int, lane: str = "claude") -> None:
    record = {"lane": lane, "window": window, "used_percent": percent, "resets_at": NOW + resets_in}
    line = json.dumps({**record, "observed_at": NOW - 5, "source": "statusline"})
    runtime.append(str(paths.claim_home()), "limits.jsonl", line.encode())


def work() -> list[dict[str, Any]]:
    return [answer("msg_1", model=OPUS, at_ms=START_MS)]


def snapshot(name: str) -> dict[str, Any]:
    return runtime.read_snapshot(str(paths.home()), name)[1]


STATES = [
    # what was said, gate's code, gate's code for that window, the window that shows it, its verdict
    ("You've hit your limit", 10, None, None, "SLOW"),
    ("You've hit your limit · resets 10pm (America/New_York)", 10, None, None, "SLOW"),
    ("You've hit your limit · resets 2pm (UTC)", 20, "5h", "5h", "STOP"),  # the five hours' own reset
    ("You've hit your session limit · resets 2pm (UTC)", 20, "5h", "5h", "STOP"),
    ("You've hit your weekly limit", 20, "week", "week", "STOP"),
    ("You've hit your Fable limit · resets Nov 24, 9am (UTC)", 10, "week:fable", "week:fable", "STOP"),
]


@pytest.mark.parametrize(("words", "code", "named", "window", "verdict"), STATES)
def test_a_refusal_is_known_shown_and_paces(
    governor: Governor, words: str, code: int, named: str | None, window: str | None, verdict: str
) -> None:
    """The official figures came after it, and are low: they say nothing against it."""
    transcript(*work(), refusal(words))
    official("5h", 9, resets_in=7200)
    official("week", 32, resets_in=3 * DAY)

    shown, ruled = governor("status"), governor("gate")
    assert "the plan refused at 11:58" in " ".join(shown.out.split())
    assert code == ruled.code
    assert "refused" in ruled.out
    if named:
        assert 20 == governor("gate", "--window", named).code
    (lane,) = [lane for lane in governor("status", "--json").json["lanes"] if lane["lane"] == "claude"]
    by_name = {each["window"]: each for each in lane["windows"]}
    if window is None:
        (told,) = lane["refusals"]
    else:
        told = by_name[window]["refusal"]
        assert (verdict, "refused") == (by_name[window]["verdict"], by_name[window]["reasons"][0]["rule"])
        assert [] == lane["refusals"]
    assert "2026-11-21T11:58:00Z" == told["at"]
    assert ("resets" in words) == told["is_stated"]


@pytest.mark.parametrize(("words", "code", "named", "window", "verdict"), STATES)
def test_a_later_answer_of_what_was_refused_ends_it(
    governor: Governor, words: str, code: int, named: str | None, window: str | None, verdict: str
) -> None:
    model = FABLE if "Fable" in words else OPUS
    after = answer("msg_2", request="req_2", model=model, at_ms=(AT + 60) * 1000)
    transcript(*work(), refusal(words), after)
    official("5h", 9, resets_in=7200)
    assert 0 == governor("gate").code
    assert "refused" not in governor("status").out


def test_another_models_answer_does_not_end_a_models_own_refusal(governor: Governor) -> None:
    after = answer("msg_2", request="req_2", model=OPUS, at_ms=(AT + 60) * 1000)
    transcript(*work(), refusal("You've hit your Fable limit"), after)
    official("week", 9, resets_in=7200)
    assert 10 == governor("gate").code


@pytest.mark.parametrize(("words", "holds"), [("You've hit your limit", False), ("You've hit your weekly limit", True)])
def test_the_next_prompt_is_told_once_and_held_at_most_once(governor: Governor, words: str, holds: bool) -> None:
    transcript(*work(), refusal(words))
    official("week", 100, resets_in=3 * DAY)
    governor("refresh")
    seen: set[str] = set()
    said = []
    prompt = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "source": "user", "prompt": "go on"}
    for _ in range(5):
        advice = pacing_rules.decide(
            prompt,
            snapshot("pacing"),
            lane="claude",
            now=NOW,
            seen=seen.__contains__,
            go_on=lambda: "Press Enter",
            is_watched=lambda: True,
        )
        if advice is None:
            break
        seen.update({advice.once, advice.also} - {""})
        said.append(advice)
    assert "the plan refused at 11:58" in " ".join(f"{each.block} {each.person}" for each in said)
    assert 1 == len([each for each in said if each.block]), "the meter's own wall and the refusal are one episode"
    assert len({each.once for each in said}) == len(said)
    assert advice is None, "and then it is quiet"


def test_the_router_offers_the_other_lane_where_this_one_is_refused(governor: Governor) -> None:
    transcript(*work(), refusal("You've hit your weekly limit"))
    one = tokens(1000, output=50)
    limits = {"primary": {"used_percent": 12.0, "window_minutes": 10080, "resets_at": NOW + DAY}, "secondary": None}
    rollout(meta(), turn(), recorded("resp_1", one), counted(one, limits=limits))
    governor("refresh")
    reading = router_rules.read_prompt("rename Foo to Bar in all modules of the package and update every test", {})
    advice = router_rules.advise(reading, lane="claude", snapshot=snapshot("router"), now=NOW)
    assert ("handoff", "codex", "own-refused") == (advice.decision, advice.to, advice.rule)
    assert "the plan refused at 11:58" in router_rules.line_for(
        advice, lane="claude", snapshot=snapshot("router"), cwd="/w"
    )
    back = router_rules.advise(reading, lane="codex", snapshot=snapshot("router"), now=NOW)
    assert back.decision != "return", "the lane that was refused is offered to nobody"


def test_the_status_line_has_a_sign_for_what_it_has_no_figure_of(governor: Governor) -> None:
    transcript(*work(), refusal("You've hit your Fable limit"))
    governor("refresh")
    event = {"rate_limits": {"seven_day": {"used_percentage": 32, "resets_at": NOW + DAY}}}
    line = statusline_rules.line(event, snapshot("pacing"), now=NOW, colour=False)
    assert "week:fable refused ■" in line
    assert "refused" not in statusline_rules.line(event, snapshot("pacing"), now=NOW + UNSTATED_S + 1, colour=False)


def test_no_word_of_a_refusal_is_kept(governor: Governor) -> None:
    transcript(*work(), refusal("You've hit your zanzibar limit xyzzy · resets 2pm (UTC)"))
    governor("refresh")
    kept = b"".join(path.read_bytes() for path in paths.home().rglob("*") if path.is_file())
    assert b"xyzzy" not in kept


def test_a_refusal_can_be_withdrawn(governor: Governor) -> None:
    transcript(*work(), refusal("You've hit your weekly limit"))
    official("week", 9, resets_in=7200)
    (told,) = [one for one in governor("calibrate", "--list", "--json").json["anchors"] if one["source"] == "refused"]
    assert 20 == governor("gate").code
    governor("calibrate", "--forget", str(told["id"]))
    assert 0 == governor("gate").code


def test_a_refusal_is_no_anchor_of_the_scale(governor: Governor) -> None:
    transcript(*work(), refusal("You've hit your weekly limit · resets Nov 24, 12pm (UTC)"))
    official("week", 9, resets_in=3 * DAY)
    (lane,) = [lane for lane in governor("status", "--json").json["lanes"] if lane["lane"] == "claude"]
    (week,) = [each for each in lane["windows"] if each["window"] == "week"]
    assert (9.0, 1) == (week["official"]["used_percent"], week["calibration"]["anchors"])


def test_the_stated_source_is_the_ledgers() -> None:
    assert "refused" == stated_refusal.SOURCE
