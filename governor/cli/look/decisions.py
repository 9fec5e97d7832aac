"""``governor decisions``: what the hooks decided, and whether the router's offers were followed."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from governor.cli.opening import json_option, lane_option, opened, time_of
from governor.hooks.router import tier_hint
from governor.hooks.router.rules import NAMES, WHY
from governor.ledger import read
from governor.model import Lane
from governor.number_format import WIDTH, folded, since_words
from governor.snapshots.models import factors
from governor.views import json_data

SOON_S = 1800  # work on the other lane within half an hour of an offer counts as following it
DECISIONS = ("handoff", "return", "local", "keep", "silent")
ROUTINE = ("admit", "silent")  # nothing came of them: counted, and left out of a person's list


class FollowThrough(NamedTuple):
    """What became of offers. Those made while the other lane was at work in the project already prove nothing."""

    offers: int
    followed: int
    ignored: int
    already: int  # the other lane was at work there in the half hour before
    pending: int  # made less than half an hour ago, and not followed yet

    @property
    def rate(self) -> float | None:
        """Share followed of those that can be judged, 0-1; None without any."""
        judged = self.followed + self.ignored
        return self.followed / judged if judged else None


def follow_through(
    offers: Iterable[dict[str, Any]], activity: Iterable[tuple[str, float, str]], *, now: float
) -> FollowThrough:
    """Did work appear on the offered lane, in the same project, within half an hour of each offer?

    ``activity`` is (lane, epoch seconds, project) of every response. An offer without a project cannot be matched and
    counts as ignored: better too low than too high.
    """
    times = _times(activity)
    counts = Counter(_outcome(offer, times, now) for offer in offers)
    return FollowThrough(counts.total(), counts["followed"], counts["ignored"], counts["already"], counts["pending"])


def followed(
    offers: Iterable[dict[str, Any]], activity: Iterable[tuple[str, float, str]], *, now: float
) -> list[dict[str, Any]]:
    """The offers after which work did appear there."""
    times = _times(activity)
    return [offer for offer in offers if _outcome(offer, times, now) == "followed"]


def _times(activity: Iterable[tuple[str, float, str]]) -> dict[tuple[str, str], list[float]]:
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for lane, at, project in activity:
        times[lane, _folder(project)].append(at)
    for moments in times.values():
        moments.sort()
    return times


def _outcome(offer: dict[str, Any], times: dict[tuple[str, str], list[float]], now: float) -> str:
    at = float(offer["at"])
    project = _folder(offer.get("project"))
    moments = times.get((str(offer.get("to")), project), []) if project else []
    place = bisect_right(moments, at)
    if place and moments[place - 1] > at - SOON_S:
        return "already"
    if place < len(moments) and moments[place] <= at + SOON_S:
        return "followed"
    return "pending" if now < at + SOON_S else "ignored"


def _folder(project: object) -> str:
    return project.rstrip("/") or "/" if isinstance(project, str) and project else ""


def tier_follow_through(
    offers: Iterable[dict[str, Any]], used: Iterable[tuple[str, float, str]], snapshot: dict[str, Any], *, now: float
) -> FollowThrough:
    """Did the session's next responses come from the offered tier, within half an hour of each offer?

    ``used`` is (session, epoch seconds, model) of responses on main threads, ``letter`` names the tiers' models. A
    session that said nothing more in that time proves nothing, and counts as ``already``.
    """
    said: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for session, at, model in used:
        said[session].append((at, model))
    counts: Counter[str] = Counter()
    for offer in offers:
        at, wanted = float(offer["at"]), str(offer["tier"].get("tier"))
        soon = [model for when, model in said[str(offer.get("session"))] if at < when <= at + SOON_S]
        if any(tier_hint.tier_of(model, snapshot, str(offer["lane"])) == wanted for model in soon):
            counts["followed"] += 1
        elif now < at + SOON_S:
            counts["pending"] += 1
        else:
            counts["ignored" if soon else "already"] += 1
    return FollowThrough(counts.total(), counts["followed"], counts["ignored"], counts["already"], counts["pending"])


@click.command()
@click.option("--since", default="7d", show_default=True, help="7d, 12h, today, a date, ...")
@click.option("--top", default=10, show_default=True, type=click.IntRange(0), help="How many of the latest to list.")
@lane_option
@json_option
def decisions(since: str, top: int, lane: Lane | None, as_json: bool) -> None:
    """Hand-offs, holds and silences with their rules, and how often an offer was followed. No prompt is ever stored."""
    with opened(quiet=as_json) as (ledger, settings, now):
        start = time_of(since, now=now)
        found = [named(row) for row in read.decisions(ledger, start) if lane in (None, row["lane"])]
        activity = read.activity(ledger, start - SOON_S)
        offered = any("tier" in row for row in found)
        used = read.models_used(ledger, start) if offered else []
        models = {model for _, _, model in used}
        snapshot = {"tiers": settings.values["tiers"], "factors": factors(settings, models)} if offered else {}
    shown = summary(found, activity, since=start, now=now, top=top)
    shown["tiers"] = tiers(found, used, snapshot, now=now)
    if not as_json:
        shown["latest"] = latest([row for row in found if row.get("decision") not in ROUTINE], top)
    click.echo(json_data.dump(shown) if as_json else _text(shown, since))


def named(row: dict[str, Any]) -> dict[str, Any]:
    """A record with its hook and decision, also where an older governor left them out."""
    if row["hook"] == "budget" and row.get("rule") == "breaker":
        return {**row, "hook": "loop", "decision": "held"}
    if row.get("decision") is not None:
        return row
    said = {"wall": "hold", "held": "hold", "pace": "warn", "context": "context", "rung": "alert"}
    word = "cut" if row["hook"] == "memory_compactor" else said.get(str(row.get("said")), "told")
    return {**row, "decision": word}


def summary(
    found: list[dict[str, Any]], activity: list[tuple[str, float, str]], *, since: float, now: float, top: int
) -> dict[str, Any]:
    """The command's whole answer as plain data (schema governor.decisions/1)."""
    routed = [row for row in found if row["hook"] == "router" and row.get("decision") != "tier"]
    offers = [row for row in routed if row.get("decision") in ("handoff", "return")]
    said = [row for row in offers if row.get("said") is True]
    shadow = [row for row in offers if row.get("mode") == "shadow"]
    counts = Counter(str(row.get("decision")) for row in routed)
    rules = Counter((str(row.get("decision")), str(row.get("rule"))) for row in routed)
    others = Counter((str(row["hook"]), str(row.get("decision"))) for row in found if row["hook"] != "router")
    by_rule = Counter(
        (str(row["hook"]), str(row.get("decision")), str(row.get("rule") or ""))
        for row in found
        if row["hook"] != "router"
    )
    return {
        "schema": "governor.decisions/1",
        "since": _iso(since),
        "router": {name: counts[name] for name in DECISIONS},
        "rules": [{"decision": d, "rule": r, "count": n} for (d, r), n in rules.most_common()],
        "follow_through": _outcomes(follow_through(said, activity, now=now)),
        "shadow": _outcomes(follow_through(shadow, activity, now=now)),
        "hooks": [{"hook": h, "decision": d, "count": n} for (h, d), n in others.most_common()],
        "hook_rules": [
            {"hook": h, "decision": d, "rule": r or None, "count": n} for (h, d, r), n in by_rule.most_common()
        ],
        "latest": latest(found, top),
    }


