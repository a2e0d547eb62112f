"""Dialogs (RFC 3261, section 12): who speaks with whom, by which way, and how far the numbers have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ivr.sip.message import Request, Response
from ivr.sip.uri import NameAddr, Uri

#: The largest CSeq number that may be sent (RFC 3261, section 8.1.1.5).
LAST_CSEQ = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Draft:
    """A request of ours without what changes each time it is sent: CSeq number, Via and credentials."""

    method: str
    uri: Uri
    from_: NameAddr
    to: NameAddr
    call_id: str
    #: Where it goes, before name look-up: the first route, or the Request-URI.
    hop: Uri
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""

    def request(self, cseq: int, extra: Iterable[tuple[str, str]] = ()) -> Request:
        """The request with this CSeq number and these further header fields."""
        return Request.build(
            self.method,
            self.uri,
            from_=self.from_,
            to=self.to,
            call_id=self.call_id,
            cseq=cseq,
            headers=(*self.headers, *extra),
            body=self.body,
            content_type=self.content_type,
        )

    def with_headers(self, headers: Iterable[tuple[str, str]]) -> Draft:
        """The same with more header fields."""
        return replace(self, headers=(*self.headers, *headers))


def routed(target: Uri, routes: list[NameAddr]) -> tuple[Uri, Uri, list[tuple[str, str]]]:
    """Request-URI, next hop and Route fields for a target by way of a route set (section 12.2.1.1).

    A first route without `lr` is a strict router of RFC 2543: it takes the Request-URI's place, and the
    target goes last.
    """
    if not routes:
        return target.plain(), target, []
    first = routes[0].uri
    if first.lr:
        return target.plain(), first, [("Route", str(route)) for route in routes]
    left = [("Route", str(route)) for route in routes[1:]]
    return first.plain(), first, [*left, ("Route", f"<{target.plain()}>")]


class Dialog:
    """One dialog, early or confirmed, seen from one side."""

    __slots__ = ("call_id", "local", "local_seq", "remote", "remote_seq", "routes", "target")

    def __init__(
        self, call_id: str, local: NameAddr, remote: NameAddr, target: Uri, routes: list[NameAddr]
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.target = target
        self.routes = routes
        self.local_seq = 0
        #: The highest CSeq number of the other side; -1 as long as it sent no request.
        self.remote_seq = -1

    @classmethod
    def as_server(cls, request: Request, local_tag: str) -> Dialog:
        """The dialog that our response with this tag creates (section 12.1.1). The request has a Contact."""
        target = request.contact.uri if request.contact else request.from_.uri
        local = request.to.with_tag(local_tag)
        dialog = cls(request.call_id, local, request.from_, target, list(request.record_routes))
        dialog.remote_seq = request.cseq
        return dialog

    @classmethod
    def as_client(cls, request: Request, response: Response) -> Dialog:
        """The dialog that a response to our request creates (section 12.1.2).

        A response without a Contact, though it must have one, leaves us where the request went.
        """
        target = response.contact.uri if response.contact else request.uri
        routes = response.record_routes[::-1]
        dialog = cls(request.call_id, request.from_, response.to, target, routes)
        dialog.local_seq = request.cseq
        return dialog

    @property
    def remote_tag(self) -> str:
        """The other side's tag; empty for one older than RFC 3261."""
        return self.remote.tag

    def next_cseq(self) -> int:
        """The number for a new request of ours."""
        self.local_seq = self.local_seq % LAST_CSEQ + 1
        return self.local_seq

    def in_order(self, cseq: int) -> bool:
        """Take note of a request's number; False if it is older than what came before (section 12.2.2)."""
        if cseq <= self.remote_seq:
            return False
        self.remote_seq = cseq
        return True

    def refresh(self, message: Request | Response) -> None:
        """A target refresh request or its 2xx names where the other side is from now on."""
        contact = message.contact
        if contact is not None:
            self.target = contact.uri

    def draft(
        self,
        method: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> Draft:
        """A request within the dialog, by its present route set and target."""
        uri, hop, routes = routed(self.target, self.routes)
        return Draft(
            method,
            uri,
            from_=self.local,
            to=self.remote,
            call_id=self.call_id,
            hop=hop,
            headers=(*routes, *headers),
            body=body,
            content_type=content_type,
        )
