"""From readings of the official meter and local units to a scale: how many units one percent is, and how sure that is.

The model, for one window of one lane: ``percent = units / units_per_percent + elsewhere``, read as a whole number.
Use elsewhere (another machine, a phone, the web) only ever adds, and comes in bursts. So readings are cut into
**stretches** (between two readings of one window), and a stretch is either clean or holds an unseen burst; both kinds
are weighed by how likely they are, with the rounding of both readings counted in (an expectation-maximisation of a
normal and an exponentially modified normal). A plain ratio, or least squares, is 30-40 % off under 30 % of bursty use
elsewhere; this is within a few percent (docs/calibration.md has both, and the command that shows it).

What slopes cannot tell: use elsewhere that always runs in step with local use looks exactly like a smaller scale.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY_S: Final = 86_400
WEEK_S: Final = 604_800
JITTER_S: Final = 300  # resets_at wanders by up to 47 s between two reports of one window (data.md, section 3)
FALL: Final = 2.0  # a stale session repeats old, lower values by a point or two; a reset falls further
CHUNK: Final = 6.0  # points a stretch of work should span before it counts as one observation
MERGE_S: Final = 6 * 3600  # short idle steps are joined up to this
IDLE_S: Final = 1800  # a pause this long ends a stretch: what moves meanwhile is somebody else
KEEP: Final = 240  # newest stretches looked at; older ones say little about today's scale
Z80: Final = 1.2816  # every interval here is the middle 80 %
ROUNDING: Final = 1 / 6  # variance of a difference of two readings, each rounded to a whole percent
NOISE: Final = 0.12  # how far meter weights mis-state one stretch, before the data say otherwise
# Days when the vendor said limits moved (quotas.md, A4): likelier boundaries than any other day, per lane.
KNOWN_CHANGES: Final = {
    "claude": ("2026-05-06", "2026-05-13", "2026-09-14", "2026-09-22"),
    "codex": ("2026-07-12", "2026-08-27", "2026-09-09"),
}


class Anchor(NamedTuple):
    """One official reading beside what this machine had used of the same window by then."""

    observed_at: int
    used_percent: float
    resets_at: int | None
    units: float


class Stretch(NamedTuple):
    """What moved between two readings of one window."""

    starts_at: int
    ends_at: int
    percent: float
    units: float


class Coverage(NamedTuple):
    """The share of official use that local units explain, 0-1, with its 80 % interval.

    ``at_least``: only a bound is known. Then the rest, 1 - share, is the least that was used elsewhere.
    """

    share: float
    low: float
    high: float
    at_least: bool


class Scale(NamedTuple):
    """Local units that move the official meter by one percent; ``low`` to ``high`` is an 80 % interval."""

    units_per_percent: float
    low: float
    high: float
    anchors: int
    since: int | None  # when the present regime began; None: no change was ever seen
    coverage: Coverage | None
    note: str

    @property
    def spread(self) -> float:
        """The interval as a standard deviation of log(units_per_percent)."""
        return math.log(self.high / self.low) / (2 * Z80)


class Fit(NamedTuple):
    """A slope in percent per unit, the standard deviation of its log, and how clean each stretch looks (0-1)."""

    slope: float
    sd: float
    clean: list[float]


def tidy(anchors: Iterable[Anchor]) -> list[Anchor]:
    """Anchors that can be true, in order of time, one per moment: NaN, negative and absurd ones are left out."""
    kept = {
        (a.observed_at, a.resets_at): a
        for a in anchors
        if math.isfinite(a.used_percent) and 0 <= a.used_percent <= 200 and math.isfinite(a.units) and a.units >= 0
        if a.resets_at is None or a.resets_at > a.observed_at  # a reading is void once its window has reset
    }
    return sorted(kept.values(), key=lambda a: a.observed_at)


def windows(anchors: Iterable[Anchor], *, window_s: int = WEEK_S) -> list[list[Anchor]]:
    """Runs of readings that may be compared: one window, no reset inside, use never falling.

    A reset inside a window (a gift, a saved reset, a moved anchor) shows as a fall of more than ``FALL`` points that a
    later reading confirms; it starts a new run. Smaller or unconfirmed falls are stale reports and are left out. The
    first run of a window begins with its opening, 0 % and 0 units.
    """
    groups: dict[int, list[Anchor]] = {}
    for anchor in tidy(anchors):
        key = anchor.resets_at
        if key is None:  # typed without a reset time: the window that was open then, if one is known
            key = min((k for k in groups if 0 < k - anchor.observed_at <= window_s), default=0)
        near = next((k for k in reversed(groups) if abs(k - key) <= JITTER_S), key)
        groups.setdefault(near, []).append(anchor)
    runs: list[list[Anchor]] = []
    for key, group in groups.items():
        opening = [Anchor(key - window_s, 0.0, key, 0.0)] if key and key - window_s <= group[0].observed_at else []
        run = opening
        for i, anchor in enumerate(group):
            top = run[-1] if run else anchor
            if anchor.used_percent < top.used_percent or anchor.units < top.units:
                later = group[i + 1 : i + 3]
                is_reset = top.used_percent - anchor.used_percent > FALL and bool(later)
                if not is_reset or any(a.used_percent > top.used_percent - FALL for a in later):
                    continue
                runs.append(run)
                run = []
            run.append(anchor)
        runs.append(run)
    return [run for run in runs if run]


def stretches(anchors: Iterable[Anchor], *, window_s: int = WEEK_S) -> list[Stretch]:
    """Every run cut into observations: work in pieces of about ``CHUNK`` points, pauses apart from work.

    The first reading after a pause and the last before it are kept: only they can show use elsewhere.
    """
    out: list[Stretch] = []
    runs = windows(anchors, window_s=window_s)
    percent = sum(run[-1].used_percent - run[0].used_percent for run in runs)
    units = sum(run[-1].units - run[0].units for run in runs)
    enough = (
        CHUNK * units / percent if percent > 0 else math.inf
    )  # cut by units: cutting where the meter steps is biased
    for run in runs:
        begin = run[0]
        was_idle: bool | None = None
        for before, after in zip(run, run[1:], strict=False):
            passed = after.observed_at - before.observed_at
            is_idle = passed >= IDLE_S and after.units - before.units <= enough / 50
            if passed < IDLE_S and after.units == before.units:
                is_idle = bool(was_idle)  # too short to tell
            long = (
                (before.observed_at - begin.observed_at > MERGE_S)
                if is_idle
                else (before.units - begin.units >= enough)
            )
            if was_idle is not None and (is_idle != was_idle or long):
                _add(out, begin, before)
                begin = before
            was_idle = is_idle
        _add(out, begin, run[-1])
    out.sort(key=lambda s: s.ends_at)
    return out[-KEEP:]


def _add(out: list[Stretch], begin: Anchor, end: Anchor) -> None:
    percent, units = end.used_percent - begin.used_percent, end.units - begin.units
    if end.observed_at > begin.observed_at and percent >= 0 and units >= 0:
        out.append(Stretch(begin.observed_at, end.observed_at, percent, units))


def fit(pieces: Sequence[Stretch]) -> Fit | None:
    """The slope that most stretches agree on, bursts from elsewhere set aside. None where nothing moved together.

    The standard deviation is a sandwich over whole days, for stretches of one day err alike, and never below what
    the rounding and the noise of so few stretches allow.
    """
    units = sum(s.units for s in pieces)
    percent = sum(s.percent for s in pieces)
    if not (units > 0 and percent > 0):
        return None
    both = sorted(s.percent / s.units for s in pieces if s.units > 0 and s.percent >= CHUNK - 1)
    slope = both[len(both) // 3] if both else percent / units  # bursts only raise it, so start low
    noise, burst, rate = NOISE, 5.0, 0.02  # bursts of 5 points, one in 50 hours, until the data speak
    unseen = [0.0] * len(pieces)
    clean = [1.0] * len(pieces)
    hours = [max((s.ends_at - s.starts_at) / 3600, 0.05) for s in pieces]
    for _ in range(30):
        before = slope
        for i, s in enumerate(pieces):
            variance = (noise * slope * s.units) ** 2 + ROUNDING
            clean[i], unseen[i] = _clean(s.percent - slope * s.units, variance, burst, -math.expm1(-rate * hours[i]))
        top = bottom = square = weight = 0.0
        for i, s in enumerate(pieces):
            variance = (noise * slope * s.units) ** 2 + ROUNDING
            kept = s.percent - (1 - clean[i]) * unseen[i]
            top += s.units * kept / variance
            bottom += s.units * s.units / variance
            if s.units > 0 and s.percent >= CHUNK - 1:
                relative = (s.percent - slope * s.units) / (slope * s.units)
                square += clean[i] * max(0.0, relative * relative - ROUNDING / (slope * s.units) ** 2)
                weight += clean[i]
        slope = max(top / bottom, 1e-3 * percent / units)
        foreign = [1 - c for c in clean]
        burst = (sum(f * u for f, u in zip(foreign, unseen, strict=True)) + 10.0) / (sum(foreign) + 2.0)
        rate = (sum(foreign) + 1.0) / (sum(hours) + 50.0)
        noise = min(0.5, math.sqrt((square + 8 * NOISE**2) / (weight + 8)))
        if abs(math.log(slope / before)) < 1e-4:
            break
    return Fit(slope, _sd(pieces, clean, unseen, slope, noise), clean)


def _clean(over: float, variance: float, burst: float, chance: float) -> tuple[float, float]:
    """(how likely it is that nothing unseen is in a stretch, the unseen points if something is).

    ``over`` is the excess in points. With a burst it is normal + exponential, whose burst is a truncated normal.
    """
    sd = math.sqrt(variance)
    shift = over - variance / burst
    tail = 0.5 * math.erfc(-shift / sd / math.sqrt(2))
    if tail < 1e-12:  # far below the line: no burst can explain it
        return 1.0, 0.0
    with_burst = chance * math.exp(min(60.0, variance / (2 * burst * burst) - over / burst)) * tail / burst
    without = (1 - chance) * math.exp(-over * over / (2 * variance)) / (sd * math.sqrt(2 * math.pi))
    share = without / (without + with_burst) if without + with_burst > 0 else 0.0
    ratio = shift / sd
    inverse_mills = math.exp(-ratio * ratio / 2) / math.sqrt(2 * math.pi) / tail
    return share, max(0.0, shift + sd * inverse_mills)


def _sd(
    pieces: Sequence[Stretch], clean: Sequence[float], unseen: Sequence[float], slope: float, noise: float
) -> float:
    days: dict[int, float] = {}
    bottom = sure = 0.0
    for s, c, u in zip(pieces, clean, unseen, strict=True):
        variance = (noise * slope * s.units) ** 2 + ROUNDING
        residual = s.percent - (1 - c) * u - slope * s.units
        day = s.ends_at // DAY_S
        days[day] = days.get(day, 0.0) + s.units * residual / variance
        bottom += s.units * s.units / variance
        sure += c * s.units * s.units / variance
    count = len(days)
    sandwich = sum(x * x for x in days.values()) * count / max(1, count - 1) / (bottom * slope) ** 2
    floor = 1 / (max(sure, 1e-9) * slope * slope)  # the same with independent stretches, clean ones only
    few = (2 * NOISE) ** 2 / count / count  # a day has a mix of models and hours of its own
    return math.sqrt(min(1.0, max(sandwich, floor) + few))


def calibrate(
    anchors: Iterable[Anchor],
    *,
    prior: Scale | None = None,
    window_s: int = WEEK_S,
    changes: Sequence[int] = (),
) -> Scale | None:
    """The scale of the present regime, or None where there is nothing to calibrate from.

    ``prior`` (the same plan on another account, or the regime before) is one more, weak, observation. ``changes`` are
    moments at which limits are known to have moved. Never raises; never gives NaN, zero or an infinite number.
    """
    kept = tidy(anchors)
    pieces = stretches(kept, window_s=window_s)
    since = regimes(pieces, changes=changes)
    old: Fit | None = None
    if since:
        earlier = [s for s in pieces if s.ends_at <= since[-1]]
        old = fit([s for s in earlier if len(since) == 1 or s.ends_at > since[-2]])
        pieces = [s for s in pieces if s.ends_at > since[-1]]
    used = sum(1 for a in kept if not since or a.observed_at > since[-1])
    found = fit(pieces)
    if found is None:
        return prior
    slope, sd = found.slope, found.sd
    for guess, guess_sd in _priors(prior, old):
        trust = 1 / guess_sd**2 / (1 / guess_sd**2 + 1 / sd**2)
        slope *= math.exp(trust * math.log(guess / slope))
        sd = 1 / math.sqrt(1 / guess_sd**2 + 1 / sd**2)
    ratio = 1 / slope
    if used < 2:
        # One total: everything elsewhere is inside it. Seen in practice: 18.7 % local of an official 60 %.
        return Scale(
            ratio,
            ratio * math.exp(-Z80 * sd) * 0.9,
            ratio * math.exp(Z80 * sd) * 2.5,
            used,
            _last(since),
            None,
            "one anchor tells a total, not a slope: all use elsewhere is still inside it; "
            "add a second after some hours of work",
        )
    return Scale(
        ratio,
        ratio * math.exp(-Z80 * sd),
        ratio * math.exp(Z80 * sd),
        used,
        _last(since),
        cover(pieces, found._replace(slope=slope, sd=sd)),
        _note(pieces, has_prior=prior is not None),
    )


def _last(since: Sequence[int]) -> int | None:
    return since[-1] if since else None


def _priors(prior: Scale | None, old: Fit | None) -> list[tuple[float, float]]:
    """Guesses at the slope, in percent per unit. Accounts on one plan differ by 17-27 % (quotas.md B1)."""
    out = []
    if prior is not None and prior.units_per_percent > 0:
        out.append((1 / prior.units_per_percent, math.hypot(prior.spread, 0.25)))
    if old is not None:
        out.append((old.slope, math.hypot(old.sd, 0.5)))
    return out


def cover(pieces: Sequence[Stretch], found: Fit) -> Coverage | None:
    """The share of the official movement that local units explain. None where the meter never moved.

    A bound only (``at_least``), unless pauses of half a day in all were bracketed by readings: work alone cannot show
    what runs beside it.
    """
    percent = sum(s.percent for s in pieces)
    if percent <= 0:
        return None
    local = found.slope * sum(s.units for s in pieces)
    hours = sum(s.ends_at - s.starts_at for s in pieces)
    blind = max(s.ends_at for s in pieces) - min(s.starts_at for s in pieces) - hours
    away = max(0.0, percent - local) * (1 + max(0, blind) / hours)  # it also ran after the last reading of a window
    share = local / (local + away)
    bursts = sum(1 - c for c in found.clean)
    error = math.sqrt(found.sd**2 + ROUNDING / percent + 2 * (1 - share) ** 2 / (bursts + 1))
    watched = sum(s.ends_at - s.starts_at for s in pieces if found.slope * s.units < 0.5)
    low, high = (min(1.0, max(0.0, share * math.exp(z * error))) for z in (-Z80, Z80))
    return Coverage(share, low, high, at_least=watched < DAY_S / 2)


def _note(pieces: Sequence[Stretch], *, has_prior: bool) -> str:
    if sum(s.percent for s in pieces) < 10:
        return "the meter has moved too little to say much; the interval shows it"
    if has_prior:
        return "use elsewhere that runs in step with local use shows only against the prior"
    return "use elsewhere that always runs in step with local use cannot be seen from here"


def regimes(pieces: Sequence[Stretch], *, changes: Sequence[int] = ()) -> list[int]:
    """The moments at which the scale changed, oldest first; empty for one regime throughout.

    Days are compared as wholes, by their middle stretch; a boundary is accepted at posterior odds above 1:
    the prior is 1 in 4 for a known change, 1 in 300 for any other day, and jumps are of about 35 %.
    """
    by_day: dict[int, list[tuple[float, float]]] = {}
    for s in pieces:
        if s.units > 0 and s.percent >= CHUNK / 2:
            by_day.setdefault(s.starts_at // DAY_S, []).append((math.log(s.units / s.percent), s.percent))
    days = []
    for day, seen in sorted(by_day.items()):
        seen.sort()
        days.append((day, seen[len(seen) // 2][0], 0.17 / sum(p for _, p in seen) ** 2))  # the middle: bursts are few
    steps = [abs(b[1] - a[1]) for a, b in zip(days, days[1:], strict=False)]
    noise = max(0.1, 0.886 * sum(steps) / max(1, len(steps)))  # of a day, from its difference to the next
    return _split([(d * DAY_S, y, v + noise * noise) for d, y, v in days], changes)


def _split(days: list[tuple[int, float, float]], changes: Sequence[int]) -> list[int]:
    best, where, at = 0.0, 0, 0
    for i in range(2, len(days) - 1):
        known = next((c for c in changes if days[i - 1][0] < c <= days[i][0] + DAY_S), None)
        if known is None and min(i, len(days) - i) < 3:
            continue
        (left, left_var), (right, right_var) = _pool(days[:i]), _pool(days[i:])
        within = left_var + right_var
        between = within + 0.35**2
        jump = (right - left) ** 2
        odds = 0.5 * (jump / within - jump / between + math.log(within / between))
        odds += math.log(1 / 3 if known is not None else 1 / 300)
        if odds > best:
            best, where, at = odds, i, known if known is not None else days[i][0]
    if not where:
        return []
    return [*_split(days[:where], changes), at, *_split(days[where:], changes)]


def _pool(days: Sequence[tuple[int, float, float]]) -> tuple[float, float]:
    weight = sum(1 / v for _, _, v in days)
    return sum(y / v for _, y, v in days) / weight, 1 / weight


class Slope(NamedTuple):
    """Weekly points per 5-hour point, and the same turned round: full 5-hour windows in a week."""

    week_per_5h: float
    windows_per_week: float
    low: float
    high: float


def cross_check(five_hour: Iterable[Anchor], week: Iterable[Anchor]) -> Slope | None:
    """Official against official, no tokens: it changes only when a plan or a regime does. None with under 10 points.

    Each pair of 5-hour readings is set against the weekly readings nearest in time; the interval is 80 %, over days.
    """
    short = [r for run in windows(five_hour, window_s=18_000) for r in zip(run, run[1:], strict=False)]
    long = [a for run in windows(week) for a in run]
    days: dict[int, list[float]] = {}
    for before, after in short:
        pair = [
            min(long, key=lambda a, t=at.observed_at: abs(a.observed_at - t), default=None) for at in (before, after)
        ]
        if pair[0] is None or pair[1] is None or before.used_percent == after.used_percent == 0:
            continue
        moved = pair[1].used_percent - pair[0].used_percent
        close = all(
            abs(p.observed_at - a.observed_at) <= IDLE_S for p, a in zip(pair, (before, after), strict=True) if p
        )
        if close and moved >= 0 and pair[1].resets_at == pair[0].resets_at:
            day = days.setdefault(after.observed_at // DAY_S, [0.0, 0.0])
            day[0] += after.used_percent - before.used_percent
            day[1] += moved
    top, bottom = sum(d[1] for d in days.values()), sum(d[0] for d in days.values())
    if top < 3 or bottom < 10:
        return None
    slope = top / bottom
    count = len(days)
    scatter = sum((d[1] - slope * d[0]) ** 2 for d in days.values()) * count / max(1, count - 1)
    sd = math.sqrt(scatter / top**2 + count * ROUNDING / top**2)
    return Slope(slope, 1 / slope, math.exp(-Z80 * sd) / slope, math.exp(Z80 * sd) / slope)
