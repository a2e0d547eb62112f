"""The pages of retention: periods, legal holds, what was deleted, and erasure of one customer's data."""

from __future__ import annotations

from typing import Annotated, Final, cast

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Administrator, AdministratorInPerson, Visitor
from ivr.console.account.background import keeper_of
from ivr.console.account.words import done, said
from ivr.console.audit import did, looked_at
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.retention import HOLD_KINDS, HoldKind

router = APIRouter(prefix="/admin/retention")
_MOST_STAYS: Final = 200
Word = Annotated[str, Form(max_length=200)]


@router.get("")
async def retention_page(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """Periods by class, holds, the latest runs."""
    return await _page(request, parts, visitor)


@router.post("/periods/{name}")
async def set_period(
    request: Request, name: str, parts: Parts, visitor: AdministratorInPerson, days: Word = ""
) -> Response:
    """Keep a class for so many days."""
    wanted = int(days) if days.strip().isascii() and days.strip().isdigit() and len(days) < 8 else -1
    try:
        await parts.database.retention.set_period(name, wanted, who=visitor.who)
    except NotFoundError:
        return await _page(request, parts, visitor, "retention.no_class")
    except BadValueError:
        return await _page(request, parts, visitor, "retention.bad_days")
    await did(parts, visitor, "set_period", f"retention:{name}", days=wanted)
    return done("/admin/retention", "saved")


@router.post("/holds")
async def add_hold(
    request: Request,
    parts: Parts,
    visitor: AdministratorInPerson,
    kind: Word = "",
    number: Word = "",
    why: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Hold a customer, policy, claim or call."""
    if kind not in HOLD_KINDS or not why.strip() or "\x00" in number + why:
        return await _page(request, parts, visitor, "retention.bad_hold")
    try:
        held = await parts.database.retention.hold(
            cast("HoldKind", kind), number.strip(), why=why, who=visitor.who
        )
    except NotFoundError:
        return await _page(request, parts, visitor, "retention.no_such")
    except ConflictError:
        return await _page(request, parts, visitor, "retention.held_already")
    except BadValueError:
        return await _page(request, parts, visitor, "retention.bad_hold")
    await did(parts, visitor, "set_hold", f"{kind}:{held.number}", hold=held.id)
    return done("/admin/retention", "held")


@router.post("/holds/{number}/release")
async def release_hold(number: int, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """End a hold."""
    released = (
        await parts.database.retention.release(number, who=visitor.who) if 0 <= number < 2**62 else None
    )
    if released is not None:
        await did(parts, visitor, "released_hold", f"{released.kind}:{released.number}", hold=number)
    return done("/admin/retention", "released")


@router.get("/holds")
@router.get("/periods/{name}")
async def after_refusal(visitor: Administrator) -> Response:
    """Back to the page, for who loads a refused form again."""
    return RedirectResponse("/admin/retention", 303)


@router.post("/dry-run")
async def dry_run(request: Request, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """Count what would be deleted now."""
    await keeper_of(parts).run(who=visitor.who, dry=True)
    return done("/admin/retention", "counted")


@router.get("/erasure")
async def erasure_page(
    request: Request, parts: Parts, visitor: Administrator, customer: str = ""
) -> Response:
    """What an erasure of a customer would take and leave, and why."""
    return await _erasure(request, parts, visitor, _number(customer))


@router.post("/erasure")
async def erase(
    request: Request,
    parts: Parts,
    visitor: AdministratorInPerson,
    customer: Word = "",
    again: Word = "",
) -> Response:
    """Erase, if the number was typed once more."""
    customer = _number(customer)
    if not customer or _number(again) != customer:
        return await _erasure(request, parts, visitor, customer, wrong="retention.type_again")
    plan = await keeper_of(parts).erase(customer, who=visitor.who)
    if any(one.what == "customer" for one in plan.stays):
        return await _erasure(request, parts, visitor, customer, wrong="retention.is_held")
    return done(f"/admin/retention/erasure?customer={customer}", "erased")


async def _erasure(
    request: Request, parts: ConsoleParts, visitor: Visitor, customer: str, *, wrong: str = ""
) -> Response:
    plan = found = None
    if customer:
        plan = await keeper_of(parts).plan(customer)
        found = await parts.database.customers.find(customer)
        if found is not None:
            await looked_at(parts, visitor, "customer", customer, why="erasure")
    return render(
        request,
        visitor,
        "account/erasure.html",
        status=422 if wrong else 200,
        customer=customer,
        found=found,
        plan=plan,
        stays=[] if plan is None else plan.stays[:_MOST_STAYS],
        more=0 if plan is None else max(0, len(plan.stays) - _MOST_STAYS),
        records=await parts.database.retention.erasures(customer),
        said=said(request, visitor),
        wrong=text(request, visitor, wrong) if wrong else "",
    )


async def _page(request: Request, parts: ConsoleParts, visitor: Visitor, wrong: str = "") -> Response:
    retention = parts.database.retention
    return render(
        request,
        visitor,
        "account/retention.html",
        status=422 if wrong else 200,
        periods=(await retention.periods()).values(),
        holds=await retention.holds(),
        released=await retention.holds(released=True, limit=20),
        purges=await retention.purges(limit=14),
        erasures=await retention.erasures(limit=10),
        kinds=HOLD_KINDS,
        said=said(request, visitor),
        wrong=text(request, visitor, wrong) if wrong else "",
    )


def _number(written: str) -> str:
    number = written.strip().upper()
    return number if len(number) <= 20 and number.isascii() and number.isalnum() else ""
