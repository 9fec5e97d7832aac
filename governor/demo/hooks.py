"""What the installed hooks would have left over the made-up life: their runs, and what they decided.

Every hook runs where its client would have run it (``demo.moments``), and the guards themselves decide, by the snapshots
that a refresh would have left by then (``demo.letters``). Two things the life says nothing of, so they are thrown here:
what a prompt asked for, and a few turns of Codex that called one tool over and over (its rollouts show no calls).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from governor.demo.claude import FAILS_EVERY, TOOLS
from governor.demo.moments import moments
from governor.demo.official import Shown
from governor.demo.snapshots import Snapshots
from governor.hooks import attended, runtime
from governor.hooks.loop import rules as loop_rules
from governor.hooks.loop import run as loop_run
from governor.hooks.pacing import going_on
from governor.hooks.pacing import rules as pacing_rules
from governor.hooks.price import rules as price_rules
from governor.hooks.router import rules as router_rules
from governor.hooks.router import tier_hint
from governor.hooks.spawn import degrade, over_limit, spawn_event
from governor.hooks.spawn import rules as spawn_rules
from governor.review.overhead import REFRESH

if TYPE_CHECKING:
    from pathlib import Path

    from governor.demo.life import Life, MadeUpResponse, MadeUpSession
    from governor.demo.official import MadeUpMeter

BARE_MS = 9.5  # CPU of an interpreter that does nothing
OVER_MS = {  # over it: quiet, and with something to decide (docs/performance.md)
    "pacing": (3.0, 4.1),
    "router": (3.7, 6.3),
    "budget": (3.8, 6.4),
    "loop": (4.5, 7.1),
    "spawn": (3.9, 6.9),
    "price": (3.1, 4.4),
    "memory_compactor": (3.2, 4.2),
    "statusline": (5.5, 5.5),
}
REFRESH_MS = 190.0  # a whole process that takes in one turn and writes the snapshots
ENTER_S = 20.0  # a prompt that was held was sent again after this long
ALIKE = 4  # the call of a turn that is one too many of the same
LONG = 8  # responses of a turn that may have been stuck
# What prompts ask for, and how often. The guards read it, and nothing of it is kept.
BROAD = "Rename Account to Customer in all modules and update every import across the package"
ASKED = {
    BROAD: 0.12,
    "Add type hints to every public function in the whole library": 0.05,
    "Review the design of the import pipeline": 0.06,
    "Investigate the flaky test": 0.03,
    "Fix the typos in the changelog": 0.05,
    "": 0.69,
}


def leave(state_home: Path, life: Life, official: MadeUpMeter, *, seed: int) -> dict[str, dict[str, int]]:
    """Write both spools; how many ``runs`` and ``decisions`` are in them, by hook."""
    hooks = Hooks(life, official, seed=seed)
    for at, what, given in moments(life, official):
        getattr(hooks, what)(at, *given)
    runtime.make_private(str(state_home / "spool"))
    left = (("hooks.jsonl", hooks.runs, "t"), ("decisions.jsonl", hooks.decisions, "at"))
    for name, records, when in left:
        lines = [orjson.dumps(record) + b"\n" for record in sorted(records, key=lambda record: float(record[when]))]
        (state_home / "spool" / name).write_bytes(b"".join(lines))
    return {
        "runs": dict(sorted(Counter(run["h"] for run in hooks.runs).items())),
        "decisions": dict(sorted(Counter(record["hook"] for record in hooks.decisions).items())),
    }


class Hooks:
    """All of them, told of every moment in the order of time; ``runs`` and ``decisions`` are the lines they leave."""

    def __init__(self, life: Life, official: MadeUpMeter, *, seed: int) -> None:
        self.official = official
        self.rng = random.Random(f"hooks {seed}")  # noqa: S311 - repeatable, not secret; the life has dice of its own
        self.snapshots = Snapshots(life)
        self.runs: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self.seen: set[str] = set()  # episodes
        self.noted: dict[tuple[str, str], str] = {}  # what the loop guard last said of a session
        self.books: dict[str, spawn_rules.Book] = defaultdict(spawn_rules.fresh)
        self.rung = 0.0
        self.stuck = _stuck(life)
        self.at_work: dict[str, list[float]] = defaultdict(list)  # when Codex was, by project
        for one in life.family("codex"):
            self.at_work[one.project] += [response.at_ms / 1000 for response in one.responses]
        for times in self.at_work.values():
            times.sort()

    def shown(self, _: float, shown: Shown) -> None:
        """The status line was handed an official figure."""
        self.snapshots.hear(shown)

    def respond(self, _: float, one: MadeUpSession, response: MadeUpResponse) -> None:
        """There is something to take in; Codex states the official figures with it."""
        self.snapshots.use(one, response)
        if one.lane == "codex":
            for stand in self.official.stands[response.id]:
                self.snapshots.hear(Shown("codex", response.at_ms // 1000, stand))

    def start(self, at: float, one: MadeUpSession, response: MadeUpResponse, away: float) -> None:
        """SessionStart; ``away`` are the seconds since the session's last response, 0 for a new one."""
        self._ran("pacing", at)
        if one.lane == "codex":
            return
        event: dict[str, Any] = {"hook_event_name": "SessionStart", "session_id": one.id, "model": one.model}
        event["source"] = "resume" if away else "fork" if one.forked_from else "startup"
        event["context_tokens"] = response.cache_read + response.cache_write_1h
        event |= {"seconds_since_last_response": away, "prompt_cache_likely_expired": away > one.habit.cache_s}
        said = price_rules.say(event, self.snapshots.price(), now=at)
        self._ran("price", at, acts=said is not None)
        if said is not None:
            self._decided("price", one, at, {"decision": "told", **said[1], "session": one.id})

    def prompt(self, at: float, one: MadeUpSession, notified: bool, *, again: bool = False) -> None:
        """UserPromptSubmit. What is held at the wall is sent again, and goes out at ``at``."""
        event: dict[str, Any] = {"hook_event_name": "UserPromptSubmit", "session_id": one.id, "model": one.model}
        event |= {"cwd": f"/home/demo/{one.project}", "source": "sdk" if one.surface in ("sdk-cli", "exec") else "user"}
        event["prompt"] = attended.MACHINE_PROMPTS[0] if notified else self._asked(one, at)
        if one.lane == "codex" and one.forked_from:
            event["agent_id"] = one.id
        word, snapshot = self.snapshots.pacing()
        advice = None
        if word == "speak":
            press = going_on.words(event, {}, one.lane) if attended.is_attended(event, {}, one.lane) else None
            is_read = event["source"] == "user"
            asked: dict[str, Any] = {"go_on": lambda: press, "is_watched": lambda: is_read}
            advice = pacing_rules.decide(event, snapshot, lane=one.lane, now=at, seen=self.seen.__contains__, **asked)
        is_held = advice is not None and bool(advice.block) and not again
        when = at - ENTER_S if is_held else at
        if advice is not None:
            self.seen |= {advice.once, advice.also}
            record = {"decision": advice.decision, "rule": advice.rule, "session": one.id}
            self._decided("pacing", one, when, {**record, "said": advice.once.split(":")[0] or "held"})
        self._route(event, one, when)
        self._ran("budget", when)
        self._ran("pacing", when, acts=word == "speak", told=advice.model if advice else "", session=one.id)
        if is_held:
            self.prompt(at, one, notified, again=True)

    def _asked(self, one: MadeUpSession, at: float) -> str:
        """A broad piece of work where Codex set to work on the project soon after: it was taken there."""
        (text,) = self.rng.choices([*ASKED], [*ASKED.values()])
        times = self.at_work[one.project]
        place = bisect_right(times, at)
        is_idle = not place or times[place - 1] < at - router_rules.QUIET_S
        is_next = place < len(times) and times[place] < at + router_rules.QUIET_S
        return BROAD if one.lane == "claude" and is_idle and is_next else text

    def _route(self, event: dict[str, Any], one: MadeUpSession, at: float) -> None:
        """As hooks/prompt_router.py does."""
        word, snapshot = self.snapshots.router()
        is_typed = event["source"] == "user" and "agent_id" not in event
        self._ran("router", at, acts=word == "speak" and is_typed and bool(event["prompt"]))
        if word != "speak" or not is_typed:
            return
        reading = router_rules.read_prompt(event["prompt"], snapshot)
        advice = router_rules.advise(reading, lane=one.lane, snapshot=snapshot, now=at)
        size = None
        if "tiers" in snapshot:
            size = tier_hint.word(event, snapshot, lane=one.lane, now=at, seen=self.seen.__contains__)
        if advice.rule in router_rules.UNRECORDED:
            if size:
                self.seen.add(size["once"])
                self._decided("router", one, at, size["record"])
            return
        line = router_rules.line_for(advice, lane=one.lane, snapshot=snapshot, cwd=event["cwd"], in_git=True)
        mode = router_rules.mode_of(snapshot)
        about = f"router:{one.id}:{advice.decision}"
        once = router_rules.unsaid(about, now=at, seen=self.seen.__contains__) if line else ""
        speaks = bool(once)
        record = router_rules.record_of(advice, reading, session=one.id, cwd=event["cwd"], said=speaks, mode=mode)
        if size and not line:
            self.seen.add(size["once"])
            record = {**size["record"], **record}
        elif speaks:
            self.seen.add(once)
        self._decided("router", one, at, record)

    def call(self, at: float, one: MadeUpSession, index: int) -> None:
        """One tool call, before and after it."""
        self._ran("budget", at)
        if one.responses[index].id in self.stuck:
            _, model = loop_rules.stuck("Bash", ALIKE, ALIKE)
            said = {"rule": "stuck", "tool": "Bash", "count": ALIKE, "session": one.id, "said": True}
            self._decided("loop", one, at + 1.6, {"decision": "told", **said})
            self._ran("loop", at + 1.6, acts=True, told=model, session=one.id)
            return
        if one.lane == "claude" and index % FAILS_EVERY == FAILS_EVERY - 1:
            self._ran("loop", at + 1.5, acts=True)
        elif one.lane == "claude" and TOOLS[index % len(TOOLS)][0] == "Edit":
            self._ran("memory_compactor", at + 1.5)
        self._ran("loop", at + 1.6)

    def spawned(self, at: float, one: MadeUpSession, agent: MadeUpSession) -> None:
        """A subagent is called for: as hooks/spawn_guard.py does, before the call and after it."""
        given = {"subagent_type": agent.agent}
        what = spawn_event.SpawningCall(
            {"tool_name": "Agent", "tool_input": given, "session_id": one.id, "tool_use_id": agent.spawned_by}
        )
        snapshot, wish = self.snapshots.spawn(), spawn_rules.SpawnCall(what.use, kind=what.kind)
        verdict, self.books[one.id] = spawn_rules.take(
            self.books[one.id], wish, snapshot, tick=(at, "demo"), enforce=False
        )
        action = over_limit.action_of(snapshot, one.lane, overridden=False)
        said = over_limit.answer(verdict, action)
        shift = degrade.choose(what, snapshot, lane=one.lane, now=at, current=one.model, overridden=False)
        record = {**over_limit.record_of(verdict, said, action=action, kind=what.kind), **degrade.record_of(shift)}
        if shift.to and said.decision == "admit":
            record["decision"] = "degrade" if shift.acts else "would-degrade"
        self._decided("spawn", one, at, {**record, "session": one.id})
        self._ran("spawn", at, acts=True)
        self._ran("spawn", at + 1.3, acts=True)

    def returned(self, at: float, one: MadeUpSession, agent: MadeUpSession) -> None:
        """SubagentStop."""
        ended = spawn_rules.SpawnCall(agent.spawned_by)
        self.books[one.id] = spawn_rules.finish(self.books[one.id], ended, tick=(at, "demo"))
        self._ran("spawn", at, acts=True)

    def stop(self, at: float, one: MadeUpSession) -> None:
        """A turn ended: what going on costs is said when it is news, and the status line is drawn."""
        snapshot = self.snapshots.loop(one.id)
        found = loop_rules.at_stop({"model": one.model}, snapshot, session=one.id, now=at)
        news = next((each for each in found if loop_rules.is_news(each, self.noted.get((one.id, each.what), ""))), None)
        if news is not None:
            self.noted[one.id, news.what] = repr(news.price)
            self._decided("loop", one, at, {"decision": "told", **news.record, "session": one.id, "said": True})
        self._ran("loop", at, acts=news is not None)
        if one.lane == "claude" and one.shows_status:
            self._ran("statusline", at + 0.1)

    def refused(self, at: float, one: MadeUpSession) -> None:
        """StopFailure, at a full window."""
        event = {"hook_event_name": "StopFailure", "error": "rate_limit", "session_id": one.id}
        reply = loop_run.after_refusal(event, runtime.HookContext("loop", "", one.lane, at))
        self._decided("loop", one, at, reply.record or {})
        self._ran("loop", at, acts=True)

    def _decided(self, name: str, one: MadeUpSession, at: float, record: dict[str, Any]) -> None:
        self.decisions.append({"at": round(at, 3), "hook": name, "lane": one.lane, **record})

    def _ran(self, name: str, at: float, *, acts: bool = False, told: str = "", session: str = "") -> None:
        """A run that gave a model ``told`` to read; it rings for a refresh where the last is a minute old."""
        self._note(name, at, OVER_MS[name][acts], told=told, session=session)
        if at - self.rung >= runtime.BELL_EVERY_S:
            self.rung = at
            self._note(REFRESH, at + 0.4, REFRESH_MS)
            self.snapshots.write(at)

    def _note(self, name: str, at: float, over_ms: float, *, told: str = "", session: str = "") -> None:
        ms = BARE_MS * self.rng.lognormvariate(0, 0.08) + over_ms * self.rng.lognormvariate(0, 0.12)
        if self.rng.random() < 0.02:  # something else kept the machine busy
            ms *= self.rng.uniform(1.3, 2.6)
        into = session if told else ""
        self.runs.append({"h": name, "t": round(at, 3), "ms": round(ms, 1), "c": len(told), "s": into})


def _stuck(life: Life) -> set[str]:
    """Responses of Codex whose call was one too many: in the last long turn of all, and in a few before it."""
    turns: dict[tuple[str, int], list[MadeUpResponse]] = defaultdict(list)
    for one in life.family("codex"):
        for response in one.responses:
            turns[one.id, response.turn].append(response)
    long = sorted((turn for turn in turns.values() if len(turn) > LONG), key=lambda turn: turn[0].at_ms)
    return {turn[ALIKE - 1].id for turn in long[:: -max(len(long) // 5, 1)]}
