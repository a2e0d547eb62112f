"""Pages of documents: the list, sending one again, letters by the batch, papers of claims."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pypdf import PdfReader, PdfWriter

from ivr.console.access import Reviewer
from ivr.console.audit import did, looked_at
from ivr.console.documents.desk import CHANNELS, STATES, document_for, page_of, send_again
from ivr.console.listing import PAGE, listing, page_number
from ivr.console.pages import render
from ivr.console.parts import Parts
from ivr.outreach.documents.contents import DocumentError
from ivr.outreach.documents.sending import maker_of
from policy_db.errors import ConflictError, NotFoundError

router = APIRouter()


@router.get("/documents")
async def index(request: Request, parts: Parts, visitor: Reviewer) -> Response:
    """Documents as they are filtered: by state, channel, policy, claim or customer."""
    offset = (page_number(request) - 1) * PAGE
    rows = await page_of(parts, request.query_params, limit=PAGE + 1, offset=offset)
    return render(
        request,
        visitor,
        "documents/rows.html" if "hx-request" in request.headers else "documents/index.html",
        listing=listing(request, rows),
        states=STATES,
        channels=CHANNELS,
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
    found = (await document_for(parts, document)).document
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
    """Send a document once more. Raises ConflictError where that cannot be now."""
    await send_again(parts, visitor, document)
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
