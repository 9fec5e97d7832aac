"""Alerts that leave the client's own screen: the ladder of every window and budget, and the spike, each once.

Off unless the person asked for a desktop notification, the terminal's bell, or a command of their own. The bell, and a
desktop that is not there, are the pacing warner's to ring: a refresh has no terminal (snapshots.pacing).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any, NamedTuple

from governor import paths
from governor.hooks import runtime
from governor.hooks.budget.rules import amount
from governor.limit_facts import LADDER
from governor.number_format import percent, title
from governor.report import Report

SESSION_BUS = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY")


class Alert(NamedTuple):
    """One thing to be told once. ``key`` stays the same for as long as its episode lasts."""

    key: str
    text: str


def due(report: Report) -> list[Alert]:
    """The highest rung that each window and budget stands on, and every spike; nothing of a window without a reset."""
    found = []
    for lane in report.accounts():
        owner = f"{lane.lane}:{lane.whose.mark}" if lane.whose else lane.lane
        for one in lane.windows:
            name = f"{title(report, lane)} {one.window.name}"
            if one.official is not None and one.window.resets_at is not None:
                used = one.official.used_percent
                episode = f"alert:{owner}:{one.window.name}:{one.window.cycle}"
                found += _rung(episode, used, f"{name}: {percent(used)} used")
            hour = report.generated_at // 3600
            spikes = [reason for reason in one.reasons if reason.rule == "spike-3x"]
            found += [Alert(f"alert:{owner}:spike:{hour // 6}", f"{name}: {each.text}") for each in spikes]
    for budget in report.budgets:
        episode = f"alert:budget:{budget.name}:{budget.unit}:{budget.project}:{budget.since}"
        text = f"budget {budget.name}: {amount(budget.used, budget.unit)} of {amount(budget.limit, budget.unit)}"
        found += _rung(episode, budget.share * 100, text)
    return found


def _rung(episode: str, used: float, text: str) -> list[Alert]:
    rung = max((step for step in LADDER if used >= step), default=None)
    return [] if rung is None else [Alert(f"{episode}:{rung:g}", f"governor: {text}. Look: governor status")]


def for_the_bell(report: Report, wishes: dict[str, Any]) -> list[Alert]:
    """What the pacing warner should still ring for: all of it with ``bell``, or where no desktop is."""
    if not wishes["bell"] and (not wishes["desktop"] or has_desktop()):
        return []
    home = str(paths.home())
    return [alert for alert in due(report) if not os.path.exists(runtime.episode_path(home, f"rung:{alert.key}"))]


def has_desktop() -> bool:
    """Is there a desktop to show a notification, and the library that can? (pip install 'quota-governor[desktop]')"""
    if importlib.util.find_spec("desktop_notifier") is None:
        return False
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in SESSION_BUS)


def send(report: Report, wishes: dict[str, Any]) -> int:
    """Deliver what was not delivered before, to the desktop and to the person's own command. Returns how many."""
    desktop = wishes["desktop"] and has_desktop()
    command = [str(word) for word in wishes["command"]]
    if not desktop and not command:
        return 0
    home = str(paths.home())
    fresh = [alert for alert in due(report) if runtime.claim(home, f"sent:{alert.key}")]
    for alert in fresh:
        try:
            if desktop:
                _on_the_desktop(alert.text)
            if command:
                null = subprocess.DEVNULL
                subprocess.Popen(  # noqa: S603 - the person's own words, no shell
                    [*command, alert.text], stdin=null, stdout=null, stderr=null, start_new_session=True
                )
        except Exception as fault:  # a desktop's own, or a command that is not there: never a refresh's end
            runtime.log(home, "alert", fault)
    return len(fresh)


def _on_the_desktop(text: str) -> None:
    import logging

    from desktop_notifier.sync import DesktopNotifierSync

    logging.getLogger("desktop_notifier").setLevel(logging.CRITICAL)
    DesktopNotifierSync(app_name="governor").send(title="governor", message=text.removeprefix("governor: "))
