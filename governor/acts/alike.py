"""What the loop guard does with an event: note it, ask the pure rules, and answer. Standard library only.

Loaded only when there is something to say or to decide; what an ordinary call needs is in ``loops``.
"""

from __future__ import annotations

from governor import hook, wire
from governor.acts import loops
from governor.guards import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.guards.breaker import Outcome
    from governor.guards.calls import Batch


# ---- calls -----------------------------------------------------------------------------------------------------------


def after_calls(
    event: dict[str, Any], door: hook.Door, letter: dict[str, Any], batch: Batch | None
) -> hook.Reply | None:
    """Failures and successes first, then whether the calls repeat. One answer at a time."""
    if batch is None:
        batch = calls.parsed(event, wire.compact)
        record = loops.name(batch.session, batch.agent)
        if not record:
            return None
        batch.traces = loops.remember(door.home, record, batch.calls)
    return _results(event, door, letter, batch) or _repeats(door, letter, batch)


def _repeats(door: hook.Door, letter: dict[str, Any], batch: Batch) -> hook.Reply | None:
    from governor.guards import loop

    record = loops.name(batch.session, batch.agent)
    count, like = calls.most_alike(batch.traces)
    least = _whole(letter, "alike", loops.ALIKE)
    if not calls.is_loop(batch.traces, least):
        loops.calm(door.home, record, before=door.now)
        return None
    looked_at = min(len(batch.traces), calls.LAST)
    if like is None or count < least:  # two calls by turns
        count, like = calls.by_turns(batch.traces), batch.traces[-1]
        looked_at = count
    alternates = looked_at > calls.LAST
    tool = next((call.tool for call in batch.calls if calls.are_alike(call.trace, like)), b"")
    name, session = _key(tool) if tool else "", loops.name(batch.session)
    said = {"rule": "stuck", "tool": name, "count": count, "session": session}
    if loops.first_to_tell(door.home, record):
        person, model = loop.alternating(count) if alternates else loop.stuck(name, count, looked_at)
        return _told(letter, person, model, {"decision": "told", **said})
    run = count if alternates else calls.in_a_row(batch.traces, like)
    if letter.get("action") != "stop" or run < loops.KEPT or not name:
        return None
    from governor.acts import breakers

    rests = _whole(letter, "open_for", 60)
    if not hook.claim(door.home, f"stuck:{record}:{name}:{int(door.now // rests)}"):
        return None
    breakers.open_(door.home, session, name, now=door.now, open_for=rests, stuck=True)
    person, model = loop.held(name, run, rests)
    return _told(letter, person, model, {**said, "decision": "opened", "count": run})


def _results(event: dict[str, Any], door: hook.Door, letter: dict[str, Any], batch: Batch) -> hook.Reply | None:
    """Which tools failed, which work again."""
    from governor.acts import breakers

    session = loops.name(batch.session)
    known = breakers.known(door.home, session)
    standing = breakers.standing(door.home, session)
    at_ms = int(door.now * 1000)
    outcomes = breakers.successes(batch.calls, known, at_ms=at_ms)
    failed: dict[str, float | None] = {}
    seen = {one.id for one in known}
    answers = _answers(event)
    for call in batch.calls:
        if call.state == "failed" and _key(call.id) not in seen:
            text = answers.get(call.id.decode("utf-8", "replace"), "")
            outcome, failed[_key(call.tool)] = _outcome(call, text, at_ms)
            outcomes.append(outcome)
    if outcomes:
        known = breakers.note(door.home, session, outcomes)
    for tool in failed:
        reply = _judge(door, letter, session, known, tool, failed[tool])
        if reply is not None:
            return reply
    bad = {one.id for one in known if one.kind}
    for call in batch.calls:
        tool = _key(call.tool)
        works = call.state == "ok" and _key(call.id) not in bad
        if works and tool in standing and breakers.is_over(standing[tool], door.now):
            breakers.close(door.home, session, tool)
            hook.append(
                door.home, "decisions.jsonl", _line(door, {"decision": "closed", "tool": tool, "session": session})
            )
            standing.pop(tool)
    return None


def _answers(event: dict[str, Any]) -> dict[str, str]:
    """Text of every answer by the call's id."""
    found = event.get("tool_calls")
    each = found if isinstance(found, list) else [event]
    answers = {}
    for call in each:
        if isinstance(call, dict):
            answer = call.get("tool_response")
            answers[str(call.get("tool_use_id"))] = answer if isinstance(answer, str) else wire.compact(answer).decode()
    return answers


# ---- failures --------------------------------------------------------------------------------------------------------


def after_failure(event: dict[str, Any], door: hook.Door, letter: dict[str, Any]) -> hook.Reply | None:
    """One call failed. What the person interrupted is no failure."""
    from governor.acts import breakers

    (call, *_) = calls.parsed(event, wire.compact).calls or (None,)
    session = loops.name(str(event.get("session_id") or ""))
    if call is None or not session or event.get("is_interrupt") is True:
        return None
    outcome, wait_s = _outcome(call, event.get("error"), int(door.now * 1000))
    known = breakers.note(door.home, session, [outcome])
    return _judge(door, letter, session, known, outcome.tool, wait_s)


