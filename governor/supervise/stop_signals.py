"""How a run is ended: asked to save its work, then told, then made to. The clock comes from outside.

Both clients write their transcripts out at SIGINT, so a session that ends on the first step can be taken up again.
"""

from __future__ import annotations

STEPS = ("INT", "TERM", "KILL")


class Ladder:
    """Which signal is due when. ``grace`` is the time between two steps, in seconds of a monotonic clock."""

    def __init__(self, *, grace: float) -> None:
        self.grace = grace
        self.taken = 0
        self._next: float | None = None

    @property
    def is_begun(self) -> bool:
        return self._next is not None

    def begin(self, now: float) -> None:
        """From now on the run is to end. Begun again it goes one step further at once (a second ^C)."""
        self._next = now

    def hurry(self, now: float, *, within: float) -> None:
        """Take the next step no later than ``within`` seconds from now: only remnants are left to wait for."""
        if self._next is None or self._next > now + within:
            self._next = now + within

    def due(self, now: float) -> str | None:
        """The step to take now, each once: INT, TERM, KILL; then KILL again for as long as anything is left."""
        if self._next is None or now < self._next:
            return None
        step = STEPS[min(self.taken, len(STEPS) - 1)]
        self.taken += 1
        self._next = now + self.grace
        return step
