"""The simulated proof: calibration and projection scored on made-up people, where the truth is known.

    python scripts/simulate.py scale --people 40
    python scripts/simulate.py change --people 40
    python scripts/simulate.py forecast --people 60 [--weeks 6] [--family bursts] [--full]
    python scripts/simulate.py session --people 25

``evaluation.people`` describes the people, and which of them were in view when constants were chosen. The output is
what docs/calibration.md and docs/forecast.md show. All but ``forecast`` print the first four families unless asked.
"""

from __future__ import annotations

import argparse
import math
from bisect import bisect_left
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from governor.calibration import cap_ratio
from governor.calibration.scale import Anchor, Scale, calibrate
from governor.evaluation import crowd
from governor.evaluation.people import FAMILIES, WEEK_S, Person, person, readings
from governor.evaluation.people import first as people_first
from governor.evaluation.people import limits as people_limits
from governor.evaluation.scores import AlarmScore, Backtest, Score, pool, wilson
from governor.forecasting.week import project_5h


def seen_by(someone: Person, *, seed: int, window: str = "week", polled: bool = False) -> list[Anchor]:
    """The readings of that person's machine."""
    return [Anchor(*s) for s in readings(Random(seed), someone, window=window, polled=polled)]


def spread_of(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    middle = sum(values) / len(values)
    return middle, math.sqrt(sum((v - middle) ** 2 for v in values) / len(values))


def scale_table(people: int, *, families: Sequence[str]) -> None:
    """Bias of percent per unit, in percent of the truth, for three estimators."""
    print("| family | weeks | elsewhere | read | total ÷ total | least squares | calibrate | 80 % interval holds |")
    print("|---|---|---|---|---|---|---|---|")
    for family in families:
        for weeks in (1, 4):
            for share, proportional in ((0.0, False), (0.1, False), (0.3, False), (0.3, True)):
                for polled in (False, True):
                    found: list[list[float]] = [[], [], []]
                    held = 0
                    for i in range(people):
                        who = person(Random(1000 + i), family, weeks=weeks, elsewhere=share, proportional=proportional)
                        seen = seen_by(who, seed=i, polled=polled)
                        scale = calibrate(seen)
                        if scale is None:
                            continue
                        total = sum(a.used_percent for a in seen) / sum(a.units for a in seen)
                        square = sum(a.used_percent * a.units for a in seen) / sum(a.units**2 for a in seen)
                        for kept, slope in zip(found, (total, square, 1 / scale.units_per_percent), strict=True):
                            kept.append(100 * math.log(slope * who.units_per_percent))
                        held += scale.low <= who.units_per_percent <= scale.high
                    kind = f"{share:.0%}" + (", in step" if proportional else ", bursts" if share else "")
                    cells = " | ".join(f"{m:+.1f} ± {sd:.1f}" for m, sd in map(spread_of, found))
                    how = "every 30 min" if polled else "while active"
                    print(f"| {family} | {weeks} | {kind} | {how} | {cells} | {held / len(found[2]):.2f} |")


class Told(NamedTuple):
    """What was found in one person's readings; a scale says when its limit last changed, if ever."""

    alone: Scale | None  # the week's, from units per percent only
    both: Scale | None  # with the 5-hour meter
    announced: Scale | None  # with it, and the date known
    five_hours: Scale | None  # the five hours', with the weekly meter


HEADLESS = 0.1  # share of days on which all local use is headless
OTHERWISE = (  # what changed, the 5-hour and the weekly limit times, units counted times
    ("5-hour limit × 1.2", 1.2, 1.0, 1.0),
    ("5-hour limit × 0.6", 0.6, 1.0, 1.0),
    ("a mix of models counted × 0.8", 1.0, 1.0, 0.8),
    ("a mix of models counted × 1.3", 1.0, 1.0, 1.3),
    ("both limits × 1.2", 1.2, 1.2, 1.0),
    ("both limits × 2", 2.0, 2.0, 1.0),
)


def changes_at(who: Person, seed: int) -> int:
    """On any day of the person's third week."""
    return who.starts_at + 2 * WEEK_S + seed % 7 * 86_400


def changed(
    who: Person, *, seed: int, week: float = 1.0, five_hours: float = 1.0, counted: float = 1.0
) -> tuple[list[Anchor], list[Anchor]]:
    """Readings of five hours and of the week of one person whose limits are multiplied after two weeks and some days,
    or whose units are counted wrongly from then on."""
    windows = (who.windows_per_week or 0.0) * week / five_hours
    after = who._replace(units_per_percent=who.units_per_percent * week, windows_per_week=windows)
    cut = changes_at(who, seed)

    def seen(window: str) -> list[Anchor]:
        old = [a for a in seen_by(who, seed=seed, window=window) if a.observed_at < cut]
        new = [a for a in seen_by(after, seed=seed, window=window) if a.observed_at >= cut]
        by_then = {round((a.resets_at or 0) / 60): a.units for a in old}  # in the window that the change falls into
        for a in new:
            right = by_then.get(round((a.resets_at or 0) / 60), 0.0)
            old.append(a._replace(units=right + (a.units - right) * counted))
        return old

    return seen("5h"), seen("week")


def told(who: Person, *, seed: int, **changes: float) -> Told:
    """What is found after five weeks."""
    short, week = changed(who, seed=seed, **changes)
    cut = [changes_at(who, seed)]
    days = cap_ratio.days(short, week)
    rates = cap_ratio.rates(days)
    return Told(
        calibrate(week),
        calibrate(week, rates=cap_ratio.turned(rates)),
        calibrate(week, rates=cap_ratio.turned(cap_ratio.rates(days, changes=cut)), changes=cut),
        calibrate(short, window_s=cap_ratio.FIVE_HOURS_S, rates=rates),
    )


def _share_told(scales: Sequence[Scale | None]) -> str:
    return f"{sum(s is not None and s.change is not None for s in scales) / len(scales):.2f}"


def _off(dated: Sequence[tuple[int, Scale | None]]) -> str:
    """How far the date is off: the median, and what nine of ten are within."""
    off = sorted(abs(s.change.at - cut) / 86_400 for cut, s in dated if s is not None and s.change is not None)
    return f"{off[len(off) // 2]:.1f}, {off[len(off) * 9 // 10]:.1f}" if off else "–"


def change_table(people: int, *, families: Sequence[str]) -> None:
    """How often a change of the weekly limit in the third of five weeks is seen, what must not be taken for one, and
    how soon it is seen. On a tenth of the days all local use is headless.
    """
    crowds = {
        (family, share): [
            person(Random(i), family, weeks=5, elsewhere=share, has_short=True, headless=HEADLESS)
            for i in range(people)
        ]
        for family in families
        for share in (0.0, 0.3)
    }
    print("| family | elsewhere | weekly limit | by units alone | with the 5-hour meter | announced | off by (days) |")
    print("|---|---|---|---|---|---|---|")
    for (family, share), those in crowds.items():
        for factor in (1.0, 0.83, 1.2, 0.6, 2.0):
            found = [told(who, seed=i, week=factor) for i, who in enumerate(those)]
            seen = " | ".join(_share_told(column) for column in list(zip(*found, strict=True))[:3])
            off = _off([(changes_at(who, i), t.both) for i, (who, t) in enumerate(zip(those, found, strict=True))])
            print(f"| {family} | {share:.0%} | × {factor} | {seen} | {off} |", flush=True)
    print(
        "\n| family | elsewhere | what changed | week: by units alone | with the 5-hour meter | announced | 5 hours |"
    )
    print("|---|---|---|---|---|---|---|")
    for (family, share), those in crowds.items():
        for what, five_hours, week, counted in OTHERWISE:
            found = [told(w, seed=i, week=week, five_hours=five_hours, counted=counted) for i, w in enumerate(those)]
            seen = " | ".join(_share_told(column) for column in zip(*found, strict=True))
            print(f"| {family} | {share:.0%} | {what} | {seen} |", flush=True)
    waits = (2, 4, 7, 10, 14)
    print("\n| elsewhere | weekly limit | " + " | ".join(f"after {wait} days" for wait in waits) + " |")
    print("|---|---|" + "---|" * len(waits))
    for share in (0.0, 0.3):
        everybody = [(i, who) for (_, away), those in crowds.items() if away == share for i, who in enumerate(those)]
        for factor in (0.83, 1.25, 2.0):
            seen = " | ".join(_soon(everybody, wait=wait, factor=factor) for wait in waits)
            print(f"| {share:.0%} | × {factor} | {seen} |", flush=True)


def _soon(crowd: Sequence[tuple[int, Person]], *, wait: int, factor: float) -> str:
    """The share told of a changed weekly limit so many days after it."""
    scales = []
    for seed, who in crowd:
        until = changes_at(who, seed) + wait * 86_400
        short, week = ([a for a in seen if a.observed_at < until] for seen in changed(who, seed=seed, week=factor))
        scales.append(calibrate(week, rates=cap_ratio.turned(cap_ratio.rates(cap_ratio.days(short, week)))))
    return _share_told(scales)


def forecast_table(people: int, *, weeks: int, families: Sequence[str], seed: int, is_full: bool) -> None:
    """Scores and alarms, by family; a third of the people each with 0, 10 and 30 % elsewhere. Both windows refuse, the
    5-hour one for three people in four; what they do then is in ``governor.evaluation.people.limits``.
    """
    if not is_full:
        print(
            "| family | ÷ linear with errors | ÷ climatology | inside 80 % | above p90 | Brier "
            "| harmless weeks with an alarm | recall | lead |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
    everybody = []
    for family in families:
        found = []
        for i in range(people):
            rng = Random(seed + i)
            who = person(rng, family, weeks=weeks + 5, elsewhere=(0.0, 0.1, 0.3)[i % 3], has_short=i % 4 != 3)
            found.append(crowd.scored(people_limits.crowded(rng, who), first=weeks))
        everybody += found
        result = pool(found)
        if is_full:
            print(f"\n**{family}**, {weeks} weeks of history, {people} people, {result.weeks} weeks scored\n")
            _every_rival(result)
        else:
            print(_row(family, result), flush=True)
    result = pool(everybody)
    if is_full:
        print(f"\n**All**, {result.weeks} weeks\n")
        _every_rival(result)
    else:
        print(_row("**all**", result))
    print("\n| P(exceed) said | came | looks |\n|---|---|---|")
    for tenth in result.reliability:
        print(f"| {tenth.said:.2f} | {tenth.came:.2f} | {tenth.looks} |")


def _row(name: str, result: Backtest) -> str:
    own, linear, climate = (_named(result, name) for name in ("governor", "linear + its own errors", "climatology"))
    return (
        f"| {name} | {own.pinball / linear.pinball:.2f} | {own.pinball / climate.pinball:.2f} | {_inside(own)} "
        f"| {own.above or 0.0:.2f} | {own.brier:.3f} | {_alarms(result.alarms[0])} |"
    )


def _named(result: Backtest, method: str) -> Score:
    return next(score for score in result.scores if score.method == method)


def _every_rival(result: Backtest) -> None:
    rival = _named(result, "linear + its own errors")
    print("| method | pinball | ÷ linear with errors | median's error | inside 80 % | above p90 | Brier |")
    print("|---|---|---|---|---|---|---|")
    for s in result.scores:
        brier = f"{s.brier:.3f}" if s.brier is not None else "–"
        above = f"{s.above:.2f}" if s.above is not None else "–"
        ratio = s.pinball / rival.pinball
        print(f"| {s.method} | {s.pinball:.2f} | {ratio:.2f} | {s.error:.1f} | {_inside(s)} | {above} | {brier} |")
    print("\n| alarm | harmless weeks with one | recall | median lead |\n|---|---|---|---|")
    for a in result.alarms:
        print(f"| {a.rule} | {_alarms(a)} |")


def _inside(score: Score) -> str:
    return f"{score.covered:.2f} [{score.covered_low:.2f}, {score.covered_high:.2f}]" if score.covered else "–"


def _alarms(found: AlarmScore) -> str:
    lead = f"{found.median_lead_h:.0f} h" if found.median_lead_h is not None else "–"
    return f"{_share(found.false_share, found.harmless_weeks)} | {_share(found.recall, found.exceeding_weeks)} | {lead}"


def _share(share: float | None, count: int) -> str:
    if share is None:
        return "–"
    low, high = wilson(share, count)
    return f"{share:.3f} [{low:.2f}, {high:.2f}] of {count}"


def session_table(people: int, *, families: Sequence[str]) -> None:
    """The 5-hour interval, one to four hours into every second window of four weeks, after six of history."""
    print("| family | looks | inside 80 % | below it | above it | starts at what is used already |")
    print("|---|---|---|---|---|---|")
    for family in families:
        looks = below = above = touching = 0
        for i in range(people):
            who = person(Random(50_000 + i), family, weeks=10)
            hours = who.hourly()
            times = [at for at, _ in hours]
            place, even = bisect_left(times, who.starts_at + 6 * WEEK_S), False
            while place < len(hours) and times[place] < who.starts_at + who.weeks * WEEK_S - 5 * 3600:
                start, end = times[place], times[place] + 5 * 3600
                then = bisect_left(times, end)
                truth = sum(units for _, units in hours[place:then])
                for hour in (1, 2, 3, 4) if even else ():
                    known = hours[: bisect_left(times, start + hour * 3600)]
                    spent = sum(units for _, units in known[place:])
                    found = project_5h(known, now=start + hour * 3600, resets_at=end, spent=spent, cap=None)
                    looks += 1
                    below += truth < found.p10 - 1e-9
                    above += truth > found.p90 + 1e-9
                    touching += found.p10 <= spent + 1e-9
                place, even = then, not even
        shares = " | ".join(f"{n / looks:.3f}" for n in (looks - below - above, below, above))
        print(f"| {family} | {looks} | {shares} | {touching / looks:.2f} |")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", choices=("scale", "change", "forecast", "session"))
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--seed", type=int, default=20_000)
    parser.add_argument("--full", action="store_true", help="with every rival")
    chosen = parser.parse_args()
    if chosen.table == "scale":
        scale_table(chosen.people, families=chosen.family or tuple(people_first.MAKERS))
    elif chosen.table == "change":
        change_table(chosen.people, families=chosen.family or tuple(people_first.MAKERS))
    elif chosen.table == "session":
        session_table(chosen.people, families=chosen.family or tuple(people_first.MAKERS))
    else:
        forecast_table(
            chosen.people, weeks=chosen.weeks, families=chosen.family or FAMILIES, seed=chosen.seed, is_full=chosen.full
        )


if __name__ == "__main__":
    main()
