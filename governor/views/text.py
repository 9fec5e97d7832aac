"""``governor status`` as one screen: what each window says, where it lands, and what to do about it.

The one face without rich: its import alone costs as much as all the rest of a warm status.
"""

from __future__ import annotations

from click import style

from governor.forecasting import estimate
from governor.forecasting.alarm import RULE
from governor.hooks.budget.rules import amount
from governor.number_format import WIDTH, ago, change, count, folded, left, many, moment, percent, span, title, utc
from governor.pipeline import policy
from governor.quota import refusals
from governor.report import BudgetReport, Report, WindowReport
from governor.views import unknown_figures

COLOURS: dict[str, dict[str, object]] = {
    "GO": {"fg": "green"},
    "NUDGE": {"fg": "yellow"},
    "SLOW": {"fg": 208},
    "STOP": {"fg": "red", "bold": True},
}
SIGNS = {"GO": "●", "NUDGE": "▲", "SLOW": "◆", "STOP": "■"}
SOURCES = {
    "statusline": "status line",
    "rollout": "Codex rollout",
    "typed": "typed",
    "pasted": "pasted",
    "stream": "headless run",
    "client": "asked the client",
}
LENGTHS = {"5h": "5 hours", "day": "24 hours", "month": "30 days"}
ON = {"env": "unset GOVERNOR_OFF", "file": "governor on", "shared": "governor config"}  # what ends which kill switch
BAR = 28
BUDGETS = 6  # lines at most
NEWS_S = 14 * 86_400  # for so long a change of limits is said without being asked
LEAST = 0.002  # of 400 draws none passing the cap is not a chance of nothing


def status(report: Report, *, why: bool = False) -> str:
    """The screen, styled for a terminal; every line fits WIDTH columns."""
    now = report.generated_at
    lines = [
        style("governor", bold=True) + style(f"  {moment(now, None, now=now - 7 * 86_400)}{_hooks(report)}", dim=True)
    ]
    present = [part for part in report.accounts() if part.present]
    if not present:
        lines += ["", "No transcripts of Claude Code or Codex were found, and no official reading."]
        lines.append(style("  next: governor demo, or point CLAUDE_CONFIG_DIR and CODEX_HOME at your own", dim=True))
        return "\n".join(lines)
    for lane in present:
        lines += ["", style(title(report, lane), bold=True)]
        for found in lane.windows:
            lines += _window(found, now=now, why=why)
        for refusal in lane.refusals:
            lines += _said("SLOW", refusals.sentence(refusal, now=now))
    if report.budgets:
        lines += ["", style("Budgets", bold=True), *map(_budget, report.budgets[:BUDGETS])]
    return "\n".join([*lines, "", *_foot(report)])


def _hooks(report: Report) -> str:
    now = report.generated_at
    lifted = f"   override until {moment(report.override_until, None, now=now)}" if report.override_until else ""
    if report.off_by is not None:
        until = f" until {moment(report.off_until, None, now=now)}" if report.off_until else ""
        return f"   OFF by {report.off_by}{until}{lifted}"
    return f"{_seen(report)}{lifted}"


def _seen(report: Report) -> str:
    if not report.hooks.wired:
        return "   hooks not installed"
    if report.hooks.last_run is None:
        return "   hooks installed, not seen yet"
    return f"   hooks seen {ago(report.generated_at - report.hooks.last_run)} ago"


