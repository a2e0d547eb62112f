"""What a message says, and where the link in it leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ivr.outreach.documents.contents import PERSONAL, DocumentError
from ivr.outreach.documents.making import DocumentMaker
from ivr.outreach.documents.texts import has
from policy_db.link_facts import Link, NewLink
from policy_db.outreach_facts import OutboxMessage

#: Kinds whose document goes into a mail as it is: they are about nobody.
_ATTACHED: Final = ("rate_table", "claim_guide")


@dataclass(frozen=True, slots=True)
class Composed:
    """A message as it is sent; `document` is the one it brings, if it brings one."""

    subject: str
    text: str
    document: str = ""
    files: Sequence[tuple[str, bytes]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes messages. `public_url` is where policyholders reach the link's page, `link_for` how long it is good."""

    maker: DocumentMaker
    public_url: str
    link_for: timedelta

    async def compose(self, message: OutboxMessage) -> Composed:
        """What is to be sent. Raises DocumentError where it cannot be; its text is a word for the console."""
        if message.kind == "document":
            return await self._document(message)
        if message.kind == "pay_link":
            return await self._pay_link(message)
        if message.kind == "notice" or ("text" in message.facts and not has(f"sms.{message.kind}")):
            return self._notice(message)
        raise DocumentError("unknown_kind")

    async def _document(self, message: OutboxMessage) -> Composed:
        database = self.maker.database
        document = await database.documents.find(str(message.facts.get("document", "")))
        if document is None:
            raise DocumentError("document_gone")
        words, title = self.maker.words(message.language), self.maker.title(document)
        company = self.maker.company.called(message.language)
        subject = words.t("mail.subject", company=company, title=title)
        if message.channel == "email" and document.kind in _ATTACHED:
            text = words.t("mail.attached", title=title, company=company, hotline=self.maker.company.hotline)
            pdf = await self._pdf(document.id)
            return Composed(subject, text, document.id, ((f"{document.kind}.pdf", pdf),))
        link = await database.links.by_id(str(message.facts.get("link", "")))
        if link is None:
            raise DocumentError("document_gone")
        await self._pdf(document.id)
        kind = "claim" if link.kind == "claim" else "document" if document.kind in PERSONAL else "open"
        if message.channel == "email" and kind == "open":
            kind = "document"
        text = self._linked(message, f"{'mail' if message.channel == 'email' else 'sms'}.{kind}", link, title)
        return Composed(subject, text, document.id)

    async def _pdf(self, document: str) -> bytes:
        try:
            return await self.maker.pdf(document)
        except DocumentError:
            raise DocumentError("cannot_be_made") from None

    async def _pay_link(self, message: OutboxMessage) -> Composed:
        """How to pay, asked of nobody but the policyholder: the link opens with their birthday or ID digits."""
        words = self.maker.words(message.language)
        link = await self.maker.database.links.add(
            NewLink(
                id=f"pay-{message.id}",
                kind="pay",
                asks="holder",
                expires_at=message.created_at + self.link_for,
                language=message.language,
                policy=message.policy,
                customer=message.customer,
                call=message.call_id,
                facts=message.facts,
            )
        )
        title = words.t("pay.title")
        key = "mail.pay_link" if message.channel == "email" else "sms.pay_link"
        company = self.maker.company.called(message.language)
        return Composed(
            words.t("mail.subject", company=company, title=title), self._linked(message, key, link, title)
        )

    def _notice(self, message: OutboxMessage) -> Composed:
        """A message whose words were made by whoever asked for it."""
        company = self.maker.company.called(message.language)
        title = str(message.facts.get("title") or company)
        text = str(message.facts.get("text", "")).strip()
        if not text:
            raise DocumentError("unknown_kind")
        return Composed(title, text)

    def _linked(self, message: OutboxMessage, key: str, link: Link, title: str) -> str:
        if not self.public_url:
            raise DocumentError("no_public_url")
        words = self.maker.words(message.language)
        return words.t(
            key,
            company=self.maker.company.called(message.language),
            title=title,
            url=self.address(link),
            until=self._until(message.language, link.expires_at),
            claim=link.claim,
            hotline=self.maker.company.hotline,
        )

    def address(self, link: Link) -> str:
        """Where a link leads."""
        return f"{self.public_url}/d/{self.maker.database.links.token(link.id)}"

    def _until(self, language: str, at: datetime) -> str:
        return self.maker.words(language).moment(at)
