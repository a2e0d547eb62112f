"""Documents by fax: to the caller's machine in their call, and to numbers."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from ivr.app.outreach import carriers_of
from ivr.app.place import Place
from ivr.call.parts import CallParts
from ivr.clock import SystemClock
from ivr.services import FaxRules
from ivr.settings import Settings, listed
from ivr.worker.worker import Worker


def fax_rules(settings: Settings) -> FaxRules:
    """Whether documents go out by fax, and to which numbers."""
    return FaxRules(settings.fax, listed(settings.fax_numbers))


def fax_paper(place: Place) -> Callable[[str], Awaitable[bytes]]:
    """What gives a document as a PDF; what makes them is imported with the first one."""

    async def paper(document: str) -> bytes:
        from ivr.outreach.documents.sending import maker_of

        content = place.content
        maker = maker_of(place.settings, place.database, content.flows, content.speaker.catalogue)
        return await maker.pdf(document)

    return paper


def with_faxes(place: Place, parts: CallParts) -> CallParts:
    """The parts of calls, where callers can be sent a fax in their call."""
    settings = place.settings
    if not fax_rules(settings).possible:
        return parts
    from ivr.call.faxing import FaxDesk, WithFaxes
    from ivr.lines.fax import Station

    desk = FaxDesk(
        place.database.faxes,
        paper=fax_paper(place),
        folder=settings.run_dir / "faxes",
        holder=f"{place.name}/{secrets.token_hex(6)}",
        station=Station(settings.fax_station),
        note=parts.journal.note,
    )
    return replace(parts, transfers=WithFaxes(parts.transfers, desk))


@asynccontextmanager
async def faxing_to_numbers(place: Place, worker: Worker) -> AsyncIterator[None]:
    """Sends faxes that are due to numbers, meanwhile; nothing where no fax can be sent, or the line is not ours."""
    settings = place.settings
    carrier = carriers_of(settings, place.trunk).get("sip")
    if carrier is None or not fax_rules(settings).possible:
        yield
        return
    from ivr.lines.fax import Station
    from ivr.outreach.faxing import FaxSender

    sender = FaxSender(
        place.database.faxes,
        carrier,
        paper=fax_paper(place),
        folder=settings.run_dir / "faxes",
        holder=f"{place.name}/{secrets.token_hex(6)}",
        station=Station(settings.fax_station),
        room=lambda: worker.has_room,
        stopping=lambda: worker.stopping,
        clock=SystemClock(settings.zone).now,
    )
    async with sender.kept():
        yield
