"""What to say about pace, and when to say nothing: the worst window's line once per episode.

Pure: the letter that refresh left, the event and the clock go in, words come out. A projection never holds anything
back. Only actual use of 95 % or more, in a window that has not reset yet, pauses a prompt, once, and only where a
person is there to send it again. Where nobody is, the prompt goes on and the decision log says so: a held prompt ends
the run as if it had succeeded, and no answer of a hook ends it otherwise (seen on Claude Code 2.1.332 and Codex 0.171).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STALE_S = 24 * 3600  # a letter this old says nothing any more
GOES_ON = "Nobody is asked here, so this prompt goes on. To hold such prompts: pacing.hold_background in budget.json."
RANK = {"GO": 0, "NUDGE": 1, "SLOW": 2, "STOP": 3}


class Advice:
    """What to say to whom. ``once`` is the episode: the first to claim it speaks. ``also`` is another one that this
    settles with it. ``decision`` is hold, warn, unattended, context or alert; ``rule`` is the policy's.
    """

    __slots__ = ("also", "bell", "block", "decision", "model", "once", "person", "rule")

    def __init__(
        self,
        decision: str,
        rule: str,
        *,
        once: str,
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
        self.bell = bell


def decide(
    event: dict[str, Any],
    letter: dict[str, Any],
    *,
    lane: str,
    now: float,
    seen: Callable[[str], bool],
    go_on: Callable[[], str | None],
    is_watched: Callable[[], bool],
    overridden: bool = False,
) -> Advice | None:
    """The one thing worth saying now, or None.

    ``go_on`` says what a person presses after a hold of this prompt (``guards.going_on``), None where nobody can;
    ``is_watched`` whether somebody reads this session. Both are asked only where it matters. In this order: the wall,
    the session's context above the band's ceiling, windows by verdict, then alerts that ring the bell. Whatever was
    said already (``seen``) makes room for the next.
    """
    written = letter.get("written_at")
    if not isinstance(written, (int, float)) or not -300 <= now - written <= STALE_S:
        return None
    windows = _open(letter, lane, now)
    session = str(event.get("session_id", ""))
    found = _candidates(
        event,
        letter,
        windows,
        session=session,
        lane=lane,
        seen=seen,
        go_on=go_on,
        is_watched=is_watched,
        overridden=overridden,
    )
    for advice in [*found, *_alerts(letter)]:
        if not advice.once or not seen(advice.once):
            return advice
    return None


def _open(letter: dict[str, Any], lane: str, now: float) -> list[dict[str, Any]]:
    """This lane's windows that have not reset, the worst first. A letter may be older than a reset: then it is void."""
    lanes = letter.get("lanes")
    found = lanes.get(lane) if isinstance(lanes, dict) else None
    windows = found.get("windows") if isinstance(found, dict) else None
    if not isinstance(windows, list):
        return []
    alive = [
        window
        for window in windows
        if isinstance(window, dict) and isinstance(window.get("resets_at"), (int, float)) and window["resets_at"] > now
    ]
    return sorted(alive, key=lambda window: -RANK.get(str(window.get("verdict")), 0))


def _candidates(
    event: dict[str, Any],
    letter: dict[str, Any],
    windows: list[dict[str, Any]],
    *,
    session: str,
    lane: str,
    seen: Callable[[str], bool],
    go_on: Callable[[], str | None],
    is_watched: Callable[[], bool],
    overridden: bool,
) -> list[Advice]:
    found = []
    prompting = event.get("hook_event_name") == "UserPromptSubmit"
    is_wall = prompting and not overridden and any(window.get("verdict") == "STOP" for window in windows)
    press = go_on() if is_wall else None
    is_alone = is_wall and press is None
    for window in windows:
        name, resets_at, verdict = window.get("window"), int(window["resets_at"]), window.get("verdict")
        rule = f"{name}:{window.get('rule') or verdict}"[:64]
        line, short = str(window.get("line", "")), str(window.get("model_line", ""))[:200]
        episode = f"{lane}:{name}:{resets_at // 600}"  # resets_at wobbles by seconds
        said = f"pace:{episode}:{window.get('rule', verdict)}"  # once, whichever session: /clear begins a new one
        if verdict == "STOP" and is_alone and letter.get("hold_background") is True:
            held = f"{line} Held back and not done (pacing.hold_background). To let it through: governor override 30m"
            found.append(Advice("hold", rule, once="", block=held))
        elif verdict == "STOP" and is_wall and press is not None and letter.get("pause_at_wall") is not False:
            reason = f"{line} {press}; for longer: governor override 30m"
            found.append(Advice("hold", rule, once=f"wall:{episode}", block=reason, also=said))
        if verdict not in RANK or not line or name in (letter.get("hush") or ()):
            continue
        told = f"told:{session}:{episode}"  # the model's own fact, once a session
        model = short if verdict == "STOP" and prompting else ""
        if is_alone and verdict == "STOP" and not is_watched():
            alone = f"alone:{session}:{episode}"
            found.append(Advice("unattended", rule, once=alone, also=told, person=f"{line} {GOES_ON}", model=model))
        elif not seen(said) and is_watched():
            found.append(Advice("warn", rule, once=said, also=told if model else "", person=line, model=model))
        elif not seen(said):  # a run that nobody reads uses up nobody's word
            found.append(Advice("warn", rule, once=f"alone:{session}:{said}", person=line, model=model))
        if model:
            found.append(Advice("warn", rule, once=told, model=model))
    heavy = _heavy(letter, session, lane)
    if heavy:
        found.insert(0 if not found or not found[0].block else 1, heavy)
    return found


def _alerts(letter: dict[str, Any]) -> list[Advice]:
    """What the person wants the bell rung for: once, in whichever session comes first."""
    listed = letter.get("alerts")
    return [
        Advice("alert", "alert", once=f"rung:{alert['key']}", person=alert["text"], bell=True)
        for alert in (listed if isinstance(listed, list) else ())
        if isinstance(alert, dict) and isinstance(alert.get("key"), str) and isinstance(alert.get("text"), str)
    ]


def _heavy(letter: dict[str, Any], session: str, lane: str) -> Advice | None:
    """The session's own context, when it is larger than the projection leaves room for."""
    contexts, ceilings = letter.get("contexts"), letter.get("ceilings")
    tokens = contexts.get(session) if isinstance(contexts, dict) else None
    ceiling = ceilings.get(lane) if isinstance(ceilings, dict) else None
    if not isinstance(tokens, int) or not isinstance(ceiling, int) or tokens <= ceiling:
        return None
    text = (
        f"governor: this session re-reads {tokens // 1000}k tokens every turn, above the {ceiling // 1000}k that the "
        "projection leaves room for. /compact keeps the thread, /clear starts afresh."
    )
    return Advice("context", f"over-{ceiling // 1000}k", once=f"context:{session}:{ceiling}", person=text)
