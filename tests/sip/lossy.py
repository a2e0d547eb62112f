"""A virtual internet that loses, doubles and reorders packets, and proxies that stand in it.

`Wire` joins ends by host and port on a virtual clock; everything random comes from one seeded source, so that
a run that fails can be lived through again. UDP packets get lost, come twice, and each copy takes its own time;
TCP delivers everything in its order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import cast

from ivr.clock import TimerHandle, VirtualClock
from ivr.sip.agent import UserAgent
from ivr.sip.message import Request, Response, parse
from ivr.sip.network import Flow, Transport
from ivr.sip.session import Session
from ivr.sip.uri import NameAddr, Uri
from ivr.sip.users import AgentSettings

Receiver = Callable[[bytes, Flow], None]


@dataclass(frozen=True)
class Weather:
    """What happens to UDP packets: shares of 1, and the longest delay in seconds."""

    lose: float = 0.1
    double: float = 0.1
    delay: float = 0.4


ROUGH = Weather()
FINE = Weather(0.0, 0.0, 0.0)


class Wire:
    """All that lies between the ends."""

    def __init__(self, clock: VirtualClock, random: Random, weather: Weather) -> None:
        self.clock = clock
        self.random = random
        self.weather = weather
        self.ends: dict[str, End] = {}
        self.cut: set[str] = set()
        """Hosts that are gone: nothing reaches them and nothing comes from them."""
        self.never: Callable[[bytes], bool] = lambda _data: False
        """Which messages never arrive."""
        self.count: Counter[str] = Counter()
        self.tap: Callable[[float, str, str, bytes], None] | None = None
        """Sees every packet that is sent: when, from, to, what."""
        self._line_free: dict[tuple[str, str], float] = {}

    def end(self, host: str, port: int = 5060) -> End:
        """A new end; set its `received` before anything comes."""
        self.ends[host] = End(self, host, port)
        return self.ends[host]

    def carry(self, data: bytes, sender: End, flow: Flow) -> None:
        """Take a message from `sender` to the other end of its flow, or do not."""
        self.count["sent"] += 1
        if self.tap is not None:
            self.tap(self.clock.time(), sender.host, flow.host, data)
        if self.never(data):
            self.count["lost"] += 1
            return
        source = Flow(flow.transport, sender.host, sender.port, 0 if flow.transport == "udp" else 1)
        if flow.transport != "udp":
            self._deliver_at(self._in_order(sender.host, flow.host), data, flow.host, source)
            return
        copies = 1 + (self.random.random() < self.weather.double)
        self.count["doubled"] += copies - 1
        if self.random.random() < self.weather.lose:
            self.count["lost"] += 1
            copies -= 1
        for _ in range(copies):
            when = self.clock.time() + self.random.random() * self.weather.delay
            self._deliver_at(when, data, flow.host, source)

    def _in_order(self, sender: str, to: str) -> float:
        """When a TCP segment arrives: never before the one sent before it."""
        soonest = self._line_free.get((sender, to), 0.0)
        when = max(self.clock.time() + self.random.random() * self.weather.delay, soonest)
        self._line_free[(sender, to)] = when
        return when

    def _deliver_at(self, when: float, data: bytes, host: str, source: Flow) -> None:
        def arrive() -> None:
            end = self.ends.get(host)
            if end is not None and not {host, source.host} & self.cut:
                end.received(data, source)

        self.clock.call_at(when, arrive)


class End:
    """One address on the wire; for a user agent it is its `Network`."""

    def __init__(self, wire: Wire, host: str, port: int) -> None:
        self.wire = wire
        self.host = host
        self.port = port
        self.received: Receiver = _nobody

    def send(self, data: bytes, flow: Flow) -> None:
        """One message to the other end of the flow."""
        self.wire.carry(data, self, flow)

    def locate(self, uri: Uri, found: Callable[[Sequence[Flow]], None]) -> None:
        """Numeric addresses alone."""
        found([flow_to(uri)] if uri.is_numeric else [])

    def sent_by(self, flow: Flow) -> tuple[str, int]:
        """Nothing translates addresses here."""
        return self.host, self.port


def _nobody(data: bytes, flow: Flow) -> None:
    raise AssertionError("a packet came to an end without a user")


def flow_to(uri: Uri) -> Flow:
    """Where a URI with a numeric host leads."""
    transport = cast(Transport, uri.transport or "udp")
    return Flow(transport, uri.host, uri.port or 5060, 0 if transport == "udp" else 1)


class Proxy:
    """A stateless proxy that routes loosely (RFC 3261, section 16.11), and asks to stay on the path if told to.

    `table` says which proxy comes next on the way to a host, where no route does. Where the transport changes it
    records itself twice (RFC 5658).
    """

    def __init__(
        self, end: End, *, record: bool, table: dict[str, Uri], strangers: Collection[str] = ()
    ) -> None:
        """`strangers`: hosts that have another proxy between us and them, if they keep to the path."""
        self._end = end
        self._record = record
        self._table = table
        self._strangers = strangers
        self.requests = 0
        self.strange: list[bytes] = []
        """The requests that came from strangers."""
        end.received = self.received

    def received(self, data: bytes, flow: Flow) -> None:
        """Send a message on."""
        message = parse(data)
        if isinstance(message, Response):
            self._back(message)
        else:
            self.requests += 1
            if flow.host in self._strangers:
                self.strange.append(data)
            self._on(message, flow)

    def _on(self, request: Request, flow: Flow) -> None:
        hops = request.number("Max-Forwards")
        assert hops is not None
        assert hops > 0, "a loop"
        request.set("Max-Forwards", str(hops - 1))
        routes = list(request.routes)
        while routes and routes[0].uri.host == self._end.host:
            routes.pop(0)
        request.remove("Route")
        for route in routes:
            request.add("Route", str(route))
        onward = flow_to(routes[0].uri if routes else self._table.get(request.uri.host, request.uri))
        if self._record and not request.to.tag:
            for transport in dict.fromkeys((flow.transport, onward.transport)):
                request.insert_first("Record-Route", str(self._own(transport)))
        via = request.via
        stamped = f"{via};received={flow.host}".replace(";rport", f";rport={flow.port}")
        vias = [stamped, *(str(other) for other in request.vias[1:])]
        branch = sha256(f"{via.branch}{self._end.host}".encode()).hexdigest()[:16]
        request.remove("Via")
        ours = f"SIP/2.0/{onward.transport.upper()} {self._end.host}:{self._end.port};branch=z9hG4bK{branch}"
        for text in (ours, *vias):
            request.add("Via", text)
        self._end.send(bytes(request), onward)

    def _own(self, transport: str) -> NameAddr:
        tail = "" if transport == "udp" else f";transport={transport}"
        return NameAddr.parse(f"<sip:{self._end.host}:{self._end.port}{tail};lr>")

    def _back(self, response: Response) -> None:
        vias = response.vias
        assert vias[0].host == self._end.host
        response.remove("Via")
        for via in vias[1:]:
            response.add("Via", str(via))
        back = vias[1]
        transport = cast(Transport, back.transport.lower())
        self._end.send(
            bytes(response), Flow(transport, back.host, back.port or 5060, int(transport != "udp"))
        )


# --- who lives on it -------------------------------------------------------------------------------------


class Watch:
    """The wire's clock as one host has it: knows when the last of that host's timers ran."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.time = clock.time
        self.now = clock.now
        self.hold = clock.hold
        self.last = 0.0

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        def run() -> None:
            self.last = self._clock.time()
            callback()

        return self._clock.call_at(when, run)


