"""Pages of claims: the inbox of reports, one claim with all that can be done to it, its files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Reviewer, Visitor
from ivr.console.audit import did, looked_at
from ivr.console.claims import paper
from ivr.console.claims.changing import Wish, made
from ivr.console.claims.desk import (
    DOCUMENTS,
    KINDS,
    STATUSES,
    VIEWS,
    adjusters,
    answers_of,
    claim_for,
    company_name,
    duplicates_of,
    wanted_of,
)
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import language_of, render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.player.views import UNSURE_BELOW
from policy_db.claim_facts import CLOSED, REASONED, ClaimCase, ClaimFilter
from policy_db.message_facts import CallBackState, StaleError

router = APIRouter(prefix="/claims")
#: Rows that one CSV file holds at most, and how many are read at a time.
MOST_ROWS: Final = 50_000
_AT_ONCE: Final = 1000
_COLUMNS: Final = (
    "number", "status", "reported", "loss", "kind", "policy", "customer", "caller", "level", "adjuster", "missing",
    "duplicates", "held", "hurt", "where", "what",
)  # fmt: skip


@router.get("")
async def inbox(request: Request, parts: Parts, visitor: Reviewer) -> Response:
    """Claims as they are filtered."""
    reviews, wanted = parts.database.claim_reviews, wanted_of(request.query_params, visitor.name)
    start = (page_number(request) - 1) * PAGE
    rows = await reviews.inbox(wanted, limit=PAGE + 1, offset=start)
    whole = start == 0 and len(rows) <= PAGE  # nothing is left to be counted
    shown = listing(request, rows, total=len(rows) if whole else await reviews.count(wanted))
    return render(
        request,
        visitor,
        "claims/rows.html" if "hx-request" in request.headers else "claims/inbox.html",
        listing=shown,
        wanted=wanted,
        views=VIEWS,
        counts=[
            (view, await reviews.count(ClaimFilter(view=view, user=visitor.name))) for view in ("new", "mine")
        ],
        statuses=STATUSES,
        kinds=KINDS,
        users=await adjusters(parts),
        answers=await reviews.answers([case.number for case in shown.rows]),
        duplicates=await reviews.duplicates(shown.rows),
        urgent=await parts.database.transcriptions.claims([case.number for case in shown.rows]),
        query=request.url.query,
    )


@router.get("/export.csv")
async def export(request: Request, parts: Parts, visitor: Reviewer) -> Response:
    """The list as it is filtered, as CSV."""
    wanted = wanted_of(request.query_params, visitor.name)
    await did(parts, visitor, "exported", "claims", view=wanted.view)
    header = [text(request, visitor, f"claims.column.{name}") for name in _COLUMNS]
    return csv_reply("claims", header, _lines(request, parts, visitor, wanted))


async def _lines(
    request: Request, parts: ConsoleParts, visitor: Visitor, wanted: ClaimFilter
) -> AsyncIterator[Sequence[object]]:
    reviews = parts.database.claim_reviews
    for start in range(0, MOST_ROWS, _AT_ONCE):
        cases = await reviews.inbox(wanted, limit=_AT_ONCE, offset=start)
        answers = await reviews.answers([case.number for case in cases])
        doubles = await reviews.duplicates(cases)
        for case in cases:
            others = " ".join(one.number for one in doubles.get(case.number, ()))
            yield _line(request, visitor, case, answers[case.number], others)
        if len(cases) < _AT_ONCE:
            return


def _line(
    request: Request, visitor: Visitor, case: ClaimCase, answers: dict[str, str], duplicates: str
) -> Sequence[object]:
    return (
        case.number, text(request, visitor, f"claim_status.{case.status}"), case.reported_on.isoformat(),
        answers.get("when", ""), case.kind, case.policy, case.customer_name, case.caller, case.level, case.adjuster,
        ", ".join(case.missing), duplicates, "x" if case.held else "", answers.get("hurt", ""),
        answers.get("where", ""), answers.get("what", ""),
    )  # fmt: skip


@router.get("/{number}")
async def one(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """One claim."""
    case = await claim_for(parts, number)
    await looked_at(parts, visitor, "claim", number)
    if case.opened_at is None and await parts.database.claim_reviews.opened(number, visitor.name):
        parts.bus.publish("claim", number)
        case = await claim_for(parts, number)
    return await _page(request, parts, visitor, case)


@router.post("/{number}")
async def save(
    request: Request, parts: Parts, visitor: Reviewer, number: str, wish: Annotated[Wish, Form()]
) -> Response:
    """Change the claim, from the version that the form was made of."""
    case = await claim_for(parts, number)
    try:
        await made(parts, visitor, case, wish)
    except StaleError as stale:
        case = await claim_for(parts, number)
        return await _page(request, parts, visitor, case, status=409, stale=stale, wish=wish)
    return await _after(request, parts, visitor, number)


@router.post("/{number}/note")
async def note(
    request: Request,
    parts: Parts,
    visitor: Reviewer,
    number: str,
    note: Annotated[str, Form(max_length=5000)] = "",
) -> Response:
    """Keep a note."""
    await parts.database.claim_reviews.note(number, visitor.name, note)
    await did(parts, visitor, "noted", f"claim:{number}")
    return await _after(request, parts, visitor, number)


@router.post("/{number}/call-back")
async def call_back(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """Promise to call the reporter back."""
    await parts.database.claim_reviews.ask_call_back(number, visitor.name)
    await did(parts, visitor, "call_back", f"claim:{number}")
    return await _after(request, parts, visitor, number)


@router.post("/{number}/call-back/{call_back}")
async def end_call_back(
    request: Request,
    parts: Parts,
    visitor: Reviewer,
    number: str,
    call_back: int,
    state: Annotated[CallBackState, Form()],
) -> Response:
    """The promise is kept, or not."""
    await parts.database.claim_reviews.end_call_back(number, call_back, visitor.name, state)
    return await _after(request, parts, visitor, number)


@router.post("/{number}/hold")
async def hold(
    request: Request,
    parts: Parts,
    visitor: Reviewer,
    number: str,
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """A legal hold: nothing of the claim is deleted until it is released."""
    await parts.database.retention.hold("claim", number, why=why, who=visitor.who)
    await parts.database.claim_reviews.noted(number, visitor.name, "held", why.strip())
    await did(parts, visitor, "held", f"claim:{number}")
    return await _after(request, parts, visitor, number)


@router.post("/{number}/release")
async def release(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """The legal hold is over."""
    held = await parts.database.retention.hold_on("claim", number)
    if held is not None and await parts.database.retention.release(held.id, who=visitor.who) is not None:
        await parts.database.claim_reviews.noted(number, visitor.name, "released")
        await did(parts, visitor, "released", f"claim:{number}")
    return await _after(request, parts, visitor, number)


@router.get("/{number}/claim.csv")
async def one_csv(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """One claim as CSV: a line for each fact and each answer."""
    case = await claim_for(parts, number)
    await did(parts, visitor, "exported", f"claim:{number}", file="csv")
    sheet = await _sheet(request, parts, visitor, case)
    header = [text(request, visitor, "claims.fact"), text(request, visitor, "claims.value")]
    return csv_reply(f"claim-{number}", header, [row for part in sheet.parts for row in part.rows])


@router.get("/{number}/claim.pdf")
async def one_pdf(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """One claim as PDF, for the file."""
    case = await claim_for(parts, number)
    await did(parts, visitor, "exported", f"claim:{number}", file="pdf")
    sheet = await _sheet(request, parts, visitor, case)
    made_ = await asyncio.to_thread(paper.pdf, sheet)
    name = f'attachment; filename="claim-{number}.pdf"'
    return Response(made_, media_type="application/pdf", headers={"content-disposition": name})


@router.get("/{number}/desk")
async def desk(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """The forms of the claim as it is now, which read themselves again while nobody writes in them."""
    return await _page(
        request, parts, visitor, await claim_for(parts, number), template="claims/desk_forms.html"
    )


@router.get("/{number}/history")
async def history(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """How the claim stands and all that was done, which reads itself again."""
    return await _live(request, parts, visitor, number, "history")


@router.get("/{number}/warnings")
async def warnings(request: Request, parts: Parts, visitor: Reviewer, number: str) -> Response:
    """What there is to beware of, which reads itself again."""
    return await _live(request, parts, visitor, number, "warnings")


async def _live(request: Request, parts: ConsoleParts, visitor: Visitor, number: str, part: str) -> Response:
    case = await claim_for(parts, number)
    return render(request, visitor, f"claims/{part}.html", **await _told(parts, case))


async def _sheet(request: Request, parts: ConsoleParts, visitor: Visitor, case: ClaimCase) -> paper.Sheet:
    told = await _told(parts, case)
    words = paper.Words(
        lambda key, **values: text(request, visitor, key, **values),
        request.app.state.templates.texts.word,
        language_of(request, visitor),
    )
    return paper.sheet(
        words,
        case,
        told["answers"],
        told["duplicates"],
        told["history"],
        users=told["users"],
        company=company_name(request, parts, visitor),
        zone=parts.settings.zone,
        by=visitor.user.display,
        now=parts.clock(),
    )


async def _after(request: Request, parts: ConsoleParts, visitor: Visitor, number: str) -> Response:
    parts.bus.publish("claim", number)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/claims/{number}", 303)
    return await _page(request, parts, visitor, await claim_for(parts, number))


async def _page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    case: ClaimCase,
    *,
    status: int = 200,
    stale: StaleError | None = None,
    wish: Wish | None = None,
    template: str = "",
) -> Response:
    """The whole page, or for htmx what can change of it. A change that came too late is offered again as it was meant."""
    is_part = "hx-request" in request.headers
    shown = wish or Wish.of(case)
    return render(
        request,
        visitor,
        template or ("claims/desk.html" if is_part else "claims/claim.html"),
        status=200 if is_part else status,  # htmx swaps what it is answered only then
        stale=stale,
        wish=shown,
        adjuster=case.adjuster if shown.adjuster is None else shown.adjuster,
        missing=case.missing if shown.missing is None else shown.missing,
        checked_how=case.checked_how if shown.checked_how is None else shown.checked_how,
        documents=DOCUMENTS,
        reasoned=REASONED,
        closed=case.status in CLOSED,
        **await _told(parts, case),
    )


async def _told(parts: ConsoleParts, case: ClaimCase) -> dict[str, Any]:
    return {
        "case": case,
        "answers": await answers_of(parts, case),
        "duplicates": await duplicates_of(parts, case),
        "papers": await parts.database.claim_papers.of_claim(case.number),
        "history": await parts.database.claim_reviews.history(case.number),
        "call_backs": await parts.database.messages.call_backs(claim=case.id),
        "hold": await parts.database.retention.hold_on("claim", case.number) if case.held else None,
        "users": await adjusters(parts),
        "urgency": (await parts.database.transcriptions.claims([case.number])).get(case.number),
        "unsure_below": UNSURE_BELOW,
        "at": datetime.fromisoformat,
    }
