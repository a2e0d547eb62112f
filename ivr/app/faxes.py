"""Documents by fax: to the caller's machine in their call, and to numbers."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from ivr.app.content import Content
from ivr.app.outreach import carriers_of
from ivr.call.parts import CallParts
from ivr.clock import SystemClock
from ivr.lines.base import Line
from ivr.services import FaxRules
from ivr.settings import Settings, listed
from ivr.worker.worker import Worker
from policy_db import PolicyDatabase


def fax_rules(settings: Settings) -> FaxRules:
    """Whether documents go out by fax, and to which numbers."""
    return FaxRules(settings.fax, listed(settings.fax_numbers))


def fax_paper(
    settings: Settings, content: Content, database: PolicyDatabase
) -> Callable[[str], Awaitable[bytes]]:
    """What gives a document as a PDF; what makes them is imported with the first one."""

    async def paper(document: str) -> bytes:
        from ivr.outreach.documents.sending import maker_of

        return await maker_of(settings, database, content.flows, content.speaker.catalogue).pdf(document)

    return paper


def with_faxes(
    settings: Settings, content: Content, database: PolicyDatabase, parts: CallParts, name: str
) -> CallParts:
    """The parts of calls, where callers can be sent a fax in their call."""
    if not fax_rules(settings).possible:
        return parts
    from ivr.call.faxing import FaxDesk, WithFaxes
    from ivr.lines.fax import Station

    desk = FaxDesk(
        database.faxes,
        paper=fax_paper(settings, content, database),
        folder=settings.run_dir / "faxes",
        holder=f"{name}/{secrets.token_hex(6)}",
        station=Station(settings.fax_station),
        note=parts.journal.note,
    )
    return replace(parts, transfers=WithFaxes(parts.transfers, desk))


@asynccontextmanager
async def faxing_to_numbers(
    settings: Settings, content: Content, database: PolicyDatabase, trunk: Line, name: str, worker: Worker
) -> AsyncIterator[None]:
    """Sends faxes that are due to numbers, meanwhile; nothing where no fax can be sent, or the line is not ours."""
    carrier = carriers_of(settings, trunk).get("sip")
    if carrier is None or not fax_rules(settings).possible:
        yield
        return
    from ivr.lines.fax import Station
    from ivr.outreach.faxing import FaxSender

    sender = FaxSender(
        database.faxes,
        carrier,
        paper=fax_paper(settings, content, database),
        folder=settings.run_dir / "faxes",
        holder=f"{name}/{secrets.token_hex(6)}",
        station=Station(settings.fax_station),
        room=lambda: worker.has_room,
        stopping=lambda: worker.stopping,
        clock=SystemClock(settings.zone).now,
    )
    async with sender.kept():
        yield
