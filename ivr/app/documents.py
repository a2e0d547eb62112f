"""Documents: by which channels they go out, and the process that sends them."""

from __future__ import annotations

from datetime import timedelta

from ivr.app.content import load_content
from ivr.app.processes import until_stopped
from ivr.app.storage import open_storage
from ivr.services import SendingRules
from ivr.settings import Settings


def sending_rules(settings: Settings) -> SendingRules:
    """By which channels documents go out: those that there is a provider, a mail server or a post room for."""
    linked = bool(settings.public_url)
    channels = {
        "sms": linked and bool(settings.twilio_account_sid),
        "email": linked and bool(settings.smtp_host),
        "post": settings.post_letters,
    }
    there = frozenset(name for name, is_there in channels.items() if is_there)
    return SendingRules(there, timedelta(hours=settings.link_hours))


async def run_sender(settings: Settings) -> None:
    """The process that sends what waits in the outbox, from its start to SIGTERM."""
    from ivr.outreach.documents.sending import open_sender

    stop = until_stopped()
    content = load_content(settings)
    async with (
        open_storage(settings) as (database, bus),
        open_sender(settings, database, content.flows, content.speaker.catalogue, bus) as sender,
    ):
        await sender.run(stop)