def latest(found: list[dict[str, Any]], top: int) -> list[dict[str, Any]]:
    """The newest records, the newest first."""
    return [{**row, "at": _iso(row["at"])} for row in found[::-1][:top]]


def tiers(
    found: list[dict[str, Any]], used: list[tuple[str, float, str]], snapshot: dict[str, Any], *, now: float
) -> dict[str, Any]:
    """What became of tier hints: how many by rule, and how many of those said were followed."""
    hints = [row for row in found if isinstance(row.get("tier"), dict)]
    said = [row for row in hints if row["tier"].get("said") is True]
    shadow = [row for row in hints if row["tier"].get("mode") == "shadow" and row["tier"].get("to")]
    rules = Counter(str(row["tier"].get("rule")) for row in hints)
    return {
        "rules": [{"rule": rule, "count": count} for rule, count in rules.most_common()],
        "follow_through": _outcomes(tier_follow_through(said, used, snapshot, now=now)),
        "shadow": _outcomes(tier_follow_through(shadow, used, snapshot, now=now)),
    }


def _outcomes(result: FollowThrough) -> dict[str, Any]:
    return {**result._asdict(), "rate": result.rate}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(shown: dict[str, Any], since: str) -> str:
    counts = shown["router"]
    if not any(counts.values()) and not shown["hooks"] and not shown["tiers"]["rules"]:
        return (
            f"No hook has decided anything {since_words(since)}.\n"
            "  The router records a prompt only while a lane is under pressure.\n"
            '  next: governor route "rename Foo to Bar in all modules"'
        )
    lines = [
        f"Router {since_words(since)}: offers {counts['handoff']} to Codex and {counts['return']} to Claude,",
        f"  holds {counts['keep']}, local {counts['local']}, silences {counts['silent']}",
        *folded(f"followed   {_followed(shown['follow_through'], unsaid=_unsaid(shown))}", 2, hang=11),
    ]
    if shown["shadow"]["offers"]:
        lines += folded(f"shadow     {_followed(shown['shadow'])} (what happens without a word)", 2, hang=11)
    for row in shown["rules"]:
        lines += folded(f"{row['count']:>5}  {row['decision']:<8} {WHY.get(row['rule'], row['rule'])}", 2, hang=16)
    if shown["tiers"]["rules"]:
        lines.append(f"Tiers: followed {_followed(shown['tiers']['follow_through'])}")
        for row in shown["tiers"]["rules"]:
            lines += folded(f"{row['count']:>5}  {tier_hint.WHY.get(row['rule'], row['rule'])}", 2, hang=7)
    if shown["hooks"]:
        lines.append("Other hooks")
        for row in shown["hook_rules"]:
            rule = f" ({row['rule']})" if row["rule"] else ""
            lines.append(f"  {row['count']:>5}  {row['hook']}: {row['decision']}{rule}")
    if shown["latest"]:
        lines.append("Latest, what was admitted or passed over in silence left out")
        for row in shown["latest"]:
            lines += folded(_line(row), 2, hang=47)
    more = "governor decisions --since 12w, " if since == "7d" else ""
    return "\n".join([*lines, f"  next: {more}governor status"])


