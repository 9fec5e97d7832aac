"""``governor status`` as one screen: what each window says, where it lands, and what to do about it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from governor.faces.plain import LANE_NAMES, ago, count, left, moment, percent, span, utc
from governor.faces.screen import screen
from governor.report import LaneReport, Reason, Report, WindowReport

COLOURS = {"GO": "green", "NUDGE": "yellow", "SLOW": "dark_orange", "STOP": "bold red"}
SIGNS = {"GO": "●", "NUDGE": "▲", "SLOW": "◆", "STOP": "■"}
SOURCES = {
    "statusline": "status line",
    "rollout": "Codex rollout",
    "typed": "typed",
    "pasted": "pasted",
    "stream": "headless run",
    "client": "asked the client",
}
BAR = 30
LEAST = 0.002  # of 400 draws none passing the cap is not a chance of nothing


def status(report: Report, *, why: bool = False, to: Console | None = None) -> None:
    """Print the screen."""
    console = to or screen()
    now = report.generated_at
    head = Text("governor", style="bold").append(f"  {moment(now, None, now=now - 7 * 86_400)}", style="dim")
    head.append(_hooks(report), style="dim")
    console.print(head)
    present = [lane for lane in report.lanes if lane.present]
    if not present:
        console.print("\nNo transcripts of Claude Code or Codex were found, and no official reading.")
        console.print("  next: governor demo, or point CLAUDE_CONFIG_DIR and CODEX_HOME at your own", style="dim")
        return
    for lane in present:
        _lane(console, lane, now=now, why=why)
    _foot(console, report)


def _hooks(report: Report) -> str:
    if report.off_by is not None:
        return f"   OFF by {report.off_by}"
    if not report.hooks.wired:
        return "   hooks not installed"
    if report.hooks.last_run is None:
        return "   hooks installed, not seen yet"
    return f"   hooks seen {ago(report.generated_at - report.hooks.last_run)} ago"


def _lane(console: Console, lane: LaneReport, *, now: int, why: bool) -> None:
    console.print()
    console.print(Text(LANE_NAMES[lane.lane], style="bold"))
    for found in lane.windows:
        _window(console, found, now=now, why=why)


def _window(console: Console, found: WindowReport, *, now: int, why: bool) -> None:
    line = Text(f"  {found.window.name:<7}")
    at = found.estimate.used_percent if found.estimate else None
    line.append(_bar(at, found.projection.p50 if found.projection else None))
    line.append(f" {_now(found):>7}", style="bold")
    line.append(f"  {_reset(found, now=now)}", style="dim")
    console.print(line, no_wrap=True, overflow="ellipsis")
    for text in (_official(found, now=now), _here(found), _landing(found, now=now)):
        if text:
            console.print(Text(f"         {text}"))
    spoke = [reason for reason in found.reasons if found.verdict != "GO" or reason.rule.startswith("spike")]
    if spoke:
        _verdict(console, found, spoke[0])
    if why:
        _arithmetic(console, found)


def _bar(at: float | None, lands: float | None) -> Text:
    """Used, then the way to the projected landing, up to 100 %."""
    used = 0 if at is None else min(round(at / 100 * BAR), BAR)
    ahead = 0 if at is None or lands is None else max(min(round(lands / 100 * BAR), BAR) - used, 0)
    return Text("█" * used).append("▒" * ahead, style="dim").append("·" * (BAR - used - ahead), style="dim")


def _now(found: WindowReport) -> str:
    if found.estimate is None:
        return "?"
    sign = "" if found.estimate.basis == "official" else "~"
    return sign + percent(found.estimate.used_percent)


def _reset(found: WindowReport, *, now: int) -> str:
    window = found.window
    if window.resets_at is None:
        return "none open" if window.how == "activity" else "the last 7 days"
    text = f"resets {moment(window.resets_at, None, now=now)}, in {left(window.resets_at - now)}"
    return text if window.is_official else f"{text} (inferred)"


def _official(found: WindowReport, *, now: int) -> str:
    official = found.official
    if official is None:
        return "no official reading"
    source = SOURCES.get(official.source, official.source)
    return f"official {percent(official.used_percent)} ({source}, {ago(now - official.observed_at)} ago)"


def _here(found: WindowReport) -> str:
    """What this machine used, and how much of the official figure that explains."""
    local = f"here {count(found.local.units)} units, {found.local.requests:,} requests"
    cover = found.scale.coverage if found.scale and found.official else None
    if cover is None:
        return local
    least = "at least " if cover.at_least else ""
    return f"{local}: {least}{percent(cover.share * 100)} of it ({span(cover.low * 100, cover.high * 100)})"


def _landing(found: WindowReport, *, now: int) -> str:
    guess = found.projection
    if guess is None:
        return ""
    if guess.p50 is None:
        return f"at the recent rate {percent(guess.naive)} at the reset (extrapolated, no interval)"
    text = f"lands at {percent(guess.p50)} ({span(guess.p10, guess.p90)})"
    if guess.p_exceed is not None:
        text += f", P(over) {percent(max(guess.p_exceed, LEAST) * 100)}"
    if guess.wall_at is not None:
        text += f", near {moment(guess.wall_at, None, now=now)}"
    return f"{text}; naive {percent(guess.naive)}"


def _verdict(console: Console, found: WindowReport, reason: Reason) -> None:
    mark = Text(f"       {SIGNS[found.verdict]} {found.verdict}", style=COLOURS[found.verdict])
    console.print(mark.append(f"  {reason.text}", style="default"))


def _arithmetic(console: Console, found: WindowReport) -> None:
    """The same numbers the verdict was made of, one step a line."""
    window = found.window
    rows = [f"window {window.name}: from {utc(window.starts_at)} to {utc(window.resets_at) or '?'} ({window.how})"]
    if found.scale is not None:
        scale = found.scale
        rows.append(
            f"scale: {count(scale.units_per_percent)} units per 1 % ({count(scale.low)}–{count(scale.high)}), "
            f"from {scale.anchors} anchor{'s' * (scale.anchors != 1)}"
        )
        if scale.note:
            rows.append(f"  {scale.note}")
    if found.estimate is not None:
        guess = found.estimate
        rows.append(f"now: {guess.used_percent:.1f} % ({guess.low:.1f}–{guess.high:.1f}), basis {guess.basis}")
    rows += [f"rule {reason.rule}: {reason.text}" for reason in found.reasons]
    for row in rows:
        console.print(Text(f"         {row}", style="dim"))


def _foot(console: Console, report: Report) -> None:
    console.print()
    windows = [found for lane in report.lanes for found in lane.windows]
    if report.unpriced:
        names = ", ".join(f"{name or '(unnamed)'} ({n:,})" for name, n in report.unpriced[:3])
        console.print(f"unpriced this week: {names}", style="yellow")
    if report.problem_lines or report.problem_files:
        text = f"{report.problem_lines} lines and {report.problem_files} files could not be read as they stand"
        console.print(f"{text}: governor doctor", style="yellow")
    if any(
        found.official is None and found.window.lane == "claude" and found.window.name == "week" for found in windows
    ):
        console.print("next: type the week's figure from /usage once: governor calibrate 60%", style="dim")
    elif not report.hooks.wired:
        console.print("next: governor install, and the figures arrive by themselves", style="dim")
    else:
        console.print("next: governor usage, governor sessions, governor status --why", style="dim")
