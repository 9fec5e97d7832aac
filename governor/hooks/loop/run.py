"""What the loop guard does with an event: note it, ask the pure rules, and answer. Standard library only.

Loaded only when there is something to say or to decide; what an ordinary call needs is in ``call_log``.
"""

from __future__ import annotations

from governor.hooks import fast_json, runtime
from governor.hooks.loop import fingerprints
from governor.hooks.state import call_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.hooks.loop.breaker import CallOutcome
    from governor.hooks.loop.fingerprints import Batch


# ---- calls -----------------------------------------------------------------------------------------------------------


def after_calls(
    event: dict[str, Any], ctx: runtime.HookContext, snapshot: dict[str, Any], batch: Batch | None
) -> runtime.Reply | None:
    """Failures and successes first, then whether the calls repeat. One answer at a time."""
    if batch is None:
        batch = fingerprints.parsed(event, fast_json.compact)
        record = call_log.name(batch.session, batch.agent)
        if not record:
            return None
        batch.traces = call_log.remember(ctx.home, record, batch.calls)
    return _results(event, ctx, snapshot, batch) or _repeats(ctx, snapshot, batch)


def _repeats(ctx: runtime.HookContext, snapshot: dict[str, Any], batch: Batch) -> runtime.Reply | None:
    from governor.hooks.loop import rules as loop_rules

    record = call_log.name(batch.session, batch.agent)
    count, like = fingerprints.most_alike(batch.traces)
    least = _whole(snapshot, "alike", call_log.ALIKE)
    if not fingerprints.is_loop(batch.traces, least):
        call_log.calm(ctx.home, record, before=ctx.now)
        return None
    looked_at = min(len(batch.traces), fingerprints.LAST)
    if like is None or count < least:  # two calls by turns
        count, like = fingerprints.by_turns(batch.traces), batch.traces[-1]
        looked_at = count
    alternates = looked_at > fingerprints.LAST
    tool = next((call.tool for call in batch.calls if fingerprints.are_alike(call.trace, like)), b"")
    name, session = _key(tool) if tool else "", call_log.name(batch.session)
    said = {"rule": "stuck", "tool": name, "count": count, "session": session}
    if call_log.first_to_tell(ctx.home, record):
        person, model = loop_rules.alternating(count) if alternates else loop_rules.stuck(name, count, looked_at)
        return _told(snapshot, person, model, {"decision": "told", **said})
    run = count if alternates else fingerprints.in_a_row(batch.traces, like)
    if snapshot.get("action") != "stop" or run < call_log.KEPT or not name:
        return None
    from governor.hooks.state import breakers

    rests = _whole(snapshot, "open_for", 60)
    if not runtime.claim(ctx.home, f"stuck:{record}:{name}:{int(ctx.now // rests)}"):
        return None
    breakers.open_(ctx.home, session, name, now=ctx.now, open_for=rests, stuck=True)
    person, model = loop_rules.held(name, run, rests)
    return _told(snapshot, person, model, {**said, "decision": "opened", "count": run})


