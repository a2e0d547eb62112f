"""The fake Twilio's interface (https://www.twilio.com/docs/voice/api), the part that a hotline asks."""

from __future__ import annotations

import asyncio
import base64
import re
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl

from aiohttp import web

from ivr.testing.twilio.documents import DocumentError, read_document
from ivr.testing.twilio.faults import RestFault
from ivr.testing.twilio.resources import call_resource, listed, message_resource, recording_resource

if TYPE_CHECKING:
    from ivr.testing.twilio.fake import FakeTwilio

_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")
_EVENTS: Final = frozenset({"initiated", "ringing", "answered", "completed"})
_LONGEST_DOCUMENT: Final = 4000
_LONGEST_BODY: Final = 1600

Form = Mapping[str, Any]


class RefusedError(Exception):
    """What Twilio refuses: an HTTP status and its own code."""

    def __init__(self, status: int, code: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after


class Rest:
    """Answers requests; `asked` has every one: its method, its path, and its form or query."""

    def __init__(self, twilio: FakeTwilio) -> None:
        self._twilio = twilio
        self.asked: list[tuple[str, str, Form]] = []
        self.answers: list[tuple[str, str, int, Any]] = []
        self._lately: dict[str, list[float]] = {}

    def application(self) -> web.Application:
        """The interface as a web application."""
        account = "/2010-04-01/Accounts/{account}"
        app = web.Application()
        app.add_routes([
            web.post(f"{account}/Calls.json", self._route("call", self._create_call)),
            web.get(f"{account}/Calls.json", self._route("look", self._list_calls)),
            web.get(f"{account}/Calls/{{sid}}.json", self._route("look", self._fetch_call)),
            web.post(f"{account}/Calls/{{sid}}.json", self._route("look", self._update_call)),
            web.post(f"{account}/Messages.json", self._route("message", self._create_message)),
            web.get(f"{account}/Messages.json", self._route("look", self._list_messages)),
            web.get(f"{account}/Recordings.json", self._route("look", self._list_recordings)),
            web.get(f"{account}/Recordings/{{sid}}.wav", self._route("look", self._sound)),
            web.delete(f"{account}/Recordings/{{sid}}.json", self._route("look", self._delete_recording)),
            web.get(f"{account}/IncomingPhoneNumbers.json", self._route("look", self._list_numbers)),
            web.post(
                f"{account}/IncomingPhoneNumbers/{{sid}}.json", self._route("look", self._update_number)
            ),
            web.get(f"{account}.json", self._route("look", self._fetch_account)),
        ])  # fmt: skip
        return app

    # How every request is answered

    def _route(
        self,
        what: Literal["call", "message", "look"],
        handler: Callable[[web.Request, Form], tuple[int, Any]],
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            form = await _form(request)
            self.asked.append((request.method, request.path, form))
            fault = self._twilio.faults.take(what)
            try:
                self._let_in(request, what)
                if fault is not None and not fault.done:
                    return await self._failed(request, fault)
                status, body = handler(request, form)
            except RefusedError as error:
                return _refusal(error)
            self.answers.append((request.method, request.path, status, body))
            if fault is not None:
                return await self._failed(request, fault)
            if isinstance(body, bytes):
                return web.Response(body=body, content_type="audio/x-wav")
            return web.json_response(body, status=status) if status != 204 else web.Response(status=204)

        return answer

    async def _failed(self, request: web.Request, fault: RestFault) -> web.StreamResponse:
        """An answer of that status, or none at all: the connection is cut."""
        if fault.status:
            return _refusal(RefusedError(fault.status, fault.code, "on request", fault.retry_after))
        transport = request.transport
        if transport is not None:
            transport.close()
        await asyncio.sleep(0)
        return web.Response(status=500)

    def _let_in(self, request: web.Request, what: str) -> None:
        twilio = self._twilio
        expected = base64.b64encode(f"{twilio.account}:{twilio.token}".encode()).decode()
        if (
            request.headers.get("Authorization") != f"Basic {expected}"
            or request.match_info["account"] != twilio.account
        ):
            raise RefusedError(401, 20003, "Authenticate")
        if twilio.faults.account is not None:
            raise RefusedError(*twilio.faults.account, "the account is refused, on request")
        self._not_too_often(what)

    def _not_too_often(self, what: str) -> None:
        limit = self._twilio.faults.per_second
        now = asyncio.get_running_loop().time()
        lately = [at for at in self._lately.get(what, []) if at > now - 1.0]
        if limit and what != "look" and len(lately) >= limit:
            raise RefusedError(429, 20429, "Too Many Requests", 1)
        self._lately[what] = [*lately, now]

    # Calls

    def _create_call(self, request: web.Request, form: Form) -> tuple[int, Any]:
        self._check_numbers(form, 21211, 21210)
        self._check_document(form)
        events = form.get("StatusCallbackEvent", "completed")
        if not _EVENTS.issuperset([events] if isinstance(events, str) else events):
            raise RefusedError(400, 21626, "StatusCallbackEvent is invalid")
        call = self._twilio.place(form["From"], form["To"], form)
        return 201, call_resource(call, self._twilio.account)

    def _check_document(self, form: Form) -> None:
        document = form.get("Twiml", "")
        if not document and not form.get("Url"):
            raise RefusedError(400, 21205, "Url parameter is required")
        if len(document) > _LONGEST_DOCUMENT:
            raise RefusedError(400, 21212, "Twiml is too long")
        try:
            if document:
                read_document(document)
        except DocumentError as error:
            raise RefusedError(400, 12100, str(error)) from None

    def _check_numbers(self, form: Form, bad_to: int, bad_from: int) -> None:
        to, caller = str(form.get("To", "")), str(form.get("From", ""))
        if not _NUMBER.fullmatch(to):
            raise RefusedError(400, bad_to, "Invalid 'To' Phone Number")
        if caller != self._twilio.number:
            raise RefusedError(400, bad_from, "the From number is not yours")
        refused = self._twilio.faults.refused.get(to)
        if refused is not None:
            raise RefusedError(*refused, "the number is refused, on request")

    def _list_calls(self, request: web.Request, form: Form) -> tuple[int, Any]:
        wanted = [
            call_resource(call, self._twilio.account)
            for call in reversed(self._twilio.calls.values())
            if form.get("To", call.to) == call.to and form.get("From", call.caller) == call.caller
        ]
        return 200, listed("calls", wanted, request.path)

    def _fetch_call(self, request: web.Request, form: Form) -> tuple[int, Any]:
        call = self._twilio.calls.get(request.match_info["sid"])
        if call is None:
            raise RefusedError(404, 20404, "The requested resource was not found")
        return 200, call_resource(call, self._twilio.account)

    def _update_call(self, request: web.Request, form: Form) -> tuple[int, Any]:
        call = self._twilio.calls.get(request.match_info["sid"])
        if call is None:
            raise RefusedError(404, 20404, "The requested resource was not found")
        if call.over:
            raise RefusedError(400, 21220, "Call is not in-progress. Cannot redirect.")
        if form.get("Status"):
            call.end("canceled" if call.answered_at is None else "completed")
        elif form.get("Twiml"):
            self._check_document(form)
            call.replace(form["Twiml"])
        return 200, call_resource(call, self._twilio.account)

    # Messages

    def _create_message(self, request: web.Request, form: Form) -> tuple[int, Any]:
        self._check_numbers(form, 21211, 21606)
        if not form.get("Body"):
            raise RefusedError(400, 21602, "Message body is required")
        if len(form["Body"]) > _LONGEST_BODY:
            raise RefusedError(400, 21617, "The message body is too long")
        message = self._twilio.send(form)
        return 201, message_resource(message, self._twilio.account)

    def _list_messages(self, request: web.Request, form: Form) -> tuple[int, Any]:
        wanted = [
            message_resource(one, self._twilio.account)
            for one in reversed(self._twilio.messages.values())
            if form.get("To", one.to) == one.to and form.get("From", one.caller) == one.caller
        ]
        return 200, listed("messages", wanted, request.path)

    # Recordings

    def _list_recordings(self, request: web.Request, form: Form) -> tuple[int, Any]:
        found = [recording_resource(one, self._twilio.account) for one in self._twilio.recordings.values()]
        return 200, listed("recordings", found, request.path)

    def _sound(self, request: web.Request, form: Form) -> tuple[int, Any]:
        recording = self._twilio.recordings.get(request.match_info["sid"])
        if recording is None:
            raise RefusedError(404, 20404, "The requested resource was not found")
        return 200, _wav(recording.sound)

    def _delete_recording(self, request: web.Request, form: Form) -> tuple[int, Any]:
        self._twilio.recordings.pop(request.match_info["sid"], None)
        return 204, None

    # The account

    def _fetch_account(self, request: web.Request, form: Form) -> tuple[int, Any]:
        return 200, {"sid": self._twilio.account, "status": "active", "type": "Full", "friendly_name": "test"}

    def _list_numbers(self, request: web.Request, form: Form) -> tuple[int, Any]:
        own = self._twilio.number_resource()
        wanted = [own] if form.get("PhoneNumber", own["phone_number"]) == own["phone_number"] else []
        return 200, listed("incoming_phone_numbers", wanted, request.path)

    def _update_number(self, request: web.Request, form: Form) -> tuple[int, Any]:
        self._twilio.voice_url = form.get("VoiceUrl", self._twilio.voice_url)
        self._twilio.fallback_url = form.get("VoiceFallbackUrl", self._twilio.fallback_url)
        return 200, self._twilio.number_resource()


async def _form(request: web.Request) -> dict[str, Any]:
    """The form or the query; a field that comes several times is a list."""
    text = await request.text() if request.method == "POST" else request.query_string
    form: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in form:
            form[name] = [*([form[name]] if isinstance(form[name], str) else form[name]), value]
        else:
            form[name] = value
    return form


def _refusal(error: RefusedError) -> web.Response:
    body = {
        "code": error.code,
        "message": str(error),
        "more_info": f"https://www.twilio.com/docs/errors/{error.code}",
        "status": error.status,
    }
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return web.json_response(body, status=error.status, headers=headers)


def _wav(sound: bytes) -> bytes:
    """µ-law as a WAV file (format 7)."""
    fmt = struct.pack("<HHIIHHH", 7, 1, 8000, 8000, 1, 8, 0)
    chunks = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
