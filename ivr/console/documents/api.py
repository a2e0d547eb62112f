"""Documents as JSON, with the same checks as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ivr.console.access import Reviewer
from ivr.console.audit import looked_at
from ivr.console.documents.desk import Sent, document_for, page_of, send_again
from ivr.console.listing import PageAsked, SizeAsked
from ivr.console.parts import Parts
from policy_db.faxes import Fax

router = APIRouter(prefix="/documents")


class FaxOut(BaseModel):
    """How a fax fares: `number` is empty for the caller's own machine, `pages` of `total` are confirmed."""

    number: str
    state: str
    pages: int
    total: int
    outcome: str
    speed: int = Field(description="bit/s of the last try, 0 before one.")
    ended_at: datetime | None

    @classmethod
    def of(cls, fax: Fax) -> FaxOut:
        """A fax as JSON."""
        return cls(**{name: getattr(fax, name) for name in cls.model_fields})


class DocumentOut(BaseModel):
    """A document and how it goes out; the PDF itself is at `/documents/{id}.pdf`. `problem` is a word, empty if none."""

    id: str
    kind: str
    policy: str | None
    claim: str
    customer: str
    language: str
    channel: str
    state: str
    problem: str
    created_at: datetime
    sent_at: datetime | None
    made_by: str
    call: str
    batch: int | None
    tries: int | None = Field(description="None where nothing carries it yet.")
    may_go_again: bool
    fax: FaxOut | None

    @classmethod
    def of(cls, sent: Sent) -> DocumentOut:
        """A document as JSON."""
        beside = {
            "tries": sent.tries,
            "may_go_again": sent.may_go_again,
            "fax": None if sent.fax is None else FaxOut.of(sent.fax),
        }
        same = {name: getattr(sent.document, name) for name in cls.model_fields if name not in beside}
        return cls(**same, **beside)


class DocumentsOut(BaseModel):
    """One page of documents."""

    items: list[DocumentOut]
    page: int
    more: bool


@router.get("")
async def index(
    parts: Parts,
    visitor: Reviewer,
    q: Annotated[str, Query(max_length=20)] = "",
    state: Annotated[str, Query(max_length=10)] = "",
    channel: Annotated[str, Query(max_length=10)] = "",
    policy: Annotated[str, Query(max_length=20)] = "",
    claim: Annotated[str, Query(max_length=20)] = "",
    customer: Annotated[str, Query(max_length=20)] = "",
    page: PageAsked = 1,
    size: SizeAsked = 50,
) -> DocumentsOut:
    """Documents, the newest first: `state` queued, sent or failed, `channel` sms, email, post or fax."""
    wanted = {
        "q": q, "state": state, "channel": channel, "policy": policy, "claim": claim, "customer": customer,
    }  # fmt: skip
    rows = await page_of(parts, wanted, limit=size + 1, offset=(page - 1) * size)
    return DocumentsOut(items=[DocumentOut.of(row) for row in rows[:size]], page=page, more=len(rows) > size)


@router.get("/{document}")
async def one(parts: Parts, visitor: Reviewer, document: str) -> DocumentOut:
    """One document."""
    found = await document_for(parts, document)
    await looked_at(parts, visitor, "document", document)
    return DocumentOut.of(found)


@router.post("/{document}/again")
async def again(parts: Parts, visitor: Reviewer, document: str) -> DocumentOut:
    """Send it once more; 409 while it is on its way, or where it cannot go again (a printed letter, a fax in a call)."""
    await send_again(parts, visitor, document)
    return DocumentOut.of(await document_for(parts, document))
