"""Keys as signalling carries them: telephone events in RTP (RFC 4733) and SIP INFO bodies."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator

#: The keys, in the order of their RFC 4733 event codes.
KEYS = "0123456789*#ABCD"
#: How many earlier presses are remembered, so that a straggler of one of them is not taken for another.
REMEMBERED = 32

_EVENT = struct.Struct("!BBH")
_WRAP = 1 << 32
_LONGEST = 0xFFFF
_NAMED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


class TelephoneEvents:
    """Turns RFC 4733 packets into keys: each press once, at the first packet of it that arrives.

    A press is known by the RTP timestamp that all its packets share. A press longer than 8.19 s goes on in
    segments (section 2.5.1.3), and some gateways move the timestamp on with every packet: both are seen by
    the new timestamp lying inside the press that was heard last.
    """

    __slots__ = ("_code", "_duration", "_seen", "_source", "_timestamp")

    def __init__(self) -> None:
        self._source: int | None = None
        self._seen: deque[int] = deque(maxlen=REMEMBERED)
        self._code = -1
        self._timestamp = 0
        self._duration = 0

    def packet(self, payload: bytes, timestamp: int, *, source: int = 0) -> str | None:
        """The key that this packet begins, or None: known already, no key, or malformed.

        `timestamp` and `source` are the RTP packet's timestamp and SSRC.
        """
        if len(payload) < _EVENT.size:
            return None
        code, _, duration = _EVENT.unpack_from(payload)
        if code >= len(KEYS):
            return None
        if source != self._source:
            self._source, self._code = source, -1
            self._seen.clear()
        if timestamp in self._seen:
            if timestamp == self._timestamp:
                self._duration = max(self._duration, duration)
            return None
        self._seen.append(timestamp)
        same = self._goes_on(code, timestamp)
        if not self._is_late(timestamp):
            self._code, self._timestamp, self._duration = code, timestamp, duration
        return None if same else KEYS[code]

    def _goes_on(self, code: int, timestamp: int) -> bool:
        """Whether the packet belongs to the press heard last, under a later timestamp."""
        ahead = (timestamp - self._timestamp) % _WRAP
        return code == self._code and (ahead <= self._duration or ahead == _LONGEST)

    def _is_late(self, timestamp: int) -> bool:
        """Whether the packet belongs to a press before the one heard last."""
        return self._code >= 0 and (timestamp - self._timestamp) % _WRAP >= _WRAP // 2


def event_payload(key: str, duration: int, *, end: bool = False, volume: int = 10) -> bytes:
    """One RFC 4733 payload: `duration` in samples, `volume` in dB below 0 dBm0. KeyError for no key."""
    if key not in KEYS or len(key) != 1:
        raise KeyError(f"{key!r} is no telephone key")
    return _EVENT.pack(KEYS.index(key), (0x80 if end else 0) | volume & 0x3F, min(duration, _LONGEST))


def press(key: str, milliseconds: int = 100) -> Iterator[tuple[bytes, bool]]:
    """The payloads of one press, one for each 20 ms, the end three times; the flag is the RTP marker bit.

    All go out under the RTP timestamp of the press's beginning.
    """
    frames = max(1, milliseconds // 20)
    for at in range(1, frames + 1):
        yield event_payload(key, at * 160), at == 1
    for _ in range(3):
        yield event_payload(key, frames * 160, end=True), False


def key_from_info(content_type: str, body: str) -> str | None:
    """The key in a SIP INFO (`application/dtmf-relay` or `application/dtmf`), or None if it holds none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        return _signal(body)
    return _key_named(body.strip()) if kind == "application/dtmf" else None


def _signal(body: str) -> str | None:
    for line in body.splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "signal":
            return _key_named(value.strip())
    return None


def _key_named(name: str) -> str | None:
    key = _NAMED.get(name, name.upper())
    return key if len(key) == 1 and key in KEYS else None