def _window(found: WindowReport, *, now: int, why: bool) -> list[str]:
    at = found.estimate.used_percent if found.estimate else _floor(found)
    name = found.window.name
    size = BAR - max(len(name) - 6, 0)  # a long name takes its room from the bar
    bar = _bar(at, found.projection.p50 if found.projection else None, size=max(size, 8))
    first = f"  {name:<6} {bar} " + style(f"{_now(found):>7}", bold=True)
    lines = [first + style(f"  {_reset(found, now=now)}", dim=True)]
    for text in (_official(found, now=now), _unplaced(found), _here(found), _landing(found, now=now)):
        lines += folded(text, 9, hang=2)
    spoke = [reason for reason in found.reasons if found.verdict != "GO" or reason.rule.startswith("spike")]
    if spoke:
        lines += _verdict(found, spoke[0].text)
    elif found.estimate is not None:
        lines += _verdict(found, policy.likely(found.projection) or "not near its cap")
    moved = found.scale and found.scale.change
    if moved and now - moved.at < NEWS_S and not why:
        lines += folded(change(moved, name), 9, hang=2)
    if why:
        lines += [style(line, dim=True) for row in _arithmetic(found) for line in folded(row, 9, hang=2)]
    return lines


def _bar(at: float | None, lands: float | None, *, size: int) -> str:
    """Used, then the way to the projected landing, up to 100 %."""
    used = 0 if at is None else min(round(at / 100 * size), size)
    ahead = 0 if at is None or lands is None else max(min(round(lands / 100 * size), size) - used, 0)
    return "█" * used + style("▒" * ahead + "·" * (size - used - ahead), dim=True)


def _now(found: WindowReport) -> str:
    if found.estimate is None:
        floor = _floor(found)
        return "?" if floor is None else f"≥{percent(floor)}"
    sign = "" if found.estimate.basis == "official" else "~"
    return sign + percent(found.estimate.used_percent)


def _floor(found: WindowReport) -> float | None:
    """What the last reading says at least, where use since cannot be placed."""
    return found.official.used_percent if found.unplaced and found.official else None


def _unplaced(found: WindowReport) -> str:
    if found.unplaced is None:
        return ""
    return f"{estimate.words(found.unplaced)}; type it: {unknown_figures.calibrate(found)}"


def _reset(found: WindowReport, *, now: int) -> str:
    window = found.window
    if window.how == "overdue":
        return f"past its reset of {moment(window.cycle or 0, None, now=now)}"
    if window.resets_at is None:
        return "none open" if window.how == "activity" else f"the last {LENGTHS.get(window.name, '7 days')}"
    about = "" if window.is_official else "~"  # inferred
    return f"resets {about}{moment(window.resets_at, None, now=now)}, in {left(window.resets_at - now)}"


def _official(found: WindowReport, *, now: int) -> str:
    official = found.official
    if official is None:
        return "no official reading"
    source = SOURCES.get(official.source, official.source)
    return f"official {percent(official.used_percent)} ({source}, {ago(now - official.observed_at)} ago)"


def _here(found: WindowReport) -> str:
    """What this machine used, and what share of all use it usually is: over the calibration, not in this window."""
    if found.local is None:
        return "which models it counts is not known, so nothing used here is set against it"
    local = f"here {count(found.local.units)} units, {many(found.local.requests, 'request')}"
    cover = found.scale.coverage if found.scale and found.official else None
    if cover is None:
        return local
    share, between = percent(cover.share * 100), span(cover.low * 100, cover.high * 100)
    if cover.at_most and cover.share >= 0.995:  # a bound that says nothing
        return f"{local}; usually {between} of use"
    return f"{local}; usually {'at most ' if cover.at_most else ''}{share} of use ({between})"


def _landing(found: WindowReport, *, now: int) -> str:
    guess = found.projection
    if guess is None:
        return unknown_figures.unprojected(found)
    if guess.p50 is None:
        return f"at the recent rate {percent(guess.naive)} at the reset (extrapolated, no interval)"
    text = f"lands at {percent(guess.p50)} ({span(guess.p10, guess.p90)})"
    if guess.p_exceed is not None:
        text += f", P(over) {percent(max(guess.p_exceed, LEAST) * 100)}"
    if guess.wall_at is not None:
        text += f", near {moment(guess.wall_at, None, now=now)}"
    return f"{text}; naive {percent(guess.naive)}"


def _verdict(found: WindowReport, why: str) -> list[str]:
    return _said(found.verdict, why)


