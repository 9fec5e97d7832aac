"""What to say about pace, and when to say nothing: the worst window's line once per episode.

Pure: the snapshot that refresh left, the event and the clock go in, words come out. A projection never holds anything
back. Only actual use of 95 % or more, in a window that has not reset yet, pauses a prompt, once, and only where a
person is there to send it again. Where nobody is, the prompt goes on and the decision log says so: a held prompt ends
the run as if it had succeeded, and no answer of a hook ends it otherwise (seen on Claude Code 2.1.332 and Codex 0.171).
"""

from __future__ import annotations

from governor.limit_facts import WALL, cycle_keys, is_same_window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

STALE_S = 24 * 3600  # a snapshot this old says nothing any more
GOES_ON = "Nobody is asked here, so this prompt goes on. To hold such prompts: pacing.hold_background in budget.json."
RANK = {"GO": 0, "NUDGE": 1, "SLOW": 2, "STOP": 3}


class PacingAdvice:
    """What to say to whom. ``once`` is the episode: the first to claim it speaks; ``near`` are its other names, under
    which it may have been claimed. ``also`` is another episode that this settles with it. ``decision`` is hold, warn,
    unattended, context or alert; ``rule`` is the policy's.
    """

    __slots__ = ("also", "bell", "block", "decision", "model", "near", "once", "person", "rule")

    def __init__(
        self,
        decision: str,
        rule: str,
        *,
        once: str,
        near: Sequence[str] = (),
        person: str = "",
        model: str = "",
        block: str = "",
        bell: bool = False,
        also: str = "",
    ) -> None:
        self.also = also
        self.decision = decision
        self.rule = rule
        self.person = person
        self.model = model
        self.block = block
        self.once = once
        self.near = near
        self.bell = bell


def decide(
    event: dict[str, Any],
    snapshot: dict[str, Any],
    *,
    lane: str,
    now: float,
    seen: Callable[[str], bool],
    go_on: Callable[[], str | None],
    is_watched: Callable[[], bool],
    overridden: bool = False,
    own: dict[str, dict[str, Any]] | None = None,
) -> PacingAdvice | None:
    """The one thing worth saying now, or None. ``own``: what this session heard itself (``statusline.rules.own``).

    ``go_on`` says what a person presses after a hold of this prompt (``hooks.pacing.going_on``), None where nobody can;
    ``is_watched`` whether somebody reads this session. Both are asked only where it matters. In this order: the wall,
    the session's context above the band's ceiling, windows by verdict, then alerts that ring the bell. Whatever was
    said already (``seen``) makes room for the next.
    """
    written = snapshot.get("written_at")
    if not isinstance(written, (int, float)) or not -300 <= now - written <= STALE_S:
        return None
    windows = _open(_heard_since(snapshot, lane, own or {}, written, now), now)
    session = str(event.get("session_id", ""))
    found = _candidates(
        event,
        snapshot,
        windows,
        session=session,
        lane=lane,
        seen=seen,
        go_on=go_on,
        is_watched=is_watched,
        overridden=overridden,
    )
    for advice in [*found, *_alerts(snapshot)]:
        if not advice.once or not any(map(seen, (advice.once, *advice.near))):
            return advice
    return None


def _heard_since(
    snapshot: dict[str, Any], lane: str, own: dict[str, dict[str, Any]], written: float, now: float
) -> list[dict[str, Any]]:
    """The letter's windows of this lane, with what this session heard after the snapshot was written.

    A window with a later reset takes the place of the letter's; a higher figure does in the same one. A lower figure
    waits for the next snapshot, for one session alone does not prove a reset.
    """
    lanes = snapshot.get("lanes")
    found = lanes.get(lane) if isinstance(lanes, dict) else None
    windows = found.get("windows") if isinstance(found, dict) else None
    told = {str(each.get("window")): each for each in windows or () if isinstance(each, dict)}
    for name, figure in own.items():
        percent, resets_at = figure.get("percent"), figure.get("resets_at")
        answered_at = figure.get("answered_at") or 0
        if not isinstance(percent, (int, float)) or not isinstance(resets_at, (int, float)) or answered_at < written:
            continue
        before = told.get(name, {})
        known, until = before.get("official"), before.get("resets_at")
        is_same = isinstance(until, (int, float)) and is_same_window(until, resets_at)
        if isinstance(until, (int, float)) and not is_same and resets_at < until:
            continue
        if is_same and isinstance(known, (int, float)) and percent <= known:
            continue
        told[name] = before if is_same and percent < WALL else _fresh(lane, name, percent, resets_at, before, now)
    return list(told.values())


def _fresh(
    lane: str, name: str, percent: float, resets_at: float, before: dict[str, Any], now: float
) -> dict[str, Any]:
    """A window as a snapshot would have it, from the figure alone: at the wall it speaks, below it is quiet."""
    window = {"window": name, "resets_at": resets_at, "verdict": "GO", "official": percent}
    if percent < WALL:
        return window
    client = "Claude Code" if lane == "claude" else "Codex"
    return {
        **window,
        "cycle": before.get("cycle") if is_same_window(before.get("resets_at"), resets_at) else None,
        "verdict": "STOP",
        "rule": "wall-95",
        "line": f"governor: {client} {name} {percent:.0f} % used, just heard. Resets in {_left(resets_at - now)}.",
        "model_line": f"The {name} plan window is {percent:.0f} % used; work started now may be cut off.",
    }


