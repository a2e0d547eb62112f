"""Queues and seats: who waits for a person, who is there to answer, and how the two come together.

`Desk` is what others use. A worker, for the calls it carries:

    joined = await desk.join(call_id, queue="service", worker="w1", caller=Caller("+8613…", language="zh-CN"))
    for offer in await desk.next_offers("w1"):      # after every change, and every second or so
        …ring offer.seat.address for offer.queue.ring_seconds…
        await desk.answered(offer.call_id, offer.seat.id)    # or .missed(…), .refused(…)
    await desk.ended(call_id)                        # or .leave, .abandon, .keep_place (to be called back)
    await desk.heartbeat("w1")                       # every few seconds: which calls are still this worker's
    await desk.sweep()                               # every second or so, by anybody

A seat's console: `sign_in`, `seat_heartbeat`, `pause`, `resume`, `do_not_disturb`, `away`, `sign_out`; between seats
`consult`, `complete`, `conference`, `drop`, `hand_over`. Every request answers a `Result`: true when it is done,
else with the word why not and the call and seats as they stand; nothing here waits for a lock.

`SeatTransfers` does all of this for the calls of one worker: it rings seats, whispers who calls and why, joins the two,
and gives everything back whoever hangs up when (`handling` is one caller's way).

`states` has the one table of allowed moves, `choose` the rules of who comes next and to which seat, `waiting` what a
caller is told, `plans*` every change as a pure function, `memory` the store that simulators use instead of the
database.
"""

from __future__ import annotations

from ivr.seats.case import Manners
from ivr.seats.changes import Changed, Listener, Result
from ivr.seats.choose import Rules
from ivr.seats.desk import Caller, Desk, Joined, NotJoined, Offer
from ivr.seats.hours import open_by
from ivr.seats.memory import MemorySeatStore
from ivr.seats.sound import PortSound, Sound
from ivr.seats.store import SeatStore
from ivr.seats.transfer import SeatTransfers
from ivr.seats.waiting import Estimate, Telling
from ivr.seats.whisper import Announcer, Whisperer

__all__ = [
    "Announcer",
    "Caller",
    "Changed",
    "Desk",
    "Estimate",
    "Joined",
    "Listener",
    "Manners",
    "MemorySeatStore",
    "NotJoined",
    "Offer",
    "PortSound",
    "Result",
    "Rules",
    "SeatStore",
    "SeatTransfers",
    "Sound",
    "Telling",
    "Whisperer",
    "open_by",
]
