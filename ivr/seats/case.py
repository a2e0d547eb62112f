"""What every caller's way to a person needs, and what the parts of one caller's way share."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

from ivr.clock import Clock
from ivr.flow.instructions import Transfer
from ivr.lines.base import Leg, LegInfo
from ivr.seats.desk import Caller, Desk, Offer
from ivr.seats.line import Turned
from ivr.seats.news import Mailbox
from ivr.seats.ring import Ring, address_of, lead_of, shown
from ivr.seats.sound import Sound
from ivr.seats.taping import NoTaping, Tape, Taping
from ivr.speech import Rendered
from policy_db.seat_facts import Seat

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: How a transfer ends; see `docs/flows.md`.
Outcome = Literal["answered", "busy", "timeout", "closed", "left", "callback", "cancelled", "returned"]
#: What a flow is told when no queue takes its caller.
OUTCOMES: Final[Mapping[Turned, Outcome]] = {
    "closed": "closed",
    "nobody": "closed",
    "unknown": "closed",
    "full": "busy",
    "busy": "busy",
}
#: Seconds that an outside number may ring.
OUTSIDE_SECONDS: Final = 40.0


class Dialler(Protocol):
    """Whoever can call a telephone: a `Line`, or several behind one door."""

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:  # noqa: ASYNC109  # as `Line` has it
        """See `ivr.lines.base.Line`."""


class Words(Protocol):
    """Says the hotline's own prompts to callers and seats."""

    def __call__(self, language: str, *prompts: tuple[str, Mapping[str, Any]]) -> Rendered:
        """The prompts one after the other, each with its values; in the first language if this one is not spoken."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How callers and seats are treated; times in seconds.

    `pop_lead` is how long a ring waits at most for the seat's screen. A caller is told the wait `telling_after`,
    and the line is looked at every `look_every`; choices by key are offered after `choices_after`, then every
    `choices_every`; a key or a number is waited for `key_patience`. `lost` says where callers go whose seat breaks off.
    `numbers` is what a number must look like to be called back. With `refer_out` a caller who goes to an outside number
    is handed to it by their own side (REFER) where that will. Who has waited `apology_after` hears once that we are
    sorry; 0: nobody does.
    """

    pop_lead: float = 2.0
    telling_after: float = 1.5
    look_every: float = 5.0
    choices_after: float = 20.0
    choices_every: float = 45.0
    key_patience: float = 8.0
    lost: Literal["next_seat", "flow"] = "next_seat"
    numbers: str = r"1[3-9]\d{9}|0[1-9]\d{8,10}|[2-9]\d{6,7}"
    country: str = "+86"
    refer_out: bool = False
    apology_after: float = 20.0


def _say_nothing(language: str, *prompts: tuple[str, Mapping[str, Any]]) -> Rendered:
    return Rendered((), "")


def _note_nothing(call_id: str, kind: str, **details: Any) -> None:
    return


def _tell_nobody(topic: str, id: str) -> None:  # noqa: A002
    return


class Records(Protocol):
    """Keeps records of calls: `ivr.call.journal.CallJournal`, for the calls that are made from here."""

    def begin(
        self, call_id: str, info: LegInfo, *, flow: str, version: str, now: Callable[[], float]
    ) -> None:
        """A call is placed; `now` gives the seconds of its timeline."""

    def know(self, call_id: str, **facts: str) -> None:
        """What is known of it: `language`, `policy`."""

    async def finish(self, call_id: str, outcome: str) -> None:
        """It is over."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every caller's way needs, the same for a whole worker.

    `whisper` makes what a seat hears on picking up, `words` what callers hear while they wait. `note` adds to a
    call's timeline; `notify` says on the bus that a `seat`, `call` or `queue` changed; `records` keeps the records
    of calls that are placed from here (call-backs). None of them may wait.
    """

    desk: Desk
    worker: str
    line: Dialler
    sound: Sound
    whisper: Callable[[Offer, Transfer], Rendered]
    words: Words = _say_nothing
    taping: Taping = field(default_factory=NoTaping)
    note: Callable[..., None] = _note_nothing
    notify: Callable[[str, str], None] = _tell_nobody
    records: Records | None = None
    manners: Manners = field(default_factory=Manners)


