"""How many subagents there may be: counted by leases, each held from the call that spawns one until it ends.

Pure: a session's **book** and one event go in, a verdict and the book as it is afterwards come out. A lease is known by
the id of its tool call, so events that come twice count once; an agent that ends before anybody heard its id ends its
lease all the same. Who writes the book, and under which lock: governor.hooks.state.leases.

Time is a **tick**: seconds of a clock that no one sets, and the boot it belongs to. The wall clock may jump; neither
way frees or freezes a lease.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Book = dict[str, Any]
    Tick = tuple[float, str]

VERSION = 1
GRACE_S = 120.0  # a call that the client shows no agent for after this long has started none
QUIET_S = 600.0  # an agent past its lease that has written nothing for this long is gone
PROMPTS = 32  # prompts whose fan-out is remembered
ENDED = 256  # calls and agents remembered after their end, for events that come twice or late
CAPS = ("depth", "tree_tokens", "total", "fan_out", "concurrent")


class SpawnCall:
    """One wish to spawn. ``use``: the tool call's id; ``prompt``: what the person set off; ``tokens``: used by the
    session's subagents so far, None where not known; ``client``: the process the agent will run in, empty where not
    known.
    """

    __slots__ = ("client", "depth", "kind", "prompt", "tokens", "use")

    def __init__(
        self,
        use: str,
        *,
        prompt: str = "",
        depth: int = 1,
        kind: str = "",
        tokens: int | None = None,
        client: str = "",
    ) -> None:
        self.use = use
        self.prompt = prompt
        self.depth = depth
        self.kind = kind
        self.tokens = tokens
        self.client = client


class Verdict:
    """``rule`` names the cap that the call is beyond, or is empty; ``open`` counts leases held, its own included."""

    __slots__ = ("count", "limit", "open", "repeated", "rule")

    def __init__(
        self, rule: str = "", *, count: int = 0, limit: int = 0, held: int = 0, repeated: bool = False
    ) -> None:
        self.rule = rule
        self.count = count
        self.limit = limit
        self.open = held
        self.repeated = repeated


class Look:
    """What the client's own files say of a lease's agent. ``mark`` changes whenever the agent writes; None: no file.

    ``started`` False: the client keeps files of agents, and none of them is this call's.
    """

    __slots__ = ("agent", "finished", "mark", "started")

    def __init__(
        self, *, agent: str = "", finished: bool = False, mark: int | None = None, started: bool | None = None
    ) -> None:
        self.agent = agent
        self.finished = finished
        self.mark = mark
        self.started = started


def fresh() -> Book:
    """The book of a session that has spawned nothing."""
    return {"version": VERSION, "total": 0, "prompts": {}, "open": {}, "done": {}, "gone": {}}


def sound(found: object) -> bool:
    """Is this a book that can be counted with?"""
    if not isinstance(found, dict) or found.get("version") != VERSION:
        return False
    total = found.get("total")
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        return False
    if not all(isinstance(found.get(part), dict) for part in ("prompts", "open", "done", "gone")):
        return False
    prompts_add_up = all(isinstance(count, int) and count >= 0 for count in found["prompts"].values())
    stops = all(isinstance(at, list) and _is_tick(at) for at in found["gone"].values())
    return prompts_add_up and stops and all(_is_lease(lease) for lease in found["open"].values())


def _is_lease(lease: object) -> bool:
    return (
        isinstance(lease, dict)
        and isinstance(lease.get("agent"), str)
        and isinstance(lease.get("depth"), int)
        and isinstance(lease.get("kind"), str)
        and _is_tick(lease.get("at"))
        and (lease.get("seen") is None or _is_tick(lease["seen"]))
    )


def _is_tick(at: object) -> bool:
    return isinstance(at, list) and len(at) == 2 and isinstance(at[0], (int, float)) and isinstance(at[1], str)


def take(book: Book, call: SpawnCall, caps: dict[str, Any], *, tick: Tick, enforce: bool) -> tuple[Verdict, Book]:
    """Count one call, unless it is beyond a cap and ``enforce`` says that such a call is not made.

    A call that was counted before is within every cap: it has its lease, or had it.
    """
    if call.use and (call.use in book["open"] or call.use in book["done"]):
        return Verdict(held=len(book["open"]), repeated=True), book
    beyond = _beyond(book, call, caps)
    if beyond is not None and enforce:
        rule, count, limit = beyond
        return Verdict(rule, count=count, limit=limit, held=len(book["open"])), book
    after = _entered(book, call, tick)
    rule, count, limit = beyond or ("", 0, 0)
    return Verdict(rule, count=count, limit=limit, held=len(after["open"])), after


def _beyond(book: Book, call: SpawnCall, caps: dict[str, Any]) -> tuple[str, int, int] | None:
    """(cap, what it counts without this call, its limit) of the first cap in the way; a cap of None is none."""
    counts: dict[str, int | None] = {
        "depth": call.depth - 1,
        "tree_tokens": call.tokens,
        "total": book["total"],
        "fan_out": book["prompts"].get(call.prompt, 0) if call.prompt else None,
        "concurrent": len(book["open"]),
    }
    for rule in CAPS:
        limit, count = caps.get(rule), counts[rule]
        if isinstance(limit, int) and not isinstance(limit, bool) and count is not None and count >= limit:
            return rule, count, limit
    return None


def _entered(book: Book, call: SpawnCall, tick: Tick, *, counted: bool = False) -> Book:
    """The book with a lease for the call; ``counted`` when it has been counted before."""
    prompts = dict(book["prompts"])
    if call.prompt and not counted:
        prompts[call.prompt] = prompts.pop(call.prompt, 0) + 1  # last, so that the oldest is forgotten first
    use = call.use or f"nameless-{book['total']}"
    lease = {"at": list(tick), "agent": "", "depth": call.depth, "kind": call.kind, "mark": None, "seen": None}
    lease["client"] = call.client
    return {
        **book,
        "total": book["total"] + (not counted),
        "prompts": _latest(prompts, PROMPTS),
        "open": {**book["open"], use: lease},
        "done": _without(book["done"], use),
    }


def bind(book: Book, call: SpawnCall, agent: str, *, tick: Tick) -> Book:
    """The call has started ``agent``, which runs in the background: the lease is the agent's from now on.

    A call nobody counted is counted now: it did spawn one. An agent that ended meanwhile leaves no lease.
    """
    held, ended = book["open"].get(call.use), book["done"].get(call.use)
    if not call.use or (held is None and ended):
        return book  # heard before, and its agent has ended since
    if held is None:  # never counted, or given up for lost, and it lives
        book = _entered(book, call, tick, counted=ended is not None)
        held = book["open"][call.use]
    stopped = book["gone"].get(agent)
    if stopped is not None and stopped[1] == held["at"][1] and stopped[0] >= held["at"][0]:
        return _closed({**book, "gone": _without(book["gone"], agent)}, call.use, agent)
    return {**book, "open": {**book["open"], call.use: {**held, "agent": agent}}}


def finish(book: Book, call: SpawnCall, *, tick: Tick) -> Book:
    """The call is over, and its agent with it; a call nobody counted is counted now."""
    if not call.use or call.use in book["done"]:
        return book
    if call.use not in book["open"]:
        book = _entered(book, call, tick)
    return _closed(book, call.use, "?")


def undo(book: Book, call: SpawnCall) -> Book:
    """The client refused the call: nothing was spawned, so nothing counts."""
    if call.use not in book["open"]:
        return book
    prompts = dict(book["prompts"])
    if prompts.get(call.prompt):
        prompts[call.prompt] -= 1
    return {**_closed(book, call.use, "?"), "prompts": prompts, "total": max(0, book["total"] - 1)}


def end(book: Book, agents: tuple[str, ...], *, tick: Tick) -> Book:
    """An agent known by any of these names has ended. Remembered when no lease is its own yet."""
    names = [name for name in agents if name]
    for use, lease in book["open"].items():
        if lease["agent"] and lease["agent"] in names:
            return _closed(book, use, lease["agent"])
    gone = {**_without(book["gone"], *names), **{name: list(tick) for name in names}}
    return {**book, "gone": _latest(gone, ENDED // 4)}


def depth_of(book: Book, agent: str) -> int | None:
    """How deep a running agent is; None where it holds no lease that says so."""
    return next((lease["depth"] for lease in book["open"].values() if agent and lease["agent"] == agent), None)


def settle(book: Book, looks: dict[str, Look], *, tick: Tick, lease_s: float) -> Book:
    """Give back what crashed holders left: agents that have finished, never started, or fell silent past their lease.

    Silence is told from the agent's file alone: two looks that see the same mark, QUIET_S apart.
    """
    for use, lease in list(book["open"].items()):
        look = looks.get(use, Look())
        age = _seconds(lease["at"], tick)
        if look.finished or (look.started is False and not lease["agent"] and age > GRACE_S):
            book = _closed(book, use, lease["agent"] or look.agent)
            continue
        if look.agent and not lease["agent"]:
            lease = {**lease, "agent": look.agent}
        if age > lease_s:
            if look.mark is None:
                book = _closed(book, use, lease["agent"])
                continue
            if look.mark != lease["mark"]:
                lease = {**lease, "mark": look.mark, "seen": list(tick)}
            elif lease["seen"] is None or _seconds(lease["seen"], tick) > QUIET_S:
                book = _closed(book, use, lease["agent"])
                continue
        book = {**book, "open": {**book["open"], use: lease}}
    return book


def without_dead(book: Book, runs: Callable[[str], bool | None], *, boot: str, starting: bool = False) -> Book:
    """Give back the leases of clients that run no more: an agent ends with the process it runs in.

    ``runs`` says of a client whether it does, None where that cannot be told; such a lease is kept, but for a session
    that is ``starting``: it has no agents but those that are known to be alive.
    """
    for use, lease in list(book["open"].items()):
        alive = runs(str(lease.get("client") or "")) if lease["at"][1] == boot else False
        if alive is False or (alive is None and starting):
            book = _closed(book, use, lease["agent"])
    return book


def _seconds(since: Any, tick: Tick) -> float:
    """Seconds from one tick to another; of another boot, or a clock that ran backwards: longer than anything lasts."""
    if since[1] != tick[1] or tick[0] < since[0] - 1:
        return float("inf")
    return float(tick[0] - since[0])


def _closed(book: Book, use: str, agent: str) -> Book:
    done = {**_without(book["done"], use), use: agent}
    return {**book, "open": _without(book["open"], use), "done": _latest(done, ENDED)}


def _without(table: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in names}


def _latest(table: dict[str, Any], most: int) -> dict[str, Any]:
    """The newest entries of a table that grows at its end."""
    return dict(list(table.items())[-most:]) if len(table) > most else table
