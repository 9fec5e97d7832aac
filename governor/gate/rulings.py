"""May the next piece of unattended work start? GO, PACE or STOP, the worst of several rulings.

Only what has actually happened stops: a window whose official meter says 95 % or more and that has not reset, or a
budget of the person's own that is used up and that they asked to stop at. A projection only asks for pace. What is not
known stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ANSWERS = ("GO", "PACE", "STOP")
EXIT = {"GO": 0, "PACE": 10, "STOP": 20}  # 2 is left out: it means "block" to the clients
BLIND = ("unknown", "unplaced")  # rules that are no word on a window: nothing was read, or too much used since
OF_VERDICT = {"GO": "GO", "NUDGE": "PACE", "SLOW": "PACE", "STOP": "STOP"}


class GateRuling(NamedTuple):
    """One answer and why. ``until`` is when it may change by itself (epoch seconds), where that is known."""

    answer: str  # one of ANSWERS
    rule: str
    text: str
    lane: str | None = None
    window: str | None = None
    used_percent: float | None = None
    until: int | None = None
    account: str | None = None  # whose window it is, in full
    whose: str = ""  # the same as a screen shows it; empty where the lane has but one account


def of_window(
    verdict: str,
    reasons: Sequence[tuple[str, str]],
    *,
    lane: str,
    window: str,
    used_percent: float | None,
    resets_at: int | None,
    now: int,
    named: bool,
    unplaced: str = "",
    chance: str = "",
    until: int | None = None,
) -> GateRuling:
    """What one window's verdict means for work that is about to start; ``reasons`` are (rule, text), decisive first.

    A window of one model family (``week:<family>``) stops only where it was ``named``: the next piece of work may well
    use another model. A window past its reset is void. ``unplaced``: why its figure is not known, and what is;
    ``chance``: how likely it passes its cap, where that is more likely than not and yet no warning. ``until``: how long
    a refusal of it counts, where one holds.
    """
    rule, text = reasons[0] if reasons else ("", "")
    answer = OF_VERDICT.get(verdict, "GO")
    if resets_at is not None and resets_at <= now:
        return GateRuling("GO", "reset", "the window has been reset", lane, window)
    if answer == "STOP" and used_percent is None and until is None:
        answer = "PACE"
    if answer == "STOP" and ":" in window and not named:
        answer = "PACE"
    if answer == "GO" and unplaced:
        return GateRuling("GO", "unplaced", unplaced, lane, window, None, resets_at)
    if answer == "GO" and used_percent is None:
        return GateRuling("GO", "unknown", f"nothing official is known of {window}", lane, window, None, resets_at)
    if answer == "GO":
        rule, text = ("likely", chance) if chance else ("room", "no window is near its cap")
    return GateRuling(answer, rule, text, lane, window, used_percent, until or resets_at)


def worst(rulings: Sequence[GateRuling]) -> GateRuling:
    """The strictest of them; among equals what is known, then of STOPs the one that lasts longest, for that has to be
    waited for, and of others the fullest.

    Where something is not known, GO says so: it is no word on that.
    """
    blind = [each for each in rulings if each.rule in BLIND]
    if len(blind) == len(rulings):
        alone = len({each.window for each in blind}) == 1
        heard = [each for each in blind if each.rule == "unplaced"]
        if heard or alone:
            return (heard or blind)[0]
        return GateRuling("GO", "unknown", "nothing official is known of any window")

    def weight(each: GateRuling) -> tuple[float, ...]:
        last, full = each.until or 0, each.used_percent or 0.0
        order = (last, full) if each.answer == "STOP" else (full, last)
        known = (each.rule not in BLIND, each.rule == "likely")
        return (ANSWERS.index(each.answer), each.rule == "halt", *known, *order)

    found = max(rulings, key=weight)
    if found.rule == "room" and blind:
        return found._replace(text="no known window is near its cap")
    return found


def let_through(ruling: GateRuling, *, off_by: str | None, overridden: bool) -> GateRuling:
    """The same, unless the user has said otherwise: an override and the kill switch open the gate, and say so.

    They do not lift a halt: only ``governor unhalt`` does.
    """
    if ruling.answer == "GO" or ruling.rule == "halt":
        return ruling
    if off_by is not None:
        return ruling._replace(answer="GO", rule="off", text=f"the kill switch is on ({off_by}); else {ruling.text}")
    if overridden:
        return ruling._replace(answer="GO", rule="override", text=f"override in force; else {ruling.text}")
    return ruling
