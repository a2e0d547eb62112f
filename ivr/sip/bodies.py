"""The body of a request: its SDP, wherever it stands, or why it cannot be taken (RFC 3261, section 8.2.3)."""

from __future__ import annotations

import re

from ivr.sip.message import Message, Request, SipSyntaxError

SDP = "application/sdp"
ACCEPT = ("Accept", f"{SDP}, multipart/mixed")
#: Parts of a multipart body that are looked at.
_MOST_PARTS = 16
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_OPTIONAL = re.compile(r";\s*handling\s*=\s*\"?optional", re.IGNORECASE)


class Unsupported(Exception):  # noqa: N818 - it is an answer, not a fault
    """A body that we cannot take: answer 415 with these header fields."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        super().__init__("unsupported body")
        self.headers = headers


def sdp_of(message: Message) -> bytes:
    """The SDP of a request, empty if it has none.

    Raises Unsupported for a body that is something else and must be understood, or is packed.
    """
    if not message.body:
        return b""
    packed = (message.get("Content-Encoding") or "identity").strip().lower()
    if packed != "identity":
        raise Unsupported(("Accept-Encoding", "identity"))
    if message.content_type == SDP:
        return message.body
    if message.content_type.startswith("multipart/"):
        found = _sdp_part(message)
        if found:
            return found
    if _OPTIONAL.search(message.get("Content-Disposition") or ""):
        return b""
    raise Unsupported(ACCEPT)


def sdp_of_request(request: Request) -> bytes:
    """The same; where there is no Content-Type and a body, that is a request of 400 (section 20.15)."""
    if request.body and not request.content_type:
        raise SipSyntaxError("Missing Content-Type")
    return sdp_of(request)


def _sdp_part(message: Message) -> bytes:
    """The first part of a multipart body that is SDP (RFC 2046, section 5.1); empty if none is."""
    found = _BOUNDARY.search(message.get("Content-Type") or "")
    if found is None:
        return b""
    mark = b"--" + (found[1] or found[2]).encode("latin-1")
    parts = (b"\r\n" + message.body).split(b"\r\n" + mark)
    for part in parts[1 : _MOST_PARTS + 1]:
        if part.startswith(b"--"):
            break
        head, gap, body = part.partition(b"\r\n\r\n")
        if gap and _is_sdp(head):
            return body
    return b""


def _is_sdp(head: bytes) -> bool:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() in {"content-type", "c"}:
            return value.partition(";")[0].strip().lower() == SDP
    return False
