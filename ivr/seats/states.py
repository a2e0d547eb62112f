"""The one table of which state may follow which, for seats and for calls in line; and the two ways to change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from policy_db.seat_facts import OPEN_STATES, QueueCall, QueueCallState, Seat, SeatState

#: States in which a seat has a call.
ENGAGED: Final[frozenset[SeatState]] = frozenset({"ringing", "talking"})
#: States that a person asks for, or a person's absence brings.
ASKED_FOR: Final[frozenset[SeatState]] = frozenset({"ready", "paused", "do_not_disturb", "away", "offline"})

SEAT_MOVES: Final[Mapping[SeatState, frozenset[SeatState]]] = {
    "offline": frozenset({"ready", "paused", "do_not_disturb", "away"}),
    "ready": frozenset({"ringing", "paused", "do_not_disturb", "away", "offline"}),
    "ringing": frozenset({"talking", *ASKED_FOR}),
    "talking": frozenset({"wrap_up", *ASKED_FOR}),
    "wrap_up": ASKED_FOR,
    "paused": ASKED_FOR | {"ringing"},  # of supervisors, who listen while no caller is to reach them
    "do_not_disturb": ASKED_FOR | {"ringing"},
    "away": ASKED_FOR,
}
CALL_MOVES: Final[Mapping[QueueCallState, frozenset[QueueCallState]]] = {
    "waiting": frozenset({"offered", "callback", "left", "abandoned", "voicemail", "overflowed", "ended"}),
    "offered": frozenset({"connected", "waiting", "callback", "left", "abandoned", "voicemail", "ended"}),
    "connected": frozenset({"offered", "waiting", "callback", "ended"}),
    "callback": frozenset({"offered", "left", "ended"}),
    "left": frozenset(),
    "abandoned": frozenset(),
    "voicemail": frozenset(),
    "overflowed": frozenset(),
    "ended": frozenset(),
}


class ForbiddenMoveError(Exception):
    """A change that the tables above do not have: a mistake in this program, never of a person."""


def seat_to(seat: Seat, state: SeatState, at: datetime, *, reason: str = "", **changes: Any) -> Seat:
    """The seat in another state (or the same one, for another reason). Raises ForbiddenMoveError.

    What belongs to the state that it leaves goes with it: the call, or the end of the wrap-up.
    """
    if state != seat.state and state not in SEAT_MOVES[seat.state]:
        raise ForbiddenMoveError(f"a seat cannot go from {seat.state} to {state}")
    if state not in ENGAGED:
        changes |= {"call_id": None, "part": "", "worker": ""}
    if state != "wrap_up":
        changes["wrap_up_until"] = None
    if state == "offline":
        changes |= {"lease_until": None, "missed": 0, "afterwards": None, "afterwards_reason": ""}
    since = seat.since if (state, reason) == (seat.state, seat.reason) else at
    return replace(seat, state=state, reason=reason, since=since, version=seat.version + 1, **changes)


def call_to(call: QueueCall, state: QueueCallState, at: datetime, **changes: Any) -> QueueCall:
    """The call in another state (or touched, in the same one). Raises ForbiddenMoveError."""
    if state != call.state and state not in CALL_MOVES[call.state]:
        raise ForbiddenMoveError(f"a call in line cannot go from {call.state} to {state}")
    if state not in OPEN_STATES:
        changes["ended_at"] = at
        changes["lease_until"] = None
    return replace(call, state=state, version=call.version + 1, **changes)
