"""A bridge of two legs: what one says the other hears, payloads untouched where both speak one law."""

from __future__ import annotations

from collections import deque

from ivr.media import g711
from ivr.media.g711 import Law
from ivr.media.port import AudioPort

#: Frames that may wait between the two legs' beats (60 ms); the oldest is dropped, so delay cannot grow.
MOST_WAITING = 3


class Pipe:
    """One way of a bridge: a listener on the speaker's port, and the source of the hearer's."""

    __slots__ = ("_frames", "_speaker")

    def __init__(self, speaker: AudioPort) -> None:
        self._speaker = speaker
        self._frames: deque[tuple[bytes, Law]] = deque(maxlen=MOST_WAITING)

    def __call__(self, frame: bytes) -> None:
        """Take a frame that the speaker said."""
        self._frames.append((frame, self._speaker.law))

    def next_frame(self, law: Law) -> bytes:
        """The oldest frame that waits, in `law`; silence when none does."""
        try:
            frame, said_in = self._frames.popleft()
        except IndexError:
            return g711.SILENCE[law]
        return g711.convert(frame, said_in, law)


class Relay:
    """Two ports that hear each other until `close`; a clip played to one is heard in place of the other."""

    def __init__(self, one: AudioPort, other: AudioPort) -> None:
        self._ways = tuple(
            (speaker, hearer, Pipe(speaker)) for speaker, hearer in ((one, other), (other, one))
        )
        for speaker, hearer, pipe in self._ways:
            speaker.listen(pipe)
            hearer.hear(pipe)

    def close(self) -> None:
        """Take them apart; both hear silence again. To be called once."""
        for speaker, hearer, pipe in self._ways:
            speaker.stop_listening(pipe)
            hearer.hear(None)
