"""A conference: each party hears the others, or only those whom it may hear (whisper, supervision)."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, Law
from ivr.media.port import AudioPort

#: Frames that may wait on each side of the mixer (60 ms).
MOST_WAITING = 3


class _Party:
    """One port in the conference: what it said and what it is about to hear."""

    def __init__(self, port: AudioPort) -> None:
        self.port = port
        self.said: deque[tuple[bytes, Law]] = deque(maxlen=MOST_WAITING)
        self.mixed: deque[NDArray[np.int16]] = deque(maxlen=MOST_WAITING)
        self.deaf_to: set[AudioPort] = set()

    def __call__(self, frame: bytes) -> None:
        self.said.append((frame, self.port.law))

    def next_frame(self, law: Law) -> bytes:
        """What the others said, in `law`; silence before the mixer's next beat."""
        try:
            return g711.encode(self.mixed.popleft(), law)
        except IndexError:
            return g711.SILENCE[law]

    def take(self) -> NDArray[np.int32] | None:
        """The samples of the oldest frame it said, or None."""
        try:
            frame, law = self.said.popleft()
        except IndexError:
            return None
        return g711.decode(frame, law).astype(np.int32)


class Mixer:
    """Mixes its parties at every `beat`, which the media clock calls each 20 ms (`clock.add(mixer.beat, …)`).

    Used in the loop's thread; the ports' clock side may be another.
    """

    def __init__(self) -> None:
        self._parties: dict[AudioPort, _Party] = {}

    @property
    def size(self) -> int:
        """How many take part."""
        return len(self._parties)

    def add(self, port: AudioPort) -> None:
        """Let a port take part: it hears all others, and they hear it. Harmless if it does already."""
        if port not in self._parties:
            party = self._parties[port] = _Party(port)
            port.listen(party)
            port.hear(party)

    def remove(self, port: AudioPort) -> None:
        """Take it out; it hears silence. Harmless if it takes no part."""
        party = self._parties.pop(port, None)
        if party is not None:
            port.stop_listening(party)
            port.hear(None)

    def set_hears(self, hearer: AudioPort, speaker: AudioPort, hears: bool) -> None:
        """Whether one party hears another: a supervisor who listens, or whispers to one alone.

        Raises KeyError for a port that takes no part.
        """
        deaf_to = self._parties[hearer].deaf_to
        if hears:
            deaf_to.discard(speaker)
        else:
            deaf_to.add(speaker)

    def close(self) -> None:
        """Take everyone out."""
        for port in tuple(self._parties):
            self.remove(port)

    def beat(self) -> None:
        """Mix one frame for each party: the sum of all it hears, clipped where it is too loud."""
        said = {
            party.port: samples for party in self._parties.values() if (samples := party.take()) is not None
        }
        total = np.sum(list(said.values()), axis=0) if said else np.zeros(FRAME, dtype=np.int32)
        for party in self._parties.values():
            heard = total
            for speaker in {party.port, *party.deaf_to}:
                if speaker in said:
                    heard = heard - said[speaker]
            party.mixed.append(np.clip(heard, -32768, 32767).astype(np.int16))
