"""The backtest on made-up people: calibrated from what their machine would have read, refused where they hit limits.

So the whole chain is scored and not only its last link. A scale is what was known when each week began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governor.calibration.scale import Anchor, calibrate
from governor.evaluation import backtest
from governor.evaluation.backtest import HOUR_S, WEEK_S, Course, Known
from governor.evaluation.people import limits as people_limits
from governor.evaluation.people.slots import SLOT_S
from governor.evaluation.scores import Backtest, pool

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from governor.evaluation.people import Person

A_WEEK: Final = WEEK_S // SLOT_S
AN_HOUR: Final = HOUR_S // SLOT_S


def simulated(people: Iterable[Person], rng: Random, *, first: int = 6, alarms: bool = True) -> Backtest:
    """Made-up people from week ``first`` on, living under their limits."""
    return pool(scored(people_limits.crowded(rng, someone), first=first, alarms=alarms) for someone in people)


def scored(lived: people_limits.Lived, *, first: int = 6, alarms: bool = True) -> Backtest:
    """One life, scored from week ``first`` on."""
    weeks = courses(lived)
    scales = [scale_at(lived, week.starts_at) if w >= first else None for w, week in enumerate(weeks)]
    walls = [(wall.begin, wall.end) for wall in lived.walls if wall.window == "week"]
    return backtest.run(lived.hourly(), weeks, scales=scales, walls=walls, first=first, alarms=alarms)


def courses(lived: people_limits.Lived) -> list[Course]:
    """The weeks as the meter had them, and what would have been used had the week refused nothing."""
    begin = lived.person.starts_at
    refused = {(wall.begin - 1 - begin) // WEEK_S: wall.begin for wall in lived.walls if wall.window == "week"}
    return [
        Course(
            begin + w * WEEK_S,
            begin + (w + 1) * WEEK_S,
            lived.used[w * A_WEEK + AN_HOUR - 1 : (w + 1) * A_WEEK : AN_HOUR],
            refused.get(w),
            lived.wanted[(w + 1) * A_WEEK - 1],
        )
        for w in range(lived.person.weeks)
    ]


def scale_at(lived: people_limits.Lived, moment: int) -> Known | None:
    """The scale that the readings before ``moment`` tell; None where they tell none."""
    scale = calibrate([Anchor(*seen) for seen in lived.week if seen.at < moment])
    return None if scale is None else Known(scale.effective, scale.spread)
