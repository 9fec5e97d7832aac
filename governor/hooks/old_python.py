"""What a hook does under a Python that is too old for it: says so once, to the user, and ends.

Written so that Python 2.7 and 3.0 to 3.8 understand it. The file ``old-python/<version>`` in the state folder marks
what was said and names the interpreter; ``governor doctor`` reads it. Without a place for the mark nothing is said.
"""

import json
import os
import sys

OLDEST = (3, 9)
FOLDER = "old-python"


def home():
    # type: () -> str
    """The state folder: the same rules as ``governor.hooks.runtime.home``, which an old Python cannot load."""
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


def is_off():
    # type: () -> bool
    """Is the kill switch on? One that has run out still counts: this hook has one sentence to say, and can wait."""
    word = os.environ.get("GOVERNOR_OFF", "").strip().lower()
    return word not in ("", "0", "false", "no", "off") or os.path.exists(os.path.join(home(), "OFF"))


def version():
    # type: () -> str
    """This Python's version, as in ``3.8``."""
    return "{}.{}".format(*sys.version_info[:2])


def sentence():
    # type: () -> str
    """What the user is told."""
    return (
        "governor: its hooks need Python {}.{} or newer, and {} is Python {}. Nothing is guarded in this client until "
        "then. Next: install a newer python3, or run `governor install`, which uses a Python of its own."
    ).format(OLDEST[0], OLDEST[1], sys.executable or "python3", version())


def claim():
    # type: () -> bool
    """True for the first run under this version. The mark names the interpreter."""
    folder = os.path.join(home(), FOLDER)
    before = os.umask(0o077)
    try:
        if not os.path.isdir(folder):
            os.makedirs(folder)
        mark = os.open(os.path.join(folder, version()), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(mark, (sys.executable or "python3").encode("utf-8"))
        os.close(mark)
    except OSError:
        return False
    finally:
        os.umask(before)
    return True


def leave(arguments=(), is_line=False):
    # type: (list[str] | tuple[()], bool) -> None
    """Drain stdin, say it if it was not said yet, and end with exit code 0.

    ``arguments``: the hook's own; from the plugin, nothing is said where installed hooks do the work. ``is_line``: what
    is printed is a status line, which stands there at every repaint. Nobody reads it where nobody is there
    (``CLAUDE_CODE_SESSION_ATTENDED=0``): it then waits for somebody.
    """
    try:
        while os.read(0, 65536):
            pass
        from governor.hooks import plugin

        attended = os.environ.get("CLAUDE_CODE_SESSION_ATTENDED") != "0"
        aside = plugin.ARGUMENT in arguments and plugin.steps_aside()
        if is_line and not is_off():
            os.write(1, "governor: needs Python {}.{} or newer".format(*OLDEST).encode("ascii"))
        elif attended and not aside and not is_off() and claim():
            os.write(1, json.dumps({"systemMessage": sentence()}).encode("ascii"))
    except Exception:  # whatever it is: a hook never harms
        pass
    os._exit(0)
