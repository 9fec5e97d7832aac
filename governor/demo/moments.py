"""When over the made-up life something happens that a hook or a refresh notices: nothing of what comes of it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from governor.demo.official import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from governor.demo.life import Life, MadeUpSession
    from governor.demo.official import MadeUpMeter

RESUMED_S = 8 * HOUR  # a longer pause ended with --resume

What = Literal["shown", "start", "prompt", "respond", "call", "spawned", "returned", "stop", "refused"]


class Moment(NamedTuple):
    """``at`` is epoch seconds; ``what`` is a method of ``hooks.Hooks``, and ``given`` what it takes beside the time."""

    at: float
    what: What
    given: tuple[Any, ...]


def moments(life: Life, official: MadeUpMeter) -> list[Moment]:
    """Everything that is noticed, in the order of time."""
    found = [Moment(shown.observed_at, "shown", (shown,)) for shown in official.shown if shown.lane == "claude"]
    for one in life.sessions:
        found += [*_turns(one), *_responses(one)]
        at = {response.id: response.at_ms / 1000 for response in one.responses}
        for agent in one.agents:
            found += _responses(agent)
            begun = at.get(agent.spawned_by, agent.responses[0].at_ms / 1000 - 1)  # the call itself may be refused
            found.append(Moment(begun + 0.7, "spawned", (one, agent)))
            found.append(Moment(agent.responses[-1].at_ms / 1000 + 1.2, "returned", (one, agent)))
    for one, at_ms, _ in official.refused:
        found.append(Moment(at_ms / 1000 - 0.9, "prompt", (one, False)))
        found.append(Moment(at_ms / 1000 + 0.2, "refused", (one,)))
    return sorted(found, key=attrgetter("at"))


def _turns(one: MadeUpSession) -> Iterator[Moment]:
    turn, last = 0, 0.0
    for response in one.responses:
        at = response.at_ms / 1000
        if response.turn != turn:
            turn = response.turn
            if not last or at - last > RESUMED_S:
                yield Moment(at - 9, "start", (one, response, at - last if last else 0.0))
            yield Moment(at - 1.4, "prompt", (one, turn in one.notified))
        if response.ends_turn:
            yield Moment(at + 1, "stop", (one,))
        last = at


def _responses(one: MadeUpSession) -> Iterator[Moment]:
    for index, response in enumerate(one.responses):
        at = response.at_ms / 1000
        yield Moment(at, "respond", (one, response))
        if not response.ends_turn:
            yield Moment(at + 0.8, "call", (one, index))
