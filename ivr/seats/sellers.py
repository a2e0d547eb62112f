"""Who is there to sell something to a caller now, and what it would cost those who wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from cross_sell.call_facts import ServiceSide
from ivr.seats.choose import fits
from policy_db.seat_facts import QueueCall, Seat, Snapshot


def service_side(snapshot: Snapshot, language: str, queues: Collection[str], now: datetime) -> ServiceSide:
    """The ready seats by licence that speak `language` and serve one of `queues`; who waits, and how long already.

    A seat without a licence counts for what needs none.
    """
    selling = [snapshot.queues[name] for name in queues if name in snapshot.queues]
    caller = QueueCall("", "", "", now, now, language=language)
    ready = [
        seat
        for seat in snapshot.seats
        if seat.state == "ready" and any(fits(caller, queue, seat) for queue in selling)
    ]
    waiting = [call for call in snapshot.calls if call.state == "waiting"]
    longest: dict[str, float] = {}
    for call in waiting:
        waited = max(0.0, (now - call.queued_at).total_seconds())
        longest[call.queue] = max(waited, longest.get(call.queue, 0.0))
    return ServiceSide(_by_licence(ready), Counter(call.queue for call in waiting), longest)


def _by_licence(seats: Collection[Seat]) -> Counter[str]:
    return Counter(licence for seat in seats for licence in {"", *seat.licences})