def _unsaid(shown: dict[str, Any]) -> int:
    """Offers that were not said, because the same had been said in that session just before."""
    made = shown["router"]["handoff"] + shown["router"]["return"]
    return int(made - shown["follow_through"]["offers"] - shown["shadow"]["offers"])


def _followed(outcome: dict[str, Any], *, unsaid: int = 0) -> str:
    if outcome["rate"] is None:
        text = "nothing to judge yet"
    else:
        text = f"{outcome['followed']} of {outcome['followed'] + outcome['ignored']} within 30 minutes"
    counts = {"cannot be judged": outcome["already"], "pending": outcome["pending"], "not repeated": unsaid}
    extras = [f"{count} {words}" for words, count in counts.items() if count]
    return text + (f" ({', '.join(extras)})" if extras else "")


def _line(row: dict[str, Any]) -> str:
    to = NAMES.get(str(row.get("to")), "")
    start = f"{row['at']}  {row['hook']:<8} {row.get('decision', '')!s:<8} {to:<6} "
    if row.get("signals"):
        return start + _first(row["signals"], WIDTH - 2 - len(start))
    about = [row[name] for name in ("agent", "rule", "tool") if row.get(name)]
    if row.get("degraded") is True:
        saved = row.get("saved_units")
        about = [*about, f"{row['from']} → {row['to']}" + ("" if saved is None else f", ≈ {saved:,} units saved")]
    return (start + ", ".join(about)).rstrip()


def _first(words: list[str], width: int) -> str:
    """As many as fit, and how many more there are."""
    for kept in range(len(words), 0, -1):
        text = ", ".join(words[:kept]) + (f" +{len(words) - kept}" if kept < len(words) else "")
        if len(text) <= width or kept == 1:
            break
    return text
