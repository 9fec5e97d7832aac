"""What a session has used, to its last response: what a hook needs to hold a budget within one tool call.

The ledger is a minute behind, and a hook may not open it. So this reads what the session's own transcripts (and its
subagents') gained since the last tool call, counts by the same rule as the ledger does (each response once, its largest
output), and keeps the sums in one small private file per session. It counts from the first event of the session that
reached us; what a resumed session used before is taken from the ledger, by way of the snapshot.

A response counts once however its line got into a file: the newest are in the session's file, all of them in a list
beside it (``.seen-…``) that is opened only when a file is read from its beginning.

Runs inside hooks: the standard library's cheapest modules alone.
"""

from __future__ import annotations

import os

from governor.hooks.state import locks, session_file, transcript_growth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from governor.hooks.budget.rules import Used
    from governor.hooks.budget.usage_lines import Response

KEPT_IDS = 64  # responses whose lines may still be written
KEPT_LATE = 2000  # responses that wait to be told to the other sessions
LATE_S = 60.0  # a line this much older than the newest may repeat a response that is among KEPT_IDS no more
PLACES = 16  # where the session's transcript lay; whoever writes may not have followed a move yet
CALL = "toolu_"  # how the vendor's ids of tool calls begin; no others are waited for
UNSEEN = 3  # calls in a row that nothing was written of: this client keeps no transcript
PICO = 1e12


