"""One call on the pjsua2 line, as the hotline sees it: all of it in the loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ivr.clock import Clock
from ivr.lines.base import LegInfo
from ivr.lines.pjsua.notices import Connected, Gone, KeyPressed, MediaChanged, Notice
from ivr.lines.pjsua.station import Station
from ivr.lines.port_leg import PortLeg
from ivr.media.g711 import Law
from ivr.media.port import AudioPort, Post
from ivr.media.writer import RecordingWriter

#: Has the library's thread run something on its station.
Do = Callable[[Callable[[Station], None]], None]

#: A call hung up before it was answered is told "temporarily unavailable".
_UNANSWERED = 480


class PjsuaLeg(PortLeg):
    """A leg whose signalling and RTP are pjsua2's. `key` is the call's key at the station."""

    def __init__(
        self,
        info: LegInfo,
        key: int,
        do: Do,
        *,
        clock: Clock,
        writer: RecordingWriter,
        post: Post,
        inband_keys: bool = False,
    ) -> None:
        port = AudioPort(Law.A, post=post)
        super().__init__(info, clock=clock, port=port, writer=writer, post=post, inband_keys=inband_keys)
        self.key = key
        #: Set once `Ended` has been told: nothing of the leg is open any more.
        self.over = asyncio.Event()
        self._do = do

    def ring(self) -> None:
        """Say 180."""
        self._do(lambda station: station.ring(self.key))

    def answer(self) -> None:
        """Say 200; `Answered` follows when the caller has acknowledged it and audio flows."""
        self._do(lambda station: station.answer(self.key, self.port))

    def refuse(self, status: int = 486, *, retry_after: int | None = None) -> None:
        """Refuse an unanswered call; `Ended` follows. `retry_after` is in seconds."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._do(lambda station: station.end(self.key, status, headers))

    def hang_up(self, reason: str = "normal") -> None:
        """End the call; `Ended` follows. Harmless if it has ended."""
        self._do(lambda station: station.end(self.key, _UNANSWERED))

    def press(self, keys: str, *, seconds: float = 0.1, info: bool = False) -> None:
        """Send keys to the other side, by RFC 4733 or by SIP INFO."""
        self._do(lambda station: station.press(self.key, keys, round(seconds * 1000), info=info))

    def hold(self, on: bool = True) -> None:
        """Put the other side on hold, or take it back."""
        self._do(lambda station: station.hold(self.key, on))

    def take(self, notice: Notice) -> None:
        """What the library's thread reports of this call."""
        match notice:
            case MediaChanged(law, held):
                self._renegotiated(law)
                self._held(held)
            case Connected():
                self._answered()
            case KeyPressed(key, source):
                self._key_down(key, source)
            case Gone(by, status, text):
                self._gone(by, status, text)

    def _finish(self) -> None:
        super()._finish()
        if self._desk.ended:
            self.over.set()
