"""Calls that we place: what their sessions tell, until they are answered or have failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ivr.clock import TimerHandle
from ivr.errors import RefusedError
from ivr.lines.sip.leg import By, LegSession, Report, SipLeg
from ivr.sip.session import Session

#: Seconds in which whoever asked for a transfer hears how it went and hangs up; then we do.
_GRACE = 2.0


class DialSession(LegSession):
    """The session of a leg that `dial` made; `answered_yet` tells the dialler what became of it."""

    __slots__ = ("_on_ringing", "outcome")

    def __init__(self, leg: SipLeg, on_ringing: Callable[[], None] | None = None) -> None:
        super().__init__(leg)
        self._on_ringing = on_ringing
        #: Done when the call is answered; a RefusedError (H210) when it was refused.
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ringing(self, status: int, sdp: bytes) -> None:
        """The other side rings, or somebody is looked for."""
        super().ringing(status, sdp)
        if self._on_ringing is not None and status >= 180:
            self._on_ringing()

    def established(self) -> None:
        """The other side has answered."""
        super().established()
        if not self.outcome.done():
            self.outcome.set_result(None)

    def ended(self, by: By, status: int, reason: str) -> None:
        """Refused, or ended."""
        super().ended(by, status, reason)
        if not self.outcome.done():
            self.outcome.set_exception(RefusedError(f"the call was refused: {status} {reason}", status))


class TransferSession(LegSession):
    """A session on its way to take a leg over from the one that asked for it (REFER)."""

    __slots__ = ("_before", "_farewell", "_report")

    def __init__(self, leg: SipLeg, report: Report) -> None:
        super().__init__(leg)
        leg.transfer = self
        self._report = report
        #: The session that this one has taken over from, until that has ended.
        self._before: Session | None = None
        self._farewell: TimerHandle | None = None

    def ringing(self, status: int, sdp: bytes) -> None:
        """The new party rings."""
        if not self.counts:
            self._report(status)

    def answered(self, sdp: bytes) -> None:
        """The new party has answered: from now on it is the leg's other side."""
        if self.counts or self.leg.ended:
            super().answered(sdp)
            return
        self._before = self.leg.link.session
        self.leg.link, self.leg.transfer = self, None
        if self.session is not None:
            self.leg.media.signalled_from(self.session.flow)
        self.leg.media_answered(sdp)
        self._report(200)
        clock = self.leg.clock
        self._farewell = clock.call_at(clock.time() + _GRACE, self._let_go)

    def ended(self, by: By, status: int, reason: str) -> None:
        """The new party refused, and the leg stays as it was; or the call is over."""
        if self.counts:
            self._let_go()
        else:
            self.leg.transfer = None
            self._report(status if status >= 300 else 603)
        super().ended(by, status, reason)

    def _let_go(self) -> None:
        """End the call with whoever asked for the transfer, if that side has not (RFC 5589, section 6.1)."""
        before, self._before = self._before, None
        if self._farewell is not None:
            self._farewell.cancel()
        if before is not None:
            before.hang_up()
