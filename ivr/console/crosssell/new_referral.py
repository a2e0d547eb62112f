"""The page on which a person begins a referral that the hotline did not suggest."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, StringConstraints

from ivr.console.access import Visitor
from ivr.console.crosssell.beginning import (
    Beginning,
    Caller,
    RefusedError,
    caller_of,
    must_refer,
    offered_for,
)
from ivr.console.crosssell.desk import Seller, shown, word
from ivr.console.crosssell.referring import begin
from ivr.console.crosssell.sheet import clean
from ivr.console.parts import ConsoleParts, Parts

router = APIRouter(prefix="/crosssell/referrals")
_Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
#: Longer than a note may be, so that one that is too long comes back to the form.
_Long = Annotated[str, StringConstraints(max_length=10_000, strip_whitespace=True)]


class BeginForm(BaseModel):
    """A referral to begin, as the form sends it."""

    customer: _Word = ""
    call: _Word = ""
    product: _Word = ""
    note: _Long = ""
    agreed: bool = False
    anyway: bool = False

    @property
    def beginning(self) -> Beginning:
        """The same for whoever does it."""
        return Beginning(
            clean(self.product),
            self.agreed,
            clean(self.customer),
            clean(self.call),
            clean(self.note),
            self.anyway,
        )


@router.get("/new")
async def new_page(request: Request, parts: Parts, visitor: Seller) -> Response:
    """The form, filled in from the address, or else with the call that the visitor's seat is in."""
    await must_refer(request, parts, visitor)
    asked = Beginning(
        word(request, "product"),
        False,
        word(request, "customer"),
        word(request, "call"),
        word(request, "note"),
    )
    return await _page(request, parts, visitor, asked)


@router.post("")
async def begin_it(
    request: Request, parts: Parts, visitor: Seller, form: Annotated[BeginForm, Form()]
) -> Response:
    """Begin it; what was entered comes back with what speaks against it."""
    try:
        begun = await begin(request, parts, visitor, form.beginning)
    except RefusedError as error:
        return await _page(request, parts, visitor, form.beginning, refused=error)
    return RedirectResponse(f"/crosssell/referrals/{begun.id}", 303)


async def _page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    asked: Beginning,
    *,
    refused: RefusedError | None = None,
) -> Response:
    status = 200 if refused is None else 422
    try:
        caller = await caller_of(request, parts, visitor, asked)
    except RefusedError as error:
        caller, refused = Caller(asked.customer, asked.call), refused or error
    given = replace(asked, customer=asked.customer or caller.customer, call=asked.call or caller.call)
    return shown(
        request, visitor, "new_referral.html", status=status, given=given,
        wrong={} if refused is None else refused.wrong, name=caller.name,
        products=await offered_for(request, parts, visitor),
    )  # fmt: skip
