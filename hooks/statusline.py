"""statusLine: takes the official percentages from stdin into the spool, and prints one line under the person's own.

The client kills a line that still runs at the next repaint: figures go first. Off, only the person's own command runs.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if sys.version_info < (3, 9):
    from governor import old_python

    old_python.leave(is_line=True)
from governor import hook, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def put_away(event: "dict[str, Any]", home: str, now: float) -> "tuple[dict[str, Any], bool]":
    """Keep the figures, and whose they are: (when each was fresh, did one pass a rung or a reset?)."""
    from governor import accounts
    from governor.guards import tap

    place = os.path.join(home, "taps", tap.name_of(event))
    memo = tap.memo_of(hook.peek(place))
    mine = {"account": accounts.own("claude")}  # a session copied from another folder remembers that one's figures
    before = memo if memo.get("account", mine["account"]) == mine["account"] else {}
    readings, fresh = tap.take(event, before, now=int(now))
    has_turned = tap.has_turned(before, fresh)
    try:
        for reading in readings:
            hook.append(home, "limits.jsonl", wire.dumps({**reading, **mine}))
        if {**fresh, **mine} != memo:
            hook.write_private(place, wire.dumps({**fresh, **mine}))
        if has_turned:  # the letters are older than this
            hook.write_private(os.path.join(home, tap.TURNED), b"")
    except OSError as fault:
        hook.log(home, "statusline", fault)
    return tap.own(fresh), has_turned


def show(event: "dict[str, Any]", home: str, now: float) -> str:
    """Put the figures away and ring; the line to print."""
    from governor.guards import tap

    heard, has_turned = put_away(event, home, now)
    hook.ring(home, now, at_once=has_turned)
    letter = hook.Door("statusline", home, "claude", now).letter("pacing")
    return tap.line(event, letter, now=now, colour="NO_COLOR" not in os.environ, heard=heard)


def main() -> None:
    raw, now, home = hook.drain(), time.time(), hook.home()
    speaks, chained = hook.read_letter(home, "statusline_chain")
    ours, is_off = "", hook.off_by(home, now) is not None
    try:
        event = wire.loads(raw)
        if isinstance(event, dict) and not is_off:
            ours = show(event, home, now)
    except Exception as fault:  # whatever it is, the person's own line is none the worse for it
        hook.log(home, "statusline", fault)
    theirs = b""
    if speaks and isinstance(chained.get("command"), str):
        from governor.acts import chain

        try:
            theirs = chain.output_of(chained["command"], raw, scratch=home)
        except (OSError, ValueError) as fault:
            hook.log(home, "statusline", fault)
    out = theirs.rstrip(b"\n") + (b"\n" if theirs.strip() and ours else b"") + ours.encode("utf-8", "replace")
    if out:
        hook.say(out + b"\n")
    if not is_off:
        hook.note_run(home, "statusline", 0)


if __name__ == "__main__":
    try:
        main()
    except BaseException as fault:
        hook.log(hook.home(), "statusline", fault)
