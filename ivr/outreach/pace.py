"""How many calls may be begun now. Pure, on a clock that only goes forward (seconds)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ivr.outreach.rules import Pace

#: Answered calls that must be known before more than one call for each free seat is tried.
_ENOUGH = 50
#: Never more calls for a free seat than this, whatever the figures say.
_MOST_PER_SEAT = 3.0
#: Standard errors by which the abandoned share is taken to be worse than it looks.
_CAUTION = 1.64


class TokenBucket:
    """Holds a rate on average, whatever the moments at which it is asked; saves up at most `burst` calls."""

    def __init__(self, per_second: float, at: float) -> None:
        self.per_second = per_second
        self.burst = max(1.0, 2 * per_second)
        self._tokens = 1.0
        self._at = at

    def available(self, at: float) -> int:
        """How many calls may be begun at `at`."""
        self._tokens = min(self.burst, self._tokens + max(0.0, at - self._at) * self.per_second)
        self._at = max(self._at, at)
        return math.floor(self._tokens + 1e-9)

    def take(self, calls: int) -> None:
        """So many were begun."""
        self._tokens -= calls

    def next_at(self) -> float:
        """When the next call may be begun."""
        return self._at + max(0.0, 1.0 - self._tokens) / self.per_second


@dataclass(frozen=True, slots=True)
class Floor:
    """How it stands: calls of the campaign that ring or wait for a seat, calls altogether, and free seats.

    `answered` and `abandoned` are counts of the last hours, `tried` how many attempts those came of.
    """

    pending: int
    under_way: int
    free_seats: int = 0
    tried: int = 0
    answered: int = 0
    abandoned: int = 0


def room_for(pace: Pace, floor: Floor) -> int:
    """How many calls there is room for, whatever the rate: calls at once, and seats where those are the measure."""
    left = pace.at_once - floor.under_way
    if pace.mode == "fixed":
        return max(0, left)
    return max(0, min(left, math.floor(floor.free_seats * per_seat(pace, floor) + 1e-9) - floor.pending))


def per_seat(pace: Pace, floor: Floor) -> float:
    """Calls for each free seat: one, or as many as are answered by one person while few enough are abandoned."""
    if pace.mode != "predictive" or floor.answered < _ENOUGH:
        return 1.0
    share = floor.abandoned / floor.answered
    worst = share + _CAUTION * math.sqrt(max(share * (1 - share), 0.01) / floor.answered)
    if worst >= pace.abandoned:
        return 1.0
    wanted = floor.tried / floor.answered
    room = 1.0 - worst / pace.abandoned
    return min(_MOST_PER_SEAT, 1.0 + (wanted - 1.0) * room)
