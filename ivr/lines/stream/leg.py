"""One call on the stream line, as the hotline sees it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from ivr.clock import Clock
from ivr.lines.base import LegInfo
from ivr.lines.port_leg import PortLeg
from ivr.lines.stream import messages
from ivr.lines.stream.hearing import Hearing
from ivr.lines.stream.wire import NORMAL, STATUS_BASE, Wire
from ivr.media.clock import Beat, MediaClock
from ivr.media.g711 import Law
from ivr.media.port import AudioPort, Post
from ivr.media.writer import RecordingWriter

_log = logging.getLogger(__name__)

By = Literal["caller", "us", "line"]

#: Frames between two marks, by whose return the way there and back is measured (1 s).
_MARK_EVERY: Final = 50
#: Marks that may be on their way; the other side need not answer any.
_MOST_MARKS: Final = 60
#: Frames after the last that was played for which the other side may still be playing (2 s).
_TAIL: Final = 100


class LegKeeper(Protocol):
    """The line, as its legs see it."""

    def leg_ended(self, leg: StreamLeg) -> None:
        """The leg's call is over; its recordings may still be closed."""


class StreamLeg(PortLeg):
    """A leg whose signalling and sound are the messages of one socket."""

    __slots__ = (
        "_alive",
        "_beat",
        "_dead_after",
        "_hearing",
        "_keeper",
        "_marks",
        "_media_clock",
        "_quoted",
        "_sent",
        "_sounding",
        "_stream",
        "_wire",
        "round_trip",
    )

    def __init__(
        self,
        info: LegInfo,
        wire: Wire,
        keeper: LegKeeper,
        *,
        stream: str,
        clock: Clock,
        media_clock: MediaClock,
        writer: RecordingWriter,
        post: Post,
        inband_keys: bool = False,
        dead_after: float = 0.0,
    ) -> None:
        """`stream` is the other side's id; `dead_after` seconds without any sound end the call (0: never)."""
        port = AudioPort(Law.MU, post=post)
        super().__init__(info, clock=clock, port=port, writer=writer, post=post, inband_keys=inband_keys)
        self._wire = wire
        self._keeper = keeper
        self._stream = stream
        self._quoted = json.dumps(stream)
        self._media_clock = media_clock
        self._dead_after = dead_after
        self._beat: Beat | None = None
        self._hearing = Hearing()
        self._alive = 0.0
        #: Frames sent, and how many of them may still be played from what was played last.
        self._sent = 0
        self._sounding = 0
        self._marks: dict[str, float] = {}
        #: Seconds from a frame's sending until we knew that it was played; None before the first is known.
        self.round_trip: float | None = None

    @property
    def over(self) -> bool:
        """Whether `Ended` has been told: nothing of the leg is open any more."""
        return self._desk.ended

    # What the hotline asks.

    def ring(self) -> None:
        """The protocol has no word for it: the other side takes the silence before the first frame as ringing."""

    def answer(self) -> None:
        """Let sound flow."""
        if self._beat is None and not self.ended:
            self._alive = self._clock.time()
            self._beat = self._media_clock.add(self._tick, self._failed)
            self._answered()

    def refuse(self, status: int = 486, *, retry_after: int | None = None) -> None:
        """Close the socket with the status in its code; `Ended` follows."""
        if self._beat is None:
            self._end("us", status, "refused", code=STATUS_BASE + status)
        else:
            self.hang_up()

    def hang_up(self, reason: str = "normal") -> None:
        """Close the socket; `Ended` follows."""
        self._end("us", 200, reason, code=NORMAL)

    def stop_playing(self) -> None:
        """Silence at the next frame, and nothing of what the other side has not played yet."""
        if self.port.playing or self._sounding:
            self._wire.send(messages.clear(self._stream))
            self._sounding = 0
        super().stop_playing()

    # What the socket reports.

    def heard(self, sound: messages.Sound) -> None:
        """Sound came. What is said before the answer is not heard."""
        if self._beat is not None and not self.ended:
            now = self._alive = self._clock.time()
            self._hearing.take(sound.payload, sound.at, now)

    def pressed(self, key: str) -> None:
        """A key came."""
        if self._beat is not None:
            self._key_down(key, "rfc4733")

    def marked(self, name: str) -> None:
        """All sound before our mark was played or cleared; marks that are not ours are nothing to us."""
        sent = self._marks.pop(name, None)
        if sent is not None:
            self.round_trip = self._clock.time() - sent

    def left(self) -> None:
        """The other side has hung up."""
        self._end("caller", 200 if self._beat is not None else 487, "", code=NORMAL)

    def lost(self) -> None:
        """The socket is gone without a word."""
        self._end("line", 408, "connection lost", code=NORMAL)

    def end_by_line(self, why: str) -> None:
        """End the call for a reason of the line's own."""
        self._end("line", 503, why, code=NORMAL)

    # Inside.

    def _tick(self) -> None:
        """A beat: hear a frame, say a frame."""
        port = self.port
        port.frame_received(self._hearing.next_frame())
        self._sounding = _TAIL if port.playing else max(0, self._sounding - 1)
        self._wire.send(messages.media(self._quoted, port.next_frame()), sound=True)
        self._sent += 1
        if self._sent % _MARK_EVERY == 0:
            self._each_second()

    def _each_second(self) -> None:
        now = self._clock.time()
        if self._dead_after and now - self._alive > self._dead_after:
            self.end_by_line("no media")
            return
        if len(self._marks) < _MOST_MARKS:
            name = f"heard-{self._sent}"
            self._marks[name] = now
            self._wire.send(messages.mark(self._stream, name))

    def _failed(self, error: Exception) -> None:
        _log.error("a call lost its sound: %s", type(error).__name__)
        self.end_by_line("media failed")

    def _end(self, by: By, status: int, text: str, *, code: int) -> None:
        if self.ended:
            return
        if self._beat is not None:
            self._media_clock.remove(self._beat)
        self._wire.close(code, text if by == "us" else "")
        self._gone(by, status, text)
        self._keeper.leg_ended(self)

    def _quality(self) -> Mapping[str, float | int | None]:
        if not self._hearing.frames:
            return {}
        return {"packets_sent": self._sent, **self._hearing.report(self.round_trip)}