def _left(seconds: float) -> str:
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


def _open(windows: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """The windows that have not reset, the worst first. A snapshot may be older than a reset: then it is void."""
    alive = [
        window for window in windows if isinstance(window.get("resets_at"), (int, float)) and window["resets_at"] > now
    ]
    return sorted(alive, key=lambda window: -RANK.get(str(window.get("verdict")), 0))


def _candidates(
    event: dict[str, Any],
    snapshot: dict[str, Any],
    windows: list[dict[str, Any]],
    *,
    session: str,
    lane: str,
    seen: Callable[[str], bool],
    go_on: Callable[[], str | None],
    is_watched: Callable[[], bool],
    overridden: bool,
) -> list[PacingAdvice]:
    found = []
    owner = f"{lane}:{snapshot['mark']}" if "mark" in snapshot else lane  # another account's episodes are its own
    prompting = event.get("hook_event_name") == "UserPromptSubmit"
    is_wall = prompting and not overridden and any(window.get("verdict") == "STOP" for window in windows)
    press = go_on() if is_wall else None
    is_alone = is_wall and press is None
    for window in windows:
        its_own = window.get("sessions")  # of a window that counts one family of models alone
        if isinstance(its_own, list) and session not in its_own:
            continue
        name, verdict = window.get("window"), window.get("verdict")
        rule = f"{name}:{window.get('rule') or verdict}"[:64]
        line, short = str(window.get("line", "")), str(window.get("model_line", ""))[:200]
        keys = cycle_keys(window.get("cycle") or window["resets_at"])
        walls = [f"wall:{owner}:{name}:{key}" for key in keys]
        # Once, whichever session: /clear begins a new one.
        said = [f"pace:{owner}:{name}:{key}:{window.get('rule', verdict)}" for key in keys]
        if verdict == "STOP" and is_alone and snapshot.get("hold_background") is True:
            held = f"{line} Held back and not done (pacing.hold_background). To let it through: governor override 30m"
            found.append(PacingAdvice("hold", rule, once="", block=held))
        elif verdict == "STOP" and is_wall and press is not None and snapshot.get("pause_at_wall") is not False:
            reason = f"{line} {press}; for longer: governor override 30m"
            found.append(PacingAdvice("hold", rule, once=walls[0], near=walls[1:], block=reason, also=said[0]))
        if verdict not in RANK or not line or name in (snapshot.get("hush") or ()):
            continue
        is_said = any(map(seen, said))
        told = [f"told:{session}:{owner}:{name}:{key}" for key in keys]  # the model's own fact, once a session
        model = short if verdict == "STOP" and prompting else ""
        if is_alone and verdict == "STOP" and not is_watched():
            alone = [f"alone:{session}:{owner}:{name}:{key}" for key in keys]
            lone = f"{line} {GOES_ON}"
            found.append(
                PacingAdvice("unattended", rule, once=alone[0], near=alone[1:], also=told[0], person=lone, model=model)
            )
        elif not is_said and is_watched():
            also = told[0] if model else ""
            found.append(PacingAdvice("warn", rule, once=said[0], near=said[1:], also=also, person=line, model=model))
        elif not is_said:  # a run that nobody reads uses up nobody's word
            alone = [f"alone:{session}:{each}" for each in said]
            found.append(PacingAdvice("warn", rule, once=alone[0], near=alone[1:], person=line, model=model))
        if model:
            found.append(PacingAdvice("warn", rule, once=told[0], near=told[1:], model=model))
    heavy = _heavy(snapshot, session, lane)
    if heavy:
        found.insert(0 if not found or not found[0].block else 1, heavy)
    return found


def _alerts(snapshot: dict[str, Any]) -> list[PacingAdvice]:
    """What the person wants the bell rung for: once, in whichever session comes first."""
    listed = snapshot.get("alerts")
    return [
        PacingAdvice("alert", "alert", once=f"rung:{alert['key']}", person=alert["text"], bell=True)
        for alert in (listed if isinstance(listed, list) else ())
        if isinstance(alert, dict) and isinstance(alert.get("key"), str) and isinstance(alert.get("text"), str)
    ]


def _heavy(snapshot: dict[str, Any], session: str, lane: str) -> PacingAdvice | None:
    """The session's own context, when it is larger than the projection leaves room for."""
    contexts, ceilings = snapshot.get("contexts"), snapshot.get("ceilings")
    tokens = contexts.get(session) if isinstance(contexts, dict) else None
    ceiling = ceilings.get(lane) if isinstance(ceilings, dict) else None
    if not isinstance(tokens, int) or not isinstance(ceiling, int) or tokens <= ceiling:
        return None
    text = (
        f"governor: this session re-reads {tokens // 1000}k tokens every turn, above the {ceiling // 1000}k that the "
        "projection leaves room for. /compact keeps the thread, /clear starts afresh."
    )
    return PacingAdvice("context", f"over-{ceiling // 1000}k", once=f"context:{session}:{ceiling}", person=text)
