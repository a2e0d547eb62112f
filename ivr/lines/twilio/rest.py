"""What Twilio is asked (https://www.twilio.com/docs/voice/api), with its own library, in the loop of the caller.

Nothing that creates is asked twice by itself, but where Twilio has said for certain that it did not do it (429).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ivr.lines.twilio.access import TwilioAccess
from ivr.lines.twilio.faults import TwilioError, kind_of
from ivr.lines.twilio.transport import http_client

if TYPE_CHECKING:
    from twilio.rest.api.v2010.account import AccountContext

T = TypeVar("T")

#: Seconds that Twilio may take for an answer.
TIMEOUT: Final = 8.0
#: How often a request that was one too many is made again, and the longest pause before it, in seconds.
_TRIES: Final = 4
_LONGEST_PAUSE: Final = 5.0
#: The end of a call, in the words of a REST answer.
_ENDED: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class CallFact:
    """A call as Twilio has it."""

    sid: str
    status: str
    to: str
    caller: str
    created_at: datetime | None
    answered_by: str = ""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class MessageFact:
    """A short message as Twilio has it."""

    sid: str
    status: str
    to: str
    body: str


@dataclass(frozen=True, slots=True)
class RecordingFact:
    """A recording that Twilio keeps; `seconds` as Twilio counts, `by` is how it came about."""

    sid: str
    call: str
    seconds: float
    created_at: datetime | None
    by: str
    status: str


class TwilioRest:
    """Asks Twilio. Every method raises TwilioError. `close` it at the end."""

    def __init__(
        self,
        access: TwilioAccess,
        *,
        timeout: float = TIMEOUT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.access = access
        self._timeout = timeout
        self._sleep = sleep
        self._client: Any = None

    async def close(self) -> None:
        """Give its connections back."""
        if self._client is not None:
            await self._client.http_client.close()
            self._client = None

    # Calls

    async def create_call(
        self, to: str, caller: str, twiml: str, *, status_url: str, ring_seconds: float, amd_url: str = ""
    ) -> str:
        """Ask for a call; its SID. `amd_url` is told who answered."""
        told: dict[str, Any] = {}
        if amd_url:
            told = {
                "machine_detection": "DetectMessageEnd",
                "async_amd": "true",
                "async_amd_status_callback": amd_url,
                "async_amd_status_callback_method": "POST",
            }
        call = await self._ask(
            lambda of: of.calls.create_async(
                to=to,
                from_=caller,
                twiml=twiml,
                timeout=max(5, min(600, round(ring_seconds))),
                status_callback=status_url,
                status_callback_method="POST",
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                **told,
            )
        )
        return str(call.sid)

    async def call(self, sid: str) -> CallFact:
        """A call."""
        return _call(await self._ask(lambda of: of.calls(sid).fetch_async()))

    async def calls_to(self, to: str, caller: str, since: datetime) -> tuple[CallFact, ...]:
        """Calls from and to these numbers that were asked for since a moment, the oldest first."""
        day = since - timedelta(
            days=1
        )  # Twilio's filter knows days, and calls that have not begun have no start
        found = await self._ask(lambda of: of.calls.list_async(to=to, from_=caller, limit=50))
        calls = [_call(one) for one in found]
        new = [one for one in calls if (one.created_at or day) >= since]
        return tuple(sorted(new, key=lambda one: one.created_at or day))

    async def redirect(self, sid: str, twiml: str) -> None:
        """Let a running call go on with another document."""
        await self._ask(lambda of: of.calls(sid).update_async(twiml=twiml))

    async def end_call(self, sid: str) -> None:
        """End a call, however far it is; harmless if it has ended."""
        with suppress(TwilioError):
            await self._ask(lambda of: of.calls(sid).update_async(status="completed"))

    # Messages

    async def send_message(self, to: str, text: str, *, status_url: str) -> str:
        """Send a short message; its SID."""
        sent = await self._ask(
            lambda of: of.messages.create_async(
                to=to, from_=self.access.number, body=text, status_callback=status_url
            )
        )
        return str(sent.sid)

    async def messages_to(self, to: str, since: datetime) -> tuple[MessageFact, ...]:
        """What we have sent to a number since a moment."""
        found = await self._ask(lambda of: of.messages.list_async(to=to, from_=self.access.number, limit=50))
        return tuple(
            MessageFact(str(one.sid), str(one.status), str(one.to), str(one.body or ""))
            for one in found
            if one.date_created is None or one.date_created >= since
        )

    # Recordings

    async def recordings(self, since: datetime) -> tuple[RecordingFact, ...]:
        """Recordings that Twilio keeps since a day."""
        found = await self._ask(lambda of: of.recordings.list_async(date_created_after=since, limit=200))
        return tuple(
            RecordingFact(
                str(one.sid),
                str(one.call_sid),
                float(one.duration or 0),
                one.date_created,
                str(one.source or ""),
                str(one.status or ""),
            )
            for one in found
        )

    async def recording(self, sid: str) -> bytes:
        """The sound of a recording, as a WAV file."""
        path = f"/2010-04-01/Accounts/{self.access.account}/Recordings/{sid}.wav"
        client = self._made()
        try:
            status, body = await client.http_client.download(f"{self.access.api}{path}", client.auth)
        except OSError:
            raise TwilioError("unreachable") from None
        if status != 200:
            raise TwilioError(kind_of(status, 0))
        return bytes(body)

    async def delete_recording(self, sid: str) -> None:
        """Let Twilio keep a recording no more."""
        await self._ask(lambda of: of.recordings(sid).delete_async())

    # The account

    async def account_status(self) -> str:
        """How the account is: active, suspended or closed."""
        found = await self._ask(lambda of: of.fetch_async())
        return str(found.status)

    async def number(self) -> dict[str, str] | None:
        """How our number is set up, by Twilio's names; None: it is not this account's."""
        wanted = self.access.number
        found = await self._ask(lambda of: of.incoming_phone_numbers.list_async(phone_number=wanted, limit=1))
        if not found:
            return None
        names = ("sid", "voice_url", "voice_fallback_url", "voice_method", "voice_fallback_method")
        return {name: str(getattr(found[0], name, "") or "") for name in names}

    async def connect_number(self, sid: str, *, fallback_url: str = "") -> None:
        """Let calls to our number come to us, and to `fallback_url` when we do not answer."""
        more = {"voice_fallback_url": fallback_url, "voice_fallback_method": "GET"} if fallback_url else {}
        await self._ask(
            lambda of: of.incoming_phone_numbers(sid).update_async(
                voice_url=self.access.url("/twilio/voice"), voice_method="POST", **more
            )
        )

    # Inside

    async def _ask(self, what: Callable[[AccountContext], Awaitable[T]]) -> T:
        """Ask, again after a pause where it was one request too many."""
        for turn in range(_TRIES):
            try:
                return await self._once(what)
            except TwilioError as error:
                if error.kind != "congested" or error.number not in (0, 20429) or turn == _TRIES - 1:
                    raise
                await self._sleep(min(_LONGEST_PAUSE, error.retry_after or 0.5 * 2**turn))
        raise AssertionError

    async def _once(self, what: Callable[[AccountContext], Awaitable[T]]) -> T:
        from aiohttp import ClientConnectorError, ClientError
        from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

        client = self._made()
        try:
            return await what(client.api.v2010.accounts(self.access.account))
        except (TwilioRestException, TwilioServiceException) as error:
            number = error.code if error.code != error.status else 0
            after = client.http_client.retry_after if error.status == 429 else None
            raise TwilioError(kind_of(error.status, number or 0), number or 0, retry_after=after) from None
        except ClientConnectorError:
            raise TwilioError("unreachable") from None
        except (ClientError, TimeoutError, OSError, ValueError, TwilioException):
            raise TwilioError("unknown") from None

    def _made(self) -> Any:
        if self._client is None:
            from twilio.rest import Client

            # The library logs whom is called.
            logging.getLogger("twilio.async_http_client").setLevel(logging.WARNING)
            access = self.access
            client = http_client(access.api, self._timeout)
            self._client = Client(access.account, access.token, http_client=client)
        return self._client


def _call(one: Any) -> CallFact:
    return CallFact(
        str(one.sid), str(one.status), str(one.to or ""), str(one._from or ""), one.date_created,
        str(one.answered_by or ""),
    )  # fmt: skip