class Party:
    """One side of one call. It knows what it was told, and remembers whatever should not have been told."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name
        self.session: Session | None = None
        self.wrong: list[str] = []
        self.ends: list[tuple[str, int]] = []
        self.ended_at = 0.0
        self.reports: list[int] = []
        self.established_at: float | None = None
        self.agreed = b""
        """The last offer that was answered, whosever it was: both sides must think the same in the end."""
        self.report: Callable[[int], None] | None = None
        self.on_established: Callable[[], None] | None = None
        self._offers = 0
        self._open: list[bytes] = []

    def new_offer(self) -> bytes:
        """An offer unlike all others."""
        self._offers += 1
        self._open.append(f"offer {self._offers} of {self.name}".encode())
        return self._open[-1]

    def act(self, action: Callable[[Session], None]) -> None:
        """Do something with the session, if there is still one."""
        if self.session is not None and not self.ends:
            action(self.session)

    def hang_up(self) -> None:
        """End the call from this side."""
        self.act(lambda session: session.hang_up())

    def change(self) -> None:
        """Offer anew."""
        self.act(lambda session: session.offer(self.new_offer()))

    def key(self) -> None:
        """Send an INFO."""
        self.act(lambda session: session.info("application/dtmf-relay", b"Signal=1\r\n"))

    def transfer(self, to: Uri, replaces: Party | None) -> None:
        """Have the other side call somebody else."""
        other = replaces.session if replaces is not None else None
        self.act(lambda session: session.refer(to, replaces=other, report=self._reported))

    def _reported(self, status: int) -> None:
        if self.reports and self.reports[-1] >= 200:
            self.wrong.append(f"report {status} after the last one")
        self.reports.append(status)
        if status >= 200:
            self.hang_up()

    def ringing(self, status: int, sdp: bytes) -> None:
        self._alive("ringing")
        if self.report is not None:
            self.report(status)

    def offered(self, sdp: bytes) -> bytes | None:
        self._alive("offered")
        if not sdp.startswith(b"offer "):
            self.wrong.append(f"{sdp!r} came as an offer")
        if self.host.wire.random.random() < self.host.refuses:
            return None
        self.agreed = sdp
        return b"answer to " + sdp

    def offer_wanted(self) -> bytes:
        self._alive("offer_wanted")
        return self.new_offer()

    def answered(self, sdp: bytes) -> None:
        self._alive("answered")
        offer = sdp.removeprefix(b"answer to ")
        if offer not in self._open:
            self.wrong.append(f"{sdp!r} answers none of {self._open}")
        self.agreed = offer

    def established(self) -> None:
        self._alive("established")
        if self.established_at is not None:
            self.wrong.append("established twice")
        self.established_at = self.host.wire.clock.time()
        if self.report is not None:
            self.report(200)
        if self.on_established is not None:
            self.on_established()

    def info(self, content_type: str, body: bytes) -> bool:
        self._alive("info")
        return True

    def referred(self, to: Uri, replaces: str, referred_by: str, report: Callable[[int], None]) -> int:
        self._alive("referred")
        if self.host.wire.random.random() < self.host.refuses:
            return 603
        party = self.host.call(to, replaces=replaces)
        party.report = report
        return 202

    def flow_changed(self, flow: Flow) -> None:
        self._alive("flow_changed")

    def ended(self, by: str, status: int, reason: str) -> None:
        self._alive("ended")
        self.ends.append((by, status))
        self.ended_at = self.host.wire.clock.time()
        if self.report is not None and self.established_at is None:
            self.report(status if status >= 300 else 487)

    def _alive(self, what: str) -> None:
        if self.ends:
            self.wrong.append(f"{what} after the end")


class Host:
    """One user agent and everybody who uses it."""

    def __init__(self, wire: Wire, address: str, settings: AgentSettings) -> None:
        self.wire = wire
        self.address = address
        self.end = wire.end(address)
        self.parties: list[Party] = []
        self.notices: list[tuple[str, str]] = []
        self.route: list[Uri] = []
        self.transport = "udp"
        self.refuses = 0.1
        """The share of offers and transfers that are refused here."""
        self.on_invited: Callable[[Party, Session], None] = lambda party, session: session.refuse(404)
        self._tokens = iter(range(1, 10**9))
        self.watch = Watch(wire.clock)
        self.agent = UserAgent(
            settings,
            clock=self.watch,
            network=self.end,
            token=self._token,
            user=self,
            chance=wire.random.random,
        )
        self.end.received = self.agent.received

    def _token(self) -> str:
        return f"{self.address.replace('.', '')}x{next(self._tokens)}"

    def uri(self, user: str) -> Uri:
        """An address at this host."""
        tail = "" if self.transport == "udp" else f";transport={self.transport}"
        return Uri.parse(f"sip:{user}@{self.address}{tail}")

    def call(self, to: Uri, *, late: bool = False, replaces: str = "") -> Party:
        """Call somebody."""
        party = Party(self, f"{self.address}/{len(self.parties)}")
        self.parties.append(party)
        offer = b"" if late else party.new_offer()
        me = NameAddr.parse(f"<sip:{party.name.replace('/', '-')}@{self.address}>")
        party.session = self.agent.invite(
            to, party, from_=me, offer=offer, route=self.route, replaces=replaces
        )
        return party

    # AgentUser

    def invited(self, session: Session) -> None:
        party = Party(self, f"{self.address}/{len(self.parties)}")
        self.parties.append(party)
        party.session = session
        session.user = party
        if session.replaces is not None:
            old = session.replaces
            party.on_established = old.hang_up
            answer(party)
        else:
            self.on_invited(party, session)

    def options(self) -> tuple[int, list[tuple[str, str]]]:
        return 200, []

    def accepts(self) -> int:
        return 0

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        self.notices.append((what, detail))


def answer(party: Party) -> None:
    """Answer the call, with an answer or, if the caller wants it so, with an offer."""

    def go(session: Session) -> None:
        if session.remote_offer:
            party.agreed = party.agreed or session.remote_offer
            session.answer(b"answer to " + session.remote_offer)
        else:
            session.answer(party.new_offer())

    party.act(go)
