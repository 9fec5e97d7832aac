"""Moments and lengths of time as clients and their panels write them: ``Nov 25, 9am (UTC)``, ``2 hr 53 min``.

Pure: the words and the clock go in, epoch seconds come out. What cannot be read is None, never a guess. English is read
in full; German, French, Spanish and Japanese as far as panels use them.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo

MINUTE = 60
LONGEST_S = 366 * 86_400  # a longer wait is no window's
# Seconds of a unit; a unit is matched by its whole word.
_UNITS = {
    60: "m min mins minute minutes minuten minuto minutos 分 分間",
    3600: "h hr hrs hour hours std stunde stunden heure heures hora horas 時間",
    86_400: "d day days t tag tage tagen j jour jours día días dia dias 日 日間",
    7 * 86_400: "w wk week weeks woche wochen semaine semaines semana semanas 週間",
    1: "s sec secs second seconds sek sekunde sekunden seconde secondes segundo segundos 秒",
}
_SIZES = {word: size for size, words in _UNITS.items() for word in words.split()}
_UNIT = "|".join(sorted(map(re.escape, _SIZES), key=len, reverse=True))
_PIECE = re.compile(rf"\s*(?:,|\band\b|\bund\b|\bet\b|\by\b)?\s*(\d{{1,6}})\s*({_UNIT})(?![a-zà-ÿ])\.?", re.I)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Words of other languages for an English one; a name that is also an English word stands in none of these.
_OTHER = {
    "mon": "montag mo lundi lun lunes 月曜日 月曜",
    "tue": "dienstag di mardi martes 火曜日 火曜",
    "wed": "mittwoch mi mercredi mer miércoles mié miercoles 水曜日 水曜",
    "thu": "donnerstag do jeudi jeu jueves jue 木曜日 木曜",
    "fri": "freitag fr vendredi ven viernes vie 金曜日 金曜",
    "sat": "samstag sa samedi sam sábado sáb sabado 土曜日 土曜",
    "sun": "sonntag so dimanche dim domingo dom 日曜日 日曜",
    "jan": "januar janvier janv enero ene",
    "feb": "februar février févr fevrier febrero",
    "mar": "märz mär mars marzo",
    "apr": "april avril avr abril abr",
    "may": "mai mayo",
    "jun": "juni juin junio",
    "jul": "juli juillet juil julio",
    "aug": "august août aout agosto ago",
    "sep": "sept september septembre septiembre",
    "oct": "oktober okt octobre octubre",
    "nov": "november novembre noviembre",
    "dec": "dezember dez décembre déc decembre diciembre dic",
}
_ENGLISH = {word: english for english, words in _OTHER.items() for word in words.split()}
_WORD = re.compile(r"[a-zà-ÿ]+|[月火水木金土日]曜日?", re.I)
_FILLERS = re.compile(r"(?<!\w)(?:um|uhr|(?<!\d )am(?=\s)|le|el|los?|las?|de|del|en|à|a(?!m\b)|dans|ab)(?!\w)\.?", re.I)
_WHEN = re.compile(
    r"(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday)?[.,]?\s+(?:at\s+)?)?"
    r"(?:(?P<month>[A-Z][a-z]{2})\w*\.?\s+(?P<day>\d{1,2})(?:,?\s+(?P<year>20\d\d))?(?:,|\s+at)?\s+)?"
    r"(?:(?P<day3>\d{1,2})\.?\s+(?P<month3>[A-Z][a-z]{2})\.?(?:,?\s+(?P<year3>20\d\d))?(?:,|\s+at)?\s+)?"
    r"(?P<hour>\d{1,2})(?!\d)(?:[:.](?P<minute>\d{2}))?(?:\s*(?P<half>[ap])\.?m\.?)?"
    r"(?:\s+on\s+(?P<day2>\d{1,2})\s+(?P<month2>[A-Z][a-z]{2}))?(?:\s*\((?P<zone>[\w/+-]+)\))?",
    re.I,
)


def plain(text: str) -> str:
    """The same text in ASCII digits, signs and blanks: without colour codes, full-width forms and direction marks."""
    text = re.sub(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]", "", text)
    kept = []
    for sign in unicodedata.normalize("NFKC", text).translate({0x66A: "%", 0x66B: ".", 0x2019: "'"}):
        kind = unicodedata.category(sign)
        if kind == "Nd":
            kept.append(str(unicodedata.decimal(sign)))
        elif sign in "\n\t" or kind not in ("Cf", "Cc"):
            kept.append(" " if kind == "Zs" else sign)
    return "".join(kept)


def span(text: str) -> int | None:
    """Seconds of ``2 hr 53 min``, ``3 days``, ``1d 4h``, ``less than a minute``: above 0; None for anything else."""
    words = re.sub(r"^(?:in|dans|en|noch|encore|~)\s+", "", plain(text).strip().lower())
    if words in ("less than a minute", "a minute", "1 min."):
        return MINUTE
    total, at = 0, 0
    while piece := _PIECE.match(words, at):
        total += int(piece[1]) * _SIZES[piece[2].lower()]
        at = piece.end()
    return total if at == len(words) and 0 < total <= LONGEST_S else None


def moment(text: str, *, now: int) -> int | None:
    """The next time the clock shows what the words say, or the end of the length of time that they name.

    ``Sun 04:00``, ``4am``, ``Nov 29, 4am (UTC)``, ``10:00 on 28 Nov``, ``Dec 2nd, 2026 3:41 PM``, ``tomorrow 3pm``,
    ``in 3 days``. Without a zone in brackets the system's own holds. None for anything else, and for a zone that is
    not known here.
    """
    words = plain(text).strip().rstrip(".,;")
    if (left := span(words)) is not None:
        return now + left
    words = re.sub(r"^(?:at|on)\s+", "", words, flags=re.I)
    words = re.sub(r"\b(\d{1,2})(?:st|nd|rd|th)\b", r"\1", words)
    later = re.match(r"tomorrow(?:\s+at)?\s+", words, re.I)
    words = words[later.end() :] if later else words
    found = _WHEN.fullmatch(words) or _WHEN.fullmatch(_in_english(words))
    return None if found is None else _next(found, now=now, tomorrow=later is not None)


def _in_english(words: str) -> str:
    """``Mo., 25. November um 10:00 Uhr`` as ``mon, 25 nov, 10:00``."""
    words = re.sub(r"(\d{1,2})月(\d{1,2})日", lambda m: f"{_MONTHS[(int(m[1]) - 1) % 12]} {m[2]} ", words)
    words = re.sub(r"(\d{1,2})時(?:(\d{1,2})分)?", lambda m: f"{m[1]}:{int(m[2] or 0):02d}", words)
    words = re.sub(r"\b(\d{1,2})\s?h\s?(\d{2})?\b", lambda m: f"{m[1]}:{m[2] or '00'}", words)
    words = re.sub(r"\bmar\.?,?\s+(?=\D{0,4}\d{1,2}[:.]\d{2})", "tue ", words, flags=re.I)  # French and Spanish
    words = _WORD.sub(lambda m: _ENGLISH.get(m[0].lower(), m[0]), _FILLERS.sub(" ", words))
    words = re.sub(r"\b(mon|tue|wed|thu|fri|sat|sun)\.?,?(?=\s*\d)", r"\1 ", words)
    return re.sub(r"\s+", " ", words).strip()


def _next(found: re.Match[str], *, now: int, tomorrow: bool) -> int | None:
    """The next time the clock shows what was matched; None where it says something impossible."""
    zone: tzinfo | None = None
    if found["zone"]:
        from zoneinfo import ZoneInfo

        try:
            zone = ZoneInfo(found["zone"])
        except (KeyError, ValueError, OSError):
            return None
    here = datetime.fromtimestamp(now, zone)  # without a zone the system's own, over a change of clocks too
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    month = found["month"] or found["month2"] or found["month3"]
    day = found["day"] or found["day2"] or found["day3"]
    year = found["year"] or found["year3"]
    try:
        then = here.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
        if month and day:
            then = then.replace(year=int(year or here.year), month=_MONTHS.index(month.lower()) + 1, day=int(day))
            if not year and then < here - timedelta(days=1):
                then = then.replace(year=then.year + 1)
        elif found["weekday"]:
            then += timedelta(days=(_DAYS.index(found["weekday"].lower()) - then.weekday()) % 7)
            then += timedelta(days=7 * (then + timedelta(seconds=MINUTE) <= here))
        elif tomorrow or then + timedelta(seconds=MINUTE) <= here:
            then += timedelta(days=1)
        elif then <= here:
            then += timedelta(seconds=MINUTE)
    except ValueError:
        return None
    return int(then.timestamp())
