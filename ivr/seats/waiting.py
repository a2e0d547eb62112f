"""What a waiting caller is told: the place in the line, and a wait that is rather too long than too short.

The wait is the number of turns before the caller's, times how long a call has taken lately, shared by the seats
that serve. It is told as a range in minutes, the first time at once and later only when it has become better, and
never oftener than every 45 seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivr.seats.choose import fits, line
from policy_db.seat_facts import QueueCall, Snapshot

#: Minutes that a range begins and ends with.
STEPS: Final = (0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 45, 60)
LEAST_GAP: Final = timedelta(seconds=45)
_PADDING: Final = 1.5
_FADING: Final = 0.9
_SERVING: Final = frozenset({"ready", "ringing", "talking", "wrap_up"})


@dataclass(frozen=True, slots=True)
class Estimate:
    """The caller is `position`-th of the queue (from 1) and waits `seconds`, None if no seat serves.

    To be told as from `least` to `most` minutes; `most` None means an hour or more.
    """

    position: int
    seconds: float | None
    least: int
    most: int | None


def handling_seconds(talks: Sequence[float], wrap_up: float, otherwise: float = 240.0) -> float:
    """How long a call occupies a seat: recent talks, the latest first and weighing most, and the wrap-up."""
    if not talks:
        return otherwise + wrap_up
    weights = [_FADING**index for index in range(len(talks))]
    return sum(one * weight for one, weight in zip(talks, weights, strict=True)) / sum(weights) + wrap_up


def estimate(snapshot: Snapshot, call: QueueCall, handling: float, now: datetime) -> Estimate:
    """How long a waiting call will wait, when calls take `handling` seconds each."""
    queue = snapshot.queues[call.queue]
    ahead = [other for other in line(snapshot, now) if other.queue == call.queue]
    position = next((place for place, other in enumerate(ahead, 1) if other.id == call.id), len(ahead) + 1)
    serving = [seat for seat in snapshot.seats if seat.state in _SERVING and fits(call, queue, seat)]
    if not serving:
        return Estimate(position, None, STEPS[-1], None)
    ready = sum(seat.state == "ready" for seat in serving)
    seconds = max(0, position - ready) * handling / len(serving)
    return Estimate(position, seconds, *minutes(seconds))


def minutes(seconds: float) -> tuple[int, int | None]:
    """A range of minutes for an expected wait, half as much again at its upper end."""
    least = max(step for step in STEPS if step * 60 <= seconds or step == 0)
    most = next((step for step in STEPS if step and step * 60 >= seconds * _PADDING), None)
    return least, most


@dataclass(slots=True)
class Telling:
    """What one caller was told last, and whether there is something to tell them now."""

    told: Estimate | None = None
    told_at: datetime | None = None

    def due(self, now_is: Estimate, now: datetime) -> bool:
        """Whether to tell this estimate now; if so it is taken as told."""
        too_soon = self.told_at is not None and now - self.told_at < LEAST_GAP
        if self.told is not None and (too_soon or not _better(now_is, self.told)):
            return False
        self.told, self.told_at = now_is, now
        return True


def _better(new: Estimate, old: Estimate) -> bool:
    """Nothing has become worse, and something better."""
    figures = (new.position, _end(new)), (old.position, _end(old))
    return figures[0] != figures[1] and all(a <= b for a, b in zip(*figures, strict=True))


def _end(told: Estimate) -> float:
    return float("inf") if told.most is None else float(told.most)
