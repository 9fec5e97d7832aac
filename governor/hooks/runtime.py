"""the hook runtime: everything a hook does besides deciding.

Every prompt, tool call and status line of the person's day passes here, so nothing but ``os``, ``sys`` and ``time`` is
imported until there is something to say (each of ``json``, ``dataclasses``, ``pathlib`` costs more than the hook).
``tests/test_hook_door.py`` holds the exact set.

The order never changes: drain stdin, obey the kill switch, check bytes, parse, decide, reply, log, ring the bell.
A hook cannot harm: whatever goes wrong ends as silence and exit code 0, and one line in a private log.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STDIN_LIMIT = 16 * 2**20  # a host's event is a few KB; what lies beyond is drained, not kept
LOG_LIMIT = 256 * 2**10  # the log keeps one older file of this size
BELL_EVERY_S = 60  # refresh at most this often from hooks
SHARED_EVERY_S = 5  # a kill switch on a shared disk is looked at this often
OFF_WORDS = frozenset(("", "0", "false", "no", "off"))


class Reply:
    """What a guard wants said, in no host's dialect. Every field may stay empty."""

    __slots__ = ("ask", "bell", "block", "deny", "halt", "model", "once", "person", "record", "update")

    def __init__(
        self,
        *,
        person: str = "",
        model: str = "",
        block: str = "",
        deny: str = "",
        ask: str = "",
        halt: str = "",
        update: dict[str, Any] | None = None,
        once: str = "",
        record: dict[str, Any] | None = None,
        bell: bool = False,
    ) -> None:
        self.person = person  # shown to the person, never sent to the model: zero tokens
        self.model = model  # added to the model's context: every later turn pays for it
        self.block = block  # hold this prompt back and say why
        self.deny = deny  # refuse this tool call and say why
        self.ask = ask  # let the client ask the person about this tool call; Codex cannot, and goes on
        self.halt = halt  # refuse, and end the work as well, where the client has a way to
        self.update = update  # PreToolUse: the complete tool input to use instead
        self.once = once  # speak only if nobody has claimed this key yet (an episode)
        self.record = record  # a line for the decision log; numbers and names only
        self.bell = bell  # ring the terminal's bell, where the client lets a hook do so


class HookContext:
    """What a guard may know about its surroundings, each fact fetched when first asked for."""

    __slots__ = ("home", "lane", "name", "now")

    def __init__(self, name: str, home: str, lane: str, now: float) -> None:
        self.name = name
        self.home = home
        self.lane = lane
        self.now = now

    def snapshot(self, name: str) -> dict[str, Any]:
        """The snapshot as this account reads it, or an empty dict: torn, missing and future snapshots all say nothing."""
        content = read_snapshot(self.home, name)[1]
        if "accounts" in content:  # of the snapshots, those that hold figures of windows
            from governor import accounts

            content = accounts.pick(content, self.lane)
        return content

    def seen(self, key: str) -> bool:
        """Has this episode been spoken of already?"""
        return os.path.exists(episode_path(self.home, key))


def home() -> str:
    """The state folder: GOVERNOR_HOME, else the folder an installed hook stands in, else the platform's own.

    The last must equal ``platformdirs.user_state_path("governor")`` (tests/test_paths.py), which is too slow here.
    """
    chosen = os.environ.get("GOVERNOR_HOME")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.basename(root) == "runtime":
        return os.path.dirname(root)
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/governor")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "governor", "governor")
    state = os.environ.get("XDG_STATE_HOME", "").strip()
    return os.path.join(state or os.path.expanduser("~/.local/state"), "governor")


def off_by(state_home: str, now: float) -> str | None:
    """Which kill switch is on: ``env``, ``file``, ``shared``, or None.

    ``GOVERNOR_OFF`` set to anything but 0/false/no/off is on; a number above 10^9 is the time it ends. The file
    ``OFF`` in the state folder reaches sessions that already run; it may hold the time it ends. ``kill/shared`` names
    a file that several machines see.
    """
    word = os.environ.get("GOVERNOR_OFF", "").strip().lower()
    if word not in OFF_WORDS and _still_on(word, now):
        return "env"
    text = _read_text(os.path.join(state_home, "OFF"))
    if text is not None and _still_on(text, now):
        return "file"
    shared = _read_text(os.path.join(state_home, "kill", "shared"))
    if shared and _shared_off(state_home, shared, now):
        return "shared"
    return None


