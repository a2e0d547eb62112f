"""What brings a worker's callers to people: seats, rooms, and salespeople outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ivr.app.content import Content
from ivr.call.company_hours import CompanyHours
from ivr.call.parts import CallParts
from ivr.call.talks import TalkTaping
from ivr.clock import SystemClock
from ivr.lines.base import Line
from ivr.lines.several import SeveralLines
from ivr.seats import Announcer, Manners, PortSound, SeatTransfers, Whisperer, open_by
from ivr.seats.outside import OutsideCalls
from ivr.seats.rooms import Meetings, SeatsAndRooms
from ivr.settings import Settings
from policy_db import PolicyDatabase

if TYPE_CHECKING:
    from ivr.lines.sip import SipLine


@asynccontextmanager
async def bringing_people(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    line: SeveralLines,
    worker: str,
    parts: CallParts,
    notify: Callable[[str, str], None],
    company: CompanyHours,
) -> AsyncIterator[SeatTransfers | None]:
    """What brings this worker's callers to seats, tended meanwhile; no seats on a line that cannot join two legs."""
    from ivr.lines.sip import SipLine

    trunk = line.first
    if not isinstance(trunk, SipLine):
        yield None
        return
    taping = talk_taping(settings, content, database, parts, trunk, worker)
    transfers = SeatTransfers(
        database.seats,
        worker=worker,
        line=line,
        sound=PortSound(lambda: trunk.media_clock),
        whisper=Whisperer(content.speaker),
        clock=SystemClock(settings.zone),
        is_open=open_by(company.of_queues(content.flows)),
        taping=taping,
        words=Announcer(content.speaker),
        note=noting(parts),
        notify=notify,
        records=parts.journal,
        manners=Manners(
            pop_lead=settings.pop_lead_seconds,
            lost=settings.seat_lost,
            numbers=settings.call_back_numbers,
            refer_out=settings.refer_out,
            apology_after=settings.apologise_after,
        ),
    )
    async with taping.kept(), transfers.tended():
        yield transfers


@asynccontextmanager
async def with_people(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    line: SeveralLines,
    worker: str,
    parts: CallParts,
    notify: Callable[[str, str], None],
    company: CompanyHours,
) -> AsyncIterator[tuple[CallParts, SeatTransfers | None]]:
    """The parts of calls, where callers can be brought to people; and what brings them to seats, tended meanwhile."""
    async with bringing_people(
        settings, content, database, line, worker, parts, notify, company
    ) as transfers:
        if transfers is None:
            yield parts, None
            return
        rooms = meeting_rooms(settings, content, database, line.first, parts, worker)
        async with rooms.tended() as meetings:
            outside = outside_calls(settings, content, database, line, line.first, parts)
            yield replace(parts, transfers=SeatsAndRooms(transfers, meetings, outside)), transfers


def noting(parts: CallParts) -> Callable[..., None]:
    """Notes what happens on the way to a person: into the timeline, and for whoever made a suggestion."""

    def note(call_id: str, kind: str, **details: Any) -> None:
        parts.journal.note(call_id, kind, **details)
        parts.advice.noted(call_id, kind, **details)

    return note


def talk_taping(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    parts: CallParts,
    trunk: SipLine,
    worker: str,
) -> TalkTaping:
    """What records a worker's talks with seats."""
    return TalkTaping(
        settings.record_talks,
        vault=parts.vault,
        journal=parts.journal,
        database=database,
        worker=worker,
        speaker=content.speaker,
        media_clock=lambda: trunk.media_clock,
    )


def meeting_rooms(
    settings: Settings, content: Content, database: PolicyDatabase, trunk: Line, parts: CallParts, worker: str
) -> Meetings:
    """The meet-me rooms of a worker whose line can join legs."""
    return Meetings(
        database.rooms,
        worker=worker,
        sound=PortSound(lambda: cast("SipLine", trunk).media_clock),
        words=Announcer(content.speaker),
        clock=SystemClock(settings.zone),
        note=parts.journal.note,
    )


def outside_calls(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    line: SeveralLines,
    trunk: Line,
    parts: CallParts,
) -> OutsideCalls:
    """What puts callers through to salespeople, and salespeople to who left them a message."""
    return OutsideCalls(
        database.salespeople,
        database.messages,
        line=line,
        sound=PortSound(lambda: cast("SipLine", trunk).media_clock),
        words=Announcer(content.speaker),
        numbers=settings.call_back_numbers,
        shows=settings.put_through_shows,
        note=parts.journal.note,
    )
