"""How fast new calls may reach the library.

Every call opens two sockets, and the library keeps a closed one's place for half a second. The wheel has 64
places and ends the process when they run out: sixty new calls a second, all of them refused, do it. So the
thread stops reading SIP for a moment before that; what callers sent waits in the kernel, and is sent again.
"""

from __future__ import annotations

from collections import deque

#: Seconds for which the library keeps the places of a call's sockets, with something to spare.
HELD = 0.6
#: Calls that may come in that time: one poll of the library may bring a dozen more before this is asked.
LEAST_BURST = 10


class Pace:
    """Counts the calls that came lately. `capacity` is what the library carries; a larger build has more places."""

    def __init__(self, capacity: int) -> None:
        self._burst = max(LEAST_BURST, capacity)
        self._came: deque[float] = deque(maxlen=self._burst)

    def call_came(self, now: float) -> None:
        """A call has come; `now` in seconds of a monotonic clock."""
        self._came.append(now)

    def rest(self, now: float) -> float:
        """Seconds for which no more should be read."""
        if len(self._came) < self._burst:
            return 0.0
        return max(0.0, self._came[0] + HELD - now)
