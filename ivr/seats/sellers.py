"""Who is there to sell something to a caller now, and what it would cost those who wait."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from cross_sell.call_facts import ServiceSide
from ivr.seats.choose import fits
from policy_db.seat_facts import Queue, QueueCall, Seat, Snapshot


def service_side(snapshot: Snapshot, language: str, queues: Collection[str], now: datetime) -> ServiceSide:
    """The ready seats by licence that speak `language` and serve one of `queues`; who waits, and how long already.

    A licence counts where a queue wants it: only then is it sure to be one of its holders who answers. Under the empty
    licence are all seats that serve one of the queues.
    """
    selling = [snapshot.queues[name] for name in queues if name in snapshot.queues]
    caller = QueueCall("", "", "", now, now, language=language)
    ready = [seat for seat in snapshot.seats if seat.state == "ready"]
    waiting = [call for call in snapshot.calls if call.state == "waiting"]
    longest: dict[str, float] = {}
    for call in waiting:
        waited = max(0.0, (now - call.queued_at).total_seconds())
        longest[call.queue] = max(waited, longest.get(call.queue, 0.0))
    return ServiceSide(_free(caller, selling, ready), Counter(call.queue for call in waiting), longest)


def _free(caller: QueueCall, selling: Iterable[Queue], ready: Collection[Seat]) -> dict[str, int]:
    """How many seats may answer, by the licences that a queue wants of them."""
    holders: dict[str, set[str]] = defaultdict(set)
    for queue in selling:
        fitting = {seat.id for seat in ready if fits(caller, queue, seat)}
        for licence in {"", *queue.licences}:
            holders[licence] |= fitting
    return {licence: len(seats) for licence, seats in holders.items() if seats}
