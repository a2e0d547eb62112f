"""A refusal written without parsing: for the calls that are too many, when parsing them costs too much."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ivr.sip.network import Flow

#: The headers that every response repeats (RFC 3261, section 8.2.6.2), by their long and short names.
_REPEATED: Final = re.compile(
    rb"^(?:via|v|from|f|to|t|call-id|i|cseq)[ \t]*+:[^\r\n]{0,4096}+(?:\r\n[ \t][^\r\n]{0,4096}+){0,8}+\r\n",
    re.IGNORECASE | re.MULTILINE,
)
_VIA: Final = re.compile(rb"^(?:via|v)[ \t]*:", re.IGNORECASE)
_TO: Final = re.compile(rb"^(?:to|t)[ \t]*:", re.IGNORECASE)
_OTHERS: Final = (
    re.compile(rb"^(?:from|f)[ \t]*:", re.IGNORECASE),
    re.compile(rb"^(?:call-id|i)[ \t]*:", re.IGNORECASE),
    re.compile(rb"^cseq[ \t]*:", re.IGNORECASE),
)
_RPORT: Final = re.compile(rb";[ \t]*rport(?=[ \t]*(?:[;,\r]))", re.IGNORECASE)
_MOST_HEADERS: Final = 32
_LONGEST_HEAD: Final = 4_096


def busy(data: bytes, flow: Flow, *, retry_after: int) -> bytes | None:
    """A 503 (Retry-After in seconds) to an INVITE that nobody is to remember, or None if it cannot be answered.

    It has no transaction, so it is said anew to every retransmission, with the same To tag. It is not longer
    than what it answers by more than a line or two, so that it is of no use to drown a third party.
    """
    end = data.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    if end < 0:
        return None
    headers = [found[0] for found in _REPEATED.finditer(data, 0, end + 2)][:_MOST_HEADERS]
    vias = [header for header in headers if _VIA.match(header)]
    tos = [header for header in headers if _TO.match(header)]
    others = [next((header for header in headers if kind.match(header)), b"") for kind in _OTHERS]
    if not vias or len(tos) != 1 or not all(others):
        return None
    tag = f"{hash((flow.host, others[1])) & 0xFFFFFFFFFFFF:012x}".encode()
    lines = [
        b"SIP/2.0 503 Service Unavailable\r\n",
        _seen_from(vias[0], flow),
        *vias[1:],
        others[0],
        tos[0].rstrip(b"\r\n") + b";tag=" + tag + b"\r\n",
        *others[1:],
        b"Retry-After: %d\r\nContent-Length: 0\r\n\r\n" % retry_after,
    ]
    return b"".join(lines)


def _seen_from(via: bytes, flow: Flow) -> bytes:
    """The top Via with the packet's own source in it, where the sender asked for that (RFC 3581)."""
    where = b";rport=%d;received=%s" % (flow.port, flow.host.encode("ascii"))
    return _RPORT.sub(where, via, count=1)
