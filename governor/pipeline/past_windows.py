"""Past windows rebuilt hour by hour: the official figure where it was heard, local units in between."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from governor.calibration import weights
from governor.calibration.scale import Scale
from governor.config import Settings
from governor.evaluation.backtest import HOUR_S, Course, Known
from governor.ledger import read, statements
from governor.ledger.store import Ledger
from governor.limit_facts import is_same_window
from governor.model import Account, LimitReading
from governor.pipeline import history
from governor.quota import model_families, windows

UnitsUntil = Callable[[int], float]
STRETCH = 5.0  # points a stretch must span before rounding stops ruling it


def courses(ledger: Ledger, settings: Settings, whose: Account, window: str, scale: Scale, *, now: int) -> list[Course]:
    """Every finished window that the official meter was heard of, oldest first."""
    seen = [s.reading for s in statements.readings(ledger, whose=whose, window=window)]
    hours = history.hourly(ledger, settings, whose, now=now, window=window)
    starts = [start for start, _ in hours]
    totals = [0.0, *accumulate(units for _, units in hours)]

    def units_until(moment: int) -> float:
        return totals[bisect_right(starts, moment - 1)]

    found = []
    for resets_at, mine in _cycles(seen):
        if resets_at > now:
            continue
        starts_at = resets_at - windows.length(window)
        found.append(_course(starts_at, resets_at, mine, scale, units_until))
    return found


def known(ledger: Ledger, settings: Settings, whose: Account, window: str, *, now: int) -> Known | None:
    """The scale as it was known at that moment."""
    scale = history.scale_then(ledger, settings, whose, window, now=now)
    return None if scale is None or not scale.can_project else Known(scale.effective, scale.spread)


def _cycles(seen: Sequence[LimitReading]) -> list[tuple[int, list[LimitReading]]]:
    """Readings by the window they speak of."""
    cycles: list[tuple[int, list[LimitReading]]] = []
    for reading in sorted((r for r in seen if r.resets_at), key=lambda r: (r.resets_at or 0, r.observed_at)):
        resets_at = reading.resets_at or 0
        if cycles and is_same_window(cycles[-1][0], resets_at):
            cycles[-1][1].append(reading)
        else:
            cycles.append((resets_at, [reading]))
    return cycles


def _course(starts_at: int, resets_at: int, mine: list[LimitReading], scale: Scale, units_until: UnitsUntil) -> Course:
    times = [reading.observed_at for reading in mine]
    percent = []
    highest = 0.0
    for end in range(starts_at + HOUR_S, resets_at + 1, HOUR_S):
        place = bisect_right(times, end)
        used, since = (mine[place - 1].used_percent, times[place - 1]) if place else (0.0, starts_at)
        more = max(units_until(end) - units_until(since), 0.0) / scale.effective
        highest = max(highest, used + more)
        percent.append(highest)
    refused = next((reading.observed_at for reading in mine if reading.used_percent >= 100), None)
    return Course(starts_at, resets_at, percent, refused)


def samples(ledger: Ledger, whose: Account, window: str) -> list[weights.Sample]:
    """Stretches between official readings, by what was used in them: what ``weights.fit_weights`` asks for."""
    seen = [s.reading for s in statements.readings(ledger, whose=whose, window=window)]
    found = []
    for resets_at, mine in _cycles(seen):
        begin = mine[0]
        for reading in mine[1:]:
            if reading.used_percent < begin.used_percent:
                begin = reading
            elif reading.used_percent - begin.used_percent >= STRETCH:
                tokens = _tokens(ledger, whose, window, begin.observed_at, reading.observed_at)
                if tokens:
                    percent = reading.used_percent - begin.used_percent
                    found.append(weights.Sample(str(resets_at // (28 * 86_400)), percent, tokens))
                begin = reading
    return found


def _tokens(
    ledger: Ledger, whose: Account, window: str, since: int, until: int
) -> dict[str, tuple[float, float, float, float]]:
    tokens: dict[str, tuple[float, float, float, float]] = {}
    for piece in read.slices(ledger, since, until, whose=whose, bucket_s=read.WHOLE_S):
        if not model_families.counts(window, piece.model):
            continue
        t = piece.tally
        more = (t.input, t.output, t.cache_read, t.cache_write_5m + t.cache_write_1h)
        before = tokens.get(piece.model, (0.0, 0.0, 0.0, 0.0))
        tokens[piece.model] = (before[0] + more[0], before[1] + more[1], before[2] + more[2], before[3] + more[3])
    return tokens
