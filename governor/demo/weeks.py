"""A person's weeks: two humps on weekdays, lazy weekends, marathons, a vacation, and a second machine unseen here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from governor.demo.life import CODEX, HOUR_MS, MAIN, MARATHON, MINUTE_MS, Life, MadeUpSession, identity, work
from governor.demo.official import HOUR, UNITS_PER_PERCENT, WEEK
from governor.model import LANES

if TYPE_CHECKING:
    import random

    from governor.model import Lane

DAY = 24 * HOUR
ELAPSED: dict[Lane, int] = {"claude": 3 * DAY + 14 * HOUR, "codex": 4 * DAY + 9 * HOUR}  # of the current week
LAST_SEEN_S = 150  # the newest response is about this old
WALL_WEEK, CAP_WEEK, VACATION_WEEK, GIFT_WEEK = 4, 7, 8, 10  # counted from 1, oldest first
MARATHON_WEEKS = (2, 5, 6, 9, 11)
STRANGE_WEEK = 5  # a model nobody has a price for
STRANGE_MODEL = "claude-nova-1"

WEEKDAY = (1.0, 1.1, 1.15, 1.0, 0.8, 0.2, 0.18)  # Monday first
PROJECTS = ("atlas", "harbour", "lantern", "meadow", "quarry")
BRANCHES = ("main", "main", "feature/import", "feature/search", "fix/flaky-test")


class WeekPlan(NamedTuple):
    """What a week shall come to: percent of its cap at the end, and the second machine's part of that."""

    percent: float
    elsewhere: float


PLANS: dict[Lane, tuple[WeekPlan, ...]] = {
    "claude": (
        WeekPlan(67, 0.25), WeekPlan(80, 0.36), WeekPlan(74, 0.22), WeekPlan(128, 0.30), WeekPlan(86, 0.34), WeekPlan(79, 0.24),
        WeekPlan(83, 0.30), WeekPlan(6, 0.95), WeekPlan(71, 0.40), WeekPlan(112, 0.27), WeekPlan(90, 0.33), WeekPlan(85, 0.25),
    ),
    "codex": (
        WeekPlan(35, 0.30), WeekPlan(52, 0.20), WeekPlan(28, 0.35), WeekPlan(44, 0.30), WeekPlan(61, 0.25), WeekPlan(40, 0.35),
        WeekPlan(30, 0.20), WeekPlan(8, 0.90), WeekPlan(47, 0.30), WeekPlan(38, 0.40), WeekPlan(55, 0.25), WeekPlan(33, 0.30),
    ),
}  # fmt: skip
NOW: dict[Lane, WeekPlan] = {"claude": WeekPlan(60, 0.28), "codex": WeekPlan(27, 0.28)}  # so far, not at the end


class Hump(NamedTuple):
    """A stretch of the day in which the person works, and how heavily compared with others."""

    start: int
    weight: float


def live(rng: random.Random, *, now: int, weeks: int) -> Life:
    """Both lanes' whole history: ``weeks`` full weeks and the part of the current one up to ``now`` (epoch s)."""
    life = Life(now=now, weeks=weeks, first_reset={})
    for lane in LANES:
        _live_lane(life, rng, lane=lane, begin=now - ELAPSED[lane] - weeks * WEEK)
    return life


def _live_lane(life: Life, rng: random.Random, *, lane: Lane, begin: int) -> None:
    plans = PLANS[lane]
    life.first_reset[lane] = begin + WEEK
    if lane == "claude":
        life.cap_raised_at = begin + (CAP_WEEK - 1) * WEEK if life.weeks >= CAP_WEEK else None
        life.gift_at = begin + (GIFT_WEEK - 1) * WEEK + WEEK // 2 if life.weeks >= GIFT_WEEK else None
    for number in range(1, life.weeks + 2):
        start = begin + (number - 1) * WEEK
        is_now = number > life.weeks
        plan = NOW[lane] if is_now else plans[(number - 1) % len(plans)]
        end = life.now if is_now else start + WEEK
        total = plan.percent * [upp for since, upp in life.regimes(lane, "week") if since <= start][-1]
        life.elsewhere[lane] += _elsewhere(rng, start=start, end=end, units=total * plan.elsewhere)
        if number % len(plans) == VACATION_WEEK and not is_now:
            life.vacation = (start, end)
            continue
        MadeUpWeek(life, rng, lane=lane, number=number, start=start, end=end).fill(total * (1 - plan.elsewhere))
    life.elsewhere[lane].sort()


