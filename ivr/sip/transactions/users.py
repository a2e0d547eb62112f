"""What the transactions tell those above them. An exception out of any of these is the caller's to catch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.server import ServerTransaction


class TransactionUser(Protocol):
    """The user agent: hears of everything that comes in and is new."""

    def request(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        """A new request: never an ACK, a CANCEL or a repetition. Its top Via tells where it came from."""

    def ack(self, request: Request, flow: Flow) -> None:
        """An ACK that belongs to no refused INVITE: that of a 2xx, or a stranger."""

    def stray(self, response: Response, flow: Flow) -> None:
        """A response with our Via to nothing that we still know: a late or repeated 2xx."""


class ServerUser(Protocol):
    """Who answers one request."""

    def cancelled(self) -> None:
        """A CANCEL for the unanswered INVITE; it has its 200, the INVITE wants its 487."""

    def failed(self) -> None:
        """The flow broke after the final response was given to it; whether it arrived is not known."""


class ClientUser(Protocol):
    """Who made one request. After `timeout` or `failed` nothing more comes."""

    def response(self, response: Response) -> None:
        """Every 1xx, and the first final response; of an INVITE, every 2xx there is (RFC 6026)."""

    def timeout(self) -> None:
        """No final response in the time there was: to be taken for a 408 (RFC 3261, section 8.1.3.1)."""

    def failed(self, reason: str) -> None:
        """The flow broke before there was a response: to be taken for a 503."""
