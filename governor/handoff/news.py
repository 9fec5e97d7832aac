"""The snapshot by which a session hears, once, that what it handed off has ended.

It exists only while there is news, so a session with none pays one look at a name that is not there.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from governor import paths
from governor.handoff import record
from governor.hooks import runtime
from governor.hooks.pacing.ended_handoff import MODEL_LIMIT, SNAPSHOT, key
from governor.number_format import LANE_NAMES, ago, many, usd

FRESH_S = 3 * 86_400  # nobody wants to hear of it later than that; marks of what was told live longer


def post(*, now: float | None = None) -> None:
    """Write the snapshot anew from the records, or take it away. A state folder that cannot be written has no snapshots."""
    now = time.time() if now is None else now
    home = str(paths.home())
    path = os.path.join(home, "letters", SNAPSHOT)
    told = [_news(name, now) for name in record.every()]
    pending = [
        one for one in told if one is not None and not os.path.exists(runtime.episode_path(home, key(one["id"])))
    ]
    try:
        if pending:
            body = json.dumps({"version": 1, "written_at": int(now), "news": pending}, separators=(",", ":"))
            runtime.write_private(path, f"speak\n{body}\n".encode())
        elif os.path.exists(path):
            os.unlink(path)
    except OSError:
        pass


def _news(name: str, now: float) -> dict[str, Any] | None:
    state, content = record.look(name, now=now, quiet_s=float("inf"))
    if state == record.DEAD:
        record.tidy(name)
    ended = content.get("ended_at") or record.heard_at(name)
    if not content or state not in (record.DONE, record.FAILED, record.DEAD):
        return None
    if not isinstance(ended, (int, float)) or now - ended > FRESH_S:
        return None
    return {
        "id": name,
        "session": content.get("from_session"),
        "lane": content.get("from_lane"),
        "folder": content.get("project"),
        "line": line(name, state, content),
        "model_line": model_line(name, state, content),
    }


def line(name: str, state: str, content: dict[str, Any]) -> str:
    """For the person."""
    lane = LANE_NAMES[content["lane"]]
    return f"governor: handoff {name} to {lane} {_what(state, content)}. Look: governor handoffs {name}"


def model_line(name: str, state: str, content: dict[str, Any]) -> str:
    """For the model that started it: a fact, of at most 200 characters."""
    where = f" on branch {content['branch']}" if content.get("branch") else ""
    return f"Handoff {name} {_what(state, content)}{where}. Details: governor handoffs {name}"[:MODEL_LIMIT]


def _what(state: str, content: dict[str, Any]) -> str:
    ran = content.get("run") or {}
    span = f" after {ago(ran['wall_s'])}" if isinstance(ran.get("wall_s"), (int, float)) else ""
    if state == record.DEAD:
        return "is DEAD: its supervisor is gone"
    if state == record.FAILED:
        return f"FAILED{span}: {content.get('failed') or 'no reason known'}"
    files = content.get("files_changed")
    changed = "" if files is None else f": {many(files, 'file')} changed"
    money = f", {usd(ran['usd'])} at list price" if isinstance(ran.get("usd"), (int, float)) else ""
    return f"is DONE{span}{changed}{money}"
