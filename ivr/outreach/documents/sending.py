"""The sender and its parts from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

from ivr.bus import Bus
from ivr.flow import FlowStore
from ivr.outreach.documents.mail import MailServer, from_address
from ivr.outreach.documents.making import DocumentMaker
from ivr.outreach.documents.messages import Composer
from ivr.outreach.documents.sender import Sender
from ivr.outreach.documents.words import Company
from ivr.outreach.sms import SmsSender
from ivr.settings import Settings
from ivr.speech import PromptCatalogue
from policy_db import PolicyDatabase


def company_of(flows: FlowStore) -> Company:
    """The company as `hotline.yaml` names it."""
    known = flows.current.hotline.company
    name = known.get("name", "")
    return Company(name, known.get("name_en", name), known.get("hotline_number", ""))


def maker_of(
    settings: Settings, database: PolicyDatabase, flows: FlowStore, catalogue: PromptCatalogue
) -> DocumentMaker:
    """What makes documents."""
    return DocumentMaker(database, company_of(flows), catalogue, ZoneInfo(settings.zone))


def composer_of(settings: Settings, maker: DocumentMaker) -> Composer:
    """What writes messages."""
    return Composer(maker, settings.public_url, timedelta(hours=settings.link_hours))


def mail_server_of(settings: Settings, company: Company) -> MailServer | None:
    """The mail server, if there is one."""
    if not settings.smtp_host:
        return None
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
        from_address(settings.mail_from),
        company.name,
        settings.smtp_ca,
    )


@asynccontextmanager
async def open_sender(
    settings: Settings, database: PolicyDatabase, flows: FlowStore, catalogue: PromptCatalogue, bus: Bus
) -> AsyncIterator[Sender]:
    """The sender, with what it sends by, closed afterwards."""
    maker = maker_of(settings, database, flows, catalogue)
    mail = mail_server_of(settings, maker.company)
    async with _short_messages(settings, database) as sms:
        yield Sender(database, composer_of(settings, maker), mail, sms, bus.publish)


@asynccontextmanager
async def _short_messages(settings: Settings, database: PolicyDatabase) -> AsyncIterator[SmsSender | None]:
    """Whoever sends short messages, if there is an account anywhere."""
    from ivr.lines.twilio.access import access_of

    access = access_of(settings)
    if access is None:
        yield None
        return
    from ivr.lines.twilio.rest import TwilioRest
    from ivr.outreach.twilio import TwilioSms

    rest = TwilioRest(access)
    try:
        yield TwilioSms(rest)
    finally:
        await rest.close()
