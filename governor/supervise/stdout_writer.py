"""Our own stdout, written by a thread: a reader that is slow, or gone, must not keep a budget from being looked at."""

from __future__ import annotations

import os
import queue
import threading

ROOM = 32 * 2**20  # bytes that may wait for a slow reader before the client is made to wait as well


class StdoutWriter:
    """Bytes go in, and to ``descriptor``, in order. ``fault`` is what stopped it, if anything did."""

    def __init__(self, descriptor: int) -> None:
        self.fault: OSError | None = None
        self._descriptor = descriptor
        self._waiting = 0
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        return self._waiting > ROOM

    def write(self, data: bytes) -> None:
        if data and self.fault is None:
            self._waiting += len(data)
            self._queue.put(data)

    def close(self) -> None:
        """Wait until all is written, or cannot be. ^C ends the wait."""
        self._queue.put(None)
        while self._thread.is_alive():
            self._thread.join(0.2)

    def _work(self) -> None:
        while (data := self._queue.get()) is not None:
            rest = data
            try:
                while rest and self.fault is None:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as fault:
                self.fault = fault
            self._waiting -= len(data)
