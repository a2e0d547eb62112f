"""Two user agents on a virtual wire where nothing is random: packets are lost or late when a test says so."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ivr.clock import VirtualClock
from ivr.sip.agent import UserAgent
from ivr.sip.message import Request, Response, parse
from ivr.sip.network import Flow
from ivr.sip.session import Session
from ivr.sip.uri import NameAddr, Uri
from ivr.sip.users import AgentSettings

LATENCY = 0.01
OFFER = b"offer of alice"
ANSWER = b"answer of bob"


class Packet(NamedTuple):
    """One message on the wire."""

    time: float
    source: str
    target: str
    data: bytes
    flow: Flow

    @property
    def message(self) -> Request | Response:
        return parse(self.data)

    @property
    def what(self) -> str:
        """`INVITE` for a request, `200 INVITE` for a response."""
        message = self.message
        return f"{message.status} {message.method}" if isinstance(message, Response) else message.method


class Wire:
    """Takes every packet to its host after `LATENCY` seconds, unless told otherwise."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.ends: dict[str, End] = {}
        self.packets: list[Packet] = []
        self.names: dict[str, Sequence[Flow]] = {}
        self.name_seconds = 0.0
        self._rules: list[Callable[[Packet], float | None]] = []

    def end(self, host: str, port: int = 5060) -> End:
        self.ends[host] = End(self, host, port)
        return self.ends[host]

    def lose(self, what: str, *, times: int = 1, skip: int = 0, to: str = "") -> None:
        """Lose the next `times` packets of this kind, after letting `skip` pass."""
        self._rule(what, times, skip, to, -1.0)

    def delay(self, what: str, seconds: float, *, times: int = 1, skip: int = 0, to: str = "") -> None:
        """Have the next packets of this kind take so long."""
        self._rule(what, times, skip, to, seconds)

    def _rule(self, what: str, times: int, skip: int, to: str, seconds: float) -> None:
        count = itertools.count()

        def rule(packet: Packet) -> float | None:
            if packet.what != what or (to and packet.target != to):
                return None
            return seconds if skip <= next(count) < skip + times else None

        self._rules.append(rule)

    def carry(self, data: bytes, sender: End, flow: Flow) -> None:
        packet = Packet(self.clock.time(), sender.host, flow.host, data, flow)
        self.packets.append(packet)
        latency = next((found for rule in self._rules if (found := rule(packet)) is not None), LATENCY)
        if latency < 0:
            return
        source = Flow(flow.transport, sender.host, sender.port, flow.connection)

        def arrive() -> None:
            end = self.ends.get(flow.host)
            if end is not None:
                end.received(data, source)

        self.clock.call_at(self.clock.time() + latency, arrive)

    def run(self, seconds: float = 1.0) -> None:
        """Let so much virtual time pass."""
        until = self.clock.time() + seconds
        self.clock.call_at(until, lambda: None)
        while (due := self.clock.next_timer()) is not None and due <= until:
            self.clock.advance_to_next()

    def seen(self, what: str, *, source: str = "", target: str = "") -> list[Packet]:
        """The packets of this kind so far."""
        return [
            packet
            for packet in self.packets
            if packet.what == what and source in ("", packet.source) and target in ("", packet.target)
        ]

    def story(self) -> list[str]:
        """What was said, in order."""
        return [packet.what for packet in self.packets]


class End:
    """One address on the wire; a `Network`."""

    def __init__(self, wire: Wire, host: str, port: int) -> None:
        self.wire = wire
        self.host = host
        self.port = port
        self.received: Callable[[bytes, Flow], None] = lambda data, flow: None

    def send(self, data: bytes, flow: Flow) -> None:
        self.wire.carry(data, self, flow)

    def locate(self, uri: Uri, found: Callable[[Sequence[Flow]], None]) -> None:
        if uri.is_numeric:
            transport: Any = uri.transport or "udp"
            found([Flow(transport, uri.host, uri.port or 5060, int(transport != "udp"))])
        else:
            flows = self.wire.names.get(uri.host, ())
            self.wire.clock.call_at(self.wire.clock.time() + self.wire.name_seconds, lambda: found(flows))

    def sent_by(self, flow: Flow) -> tuple[str, int]:
        return self.host, self.port


