"""Time as a parameter: the clock a call lives by, real or virtual."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class TimerHandle(Protocol):
    """What `call_at` gives back."""

    def cancel(self) -> None:
        """Forget the timer; harmless if it has run."""


class Clock(Protocol):
    """Seconds that only go forward, the date and time, and timers.

    A part that awaits something outside the clock (a database, a file) does so inside `hold()`, so that
    virtual time stands still meanwhile.
    """

    def time(self) -> float:
        """Seconds since an arbitrary moment; monotonic."""

    def now(self) -> datetime:
        """The aware local date and time."""

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """Run `callback` in the loop's thread when `time()` reaches `when`."""

    def hold(self) -> AbstractContextManager[None]:
        """Keep virtual time from moving while the block runs."""

    def patience(self, seconds: float) -> float:
        """The machine's seconds that something outside the clock has, which may take so many of the clock's."""


class SystemClock:
    """The machine's clock, in a time zone; for use inside a running event loop."""

    def __init__(self, zone: str = "Asia/Shanghai") -> None:
        self._zone = ZoneInfo(zone)

    def time(self) -> float:
        """Seconds of the event loop's monotonic clock."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """Aware local time in the clock's zone."""
        return datetime.now(self._zone)

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """A timer of the event loop."""
        return asyncio.get_running_loop().call_at(when, callback)

    def hold(self) -> AbstractContextManager[None]:
        """Real time cannot be held."""
        return nullcontext()

    def patience(self, seconds: float) -> float:
        """The same."""
        return seconds


class _VirtualTimer:
    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """A clock that jumps from timer to timer; thousands of seconds pass in milliseconds.

    What is outside of it has `patience` seconds of the machine at the least: that a machine is slow must change nothing.
    """

    def __init__(self, start: datetime, *, patience: float = 0.0) -> None:
        if start.tzinfo is None:
            raise ValueError("a virtual clock starts at an aware datetime; give it a time zone")
        self._start = start
        self._patience = patience
        self._time = 0.0
        self._timers: list[tuple[float, int, _VirtualTimer]] = []
        self._order = itertools.count()
        self._held = 0
        self._free = asyncio.Event()

    def time(self) -> float:
        """Virtual seconds since the clock's start."""
        return self._time

    def now(self) -> datetime:
        """The start, moved on by the virtual seconds passed."""
        return self._start + timedelta(seconds=self._time)

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """Run `callback` when the clock is advanced to `when`."""
        timer = _VirtualTimer(callback)
        heapq.heappush(self._timers, (max(when, self._time), next(self._order), timer))
        return timer

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the clock still: `held` is true inside."""
        self._held += 1
        self._free.clear()
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._free.set()

    def patience(self, seconds: float) -> float:
        """The same, or more."""
        return max(seconds, self._patience)

    @property
    def held(self) -> bool:
        """Whether somebody waits for the real world."""
        return self._held > 0

    def next_timer(self) -> float | None:
        """When the next timer is due, in virtual seconds, or None."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance_to_next(self) -> bool:
        """Jump to the next timer and run it; False if there is none."""
        due = self.next_timer()
        if due is None:
            return False
        self._time = max(self._time, due)
        heapq.heappop(self._timers)[2].callback()
        return True

    async def run(self, until: Callable[[], bool], longest: float = 86_400.0) -> None:
        """Let the event loop settle, then jump, again and again, until `until()`.

        Raises TimeoutError when nothing is left to happen or `longest` virtual seconds have passed.
        """
        while not until():
            await self._settle()
            if until():
                return
            if self._time > longest or not self.advance_to_next():
                raise TimeoutError(f"nothing more can happen at {self._time:.1f} virtual seconds")

    async def _settle(self) -> None:
        """Give every ready task its turns, and wait (in real time) while anything is held."""
        for _ in range(5):
            await asyncio.sleep(0)
        while self._held:
            await self._free.wait()
            for _ in range(5):
                await asyncio.sleep(0)
