"""G.711: µ-law and A-law, to and from 16-bit linear samples, and into each other (ITU-T G.711, 1988)."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

#: Samples a second of everything inside the hotline.
RATE = 8000
#: Bytes (and samples) of one frame: 20 ms.
FRAME = 160
#: Seconds of one frame.
FRAME_SECONDS = FRAME / RATE

Samples = NDArray[np.int16]

_ULAW_BIAS = 33
_ULAW_CLIP = 8158
_ULAW_ENDS = np.array([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF])
_ALAW_ENDS = np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF])


class Law(StrEnum):
    """A companding law, by its RTP encoding name (RFC 3551)."""

    MU = "PCMU"
    A = "PCMA"

    @property
    def payload_type(self) -> int:
        """The static RTP payload type: 0 for µ-law, 8 for A-law."""
        return 0 if self is Law.MU else 8

    @property
    def wav_format(self) -> int:
        """The WAVE format tag: 7 for µ-law, 6 for A-law."""
        return 7 if self is Law.MU else 6

    @property
    def other(self) -> Law:
        """The other law."""
        return Law.A if self is Law.MU else Law.MU


def _decode_ulaw() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_alaw() -> Samples:
    code = np.arange(256) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = (code & 0x0F) << 4
    low, high = mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0)
    magnitude = np.where(segment == 0, low, high)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _all_linear() -> NDArray[np.int64]:
    """Every 16-bit sample, at the index that its bits have as an unsigned number."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)


def _encode_ulaw() -> NDArray[np.uint8]:
    linear = _all_linear() >> 2
    magnitude = np.minimum(np.abs(linear), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.minimum(np.searchsorted(_ULAW_ENDS, magnitude), 7)
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    return np.asarray(code ^ np.where(linear < 0, 0x7F, 0xFF), dtype=np.uint8)


def _encode_alaw() -> NDArray[np.uint8]:
    linear = _all_linear() >> 3
    magnitude = np.where(linear < 0, -linear - 1, linear)
    segment = np.minimum(np.searchsorted(_ALAW_ENDS, magnitude), 7)
    mantissa = (magnitude >> np.maximum(segment, 1)) & 0x0F
    return np.asarray(((segment << 4) | mantissa) ^ np.where(linear < 0, 0x55, 0xD5), dtype=np.uint8)


_DECODE: dict[Law, Samples] = {Law.MU: _decode_ulaw(), Law.A: _decode_alaw()}
_ENCODE: dict[Law, NDArray[np.uint8]] = {Law.MU: _encode_ulaw(), Law.A: _encode_alaw()}


def decode(audio: bytes, law: Law) -> Samples:
    """Linear 16-bit samples of G.711 audio, one for each byte."""
    return _DECODE[law][np.frombuffer(audio, dtype=np.uint8)]


def encode(samples: Samples, law: Law) -> bytes:
    """G.711 audio of linear 16-bit samples, one byte for each."""
    return _ENCODE[law][np.ascontiguousarray(samples, dtype=np.int16).view(np.uint16)].tobytes()


#: 256-byte tables for `bytes.translate`: from a law into the other.
TO_OTHER: dict[Law, bytes] = {law: encode(_DECODE[law], law.other) for law in Law}

#: One frame of silence in each law.
SILENCE: dict[Law, bytes] = {law: encode(np.zeros(FRAME, dtype=np.int16), law) for law in Law}


def convert(audio: bytes, source: Law, target: Law) -> bytes:
    """The same audio in another law; the same object when the law is the same."""
    return audio if source is target else audio.translate(TO_OTHER[source])


def pad(audio: bytes, law: Law) -> bytes:
    """The audio with silence after it, up to a whole number of frames."""
    short = -len(audio) % FRAME
    return audio + SILENCE[law][:short] if short else audio