def _outcome(call: calls.Call, error: object, at_ms: int) -> tuple[Outcome, float | None]:
    from governor.guards import breaker, failures

    shell = call.tool in calls.SHELLS
    found = failures.of_tool(error, shell=shell)
    kind = found.kind
    if kind == "unknown":
        words = calls.plain(error.encode("utf-8", "replace")) if isinstance(error, str) else b""
        kind = breaker.PLAIN_SHELL if shell else f"w{calls.fingerprint(words, 2**31 - 1):08x}"
    like = f"{call.mark:016x}"
    return breaker.Outcome(at_ms, _key(call.tool), kind, like, _key(call.id) if call.id else ""), found.wait_s


def _judge(
    door: hook.Door, letter: dict[str, Any], session: str, known: list[Outcome], tool: str, wait_s: float | None
) -> hook.Reply | None:
    """Open a breaker, open it again, name a storm, or say nothing."""
    from governor.acts import breakers
    from governor.guards import breaker

    rests, row = _whole(letter, "open_for", 60), breaker.row(known, tool)
    if not row:
        return None
    stops = letter.get("action") == "stop"
    alike, storm = breaker.run_of(row), breaker.storm_of(row)
    kind = row[-1].kind if row[-1].kind in breaker.ADVICE else "alike"
    said = {"rule": kind, "tool": tool, "count": len(alike), "session": session}
    held = breakers.standing(door.home, session).get(tool)
    if held is not None:
        if breakers.is_within(held, door.now) or not hook.claim(door.home, f"again:{session}:{tool}:{held[0]:.3f}"):
            return None
    elif len(alike) >= _whole(letter, "failures", 5):
        if not hook.claim(door.home, f"open:{session}:{tool}:{alike[0].at_ms}"):
            return None
    elif len(storm) >= breaker.STORM and hook.claim(door.home, f"storm:{session}:{tool}:{storm[0].at_ms}"):
        model = breaker.advice(tool, storm[-1].kind, len(storm), wait_s)
        return _told(letter, "", model, {**said, "decision": "told", "rule": f"storm-{kind}", "count": len(storm)})
    else:
        return None
    breakers.open_(door.home, session, tool, now=door.now, open_for=rests)
    person, model = breaker.opened(tool, len(alike), rests, stops=stops)
    return _told(letter, person, model, {**said, "decision": "opened"})


def after_refusal(event: dict[str, Any], door: hook.Door) -> hook.Reply:
    """A turn ended with an error of the service. The client takes no answer here, so it is only recorded."""
    from governor.guards import failures

    found = failures.of_event(event, now=door.now)
    session = loops.name(str(event.get("session_id") or ""))
    said = {"decision": "refused", "rule": found.kind, "do": found.do, "by": found.by, "session": session}
    return hook.Reply(record=said if found.wait_s is None else {**said, "wait_s": round(found.wait_s)})


def keep_refusal(event: dict[str, Any], door: hook.Door) -> None:
    """A refusal of the plan is a reading, and the next prompt is to hear of it: so a refresh is due at once.

    Raises: OSError where the state folder cannot be written.
    """
    import os

    from governor import stated_refusal
    from governor.guards import failures

    if failures.of_event(event, now=door.now).kind != "rate_limit":
        return
    stated = stated_refusal.of_record(event, now=int(door.now))
    if stated is None:
        return
    hook.append(door.home, "limits.jsonl", wire.dumps(stated.reading(door.lane, at=int(door.now))))
    try:
        os.unlink(os.path.join(door.home, "letters", ".rung"))
    except OSError:
        pass  # nothing was rung for lately


# ---- turns -----------------------------------------------------------------------------------------------------------


def after_turn(event: dict[str, Any], door: hook.Door, letter: dict[str, Any]) -> hook.Reply | None:
    """The price of going on, when it is news."""
    from governor.guards import loop

    session = str(event.get("session_id") or "")
    record = loops.name(session)
    if not record:
        return None
    if event.get("stop_hook_active") is not True:
        loops.forget(door.home, record)
    for advice in loop.at_stop(event, letter, session=session, now=door.now):
        before = loops.noted(door.home, record, advice.what)
        if loop.is_news(advice, before) and hook.claim(door.home, f"{advice.what}:{record}:{before or 'first'}"):
            loops.note(door.home, record, advice.what, repr(advice.price))
            return _told(letter, advice.person, "", {"decision": "told", **advice.record, "session": record})
    return None


# ---- answering -------------------------------------------------------------------------------------------------------


def _told(letter: dict[str, Any], person: str, model: str, record: dict[str, Any]) -> hook.Reply:
    if letter.get("action") == "observe":
        return hook.Reply(record={**record, "said": False})
    return hook.Reply(person=person, model=model, record={**record, "said": True})


def _line(door: hook.Door, record: dict[str, Any]) -> bytes:
    return wire.compact({"at": round(door.now, 3), "hook": door.name, "lane": door.lane, **record})


def _key(name: bytes) -> str:
    from governor.acts import breakers

    return breakers.key(name)


def _whole(letter: dict[str, Any], name: str, otherwise: int) -> int:
    value = letter.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise
