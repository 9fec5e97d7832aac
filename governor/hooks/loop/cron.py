"""How often a schedule wakes a session: five fields of cron, read as the clients write them, averaged over a year."""

from __future__ import annotations

DAY_S = 86_400
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}


class Rhythm:
    """``per_day``: wakes a day, on average. ``gap_s``: seconds between two wakes of one day, the shortest there is."""

    __slots__ = ("gap_s", "per_day")

    def __init__(self, per_day: float, gap_s: int) -> None:
        self.per_day = per_day
        self.gap_s = gap_s


def rhythm(schedule: object) -> Rhythm | None:
    """The rhythm of a cron expression; None for anything that is none, and for one that never fires."""
    if not isinstance(schedule, str):
        return None
    words = NAMED.get(schedule.strip().lower(), schedule).lower().split()
    if len(words) != 5:
        return None
    found = [_values(word, *bounds) for word, bounds in zip(words, FIELDS)]
    if not all(found):
        return None
    minutes, hours, dates, months, days = found
    weekdays = {day % 7 for day in days}
    by_date, by_weekday = len(dates) / 30.44, len(weekdays) / 7
    if words[2].startswith("*"):
        share = by_weekday
    elif words[4].startswith("*"):
        share = min(by_date, 1.0)
    else:  # cron fires when either matches
        share = 1 - (1 - min(by_date, 1.0)) * (1 - by_weekday)
    times = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    gaps = [after - before for before, after in zip(times, [*times[1:], times[0] + 1440])]
    return Rhythm(len(times) * share * len(months) / 12, min(gaps) * 60)


def _values(word: str, low: int, high: int) -> set[int]:
    """Every value a field matches; an empty set for what is no field."""
    found: set[int] = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if span == "*" else _number(first, low, high)
        every = int(step) if step.isascii() and step.isdigit() else 0 if "/" in part else 1
        end = high if span == "*" or ("/" in part and not last) else _number(last or first, low, high)
        if start is None or end is None or every < 1 or start > end:
            return set()
        found |= set(range(start, end + 1, every))
    return found


def _number(word: str, low: int, high: int) -> int | None:
    names = MONTHS if high == 12 else DAYS if high == 7 else ()
    value = names.index(word[:3]) + low if word[:3] in names and word.isalpha() else None
    if value is None and word.isascii() and word.isdigit() and len(word) <= 2:
        value = int(word)
    return value if value is not None and low <= value <= high else None
