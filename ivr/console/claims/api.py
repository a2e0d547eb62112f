"""Claims as JSON, with the same checks as the pages."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ivr.console.access import Reviewer
from ivr.console.audit import did, looked_at
from ivr.console.claims.changing import Wish, made
from ivr.console.claims.desk import answers_of, claim_for, duplicates_of, wanted_of
from ivr.console.listing import PageAsked, SizeAsked
from ivr.console.parts import Parts
from ivr.console.voicemail.api import HistoryOut, NoteIn, history_out
from policy_db.claim_facts import ClaimCase

router = APIRouter(prefix="/claims")


class ClaimOut(BaseModel):
    """A claim. `sure` says whether it is known who reported it; `version` comes back with a change."""

    number: str
    status: str
    kind: str
    policy: str
    policy_known: bool
    customer: str
    customer_name: str
    caller: str
    level: int
    sure: bool
    call: str
    begun_at: datetime
    submitted_at: datetime | None
    reported_on: date
    broken_off: bool
    paid: Decimal | None
    missing: list[str]
    adjuster: str
    held: bool
    version: int

    @classmethod
    def of(cls, case: ClaimCase) -> ClaimOut:
        """A claim as JSON."""
        same = {
            name: getattr(case, name) for name in cls.model_fields if name not in ("sure", "paid", "missing")
        }
        paid = None if case.paid is None else case.paid.amount
        return cls(**same, sure=case.is_sure, paid=paid, missing=list(case.missing))


class AnswerOut(BaseModel):
    """What was answered to a question; recordings by their ids, to be had at `/recordings/{id}/audio`."""

    question: str
    value: str
    recordings: list[str]


class DuplicateOut(BaseModel):
    """Another claim that may be about the same loss: what is the same, and days between the losses."""

    number: str
    same: list[str]
    days: int


class WholeClaim(ClaimOut):
    """A claim with its answers, possible duplicates and history."""

    answers: list[AnswerOut] = Field(default_factory=list)
    duplicates: list[DuplicateOut] = Field(default_factory=list)
    history: list[HistoryOut] = Field(default_factory=list)


class ClaimsOut(BaseModel):
    """One page of claims."""

    items: list[ClaimOut]
    page: int
    more: bool
    total: int | None = Field(description="None for more than a thousand.")


@router.get("")
async def inbox(
    parts: Parts,
    visitor: Reviewer,
    view: Annotated[str, Query(max_length=20)] = "open",
    q: Annotated[str, Query(max_length=100)] = "",
    status: Annotated[str, Query(max_length=20)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    adjuster: Annotated[str, Query(max_length=64)] = "",
    order: Annotated[str, Query(max_length=10)] = "newest",
    page: PageAsked = 1,
    size: SizeAsked = 50,
) -> ClaimsOut:
    """Claims: `view` is new, mine, open, drafts, closed or all."""
    found = {"view": view, "q": q, "status": status, "kind": kind, "adjuster": adjuster, "order": order}
    wanted = wanted_of(found, visitor.name)
    reviews = parts.database.claim_reviews
    rows = await reviews.inbox(wanted, limit=size + 1, offset=(page - 1) * size)
    return ClaimsOut(
        items=[ClaimOut.of(case) for case in rows[:size]],
        page=page,
        more=len(rows) > size,
        total=await reviews.count(wanted),
    )


@router.get("/{number}")
async def one(parts: Parts, visitor: Reviewer, number: str) -> WholeClaim:
    """One claim; unlike its page, this leaves it unread."""
    case = await claim_for(parts, number)
    await looked_at(parts, visitor, "claim", number)
    return await _whole(parts, case)


@router.patch("/{number}")
async def change(parts: Parts, visitor: Reviewer, number: str, wish: Wish) -> WholeClaim:
    """Change it from the `version` that was read; 409 when somebody else was first, and nothing is written then."""
    await made(parts, visitor, await claim_for(parts, number), wish)
    return await _whole(parts, await claim_for(parts, number))


@router.post("/{number}/notes", status_code=201)
async def note(parts: Parts, visitor: Reviewer, number: str, note: NoteIn) -> HistoryOut:
    """Keep a note."""
    await parts.database.claim_reviews.note(number, visitor.name, note.text)
    await did(parts, visitor, "noted", f"claim:{number}")
    parts.bus.publish("claim", number)
    return history_out((await parts.database.claim_reviews.history(number))[-1])


async def _whole(parts: Parts, case: ClaimCase) -> WholeClaim:
    return WholeClaim(
        **ClaimOut.of(case).model_dump(),
        answers=[
            AnswerOut(
                question=answer.question,
                value=answer.value,
                recordings=[one.recording.id for one in answer.spoken],
            )
            for answer in await answers_of(parts, case)
        ],
        duplicates=[
            DuplicateOut(number=one.number, same=list(one.same), days=one.days)
            for one in await duplicates_of(parts, case)
        ],
        history=[history_out(entry) for entry in await parts.database.claim_reviews.history(case.number)],
    )
