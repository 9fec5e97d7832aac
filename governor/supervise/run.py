"""A whole supervised run: wait for room where asked, run, and where the window refuses, wait and take it up again."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import IO

from governor.errors import GovernorError
from governor.gate import evidence as gatehouse
from governor.gate.rulings import GateRuling
from governor.hooks.state import halt_file as halt
from governor.model import Lane, LimitReading
from governor.supervise import command
from governor.supervise.budget import Crossing
from governor.supervise.command import Client
from governor.supervise.outcome import BUDGET_ENDED, CLOSED, HALTED, RunOutcome, Share
from governor.supervise.stdout_writer import StdoutWriter
from governor.supervise.stream import Feed
from governor.supervise.watch import RunWatch, Setting

BACK_OFF_S = (60, 120, 300, 900, 1800, 3600)  # where nobody says when the window resets
PASSES = frozenset(("rate_limit", "overloaded", "server"))  # waiting may mend these, and nothing else
FRUITLESS = 8  # refusals in a row, with no answer between them, after which it is given up
MARGIN_S = 5  # clocks differ; asking a moment too early would be one more refusal


class Pause:
    """Waiting, as a value that tests can replace: ``sleep`` and who is told."""

    def __init__(
        self, *, sleep: Callable[[float], None] = time.sleep, told: Callable[[str, int | None], None] | None = None
    ) -> None:
        self.sleep = sleep
        self.told = told or (lambda *_: None)
        self.waited = 0.0

    def until(self, why: str, at: int) -> None:
        """Sleep until a wall clock's time, in steps, so that a clock that is set is noticed."""
        while (left := at - time.time()) > 0:
            self.told(why, at)
            self._step(min(left, gatehouse.LOOK_EVERY_S))

    def span(self, why: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.told(why, None)
            self._step(min(left, gatehouse.LOOK_EVERY_S))

    def gate(self, lane: Lane) -> None:
        """Until the gate does not say STOP."""
        began = time.monotonic()
        gatehouse.wait(
            lambda: gatehouse.look(lane=lane),
            told=lambda ruling, _: self.told(ruling.text, ruling.until),
            sleep=self.sleep,
        )
        self.waited += time.monotonic() - began

    def _step(self, seconds: float) -> None:
        began = time.monotonic()
        self.sleep(max(seconds, 0.01))
        self.waited += time.monotonic() - began


def run(
    argv: Sequence[str],
    setting: Setting,
    *,
    outlet: StdoutWriter | None = None,
    wait: Pause | None = None,
    before: Sequence[Share] = (),
    stdin: int | IO[bytes] | None = None,
) -> RunOutcome:
    """Run ``argv`` under the setting's limits; ``wait`` allows it to wait for a window's reset.

    Raises: OSError where the command cannot be started at all, KeyboardInterrupt while waiting.
    """
    client = command.recognise(argv)
    watch = RunWatch(client, setting, outlet)
    words = list(argv) if client is None else command.started(client, setting.limits)
    if client is not None and wait is not None:
        wait.gate(client.lane)
    processes = refusals = answered = 0
    while not watch.is_halted():
        watch.once(words, stdin=stdin)
        processes += 1
        if client is None or watch.feed is None or wait is None or not _may_pass(watch):
            break
        requests = watch.tally.requests
        refusals = 1 if requests > answered else refusals + 1
        answered = requests
        again = _again(client, watch)
        if again is None or refusals >= FRUITLESS:
            break
        _wait_for_room(watch, wait, refusals)
        words, stdin = again, subprocess.DEVNULL
        watch.feed.begin()
    return _outcome(client, watch, processes=processes, before=before, waited=wait.waited if wait else 0.0)


def look_before(lane: Lane) -> tuple[GateRuling | None, list[Share]]:
    """The gate's word and the official figures as the run begins; nothing at all where the state cannot be had."""
    try:
        ruling, report = gatehouse.seen(lane=lane)
    except GovernorError:
        return None, []
    if report is None:
        return None, []
    shares = [
        Share(found.window.name, found.official.used_percent if found.official else None, None, found.window.resets_at)
        for each in report.lanes
        for found in each.windows
    ]
    return ruling, shares


def _may_pass(watch: RunWatch) -> bool:
    """Did it fail of something that waiting may mend?"""
    if watch.crossing is not None or watch.signals or watch.is_closed or watch.halt is not None or watch.feed is None:
        return False
    if watch.feed.is_finished or watch.feed.own_limit:
        return False
    return watch.feed.failure in PASSES or _full_window(watch) is not None


def _was_refused(watch: RunWatch) -> bool:
    return _may_pass(watch) and (watch.feed is None or watch.feed.failure not in ("overloaded", "server"))


def _full_window(watch: RunWatch) -> LimitReading | None:
    """Codex says in words alone that it was refused; in numbers, and until when, its rollout does: a full window."""
    if watch.feed is None or watch.feed.lane != "codex" or watch.feed.failure not in ("unknown", "rate_limit"):
        return None
    full = [reading for reading in watch.readings() if reading.used_percent >= 100]
    return max(full, key=lambda reading: reading.resets_at or 0, default=None)


def _wait_for_room(watch: RunWatch, wait: Pause, refusals: int) -> None:
    feed = watch.feed
    full = _full_window(watch)
    resets_at = full.resets_at if full is not None else feed.resets_at if feed is not None else None
    if _was_refused(watch) and resets_at is not None and resets_at + MARGIN_S > time.time():
        wait.until("refused: the window is used up", resets_at + MARGIN_S)
    else:
        wait.span(
            f"{feed.failure if feed else 'refused'}, and no reset is known",
            BACK_OFF_S[min(refusals, len(BACK_OFF_S)) - 1],
        )


def _again(client: Client, watch: RunWatch) -> list[str] | None:
    """How to go on: the same session, or nothing where there is none to go on with."""
    assert watch.feed is not None  # noqa: S101 - a client has a feed
    if not client.can_resume or not watch.feed.session:
        return None
    return command.resumed(client, watch.feed.session, watch.setting.limits)


def _outcome(
    client: Client | None, watch: RunWatch, *, processes: int, before: Sequence[Share], waited: float
) -> RunOutcome:
    feed, child = watch.feed, watch.child_code if watch.child_code is not None else 1
    crossing = watch.crossing
    if crossing is None and feed is not None and feed.own_limit and not watch.signals:
        crossing = _own_crossing(watch)
    if watch.signals:
        state, code = "interrupted", 128 + watch.signals[0]
    elif watch.halt is not None:
        state, code = "halted", HALTED
    elif crossing is not None:
        state, code = "budget", BUDGET_ENDED
    elif watch.is_closed:
        state, code = "closed", CLOSED
    elif _was_refused(watch):
        state, code = "refused", child or 1
    else:
        state, code = ("done" if child == 0 else "failed"), child
    session = feed.session if feed is not None else ""
    resume = None
    if client is not None and session and client.can_resume:
        resume = command.typed(client, shlex.quote(session))
    failure = "rate_limit" if state == "refused" else feed.failure if feed is not None and state == "failed" else ""
    return RunOutcome(
        state=state,
        client=client.lane if client is not None else None,
        crossing=crossing,
        failure=failure,
        tally=watch.tally,
        tool_calls=len(feed.calls) if feed is not None else 0,
        wall_s=watch.wall,
        waited_s=waited,
        processes=processes,
        windows=_shares(before, watch),
        session=session,
        transcript=watch.counter.transcript if watch.counter is not None else "",
        exit_code=code,
        child_exit=watch.child_code,
        resume=resume,
        message=feed.message if feed is not None else "",
        complaint=feed.complaint if feed is not None else "",
        output=watch.output(),
        is_finished=feed is not None and feed.is_finished,
        counted_by=watch.counted_by,
        has_usd=watch.counted_by != "closing" or _states_usd(feed),
        limits=watch.setting.limits,
        halt=halt.whom(watch.halt) + (f" ({watch.halt.reason})" if watch.halt.reason else "") if watch.halt else "",
    )


def _states_usd(feed: Feed | None) -> bool:
    return feed is not None and feed.closing is not None and feed.closing.usd is not None


def _own_crossing(watch: RunWatch) -> Crossing | None:
    """The client ended by the limit that we had given it."""
    assert watch.feed is not None  # noqa: S101 - asked only where there is one
    unit = watch.feed.own_limit
    if watch.client is None or not command.is_ours(watch.client, unit):
        return None
    limit = getattr(watch.setting.limits, unit)
    return None if limit is None else Crossing(unit, limit, getattr(watch.spent(), unit))


def _shares(before: Sequence[Share], watch: RunWatch) -> list[Share]:
    after = {reading.window: reading for reading in watch.readings()}
    shares = []
    for share in before:
        said = after.pop(share.window, None)
        shares.append(share if said is None else share._replace(after=said.used_percent, resets_at=said.resets_at))
    return shares + [Share(name, None, said.used_percent, said.resets_at) for name, said in after.items()]
