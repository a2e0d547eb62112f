"""A small jitter buffer: frames that come by fits and starts, given out one each 20 ms.

It waits for as many frames as the arrival times call for (RFC 3550's estimate of jitter, appendix A.8) and
no more: one frame on a steady line, up to eight on a bad one.
"""

from __future__ import annotations

import math

from ivr.media.g711 import FRAME, FRAME_SECONDS, RATE

#: Frames it may hold; what is further ahead than that is a new stream.
MOST_FRAMES = 50
#: Frames it may wait for (160 ms).
DEEPEST = 8
#: Frames more than needed that may wait before one is dropped to catch up.
SLACK = 3

_WRAP = 1 << 32


class JitterBuffer:
    """Frames by RTP timestamp: `push` as they come, `pull` one for each beat.

    Counts `lost` (not there when they were due) and `late` (came after that) frames.
    """

    def __init__(self) -> None:
        self._frames: dict[int, bytes] = {}
        #: The timestamp that is next, also while it waits: what is earlier comes too late.
        self._due: int | None = None
        self._filling = True
        self._jitter = 0.0
        self._transit: float | None = None
        #: Frames that were not there when they were due.
        self.lost = 0
        #: Frames that came too late.
        self.late = 0

    @property
    def waiting(self) -> int:
        """Frames that wait."""
        return len(self._frames)

    @property
    def jitter(self) -> float:
        """How unevenly frames come, in seconds (RFC 3550, section 6.4.1)."""
        return self._jitter

    @property
    def depth(self) -> int:
        """Frames it waits for before it gives out the first."""
        return min(DEEPEST, 1 + math.ceil(3 * self._jitter / FRAME_SECONDS - 0.25))

    def push(self, timestamp: int, frame: bytes, now: float) -> None:
        """Take a frame with its RTP timestamp, arrived at `now` (seconds)."""
        self._measure(timestamp, now)
        if self._due is not None:
            ahead = (timestamp - self._due) % _WRAP
            if ahead > _WRAP - MOST_FRAMES * FRAME:
                self.late += 1
                return
            if ahead > MOST_FRAMES * FRAME:
                self._restart()
        if len(self._frames) < MOST_FRAMES:
            self._frames[timestamp] = frame

    def pull(self) -> bytes | None:
        """The frame that is due, or None: nothing to hear yet, or it is lost."""
        if not self._frames:
            self._filling = True
            return None
        if self._filling or self._due is None:
            if len(self._frames) < self.depth:
                return None
            self._filling = False
            self._due = self._first()
        if len(self._frames) > self.depth + SLACK:
            self._frames.pop(self._due, None)
            self._due = self._first()
        frame = self._frames.pop(self._due, None)
        self._due = (self._due + FRAME) % _WRAP
        if frame is None:
            self.lost += 1
        return frame

    def _first(self) -> int:
        """The earliest timestamp that waits, also across the wrap of 32 bits."""
        some = next(iter(self._frames))
        return min(self._frames, key=lambda at: (at - some + _WRAP // 2) % _WRAP)

    def _measure(self, timestamp: int, now: float) -> None:
        transit = now - timestamp / RATE
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < 1.0:  # a jump is a new stream, not jitter
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def _restart(self) -> None:
        self._frames.clear()
        self._due = None
        self._filling = True
