"""RTP going out: one packet for each beat, sound or a key (RFC 3550; RFC 4733). No socket."""

from __future__ import annotations

from collections import deque
from random import Random

from ivr.media import keys
from ivr.media.g711 import FRAME
from ivr.media.rtp import HEADER, MARKER, PLAIN

#: Beats of sound between two keys (80 ms).
BETWEEN_KEYS = 4
#: Keys that may wait to be sent.
MOST_WAITING = 64

_pack = HEADER.pack
#: A payload with its marker bit, or None: sound, so that keys stand apart.
_Part = tuple[bytes, bool] | None


class RtpSender:
    """Numbers and stamps what one leg sends. Timestamps go on while nothing is sent."""

    __slots__ = (
        "_began",
        "_events",
        "_kind",
        "_parts",
        "_sequence",
        "_spurt",
        "octets",
        "packets",
        "source",
        "timestamp",
    )

    def __init__(self, random: Random) -> None:
        """`random` gives the source, the first sequence number and timestamp (RFC 3550, section 5.1)."""
        #: Our source (SSRC).
        self.source = random.getrandbits(32)
        #: The timestamp of the next packet.
        self.timestamp = random.getrandbits(32)
        # Below 2¹⁵, so that an early loss cannot make a receiver's SRTP miss the first wrap (RFC 3711, 3.3.1).
        self._sequence = random.getrandbits(15)
        self._kind = 0
        self._events: int | None = None
        self._spurt = True
        self._parts: deque[_Part] = deque()
        self._began = 0
        #: Packets and payload octets sent.
        self.packets = 0
        self.octets = 0

    def agree(self, payload_type: int, events: int | None) -> None:
        """The payload types of sound and telephone events from now on."""
        self._kind, self._events = payload_type, events
        if events is None:
            self._parts.clear()

    def press(self, pressed: str, milliseconds: int) -> bool:
        """Send keys after those that wait; False if no telephone events were agreed, or too many wait.

        Raises KeyError for what is no key.
        """
        parts: list[_Part] = []
        for key in pressed:
            parts += (*keys.press(key, milliseconds), *(None,) * BETWEEN_KEYS)
        beats = MOST_WAITING * (BETWEEN_KEYS + 3 + max(1, milliseconds // 20))
        if self._events is None or len(self._parts) + len(parts) > beats:
            return False
        self._parts.extend(parts)
        return True

    def packet(self, frame: bytes) -> bytes:
        """The packet of this beat: the frame, or what a key has in its place."""
        if self._parts:
            part = self._parts.popleft()
            if part is not None:
                return self._event(*part)
        kind = self._kind
        if self._spurt:
            self._spurt = False
            kind |= MARKER
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        timestamp = self.timestamp
        self.timestamp = (timestamp + FRAME) & 0xFFFFFFFF
        self.packets += 1
        self.octets += FRAME
        return _pack(PLAIN, kind, sequence, timestamp, self.source) + frame

    def pause(self, beats: int = 1) -> None:
        """Nothing is sent for so many beats."""
        self._spurt = True
        self.timestamp = (self.timestamp + beats * FRAME) & 0xFFFFFFFF

    def _event(self, payload: bytes, begins: bool) -> bytes:
        assert self._events is not None  # noqa: S101  # keys are taken only while they can be sent
        if begins:
            self._began = self.timestamp
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + FRAME) & 0xFFFFFFFF
        self.packets += 1
        self.octets += len(payload)
        kind = self._events | (MARKER if begins else 0)
        return _pack(PLAIN, kind, sequence, self._began, self.source) + payload