class Case:
    """One caller who wants a person: who they are, what they asked for, and their tape while it runs."""

    def __init__(
        self,
        tools: Tools,
        call: str,
        leg: Leg,
        request: Transfer,
        caller: Caller,
        *,
        record: str = "",
        in_flow: bool = True,
    ) -> None:
        self.tools = tools
        self.call = call
        self.leg = leg
        self.request = request
        self.caller = caller
        self.mailbox = Mailbox()
        #: The record that the timeline belongs to; a call-back has one of its own.
        self.record = record or call
        #: Whether a flow goes on with the caller afterwards, and can take a message.
        self.in_flow = in_flow
        self._tape: Tape | None = None

    @property
    def clock(self) -> Clock:
        """The clock that the caller's call lives by."""
        return self.leg.clock

    @property
    def desk(self) -> Desk:
        """The desk."""
        return self.tools.desk

    @property
    def language(self) -> str:
        """The caller's language; empty where it is not known."""
        return self.caller.language

    async def asked(self, work: Awaitable[_T]) -> _T:
        """What the desk answers; virtual time stands still meanwhile."""
        with self.clock.hold():
            return await work

    def note(self, kind: str, **details: Any) -> None:
        """Add to the call's timeline."""
        try:
            self.tools.note(self.record, kind, **details)
        except Exception:
            _log.exception("%s was not noted", kind)

    def nudge(self, *seats: str) -> None:
        """Say that the call, and these seats, have changed."""
        try:
            self.tools.notify("call", self.record)
            for seat in seats:
                self.tools.notify("seat", seat)
        except Exception:
            _log.exception("nobody was told of a change")

    def ring_offer(self, offer: Offer) -> Ring:
        """Ring the seat of an offer, a moment after its screen has shown who calls."""
        self.note("seat_ringing", seat=offer.seat.id, queue=offer.queue.name)
        self.nudge(offer.seat.id)
        return self.ring_seat(offer.seat, offer.queue.ring_seconds, offer=offer)

    def ring_seat(self, seat: Seat, seconds: float, *, offer: Offer | None = None, what: str = "") -> Ring:
        """Ring a seat's telephone."""
        return Ring(
            self.tools,
            self.mailbox,
            self.clock,
            address_of(seat),
            seconds=seconds,
            shown=shown(self.caller.number),
            lead=lead_of(seat, self.tools.manners.pop_lead),
            seat=seat.id,
            offer=offer,
            what=what,
        )

    def ring_outside(self, to: str, what: str) -> Ring:
        """Ring a number or address that is no seat."""
        return Ring(
            self.tools, self.mailbox, self.clock, to, seconds=OUTSIDE_SECONDS, shown=shown(self.caller.number),
            what=what,
        )  # fmt: skip

    # The tape

    def announcement(self) -> Rendered | None:
        """What the caller must hear before a talk is recorded; None once the call has a tape."""
        return None if self._tape is not None else self.tools.taping.announcement(self.language)

    @property
    def tape(self) -> Tape:
        """The tape of this caller's talk, begun when it is first asked for."""
        if self._tape is None:
            queue = self.request.queue
            self._tape = self.tools.taping.begin(self.record, self.leg, queue=queue, language=self.language)
        return self._tape

    def end_tape(self) -> None:
        """The talk is over. What is talked after this has a tape of its own."""
        if self._tape is not None:
            self._tape.end()
            self._tape = None


def names(seats: Iterable[Seat]) -> tuple[str, ...]:
    """The ids of seats."""
    return tuple(seat.id for seat in seats)
