"""Where the library's audio meets ours: 20 ms of linear samples there, a G.711 frame here."""

from __future__ import annotations

import numpy as np
import pjsua2 as pj

from ivr.lines.pjsua import octets
from ivr.media import g711
from ivr.media.port import AudioPort

#: Bytes of a 20 ms frame of 16-bit samples at 8 kHz.
_LINEAR = 320


class FramePort(pj.AudioMediaPort):  # type: ignore[misc]  # the library has no types
    """One place on the conference bridge. Called by the library's media clock, from a thread of its own.

    `audio` is the leg it serves at present; swapping it is one assignment.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.audio: AudioPort | None = None
        self._silence = pj.ByteVector(bytes(_LINEAR))
        self._outgoing = pj.ByteVector(bytes(_LINEAR))
        shape = pj.MediaFormatAudio()
        shape.init(pj.PJMEDIA_FORMAT_PCM, 8000, 1, 20_000, 16)
        self.createPort(name, shape)

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:  # noqa: N802
        """Give the leg's next frame; silence is sent too, so that nobody takes the call for dead."""
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        audio = self.audio
        if audio is None:
            frame.buf = self._silence
            return
        law = audio.law
        payload = audio.next_frame()
        if payload == g711.SILENCE[law]:
            frame.buf = self._silence
        else:
            frame.buf = octets.fill(self._outgoing, g711.decode(payload, law).tobytes())

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:  # noqa: N802
        """Take what the other side said; silence where nothing came, so that time in recordings is true."""
        audio = self.audio
        if audio is None:
            return
        law = audio.law
        if frame.type != pj.PJMEDIA_FRAME_TYPE_AUDIO or frame.size != _LINEAR or len(frame.buf) < _LINEAR:
            audio.frame_received(g711.SILENCE[law])
            return
        audio.frame_received(g711.encode(np.frombuffer(octets.read(frame.buf, _LINEAR), np.int16), law))
