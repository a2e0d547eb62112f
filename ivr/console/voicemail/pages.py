"""Pages of messages: the inbox, one message with all that can be done to it, what waits for the visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Anyone, ForbiddenError, Visitor
from ivr.console.audit import did, looked_at
from ivr.console.formats import iso
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.player.views import written
from ivr.console.voicemail.changing import Wish, change_of, made
from ivr.console.voicemail.desk import VIEWS, Names, is_mine, message_for, names_of, sight_of, wanted_of
from policy_db.message_facts import CallBackState, Message, MessageFilter, Sight, StaleError

router = APIRouter(prefix="/messages")
#: Rows that one CSV file holds at most, and how many are read at a time.
MOST_ROWS: Final = 50_000
_AT_ONCE: Final = 1000


@router.get("")
async def inbox(request: Request, parts: Parts, visitor: Anyone) -> Response:
    """The messages that the visitor sees."""
    sight, wanted, now = await sight_of(parts, visitor), wanted_of(request.query_params), parts.clock()
    messages = parts.database.messages
    start = (page_number(request) - 1) * PAGE
    rows = await messages.inbox(sight, wanted, now=now, limit=PAGE + 1, offset=start)
    whole = start == 0 and len(rows) <= PAGE  # nothing is left to be counted
    total = len(rows) if whole else await messages.count(sight, wanted, now=now)
    shown = listing(request, rows, total=total)
    return render(
        request,
        visitor,
        "voicemail/rows.html" if "hx-request" in request.headers else "voicemail/inbox.html",
        listing=shown,
        counts=await messages.counts(sight, now=now),
        wanted=wanted,
        views=VIEWS,
        names=await names_of(request, parts, visitor),
        boxes=await messages.mailboxes(sight),
        now=now,
        query=request.url.query,
    )


@router.get("/badge")
async def badge(request: Request, parts: Parts, visitor: Anyone) -> Response:
    """What was given to the visitor and not seen yet, for the bar of every page; empty for who has no messages."""
    try:
        sight = await sight_of(parts, visitor)
    except ForbiddenError:
        return Response(status_code=204)
    counts = await parts.database.messages.counts(sight, now=parts.clock())
    return render(request, visitor, "voicemail/badge.html", counts=counts)


@router.get("/export.csv")
async def export(request: Request, parts: Parts, visitor: Anyone) -> Response:
    """The list as it is filtered, as CSV."""
    sight, wanted = await sight_of(parts, visitor), wanted_of(request.query_params)
    names = await names_of(request, parts, visitor)
    await did(parts, visitor, "exported", "messages", view=wanted.view)
    columns = (
        "when", "customer", "caller", "level", "mailbox", "reason", "length", "category", "urgency", "due", "assigned",
        "state", "policy", "claim", "id",
    )  # fmt: skip
    header = [text(request, visitor, f"messages.column.{name}") for name in columns]
    return csv_reply("messages", header, _lines(request, parts, visitor, sight, wanted, names))


async def _lines(
    request: Request, parts: ConsoleParts, visitor: Visitor, sight: Sight, wanted: MessageFilter, names: Names
) -> AsyncIterator[Sequence[object]]:
    now = parts.clock()
    for start in range(0, MOST_ROWS, _AT_ONCE):
        rows = await parts.database.messages.inbox(sight, wanted, now=now, limit=_AT_ONCE, offset=start)
        for one in rows:
            yield (
                iso(one.received_at), one.customer_name, one.caller, one.level, names.mailbox(one.mailbox), one.reason,
                round(one.seconds), names.category(one.category), text(request, visitor, f"urgency.{one.urgency}"),
                iso(one.due_at), names.assigned(one), text(request, visitor, f"message_state.{one.state}"),
                one.policy, one.claim, one.id,
            )  # fmt: skip
        if len(rows) < _AT_ONCE:
            return


@router.get("/{message}")
async def one(request: Request, parts: Parts, visitor: Anyone, message: str) -> Response:
    """One message. Opening it takes it from the unread ones."""
    found = await message_for(parts, visitor, message)
    mine = is_mine(found, await sight_of(parts, visitor))
    await looked_at(parts, visitor, "message", message)
    if await parts.database.messages.opened(message, visitor.name, assigned=mine) or mine:
        parts.bus.publish("message", message)
        found = await message_for(parts, visitor, message)
    return await _page(request, parts, visitor, found)


@router.get("/{message}/history")
async def history(request: Request, parts: Parts, visitor: Anyone, message: str) -> Response:
    """How the message stands and all that was done to it, which reads itself again."""
    found = await message_for(parts, visitor, message)
    return render(request, visitor, "voicemail/history.html", **await _told(request, parts, visitor, found))


@router.get("/{message}/desk")
async def desk(request: Request, parts: Parts, visitor: Anyone, message: str) -> Response:
    """The forms of the message as it is now, which read themselves again while nobody writes in them."""
    found = await message_for(parts, visitor, message)
    values: dict[str, Any] = {
        "wish": Wish.of(parts, found), "stale": None, "query": request.url.query,
    }  # fmt: skip
    told = await _told(request, parts, visitor, found)
    return render(request, visitor, "voicemail/desk_forms.html", **values, **told)


@router.post("/{message}")
async def save(
    request: Request, parts: Parts, visitor: Anyone, message: str, wish: Annotated[Wish, Form()]
) -> Response:
    """Change how the message is handled, from the version that the form was made of."""
    found = await message_for(parts, visitor, message)
    try:
        change = change_of(parts, found, wish)
        await made(parts, visitor, found, change, version=wish.version)
    except StaleError as stale:
        now = await message_for(parts, visitor, message)
        return await _page(request, parts, visitor, now, status=409, stale=stale, wish=wish)
    return await _after(request, parts, visitor, message)


@router.post("/{message}/note")
async def note(
    request: Request,
    parts: Parts,
    visitor: Anyone,
    message: str,
    note: Annotated[str, Form(max_length=5000)] = "",
) -> Response:
    """Keep a note; notes never get into one another's way."""
    await message_for(parts, visitor, message)
    await parts.database.messages.note(message, visitor.name, note)
    await did(parts, visitor, "noted", f"message:{message}")
    parts.bus.publish("message", message)
    return await _after(request, parts, visitor, message)


