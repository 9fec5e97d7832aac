"""One line to a person at the prompt: which window, where it lands against even pace, until when, who says so, and how
to make it stop. Short, because it comes uninvited.
"""

from __future__ import annotations

from datetime import tzinfo

from governor.number_format import LANE_NAMES, moment, percent, span
from governor.quota import refusals
from governor.quota.refusals import Refusal
from governor.report import LaneReport, WindowReport, verdicts, worst
from governor.views import unknown_figures

HUSH = "To hush it: pacing.hush in budget.json"


def pacing(found: WindowReport, other: LaneReport | None, *, now: int) -> str:
    """What the pacing warner says about one window; at most 300 characters."""
    if found.refusal is not None:
        return refused(found.refusal, other, now=now)
    name = f"{LANE_NAMES[found.window.lane]} {found.window.name}"
    parts = [f"governor: {name} {_stands(found)}{_lands(found)}{_pace(found, now=now)}."]
    if found.window.resets_at is not None:
        parts.append(f"Resets {moment(found.window.resets_at, None, now=now)}{_source(found, now=now)}.")
    parts += [f"{reason.text[0].upper()}{reason.text[1:]}." for reason in found.reasons if reason.rule == "spike-3x"]
    if found.unplaced is not None:
        parts.append(f"Use since then cannot be placed; type it: {unknown_figures.calibrate(found)}.")
    helps = _helps(found, other)
    if helps:
        parts.append(helps)
    parts.append(f"{HUSH}.")
    return " ".join(parts)


def refused(refusal: Refusal, other: LaneReport | None, *, now: int) -> str:
    """What is said after the plan has refused: when, until when, and where there is room."""
    name = f"{LANE_NAMES[refusal.lane]}{f' {refusal.window}' if refusal.window else ''}"
    free = other is not None and other.present and other.verdict == "GO"
    helps = f" Helps: broad work on {LANE_NAMES[other.lane]}." if free and other is not None else ""
    return f"governor: {name}: {refusals.sentence(refusal, now=now)}.{helps} {HUSH}."


def for_model(found: WindowReport, *, now: int, zone: tzinfo | None = None) -> str:
    """What the model is told at the wall: a fact, not an order; at most 200 characters. No zone is the local one."""
    if found.refusal is not None:
        until = moment(found.refusal.until, zone, now=now)
        return f"The {found.window.name} plan window refused a request; work started before {until} may be cut off."
    if found.official is None or found.window.resets_at is None:
        return ""
    return (
        f"The {found.window.name} plan window is {percent(found.official.used_percent)} used and resets at "
        f"{moment(found.window.resets_at, zone, now=now)}; work started now may be cut off."
    )


def _stands(found: WindowReport) -> str:
    if found.estimate is None:
        official = found.official
        return "is at an unknown level" if official is None else f"at least {percent(official.used_percent)} used"
    about = "" if found.estimate.basis == "official" else "about "
    return f"{about}{percent(found.estimate.used_percent)} used"


def _lands(found: WindowReport) -> str:
    guess = found.projection
    if guess is None:
        return ""
    if guess.p50 is None:
        return f", at the recent rate {percent(guess.naive)} at the reset"
    return f", lands near {percent(guess.p50)} ({span(guess.p10, guess.p90)})"


def _pace(found: WindowReport, *, now: int) -> str:
    window = found.window
    if window.resets_at is None:
        return ""
    elapsed = (now - window.starts_at) / (window.resets_at - window.starts_at) * 100
    return f"; even pace would be {percent(min(max(elapsed, 0.0), 100.0))} by now"


def _source(found: WindowReport, *, now: int) -> str:
    official = found.official
    return "" if official is None else f" (official figure read {moment(official.observed_at, None, now=now)})"


def _helps(found: WindowReport, other: LaneReport | None) -> str:
    if found.verdict == "STOP":
        return ""
    if other is not None and worst(verdicts(other)) == "GO" and other.windows:
        return f"Helps: broad work on {LANE_NAMES[other.lane]}."
    return "Helps: /compact long sessions, smaller models for routine work."
