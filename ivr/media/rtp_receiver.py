"""RTP coming in: from packets to a port's frames and to keys, in true time. No socket; nothing raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ivr.media.g711 import FRAME, SILENCE, TO_OTHER, Law
from ivr.media.keys import TelephoneEvents
from ivr.media.port import AudioPort
from ivr.media.reception import Place, Reception
from ivr.media.rtp import COMFORT_NOISE, HEADER, PLAIN, payload_of

#: Bytes of sound in one packet that are believed (200 ms).
MOST_SOUND = 1600
#: Samples of silence put in place of what is missing at once (1 s); a larger step is a new beginning.
MOST_FILLED = 8000
#: Beats (of 20 ms) without sound, beyond a packet's own length, after which silence is given in its place.
PATIENCE = 3

_unpack = HEADER.unpack_from
#: Payload types of the two laws (RFC 3551, section 6).
_STATIC = {Law.MU: 0, Law.A: 8}
_NEXT, _FIRST, _LATE, _DUPLICATE, _STRANGE = Place


class RtpReceiver:
    """Takes one leg's packets and gives its port sound without gaps, so that recorded time runs true.

    Missing packets become silence; while nothing comes (the other side is silent, or gone) `beat` gives
    silence. Silence that was given too soon, because packets were only delayed, is taken off the next gap.
    """

    __slots__ = (
        "_audio",
        "_dropped",
        "_early",
        "_events",
        "_heard_size",
        "_hears",
        "_keys",
        "_missed",
        "_next",
        "_on_key",
        "_other",
        "_patience",
        "_port",
        "_silence",
        "_to_ours",
        "octets",
        "reception",
    )

    def __init__(self, port: AudioPort, *, on_key: Callable[[str], None], dropped: Counter[str]) -> None:
        """`dropped` counts what was dropped unheard, by reason."""
        self._port = port
        self._on_key = on_key
        self._dropped = dropped
        self._keys = TelephoneEvents()
        self._audio = self._events = self._other = -1
        self._to_ours = TO_OTHER[port.law]
        self._hears = False
        self._silence = SILENCE[port.law]
        #: The timestamp at which the sound goes on.
        self._next = 0
        #: Samples of silence given beyond what was missing.
        self._early = 0
        self._missed = 0
        self._heard_size = FRAME
        self._patience = PATIENCE + 1
        #: Payload octets received.
        self.octets = 0
        #: The source's figures.
        self.reception = Reception()

    def agree(
        self, law: Law, payload_type: int, events: int | None, *, hears: bool, either: bool = False
    ) -> None:
        """What comes from now on: law, payload type, that of telephone events; whether to listen, to either law."""
        self._audio = payload_type
        # Whoever lists both laws may send either at any time (RFC 3264, section 6.1).
        other = Law.A if law is Law.MU else Law.MU
        self._other = _STATIC[other] if either and payload_type == _STATIC[law] else -1
        self._to_ours = TO_OTHER[other]
        self._events = -1 if events is None else events
        self._hears = hears
        self._silence = SILENCE[law]

    def packet(self, packet: bytes, now: float) -> bool:
        """Take a packet that came at `now` (seconds); False if it was dropped as none of ours."""
        if len(packet) < 12:
            self._dropped["malformed"] += 1
            return False
        flags, kind, sequence, timestamp, source = _unpack(packet)
        kind &= 0x7F
        payload = packet[12:] if flags == PLAIN else payload_of(packet)
        if kind != self._audio and kind != self._events and kind != COMFORT_NOISE:
            if kind != self._other:
                self._dropped["payload_type"] += 1
                return False
            kind, payload = self._audio, payload and payload.translate(self._to_ours)
        if payload is None or (kind == self._audio and not 0 < len(payload) <= MOST_SOUND):
            self._dropped["malformed"] += 1
            return False
        place = self.reception.take(sequence, source)
        if place is _STRANGE:
            self._dropped["source"] += 1
            return False
        if place is not _DUPLICATE:
            self.octets += len(payload)
            if kind == self._audio:
                if place is not _LATE:
                    self._sound(payload, timestamp, now, place)
            elif kind == self._events:
                self._event(payload, timestamp, source)
        return True

    def beat(self) -> None:
        """20 ms have passed: give silence if no sound came for too long."""
        self._missed += 1
        if self._missed > self._patience:
            self._next = (self._next + FRAME) & 0xFFFFFFFF
            self._port.frame_received(self._silence)

    def _sound(self, payload: bytes, timestamp: int, now: float, place: Place) -> None:
        self.reception.timing(timestamp, now)
        if not self._hears:
            return
        size = len(payload)
        if size != self._heard_size:
            self._heard_size = size
            self._patience = PATIENCE + size // FRAME
        if timestamp != self._next:
            self._align(timestamp, place)
        self._next = (timestamp + size) & 0xFFFFFFFF
        self._missed = 0
        self._port.frame_received(payload)

    def _align(self, timestamp: int, place: Place) -> None:
        """Bring the sound given so far up to this timestamp."""
        ahead = (timestamp - self._next) & 0xFFFFFFFF
        behind = (self._next - timestamp) & 0xFFFFFFFF
        if place is _FIRST or (ahead > MOST_FILLED and behind > MOST_FILLED):
            self._early = 0
        elif behind <= MOST_FILLED:
            self._early = min(MOST_FILLED, self._early + behind)
        else:
            made_up = min(self._early, ahead)
            self._early -= made_up
            if ahead > made_up:
                self._port.frame_received(self._silence[:1] * (ahead - made_up))

    def _event(self, payload: bytes, timestamp: int, source: int) -> None:
        key = self._keys.packet(payload, timestamp, source=source)
        if key is not None:
            self._on_key(key)
