"""The pages of salespeople. A manager or administrator sees all of them, a salesperson with an account their own."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Anyone, ForbiddenError, Overseer, Visitor
from ivr.console.audit import did, looked_at
from ivr.console.listing import PAGE, listing, page_number
from ivr.console.pages import render
from ivr.console.parts import ConsoleParts, Parts
from ivr.services.sales import call_outcome
from policy_db.messages import SALES_BOX
from policy_db.sales_facts import DUE_KINDS, NOTICE_CHANNELS, PERIODS, SalesPerson, SalesPreferences

router = APIRouter(prefix="/salespeople")
LANGUAGES: Final = ("zh-CN", "en")
#: Policies of a kind, calls and notices that a page shows.
_SHOWN: Final = 20


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Salespeople by number, with what they sold in the running month, quarter or year."""
    query = request.query_params
    q, branch = query.get("q", "").strip()[:60], query.get("branch", "")[:100]
    period = query.get("period", "month")
    if period not in PERIODS:
        raise HTTPException(404)
    number, people = page_number(request), parts.database.salespeople
    rows, total, branches, sold = await asyncio.gather(
        people.people(q=q, branch=branch, limit=PAGE + 1, offset=(number - 1) * PAGE),
        people.count(q=q, branch=branch),
        people.branches(),
        parts.database.sales.sold_by_everybody(period, today_of(parts)),
    )
    await looked_at(parts, visitor, "list", "salespeople")
    return render(
        request, visitor, "sales/list.html", listing=listing(request, rows, total=total), sold=sold,
        branches=branches, branch=branch, period=period, periods=PERIODS,
    )  # fmt: skip


@router.get("/{number}")
async def person_page(request: Request, parts: Parts, visitor: Anyone, number: str) -> Response:
    """One salesperson: sales, rank, policies to look after, calls to customers, mailbox, notices, preferences."""
    person = await _person(parts, visitor, number)
    await looked_at(parts, visitor, "salesperson", number)
    return render(request, visitor, "sales/person.html", **await _values(parts, person))


@router.post("/{number}")
async def prefer(
    request: Request,
    parts: Parts,
    visitor: Anyone,
    number: str,
    channel: Annotated[str, Form()] = "sms",
    language: Annotated[str, Form()] = "zh-CN",
    messages: Annotated[bool, Form()] = False,
    lapses: Annotated[bool, Form()] = False,
    put_through: Annotated[bool, Form()] = False,
) -> Response:
    """Change how a salesperson is told of things."""
    await _person(parts, visitor, number)
    if channel not in NOTICE_CHANNELS or language not in LANGUAGES:
        raise HTTPException(422)
    wanted = SalesPreferences(cast("Any", channel), messages, lapses, language, put_through)
    await parts.database.salespeople.set_preferences(number, wanted, by=visitor.who)
    await did(
        parts, visitor, "changed_preferences", f"salesperson:{number}", channel=channel, messages=messages,
        lapses=lapses, put_through=put_through,
    )  # fmt: skip
    return RedirectResponse(f"/salespeople/{number}?saved=1", 303)


def today_of(parts: ConsoleParts) -> Any:
    """The day of the company's zone."""
    return parts.clock().astimezone(ZoneInfo(parts.settings.zone)).date()


async def _person(parts: ConsoleParts, visitor: Visitor, number: str) -> SalesPerson:
    """The salesperson, for who may see them. Raises ForbiddenError, or 404."""
    if not visitor.has("manager", "administrator") and visitor.user.salesperson != number:
        raise ForbiddenError
    person = await parts.database.salespeople.find(number)
    if person is None:
        raise HTTPException(404)
    return person


async def _values(parts: ConsoleParts, person: SalesPerson) -> dict[str, Any]:
    database, number, today = parts.database, person.number, today_of(parts)
    sales = database.sales
    sold = [await sales.performance(number, period, today) for period in PERIODS]
    ranks = [await sales.rank(number, period, today) for period in PERIODS]
    due = {kind: await sales.due(number, kind, today, limit=_SHOWN) for kind in DUE_KINDS}
    news = await sales.news(number, limit=_SHOWN)
    users = await database.users.all()
    return {
        "person": person,
        "periods": list(zip(PERIODS, sold, ranks, strict=True)),
        "counts": await sales.due_counts(number, today),
        "due": due,
        "news": [(one, call_outcome(one.outcome)) for one in news],
        "mailbox": f"{SALES_BOX}{number}",
        "waiting": await database.sales_notices.waiting(number),
        "owners": [user.display for user in users if user.salesperson == number and not user.disabled],
        "notices": await database.sales_notices.of(number, limit=_SHOWN),
        "wanted": await database.salespeople.preferences(number),
        "channels": NOTICE_CHANNELS,
        "languages": LANGUAGES,
    }