class SessionUsage:
    """One session's sums. Hold it open (``with``) while it is changed: other hooks of the session wait meanwhile."""

    def __init__(self, state_home: str, lane: str, session: str, now: float) -> None:
        self.path = session_file(state_home, "live", lane=lane, session=session)
        self.seen = "/.seen-".join(os.path.split(self.path))
        self.lane = lane
        self.session = session[:100]
        self.now = now
        self.state: dict[str, Any] = {}
        self.wait_s: float | None = None
        self._descriptor = -1
        self._raw = b""
        self.sizes: dict[str, int] = {}  # of each file that was looked at, those that grew first
        self._noted: list[str] = []  # responses to add to the list of all

    def __enter__(self) -> SessionUsage:
        """Raises: OSError where the state folder cannot be written, BusyError where another hook does not move on:
        then nothing can be counted.
        """
        from governor.hooks import fast_json, runtime

        runtime.make_private(os.path.dirname(self.path))
        self._descriptor = locks.locked(self.path, wait_s=self.wait_s)
        self._raw = os.read(self._descriptor, 2**22).partition(b"\n")[0]
        try:
            state = fast_json.loads(self._raw or b"{}")
        except ValueError:
            state = {}
        if isinstance(state, dict) and state.get("version") == 1:
            self.state = state
            self._adopt()
        else:
            self.state = {"version": 1, "session": self.session, "started": self.now, "prompt": "", "uses": []}
            self.state |= {name: {} for name in ("sums", "calls", "days", "agents", "read", "ids", "late")}
            self.state["places"] = []
        return self

    def __exit__(self, *_: object) -> None:
        from governor.hooks import fast_json, runtime

        try:
            raw = fast_json.dumps(self.state)
            if raw != self._raw:
                locks.rewrite(self._descriptor, raw)
            if self._noted:
                seen = runtime.open_to_append(self.seen)
                try:
                    os.write(seen, "".join(self._noted).encode("utf-8", "replace"))
                finally:
                    os.close(seen)
        except OSError:
            pass  # a full disk: the next event counts from nothing, which stops nobody
        finally:
            os.close(self._descriptor)

    def _adopt(self) -> None:
        """A file that an older version wrote knew transcripts by their paths, and dated what the ledger lacked."""
        state = self.state
        if "read" not in state:
            state |= {"read": {}, "places": [], "late": {}}
            for path, offset in (state.pop("files", None) or {}).items():
                transcript_growth.skip(path, state["read"], to=offset)

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
            for path in transcript_growth.files(self.state["places"]):
                transcript_growth.skip(path, self.state["read"])

    def is_charged(self, event: dict[str, Any]) -> bool:
        """Was this very call let through already? A hook that is wired twice asks twice."""
        return str(event.get("tool_use_id") or "-")[:100] in self.state.get("charged", ())

    def call(self, event: dict[str, Any], *, more: int = 1) -> None:
        """One more tool call is let through; -1 takes it back, for another guard refused it."""
        use = str(event.get("tool_use_id") or "")[:100]
        others = [name for name in self.state.get("charged", ()) if name != use]
        self.state["charged"] = [*others, *([use] if use and more > 0 else ())][-KEPT_IDS:]
        calls, agent = self.state["calls"], str(event.get("agent_id") or "")[:100]
        for scope in ("session", "request", f"agent:{agent}"):
            calls[scope] = max(calls.get(scope, 0) + more, 0)
        day = day_of(self.now)
        self.state["days"][day] = max(self.state["days"].get(day, 0) + more, 0)

    def note_place(self, event: dict[str, Any], snapshot: dict[str, Any]) -> None:
        """Remember where the session began, what it had used by then, and when each subagent was first heard of."""
        cwd, agent = event.get("cwd"), event.get("agent_id")
        self._note_transcript(event)
        if "project" not in self.state:
            self.state["project"] = cwd[:400] if isinstance(cwd, str) else ""
            before = (snapshot.get("before") or {}).get(self.session)
            if isinstance(before, list) and len(before) == 4:
                self.state["sums"]["session"] = before
        if isinstance(agent, str) and agent:
            self.state["agents"].setdefault(agent[:100], self.now)
        if "prompt_at" not in self.state:  # begun before we were installed
            self.begin(event)

    def _note_transcript(self, event: dict[str, Any]) -> None:
        path, places = event.get("transcript_path"), self.state["places"]
        if transcript_growth.is_transcript(path) and path not in places[-1:]:
            self.state["places"] = [*(place for place in places if place != path), path][-PLACES:]
        if event.get("model"):
            self.state["model"] = str(event["model"])[:100]

    def take_in(self, event: dict[str, Any], rates: dict[str, Any], *, patience_s: float = 0.0) -> None:
        """Count what the session's transcripts gained since last time; ``event`` may be empty.

        A client may ask before it has written the response that wants this very call. With ``patience_s`` that is
        waited for, unless the last calls of this session were never seen to be written at all.
        """
        import time

        self._note_transcript(event)
        use = str(event.get("tool_use_id") or "")
        deadline = time.monotonic() + patience_s
        self._read(rates)
        patient = patience_s > 0 and use.startswith(CALL) and self.state.get("unseen", 0) < UNSEEN
        while patient and use not in self.state["uses"] and time.monotonic() < deadline:
            time.sleep(0.005)
            self._read(rates)
        if patient:
            self.state["unseen"] = 0 if use in self.state["uses"] else self.state.get("unseen", 0) + 1

    def _read(self, rates: dict[str, Any]) -> None:
        from governor.hooks.budget.usage_lines import claude, codex

        left = transcript_growth.AT_ONCE
        for path in transcript_growth.files(self.state["places"]):
            news = transcript_growth.read(path, self.state["read"], left)
            data = news.lines
            self.sizes.pop(path, None)
            self.sizes = {path: news.size, **self.sizes} if data else {**self.sizes, path: news.size}
            if not data:
                continue
            left -= len(data)
            self._note(data)
            if news.again:
                self._remember()
            agent = transcript_growth.agent_of(path)
            responses = (claude if self.lane == "claude" else codex)(data, self.state.get("model", ""), self.session)
            for response in responses:
                self._count(response, agent, rates, project=news.project)
        self.state["ids"] = dict(list(self.state["ids"].items())[-KEPT_IDS:])

    def _note(self, data: bytes) -> None:
        """Which calls these lines ask for, and the branch they were written on."""
        called = [part[:60].partition(b'"')[0] for part in data.split(b'"id":"' + CALL.encode())[1:]]
        uses = [*self.state["uses"], *(CALL + one.decode("utf-8", "replace") for one in called)]
        self.state["uses"] = uses[-KEPT_IDS:]
        branch = data.rpartition(b'"gitBranch":"')[2][:200].partition(b'"')[0] if b'"gitBranch":"' in data else b""
        if branch:
            self.state["branch"] = branch.decode("utf-8", "replace")

    def _remember(self) -> None:
        """Have every response of the session at hand, with its largest counts."""
        try:
            with open(self.seen, "rb") as file:
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return
        seen = {}
        for line in lines:
            key, *counts = line.split("\t")
            if len(counts) == 5 and all(count.isdigit() for count in counts):
                seen[key] = [int(count) for count in counts]
        self.state["ids"] = {**seen, **self.state["ids"]}

    def _count(self, response: Response, agent: str, rates: dict[str, Any], *, project: str = "") -> None:
        """Add a response, or what a later line of it states beyond an earlier one."""
        from governor.hooks.budget.shared_sums import AMOUNTS, OUTPUT, plus, row
        from governor.hooks.budget.usage_lines import weighed

        key, at, model, counts = response
        if at is not None and at < self.state["started"] - 1:
            return  # copied out of an older session
        newest = self.state.get("newest", 0.0)
        if at is not None and key not in self.state["ids"] and at < newest - LATE_S:
            self._remember()  # an old line: perhaps a repetition
        self.state["newest"] = max(newest, at or 0.0)
        known = self.state["ids"].pop(key, None)
        if known is not None and known[1] >= counts[1]:
            self.state["ids"][key] = known
            return
        before = known or [0] * len(counts)
        self.state["ids"][key] = counts
        self._noted.append("\t".join((key, *map(str, counts))) + "\n")
        more = plus(counts, [-old for old in before])
        added = weighed(more, rates.get(model), first=known is None, context=sum(counts) - counts[1])
        for scope in ("session", "request", f"agent:{agent}"):
            kept = self.state["sums"].get(scope, [0, 0, 0, 0])
            self.state["sums"][scope] = plus(kept, added)
        late = self.state["late"].get(key)
        if late is None:
            where = (self.lane, project or self.project, str(self.state.get("branch", "")))
            late = row(where, at=self.now if at is None else at, begun=before[1])
        late[AMOUNTS] = plus(late[AMOUNTS], added)
        late[OUTPUT] = counts[1]
        self.state["late"][key] = late
        if len(self.state["late"]) > KEPT_LATE:  # no budget asks for them: the ledger has what is left out
            self.state["late"] = dict(list(self.state["late"].items())[KEPT_LATE // 2 :])

    def scopes(self, event: dict[str, Any]) -> dict[str, Used]:
        """What was used by this session's own scopes: session, request and, in a subagent, agent."""
        from governor.hooks.budget.rules import Used
        from governor.hooks.budget.usage_lines import PICOUSD, TOKENS, UNITS, UNPRICED

        agent = str(event.get("agent_id") or "")[:100]
        started = {"session": self.state["started"], "request": self.state.get("prompt_at", self.state["started"])}
        if agent:
            started[f"agent:{agent}"] = self.state["agents"].get(agent, self.now)
        found = {}
        for scope, since in started.items():
            sums = self.state["sums"].get(scope, [0, 0, 0, 0])
            found[scope.partition(":")[0]] = Used(
                tokens=sums[TOKENS],
                usd=sums[PICOUSD] / PICO,
                units=sums[UNITS],
                unpriced=sums[UNPRICED],
                tool_calls=self.state["calls"].get(scope, 0),
                since=since,
                wall=max(self.now - since, 0.0),
            )
        return found


def day_of(at: float) -> str:
    """The local date of an epoch second."""
    import time

    return time.strftime("%Y-%m-%d", time.localtime(at))
