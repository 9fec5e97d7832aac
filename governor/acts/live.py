"""What a session has used, to its last response: what a hook needs to hold a budget within one tool call.

The ledger is a minute behind, and a hook may not open it. So this reads what was appended to the session's own
transcripts (and its subagents') since the last tool call, counts by the same rule as the ledger does (each response
once, its largest output), and keeps the sums in one small private file per session. It counts from the first event of
the session that reached us; what a resumed session used before is taken from the ledger, by way of the letter.

Runs inside hooks: the standard library's cheapest modules alone.
"""

from __future__ import annotations

import os

from governor.acts import session_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from governor.guards.budget import Used
    from governor.guards.usage import Response

AT_ONCE = 8 * 2**20  # bytes read at one event; a longer backlog is taken in over the next ones
KEPT_IDS = 64  # responses whose lines may still be written
KEPT_LATE = 400  # responses the ledger may not know yet
CALL = "toolu_"  # how the vendor's ids of tool calls begin; no others are waited for
UNSEEN = 3  # calls in a row that nothing was written of: this client keeps no transcript
DEPTH = 3  # of folders below a session's subagents
PICO = 1e12


class Session:
    """One session's sums. Hold it open (``with``) while it is changed: other hooks of the session wait meanwhile."""

    def __init__(self, state_home: str, lane: str, session: str, now: float) -> None:
        self.path = session_file(state_home, "live", lane=lane, session=session)
        self.lane = lane
        self.session = session[:100]
        self.now = now
        self.state: dict[str, Any] = {}
        self._descriptor = -1

    def __enter__(self) -> Session:
        """Raises: OSError where the state folder cannot be written: then nothing can be counted."""
        import fcntl

        from governor import hook, wire

        hook.make_private(os.path.dirname(self.path))
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # held for milliseconds; a dead holder's is the kernel's to free
        try:
            state = wire.loads(os.read(self._descriptor, 2**22) or b"{}")
        except ValueError:
            state = {}
        if isinstance(state, dict) and state.get("version") == 1:
            self.state = state
        else:
            self.state = {"version": 1, "session": self.session, "started": self.now, "prompt": "", "late": []}
            self.state["uses"] = []
            self.state |= {name: {} for name in ("sums", "calls", "days", "agents", "files", "ids")}
        return self

    def __exit__(self, *_: object) -> None:
        from governor import wire

        try:
            raw = wire.dumps(self.state)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, raw, 0)
        except OSError:
            pass  # a full disk: the next event counts from nothing, which stops nobody
        finally:
            os.close(self._descriptor)

    @property
    def project(self) -> str:
        """The folder the session began in."""
        return str(self.state.get("project", ""))

    @property
    def prompt(self) -> str:
        """What names the running request."""
        return str(self.state["prompt"])

    def clock(self, at: float) -> str:
        """An epoch second as this machine's clock shows it, with the day where that is another."""
        import time

        moment, today = time.localtime(at), time.localtime(self.now)
        return time.strftime("%H:%M" if moment[:3] == today[:3] else "%a %H:%M", moment)

    def begin(self, event: dict[str, Any]) -> None:
        """A prompt begins: whatever is in the transcripts by now belongs to no request of ours."""
        prompt = str(event.get("prompt_id") or event.get("turn_id") or self.now)
        if prompt == self.state["prompt"]:
            return
        fresh = not self.state["prompt"]
        self.state |= {"prompt": prompt, "prompt_at": self.now}
        self.state["sums"].pop("request", None)
        self.state["calls"].pop("request", None)
        if fresh:
            for path in self._files(event):
                self.state["files"].setdefault(path, _size(path))

    def is_charged(self, event: dict[str, Any]) -> bool:
        """Was this very call let through already? A hook that is wired twice asks twice."""
        return str(event.get("tool_use_id") or "-")[:100] in self.state.get("charged", ())

    def call(self, event: dict[str, Any]) -> None:
        """One more tool call is let through."""
        use = str(event.get("tool_use_id") or "")[:100]
        self.state["charged"] = [*self.state.get("charged", ()), *([use] if use else ())][-KEPT_IDS:]
        calls, agent = self.state["calls"], str(event.get("agent_id") or "")[:100]
        for scope in ("session", "request", f"agent:{agent}"):
            calls[scope] = calls.get(scope, 0) + 1
        import time

        day = time.strftime("%Y-%m-%d", time.localtime(self.now))
        self.state["days"][day] = self.state["days"].get(day, 0) + 1

    def note_place(self, event: dict[str, Any], letter: dict[str, Any]) -> None:
        """Remember where the session began, what it had used by then, and when each subagent was first heard of."""
        cwd, agent = event.get("cwd"), event.get("agent_id")
        if "project" not in self.state:
            self.state["project"] = cwd[:400] if isinstance(cwd, str) else ""
            before = (letter.get("before") or {}).get(self.session)
            if isinstance(before, list) and len(before) == 4:
                self.state["sums"]["session"] = before
        if isinstance(agent, str) and agent:
            self.state["agents"].setdefault(agent[:100], self.now)
        if "prompt_at" not in self.state:  # begun before we were installed
            self.begin(event)

    def take_in(self, event: dict[str, Any], rates: dict[str, Any], *, patience_s: float = 0.0) -> None:
        """Count what was appended to the session's transcripts since last time.

        A client may ask before it has written the response that wants this very call. With ``patience_s`` that is
        waited for, unless the last calls of this session were never seen to be written at all.
        """
        import time

        use = str(event.get("tool_use_id") or "")
        deadline = time.monotonic() + patience_s
        self._read(event, rates)
        patient = patience_s > 0 and use.startswith(CALL) and self.state.get("unseen", 0) < UNSEEN
        while patient and use not in self.state["uses"] and time.monotonic() < deadline:
            time.sleep(0.005)
            self._read(event, rates)
        if patient:
            self.state["unseen"] = 0 if use in self.state["uses"] else self.state.get("unseen", 0) + 1

    def _read(self, event: dict[str, Any], rates: dict[str, Any]) -> None:
        from governor.guards.usage import claude, codex

        left = AT_ONCE
        for path in self._files(event):
            offset = self.state["files"].get(path, 0)
            data = _appended(path, offset, left)
            if not data:
                continue
            left -= len(data)
            self.state["files"][path] = offset + len(data)
            called = [part[:60].partition(b'"')[0] for part in data.split(b'"id":"' + CALL.encode())[1:]]
            self.state["uses"] = [*self.state["uses"], *(CALL + one.decode("utf-8", "replace") for one in called)][
                -KEPT_IDS:
            ]
            agent = _agent_of(path)
            for response in (claude if self.lane == "claude" else codex)(data, str(event.get("model") or "")):
                self._count(response, agent, rates)
        self.state["ids"] = dict(list(self.state["ids"].items())[-KEPT_IDS:])
        late = self.state["late"]
        if len(late) > KEPT_LATE:  # nobody refreshes: the older half becomes one row, dated at its last
            half = late[: KEPT_LATE // 2]
            sums = [sum(row[place] for row in half) for place in range(2, 6)]
            self.state["late"] = [[half[-1][0], "", *sums], *late[KEPT_LATE // 2 :]]

    def _count(self, response: Response, agent: str, rates: dict[str, Any]) -> None:
        """Add a response, or what a later line of it states beyond an earlier one."""
        from governor.guards.usage import weighed

        key, at, model, counts = response
        if at is not None and at < self.state["started"] - 1:
            return  # copied out of an older session
        known = self.state["ids"].get(key)
        if known is not None and known[1] >= counts[1]:
            return
        before = known or [0] * len(counts)
        self.state["ids"][key] = counts
        more = [new - old for new, old in zip(counts, before)]
        added = weighed(more, rates.get(model), first=known is None, context=sum(counts) - counts[1])
        for scope in ("session", "request", f"agent:{agent}"):
            kept = self.state["sums"].get(scope, [0, 0, 0, 0])
            self.state["sums"][scope] = [a + b for a, b in zip(kept, added)]
        self.state["late"].append([self.now if at is None else at, agent, *added])

    def scopes(self, event: dict[str, Any], letter: dict[str, Any]) -> dict[str, Used]:
        """What was used by scope. ``late`` is what the letter's day and project figures do not hold yet: responses
        newer than those it ``covered`` by thread, and tool calls beyond those it counted.
        """
        from governor.guards.budget import Used
        from governor.guards.usage import PICOUSD, TOKENS, UNITS, UNPRICED

        agent = str(event.get("agent_id") or "")[:100]
        started = {"session": self.state["started"], "request": self.state.get("prompt_at", self.state["started"])}
        if agent:
            started[f"agent:{agent}"] = self.state["agents"].get(agent, self.now)
        found = {}
        for scope, since in started.items():
            sums = self.state["sums"].get(scope, [0, 0, 0, 0])
            calls = self.state["calls"].get(scope, 0)
            found[scope.partition(":")[0]] = Used(
                tokens=sums[TOKENS],
                usd=sums[PICOUSD] / PICO,
                units=sums[UNITS],
                unpriced=sums[UNPRICED],
                tool_calls=calls,
                since=since,
                wall=max(self.now - since, 0.0),
            )
        covered = (letter.get("covered") or {}).get(self.session) or {}
        late = [row for row in self.state["late"] if row[0] > covered.get(row[1], 0) + 0.0005]
        totals = [sum(row[place] for row in late) for place in range(2, 6)]
        counted = (letter.get("calls") or {}).get(self.session) or 0
        found["late"] = Used(
            tokens=totals[TOKENS],
            usd=totals[PICOUSD] / PICO,
            units=totals[UNITS],
            unpriced=totals[UNPRICED],
            tool_calls=max(self.state["calls"].get("session", 0) - counted, 0),
        )
        return found

    def _files(self, event: dict[str, Any]) -> list[str]:
        """The session's own transcript and its subagents'. The path is the host's word: only read, never followed."""
        path = event.get("transcript_path")
        if not isinstance(path, str) or not path.endswith(".jsonl") or "\0" in path:
            return []
        return [path, *_below(f"{path[: -len('.jsonl')]}/subagents", DEPTH)]


def _below(folder: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False):
            yield entry.path
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, depth - 1)


def _agent_of(path: str) -> str:
    name = os.path.basename(path)
    return name.removeprefix("agent-").removesuffix(".jsonl") if name.startswith("agent-") else ""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _appended(path: str, offset: int, most: int) -> bytes:
    """Whole lines written since ``offset``, ``most`` bytes at the most; nothing for a link or a FIFO. Of a line that is
    longer, what there is of it: it is passed over.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        data = os.pread(descriptor, max(most, 0), offset)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    end = data.rfind(b"\n") + 1
    return data[:end] if end or len(data) < most else data
