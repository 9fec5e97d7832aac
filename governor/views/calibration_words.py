"""What a scale means, in words for somebody who has just typed a figure."""

from __future__ import annotations

from governor.number_format import change, count
from governor.report import WindowReport


def meaning(window: WindowReport) -> str:
    """Units per percent of this window with its interval, or why there is none yet; and what would settle it."""
    scale = window.scale
    if scale is None:
        return "There is nothing here to set it against yet, so it stands alone."
    text = (
        f"That makes {count(scale.units_per_percent)} units per 1 % "
        f"({count(scale.low)}–{count(scale.high)}), from {scale.anchors} anchors."
        if scale.anchors != 1
        else f"If all of it was used here, 1 % is {count(scale.units_per_percent)} units."
    )
    if scale.anchors == 1:
        text += (
            " One anchor cannot tell use elsewhere (another machine, the web, a phone) from heavier weights: "
            "type a second one after some hours of work."
        )
    elif scale.note:
        text += f" {scale.note[0].upper()}{scale.note[1:]}."
    if scale.change is not None:
        text += f" {change(scale.change, window.window.name)}."
    return text
