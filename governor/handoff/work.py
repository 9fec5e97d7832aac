"""The supervisor of one handoff: runs the client under its limits, looks at what changed, judges, and tells once."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from governor import config, paths
from governor.handoff import changes, news, record, start, verdict
from governor.supervise import log
from governor.supervise import outcome as outcomes
from governor.supervise import run as supervisor
from governor.supervise.outcome import RunOutcome
from governor.supervise.watch import Setting

PULSE_S = 2.0


def work(name: str, descriptor: int) -> dict[str, Any]:
    """Do all of it, holding the lock. Returns the record as it was left. Raises: what we did wrong, after noting it."""
    os.set_inheritable(descriptor, False)  # the client must not keep our lock alive
    record.sign(descriptor)
    content = record.read(name)
    place = record.folder(name)
    try:
        content = _run(name, content, place)
    except BaseException as fault:
        content = {**content, "state": record.FAILED, "failed": f"a fault of ours ({type(fault).__name__})"}
        raise
    finally:
        record.tidy(name)
        content = {**content, "ended_at": time.time()}
        if content.get("state") == record.RUNNING:
            content |= {"state": record.FAILED, "failed": "it was not judged"}
        record.write(name, content)
        news.post()
        os.close(descriptor)
    return content


def _run(name: str, content: dict[str, Any], place: Path) -> dict[str, Any]:
    watcher = changes.Watcher(content["folder"], place / "scratch")
    _, before = supervisor.look_before(content["lane"])
    heard = [0.0]

    def pulse() -> None:
        if time.monotonic() - heard[0] >= PULSE_S:
            heard[0] = time.monotonic()
            record.pulse(name)

    setting = Setting(
        home=str(paths.home()),
        limits=start.limits_in(content),
        grace=content["grace"],
        prices=config.in_force().prices,
        env=start.client_env(name),
        cwd=content["folder"],
        stderr=subprocess.DEVNULL,  # it may repeat the brief
        on_output=pulse,
    )
    done: RunOutcome | None = None
    fault = ""
    try:
        with (place / "brief").open("rb") as brief:
            done = supervisor.run(content["words"], setting, before=before, stdin=brief)
    except OSError as wrong:
        fault = wrong.strerror or type(wrong).__name__
    finally:
        changed = watcher.changes()
        watcher.close()
    digest = _digest(done, changed, fault)
    if done is not None:
        log.note("handoff", done, handoff=name, verdict=digest["state"])
    return {**content, **digest}


def _digest(done: RunOutcome | None, changed: list[changes.ChangedFile] | None, fault: str) -> dict[str, Any]:
    """The outcome in numbers and names. The client's last message is read here for names and then let go."""
    listed = verdict.checks(
        started=done is not None,
        exit_code=done.child_exit if done else None,
        ended_by=_ended_by(done),
        finished=bool(done and done.is_finished),
        message=done.message if done else "",
        tool_calls=done.tool_calls if done else 0,
        changed=len(changed or ()),
    )
    wrong = verdict.failed(listed)
    why = fault or (done.failure if done is not None and done.failure != "unknown" else "")
    return {
        "state": record.DONE if wrong is None else record.FAILED,
        "failed": None if wrong is None else f"{wrong.text} ({why})" if why else wrong.text,
        "checks": {check.name: check.ok for check in listed},
        "files": None if changed is None else [list(change) for change in changed[: changes.MOST_SHOWN]],
        "files_changed": None if changed is None else len(changed),
        "tests": verdict.tests_named(done.message) if done else [],
        "message_words": len(done.message.split()) if done else 0,
        "run": outcomes.as_data(done) if done else None,
    }


def _ended_by(done: RunOutcome | None) -> str:
    if done is None or done.state in ("done", "failed"):
        return ""
    if done.crossing is not None:
        return outcomes.limit_words(done.crossing)
    return {
        "halted": "halted by the user",
        "refused": "its window is used up",
        "interrupted": "stopped by a signal",
    }.get(done.state, done.state)
