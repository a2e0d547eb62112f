"""The media clock: one for a process, it beats for every leg each 20 ms.

The beats stand at fixed distances from the first one, so they never drift. A tick is cut into four quarters
of 5 ms, and legs are spread over them, so that the work (and the packets) of many calls do not come in one
burst. After a stall the beats that were missed are made up for, but only a few: a caller prefers a gap to a
prompt at double speed.
"""

from __future__ import annotations

import logging
import math
from bisect import bisect_left
from collections.abc import Callable

from ivr.clock import Clock, TimerHandle
from ivr.media.g711 import FRAME_SECONDS

#: How many parts a tick is cut into.
QUARTERS = 4
#: Missed beats of a leg that are made up for after a stall (100 ms); the rest is skipped.
MOST_BEHIND = 5

_QUARTER = FRAME_SECONDS / QUARTERS
#: Edges (seconds) between which lateness is counted.
EDGES = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
_log = logging.getLogger(__name__)


class Lateness:
    """How late quarters began: counts by upper edge in seconds, the largest, and beats never made up for."""

    def __init__(self) -> None:
        self._counts = [0] * (len(EDGES) + 1)
        #: The largest so far, in seconds.
        self.largest = 0.0
        #: Quarters skipped after stalls.
        self.skipped = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """Quarters that began within each of `EDGES`, and beyond the last."""
        return tuple(self._counts)

    @property
    def count(self) -> int:
        """Quarters measured."""
        return sum(self._counts)

    def add(self, seconds: float) -> None:
        """Count one quarter."""
        self.largest = max(self.largest, seconds)
        self._counts[bisect_left(EDGES, seconds)] += 1

    def percentile(self, share: float) -> float:
        """The edge (seconds) under which `share` of the quarters began, e.g. 0.99; 0 before the first."""
        wanted = math.ceil(share * self.count)
        seen = 0
        for edge, count in zip((*EDGES, self.largest), self._counts, strict=True):
            seen += count
            if wanted and seen >= wanted:
                return min(edge, self.largest)
        return 0.0


class Beat:
    """A leg's place in the clock."""

    __slots__ = ("failed", "quarter", "stopped", "tick")

    def __init__(self, tick: Callable[[], None], failed: Callable[[Exception], None], quarter: int) -> None:
        self.tick = tick
        self.failed = failed
        self.quarter = quarter
        self.stopped = False


class MediaClock:
    """Beats every 20 ms for whoever is added, in the loop's thread. Stands still while nobody is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: tuple[dict[Beat, None], ...] = tuple({} for _ in range(QUARTERS))
        self._timer: TimerHandle | None = None
        self._origin = 0.0
        self._next = 0
        self._hooks: tuple[Callable[[], None], ...] = ()
        #: How punctual it was.
        self.lateness = Lateness()
        #: Beats that were left out after stalls: sound that nobody got, but whose time has passed.
        self.skipped = 0

    @property
    def active(self) -> int:
        """How many it beats for."""
        return sum(map(len, self._groups))

    def add(self, tick: Callable[[], None], failed: Callable[[Exception], None]) -> Beat:
        """Call `tick` every 20 ms, beginning within 20 ms. If it raises, it is removed and `failed` told."""
        quarter = min(range(QUARTERS), key=lambda at: len(self._groups[at]))
        beat = Beat(tick, failed, quarter)
        self._groups[quarter][beat] = None
        if self._timer is None:
            self._origin, self._next = self._clock.time(), 0
            self._schedule()
        return beat

    def remove(self, beat: Beat) -> None:
        """Call it no more; harmless if it is not called."""
        beat.stopped = True
        self._groups[beat.quarter].pop(beat, None)
        if not self.active:
            self.close()

    def add_hook(self, hook: Callable[[], None]) -> None:
        """Call `hook` before each quarter's beats, while anybody is beaten for. It must not raise."""
        self._hooks = (*self._hooks, hook)

    def remove_hook(self, hook: Callable[[], None]) -> None:
        """Call it no more; harmless if it is not called."""
        self._hooks = tuple(one for one in self._hooks if one != hook)

    def close(self) -> None:
        """Forget everyone and stand still. Hooks stay."""
        for group in self._groups:
            for beat in group:
                beat.stopped = True
            group.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = self._clock.call_at(self._origin + self._next * _QUARTER, self._quarter)

    def _quarter(self) -> None:
        timer = self._timer
        behind = self._clock.time() - self._origin - self._next * _QUARTER
        self.lateness.add(max(0.0, behind))
        last = self._next + max(0, int(behind / _QUARTER + 1e-6))
        skipped = (max(0, last - self._next - MOST_BEHIND * QUARTERS) + QUARTERS - 1) // QUARTERS * QUARTERS
        self.lateness.skipped += skipped
        self.skipped += skipped // QUARTERS
        self._next += skipped
        while self._next <= last:
            for hook in self._hooks:
                hook()
            if self._timer is timer:
                self._beat(self._next % QUARTERS)
            if self._timer is not timer:  # all were removed, and perhaps others added, by the beat itself
                return
            self._next += 1
        self._schedule()

    def _beat(self, quarter: int) -> None:
        for beat in tuple(self._groups[quarter]):
            if beat.stopped:
                continue
            try:
                beat.tick()
            except Exception as error:
                _log.exception("a leg's media failed and was stopped")
                self.remove(beat)
                beat.failed(error)
