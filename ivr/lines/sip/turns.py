"""How all connections of a line share the event loop, so that audio is never kept waiting by them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol


class Timer(Protocol):
    """What can be cancelled."""

    def cancel(self) -> None:
        """Not any more."""


class Loop(Protocol):
    """What is needed of the event loop: its own time, whatever the line's clock says, since it is shared out."""

    def time(self) -> float:
        """Seconds."""

    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer:
        """Call it then."""


#: In each window (seconds), connections may work for so long altogether.
WINDOW: Final = 0.005
SHARE: Final = 0.001


class Turns:
    """Gives each connection its turn, in the order in which they ask.

    One connection's bounds are no help where hundreds have something to read at once, or a TLS handshake to
    reckon: what does not fit into a window waits for the next.
    """

    __slots__ = ("_ends", "_left", "_loop", "_running", "_timer", "_waiting")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._ends = 0.0
        self._left = SHARE
        self._running = False
        self._timer: Timer | None = None

    def take(self, work: Callable[[], None]) -> bool:
        """Work now and return True, or later, in turn, and return False."""
        if not self._running and (self._waiting or not self._open()):
            self.wait(work)
            return False
        began = self._loop.time()
        try:
            work()
        finally:
            self._left -= self._loop.time() - began
        return True

    def wait(self, work: Callable[[], None]) -> None:
        """Work when it is its turn, in the next window at the earliest."""
        self._waiting.append(work)
        if self._timer is None and not self._running:
            self._open()
            self._timer = self._loop.call_at(self._ends, self._go_on)

    def close(self) -> None:
        """Forget who waits."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _open(self) -> bool:
        """Whether there is time left in the present window."""
        now = self._loop.time()
        if now >= self._ends:
            self._ends = now + WINDOW
            self._left = SHARE
        return self._left > 0

    def _go_on(self) -> None:
        self._timer = None
        self._running = True
        try:
            # Who asks again meanwhile has had his turn: he waits for the next window.
            for _ in range(len(self._waiting)):
                if not self._waiting or not self._open():
                    break
                self.take(self._waiting.popleft())
        finally:
            self._running = False
        if self._waiting:
            self._timer = self._loop.call_at(self._ends, self._go_on)