@router.post("/{message}/call-back")
async def call_back(request: Request, parts: Parts, visitor: Anyone, message: str) -> Response:
    """Promise to call back; who has a seat goes on to their telephone, which dials."""
    found = await message_for(parts, visitor, message)
    await parts.database.messages.ask_call_back(found.caller, visitor.name, message=message)
    await did(parts, visitor, "call_back", f"message:{message}")
    parts.bus.publish("message", message)
    return await _after(request, parts, visitor, message)


@router.post("/{message}/call-back/{call_back}")
async def end_call_back(
    request: Request,
    parts: Parts,
    visitor: Anyone,
    message: str,
    call_back: int,
    state: Annotated[CallBackState, Form()],
) -> Response:
    """The promise is kept, or not."""
    await message_for(parts, visitor, message)
    await parts.database.messages.end_call_back(call_back, visitor.name, state, message=message)
    parts.bus.publish("message", message)
    return await _after(request, parts, visitor, message)


async def _after(request: Request, parts: ConsoleParts, visitor: Visitor, message: str) -> Response:
    """Back to the message as it is now; to the inbox where it is now out of sight (given away, moved)."""
    query = f"?{request.url.query}" if request.url.query else ""
    found = await parts.database.messages.find(message, await sight_of(parts, visitor))
    path = f"/messages{query}" if found is None else f"/messages/{message}{query}"
    if "hx-request" not in request.headers:
        return RedirectResponse(path, 303)
    if found is None:
        return Response(headers={"HX-Redirect": path})
    return await _page(request, parts, visitor, found)


async def _page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    message: Message,
    *,
    status: int = 200,
    stale: StaleError | None = None,
    wish: Wish | None = None,
) -> Response:
    """The whole page, or for htmx what can change of it. A change that came too late is offered again as it was meant."""
    is_part = "hx-request" in request.headers
    told = await _told(request, parts, visitor, message)
    query = request.query_params
    following = None
    if not is_part:
        sight, wanted = await sight_of(parts, visitor), wanted_of(query)
        following = await parts.database.messages.next_to(message, sight, wanted, now=parts.clock())
    return render(
        request,
        visitor,
        "voicemail/desk.html" if is_part else "voicemail/message.html",
        status=200 if is_part else status,  # htmx swaps what it is answered only then
        **await written(parts, message.id),
        following=following,
        stale=stale,
        wish=wish or Wish.of(parts, message),
        query=request.url.query,
        **told,
    )


async def _told(request: Request, parts: ConsoleParts, visitor: Visitor, message: Message) -> dict[str, Any]:
    return {
        "message": message,
        "history": await parts.database.messages.history(message.id),
        "call_backs": await parts.database.messages.call_backs(message=message.id),
        "names": await names_of(request, parts, visitor),
        "now": parts.clock(),
        "at": datetime.fromisoformat,
    }
