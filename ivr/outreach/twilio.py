"""Calls of campaigns, and short messages, over Twilio."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from ivr.errors import OutreachError, RefusedError
from ivr.lines.base import Leg
from ivr.lines.twilio.faults import Kind, TwilioError
from ivr.lines.twilio.line import HungUpAtOnceError, TwilioLine
from ivr.lines.twilio.rest import CallFact, TwilioRest
from ivr.lines.twilio.words import Word
from ivr.outreach.carrier import AnsweredBy, CarrierAnswer, DialOrder, NobodyKnowsError, NotReachedError, Told
from ivr.outreach.outcomes import by_status
from ivr.outreach.sms import SmsError

log = structlog.get_logger(__name__)

#: The outcome of an attempt that Twilio refused, by what its error means.
_OUTCOMES: Final[dict[Kind, str]] = {
    "invalid": "invalid_number", "unpaid": "unpaid", "ours": "unreachable", "congested": "congested",
    "unreachable": "unreachable", "gone": "lost",
}  # fmt: skip
#: What Twilio's detection calls those who answer, and whether a message may begin.
_ANSWERED: Final[dict[str, tuple[AnsweredBy, bool]]] = {
    "human": ("person", False), "machine_start": ("machine", False), "machine_end_beep": ("machine", True),
    "machine_end_silence": ("machine", True), "machine_end_other": ("machine", True), "fax": ("fax", False),
}  # fmt: skip
#: How a call ended, as an outcome: of those that nobody spoke in.
_ENDS: Final = {"busy": "busy", "no-answer": "no_answer", "canceled": "no_answer", "failed": "invalid_number"}
#: Seconds after which a message that could not be sent is tried again.
_SOON, _LATER = 30.0, 900.0


class TwilioCarrier:
    """Calls by the Twilio line of this process."""

    name = "twilio"

    def __init__(self, line: TwilioLine) -> None:
        self._line = line

    async def place(self, order: DialOrder, told: Told) -> Leg:
        """Call; returns once it is answered."""
        try:
            leg = await self._line.place(
                order.to,
                caller=order.caller,
                key=order.attempt,
                ring_seconds=order.ring_seconds,
                detect=order.detect,
                hears=_Telling(told).word,
            )
        except HungUpAtOnceError as error:
            raise NotReachedError("hung_up", 0, str(error)) from None
        except RefusedError as error:
            raise NotReachedError(by_status(error.status), error.status, str(error)) from None
        except TwilioError as error:
            log.warning("twilio.call_refused", attempt=order.attempt, kind=error.kind, number=error.number)
            if error.kind == "unknown":
                raise NobodyKnowsError(str(error)) from None
            raise NotReachedError(_OUTCOMES[error.kind], 0, str(error)) from None
        leg.told_as(replace(leg.info, caller=order.to, called=order.caller or self._line.rest.access.number))
        return leg

    async def ask(self, order: DialOrder) -> CarrierAnswer | None:
        """What Twilio has of an order; None: nothing. Raises OutreachError when it cannot be asked now."""
        try:
            fact = await self._fact(order)
        except TwilioError as error:
            if error.kind == "gone":
                return None
            raise OutreachError(str(error), code="H712") from None
        if fact is None:
            return None
        if not fact.over:
            return CarrierAnswer("", fact.sid)
        return CarrierAnswer(_ENDS.get(fact.status, "lost"), fact.sid)

    async def _fact(self, order: DialOrder) -> CallFact | None:
        rest = self._line.rest
        if order.carrier_id:
            return await rest.call(order.carrier_id)
        caller = order.caller or rest.access.number
        return await self._line.find(order.to, caller, order.placed_at)


class _Telling:
    """Tells on what Twilio says of a call, each thing once."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._said: set[str] = set()

    def word(self, word: Word) -> None:
        """One word of Twilio's, maybe not the first of its kind."""
        if word.sid and self._new("sid"):
            self._told.submitted(word.sid)
        if word.status == "ringing" and self._new("ringing"):
            self._told.ringing()
        known = _ANSWERED.get(word.answered_by)
        if known is not None and self._new(word.answered_by):
            self._told.answered_by(known[0], tone=known[1])

    def _new(self, what: str) -> bool:
        new = what not in self._said
        self._said.add(what)
        return new


def outcome_of(word: Word) -> str:
    """The outcome that a word settles for a call that was never spoken in; empty where it settles nothing."""
    if word.status == "failed" and word.sip >= 400:
        return by_status(word.sip)
    return _ENDS.get(word.status, "")


class TwilioSms:
    """An `SmsSender` over Twilio."""

    name = "twilio"

    def __init__(self, rest: TwilioRest) -> None:
        self._rest = rest

    async def send_sms(
        self, to: str, text: str, *, reference: str = "", since: datetime | None = None
    ) -> str:
        """Send a text to a number; gives Twilio's SID of it. Raises SmsError."""
        try:
            sent = None if since is None else await self._sent(to, text, since)
            return sent or await self._rest.send_message(
                to, text, status_url=self._rest.access.url("/twilio/message", reference=reference)
            )
        except TwilioError as error:
            raise _not_sent(error) from None

    async def _sent(self, to: str, text: str, since: datetime) -> str | None:
        found = await self._rest.messages_to(to, since)
        return next(
            (one.sid for one in found if one.body == text and one.status not in ("failed", "undelivered")),
            None,
        )


def _not_sent(error: TwilioError) -> SmsError:
    if error.kind == "invalid":
        return SmsError(str(error), again_after=None)
    soon = error.kind in ("congested", "unknown", "unreachable")
    after = error.retry_after or (_SOON if soon else _LATER)
    return SmsError(str(error), again_after=after, whole_line=error.kind != "unknown")