def is_overridden(state_home: str, now: float) -> bool:
    """Has the person said ``governor override 30m`` and has that not run out?"""
    text = _read_text(os.path.join(state_home, "override"))
    try:
        return text is not None and float(text) > now
    except ValueError:
        return False


def is_throttled(state_home: str, name: str) -> bool:
    """Did refresh find that this hook costs more than it may (``governor.review.throttling``)? It then only rings."""
    return os.path.exists(os.path.join(state_home, "muted", name))


def may_be_halted(state_home: str) -> bool:
    """Can a halt be in force (``governor.hooks.state.halts``)? Two looks at files that are mostly not there."""
    return os.path.lexists(state_home + "/HALT") or os.path.exists(state_home + "/kill/halts")


def _still_on(text: str, now: float) -> bool:
    try:
        until = float(text)
    except ValueError:
        return True
    return not (until > 1e9 and now >= until)


def _shared_off(state_home: str, shared: str, now: float) -> bool:
    cache = os.path.join(state_home, "kill", "cache")
    try:
        if 0 <= now - os.stat(cache).st_mtime < SHARED_EVERY_S:
            return _read_text(cache) == "1"
    except OSError:
        pass
    text = _read_text(shared)
    is_off = text is not None and _still_on(text, now)
    try:
        write_private(cache, b"1" if is_off else b"0")
    except OSError:
        pass
    return is_off


def _read_text(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return None


def read_snapshot(state_home: str, name: str) -> tuple[bool, dict[str, Any]]:
    """(has it something to say, its content). A snapshot is one word, ``quiet`` or ``speak``, a newline, and JSON."""
    try:
        with open(os.path.join(state_home, "letters", name), "rb") as file:
            raw = file.read()
    except OSError:
        return False, {}
    word, _, body = raw.partition(b"\n")
    if word not in (b"quiet", b"speak"):
        return False, {}
    from governor.hooks import fast_json

    try:
        content = fast_json.loads(body)
    except ValueError:
        return False, {}
    if not isinstance(content, dict) or content.get("version") != 1:
        return False, {}
    return word == b"speak", content


def is_quiet(state_home: str, name: str) -> bool:
    """True when the snapshot says so in its first word, without parsing the rest; a missing snapshot is quiet."""
    return peek(os.path.join(state_home, "letters", name), 5) != b"speak"


def peek(path: str, size: int = 2**15) -> bytes | None:
    """The beginning of a plain file; None for a link, a FIFO's like, or what cannot be read. It never waits."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return None


def make_private(folder: str) -> None:
    """Create a folder and its missing parents, all of them the owner's alone. Raises: OSError."""
    if not os.path.isdir(folder):
        before = os.umask(0o077)
        try:
            os.makedirs(folder, exist_ok=True)
        finally:
            os.umask(before)


def write_private(path: str, data: bytes) -> None:
    """Replace a file of ours in one step, readable by its owner only.

    Raises: OSError where the folder cannot be written, or the disk is full.
    """
    make_private(os.path.dirname(path))
    temporary = "%s.%d.tmp" % (path, os.getpid())  # noqa: UP031 - an f-string costs the same; this reads as a path
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)  # all of it or a fault; os.write takes what a full disk takes
    os.replace(temporary, path)


def open_to_append(path: str, access: int = os.O_WRONLY) -> int:
    """A descriptor of a private file of ours, made where it is missing, folder included. Raises: OSError."""
    flags = access | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        make_private(os.path.dirname(path))
        return os.open(path, flags, 0o600)


def append(state_home: str, spool: str, line: bytes) -> None:
    """Add one line to a spool that refresh empties: one O_APPEND write, so that parallel hooks never mix lines."""
    descriptor = open_to_append(os.path.join(state_home, "spool", spool))
    try:
        os.write(descriptor, line + b"\n")
    finally:
        os.close(descriptor)


