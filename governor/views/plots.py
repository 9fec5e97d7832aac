"""A window drawn in the terminal: used so far, the fan to the reset, the cap and even pace."""

from __future__ import annotations

import math
from datetime import datetime

import plotille
from rich.console import Console
from rich.text import Text

from governor.forecasting import estimate
from governor.number_format import LANE_NAMES, calibrate_with_reset, left, moment, percent, span
from governor.pipeline.forecast_series import ForecastSeries
from governor.report import Projection
from governor.views import unknown_figures
from governor.views.screen import screen

HEIGHT = 14
UNLIKELY = 0.1  # chances below this are "likely not"


def forecast(view: ForecastSeries, *, now: int, whose: str = "", to: Console | None = None) -> None:
    """Print the drawing, and the projection in words under it; ``whose`` names one of several accounts."""
    console = to or screen()
    window = view.found.window
    owner = f" ({whose})" if whose else ""
    console.print(Text(f"{LANE_NAMES[window.lane]}{owner} {window.name}", style="bold"))
    guess = view.found.projection
    if window.resets_at is None or guess is None or not view.fan:
        if why := unknown_figures.unplaced(view.found, now=now):
            console.print(Text(f"{why[0].upper()}{why[1:]}"))
            return
        if why := unknown_figures.unprojected(view.found):
            console.print(Text(f"{why[0].upper()}{why[1:]}."))
            console.print(Text(f"  next: {unknown_figures.calibrate(view.found)}", style="dim"), soft_wrap=True)
            return
        if view.found.official is not None and window.resets_at is not None:
            console.print("The official figure and its reset are known, but nothing that was used here: a projection")
            console.print("needs some history of your own to set them against. It comes with use.")
            console.print("  next: governor doctor says where transcripts are looked for", style="dim")
            return
        console.print("Nothing can be projected without an official figure and the time of its reset.")
        hint = calibrate_with_reset(window.lane, window.name, now=now)
        console.print(Text(f"  next: {hint}", style="dim"), soft_wrap=True)
        return
    console.print(Text(_drawing(view, window.starts_at, window.resets_at, width=console.width - 24)))
    console.print("used so far, then the middle and its 80 % band; line: the cap; dots: even pace", style="dim")
    console.print()
    even = (now - window.starts_at) / (window.resets_at - window.starts_at) * 100
    at = view.fan[0].p50
    rows = [
        ("now", f"{percent(at)}, {abs(at - even):.0f} points {'ahead of' if at >= even else 'behind'} even pace"),
        ("reset", f"{moment(window.resets_at, None, now=now)}, in {left(window.resets_at - now)}"),
        ("lands at", f"{percent(guess.p50)}, 80 % of the time within {span(guess.p10, guess.p90)}"),
        (
            "passes the cap",
            f"{percent(None if guess.p_exceed is None else max(guess.p_exceed, 0.002) * 100)} of the time",
        ),
        ("reaches the cap", _reaches(guess, at, now=now)),
        ("naive", f"{percent(guess.naive)} (spent + rate of the last day × time left)"),
        (
            "history",
            {"none": "none yet", "low": "under 3 weeks: take it lightly", "fair": "3 to 6 weeks"}.get(
                guess.confidence, "6 weeks and more"
            ),
        ),
    ]
    for name, text in rows:
        console.print(Text(f"  {name:<17}").append(text))
    console.print("\nnext: governor backtest says how good such projections were on your own weeks", style="dim")


def _reaches(guess: Projection, at: float, *, now: int) -> str:
    """When, in words that the chance of it bears out."""
    if at >= estimate.CAP:
        return "it stands there now"
    if guess.wall_at is not None:
        return f"most likely {moment(guess.wall_at, None, now=now)}"
    if guess.p_exceed is None:
        return "not known"
    return "likely not at all" if guess.p_exceed < UNLIKELY else "less likely than not"


def _drawing(view: ForecastSeries, starts_at: int, resets_at: int, *, width: int) -> str:
    highest = max(100.0, *(point.p90 for point in view.fan))
    top = math.ceil(min(highest, 500.0) * 1.02 / HEIGHT / 5) * HEIGHT * 5  # so that every line is a multiple of five
    figure = plotille.Figure()
    figure.width, figure.height, figure.with_colors = width, HEIGHT, False
    figure.set_x_limits(starts_at, resets_at)
    figure.set_y_limits(0, top)
    figure.x_label, figure.y_label = "time", "%"
    figure.register_label_formatter(float, _label)
    figure.register_label_formatter(int, _label)
    figure.plot([starts_at, resets_at], [100, 100])
    figure.scatter([starts_at + (resets_at - starts_at) * k / 40 for k in range(41)], [100 * k / 40 for k in range(41)])
    figure.plot([at for at, _ in view.so_far], [used for _, used in view.so_far])
    for edge in ("p10", "p50", "p90"):
        figure.plot([p.at for p in view.fan], [min(getattr(p, edge), top) for p in view.fan])
    return str(figure.show(legend=False))


def _label(value: float, chars: int, delta: float, left: bool = False) -> str:  # noqa: ARG001 - plotille's signature
    text = f"{datetime.fromtimestamp(value).astimezone():%a %H:%M}" if value > 1e8 else f"{value:.0f}"
    return text.ljust(chars) if left else text.rjust(chars)
