"""One telephone that rings, for as long as somebody wants it to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ivr.clock import Clock, TimerHandle
from ivr.errors import LineError, RefusedError
from ivr.seats.line import Offer
from ivr.seats.news import NotPickedUp, PickedUp
from policy_db.seat_facts import Seat

if TYPE_CHECKING:
    from ivr.seats.case import Tools
    from ivr.seats.news import Mailbox

_log = logging.getLogger(__name__)
#: Statuses by which a person, or the telephone for them, declines (RFC 3261, sections 21.4.24 and 21.6).
_DECLINED: Final = frozenset({486, 600, 603})
#: Seconds between a seat's screen and its ring.
AFTER_SHOWN: Final = 0.32


class Ring:
    """Rings `to` for `seconds`; what comes of it is posted as `PickedUp` or `NotPickedUp`.

    It begins AFTER_SHOWN seconds after the seat's screen has told that it shows who calls (`screen_shows`); if the
    screen has said nothing, `lead` seconds from now. `seat` is the seat whose telephone it is, empty for an outside
    number; `offer` is what it is rung for. The caller's number is `shown`. `live` is false once nobody wants it any
    more.
    """

    def __init__(
        self,
        tools: Tools,
        mailbox: Mailbox,
        clock: Clock,
        to: str,
        *,
        seconds: float,
        shown: str = "",
        lead: float = 0.0,
        seat: str = "",
        offer: Offer | None = None,
        what: str = "",
    ) -> None:
        self.to = to
        self.seat = seat
        self.offer = offer
        #: What it is rung for, if it is for no offer: `consult`, `listener`…
        self.what = what
        self.live = True
        self._tools = tools
        self._mailbox = mailbox
        self._clock = clock
        self._may_ring = asyncio.Event()
        self._timer: TimerHandle | None = None
        self._shown = False
        self._task = asyncio.create_task(self._dial(shown, seconds, lead))

    def stop(self) -> None:
        """Let it ring no more. Harmless when it does not."""
        self.live = False
        self._task.cancel()

    def screen_shows(self) -> None:
        """Who calls is on the seat's screen: it rings in a moment, if it does not ring already."""
        if not self._may_ring.is_set() and not self._shown:
            self._shown = True
            self._after(AFTER_SHOWN)

    async def _dial(self, shown: str, seconds: float, lead: float) -> None:
        try:
            await self._wait(lead)
            leg = await self._tools.line.dial(self.to, caller=shown, timeout=seconds)
        except LineError as error:
            self._mailbox.post(NotPickedUp(self, error))
        except Exception as error:
            _log.exception("%s could not be rung", self.seat or "a telephone")
            self._mailbox.post(NotPickedUp(self, LineError(f"it could not be rung: {type(error).__name__}")))
        else:
            self._mailbox.post(PickedUp(self, leg))

    async def _wait(self, seconds: float) -> None:
        """The seat's screen shows who calls before the telephone is heard."""
        if seconds > 0:
            if not self._shown:
                self._after(seconds)
            try:
                await self._may_ring.wait()
            finally:
                self._cancel()
        self._may_ring.set()

    def _after(self, seconds: float) -> None:
        """It may ring so many seconds from now."""
        self._cancel()
        self._timer = self._clock.call_at(self._clock.time() + seconds, self._may_ring.set)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def why_not(error: LineError) -> str:
    """Why a telephone was not answered, in the desk's words: `refused`, `no answer` or `unreachable`."""
    if isinstance(error, RefusedError) and error.status in _DECLINED:
        return "refused"
    return "no answer" if error.code == "H211" else "unreachable"


def lead_of(seat: Seat, longest: float) -> float:
    """How long the ring waits for the seat's screen: not at all where there is none, or where the page itself rings."""
    return 0.0 if seat.lease_until is None or seat.address == "browser" else longest


def address_of(seat: Seat) -> str:
    """What to dial for a seat."""
    return f"browser:{seat.id}" if seat.address == "browser" else seat.address


def shown(number: str) -> str:
    """The caller's number as a seat's telephone shows it; empty where it is withheld or no number."""
    return number if number.removeprefix("+").isdecimal() else ""


def hidden(address: str) -> str:
    """An outside number as a record may hold it: its last four digits; an address whole."""
    return address if ":" in address or "@" in address else f"…{address[-4:]}"