def episode_path(state_home: str, key: str) -> str:
    """Where the mark of an episode lies. Keys come from session ids: untrusted, so only their safe part is used."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in key)[:180]
    return os.path.join(state_home, "episodes", safe)


def claim(state_home: str, key: str) -> bool:
    """True for exactly one caller per key, however many hooks ask at once."""
    path = episode_path(state_home, key)
    try:
        make_private(os.path.dirname(path))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return False  # told already, or state not writable: silence beats nagging
    return True


def in_dialect(reply: Reply, event_name: str, lane: str = "claude") -> dict[str, Any]:
    """The reply as the host wants it. Codex rejects unknown keys, ``ask``, a bare ``allow``, and ``continue`` before a
    tool call: none of them ever reaches it.
    """
    out: dict[str, Any] = {}
    specific: dict[str, Any] = {}
    deny = reply.deny or reply.halt
    if reply.person:
        out["systemMessage"] = reply.person
    if reply.bell and lane == "claude":
        out["terminalSequence"] = "\a"
    if reply.block:
        out["decision"] = "block"
        out["reason"] = reply.block
    if reply.halt and lane == "claude":
        out["continue"] = False
        out["stopReason"] = reply.halt
    if deny:
        specific["permissionDecision"] = "deny"
        specific["permissionDecisionReason"] = deny
    elif reply.ask and lane == "claude":
        specific["permissionDecision"] = "ask"
        specific["permissionDecisionReason"] = reply.ask
        if reply.update is not None:
            specific["updatedInput"] = reply.update
    elif reply.update is not None:
        specific["permissionDecision"] = "allow"
        specific["updatedInput"] = reply.update
    if reply.model:
        specific["additionalContext"] = reply.model
    if specific:
        out["hookSpecificOutput"] = {"hookEventName": event_name, **specific}
    return out


def run(
    name: str,
    decide: Callable[[dict[str, Any], HookContext], Reply | None],
    *,
    wants: Callable[[bytes, HookContext], bool] | None = None,
) -> None:
    """Be one hook: ``decide`` is asked only when ``wants`` finds its bytes in the event. Never raises.

    ``sys.argv[1]`` names the host, ``claude`` (the default) or ``codex``. Stdout gets one JSON object, or nothing.
    """
    state_home = ""
    said: tuple[int, str] = (0, "")
    try:
        raw = drain()
        now = time.time()
        ctx = HookContext(name, home(), sys.argv[1] if len(sys.argv) > 1 else "claude", now)
        if may_be_halted(ctx.home) and is_halted(raw, ctx):
            return  # a halt is the user's own word: it also holds while the governor is silenced
        if off_by(ctx.home, now):
            return  # and leave no mark either: off is off
        state_home = ctx.home
        if not is_throttled(state_home, name) and (wants is None or wants(raw, ctx)):
            said = answer(ctx, decide, raw)
        trigger_refresh(state_home, now)
    except BaseException as fault:  # SystemExit too: a hook that dies loudly can lock a person out
        log(state_home, name, fault)
    finally:
        if state_home:
            note_run(state_home, name, *said)


def is_halted(raw: bytes, ctx: HookContext) -> bool:
    """Does a halt hold for this event? Then its agent has been told so."""
    from governor.hooks.state import halts

    return halts.obeyed(raw, ctx)


def answer(
    ctx: HookContext, decide: Callable[[dict[str, Any], HookContext], Reply | None], raw: bytes
) -> tuple[int, str]:
    """Say what ``decide`` makes of the event: (characters given to the model, the session they go into)."""
    from governor.hooks import fast_json

    try:
        event = fast_json.loads(raw)
    except (ValueError, RecursionError):
        return 0, ""
    if not isinstance(event, dict):
        return 0, ""
    reply = decide(event, ctx)
    if reply is None or (reply.once and not claim(ctx.home, reply.once)):
        return 0, ""
    name = str(event.get("hook_event_name", ""))
    out = in_dialect(reply, name, ctx.lane)
    if out:
        say(fast_json.dumps(out))  # ASCII only, whatever the terminal's encoding
    if reply.record is not None:
        record = {"at": round(ctx.now, 3), "hook": ctx.name, "lane": ctx.lane, **reply.record}
        append(ctx.home, "decisions.jsonl", fast_json.dumps(record))
    return given_to_model(reply, event)


def given_to_model(reply: Reply, event: dict[str, Any]) -> tuple[int, str]:
    """(characters that the model gets to read of this reply, the session they go into). Why a prompt is held back is
    the person's alone.
    """
    held = event.get("hook_event_name") == "UserPromptSubmit"
    reason = reply.deny or reply.halt or ("" if held else reply.block)
    session = "".join(c for c in str(event.get("session_id", ""))[:64] if c.isalnum() or c == "-")
    return len(reply.model) + len(reason), session if reply.model or reason else ""


def say(words: bytes) -> None:
    """Write to stdout past Python's own buffer, whose last flush would end a hook with 120 where stdout is full.

    Raises: OSError.
    """
    while words:
        words = words[os.write(1, words) :]


def drain() -> bytes:
    """All of stdin, for the host's pipe breaks otherwise; at most STDIN_LIMIT of it is kept."""
    kept: list[bytes] = []
    size = 0
    try:
        descriptor = sys.stdin.fileno()
        while chunk := os.read(descriptor, 2**20):
            if size < STDIN_LIMIT:
                kept.append(chunk)
                size += len(chunk)
    except (OSError, ValueError, AttributeError):  # closed before we were started
        pass
    return b"".join(kept)


