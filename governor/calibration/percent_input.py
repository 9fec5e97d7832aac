"""What a person types about the official meter, read strictly: a wrong anchor would poison every later figure."""

from __future__ import annotations

from governor.errors import BadInputError
from governor.limit_facts import MOST_TYPED, used_percent

_EXAMPLE = "governor calibrate 60%"


def percent_of(text: str) -> float:
    """A percentage from ``60%``, ``60 %`` or ``60``. Above 100 it is use on credits.

    Raises: BadInputError. ``0.6`` without a sign is refused: it may mean 60 % or 0.6 %.
    """
    word = text.strip().replace(",", ".")
    signed = word.endswith("%")
    word = word.removesuffix("%").strip()
    try:
        value = float(word)
    except ValueError:
        raise BadInputError(f"{text!r} is no percentage.", _EXAMPLE) from None
    if value != value or value in (float("inf"), float("-inf")):
        raise BadInputError(f"{text!r} is no percentage.", _EXAMPLE)
    if used_percent(value, MOST_TYPED) is None:
        raise BadInputError(f"{value:g} % is not on the meter, which goes from 0 to {MOST_TYPED:g}.", _EXAMPLE)
    if 0 < value < 1 and not signed:
        raise BadInputError(
            f"{text!r} could mean {value * 100:g} % or {value:g} %.",
            f"governor calibrate {value * 100:g}%   (or {value:g}%)",
        )
    return value
