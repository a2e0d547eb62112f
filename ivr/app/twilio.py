"""The line of calls over Twilio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ivr.clock import SystemClock
from ivr.lines.base import Line
from ivr.lines.stream import StreamSettings
from ivr.settings import Settings
from policy_db import Keys

if TYPE_CHECKING:
    from ivr.lines.twilio.line import TwilioLine


def make_twilio(settings: Settings, trunk: Line, keys: Keys, worker: str) -> TwilioLine | None:
    """The line of calls over Twilio beside a trunk, where there is an account."""
    from ivr.lines.sip import SipLine
    from ivr.lines.twilio.access import access_of

    access = access_of(settings)
    if access is None:
        return None
    from ivr.lines.twilio.line import TwilioLine
    from ivr.lines.twilio.rest import TwilioRest
    from ivr.lines.twilio.tickets import TICKETS, StreamTickets

    now = SystemClock(settings.zone).now
    return TwilioLine(
        StreamSettings(
            name="twilio",
            most_calls=settings.twilio_calls,
            dead_media_seconds=settings.dead_media_seconds,
        ),
        TwilioRest(access),
        StreamTickets(keys.token(TICKETS), now),
        worker=worker,
        now=now,
        media_clock=(lambda: trunk.media_clock) if isinstance(trunk, SipLine) else None,
    )


def twilio_word(line: TwilioLine | None) -> Callable[[Mapping[str, Any]], bool]:
    """What takes Twilio's words of calls that this worker has asked for."""

    def told(said: Mapping[str, Any]) -> bool:
        from ivr.lines.twilio.words import Word

        try:
            return line is not None and line.told(Word(**said))
        except TypeError:
            return False

    return told
