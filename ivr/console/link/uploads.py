"""Files that come by a claim's link: bounded while they are read, cleaned, kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.types import Message

from ivr.console.parts import ConsoleParts
from ivr.outreach.documents.cleaning import clean
from ivr.outreach.documents.papers import MOST_PAGES, PaperError, shown_name
from policy_db.errors import ConflictError
from policy_db.link_facts import Link

MOST_FILES: Final = 10
#: Files that are cleaned at a time: each may take hundreds of megabytes in a process of its own.
_AT_ONCE: Final = 2
_KEY: Final = "link.cleaning"


@dataclass(frozen=True, slots=True)
class Received:
    """What became of the files that were sent: how many are kept, and of the others why not (text key, values)."""

    kept: int
    refused: tuple[tuple[str, dict[str, object]], ...]


async def received(request: Request, parts: ConsoleParts, link: Link) -> Received:
    """Read, clean and keep the files of a form. Raises HTTPException 413 for more than may come at once."""
    async with _form(request, parts) as form:
        sent = [one for one in form.getlist("files") if isinstance(one, UploadFile)]
        return await _all(parts, link, [one for one in sent if one.filename or one.size])


async def _all(parts: ConsoleParts, link: Link, files: Sequence[UploadFile]) -> Received:
    if not files:
        return Received(0, (("upload.none", {}),))
    if len(files) > MOST_FILES:
        return Received(0, (("upload.many", {"count": MOST_FILES}),))
    answers = [await _one(parts, link, file) for file in files]
    refused = tuple(answer for answer in answers if answer is not None)
    kept = len(answers) - len(refused)
    if kept:
        await parts.database.audit.add(
            "policyholder", "sent_papers", f"claim:{link.claim}", {"files": kept, "link": link.id}
        )
        parts.bus.publish("claim", link.claim)
    return Received(kept, refused)


@asynccontextmanager
async def _form(request: Request, parts: ConsoleParts) -> AsyncIterator[FormData]:
    """The form, bounded as it comes; its files are gone afterwards, also where reading it is broken off."""
    most = parts.settings.paper_megabytes * 1_000_000 * MOST_FILES + 100_000
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise HTTPException(413)
    receive, read = request._receive, 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise MultiPartException("too much")
        return message

    request._receive = bounded
    try:
        form = await request.form(max_files=MOST_FILES + 1, max_fields=5)
    except HTTPException:
        raise HTTPException(413 if read > most else 400) from None
    try:
        yield form
    finally:
        await form.close()


async def _one(parts: ConsoleParts, link: Link, file: UploadFile) -> tuple[str, dict[str, object]] | None:
    name, megabytes = shown_name(file.filename or ""), parts.settings.paper_megabytes
    content = await file.read(megabytes * 1_000_000 + 1)
    if len(content) > megabytes * 1_000_000:
        return "upload.too_big", {"name": name, "megabytes": megabytes}
    gate: asyncio.Semaphore = parts.shared.setdefault(_KEY, asyncio.Semaphore(_AT_ONCE))
    try:
        async with gate:
            paper = await clean(content)
        await parts.database.claim_papers.add(
            link.claim, paper.content, kind=paper.kind, media_type=paper.media_type, name=name, link=link.id
        )
    except PaperError as error:
        return f"upload.{error.why}", {"name": name, "megabytes": megabytes, "pages": MOST_PAGES}
    except ConflictError:
        return "upload.full", {}
    return None
