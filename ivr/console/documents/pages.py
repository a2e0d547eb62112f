"""Pages of documents: the list, sending one again, letters by the batch, papers of claims."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from io import BytesIO
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pypdf import PdfReader, PdfWriter

from ivr.console.access import Reviewer
from ivr.console.audit import did, looked_at
from ivr.console.listing import PAGE, listing, page_number
from ivr.console.pages import render
from ivr.console.parts import ConsoleParts, Parts
from ivr.outreach.documents.contents import KINDS, DocumentError
from ivr.outreach.documents.sending import maker_of
from policy_db.documents import outbox_key
from policy_db.errors import ConflictError, NotFoundError
from policy_db.facts import Document

router = APIRouter()
_STATES: Final = ("queued", "sent", "failed")
_CHANNELS: Final = ("sms", "email", "post", "fax")


@router.get("/documents")
async def index(request: Request, parts: Parts, visitor: Reviewer) -> Response:
    """Documents as they are filtered: by state, channel, policy, claim or customer."""
    query = request.query_params
    number = query.get("q", "").strip()[:20]
    wanted = {name: query.get(name, "") for name in ("customer", "claim", "policy")}
    rows = await parts.database.documents.listed(
        state=query.get("state", "") if query.get("state", "") in _STATES else "",
        channel=query.get("channel", "") if query.get("channel", "") in _CHANNELS else "",
        customer=wanted["customer"],
        claim=wanted["claim"],
        policy=number or wanted["policy"],
        limit=PAGE + 1,
        offset=(page_number(request) - 1) * PAGE,
    )
    shown = listing(request, rows)
    return render(
        request,
        visitor,
        "documents/rows.html" if "hx-request" in request.headers else "documents/index.html",
        listing=shown,
        faxes=await parts.database.faxes.of([one.id for one in shown.rows if one.channel == "fax"]),
        messages=await parts.database.outbox.by_key(*(outbox_key(one.id) for one in shown.rows)),
        states=_STATES,
        channels=_CHANNELS,
        kinds=KINDS,
        waiting=len(await parts.database.documents.letters()),
        query=request.url.query,
    )


@router.get("/documents/post")
async def post(request: Request, parts: Parts, visitor: Reviewer) -> Response:
    """Letters that wait, and batches."""
    return render(
        request,
        visitor,
        "documents/post.html",
        letters=await parts.database.documents.letters(),
        batches=await parts.database.documents.batches(),
    )


@router.post("/documents/post")
async def make_batch(request: Request, parts: Parts, visitor: Reviewer) -> Response:
    """Put the letters that wait into one batch; those that cannot be made are failed, and told so."""
    good = []
    for document in await parts.database.documents.letters(100):
        try:
            await maker_of(parts.settings, parts.database, parts.flows, parts.catalogue).pdf(document.id)
            good.append(document.id)
        except DocumentError:
            await parts.database.documents.mark(document.id, "failed", "cannot_be_made")
    if not good:
        raise ConflictError("There is no letter to print.")
    batch = await parts.database.documents.make_batch(good, visitor.name)
    await did(parts, visitor, "printed_letters", f"batch:{batch.id}", letters=batch.letters)
    return RedirectResponse("/documents/post", status_code=303)


@router.get("/documents/post/{batch}.pdf")
async def print_batch(request: Request, parts: Parts, visitor: Reviewer, batch: int) -> Response:
    """The letters of a batch as one file for the printer; each begins on a sheet of its own, printed on both sides."""
    documents = await parts.database.documents.of_batch(batch)
    if not documents:
        raise NotFoundError("There is no such batch.")
    maker = maker_of(parts.settings, parts.database, parts.flows, parts.catalogue)
    contents = [await maker.pdf(one.id) for one in documents]
    await looked_at(parts, visitor, "batch", str(batch), letters=len(documents))
    whole = await asyncio.to_thread(_together, contents)
    headers = {"content-disposition": f'inline; filename="letters-{batch}.pdf"'}
    return Response(whole, media_type="application/pdf", headers=headers)


@router.post("/documents/post/{batch}/posted")
async def posted(request: Request, parts: Parts, visitor: Reviewer, batch: int) -> Response:
    """The letters of a batch went to the post."""
    letters = await parts.database.documents.posted(batch, visitor.name)
    await did(parts, visitor, "posted_letters", f"batch:{batch}", letters=letters)
    return RedirectResponse("/documents/post", status_code=303)


@router.get("/documents/{document}.pdf")
async def content(request: Request, parts: Parts, visitor: Reviewer, document: str) -> Response:
    """The document as it was, or would be, sent."""
    found = await _find(parts, document)
    try:
        pdf = await maker_of(parts.settings, parts.database, parts.flows, parts.catalogue).pdf(found.id)
    except DocumentError as error:
        raise NotFoundError(str(error)) from None
    await looked_at(parts, visitor, "document", found.id)
    headers = {"content-disposition": f'inline; filename="{found.kind}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.post("/documents/{document}/again")
async def again(
    request: Request, parts: Parts, visitor: Reviewer, document: str, back: Annotated[str, Form()] = ""
) -> Response:
    """Send a document once more. Raises ConflictError while it is on its way."""
    found = await _find(parts, document)
    if not await parts.database.outbox.again(outbox_key(found.id)):
        raise ConflictError("This document is on its way.")
    until = parts.database.clock() + timedelta(hours=parts.settings.link_hours)
    await parts.database.links.prolong(found.id, until)
    await parts.database.documents.mark(found.id, "queued")
    await did(parts, visitor, "sent_again", f"document:{found.id}", channel=found.channel)
    return RedirectResponse(f"/documents{'?' + back if back else ''}", status_code=303)


@router.get("/claims/{number}/papers")
async def papers(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """What was sent in for a claim, as a part of the claim's page."""
    found = await parts.database.claim_papers.of_claim(number)
    return render(request, visitor, "documents/papers.html", papers=found, number=number)


@router.get("/claims/{number}/papers/{paper}")
async def one_paper(request: Request, parts: Parts, visitor: Reviewer, number: str, paper: str) -> Response:
    """One of them."""
    found, inside = await parts.database.claim_papers.content(number, paper, seen_by=visitor.name)
    await looked_at(parts, visitor, "claim", number, paper=paper)
    name = f"{number}-{paper[:6]}.{'jpg' if found.kind == 'photo' else 'pdf'}"
    headers = {"content-disposition": f'inline; filename="{name}"'}
    return Response(inside, media_type=found.media_type, headers=headers)


async def _find(parts: ConsoleParts, document: str) -> Document:
    found = await parts.database.documents.find(document)
    if found is None:
        raise NotFoundError("There is no such document.")
    return found


def _together(contents: list[bytes]) -> bytes:
    writer = PdfWriter()
    for one in contents:
        reader = PdfReader(BytesIO(one))
        for page in reader.pages:
            writer.add_page(page)
        if len(reader.pages) % 2:
            writer.add_blank_page(reader.pages[0].mediabox.width, reader.pages[0].mediabox.height)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()
