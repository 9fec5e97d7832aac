"""statusLine: takes the official percentages from stdin into the spool, and prints one line under the person's own.

The client kills a line that still runs at the next repaint: figures go first. Off, only the person's own command runs.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if sys.version_info < (3, 9):
    from governor.hooks import old_python

    old_python.leave(is_line=True)
from governor.hooks import fast_json, runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def put_away(event: "dict[str, Any]", home: str, now: float) -> "tuple[dict[str, Any], bool]":
    """Keep the figures, and whose they are: (when each was fresh, did one pass a rung or a reset?)."""
    from governor import accounts
    from governor.hooks.statusline import rules as statusline_rules

    place = os.path.join(home, "taps", statusline_rules.name_of(event))
    memo = statusline_rules.memo_of(runtime.peek(place))
    mine = {"account": accounts.own("claude")}  # a session copied from another folder remembers that one's figures
    before = memo if memo.get("account", mine["account"]) == mine["account"] else {}
    readings, fresh = statusline_rules.take(event, before, now=int(now))
    has_turned = statusline_rules.has_turned(before, fresh)
    try:
        for reading in readings:
            runtime.append(home, "limits.jsonl", fast_json.dumps({**reading, **mine}))
        if {**fresh, **mine} != memo:
            runtime.write_private(place, fast_json.dumps({**fresh, **mine}))
        if has_turned:  # the snapshots are older than this
            runtime.write_private(os.path.join(home, statusline_rules.TURNED), b"")
    except OSError as fault:
        runtime.log(home, "statusline", fault)
    return statusline_rules.own(fresh), has_turned


def show(event: "dict[str, Any]", home: str, now: float) -> str:
    """Put the figures away and ring; the line to print."""
    from governor.hooks.statusline import rules as statusline_rules

    heard, has_turned = put_away(event, home, now)
    runtime.trigger_refresh(home, now, at_once=has_turned)
    snapshot = runtime.HookContext("statusline", home, "claude", now).snapshot("pacing")
    return statusline_rules.line(event, snapshot, now=now, colour="NO_COLOR" not in os.environ, heard=heard)


def main() -> None:
    raw, now, home = runtime.drain(), time.time(), runtime.home()
    speaks, chained = runtime.read_snapshot(home, "statusline_chain")
    ours, is_off = "", runtime.off_by(home, now) is not None
    try:
        event = fast_json.loads(raw)
        if isinstance(event, dict) and not is_off:
            ours = show(event, home, now)
    except Exception as fault:  # whatever it is, the person's own line is none the worse for it
        runtime.log(home, "statusline", fault)
    theirs = b""
    if speaks and isinstance(chained.get("command"), str):
        from governor.hooks.statusline import chained_statusline

        try:
            theirs = chained_statusline.output_of(chained["command"], raw, scratch=home)
        except (OSError, ValueError) as fault:
            runtime.log(home, "statusline", fault)
    out = theirs.rstrip(b"\n") + (b"\n" if theirs.strip() and ours else b"") + ours.encode("utf-8", "replace")
    if out:
        runtime.say(out + b"\n")
    if not is_off:
        runtime.note_run(home, "statusline", 0)


if __name__ == "__main__":
    try:
        main()
    except BaseException as fault:
        runtime.log(runtime.home(), "statusline", fault)
