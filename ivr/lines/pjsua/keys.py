"""From what the library reports to keys: each press at its first packet, and once.

PJSIP compares a packet of RFC 4733 with the one before it, no more. So a late packet of a press counts as a
new key there, and a second press of the same key whose first packets were lost counts as the first going on.
The event's timestamp, which all packets of one press share, puts both right.
"""

from __future__ import annotations

from collections import deque

from ivr.lines.identity import taken_apart
from ivr.media.keys import key_from_info

#: Flags of a DTMF event (`pjmedia_stream_dtmf_event_flags`).
UPDATE, END = 1, 2
#: Milliseconds by which a press that goes on may be ahead of its own duration, for senders that
#: wrongly move the timestamp with every packet.
_SLACK = 60
#: Presses remembered against packets that come late.
_REMEMBERED = 8
KEYS = frozenset("0123456789*#ABCD")


class KeyPresses:
    """The keys of one call, in the order of their first packets."""

    def __init__(self) -> None:
        self._known: deque[tuple[str, int]] = deque(maxlen=_REMEMBERED)
        self._ended = True

    def take(self, key: str, timestamp: int, duration: int, flags: int) -> bool:
        """Whether this news is a new press. `timestamp` and `duration` are milliseconds."""
        fresh = self._is_fresh(key, timestamp, duration, flags)
        if fresh:
            self._known.append((key, timestamp))
        self._ended = bool(flags & END)
        return fresh

    def _is_fresh(self, key: str, timestamp: int, duration: int, flags: int) -> bool:
        if key not in KEYS or (key, timestamp) in self._known:
            return False
        if not flags & UPDATE or not self._known:
            return True
        began = self._known[-1][1]
        return self._ended or timestamp - began > duration + _SLACK


def key_of(message: str) -> str | None:
    """The key in the text of a SIP INFO, or None if it holds none."""
    _, headers = taken_apart(message)
    body = message.replace("\r\n", "\n").partition("\n\n")[2]
    return key_from_info(headers.get("content-type", [""])[0], body)