def _said(verdict: str, text: str) -> list[str]:
    word = f"{SIGNS[verdict]} {verdict}"
    first, *more = folded(f"{word}  {text}", 7, hang=2)
    return [first.replace(word, style(word, **COLOURS[verdict]), 1), *more]  # type: ignore[arg-type]


def _arithmetic(found: WindowReport) -> list[str]:
    """The same numbers the verdict was made of, one step a line."""
    window = found.window
    rows = [f"window {window.name}: from {utc(window.starts_at)} to {utc(window.resets_at) or '?'} ({window.how})"]
    if found.scale is not None:
        scale = found.scale
        rows.append(
            f"scale: {count(scale.units_per_percent)} units per 1 % ({count(scale.low)}–{count(scale.high)}), "
            f"from {many(scale.anchors, 'anchor')}"
        )
        if scale.change is not None:
            rows.append(f"  {change(scale.change, window.name)}")
        if scale.note:
            rows.append(f"  {scale.note}")
    if found.estimate is not None:
        guess = found.estimate
        rows.append(f"now: {guess.used_percent:.1f} % ({guess.low:.1f}–{guess.high:.1f}), basis {guess.basis}")
    if found.projection is not None and found.projection.p_exceed is not None:
        rows.append(f"early word: {RULE}")
    rows += [f"rule {reason.rule}: {reason.text}" for reason in found.reasons]
    return rows


def _budget(budget: BudgetReport) -> str:
    """One limit a line: what it is called, how full, what happens when it is."""
    folder = budget.project.rpartition("/")[2]
    name = f"{folder[:14]} ({budget.name})" if folder else budget.name
    least = "at least " if budget.at_least else ""
    figures = f"{least}{amount(budget.used, budget.unit)} of {amount(budget.limit, budget.unit)}"
    line = f"  {name[:26]:<26} {percent(budget.share * 100):>6}  {figures}, {budget.action}"[:WIDTH]
    return style(line, **COLOURS["STOP" if budget.action == "stop" else "NUDGE"]) if budget.share >= 1 else line  # type: ignore[arg-type]


def _foot(report: Report) -> list[str]:
    lines = []
    if report.unpriced:
        names = ", ".join(f"{name or '(unnamed)'} ({n:,})" for name, n in report.unpriced[:3])
        lines.append(style(f"unpriced this week: {names}", fg="yellow"))
    if report.problem_lines or report.problem_files:
        parts = [(report.problem_lines, "line"), (report.problem_files, "file")]
        text = f"{' and '.join(many(n, word) for n, word in parts if n)} could not be read as they stand"
        lines.append(style(f"{text}: governor doctor", fg="yellow"))
    if report.worse:
        lines += [style(line, fg="yellow") for line in folded(f"worse: {report.worse[0]}: governor audit", 0, hang=2)]
    windows = [found for part in report.accounts() for found in part.windows]
    stopped = [found.window.resets_at or 0 for found in windows if found.verdict == "STOP"]
    weeks = [found for found in windows if found.window.name == "week" and found.window.lane == "claude"]
    if report.off_by is not None:
        lines.append(style(f"next: {ON[report.off_by]}", dim=True))
    elif stopped and report.override_until is not None:
        lines.append(style("next: governor override off ends the override", dim=True))
    elif stopped:
        reset = f" ({moment(max(stopped), None, now=report.generated_at)})" if max(stopped) else ""
        lines.append(style(f"next: wait for the reset{reset}, or governor override 30m", dim=True))
    elif unplaced := [found for found in windows if found.unplaced is not None]:
        lines.append(style(f"next: {unknown_figures.calibrate(unplaced[0])}", dim=True))
    elif any(found.official is None for found in weeks):
        lines.append(style("next: type the week's figure from /usage once: governor calibrate 60%", dim=True))
    elif not report.hooks.wired:
        lines.append(style("next: governor install, and the figures arrive by themselves", dim=True))
    else:
        lines.append(style("next: governor usage, governor sessions, governor status --why", dim=True))
    return lines
