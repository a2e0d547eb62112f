"""The pages of campaigns. Nothing is dialled before somebody has seen whom, and pressed start."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from ivr.console.access import Overseer, Visitor
from ivr.console.admin.uploads import limited
from ivr.console.audit import did, looked_at
from ivr.console.listing import PAGE, listing, page_number
from ivr.console.outreach.views import KINDS, NewForm, made, progress_of, wrong_lines
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.errors import OutreachError
from ivr.outreach.waiting import next_call
from ivr.outreach.windows import CompanyHours
from policy_db.outreach_facts import Campaign, CampaignState

router = APIRouter(prefix="/outreach")
#: The largest file of people, in bytes.
LARGEST: Final = 20_000_000
#: What may be done with a campaign, and the state that it comes into.
ACTIONS: Final[dict[str, CampaignState]] = {"start": "running", "pause": "paused", "stop": "stopped"}


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Every campaign, the newest first."""
    number = page_number(request)
    rows = await parts.database.campaigns.page(limit=PAGE + 1, offset=(number - 1) * PAGE)
    progress = {one.id: await progress_of(parts, one) for one in rows[:PAGE]}
    return render(request, visitor, "outreach/list.html", listing=listing(request, rows), progress=progress)


@router.get("/new")
async def new_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """The form of a new campaign."""
    settings = parts.settings
    form = NewForm(hours=settings.call_hours, rests=settings.call_rests)
    return await _form(request, parts, visitor, form)


@router.post("/new", dependencies=[Depends(limited(LARGEST))])
async def new(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Make a draft, which shows whom it would call."""
    data = await request.form()
    file = data.get("file")
    given = {
        name: value for name, value in data.items() if isinstance(value, str) and value and name != "csrf"
    }
    given.setdefault("holidays", "false")
    try:
        form = NewForm.model_validate(given)
    except ValidationError as error:
        where = str(error.errors()[0]["loc"][0])
        message = text(
            request, visitor, "outreach.wrong_field", field=text(request, visitor, f"outreach.{where}")
        )
        return await _form(request, parts, visitor, NewForm(), message, 422)
    content = await file.read() if isinstance(file, UploadFile) and file.filename else None
    try:
        campaign, found = await made(parts, visitor, form, content)
    except OutreachError as error:
        return await _form(request, parts, visitor, form, str(error), 422)
    await did(parts, visitor, "added", f"campaign:{campaign.id}", kind=campaign.kind, people=found.called)
    return RedirectResponse(f"/outreach/{campaign.id}", 303)


@router.get("/promises")
async def promises_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Promises to pay: those that stand, were broken or kept."""
    state = request.query_params.get("state", "broken")
    if state not in ("open", "broken", "kept", "withdrawn"):
        raise HTTPException(404)
    rows = await parts.database.promises.page(state=state, limit=500)  # type: ignore[arg-type]
    if rows:
        await looked_at(parts, visitor, "list", "promises")
    return render(request, visitor, "outreach/promises.html", rows=rows, state=state)


@router.get("/history")
async def history_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """What was tried with a policy or customer, and what came of it."""
    q = request.query_params.get("q", "").strip()[:20]
    attempts = await parts.database.outreach.of_policy(q) if q else ()
    attempts = attempts or (await parts.database.outreach.of_customer(q) if q else ())
    if attempts:
        await looked_at(parts, visitor, "policy", attempts[0].policy or q)
    return render(request, visitor, "outreach/history.html", q=q, attempts=attempts)


@router.get("/{campaign}")
async def campaign_page(request: Request, parts: Parts, visitor: Overseer, campaign: str) -> Response:
    """One campaign: whom it calls and whom not, how far it is, and its latest attempts."""
    return await _one(request, parts, visitor, campaign, "outreach/campaign.html")


@router.get("/{campaign}/progress")
async def progress_part(request: Request, parts: Parts, visitor: Overseer, campaign: str) -> Response:
    """The part of that page that changes."""
    return await _one(request, parts, visitor, campaign, "outreach/progress.html")


@router.get("/{campaign}/attempts")
async def attempts_part(request: Request, parts: Parts, visitor: Overseer, campaign: str) -> Response:
    """Its latest attempts."""
    return await _one(request, parts, visitor, campaign, "outreach/attempts.html")


@router.post("/{campaign}/{action}")
async def change(
    request: Request,
    parts: Parts,
    visitor: Overseer,
    campaign: str,
    action: str,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Start, pause or stop; throw a draft away."""
    if action == "remove":
        if not await parts.database.campaigns.remove(campaign):
            raise HTTPException(409)
        await did(parts, visitor, "removed", f"campaign:{campaign}")
        return RedirectResponse("/outreach", 303)
    await changed(parts, visitor, campaign, action)
    return RedirectResponse(f"/outreach/{campaign}", 303)


async def changed(parts: ConsoleParts, visitor: Visitor, campaign: str, action: str) -> Campaign:
    """Bring a campaign into another state. Raises HTTPException: 404 no such thing to do, 409 not now."""
    if action not in ACTIONS:
        raise HTTPException(404)
    after = await parts.database.campaigns.change(campaign, ACTIONS[action], parts.clock())
    if after is None:
        raise HTTPException(409)
    await did(parts, visitor, f"campaign_{action}", f"campaign:{campaign}")
    parts.bus.publish("campaign", campaign)
    return after


async def _one(
    request: Request, parts: ConsoleParts, visitor: Visitor, campaign: str, template: str
) -> Response:
    found = await parts.database.campaigns.find(campaign)
    if found is None:
        raise HTTPException(404)
    attempts = await parts.database.outreach.of_campaign(campaign, limit=25)
    if attempts:
        await looked_at(parts, visitor, "campaign", campaign)
    company = CompanyHours.of(parts.settings)
    values: dict[str, Any] = {
        "one": found,
        "progress": await progress_of(parts, found),
        "attempts": attempts,
        "wrong": wrong_lines(found),
        "company": company,
        "waits": await next_call(parts.database, found, company, parts.clock()),
    }
    return render(request, visitor, template, **values)


async def _form(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    form: NewForm,
    message: str = "",
    status: int = 200,
) -> Response:
    queues = sorted(parts.flows.current.hotline.queues)
    return render(
        request, visitor, "outreach/new.html", status=status, given=form, message=message, kinds=KINDS,
        flows=sorted(parts.flows.current.flows), queues=queues, company=CompanyHours.of(parts.settings),
    )  # fmt: skip
