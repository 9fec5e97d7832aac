"""Run from the Claude Code plugin: is an installed hook wired for this client, too? Then that one works alone.

The client's own settings are read, not a mark of ours: they are what the client goes by, also after somebody took the
hooks out by hand. Three small files are looked into, and one path is checked. Written so that Python 2.7 and 3.0 to 3.8
understand it, for ``old_python`` asks the same.
"""

import os

ARGUMENT = "plugin"  # how the plugin's command says where it stands
INSTALLED = b"/runtime/hooks/"
LARGEST = 2**20  # bytes of settings that are looked into


def steps_aside():
    # type: () -> bool
    """Does an installed hook answer the same events? Its script has to be there, or nobody would answer."""
    return any(_runs_ours(_beginning(file)) for file in settings_files())


def settings_files():
    # type: () -> list[str]
    """The settings that this client reads hooks from, as far as ``governor install`` may have written them."""
    chosen = os.environ.get("CLAUDE_CONFIG_DIR", "").partition(",")[0].strip()
    files = [os.path.join(os.path.expanduser(chosen or "~/.claude"), "settings.json")]
    project = os.environ.get("CLAUDE_PROJECT_DIR", "")
    if project:
        files += [os.path.join(project, ".claude", name) for name in ("settings.json", "settings.local.json")]
    return files


def _beginning(path):
    # type: (str) -> bytes
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST)
    except (OSError, IOError):  # noqa: UP024 - Python 2 knows them as two
        return b""


def _runs_ours(settings):
    # type: (bytes) -> bool
    """Is a guard of ours started by these settings, and is its script there? The status line alone guards nothing."""
    parts = settings.split(INSTALLED)
    for before, after in zip(parts, parts[1:]):
        script = after[:40].partition(b".py")[0]
        folder = before[max(before.rfind(mark) for mark in (b" ", b"'", b'"')) + 1 :]
        if script != b"statusline" and os.path.isfile(folder + INSTALLED + script + b".py"):
            return True
    return False
