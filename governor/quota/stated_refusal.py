"""What a client states when its plan refuses: which window, and until when. Fields first, words only where none are.

Fields: Claude Code's ``quotaLimits``, ``rate_limit_info`` and ``rate_limit_event`` (2.1.332), which name the window and
its reset. Words: the sentences of Claude Code (``You've hit your weekly limit · resets Dec 3, 9:42pm (UTC)``) and Codex
(``You've hit your usage limit. ... or try again at Dec 2nd, 2026 3:41 PM.``). A text is read here and kept nowhere.

Pure, and free of all that hooks may not import: the loop guard's hook asks it too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ANY = "any"  # the window is not known; ``any:<model>`` where it is known which model was refused
SOURCE = "refused"  # how such a reading is named in the ledger
# A reset that lies farther ahead is misread: each window's length, and a little.
AHEAD_S = {"5h": 5 * 3600 + 600, "week": 8 * 86_400}
LONGEST_S = 32 * 86_400
EXITS = ("allowed", "allowed_warning")  # usage credits that answer in the plan's place
# Words before "limit" that name no model.
_NO_MODEL = (
    " usage weekly session monthly daily spend credit credits rate plan group pooled your the account organization org "
    "org's fast context concurrency model limit 5-hour 5h hour hourly claude ai token tokens message api "
)


class Stated:
    """``window``: 5h, week, ``week:<family>`` or ANY; ``resets_at``: epoch seconds, None where it is not stated."""

    __slots__ = ("resets_at", "window")

    def __init__(self, window: str, resets_at: int | None) -> None:
        self.window = window
        self.resets_at = resets_at

    def reading(self, lane: str, *, at: int) -> dict[str, Any]:
        """As a hook or a supervisor leaves it in the spool of official readings."""
        return {
            "lane": lane,
            "window": self.window,
            "used_percent": 100.0,
            "resets_at": self.resets_at,
            "observed_at": at,
            "source": SOURCE,
        }

    def of_model(self, model: str) -> str:
        """The window's name in a reading: an unknown window keeps the model that was refused."""
        return f"{ANY}:{model[:80]}" if self.window == ANY and model else self.window


def by_fields(info: Mapping[str, Any], *, now: int) -> Stated | None:
    """What ``quotaLimits`` or ``rate_limit_info`` states; None where it states no refusal, or usage credits go on."""
    from governor.hooks.statusline.rules import window_of

    if info.get("status") != "rejected" or info.get("isUsingOverage") is True or info.get("overageStatus") in EXITS:
        return None
    named = info.get("rateLimitType")
    window = window_of(named) if isinstance(named, str) else None
    resets = [info.get("resetsAt"), info.get("overageResetsAt") if info.get("overageStatus") == "rejected" else None]
    later = [at for at in map(_time, resets) if at is not None]
    return Stated(window or ANY, _possible(min(later, default=None), window or ANY, now=now))


def by_words(words: str, *, now: int) -> Stated | None:
    """What a client's sentence states; None where it says that no plan's limit was the reason.

    A model's own window is taken from the name before "limit", whichever model it is.
    """
    import re

    from governor.quota import stated_times

    text = stated_times.plain(words)[:1000]
    low = text.lower()
    if "not your usage limit" in low or "temporary capacity" in low or "fast limit" in low:
        return None
    epoch = re.search(r"limit reached\|(\d{10})\b", low)
    at = re.search(
        r"(?:\bresets?(?:\s+at)?|\btry again(?:\s+at)?|\bavailable again(?:\s+at)?)[:\s]+"
        r"(.{2,60}?)(?=\s+[·∙|]|\s*$|\.\s|\.$|\n|,? or |\)\s)",
        f"{text}\n",
        re.I | re.M,
    )
    # "... spend limit · your weekly limit resets ...": the window is the one beside its reset
    beside = low[: at.start()] if at else low
    names = re.findall(r"([\w'-]+(?: [\d.]+)?(?:\s+weekly|\s+5-hour)?)\s+limit\b", beside) or ["usage"]
    window = _window(names[-1])
    if window == ANY and (model := re.search(r"limit for ([\w.-]*\w)", low)):  # Codex names a model of its own limits
        window = f"{ANY}:{model[1][:80]}"
    until: int | None = None
    if epoch:
        until = int(epoch[1])
    elif at:
        phrase = at[1] + (")" if at[1].count("(") > at[1].count(")") else "")
        until = stated_times.moment(phrase, now=now)
    return Stated(window, _possible(until, window, now=now))


def of_record(record: Mapping[str, Any], *, now: int) -> Stated | None:
    """The same, from one record: a ``<synthetic>`` line of a transcript or a stream, or a StopFailure event.

    The caller has seen that it is a refusal (``rate_limit``, 429); None where it is not the plan's.
    """
    if record.get("apiErrorIsTransient") is True or record.get("api_error_is_transient") is True:
        return None
    params = record.get("apiErrorParams") or record.get("api_error_params")
    inner = params.get("rate_limit_info") if isinstance(params, dict) else None
    for info in (record.get("quotaLimits"), inner):
        if isinstance(info, dict) and info.get("status") is not None:
            return by_fields(info, now=now)
    said = record.get("last_assistant_message")
    return by_words(said if isinstance(said, str) else _text_of(record.get("message")), now=now)


def _text_of(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    texts = (block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text")
    return "\n".join(text for text in texts if isinstance(text, str))


def _possible(at: int | None, window: str, *, now: int) -> int | None:
    """The stated reset, unless this window cannot reset then."""
    most = AHEAD_S.get(window.partition(":")[0], LONGEST_S)
    return at if at is not None and now - 60 <= at <= now + most else None


def _window(name: str) -> str:
    first = name.split()[0].strip("'.")
    if first in ("session", "5-hour", "5h", "hour") or "5-hour" in name:
        return "5h"
    if f" {first} " not in _NO_MODEL and first.isascii() and first.isalpha() and len(first) > 2:
        return f"week:{first}"
    return "week" if "weekly" in name else ANY


def _time(value: object) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 1e9 < value < 1e11 else None  # type: ignore[operator,call-overload]
