"""Whether the next tool call, or the next prompt, still fits the budgets, and what to say when it does not.

Pure: the snapshot that refresh left, what this session has used (``governor.hooks.state.session_usage``), the event and the clock go in,
rulings come out, the strictest first. A figure that is not known crosses nothing. Cache reads are no tokens here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UNITS = ("tokens", "usd", "units", "tool_calls", "wall")
ACTIONS = ("observe", "advise", "ask", "stop")
PERS = ("day", "project", "tag")  # budgets that all sessions of this machine draw on
NEAR = 0.9  # of a limit: time to tell the model to bring its work to an end
PATIENCE_S = 0.3
STALE_S = 24 * 3600  # what the last refresh said of a day or a project holds no longer
NOTE = 200  # characters a model is made to read, at most
WORDS = {"tool_calls": "tool calls"}
WORDS_OF_ONE = {"tool_calls": "tool call", "tokens": "token", "units": "unit"}
LIFT = "To go on: governor override 30m, or raise it in budget.json (governor config --path)"


class Used:
    """What was used in one scope. ``unpriced`` responses have no list price, so ``usd`` is then at least that much."""

    __slots__ = ("since", "tokens", "tool_calls", "units", "unpriced", "usd", "wall")

    def __init__(
        self,
        *,
        tokens: float = 0,
        usd: float = 0,
        units: float = 0,
        unpriced: int = 0,
        tool_calls: int = 0,
        since: float | None = None,
        wall: float | None = None,
    ) -> None:
        self.tokens = tokens
        self.usd = usd
        self.units = units
        self.unpriced = unpriced
        self.tool_calls = tool_calls
        self.since = since  # epoch seconds; None where the scope has no start of its own
        self.wall = wall  # seconds; None where the clock does not count


class BudgetStanding:
    """One limit of one budget: how far it is used. ``share`` is 1 when the limit is reached."""

    __slots__ = ("action", "limit", "name", "per", "since", "unit", "unpriced", "used")

    def __init__(self, budget: dict[str, Any], unit: str, limit: float, used: Used) -> None:
        self.name = str(budget.get("name", ""))[:60]
        self.per = str(budget.get("per", ""))
        self.action = str(budget.get("action", "observe"))
        self.unit = unit
        self.limit = limit
        self.used = float(getattr(used, unit) or 0)
        self.since = used.since
        self.unpriced = used.unpriced if unit == "usd" else 0

    @property
    def share(self) -> float:
        return self.used / self.limit


class BudgetRuling:
    """``word`` is what is done: near, observe, advise, ask or stop. ``episode`` is the same until its scope ends."""

    __slots__ = ("episode", "model", "person", "standing", "word")

    def __init__(self, word: str, standing: BudgetStanding, *, episode: str, person: str, model: str = "") -> None:
        self.word = word
        self.standing = standing
        self.episode = episode
        self.person = person
        self.model = model


def patience(snapshot: dict[str, Any]) -> float:
    """Seconds worth waiting for the response that asks for a call: only what it used can tell whether to refuse it."""
    rows = [
        row for row in snapshot.get("budgets") or () if isinstance(row, dict) and row.get("action") in ("ask", "stop")
    ]
    counted = [
        row for row in rows if isinstance(row.get("limits"), dict) and {*row["limits"]} & {"tokens", "usd", "units"}
    ]
    return PATIENCE_S if counted else 0.0


def is_together(snapshot: dict[str, Any]) -> bool:
    """Is there a budget that all sessions draw on?"""
    return len(own(snapshot)) < len(snapshot.get("budgets") or ())


def own(snapshot: dict[str, Any]) -> list[Any]:
    """The budgets that a session has for itself."""
    return [row for row in snapshot.get("budgets") or () if not (isinstance(row, dict) and row.get("per") in PERS)]


def standings(
    snapshot: dict[str, Any], scopes: dict[str, Used], *, lane: str, project: str, now: float
) -> list[BudgetStanding]:
    """How every budget that applies here stands. ``scopes`` has request, session and, in a subagent, agent; what a
    day's, a project's or a tag's budget has used stands in its own row (``governor.hooks.budget.shared_sums``).
    """
    found = []
    for budget in snapshot.get("budgets") or ():
        if not isinstance(budget, dict) or budget.get("lane") not in (None, lane):
            continue
        if not matches(project, budget.get("project", "*")):
            continue
        used = scopes.get(str(budget.get("per")))
        if budget.get("per") in PERS:
            used = _together(budget, now=now)
        limits = budget.get("limits")
        if used is None or not isinstance(limits, dict):
            continue
        for unit in UNITS:
            limit = _number(limits.get(unit))
            if limit and getattr(used, unit) is not None:
                found.append(BudgetStanding(budget, unit, limit, used))
    return found


def _together(budget: dict[str, Any], *, now: float) -> Used | None:
    """What all sessions have used of a budget; None where the last refresh is too old to say."""
    written, known = _number(budget.get("as_of")), budget.get("used")
    if written is None or not -300 <= now - written <= STALE_S or not isinstance(known, dict):
        return None
    return Used(
        tokens=_number(known.get("tokens")) or 0,
        usd=_number(known.get("usd")) or 0,
        units=_number(known.get("units")) or 0,
        unpriced=int(_number(known.get("unpriced")) or 0),
        tool_calls=int(_number(known.get("tool_calls")) or 0),
        since=_number(budget.get("since")),
    )


def rule(
    found: list[BudgetStanding],
    *,
    event_name: str,
    scope_ids: dict[str, str],
    now: float,
    overridden: bool,
    clock: Callable[[float], str],
) -> list[BudgetRuling]:
    """Everything worth doing now, the strictest first; what was said already is the caller's to leave out.

    ``scope_ids`` names each scope's episode, ``clock`` shows an epoch second as the person's own clock would. An
    override turns stop and ask into advice. Only a tool call can be refused for a request's budget: the next prompt is
    the next request.
    """
    rulings = []
    for one in found:
        if one.share < NEAR or (event_name == "UserPromptSubmit" and one.per in ("request", "agent")):
            continue
        start = scope_ids.get(one.per) or str(int(one.since or 0))
        episode = f"budget:{one.name}:{one.unit}:{start}"
        if one.share < 1:
            if one.action != "observe" and event_name == "PreToolUse":
                note = near(one, now=now, clock=clock)
                rulings.append(BudgetRuling("near", one, episode=f"{episode}:near", person="", model=note))
            continue
        word = one.action if one.action in ACTIONS else "observe"
        if overridden and word in ("ask", "stop"):
            word = "advise"
        told = "" if word == "observe" else crossed(one, clock=clock)
        rulings.append(BudgetRuling(word, one, episode=episode, person=told))
    order = ("near", *ACTIONS)
    return sorted(rulings, key=lambda ruling: -order.index(ruling.word))


def crossed(one: BudgetStanding, *, clock: Callable[[float], str]) -> str:
    """What a person is told at a limit: which budget, which unit, how much, since when."""
    since = f" since {clock(one.since)}" if one.since else ""
    least = "at least " if one.unpriced else ""
    return (
        f"governor: budget {one.name!r} ({one.per}) is used up: {least}{amount(one.used, one.unit)} of "
        f"{amount(one.limit, one.unit)}{since}."
    )


def near(one: BudgetStanding, *, now: float, clock: Callable[[float], str]) -> str:
    """What the model is told shortly before: a fact it can plan by."""
    eta = ""
    if one.since is not None and now - one.since > 60 and one.unit != "tool_calls":
        at = now + (now - one.since) * (one.limit - one.used) / one.used
        eta = f", near {clock(at)} at this rate"
    text = (
        f"Budget note: {amount(one.used, one.unit)} of {amount(one.limit, one.unit)} ({one.per}) are used{eta}; "
        "past that, no further tool call is made."
    )
    return text[:NOTE]


def amount(value: float, unit: str) -> str:
    """A figure with its unit: ``5.02M tokens``, ``$3.20``, ``40 tool calls``, ``2h 5m``, ``6h``."""
    if unit == "usd":
        return f"${value:,.2f}"
    if unit == "wall":
        from governor import durations  # only here: most calls have no clock to tell

        return durations.words(int(value))
    words = (WORDS_OF_ONE if round(value) == 1 else WORDS).get(unit, unit)
    for size, snapshot in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if snapshot == 'k' else size):.3g}{snapshot} {words}"
    return f"{value:,.0f} {words}"


def limits(one: dict[str, Any]) -> str:
    """What a budget, a run or a handoff may use: ``5M tokens, 800 tool calls, 6h``; empty where nothing is limited."""
    return ", ".join(amount(one[unit], unit) for unit in UNITS if one.get(unit) is not None)


def matches(project: str, pattern: object) -> bool:
    """Is the folder meant by the pattern, in which ``*`` stands for anything, ``/`` included?

    ``X/*`` means the folder X and all below it: most sessions start in X itself. ``?`` and ``[...]`` are fnmatch's.
    """
    if not isinstance(pattern, str):
        return pattern is None
    inside = f"{project.rstrip('/')}/" if project else ""  # so that the last * of X/* may stand for nothing
    if _fits(project, pattern) or _fits(inside, pattern):
        return True
    if not ("?" in pattern or "[" in pattern):
        return False
    from fnmatch import fnmatchcase  # only here: it costs a hook more than all the rest of this module

    return fnmatchcase(project, pattern) or fnmatchcase(inside, pattern)


def _fits(text: str, pattern: str) -> bool:
    """Is the text the pattern's literal parts, in order, with anything between them?"""
    head, *parts = pattern.split("*")
    if not parts:
        return text == pattern
    if not text.startswith(head):
        return False
    at = len(head)
    for part in parts[:-1]:
        start = text.find(part, at)
        if start < 0:
            return False
        at = start + len(part)
    return len(text) - at >= len(parts[-1]) and text.endswith(parts[-1])


def _number(value: Any) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18
    return float(value) if usable else None