def trigger_refresh(state_home: str, now: float, *, at_once: bool = False) -> None:
    """Start a refresh (its command: file ``bell``), detached; without ``at_once`` only if none began in a minute."""
    rung = os.path.join(state_home, "letters", ".rung")
    try:
        if not at_once and 0 <= now - os.stat(rung).st_mtime < BELL_EVERY_S:
            return
    except OSError:
        pass
    try:
        with open(os.path.join(state_home, "bell"), "rb") as file:
            command = [part.decode() for part in file.read().split(b"\0") if part]
    except OSError:
        return  # not installed: refresh is then the command line's own business
    if not command or not hasattr(os, "posix_spawn"):
        return
    write_private(rung, b"")
    if not os.access(command[0], os.X_OK):
        return  # its environment went away; governor doctor says so
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    os.posix_spawn(command[0], command, {**os.environ, "GOVERNOR_HOME": state_home}, file_actions=null, setsid=True)


def log(state_home: str, name: str, fault: BaseException) -> None:
    """One line in a private, rotating log: where it broke, never what was being read."""
    try:
        trace = fault.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "%s:%d" % (os.path.basename(trace.tb_frame.f_code.co_filename), trace.tb_lineno) if trace else "?"  # noqa: UP031
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {name} {type(fault).__name__} at {where}\n"
        descriptor = open_to_append(path := os.path.join(state_home, "log", "hooks.log"))
        try:
            os.write(descriptor, line.encode())
            full = os.fstat(descriptor).st_size > LOG_LIMIT
        finally:
            os.close(descriptor)
        if full:
            os.replace(path, path + ".1")
    except OSError:
        pass


def note_run(state_home: str, name: str, said: int, session: str = "") -> None:
    """The governor's own cost: one short line a run. CPU time counts from the interpreter's first breath."""
    note_costs(state_home, [(name, time.process_time(), said, session)])


def note_costs(state_home: str, costs: list[tuple[str, float, int, str]]) -> None:
    """One line each, in one write: (who, CPU seconds, characters given to a model, into which session)."""
    try:
        if os.path.isdir(state_home):
            now = time.time()
            lines = [
                '{"h":"%s","t":%.3f,"ms":%.1f,"c":%d,"s":"%s"}' % (name, now, spent_s * 1000, said, session)  # noqa: UP031
                for name, spent_s, said, session in costs
            ]
            append(state_home, "hooks.jsonl", "\n".join(lines).encode())
    except OSError:
        pass
