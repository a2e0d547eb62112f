"""One transaction layer on a virtual clock and a fake network, with users that write down what they hear."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ivr.clock import VirtualClock
from ivr.sip.message import Request, Response, parse, respond
from ivr.sip.network import Flow
from ivr.sip.transactions import Timers, Transactions
from tests.sip.fake_network import FakeNetwork

if TYPE_CHECKING:
    from ivr.sip.transactions import ClientTransaction, ServerTransaction

UDP = Flow("udp", "198.51.100.7", 5070)
TCP = Flow("tcp", "198.51.100.7", 40001, 3)


class RecordingClient:
    """A `ClientUser`."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.heard: list[str] = []
        self.at: list[float] = []

    def _note(self, what: str) -> None:
        self.heard.append(what)
        self.at.append(self.clock.time())

    def response(self, response: Response) -> None:
        self._note(str(response.status))

    def timeout(self) -> None:
        self._note("timeout")

    def failed(self, reason: str) -> None:
        assert "198.51.100.7" in reason
        self._note("failed")


class RecordingServer:
    """A `ServerUser`."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def cancelled(self) -> None:
        self.heard.append("cancelled")

    def failed(self) -> None:
        self.heard.append("failed")


class RecordingAgent:
    """A `TransactionUser`."""

    def __init__(self) -> None:
        self.transactions: list[ServerTransaction] = []
        self.requests: list[Request] = []
        self.acks: list[Request] = []
        self.strays: list[Response] = []

    def request(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        transaction.user = RecordingServer()
        self.transactions.append(transaction)
        self.requests.append(request)

    def ack(self, request: Request, flow: Flow) -> None:
        self.acks.append(request)

    def stray(self, response: Response, flow: Flow) -> None:
        self.strays.append(response)


class Bench:
    """The layer under test and everything around it."""

    def __init__(self, *, most: int = 20_000, timers: Timers | None = None) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
        self.network = FakeNetwork(self.clock)
        self.agent = RecordingAgent()
        numbers = itertools.count(1)
        self.layer = Transactions(
            clock=self.clock,
            network=self.network,
            token=lambda: f"token{next(numbers)}",
            user=self.agent,
            most=most,
            timers=timers or Timers(),
        )

    def advance(self, to: float) -> None:
        """Live until that moment, with the timers that are due at it."""
        while (due := self.clock.next_timer()) is not None and due <= to:
            self.clock.advance_to_next()
        self.clock.call_at(to, lambda: None)
        self.clock.advance_to_next()
        assert self.clock.time() == to

    def drain(self) -> None:
        """Live until no timer is left; in an hour there is none."""
        while self.clock.advance_to_next():
            assert self.clock.time() < 3600.0

    def is_clean(self) -> bool:
        """No transaction, no timer."""
        return self.layer.size == 0 and not self.layer._flows and self.clock.next_timer() is None

    def sent(self) -> list[str]:
        """What went out since the last time: methods and statuses."""
        return [
            message.method if isinstance(message, Request) else str(message.status)
            for message in self.network.messages()
        ]

    # As a client

    def ask(
        self, method: str, flow: Flow = UDP, body: bytes = b""
    ) -> tuple[ClientTransaction, RecordingClient]:
        """Send a request of ours."""
        user = RecordingClient(self.clock)
        request = Request.build(
            method,
            "sip:seat@198.51.100.7:5070",
            from_="<sip:hotline@192.0.2.1>;tag=ours",
            to="<sip:seat@198.51.100.7>",
            call_id="out@192.0.2.1",
            cseq=7,
            headers=[("Route", "<sip:one.example;lr>"), ("Route", "<sip:two.example;lr>")],
            body=body,
        )
        return self.layer.request(request, flow, user), user

    def answer(self, transaction: ClientTransaction, status: int, tag: str = "theirs", **kwargs: str) -> None:
        """The other side's response to it comes in."""
        request = parse(bytes(transaction.request))
        assert isinstance(request, Request)
        data = bytes(respond(request, status, to_tag=tag if status > 100 else ""))
        for old, new in kwargs.items():
            data = data.replace(old.encode(), new.encode())
        response = parse(data)
        self.layer.received(response, transaction.flow)

    # As a server

    def hear(self, method: str, flow: Flow = UDP, **changes: Any) -> None:
        """A request comes in."""
        self.layer.received(incoming(method, flow, **changes), flow)


def incoming(
    method: str,
    flow: Flow = UDP,
    *,
    branch: str = "z9hG4bKthem1",
    to_tag: str = "",
    call_id: str = "in@198.51.100.7",
    cseq: int = 1,
    via_more: str = "",
    more: str = "",
    body: str = "",
    uri: str = "sip:hotline@192.0.2.1",
    sent_by: str = "198.51.100.7:5070",
) -> Request:
    """A request as it comes from the wire."""
    to = f";tag={to_tag}" if to_tag else ""
    branched = f";branch={branch}" if branch else ""
    text = (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/{flow.transport.upper()} {sent_by}{branched}{via_more}\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:caller@198.51.100.7>;tag=them\r\n"
        f"To: <sip:hotline@192.0.2.1>{to}\r\n"
        f"Call-ID: {call_id}\r\n"
        f"CSeq: {cseq} {method}\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n{body}"
    )
    message = parse(text.encode())
    assert isinstance(message, Request)
    return message