class Person:
    """A `SessionUser` that remembers what it was told, and does what a test says."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.session: Session | None = None
        self.answer_offer: Callable[[bytes], bytes | None] = lambda sdp: b"answer to " + sdp
        self.own_offer = b"offer when asked"
        self.on: dict[str, Callable[..., Any]] = {}
        self.report: Callable[[int], None] | None = None

    def _note(self, name: str, *details: Any) -> Any:
        self.events.append((name, *details))
        return self.on[name](*details) if name in self.on else None

    def names(self) -> list[str]:
        return [event[0] for event in self.events]

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [event[1:] for event in self.events if event[0] == name]

    @property
    def end(self) -> tuple[Any, ...]:
        """(by, status, reason) of its one end, which must be its last event."""
        assert self.names().count("ended") == 1, self.events
        assert self.names()[-1] == "ended", self.events
        return self.events[-1][1:]

    def ringing(self, status: int, sdp: bytes) -> None:
        self._note("ringing", status, sdp)

    def offered(self, sdp: bytes) -> bytes | None:
        self._note("offered", sdp)
        return self.answer_offer(sdp)

    def offer_wanted(self) -> bytes:
        self._note("offer_wanted")
        return self.own_offer

    def answered(self, sdp: bytes) -> None:
        self._note("answered", sdp)

    def established(self) -> None:
        self._note("established")

    def info(self, content_type: str, body: bytes) -> bool:
        return bool(self._note("info", content_type, body))

    def referred(self, to: Uri, replaces: str, referred_by: str, report: Callable[[int], None]) -> int:
        self.report = report
        return self._note("referred", str(to), replaces, referred_by) or 603

    def flow_changed(self, flow: Flow) -> None:
        self._note("flow_changed", flow)

    def ended(self, by: str, status: int, reason: str) -> None:
        self._note("ended", by, status, reason)


class Station:
    """One user agent, and the people who use it."""

    def __init__(self, wire: Wire, host: str, **settings: Any) -> None:
        self.wire = wire
        self.host = host
        self.end = wire.end(host)
        self.people: list[Person] = []
        self.notices: list[tuple[str, str]] = []
        self.chance = 0.5
        self.status = 0
        self.options_answer: tuple[int, list[tuple[str, str]]] = (200, [])
        self.on_invited: Callable[[Session, Person], None] = lambda session, person: None
        self.transport = ""
        numbers = itertools.count(1)
        self.agent = UserAgent(
            AgentSettings(**{"user_agent": "", "reliable": "off", **settings}),
            clock=wire.clock,
            network=self.end,
            token=lambda: f"{host.replace('.', '-')}-{next(numbers)}",
            chance=lambda: self.chance,
            user=self,
        )
        self.end.received = self.agent.received

    def uri(self, user: str = "hotline") -> Uri:
        tail = f";transport={self.transport}" if self.transport else ""
        return Uri.parse(f"sip:{user}@{self.host}{tail}")

    def call(self, to: Uri, *, offer: bytes = OFFER, **more: Any) -> Person:
        person = Person()
        self.people.append(person)
        me = NameAddr.parse(f"<sip:alice@{self.host}>")
        person.session = self.agent.invite(to, person, from_=me, offer=offer, **more)
        return person

    @property
    def person(self) -> Person:
        """The one person of a test that has one."""
        assert len(self.people) == 1
        return self.people[0]

    def clean(self) -> bool:
        """Whether nothing is left of any call."""
        agent = self.agent
        return (agent.sessions, agent.transactions, agent.dialogs) == (0, 0, 0)

    def invited(self, session: Session) -> None:
        person = Person()
        person.session = session
        session.user = person
        self.people.append(person)
        self.on_invited(session, person)

    def options(self) -> tuple[int, list[tuple[str, str]]]:
        return self.options_answer

    def accepts(self) -> int:
        return self.status

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        self.notices.append((what, detail))


class Stranger:
    """A peer that says what a test writes, and keeps what it gets."""

    def __init__(self, wire: Wire, host: str = "10.0.0.9") -> None:
        self.wire = wire
        self.host = host
        self.end = wire.end(host)
        self.end.received = self._received
        self.inbox: list[Request | Response] = []
        self.on_request: Callable[[Request], None] = lambda request: None
        self._branches = itertools.count(1)

    def _received(self, data: bytes, flow: Flow) -> None:
        message = parse(data)
        self.inbox.append(message)
        if isinstance(message, Request):
            self.on_request(message)

    def requests(self, method: str) -> list[Request]:
        return [m for m in self.inbox if isinstance(m, Request) and m.method == method]

    def responses(self, method: str) -> list[Response]:
        return [m for m in self.inbox if isinstance(m, Response) and m.method == method]

    def statuses(self, method: str) -> list[int]:
        return [response.status for response in self.responses(method)]

    def send(self, message: bytes | Request | Response, to: str = "10.0.0.2", transport: Any = "udp") -> None:
        self.end.send(bytes(message), Flow(transport, to, 5060, int(transport != "udp")))

    def ask(
        self,
        method: str,
        *,
        to: str = "10.0.0.2",
        to_tag: str = "",
        from_tag: str = "stranger",
        call_id: str = "call-1",
        cseq: int = 1,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        uri: str = "",
        contact: str = "-",
        branch: str = "",
        max_forwards: int = 70,
    ) -> Request:
        """Send a request, by hand."""
        request = Request.build(
            method,
            uri or f"sip:hotline@{to}",
            from_=f"<sip:stranger@{self.host}>;tag={from_tag}",
            to=f"<sip:hotline@{to}>" + (f";tag={to_tag}" if to_tag else ""),
            call_id=call_id,
            cseq=cseq,
            max_forwards=max_forwards,
            body=body,
            content_type=content_type if body else "",
        )
        where = f"<sip:stranger@{self.host}>" if contact == "-" else contact
        if where and method in {"INVITE", "UPDATE", "REFER"}:
            request.add("Contact", where)
        for name, value in headers:
            request.add(name, value)
        branch = branch or f"z9hG4bKs{next(self._branches)}"
        request.insert_first("Via", f"SIP/2.0/UDP {self.host}:5060;branch={branch}")
        self.send(request, to)
        return request


class Proxy:
    """A stateless proxy that stays on the path; `table` says which proxy comes next on the way to a host."""

    def __init__(self, end: End, table: dict[str, str]) -> None:
        self._end = end
        self._table = table
        end.received = self._received

    def _received(self, data: bytes, flow: Flow) -> None:
        message = parse(data)
        if isinstance(message, Response):
            back = message.vias[1]
            rest = [str(via) for via in message.vias[1:]]
        else:
            routes = [route for route in message.routes if route.uri.host != self._end.host]
            message.remove("Route")
            for route in routes:
                message.add("Route", str(route))
            if not message.to.tag:
                message.insert_first("Record-Route", f"<sip:{self._end.host};lr>")
            onward = routes[0].uri.host if routes else message.uri.host
            if not routes:
                onward = self._table.get(onward, onward)
            branch = f"{message.via.branch}{self._end.host.replace('.', '')}"
            rest = [f"SIP/2.0/UDP {self._end.host}:5060;branch={branch}", *(str(via) for via in message.vias)]
            back = None
        message.remove("Via")
        for via in rest:
            message.add("Via", via)
        host = back.host if back is not None else onward
        self._end.send(bytes(message), Flow("udp", host, 5060))


class Pair:
    """Alice at 10.0.0.1 calls, Bob at 10.0.0.2 answers as a test says: at once, unless told otherwise."""

    def __init__(self, *, alice: dict[str, Any] | None = None, bob: dict[str, Any] | None = None) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.wire = Wire(self.clock)
        self.alice = Station(self.wire, "10.0.0.1", **(alice or {}))
        self.bob = Station(self.wire, "10.0.0.2", **(bob or {}))
        self.bob.on_invited = self.answer_at_once
        self.run = self.wire.run

    @staticmethod
    def wire_flow(host: str) -> Flow:
        """The UDP flow to a host."""
        return Flow("udp", host, 5060)

    @staticmethod
    def answer_at_once(session: Session, person: Person) -> None:
        session.answer(ANSWER if session.remote_offer else person.own_offer)

    def up(self, **more: Any) -> tuple[Person, Person]:
        """A call that stands: Alice's person and Bob's."""
        caller = self.alice.call(self.bob.uri(), **more)
        self.run(1)
        assert "established" in caller.names()
        assert "established" in self.bob.people[-1].names()
        return caller, self.bob.people[-1]

    def met(self, **more: Any) -> tuple[Stranger, str]:
        """A call that stands between a stranger and Bob: the stranger, and Bob's tag. `more` goes into the INVITE."""
        stranger = Stranger(self.wire)
        stranger.ask("INVITE", body=b"offer", **more)
        self.run(0.1)
        tag = stranger.responses("INVITE")[0].to.tag
        stranger.ask("ACK", to_tag=tag)
        self.run(0.1)
        return stranger, tag

    def over(self) -> None:
        """After all of SIP's timers, nothing may be left anywhere."""
        self.run(200)
        assert self.alice.clean(), self.alice.agent._core.sessions
        assert self.bob.clean(), self.bob.agent._core.sessions
        assert self.clock.next_timer() is None
