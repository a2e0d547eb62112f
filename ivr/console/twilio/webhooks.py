"""Twilio's webhooks. Each may come twice, late and out of order: a document is given again, a word changes nothing twice.

Sources: https://www.twilio.com/docs/voice/twiml#twilios-request-to-your-application,
https://www.twilio.com/docs/voice/api/call-resource#statuscallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from ivr.console.parts import Parts
from ivr.console.twilio.house import TwilioHouse, house_of
from ivr.console.twilio.messages import look_soon
from ivr.console.twilio.words import pass_on
from ivr.lines.twilio import twiml
from ivr.lines.twilio.tickets import StreamTicket
from ivr.lines.twilio.words import Word
from policy_db.errors import PolicyDatabaseError

router = APIRouter()

#: The largest form that is read, in bytes.
_LARGEST: Final = 65_536
_LONGEST_NUMBER: Final = 64
#: How a message is that will never arrive.
_UNDELIVERED: Final = ("failed", "undelivered")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is Twilio's: its form, and the house."""

    house: TwilioHouse
    form: Mapping[str, str]

    @property
    def call(self) -> str:
        """The SID of the call that it is about."""
        return self.form.get("CallSid", "")[:_LONGEST_NUMBER]


async def asked(request: Request, parts: Parts) -> Asked:
    """The request, if it is Twilio's: 404 without an account, 403 for anybody else's."""
    house = house_of(parts)
    if house is None:
        raise HTTPException(404)
    what = request.url.path.rpartition("/")[2]
    form = parse_qsl((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)
    signature = request.headers.get("x-twilio-signature", "")
    if not house.signatures.of_request(request.url.path, request.url.query, form, signature):
        house.count(what, "wrong_signature" if signature else "no_signature")
        raise HTTPException(403, "the signature is not Twilio's for HOTLINE_PUBLIC_URL and this account")
    house.count(what, "ok")
    return Asked(house, dict(form))


Signed = Annotated[Asked, Depends(asked)]


@router.post("/voice")
async def voice(signed: Signed, parts: Parts) -> Response:
    """Somebody calls: their sound is to be streamed to us; where nobody can take the call, their message is taken."""
    return _document(await _welcome(signed, parts))


@router.post("/after")
async def after(signed: Signed, parts: Parts) -> Response:
    """A stream has ended: the call as well, but for one that lost its worker, or was taken by none."""
    ending = signed.house.ending_of(signed.call)
    if ending is None or signed.form.get("CallStatus") == "completed":
        return _document(twiml.hang_up())
    if ending == "lost" and signed.house.may_return(signed.call):
        return _document(await _welcome(signed, parts))
    return _document(_take_message(signed.house))


@router.post("/dialled")
async def dialled(signed: Signed, parts: Parts) -> Response:
    """Somebody who was sent elsewhere is done there; who was not answered comes back to us."""
    if signed.form.get("DialCallStatus") in ("completed", "answered"):
        return _document(twiml.hang_up())
    return _document(await _welcome(signed, parts))


@router.post("/status")
@router.post("/amd")
async def word(request: Request, signed: Signed, parts: Parts) -> Response:
    """How a call is that we asked for, or who answered it."""
    key, worker = request.query_params.get("key", ""), request.query_params.get("worker", "")
    await pass_on(parts, Word.read(key, signed.form), worker)
    return Response(status_code=204)


@router.post("/message")
async def message(request: Request, signed: Signed, parts: Parts) -> Response:
    """How a short message is: one that will never arrive counts as failed."""
    reference = request.query_params.get("reference", "")
    if signed.form.get("MessageStatus") in _UNDELIVERED and reference.isascii() and reference.isdigit():
        why = f"Twilio {signed.form.get('ErrorCode', '')[:10]}: not delivered"
        await parts.database.outbox.failed(int(reference), why, again_at=None)
    return Response(status_code=204)


@router.post("/recording")
async def recording(signed: Signed, parts: Parts) -> Response:
    """A message was recorded in our place."""
    look_soon(parts)
    return Response(status_code=204)


@router.api_route("/fallback", methods=["GET", "POST"])
async def fallback(parts: Parts) -> Response:
    """The document that takes a message; it is the same for everybody."""
    house = house_of(parts)
    if house is None:
        raise HTTPException(404)
    return _document(_take_message(house))


@router.get("/thanks")
async def thanks() -> Response:
    """What follows a message; the same for everybody."""
    return _document(twiml.thanks())


async def _welcome(signed: Asked, parts: Parts) -> str:
    """The document by which a call comes to a worker; where there is none, the one that takes a message."""
    access = signed.house.access
    try:
        workers = await parts.database.workers.serving(parts.clock())
    except PolicyDatabaseError:
        workers = ()
    if not workers:
        return _take_message(signed.house)
    ticket = StreamTicket(
        signed.call,
        signed.form.get("From", "")[:_LONGEST_NUMBER],
        signed.form.get("To", "")[:_LONGEST_NUMBER],
    )
    parameters = {"ticket": signed.house.tickets.issue(ticket)}
    return twiml.connect(access, parameters, action=access.url("/twilio/after"))


def _take_message(house: TwilioHouse) -> str:
    access = house.access
    return twiml.take_message(then=access.url("/twilio/thanks"), tell=access.url("/twilio/recording"))


def _document(text: str) -> Response:
    return Response(text, media_type="text/xml")


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST:
            raise HTTPException(413)
    return body
