"""One socket of the stream line: its messages in whatever order, and the one call that they make."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from ivr.clock import Clock
from ivr.lines.stream import messages
from ivr.lines.stream.leg import StreamLeg
from ivr.lines.stream.wire import STATUS_BASE, Wire

_log = logging.getLogger(__name__)

#: Seconds in which a socket must say `start`.
START_WITHIN: Final = 10.0
#: Messages a second that are read in the long run, and in a burst after a stall of the network (10 s of sound).
_RATE: Final = 120.0
_BURST: Final = 600.0
#: Messages that are none, before the socket is closed.
_MOST_BAD: Final = 50
#: Codes of RFC 6455, section 7.4.1: against the policy of the place.
_POLICY: Final = 1008


class SessionKeeper(Protocol):
    """The line, as its sockets see it."""

    def begun(self, wire: Wire, start: messages.Start, remote_address: str) -> StreamLeg | int:
        """A call begins; its leg, or the SIP status with which it is refused."""


class StreamSession:
    """Reads what a socket says. What is malformed, too much or out of order is survived, or ends the socket."""

    __slots__ = (
        "_allowed",
        "_at",
        "_bad",
        "_clock",
        "_keeper",
        "_leg",
        "_over",
        "_remote",
        "_timer",
        "_wire",
    )

    def __init__(self, wire: Wire, keeper: SessionKeeper, *, clock: Clock, remote_address: str = "") -> None:
        self._wire = wire
        self._keeper = keeper
        self._clock = clock
        self._remote = remote_address
        self._leg: StreamLeg | None = None
        self._over = False
        self._bad = 0
        self._allowed = _BURST
        self._at = clock.time()
        self._timer = clock.call_at(self._at + START_WITHIN, self._never_started)

    @property
    def leg(self) -> StreamLeg | None:
        """The call, once it has begun."""
        return self._leg

    def received(self, text: str) -> None:
        """A text came."""
        if self._over:
            return
        if not self._in_time():
            self._shut("too fast")
            return
        try:
            message = messages.read(text)
        except messages.MessageError as error:
            self._complain(str(error))
            return
        self._heard(message)

    def closed(self, *, clean: bool) -> None:
        """The socket is gone."""
        self._over = True
        self._timer.cancel()
        if self._leg is not None:
            if clean:
                self._leg.left()
            else:
                self._leg.lost()

    def _heard(self, message: messages.Message | None) -> None:
        leg = self._leg
        match message:
            case messages.Start():
                self._start(message)
            case messages.Sound() if leg is not None:
                leg.heard(message)
            case messages.Key(digit) if leg is not None:
                leg.pressed(digit)
            case messages.Marked(name) if leg is not None:
                leg.marked(name)
            case messages.Stop():
                self._stop()
            case messages.Sound() | messages.Key() | messages.Marked():
                self._complain("sound or keys before the start")

    def _start(self, start: messages.Start) -> None:
        if self._leg is not None:
            self._complain("a second start")
            return
        self._timer.cancel()
        begun = self._keeper.begun(self._wire, start, self._remote)
        if isinstance(begun, int):
            self._shut("refused", STATUS_BASE + begun)
        else:
            self._leg = begun

    def _stop(self) -> None:
        if self._leg is not None:
            self._leg.left()
        self._shut("", 1000)

    def _in_time(self) -> bool:
        """Whether messages come no faster than sound does."""
        now = self._clock.time()
        self._allowed = min(_BURST, self._allowed + (now - self._at) * _RATE) - 1.0
        self._at = now
        return self._allowed >= 0.0

    def _complain(self, why: str) -> None:
        self._bad += 1
        if self._bad == 1:
            _log.info("a stream says what it should not: %s", why)
        if self._bad > _MOST_BAD:
            self._shut("too many messages that are none")

    def _never_started(self) -> None:
        self._shut("no start")

    def _shut(self, why: str, code: int = _POLICY) -> None:
        """Read nothing more, and close the socket; a call that goes on ends."""
        self._over = True
        self._timer.cancel()
        self._wire.close(code, why)
        if self._leg is not None:
            self._leg.end_by_line(why)
