"""A terminal for the clients' own interface: a private tmux server, keys in, screen out."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from .namespace import Namespace

POLL_S = 0.05
BEAT_S = 0.15  # between the words and Enter: menus of commands open with a delay
PROMPT = "❯"


def input_line(screen: str) -> str:
    """What stands behind the last prompt sign: the words not yet sent, and whatever is below them."""
    return screen.rpartition(PROMPT)[2]


class Terminal:
    """One program in one terminal. Use as a context manager; the tmux server ends with it."""

    def __init__(
        self,
        namespace: Namespace,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 140,
        rows: int = 50,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="e2e-")  # a socket's path may have about 100 characters
        self._socket = str(Path(self._folder.name) / "tmux")
        self._namespace = namespace
        start = ["new-session", "-d", "-x", str(columns), "-y", str(rows), "--", *arguments]
        # "remain-on-exit" so that the last words of a program that died can still be read
        settings = ["set", "-g", "remain-on-exit", "on", ";", "set", "-g", "history-limit", "5000", ";"]
        command = ["tmux", "-u", "-f", "/dev/null", "-S", self._socket, *settings, *start]
        begun = namespace.start(command, env={**env, "LANG": "C.UTF-8"}, cwd=str(cwd))
        out, err = begun.communicate(timeout=20)
        if begun.returncode:
            self._folder.cleanup()
            raise RuntimeError(f"tmux did not start: {out}{err}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)
        self._folder.cleanup()

    def screen(self) -> str:
        """What a person would see now, line by line, without trailing blanks."""
        return self._tmux("capture-pane", "-p").rstrip()

    def history(self) -> str:
        """The screen and all that scrolled off it."""
        return self._tmux("capture-pane", "-p", "-S", "-").rstrip()

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names: ``Enter``, ``Escape``, ``C-c``, ``Up``."""
        self._tmux("send-keys", *names)

    def write(self, words: str) -> None:
        """Type, without Enter, and wait until the words stand in the input line.

        Keys that come too fast count as pasted, Enter included.
        """
        self._tmux("send-keys", "-l", "--", words)
        typed = "".join(words.split())[-40:]  # a long line is wrapped
        self.wait_until(lambda screen: typed in "".join(input_line(screen).split()), repr(words), seconds=10)

    def type(self, words: str) -> None:
        """Type words and send them off."""
        self.write(words)
        time.sleep(BEAT_S)
        self.keys("Enter")

    def wait_for(self, words: str, *, seconds: float = 20) -> str:
        """The first screen that shows these words.

        Raises: AssertionError with the last screen.
        """
        return self.wait_until(lambda screen: words in screen, f"{words!r}", seconds=seconds)

    def wait_until(self, seen: Callable[[str], bool], what: str, *, seconds: float = 20) -> str:
        """The first screen that ``seen`` accepts.

        Raises: AssertionError with the last screen.
        """
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if seen(screen):
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not appear within {seconds:g} s; the screen:\n{screen}")
            time.sleep(POLL_S)

    def wait_for_end(self, *, seconds: float = 20) -> None:
        """Wait until the program has ended by itself.

        Raises: AssertionError with the last screen.
        """
        self.wait_until(lambda _: not self.alive, "the program's end", seconds=seconds)

    @property
    def alive(self) -> bool:
        """Does the program still run?"""
        return self._tmux("display-message", "-p", "#{pane_dead}").strip() == "0"

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", self._socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
