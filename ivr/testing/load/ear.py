"""A caller's ear that is cheap enough for hundreds: when it last heard something, and whether it was that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, FRAME_SECONDS, Law
from ivr.media.port import AudioPort

#: Peak (of 32767) above which a sample counts as sound, and how many such samples make a frame sound.
_LOUD, _ENOUGH = 300, 8
#: Seconds of silence after which sound begins anew.
BREAK = 0.5

_QUIET: dict[Law, bytes] = {
    law: bytes(
        np.flatnonzero(np.abs(g711.decode(bytes(range(256)), law).astype(int)) <= _LOUD).astype(np.uint8)
    )
    for law in Law
}


class LoadEar:
    """Hears a port. `now` gives seconds; `expected` is what ought to be heard, in full."""

    def __init__(self, port: AudioPort, now: Callable[[], float], expected: Clip | None = None) -> None:
        self._port = port
        self._now = now
        self._wanted = _frames_of(expected, port.law) if expected is not None else frozenset[bytes]()
        self._found: set[bytes] = set()
        #: When something was heard for the first time and last; None: not yet.
        self.first: float | None = None
        self.last: float | None = None
        #: When sound began again after a silence of BREAK seconds (or for the first time).
        self.began: float | None = None
        port.listen(self._hear)

    def _hear(self, frame: bytes) -> None:
        if len(frame.translate(None, _QUIET[self._port.law])) < _ENOUGH:
            return
        now = self._now()
        if self.last is None or now - self.last > BREAK:
            self.began = now
        if self.first is None:
            self.first = now
        self.last = now
        if frame in self._wanted:
            self._found.add(frame)

    def quiet(self) -> float:
        """Seconds since the last sound; 0 before the first."""
        return 0.0 if self.last is None else self._now() - self.last - FRAME_SECONDS

    @property
    def recognised(self) -> float:
        """Which share (0…1) of the expected sound was heard, byte for byte; 1 when nothing was expected."""
        return len(self._found) / len(self._wanted) if self._wanted else 1.0


def _frames_of(clip: Clip, law: Law) -> frozenset[bytes]:
    """The clip's frames that are sound."""
    audio = clip.frames(law)
    frames = (audio[at : at + FRAME] for at in range(0, len(audio), FRAME))
    return frozenset(frame for frame in frames if len(frame.translate(None, _QUIET[law])) >= _ENOUGH)
