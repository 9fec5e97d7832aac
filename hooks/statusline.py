"""statusLine: takes the official percentages from stdin into the spool, and prints one line under the person's own.

The client kills a status line that is still running at the next repaint, so the figures are put away first. With the
kill switch on, only the person's own command runs.
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


def put_away(event: "dict[str, Any]", home: str, now: float) -> None:
    """Keep the figures, where they say something new. Raises: OSError."""
    from governor.guards import tap

    session = "".join(c for c in str(event.get("session_id", "")) if c.isalnum() or c == "-")[:64] or "none"
    place = os.path.join(home, "taps", session)
    try:
        memo = wire.loads(hook.peek(place) or b"{}")
    except ValueError:
        memo = {}
    readings, fresh = tap.take(event, memo if isinstance(memo, dict) else {}, now=int(now))
    for reading in readings:
        hook.append(home, "limits.jsonl", wire.dumps(reading))
    if fresh != memo:
        hook.write_private(place, wire.dumps(fresh))


def show(event: "dict[str, Any]", home: str, now: float) -> str:
    """Put the figures away; the line to print."""
    from governor.guards import tap

    try:
        put_away(event, home, now)
    except OSError as fault:
        hook.log(home, "statusline", fault)
    return tap.line(event, hook.read_letter(home, "pacing")[1], now=now, colour="NO_COLOR" not in os.environ)


def main() -> None:
    raw, now, home = hook.drain(), time.time(), hook.home()
    speaks, chained = hook.read_letter(home, "statusline_chain")
    ours, is_off = "", hook.off_by(home, now) is not None
    try:
        event = wire.loads(raw)
        if isinstance(event, dict) and not is_off:
            ours = show(event, home, now)
            hook.ring(home, now)
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