def _results(
    event: dict[str, Any], ctx: runtime.HookContext, snapshot: dict[str, Any], batch: Batch
) -> runtime.Reply | None:
    """Which tools failed, which work again."""
    from governor.hooks.state import breakers

    session = call_log.name(batch.session)
    known = breakers.known(ctx.home, session)
    standing = breakers.standing(ctx.home, session)
    at_ms = int(ctx.now * 1000)
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
        known = breakers.note(ctx.home, session, outcomes)
    for tool in failed:
        reply = _judge(ctx, snapshot, session, known, tool, failed[tool])
        if reply is not None:
            return reply
    bad = {one.id for one in known if one.kind}
    for call in batch.calls:
        tool = _key(call.tool)
        works = call.state == "ok" and _key(call.id) not in bad
        if works and tool in standing and breakers.is_over(standing[tool], ctx.now):
            breakers.close(ctx.home, session, tool)
            runtime.append(
                ctx.home, "decisions.jsonl", _line(ctx, {"decision": "closed", "tool": tool, "session": session})
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
            answers[str(call.get("tool_use_id"))] = (
                answer if isinstance(answer, str) else fast_json.compact(answer).decode()
            )
    return answers


# ---- failures --------------------------------------------------------------------------------------------------------


def after_failure(event: dict[str, Any], ctx: runtime.HookContext, snapshot: dict[str, Any]) -> runtime.Reply | None:
    """One call failed. What the person interrupted is no failure."""
    from governor.hooks.state import breakers

    (call, *_) = fingerprints.parsed(event, fast_json.compact).calls or (None,)
    session = call_log.name(str(event.get("session_id") or ""))
    if call is None or not session or event.get("is_interrupt") is True:
        return None
    outcome, wait_s = _outcome(call, event.get("error"), int(ctx.now * 1000))
    known = breakers.note(ctx.home, session, [outcome])
    return _judge(ctx, snapshot, session, known, outcome.tool, wait_s)


def _outcome(call: fingerprints.ToolCall, error: object, at_ms: int) -> tuple[CallOutcome, float | None]:
    from governor.hooks.loop import breaker, failures

    shell = call.tool in fingerprints.SHELLS
    found = failures.of_tool(error, shell=shell)
    kind = found.kind
    if kind == "unknown":
        words = fingerprints.plain(error.encode("utf-8", "replace")) if isinstance(error, str) else b""
        kind = breaker.PLAIN_SHELL if shell else f"w{fingerprints.fingerprint(words, 2**31 - 1):08x}"
    like = f"{call.mark:016x}"
    return breaker.CallOutcome(at_ms, _key(call.tool), kind, like, _key(call.id) if call.id else ""), found.wait_s


def _judge(
    ctx: runtime.HookContext,
    snapshot: dict[str, Any],
    session: str,
    known: list[CallOutcome],
    tool: str,
    wait_s: float | None,
) -> runtime.Reply | None:
    """Open a breaker, open it again, name a storm, or say nothing."""
    from governor.hooks.loop import breaker
    from governor.hooks.state import breakers

    rests, row = _whole(snapshot, "open_for", 60), breaker.row(known, tool)
    if not row:
        return None
    stops = snapshot.get("action") == "stop"
    alike, storm = breaker.run_of(row), breaker.storm_of(row)
    kind = row[-1].kind if row[-1].kind in breaker.ADVICE else "alike"
    said = {"rule": kind, "tool": tool, "count": len(alike), "session": session}
    held = breakers.standing(ctx.home, session).get(tool)
    if held is not None:
        if breakers.is_within(held, ctx.now) or not runtime.claim(ctx.home, f"again:{session}:{tool}:{held[0]:.3f}"):
            return None
    elif len(alike) >= _whole(snapshot, "failures", 5):
        if not runtime.claim(ctx.home, f"open:{session}:{tool}:{alike[0].at_ms}"):
            return None
    elif len(storm) >= breaker.STORM and runtime.claim(ctx.home, f"storm:{session}:{tool}:{storm[0].at_ms}"):
        model = breaker.advice(tool, storm[-1].kind, len(storm), wait_s)
        return _told(snapshot, "", model, {**said, "decision": "told", "rule": f"storm-{kind}", "count": len(storm)})
    else:
        return None
    breakers.open_(ctx.home, session, tool, now=ctx.now, open_for=rests)
    person, model = breaker.opened(tool, len(alike), rests, stops=stops)
    return _told(snapshot, person, model, {**said, "decision": "opened"})


def after_refusal(event: dict[str, Any], ctx: runtime.HookContext) -> runtime.Reply:
    """A turn ended with an error of the service. The client takes no answer here, so it is only recorded."""
    from governor.hooks.loop import failures

    found = failures.of_event(event, now=ctx.now)
    session = call_log.name(str(event.get("session_id") or ""))
    said = {"decision": "refused", "rule": found.kind, "do": found.do, "by": found.by, "session": session}
    return runtime.Reply(record=said if found.wait_s is None else {**said, "wait_s": round(found.wait_s)})


def keep_refusal(event: dict[str, Any], ctx: runtime.HookContext) -> None:
    """A refusal of the plan is a reading, and the next prompt is to hear of it: so a refresh is due at once.

    Raises: OSError where the state folder cannot be written.
    """
    import os

    from governor.hooks.loop import failures
    from governor.quota import stated_refusal

    if failures.of_event(event, now=ctx.now).kind != "rate_limit":
        return
    stated = stated_refusal.of_record(event, now=int(ctx.now))
    if stated is None:
        return
    runtime.append(ctx.home, "limits.jsonl", fast_json.dumps(stated.reading(ctx.lane, at=int(ctx.now))))
    try:
        os.unlink(os.path.join(ctx.home, "letters", ".rung"))
    except OSError:
        pass  # nothing was rung for lately


# ---- turns -----------------------------------------------------------------------------------------------------------


def after_turn(event: dict[str, Any], ctx: runtime.HookContext, snapshot: dict[str, Any]) -> runtime.Reply | None:
    """The price of going on, when it is news."""
    from governor.hooks.loop import rules as loop_rules

    session = str(event.get("session_id") or "")
    record = call_log.name(session)
    if not record:
        return None
    if event.get("stop_hook_active") is not True:
        call_log.forget(ctx.home, record)
    for advice in loop_rules.at_stop(event, snapshot, session=session, now=ctx.now):
        before = call_log.noted(ctx.home, record, advice.what)
        if loop_rules.is_news(advice, before) and runtime.claim(
            ctx.home, f"{advice.what}:{record}:{before or 'first'}"
        ):
            call_log.note(ctx.home, record, advice.what, repr(advice.price))
            return _told(snapshot, advice.person, "", {"decision": "told", **advice.record, "session": record})
    return None


# ---- answering -------------------------------------------------------------------------------------------------------


def _told(snapshot: dict[str, Any], person: str, model: str, record: dict[str, Any]) -> runtime.Reply:
    if snapshot.get("action") == "observe":
        return runtime.Reply(record={**record, "said": False})
    return runtime.Reply(person=person, model=model, record={**record, "said": True})


def _line(ctx: runtime.HookContext, record: dict[str, Any]) -> bytes:
    return fast_json.compact({"at": round(ctx.now, 3), "hook": ctx.name, "lane": ctx.lane, **record})


def _key(name: bytes) -> str:
    from governor.hooks.state import breakers

    return breakers.key(name)


def _whole(snapshot: dict[str, Any], name: str, otherwise: int) -> int:
    value = snapshot.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise
