"""Where a request for a SIP address goes (RFC 3263): NAPTR, SRV and addresses, asked without blocking."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Collection, Sequence
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from ivr.lines.sip.addresses import family, usable
from ivr.lines.sip.stream import Place
from ivr.sip.network import Transport

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.sip.uri import Uri

Kind = Literal["NAPTR", "SRV", "A", "AAAA"]

#: How long an answer is believed at least and at most, and that a name does not exist; seconds.
_LEAST_LIFE: Final = 5.0
_MOST_LIFE: Final = 3_600.0
_NOTHING_LIFE: Final = 10.0
_MOST_KEPT: Final = 512
#: Of one look-up: servers, addresses of each, and places to try altogether.
_MOST_SERVERS: Final = 8
_MOST_ADDRESSES: Final = 8
_MOST_PLACES: Final = 16
#: A look-up asks three things one after another at most, and may be told nothing by the first two: each has
#: its share of the time, for two tries.
_SHARES: Final = 4
_TRIES: Final = 2
_DEFAULT_PORTS: Final[dict[Transport, int]] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_SRV_NAMES: Final[dict[Transport, str]] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_NAPTR_SERVICES: Final[dict[bytes, Transport]] = {b"sip+d2u": "udp", b"sip+d2t": "tcp", b"sips+d2t": "tls"}
#: In the order in which they are tried when neither the address nor the name server prefers one.
_PREFERENCE: Final[tuple[Transport, ...]] = ("udp", "tcp", "tls")


class _Kept(NamedTuple):
    records: tuple[Any, ...]
    until: float


class Resolver:
    """Looks names up, and remembers what it was told for as long as it was told.

    `carried` are the transports and `families` the address families that we can send by. `servers` asks these
    name servers (address and port) instead of the machine's own.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        carried: Collection[Transport],
        families: Collection[socket.AddressFamily],
        seconds: float = 5.0,
        hosts: Path = Path("/etc/hosts"),
        servers: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._clock = clock
        self._random = random
        self._carried = carried
        self._families = families
        self._seconds = seconds
        self._hosts = _Hosts(hosts)
        self._names = _stub(servers)
        self._names.timeout = seconds / _SHARES / _TRIES
        self._kept: OrderedDict[tuple[str, Kind], _Kept] = OrderedDict()

    def known(self, uri: Uri) -> list[Place] | None:
        """What needs no name server: a numeric address, or nothing at all; None for a name to be looked up."""
        wanted = self._wanted(uri)
        if not uri.host or not wanted:
            return []
        if uri.is_numeric:
            return self._places(wanted[0], uri.host, [uri.host], uri.port or _DEFAULT_PORTS[wanted[0]])
        return None

    async def look_up(self, uri: Uri) -> list[Place]:
        """Where to send a request for `uri`, best first; empty if nowhere, or if the time is over."""
        known = self.known(uri)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(self._seconds):
                return await self._look_up(uri)
        except TimeoutError:
            return []

    async def _look_up(self, uri: Uri) -> list[Place]:
        wanted = self._wanted(uri)
        local = self._hosts.find(uri.host)
        if uri.port is not None or local:
            port = uri.port or _DEFAULT_PORTS[wanted[0]]
            return self._places(wanted[0], uri.host, local or await self._addresses(uri.host), port)
        named = bool(uri.transport)
        services = [] if named else await self._services(uri.host, wanted)
        if not services:
            services = [(transport, f"{_SRV_NAMES[transport]}.{uri.host}") for transport in wanted]
        answers = await asyncio.gather(*(self._ask(name, "SRV") for _, name in services))
        if not any(answers):
            port = _DEFAULT_PORTS[wanted[0]]
            return self._places(wanted[0], uri.host, await self._addresses(uri.host), port)
        return await self._served(
            uri.host,
            [
                (transport, server)
                for (transport, _), records in zip(services, answers, strict=True)
                for server in self._in_order(records)
            ],
        )

    async def _served(self, name: str, servers: Sequence[tuple[Transport, Any]]) -> list[Place]:
        """The addresses of SRV records. A lone `.` says that the service is not offered (RFC 2782)."""
        servers = [(by, server) for by, server in servers if str(server.target) != "."][:_MOST_SERVERS]
        found = await asyncio.gather(
            *(self._addresses(str(server.target).rstrip(".")) for _, server in servers)
        )
        places = [
            place
            for (transport, server), hosts in zip(servers, found, strict=True)
            for place in self._places(transport, name, hosts, server.port)
        ]
        return places[:_MOST_PLACES]

    async def _services(self, name: str, wanted: Sequence[Transport]) -> list[tuple[Transport, str]]:
        """The transports that NAPTR records name, with the SRV name of each, the best first."""
        records = await self._ask(name, "NAPTR")
        found = []
        for record in sorted(records, key=lambda record: (record.order, record.preference)):
            transport = _NAPTR_SERVICES.get(record.service.lower())
            if transport is not None and transport in wanted and record.flags.lower() == b"s":
                found.append((transport, str(record.replacement).rstrip(".")))
        return found[:_MOST_SERVERS]

    async def _addresses(self, name: str) -> list[str]:
        local = self._hosts.find(name)
        if local:
            return local
        kinds: list[Kind] = []
        if socket.AF_INET in self._families:
            kinds.append("A")
        if socket.AF_INET6 in self._families:
            kinds.append("AAAA")
        answers = await asyncio.gather(*(self._ask(name, kind) for kind in kinds))
        return [record.address for records in answers for record in records]

    async def _ask(self, name: str, kind: Kind) -> tuple[Any, ...]:
        """The records of a name, remembered or asked for; none if there are none or nobody answers."""
        key, now = (name.lower(), kind), self._clock.time()
        kept = self._kept.get(key)
        if kept is not None and kept.until > now:
            return kept.records
        try:
            answer = await self._names.resolve(
                name, kind, search="." not in name, lifetime=self._seconds / _SHARES
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return self._keep(key, (), _NOTHING_LIFE)
        except (dns.exception.DNSException, OSError, ValueError):
            return ()
        life = min(_MOST_LIFE, max(_LEAST_LIFE, float(answer.chaining_result.minimum_ttl)))
        return self._keep(key, tuple(answer), life)

    def _keep(self, key: tuple[str, Kind], records: tuple[Any, ...], life: float) -> tuple[Any, ...]:
        self._kept[key] = _Kept(records, self._clock.time() + life)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return records

    def _wanted(self, uri: Uri) -> list[Transport]:
        """The transports that an address allows (RFC 3263, section 4.1) and that we carry, the best first."""
        secure = uri.scheme == "sips"
        if uri.scheme not in ("sip", "sips"):
            return []
        if not uri.transport:
            allowed: tuple[Transport, ...] = ("tls",) if secure else _PREFERENCE
        elif uri.transport == "tls" or (secure and uri.transport == "tcp"):
            allowed = ("tls",)
        else:
            allowed = tuple(other for other in _PREFERENCE if other == uri.transport and not secure)
        return [transport for transport in allowed if transport in self._carried]

    def _in_order(self, records: Sequence[Any]) -> list[Any]:
        """SRV records by priority, and drawn by weight among equals (RFC 2782)."""
        ordered: list[Any] = []
        left = sorted(records, key=lambda record: (record.priority, record.weight))
        while left:
            equals = [record for record in left if record.priority == left[0].priority]
            drawn = self._random.randint(0, sum(record.weight for record in equals))
            for record in equals:
                drawn -= record.weight
                if drawn <= 0:
                    break
            ordered.append(record)
            left.remove(record)
        return ordered

    def _places(self, transport: Transport, name: str, hosts: Sequence[str], port: int) -> list[Place]:
        return [
            Place(transport, name, host, port)
            for host in hosts[:_MOST_ADDRESSES]
            if usable(host, port) and family(host) in self._families
        ]


class _Hosts:
    """The machine's own table of names, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = -1
        self._names: dict[str, list[str]] = {}

    def find(self, name: str) -> list[str]:
        """The addresses of a name; `localhost` always has some (RFC 6761)."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._names, self._changed = _hosts_of(self._path.read_text("utf-8", "replace")), changed
        except OSError:
            self._names = {}
        return self._names.get(name) or (["127.0.0.1", "::1"] if name == "localhost" else [])


def _hosts_of(text: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *others = line.partition("#")[0].split() or [""]
        try:
            ip_address(address)
        except ValueError:
            continue
        for name in others:
            found = names.setdefault(name.lower().rstrip("."), [])
            if address not in found:
                found.append(address)
    return names


def _stub(servers: Sequence[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    """The machine's name servers, or these. A machine without any can still call by number and by its own table."""
    try:
        stub = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        return dns.asyncresolver.Resolver(configure=False)
    if servers:
        stub.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in servers]
    return stub
