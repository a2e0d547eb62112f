"""What brings a worker's callers to people: seats, rooms, and salespeople outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ivr.app.place import Place
from ivr.call.parts import CallParts
from ivr.call.talks import TalkTaping
from ivr.clock import SystemClock
from ivr.seats import Announcer, Manners, PortSound, SeatTransfers, Whisperer, open_by
from ivr.seats.outside import OutsideCalls
from ivr.seats.rooms import Meetings, SeatsAndRooms
from ivr.settings import Settings

if TYPE_CHECKING:
    from ivr.lines.sip import SipLine


@asynccontextmanager
async def with_people(
    place: Place, parts: CallParts
) -> AsyncIterator[tuple[CallParts, SeatTransfers | None]]:
    """The parts of calls, where callers can be brought to people; and what brings them to seats, tended meanwhile.

    As they were, and None, on a line that cannot join two legs.
    """
    from ivr.lines.sip import SipLine

    if not isinstance(place.trunk, SipLine):
        yield parts, None
        return
    taping = talk_taping(place, parts, place.trunk)
    transfers = seat_transfers(place, parts, place.trunk, taping)
    rooms = meeting_rooms(place, parts, place.trunk)
    async with taping.kept(), transfers.tended(), rooms.tended() as meetings:
        outside = outside_calls(place, parts, place.trunk)
        yield replace(parts, transfers=SeatsAndRooms(transfers, meetings, outside)), transfers


def seat_transfers(place: Place, parts: CallParts, trunk: SipLine, taping: TalkTaping) -> SeatTransfers:
    """What brings a worker's callers to seats."""
    return SeatTransfers(
        place.database.seats,
        worker=place.name,
        line=place.line,
        sound=PortSound(lambda: trunk.media_clock),
        whisper=Whisperer(place.content.speaker),
        clock=SystemClock(place.settings.zone),
        is_open=open_by(place.company.of_queues(place.content.flows)),
        taping=taping,
        words=Announcer(place.content.speaker),
        note=noting(parts),
        notify=place.bus.publish,
        records=parts.journal,
        manners=manners(place.settings),
    )


def manners(settings: Settings) -> Manners:
    """How callers and seats are treated on the way to each other."""
    return Manners(
        pop_lead=settings.pop_lead_seconds,
        lost=settings.seat_lost,
        numbers=settings.call_back_numbers,
        refer_out=settings.refer_out,
        apology_after=settings.apologise_after,
    )


def noting(parts: CallParts) -> Callable[..., None]:
    """Notes what happens on the way to a person: into the timeline, and for whoever made a suggestion."""

    def note(call_id: str, kind: str, **details: Any) -> None:
        parts.journal.note(call_id, kind, **details)
        parts.advice.noted(call_id, kind, **details)

    return note


def talk_taping(place: Place, parts: CallParts, trunk: SipLine) -> TalkTaping:
    """What records a worker's talks with seats."""
    return TalkTaping(
        place.settings.record_talks,
        vault=parts.vault,
        journal=parts.journal,
        database=place.database,
        worker=place.name,
        speaker=place.content.speaker,
        media_clock=lambda: trunk.media_clock,
    )


def meeting_rooms(place: Place, parts: CallParts, trunk: SipLine) -> Meetings:
    """The meet-me rooms of a worker."""
    return Meetings(
        place.database.rooms,
        worker=place.name,
        sound=PortSound(lambda: trunk.media_clock),
        words=Announcer(place.content.speaker),
        clock=SystemClock(place.settings.zone),
        note=parts.journal.note,
    )


def outside_calls(place: Place, parts: CallParts, trunk: SipLine) -> OutsideCalls:
    """What puts callers through to salespeople, and salespeople to who left them a message."""
    return OutsideCalls(
        place.database.salespeople,
        place.database.messages,
        line=place.line,
        sound=PortSound(lambda: trunk.media_clock),
        words=Announcer(place.content.speaker),
        numbers=place.settings.call_back_numbers,
        shows=place.settings.put_through_shows,
        note=parts.journal.note,
    )