def _elsewhere(rng: random.Random, *, start: int, end: int, units: float) -> list[tuple[int, float]]:
    """The second machine's use as (epoch ms, units): a few bursts, many of them while this machine is idle."""
    bursts: list[tuple[int, int, float]] = []
    count = max(3, (end - start) // DAY + rng.randint(-1, 2))
    for _ in range(count):
        day = start + rng.randrange(max(1, (end - start) // DAY)) * DAY
        at = day - day % DAY + int(rng.choice((7.0, 12.5, 18.5, 20.5)) * HOUR) + rng.randrange(HOUR)
        length = int(rng.uniform(0.6, 3.0) * HOUR)
        bursts.append((min(max(at, start), end - length - HOUR), length, rng.lognormvariate(0, 0.6)))
    heaviness = sum(weight for _, _, weight in bursts)
    events: list[tuple[int, float]] = []
    for at, length, weight in bursts:
        beats = max(4, length // 240)
        sizes = [rng.lognormvariate(0, 0.9) for _ in range(beats)]
        scale = units * weight / heaviness / sum(sizes)
        events += [((at + rng.randrange(length)) * 1000 + rng.randrange(1000), size * scale) for size in sizes]
    return events


class MadeUpWeek:
    """One week of one lane on this machine, filled until its units are spent."""

    def __init__(self, life: Life, rng: random.Random, *, lane: Lane, number: int, start: int, end: int) -> None:
        self.life, self.rng, self.lane, self.number = life, rng, lane, number
        self.start, self.end = start, end
        self.is_now = number > life.weeks
        self.last: MadeUpSession | None = None

    def fill(self, budget: float) -> None:
        """Spend ``budget`` units on this week's humps; what a hump leaves goes to the next one."""
        humps = self._humps()
        if self.lane == "claude" and not self.is_now and self.number in MARATHON_WEEKS:
            budget -= self._marathon(humps)
        final = self.end - 150 * 60
        if self.is_now:  # the person is at work right now, whatever the hour
            humps = [hump for hump in humps if hump.start < final - HOUR]
            humps.append(Hump(final, max(0.25, 0.08 * sum(hump.weight for hump in humps))))
        heaviness = sum(hump.weight for hump in humps)
        most = 52 * UNITS_PER_PERCENT[self.lane, "5h"]
        for hump, following in zip(humps, [*(hump.start for hump in humps[1:]), self.end], strict=True):
            if self.is_now and following == self.end:
                self._up_to_now(hump, share=min(budget, most))
                break
            share = min(budget, budget * hump.weight / heaviness * 1.02, most)
            budget -= self._hump(hump, share=share, until=min(hump.start + 5 * HOUR, following - 5 * 60))
            heaviness -= hump.weight
        if self.number == (self.life.weeks if self.lane == "claude" else 1):
            self._fork()

    def _up_to_now(self, hump: Hump, *, share: float) -> None:
        """Work in new sessions, and move them so that the newest response is LAST_SEEN_S old."""
        before, until = len(self.life.sessions), self.end - LAST_SEEN_S
        self.last = None
        self._hump(hump, share=share, until=until)
        moved = [one for main in self.life.sessions[before:] for one in (main, *main.agents)]
        newest = max((response.at_ms for one in moved for response in one.responses), default=0)
        for one in moved:
            one.responses = [r._replace(at_ms=r.at_ms + until * 1000 - newest) for r in one.responses]

    def _humps(self) -> list[Hump]:
        rng = self.rng
        humps: list[Hump] = []
        for day in range(self.start - self.start % DAY, self.end, DAY):
            weekday = (day // DAY + 3) % 7  # 1970-01-01 was a Thursday
            burst = WEEKDAY[weekday] * rng.lognormvariate(0, 0.5)
            morning, afternoon, late = (int(rng.gauss(hour, 0.4) * HOUR) for hour in (8.9, 14.4, 19.5))
            if self.lane == "codex":
                starts = [(morning + HOUR, 0.4), (afternoon + HOUR, 0.6)] if rng.random() < 0.8 else []
            elif weekday < 5:
                starts = [(morning, 0.45), (afternoon, 0.55)]
            else:
                starts = [(late if rng.random() < 0.4 else afternoon, 1.0)]
            humps += [Hump(day + at, burst * part) for at, part in starts if self.start < day + at < self.end - HOUR]
        return humps

    def _marathon(self, humps: list[Hump]) -> float:
        """One session over a whole day, in place of that day's humps; returns its units."""
        mornings = [h.start for h in humps if (h.start // DAY + 3) % 7 < 5 and h.start % DAY < 11 * HOUR]
        start = mornings[1 % len(mornings)]
        hours = self.rng.uniform(9.0, 11.5)
        until = int(start + hours * HOUR)
        session = self._session(model="claude-opus-5-5", surface="cli", marathon=True)
        spent = work(session, self.rng, start_ms=start * 1000, until_ms=until * 1000, budget=math.inf)
        self.life.marathons.append(session)
        humps[:] = [h for h in humps if not start - 5 * HOUR <= h.start < until + HOUR]
        return spent

    def _hump(self, hump: Hump, *, share: float, until: int) -> float:
        rng, spent, clock = self.rng, 0.0, hump.start
        until_ms = until * 1000
        while spent < share * 0.985 and clock < until - 120:
            left = share - spent
            session = self._next_session(at=clock)
            part = left if rng.random() < 0.35 else left * rng.uniform(0.3, 0.9)
            if session.surface == "sdk-cli":
                part = min(left, rng.uniform(40_000, 140_000))
            spent += work(session, rng, start_ms=clock * 1000, until_ms=until_ms, budget=part)
            if not session.responses:
                self.life.sessions.remove(session)
                break
            self.last = session
            clock = session.responses[-1].at_ms // 1000 + rng.randint(2 * 60, 14 * 60)
        return spent

    def _next_session(self, *, at: int) -> MadeUpSession:
        last = self.last
        idle = at - last.responses[-1].at_ms // 1000 if last and last.responses else 0
        if last and idle > 8 * HOUR and last.context < 200_000 and self.rng.random() < 0.12:
            if last not in self.life.resumed:
                self.life.resumed.append(last)
            return last  # --resume: the same file goes on, its cache long cold
        return self._session()

    def _session(self, *, model: str = "", surface: str = "", marathon: bool = False) -> MadeUpSession:
        rng, claude = self.rng, self.lane == "claude"
        early = self.number <= max(1, self.life.weeks // 3)
        if claude:
            fable = "claude-fable-5-1" if self.number < 9 else "claude-fable-5-2"
            models, weights = ("claude-opus-5-5", "claude-sonnet-5-5", fable), (76, 8, 16)
            surfaces, version = ("cli", "sdk-cli", "claude-vscode"), "2.1.330" if self.number > 1 else "2.1.96"
        else:
            models, weights = ("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna"), (84, 14, 2)
            if early:
                models, weights = ("gpt-6.1-sol", "gpt-5.6-sol", "gpt-6-luna"), (78, 20, 2)
            surfaces = ("cli", "exec", "vscode")
            version = "0.169.0" if not early else "0.147.0" if self.number == 3 else "0.130.0"
        chosen = model or rng.choices(models, weights)[0]
        strange = claude and not model and self.number >= min(STRANGE_WEEK, self.life.weeks)
        if strange and not any(one.model == STRANGE_MODEL for one in self.life.sessions):
            chosen, surface = STRANGE_MODEL, "sdk-cli"
        session = MadeUpSession(
            lane=self.lane,
            id=identity(rng),
            project=rng.choice(PROJECTS),
            branch=rng.choice(BRANCHES),
            surface=surface or ("cli" if self.is_now else rng.choices(surfaces, (78, 12, 10))[0]),
            model=chosen,
            version=version,
            habit=CODEX if not claude else MARATHON if marathon else MAIN,
        )
        self.life.sessions.append(session)
        return session

    def _fork(self) -> None:
        """A fork of a session of this week: everything copied, then a way of its own.

        Claude Code: ``--resume --fork-session``. Codex: an older thread's subagent, which replays its parent.
        """
        model = "claude-opus-5-5" if self.lane == "claude" else "gpt-6.1-sol"
        mine = [s for s in self.life.sessions if s.lane == self.lane and s.habit in (MAIN, CODEX) and s.model == model]
        mine = [s for s in mine if s.responses[0].at_ms >= self.start * 1000 and s not in self.life.resumed]
        if not mine:
            return
        original = min(mine, key=lambda s: (s.surface != "cli", abs(len(s.responses) - 40)))
        fork = self._session(model=model, surface="cli")
        fork.project, fork.branch, fork.forked_from = original.project, original.branch, original
        fork.context, fork.turns = original.context, original.turns
        start_ms = original.responses[-1].at_ms + 20 * MINUTE_MS
        work(
            fork,
            self.rng,
            start_ms=start_ms,
            until_ms=start_ms + HOUR_MS,
            budget=2 * UNITS_PER_PERCENT[self.lane, "week"],
        )
        self.life.forks.append(fork)
