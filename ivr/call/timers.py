"""The clocks of one call, each known by its name."""

from __future__ import annotations

from collections.abc import Callable

from ivr.clock import Clock, TimerHandle
from ivr.flow.events import TimerFired


class Timers:
    """Posts `TimerFired` when the time of a clock has come; whoever receives it says that it is `over`."""

    def __init__(self, clock: Clock, post: Callable[[TimerFired], None]) -> None:
        self._clock = clock
        self._post = post
        self._running: dict[str, TimerHandle] = {}

    def start(self, timer: str, seconds: float) -> None:
        """Fire in so many seconds; one of that name that runs is begun anew."""
        self.stop(timer)
        self._running[timer] = self._clock.call_at(
            self._clock.time() + seconds, lambda: self._post(TimerFired(0.0, timer))
        )

    def stop(self, timer: str) -> None:
        """Do not fire; one that does not run stays so."""
        handle = self._running.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def over(self, timer: str) -> None:
        """Forget one that has fired."""
        self._running.pop(timer, None)

    def stop_all(self) -> None:
        """Fire none of those that run."""
        for timer in tuple(self._running):
            self.stop(timer)
