"""What refresh would have left for the hooks at any moment of the made-up life, by the rooms that write real snapshots.

Known is what the person's machine had been shown by then: the official figures, and what was used here. Only the
forecast is stood in for, whose draws would take a minute: the rest of a week goes like the usual week so far. It names
no chance of passing the cap, so no early word is spoken; rungs, the wall and spikes are.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, cast

import orjson

from governor import paths
from governor.config import Settings
from governor.demo.official import HOUR, WEEK
from governor.forecasting.alarm import Alarm
from governor.model import LANES, SessionRow, Tally
from governor.pipeline import policy
from governor.quota import units as quota_units
from governor.quota.windows import OfficialFigure, Window
from governor.report import Estimate, HookHealth, LaneReport, Projection, Report, WindowReport
from governor.snapshots import ACTIVE_S
from governor.snapshots import models as models_snapshot
from governor.snapshots import pacing as pacing_snapshot
from governor.snapshots import price as price_snapshot
from governor.snapshots import router as router_snapshot
from governor.snapshots.material import SnapshotMaterial
from governor.snapshots.models import LATELY_S
from governor.usage import sessions as usage_sessions
from governor.views import prompt_line

if TYPE_CHECKING:
    from governor.demo.life import Life, MadeUpResponse, MadeUpSession
    from governor.demo.official import Shown, Stand
    from governor.ledger.store import Ledger
    from governor.model import Lane
    from governor.report import Reason
    from governor.snapshots.models import Latest

QUARTER_MS = 900_000
WEEKS = 8  # ended ones that say what is usual


class Snapshots:
    """Told of every response and figure in the order of time; ``write`` is a refresh, the snapshots are what it left."""

    def __init__(self, life: Life) -> None:
        self.life = life
        defaults = orjson.loads(paths.data_file("defaults.json").read_bytes())
        self.settings = Settings(defaults, {}, Path("budget.json"))
        self.factors = models_snapshot.factors(
            self.settings, [one.model for lane in LANES for one in life.family(lane)]
        )
        self.written_at = 0.0
        self.shown: dict[tuple[Lane, str], Shown] = {}
        self.as_read: dict[tuple[Lane, str], Shown] = {}  # by the last refresh
        self.ended: dict[Lane, list[int]] = {lane: [] for lane in LANES}
        self.hours: dict[Lane, dict[int, float]] = {lane: defaultdict(float) for lane in LANES}
        self.rows: dict[str, tuple[int, SessionRow, set[int]]] = {}  # of the week each session is in
        self._report: Report | None = None
        self._made: dict[str, tuple[str, dict[str, Any]]] = {}

    def hear(self, shown: Shown) -> None:
        """A figure of the official meter reached this machine."""
        place = (shown.lane, shown.stand.window)
        before = self.shown.get(place)
        if before and before.stand.window == "week" and before.stand.resets_at != shown.stand.resets_at:
            self.ended[shown.lane].append(before.stand.used_percent)
        self.shown[place] = shown

    def use(self, session: MadeUpSession, response: MadeUpResponse) -> None:
        """A response was written to a transcript."""
        main = session.parent or session
        kinds = (response.input, response.output, response.cache_read, response.cache_write_5m, response.cache_write_1h)
        tally = Tally(1, *kinds)
        units = quota_units.units(tally, response.model, self.settings.weights, lane=session.lane)
        self.hours[session.lane][response.at_ms // 3_600_000 * HOUR] += units
        if session is not main:
            return
        week = (response.at_ms // 1000 - self.life.first_reset[session.lane]) // WEEK
        known, row, quarters = self.rows.get(session.id, (None, None, set()))
        context = sum(kinds) - response.output
        if known != week or row is None:
            quarters = set()
            place = f"/home/demo/{session.project}"
            names = (session.lane, session.id, place, response.model, False)
            row = SessionRow(*names, response.at_ms, 0, 0, 0, 0, Tally())
        quarters.add(response.at_ms // QUARTER_MS)
        row = row._replace(
            last_ms=response.at_ms,
            active_s=len(quarters) * QUARTER_MS // 1000,
            largest_context=max(row.largest_context, context),
            last_context=context,
            tally=row.tally + tally._replace(units=units),
        )
        self.rows[session.id] = (week, row, quarters)

    def write(self, at: float) -> None:
        """A refresh: what was shown by now is what the next hooks know. The snapshots are made when one is read."""
        self.written_at, self.as_read, self._report = at, dict(self.shown), None
        self._made.clear()

    def pacing(self) -> tuple[str, dict[str, Any]]:
        """(quiet or speak, content)."""
        return self._snapshot("pacing")

    def router(self) -> tuple[str, dict[str, Any]]:
        return self._snapshot("router")

    def loop(self, session: str) -> dict[str, Any]:
        """What the loop guard's says of one session."""
        known = self.rows.get(session)
        sessions = {session: self._facts(known[1])} if known else {}
        return {"written_at": self.written_at, **self.settings.values["loop"], "sessions": sessions}

    def spawn(self) -> dict[str, Any]:
        values, weights = self.settings.values, self.settings.weights
        lanes = {
            lane.lane: [
                {"window": one.window.name, "verdict": one.verdict, "resets_at": one.window.resets_at}
                for one in lane.windows
            ]
            for lane in self.report().lanes
        }
        wishes = {"degrade": values["degrade"], "tiers": values["tiers"]}
        rest = {"factors": self.factors, "read": weights.cache_read, "rewrite": models_snapshot.rewrite(weights)}
        return {**values["spawn"], **wishes, "written_at": self.written_at, "lanes": lanes, **rest}

    def price(self) -> dict[str, Any]:
        return {
            "written_at": self.written_at,
            "turn_percent": self.settings.values["loop"]["turn_percent"],
            "per_percent": self._units_per_percent("claude"),
            "weights": price_snapshot.plain(self.settings.weights),
        }

    def _snapshot(self, name: str) -> tuple[str, dict[str, Any]]:
        if name not in self._made:
            report, settings, now = self.report(), self.settings, int(self.written_at)
            if name == "router":
                word, content = router_snapshot.of(report, settings, self._latest)
            else:
                # The pacing snapshot is written from the report alone.
                ledger = cast("Ledger", None)
                word, content = pacing_snapshot.snapshot(
                    SnapshotMaterial(ledger, settings, report, self._contexts(), now)
                )
                for lane in report.lanes:  # the same bytes wherever the demo is made
                    for found, told in zip(lane.windows, content["lanes"][lane.lane]["windows"], strict=True):
                        told["model_line"] = (
                            prompt_line.for_model(found, now=now, zone=UTC) if told["model_line"] else ""
                        )
            self._made[name] = word, {"version": 1, "written_at": now, **content}
        return self._made[name]

    def _contexts(self) -> dict[str, int]:
        since = (self.written_at - ACTIVE_S) * 1000
        return {name: row.last_context for name, (_, row, _) in self.rows.items() if row.last_ms >= since}

    def _latest(self) -> Latest:
        rows = sorted((row for _, row, _ in self.rows.values()), key=lambda row: row.last_ms)
        since = (self.written_at - LATELY_S) * 1000
        return [(r.lane, r.session, r.model, r.last_context, r.last_ms // 1000) for r in rows if r.last_ms >= since]

    def _facts(self, row: SessionRow) -> dict[str, Any]:
        turn, per_percent = usage_sessions.next_turn(row, self.settings.weights), self._units_per_percent(row.lane)
        return {
            "context": row.last_context,
            "warm": round(turn.warm / per_percent, 4),
            "cold": round(turn.cold / per_percent, 4),
            "share": round(row.tally.units / per_percent, 4),
            "hours": round(row.active_s / HOUR, 2),
            "ttl": "1h" if row.lane == "claude" else "5m",
        }

    def _units_per_percent(self, lane: Lane) -> float:
        """As a calibration would have found it."""
        return [upp for since, upp in self.life.regimes(lane, "week") if since <= self.written_at][-1]

    def report(self) -> Report:
        """What status would have said just then."""
        if self._report is None:
            now = int(self.written_at)
            lanes = [self._lane(lane, now) for lane in LANES]
            self._report = Report(now, None, lanes, 0, 0, HookHealth(wired=True, last_run=now), [], [])
        return self._report

    def _lane(self, lane: Lane, now: int) -> LaneReport:
        heard = [self.as_read[lane, name] for name in ("5h", "week") if (lane, name) in self.as_read]
        alive = [shown for shown in heard if shown.stand.resets_at > now]
        return LaneReport(lane, bool(heard), [self._window(shown, now) for shown in alive])

    def _window(self, shown: Shown, now: int) -> WindowReport:
        stand, used = shown.stand, float(shown.stand.used_percent)
        starts_at = stand.resets_at - stand.minutes * 60
        window = Window(shown.lane, stand.window, starts_at, stand.resets_at, "official")
        official = OfficialFigure(
            used, shown.observed_at, "rollout" if shown.lane == "codex" else "statusline", starts_at
        )
        elapsed = (now - starts_at) / (stand.minutes * 60)
        guess = self._landing(shown.lane, stand, elapsed)
        verdict, reasons = policy.judge(official, guess, Alarm(), elapsed=elapsed)
        if stand.window == "week" and (spike := self._spike(shown.lane, now)):
            reasons.append(spike)
        estimate = Estimate(used, used - 1, used + 1, "official")
        return WindowReport(window, official, Tally(), None, estimate, guess, verdict, reasons)

    def _landing(self, lane: Lane, stand: Stand, elapsed: float) -> Projection | None:
        if stand.window != "week" or elapsed <= 0:
            return None
        used, naive = stand.used_percent, stand.used_percent / elapsed
        usual = fmean(self.ended[lane][-WEEKS:]) if self.ended[lane] else naive
        lands = used + (1 - elapsed) * usual
        return Projection(lands, lands, lands, None, naive, None, "fair")

    def _spike(self, lane: Lane, now: int) -> Reason | None:
        hours, this = self.hours[lane], now // HOUR * HOUR
        lately = range(this - WEEK - HOUR, this + HOUR, HOUR)
        return policy.spike([(at, hours[at]) for at in lately if at in hours], now=now)
