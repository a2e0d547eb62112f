"""The fake Twilio: an account with one number, its interface on loopback, and the calls and messages of it."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Mapping
from typing import Any, Self

from aiohttp import web

from ivr.testing.twilio.calls import FakeCall, new_sid
from ivr.testing.twilio.faults import Faults
from ivr.testing.twilio.people import Person
from ivr.testing.twilio.resources import FakeMessage, FakeRecording
from ivr.testing.twilio.rest import Rest
from ivr.testing.twilio.webhooks import TIMEOUT, Webhooks


class FakeTwilio:
    """An account at Twilio that exists here alone.

    `public_url` is where the hotline is reached. `people` says who is at which number that is called; others answer and
    listen. `pace` is that of streams: 1.0 is real time. `webhook_timeout` is Twilio's 15 s, unless a test is in a hurry.
    """

    def __init__(
        self,
        public_url: str,
        *,
        number: str = "+14155550100",
        people: Mapping[str, Person] | None = None,
        faults: Faults | None = None,
        pace: float = 1.0,
        webhook_timeout: float = TIMEOUT,
        fallback_url: str = "",
        seed: int = 7,
    ) -> None:
        self.public_url = public_url
        self.account = new_sid("AC")
        self.token = secrets.token_hex(16)
        self.number = number
        self.number_sid = new_sid("PN")
        self.people = dict(people or {})
        self.faults = faults or Faults()
        self.pace = pace
        self.voice_url = f"{public_url}/twilio/voice"
        self.fallback_url = fallback_url
        self.calls: dict[str, FakeCall] = {}
        self.messages: dict[str, FakeMessage] = {}
        self.recordings: dict[str, FakeRecording] = {}
        #: How the next messages end: `delivered`, or `undelivered` with an error code, by number.
        self.undelivered: dict[str, int] = {}
        #: What callers leave when they are asked for a message (µ-law); None: nothing.
        self.leaves: bytes | None = None
        self.rest = Rest(self)
        self.api = ""
        self.closed = False
        self._timeout = webhook_timeout
        self._rng = random.Random(seed)  # noqa: S311 - of faults, not of secrets
        self._runner: web.AppRunner | None = None
        self.webhooks: Webhooks

    async def __aenter__(self) -> Self:
        """Open its interface."""
        self.webhooks = Webhooks(self.token, self.faults, self._rng, timeout=self._timeout)
        self._runner = web.AppRunner(self.rest.application(), shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.api = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End every call, and give everything back."""
        self.closed = True
        for call in self.calls.values():
            call.end("completed")
        running = [call.task for call in self.calls.values() if call.task is not None]
        await asyncio.gather(*running, return_exceptions=True)
        await self.webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which a hotline takes it for Twilio, by their names without `HOTLINE_`."""
        return {
            "public_url": self.public_url,
            "twilio_account_sid": self.account,
            "twilio_auth_token": self.token,
            "twilio_number": self.number,
            "twilio_api": self.api,
        }

    # What a test does

    async def call(self, caller: str, *, person: Person | None = None, answered: bool = True) -> FakeCall:
        """Somebody calls our number; returns when sound flows, or the call is over. `answered` False: at once."""
        call = FakeCall(self, caller, self.number, person or Person())
        self.calls[call.sid] = call
        call.begin()
        if answered:
            await call.until(lambda: call.streaming or call.over or bool(call.said))
        return call

    async def called(self, number: str, *, longest: float = 20.0) -> FakeCall:
        """The call to a number that the hotline asks for; waits for it. Raises TimeoutError."""
        async with asyncio.timeout(longest):
            while True:
                for call in self.calls.values():
                    if call.to == number:
                        return call
                await asyncio.sleep(0.01)

    # What its interface does

    def place(self, caller: str, to: str, asked: Mapping[str, Any]) -> FakeCall:
        """A call was asked for."""
        call = FakeCall(self, caller, to, self.people.get(to, Person()), asked)
        self.calls[call.sid] = call
        call.begin()
        return call

    def send(self, form: Mapping[str, Any]) -> FakeMessage:
        """A message was asked for."""
        message = FakeMessage(new_sid("SM"), str(form["To"]), str(form["From"]), str(form["Body"]))
        self.messages[message.sid] = message
        asyncio.get_running_loop().call_later(
            0.02, self._delivered, message, str(form.get("StatusCallback", ""))
        )
        return message

    def keep_recording(self, call: str, sound: bytes) -> str:
        """Keep a recording; its SID."""
        recording = FakeRecording(new_sid("RE"), call, sound)
        self.recordings[recording.sid] = recording
        return recording.sid

    def number_resource(self) -> dict[str, Any]:
        """How our number is set up."""
        return {
            "sid": self.number_sid,
            "account_sid": self.account,
            "phone_number": self.number,
            "friendly_name": self.number,
            "voice_url": self.voice_url,
            "voice_method": "POST",
            "voice_fallback_url": self.fallback_url,
            "voice_fallback_method": "GET",
        }

    def _delivered(self, message: FakeMessage, url: str) -> None:
        if self.closed:
            return
        code = self.undelivered.get(message.to)
        for status in ("sent", "delivered" if code is None else "undelivered"):
            message.status = status
            form = {
                "MessageSid": message.sid,
                "AccountSid": self.account,
                "MessageStatus": status,
                "To": message.to,
                "From": message.caller,
            }
            if code is not None and status == "undelivered":
                message.error_code = code
                form["ErrorCode"] = str(code)
            self.webhooks.callback(url, form)
