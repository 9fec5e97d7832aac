"""What is wrong, and the command that mends it. Looks, and changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from governor import config, paths
from governor.errors import GovernorError, StateError
from governor.health import heartbeat
from governor.hooks import runtime
from governor.ledger import owners, read, statements
from governor.ledger.store import Ledger
from governor.model import LANES, Account
from governor.number_format import left, many
from governor.pipeline import ingest
from governor.pipeline.assess import off_ends, override_ends
from governor.report import Finding
from governor.review import overhead, throttling
from governor.transcripts import tail
from governor.transcripts.lines import NOT_UNDERSTOOD, is_understood

STALE_READING_S = 24 * 3600


def examine(ledger: Ledger, *, now: int) -> list[Finding]:
    """Every check, in the order a person would ask."""
    settings = config.in_force()
    findings = [_state(), _ledger(ledger), *_settings(settings), _switch(now=now)]
    findings += [*_clock(ledger, now=now), *_transcripts()]
    findings += _problems(ledger)
    findings += _readings(ledger, now=now)
    findings += _unpriced(ledger, now=now)
    findings += heartbeat.examine(ledger, now=now)
    findings += [*_muted(ledger, settings, now=now), *_quality(ledger), *_compaction(settings)]
    return findings


def examine_without(fault: StateError, *, now: int) -> list[Finding]:
    """What can be looked at where there is no ledger: ``fault`` says why there is none."""
    findings = [Finding("state folder", False, fault.message, fault.next_step)]
    findings += [*_settings(config.in_force()), _switch(now=now), *_transcripts(), *heartbeat.wiring()]
    return findings


def _state() -> Finding:
    home = paths.home()
    loose = home.exists() and home.stat().st_mode & 0o077
    if why := paths.why_unwritable(home):
        text = f"{home} cannot be written ({why}): nothing new is kept, and the hooks forget what they said"
        return Finding("state folder", False, text, paths.how_to_write(home, why))
    if loose and sys.platform != "win32":
        return Finding("state folder", False, f"{home} can be read by others", f"chmod 700 {home}")
    return Finding("state folder", True, str(home))


def _ledger(ledger: Ledger) -> Finding:
    aside = sorted(ledger.path.parent.glob("ledger.sqlite3.corrupt-*"))
    if aside:
        text = f"a corrupt ledger was kept aside: {aside[-1].name}"
        return Finding("ledger", False, text, f"look at it, then move it away: mv {aside[-1]} ~/")
    days = read.days_of_use(ledger)
    if days is None:
        return Finding("ledger", True, "empty so far")
    number, first = days
    text = f"use on {many(number, 'day')} since {first}, from {read.transcripts(ledger):,} transcripts"
    return Finding("ledger", True, text)


def _clock(ledger: Ledger, *, now: int) -> list[Finding]:
    """Responses dated after today: the clock of whoever wrote them was wrong, or ours is."""
    span = read.span(ledger)
    if span is None or span[1] <= now + 86_400:
        return []
    latest = datetime.fromtimestamp(span[1], UTC).strftime("%Y-%m-%d")
    return [Finding("clock", False, f"responses are dated up to {latest}; no span reaches them until then", "date -u")]


def _settings(settings: config.Settings) -> list[Finding]:
    """The budget file, and what it names: each has to be there when it is wanted, and nobody watches then."""
    fault = settings.fault
    if fault is not None:
        return [Finding("settings", False, fault.message, fault.next_step)]
    absent = f"all defaults ({settings.file} is not there)"
    findings = [Finding("settings", True, f"{settings.file}" if settings.file.exists() else absent)]
    rules, mend = str(settings.values["handoff"]["rules"]), f"$EDITOR {settings.file}"
    if rules and not os.access(os.path.expanduser(rules), os.R_OK):
        text = f"handoff.rules names {rules}, which cannot be read: no handoff can start"
        findings.append(Finding("settings", False, text, mend))
    command = settings.values["notify"]["command"]
    if command and shutil.which(command[0]) is None:
        text = f"notify.command starts {command[0]}, which is not found: nobody is alerted"
        findings.append(Finding("settings", False, text, mend))
    return findings


def _switch(*, now: int) -> Finding:
    by = runtime.off_by(str(paths.home()), now)
    if by is None:
        lifted = override_ends(now)
        more = f"; an override is in force for {left(lifted - now)} more: governor override off" if lifted else ""
        return Finding("kill switch", True, f"the hooks may speak{more}")
    mend = {"env": "unset GOVERNOR_OFF", "file": "governor on", "shared": "governor config"}[by]
    until = off_ends(by)
    ending = f", for {left(until - now)} more" if until else ""
    return Finding("kill switch", False, f"every hook is silent (by {by}{ending})", mend)


def _transcripts() -> list[Finding]:
    found, _ = ingest.discover()
    places = {"claude": paths.claude_homes(), "codex": [paths.codex_home()]}
    findings = []
    for lane in LANES:
        n = sum(1 for name, _ in found if name == lane)
        where = ", ".join(str(place) for place in places[lane])
        variable = "CLAUDE_CONFIG_DIR" if lane == "claude" else "CODEX_HOME"
        if n:
            findings.append(Finding(f"{lane} files", True, f"{n} transcripts"))
        elif any(Path(place).exists() for place in places[lane]):
            findings.append(Finding(f"{lane} files", False, f"no transcript under {where}", f"set {variable}"))
        else:
            findings.append(Finding(f"{lane} files", True, f"not installed ({where})"))
    return findings


def _problems(ledger: Ledger) -> list[Finding]:
    """Lines and files that could not be read as they stand, by reason."""
    by_reason: dict[str, list[tuple[str, int]]] = {}
    for path, offset, reason, _ in read.problems(ledger):
        by_reason.setdefault(reason, []).append((path, offset))
    findings = []
    for reason, places in by_reason.items():
        path, offset = places[0]
        where = f"{path} at byte {offset}" if offset >= 0 else path
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        if reason == NOT_UNDERSTOOD:
            places = [place for place in places if not is_understood(tail.head(place[0]))]  # it may have grown since
            if not places:
                continue
            path, more = places[0][0], f" and {len(places) - 1} more" if len(places) > 1 else ""
            told = f"{reason}: {path}{more}"
            findings.append(Finding("transcript", False, told, f"move what is no transcript elsewhere: ls -l '{path}'"))
        elif offset >= 0:  # nobody can mend a line that a client wrote: it is named, and all is well
            findings.append(Finding("transcript line", True, f"{reason}: {where}{more}"))
        else:
            findings.append(Finding("file", False, f"{reason}: {where}{more}", f"ls -l '{path}'"))
    return findings


def _readings(ledger: Ledger, *, now: int) -> list[Finding]:
    findings = []
    for lane in LANES:
        listed = owners.known(ledger, lane, now=now)
        for whose in listed:
            if read.span_of(ledger, lane, whose) is not None:
                findings.append(_meter(ledger, whose, several=len(listed) > 1, now=now))
    return findings


def _meter(ledger: Ledger, whose: Account, *, several: bool, now: int) -> Finding:
    """When the official meter of one account was last heard; one of ``several`` is named."""
    lane, name = whose.lane, f"{whose.lane} meter"
    seen = statements.readings(ledger, whose=whose)
    official = [one.reading for one in seen if one.reading.window != "any"]
    of_whom, account = (f"{whose.name}: ", f" --account {whose.name}") if several else ("", "")
    if not official:
        mend = (
            f"governor calibrate 60%{account}" if lane == "claude" else "run codex once; its rollouts carry the figure"
        )
        return Finding(name, False, f"{of_whom}the official meter was never heard", mend)
    age = now - official[-1].observed_at
    since = f"{age / 86_400:.0f} d" if age > 2 * 86_400 else f"{age / 3600:.1f} h"
    text = f"{of_whom}last heard {since} ago from {official[-1].source}"
    if age > STALE_READING_S:
        return Finding(name, False, text, f"governor calibrate 60% --lane {lane}{account}")
    return Finding(name, True, text)


def _muted(ledger: Ledger, settings: config.Settings, *, now: int) -> list[Finding]:
    """Hooks that cost more than they may: silenced for a while, or going on because they must."""
    findings = []
    is_muting = throttling.limits_of(settings).mute
    for name, mark in throttling.marks(ledger).items():
        above = overhead.over(mark.rule, mark.value, mark.limit)
        if mark.standing == "muted":
            text = f"{name} is muted for {left(mark.until - now)} more: {above}"
            findings.append(Finding("own cost", False, text, f"governor overhead --lift {name}"))
        elif mark.standing == "kept":
            why = "it may not fall silent" if is_muting else "muting is off"
            text = f"{name} goes on ({why}): {above}"
            findings.append(Finding("own cost", not is_muting, text, "governor overhead" if is_muting else ""))
    return findings or [Finding("own cost", True, "no hook is above its limit")]


def _quality(ledger: Ledger) -> list[Finding]:
    """What the quality canary found worse than before."""
    found = [Finding("quality", False, sentence, "governor audit") for sentence in read.worse(ledger)]
    return found or [Finding("quality", True, "no significant worsening after a change")]


def _unpriced(ledger: Ledger, *, now: int) -> list[Finding]:
    models = read.unpriced_models(ledger, now - 30 * 86_400, now)
    if not models:
        return [Finding("prices", True, "every model of the last 30 days has a list price")]
    names = ", ".join(f"{name or '(unnamed)'} ({n:,})" for name, n in models[:4])
    return [Finding("prices", False, f"no price known for {names}", "governor config --schema   (see prices)")]


def _compaction(settings: config.Settings) -> list[Finding]:
    """Whether a client's own compaction is held to a ceiling of ours right now, and what stands in the way."""
    from governor.install import ceiling, manifest

    name, home = "compaction", paths.home()
    try:
        is_wired = any(entry.host == "claude" for entry in manifest.load(home).values())
    except GovernorError:
        return []  # said above already
    enforce = bool(settings.values["compaction"]["enforce"])
    state = ceiling.load(home)
    findings = [Finding(name, False, f"{fault} (compaction.enforce)", "governor refresh") for fault in state.faults]
    if enforce and not is_wired:
        findings.append(Finding(name, False, "compaction.enforce works only with the hooks wired", "governor install"))
    for path in state.yielded:
        findings.append(Finding(name, True, f"{ceiling.KEY} in {path} was changed meanwhile, and stays as it is"))
    for held in state.held:
        before = "no value" if held.had is None else f"{held.had}"
        text = f"new Claude Code sessions compact at {held.ours // 1000}k tokens, by {held.path}; then {before} again"
        findings.append(Finding(name, True, text))
    return findings
