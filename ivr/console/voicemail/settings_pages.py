"""What a manager sets for messages: the categories, and within how many working hours they are answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Manager
from ivr.console.audit import did
from ivr.console.pages import render
from ivr.console.parts import Parts
from ivr.console.voicemail.desk import names_of
from ivr.console.voicemail.due import due_clock
from policy_db.message_facts import ANY_MAILBOX, URGENCIES, Category

router = APIRouter(prefix="/messages/settings")


@router.get("")
async def show(request: Request, parts: Parts, visitor: Manager) -> Response:
    """Categories and due times."""
    clock = await due_clock(parts)
    boxes = [ANY_MAILBOX, *parts.flows.current.hotline.mailboxes]
    return render(
        request,
        visitor,
        "voicemail/settings.html",
        categories=await parts.database.messages.categories(all_of_them=True),
        rules=[(box, [(urgency, clock.hours_for(box, urgency)) for urgency in URGENCIES]) for box in boxes],
        names=await names_of(request, parts, visitor),
    )


@router.post("/category")
async def category(
    request: Request,
    parts: Parts,
    visitor: Manager,
    code: Annotated[str, Form(max_length=40)],
    chinese: Annotated[str, Form(max_length=100)],
    english: Annotated[str, Form(max_length=100)],
    position: Annotated[int, Form(ge=0, le=1000)] = 50,
    active: Annotated[bool, Form()] = False,
) -> Response:
    """Add a category, or change one."""
    titles = {"zh-CN": chinese.strip(), "en": english.strip()}
    await parts.database.messages.save_category(Category(code.strip(), titles, active, position))
    await did(parts, visitor, "changed", f"message_category:{code.strip()}")
    return RedirectResponse("/messages/settings", 303)


@router.post("/due")
async def due(request: Request, parts: Parts, visitor: Manager) -> Response:
    """Working hours for one mailbox, each urgency its own."""
    form = await request.form()
    mailbox = str(form.get("mailbox", ""))
    for urgency in URGENCIES:
        await parts.database.messages.save_due_hours(mailbox, urgency, _hours(str(form.get(urgency, ""))))
    await did(parts, visitor, "changed", f"due_rule:{mailbox}")
    return RedirectResponse("/messages/settings", 303)


def _hours(value: str) -> float:
    """A number of hours; one that is none is refused where it is saved."""
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return 0.0
