"""Documents as pages and the API see them: which are wanted, one with how it fares, sending one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from ivr.console.access import Visitor
from ivr.console.audit import did
from ivr.console.parts import ConsoleParts
from policy_db.documents import outbox_key
from policy_db.errors import ConflictError, NotFoundError
from policy_db.facts import Document
from policy_db.faxes import Fax
from policy_db.outreach_facts import OutboxMessage

STATES: Final = ("queued", "sent", "failed")
CHANNELS: Final = ("sms", "email", "post", "fax")
_OVER: Final = ("sent", "failed")


@dataclass(frozen=True, slots=True)
class Sent:
    """A document with the message or fax that carries it."""

    document: Document
    message: OutboxMessage | None
    fax: Fax | None

    @property
    def tries(self) -> int | None:
        """How often it was tried; None where nothing carries it."""
        carrier = self.message or self.fax
        return None if carrier is None else carrier.tries

    @property
    def may_go_again(self) -> bool:
        """Whether it can be sent once more: not while it is on its way, nor a printed letter, nor a fax of a call."""
        if self.fax is not None:
            return bool(self.fax.number) and self.fax.state in _OVER
        return self.message is not None and self.message.state in _OVER and self.document.batch is None


async def page_of(
    parts: ConsoleParts, wanted: Mapping[str, str], *, limit: int, offset: int
) -> tuple[Sent, ...]:
    """Documents, the newest first: by `state`, `channel`, `policy`, `claim`, `customer`, or `q` for any of these three.

    A state or channel that there is not stands for all.
    """
    known = {"state": STATES, "channel": CHANNELS}
    filters = {
        name: wanted.get(name, "").strip()[:20]
        for name in ("state", "channel", "policy", "claim", "customer")
    }
    for name, words in known.items():
        filters[name] = filters[name] if filters[name] in words else ""
    about = wanted.get("q", "").strip()[:20]
    rows = await parts.database.documents.listed(**filters, about=about, limit=limit, offset=offset)
    return await _followed(parts, rows)


async def document_for(parts: ConsoleParts, document: str) -> Sent:
    """The document of that id. Raises NotFoundError."""
    found = await parts.database.documents.find(document)
    if found is None:
        raise NotFoundError("There is no such document.")
    return (await _followed(parts, (found,)))[0]


async def send_again(parts: ConsoleParts, visitor: Visitor, document: str) -> None:
    """Send a document once more. Raises NotFoundError, ConflictError where that cannot be now."""
    found = await document_for(parts, document)
    if not found.may_go_again or not await _begun_again(parts, found):
        raise ConflictError("This document is on its way, or cannot be sent again.")
    until = parts.database.clock() + timedelta(hours=parts.settings.link_hours)
    await parts.database.links.prolong(document, until)
    await parts.database.documents.mark(document, "queued")
    await did(parts, visitor, "sent_again", f"document:{document}", channel=found.document.channel)
    parts.bus.publish("document", document)


async def _begun_again(parts: ConsoleParts, sent: Sent) -> bool:
    if sent.fax is not None:
        return await parts.database.faxes.again(sent.document.id)
    return await parts.database.outbox.again(outbox_key(sent.document.id))


async def _followed(parts: ConsoleParts, rows: Sequence[Document]) -> tuple[Sent, ...]:
    faxes = await parts.database.faxes.of([one.id for one in rows if one.channel == "fax"])
    messages = await parts.database.outbox.by_key(*(outbox_key(one.id) for one in rows))
    return tuple(Sent(one, messages.get(outbox_key(one.id)), faxes.get(one.id)) for one in rows)
