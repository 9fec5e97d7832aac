"""``governor route``: what the router would say to a prompt, and why, from the comparator the hook uses."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from governor import paths
from governor.cli.opening import opened, settings_in_force
from governor.errors import BadInputError
from governor.hooks import runtime
from governor.hooks.router import rules as router_rules
from governor.hooks.router import tier_hint
from governor.hooks.router.model_tier import suits
from governor.hooks.router.prompt import PromptReading
from governor.number_format import folded


@click.command()
@click.argument("text", nargs=-1)
@click.option("--lane", type=click.Choice(["claude", "codex"]), default="claude", help="Where it would be typed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def route(text: tuple[str, ...], lane: str, as_json: bool) -> None:
    """What the router would say to TEXT (or to stdin), and by which rule. Nothing is recorded."""
    prompt = " ".join(text) or ("" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace"))
    if not prompt.strip():
        raise BadInputError("There is no prompt to look at.", 'governor route "rename Foo to Bar in all modules"')
    now = time.time()
    snapshot = runtime.read_snapshot(str(paths.home()), "router")[1] or _written_now()
    reading = router_rules.read_prompt(prompt, snapshot)
    advice = router_rules.advise(reading, lane=lane, snapshot=snapshot, now=now)
    folder = Path.cwd()
    in_git = any((above / ".git").exists() for above in (folder, *folder.parents))
    said = router_rules.line_for(advice, lane=lane, snapshot=snapshot, cwd=str(folder), in_git=in_git)
    shown = _data(reading, advice, said, lane=lane, snapshot=snapshot, now=now)
    wishes = settings_in_force().values["tiers"]  # of which a snapshot says nothing while no lane is pressed
    shown["tier"] = _tier(prompt, {"tiers": wishes, **snapshot}, lane=lane, now=now)
    click.echo(json.dumps(shown, indent=2) if as_json else _text(shown))


def _written_now() -> dict[str, Any]:
    """What refresh would write: before the first one, and where no hook rings for any."""
    from governor import snapshots

    with opened(quiet=True) as (ledger, settings, now):
        content = snapshots.router.snapshot(snapshots.desk(ledger, settings, now=now))[1]
    return {"version": 1, "written_at": now, **content}


def _data(
    reading: PromptReading,
    advice: router_rules.RouterAdvice,
    said: str,
    *,
    lane: str,
    snapshot: dict[str, Any],
    now: float,
) -> dict[str, Any]:
    written = snapshot.get("written_at")
    return {
        "schema": "governor.route/1",
        "lane": lane,
        "kind": reading.kind,
        "signals": reading.signals,
        "words": reading.words,
        "decision": advice.decision,
        "to": advice.to,
        "rule": advice.rule,
        "why": router_rules.WHY[advice.rule],
        "mode": router_rules.mode_of(snapshot),
        "message": said or None,
        "lanes": {name: _lane(router_rules.lane_of(snapshot, name), advice.slack[name]) for name in router_rules.NAMES},
        "letter_age_s": round(now - written) if isinstance(written, (int, float)) else None,
    }


def _tier(prompt: str, snapshot: dict[str, Any], *, lane: str, now: float) -> dict[str, Any]:
    """Which size of model suits, and whether a switch would be offered to the lane's latest session."""
    session = tier_hint.latest(snapshot, lane)
    model, context = tier_hint.session_of(snapshot, session)
    suit = suits(prompt, snapshot)
    found = tier_hint.hint(suit, snapshot, lane=lane, now=now, model=model, context=context)
    return {
        "suits": suit.tier or None,
        "signals": suit.signals,
        "rule": found.rule,
        "why": tier_hint.WHY[found.rule],
        "session": session or None,
        "model": model or None,
        "context": context,
        "to": found.to or None,
        "saved_units": found.saved,
        "cost_units": found.cost,
        "requests": tier_hint.REQUESTS,
        "message": tier_hint.line_for(found, lane=lane) or None,
    }


def _lane(facts: dict[str, Any], slack: float | None) -> dict[str, Any] | None:
    if not facts:
        return None
    resets_at = facts.get("resets_at")
    reset = datetime.fromtimestamp(resets_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if resets_at else None
    names = ("installed", "healthy", "verdict", "window", "landing")
    return {**{name: facts.get(name) for name in names}, "slack": slack, "resets_at": reset}


def _text(shown: dict[str, Any]) -> str:
    decision, to = shown["decision"], shown["to"]
    goal = (
        f" to {router_rules.NAMES[to]}" if to and decision != "keep" else f" on {router_rules.NAMES[to]}" if to else ""
    )
    lines = [
        f"{decision}{goal}  ({shown['rule']})",
        f"  {shown['why']}",
        f"  asks for  {shown['kind']}, in {shown['words']} words of your own",
        f"  signals   {', '.join(shown['signals']) or 'none'}",
    ]
    for name, facts in shown["lanes"].items():
        lines.append(f"  {router_rules.NAMES[name]:<9} {_standing(facts)}")
    size = shown["tier"]
    tier = [f"{size['suits'] or 'none'} suits  ({size['rule']}: {size['why']})"]
    if size["cost_units"] is not None:
        tier.append(
            f"on {size['model']} with {size['context']:,} tokens of context: a switch costs "
            f"{size['cost_units']:,.0f} units, {size['requests']} requests save {size['saved_units']:,.0f} (estimates)"
        )
    first, *rest = (line for row in tier for line in folded(row, 12))
    lines += ["  tier      " + first.lstrip(), *rest]
    if shown["mode"] != "advise":
        lines.append(f"  mode      {shown['mode']}: nothing is said")
    if message := shown["message"] or size["message"]:
        lines.append(f"\n{message}")
    else:
        next_step = "status" if shown["rule"] in ("no-letter", "stale-letter", "future-letter") else "decisions"
        lines.append(f"  next: governor {next_step}")
    return "\n".join(lines)


def _standing(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return "not known"
    if facts["installed"] is not True:
        return "not installed"
    health = "" if facts["healthy"] is True else ", not fit to take work"
    if facts["slack"] is None:
        return f"{facts['verdict']}, room not known{health}"
    points = round(abs(facts["slack"]))
    room = f"would pass its cap by {points} points" if facts["slack"] < 0 and points else f"{points} points of room"
    return f"{facts['verdict']}, {facts['window']}: {room} at the reset (estimate){health}"
