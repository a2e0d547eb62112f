"""What the other side says, evened out: messages that come in bursts and in any size become a frame each 20 ms."""

from __future__ import annotations

from ivr.media import quality
from ivr.media.g711 import FRAME, RATE, SILENCE, Law
from ivr.media.jitter import JitterBuffer

#: Samples of one millisecond.
_MILLISECOND = RATE // 1000
#: Milliseconds after which sound counts as that of another stream, not as late or early.
_FAR = 60_000


class Hearing:
    """Takes payloads as they come, gives a frame for each beat: silence where there is none."""

    __slots__ = ("_base", "_buffer", "_next", "_rest", "frames", "octets")

    def __init__(self) -> None:
        self._buffer = JitterBuffer()
        #: The moment (ms) of the first payload; frames lie at whole multiples of 20 ms from it.
        self._base: int | None = None
        #: The sample that follows on what came last.
        self._next = 0
        #: Bytes that do not make a frame yet.
        self._rest = b""
        #: Frames and bytes that came.
        self.frames = 0
        self.octets = 0

    def take(self, payload: bytes, at: int | None, now: float) -> None:
        """Take µ-law bytes of the moment `at` (ms; None: they follow on the last), arrived at `now` (seconds)."""
        self.octets += len(payload)
        if len(payload) % FRAME or self._rest or at is None:
            self._append(payload, now)
            return
        self._next = self._place(at)
        self._cut(payload, now)

    def next_frame(self) -> bytes:
        """The frame that is due."""
        return self._buffer.pull() or SILENCE[Law.MU]

    @property
    def jitter(self) -> float:
        """How unevenly it comes, in seconds (RFC 3550)."""
        return self._buffer.jitter

    @property
    def waiting(self) -> int:
        """Frames that wait to be heard."""
        return self._buffer.waiting

    def report(self, round_trip: float | None) -> dict[str, float | int | None]:
        """Its figures, by name; `round_trip` in seconds, the other side's playing included, if it is known."""
        buffer = self._buffer
        unheard = buffer.lost + buffer.late
        share = unheard / (self.frames + buffer.lost) if self.frames else 0.0
        jitter_ms = self.jitter * 1000
        delay_ms = 0.0 if round_trip is None else round_trip * 500
        mos = quality.mean_opinion(share, delay_ms + 20 + 2 * jitter_ms) if self.frames else None
        return {
            "packets_received": self.frames,
            "octets_received": self.octets,
            "lost": buffer.lost,
            "late": buffer.late,
            "loss": share,
            "jitter_ms": jitter_ms,
            "round_trip_ms": None if round_trip is None else round_trip * 1000,
            "mos": mos,
        }

    def _place(self, at: int) -> int:
        """The sample of a moment, on the grid of frames."""
        if self._base is None or abs(at - self._base - self._next // _MILLISECOND) > _FAR:
            self._base = at
        return round((at - self._base) * _MILLISECOND / FRAME) * FRAME

    def _append(self, payload: bytes, now: float) -> None:
        """What comes in pieces of its own size is joined in the order of its coming."""
        audio = self._rest + payload
        whole = len(audio) // FRAME * FRAME
        self._rest = audio[whole:]
        self._cut(audio[:whole], now)

    def _cut(self, audio: bytes, now: float) -> None:
        for start in range(0, len(audio), FRAME):
            self._buffer.push(self._next % (1 << 32), audio[start : start + FRAME], now)
            self._next += FRAME
            self.frames += 1
