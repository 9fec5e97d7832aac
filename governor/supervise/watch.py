"""The watch over one running command: reads what it says, counts what it uses, and ends it when a limit is crossed.

Looks at least every half second, so that a run that has got away from its owner is being ended within two.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any, NamedTuple

import orjson

from governor import accounts
from governor.hooks import runtime
from governor.hooks.state import halts
from governor.hooks.state.halt_file import Agent, Halt
from governor.model import LimitReading, Tally
from governor.quota import stated_refusal
from governor.supervise.budget import Crossing, RunLimits, RunSpent, crossed
from governor.supervise.command import Client
from governor.supervise.process import ChildProcess
from governor.supervise.stdout_writer import StdoutWriter
from governor.supervise.stop_signals import Ladder
from governor.supervise.stream import Feed
from governor.supervise.tally import RunCounter

TICK_S = 0.2
LOOK_S = 0.4  # between two looks at the transcripts
REMNANTS_S = 2.0  # what outlives the client gets this long between two signals
LINE_LIMIT = 64 * 2**20  # bytes; a longer line is passed on but not understood
GIVE_UP = 4  # signals after which what cannot be killed (it hangs in the kernel) is left
PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP")


class Setting(NamedTuple):
    """Where and how the command runs. ``stdout`` for a command nobody understands: None is our own."""

    home: str
    limits: RunLimits
    grace: float
    prices: dict[str, Any]
    env: Mapping[str, str] | None = None
    cwd: str | None = None
    stdout: int | None = None
    stderr: int | None = None
    on_output: Callable[[], None] = lambda: None


class RunWatch:
    """One run, over all processes it takes. Afterwards its fields say how it went."""

    def __init__(self, client: Client | None, setting: Setting, outlet: StdoutWriter | None) -> None:
        self.client = client
        self.setting = setting
        self.outlet = outlet
        self.feed = Feed(client.lane) if client is not None else None
        self.counter = (
            RunCounter(client.lane, prices=setting.prices, fresh=client.is_fresh, earlier=client.session)
            if client is not None
            else None
        )
        self.crossing: Crossing | None = None
        self.halt: Halt | None = None  # the user's halt that ended it, or kept it from starting
        self.signals: list[int] = []  # that we were sent ourselves
        self.is_closed = False  # whoever read our stdout went away
        self.child_code: int | None = None
        self.raw_result = b""
        self.lines: list[bytes] = []  # kept only where the person would have got all events as one array
        self._metered_at = int(time.time())  # what the meter says next was answered after this
        self._wall = 0.0
        self._began: float | None = None
        self._handled = 0
        self._rest = b""

    @property
    def wall(self) -> float:
        """Seconds of work so far, on a clock that nobody can set; waiting between processes is not work."""
        return self._wall + (time.monotonic() - self._began if self._began is not None else 0.0)

    @property
    def tally(self) -> Tally:
        return self.counter.tally(self.feed) if self.counter is not None and self.feed is not None else Tally()

    @property
    def counted_by(self) -> str:
        """Who states the tally (``Counter.counted_by``); empty where nobody does."""
        return self.counter.counted_by(self.feed) if self.counter is not None and self.feed is not None else ""

    def spent(self) -> RunSpent:
        tally = self.tally
        calls = len(self.feed.calls) if self.feed is not None else 0
        return RunSpent(tally.usd, tally.fresh, calls, self.wall)

    def once(self, argv: list[str], *, stdin: int | IO[bytes] | None) -> None:
        """Run one process to its end. Raises: OSError where it cannot be started."""
        piped = self.client is not None
        setting = self.setting
        child = ChildProcess(
            argv,
            stdin=stdin,
            env=setting.env,
            cwd=setting.cwd,
            stdout=subprocess.PIPE if piped else setting.stdout,
            stderr=setting.stderr,
        )
        self._began = time.monotonic()
        self._rest, self.raw_result, self.lines = b"", b"", []
        try:
            with self._passing_on():
                self._follow(child)
        except BaseException:  # a fault of ours must not leave a run that nobody watches
            child.send("TERM")
            time.sleep(TICK_S)
            child.send("KILL")
            raise
        finally:
            self._wall, self._began = self.wall, None
            child.let_go()
        self.child_code = child.code
        self._look()
        if self.crossing is None and not self.signals and self.counted_by == "closing":
            # Nothing could be counted before the end: what would have ended the run is said now.
            self.crossing = crossed(self.setting.limits, self.spent()._replace(wall=0.0))

    def _follow(self, child: ChildProcess) -> None:
        ladder = Ladder(grace=self.setting.grace)
        pipe = child.process.stdout
        looked = 0.0
        gone_at: float | None = None
        with selectors.DefaultSelector() as selector:
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ)
            while True:
                full = self.outlet is not None and self.outlet.is_full
                ready = bool(selector.get_map()) and not full and bool(selector.select(TICK_S))
                if not ready and (full or not selector.get_map()) and child.code is None:
                    time.sleep(TICK_S)
                if ready and pipe is not None and not self._read(pipe.fileno()):
                    selector.unregister(pipe)
                now = time.monotonic()
                if now - looked >= LOOK_S:
                    self._look()
                    self.is_halted()
                    looked = now
                if child.code is None:
                    self._judge(ladder, now)
                step = ladder.due(now)
                if step is not None:
                    child.send(step)
                if child.code is None:
                    continue
                gone_at = now if gone_at is None else gone_at
                if ready and not ladder.is_begun and now - gone_at < REMNANTS_S:
                    continue  # what was said last may still be in the pipe
                if not ladder.is_begun or ladder.taken >= GIVE_UP or not child.members():
                    return
                ladder.hurry(now, within=min(self.setting.grace, REMNANTS_S))
                time.sleep(TICK_S / 4)

    def _judge(self, ladder: Ladder, now: float) -> None:
        if len(self.signals) > self._handled:
            self._handled = len(self.signals)
            ladder.begin(now)
        if ladder.is_begun:
            return
        if self.feed is None or not self.feed.is_finished:  # what has just ended well needs no ending
            self.crossing = crossed(self.setting.limits, self.spent())
        gone = self.outlet.fault if self.outlet is not None else None
        self.is_closed = gone is not None and gone.errno == errno.EPIPE
        if self.crossing is not None or self.is_closed or self.halt is not None:
            ladder.begin(now)

    def is_halted(self) -> bool:
        """Has the user halted this run? Looks anew until one is found, then keeps it."""
        if self.halt is None:
            lane = self.client.lane if self.client is not None else ""
            session = self.feed.session if self.feed is not None else ""
            agent = Agent(lane=lane, session=session, folder=self.setting.cwd or os.getcwd(), kinds=("main",))
            held = halts.holding(self.setting.home, agent, time.time())
            self.halt = held[0] if held is not None else None
        return self.halt is not None

    def _look(self) -> None:
        if self.counter is not None and self.feed is not None:
            self.counter.look(self.feed.session)

    def _read(self, descriptor: int) -> bool:
        """Take what the client has said; False at its end."""
        try:
            data = os.read(descriptor, 2**20)
        except BlockingIOError:
            return True
        self.setting.on_output()
        if not data:
            self._line(self._rest)
            return False
        if self.outlet is not None and self.client is not None and self.client.shape == "as-is":
            self.outlet.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LINE_LIMIT:
            self._rest = b""
        return True

    def _line(self, line: bytes) -> None:
        if not line.startswith(b"{") or self.feed is None:
            return
        try:
            event = orjson.loads(line)
        except ValueError:
            return
        if self.client is not None and self.client.shape == "json-all":
            self.lines.append(line)
        if event.get("type") == "result":
            self.raw_result = line
        now = int(time.time())
        fresh = self.feed.take(event)
        dated = {"began_at": self._metered_at, "session": self.feed.session or None}
        for said in fresh:
            self._spool({"lane": "claude", **said._asdict(), "observed_at": now, "source": "stream", **dated})
        if fresh:
            self._metered_at = now
        for stated in self.feed.refused:
            self._spool(stated.reading(self.feed.lane, at=now))

    def _spool(self, record: dict[str, Any]) -> None:
        """So that headless work calibrates too: no status line runs there."""
        record = {**record, "account": accounts.own(str(record["lane"]))}
        try:
            runtime.append(self.setting.home, "limits.jsonl", json.dumps(record, separators=(",", ":")).encode())
        except OSError:
            pass  # a full disk costs a reading, not the run

    def output(self) -> bytes:
        """What the client would have put on stdout in the format the person chose; nothing where that was passed on."""
        if self.client is None or self.feed is None or self.client.shape == "as-is":
            return b""
        if self.client.shape == "json":
            return self.raw_result + b"\n" if self.raw_result else b""
        if self.client.shape == "json-all":
            return b"[" + b",".join(self.lines) + b"]\n" if self.lines else b""
        said = self.feed.message or (self.feed.complaint if self.client.lane == "claude" else "")
        return said.encode("utf-8", "replace") + b"\n" if said else b""

    def readings(self) -> list[LimitReading]:
        """The newest word on each window that the run itself brought."""
        heard = self.counter.limits if self.counter is not None else []
        latest = {each.window: each for each in heard if each.source != stated_refusal.SOURCE}
        if latest:
            return list(latest.values())
        return [
            LimitReading("claude", said.window, said.used_percent, said.resets_at, int(time.time()), "stream")
            for said in (self.feed.official.values() if self.feed is not None else ())
        ]

    @contextmanager
    def _passing_on(self) -> Iterator[None]:
        """What we are told, the run is told: ^C and the like begin its ending, and again they hasten it."""

        def note(number: int, _: FrameType | None) -> None:
            self.signals.append(number)

        before = {}
        try:
            for name in PASSED_ON:
                number = getattr(signal, name)
                if signal.getsignal(number) != signal.SIG_IGN:  # nohup, cron
                    before[number] = signal.signal(number, note)
        except ValueError:
            pass  # not the main thread: whoever called us handles signals
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def own_stdin() -> int | None:
    """What the client may read: our own stdin, but never a terminal, which it could only wait for in vain."""
    try:
        return subprocess.DEVNULL if os.isatty(sys.stdin.fileno()) else None
    except (OSError, ValueError, AttributeError):
        return subprocess.DEVNULL
