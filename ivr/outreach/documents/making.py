"""A document's PDF: made once, kept encrypted, given again as it was."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.outreach.documents import layout
from ivr.outreach.documents.contents import DocumentError, Maker
from ivr.outreach.documents.words import Company, Words
from ivr.speech import PromptCatalogue
from policy_db import PolicyDatabase
from policy_db.facts import Document


@dataclass(frozen=True, slots=True)
class DocumentMaker:
    """Makes documents. Days are those of `zone`."""

    database: PolicyDatabase
    company: Company
    catalogue: PromptCatalogue
    zone: ZoneInfo

    def words(self, language: str) -> Words:
        """How a document speaks in that language."""
        return Words(language or "zh-CN", self.zone, self.catalogue)

    def title(self, document: Document) -> str:
        """What a document is called in its language."""
        return self.words(document.language).t(f"{document.kind}.title")

    async def pdf(self, document: str) -> bytes:
        """The PDF of a document as of the day it was asked for. Raises DocumentError."""
        kept = await self.database.documents.content(document)
        if kept is not None:
            return kept
        found = await self.database.documents.find(document)
        if found is None:
            raise DocumentError(f"There is no document {document}.")
        today = found.created_at.astimezone(self.zone).date()
        letter = await Maker(self.database, self.company, self.words(found.language), found, today).letter()
        made = await asyncio.to_thread(layout.pdf, letter)
        return await self.database.documents.keep_content(document, made)


async def make_document(maker: DocumentMaker, document: str, folder: Path) -> Path:
    """The PDF of a document as a file (mode 0600) in `folder`, to be removed by whoever asked. Raises DocumentError."""
    content = await maker.pdf(document)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document[:12]}-{secrets.token_hex(4)}.pdf"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
    return path
