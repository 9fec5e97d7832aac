"""What a rollout states of Codex's windows: ``rate_limits`` of a ``token_count`` into readings."""

from __future__ import annotations

from typing import Any

from governor.limit_facts import used_percent
from governor.model import LimitReading
from governor.quota import windows
from governor.transcripts.lines import text, to_ms


def readings(limits: dict[str, Any], observed_at: int, account: str | None) -> list[LimitReading]:
    """The windows that one ``rate_limits`` block states. A window is named by its length, never by its slot.

    Other families than the main one (``limit_id`` not ``codex``) are kept apart as ``week:<family>``. A block without
    a window says nothing: unknown, not 0 %.
    """
    family = text(limits.get("limit_id"))
    suffix = "" if family in ("", "codex") else f":{text(limits.get('limit_name')) or family}"
    found = []
    for slot in ("primary", "secondary"):
        window = limits.get(slot)
        if not isinstance(window, dict):
            continue
        percent = used_percent(window.get("used_percent"))
        minutes = window.get("window_minutes")
        if percent is None:
            continue
        if type(minutes) is not int or not 0 < minutes <= windows.LONGEST_M:
            continue
        delay = window.get("resets_in_seconds")  # clients of 2025
        resets_ms = to_ms(window.get("resets_at"))
        if resets_ms is None and isinstance(delay, (int, float)):
            resets_ms = to_ms(observed_at + delay)
        found.append(
            LimitReading(
                "codex",
                windows.named(minutes) + suffix,
                percent,
                None if resets_ms is None else resets_ms // 1000,
                observed_at,
                "rollout",
                account,
                text(limits.get("plan_type")) or None,
            )
        )
    return found
